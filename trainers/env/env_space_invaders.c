/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_space_invaders.c - MinAtar's Space Invaders: shoot aliens that march down and shoot back.
 *
 * An alien is worth 1. The episode ends when a bullet or an alien reaches the cannon, or when the
 * aliens would step down from the bottom row. They move faster the fewer they are; when all are
 * gone a new wave comes, with ramping one frame faster than the last, down to every sixth frame.
 *
 * Order of a frame: cannon, friendly bullets, enemy bullets, touch, aliens, their shot, kills,
 * timers, new wave.
 */
#include "env/env_states.h"

enum { SIDE = PBTI_ENV_SIDE, HALF_ROWS = SIDE / 2, BOTTOM = 9, RIGHT_EDGE = 9 };
enum { SHOT_COOLDOWN = 5, ALIEN_SHOT_INTERVAL = 10, INTERVAL = 12, INTERVAL_MIN = 6 };

/* -------- boards -------- */

/* A set of cells; see PBTI_INVADERS_HALF. */
struct board {
    uint64_t upper, lower;
};

#define ROW UINT64_C(0x3ff)
#define LAST_ROW_SHIFT (SIDE * (HALF_ROWS - 1)) /* of the last row of a half */

static struct board get(const uint64_t *boards, uint32_t copy)
{
    return (struct board){boards[2 * copy], boards[2 * copy + 1]};
}

static void set(uint64_t *boards, uint32_t copy, struct board board)
{
    boards[2 * copy] = board.upper;
    boards[2 * copy + 1] = board.lower;
}

static uint64_t row(struct board board, int y)
{
    return (y < HALF_ROWS ? board.upper >> (SIDE * y) : board.lower >> (SIDE * (y - HALF_ROWS))) &
           ROW;
}

static struct board cell(int y, int x)
{
    uint64_t const bit = UINT64_C(1) << (SIDE * (y % HALF_ROWS) + x);
    return y < HALF_ROWS ? (struct board){bit, 0} : (struct board){0, bit};
}

static struct board with(struct board a, struct board b)
{
    return (struct board){a.upper | b.upper, a.lower | b.lower};
}

static bool has(struct board board, int y, int x)
{
    return row(board, y) >> x & 1;
}

/* What is in row 0 is lost. */
static struct board up(struct board b)
{
    return (struct board){b.upper >> SIDE | (b.lower & ROW) << LAST_ROW_SHIFT, b.lower >> SIDE};
}

/* What is in row 9 comes in again in row 0. */
static struct board roll_down(struct board b)
{
    uint64_t const upper = (b.upper << SIDE & PBTI_INVADERS_HALF) | b.lower >> LAST_ROW_SHIFT;
    uint64_t const lower = (b.lower << SIDE & PBTI_INVADERS_HALF) | b.upper >> LAST_ROW_SHIFT;
    return (struct board){upper, lower};
}

static struct board down(struct board b)
{
    b.lower &= PBTI_INVADERS_HALF >> SIDE; /* what is in row 9 is lost */
    return roll_down(b);
}

/* The edge column on that side is empty. */
static struct board sideways(struct board b, int direction)
{
    return direction < 0 ? (struct board){b.upper >> 1, b.lower >> 1}
                         : (struct board){b.upper << 1, b.lower << 1};
}

/* Bit x: a cell of column x is set. */
static uint32_t columns(struct board b)
{
    uint64_t const halves = b.upper | b.lower;
    uint64_t all = 0;
    for (int y = 0; y < HALF_ROWS; y++) {
        all |= halves >> (SIDE * y);
    }
    return (uint32_t)(all & ROW);
}

static int cells_in(struct board b)
{
    return __builtin_popcountll(b.upper) + __builtin_popcountll(b.lower);
}

/* Rows 0..3, columns 2..7. */
static struct board wave(void)
{
    struct board b = {0, 0};
    for (int y = 0; y < 4; y++) {
        b.upper |= UINT64_C(0x0fc) << (SIDE * y);
    }
    return b;
}

/* -------- parts of a frame -------- */

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    (void)bits;
    const struct pbti_invaders *const s = state;
    struct board const none = {0, 0};
    s->cannon[copy] = 5;
    s->direction[copy] = -1;
    s->interval[copy] = s->move_timer[copy] = INTERVAL;
    s->alien_shot_timer[copy] = ALIEN_SHOT_INTERVAL;
    s->shot_timer[copy] = 0;
    set(s->aliens, copy, wave());
    set(s->friendly, copy, none);
    set(s->enemy, copy, none);
}

static void act(const struct pbti_invaders *s, uint32_t copy, uint8_t action)
{
    int8_t *const x = &s->cannon[copy];
    if (action == PBTI_ENV_FIRE && s->shot_timer[copy] == 0) {
        set(s->friendly, copy, with(get(s->friendly, copy), cell(BOTTOM, *x)));
        s->shot_timer[copy] = SHOT_COOLDOWN;
    } else if (action == PBTI_ENV_LEFT && *x > 0) {
        (*x)--;
    } else if (action == PBTI_ENV_RIGHT && *x < RIGHT_EDGE) {
        (*x)++;
    }
}

/* Whether the game is over: the cannon was reached, or the bottom. */
static bool move_aliens(const struct pbti_invaders *s, uint32_t copy)
{
    struct board aliens = get(s->aliens, copy);
    int const count = cells_in(aliens);
    int const edge = s->direction[copy] < 0 ? 0 : RIGHT_EDGE;
    bool over = false;
    s->move_timer[copy] = (int8_t)(count < s->interval[copy] ? count : s->interval[copy]);
    if (columns(aliens) >> edge & 1) {
        s->direction[copy] = (int8_t)-s->direction[copy];
        over = row(aliens, BOTTOM) != 0;
        aliens = roll_down(aliens);
    } else {
        aliens = sideways(aliens, s->direction[copy]);
    }
    set(s->aliens, copy, aliens);
    return over || has(aliens, BOTTOM, s->cannon[copy]);
}

/* The nearest column with aliens, the left one of two; -1 when there is none. */
static int nearest_column(uint32_t occupied, int x)
{
    for (int distance = 0; distance < SIDE; distance++) {
        if (x - distance >= 0 && occupied >> (x - distance) & 1) { return x - distance; }
        if (x + distance < SIDE && occupied >> (x + distance) & 1) { return x + distance; }
    }
    return -1;
}

/* The lowest alien of the column nearest to the cannon shoots. */
static void alien_shoots(const struct pbti_invaders *s, uint32_t copy)
{
    struct board const aliens = get(s->aliens, copy);
    int const x = nearest_column(columns(aliens), s->cannon[copy]);
    for (int y = BOTTOM; y >= 0 && x >= 0; y--) {
        if (!has(aliens, y, x)) { continue; }
        set(s->enemy, copy, with(get(s->enemy, copy), cell(y, x)));
        return;
    }
}

/* Remove aliens and the bullets that meet them; how many. */
static int kill_aliens(const struct pbti_invaders *s, uint32_t copy)
{
    struct board aliens = get(s->aliens, copy), bullets = get(s->friendly, copy);
    struct board const met = {aliens.upper & bullets.upper, aliens.lower & bullets.lower};
    set(s->aliens, copy, (struct board){aliens.upper & ~met.upper, aliens.lower & ~met.lower});
    set(s->friendly, copy, (struct board){bullets.upper & ~met.upper, bullets.lower & ~met.lower});
    return cells_in(met);
}

/* -------- a frame -------- */

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_invaders *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        act(s, i, frame->actions[i]);
        set(s->friendly, i, up(get(s->friendly, i)));
        set(s->enemy, i, down(get(s->enemy, i)));
        bool over = has(get(s->enemy, i), BOTTOM, s->cannon[i]);
        over |= has(get(s->aliens, i), BOTTOM, s->cannon[i]);
        if (s->move_timer[i] == 0) { over |= move_aliens(s, i); }
        if (s->alien_shot_timer[i] == 0) {
            s->alien_shot_timer[i] = ALIEN_SHOT_INTERVAL;
            alien_shoots(s, i);
        }
        frame->rewards[i] = (float)kill_aliens(s, i);
        frame->ends[i] = over ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
        if (s->shot_timer[i] > 0) { s->shot_timer[i]--; }
        s->move_timer[i]--;
        s->alien_shot_timer[i]--;
        if (s->aliens[2 * i] == 0 && s->aliens[2 * i + 1] == 0) {
            if (frame->ramping && s->interval[i] > INTERVAL_MIN) { s->interval[i]--; }
            set(s->aliens, i, wave());
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_invaders *const s = state;
    if (s->direction[copy] == 0) { return "aliens without a direction"; }
    return cells_in(get(s->aliens, copy)) == 0 ? "no aliens" : NULL;
}

static void draw_board(struct board board, uint32_t bits, uint16_t *cells)
{
    for (int y = 0; y < SIDE; y++) {
        uint64_t rest = row(board, y);
        for (int x = 0; rest != 0; x++, rest >>= 1) {
            uint16_t *const at = &cells[y * SIDE + x];
            *at = (uint16_t)(*at | (rest & 1 ? bits : 0));
        }
    }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_invaders *const s = state;
    uint32_t const moving =
        s->direction[copy] < 0 ? 1u << PBTI_INVADERS_ALIEN_LEFT : 1u << PBTI_INVADERS_ALIEN_RIGHT;
    cells[BOTTOM * SIDE + s->cannon[copy]] |= 1u << PBTI_INVADERS_CANNON;
    draw_board(get(s->aliens, copy), 1u << PBTI_INVADERS_ALIEN | moving, cells);
    draw_board(get(s->friendly, copy), 1u << PBTI_INVADERS_FRIENDLY_BULLET, cells);
    draw_board(get(s->enemy, copy), 1u << PBTI_INVADERS_ENEMY_BULLET, cells);
}

#define PBTI_ENV_STRUCT struct pbti_invaders
static const struct pbti_env_field fields[] = {PBTI_INVADERS_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_invaders),
    .sticky = true,
    .reset = reset,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

static const uint8_t minimal[] = {PBTI_ENV_NOOP, PBTI_ENV_LEFT, PBTI_ENV_RIGHT, PBTI_ENV_FIRE};

const struct pbti_env_kind pbti_env_space_invaders = {
    .name = "space_invaders",
    .rows = SIDE,
    .columns = SIDE,
    .channels = PBTI_INVADERS_CHANNELS,
    .cells = true,
    .actions = 6,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .rules = &rules,
};
