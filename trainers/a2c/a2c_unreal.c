/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_unreal.c - what an actor-critic learns from frames it has kept, see a2c_unreal.h. */
#include "a2c/a2c_unreal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARM = 100, WINDOWS_MIN = 8, FRAMES_A_WINDOW = 20 };

/* Streams of one update. */
enum lane { LANE_CONTROL, LANE_VALUE, LANE_WINDOW };

/* -------- memory -------- */

pbt_status pbti_a2c_unreal_init(struct pbti_a2c_unreal *u, struct pbti_a2c_network *net,
                                uint16_t constant, uint32_t maps, struct pbt_error *err)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    assert(s->lstm && s->inputs);
    memset(u, 0, sizeof *u);
    u->base_parts = net->block.part_count;
    u->pictures = (s->cells || s->bytes) && pbti_a2c_control_span(s->rows, s->bytes) > 0;
    u->mask = (uint16_t)(((1u << s->channels) - 1) & ~(unsigned)constant);
    pbt_status status = PBT_OK;
    if (u->pictures) {
        pbti_a2c_control_init(&u->control, s->rows, s->bytes, maps, s->hidden, s->actions);
        status = pbti_a2c_control_parts(&u->control, &net->block, err);
    }
    pbti_a2c_prediction_init(&u->prediction, net->sight);
    return status == PBT_OK ? pbti_a2c_prediction_parts(&u->prediction, &net->block, err) : status;
}

static void drop_rows(struct pbti_a2c_unreal *u)
{
    free(u->chosen); /* the first of the bytes, see reserve */
    free(u->rewards);
    u->chosen = NULL;
    u->rewards = NULL;
    u->capacity = 0;
}

static void drop_windows(struct pbti_a2c_unreal *u)
{
    free(u->plan.predicted);
    free(u->labels);
    u->plan.predicted = NULL;
    u->labels = NULL;
    u->window_capacity = 0;
}

void pbti_a2c_unreal_deinit(struct pbti_a2c_unreal *u)
{
    drop_rows(u);
    drop_windows(u);
    free(u->plan.sequences);
    free(u->scratch);
    pbti_a2c_replay_deinit(&u->replay);
    pbti_a2c_control_deinit(&u->control);
    pbti_a2c_prediction_deinit(&u->prediction);
    if (u->twin.twin) { pbti_a2c_network_deinit(&u->twin); }
    if (u->glances.twin) { pbti_a2c_network_deinit(&u->glances); }
    memset(u, 0, sizeof *u);
}

pbt_status pbti_a2c_unreal_join(struct pbti_a2c_unreal *u, const struct pbti_a2c_network *net,
                                uint32_t copies, uint32_t room, struct pbt_error *err)
{
    u->scratch = pbti_nn_floats(net->block.plane_floats);
    u->plan.sequences = calloc(2 * (size_t)copies, sizeof u->plan.sequences[0]);
    if (u->scratch == NULL || u->plan.sequences == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the gradients of what is replayed");
    }
    pbt_status status =
        pbti_a2c_replay_init(&u->replay, copies, room, pbti_a2c_network_kept_size(net), err);
    if (status == PBT_OK) {
        status = pbti_a2c_network_twin(&u->twin, net, 2 * copies, u->scratch, err);
    }
    if (status == PBT_OK) { status = pbti_a2c_network_twin(&u->glances, net, 1, u->scratch, err); }
    return status;
}

static pbt_status reserve_rows(struct pbti_a2c_unreal *u, uint32_t length, struct pbt_error *err)
{
    uint32_t const count = u->plan.controls + u->plan.values;
    pbt_status status = PBT_OK;
    if (count > 0) { status = pbti_a2c_network_reserve(&u->twin, (length + 1) * count, err); }
    if (status == PBT_OK && u->plan.controls > 0) {
        status = pbti_a2c_control_reserve(&u->control, (length + 1) * u->plan.controls, err);
    }
    if (status != PBT_OK || length * count <= u->capacity) { return status; }
    size_t const frames = (size_t)length * count;
    drop_rows(u);
    u->chosen = calloc(4 * frames, 1);
    u->rewards = calloc(3 * frames, sizeof u->rewards[0]);
    if (u->chosen == NULL || u->rewards == NULL) {
        drop_rows(u);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to replay %u frames", length * count);
    }
    u->ends = u->chosen + frames;
    u->control_chosen = u->ends + frames;
    u->control_ends = u->control_chosen + frames;
    u->advantages = u->rewards + frames;
    u->targets = u->advantages + frames;
    u->capacity = length * count;
    return PBT_OK;
}

static pbt_status reserve_windows(struct pbti_a2c_unreal *u, struct pbt_error *err)
{
    uint32_t const windows = u->plan.windows;
    if (windows <= u->window_capacity) { return PBT_OK; }
    pbt_status const status = pbti_a2c_network_reserve(&u->glances, PBTI_A2C_WINDOW * windows, err);
    if (status != PBT_OK) { return status; }
    drop_windows(u);
    u->plan.predicted = calloc(windows, sizeof u->plan.predicted[0]);
    u->labels = calloc(windows, 1);
    if (u->plan.predicted == NULL || u->labels == NULL) {
        drop_windows(u);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory to predict %u rewards", windows);
    }
    u->window_capacity = windows;
    return pbti_a2c_prediction_reserve(&u->prediction, windows, err);
}

pbt_status pbti_a2c_unreal_reserve(struct pbti_a2c_unreal *u,
                                   const struct pbti_a2c_settings *settings, struct pbt_error *err)
{
    struct pbti_a2c_plan *const plan = &u->plan;
    uint32_t const room = u->replay.room;
    uint32_t const wanted = (uint32_t)lround(settings->replay_ratio * u->replay.copies);
    uint32_t const sequences = wanted > 0 ? wanted : 1;
    u->control_cost = u->pictures ? settings->pixel_control : 0.0;
    u->value_cost = settings->value_replay;
    u->prediction_cost = settings->reward_prediction;
    u->discount = settings->discount;
    u->control_discount = settings->control_discount;
    plan->length = settings->unroll < room ? settings->unroll : room - 1;
    plan->controls = u->control_cost > 0.0 ? sequences : 0;
    plan->values = u->value_cost > 0.0 ? sequences : 0;
    uint32_t const share = (sequences * plan->length + FRAMES_A_WINDOW - 1) / FRAMES_A_WINDOW;
    uint32_t const windows = share > WINDOWS_MIN ? share : WINDOWS_MIN;
    plan->windows = u->prediction_cost > 0.0 ? windows : 0;
    u->warm = room < WARM ? room : WARM;
    if (u->warm < plan->length + 1) { u->warm = plan->length + 1; }
    pbt_status const status = reserve_rows(u, plan->length, err);
    return status == PBT_OK ? reserve_windows(u, err) : status;
}

/* -------- segments -------- */

void pbti_a2c_unreal_randomise(struct pbti_a2c_unreal *u, struct pbti_a2c_network *net,
                               uint64_t seed)
{
    if (u->pictures) { pbti_a2c_control_randomise(&u->control, &net->block, seed); }
    pbti_a2c_prediction_randomise(&u->prediction, &net->block, seed);
}

void pbti_a2c_unreal_begin(struct pbti_a2c_unreal *u, uint64_t seed)
{
    pbti_a2c_replay_clear(&u->replay);
    u->seed = seed;
    u->updates = 0;
}

void pbti_a2c_unreal_keep(struct pbti_a2c_unreal *u, const struct pbti_a2c_network *net,
                          uint32_t first, const uint8_t *actions, const float *rewards,
                          const uint8_t *ends)
{
    struct pbti_a2c_replay *const replay = &u->replay;
    uint8_t *const seen = pbti_a2c_replay_add(replay, actions, rewards, ends,
                                              pbti_a2c_memory_last_actions(&net->memory),
                                              pbti_a2c_memory_last_rewards(&net->memory));
    for (uint32_t i = 0; i < replay->copies; i++) {
        pbti_a2c_network_keep(net, first + i, seen + i * replay->seen_size);
    }
}

/* -------- sequences -------- */

/* Round t of all sequences: into the rows of the twin, and what was done into the arrays. */
static void recall(struct pbti_a2c_unreal *u, uint32_t t)
{
    const struct pbti_a2c_replay *const replay = &u->replay;
    const struct pbti_a2c_plan *const plan = &u->plan;
    uint32_t const count = plan->controls + plan->values;
    for (uint32_t i = 0; i < count; i++) {
        struct pbti_a2c_place const place = {plan->sequences[i].copy, plan->sequences[i].at + t};
        size_t const index = pbti_a2c_replay_index(replay, place), row = (size_t)t * count + i;
        pbti_a2c_network_recall(&u->twin, (uint32_t)row, pbti_a2c_replay_seen(replay, place));
        pbti_a2c_memory_last_actions(&u->twin.memory)[i] = replay->last_actions[index];
        pbti_a2c_memory_last_rewards(&u->twin.memory)[i] = replay->last_rewards[index];
        if (t == plan->length) { continue; }
        u->chosen[row] = replay->actions[index];
        u->ends[row] = replay->ends[index];
        u->rewards[row] = replay->rewards[index];
    }
}

static void go_forward(struct pbti_a2c_unreal *u)
{
    struct pbti_a2c_memory *const memory = &u->twin.memory;
    uint32_t const count = u->plan.controls + u->plan.values;
    memory->copies = count;
    memset(memory->state, 0, pbti_a2c_memory_state_size(memory) * sizeof memory->state[0]);
    memset(u->ends, 0, count);
    pbti_a2c_network_forget(&u->twin, u->ends);
    for (uint32_t t = 0; t <= u->plan.length; t++) {
        recall(u, t);
        pbti_a2c_network_forward(&u->twin, t * count, count);
        if (t < u->plan.length) { pbti_a2c_network_forget(&u->twin, u->ends + (size_t)t * count); }
    }
}

/* The loss of value replay; its gradient stands in the twin's d_heads, which are 0 elsewhere. */
static double replay_values(struct pbti_a2c_unreal *u)
{
    const struct pbti_a2c_plan *const plan = &u->plan;
    struct pbti_a2c_network *const twin = &u->twin;
    uint32_t const count = plan->controls + plan->values, actions = twin->shape.actions;
    size_t const stride = actions + 1;
    double loss = 0.0;
    memset(twin->d_heads, 0, plan->length * count * stride * sizeof twin->d_heads[0]);
    if (plan->values == 0) { return 0.0; }
    pbti_a2c_returns(u->advantages, u->targets, u->rewards, u->ends, twin->heads, plan->length,
                     count, actions, u->discount, 1.0);
    float const scale = (float)(u->value_cost / ((double)plan->length * plan->values));
    for (size_t t = 0; t < plan->length; t++) {
        for (size_t i = plan->controls; i < count; i++) {
            size_t const row = t * count + i;
            float const error = twin->heads[row * stride + actions] - u->targets[row];
            twin->d_heads[row * stride + actions] = scale * error;
            loss += 0.5 * (double)error * (double)error;
        }
    }
    return loss / ((double)plan->length * plan->values);
}

/* Pseudo-rewards of round t of the sequences of pixel control. */
static void see_changes(struct pbti_a2c_unreal *u, uint32_t t)
{
    struct pbti_a2c_control *const c = &u->control;
    const struct pbti_a2c_network *const twin = &u->twin;
    const struct pbti_a2c_shape *const s = &twin->shape;
    uint32_t const count = u->plan.controls + u->plan.values;
    size_t const cells = (size_t)c->side * c->side, picture = (size_t)s->rows * s->columns;
    for (uint32_t i = 0; i < u->plan.controls; i++) {
        size_t const row = (size_t)t * count + i, to = (size_t)t * u->plan.controls + i;
        float *const changes = c->changes + to * cells;
        if (s->cells) {
            const uint16_t *const before = twin->cells + row * picture;
            pbti_a2c_control_change_cells(changes, before, before + count * picture, c->side,
                                          c->span, u->mask);
        } else {
            const float *const before = twin->features + row * twin->values;
            pbti_a2c_control_change_pixels(changes, before, before + (size_t)count * twin->values,
                                           c->side, c->span, s->channels);
        }
        u->control_chosen[to] = u->chosen[row];
        u->control_ends[to] = u->ends[row];
    }
}

/* Rows of the sequences of pixel control, from the twin's and (add) back to them. */
static void take_tops(struct pbti_a2c_unreal *u)
{
    const float *const top = pbti_a2c_network_top(&u->twin);
    uint32_t const controls = u->plan.controls, count = controls + u->plan.values;
    size_t const hidden = u->control.hidden;
    for (size_t t = 0; t <= u->plan.length; t++) {
        memcpy(u->control.top + t * controls * hidden, top + t * count * hidden,
               controls * hidden * sizeof top[0]);
    }
}

static void add_tops(struct pbti_a2c_unreal *u)
{
    uint32_t const controls = u->plan.controls, count = controls + u->plan.values;
    size_t const hidden = u->control.hidden;
    for (size_t t = 0; t < u->plan.length; t++) {
        const float *const from = u->control.d_top + t * controls * hidden;
        float *const to = u->twin.d_hidden + t * count * hidden;
        for (size_t k = 0; k < controls * hidden; k++) {
            to[k] += from[k];
        }
    }
}

/* Pixel control; its gradient is added to that at the top of the twin. */
static double control_pixels(struct pbti_a2c_unreal *u, struct pbti_a2c_network *net)
{
    struct pbti_a2c_control *const c = &u->control;
    uint32_t const length = u->plan.length, controls = u->plan.controls;
    uint32_t const cells = c->side * c->side;
    if (controls == 0) { return 0.0; }
    take_tops(u);
    pbti_a2c_control_forward(c, &net->block, (length + 1) * controls);
    for (uint32_t t = 0; t < length; t++) {
        see_changes(u, t);
    }
    pbti_a2c_control_targets(c->targets, c->changes, u->control_ends, c->q, length, controls, cells,
                             c->actions, u->control_discount);
    double const loss =
        pbti_a2c_control_loss(c->d_q, c->q, c->targets, u->control_chosen, length * controls, cells,
                              c->actions, u->control_cost);
    pbti_a2c_control_backward(c, &net->block, length * controls);
    add_tops(u);
    return loss;
}

/* -------- windows -------- */

static double predict_rewards(struct pbti_a2c_unreal *u, struct pbti_a2c_network *net)
{
    const struct pbti_a2c_replay *const replay = &u->replay;
    struct pbti_a2c_network *const glances = &u->glances;
    uint32_t const windows = u->plan.windows;
    for (uint32_t i = 0; i < windows; i++) {
        struct pbti_a2c_place const place = u->plan.predicted[i];
        u->labels[i] = pbti_a2c_reward_class(replay->rewards[pbti_a2c_replay_index(replay, place)]);
        for (uint32_t k = 0; k < PBTI_A2C_WINDOW; k++) {
            struct pbti_a2c_place const seen = {place.copy, place.at - PBTI_A2C_WINDOW + k};
            pbti_a2c_network_recall(glances, i * PBTI_A2C_WINDOW + k,
                                    pbti_a2c_replay_seen(replay, seen));
        }
    }
    pbti_a2c_network_look(glances, 0, windows * PBTI_A2C_WINDOW);
    double const loss =
        pbti_a2c_prediction_learn(&u->prediction, &net->block, glances->d_first, glances->first,
                                  u->labels, windows, u->prediction_cost);
    pbti_a2c_network_look_back(glances, windows * PBTI_A2C_WINDOW);
    return loss;
}

/* -------- an update -------- */

static size_t part_size(const struct pbti_nn_block *block, uint32_t index)
{
    return (size_t)block->parts[index].rows * block->parts[index].columns;
}

/* Add the gradients in scratch of one part to those of the network. */
static void add_part(const struct pbti_a2c_unreal *u, struct pbti_a2c_network *net, uint32_t index)
{
    const float *const from = pbti_nn_block_part(&net->block, u->scratch, index);
    float *const to = pbti_nn_block_part(&net->block, net->block.gradients, index);
    size_t const count = part_size(&net->block, index);
    for (size_t k = 0; k < count; k++) {
        to[k] += from[k];
    }
}

/* What is not computed has no gradient. */
static void clear_heads(const struct pbti_a2c_unreal *u, struct pbti_a2c_network *net)
{
    for (uint32_t p = u->base_parts; p < net->block.part_count; p++) {
        memset(pbti_nn_block_part(&net->block, net->block.gradients, p), 0,
               part_size(&net->block, p) * sizeof(float));
    }
}

struct pbti_a2c_extra_loss pbti_a2c_unreal_follow(struct pbti_a2c_unreal *u,
                                                  struct pbti_a2c_network *net)
{
    struct pbti_a2c_extra_loss loss = {.computed = true};
    uint32_t const count = u->plan.controls + u->plan.values;
    clear_heads(u, net);
    if (count > 0) {
        go_forward(u);
        loss.value = replay_values(u);
        pbti_a2c_network_backward_heads(&u->twin, u->plan.length * count);
        loss.control = control_pixels(u, net);
        pbti_a2c_network_backward_trunk(&u->twin, u->plan.length * count);
        for (uint32_t p = 0; p < u->base_parts; p++) {
            add_part(u, net, p);
        }
    }
    if (u->plan.windows > 0) {
        loss.prediction = predict_rewards(u, net);
        add_part(u, net, net->first_w);
        add_part(u, net, net->first_b);
        if (net->shape.bytes) {
            add_part(u, net, net->second_w);
            add_part(u, net, net->second_b);
        }
    }
    return loss;
}

static struct pbti_nn_stream stream(const struct pbti_a2c_unreal *u, enum lane lane)
{
    return (struct pbti_nn_stream){
        .seed = u->seed, .purpose = PBTI_NN_PURPOSE_REPLAY, .lane = lane, .step = u->updates};
}

struct pbti_a2c_extra_loss pbti_a2c_unreal_learn(struct pbti_a2c_unreal *u,
                                                 struct pbti_a2c_network *net)
{
    struct pbti_a2c_plan *const plan = &u->plan;
    struct pbti_nn_stream const control = stream(u, LANE_CONTROL), value = stream(u, LANE_VALUE),
                                window = stream(u, LANE_WINDOW);
    uint32_t const windows = plan->windows;
    u->updates++;
    if (u->replay.stored < u->warm) {
        clear_heads(u, net);
        return (struct pbti_a2c_extra_loss){.computed = false};
    }
    pbti_a2c_replay_sequences(&u->replay, &control, plan->length, plan->controls, plan->sequences);
    pbti_a2c_replay_sequences(&u->replay, &value, plan->length, plan->values,
                              plan->sequences + plan->controls);
    if (windows > 0 &&
        pbti_a2c_replay_windows(&u->replay, &window, windows, plan->predicted) == 0) {
        plan->windows = 0; /* episodes are shorter than a window */
    }
    struct pbti_a2c_extra_loss const loss = pbti_a2c_unreal_follow(u, net);
    plan->windows = windows;
    return loss;
}
