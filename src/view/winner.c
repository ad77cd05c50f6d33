/* SPDX-License-Identifier: Apache-2.0 */
/* view/winner.c - the best network's lineage and schedule, as text and as JSON. */
#include "view/winner.h"

#include "view/format.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool pbti_winner_find(struct pbti_winner *winner, const struct pbti_study_reader *reader,
                      bool at_end)
{
    memset(winner, 0, sizeof *winner);
    const struct pbti_state *const state = pbti_study_reader_state(reader);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    winner->best = at_end ? pbti_state_best_now(state, PBTI_GROUP_POPULATION)
                          : pbti_state_best(state, PBTI_GROUP_POPULATION);
    winner->record = pbti_history_find(history, winner->best.checkpoint);
    if (winner->record == PBTI_NO_MEMBER) { return false; }
    winner->lineage = pbti_history_lineage(history, winner->record, &winner->lineage_count);
    if (winner->lineage == NULL) { return false; }
    winner->schedule = pbti_history_schedule(history, winner->lineage, winner->lineage_count,
                                             &winner->schedule_count);
    return winner->schedule != NULL;
}

void pbti_winner_deinit(struct pbti_winner *winner)
{
    free(winner->lineage);
    free(winner->schedule);
    memset(winner, 0, sizeof *winner);
}

json_t *pbti_winner_lineage_json(const struct pbti_winner *winner,
                                 const struct pbti_history *history)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < winner->lineage_count; i++) {
        uint32_t const record = winner->lineage[i];
        struct pbti_checkpoint const checkpoint = {
            history->member[record], history->segment[record], history->attempt[record]};
        json_t *const row = json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "member",
                                      (json_int_t)history->member[record], "segment",
                                      (json_int_t)history->segment[record], "from",
                                      (json_int_t)history->age[record], "to",
                                      (json_int_t)(history->age[record] + history->steps[record]),
                                      "score", pbti_json_number(history->score[record]),
                                      "checkpoint", pbti_json_checkpoint(checkpoint));
        (void)json_array_append_new(list, row);
    }
    return list;
}

json_t *pbti_winner_schedule_json(const struct pbti_winner *winner, const struct pbti_space *space)
{
    json_t *const list = json_array();
    for (uint32_t i = 0; i < winner->schedule_count; i++) {
        const struct pbti_stretch *const stretch = &winner->schedule[i];
        json_t *const row =
            json_pack("{s:I, s:I, s:I, s:o}", "from", (json_int_t)stretch->from, "to",
                      (json_int_t)stretch->to, "member", (json_int_t)stretch->member,
                      "hyperparameters", pbti_values_json(space, stretch->values));
        (void)json_array_append_new(list, row);
    }
    return list;
}

void pbti_winner_lineage_text(struct pbti_str *str, const struct pbti_winner *winner,
                              const struct pbti_history *history)
{
    uint32_t said = PBTI_NO_MEMBER;
    for (uint32_t i = 0; i < winner->lineage_count; i++) {
        uint32_t const record = winner->lineage[i];
        uint32_t const member = history->member[record];
        bool const last =
            i + 1 == winner->lineage_count || history->member[winner->lineage[i + 1]] != member;
        if (!last) { continue; }
        pbti_str_addf(str, "%smember %" PRIu32 " to age ", said == PBTI_NO_MEMBER ? "" : ", then ",
                      member);
        pbti_str_count(str, history->age[record] + history->steps[record]);
        said = member;
    }
}

void pbti_winner_schedule_text(struct pbti_str *str, const struct pbti_winner *winner,
                               const struct pbti_space *space, uint32_t rows, uint32_t width)
{
    struct pbti_table table = {0};
    struct pbti_str *const text = &table.text;
    static const char *const heads[] = {"from age", "to age", "member"};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        pbti_str_add(text, heads[i]);
        pbti_table_cell(&table);
    }
    for (uint32_t i = 0; i < space->count; i++) {
        pbti_str_escape(text, space->hp[i].name, strlen(space->hp[i].name));
        pbti_table_cell(&table);
    }
    pbti_table_row(&table);
    uint32_t const shown =
        rows == 0 || winner->schedule_count <= rows ? winner->schedule_count : rows;
    for (uint32_t i = 0; i < shown; i++) {
        const struct pbti_stretch *const stretch = &winner->schedule[i];
        pbti_str_count(text, stretch->from);
        pbti_table_cell(&table);
        pbti_str_count(text, stretch->to);
        pbti_table_cell(&table);
        pbti_str_addf(text, "%" PRIu32, stretch->member);
        pbti_table_cell(&table);
        for (uint32_t k = 0; k < space->count; k++) {
            pbti_str_value(text, space, k, stretch->values[k]);
            pbti_table_cell(&table);
        }
        pbti_table_row(&table);
    }
    pbti_table_print(&table, str, 2, width);
    pbti_table_deinit(&table);
    if (shown < winner->schedule_count) {
        pbti_str_addf(str, "  ... and %" PRIu32 " more\n", winner->schedule_count - shown);
    }
}
