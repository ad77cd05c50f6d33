/* SPDX-License-Identifier: Apache-2.0 */
/* worker/check_trial.c - one trial of a check: run it, say so, name its failure. See check.h. */
#include "worker/check_inside.h"

#include <string.h>

void pbti_check_say(const struct pbti_check *check, const char *what)
{
    if (check->opts->doing != NULL) { check->opts->doing(check->opts->context, what); }
}

pbt_status pbti_check_run(struct pbti_check *check, struct pbti_probe_order order,
                          struct pbti_probe *trial, struct pbt_error *err)
{
    order.keep = order.keep && !pbti_check_is_oneshot(check);
    if (order.values == NULL) { order.values = check->values; }
    pbt_status const status =
        pbti_probe_run(&check->solo, check->store, check->spec, &order, trial, err);
    if (order.save > PBTI_CHECK_SEGMENTS_KEPT && order.save != PBTI_CHECK_SEGMENT_PAUSED) {
        pbti_store_drop(check->store, (struct pbti_checkpoint){0, order.save, 1});
    }
    return status;
}

/* Why a segment failed, as a finding. */
void pbti_check_add_failure(struct pbti_check *check, const struct pbti_probe *trial,
                            const char *what)
{
    static const struct {
        uint8_t outcome;
        const char *name;
    } names[] = {{PBTI_OUTCOME_START, "start"},
                 {PBTI_OUTCOME_PROTOCOL, "protocol"},
                 {PBTI_OUTCOME_IN_FORCE, "in_force"},
                 {PBTI_OUTCOME_CHECKPOINT, "checkpoint"}};
    const char *name = "segment";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].outcome == trial->outcome) { name = names[i].name; }
    }
    struct pbti_finding *const finding =
        pbti_check_add(check, PBTI_FINDING_PROBLEM, name, "%s failed (%s): %.900s", what,
                       pbti_outcome_name(trial->outcome), trial->message);
    if (trial->outcome != PBTI_OUTCOME_START) { return; }
    if (strstr(trial->message, "start limit") != NULL) {
        pbti_check_hint(
            finding,
            "the trainer says hello when its loop over tasks begins; if it needs longer to "
            "get there, raise trainer.limits.start");
    } else {
        pbti_check_hint(finding, "trainer.command is run in the folder %.200s",
                        check->spec->trainer.directory != NULL ? check->spec->trainer.directory
                                                               : ".");
    }
}
