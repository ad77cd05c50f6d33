/* SPDX-License-Identifier: Apache-2.0 */
/* env_maze_map.c - maps of mazes, see env_maze_map.h. */
#include "env/env_maze_map.h"

#include <math.h>

enum { LOOPS = 3, APPLES = 5, DIRECTIONS = 4, INNER_WALLS_MAX = 2 * 7 * 6 };

/* The stream of the maps that have a number, apart from those of frames (env.c). */
enum { LANE_MAP = 3 };

/* -------- walls -------- */

static void open_cell(struct pbti_maze_map map, int y, int x)
{
    map.walls[y] &= ~(1u << x);
}

/* The rooms beside a room that have not been visited: their directions; how many. */
static uint32_t fresh_neighbours(int room, int rooms, uint64_t visited, uint8_t *directions)
{
    uint32_t count = 0;
    for (uint8_t d = 0; d < DIRECTIONS; d++) {
        int const y = room / rooms + pbti_maze_dy(d), x = room % rooms + pbti_maze_dx(d);
        if (y < 0 || y >= rooms || x < 0 || x >= rooms) { continue; }
        if ((visited >> (y * rooms + x) & 1u) == 0) { directions[count++] = d; }
    }
    return count;
}

/* A tree over all rooms, depth first from room 0. */
static void grow_tree(struct pbti_maze_map map, struct pbti_env_dice *dice)
{
    int const rooms = pbti_maze_rooms(map);
    uint8_t path[PBTI_MAZE_ROOMS_MAX], directions[DIRECTIONS];
    int depth = 1;
    uint64_t visited = 1;
    path[0] = 0;
    while (depth > 0) {
        int const room = path[depth - 1];
        uint32_t const choice = fresh_neighbours(room, rooms, visited, directions);
        if (choice == 0) {
            depth--;
            continue;
        }
        uint8_t const d = directions[pbti_env_roll(dice, choice)];
        int const dy = pbti_maze_dy(d), dx = pbti_maze_dx(d);
        open_cell(map, 2 * (room / rooms) + 1 + dy, 2 * (room % rooms) + 1 + dx);
        int const next = room + dy * rooms + dx;
        visited |= UINT64_C(1) << next;
        path[depth++] = (uint8_t)next;
    }
}

/* Open one of the walls between two rooms that are left, counted row by row. */
static void open_a_wall(struct pbti_maze_map map, struct pbti_env_dice *dice)
{
    uint8_t places[INNER_WALLS_MAX][2];
    uint32_t count = 0;
    for (uint8_t y = 1; y < *map.size - 1; y++) {
        for (uint8_t x = 1; x < *map.size - 1; x++) {
            if ((y + x) % 2 == 0 || !pbti_maze_is_wall(map, y, x)) { continue; }
            places[count][0] = y;
            places[count++][1] = x;
        }
    }
    uint32_t const chosen = pbti_env_roll(dice, count);
    open_cell(map, places[chosen][0], places[chosen][1]);
}

static void build(struct pbti_maze_map map, struct pbti_env_dice *dice)
{
    int const size = *map.size, rooms = pbti_maze_rooms(map);
    for (int y = 0; y < PBTI_ENV_MAZE_SIZE_MAX; y++) {
        map.walls[y] = y < size ? (1u << size) - 1 : 0;
    }
    for (int room = 0; room < rooms * rooms; room++) {
        open_cell(map, 2 * (room / rooms) + 1, 2 * (room % rooms) + 1);
    }
    grow_tree(map, dice);
    for (int k = 0; k < LOOPS; k++) {
        open_a_wall(map, dice);
    }
}

/* -------- what is in a map -------- */

static uint32_t all_rooms(struct pbti_maze_map map)
{
    return (uint32_t)(pbti_maze_rooms(map) * pbti_maze_rooms(map));
}

/* The room of a cell, or -1. */
static int room_at(struct pbti_maze_map map, int y, int x)
{
    return y % 2 == 1 && x % 2 == 1 ? y / 2 * pbti_maze_rooms(map) + x / 2 : -1;
}

struct pbti_maze_start pbti_maze_start(struct pbti_maze_map map, struct pbti_env_dice *dice)
{
    uint32_t room = *map.goal;
    while (room == *map.goal) {
        room = pbti_env_roll(dice, all_rooms(map));
    }
    uint32_t const rooms = (uint32_t)pbti_maze_rooms(map);
    return (struct pbti_maze_start){.y = (int)(2 * (room / rooms) + 1),
                                    .x = (int)(2 * (room % rooms) + 1),
                                    .direction = (uint8_t)pbti_env_roll(dice, DIRECTIONS)};
}

struct pbti_maze_start pbti_maze_make(struct pbti_maze_map map, struct pbti_env_dice *dice)
{
    const struct pbti_env_options *const options = dice->options;
    *map.size = (uint8_t)options->size;
    if (options->map > 0) {
        struct pbti_env_dice of_number = {
            .from = {.seed = options->map, .purpose = PBTI_NN_PURPOSE_ENV, .lane = LANE_MAP}};
        build(map, &of_number);
    } else {
        build(map, dice);
    }
    *map.goal = (uint8_t)pbti_env_roll(dice, all_rooms(map));
    struct pbti_maze_start const start = pbti_maze_start(map, dice);
    *map.apples = 0;
    for (int k = 0; k < APPLES;) {
        uint32_t const room = pbti_env_roll(dice, all_rooms(map));
        if (room == *map.goal || (*map.apples >> room & 1u) != 0) { continue; }
        *map.apples |= UINT64_C(1) << room;
        k++;
    }
    *map.apples &= ~(UINT64_C(1) << room_at(map, start.y, start.x));
    return start;
}

float pbti_maze_visit(struct pbti_maze_map map, int y, int x)
{
    int const room = room_at(map, y, x);
    if (room < 0) { return 0.0f; }
    if (room == *map.goal) { return PBTI_MAZE_GOAL_REWARD; }
    if ((*map.apples >> room & 1u) == 0) { return 0.0f; }
    *map.apples &= ~(UINT64_C(1) << room);
    return PBTI_MAZE_APPLE_REWARD;
}

/* Lengths of a ray until it crosses the next line between cells, and from one to the next. */
static void crossings(double at, double step, double *next, double *between)
{
    double const cell = floor(at);
    *between = step == 0.0 ? INFINITY : fabs(1.0 / step);
    *next = step == 0.0 ? INFINITY : (step < 0.0 ? at - cell : cell + 1.0 - at) * *between;
}

struct pbti_maze_ray pbti_maze_cast(struct pbti_maze_map map, double y, double x, double dy,
                                    double dx)
{
    double next_y = 0.0, next_x = 0.0, between_y = 0.0, between_x = 0.0;
    struct pbti_maze_ray ray = {.y = (int)y, .x = (int)x};
    crossings(y, dy, &next_y, &between_y);
    crossings(x, dx, &next_x, &between_x);
    while (!pbti_maze_is_wall(map, ray.y, ray.x)) {
        ray.along_y = next_y <= next_x;
        if (ray.along_y) {
            ray.distance = next_y;
            next_y += between_y;
            ray.y += dy < 0.0 ? -1 : 1;
        } else {
            ray.distance = next_x;
            next_x += between_x;
            ray.x += dx < 0.0 ? -1 : 1;
        }
    }
    double const place = ray.along_y ? x + ray.distance * dx : y + ray.distance * dy;
    ray.along = place - floor(place);
    return ray;
}

const char *pbti_maze_flaw(struct pbti_maze_map map)
{
    int const size = *map.size;
    if (size % 2 == 0) { return "a maze of even size"; }
    uint32_t const all = (1u << size) - 1, sides = 1u | 1u << (size - 1);
    for (int y = 0; y < PBTI_ENV_MAZE_SIZE_MAX; y++) {
        bool const closed = y == 0 || y == size - 1;
        uint32_t const row = map.walls[y];
        if (y >= size ? row != 0 : (row & ~all) != 0) { return "walls beyond its maze"; }
        if (y < size && (closed ? row != all : (row & sides) != sides)) {
            return "a maze that is open at a border";
        }
    }
    if (*map.goal >= all_rooms(map)) { return "a goal in a room that its maze lacks"; }
    if (*map.apples >> all_rooms(map) != 0) { return "apples in rooms that its maze lacks"; }
    return NULL;
}
