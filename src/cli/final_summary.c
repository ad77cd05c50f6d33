/* SPDX-License-Identifier: Apache-2.0 */
/* cli/final_summary.c - the end of a study: final evaluation, closing summary, what to do next. */
#include "cli/cli_work.h"

#include "base/fail.h"
#include "study/final_claim.h"
#include "study/study_append.h"
#include "view/explain.h"
#include "view/format.h"
#include "view/summary.h"
#include "worker/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCHEDULE_ROWS 12 /* of the schedule in the closing summary */

/* -------- final evaluation -------- */

/* Note what the evaluation said. metrics: taken over. */
static pbt_status note_score(const char *dir, const char *journal,
                             struct pbti_checkpoint checkpoint, double score, json_t *metrics,
                             struct pbt_error *err)
{
    json_t *const detail =
        json_pack("{s:o, s:o}", "score", pbti_json_number(score), "metrics", metrics);
    char *const text = detail == NULL ? NULL : json_dumps(detail, JSON_COMPACT);
    json_decref(detail);
    if (text == NULL) { return PBT_ENOMEM; }
    static const char topic[] = "final_evaluation";
    struct pbti_event const event = {.type = PBTI_NOTE,
                                     .time_ms = pbti_cli_now_ms(),
                                     .note = {.checkpoint = checkpoint,
                                              .topic = {topic, sizeof topic - 1},
                                              .detail = {text, strlen(text)}}};
    pbt_status const status = pbti_study_append(dir, journal, &event, err);
    free(text);
    return status;
}

/* Evaluate the best network with what the spec gives for it, and note the outcome. */
static pbt_status evaluate(const char *dir, const char *journal,
                           const struct pbti_study_reader *reader, const struct pbti_winner *winner,
                           bool *interrupted, struct pbt_error *err)
{
    struct pbti_run_opts opts = pbti_run_opts_default();
    opts.dir = dir;
    opts.journal = journal;
    opts.program = pbti_cli_program();
    opts.clients = pbti_cli_clients();
    opts.signals = true;
    const struct pbti_spec *const spec = pbti_study_reader_spec(reader);
    json_t *const fixed = json_copy(spec->fixed);
    if (fixed == NULL || json_object_update(fixed, spec->final_evaluation) != 0) {
        json_decref(fixed);
        return PBT_ENOMEM;
    }
    uint64_t const seed = 1;
    double score;
    struct pbti_evaluation evaluation = {
        .checkpoint = winner->best.checkpoint,
        .values = pbti_history_values(pbti_study_reader_history(reader), winner->record),
        .age = winner->best.age,
        .fixed = fixed,
        .seeds = &seed,
        .count = 1,
        .scores = &score};
    pbt_status const status = pbti_evaluate(&opts, &evaluation, err);
    json_decref(fixed);
    *interrupted = evaluation.interrupted;
    if (status != PBT_OK || evaluation.interrupted) { return status; }
    return note_score(dir, journal, evaluation.checkpoint, score, evaluation.metrics, err);
}

/* The same, by one process of the study: another may be at it, or have done it meanwhile. */
static pbt_status evaluate_once(const struct pbti_call *call, const char *dir, const char *journal,
                                const struct pbti_study_reader *reader,
                                const struct pbti_winner *winner, bool *interrupted,
                                struct pbt_error *err)
{
    struct pbti_final_claim claim;
    PBTI_TRY(pbti_final_claim_take(dir, journal, winner->best.checkpoint, pbti_cli_now_ms(),
                                   (uint64_t)getpid(), &claim, err));
    if (!claim.taken) {
        if (!claim.done && !pbti_cli_has(call, PBTI_OPT_QUIET)) {
            (void)pbti_cli_complain(call, PBTI_EXIT_DONE, "pbt show has it when it is done",
                                    "the final evaluation is left to process %" PRIu64 " on \"%s\"",
                                    claim.process, claim.host);
        }
        return PBT_OK;
    }
    pbt_status const status = evaluate(dir, journal, reader, winner, interrupted, err);
    pbti_final_claim_release(&claim);
    return status;
}

/* Does the spec ask for a final evaluation that this winner has not had? */
static bool wants_evaluation(const struct pbti_study_reader *reader,
                             const struct pbti_winner *winner)
{
    const struct pbti_study_stats *const tally = pbti_study_reader_tally(reader);
    struct pbti_checkpoint const had = tally->final_checkpoint;
    struct pbti_checkpoint const best = winner->best.checkpoint;
    bool const done = pbti_checkpoint_equal(had, best);
    return json_object_size(pbti_study_reader_spec(reader)->final_evaluation) > 0 && !done;
}

/* -------- the closing summary -------- */

static void add_next(struct pbti_str *str, const char *dir)
{
    static const char *const commands[][2] = {
        {"best", "--copy-to TARGET"},
        {"best", "--schedule --format csv"},
        {"log", "--decisions"},
        {"replay", "--seeds 4"},
        {"verify", ""},
    };
    pbti_str_add(str, "\nnext\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        pbti_str_addf(str, "  pbt %s ", commands[i][0]);
        pbti_str_quote(str, dir);
        pbti_str_addf(str, "%s%s\n", commands[i][1][0] == '\0' ? "" : " ", commands[i][1]);
    }
}

static void closing_text(struct pbti_str *str, const struct pbti_study_reader *reader,
                         const struct pbti_winner *winner)
{
    struct pbti_summary summary;
    pbti_summarize(&summary, reader);
    const struct pbti_space *const space = &pbti_state_config(summary.state)->space;
    uint32_t const width = pbti_cli_width();
    pbti_str_add(str, "\n");
    pbti_summary_text(str, &summary, PBTI_SUMMARY_HEAD, width);
    if (winner->record == PBTI_NO_MEMBER) { return; }
    pbti_str_add(str, "\nschedule of the best: its hyperparameters by age\n");
    pbti_winner_schedule_text(str, winner, space, SCHEDULE_ROWS, width);
    pbti_str_add(str, "\nlineage of the best\n  ");
    pbti_winner_lineage_text(str, winner, pbti_study_reader_history(reader));
    pbti_str_add(str, "\n");
    add_next(str, pbti_study_reader_dir(reader));
}

static json_t *closing_json(const struct pbti_study_reader *reader,
                            const struct pbti_winner *winner)
{
    struct pbti_summary summary;
    pbti_summarize(&summary, reader);
    json_t *const json = pbti_summary_json(&summary, 8);
    if (json == NULL || winner->record == PBTI_NO_MEMBER) { return json; }
    (void)json_object_set_new(json, "lineage",
                              pbti_winner_lineage_json(winner, pbti_study_reader_history(reader)));
    (void)json_object_set_new(
        json, "schedule",
        pbti_winner_schedule_json(winner, &pbti_state_config(summary.state)->space));
    return json;
}

/* What the study lacks of what was asked, as text; false: nothing. */
static bool find_lack(const struct pbti_study_reader *reader, char *text, size_t size)
{
    const struct pbti_state *const state = pbti_study_reader_state(reader);
    struct pbti_counts const counts = pbti_state_counts(state);
    uint64_t const given_up = counts.phase[PBTI_GONE];
    if (pbti_state_stop(state) == PBTI_STOP_FAILED) {
        (void)snprintf(text, size, "the study failed: no member is left alive");
    } else if (given_up > 0) {
        (void)snprintf(text, size, "%llu of %u members %s given up", (unsigned long long)given_up,
                       pbti_state_members(state), given_up == 1 ? "was" : "were");
    } else if (counts.segments_done > 0 &&
               pbti_state_best(state, PBTI_GROUP_POPULATION).checkpoint.segment == 0) {
        (void)snprintf(text, size, "no segment reported a finite score, so nothing was selected");
    } else {
        return false;
    }
    return true;
}

static int print_closing(const struct pbti_call *call, const struct pbti_study_reader *reader,
                         const struct pbti_winner *winner)
{
    char lack[160];
    bool const lacks = find_lack(reader, lack, sizeof lack);
    int const code = lacks ? PBTI_EXIT_FAILED : PBTI_EXIT_DONE;
    int printed = code;
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        printed = pbti_cli_print_json(call, closing_json(reader, winner), code);
    } else if (!pbti_cli_has(call, PBTI_OPT_QUIET)) {
        struct pbti_str str = {0};
        closing_text(&str, reader, winner);
        printed = pbti_cli_print(call, &str, code);
    }
    if (!lacks) { return printed; }
    const char *const hint = pbti_state_given_up(pbti_study_reader_state(reader)) > 0
                                 ? "the trainers' own output is in the folder logs/; repair the "
                                   "cause, then try them again with pbt resume --revive"
                                 : "the trainers' own output is in the folder logs/";
    return pbti_cli_complain(call, printed, hint, "%s", lack);
}

int pbti_cli_close(const struct pbti_call *call, const char *dir, bool evaluate_best)
{
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.history = true;
    struct pbti_study_reader *reader = NULL;
    struct pbti_winner winner = {0};
    struct pbt_error err;
    int const study = pbti_cli_open(call, dir, &opts, &reader);
    if (study >= 0) { return study; }
    bool interrupted = false;
    bool const found = pbti_winner_find(&winner, reader, false);
    if (found && evaluate_best && wants_evaluation(reader, &winner)) {
        memset(&err, 0, sizeof err);
        pbt_status status =
            evaluate_once(call, dir, opts.journal, reader, &winner, &interrupted, &err);
        if (status == PBT_OK) { status = pbti_study_reader_update(reader, 0, &err); }
        if (status != PBT_OK) {
            (void)pbti_cli_complain(call, PBTI_EXIT_FAILED, err.hint,
                                    "the final evaluation failed: %s",
                                    err.message[0] != '\0' ? err.message : "out of memory");
        }
    }
    int const code =
        interrupted ? pbti_cli_interrupted(call, dir) : print_closing(call, reader, &winner);
    pbti_winner_deinit(&winner);
    pbti_study_reader_close(reader);
    return code;
}

int pbti_cli_work_and_close(const struct pbti_call *call, const char *dir)
{
    int const code = pbti_cli_work(call, dir);
    return code >= 0 ? code : pbti_cli_close(call, dir, true);
}
