/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_backends.h - the backends this library has. A new one is a line here, a line in
 * the table of journal.c and a file journal_NAME.c; its contract is the vtable's in journal.h.
 */
#ifndef PBTI_JOURNAL_JOURNAL_BACKENDS_H
#define PBTI_JOURNAL_JOURNAL_BACKENDS_H

#include "journal/journal.h"

extern const struct pbti_journal_vtab pbti_journal_memory;
extern const struct pbti_journal_vtab pbti_journal_sqlite;
extern const struct pbti_journal_vtab pbti_journal_dir;
extern const struct pbti_journal_vtab pbti_journal_postgres; /* of the module */

#endif
