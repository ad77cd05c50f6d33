/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_memory.c - the LSTM of an actor-critic, see a2c_memory.h. */
#include "a2c/a2c_memory.h"
#include "nn/nn_init.h"
#include "nn/nn_matmul.h"

#include <stdlib.h>
#include <string.h>

#define FORGET_BIAS 1.0f

/* Of h, or of c. */
static size_t state_floats(const struct pbti_a2c_memory *memory)
{
    return (size_t)memory->copies * memory->hidden;
}

size_t pbti_a2c_memory_state_size(const struct pbti_a2c_memory *memory)
{
    size_t const noted = memory->extra > 0 ? 2 * (size_t)memory->copies : 0;
    return 2 * state_floats(memory) + noted;
}

/* What is per copy. After an error nothing is left. */
static pbt_status take_state(struct pbti_a2c_memory *memory, struct pbt_error *err)
{
    uint32_t const hidden = memory->hidden;
    memory->state = pbti_nn_floats(pbti_a2c_memory_state_size(memory));
    memory->mask = pbti_nn_floats(memory->copies);
    memory->dh = pbti_nn_floats(state_floats(memory));
    memory->dc = pbti_nn_floats(state_floats(memory));
    if (memory->state == NULL || memory->mask == NULL || memory->dh == NULL || memory->dc == NULL) {
        pbti_a2c_memory_deinit(memory);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for an LSTM of %u units", hidden);
    }
    return PBT_OK;
}

pbt_status pbti_a2c_memory_init(struct pbti_a2c_memory *memory, uint32_t hidden, uint32_t extra,
                                uint32_t copies, struct pbt_error *err)
{
    *memory = (struct pbti_a2c_memory){
        .hidden = hidden, .copies = copies, .extra = extra, .inputs = hidden + extra};
    memory->w_x_turned = pbti_nn_floats(4 * (size_t)hidden * memory->inputs);
    memory->w_h_turned = pbti_nn_floats(4 * (size_t)hidden * hidden);
    if (memory->w_x_turned != NULL && memory->w_h_turned != NULL) {
        return take_state(memory, err);
    }
    pbti_a2c_memory_deinit(memory);
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory for an LSTM of %u units", hidden);
}

pbt_status pbti_a2c_memory_twin(struct pbti_a2c_memory *memory, const struct pbti_a2c_memory *of,
                                uint32_t copies, struct pbt_error *err)
{
    *memory = (struct pbti_a2c_memory){
        .hidden = of->hidden,
        .copies = copies,
        .extra = of->extra,
        .inputs = of->inputs,
        .w_x = of->w_x,
        .w_h = of->w_h,
        .b = of->b,
        .w_x_turned = of->w_x_turned,
        .w_h_turned = of->w_h_turned,
        .twin = true,
    };
    return take_state(memory, err);
}

void pbti_a2c_memory_deinit(struct pbti_a2c_memory *memory)
{
    if (!memory->twin) {
        free(memory->w_x_turned);
        free(memory->w_h_turned);
    }
    free(memory->state);
    free(memory->mask);
    free(memory->dh);
    free(memory->dc);
    free(memory->gates); /* the first of the rows, see reserve */
    memset(memory, 0, sizeof *memory);
}

pbt_status pbti_a2c_memory_parts(struct pbti_a2c_memory *memory, struct pbti_nn_block *block,
                                 struct pbt_error *err)
{
    uint32_t const hidden = memory->hidden;
    pbt_status status = pbti_nn_block_add(block, "lstm.weight_x", 4 * hidden, memory->inputs, true,
                                          &memory->w_x, err);
    if (status != PBT_OK) { return status; }
    status = pbti_nn_block_add(block, "lstm.weight_h", 4 * hidden, hidden, true, &memory->w_h, err);
    if (status != PBT_OK) { return status; }
    return pbti_nn_block_add(block, "lstm.bias", 4 * hidden, 1, false, &memory->b, err);
}

pbt_status pbti_a2c_memory_reserve(struct pbti_a2c_memory *memory, uint32_t capacity,
                                   struct pbt_error *err)
{
    size_t const rows = pbti_nn_padded((size_t)capacity * memory->hidden);
    size_t const masks = pbti_nn_padded(capacity);
    size_t const joined = memory->extra > 0 ? pbti_nn_padded((size_t)capacity * memory->inputs) : 0;
    float *at = pbti_nn_floats(12 * rows + masks + 2 * joined);
    if (at == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the LSTM over %u frames", capacity);
    }
    free(memory->gates);
    memory->gates = at;
    memory->dz = at += 4 * rows;
    memory->h = at += 4 * rows;
    memory->c = at += rows;
    memory->h_before = at += rows;
    memory->c_before = at += rows;
    memory->masks = at += rows;
    memory->joined = at += masks;
    memory->d_joined = at + joined;
    return PBT_OK;
}

/* -------- weights -------- */

static float *part(const struct pbti_nn_block *block, float *plane, uint32_t index)
{
    return pbti_nn_block_part(block, plane, index);
}

static void let_all_go_on(struct pbti_a2c_memory *memory)
{
    for (uint32_t i = 0; i < memory->copies; i++) {
        memory->mask[i] = 1.0f;
    }
}

void pbti_a2c_memory_randomise(struct pbti_a2c_memory *memory, struct pbti_nn_block *block,
                               uint64_t seed)
{
    uint32_t const hidden = memory->hidden;
    uint32_t const parts[] = {memory->w_x, memory->w_h}, inputs[] = {memory->inputs, hidden};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct pbti_nn_stream const stream = {
            .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = parts[i]};
        pbti_nn_init_normal(part(block, block->weights, parts[i]), 4 * (size_t)hidden * inputs[i],
                            pbti_nn_init_sd(PBTI_NN_TANH, inputs[i], hidden), &stream);
    }
    float *const b = part(block, block->weights, memory->b);
    for (uint32_t k = 0; k < 4 * hidden; k++) {
        b[k] = k >= hidden && k < 2 * hidden ? FORGET_BIAS : 0.0f;
    }
    memset(memory->state, 0, pbti_a2c_memory_state_size(memory) * sizeof(float));
    let_all_go_on(memory);
}

void pbti_a2c_memory_ready(struct pbti_a2c_memory *memory, const struct pbti_nn_block *block)
{
    uint32_t const hidden = memory->hidden;
    pbti_nn_transpose(4 * hidden, memory->inputs, part(block, block->weights, memory->w_x),
                      memory->w_x_turned);
    pbti_nn_transpose(4 * hidden, hidden, part(block, block->weights, memory->w_h),
                      memory->w_h_turned);
}

/* -------- the state -------- */

void pbti_a2c_memory_forget(struct pbti_a2c_memory *memory, const uint8_t *ends)
{
    for (uint32_t i = 0; i < memory->copies; i++) {
        memory->mask[i] = ends[i] == 0 ? 1.0f : 0.0f;
    }
    pbti_nn_mask_rows(memory->state, memory->mask, memory->copies, memory->hidden);
    pbti_nn_mask_rows(memory->state + state_floats(memory), memory->mask, memory->copies,
                      memory->hidden);
}

float *pbti_a2c_memory_last_actions(const struct pbti_a2c_memory *memory)
{
    return memory->extra > 0 ? memory->state + 2 * state_floats(memory) : NULL;
}

float *pbti_a2c_memory_last_rewards(const struct pbti_a2c_memory *memory)
{
    return memory->extra > 0 ? memory->state + 2 * state_floats(memory) + memory->copies : NULL;
}

void pbti_a2c_memory_note(struct pbti_a2c_memory *memory, const uint8_t *actions,
                          const float *rewards, const uint8_t *ends)
{
    if (memory->extra == 0) { return; }
    float *const last_actions = pbti_a2c_memory_last_actions(memory);
    float *const last_rewards = pbti_a2c_memory_last_rewards(memory);
    for (uint32_t i = 0; i < memory->copies; i++) {
        last_actions[i] = ends[i] == 0 ? (float)actions[i] : 0.0f;
        last_rewards[i] = ends[i] == 0 ? rewards[i] : 0.0f;
    }
}

/* What was noted when rows first .. first + B - 1 were joined. */
static void note_again(struct pbti_a2c_memory *memory, uint32_t first)
{
    for (uint32_t i = 0; i < memory->copies; i++) {
        const float *const row = memory->joined + (size_t)(first + i) * memory->inputs;
        uint32_t action = 0;
        while (action + 2 < memory->extra && row[memory->hidden + action] == 0.0f) {
            action++;
        }
        pbti_a2c_memory_last_actions(memory)[i] = (float)action;
        pbti_a2c_memory_last_rewards(memory)[i] = row[memory->inputs - 1];
    }
}

void pbti_a2c_memory_rewind(struct pbti_a2c_memory *memory, uint32_t first)
{
    size_t const count = state_floats(memory);
    size_t const at = (size_t)first * memory->hidden;
    memcpy(memory->state, memory->h_before + at, count * sizeof(float));
    memcpy(memory->state + count, memory->c_before + at, count * sizeof(float));
    if (memory->extra > 0) { note_again(memory, first); }
    let_all_go_on(memory);
}

pbt_status pbti_a2c_memory_set_aside(struct pbti_a2c_memory *memory, float **state,
                                     struct pbt_error *err)
{
    float *const empty = pbti_nn_floats(pbti_a2c_memory_state_size(memory));
    if (empty == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the LSTM's state"); }
    *state = memory->state;
    memory->state = empty;
    let_all_go_on(memory);
    return PBT_OK;
}

void pbti_a2c_memory_put_back(struct pbti_a2c_memory *memory, float *state)
{
    free(memory->state);
    memory->state = state;
    let_all_go_on(memory);
}

/* -------- forward, backward -------- */

/* Rows of x with what was noted beside them. */
static const float *join(struct pbti_a2c_memory *memory, const float *x, uint32_t first)
{
    uint32_t const hidden = memory->hidden, inputs = memory->inputs;
    float *const joined = memory->joined + (size_t)first * inputs;
    const float *const last_actions = pbti_a2c_memory_last_actions(memory);
    const float *const last_rewards = pbti_a2c_memory_last_rewards(memory);
    for (uint32_t i = 0; i < memory->copies; i++) {
        float *const row = joined + (size_t)i * inputs;
        memcpy(row, x + (size_t)i * hidden, hidden * sizeof row[0]);
        memset(row + hidden, 0, memory->extra * sizeof row[0]);
        row[hidden + (uint32_t)last_actions[i]] = 1.0f;
        row[inputs - 1] = last_rewards[i];
    }
    return joined;
}

/* The gradients at x, out of those at what the LSTM saw. */
static void part_again(const struct pbti_a2c_memory *memory, float *d, uint32_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(d + i * memory->hidden, memory->d_joined + i * memory->inputs,
               memory->hidden * sizeof d[0]);
    }
}

const float *pbti_a2c_memory_forward(struct pbti_a2c_memory *memory,
                                     const struct pbti_nn_block *block, const float *x,
                                     uint32_t first)
{
    struct pbti_nn_lstm const lstm = {memory->inputs, memory->hidden, memory->w_x_turned,
                                      memory->w_h_turned, part(block, block->weights, memory->b)};
    size_t const count = state_floats(memory);
    size_t const at = (size_t)first * memory->hidden;
    float *const h_before = memory->h_before + at;
    float *const c_before = memory->c_before + at;
    memcpy(h_before, memory->state, count * sizeof(float));
    memcpy(c_before, memory->state + count, count * sizeof(float));
    memcpy(memory->masks + first, memory->mask, memory->copies * sizeof(float));
    const float *const seen = memory->extra > 0 ? join(memory, x, first) : x;
    pbti_nn_lstm_forward_transposed(&lstm, memory->gates + 4 * at, memory->h + at, memory->c + at,
                                    seen, h_before, c_before, memory->copies);
    memcpy(memory->state, memory->h + at, count * sizeof(float));
    memcpy(memory->state + count, memory->c + at, count * sizeof(float));
    let_all_go_on(memory);
    return memory->h + at;
}

static void add(float *sum, const float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum[i] += values[i];
    }
}

void pbti_a2c_memory_backward(struct pbti_a2c_memory *memory, const struct pbti_nn_block *block,
                              float *d, const float *x, uint32_t count)
{
    uint32_t const hidden = memory->hidden;
    uint32_t const copies = memory->copies;
    size_t const state = state_floats(memory);
    bool const joins = memory->extra > 0;
    struct pbti_nn_lstm const lstm = {
        memory->inputs, hidden, part(block, block->weights, memory->w_x),
        part(block, block->weights, memory->w_h), part(block, block->weights, memory->b)};
    memset(memory->dh, 0, state * sizeof(float));
    memset(memory->dc, 0, state * sizeof(float));
    for (uint32_t first = count; first > 0;) {
        first -= copies;
        size_t const at = (size_t)first * hidden;
        add(memory->dh, d + at, state);
        pbti_nn_lstm_backward_step(&lstm, memory->dz + 4 * at, memory->dh, memory->dc, memory->dh,
                                   memory->dc, memory->gates + 4 * at, memory->c + at,
                                   memory->c_before + at, copies);
        pbti_nn_mask_rows(memory->dh, memory->masks + first, copies, hidden);
        pbti_nn_mask_rows(memory->dc, memory->masks + first, copies, hidden);
    }
    float *const dw_x = part(block, block->gradients, memory->w_x);
    float *const dw_h = part(block, block->gradients, memory->w_h);
    float *const db = part(block, block->gradients, memory->b);
    memset(dw_x, 0, 4 * (size_t)hidden * memory->inputs * sizeof(float));
    memset(dw_h, 0, 4 * (size_t)hidden * hidden * sizeof(float));
    memset(db, 0, 4 * (size_t)hidden * sizeof(float));
    pbti_nn_lstm_backward_sums(&lstm, joins ? memory->d_joined : d, dw_x, dw_h, db, memory->dz,
                               joins ? memory->joined : x, memory->h_before, count);
    if (joins) { part_again(memory, d, count); }
}
