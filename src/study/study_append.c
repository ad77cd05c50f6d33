/* SPDX-License-Identifier: Apache-2.0 */
/* study/study_append.c - one event, appended whatever others append meanwhile. */
#include "study/study_append.h"

#include "base/fail.h"
#include "study/study_journal.h"

#include <sys/random.h>

static struct pbti_batch_id random_id(void)
{
    struct pbti_batch_id id = {{0}};
    while (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id) { /* EINTR; else it cannot fail */
    }
    return id;
}

pbt_status pbti_study_append_while(struct pbti_follower *follower, const struct pbti_event *event,
                                   pbti_still_wanted wanted, void *context, struct pbt_error *err)
{
    pbt_status status = PBT_ECONFLICT;
    while (status == PBT_ECONFLICT) {
        if (wanted != NULL && !wanted(context)) {
            return PBTI_FAIL(err, PBT_EEXIST, 0, "another process was first");
        }
        status = pbti_follower_stage(follower, event, err);
        if (status == PBT_OK) { status = pbti_follower_commit(follower, random_id(), err); }
        bool const begun = event->type == PBTI_STUDY && pbti_follower_state(follower) != NULL;
        if (status == PBT_ECONFLICT && begun) {
            status = PBTI_FAIL(err, PBT_EEXIST, 0, "somebody else has just begun this study");
        }
    }
    return status;
}

pbt_status pbti_study_append_to(struct pbti_follower *follower, const struct pbti_event *event,
                                struct pbt_error *err)
{
    return pbti_study_append_while(follower, event, NULL, NULL, err);
}

pbt_status pbti_study_append(const char *dir, const char *named, const struct pbti_event *event,
                             struct pbt_error *err)
{
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    struct pbti_follower *follower = NULL;
    pbt_status status = pbti_study_journal_open(dir, named, &opts, &journal, err);
    if (status == PBT_OK) { status = pbti_follower_open(journal, NULL, NULL, &follower, err); }
    if (status == PBT_OK) { status = pbti_study_append_to(follower, event, err); }
    pbti_follower_close(follower);
    pbti_journal_close(journal);
    return status;
}
