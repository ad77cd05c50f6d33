/* SPDX-License-Identifier: Apache-2.0 */
/* classify_mlp.c - a multilayer perceptron, see classify_mlp.h. */
#include "classify/classify_mlp.h"
#include "nn/nn_dropout.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_loss.h"
#include "nn/nn_sgd.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- memory -------- */

static uint32_t widest_hidden(const struct pbti_mlp_shape *shape)
{
    uint32_t widest = 1;
    for (uint32_t l = 1; l < shape->layers; l++) {
        widest = shape->sizes[l] > widest ? shape->sizes[l] : widest;
    }
    return widest;
}

/* Hand out `count` floats of the memory at *at. */
static float *carve(float **at, size_t count)
{
    float *const taken = *at;
    *at += pbti_nn_padded(count);
    return taken;
}

pbt_status pbti_mlp_reserve(struct pbti_mlp *mlp, uint32_t capacity, struct pbt_error *err)
{
    if (capacity <= mlp->capacity) { return PBT_OK; }
    const struct pbti_mlp_shape *const shape = &mlp->shape;
    size_t const rows = capacity;
    size_t total = pbti_nn_padded(rows * shape->sizes[0]);
    for (uint32_t l = 0; l < shape->layers; l++) {
        total += 4 * pbti_nn_padded(rows * shape->sizes[l + 1]);
    }
    float *const buffers = pbti_nn_floats(total);
    uint8_t *const y = calloc(rows, sizeof y[0]);
    uint16_t *const bits = calloc(rows * widest_hidden(shape), sizeof bits[0]);
    if (buffers == NULL || y == NULL || bits == NULL) {
        free(buffers);
        free(y);
        free(bits);
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for batches of %u images", capacity);
    }
    free(mlp->buffers);
    free(mlp->y);
    free(mlp->bits);
    mlp->buffers = buffers;
    mlp->y = y;
    mlp->bits = bits;
    mlp->capacity = capacity;
    float *at = buffers;
    mlp->x = carve(&at, rows * shape->sizes[0]);
    for (uint32_t l = 0; l < shape->layers; l++) {
        struct pbti_mlp_layer *const layer = &mlp->layers[l];
        size_t const values = rows * shape->sizes[l + 1];
        layer->z = carve(&at, values);
        layer->a = carve(&at, values);
        layer->mask = carve(&at, values);
        layer->dz = carve(&at, values);
    }
    assert(at == buffers + total);
    return PBT_OK;
}

static pbt_status add_parts(struct pbti_mlp *mlp, struct pbt_error *err)
{
    for (uint32_t l = 0; l < mlp->shape.layers; l++) {
        struct pbti_mlp_layer *const layer = &mlp->layers[l];
        uint32_t const inputs = mlp->shape.sizes[l];
        uint32_t const outputs = mlp->shape.sizes[l + 1];
        char name[PBTI_NN_PART_NAME_SIZE];
        (void)snprintf(name, sizeof name, "layers.%u.weight", l);
        pbt_status status =
            pbti_nn_block_add(&mlp->block, name, outputs, inputs, true, &layer->weight, err);
        if (status != PBT_OK) { return status; }
        (void)snprintf(name, sizeof name, "layers.%u.bias", l);
        status = pbti_nn_block_add(&mlp->block, name, outputs, 1, false, &layer->bias, err);
        if (status != PBT_OK) { return status; }
    }
    return pbti_nn_block_allocate(&mlp->block, PBTI_NN_SGD_SLOTS, err);
}

pbt_status pbti_mlp_init(struct pbti_mlp *mlp, const struct pbti_mlp_shape *shape,
                         uint32_t capacity, struct pbt_error *err)
{
    assert(shape->layers >= 1 && shape->layers <= PBTI_MLP_LAYERS_MAX && capacity > 0);
    memset(mlp, 0, sizeof *mlp);
    mlp->shape = *shape;
    pbti_nn_block_init(&mlp->block);
    pbt_status status = add_parts(mlp, err);
    if (status == PBT_OK) { status = pbti_mlp_reserve(mlp, capacity, err); }
    if (status != PBT_OK) { pbti_mlp_deinit(mlp); }
    return status;
}

void pbti_mlp_deinit(struct pbti_mlp *mlp)
{
    pbti_nn_block_deinit(&mlp->block);
    free(mlp->buffers);
    free(mlp->y);
    free(mlp->bits);
    memset(mlp, 0, sizeof *mlp);
}

/* -------- numbers -------- */

void pbti_mlp_randomise(struct pbti_mlp *mlp, uint64_t seed)
{
    const struct pbti_mlp_shape *const shape = &mlp->shape;
    struct pbti_nn_block *const block = &mlp->block;
    pbti_nn_block_clear(block);
    for (uint32_t l = 0; l < shape->layers; l++) {
        uint32_t const inputs = shape->sizes[l];
        uint32_t const outputs = shape->sizes[l + 1];
        uint32_t const part = mlp->layers[l].weight;
        struct pbti_nn_stream const stream = {
            .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = part};
        double const sd = l + 1 == shape->layers
                              ? pbti_nn_init_sd_output(inputs, outputs)
                              : pbti_nn_init_sd(shape->activation, inputs, outputs);
        pbti_nn_init_normal(pbti_nn_block_part(block, block->weights, part),
                            (size_t)inputs * outputs, sd, &stream);
    }
}

/* Input of linear layer l: the batch, or what the layer before put out. */
static const float *input_of(const struct pbti_mlp *mlp, uint32_t l)
{
    return l == 0 ? mlp->x : mlp->layers[l - 1].a;
}

/* Dropout is used when `pass` is given and its rate is above 0. */
static void forward(struct pbti_mlp *mlp, uint32_t batch, const struct pbti_mlp_pass *pass)
{
    const struct pbti_nn_block *const block = &mlp->block;
    for (uint32_t l = 0; l < mlp->shape.layers; l++) {
        struct pbti_mlp_layer *const layer = &mlp->layers[l];
        uint32_t const outputs = mlp->shape.sizes[l + 1];
        pbti_nn_linear_forward(layer->z, input_of(mlp, l),
                               pbti_nn_block_part(block, block->weights, layer->weight),
                               pbti_nn_block_part(block, block->weights, layer->bias), batch,
                               mlp->shape.sizes[l], outputs);
        if (l + 1 == mlp->shape.layers) { return; }
        size_t const values = (size_t)batch * outputs;
        pbti_nn_activation_forward(mlp->shape.activation, layer->a, layer->z, values);
        if (pass != NULL && pass->dropout > 0.0) {
            struct pbti_nn_stream const stream = {.seed = pass->seed,
                                                  .purpose = PBTI_NN_PURPOSE_DROPOUT,
                                                  .lane = l,
                                                  .step = pass->step};
            pbti_nn_dropout_mask(layer->mask, mlp->bits, pass->dropout, &stream, values);
            pbti_nn_dropout_apply(layer->a, layer->mask, values);
        }
    }
}

double pbti_mlp_gradients(struct pbti_mlp *mlp, uint32_t batch, const struct pbti_mlp_pass *pass)
{
    assert(batch > 0 && batch <= mlp->capacity);
    const struct pbti_mlp_shape *const shape = &mlp->shape;
    const struct pbti_nn_block *const block = &mlp->block;
    forward(mlp, batch, pass);

    struct pbti_mlp_layer *const last = &mlp->layers[shape->layers - 1];
    double const loss = pbti_nn_cross_entropy(last->dz, last->z, mlp->y, pass->label_smoothing,
                                              batch, shape->sizes[shape->layers]);
    for (uint32_t l = shape->layers; l-- > 0;) {
        struct pbti_mlp_layer *const layer = &mlp->layers[l];
        struct pbti_mlp_layer *const below = l == 0 ? NULL : &mlp->layers[l - 1];
        pbti_nn_linear_backward(below == NULL ? NULL : below->dz,
                                pbti_nn_block_part(block, block->gradients, layer->weight),
                                pbti_nn_block_part(block, block->gradients, layer->bias), layer->dz,
                                input_of(mlp, l),
                                pbti_nn_block_part(block, block->weights, layer->weight), batch,
                                shape->sizes[l], shape->sizes[l + 1]);
        if (below == NULL) { break; }
        /* what came back is the gradient at `a`: through dropout and activation to `z` */
        size_t const values = (size_t)batch * shape->sizes[l];
        if (pass->dropout > 0.0) { pbti_nn_dropout_apply(below->dz, below->mask, values); }
        pbti_nn_activation_backward(shape->activation, below->dz, below->dz, below->z, values);
    }
    return loss;
}

const float *pbti_mlp_predict(struct pbti_mlp *mlp, uint32_t batch)
{
    assert(batch > 0 && batch <= mlp->capacity);
    forward(mlp, batch, NULL);
    return mlp->layers[mlp->shape.layers - 1].z;
}
