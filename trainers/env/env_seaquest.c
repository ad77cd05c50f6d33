/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_seaquest.c - MinAtar's Seaquest: a submarine shoots fish and submarines and rescues divers.
 *
 * What is shot is worth 1. Oxygen runs down below the surface and is filled at it, which takes a
 * diver; six divers are all brought home instead, worth up to 10 by the oxygen that is left. The
 * episode ends when an enemy or its bullet touches the submarine, without oxygen, and on surfacing
 * without a diver. With ramping each rise makes enemies appear more often and move faster.
 *
 * Order of a frame: spawn, submarine, its bullets, divers, enemy submarines, their bullets, fish,
 * timers, oxygen and surface. What is in a list takes its turn newest first.
 *
 * As in MinAtar a rise takes a diver even after six were brought home, so -1 are aboard then and
 * the next one only makes up for it; and with -1 aboard a rise is allowed.
 *
 * Differences MinAtar keeps whether the submarine has surfaced, which is whether it was in row 0 a
 *             frame ago, and the count of ramps, of which it uses whether it is odd: that is how
 *             far spawn_speed has fallen.
 */
#include "env/env_states.h"

enum { SIDE = PBTI_ENV_SIDE, RIGHT_EDGE = 9, BOTTOM = 8, GAUGES = 9, DIVERS_FULL = 6 };
enum { OXYGEN = 200, SHOT_COOLDOWN = 5, ENEMY_SHOT = 10, DIVER_REST = 5, DIVER_SPAWN = 30 };
enum { SPAWN_SPEED = 20, MOVE_SPEED = 5, MOVE_SPEED_MIN = 2 };

/* -------- lists -------- */

/* One of the lists of one copy; see PBTI_SEAQUEST_LIST. */
struct list {
    uint8_t *count;
    uint32_t room;
    int8_t *y, *x;
    uint8_t *right;
    int8_t *timer; /* frames until it moves; NULL: it moves in each frame */
    int8_t *shot;  /* frames until it shoots; NULL: it does not */
};

/* Everything of one copy. */
struct sea {
    const struct pbti_seaquest *s;
    uint32_t copy;
    struct list fish, subs, divers, friendly, shots;
    int32_t reward;
    bool over;
};

#define LIST(s, copy, name, size)                                                                  \
    .count = (s)->name##_count + (copy), .room = (size), .y = (s)->name##_y + (copy) * (size),     \
    .x = (s)->name##_x + (copy) * (size), .right = (s)->name##_right + (copy) * (size)

static struct sea sea_of(const struct pbti_seaquest *s, uint32_t copy)
{
    uint32_t const enemies = copy * PBTI_SEAQUEST_ENEMIES_MAX;
    uint32_t const divers = copy * PBTI_SEAQUEST_DIVERS_MAX;
    return (struct sea){
        .s = s,
        .copy = copy,
        .fish = {LIST(s, copy, fish, PBTI_SEAQUEST_ENEMIES_MAX), .timer = s->fish_timer + enemies},
        .subs = {LIST(s, copy, subs, PBTI_SEAQUEST_ENEMIES_MAX), .timer = s->subs_timer + enemies,
                 .shot = s->subs_shot + enemies},
        .divers = {LIST(s, copy, divers, PBTI_SEAQUEST_DIVERS_MAX),
                   .timer = s->divers_timer + divers},
        .friendly = {LIST(s, copy, friendly, PBTI_SEAQUEST_FRIENDLY_MAX)},
        .shots = {LIST(s, copy, shots, PBTI_SEAQUEST_SHOTS_MAX)},
    };
}

/* Nothing when there is no room; no play gets there. */
static void append(const struct list *list, int y, int x, bool right, int rest)
{
    uint32_t const k = *list->count;
    if (k >= list->room) { return; }
    list->y[k] = (int8_t)y;
    list->x[k] = (int8_t)x;
    list->right[k] = right;
    if (list->timer != NULL) { list->timer[k] = (int8_t)rest; }
    if (list->shot != NULL) { list->shot[k] = ENEMY_SHOT; }
    ++*list->count;
}

static void drop(const struct list *list, uint32_t k)
{
    uint32_t const count = --*list->count;
    for (; k < count; k++) {
        list->y[k] = list->y[k + 1];
        list->x[k] = list->x[k + 1];
        list->right[k] = list->right[k + 1];
        if (list->timer != NULL) { list->timer[k] = list->timer[k + 1]; }
        if (list->shot != NULL) { list->shot[k] = list->shot[k + 1]; }
    }
}

/* Move by a cell, off the list where that is off the board. Whether it is still there. */
static bool advance(const struct list *list, uint32_t k)
{
    int const x = list->x[k] + (list->right[k] ? 1 : -1);
    bool const inside = x >= 0 && x <= RIGHT_EDGE;
    if (inside) {
        list->x[k] = (int8_t)x;
    } else {
        drop(list, k);
    }
    return inside;
}

/* Remove the oldest at a cell. Whether there was one. */
static bool hit(const struct list *list, int y, int x)
{
    for (uint32_t k = 0; k < *list->count; k++) {
        if (list->y[k] != y || list->x[k] != x) { continue; }
        drop(list, k);
        return true;
    }
    return false;
}

static bool at_submarine(const struct sea *sea, const struct list *list, uint32_t k)
{
    return list->y[k] == sea->s->sub_y[sea->copy] && list->x[k] == sea->s->sub_x[sea->copy];
}

/* -------- what appears -------- */

static bool goes_against(const struct list *list, int y, bool right)
{
    for (uint32_t k = 0; k < *list->count; k++) {
        if (list->y[k] == y && (list->right[k] != 0) != right) { return true; }
    }
    return false;
}

/* A submarine one time in three, otherwise a fish; never in a row where others come against it. */
static void spawn_enemy(const struct sea *sea, uint32_t bits)
{
    uint32_t const sides = pbti_env_die(bits, 2 * 3 * 8);
    bool const right = sides & 1, submarine = sides / 2 % 3 == 0;
    int const y = 1 + (int)(sides / 6);
    if (goes_against(&sea->fish, y, right) || goes_against(&sea->subs, y, right)) { return; }
    append(submarine ? &sea->subs : &sea->fish, y, right ? 0 : RIGHT_EDGE, right,
           sea->s->move_speed[sea->copy]);
}

static void spawn_diver(const struct sea *sea, uint32_t bits)
{
    uint32_t const sides = pbti_env_die(bits, 2 * 8);
    bool const right = sides & 1;
    append(&sea->divers, 1 + (int)(sides / 2), right ? 0 : RIGHT_EDGE, right, DIVER_REST);
}

static void spawn(const struct sea *sea, uint32_t enemy_bits, uint32_t diver_bits)
{
    int8_t *const enemy_timer = &sea->s->spawn_timer[sea->copy];
    int8_t *const diver_timer = &sea->s->diver_spawn_timer[sea->copy];
    if (*enemy_timer == 0) {
        spawn_enemy(sea, enemy_bits);
        *enemy_timer = sea->s->spawn_speed[sea->copy];
    }
    if (*diver_timer == 0) {
        spawn_diver(sea, diver_bits);
        *diver_timer = DIVER_SPAWN;
    }
}

/* -------- what moves -------- */

static void act(const struct sea *sea, uint8_t action)
{
    const struct pbti_seaquest *const s = sea->s;
    uint32_t const i = sea->copy;
    int8_t *const y = &s->sub_y[i], *const x = &s->sub_x[i];
    switch (action) {
    case PBTI_ENV_FIRE:
        if (s->shot_timer[i] > 0) { break; }
        append(&sea->friendly, *y, *x, s->sub_right[i], 0);
        s->shot_timer[i] = SHOT_COOLDOWN;
        break;
    case PBTI_ENV_LEFT:
        *x = (int8_t)(*x > 0 ? *x - 1 : *x);
        s->sub_right[i] = 0;
        break;
    case PBTI_ENV_RIGHT:
        *x = (int8_t)(*x < RIGHT_EDGE ? *x + 1 : *x);
        s->sub_right[i] = 1;
        break;
    case PBTI_ENV_UP: *y = (int8_t)(*y > 0 ? *y - 1 : *y); break;
    case PBTI_ENV_DOWN: *y = (int8_t)(*y < BOTTOM ? *y + 1 : *y); break;
    default: break;
    }
}

static void move_friendly(struct sea *sea)
{
    const struct list *const bullets = &sea->friendly;
    for (uint32_t k = *bullets->count; k-- > 0;) {
        if (!advance(bullets, k)) { continue; }
        int const y = bullets->y[k], x = bullets->x[k];
        if (hit(&sea->fish, y, x) || hit(&sea->subs, y, x)) {
            drop(bullets, k);
            sea->reward++;
        }
    }
}

/* Take a diver aboard who is where the submarine is. Whether he was. */
static bool pick_up(const struct sea *sea, uint32_t k)
{
    int32_t *const aboard = &sea->s->divers_aboard[sea->copy];
    if (!at_submarine(sea, &sea->divers, k) || *aboard >= DIVERS_FULL) { return false; }
    drop(&sea->divers, k);
    ++*aboard;
    return true;
}

static void move_divers(const struct sea *sea)
{
    const struct list *const divers = &sea->divers;
    for (uint32_t k = *divers->count; k-- > 0;) {
        if (pick_up(sea, k)) { continue; }
        if (divers->timer[k] > 0) {
            divers->timer[k]--;
            continue;
        }
        divers->timer[k] = DIVER_REST;
        if (advance(divers, k)) { (void)pick_up(sea, k); }
    }
}

static void shoot(const struct sea *sea, uint32_t k)
{
    const struct list *const subs = &sea->subs;
    if (subs->shot[k] > 0) {
        subs->shot[k]--;
        return;
    }
    subs->shot[k] = ENEMY_SHOT;
    append(&sea->shots, subs->y[k], subs->x[k], subs->right[k], 0);
}

/* One enemy. One that is shot down where it moves to shoots once more; one that leaves the board
 * would shoot off it. */
static void move_enemy(struct sea *sea, const struct list *enemies, uint32_t k)
{
    bool const moves = enemies->timer[k] == 0;
    sea->over |= at_submarine(sea, enemies, k);
    if (moves) {
        enemies->timer[k] = sea->s->move_speed[sea->copy];
        if (!advance(enemies, k)) { return; }
    } else {
        enemies->timer[k]--;
    }
    if (enemies->shot != NULL) { shoot(sea, k); }
    if (!moves) { return; }
    if (at_submarine(sea, enemies, k)) {
        sea->over = true;
    } else if (hit(&sea->friendly, enemies->y[k], enemies->x[k])) {
        drop(enemies, k);
        sea->reward++;
    }
}

static void move_enemies(struct sea *sea, const struct list *enemies)
{
    for (uint32_t k = *enemies->count; k-- > 0;) {
        move_enemy(sea, enemies, k);
    }
}

static void move_shots(struct sea *sea)
{
    for (uint32_t k = *sea->shots.count; k-- > 0;) {
        sea->over |= at_submarine(sea, &sea->shots, k);
        if (advance(&sea->shots, k)) { sea->over |= at_submarine(sea, &sea->shots, k); }
    }
}

/* -------- oxygen and surface -------- */

static void ramp(const struct pbti_seaquest *s, uint32_t copy)
{
    bool const odd = (SPAWN_SPEED - s->spawn_speed[copy]) & 1;
    if (odd && s->move_speed[copy] > MOVE_SPEED_MIN) { s->move_speed[copy]--; }
    if (s->spawn_speed[copy] > 1) { s->spawn_speed[copy]--; }
}

static void rise(struct sea *sea, bool ramping)
{
    const struct pbti_seaquest *const s = sea->s;
    uint32_t const i = sea->copy;
    if (s->divers_aboard[i] == DIVERS_FULL) {
        s->divers_aboard[i] = 0;
        sea->reward += s->oxygen[i] * 10 / OXYGEN;
    }
    s->oxygen[i] = OXYGEN;
    s->divers_aboard[i]--;
    if (ramping) { ramp(s, i); }
}

static void breathe(struct sea *sea, bool was_up, bool ramping)
{
    const struct pbti_seaquest *const s = sea->s;
    uint32_t const i = sea->copy;
    sea->over |= s->oxygen[i] <= 0;
    if (s->sub_y[i] > 0) {
        s->oxygen[i]--;
    } else if (!was_up) {
        if (s->divers_aboard[i] == 0) {
            sea->over = true;
        } else {
            rise(sea, ramping);
        }
    }
}

/* -------- a frame -------- */

static void reset(void *state, uint32_t copy, const uint32_t bits[4])
{
    (void)bits;
    const struct pbti_seaquest *const s = state;
    s->sub_y[copy] = 0;
    s->sub_x[copy] = 5;
    s->sub_right[copy] = 0;
    s->oxygen[copy] = OXYGEN;
    s->divers_aboard[copy] = 0;
    s->shot_timer[copy] = 0;
    s->spawn_speed[copy] = s->spawn_timer[copy] = SPAWN_SPEED;
    s->diver_spawn_timer[copy] = DIVER_SPAWN;
    s->move_speed[copy] = MOVE_SPEED;
    s->fish_count[copy] = s->subs_count[copy] = s->divers_count[copy] = 0;
    s->friendly_count[copy] = s->shots_count[copy] = 0;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_seaquest *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        struct sea sea = sea_of(s, i);
        bool const was_up = s->sub_y[i] == 0;
        spawn(&sea, frame->draws[0][i], frame->draws[1][i]);
        act(&sea, frame->actions[i]);
        move_friendly(&sea);
        move_divers(&sea);
        move_enemies(&sea, &sea.subs);
        move_shots(&sea);
        move_enemies(&sea, &sea.fish);
        s->spawn_timer[i]--;
        s->diver_spawn_timer[i]--;
        if (s->shot_timer[i] > 0) { s->shot_timer[i]--; }
        breathe(&sea, was_up, frame->ramping);
        frame->rewards[i] = (float)sea.reward;
        frame->ends[i] = sea.over ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
    }
}

/* -------- observing -------- */

static void add(uint16_t *cells, int y, int x, uint32_t channel)
{
    if (x < 0 || x > RIGHT_EDGE) { return; }
    cells[y * SIDE + x] = (uint16_t)(cells[y * SIDE + x] | 1u << channel);
}

static void draw_list(const struct list *list, uint32_t channel, uint16_t *cells)
{
    for (uint32_t k = 0; k < *list->count; k++) {
        int const behind = list->x[k] + (list->right[k] ? -1 : 1);
        add(cells, list->y[k], list->x[k], channel);
        if (list->timer != NULL) { add(cells, list->y[k], behind, PBTI_SEAQUEST_TRAIL); }
    }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_seaquest *const s = state;
    struct sea const sea = sea_of(s, copy);
    int const y = s->sub_y[copy], x = s->sub_x[copy];
    add(cells, y, x, PBTI_SEAQUEST_SUB_FRONT);
    add(cells, y, x + (s->sub_right[copy] ? -1 : 1), PBTI_SEAQUEST_SUB_BACK);
    for (int column = 0; column < s->oxygen[copy] * SIDE / OXYGEN; column++) {
        add(cells, GAUGES, column, PBTI_SEAQUEST_OXYGEN_GAUGE);
    }
    for (int column = GAUGES - s->divers_aboard[copy]; column < GAUGES; column++) {
        add(cells, GAUGES, column, PBTI_SEAQUEST_DIVER_GAUGE);
    }
    draw_list(&sea.friendly, PBTI_SEAQUEST_FRIENDLY_BULLET, cells);
    draw_list(&sea.shots, PBTI_SEAQUEST_ENEMY_BULLET, cells);
    draw_list(&sea.fish, PBTI_SEAQUEST_ENEMY_FISH, cells);
    draw_list(&sea.subs, PBTI_SEAQUEST_ENEMY_SUB, cells);
    draw_list(&sea.divers, PBTI_SEAQUEST_DIVER, cells);
}

#define PBTI_ENV_STRUCT struct pbti_seaquest
static const struct pbti_env_field fields[] = {PBTI_SEAQUEST_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_seaquest),
    .sticky = true,
    .draws = true,
    .reset = reset,
    .step = step,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_seaquest = {
    .name = "seaquest",
    .rows = SIDE,
    .columns = SIDE,
    .channels = PBTI_SEAQUEST_CHANNELS,
    .cells = true,
    .actions = 6,
    .minimal_actions = 6,
    .rules = &rules,
};
