/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/study_handle.c - a study folder, opened to work in. See study_handle.h.
 *
 * Whether appends are synced is said by the spec, and the spec is in the journal: a study that asks
 * for less than the default is opened twice.
 */
#include "study/study_handle.h"

#include "base/fail.h"
#include "study/study_journal.h"

static void close_journal(struct pbti_study *study)
{
    pbti_follower_close(study->follower);
    pbti_journal_close(study->journal);
    study->follower = NULL;
    study->journal = NULL;
}

static pbt_status open_journal(struct pbti_study *study, const char *dir, const char *named,
                               bool read_only, bool sync, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.read_only = read_only;
    opts.sync = sync;
    opts.lock_wait_ms = 5000; /* whoever works here tries again by itself */
    PBTI_TRY(pbti_study_journal_open(dir, named, &opts, &study->journal, err));
    PBTI_TRY(pbti_follower_open(study->journal, NULL, NULL, &study->follower, err));
    if (pbti_follower_state(study->follower) == NULL) {
        return PBTI_FAIL(err, PBT_ENOENT, 0, "\"%s\" holds no study", dir);
    }
    return PBT_OK;
}

pbt_status pbti_study_open(struct pbti_study *study, const char *dir, const char *named,
                           bool read_only, pbti_observer observer, void *context,
                           struct pbt_error *err)
{
    *study = (struct pbti_study){0};
    PBTI_TRY(open_journal(study, dir, named, read_only, true, err));
    struct pbti_text const text = pbti_follower_spec(study->follower);
    PBTI_TRY(pbti_spec_amend(text.data, text.size, NULL, 0, &study->spec, err));
    if (!study->spec->sync_full && !read_only) {
        close_journal(study);
        PBTI_TRY(open_journal(study, dir, named, false, false, err));
    }
    if (observer != NULL) {
        PBTI_TRY(pbti_follower_observe(study->follower, observer, context, err));
    }
    bool const sync = study->spec->sync_full;
    return pbti_store_open(dir, sync, !read_only, &study->store, err);
}

void pbti_study_close(struct pbti_study *study)
{
    close_journal(study);
    pbti_store_close(study->store);
    pbti_spec_destroy(study->spec);
    *study = (struct pbti_study){0};
}
