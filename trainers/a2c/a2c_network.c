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

enum { TAPS = PBTI_NN_CELLS_KERNEL * PBTI_NN_CELLS_KERNEL };

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

static pbt_status add_parts(struct pbti_a2c_network *net, struct pbt_error *err)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    uint32_t const first_rows = s->cells ? TAPS * s->channels : net->sight;
    uint32_t const first_columns = s->cells ? s->filters : s->channels;
    const struct {
        const char *name;
        uint32_t rows, columns;
        uint32_t *index;
    } parts[] = {
        {"first.weight", first_rows, first_columns, &net->first_w},
        {"first.bias", s->cells ? s->filters : net->sight, 1, &net->first_b},
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
    return s->lstm ? pbti_a2c_memory_parts(&net->memory, &net->block, err) : PBT_OK;
}

pbt_status pbti_a2c_network_init(struct pbti_a2c_network *net, const struct pbti_a2c_shape *shape,
                                 uint32_t slots, uint32_t copies, struct pbt_error *err)
{
    memset(net, 0, sizeof *net);
    net->shape = *shape;
    net->conv =
        (struct pbti_nn_cells_shape){shape->rows, shape->columns, shape->channels, shape->filters};
    net->sight = shape->cells ? windows(shape) * shape->filters : shape->hidden;
    pbti_nn_block_init(&net->block);
    pbt_status status = PBT_OK;
    if (shape->lstm) { status = pbti_a2c_memory_init(&net->memory, shape->hidden, copies, err); }
    if (status == PBT_OK) { status = add_parts(net, err); }
    if (status == PBT_OK) { status = pbti_nn_block_allocate(&net->block, slots, err); }
    net->hidden_wt = pbti_nn_floats((size_t)net->sight * shape->hidden);
    if (status == PBT_OK && net->hidden_wt == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u hidden units", shape->hidden);
    }
    if (status != PBT_OK) { pbti_a2c_network_deinit(net); }
    return status;
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
    free(net->hidden_wt);
    pbti_a2c_memory_deinit(&net->memory);
    pbti_nn_block_deinit(&net->block);
    memset(net, 0, sizeof *net);
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
        {&net->features, s->cells ? 1 : rows * s->channels},
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
    uint32_t const inputs = s->cells ? TAPS * s->channels : s->channels;
    draw(net, net->first_w, pbti_nn_init_sd(PBTI_NN_RELU, inputs, net->sight), seed);
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

static void look(struct pbti_a2c_network *net, uint32_t first, uint32_t count)
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
    look(net, first, count);
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

/* From d_first, the gradient behind the relu. */
static void look_back(struct pbti_a2c_network *net, uint32_t count)
{
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const dw = part(net, net->block.gradients, net->first_w);
    float *const db = part(net, net->block.gradients, net->first_b);
    if (s->cells) {
        pbti_nn_conv_cells_backward(&net->conv, dw, db, net->d_first, net->first, net->cells,
                                    count);
        return;
    }
    /* of a relu the output says as much as the input: both are positive, or neither is */
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_first, net->d_first, net->first,
                                (size_t)count * net->sight);
    pbti_nn_linear_backward(NULL, dw, db, net->d_first, net->features,
                            part(net, net->block.weights, net->first_w), count, s->channels,
                            net->sight);
}

void pbti_a2c_network_backward(struct pbti_a2c_network *net, uint32_t count)
{
    assert(count > 0 && count <= net->capacity);
    const struct pbti_a2c_shape *const s = &net->shape;
    float *const weights = net->block.weights;
    float *const gradients = net->block.gradients;
    const float *const top = s->lstm ? net->memory.h : net->hidden;
    pbti_nn_linear_backward(net->d_hidden, part(net, gradients, net->heads_w),
                            part(net, gradients, net->heads_b), net->d_heads, top,
                            part(net, weights, net->heads_w), count, s->hidden, s->actions + 1);
    if (s->lstm) {
        pbti_a2c_memory_backward(&net->memory, &net->block, net->d_hidden, net->hidden, count);
    }
    pbti_nn_activation_backward(PBTI_NN_RELU, net->d_hidden, net->d_hidden, net->hidden,
                                (size_t)count * s->hidden);
    pbti_nn_linear_backward(net->d_first, part(net, gradients, net->hidden_w),
                            part(net, gradients, net->hidden_b), net->d_hidden, net->first,
                            part(net, weights, net->hidden_w), count, net->sight, s->hidden);
    look_back(net, count);
}
