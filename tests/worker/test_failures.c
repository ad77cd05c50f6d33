/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_failures.c - whose failure is it? docs/failures.md as tables: rule 15, nothing
 * that a place does is counted against a member.
 */
#include "worker/failures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pbti_failure failure_of(uint8_t origin, uint8_t outcome, uint32_t member,
                                      const char *message)
{
    return (struct pbti_failure){.origin = origin,
                                 .outcome = outcome,
                                 .member = member,
                                 .message = {message, strlen(message)},
                                 .is_last = true,
                                 .study_succeeded = true,
                                 .members_left = 16};
}

/* One failure of each origin, of a worker that has had a success and one that has not. */
static void test_each_kind_has_its_owner(void **state)
{
    static const struct {
        uint8_t origin, outcome;
        uint8_t first;   /* owner before the study's first success */
        uint8_t resumed; /* of a worker's first failure in a study that has had successes */
        uint8_t later;   /* after the worker's first success */
    } rows[] = {{PBTI_ORIGIN_TRAINER, PBTI_OUTCOME_CRASH, PBTI_OWNER_STUDY, PBTI_OWNER_WORKER,
                 PBTI_OWNER_MEMBER},
                {PBTI_ORIGIN_TRAINER, PBTI_OUTCOME_NAN, PBTI_OWNER_STUDY, PBTI_OWNER_WORKER,
                 PBTI_OWNER_MEMBER},
                {PBTI_ORIGIN_START, PBTI_OUTCOME_CRASH, PBTI_OWNER_WORKER, PBTI_OWNER_WORKER,
                 PBTI_OWNER_WORKER},
                {PBTI_ORIGIN_START, PBTI_OUTCOME_START, PBTI_OWNER_WORKER, PBTI_OWNER_WORKER,
                 PBTI_OWNER_WORKER},
                {PBTI_ORIGIN_PROGRAM, PBTI_OUTCOME_START, PBTI_OWNER_WORKER, PBTI_OWNER_WORKER,
                 PBTI_OWNER_WORKER},
                {PBTI_ORIGIN_MACHINE, PBTI_OUTCOME_START, PBTI_OWNER_WORKER, PBTI_OWNER_WORKER,
                 PBTI_OWNER_WORKER},
                {PBTI_ORIGIN_ONE_SHOT, PBTI_OUTCOME_CRASH, PBTI_OWNER_STUDY, PBTI_OWNER_WORKER,
                 PBTI_OWNER_MEMBER},
                {PBTI_ORIGIN_LOAD, PBTI_OUTCOME_CHECKPOINT, PBTI_OWNER_STUDY, PBTI_OWNER_WORKER,
                 PBTI_OWNER_MEMBER}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t const wanted[] = {rows[i].first, rows[i].resumed, rows[i].later};
        for (size_t k = 0; k < 3; k++) {
            struct pbti_failures failures;
            assert_int_equal(pbti_failures_init(&failures, 1, 0, NULL), PBT_OK);
            if (k == 2) { pbti_failures_success(&failures); }
            struct pbti_failure failure = failure_of(rows[i].origin, rows[i].outcome, 3, "why");
            failure.study_succeeded = k > 0;
            struct pbti_failure_verdict const verdict = pbti_failures_judge(&failures, &failure);
            if (verdict.owner != wanted[k]) {
                fail_msg("row %zu, %zu: the %s's", i, k, pbti_owner_name(verdict.owner));
            }
            assert_int_equal(verdict.pause_ms, verdict.owner == PBTI_OWNER_MEMBER ? 0 : 1000);
            assert_int_equal(verdict.ending, PBTI_ENDS_NOTHING);
            pbti_failures_deinit(&failures);
        }
    }
}

static void test_a_slot_waits_longer_each_time_up_to_a_minute(void **state)
{
    static const uint32_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    struct pbti_failures failures;
    (void)state;
    assert_int_equal(pbti_failures_init(&failures, 1, 0, NULL), PBT_OK);
    for (uint32_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        struct pbti_failure failure = failure_of(PBTI_ORIGIN_START, PBTI_OUTCOME_CRASH, 0, "why");
        failure.slot_failures = i;
        assert_int_equal(pbti_failures_judge(&failures, &failure).pause_ms, 1000 * seconds[i]);
    }
    pbti_failures_deinit(&failures);
}

/* When does the worker leave? The number of the failure, from 1; times of the failures in s. */
static uint32_t leaves_at(uint32_t slots, bool succeeded, const uint32_t *seconds, uint32_t count)
{
    struct pbti_failures failures;
    assert_int_equal(pbti_failures_init(&failures, slots, 0, NULL), PBT_OK);
    if (succeeded) { pbti_failures_success(&failures); }
    uint32_t at = 0;
    for (uint32_t i = 0; at == 0 && i < count; i++) {
        struct pbti_failure failure = failure_of(PBTI_ORIGIN_START, PBTI_OUTCOME_CRASH, i, "why");
        failure.now_ms = 1000 * (uint64_t)seconds[i];
        bool const ends = pbti_failures_judge(&failures, &failure).ending == PBTI_ENDS_WORKER;
        if (ends) { at = i + 1; }
    }
    pbti_failures_deinit(&failures);
    return at;
}

static void test_a_worker_leaves_after_five_of_its_place_in_a_row(void **state)
{
    static const uint32_t steps[] = {0, 1, 3, 7, 15};
    static const uint32_t long_ones[] = {0, 100, 200, 250, 299, 301};
    static const uint32_t storm[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 3, 7, 7, 15};
    (void)state;
    assert_int_equal(leaves_at(1, false, steps, 5), 5);
    assert_int_equal(leaves_at(1, true, steps, 5), 0);
    assert_int_equal(leaves_at(1, true, long_ones, 6), 6);
    assert_int_equal(leaves_at(8, false, storm, 16), 16); /* at once counts once */
}

static void test_a_success_begins_the_row_anew(void **state)
{
    struct pbti_failures failures;
    (void)state;
    assert_int_equal(pbti_failures_init(&failures, 1, 0, NULL), PBT_OK);
    for (uint32_t i = 0; i < 40; i++) {
        struct pbti_failure failure = failure_of(PBTI_ORIGIN_MACHINE, PBTI_OUTCOME_START, 0, "why");
        failure.now_ms = 100000 * (uint64_t)i;
        if (i % 4 == 0) { pbti_failures_success(&failures); }
        assert_int_equal(pbti_failures_judge(&failures, &failure).ending, PBTI_ENDS_NOTHING);
    }
    pbti_failures_deinit(&failures);
}

/* The first failures: how many of which members until the run stops. */
static uint32_t stops_at(uint32_t slots, uint32_t members, uint32_t members_left, bool alike)
{
    struct pbti_failures failures;
    assert_int_equal(pbti_failures_init(&failures, slots, 0, NULL), PBT_OK);
    uint32_t at = 0;
    for (uint32_t i = 0; at == 0 && i < 12; i++) {
        char message[64];
        (void)snprintf(message, sizeof message, "trace of process %u\nno module at 0x%u%s", i,
                       77 + i, !alike && i % 2 == 1 ? ", or so" : "");
        struct pbti_failure failure =
            failure_of(PBTI_ORIGIN_TRAINER, PBTI_OUTCOME_ERROR, i % members, message);
        failure.study_succeeded = false;
        failure.members_left = members_left;
        bool const stops = pbti_failures_judge(&failures, &failure).ending == PBTI_ENDS_RUN;
        if (stops) { at = i + 1; }
    }
    pbti_failures_deinit(&failures);
    return at;
}

static void test_first_failures_that_are_all_alike_stop_the_run(void **state)
{
    (void)state;
    assert_int_equal(stops_at(1, 16, 16, true), 4);
    assert_int_equal(stops_at(6, 16, 16, true), 6);
    assert_int_equal(stops_at(1, 2, 2, true), 4);  /* there are only two members */
    assert_int_equal(stops_at(1, 2, 16, true), 0); /* others may do better */
    assert_int_equal(stops_at(1, 16, 16, false), 0);
}

/* What fails alike for several members one after the other, and did not before, is no member's. */
static void test_a_failure_that_spreads_belongs_to_the_worker(void **state)
{
    struct pbti_failures failures;
    (void)state;
    assert_int_equal(pbti_failures_init(&failures, 2, 0, NULL), PBT_OK);
    pbti_failures_success(&failures);
    struct pbti_failure failure =
        failure_of(PBTI_ORIGIN_TRAINER, PBTI_OUTCOME_CRASH, 1, "no such file: data.npz");
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    for (uint32_t member = 2; member <= 3; member++) { /* it may be their values */
        failure.member = member;
        assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    }
    failure.member = 4;
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_WORKER);
    assert_true(pbti_failures_names(&failures, 1) && pbti_failures_names(&failures, 4));
    failure.outcome = PBTI_OUTCOME_NAN; /* what a trainer says of its hyperparameters stands */
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    failure.member = 1;
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    pbti_failures_success(&failures);
    assert_false(pbti_failures_names(&failures, 4));
    failure = failure_of(PBTI_ORIGIN_LOAD, PBTI_OUTCOME_CHECKPOINT, 1, "is gone");
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_MEMBER);
    failure.member = 2;
    assert_int_equal(pbti_failures_judge(&failures, &failure).owner, PBTI_OWNER_WORKER);
    pbti_failures_deinit(&failures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_has_its_owner),
        cmocka_unit_test(test_a_slot_waits_longer_each_time_up_to_a_minute),
        cmocka_unit_test(test_a_worker_leaves_after_five_of_its_place_in_a_row),
        cmocka_unit_test(test_a_success_begins_the_row_anew),
        cmocka_unit_test(test_first_failures_that_are_all_alike_stop_the_run),
        cmocka_unit_test(test_a_failure_that_spreads_belongs_to_the_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
