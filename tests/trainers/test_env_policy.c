/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_env_policy.c - rule: a random policy scores, and lives, as long as in MinAtar.
 *
 * The figures come from another implementation of the five games, with sticky actions (0.1) and
 * ramping, and those of Freeway's minimal set from MinAtar 1.0.15 itself. Every mean has to lie
 * within three standard errors of the difference.
 */
#include "env_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHARE = 4 }; /* of the copies, one in so many */
#else
enum { SHARE = 1 };
#endif

struct row {
    const char *name;
    bool minimal;
    uint32_t copies, episodes; /* played here: by each copy so many */
    double mean, mean_error;   /* of the return, with its standard error */
    double length;             /* mean, rounded to 0.01 */
};

static const struct row table[] = {
    {"breakout", false, 1000, 200, 0.5125, 0.0017, 11.23},
    {"breakout", true, 1000, 200, 0.3830, 0.0014, 9.90},
    {"asterix", false, 1000, 100, 0.4980, 0.0027, 70.06},
    {"asterix", true, 1000, 100, 0.5049, 0.0028, 66.61},
    {"freeway", false, 4000, 1, 0.1313, 0.0056, 2501.0},
    {"freeway", true, 4000, 1, 0.3915, 0.0071, 2501.0},
    {"space_invaders", false, 1000, 100, 2.8397, 0.0073, 50.96},
    {"space_invaders", true, 1000, 100, 4.0879, 0.0103, 58.95},
    {"seaquest", false, 1000, 100, 0.0990, 0.0012, 30.39},
    {"seaquest", true, 1000, 100, 0.0998, 0.0012, 30.19},
};

/* Sums over episodes. */
struct sums {
    double count, returns, returns2, lengths, lengths2;
};

/* What one copy has played so far. */
struct play {
    double score;
    uint32_t length, episodes;
};

static void end_episode(struct sums *sums, struct play *play)
{
    double const length = play->length;
    sums->count += 1.0;
    sums->returns += play->score;
    sums->returns2 += play->score * play->score;
    sums->lengths += length;
    sums->lengths2 += length * length;
    *play = (struct play){0.0, 0, play->episodes + 1};
}

/* Every copy counts the same number of episodes: to stop at a frame would favour short ones. */
static struct sums play_all(struct pbti_env *env, uint32_t episodes)
{
    uint32_t const count = pbti_env_count(env);
    struct sums sums = {0};
    struct play *const plays = calloc(count, sizeof plays[0]);
    uint8_t *const actions = malloc(count), *const ends = malloc(count);
    float *const rewards = malloc(count * sizeof rewards[0]);
    assert_true(plays != NULL && actions != NULL && ends != NULL && rewards != NULL);
    uint32_t busy = count;
    for (uint32_t frame = 0; busy > 0; frame++) {
        env_random_actions(env, 1, frame, actions);
        pbti_env_step(env, actions, rewards, ends);
        for (uint32_t i = 0; i < count; i++) {
            plays[i].score += (double)rewards[i];
            plays[i].length++;
            if (ends[i] == PBTI_ENV_GOES_ON) { continue; }
            if (plays[i].episodes == episodes) { continue; }
            end_episode(&sums, &plays[i]);
            busy -= plays[i].episodes == episodes;
        }
    }
    free(plays);
    free(actions);
    free(ends);
    free(rewards);
    return sums;
}

static double deviation(double sum, double sum2, double count)
{
    double const mean = sum / count;
    return sqrt(fmax(sum2 / count - mean * mean, 0.0));
}

static void test_row(const struct row *row)
{
    struct pbti_env_options options = pbti_env_options_default();
    options.minimal = row->minimal;
    struct pbti_env *const env = env_make(row->name, row->copies / SHARE, &options);
    pbti_env_seed(env, 20261);
    pbti_env_reset(env);
    struct sums const sums = play_all(env, row->episodes);
    pbti_env_destroy(env);

    double const n = sums.count, mean = sums.returns / n, length = sums.lengths / n;
    double const spread = deviation(sums.returns, sums.returns2, n);
    double const length_spread = deviation(sums.lengths, sums.lengths2, n);
    double const error = hypot(spread / sqrt(n), row->mean_error);
    /* the table's number of episodes follows from its error of the return */
    double const length_error =
        hypot(length_spread / sqrt(n), length_spread * row->mean_error / spread);
    print_message("%-14s %d actions: return %.4f +- %.4f (%.4f), length %.3f +- %.3f (%.2f)\n",
                  row->name, (int)(row->minimal ? pbti_env_find(row->name)->minimal_actions : 6),
                  mean, spread / sqrt(n), row->mean, length, length_spread / sqrt(n), row->length);
    assert_true(n >= (double)row->episodes * (row->copies / SHARE));
    assert_true(fabs(mean - row->mean) <= 3.0 * error);
    assert_true(fabs(length - row->length) <= 3.0 * length_error + 0.005);
}

static void test_random_policy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        test_row(&table[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
