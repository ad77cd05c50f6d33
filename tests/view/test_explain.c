/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_explain.c - decisions and events in words.
 *
 * Rules: every decision names its reason, the scores compared and what became of each
 * hyperparameter; every event type has a sentence; foreign text in them is escaped.
 */
#include "view/explain.h"
#include "view/summary.h"
#include "view_study.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_space *two_hps(void)
{
    static struct pbti_space space;
    memset(&space, 0, sizeof space);
    space.count = 3;
    (void)snprintf(space.hp[0].name, sizeof space.hp[0].name, "lr");
    (void)snprintf(space.hp[1].name, sizeof space.hp[1].name, "dropout");
    (void)snprintf(space.hp[2].name, sizeof space.hp[2].name, "decay");
    space.hp[0].kind = PBTI_HP_LOG;
    return &space;
}

static struct pbti_event_decision decision_of(uint8_t kind, uint8_t why)
{
    return (struct pbti_event_decision){.member = 3,
                                        .segment = 5,
                                        .kind = kind,
                                        .why = why,
                                        .opponent = PBTI_NO_MEMBER,
                                        .score = 0.8123,
                                        .opponent_score = (double)NAN,
                                        .p = (double)NAN};
}

static void says(const struct pbti_event_decision *decision, const double *before,
                 const char *expected)
{
    struct pbti_str str = {0};
    pbti_explain_decision(&str, two_hps(), decision, before);
    assert_string_equal(pbti_str_text(&str), expected);
    pbti_str_deinit(&str);
}

static void test_a_replacement_names_ranks_scores_and_every_move(void **state)
{
    (void)state;
    static const double values[] = {0.00144, 0.25, 0.1};
    static const double before[] = {0.0012, 0.25, 0.1};
    static const struct pbti_move moves[] = {
        {PBTI_MOVE_FACTOR, 1.2}, {PBTI_MOVE_KEPT, 0}, {PBTI_MOVE_KEPT, 0}};
    struct pbti_event_decision decision = decision_of(PBTI_REPLACE, PBTI_WHY_TRUNCATED);
    decision.rank = 15;
    decision.count = 16;
    decision.opponent = 7;
    decision.opponent_rank = 2;
    decision.opponent_score = 0.879;
    decision.copied = PBTI_COPY_BOTH;
    decision.values_count = 3;
    decision.values = values;
    decision.moves = moves;
    says(&decision, before,
         "member 3 (rank 15 of 16, 0.8123) replaced by member 7 (rank 2, 0.8790): "
         "lr 0.0012 -> 0.00144 (x1.2); dropout, decay kept");
    says(&decision, NULL,
         "member 3 (rank 15 of 16, 0.8123) replaced by member 7 (rank 2, 0.8790): "
         "lr 0.00144 (x1.2); dropout, decay kept");
}

static void test_other_replacements(void **state)
{
    (void)state;
    struct pbti_event_decision decision = decision_of(PBTI_REPLACE, PBTI_WHY_SIGNIFICANT);
    decision.opponent = 7;
    decision.opponent_score = 0.9;
    decision.p = 0.0123;
    decision.copied = PBTI_COPY_WEIGHTS;
    says(&decision, NULL,
         "member 3 (0.8123) significantly worse than member 7 (0.9000), p = 0.0123, weights only");
    decision.why = PBTI_WHY_LOST;
    decision.p = (double)NAN;
    says(&decision, NULL, "member 3 (0.8123) lost against member 7 (0.9000), weights only");
    decision.why = PBTI_WHY_REVIVED;
    decision.score = (double)NAN;
    decision.copied = PBTI_COPY_BOTH;
    says(&decision, NULL, "member 3 failed and restarts from member 7 (0.9000)");
}

static void test_every_reason_to_train_on_has_its_own_sentence(void **state)
{
    (void)state;
    static const struct {
        uint8_t why;
        const char *text;
    } reasons[] = {
        {PBTI_WHY_BURN_IN, "too young to be judged"},
        {PBTI_WHY_NO_EXPLOIT, "it copies from nobody"},
        {PBTI_WHY_RANKED, "not in the bottom group"},
        {PBTI_WHY_NO_DONOR, "there is nobody to copy from"},
        {PBTI_WHY_GAP, "member 7 (0.9000) is not better by the minimum gap"},
        {PBTI_WHY_WON, "at least as good as member 7 (0.9000)"},
        {PBTI_WHY_INSIGNIFICANT, "not significantly worse than member 7 (0.9000), p = 0.3"},
        {PBTI_WHY_FEW_SCORES, "too few scores to be compared with member 7 (0.9000)"},
        {PBTI_WHY_TIE, "not worse than member 7 (0.9000)"},
        {PBTI_WHY_LAST_OF_LINE, "the last of its line, and no more founders may be lost now "
                                "(instead of a copy of member 7 (0.9000))"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        struct pbti_event_decision decision = decision_of(PBTI_KEEP, reasons[i].why);
        decision.opponent = 7;
        decision.opponent_score = 0.9;
        decision.p = 0.3;
        char expected[200];
        (void)snprintf(expected, sizeof expected, "member 3 (0.8123) trains on: %s",
                       reasons[i].text);
        says(&decision, NULL, expected);
    }
}

static void test_ends_of_members(void **state)
{
    (void)state;
    struct pbti_event_decision decision = decision_of(PBTI_FINISH, PBTI_WHY_BUDGET);
    says(&decision, NULL, "member 3 (0.8123) is through: its budget is used");
    decision = decision_of(PBTI_GIVE_UP, PBTI_WHY_FAILURES);
    decision.score = (double)NAN;
    says(&decision, NULL, "member 3 is given up: it failed too often");
}

static void event_says(const struct pbti_event *event, const char *expected)
{
    struct pbti_str str = {0};
    pbti_explain_event(&str, NULL, event);
    assert_string_equal(pbti_str_text(&str), expected);
    pbti_str_deinit(&str);
}

static void test_a_failure_is_told_with_its_message_escaped(void **state)
{
    (void)state;
    struct pbti_event event = {.type = PBTI_REPORT};
    event.report.member = 2;
    event.report.segment = 4;
    event.report.attempt = 1;
    event.report.outcome = PBTI_OUTCOME_CRASH;
    event.report.message = (struct pbti_text){"\033]0;owned\007", 10};
    event_says(&event, "member 2 segment 4 attempt 1 failed: the trainer ended by itself: "
                       "\\x1b]0;owned\\x07");
}

static void test_workers_and_ends_are_told(void **state)
{
    (void)state;
    struct pbti_event event = {.type = PBTI_WORKER};
    event.worker = (struct pbti_event_worker){0xab, 2, 77, {"host", 4}};
    event_says(&event, "worker 00000000000000ab joined: process 77 on host, 2 slots");
    event.type = PBTI_LEAVE;
    event_says(&event, "worker 00000000000000ab left: process 77 on host");
    event = (struct pbti_event){.type = PBTI_STOP};
    event.stop.reason = PBTI_STOP_HOURS;
    event_says(&event, "the study ends: its time was used up");
}

/* -------- what the summary keeps beside the state -------- */

static void test_a_summary_knows_gains_failures_and_time(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "strategy: {controls: {independent: 1}}\n");
    view_study_join(&study, 1, 1);
    for (uint32_t i = 0; i < 4; i++) {
        view_study_run(&study, i, 10 - (double)i);
    }
    view_study_run(&study, 4, 9.5); /* the control */
    view_study_claim(&study, 0);
    view_study_fail(&study, 0, PBTI_OUTCOME_SILENCE, "");
    view_study_run(&study, 0, 12);
    view_study_leave(&study, 1);
    study.time_ms += 3600000; /* an hour without any worker */
    view_study_join(&study, 2, 1);

    struct pbti_study_reader *reader = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_study_reader_open(study.dir, NULL, &reader, &err), PBT_OK);
    struct pbti_summary summary;
    pbti_summarize(&summary, reader);
    assert_true(summary.best.score == 12 && summary.first_best == 10);
    assert_true(summary.first_mean == 8.5);
    assert_true(summary.independent.score == 9.5);
    assert_int_equal(summary.members, 4);
    assert_int_equal(summary.controls, 1);
    assert_int_equal(summary.steps_done, 60);
    assert_int_equal(summary.steps_total, 500);
    assert_int_equal(summary.counts.failures, 1);
    assert_int_equal(summary.tally->outcomes[PBTI_OUTCOME_SILENCE], 1);
    assert_true(summary.worked_ms < 60000);
    assert_true(summary.tally->last_ms - summary.tally->first_ms > 3600000);
    struct pbti_str str = {0};
    pbti_summary_text(&str, &summary, 3, 0);
    assert_non_null(strstr(pbti_str_text(&str), "12.000  member 0 at age 20 (m0.s2.a2)"));
    assert_non_null(strstr(pbti_str_text(&str), "1 silence_limit"));
    assert_non_null(strstr(pbti_str_text(&str), "the best is better by 2.0000"));
    pbti_str_deinit(&str);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_replacement_names_ranks_scores_and_every_move),
        cmocka_unit_test(test_other_replacements),
        cmocka_unit_test(test_every_reason_to_train_on_has_its_own_sentence),
        cmocka_unit_test(test_ends_of_members),
        cmocka_unit_test(test_a_failure_is_told_with_its_message_escaped),
        cmocka_unit_test(test_workers_and_ends_are_told),
        cmocka_unit_test(test_a_summary_knows_gains_failures_and_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
