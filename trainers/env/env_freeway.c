/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_freeway.c - MinAtar's Freeway: a chicken crosses eight lanes of cars.
 *
 * Reaching the top is worth 1, after which all cars get new speeds and directions and the chicken
 * starts again; a car sends it back to the start. The chicken may move every third frame. An
 * episode has 2501 frames; its end is one of the game (terminal), not a limit.
 *
 * Order of a frame: chicken, arrival, cars one after another from the top, timers.
 */
#include "env/env_states.h"

enum { CARS = PBTI_FREEWAY_CARS, SPEEDS = 5, START = 9, RIGHT_EDGE = 9, REST = 3, FRAMES = 2500 };

/* -------- cars -------- */

/* Give all cars new speeds and directions: one digit of 10 a car, four from each word, since
 * 10^4 sides are what a word can give without noticeable bias. Places are kept. */
static void randomise(const struct pbti_freeway *s, uint32_t copy, uint32_t word0, uint32_t word1)
{
    uint32_t digits[2] = {pbti_env_die(word0, 10000), pbti_env_die(word1, 10000)};
    for (uint32_t k = 0; k < CARS; k++) {
        uint32_t *const rest = &digits[k / 4];
        int const speed = 1 + (int)(*rest % SPEEDS);
        *rest /= SPEEDS;
        bool const left = *rest % 2;
        *rest /= 2;
        s->car_speed[copy * CARS + k] = (int8_t)(left ? -speed : speed);
        s->car_timer[copy * CARS + k] = (int8_t)speed;
    }
}

static int magnitude(int speed)
{
    return speed < 0 ? -speed : speed;
}

static bool hits(const struct pbti_freeway *s, uint32_t copy, uint32_t car)
{
    return s->car_x[copy * CARS + car] == PBTI_FREEWAY_COLUMN && s->chicken_y[copy] == (int)car + 1;
}

static void move_cars(const struct pbti_freeway *s, uint32_t copy)
{
    for (uint32_t k = 0; k < CARS; k++) {
        uint32_t const at = copy * CARS + k;
        if (hits(s, copy, k)) { s->chicken_y[copy] = START; }
        if (s->car_timer[at] > 0) {
            s->car_timer[at]--;
            continue;
        }
        int const x = s->car_x[at] + (s->car_speed[at] > 0 ? 1 : -1);
        s->car_timer[at] = (int8_t)magnitude(s->car_speed[at]);
        s->car_x[at] = (int8_t)(x < 0 ? RIGHT_EDGE : x > RIGHT_EDGE ? 0 : x);
        if (hits(s, copy, k)) { s->chicken_y[copy] = START; }
    }
}

/* -------- a frame -------- */

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    const struct pbti_freeway *const s = state;
    s->chicken_y[copy] = START;
    s->move_timer[copy] = REST;
    s->frames_left[copy] = FRAMES;
    for (uint32_t k = 0; k < CARS; k++) {
        s->car_x[copy * CARS + k] = 0;
    }
    randomise(s, copy, bits[0], bits[1]);
}

static void move_chicken(const struct pbti_freeway *s, uint32_t copy, uint8_t action)
{
    if (s->move_timer[copy] > 0 || (action != PBTI_ENV_UP && action != PBTI_ENV_DOWN)) { return; }
    s->move_timer[copy] = REST;
    if (action == PBTI_ENV_UP) {
        s->chicken_y[copy]--; /* never from row 0: who arrives there starts again */
    } else if (s->chicken_y[copy] < START) {
        s->chicken_y[copy]++;
    }
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_freeway *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        frame->rewards[i] = 0.0f;
        frame->ends[i] = PBTI_ENV_GOES_ON;
        move_chicken(s, i, frame->actions[i]);
        if (s->chicken_y[i] == 0) {
            frame->rewards[i] = 1.0f;
            randomise(s, i, frame->draws[0][i], frame->draws[1][i]);
            s->chicken_y[i] = START;
        }
        move_cars(s, i);
        if (s->move_timer[i] > 0) { s->move_timer[i]--; }
        s->frames_left[i]--;
        if (s->frames_left[i] < 0) { frame->ends[i] = PBTI_ENV_TERMINAL; }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_freeway *const s = state;
    for (uint32_t k = 0; k < CARS; k++) {
        if (s->car_speed[copy * CARS + k] == 0) { return "a car without speed"; }
    }
    return NULL;
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_freeway *const s = state;
    cells[s->chicken_y[copy] * PBTI_ENV_SIDE + PBTI_FREEWAY_COLUMN] |= 1u << PBTI_FREEWAY_CHICKEN;
    for (uint32_t k = 0; k < CARS; k++) {
        uint32_t const at = copy * CARS + k;
        uint16_t *const row = cells + (1 + k) * PBTI_ENV_SIDE;
        int const speed = s->car_speed[at];
        int const behind = s->car_x[at] + (speed > 0 ? -1 : 1);
        int const wrapped = behind < 0 ? RIGHT_EDGE : behind > RIGHT_EDGE ? 0 : behind;
        row[s->car_x[at]] |= 1u << PBTI_FREEWAY_CAR;
        row[wrapped] = (uint16_t)(row[wrapped] | 1u << (PBTI_FREEWAY_CAR + magnitude(speed)));
    }
}

#define PBTI_ENV_STRUCT struct pbti_freeway
static const struct pbti_env_field fields[] = {PBTI_FREEWAY_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_freeway),
    .sticky = true,
    .draws = true,
    .reset = reset,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

static const uint8_t minimal[] = {PBTI_ENV_NOOP, PBTI_ENV_UP, PBTI_ENV_DOWN};

const struct pbti_env_kind pbti_env_freeway = {
    .name = "freeway",
    .rows = PBTI_ENV_SIDE,
    .columns = PBTI_ENV_SIDE,
    .channels = PBTI_FREEWAY_CHANNELS,
    .cells = true,
    .actions = 6,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .rules = &rules,
};
