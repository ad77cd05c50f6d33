/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/final_claim.h - the right to run the final evaluation: one worker has it at a time.
 *
 * Every worker that is there at the end could run it. The one whose note ("evaluation_claim") comes
 * first in the journal does; the note is appended with the sequence number that is expected, so
 * that two never come first. The claim is void when its owner is dead, or has left without a
 * result: its lock and its beat tell (study/liveness.h), as those of workers do.
 *
 * Programs that do not know the note run the evaluation as well, as before.
 */
#ifndef PBTI_STUDY_FINAL_CLAIM_H
#define PBTI_STUDY_FINAL_CLAIM_H

#include "core/event.h"
#include "study/liveness.h"

#define PBTI_FINAL_CLAIM_FRESH_MS 60000 /* a claim of another host counts for so long in any case */

struct pbti_final_claim { /* begin with all zero */
    bool taken;           /* it is ours: evaluate, note the result, then release */
    bool done;            /* the journal has a result */
    /* neither: who has it */
    uint64_t process;
    char host[PBTI_NAME_MAX + 1];
    struct pbti_liveness *liveness; /* owned, while it is taken */
};

/*
 * Claim the final evaluation of `checkpoint`. A claim of another host that is not fresh is watched
 * for as long as it takes to know whether its owner is dead: four beats at most.
 *
 * named       the URL that the user named for the journal, or NULL: study/study_journal.h
 * now_ms      wall clock
 * process     id of this process, for people
 * Errors      those of the journal and of pbti_liveness_open()
 */
PBT_NODISCARD pbt_status pbti_final_claim_take(const char *dir, const char *named,
                                               struct pbti_checkpoint checkpoint, int64_t now_ms,
                                               uint64_t process, struct pbti_final_claim *claim,
                                               struct pbt_error *err);

/* Let go of it; without a result another may take it. Accepts one that was not taken. */
void pbti_final_claim_release(struct pbti_final_claim *claim);

#endif
