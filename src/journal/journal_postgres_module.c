/* SPDX-License-Identifier: Apache-2.0 */
/* journal/journal_postgres_module.c - what the module `postgres` exports. */
#include "base/module.h"
#include "journal/journal_backends.h"

PBTI_MODULE(&pbti_journal_postgres);
