/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_control.c - pixel control, see a2c_control.h. */
#include "a2c/a2c_control.h"
#include "nn/nn_activation.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_SPAN = 4, SIDE_MIN = 3, SMALL_PICTURE = 9 };

/* -------- memory -------- */

uint32_t pbti_a2c_control_span(uint32_t rows, bool bytes)
{
    uint32_t const span = bytes ? BYTES_SPAN : rows <= SMALL_PICTURE ? 1 : 2;
    return rows % span == 0 && rows / span >= SIDE_MIN ? span : 0;
}

void pbti_a2c_control_init(struct pbti_a2c_control *control, uint32_t rows, bool bytes,
                           uint32_t maps, uint32_t hidden, uint32_t actions)
{
    memset(control, 0, sizeof *control);
    control->span = pbti_a2c_control_span(rows, bytes);
    control->side = rows / control->span;
    control->hidden = hidden;
    control->actions = actions;
    uint32_t const n = control->side, kernel = n % 2 == 0 ? 4 : 3, b = (n - kernel) / 2 + 1;
    control->value_shape = (struct pbti_nn_conv_shape){
        .rows = n, .columns = n, .channels = 1, .outputs = maps, .kernel = kernel, .stride = 2};
    control->advantage_shape = control->value_shape;
    control->advantage_shape.channels = actions;
    control->small = b * b * maps;
}

static void drop_rows(struct pbti_a2c_control *control)
{
    free(control->top); /* the first of the rows, see reserve */
    control->top = NULL;
    control->capacity = 0;
}

void pbti_a2c_control_deinit(struct pbti_a2c_control *control)
{
    drop_rows(control);
    memset(control, 0, sizeof *control);
}

pbt_status pbti_a2c_control_parts(struct pbti_a2c_control *control, struct pbti_nn_block *block,
                                  struct pbt_error *err)
{
    uint32_t const taps = control->value_shape.kernel * control->value_shape.kernel;
    uint32_t const maps = control->value_shape.outputs;
    const struct {
        const char *name;
        uint32_t rows, columns;
        uint32_t *index;
    } parts[] = {
        {"control.weight", control->small, control->hidden, &control->fc_w},
        {"control.bias", control->small, 1, &control->fc_b},
        {"control.value.weight", taps, maps, &control->v_w},
        {"control.value.bias", 1, 1, &control->v_b},
        {"control.advantage.weight", taps * control->actions, maps, &control->a_w},
        {"control.advantage.bias", control->actions, 1, &control->a_b},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        pbt_status const status =
            pbti_nn_block_add(block, parts[i].name, parts[i].rows, parts[i].columns,
                              parts[i].columns > 1, parts[i].index, err);
        if (status != PBT_OK) { return status; }
    }
    return PBT_OK;
}

static float *part(const struct pbti_nn_block *block, float *plane, uint32_t index)
{
    return pbti_nn_block_part(block, plane, index);
}

void pbti_a2c_control_randomise(const struct pbti_a2c_control *control, struct pbti_nn_block *block,
                                uint64_t seed)
{
    uint32_t const taps = control->value_shape.kernel * control->value_shape.kernel;
    uint32_t const maps = control->value_shape.outputs;
    const struct {
        uint32_t index;
        double sd;
    } draws[] = {
        {control->fc_w, pbti_nn_init_sd(PBTI_NN_RELU, control->hidden, control->small)},
        {control->v_w, pbti_nn_init_sd_output(maps * taps / 4, 1)},
        {control->a_w, pbti_nn_init_sd_output(maps * taps / 4, control->actions)},
    };
    for (size_t i = 0; i < sizeof draws / sizeof draws[0]; i++) {
        const struct pbti_nn_part *const p = &block->parts[draws[i].index];
        struct pbti_nn_stream const stream = {
            .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = draws[i].index};
        pbti_nn_init_normal(part(block, block->weights, draws[i].index),
                            (size_t)p->rows * p->columns, draws[i].sd, &stream);
    }
}

pbt_status pbti_a2c_control_reserve(struct pbti_a2c_control *control, uint32_t capacity,
                                    struct pbt_error *err)
{
    if (capacity <= control->capacity) { return PBT_OK; }
    size_t const rows = capacity, cells = (size_t)control->side * control->side;
    size_t const scratch_a = pbti_nn_conv_scratch(&control->advantage_shape, capacity);
    size_t const scratch_v = pbti_nn_conv_scratch(&control->value_shape, capacity);
    const struct {
        float **array;
        size_t values;
    } floats[] = {
        {&control->top, rows * control->hidden},
        {&control->d_top, rows * control->hidden},
        {&control->z, rows * control->small},
        {&control->d_z, rows * control->small},
        {&control->d_other, rows * control->small},
        {&control->v, rows * cells},
        {&control->d_v, rows * cells},
        {&control->q, rows * cells * control->actions},
        {&control->d_q, rows * cells * control->actions},
        {&control->changes, rows * cells},
        {&control->targets, rows * cells},
        {&control->scratch, scratch_a > scratch_v ? scratch_a : scratch_v},
    };
    size_t const count = sizeof floats / sizeof floats[0];
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += pbti_nn_padded(floats[i].values);
    }
    float *at = pbti_nn_floats(total);
    if (at == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for pixel control of %u frames", capacity);
    }
    drop_rows(control);
    control->capacity = capacity;
    for (size_t i = 0; i < count; i++) {
        *floats[i].array = at;
        at += pbti_nn_padded(floats[i].values);
    }
    return PBT_OK;
}

/* -------- the head -------- */

void pbti_a2c_control_forward(struct pbti_a2c_control *c, const struct pbti_nn_block *block,
                              uint32_t rows)
{
    float *const w = block->weights;
    pbti_nn_linear_forward(c->z, c->top, part(block, w, c->fc_w), part(block, w, c->fc_b), rows,
                           c->hidden, c->small);
    pbti_nn_activation_forward(PBTI_NN_RELU, c->z, c->z, (size_t)rows * c->small);
    pbti_nn_conv_transposed_forward(&c->value_shape, c->v, c->z, part(block, w, c->v_w),
                                    part(block, w, c->v_b), c->scratch, rows);
    pbti_nn_conv_transposed_forward(&c->advantage_shape, c->q, c->z, part(block, w, c->a_w),
                                    part(block, w, c->a_b), c->scratch, rows);
    pbti_a2c_control_duel(c->q, c->v, (size_t)rows * c->side * c->side, c->actions);
}

/* What a gradient at Q means for V, and for the advantages, into which it is turned. */
static void split(float *d_q, float *d_v, size_t cells, uint32_t actions)
{
    for (size_t k = 0; k < cells; k++) {
        float *const row = d_q + k * actions;
        float sum = 0.0f;
        for (uint32_t a = 0; a < actions; a++) {
            sum += row[a];
        }
        float const mean = sum / (float)actions;
        d_v[k] = sum;
        for (uint32_t a = 0; a < actions; a++) {
            row[a] -= mean;
        }
    }
}

void pbti_a2c_control_backward(struct pbti_a2c_control *c, const struct pbti_nn_block *block,
                               uint32_t rows)
{
    float *const w = block->weights, *const g = block->gradients;
    size_t const small = (size_t)rows * c->small;
    split(c->d_q, c->d_v, (size_t)rows * c->side * c->side, c->actions);
    pbti_nn_conv_transposed_backward(&c->value_shape, c->d_z, part(block, g, c->v_w),
                                     part(block, g, c->v_b), c->d_v, c->z, part(block, w, c->v_w),
                                     c->scratch, rows);
    pbti_nn_conv_transposed_backward(&c->advantage_shape, c->d_other, part(block, g, c->a_w),
                                     part(block, g, c->a_b), c->d_q, c->z, part(block, w, c->a_w),
                                     c->scratch, rows);
    for (size_t k = 0; k < small; k++) {
        c->d_z[k] += c->d_other[k];
    }
    pbti_nn_activation_backward(PBTI_NN_RELU, c->d_z, c->d_z, c->z, small);
    pbti_nn_linear_backward(c->d_top, part(block, g, c->fc_w), part(block, g, c->fc_b), c->d_z,
                            c->top, part(block, w, c->fc_w), rows, c->hidden, c->small);
}

/* -------- the parts of the rule -------- */

void pbti_a2c_control_change_cells(float *changes, const uint16_t *before, const uint16_t *after,
                                   uint32_t side, uint32_t span, uint16_t mask)
{
    uint32_t const columns = side * span;
    int const bits = (int)(span * span) * __builtin_popcount(mask);
    float const share = 1.0f / (float)bits;
    for (uint32_t cell = 0; cell < side * side; cell++) {
        uint32_t const first = cell / side * span * columns + cell % side * span;
        int count = 0;
        for (uint32_t k = 0; k < span * span; k++) {
            uint32_t const at = first + k / span * columns + k % span;
            count += __builtin_popcount((unsigned)((before[at] ^ after[at]) & mask));
        }
        changes[cell] = (float)count * share;
    }
}

void pbti_a2c_control_change_pixels(float *changes, const float *before, const float *after,
                                    uint32_t side, uint32_t span, uint32_t channels)
{
    uint32_t const columns = side * span;
    float const share = 1.0f / (float)(span * span * channels);
    for (uint32_t cell = 0; cell < side * side; cell++) {
        uint32_t const first = cell / side * span * columns + cell % side * span;
        float sum = 0.0f;
        for (uint32_t y = 0; y < span; y++) {
            size_t const at = (size_t)(first + y * columns) * channels;
            for (uint32_t k = 0; k < span * channels; k++) {
                sum += fabsf(after[at + k] - before[at + k]);
            }
        }
        changes[cell] = sum * share;
    }
}

void pbti_a2c_control_duel(float *q, const float *v, size_t cells, uint32_t actions)
{
    for (size_t k = 0; k < cells; k++) {
        float *const row = q + k * actions;
        float sum = 0.0f;
        for (uint32_t a = 0; a < actions; a++) {
            sum += row[a];
        }
        float const shift = v[k] - sum / (float)actions;
        for (uint32_t a = 0; a < actions; a++) {
            row[a] += shift;
        }
    }
}

static float greatest(const float *row, uint32_t actions)
{
    float most = row[0];
    for (uint32_t a = 1; a < actions; a++) {
        most = row[a] > most ? row[a] : most;
    }
    return most;
}

void pbti_a2c_control_targets(float *targets, const float *changes, const uint8_t *ends,
                              const float *q, uint32_t length, uint32_t count, uint32_t cells,
                              uint32_t actions, double discount)
{
    float const g = (float)discount;
    size_t const row = (size_t)count * cells;
    for (size_t t = length; t-- > 0;) {
        for (size_t k = 0; k < row; k++) {
            float const later = t + 1 == length
                                    ? greatest(q + (length * row + k) * actions, actions)
                                    : targets[(t + 1) * row + k];
            bool const ended = ends[t * count + k / cells] != 0;
            targets[t * row + k] = ended ? 0.0f : changes[t * row + k] + g * later;
        }
    }
}

double pbti_a2c_control_loss(float *d_q, const float *q, const float *targets,
                             const uint8_t *chosen, uint32_t rows, uint32_t cells, uint32_t actions,
                             double cost)
{
    float const scale = (float)(cost / rows);
    double loss = 0.0;
    memset(d_q, 0, (size_t)rows * cells * actions * sizeof d_q[0]);
    for (size_t k = 0; k < (size_t)rows * cells; k++) {
        size_t const at = k * actions + chosen[k / cells];
        float const error = q[at] - targets[k];
        d_q[at] = scale * error;
        loss += 0.5 * (double)error * (double)error;
    }
    return loss / rows;
}
