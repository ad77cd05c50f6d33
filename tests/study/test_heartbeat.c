/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/study/test_heartbeat.c - who is taken for dead by its beats, and who is not. The clock is
 * the test's.
 *
 * Protects rule 15 between machines: no member waits for ever for a worker that is gone.
 */
#include "study/heartbeat.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BEAT 10000

static char path[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/pbt-beat-XXXXXX");
    int const file = mkstemp(path);
    assert_true(file >= 0);
    (void)close(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void put_beat(int count)
{
    FILE *const file = fopen(path, "w");
    assert_non_null(file);
    (void)fprintf(file, "%d %d\n", count, BEAT);
    assert_int_equal(fclose(file), 0);
}

static void test_three_silent_beats_are_a_death(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    put_beat(7);
    for (int64_t now = 0; now < 3 * BEAT; now += 500) {
        assert_false(pbti_pulse_gone(&pulse, path, now));
    }
    assert_true(pbti_pulse_gone(&pulse, path, 3 * BEAT));
    assert_true(pbti_pulse_gone(&pulse, path, 3 * BEAT + 1));
}

static void test_whoever_beats_lives_however_slowly_it_is_looked_at(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    for (int i = 0; i < 50; i++) {
        put_beat(i + 1);
        assert_false(pbti_pulse_gone(&pulse, path, (int64_t)i * 7 * BEAT));
    }
}

static void test_two_missed_beats_are_forgiven(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    int64_t now = 0;
    for (int i = 0; i < 20; i++) {
        put_beat(i + 1);
        for (int k = 0; k < 3; k++, now += BEAT) {
            assert_false(pbti_pulse_gone(&pulse, path, now));
        }
    }
}

/* The observer's machine was suspended for a day: that the other said nothing is its own fault. */
static void test_an_observer_that_slept_begins_to_count_when_it_wakes(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    int64_t const day = 86400000;
    put_beat(1);
    assert_false(pbti_pulse_gone(&pulse, path, 0));
    assert_false(pbti_pulse_gone(&pulse, path, day));
    assert_false(pbti_pulse_gone(&pulse, path, day + BEAT));
    put_beat(2);
    assert_false(pbti_pulse_gone(&pulse, path, day + 2 * BEAT));
}

static void test_whoever_beats_again_is_alive_again_at_once(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    put_beat(1);
    for (int64_t now = 0; now <= 3 * BEAT; now += BEAT) {
        (void)pbti_pulse_gone(&pulse, path, now);
    }
    assert_true(pbti_pulse_gone(&pulse, path, 3 * BEAT + 1));
    put_beat(2);
    assert_false(pbti_pulse_gone(&pulse, path, 3 * BEAT + 2));
}

static void test_a_missing_file_is_silence_and_an_unreadable_one_tells_nothing(void **state)
{
    (void)state;
    struct pbti_pulse pulse = {0};
    int64_t now = 0;
    assert_int_equal(unlink(path), 0);
    for (; now < 3 * BEAT; now += BEAT) {
        assert_false(pbti_pulse_gone(&pulse, path, now));
    }
    assert_true(pbti_pulse_gone(&pulse, path, now));
    struct pbti_pulse other = {0};
    for (int i = 0; i < 10; i++, now += BEAT) { /* a folder cannot be read as a file */
        assert_false(pbti_pulse_gone(&other, "/tmp", now));
    }
}

static void test_a_heart_beats_until_it_is_stopped(void **state)
{
    (void)state;
    struct pbti_heart *heart = NULL;
    struct pbt_error err;
    assert_int_equal(pbti_heart_start(path, 10, &heart, &err), PBT_OK);
    int count = 0;
    for (int tries = 0; tries < 2000 && count < 5; tries++) {
        FILE *const file = fopen(path, "r");
        assert_non_null(file);
        int period = 0;
        if (fscanf(file, "%d %d", &count, &period) == 2) { assert_int_equal(period, 10); }
        (void)fclose(file);
        struct timespec const nap = {0, 5000000};
        (void)nanosleep(&nap, NULL);
    }
    assert_true(count >= 5);
    pbti_heart_stop(heart);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(pbti_heart_start("/nonexistent/beat", 10, &heart, &err), PBT_EIO);
    assert_null(heart);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_three_silent_beats_are_a_death),
        TEST(test_whoever_beats_lives_however_slowly_it_is_looked_at),
        TEST(test_two_missed_beats_are_forgiven),
        TEST(test_an_observer_that_slept_begins_to_count_when_it_wakes),
        TEST(test_whoever_beats_again_is_alive_again_at_once),
        TEST(test_a_missing_file_is_silence_and_an_unreadable_one_tells_nothing),
        TEST(test_a_heart_beats_until_it_is_stopped),
    };
#undef TEST
    return cmocka_run_group_tests_name("beats", tests, NULL, NULL);
}
