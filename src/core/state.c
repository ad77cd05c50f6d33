/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/state.c - the layout of a state, its beginning, amending, snapshots, and looking at it.
 *
 * What events do to it is in fold.c, what it decides in decide.c, what must hold in state_check.c.
 */
#include "core/state_inside.h"

#include "base/fail.h"
#include "core/grid.h"
#include "core/names.h"
#include "core/rungs.h"

#include <assert.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

PBTI_NAME_FUNCTION(pbti_phase_name, PBTI_PHASE_LIST)
PBTI_NAME_FUNCTION(pbti_score_source_name, PBTI_SCORE_LIST)
PBTI_NAME_FUNCTION(pbti_group_name, PBTI_GROUP_LIST)

/* -------- layout -------- */

static size_t aligned(size_t size)
{
    size_t const to = alignof(max_align_t);
    return (size + to - 1) / to * to;
}

/* A block that is being laid out; start NULL only measures. */
struct layout {
    unsigned char *start;
    size_t at; /* the next free byte */
};

static void *reserve(struct layout *layout, size_t count, size_t item)
{
    size_t const at = layout->at;
    layout->at += aligned(count * item);
    return layout->start == NULL ? NULL : layout->start + at;
}

size_t pbti_state_lay(struct pbti_state *state, void *block)
{
    size_t const members = state->members;
    size_t const stride = state->stride;
    size_t const kept = (size_t)PBTI_GROUPS * state->keep_top;
    struct layout layout = {block, aligned(sizeof *state)};
    state->config = reserve(&layout, 1, sizeof *state->config);
    state->member = reserve(&layout, members, sizeof *state->member);
    state->values = reserve(&layout, members * stride, sizeof *state->values);
    state->parked = reserve(&layout, state->parked_count, sizeof *state->parked);
    state->parked_values =
        reserve(&layout, state->parked_count * stride, sizeof *state->parked_values);
    state->heap = reserve(&layout, members, sizeof *state->heap);
    state->heap_at = reserve(&layout, members, sizeof *state->heap_at);
    state->kept = reserve(&layout, kept, sizeof *state->kept);
    state->kept_order = reserve(&layout, kept, sizeof *state->kept_order);
    state->ring = reserve(&layout, members + state->parked_count + kept, sizeof *state->ring);
    state->line = reserve(&layout, members, sizeof *state->line);
    state->equal = reserve(&layout, members * state->equal_rows, sizeof *state->equal);
    state->rung = reserve(&layout, members * state->rung_rows, sizeof *state->rung);
    state->rank.entry = reserve(&layout, members, sizeof *state->rank.entry);
    state->rank.link = reserve(&layout, pbti_rank_links(state->members), sizeof *state->rank.link);
    return layout.at;
}

/* Set the counts that decide the layout. */
static void measure(struct pbti_state *state, const struct pbti_config *config, uint32_t members)
{
    state->members = members;
    state->stride = config->space.count;
    state->keep_top = config->keep_top;
    state->parked_count = config->mode == PBTI_GENERATIONAL ? members : 1;
    state->equal_rows = config->compare == PBTI_COMPARE_EQUAL_AGE
                            ? (uint32_t)(config->max_age / config->ready_every) + 2
                            : 0;
    state->rung_rows = config->rungs != PBTI_RUNGS_NONE ? pbti_rungs_count(config) : 0;
}

/* Bytes for `members`, computed without a block. */
static size_t bytes_for(const struct pbti_config *config, uint32_t members)
{
    struct pbti_state shape; /* only what pbti_state_lay() reads is set */
    measure(&shape, config, members);
    return pbti_state_lay(&shape, NULL);
}

size_t pbti_state_bytes(const struct pbti_config *config)
{
    return bytes_for(config, pbti_config_members(config));
}

/* -------- rings -------- */

bool pbti_ring_alone(const struct pbti_state *state, uint32_t node)
{
    return state->ring[node].next == node;
}

void pbti_ring_leave(struct pbti_state *state, uint32_t node)
{
    struct pbti_ring *const ring = state->ring;
    ring[ring[node].previous].next = ring[node].next;
    ring[ring[node].next].previous = ring[node].previous;
    ring[node] = (struct pbti_ring){node, node};
}

void pbti_ring_join(struct pbti_state *state, uint32_t node, uint32_t beside)
{
    struct pbti_ring *const ring = state->ring;
    assert(pbti_ring_alone(state, node) && node != beside);
    uint32_t const after = ring[beside].next;
    ring[node] = (struct pbti_ring){.next = after, .previous = beside};
    ring[beside].next = node;
    ring[after].previous = node;
}

/* -------- runnable members: a binary heap on (steps, index) -------- */

static bool runs_before(const struct pbti_state *state, uint32_t a, uint32_t b)
{
    uint64_t const steps_a = state->member[a].steps;
    uint64_t const steps_b = state->member[b].steps;
    if (steps_a == steps_b) { return a < b; }
    return (steps_a < steps_b) != (state->rung_rows > 0); /* rungs: a promoted one goes first */
}

static void heap_put(struct pbti_state *state, uint32_t place, uint32_t member)
{
    state->heap[place] = member;
    state->heap_at[member] = place;
}

/* Move `member` from the hole at `place` to where it belongs. */
static void heap_settle(struct pbti_state *state, uint32_t place, uint32_t member)
{
    while (place > 0 && runs_before(state, member, state->heap[(place - 1) / 2])) {
        heap_put(state, place, state->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;
        if (child >= state->heap_count) { break; }
        if (child + 1 < state->heap_count &&
            runs_before(state, state->heap[child + 1], state->heap[child])) {
            child++;
        }
        if (!runs_before(state, state->heap[child], member)) { break; }
        heap_put(state, place, state->heap[child]);
        place = child;
    }
    heap_put(state, place, member);
}

void pbti_heap_add(struct pbti_state *state, uint32_t member)
{
    assert(state->heap_at[member] == PBTI_NO_MEMBER);
    heap_settle(state, state->heap_count++, member);
}

void pbti_heap_drop(struct pbti_state *state, uint32_t member)
{
    uint32_t const place = state->heap_at[member];
    assert(place != PBTI_NO_MEMBER);
    uint32_t const last = state->heap[--state->heap_count];
    state->heap_at[member] = PBTI_NO_MEMBER;
    if (last != member) { heap_settle(state, place, last); }
}

/* -------- small questions -------- */

double pbti_key(const struct pbti_config *config, double score)
{
    if (!isfinite(score)) { return -INFINITY; }
    return config->maximize ? score : -score;
}

bool pbti_better(const struct pbti_config *config, double a, double b)
{
    return pbti_key(config, a) > pbti_key(config, b);
}

bool pbti_may_donate(const struct pbti_config *config, const struct pbti_member *member)
{
    return member->score_source == PBTI_SCORE_OWN && isfinite(member->score) &&
           member->start.segment > 0 && member->age < config->max_age;
}

bool pbti_is_finished(const struct pbti_config *config, const struct pbti_member *member)
{
    return member->steps >= config->steps || member->age >= config->max_age;
}

bool pbti_group_exploits(const struct pbti_config *config, uint8_t group)
{
    return config->exploit != PBTI_EXPLOIT_NONE && group != PBTI_GROUP_INDEPENDENT;
}

static uint8_t group_of(const struct pbti_config *config, uint32_t member)
{
    bool const has_controls = config->control_independent + config->control_selection_only > 0;
    if (!has_controls || member < config->members) { return PBTI_GROUP_POPULATION; }
    bool const trains_only = member < config->members + config->control_independent;
    return trains_only ? PBTI_GROUP_INDEPENDENT : PBTI_GROUP_SELECTION_ONLY;
}

void pbti_line_join(struct pbti_state *state, uint8_t group, uint32_t founder)
{
    struct pbti_group_state *const g = &state->group[group];
    assert(founder < state->members);
    if (state->line[founder]++ == 0) { g->founders++; }
    g->alive++;
}

void pbti_line_leave(struct pbti_state *state, uint8_t group, uint32_t founder)
{
    struct pbti_group_state *const g = &state->group[group];
    assert(founder < state->members && state->line[founder] > 0 && g->alive > 0);
    if (--state->line[founder] == 0) { g->founders--; }
    g->alive--;
}

static bool is_active(uint8_t phase)
{
    return phase == PBTI_EXPECTING || phase == PBTI_WAITING || phase == PBTI_RUNNING;
}

/* Count a phase in (+1) or out (-1). */
static void count_phase(struct pbti_state *state, const struct pbti_member *member, uint32_t change)
{
    struct pbti_group_state *const group = &state->group[member->group];
    state->counts.phase[member->phase] += (uint64_t)(int64_t)(int32_t)change;
    if (is_active(member->phase)) { group->active += change; }
    if (member->phase == PBTI_REPORTED) { group->reported += change; }
    if (member->phase == PBTI_FAILED) { group->failed += change; }
}

static void clear_claim(struct pbti_member *member)
{
    member->claim = 0;
    member->claimed_steps = 0;
    member->claimed_span = 0;
    member->worker = 0;
    member->slot = 0;
}

void pbti_enter(struct pbti_state *state, uint32_t member, uint8_t phase)
{
    /* row: from, column: to; in the order of the phases' list */
    static const bool allowed[PBTI_PHASES][PBTI_PHASES] = {
        [PBTI_WAITING] = {[PBTI_RUNNING] = true},
        [PBTI_RUNNING] = {[PBTI_WAITING] = true,
                          [PBTI_REPORTED] = true,
                          [PBTI_FAILED] = true,
                          [PBTI_DONE] = true},
        [PBTI_REPORTED] = {[PBTI_WAITING] = true, [PBTI_DONE] = true, [PBTI_PAUSED] = true},
        [PBTI_FAILED] = {[PBTI_WAITING] = true, [PBTI_GONE] = true},
        [PBTI_PAUSED] = {[PBTI_WAITING] = true, [PBTI_DONE] = true},
        [PBTI_EXPECTING] = {[PBTI_WAITING] = true},
    };
    struct pbti_member *const m = &state->member[member];
    assert(allowed[m->phase][phase]);
    if (m->phase == PBTI_WAITING) { pbti_heap_drop(state, member); }
    count_phase(state, m, (uint32_t)-1);
    m->phase = phase;
    count_phase(state, m, 1);
    if (phase == PBTI_WAITING) { pbti_heap_add(state, member); }
    if (phase != PBTI_RUNNING) { clear_claim(m); }
}

const double *pbti_schedule_row(const struct pbti_config *config, uint64_t age)
{
    uint32_t low = 0;
    uint32_t high = config->schedule_count;
    while (high - low > 1) {
        uint32_t const middle = low + (high - low) / 2;
        if (config->schedule_age[middle] <= age) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return config->schedule + (size_t)low * config->space.count;
}

void pbti_initial_values(const struct pbti_config *config, uint32_t member, uint8_t group,
                         double *values)
{
    uint32_t const count = config->space.count;
    if (config->grid && group == PBTI_GROUP_POPULATION) {
        pbti_grid_point(config, member, values);
        return;
    }
    struct pbti_stream const stream = {config->seed, PBTI_PURPOSE_INITIAL, member, 0};
    for (uint32_t i = 0; i < count; i++) {
        values[i] = pbti_hp_sample(&config->space.hp[i], pbti_draw_unit(&stream, i));
    }
    if (member < config->points_count) {
        const double *const point = config->points + (size_t)member * count;
        for (uint32_t i = 0; i < count; i++) {
            if (!isnan(point[i])) { values[i] = point[i]; }
        }
    }
    if (config->explore == PBTI_EXPLORE_SCHEDULE && group == PBTI_GROUP_POPULATION && count > 0) {
        memcpy(values, pbti_schedule_row(config, 0), count * sizeof *values);
    }
}

void pbti_check_end(struct pbti_state *state)
{
    if (state->stop != PBTI_STOP_NONE) { return; }
    const uint64_t *const phase = state->counts.phase;
    if (phase[PBTI_WAITING] + phase[PBTI_RUNNING] + phase[PBTI_REPORTED] + phase[PBTI_FAILED] +
            phase[PBTI_PAUSED] + phase[PBTI_EXPECTING] >
        0) {
        return;
    }
    state->stop = phase[PBTI_DONE] > 0 ? PBTI_STOP_BUDGET : PBTI_STOP_FAILED;
}

/* -------- beginning -------- */

/* The phase of a member that has never been claimed. */
static uint8_t first_phase(const struct pbti_config *config, uint32_t member, uint8_t group)
{
    bool const expects =
        config->proposals && group == PBTI_GROUP_POPULATION && member >= config->points_count;
    return expects ? PBTI_EXPECTING : PBTI_WAITING;
}

static void begin_member(struct pbti_state *state, uint32_t member)
{
    struct pbti_member *const m = &state->member[member];
    *m = (struct pbti_member){.segment = 1, .score = NAN, .founder = member};
    m->group = group_of(state->config, member);
    pbti_line_join(state, m->group, member);
    m->phase = first_phase(state->config, member, m->group);
    pbti_initial_values(state->config, member, m->group, pbti_values_of(state, member));
    state->group[m->group].members++;
    count_phase(state, m, 1);
    state->heap_at[member] = PBTI_NO_MEMBER;
    if (m->phase == PBTI_WAITING) { pbti_heap_add(state, member); }
}

/* Lay out an empty state: everything but the members. */
static struct pbti_state *lay_empty(void *block, const struct pbti_config *config, uint32_t members)
{
    struct pbti_state *const state = block;
    size_t const bytes = bytes_for(config, members);
    memset(block, 0, bytes); /* padding, too: a snapshot is the block */
    measure(state, config, members);
    state->bytes = pbti_state_lay(state, block);
    memcpy(state->config, config, sizeof *config);
    assert(state->bytes == bytes);
    state->reporter = PBTI_NO_MEMBER;
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        state->group[group].best.score = NAN;
    }
    uint32_t const nodes = members + state->parked_count + PBTI_GROUPS * config->keep_top;
    for (uint32_t node = 0; node < nodes; node++) {
        state->ring[node] = (struct pbti_ring){node, node};
    }
    for (size_t i = 0; i < (size_t)members * state->equal_rows; i++) {
        state->equal[i] = NAN;
    }
    for (size_t i = 0; i < (size_t)members * state->rung_rows; i++) {
        state->rung[i] = NAN;
    }
    struct pbti_rank_list lists[PBTI_GROUPS];
    pbti_rank_init(&state->rank, members, lists, PBTI_GROUPS);
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        state->group[group].ranking = lists[group];
    }
    return state;
}

struct pbti_state *pbti_state_init(void *block, const struct pbti_event *event)
{
    assert(event->type == PBTI_STUDY);
    const struct pbti_config *const config = event->study.config;
    assert(pbti_config_invalid(config) == NULL);
    struct pbti_state *const state = lay_empty(block, config, pbti_config_members(config));
    state->seq = 1;
    state->counts.first_ms = state->counts.last_ms = event->time_ms;
    for (uint32_t i = 0; i < state->members; i++) {
        begin_member(state, i);
    }
    return state;
}

/* -------- amending -------- */

/* Nodes keep their place within members, parked and kept; the first two may have grown. */
static uint32_t moved_node(const struct pbti_state *old, const struct pbti_state *state,
                           uint32_t node)
{
    if (node < old->members) { return node; }
    node -= old->members;
    if (node < old->parked_count) { return state->members + node; }
    return state->members + state->parked_count + (node - old->parked_count);
}

static void move_rings(const struct pbti_state *old, struct pbti_state *state)
{
    uint32_t const nodes = old->members + old->parked_count + PBTI_GROUPS * old->keep_top;
    for (uint32_t node = 0; node < nodes; node++) {
        state->ring[moved_node(old, state, node)] =
            (struct pbti_ring){moved_node(old, state, old->ring[node].next),
                               moved_node(old, state, old->ring[node].previous)};
    }
}

/* The phase of a member under the amended config. */
static uint8_t amended_phase(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_member *const m = &state->member[member];
    if (member >= pbti_config_members(state->config)) {
        return m->phase == PBTI_GONE ? PBTI_GONE : PBTI_OUT;
    }
    switch ((enum pbti_phase)m->phase) {
    case PBTI_DONE:
        if (state->rung_rows > 0) { break; } /* eliminated; its budget cannot be raised */
        return pbti_is_finished(state->config, m) ? PBTI_DONE : PBTI_WAITING;
    case PBTI_OUT:
        if (m->reported == 0) { return first_phase(state->config, member, m->group); }
        return pbti_is_finished(state->config, m) ? PBTI_DONE : PBTI_WAITING;
    case PBTI_WAITING: return pbti_is_finished(state->config, m) ? PBTI_DONE : PBTI_WAITING;
    case PBTI_FAILED: return pbti_is_finished(state->config, m) ? PBTI_DONE : PBTI_FAILED;
    case PBTI_GONE:
        if (!state->config->revive) { break; }
        return pbti_is_finished(state->config, m) ? PBTI_DONE : PBTI_WAITING;
    case PBTI_RUNNING:
    case PBTI_REPORTED:
    case PBTI_PAUSED:
    case PBTI_EXPECTING: break;
    }
    return m->phase;
}

/* Take a member over into the amended state: phase, counts, heap, ranking. */
static void amend_member(struct pbti_state *state, uint32_t member)
{
    struct pbti_member *const m = &state->member[member];
    uint8_t const before = m->phase;
    m->phase = amended_phase(state, member);
    if (m->phase != PBTI_RUNNING) { clear_claim(m); }
    if (m->phase == PBTI_OUT && before == PBTI_REPORTED) { /* its decision will never be made */
        m->segment++;
        m->attempt = 0;
    }
    if (m->phase == PBTI_WAITING && before == PBTI_OUT) { m->failures = 0; }
    /* revived: as if it had never failed, but for the attempts, which name its checkpoints */
    if (m->phase != PBTI_GONE && before == PBTI_GONE) { m->failures = m->revivals = 0; }
    bool const alive = m->phase != PBTI_OUT && m->phase != PBTI_GONE;
    if (alive) { pbti_line_join(state, m->group, m->founder); }
    state->group[m->group].members++;
    count_phase(state, m, 1);
    state->heap_at[member] = PBTI_NO_MEMBER;
    if (m->phase == PBTI_WAITING) { pbti_heap_add(state, member); }
    bool const ranked = m->score_source != PBTI_SCORE_NONE && m->phase != PBTI_FAILED &&
                        m->phase != PBTI_GONE && m->phase != PBTI_OUT;
    if (ranked) {
        pbti_rank_insert(&state->rank, &state->group[m->group].ranking, member,
                         pbti_key(state->config, m->score), pbti_may_donate(state->config, m));
    }
}

static void move_equal_rows(const struct pbti_state *old, struct pbti_state *state)
{
    uint32_t const rows = old->equal_rows < state->equal_rows ? old->equal_rows : state->equal_rows;
    if (old->config->ready_every != state->config->ready_every) {
        return;
    } /* other ages: begin anew */
    for (uint32_t row = 0; row < rows; row++) {
        memcpy(state->equal + (size_t)row * state->members, old->equal + (size_t)row * old->members,
               old->members * sizeof *old->equal);
    }
}

pbt_status pbti_state_amend(const struct pbti_state *state, uint64_t seq,
                            const struct pbti_event *event, void *block, struct pbti_state **out,
                            struct pbt_error *err)
{
    assert(event->type == PBTI_AMEND);
    const struct pbti_config *const config = event->study.config;
    *out = NULL;
    if (pbti_decision_due(state)) {
        return PBTI_FAIL(err, PBT_ECORRUPT, 0, "an amend event where a decision is owed");
    }
    const char *const fixed = pbti_config_unamendable(state->config, config);
    if (fixed != NULL) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "%s of a study cannot be changed", fixed);
    }
    uint32_t const wanted = pbti_config_members(config);
    uint32_t const members = wanted > state->members ? wanted : state->members;
    struct pbti_state *const next = lay_empty(block, config, members);
    size_t const stride = config->space.count;
    next->seq = seq;
    next->proposal = state->proposal;
    next->counts = state->counts;
    next->counts.last_ms = event->time_ms;
    memset(next->counts.phase, 0, sizeof next->counts.phase);
    memcpy(next->member, state->member, state->members * sizeof *state->member);
    memcpy(next->values, state->values, state->members * stride * sizeof *state->values);
    size_t const kept = (size_t)PBTI_GROUPS * config->keep_top;
    memcpy(next->kept, state->kept, kept * sizeof *state->kept);
    memcpy(next->kept_order, state->kept_order, kept * sizeof *state->kept_order);
    for (uint32_t group = 0; group < PBTI_GROUPS; group++) {
        next->group[group].best = state->group[group].best;
        next->group[group].kept_count = state->group[group].kept_count;
    }
    move_rings(state, next);
    move_equal_rows(state, next);
    if (next->rung_rows > 0) { /* as many rungs and members: neither can be amended */
        memcpy(next->rung, state->rung, (size_t)members * next->rung_rows * sizeof *next->rung);
    }
    for (uint32_t i = 0; i < state->members; i++) {
        amend_member(next, i);
    }
    for (uint32_t i = state->members; i < members; i++) {
        begin_member(next, i);
    }
    next->config->revive = false; /* of this amend alone */
    pbti_check_end(next);
    *out = next;
    return PBT_OK;
}

size_t pbti_state_amend_bytes(const struct pbti_state *state, const struct pbti_config *config)
{
    uint32_t const wanted = pbti_config_members(config);
    return bytes_for(config, wanted > state->members ? wanted : state->members);
}

/* -------- snapshots -------- */

struct snapshot {
    char magic[8];
    uint32_t sizes[4]; /* of the structs inside: another build is another format */
    uint64_t bytes;    /* of the block that follows */
};

static struct snapshot snapshot_of(size_t bytes)
{
    return (struct snapshot){"pbtsnap",
                             {sizeof(struct pbti_state), sizeof(struct pbti_member),
                              sizeof(struct pbti_pending), sizeof(struct pbti_config)},
                             bytes};
}

size_t pbti_state_save_bytes(const struct pbti_state *state)
{
    return sizeof(struct snapshot) + state->bytes;
}

void pbti_state_save(const struct pbti_state *state, void *bytes)
{
    struct snapshot const head = snapshot_of(state->bytes);
    memcpy(bytes, &head, sizeof head);
    memcpy((unsigned char *)bytes + sizeof head, state, state->bytes);
}

size_t pbti_state_load_bytes(const void *bytes, size_t size)
{
    struct snapshot head;
    if (size < sizeof head) { return 0; }
    memcpy(&head, bytes, sizeof head);
    struct snapshot const wanted = snapshot_of(head.bytes);
    bool const fits = memcmp(&head, &wanted, sizeof head) == 0 &&
                      head.bytes >= sizeof(struct pbti_state) && head.bytes == size - sizeof head;
    return fits ? (size_t)head.bytes : 0;
}

struct pbti_state *pbti_state_load(void *block, const void *bytes, size_t size)
{
    size_t const block_bytes = pbti_state_load_bytes(bytes, size);
    if (block_bytes == 0) { return NULL; }
    struct pbti_state *const state = block;
    memcpy(block, (const unsigned char *)bytes + sizeof(struct snapshot), block_bytes);
    bool const fits = state->bytes == block_bytes && state->members <= PBTI_MEMBERS_MAX &&
                      pbti_state_lay(state, block) == block_bytes;
    return fits && pbti_config_invalid(state->config) == NULL ? state : NULL;
}

/* -------- look -------- */

const struct pbti_config *pbti_state_config(const struct pbti_state *state)
{
    return state->config;
}

uint64_t pbti_state_seq(const struct pbti_state *state)
{
    return state->seq;
}

uint32_t pbti_state_members(const struct pbti_state *state)
{
    return state->members;
}

const struct pbti_member *pbti_state_member(const struct pbti_state *state, uint32_t member)
{
    assert(member < state->members);
    return &state->member[member];
}

const double *pbti_state_values(const struct pbti_state *state, uint32_t member)
{
    assert(member < state->members);
    return pbti_values_of(state, member);
}

void pbti_state_in_force(const struct pbti_state *state, uint32_t member, double *values)
{
    assert(member < state->members);
    const struct pbti_member *const m = &state->member[member];
    uint64_t const span = m->phase == PBTI_RUNNING ? m->claimed_span : state->config->max_age;
    const double *const base = pbti_values_of(state, member);
    for (uint32_t i = 0; i < state->stride; i++) {
        values[i] = base[i] * pbti_decay_left(&state->config->decay[i], m->age, span);
    }
}

uint8_t pbti_state_stop(const struct pbti_state *state)
{
    return state->stop;
}

struct pbti_counts pbti_state_counts(const struct pbti_state *state)
{
    return state->counts;
}

uint32_t pbti_state_given_up(const struct pbti_state *state)
{
    uint32_t const members = pbti_config_members(state->config);
    uint32_t count = 0;
    for (uint32_t i = 0; i < members && i < state->members; i++) {
        if (state->member[i].phase == PBTI_GONE) { count++; }
    }
    return count;
}

struct pbti_best pbti_state_best(const struct pbti_state *state, uint8_t group)
{
    assert(group < PBTI_GROUPS);
    return state->group[group].best;
}

struct pbti_best pbti_state_best_now(const struct pbti_state *state, uint8_t group)
{
    struct pbti_best best = {.score = NAN};
    uint32_t const member = pbti_state_ranked(state, group, 0);
    if (member == PBTI_NO_MEMBER || !isfinite(state->member[member].score)) { return best; }
    const struct pbti_member *const m = &state->member[member];
    best.score = m->score;
    best.age = m->age;
    best.checkpoint = m->start;
    return best;
}

uint32_t pbti_state_founders(const struct pbti_state *state, uint8_t group)
{
    assert(group < PBTI_GROUPS);
    return state->group[group].founders;
}

uint32_t pbti_state_founders_floor(const struct pbti_state *state, uint64_t steps)
{
    const struct pbti_config *const config = state->config;
    if (!(config->founders_keep > 0.0)) { return 0; }
    double const end = config->founders_until * (double)config->steps;
    double const left = 1.0 - (double)steps / end;
    if (!(left > 0.0)) { return 0; }
    double const members = (double)state->group[PBTI_GROUP_POPULATION].alive;
    return (uint32_t)ceil(config->founders_keep * members * left - 1e-9);
}

uint32_t pbti_state_ranked(const struct pbti_state *state, uint8_t group, uint32_t rank)
{
    assert(group < PBTI_GROUPS);
    return pbti_rank_at(&state->rank, &state->group[group].ranking, rank);
}

uint32_t pbti_state_kept(const struct pbti_state *state, uint32_t index, struct pbti_best *best)
{
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        uint32_t const count = state->group[group].kept_count;
        if (index < count) {
            size_t const base = (size_t)group * state->keep_top;
            *best = state->kept[base + state->kept_order[base + index]];
            return 1;
        }
        index -= count;
    }
    return 0;
}

bool pbti_state_reachable(const struct pbti_state *state, struct pbti_checkpoint checkpoint)
{
    if (checkpoint.segment == 0) { return false; }
    if (state->config->keep_all) { return true; }
    if (checkpoint.member < state->members &&
        pbti_checkpoint_equal(state->member[checkpoint.member].start, checkpoint)) {
        return true; /* by far the most common case: nobody else has to be asked */
    }
    struct pbti_best kept;
    for (uint32_t i = 0; pbti_state_kept(state, i, &kept) != 0; i++) {
        if (pbti_checkpoint_equal(kept.checkpoint, checkpoint)) { return true; }
    }
    for (uint32_t i = 0; i < state->members; i++) {
        if (pbti_checkpoint_equal(state->member[i].start, checkpoint)) { return true; }
    }
    return false;
}

/* -------- what to run -------- */

uint64_t pbti_segment_steps(const struct pbti_state *state, uint32_t member)
{
    const struct pbti_config *const config = state->config;
    const struct pbti_member *const m = &state->member[member];
    if (m->phase == PBTI_RUNNING) { return m->claimed_steps; }
    uint64_t steps = config->ready_every;
    uint64_t const budget = config->steps > m->steps ? config->steps - m->steps : 0;
    uint64_t const life = config->max_age > m->age ? config->max_age - m->age : 0;
    if (budget < steps) { steps = budget; }
    if (state->rung_rows > 0) {
        uint64_t const rung = pbti_rung_after(config, pbti_bracket_of(config, member), m->steps);
        if (rung - m->steps < steps) { steps = rung - m->steps; }
    }
    return life < steps ? life : steps;
}

uint64_t pbti_task_seed(const struct pbti_config *config, uint32_t member, uint32_t segment)
{
    struct pbti_stream const stream = {config->seed, PBTI_PURPOSE_TASK, member, segment};
    return pbti_draw_bits(&stream, 0);
}

uint32_t pbti_next(const struct pbti_state *state, uint32_t last, struct pbti_checkpoint held)
{
    if (state->stop != PBTI_STOP_NONE || state->heap_count == 0) { return PBTI_NO_MEMBER; }
    uint32_t const first = state->heap[0];
    if (last >= state->members || held.segment == 0) { return first; }
    const struct pbti_member *const m = &state->member[last];
    uint64_t const foremost = state->member[first].steps;
    if (m->steps < foremost) { return first; } /* rungs: a promoted one goes first */
    uint64_t const ahead = m->steps - foremost;
    bool const hot = m->phase == PBTI_WAITING && pbti_checkpoint_equal(m->start, held);
    uint64_t const intervals =
        ahead / state->config->ready_every + (ahead % state->config->ready_every != 0 ? 1 : 0);
    return hot && intervals <= state->config->lead ? last : first;
}

uint32_t pbti_expecting(const struct pbti_state *state)
{
    if (state->stop != PBTI_STOP_NONE || state->counts.phase[PBTI_EXPECTING] == 0) {
        return PBTI_NO_MEMBER;
    }
    uint32_t member = 0;
    while (state->member[member].phase != PBTI_EXPECTING) {
        member++;
    }
    return member;
}

bool pbti_proposal_applies(const struct pbti_state *state, uint32_t member, uint64_t knows)
{
    return state->stop == PBTI_STOP_NONE && member < state->members &&
           state->member[member].phase == PBTI_EXPECTING && knows >= state->proposal &&
           knows <= state->seq;
}

/* -------- hash -------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9fb21c651e98df25u;
    return hash ^ (hash >> 32);
}

static uint64_t mix_double(uint64_t hash, double value)
{
    if (isnan(value)) { return mix(hash, 0x7ff8u); }
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return mix(hash, bits);
}

static uint64_t mix_checkpoint(uint64_t hash, struct pbti_checkpoint checkpoint)
{
    hash = mix(hash, checkpoint.member);
    return mix(mix(hash, checkpoint.segment), checkpoint.attempt);
}

static uint64_t mix_member(uint64_t hash, const struct pbti_member *m)
{
    uint64_t const numbers[] = {m->steps,        m->age,          m->claim,        m->worker,
                                m->slot,         m->segment,      m->attempt,      m->failures,
                                m->revivals,     m->phase,        m->score_source, m->score_segment,
                                m->group,        m->score_member, m->scores_count, m->claimed_steps,
                                m->claimed_span, m->reported,     m->founder};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        hash = mix(hash, numbers[i]);
    }
    hash = mix_double(hash, m->score);
    hash = mix_double(hash, m->scores_mean);
    hash = mix_double(hash, m->scores_squares);
    return mix_checkpoint(hash, m->start);
}

uint64_t pbti_state_hash(const struct pbti_state *state)
{
    uint64_t hash = mix(0x2545f4914f6cdd1du, state->seq);
    hash = mix(mix(mix(hash, state->members), state->stop), state->proposal);
    size_t const stride = state->stride;
    for (uint32_t i = 0; i < state->members; i++) {
        hash = mix_member(hash, &state->member[i]);
    }
    for (size_t i = 0; i < state->members * stride; i++) {
        hash = mix_double(hash, state->values[i]);
    }
    for (uint8_t group = 0; group < PBTI_GROUPS; group++) {
        const struct pbti_group_state *const g = &state->group[group];
        hash = mix(mix(hash, g->reports_since_best), g->ranking.count);
        hash = mix(mix_double(hash, g->best.score), g->best.seq);
        hash = mix_checkpoint(hash, g->best.checkpoint);
        for (uint32_t rank = 0; rank < g->ranking.count; rank++) {
            hash = mix(hash, pbti_state_ranked(state, group, rank));
        }
    }
    for (size_t i = 0; i < (size_t)state->members * state->rung_rows; i++) {
        hash = mix_double(hash, state->rung[i]);
    }
    struct pbti_best kept;
    for (uint32_t i = 0; pbti_state_kept(state, i, &kept) != 0; i++) {
        hash = mix_checkpoint(hash, kept.checkpoint);
    }
    return hash;
}
