/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/opened.c - a study folder, opened to work in. See opened.h.
 *
 * Whether appends are synced is said by the spec, and the spec is in the journal: a study that asks
 * for less than the default is opened twice.
 */
#include "worker/opened.h"

#include "base/fail.h"
#include "journal/study_journal.h"

static void close_journal(struct pbti_opened *opened)
{
    pbti_replica_close(opened->replica);
    pbti_journal_close(opened->journal);
    opened->replica = NULL;
    opened->journal = NULL;
}

static pbt_status open_journal(struct pbti_opened *opened, const char *dir, bool read_only,
                               bool sync, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = read_only;
    opts.sync = sync;
    opts.lock_wait_ms = 5000; /* whoever works here tries again by itself */
    PBTI_TRY(pbti_study_journal_open(dir, &opts, &opened->journal, err));
    PBTI_TRY(pbti_replica_open(opened->journal, NULL, NULL, &opened->replica, err));
    if (pbti_replica_state(opened->replica) == NULL) {
        return PBTI_FAIL(err, PBT_ENOENT, 0, "\"%s\" holds no study", dir);
    }
    return PBT_OK;
}

pbt_status pbti_opened_open(struct pbti_opened *opened, const char *dir, bool read_only,
                            pbti_observer observer, void *context, struct pbt_error *err)
{
    *opened = (struct pbti_opened){0};
    PBTI_TRY(open_journal(opened, dir, read_only, true, err));
    struct pbti_text const text = pbti_replica_spec(opened->replica);
    PBTI_TRY(pbti_spec_amend(text.data, text.size, NULL, 0, &opened->spec, err));
    if (!opened->spec->sync_full && !read_only) {
        close_journal(opened);
        PBTI_TRY(open_journal(opened, dir, false, false, err));
    }
    if (observer != NULL) {
        PBTI_TRY(pbti_replica_observe(opened->replica, observer, context, err));
    }
    bool const sync = opened->spec->sync_full;
    return pbti_store_open(dir, sync, !read_only, &opened->store, err);
}

void pbti_opened_close(struct pbti_opened *opened)
{
    close_journal(opened);
    pbti_store_close(opened->store);
    pbti_spec_destroy(opened->spec);
    *opened = (struct pbti_opened){0};
}
