/* SPDX-License-Identifier: Apache-2.0 */
/* propose/propose_module.c - what the module `bayes` exports. */
#include "base/module.h"
#include "propose/propose.h"

PBTI_MODULE(&pbti_propose_table);
