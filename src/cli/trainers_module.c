/* SPDX-License-Identifier: Apache-2.0 */
/* cli/trainers_module.c - what the module `trainers` exports. */
#include "base/module.h"
#include "trainers.h"

PBTI_MODULE(&pbt_trainers);
