/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_network.c - policy and value of an actor-critic, see a2c_network.h. */
#include "a2c/a2c_network.h"
#include "nn/nn_activation.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_matmul.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TAPS = PBTI_NN_CELLS_KERNEL * PBTI_NN_CELLS_KERNEL, BYTES_KERNEL = 4, SECOND_KERNEL = 3 };

#define HEADS_SCALE 0.01 /* of the usual standard deviation */

static float *part(const struct pbti_a2c_network *net, float *plane, uint32_t index)
{
    return pbti_nn_block_part(&net->block, plane, index);
}

/* -------- memory -------- */

static uint32_t windows(const struct pbti_a2c_shape *shape)
{
    uint32_t const margin = PBTI_NN_CELLS_KERNEL - 1;
    return (shape->rows - margin) * (shape->columns - margin);
}

/* Layers of a picture of bytes; the sight of any. */
static void plan_sight(struct pbti_a2c_network *net)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    net->conv = (struct pbti_nn_cells_shape){s->rows, s->columns, s->channels, s->filters};
    net->values = s->bytes ? s->rows * s->columns * s->channels : s->channels;
    net->sight = s->cells ? windows(s) * s->filters : s->hidden;
    if (!s->bytes) { return; }
    net->conv_bytes = (struct pbti_nn_conv_shape){.rows = s->rows,
                                                  .columns = s->columns,
                                                  .channels = s->channels,
                                                  .outputs = s->filters,
                                                  .kernel = BYTES_KERNEL,
                                                  .stride = 2};
    uint32_t const rows = pbti_nn_conv_windows(&net->conv_bytes, s->rows);
    uint32_t const columns = pbti_nn_conv_windows(&net->conv_bytes, s->columns);
    net->conv_second = (struct pbti_nn_conv_shape){.rows = rows,
                                                   .columns = columns,
                                                   .channels = s->filters,
                                                   .outputs = 2 * s->filters,
                                                   .kernel = SECOND_KERNEL,
                                                   .stride = 2};
    net->sight = pbti_nn_conv_windows(&net->conv_second, rows) *
                 pbti_nn_conv_windows(&net->conv_second, columns) * 2 * s->filters;
}

/* Values of a row between the two convolutions. */
static size_t below_size(const struct pbti_a2c_network *net)
{
    const struct pbti_nn_conv_shape *const c = &net->conv_second;
    return net->shape.bytes ? (size_t)c->rows * c->columns * c->channels : 0;
}

static pbt_status add_parts(struct pbti_a2c_network *net, struct pbt_error *err)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    bool const maps = s->cells || s->bytes;
    uint32_t const taps = s->bytes ? BYTES_KERNEL * BYTES_KERNEL : TAPS;
    uint32_t const first_rows = maps ? taps * s->channels : net->sight;
    uint32_t const first_columns = maps ? s->filters : s->channels;
    const struct {
        const char *name;
        uint32_t rows, columns;
        uint32_t *index;
    } parts[] = {
        {"first.weight", first_rows, first_columns, &net->first_w},
        {"first.bias", maps ? s->filters : net->sight, 1, &net->first_b},
        {"hidden.weight", s->hidden, net->sight, &net->hidden_w},
        {"hidden.bias", s->hidden, 1, &net->hidden_b},
        {"heads.weight", s->actions + 1, s->hidden, &net->heads_w},
        {"heads.bias", s->actions + 1, 1, &net->heads_b},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        pbt_status const status =
            pbti_nn_block_add(&net->block, parts[i].name, parts[i].rows, parts[i].columns,
                              parts[i].columns > 1, parts[i].index, err);
        if (status != PBT_OK) { return status; }
    }
    pbt_status status = PBT_OK;
    if (s->bytes) {
        status = pbti_nn_block_add(&net->block, "second.weight", TAPS * s->filters, 2 * s->filters,
                                   true, &net->second_w, err);
    }
    if (s->bytes && status == PBT_OK) {
        status = pbti_nn_block_add(&net->block, "second.bias", 2 * s->filters, 1, false,
                                   &net->second_b, err);
    }
    if (status != PBT_OK) { return status; }
    return s->lstm ? pbti_a2c_memory_parts(&net->memory, &net->block, err) : PBT_OK;
}

static uint32_t extra_inputs(const struct pbti_a2c_shape *shape)
{
    return shape->inputs ? shape->actions + 1 : 0;
}

pbt_status pbti_a2c_network_plan(struct pbti_a2c_network *net, const struct pbti_a2c_shape *shape,
                                 uint32_t copies, struct pbt_error *err)
{
    memset(net, 0, sizeof *net);
    net->shape = *shape;
    plan_sight(net);
    pbti_nn_block_init(&net->block);
    pbt_status status = PBT_OK;
    if (shape->lstm) {
        status =
            pbti_a2c_memory_init(&net->memory, shape->hidden, extra_inputs(shape), copies, err);
    }
    if (status == PBT_OK) { status = add_parts(net, err); }
    if (status != PBT_OK) { pbti_a2c_network_deinit(net); }
    return status;
}

pbt_status pbti_a2c_network_allocate(struct pbti_a2c_network *net, uint32_t slots,
                                     struct pbt_error *err)
{
    pbt_status const status = pbti_nn_block_allocate(&net->block, slots, err);
    net->hidden_wt = pbti_nn_floats((size_t)net->sight * net->shape.hidden);
    if (status == PBT_OK && net->hidden_wt == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u hidden units", net->shape.hidden);
    }
    return status;
}

pbt_status pbti_a2c_network_init(struct pbti_a2c_network *net, const struct pbti_a2c_shape *shape,
                                 uint32_t slots, uint32_t copies, struct pbt_error *err)
{
    pbt_status status = pbti_a2c_network_plan(net, shape, copies, err);
    if (status != PBT_OK) { return status; }
    status = pbti_a2c_network_allocate(net, slots, err);
    if (status != PBT_OK) { pbti_a2c_network_deinit(net); }
    return status;
}

pbt_status pbti_a2c_network_twin(struct pbti_a2c_network *net, const struct pbti_a2c_network *of,
                                 uint32_t copies, float *gradients, struct pbt_error *err)
{
    *net = *of;
    net->twin = true;
    net->capacity = 0;
    net->cells = NULL;
    net->features = NULL;
    net->block.gradients = gradients;
    memset(&net->memory, 0, sizeof net->memory);
    if (!of->shape.lstm) { return PBT_OK; }
    return pbti_a2c_memory_twin(&net->memory, &of->memory, copies, err);
}

static void drop_rows(struct pbti_a2c_network *net)
{
    free(net->cells);
    free(net->features); /* the first of the floats, see reserve */
    net->cells = NULL;
    net->features = NULL;
    net->capacity = 0;
}

void pbti_a2c_network_deinit(struct pbti_a2c_network *net)
{
    drop_rows(net);
    pbti_a2c_memory_deinit(&net->memory);
    if (!net->twin) {
        free(net->hidden_wt);
        pbti_nn_block_deinit(&net->block);
    }
    memset(net, 0, sizeof *net);
}

static size_t conv_scratch(const struct pbti_a2c_network *net, uint32_t capacity)
{
    if (!net->shape.bytes) { return 0; }
    size_t const first = pbti_nn_conv_scratch(&net->conv_bytes, capacity);
    size_t const second = pbti_nn_conv_scratch(&net->conv_second, capacity);
    return first > second ? first : second;
}

pbt_status pbti_a2c_network_reserve(struct pbti_a2c_network *net, uint32_t capacity,
                                    struct pbt_error *err)
{
    if (capacity <= net->capacity) { return PBT_OK; }
    const struct pbti_a2c_shape *const s = &net->shape;
    size_t const rows = capacity;
    const struct {
        float **array;
        size_t values;
    } floats[] = {
        {&net->features, s->cells ? 1 : rows * net->values},
        {&net->below, rows * below_size(net)},
        {&net->d_below, rows * below_size(net)},
        {&net->conv_scratch, conv_scratch(net, capacity)},
        {&net->first, rows * net->sight},
        {&net->d_first, rows * net->sight},
        {&net->hidden, rows * s->hidden},
        {&net->d_hidden, rows * s->hidden},
        {&net->heads, rows * (s->actions + 1)},
        {&net->d_heads, rows * (s->actions + 1)},
    };
    size_t const count = sizeof floats / sizeof floats[0];
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += pbti_nn_padded(floats[i].values);
    }
    float *at = pbti_nn_floats(total);
    uint16_t *const cells =
        calloc(s->cells ? rows * s->rows * s->columns : 1, sizeof net->cells[0]);
    pbt_status const status =
        s->lstm ? pbti_a2c_memory_reserve(&net->memory, capacity, err) : PBT_OK;
    if (at == NULL || cells == NULL || status != PBT_OK) {
        free(at);
        free(cells);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for rollouts of %u frames", capacity);
    }
    drop_rows(net);
    net->cells = cells;
    net->capacity = capacity;
    for (size_t i = 0; i < count; i++) {
        *floats[i].array = at;
        at += pbti_nn_padded(floats[i].values);
    }
    return PBT_OK;
}

/* -------- weights -------- */

static void draw(struct pbti_a2c_network *net, uint32_t index, double sd, uint64_t seed)
{
    const struct pbti_nn_part *const p = &net->block.parts[index];
    struct pbti_nn_stream const stream = {
        .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = index};
    pbti_nn_init_normal(part(net, net->block.weights, index), (size_t)p->rows * p->columns, sd,
                        &stream);
}

void pbti_a2c_network_randomise(struct pbti_a2c_network *net, uint64_t seed)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    pbti_nn_block_clear(&net->block);
    uint32_t const taps = s->bytes ? BYTES_KERNEL * BYTES_KERNEL : s->cells ? TAPS : 1;
    draw(net, net->first_w, pbti_nn_init_sd(PBTI_NN_RELU, taps * s->channels, net->sight), seed);
    if (s->bytes) {
        draw(net, net->second_w, pbti_nn_init_sd(PBTI_NN_RELU, TAPS * s->filters, net->sight),
             seed);
    }
    draw(net, net->hidden_w, pbti_nn_init_sd(PBTI_NN_RELU, net->sight, s->hidden), seed);
    draw(net, net->heads_w, HEADS_SCALE * pbti_nn_init_sd_output(s->hidden, s->actions + 1), seed);
    if (s->lstm) { pbti_a2c_memory_randomise(&net->memory, &net->block, seed); }
}

void pbti_a2c_network_ready(struct pbti_a2c_network *net)
{
    pbti_nn_transpose(net->shape.hidden, net->sight, part(net, net->block.weights, net->hidden_w),
                      net->hidden_wt);
    if (net->shape.lstm) { pbti_a2c_memory_ready(&net->memory, &net->block); }
}

/* -------- forward -------- */

/* Two convolutions of pictures of bytes. */
static void look_at_bytes(struct pbti_a2c_network *net, uint32_t first, uint32_t count)
{
    float *const weights = net->block.weights;
    float *const below = net->below + first * below_size(net);
    float *const y = net->first + (size_t)first * net->sight;
    pbti_nn_conv_forward(&net->conv_bytes, below, net->features + (size_t)first * net->values,
                         part(net, weights, net->first_w), part(net, weights, net->first_b),
                         net->conv_scratch, count);
    pbti_nn_activation_forward(PBTI_NN_RELU, below, below, count * below_size(net));
    pbti_nn_conv_forward(&net->conv_second, y, below, part(net, weights, net->second_w),
                         part(net, weights, net->second_b), net->conv_scratch, count);
    pbti_nn_activation_forward(PBTI_NN_RELU, y, y, (size_t)count * net->sight);
}

void pbti_a2c_network_look(struct pbti_a2c_network *net, uint32_t first, uint32_t count)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const weights = net->block.weights;
    float *const y = net->first + (size_t)first * net->sight;
    if (s->cells) {
        pbti_nn_conv_cells_forward(&net->conv, y, net->cells + (size_t)first * s->rows * s->columns,
                                   part(net, weights, net->first_w),
                                   part(net, weights, net->first_b), count);
        return;
    }
    if (s->bytes) {
        look_at_bytes(net, first, count);
        return;
    }
    pbti_nn_linear_forward(y, net->features + (size_t)first * s->channels,
                           part(net, weights, net->first_w), part(net, weights, net->first_b),
                           count, s->channels, net->sight);
    pbti_nn_activation_forward(PBTI_NN_RELU, y, y, (size_t)count * net->sight);
}

void pbti_a2c_network_forward(struct pbti_a2c_network *net, uint32_t first, uint32_t count)
{
    assert(first + count <= net->capacity && count > 0);
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const weights = net->block.weights;
    pbti_a2c_network_look(net, first, count);
    float *const hidden = net->hidden + (size_t)first * s->hidden;
    pbti_nn_linear_forward_transposed(hidden, net->first + (size_t)first * net->sight,
                                      net->hidden_wt, part(net, weights, net->hidden_b), count,
                                      net->sight, s->hidden);
    pbti_nn_activation_forward(PBTI_NN_RELU, hidden, hidden, (size_t)count * s->hidden);
    const float *const top =
        s->lstm ? pbti_a2c_memory_forward(&net->memory, &net->block, hidden, first) : hidden;
    pbti_nn_linear_forward(net->heads + (size_t)first * (s->actions + 1), top,
                           part(net, weights, net->heads_w), part(net, weights, net->heads_b),
                           count, s->hidden, s->actions + 1);
}

void pbti_a2c_network_forget(struct pbti_a2c_network *net, const uint8_t *ends)
{
    if (net->shape.lstm) { pbti_a2c_memory_forget(&net->memory, ends); }
}

void pbti_a2c_network_note(struct pbti_a2c_network *net, const uint8_t *actions,
                           const float *rewards, const uint8_t *ends)
{
    if (net->shape.lstm) { pbti_a2c_memory_note(&net->memory, actions, rewards, ends); }
}

void pbti_a2c_network_rewind(struct pbti_a2c_network *net, uint32_t first)
{
    if (net->shape.lstm) { pbti_a2c_memory_rewind(&net->memory, first); }
}

pbt_status pbti_a2c_network_set_aside(struct pbti_a2c_network *net, float **state,
                                      struct pbt_error *err)
{
    *state = NULL;
    return net->shape.lstm ? pbti_a2c_memory_set_aside(&net->memory, state, err) : PBT_OK;
}

void pbti_a2c_network_put_back(struct pbti_a2c_network *net, float *state)
{
    if (net->shape.lstm) { pbti_a2c_memory_put_back(&net->memory, state); }
}

/* -------- backward -------- */

/* From d_first to the gradients of both convolutions. */
static void look_back_at_bytes(struct pbti_a2c_network *net, uint32_t count)
{
    float *const weights = net->block.weights, *const gradients = net->block.gradients;
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_first, net->d_first, net->first,
                                (size_t)count * net->sight);
    pbti_nn_conv_backward(&net->conv_second, net->d_below, part(net, gradients, net->second_w),
                          part(net, gradients, net->second_b), net->d_first, net->below,
                          part(net, weights, net->second_w), net->conv_scratch, count);
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_below, net->d_below, net->below,
                                count * below_size(net));
    pbti_nn_conv_backward(&net->conv_bytes, NULL, part(net, gradients, net->first_w),
                          part(net, gradients, net->first_b), net->d_below, net->features,
                          part(net, weights, net->first_w), net->conv_scratch, count);
}

/* From d_first, the gradient behind the relu. */
void pbti_a2c_network_look_back(struct pbti_a2c_network *net, uint32_t count)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const dw = part(net, net->block.gradients, net->first_w);
    float *const db = part(net, net->block.gradients, net->first_b);
    if (s->cells) {
        pbti_nn_conv_cells_backward(&net->conv, dw, db, net->d_first, net->first, net->cells,
                                    count);
        return;
    }
    if (s->bytes) {
        look_back_at_bytes(net, count);
        return;
    }
    /* of a relu the output says as much as the input: both are positive, or neither is */
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_first, net->d_first, net->first,
                                (size_t)count * net->sight);
    pbti_nn_linear_backward(NULL, dw, db, net->d_first, net->features,
                            part(net, net->block.weights, net->first_w), count, s->channels,
                            net->sight);
}

const float *pbti_a2c_network_top(const struct pbti_a2c_network *net)
{
    return net->shape.lstm ? net->memory.h : net->hidden;
}

void pbti_a2c_network_backward_heads(struct pbti_a2c_network *net, uint32_t count)
{
    assert(count > 0 && count <= net->capacity);
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const gradients = net->block.gradients;
    pbti_nn_linear_backward(net->d_hidden, part(net, gradients, net->heads_w),
                            part(net, gradients, net->heads_b), net->d_heads,
                            pbti_a2c_network_top(net), part(net, net->block.weights, net->heads_w),
                            count, s->hidden, s->actions + 1);
}

void pbti_a2c_network_backward_trunk(struct pbti_a2c_network *net, uint32_t count)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const gradients = net->block.gradients;
    if (s->lstm) {
        pbti_a2c_memory_backward(&net->memory, &net->block, net->d_hidden, net->hidden, count);
    }
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_hidden, net->d_hidden, net->hidden,
                                (size_t)count * s->hidden);
    pbti_nn_linear_backward(net->d_first, part(net, gradients, net->hidden_w),
                            part(net, gradients, net->hidden_b), net->d_hidden, net->first,
                            part(net, net->block.weights, net->hidden_w), count, net->sight,
                            s->hidden);
    pbti_a2c_network_look_back(net, count);
}

void pbti_a2c_network_backward(struct pbti_a2c_network *net, uint32_t count)
{
    pbti_a2c_network_backward_heads(net, count);
    pbti_a2c_network_backward_trunk(net, count);
}

/* -------- observations to keep -------- */

size_t pbti_a2c_network_kept_size(const struct pbti_a2c_network *net)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    return s->cells   ? (size_t)s->rows * s->columns * sizeof net->cells[0]
           : s->bytes ? net->values
                      : net->values * sizeof net->features[0];
}

void pbti_a2c_network_keep(const struct pbti_a2c_network *net, uint32_t row, uint8_t *bytes)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    const float *const x = net->features + (size_t)row * net->values;
    if (s->cells) {
        memcpy(bytes, net->cells + (size_t)row * s->rows * s->columns,
               pbti_a2c_network_kept_size(net));
    } else if (s->bytes) {
        for (uint32_t k = 0; k < net->values; k++) {
            bytes[k] = (uint8_t)(x[k] * 255.0f + 0.5f);
        }
    } else {
        memcpy(bytes, x, net->values * sizeof x[0]);
    }
}

void pbti_a2c_network_recall(struct pbti_a2c_network *net, uint32_t row, const uint8_t *bytes)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const x = net->features + (size_t)row * net->values;
    if (s->cells) {
        memcpy(net->cells + (size_t)row * s->rows * s->columns, bytes,
               pbti_a2c_network_kept_size(net));
    } else if (s->bytes) {
        for (uint32_t k = 0; k < net->values; k++) {
            x[k] = (float)bytes[k] / 255.0f;
        }
    } else {
        memcpy(x, bytes, net->values * sizeof x[0]);
    }
}
