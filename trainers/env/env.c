/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env.c - what all games have in common: copies, random numbers, sticky actions, ends of episodes.
 * See env.h; saving and loading are in env_save.c.
 */
#include "env/env.h"
#include "env/env_kind.h"
#include "nn/nn_base.h"
#include "nn/nn_random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const struct pbti_env_kind *const kinds[] = {
    &pbti_env_breakout, &pbti_env_asterix,  &pbti_env_freeway,      &pbti_env_space_invaders,
    &pbti_env_seaquest, &pbti_env_cartpole, &pbti_env_mountain_car, &pbti_env_acrobot,
    &pbti_env_pendulum, &pbti_env_beacon,   &pbti_env_watermaze,    &pbti_env_keydoor,
    &pbti_env_maze,     &pbti_env_shards,   &pbti_env_roaches,      &pbti_env_maze3d,
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

#define PBTI_ENV_STRUCT struct pbti_env_common
static const struct pbti_env_field common_fields[] = {PBTI_ENV_COMMON(PBTI_ENV_FIELD_ROW)};
const struct pbti_env_table pbti_env_common_table = PBTI_ENV_TABLE(common_fields);

/* Streams of random numbers of one frame; the lanes of its stream. */
enum lane {
    LANE_FRAME = 0, /* a copy's first block: word 0 for `sticky`, the others for the game; those
                       that follow: what the game asks for in this frame */
    LANE_NEXT = 1,  /* the episode that begins because another ended */
    LANE_RESET = 2, /* the episode that begins because pbti_env_reset() was called */
};

/* -------- games by name -------- */

const struct pbti_env_kind *pbti_env_at(size_t index)
{
    return index < KINDS ? kinds[index] : NULL;
}

const struct pbti_env_kind *pbti_env_find(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i]->name, name) == 0) { return kinds[i]; }
    }
    return NULL;
}

struct pbti_env_options pbti_env_options_default(void)
{
    return (struct pbti_env_options){.sticky = 0.1, .ramping = true, .minimal = false};
}

/* -------- creating -------- */

/* All memory of `env`; what was taken before a failure is released by destroy. */
static bool take_memory(struct pbti_env *env)
{
    const struct pbti_env_rules *const rules = env->kind->rules;
    size_t const common = pbti_env_layout(&pbti_env_common_table, env->count, NULL, NULL);
    env->memory_size = common + pbti_env_layout(&rules->table, env->count, NULL, NULL);
    env->memory = aligned_alloc(PBTI_NN_ALIGN_BYTES, env->memory_size);
    env->state = calloc(1, rules->state_size);
    env->draws = malloc((size_t)4 * env->count * sizeof env->draws[0]);
    if (env->memory == NULL || env->state == NULL || env->draws == NULL) { return false; }
    (void)pbti_env_layout(&pbti_env_common_table, env->count, &env->common, env->memory);
    (void)pbti_env_layout(&rules->table, env->count, env->state, env->memory + common);
    return true;
}

/* Options that do not hold for a game are what they are by default, so that they make no difference
 * between saved states. */
static pbt_status choose(const struct pbti_env_kind *kind, const struct pbti_env_options *wanted,
                         struct pbti_env_options *chosen, struct pbt_error *err)
{
    *chosen = wanted == NULL ? pbti_env_options_default() : *wanted;
    if (!(chosen->sticky >= 0.0 && chosen->sticky <= 1.0)) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"sticky\" is %g; 0 to 1 are allowed",
                            chosen->sticky);
    }
    if (!kind->bytes) { chosen->pixels = 0; }
    if (!kind->rules->maze) {
        chosen->size = 0;
        chosen->map = 0;
        return PBT_OK;
    }
    if (chosen->size == 0) { chosen->size = PBTI_ENV_MAZE_SIZE; }
    if (chosen->size < PBTI_ENV_MAZE_SIZE_MIN || chosen->size > PBTI_ENV_MAZE_SIZE_MAX ||
        chosen->size % 2 == 0) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"size\" is %u; allowed are odd numbers, %d to %d",
                            chosen->size, PBTI_ENV_MAZE_SIZE_MIN, PBTI_ENV_MAZE_SIZE_MAX);
    }
    if (chosen->map > PBTI_ENV_MAP_MAX) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"map\" is %u; 0 to %d are allowed", chosen->map,
                            PBTI_ENV_MAP_MAX);
    }
    if (kind->bytes && chosen->pixels == 0) { chosen->pixels = kind->rows; }
    if (kind->bytes && (chosen->pixels < PBTI_ENV_PIXELS_MIN ||
                        chosen->pixels > PBTI_ENV_PIXELS_MAX || chosen->pixels % 4 != 0)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"pixels\" is %u; allowed are multiples of 4, %d to %d",
                            chosen->pixels, PBTI_ENV_PIXELS_MIN, PBTI_ENV_PIXELS_MAX);
    }
    return PBT_OK;
}

struct pbti_env_view pbti_env_view(const struct pbti_env_kind *kind,
                                   const struct pbti_env_options *options)
{
    bool const sized = kind->bytes && options != NULL && options->pixels > 0;
    uint32_t const rows = sized ? options->pixels : kind->rows;
    uint32_t const columns = sized ? options->pixels : kind->columns;
    return (struct pbti_env_view){rows, columns, kind->channels,
                                  (size_t)rows * columns * kind->channels};
}

bool pbti_env_scale(const struct pbti_env_kind *kind, const struct pbti_env_options *options,
                    struct pbti_env_scale *out)
{
    bool const minimal = options->minimal && kind->minimal != NULL;
    *out = options->shaped && kind->scale_shaped.reference > 0.0 ? kind->scale_shaped
           : minimal                                             ? kind->scale_minimal
                                                                 : kind->scale;
    bool const sized = options->size != 0 && options->size != PBTI_ENV_MAZE_SIZE;
    if (kind->rules->maze && (sized || options->map != 0)) { return false; }
    return out->reference > out->random;
}

pbt_status pbti_env_create(const struct pbti_env_kind *kind, uint32_t count,
                           const struct pbti_env_options *options, struct pbti_env **out,
                           struct pbt_error *err)
{
    *out = NULL;
    struct pbti_env_options chosen;
    if (count < 1 || count > PBTI_ENV_COUNT_MAX) {
        return pbti_nn_fail(err, PBT_EINVAL, "%u copies of \"%s\" were asked for; 1 to %u can be",
                            count, kind->name, PBTI_ENV_COUNT_MAX);
    }
    pbt_status const status = choose(kind, options, &chosen, err);
    if (status != PBT_OK) { return status; }
    struct pbti_env *const env = calloc(1, sizeof *env);
    if (env != NULL) {
        env->kind = kind;
        env->options = chosen;
        env->count = count;
    }
    if (env == NULL || !take_memory(env)) {
        pbti_env_destroy(env);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u copies of \"%s\"", count,
                            kind->name);
    }
    pbti_env_seed(env, 0);
    pbti_env_reset(env);
    *out = env;
    return PBT_OK;
}

void pbti_env_destroy(struct pbti_env *env)
{
    if (env == NULL) { return; }
    free(env->memory);
    free(env->state);
    free(env->draws);
    free(env);
}

const struct pbti_env_kind *pbti_env_kind(const struct pbti_env *env)
{
    return env->kind;
}

uint32_t pbti_env_count(const struct pbti_env *env)
{
    return env->count;
}

uint32_t pbti_env_actions(const struct pbti_env *env)
{
    return env->options.minimal ? env->kind->minimal_actions : env->kind->actions;
}

/* -------- random numbers -------- */

void pbti_env_seed(struct pbti_env *env, uint64_t seed)
{
    env->seed = seed;
    env->frame = 0;
}

static struct pbti_nn_stream stream(const struct pbti_env *env, enum lane lane)
{
    return (struct pbti_nn_stream){
        .seed = env->seed, .purpose = PBTI_NN_PURPOSE_ENV, .lane = lane, .step = env->frame};
}

static void begin_episode(struct pbti_env *env, uint32_t copy, const struct pbti_nn_stream *from)
{
    const struct pbti_env_rules *const rules = env->kind->rules;
    env->common.frames[copy] = 0;
    if (rules->begin != NULL) {
        struct pbti_env_dice dice = {.from = *from, .options = &env->options, .copy = copy};
        rules->begin(env->state, copy, &dice);
        return;
    }
    uint32_t bits[4];
    pbti_nn_random_block(from, copy, bits);
    rules->reset(env->state, copy, bits);
}

void pbti_env_reset(struct pbti_env *env)
{
    memset(env->memory, 0, env->memory_size);
    struct pbti_nn_stream const from = stream(env, LANE_RESET);
    for (uint32_t i = 0; i < env->count; i++) {
        begin_episode(env, i, &from);
    }
}

/* -------- stepping -------- */

/* Number the chosen actions as the game does. `last` is what was executed before, and becomes what
 * is executed now. */
static void execute(struct pbti_env *env, const uint8_t *chosen)
{
    uint8_t *const last = env->common.last;
    const uint8_t *const numbers = env->options.minimal ? env->kind->minimal : NULL;
    bool const sticky = env->kind->rules->sticky && env->options.sticky > 0.0;
    uint64_t const repeats = sticky ? (uint64_t)(env->options.sticky * 0x1p32 + 0.5) : 0;
    for (uint32_t i = 0; i < env->count; i++) {
        assert(chosen[i] < pbti_env_actions(env));
        if (sticky && env->draws[i] < repeats) { continue; }
        last[i] = numbers == NULL ? chosen[i] : numbers[chosen[i]];
    }
}

/* Cut episodes off that have reached the game's limit of frames. */
static void truncate_episodes(struct pbti_env *env, uint8_t *ends)
{
    uint32_t *const frames = env->common.frames;
    for (uint32_t i = 0; i < env->count; i++) {
        frames[i]++;
        if (ends[i] == PBTI_ENV_GOES_ON && frames[i] >= env->kind->frames_max) {
            ends[i] = PBTI_ENV_TRUNCATED;
        }
    }
}

void pbti_env_step(struct pbti_env *env, const uint8_t *actions, float *rewards, uint8_t *ends)
{
    const struct pbti_env_rules *const rules = env->kind->rules;
    size_t const count = env->count;
    env->frame++;
    struct pbti_nn_stream const from = stream(env, LANE_FRAME);
    if (rules->draws || (rules->sticky && env->options.sticky > 0.0)) {
        pbti_nn_random_planes(&from, env->draws, env->count);
    }
    execute(env, actions);
    struct pbti_env_frame const frame = {
        .count = env->count,
        .ramping = env->options.ramping,
        .options = &env->options,
        .from = from,
        .actions = env->common.last,
        .draws = {env->draws + count, env->draws + 2 * count, env->draws + 3 * count},
        .rewards = rewards,
        .ends = ends,
    };
    rules->step(env->state, &frame);
    if (env->kind->frames_max > 0) { truncate_episodes(env, ends); }

    struct pbti_nn_stream const next = stream(env, LANE_NEXT);
    for (uint32_t i = 0; i < env->count; i++) {
        if (ends[i] != PBTI_ENV_GOES_ON) { begin_episode(env, i, &next); }
    }
}

/* -------- observing -------- */

void pbti_env_observe_cells(const struct pbti_env *env, uint16_t *cells)
{
    const struct pbti_env_kind *const kind = env->kind;
    assert(kind->cells);
    size_t const picture = (size_t)kind->rows * kind->columns;
    memset(cells, 0, env->count * picture * sizeof cells[0]);
    for (uint32_t i = 0; i < env->count; i++) {
        kind->rules->draw(env->state, i, cells + i * picture);
    }
}

static void observe_picture(const struct pbti_env *env, uint32_t copy, float *x)
{
    uint16_t cells[PBTI_ENV_CELLS_MAX] = {0};
    uint32_t const picture = env->kind->rows * env->kind->columns;
    uint32_t const channels = env->kind->channels;
    assert(picture <= PBTI_ENV_CELLS_MAX);
    env->kind->rules->draw(env->state, copy, cells);
    for (uint32_t cell = 0; cell < picture; cell++) {
        for (uint32_t c = 0; c < channels; c++) {
            x[cell * channels + c] = (float)(cells[cell] >> c & 1);
        }
    }
}

void pbti_env_observe_bytes(const struct pbti_env *env, uint8_t *pixels)
{
    assert(env->kind->bytes);
    size_t const size = pbti_env_view(env->kind, &env->options).size;
    for (uint32_t i = 0; i < env->count; i++) {
        env->kind->rules->paint(env->state, i, env->options.pixels, pixels + i * size);
    }
}

static void observe_painting(const struct pbti_env *env, uint32_t copy, float *x)
{
    uint8_t pixels[3 * PBTI_ENV_PIXELS_MAX * PBTI_ENV_PIXELS_MAX];
    uint32_t const side = env->options.pixels;
    env->kind->rules->paint(env->state, copy, side, pixels);
    for (uint32_t k = 0; k < 3 * side * side; k++) {
        x[k] = (float)pixels[k] / 255.0f;
    }
}

void pbti_env_observe(const struct pbti_env *env, float *x)
{
    const struct pbti_env_kind *const kind = env->kind;
    size_t const size = pbti_env_view(kind, &env->options).size;
    for (uint32_t i = 0; i < env->count; i++) {
        if (kind->cells) {
            observe_picture(env, i, x + i * size);
        } else if (kind->bytes) {
            observe_painting(env, i, x + i * size);
        } else {
            kind->rules->features(env->state, i, x + i * size);
        }
    }
}
