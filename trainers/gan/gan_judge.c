/* SPDX-License-Identifier: Apache-2.0 */
/* gan_judge.c - the classifier that scores pictures, see gan_judge.h. */
#include "gan/gan_judge.h"
#include "data/data_order.h"
#include "nn/nn_activation.h"
#include "nn/nn_adam.h"
#include "nn/nn_init.h"
#include "nn/nn_linear.h"
#include "nn/nn_loss.h"
#include "nn/nn_symmetric.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { KERNEL = 4, FIRST = 32, SECOND = 64, EPOCHS = 4, BATCHES_MIN = 200 };
enum { BATCH = PBTI_GAN_JUDGE_BATCH, FEATURES = PBTI_GAN_FEATURES };
enum { CONV1, BIAS1, CONV2, BIAS2, LINEAR1, LINEAR1_BIAS, LINEAR2, LINEAR2_BIAS, PARTS };
#define RATE 1.5e-3
#define SEED UINT64_C(0x6a756467650000) /* a study's seeds are drawn: this is none of them */

/* -------- memory -------- */

static size_t depth1(const struct pbti_gan_judge *j)
{
    return (size_t)(j->rows / 2) * (j->columns / 2) * FIRST;
}

static size_t depth2(const struct pbti_gan_judge *j)
{
    return (size_t)(j->rows / 4) * (j->columns / 4) * SECOND;
}

static pbt_status build(struct pbti_gan_judge *j, struct pbt_error *err)
{
    uint32_t const units = (uint32_t)depth2(j);
    const struct {
        const char *name;
        uint32_t rows, columns;
    } parts[PARTS] = {
        [CONV1] = {"conv1.weight", KERNEL * KERNEL * j->channels, FIRST},
        [BIAS1] = {"conv1.bias", FIRST, 1},
        [CONV2] = {"conv2.weight", KERNEL * KERNEL * FIRST, SECOND},
        [BIAS2] = {"conv2.bias", SECOND, 1},
        [LINEAR1] = {"linear1.weight", FEATURES, units},
        [LINEAR1_BIAS] = {"linear1.bias", FEATURES, 1},
        [LINEAR2] = {"linear2.weight", j->classes, FEATURES},
        [LINEAR2_BIAS] = {"linear2.bias", j->classes, 1},
    };
    pbt_status status = PBT_OK;
    for (uint32_t i = 0; i < PARTS && status == PBT_OK; i++) {
        uint32_t index = 0;
        status = pbti_nn_block_add(&j->block, parts[i].name, parts[i].rows, parts[i].columns, false,
                                   &index, err);
    }
    return status == PBT_OK ? pbti_nn_block_allocate(&j->block, PBTI_NN_ADAM_SLOTS, err) : status;
}

static pbt_status take_buffers(struct pbti_gan_judge *j, struct pbt_error *err)
{
    size_t const picture = (size_t)j->rows * j->columns * j->channels;
    size_t const outer = pbti_nn_conv_scratch(&j->outer, BATCH);
    size_t const inner = pbti_nn_conv_scratch(&j->inner, BATCH);
    const struct {
        float **place;
        size_t count;
    } arrays[] = {
        {&j->x, BATCH * picture},
        {&j->a1, BATCH * depth1(j)},
        {&j->da1, BATCH * depth1(j)},
        {&j->a2, BATCH * depth2(j)},
        {&j->da2, BATCH * depth2(j)},
        {&j->f, (size_t)BATCH * FEATURES},
        {&j->df, (size_t)BATCH * FEATURES},
        {&j->logits, (size_t)BATCH * j->classes},
        {&j->d_logits, (size_t)BATCH * j->classes},
        {&j->scratch, outer > inner ? outer : inner},
    };
    size_t total = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        total += pbti_nn_padded(arrays[i].count);
    }
    j->buffers = pbti_nn_floats(total);
    if (j->buffers == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a judge"); }
    size_t at = 0;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        *arrays[i].place = j->buffers + at;
        at += pbti_nn_padded(arrays[i].count);
    }
    return PBT_OK;
}

pbt_status pbti_gan_judge_init(struct pbti_gan_judge *judge, const struct pbti_pictures *pictures,
                               struct pbt_error *err)
{
    memset(judge, 0, sizeof *judge);
    pbti_nn_block_init(&judge->block);
    judge->accuracy = NAN;
    judge->rows = pictures->rows;
    judge->columns = pictures->columns;
    judge->channels = pictures->channels;
    judge->classes = pictures->classes;
    judge->outer = (struct pbti_nn_conv_shape){
        judge->rows, judge->columns, judge->channels, FIRST, KERNEL, 2, 1};
    judge->inner = (struct pbti_nn_conv_shape){
        judge->rows / 2, judge->columns / 2, FIRST, SECOND, KERNEL, 2, 1};
    pbt_status status = build(judge, err);
    if (status == PBT_OK) { status = take_buffers(judge, err); }
    if (status == PBT_OK) { status = pbti_gan_moments_init(&judge->moments, FEATURES, err); }
    if (status == PBT_OK) {
        judge->root = calloc((size_t)FEATURES * FEATURES, sizeof(double));
        if (judge->root == NULL) {
            status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for a judge");
        }
    }
    if (status != PBT_OK) { pbti_gan_judge_deinit(judge); }
    return status;
}

void pbti_gan_judge_deinit(struct pbti_gan_judge *judge)
{
    pbti_nn_block_deinit(&judge->block);
    pbti_gan_moments_deinit(&judge->moments);
    free(judge->buffers);
    free(judge->root);
    memset(judge, 0, sizeof *judge);
}

/* -------- forward and backward -------- */

static float *weights(const struct pbti_gan_judge *j, uint32_t index)
{
    return pbti_nn_block_part(&j->block, j->block.weights, index);
}

static float *gradients(const struct pbti_gan_judge *j, uint32_t index)
{
    return pbti_nn_block_part(&j->block, j->block.gradients, index);
}

static void forward(struct pbti_gan_judge *j, float *features, float *logits, const float *x,
                    uint32_t batch)
{
    assert(batch <= BATCH);
    uint32_t const units = (uint32_t)depth2(j);
    pbti_nn_conv_forward(&j->outer, j->a1, x, weights(j, CONV1), weights(j, BIAS1), j->scratch,
                         batch);
    pbti_nn_activation_forward(PBTI_NN_RELU, j->a1, j->a1, batch * depth1(j));
    pbti_nn_conv_forward(&j->inner, j->a2, j->a1, weights(j, CONV2), weights(j, BIAS2), j->scratch,
                         batch);
    pbti_nn_activation_forward(PBTI_NN_RELU, j->a2, j->a2, batch * depth2(j));
    pbti_nn_linear_forward(features, j->a2, weights(j, LINEAR1), weights(j, LINEAR1_BIAS), batch,
                           units, FEATURES);
    pbti_nn_activation_forward(PBTI_NN_RELU, features, features, (size_t)batch * FEATURES);
    pbti_nn_linear_forward(logits, features, weights(j, LINEAR2), weights(j, LINEAR2_BIAS), batch,
                           FEATURES, j->classes);
}

static void backward(struct pbti_gan_judge *j, uint32_t batch)
{
    uint32_t const units = (uint32_t)depth2(j);
    pbti_nn_linear_backward(j->df, gradients(j, LINEAR2), gradients(j, LINEAR2_BIAS), j->d_logits,
                            j->f, weights(j, LINEAR2), batch, FEATURES, j->classes);
    pbti_nn_activation_backward(PBTI_NN_RELU, j->df, j->df, j->f, (size_t)batch * FEATURES);
    pbti_nn_linear_backward(j->da2, gradients(j, LINEAR1), gradients(j, LINEAR1_BIAS), j->df, j->a2,
                            weights(j, LINEAR1), batch, units, FEATURES);
    pbti_nn_activation_backward(PBTI_NN_RELU, j->da2, j->da2, j->a2, batch * depth2(j));
    pbti_nn_conv_backward(&j->inner, j->da1, gradients(j, CONV2), gradients(j, BIAS2), j->da2,
                          j->a1, weights(j, CONV2), j->scratch, batch);
    pbti_nn_activation_backward(PBTI_NN_RELU, j->da1, j->da1, j->a1, batch * depth1(j));
    pbti_nn_conv_backward(&j->outer, NULL, gradients(j, CONV1), gradients(j, BIAS1), j->da1, j->x,
                          weights(j, CONV1), j->scratch, batch);
}

void pbti_gan_judge_look(struct pbti_gan_judge *judge, float *features, float *logits,
                         const float *x, uint32_t batch)
{
    forward(judge, features, logits, x, batch);
}

/* -------- training -------- */

static void randomise(struct pbti_gan_judge *j, uint64_t seed)
{
    const struct {
        uint32_t part, inputs, outputs;
    } layers[] = {
        {CONV1, KERNEL * KERNEL * j->channels, FIRST},
        {CONV2, KERNEL * KERNEL * FIRST, SECOND},
        {LINEAR1, (uint32_t)depth2(j), FEATURES},
        {LINEAR2, FEATURES, j->classes},
    };
    pbti_nn_block_clear(&j->block);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        const struct pbti_nn_part *const part = &j->block.parts[layers[i].part];
        struct pbti_nn_stream const stream = {
            .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = layers[i].part};
        pbti_nn_init_normal(weights(j, layers[i].part), (size_t)part->rows * part->columns,
                            pbti_nn_init_sd(PBTI_NN_RELU, layers[i].inputs, layers[i].outputs),
                            &stream);
    }
}

/* Labels and pictures of a batch into `y` and j->x. */
static void gather(struct pbti_gan_judge *j, const struct pbti_pictures *p, uint8_t *y,
                   const uint32_t *indices, uint32_t batch)
{
    for (size_t i = 0; i < batch; i++) {
        pbti_pictures_to_floats(j->x + i * p->size, p->bytes + indices[i] * p->size, p->size);
        y[i] = p->labels[indices[i]];
    }
}

static void gather_in_order(struct pbti_gan_judge *j, const struct pbti_pictures *p, uint8_t *y,
                            uint32_t first, uint32_t batch)
{
    uint32_t indices[BATCH];
    for (uint32_t i = 0; i < batch; i++) {
        indices[i] = first + i;
    }
    gather(j, p, y, indices, batch);
}

static double accuracy_of(struct pbti_gan_judge *j, const struct pbti_pictures *test)
{
    uint8_t y[BATCH];
    uint64_t correct = 0;
    for (uint32_t first = 0; first < test->count; first += BATCH) {
        uint32_t const batch = test->count - first < BATCH ? test->count - first : BATCH;
        gather_in_order(j, test, y, first, batch);
        forward(j, j->f, j->logits, j->x, batch);
        correct += pbti_nn_count_correct(j->logits, y, batch, j->classes);
    }
    return (double)correct / test->count;
}

static pbt_status measure(struct pbti_gan_judge *j, const struct pbti_pictures *p, uint32_t count,
                          struct pbt_error *err)
{
    float *const features = malloc((size_t)count * FEATURES * sizeof features[0]);
    if (features == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the features of %u pictures", count);
    }
    uint8_t y[BATCH];
    for (uint32_t first = 0; first < count; first += BATCH) {
        uint32_t const batch = count - first < BATCH ? count - first : BATCH;
        gather_in_order(j, p, y, first, batch);
        forward(j, features + (size_t)first * FEATURES, j->logits, j->x, batch);
    }
    pbti_gan_moments_measure(&j->moments, features, count);
    free(features);
    return PBT_OK;
}

static void train(struct pbti_gan_judge *j, const struct pbti_pictures *p,
                  struct pbti_data_order *order)
{
    uint32_t const batch = order->count < BATCH ? order->count : BATCH;
    uint32_t const in_epochs = (uint32_t)((uint64_t)EPOCHS * order->count / batch);
    uint32_t const batches = in_epochs > BATCHES_MIN ? in_epochs : BATCHES_MIN;
    struct pbti_nn_adam adam = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    for (uint32_t i = 0; i < batches; i++) {
        uint32_t indices[BATCH];
        uint8_t y[BATCH];
        pbti_data_order_take(order, indices, batch);
        gather(j, p, y, indices, batch);
        forward(j, j->f, j->logits, j->x, batch);
        (void)pbti_nn_cross_entropy(j->d_logits, j->logits, y, 0.0, batch, j->classes);
        backward(j, batch);
        adam.lr = RATE * (1.0 - (double)i / batches);
        pbti_nn_adam_step(&adam, &j->block, 1.0);
    }
}

pbt_status pbti_gan_judge_complete(struct pbti_gan_judge *judge, struct pbt_error *err)
{
    size_t const square = (size_t)FEATURES * FEATURES;
    double *const scratch = malloc((2 * square + FEATURES) * sizeof(double));
    if (scratch == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a judge"); }
    memcpy(scratch, judge->moments.covariance, square * sizeof(double));
    pbti_nn_symmetric_root(judge->root, scratch, scratch + square, FEATURES);
    free(scratch);
    judge->hash =
        XXH3_64bits(judge->block.weights, (size_t)judge->block.plane_floats * sizeof(float));
    return PBT_OK;
}

pbt_status pbti_gan_judge_train(struct pbti_gan_judge *judge, uint32_t number,
                                const struct pbti_pictures *pictures, uint32_t count,
                                const struct pbti_pictures *test, struct pbt_error *err)
{
    struct pbti_data_order order;
    pbt_status status = pbti_data_order_init(&order, count, err);
    if (status != PBT_OK) { return status; }
    randomise(judge, SEED + number);
    pbti_data_order_begin(&order, SEED + number);
    train(judge, pictures, &order);
    pbti_data_order_deinit(&order);
    judge->number = number;
    judge->accuracy = test == NULL ? NAN : accuracy_of(judge, test);
    status = measure(judge, pictures, count, err);
    return status == PBT_OK ? pbti_gan_judge_complete(judge, err) : status;
}
