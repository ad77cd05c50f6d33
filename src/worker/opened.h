/* SPDX-License-Identifier: Apache-2.0 */
/* worker/opened.h - a study folder, opened to work in: journal, replica, resolved spec, store. */
#ifndef PBTI_WORKER_OPENED_H
#define PBTI_WORKER_OPENED_H

#include "journal/replica.h"
#include "spec/spec.h"
#include "worker/store.h"

struct pbti_opened { /* all owned; begin with all zero */
    struct pbti_journal *journal;
    struct pbti_replica *replica;
    struct pbti_spec *spec;
    struct pbti_store *store;
};

/*
 * read_only   nothing is written; the store is there to read from
 * Errors      the journal's and the store's; PBT_ENOENT: there is no study. pbti_opened_close() is
 *             owed in any case
 */
PBT_NODISCARD pbt_status pbti_opened_open(struct pbti_opened *opened, const char *dir,
                                          bool read_only, pbti_observer observer, void *context,
                                          struct pbt_error *err);
void pbti_opened_close(struct pbti_opened *opened);

#endif
