/* SPDX-License-Identifier: Apache-2.0 */
/* view/summary.c - the numbers of a summary. */
#include "view/summary.h"
#include "core/rungs.h"
#include "view/workers.h"

#include <math.h>
#include <string.h>

uint64_t pbti_steps_total(const struct pbti_state *state)
{
    const struct pbti_config *const config = pbti_state_config(state);
    uint32_t const members = pbti_state_members(state);
    uint64_t total = 0;
    if (config->rungs != PBTI_RUNGS_NONE && pbti_state_stop(state) == PBTI_STOP_NONE) {
        uint64_t const planned = pbti_rungs_steps_total(config);
        uint64_t const done = pbti_state_counts(state).steps;
        return planned > done ? planned : done;
    }
    for (uint32_t i = 0; i < members; i++) {
        const struct pbti_member *const member = pbti_state_member(state, i);
        bool const over =
            member->phase == PBTI_DONE || member->phase == PBTI_GONE || member->phase == PBTI_OUT;
        uint64_t const steps = member->steps < config->steps ? config->steps - member->steps : 0;
        uint64_t const aging = member->age < config->max_age ? config->max_age - member->age : 0;
        total += member->steps + (over ? 0 : steps < aging ? steps : aging);
    }
    return total;
}

static uint32_t live_workers(const char *dir, const struct pbti_study_stats *tally)
{
    uint32_t live = tally->workers_count;
    for (uint32_t i = 0; i < tally->workers_count && i < PBTI_STATS_WORKERS; i++) {
        if (pbti_worker_is_dead(dir, &tally->workers[i])) { live--; }
    }
    return live;
}

static double final_score(const struct pbti_study_stats *tally)
{
    if (tally->final_checkpoint.segment == 0) { return NAN; }
    json_t *const detail = json_loads(tally->final_detail, 0, NULL);
    const json_t *const score = json_object_get(detail, "score");
    double const value = json_is_number(score) ? json_number_value(score) : NAN;
    json_decref(detail);
    return value;
}

static void count_members(struct pbti_summary *summary)
{
    uint32_t const members = pbti_state_members(summary->state);
    for (uint32_t i = 0; i < members; i++) {
        const struct pbti_member *const member = pbti_state_member(summary->state, i);
        if (member->phase == PBTI_OUT) { continue; }
        if (member->group == PBTI_GROUP_POPULATION) {
            summary->members++;
        } else {
            summary->controls++;
        }
    }
}

void pbti_summarize(struct pbti_summary *summary, const struct pbti_study_reader *reader)
{
    const struct pbti_state *const state = pbti_study_reader_state(reader);
    const struct pbti_study_stats *const tally = pbti_study_reader_tally(reader);
    *summary = (struct pbti_summary){
        .spec = pbti_study_reader_spec(reader),
        .state = state,
        .tally = tally,
        .dir = pbti_study_reader_dir(reader),
        .stop = pbti_state_stop(state),
        .workers = live_workers(pbti_study_reader_dir(reader), tally),
        .best = pbti_state_best(state, PBTI_GROUP_POPULATION),
        .best_now = pbti_state_best_now(state, PBTI_GROUP_POPULATION),
        .independent = pbti_state_best(state, PBTI_GROUP_INDEPENDENT),
        .selection_only = pbti_state_best(state, PBTI_GROUP_SELECTION_ONLY),
        .first_best = tally->first_count > 0 ? tally->first_best : NAN,
        .first_mean = tally->first_count > 0 ? tally->first_sum / (double)tally->first_count : NAN,
        .counts = pbti_state_counts(state),
        .steps_total = pbti_steps_total(state),
        .worked_ms = pbti_study_stats_worked_ms(tally),
        .left_ms = -1,
        .checkpoints = pbti_study_reader_alive(reader)->count,
        .checkpoint_bytes = pbti_study_reader_alive(reader)->bytes,
        .final_score = final_score(tally),
    };
    count_members(summary);
    summary->steps_done = summary->counts.steps;
    if (summary->steps_total < summary->steps_done) { summary->steps_total = summary->steps_done; }
    double const rate = pbti_study_stats_rate(tally);
    if (rate > 0 && summary->stop == PBTI_STOP_NONE && summary->workers > 0) {
        double const left = 1000.0 * (double)(summary->steps_total - summary->steps_done) / rate;
        if (left < 9e15) { summary->left_ms = (int64_t)left; }
    }
}

const char *pbti_summary_status(const struct pbti_summary *summary)
{
    if (summary->stop != PBTI_STOP_NONE) { return "ended"; }
    return summary->workers > 0 ? "running" : "interrupted";
}

double pbti_gain(const struct pbti_config *config, double first, double second)
{
    if (!isfinite(first) || !isfinite(second)) { return NAN; }
    return config->maximize ? first - second : second - first;
}
