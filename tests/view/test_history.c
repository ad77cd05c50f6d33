/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_history.c - lineage and schedule through exploits, failures and generations.
 *
 * Rules: a lineage goes through every exploit to a founder, and its ages join without a gap; only
 * attempts that are done are part of one; the schedule is what was in force, by age; equal
 * stretches are merged; a history costs little memory.
 */
#include "view/study_reader.h"
#include "view_study.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_study_reader *read_study(const struct view_study *study)
{
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.history = true;
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err = {.message = ""};
    pbt_status const status = pbti_study_reader_open(study->dir, &opts, &reader, &err);
    if (status != PBT_OK) { fail_msg("%s", err.message); }
    return reader;
}

/* One round, the worst member first: nobody is worse than those who reported before. */
static void run_round(struct view_study *study, double base)
{
    for (uint32_t i = 4; i-- > 0;) {
        view_study_run(study, i, base - i);
    }
}

static void test_a_lineage_goes_through_an_exploit_to_the_founder(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "");
    run_round(&study, 10);
    assert_int_equal(pbti_state_counts(view_study_state(&study)).exploits, 0);
    view_study_run(&study, 3, 1);
    assert_int_equal(pbti_state_counts(view_study_state(&study)).exploits, 1);
    struct pbti_checkpoint const start = pbti_state_member(view_study_state(&study), 3)->start;
    assert_int_equal(start.member, 0);
    view_study_run(&study, 3, 99); /* the clone becomes the best */

    struct pbti_study_reader *const reader = read_study(&study);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    struct pbti_best const best =
        pbti_state_best(pbti_study_reader_state(reader), PBTI_GROUP_POPULATION);
    assert_int_equal(best.checkpoint.member, 3);
    uint32_t count = 0;
    uint32_t *const lineage =
        pbti_history_lineage(history, pbti_history_find(history, best.checkpoint), &count);
    assert_int_equal(count, 2);
    assert_int_equal(history->member[lineage[0]], 0);
    assert_int_equal(history->segment[lineage[0]], 1);
    assert_int_equal(history->parent[lineage[0]], PBTI_NO_MEMBER);
    assert_int_equal(history->member[lineage[1]], 3);
    assert_int_equal(history->segment[lineage[1]], 3);
    assert_int_equal(history->age[lineage[1]], 10);
    assert_true(history->score[lineage[1]] == 99);
    free(lineage);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

static void test_the_ages_of_a_lineage_join(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "");
    for (int round = 0; round < 9; round++) {
        for (uint32_t i = 0; i < 4; i++) {
            view_study_run(&study, i, (double)((i * 7 + (uint32_t)round * 5) % 11));
        }
    }
    struct pbti_study_reader *const reader = read_study(&study);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    assert_true(pbti_state_counts(pbti_study_reader_state(reader)).exploits >= 3);
    uint32_t crossed = 0;
    for (uint32_t record = 0; record < history->count; record++) {
        uint32_t count = 0;
        uint32_t *const lineage = pbti_history_lineage(history, record, &count);
        uint64_t age = 0;
        for (uint32_t i = 0; i < count; i++) {
            assert_true(history->age[lineage[i]] == age);
            age += history->steps[lineage[i]];
            if (i > 0 && history->member[lineage[i]] != history->member[lineage[i - 1]]) {
                crossed++;
            }
        }
        free(lineage);
    }
    assert_true(crossed > 0);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

static void test_failed_and_released_attempts_are_nobodys_parents(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "");
    view_study_run(&study, 0, 1);
    view_study_claim(&study, 0);
    view_study_fail(&study, 0, PBTI_OUTCOME_CRASH, "exit code 1");
    view_study_claim(&study, 0);
    view_study_release(&study, 0);
    view_study_run(&study, 0, 2);
    view_study_claim(&study, 0);

    struct pbti_study_reader *const reader = read_study(&study);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    assert_int_equal(history->count, 5);
    static const uint8_t outcomes[] = {PBTI_OUTCOME_DONE, PBTI_OUTCOME_CRASH, PBTI_HISTORY_RELEASED,
                                       PBTI_OUTCOME_DONE, PBTI_HISTORY_RUNNING};
    static const uint32_t parents[] = {PBTI_NO_MEMBER, 0, 0, 0, 3};
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(history->outcome[i], outcomes[i]);
        assert_int_equal(history->parent[i], parents[i]);
        assert_int_equal(history->previous[i], i == 0 ? PBTI_NO_MEMBER : i - 1);
    }
    assert_int_equal(history->attempt[3], 3);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

static void test_the_schedule_is_what_was_in_force(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "strategy: {explore: {name: perturb, factors: [2]}}\n");
    double const donor = pbti_state_values(view_study_state(&study), 0)[0];
    run_round(&study, 10);
    view_study_run(&study, 3, 1);
    double const clone = pbti_state_values(view_study_state(&study), 3)[0];
    assert_true(fabs(clone - fmin(2 * donor, 1)) < 1e-12);
    view_study_run(&study, 3, 99);
    view_study_run(&study, 3, 100);

    struct pbti_study_reader *const reader = read_study(&study);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    uint32_t lineage_count = 0;
    uint32_t count = 0;
    uint32_t *const lineage = pbti_history_lineage(
        history,
        pbti_history_find(
            history,
            pbti_state_best(pbti_study_reader_state(reader), PBTI_GROUP_POPULATION).checkpoint),
        &lineage_count);
    struct pbti_stretch *const schedule =
        pbti_history_schedule(history, lineage, lineage_count, &count);
    assert_int_equal(lineage_count, 3);
    assert_int_equal(count, 2); /* the clone's two segments are one stretch */
    assert_true(schedule[0].from == 0 && schedule[0].to == 10 && schedule[0].values[0] == donor);
    assert_true(schedule[1].from == 10 && schedule[1].to == 30 && schedule[1].values[0] == clone);
    free(schedule);
    free(lineage);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

/* In a generation all decisions come into force together: the parent is what it was then. */
static void test_lineage_in_generational_mode(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "strategy: {mode: generational}\n");
    run_round(&study, 10);
    run_round(&study, 20);
    struct pbti_study_reader *const reader = read_study(&study);
    const struct pbti_history *const history = pbti_study_reader_history(reader);
    assert_int_equal(pbti_state_counts(pbti_study_reader_state(reader)).exploits, 2);
    uint32_t const record = pbti_history_find(history, (struct pbti_checkpoint){3, 2, 1});
    assert_int_not_equal(record, PBTI_NO_MEMBER);
    assert_int_equal(history->member[history->parent[record]], 0);
    assert_int_equal(history->segment[history->parent[record]], 1);
    assert_int_equal(history->decision[record], PBTI_REPLACE);
    pbti_study_reader_close(reader);
    view_study_remove(&study);
}

/* A million records, fed without a journal, in at most 200 MB. */
static void test_a_million_segments_fit_into_200_megabytes(void **state)
{
    (void)state;
    struct pbti_history history = {0};
    struct view_study study;
    view_study_open(&study, "");
    const struct pbti_state *const now = view_study_state(&study);
    struct pbti_event event = {.type = PBTI_CLAIM};
    for (uint32_t i = 0; i < 1000000; i++) {
        event.claim = (struct pbti_event_claim){i % 4, i / 4 + 1, 1, 1, 0};
        history.stride = 2;
        pbti_history_before(&history, now, i + 2, &event);
    }
    assert_false(history.failed);
    assert_int_equal(history.count, 1000000);
    size_t const record = 6 * 4 + 4 + 2 * 8 + 8 + 2 * 8 + 8 + 4 * 4 + 2 * 8 + 3;
    size_t const bytes = history.capacity * record + history.rows_capacity * 2 * sizeof(double);
    assert_true(bytes < 200000000);
    pbti_history_deinit(&history);
    view_study_remove(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lineage_goes_through_an_exploit_to_the_founder),
        cmocka_unit_test(test_the_ages_of_a_lineage_join),
        cmocka_unit_test(test_failed_and_released_attempts_are_nobodys_parents),
        cmocka_unit_test(test_the_schedule_is_what_was_in_force),
        cmocka_unit_test(test_lineage_in_generational_mode),
        cmocka_unit_test(test_a_million_segments_fit_into_200_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
