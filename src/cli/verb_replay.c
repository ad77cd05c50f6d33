/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_replay.c - pbt replay DIR: is it the schedule, or the last values?
 *
 * Makes a new study from the resolved spec of the old one. Its population of K members follows the
 * hyperparameters along the winner's true lineage by age; K independent controls hold the winner's
 * last values. Decay stays as it was for both. All start fresh, with seeds of their own, and train
 * as long as the winner's weights were trained. Nobody copies from anybody.
 */
#include "cli/cli_work.h"

#include "base/fail.h"
#include "study/study_handle.h"
#include "study/study_journal.h"
#include "view/format.h"
#include "view/summary.h"
#include "worker/run.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS_DEFAULT 2

/* -------- the new study -------- */

static pbt_status set_schedule(struct pbti_config *config, const struct pbti_winner *winner,
                               struct pbt_error *err)
{
    size_t const stride = config->space.count;
    if (winner->schedule_count > PBTI_SCHEDULE_MAX ||
        winner->schedule_count * stride > PBTI_POINT_VALUES_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the schedule has %" PRIu32 " entries, too many",
                         winner->schedule_count);
    }
    config->schedule_count = winner->schedule_count;
    for (uint32_t i = 0; i < winner->schedule_count; i++) {
        config->schedule_age[i] = winner->schedule[i].from;
        memcpy(config->schedule + i * stride, winner->schedule[i].values, stride * sizeof(double));
    }
    return PBT_OK;
}

/* Starting points: the schedule's first values for the population, its last for the controls. */
static pbt_status set_points(struct pbti_config *config, const struct pbti_winner *winner,
                             struct pbt_error *err)
{
    size_t const stride = config->space.count;
    uint32_t const members = pbti_config_members(config);
    if (members * stride > PBTI_POINT_VALUES_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "%" PRIu32 " members are too many for a replay",
                         members);
    }
    config->points_count = stride == 0 ? 0 : members;
    for (uint32_t i = 0; i < config->points_count; i++) {
        uint32_t const entry = i < config->members ? 0 : winner->schedule_count - 1;
        memcpy(config->points + i * stride, winner->schedule[entry].values,
               stride * sizeof(double));
    }
    return PBT_OK;
}

static pbt_status set_config(struct pbti_config *config, const struct pbti_winner *winner,
                             uint32_t seeds, struct pbt_error *err)
{
    struct pbti_stream const stream = {config->seed, PBTI_PURPOSE_REPLAY, 0, 0};
    config->seed = pbti_draw_bits(&stream, 0) >> 1; /* fits into YAML's signed integers, too */
    config->members = seeds;
    config->control_independent = seeds;
    config->control_selection_only = 0;
    config->steps = winner->best.age;
    if (config->max_age < winner->best.age) { /* else as it was: decay goes by it */
        config->max_age = winner->best.age;
    }
    config->burn_in = 0;
    config->plateau = 0;
    config->has_target = false;
    config->mode = PBTI_ASYNC;
    config->compare = PBTI_COMPARE_LATEST;
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_SCHEDULE;
    config->explore_always = false;
    PBTI_TRY(set_schedule(config, winner, err));
    return set_points(config, winner, err);
}

/* The old study's spec, changed. */
static pbt_status make_spec(const struct pbti_call *call, const struct pbti_study_reader *reader,
                            const struct pbti_winner *winner, struct pbti_spec **out,
                            struct pbt_error *err)
{
    struct pbti_text const text = pbti_study_reader_spec_text(reader);
    uint32_t const seeds =
        pbti_cli_has(call, PBTI_OPT_SEEDS) ? (uint32_t)call->number[PBTI_OPT_SEEDS] : SEEDS_DEFAULT;
    struct pbti_spec *spec = NULL;
    PBTI_TRY(pbti_spec_amend(text.data, text.size, NULL, 0, &spec, err));
    *out = spec;
    size_t const size = strlen(spec->study) + sizeof "-replay";
    char *const name = malloc(size);
    if (name == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    (void)snprintf(name, size, "%s-replay", spec->study);
    free(spec->study);
    spec->study = name;
    spec->stop_hours = 0;
    if (spec->final_evaluation != NULL) { (void)json_object_clear(spec->final_evaluation); }
    return set_config(&spec->config, winner, seeds, err);
}

/* -------- comparing -------- */

struct group {
    uint32_t count; /* with a finite score */
    double mean, sd;
    json_t *scores; /* owned */
};

static void measure(struct group *group, const struct pbti_state *state, uint8_t which)
{
    double sum = 0;
    double squares = 0;
    *group = (struct group){.mean = NAN, .sd = NAN, .scores = json_array()};
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < pbti_state_members(state); i++) {
            const struct pbti_member *const member = pbti_state_member(state, i);
            if (member->group != which || !isfinite(member->score)) { continue; }
            if (pass == 0) {
                group->count++;
                sum += member->score;
                (void)json_array_append_new(group->scores, json_real(member->score));
            } else {
                squares += (member->score - group->mean) * (member->score - group->mean);
            }
        }
        if (group->count == 0) { return; }
        group->mean = sum / group->count;
    }
    if (group->count > 1) { group->sd = sqrt(squares / (group->count - 1)); }
}

static void add_group(struct pbti_str *str, const char *name, const struct group *group)
{
    pbti_str_addf(str, "  %-20s ", name);
    pbti_str_score(str, group->mean);
    pbti_str_addf(str, "  mean of %" PRIu32, group->count);
    if (!isnan(group->sd)) {
        pbti_str_add(str, ", sd ");
        pbti_str_score(str, group->sd);
    }
    pbti_str_add(str, "\n");
}

static json_t *group_json(const struct group *group)
{
    return json_pack("{s:I, s:o, s:o, s:O}", "count", (json_int_t)group->count, "mean",
                     pbti_json_number(group->mean), "sd", pbti_json_number(group->sd), "scores",
                     group->scores);
}

static int compare(const struct pbti_call *call, const char *dir, const char *original,
                   double score)
{
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err;
    if (pbti_study_reader_open(dir, NULL, &reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    struct group schedule;
    struct group constant;
    measure(&schedule, pbti_study_reader_state(reader), PBTI_GROUP_POPULATION);
    measure(&constant, pbti_study_reader_state(reader), PBTI_GROUP_INDEPENDENT);
    pbti_study_reader_close(reader);
    int code = schedule.count + constant.count > 0 ? PBTI_EXIT_DONE : PBTI_EXIT_FAILED;
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        json_t *const json =
            json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "version", PBTI_JSON_VERSION, "original",
                      pbti_json_text(original, strlen(original)), "dir",
                      pbti_json_text(dir, strlen(dir)), "original_score", pbti_json_number(score),
                      "schedule", group_json(&schedule), "constant", group_json(&constant));
        code = pbti_cli_print_json(call, json, code);
    } else if (!pbti_cli_has(call, PBTI_OPT_QUIET)) {
        struct pbti_str str = {0};
        pbti_str_add(&str, "\n  original winner      ");
        pbti_str_score(&str, score);
        pbti_str_add(&str, "\n");
        add_group(&str, "its schedule", &schedule);
        add_group(&str, "its last values", &constant);
        code = pbti_cli_print(call, &str, code);
    }
    json_decref(schedule.scores);
    json_decref(constant.scores);
    return code;
}

/* -------- the verb -------- */

/* Where the new study goes: --dir, or DIR-replay without trailing slashes. */
static bool choose_dir(const struct pbti_call *call, char dir[PATH_MAX])
{
    const char *const given = call->value[PBTI_OPT_DIR];
    if (given != NULL) { return snprintf(dir, PATH_MAX, "%s", given) < PATH_MAX; }
    size_t size = strlen(call->argument[0]);
    while (size > 1 && call->argument[0][size - 1] == '/') {
        size--;
    }
    return snprintf(dir, PATH_MAX, "%.*s-replay", (int)size, call->argument[0]) < PATH_MAX;
}

/* Make the new study; the score to compare with is in *score. Returns -1 or the exit code. */
static int prepare(const struct pbti_call *call, const char *dir, double *score)
{
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.history = true;
    struct pbti_study_reader *reader = NULL;
    struct pbti_winner winner = {0};
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (pbti_study_reader_open(call->argument[0], &opts, &reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    int code = -1;
    if (!pbti_winner_find(&winner, reader, pbti_cli_has(call, PBTI_OPT_AT_END))) {
        code = pbti_cli_complain(call, PBTI_EXIT_FAILED, NULL,
                                 "nobody has a score yet: there is no winner to replay");
    } else {
        *score = winner.best.score;
        pbt_status status = make_spec(call, reader, &winner, &spec, &err);
        if (status == PBT_OK) { status = pbti_study_create(dir, NULL, spec, &err); }
        if (status != PBT_OK) { code = pbti_cli_fail(call, &err); }
    }
    pbti_spec_destroy(spec);
    pbti_winner_deinit(&winner);
    pbti_study_reader_close(reader);
    return code;
}

int pbti_verb_replay(const struct pbti_call *call)
{
    char dir[PATH_MAX];
    if (!choose_dir(call, dir)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "the folder's path is too long");
    }
    if (pbti_study_is_at(dir)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "give another folder with --dir",
                                 "\"%s\" exists already", dir);
    }
    double score = NAN;
    int code = prepare(call, dir, &score);
    struct pbti_call made = *call; /* --journal is of the study that is replayed */
    made.value[PBTI_OPT_JOURNAL] = NULL;
    if (code < 0) { code = pbti_cli_work(&made, dir); }
    return code >= 0 ? code : compare(call, dir, call->argument[0], score);
}
