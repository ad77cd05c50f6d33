/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_use.c - `pbt use STUDY`: an episode drawn as text, or the returns of several; see a2c.h.
 *
 * All copies of the game play, from the beginning of an episode. What is drawn is the first copy;
 * of N returns each copy plays its share, so that short episodes do not push out long ones.
 */
#include "a2c/a2c.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PICTURES_PER_SECOND = 15 };

/* What stands for a channel of a game, in the order of its channels, and for a cell without any. Of
 * those that are set in a cell the first is drawn, or, with `top`, the last. */
struct drawing {
    const char *game, *glyphs;
    bool top;
    char nothing;
};
static const struct drawing drawings[] = {
    {"breakout", "=o'#", false, '.'},
    {"asterix", "@x-$", false, '.'},
    {"freeway", "@#-----", false, '.'},
    {"beacon", "@B", false, '.'},
    {"space_invaders", "AMMM|!", false, '.'},
    {"seaquest", "@@|-!fS=+d", false, '.'},
    {"shards", "@&$", false, '.'},
    {"keydoor", "#@k+$.", false, '.'},
    {"maze", "#.a$", true, '?'},
    {"roaches", "MmRr", true, '.'},
};
static const struct drawing plain = {"", "@abcdefghijklmno", false, '.'};

/* -------- playing -------- */

/* All copies begin an episode, of this seed. */
static pbt_status begin(struct pbti_a2c_agent *agent, const struct pbti_a2c_settings *settings,
                        uint64_t seed, struct pbt_error *err)
{
    float *state = NULL;
    pbt_status const status = pbti_a2c_network_set_aside(&agent->net, &state, err);
    free(state); /* the games of the checkpoint are not gone on with */
    pbti_env_seed(agent->env, seed);
    pbti_env_reset(agent->env);
    pbti_a2c_network_ready(&agent->net);
    agent->seed = seed;
    agent->rounds = 0;
    agent->reward_scale = settings->reward_scale;
    agent->reward_clip = settings->reward_clip;
    memset(agent->totals, 0, agent->copies * sizeof agent->totals[0]);
    memset(agent->frames, 0, agent->copies * sizeof agent->frames[0]);
    return status;
}

/* -------- returns -------- */

struct returns {
    const struct pbti_builtin_use *use;
    uint64_t episodes;
    double sum;
};

static void print_return(struct returns *r, double total, uint64_t frames, bool is_over)
{
    r->episodes++;
    r->sum += total;
    (void)fprintf(r->use->out,
                  r->use->json ? "{\"episode\": %llu, \"return\": %.9g, \"frames\": %llu, "
                                 "\"over\": %s}\n"
                               : "episode %llu  return %.9g  frames %llu%s\n",
                  (unsigned long long)r->episodes, total, (unsigned long long)frames,
                  r->use->json ? (is_over ? "true" : "false") : (is_over ? "" : "  not over"));
}

static void print_mean(const struct returns *r)
{
    double const mean = r->sum / (double)r->episodes;
    (void)fprintf(r->use->out,
                  r->use->json ? "{\"episodes\": %llu, \"mean\": %.9g}\n"
                               : "%llu episodes  mean return %.9g\n",
                  (unsigned long long)r->episodes, mean);
}

static void print_returns(struct pbti_a2c_agent *agent, uint64_t episodes,
                          const struct pbti_builtin_use *use)
{
    struct returns r = {.use = use};
    uint64_t left = episodes;
    for (uint32_t i = 0; i < agent->copies; i++) {
        agent->quotas[i] = episodes / agent->copies + (i < episodes % agent->copies ? 1 : 0);
    }
    while (left > 0 && agent->rounds < PBTI_A2C_PLAY_ROUNDS_MAX) {
        pbti_a2c_agent_act(agent, 0);
        pbti_a2c_agent_play_step(agent);
        for (uint32_t i = 0; i < agent->copies; i++) {
            if (agent->ends[i] == PBTI_ENV_GOES_ON) { continue; }
            if (agent->quotas[i] > 0) {
                print_return(&r, agent->totals[i], agent->frames[i], true);
                agent->quotas[i]--;
                left--;
            }
            agent->totals[i] = 0.0;
            agent->frames[i] = 0;
        }
    }
    for (uint32_t i = 0; i < agent->copies; i++) {
        if (agent->quotas[i] > 0) { print_return(&r, agent->totals[i], agent->frames[i], false); }
    }
    print_mean(&r);
}

/* -------- drawing -------- */

static const struct drawing *drawing_of(const char *game)
{
    for (size_t i = 0; i < sizeof drawings / sizeof drawings[0]; i++) {
        if (strcmp(drawings[i].game, game) == 0) { return &drawings[i]; }
    }
    return &plain;
}

static char cell_text(uint32_t cell, const struct drawing *drawing)
{
    uint32_t channel = 0;
    if (cell == 0) { return drawing->nothing; }
    while ((cell >> channel & 1u) == 0 || (drawing->top && cell >> (channel + 1) != 0)) {
        channel++;
    }
    return drawing->glyphs[channel];
}

/* A pixel by its colour where a thing has it, else by its light. */
static char pixel_text(const float *rgb)
{
    static const char ramp[] = " .:-=+*%#";
    if (rgb[0] > 0.9f && rgb[1] > 0.8f) { return 'G'; }
    if (rgb[0] > 0.85f && rgb[1] < 0.2f) { return 'a'; }
    float const light = (rgb[0] + rgb[1] + rgb[2]) / 3.0f;
    return ramp[(size_t)lroundf(light * (float)(sizeof ramp - 2))];
}

static void row_text(const struct pbti_a2c_agent *agent, uint32_t y, char *text)
{
    const struct pbti_a2c_shape *const shape = &agent->net.shape;
    const struct drawing *const drawing = drawing_of(pbti_env_kind(agent->env)->name);
    for (uint32_t x = 0; x < shape->columns; x++) {
        uint32_t const at = y * shape->columns + x;
        text[x] = shape->bytes ? pixel_text(agent->net.features + at * shape->channels)
                               : cell_text(agent->net.cells[at], drawing);
    }
    text[shape->columns] = '\0';
}

/* A feature of about [-1, 1] as a point on a line. */
static void gauge_text(double value, char text[24])
{
    enum { WIDTH = 21 };
    double const inside = value < -1.0 ? -1.0 : value > 1.0 ? 1.0 : value;
    memset(text, '-', WIDTH);
    text[WIDTH / 2] = '|';
    text[(int)lround((inside + 1.0) / 2.0 * (WIDTH - 1))] = 'o';
    text[WIDTH] = '\0';
}

/* What copy 0 sees: a member of a JSON object, or lines. */
static void print_picture(const struct pbti_a2c_agent *agent, const struct pbti_builtin_use *use)
{
    const struct pbti_a2c_shape *const shape = &agent->net.shape;
    bool const picture = shape->cells || shape->bytes;
    uint32_t const lines = picture ? shape->rows : shape->channels;
    char text[PBTI_ENV_CELLS_MAX + 1];
    if (use->json) { (void)fputs(picture ? "\"picture\": [" : "\"features\": [", use->out); }
    for (uint32_t i = 0; i < lines; i++) {
        const char *const comma = i == 0 ? "" : ", ";
        double const feature = picture ? 0.0 : (double)agent->net.features[i];
        if (picture) {
            row_text(agent, i, text);
        } else {
            gauge_text(feature, text);
        }
        if (!use->json) {
            (void)fprintf(use->out, picture ? "%s\n" : "%s %8.4f\n", text, feature);
        } else if (picture) {
            (void)fprintf(use->out, "%s\"%s\"", comma, text);
        } else {
            (void)fprintf(use->out, "%s%.9g", comma, feature);
        }
    }
    if (use->json) { (void)fputs("], ", use->out); }
}

/* On a terminal pictures take the place of each other. */
static void wait_and_return(const struct pbti_a2c_agent *agent, const struct pbti_builtin_use *use)
{
    const struct pbti_a2c_shape *const shape = &agent->net.shape;
    if (use->json || isatty(fileno(use->out)) == 0) { return; }
    struct timespec const pause = {.tv_nsec = 1000000000 / PICTURES_PER_SECOND};
    (void)fflush(use->out);
    (void)nanosleep(&pause, NULL);
    bool const picture = shape->cells || shape->bytes;
    (void)fprintf(use->out, "\033[%uA\033[J", (picture ? shape->rows : shape->channels) + 1);
}

static void draw_episode(struct pbti_a2c_agent *agent, uint64_t frames_max,
                         const struct pbti_builtin_use *use)
{
    struct returns r = {.use = use};
    bool is_over = false;
    for (uint64_t frame = 1; !is_over && frame <= frames_max; frame++) {
        pbti_a2c_agent_act(agent, 0);
        if (frame > 1) { wait_and_return(agent, use); }
        if (use->json) { (void)fprintf(use->out, "{\"frame\": %llu, ", (unsigned long long)frame); }
        print_picture(agent, use);
        double const before = agent->totals[0];
        pbti_a2c_agent_play_step(agent);
        (void)fprintf(use->out,
                      use->json ? "\"action\": %u, \"reward\": %.9g}\n"
                                : "action %u  reward %g  frame %llu  return %g\n",
                      agent->chosen[0], agent->totals[0] - before, (unsigned long long)frame,
                      agent->totals[0]);
        is_over = agent->ends[0] != PBTI_ENV_GOES_ON;
    }
    print_return(&r, agent->totals[0], agent->frames[0], is_over);
}

pbt_status pbti_a2c_use(void *state, const void *settings, struct pbti_builtin_use *use,
                        struct pbt_error *err)
{
    struct pbti_a2c_agent *const agent = &((struct pbti_a2c *)state)->agent;
    uint64_t episodes = 0;
    uint64_t frames = PBTI_A2C_PLAY_ROUNDS_MAX;
    bool many = false;
    pbt_status status = pbti_builtin_use_count(use, "episodes", 1, 1000000, &episodes, &many, err);
    if (status == PBT_OK) {
        status =
            pbti_builtin_use_count(use, "frames", 1, PBTI_A2C_PLAY_ROUNDS_MAX, &frames, NULL, err);
    }
    if (status == PBT_OK) {
        status = pbti_builtin_use_end(use, "--episodes N, --frames N and --seed N", err);
    }
    if (status == PBT_OK) { status = begin(agent, settings, use->seed, err); }
    if (status != PBT_OK) { return status; }
    if (many) {
        print_returns(agent, episodes, use);
    } else {
        draw_episode(agent, frames, use);
    }
    return PBT_OK;
}
