/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_roaches.c - nine marines fight four roaches, and four more.
 *
 * 16 x 16 cells; one unit a cell. The marines are ordered together: 1 + b to walk to block b of
 * 2 x 2 cells, 65 + b to attack on the way there: a marine with a living roach within four steps
 * shoots the one of least strength, else it walks. Without an order they stand and shoot. Action
 * 0 leaves the order as it is; it is forgotten when a marine stands where it leads.
 *
 * Order of a frame: marines, by number; roaches, by number: a roach counts down; within three
 * steps of the nearest marine it attacks when it has counted down, farther away it goes a step
 * towards it, if it is within six steps or the roach has been hurt; then all damage. A step goes
 * diagonally, or if that cell is taken along y, or along x. A shot costs a roach 1 of its 20, an
 * attack a marine 2 of its 9; a dead roach is worth 10, a dead marine -1.
 *
 * When the last roach is dead, up to five dead marines come back, on the first free cells around
 * the first living one, and four new roaches come from the other side. The episode ends with the
 * last marine, and is cut off after 240 frames.
 *
 * After StarCraft II's DefeatRoaches (Vinyals et al. 2017, arXiv:1708.04782).
 */
#include "env/env_states_own.h"
#include "env/env_walk.h"

enum { FRAMES = 240, SIDE = PBTI_ENV_FIELD_SIDE };
enum { MARINES = PBTI_ROACHES_MARINES, ROACHES = PBTI_ROACHES_ROACHES };
enum { SHOT_RANGE = 4, SHOT = 1, ATTACK_RANGE = 3, ATTACK = 2, PAUSE = 2, SIGHT = 6, BACK = 5 };

#define ROACH_WORTH 10.0f
#define MARINE_WORTH (-1.0f)

/* The units of one side in one copy, out of the arrays of the state and back. */
struct side {
    int y[MARINES], x[MARINES], hp[MARINES], damage[MARINES];
    int count;
};

struct fight {
    struct side marines, roaches;
    int wait[ROACHES], order;
    bool left;
    uint32_t taken[SIDE]; /* bit x of value y: a living unit is there */
};

static void take_out(struct side *side, uint32_t *taken, int count, const int8_t *y,
                     const int8_t *x, const uint8_t *hp)
{
    side->count = count;
    for (int k = 0; k < count; k++) {
        side->y[k] = y[k];
        side->x[k] = x[k];
        side->hp[k] = hp[k];
        side->damage[k] = 0;
        if (hp[k] > 0) { taken[y[k]] |= 1u << x[k]; }
    }
}

static void put_back(const struct side *side, int8_t *y, int8_t *x, uint8_t *hp)
{
    for (int k = 0; k < side->count; k++) {
        y[k] = (int8_t)side->y[k];
        x[k] = (int8_t)side->x[k];
        hp[k] = (uint8_t)side->hp[k];
    }
}

static struct fight fight_of(const struct pbti_roaches *s, uint32_t copy)
{
    uint32_t const m = copy * MARINES, r = copy * ROACHES;
    struct fight f = {.order = s->order[copy], .left = s->left[copy]};
    take_out(&f.marines, f.taken, MARINES, s->marine_y + m, s->marine_x + m, s->marine_hp + m);
    take_out(&f.roaches, f.taken, ROACHES, s->roach_y + r, s->roach_x + r, s->roach_hp + r);
    for (int k = 0; k < ROACHES; k++) {
        f.wait[k] = s->roach_wait[r + (uint32_t)k];
    }
    return f;
}

static void keep(const struct fight *f, const struct pbti_roaches *s, uint32_t copy)
{
    uint32_t const m = copy * MARINES, r = copy * ROACHES;
    put_back(&f->marines, s->marine_y + m, s->marine_x + m, s->marine_hp + m);
    put_back(&f->roaches, s->roach_y + r, s->roach_x + r, s->roach_hp + r);
    for (int k = 0; k < ROACHES; k++) {
        s->roach_wait[r + (uint32_t)k] = (uint8_t)f->wait[k];
    }
    s->order[copy] = (uint8_t)f->order;
    s->left[copy] = f->left;
}

static bool is_free(const struct fight *f, int y, int x)
{
    return y >= 0 && y < SIDE && x >= 0 && x < SIDE && (f->taken[y] >> x & 1u) == 0;
}

static void put(struct fight *f, struct side *side, int k, int y, int x)
{
    side->y[k] = y;
    side->x[k] = x;
    f->taken[y] |= 1u << x;
}

static void leave(struct fight *f, const struct side *side, int k)
{
    f->taken[side->y[k]] &= ~(1u << side->x[k]);
}

/* -------- waves -------- */

static void put_roaches(struct fight *f)
{
    int const x = f->left ? 1 : SIDE - 2;
    for (int k = 0; k < ROACHES; k++) {
        int const y = 5 + 2 * k;
        int at = x;
        while (!is_free(f, y, at)) { /* beside a marine that stands there */
            at += f->left ? 1 : -1;
        }
        put(f, &f->roaches, k, y, at);
        f->roaches.hp[k] = PBTI_ROACHES_ROACH_HP;
        f->wait[k] = 0;
    }
}

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    struct fight f = {.marines = {.count = MARINES}, .roaches = {.count = ROACHES}};
    f.left = pbti_env_roll(dice, 2) == 1;
    for (int k = 0; k < MARINES; k++) {
        put(&f, &f.marines, k, 6 + k / 3, (f.left ? 12 : 1) + k % 3);
        f.marines.hp[k] = PBTI_ROACHES_MARINE_HP;
    }
    put_roaches(&f);
    keep(&f, state, copy);
}

/* `count` of the side when all are dead. */
static int first_living(const struct side *side)
{
    int k = 0;
    while (k < side->count && side->hp[k] == 0) {
        k++;
    }
    return k;
}

static void bring_back(struct fight *f)
{
    int const first = first_living(&f->marines);
    for (int cell = 0, k = 0, back = 0; cell < 25 && back < BACK; cell++) {
        int const y = f->marines.y[first] - 2 + cell / 5, x = f->marines.x[first] - 2 + cell % 5;
        while (k < MARINES && f->marines.hp[k] > 0) {
            k++;
        }
        if (k == MARINES) { return; }
        if (!is_free(f, y, x)) { continue; }
        put(f, &f->marines, k, y, x);
        f->marines.hp[k] = PBTI_ROACHES_MARINE_HP;
        back++;
    }
}

/* -------- a frame -------- */

static void go(struct fight *f, struct side *side, int k, int to_y, int to_x)
{
    int const y = side->y[k], x = side->x[k];
    int const dy = pbti_env_sign(to_y - y), dx = pbti_env_sign(to_x - x);
    int const ways[3][2] = {{y + dy, x + dx}, {y + dy, x}, {y, x + dx}};
    for (int i = 0; i < 3; i++) {
        if (!is_free(f, ways[i][0], ways[i][1])) { continue; }
        leave(f, side, k);
        put(f, side, k, ways[i][0], ways[i][1]);
        return;
    }
}

static int steps_between(const struct side *a, int i, const struct side *b, int k)
{
    return pbti_env_steps(a->y[i] - b->y[k], a->x[i] - b->x[k]);
}

/* The weakest roach that marine k can shoot; ROACHES: none. */
static int target_of(const struct fight *f, int k)
{
    int target = ROACHES, least = PBTI_ROACHES_ROACH_HP + 1;
    for (int r = 0; r < ROACHES; r++) {
        int const hp = f->roaches.hp[r];
        if (hp == 0 || hp >= least) { continue; }
        if (steps_between(&f->marines, k, &f->roaches, r) > SHOT_RANGE) { continue; }
        least = hp;
        target = r;
    }
    return target;
}

static void move_marines(struct fight *f)
{
    int const order = f->order, block = (order + PBTI_ENV_ORDERS - 1) % PBTI_ENV_ORDERS;
    int const y = 2 * (block / 8), x = 2 * (block % 8);
    bool const shoots = order == 0 || order > PBTI_ENV_ORDERS, walks = order > 0;
    for (int k = 0; k < MARINES; k++) {
        if (f->marines.hp[k] == 0) { continue; }
        int const target = shoots ? target_of(f, k) : ROACHES;
        if (target < ROACHES) {
            f->roaches.damage[target] += SHOT;
        } else if (walks) {
            go(f, &f->marines, k, y, x);
            if (f->marines.y[k] == y && f->marines.x[k] == x) { f->order = 0; }
        }
    }
}

static int nearest_marine(const struct fight *f, int r)
{
    int nearest = MARINES, best = SIDE;
    for (int k = 0; k < MARINES; k++) {
        int const steps = steps_between(&f->roaches, r, &f->marines, k);
        if (f->marines.hp[k] == 0 || steps >= best) { continue; }
        best = steps;
        nearest = k;
    }
    return nearest;
}

static void move_roaches(struct fight *f)
{
    for (int r = 0; r < ROACHES; r++) {
        if (f->roaches.hp[r] == 0) { continue; }
        int const prey = nearest_marine(f, r);
        int const steps = steps_between(&f->roaches, r, &f->marines, prey);
        bool const hurt = f->roaches.hp[r] < PBTI_ROACHES_ROACH_HP;
        if (f->wait[r] > 0) { f->wait[r]--; }
        if (steps <= ATTACK_RANGE) {
            if (f->wait[r] > 0) { continue; }
            f->marines.damage[prey] += ATTACK;
            f->wait[r] = PAUSE;
        } else if (steps <= SIGHT || hurt) {
            go(f, &f->roaches, r, f->marines.y[prey], f->marines.x[prey]);
        }
    }
}

/* How many die of it. */
static int land(struct fight *f, struct side *side)
{
    int dead = 0;
    for (int k = 0; k < side->count; k++) {
        if (side->hp[k] == 0 || side->damage[k] == 0) { continue; }
        side->hp[k] = side->hp[k] > side->damage[k] ? side->hp[k] - side->damage[k] : 0;
        if (side->hp[k] > 0) { continue; }
        leave(f, side, k);
        dead++;
    }
    return dead;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    for (uint32_t i = 0; i < frame->count; i++) {
        struct fight f = fight_of(state, i);
        if (frame->actions[i] > 0) { f.order = frame->actions[i]; }
        move_marines(&f);
        move_roaches(&f);
        int const roaches = land(&f, &f.roaches), marines = land(&f, &f.marines);
        frame->rewards[i] = ROACH_WORTH * (float)roaches + MARINE_WORTH * (float)marines;
        bool const lost = first_living(&f.marines) == MARINES;
        frame->ends[i] = lost ? PBTI_ENV_TERMINAL : PBTI_ENV_GOES_ON;
        if (!lost && first_living(&f.roaches) == ROACHES) {
            f.left = !f.left;
            bring_back(&f);
            put_roaches(&f);
        }
        keep(&f, state, i);
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    struct fight const f = fight_of(state, copy);
    int units = 0, cells = 0;
    if (first_living(&f.marines) == MARINES) { return "no living marine"; }
    if (first_living(&f.roaches) == ROACHES) { return "no living roach"; }
    for (int k = 0; k < MARINES; k++) {
        units += f.marines.hp[k] > 0;
    }
    for (int k = 0; k < ROACHES; k++) {
        units += f.roaches.hp[k] > 0;
    }
    for (uint32_t y = 0; y < SIDE; y++) {
        cells += __builtin_popcount(f.taken[y]);
    }
    return units == cells ? NULL : "two units in one cell";
}

/* -------- the picture -------- */

static void draw_side(const struct side *side, int channel, int half, uint16_t *cells)
{
    for (int k = 0; k < side->count; k++) {
        if (side->hp[k] == 0) { continue; }
        int const weak = side->hp[k] <= half ? 3 : 1;
        cells[side->y[k] * SIDE + side->x[k]] = (uint16_t)(weak << channel);
    }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    struct fight const f = fight_of(state, copy);
    draw_side(&f.marines, PBTI_ROACHES_MARINE, PBTI_ROACHES_MARINE_HP / 2, cells);
    draw_side(&f.roaches, PBTI_ROACHES_ROACH, PBTI_ROACHES_ROACH_HP / 2, cells);
}

#define PBTI_ENV_STRUCT struct pbti_roaches
static const struct pbti_env_field fields[] = {PBTI_ROACHES_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_roaches),
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

const struct pbti_env_kind pbti_env_roaches = {
    .name = "roaches",
    .rows = SIDE,
    .columns = SIDE,
    .channels = PBTI_ROACHES_CHANNELS,
    .cells = true,
    .actions = 1 + 2 * PBTI_ENV_ORDERS,
    .minimal_actions = 1 + 2 * PBTI_ENV_ORDERS,
    .frames_max = FRAMES,
    .scale = {33.88, 480.7},
    .rules = &rules,
};
