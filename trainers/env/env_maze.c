/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_maze.c - a maze, of which only what lies ahead is seen; another one in each episode.
 *
 * An agent with a direction goes forward or turns left or right by a quarter; with all six actions
 * it can go back and to its sides, too. A move into a wall does nothing. After a move, also one
 * that did nothing: an apple in this room is worth 1 and gone for the episode, the goal is worth
 * 10, and the agent is put into any other room; goal and map stay. So it pays to remember the way.
 * An episode is cut off after 300 frames.
 *
 * The view has 7 x 7 cells: those up to six ahead and three to each side. A cell is seen when no
 * wall stands on the line to it.
 *
 * After DeepMind Lab's nav_maze_random_goal levels, where the map of a level is fixed.
 */
#include "env/env_maze_map.h"
#include "env/env_walk.h"

enum { FRAMES = 300, VIEW = PBTI_MAZE_VIEW, HALF = VIEW / 2, MARGIN = VIEW - 1 };

/*
 * The cells between the agent and cell (f ahead, q to the right), whose index is 7 f + q + 3: with
 * n = max(f, |q|) the cells ((2 f t + n) / (2 n), sign(q) ((2 |q| t + n) / (2 n))) for t in
 * 1..n - 1, quotients rounded down.
 */
static const uint64_t between[PBTI_MAZE_VIEW_CELLS] = {
    0x6,           0x4,          0x0,          0x0,          0x0,          0x10,
    0x30,          0x104,        0x200,        0x0,          0x0,          0x0,
    0x800,         0x1010,       0x300,        0x200,        0x200,        0x400,
    0x800,         0x800,        0x1800,       0x8200,       0x10200,      0x10400,
    0x20400,       0x40400,      0x40800,      0x80800,      0x408200,     0x410200,
    0x810400,      0x1020400,    0x2040400,    0x4040800,    0x4080800,    0x20410200,
    0x20810400,    0x40820400,   0x81020400,   0x102020400,  0x202040400,  0x204040800,
    0x820410200,   0x1040810400, 0x2040820400, 0x4081020400, 0x8102020400, 0x10102040400,
    0x20204040800,
};

static void begin(void *state, uint32_t copy, struct pbti_env_dice *dice)
{
    const struct pbti_maze *const s = state;
    struct pbti_maze_start const start = pbti_maze_make(PBTI_MAZE_MAP(s, copy), dice);
    s->y[copy] = (int8_t)start.y;
    s->x[copy] = (int8_t)start.x;
    s->direction[copy] = start.direction;
}

/* -------- a frame -------- */

/* Quarters to the right of straight ahead in which an action moves; -1: it does not move. */
static int way_of(uint8_t action)
{
    static const int8_t ways[PBTI_MAZE_ACTIONS] = {
        [PBTI_MAZE_FORWARD] = 0, [PBTI_MAZE_TURN_LEFT] = -1,  [PBTI_MAZE_TURN_RIGHT] = -1,
        [PBTI_MAZE_BACK] = 2,    [PBTI_MAZE_STRAFE_LEFT] = 3, [PBTI_MAZE_STRAFE_RIGHT] = 1,
    };
    return ways[action];
}

/* Move, and be there. */
static float move(const struct pbti_maze *s, const struct pbti_env_frame *frame, uint32_t copy,
                  int way)
{
    struct pbti_maze_map const map = PBTI_MAZE_MAP(s, copy);
    int const to = (s->direction[copy] + way) % 4;
    int const y = s->y[copy] + pbti_maze_dy(to), x = s->x[copy] + pbti_maze_dx(to);
    if (!pbti_maze_is_wall(map, y, x)) {
        s->y[copy] = (int8_t)y;
        s->x[copy] = (int8_t)x;
    }
    float const reward = pbti_maze_visit(map, s->y[copy], s->x[copy]);
    if (reward == PBTI_MAZE_GOAL_REWARD) {
        struct pbti_env_dice dice = pbti_env_frame_dice(frame, copy);
        struct pbti_maze_start const start = pbti_maze_start(map, &dice);
        s->y[copy] = (int8_t)start.y;
        s->x[copy] = (int8_t)start.x;
        s->direction[copy] = start.direction;
    }
    return reward;
}

static void step(void *state, const struct pbti_env_frame *frame)
{
    const struct pbti_maze *const s = state;
    for (uint32_t i = 0; i < frame->count; i++) {
        uint8_t const action = frame->actions[i];
        int const way = way_of(action);
        frame->rewards[i] = 0.0f;
        frame->ends[i] = PBTI_ENV_GOES_ON;
        if (way >= 0) {
            frame->rewards[i] = move(s, frame, i, way);
        } else {
            int const turn = action == PBTI_MAZE_TURN_RIGHT ? 1 : 3;
            s->direction[i] = (uint8_t)((s->direction[i] + turn) % 4);
        }
    }
}

static const char *flaw(const void *state, uint32_t copy)
{
    const struct pbti_maze *const s = state;
    struct pbti_maze_map const map = PBTI_MAZE_MAP(s, copy);
    const char *const of_map = pbti_maze_flaw(map);
    if (of_map != NULL) { return of_map; }
    if (s->y[copy] >= *map.size - 1 || s->x[copy] >= *map.size - 1) {
        return "an agent beyond its maze";
    }
    return pbti_maze_is_wall(map, s->y[copy], s->x[copy]) ? "an agent in a wall" : NULL;
}

/* -------- the view -------- */

/* Rows of walls with MARGIN cells of wall around the maze. */
static void pad_walls(struct pbti_maze_map map, uint32_t *rows)
{
    uint32_t const outside = ~0u << *map.size;
    for (int k = 0; k < PBTI_ENV_MAZE_SIZE_MAX + 2 * MARGIN; k++) {
        int const y = k - MARGIN;
        bool const inside = y >= 0 && y < *map.size;
        rows[k] = inside ? (map.walls[y] | outside) << MARGIN | ((1u << MARGIN) - 1) : ~0u;
    }
}

/* The walls in the view of an agent at (y, x), as bits 7 f + q + 3. */
static uint64_t walls_ahead(struct pbti_maze_map map, int y, int x, int direction)
{
    uint32_t rows[PBTI_ENV_MAZE_SIZE_MAX + 2 * MARGIN];
    int const ahead_y = pbti_maze_dy(direction), ahead_x = pbti_maze_dx(direction);
    int const right_y = ahead_x, right_x = -ahead_y;
    uint64_t walls = 0;
    pad_walls(map, rows);
    for (int f = 0; f < VIEW; f++) {
        int const row = y + MARGIN + f * ahead_y, column = x + MARGIN + f * ahead_x;
        for (int q = -HALF; q <= HALF; q++) {
            uint32_t const wall = rows[row + q * right_y] >> (column + q * right_x) & 1u;
            walls |= (uint64_t)wall << (f * VIEW + q + HALF);
        }
    }
    return walls;
}

/* Put what is in a room into the picture where the room is seen. */
static void show(const struct pbti_maze *s, uint32_t copy, uint32_t room, uint32_t channel,
                 uint16_t *cells)
{
    int const rooms = pbti_maze_rooms(PBTI_MAZE_MAP(s, copy));
    int const direction = s->direction[copy];
    int const dy = 2 * ((int)room / rooms) + 1 - s->y[copy];
    int const dx = 2 * ((int)room % rooms) + 1 - s->x[copy];
    int const f = dy * pbti_maze_dy(direction) + dx * pbti_maze_dx(direction);
    int const q = dy * pbti_maze_dx(direction) - dx * pbti_maze_dy(direction);
    if (f < 0 || f >= VIEW || q < -HALF || q > HALF) { return; }
    uint16_t *const cell = cells + (VIEW - 1 - f) * VIEW + q + HALF;
    if (*cell != 0) { *cell = (uint16_t)(*cell | 1u << channel); }
}

static void draw(const void *state, uint32_t copy, uint16_t *cells)
{
    const struct pbti_maze *const s = state;
    uint64_t const walls =
        walls_ahead(PBTI_MAZE_MAP(s, copy), s->y[copy], s->x[copy], s->direction[copy]);
    for (uint32_t f = 0; f < VIEW; f++) {
        for (uint32_t k = 0; k < VIEW; k++) {
            uint32_t const at = f * VIEW + k;
            uint32_t const wall = (uint32_t)(walls >> at & 1u);
            uint32_t const what = wall ? 1u << PBTI_MAZE_WALL : 1u << PBTI_MAZE_FLOOR;
            cells[(VIEW - 1 - f) * VIEW + k] = (uint16_t)((between[at] & walls) == 0 ? what : 0);
        }
    }
    show(s, copy, s->goal[copy], PBTI_MAZE_GOAL, cells);
    uint32_t room = 0;
    for (uint64_t left = s->apples[copy]; left != 0; left >>= 1, room++) {
        if (left & 1u) { show(s, copy, room, PBTI_MAZE_APPLE, cells); }
    }
}

#define PBTI_ENV_STRUCT struct pbti_maze
static const struct pbti_env_field fields[] = {PBTI_MAZE_FIELDS(PBTI_ENV_FIELD_ROW)};

static const struct pbti_env_rules rules = {
    .table = PBTI_ENV_TABLE(fields),
    .state_size = sizeof(struct pbti_maze),
    .maze = true,
    .begin = begin,
    .step = step,
    .flaw = flaw,
    .draw = draw,
};

static const uint8_t minimal[] = {PBTI_MAZE_FORWARD, PBTI_MAZE_TURN_LEFT, PBTI_MAZE_TURN_RIGHT};

const struct pbti_env_kind pbti_env_maze = {
    .name = "maze",
    .rows = VIEW,
    .columns = VIEW,
    .channels = PBTI_MAZE_CHANNELS,
    .cells = true,
    .actions = PBTI_MAZE_ACTIONS,
    .minimal_actions = sizeof minimal,
    .minimal = minimal,
    .frames_max = FRAMES,
    .scale = {6.24, 217.7},
    .scale_minimal = {4.60, 217.7},
    .rules = &rules,
};
