/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_maze3d.c - the maze of env_maze.c in the first person: a picture by ray casting.
 *
 * The agent has a place and one of 16 headings. It goes a quarter of a cell ahead, turns left or
 * right by 22.5 degrees; with all six actions it also goes back, to the left, to the right. Its
 * body is a square of half width 0.2: along y first, then along x, a move that would bring a corner
 * into a wall is undone. What is in the cell it stands in counts after every frame, turns too:
 * an apple is worth 1, the goal 10 and a new start. An episode is cut off after 900 frames.
 *
 * Picture     ceiling above, floor below; a wall at perpendicular distance d is H / d rows high.
 *             The colour of a wall follows from its place, is darker with distance and on faces
 *             crossed along y, and has a pattern, so that motion can be seen. The goal is a yellow
 *             disc at eye level, an apple a smaller red one below it.
 */
#include "env/env_maze_map.h"

#include <math.h>
#include <string.h>

enum { FRAMES = 900, HEADINGS = PBTI_MAZE3D_HEADINGS, CHANNELS = 3, THINGS_MAX = 50 };

#define STRIDE 0.25
#define BODY 0.2    /* half the width of the agent */
#define SPREAD 0.75 /* half the width of the picture at distance 1 */

struct heading {
    double dy, dx; /* one cell ahead */
};

/* The sine of a number of headings: of a table, so that every machine plays the same. */
static double sine(uint32_t heading)
{
    static const double quarter[] = {0.0, 0.38268343236508977, 0.70710678118654752,
                                     0.92387953251128676, 1.0};
    uint32_t const in_half = heading % (HEADINGS / 2);
    double const value = quarter[in_half <= 4 ? in_half : 8 - in_half];
    return heading % HEADINGS < HEADINGS / 2 ? value : -value;
}

static struct heading ahead_of(uint32_t heading)
{
    return (struct heading){-sine(heading + HEADINGS / 4), sine(heading)};
}

/* -------- episodes -------- */

static void stand(const struct pbti_maze3d *s, uint32_t copy, struct pbti_maze_start start)
{
    s->y[copy] = start.y + 0.5;
    s->x[copy] = start.x + 0.5;
    s->heading[copy] = (uint8_t)(start.direction * (HEADINGS / 4));
}

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_maze3d *const s = state;
    stand(s, copy, pbti_maze_make(PBTI_MAZE_MAP(s, copy), dice));
}

/* -------- a frame -------- */

static bool fits(struct pbti_maze_map map, double y, double x)
{
    int const top = (int)(y - BODY), bottom = (int)(y + BODY);
    int const left = (int)(x - BODY), right = (int)(x + BODY);
    return !pbti_maze_is_wall(map, top, left) && !pbti_maze_is_wall(map, top, right) &&
           !pbti_maze_is_wall(map, bottom, left) && !pbti_maze_is_wall(map, bottom, right);
}

static void move(const struct pbti_maze3d *s, uint32_t copy, double dy, double dx)
{
    struct pbti_maze_map const map = PBTI_MAZE_MAP(s, copy);
    double const y = s->y[copy] + STRIDE * dy, x = s->x[copy] + STRIDE * dx;
    if (fits(map, y, s->x[copy])) { s->y[copy] = y; }
    if (fits(map, s->y[copy], x)) { s->x[copy] = x; }
}

static void act(const struct pbti_maze3d *s, uint32_t copy, uint8_t action)
{
    uint32_t const heading = s->heading[copy];
    struct heading const h = ahead_of(heading);
    switch (action) {
    case PBTI_MAZE_FORWARD: move(s, copy, h.dy, h.dx); break;
    case PBTI_MAZE_BACK: move(s, copy, -h.dy, -h.dx); break;
    case PBTI_MAZE_STRAFE_LEFT: move(s, copy, -h.dx, h.dy); break;
    case PBTI_MAZE_STRAFE_RIGHT: move(s, copy, h.dx, -h.dy); break;
    case PBTI_MAZE_TURN_LEFT:
        s->heading[copy] = (uint8_t)((heading + HEADINGS - 1) % HEADINGS);
        break;
    default: s->heading[copy] = (uint8_t)((heading + 1) % HEADINGS); break;
    }
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_maze3d *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        struct pbti_maze_map const map = PBTI_MAZE_MAP(s, i);
        act(s, i, frame->actions[i]);
        frame->rewards[i] = pbti_maze_visit(map, (int)s->y[i], (int)s->x[i]);
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (frame->rewards[i] == PBTI_MAZE_GOAL_REWARD) {
            struct pbti_env_dice dice = pbti_env_frame_dice(frame, i);
            stand(s, i, pbti_maze_start(map, &dice));
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_maze3d *const s = state;
    struct pbti_maze_map const map = PBTI_MAZE_MAP(s, copy);
    const char *const of_map = pbti_maze_flaw(map);
    if (of_map != NULL) { return of_map; }
    if (s->y[copy] >= *map.size - 1 || s->x[copy] >= *map.size - 1) {
        return "an agent beyond its maze";
    }
    return fits(map, s->y[copy], s->x[copy]) ? NULL : "an agent in a wall";
}

/* -------- the picture -------- */

/* What a picture is made from. */
struct canvas {
    uint32_t side;
    uint8_t *pixels;                       /* shape (side, side, 3) */
    double distances[PBTI_ENV_PIXELS_MAX]; /* of the wall in each column */
};

static double slope_of(const struct canvas *canvas, uint32_t column)
{
    return SPREAD * (2.0 * (column + 0.5) / canvas->side - 1.0);
}

static void paint_background(struct canvas *canvas)
{
    static const uint8_t above[CHANNELS] = {40, 40, 80}, below[CHANNELS] = {90, 90, 90};
    uint32_t const row = canvas->side * CHANNELS;
    for (uint32_t k = 0; k < row; k++) {
        canvas->pixels[k] = above[k % CHANNELS];
        canvas->pixels[canvas->side / 2 * row + k] = below[k % CHANNELS];
    }
    for (uint32_t y = 1; y < canvas->side / 2; y++) {
        memcpy(canvas->pixels + y * row, canvas->pixels, row);
        memcpy(canvas->pixels + (canvas->side / 2 + y) * row,
               canvas->pixels + canvas->side / 2 * row, row);
    }
}

/* The colours of a face: plain, and in the pattern. */
static void colours_of(const struct pbti_maze_ray *ray, uint8_t colours[2][CHANNELS])
{
    uint64_t const place = (uint64_t)(31 * ray->y + 17 * ray->x + 7);
    uint32_t const levels = (uint32_t)(place * UINT64_C(0x9E3779B97F4A7C15) >> 58);
    double const light = (ray->along_y ? 0.75 : 1.0) / (1.0 + ray->distance / 4.0);
    for (uint32_t c = 0; c < CHANNELS; c++) {
        double const level = (60.0 + 60.0 * (levels >> (2 * c) & 3u)) * light;
        colours[0][c] = (uint8_t)level;
        colours[1][c] = (uint8_t)(0.8 * level);
    }
}

static void paint_wall(struct canvas *canvas, uint32_t column, const struct pbti_maze_ray *ray)
{
    uint8_t colours[2][CHANNELS];
    double const side = canvas->side, height = floor(fmin(side / ray->distance, 1e6));
    double const top = (side - height) / 2.0, bands = 8.0 / height;
    uint32_t const first = top > 0.0 ? (uint32_t)ceil(top - 0.5) : 0;
    uint32_t const last = top > 0.0 ? (uint32_t)ceil(top + height - 0.5) : canvas->side;
    uint32_t const along = (uint32_t)(4.0 * ray->along);
    uint8_t *pixel = canvas->pixels + (first * canvas->side + column) * CHANNELS;
    colours_of(ray, colours);
    for (uint32_t y = first; y < last; y++, pixel += canvas->side * CHANNELS) {
        uint32_t const down = (uint32_t)(bands * (y + 0.5 - top));
        memcpy(pixel, colours[(down + along + 1) % 2], CHANNELS);
    }
}

/* A disc that stands in a room. */
struct thing {
    double depth, right; /* from the agent, along its heading and across it */
    bool goal;
};

static void paint_thing(struct canvas *canvas, const struct thing *thing)
{
    static const uint8_t yellow[CHANNELS] = {250, 220, 20}, red[CHANNELS] = {230, 20, 30};
    double const radius = thing->goal ? 0.35 : 0.2, low = thing->goal ? 0.0 : 0.25;
    double const scale = canvas->side / thing->depth; /* rows of a cell's height there */
    double const middle = canvas->side / 2.0 + low * scale - 0.5;
    if (fabs(thing->right) - radius >= SPREAD * thing->depth) { return; }
    for (uint32_t x = 0; x < canvas->side; x++) {
        double const across = (slope_of(canvas, x) * thing->depth - thing->right) / radius;
        if (thing->depth >= canvas->distances[x] || across * across >= 1.0) { continue; }
        double const half = radius * scale * sqrt(1.0 - across * across);
        uint32_t const first = middle - half < 0.0 ? 0 : (uint32_t)(middle - half) + 1;
        for (uint32_t y = first; y < canvas->side && y < middle + half; y++) {
            memcpy(canvas->pixels + (y * canvas->side + x) * CHANNELS, thing->goal ? yellow : red,
                   CHANNELS);
        }
    }
}

/* What is before the agent, the farthest first; how many. */
static uint32_t things_ahead(const struct pbti_maze3d *s, uint32_t copy, struct thing *things)
{
    struct pbti_maze_map const map = PBTI_MAZE_MAP(s, copy);
    struct heading const h = ahead_of(s->heading[copy]);
    uint32_t const rooms = (uint32_t)pbti_maze_rooms(map);
    uint64_t const all = *map.apples | UINT64_C(1) << *map.goal;
    uint32_t count = 0;
    for (uint32_t room = 0; all >> room != 0; room++) {
        if ((all >> room & 1u) == 0) { continue; }
        double const y = 2.0 * (room / rooms) + 1.5 - s->y[copy];
        double const x = 2.0 * (room % rooms) + 1.5 - s->x[copy];
        struct thing const thing = {y * h.dy + x * h.dx, y * h.dx - x * h.dy, room == *map.goal};
        if (thing.depth < 0.05) { continue; }
        uint32_t at = count++;
        for (; at > 0 && things[at - 1].depth < thing.depth; at--) {
            things[at] = things[at - 1];
        }
        things[at] = thing;
    }
    return count;
}

static void paint(const void *state, uint32_t copy, uint32_t side, uint8_t *pixels)
{
    const struct pbti_maze3d *const s = state;
    struct canvas canvas = {.side = side, .pixels = pixels};
    struct heading const h = ahead_of(s->heading[copy]);
    struct thing things[THINGS_MAX];
    paint_background(&canvas);
    for (uint32_t x = 0; x < side; x++) {
        double const slope = slope_of(&canvas, x);
        struct pbti_maze_ray const ray =
            pbti_maze_cast(PBTI_MAZE_MAP(s, copy), s->y[copy], s->x[copy], h.dy + slope * h.dx,
                           h.dx - slope * h.dy);
        canvas.distances[x] = ray.distance;
        paint_wall(&canvas, x, &ray);
    }
    uint32_t const count = things_ahead(s, copy, things);
    for (uint32_t k = 0; k < count; k++) {
        paint_thing(&canvas, &things[k]);
    }
}

#define PBTI_ENV_STRUCT struct pbti_maze3d
static const struct pbti_env_field fields[] = {PBTI_MAZE3D_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_maze3d),
    .maze = true,
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .paint = paint,
};

static const uint8_t minimal[] = {PBTI_MAZE_FORWARD, PBTI_MAZE_TURN_LEFT, PBTI_MAZE_TURN_RIGHT};

const struct pbti_env_kind pbti_env_maze3d = {
    .name = "maze3d",
    .rows = 24,
    .columns = 24,
    .channels = CHANNELS,
    .bytes = true,
    .actions = PBTI_MAZE_ACTIONS,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .frames_max = FRAMES,
    .scale = {2.34, 176.3},
    .scale_minimal = {4.60, 176.3},
    .rules = &rules,
};
