/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_watermaze.c - a platform that cannot be seen has to be found, and found again.
 *
 * 10 x 10 empty cells with a hidden platform, which stays for the whole episode. Only the agent's
 * cell is seen. It does nothing or moves left, up, right, down; at an edge it stays. On the
 * platform: 1, and the agent is somewhere else, four moves away at least, as at the beginning. So
 * the reward is the only clue, and who remembers where it was is there sooner the next time. An
 * episode is cut off after 200 frames.
 *
 * After the water maze of Morris 1981 and DeepMind Lab's rooms_watermaze.
 */
#include "env/env_states_own.h"
#include "env/env_walk.h"

enum { FRAMES = 200, APART = 4 };

static void place_agent(const struct pbti_watermaze *s, uint32_t copy, struct pbti_env_dice *dice)
{
    int y = 0, x = 0;
    do {
        y = (int)pbti_env_roll(dice, PBTI_ENV_SIDE);
        x = (int)pbti_env_roll(dice, PBTI_ENV_SIDE);
    } while (pbti_env_abs(y - s->platform_y[copy]) + pbti_env_abs(x - s->platform_x[copy]) < APART);
    s->y[copy] = (int8_t)y;
    s->x[copy] = (int8_t)x;
}

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_watermaze *const s = state;
    s->platform_y[copy] = (int8_t)pbti_env_roll(dice, PBTI_ENV_SIDE);
    s->platform_x[copy] = (int8_t)pbti_env_roll(dice, PBTI_ENV_SIDE);
    place_agent(s, copy, dice);
}

static bool is_there(const struct pbti_watermaze *s, uint32_t copy)
{
    return s->y[copy] == s->platform_y[copy] && s->x[copy] == s->platform_x[copy];
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_watermaze *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        int y = s->y[i], x = s->x[i];
        pbti_env_move(frame->actions[i], &y, &x);
        if (pbti_env_on_board(y, x)) {
            s->y[i] = (int8_t)y;
            s->x[i] = (int8_t)x;
        }
        bool const there = is_there(s, i);
        frame->rewards[i] = there ? 1.0f : 0.0f;
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (there) {
            struct pbti_env_dice dice = pbti_env_frame_dice(frame, i);
            place_agent(s, i, &dice);
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    return is_there(state, copy) ? "an agent on the platform" : NULL;
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_watermaze *const s = state;
    cells[s->y[copy] * PBTI_ENV_SIDE + s->x[copy]] = 1;
}

#define PBTI_ENV_STRUCT struct pbti_watermaze
static const struct pbti_env_field fields[] = {PBTI_WATERMAZE_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_watermaze),
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_watermaze = {
    .name = "watermaze",
    .rows = PBTI_ENV_SIDE,
    .columns = PBTI_ENV_SIDE,
    .channels = 1,
    .cells = true,
    .actions = 5,
    .minimal_actions = 5,
    .frames_max = FRAMES,
    .scale = {0.571, 21.24},
    .rules = &rules,
};
