/* SPDX-License-Identifier: Apache-2.0 */
/* maze_player.c - see maze_player.h. */
#include "maze_player.h"

#include <stdlib.h>
#include <string.h>

enum { MAX = PBTI_ENV_MAZE_SIZE_MAX, POSES = MAX * MAX * 4, VIEW = PBTI_MAZE_VIEW };

static const int ahead_y[] = {-1, 0, 1, 0}, ahead_x[] = {0, 1, 0, -1};

/* A cell that a maze may have open: inside, and not a pillar. */
static bool can_be_open(int size, int y, int x)
{
    return y > 0 && x > 0 && y < size - 1 && x < size - 1 && (y % 2 == 1 || x % 2 == 1);
}

/* Put what a picture shows on the map. */
static void look(struct maze_known *m, const struct pbti_maze *s, uint32_t i,
                 const uint16_t *picture)
{
    int const d = s->direction[i], right_y = ahead_x[d], right_x = -ahead_y[d], size = s->size[i];
    for (int k = 0; k < VIEW * VIEW; k++) {
        int const f = VIEW - 1 - k / VIEW, q = k % VIEW - VIEW / 2;
        int const y = s->y[i] + f * ahead_y[d] + q * right_y;
        int const x = s->x[i] + f * ahead_x[d] + q * right_x;
        if (picture[k] == 0 || y < 0 || x < 0 || y >= size || x >= size) { continue; }
        m->cells[y][x] = picture[k] & 1 << PBTI_MAZE_WALL ? MAZE_WALL : MAZE_OPEN;
        if (picture[k] & 1 << PBTI_MAZE_GOAL) {
            m->goal_y = y;
            m->goal_x = x;
        }
    }
}

static bool is_wanted(const struct maze_known *m, int size, int y, int x)
{
    if (m->goal_y >= 0) { return y == m->goal_y && x == m->goal_x; }
    return m->cells[y][x] == MAZE_UNSEEN && can_be_open(size, y, x);
}

/* The first action of a shortest way, breadth first over cells and directions. */
uint8_t maze_player_next(const struct maze_known *m, int size, int at_y, int at_x, int direction)
{
    static uint8_t first[POSES];
    static uint16_t queue[POSES];
    int head = 0, tail = 0;
    memset(first, 0xff, sizeof first);
    int const here = (at_y * MAX + at_x) * 4 + direction;
    first[here] = PBTI_MAZE_FORWARD;
    queue[tail++] = (uint16_t)here;
    while (head < tail) {
        int const pose = queue[head++], d = pose % 4, y = pose / 4 / MAX, x = pose / 4 % MAX;
        if (pose / 4 != here / 4 && is_wanted(m, size, y, x)) { return first[pose]; }
        for (uint8_t a = PBTI_MAZE_FORWARD; a <= PBTI_MAZE_TURN_RIGHT; a++) {
            int const turned = a == PBTI_MAZE_TURN_LEFT ? 3 : a == PBTI_MAZE_TURN_RIGHT ? 1 : 0;
            int const v = a == PBTI_MAZE_FORWARD ? y + ahead_y[d] : y;
            int const u = a == PBTI_MAZE_FORWARD ? x + ahead_x[d] : x;
            int const next = (v * MAX + u) * 4 + (d + turned) % 4;
            if (!can_be_open(size, v, u) || m->cells[v][u] == MAZE_WALL) { continue; }
            if (first[next] != 0xff) { continue; }
            first[next] = pose == here ? a : first[pose];
            queue[tail++] = (uint16_t)next;
        }
    }
    fail_msg("a maze without a way");
    return 0;
}

static void forget(struct maze_known *m)
{
    memset(m, 0, sizeof *m);
    m->goal_y = m->goal_x = -1;
}

void maze_player_learn(struct maze_known *m, struct pbti_maze_map map)
{
    int const size = *map.size, rooms = pbti_maze_rooms(map);
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            m->cells[y][x] = pbti_maze_is_wall(map, y, x) ? MAZE_WALL : MAZE_OPEN;
        }
    }
    m->goal_y = 2 * (*map.goal / rooms) + 1;
    m->goal_x = 2 * (*map.goal % rooms) + 1;
}

static void play(struct env_turn *turn, bool forgets, bool knows)
{
    const struct pbti_maze *const s = env_state(turn->env);
    struct maze_known *const memory = turn->memory;
    uint32_t const count = pbti_env_count(turn->env);
    uint16_t *const pictures = malloc((size_t)count * VIEW * VIEW * sizeof pictures[0]);
    assert_non_null(pictures);
    pbti_env_observe_cells(turn->env, pictures);
    for (uint32_t i = 0; i < count; i++) {
        struct maze_known *const m = &memory[i];
        bool const ended = turn->ends[i] != PBTI_ENV_GOES_ON;
        if (ended || (forgets && turn->rewards[i] >= 10.0f)) { forget(m); }
        if (ended && knows) { maze_player_learn(m, PBTI_MAZE_MAP(s, i)); }
        look(m, s, i, pictures + (size_t)i * VIEW * VIEW);
        turn->actions[i] = maze_player_next(m, s->size[i], s->y[i], s->x[i], s->direction[i]);
    }
    free(pictures);
}

void maze_player_explores(struct env_turn *turn)
{
    play(turn, false, false);
}

void maze_player_forgets(struct env_turn *turn)
{
    play(turn, true, false);
}

void maze_player_knows(struct env_turn *turn)
{
    play(turn, false, true);
}
