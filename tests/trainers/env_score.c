/* SPDX-License-Identifier: Apache-2.0 */
/* env_score.c - see env_score.h. */
#include "env_score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void env_player_random(struct env_turn *turn)
{
    env_random_actions(turn->env, 1, turn->frame, turn->actions);
}

/* Sums over episodes, and what each copy has played of its own. */
struct sums {
    double count, returns, returns2, lengths;
};
struct play {
    double score;
    uint32_t length, episodes;
};

static void end_episode(struct sums *sums, struct play *play)
{
    sums->count += 1.0;
    sums->returns += play->score;
    sums->returns2 += play->score * play->score;
    sums->lengths += play->length;
    *play = (struct play){0.0, 0, play->episodes + 1};
}

static struct sums play_all(struct pbti_env *env, uint32_t episodes, env_player *player,
                            void *memory)
{
    uint32_t const count = pbti_env_count(env);
    struct sums sums = {0};
    struct play *const plays = calloc(count, sizeof plays[0]);
    uint8_t *const actions = malloc(count), *const ends = malloc(count);
    float *const rewards = calloc(count, sizeof rewards[0]);
    assert_true(plays != NULL && actions != NULL && ends != NULL && rewards != NULL);
    memset(ends, PBTI_ENV_TERMINAL, count);
    struct env_turn turn = {
        .env = env, .ends = ends, .rewards = rewards, .actions = actions, .memory = memory};
    for (uint32_t busy = count; busy > 0; turn.frame++) {
        player(&turn);
        pbti_env_step(env, actions, rewards, ends);
        for (uint32_t i = 0; i < count; i++) {
            if (plays[i].episodes == episodes) { continue; }
            plays[i].score += (double)rewards[i];
            plays[i].length++;
            if (ends[i] == PBTI_ENV_GOES_ON) { continue; }
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

struct env_score env_score(const char *name, const struct pbti_env_options *options,
                           uint32_t copies, uint32_t episodes, env_player *player, void *memory)
{
    struct pbti_env *const env = env_make(name, copies / ENV_SHARE, options);
    pbti_env_seed(env, 20262);
    pbti_env_reset(env);
    struct sums const sums = play_all(env, episodes, player, memory);
    pbti_env_destroy(env);
    double const n = sums.count, mean = sums.returns / n;
    double const variance = fmax(sums.returns2 / n - mean * mean, 0.0);
    return (struct env_score){
        .mean = mean, .error = sqrt(variance / n), .length = sums.lengths / n};
}

void assert_score(const char *what, struct env_score score, double mean, double error)
{
    print_message("%-34s %.4f +- %.4f (%.4f +- %.4f), length %.2f\n", what, score.mean, score.error,
                  mean, error, score.length);
    assert_true(fabs(score.mean - mean) <= 3.0 * hypot(score.error, error));
}
