/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/winner.h - the best network of a study, its lineage and its schedule, as text and as JSON.
 *
 * Shown by `pbt best` and the closing summary, followed by `pbt replay`, drawn by the report.
 */
#ifndef PBTI_VIEW_WINNER_H
#define PBTI_VIEW_WINNER_H

#include "view/summary.h"

struct pbti_winner {
    struct pbti_best best;
    uint32_t record;   /* of the history */
    uint32_t *lineage; /* owned */
    uint32_t lineage_count;
    struct pbti_stretch *schedule; /* owned */
    uint32_t schedule_count;
};

/* The best ever, or of the members' latest (`at_end`). The reading must have a history. False:
 * nobody has a score yet (then winner->record is PBTI_NO_MEMBER), or out of memory. */
bool pbti_winner_find(struct pbti_winner *winner, const struct pbti_study_reader *reader,
                      bool at_end);
void pbti_winner_deinit(struct pbti_winner *winner);

/* New references. */
json_t *pbti_winner_lineage_json(const struct pbti_winner *winner,
                                 const struct pbti_history *history);
json_t *pbti_winner_schedule_json(const struct pbti_winner *winner, const struct pbti_space *space);
/* "member 12 to age 4,000, then member 7 to age 9,500" */
void pbti_winner_lineage_text(struct pbti_str *str, const struct pbti_winner *winner,
                              const struct pbti_history *history);
/* At most `rows` rows, 0 = all. */
void pbti_winner_schedule_text(struct pbti_str *str, const struct pbti_winner *winner,
                               const struct pbti_space *space, uint32_t rows, uint32_t width);

#endif
