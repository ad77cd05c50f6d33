/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/cli_work.h - running a worker with the live display, and what is said when it has ended.
 * Shared by run, resume, worker and replay.
 */
#ifndef PBTI_CLI_CLI_WORK_H
#define PBTI_CLI_CLI_WORK_H

#include "cli/cli.h"
#include "view/reading.h"

/*
 * Run a worker in the study folder `dir` until the study has ended or it is stopped. Obeys --slots,
 * --quiet and --json. Says what has to be said when it was interrupted or failed.
 *
 * Returns     -1 when the study has ended: go on; else the exit code
 */
int pbti_cli_work(const struct pbti_call *call, const char *dir);

/* The same, then the final evaluation where the spec asks for one, and the closing summary. */
int pbti_cli_work_and_close(const struct pbti_call *call, const char *dir);

/*
 * Print the closing summary of a study that has ended: best network, schedule, lineage, what to do
 * next. Returns the exit code.
 */
int pbti_cli_close(const struct pbti_call *call, const char *dir);

/* Read the overrides of --set; then "key=value" of the verb's own. False: too many. */
bool pbti_cli_override(struct pbti_call *call, const char *key, const char *value);

/* -------- the best network, for best, replay and the closing summary -------- */

struct pbti_winner {
    struct pbti_best best;
    uint32_t record;   /* of the history */
    uint32_t *lineage; /* owned */
    uint32_t lineage_count;
    struct pbti_stretch *schedule; /* owned */
    uint32_t schedule_count;
};

/* The best ever, or of the members' latest (`at_end`). The reading must have a history. False:
 * nobody has a score yet (then winner->record is PBTI_NONE), or out of memory. */
bool pbti_winner_find(struct pbti_winner *winner, const struct pbti_reading *reading, bool at_end);
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
