/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_nn.c - what each layer of trainers/nn costs beyond what it cannot do without.
 *
 * Layers are measured forward and backward, beside their matrix products alone (the same calls of
 * oneDNN, of the same shapes); what has no products is measured beside a copy of the memory that it
 * reads and writes. Both of a pair are run turn by turn on one thread, so that the noise of the
 * machine meets both alike; medians are printed, and their ratio.
 */
#include "measure.h"
#include "nn/nn_adam.h"
#include "nn/nn_base.h"
#include "nn/nn_clip.h"
#include "nn/nn_conv.h"
#include "nn/nn_linear.h"
#include "nn/nn_lstm.h"
#include "nn/nn_matmul.h"
#include "nn/nn_norm.h"
#include "nn/nn_rmsprop.h"
#include "nn/nn_sgd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 201, AREAS = 12, AREA_FLOATS = 1 << 20 };

/* Memory for everything: areas of AREA_FLOATS small numbers. */
static float *area[AREAS];
static struct pbti_nn_block block;

static double time_of(void (*run)(void))
{
    double const start = seconds();
    run();
    return seconds() - start;
}

/* Print the medians of both in microseconds, and their ratio. */
static void measure(const char *what, void (*run)(void), const char *beside, void (*bare)(void))
{
    static double runs[ROUNDS], bares[ROUNDS];
    run();
    bare();
    for (int round = 0; round < ROUNDS; round++) {
        runs[round] = time_of(run);
        bares[round] = time_of(bare);
    }
    double const ours = median(runs, ROUNDS);
    double const theirs = median(bares, ROUNDS);
    (void)printf("%-44s %9.1f us   %-9s %9.1f us   ratio %5.2f\n", what, 1e6 * ours, beside,
                 1e6 * theirs, ours / theirs);
}

/* -------- linear: 128 rows, 256 to 128; and 16 rows, 1024 to 128, forward only -------- */

enum { ROWS = 128, IN = 256, OUT = 128, FEW = 16, LONG = 1024 };

static void linear(void)
{
    pbti_nn_linear_forward(area[0], area[1], area[2], area[3], ROWS, IN, OUT);
    pbti_nn_linear_backward(area[4], area[5], area[6], area[0], area[1], area[2], ROWS, IN, OUT);
}

static void linear_products(void)
{
    pbti_nn_matmul(false, true, ROWS, OUT, IN, area[1], area[2], 0.0f, area[0]);
    pbti_nn_matmul(true, false, OUT, IN, ROWS, area[0], area[1], 0.0f, area[5]);
    pbti_nn_matmul(false, false, ROWS, IN, OUT, area[0], area[2], 0.0f, area[4]);
}

static void linear_few(void)
{
    pbti_nn_linear_forward(area[0], area[1], area[2], area[3], FEW, LONG, OUT);
}

static void linear_few_transposed(void)
{
    pbti_nn_linear_forward_transposed(area[0], area[1], area[2], area[3], FEW, LONG, OUT);
}

static void linear_few_product(void)
{
    pbti_nn_matmul(false, false, FEW, OUT, LONG, area[1], area[2], 0.0f, area[0]);
}

static void turn(void)
{
    pbti_nn_transpose(OUT, LONG, area[1], area[0]);
}

static void turn_copy(void)
{
    memcpy(area[0], area[1], (size_t)OUT * LONG * sizeof(float));
}

/* -------- convolution: 64 pictures of 10 x 10 x 16, 3 x 3 windows, 32 outputs -------- */

enum { PICTURES = 64, WINDOWS = PICTURES * 100, VALUES = 9 * 16, OUTPUTS = 32 };
static const struct pbti_nn_conv_shape shape = {10, 10, 16, OUTPUTS, 3, 1, 1};

static void conv(void)
{
    pbti_nn_conv_forward(&shape, area[0], area[1], area[2], area[3], area[4], PICTURES);
    pbti_nn_conv_backward(&shape, area[5], area[6], area[7], area[0], area[1], area[2], area[4],
                          PICTURES);
}

static void conv_transposed(void)
{
    pbti_nn_conv_transposed_forward(&shape, area[1], area[0], area[2], area[3], area[4], PICTURES);
    pbti_nn_conv_transposed_backward(&shape, area[5], area[6], area[7], area[1], area[0], area[2],
                                     area[4], PICTURES);
}

static void conv_products(void)
{
    pbti_nn_matmul(false, false, WINDOWS, OUTPUTS, VALUES, area[8], area[2], 0.0f, area[0]);
    pbti_nn_matmul(true, false, VALUES, OUTPUTS, WINDOWS, area[8], area[0], 0.0f, area[6]);
    pbti_nn_matmul(false, true, WINDOWS, VALUES, OUTPUTS, area[0], area[2], 0.0f, area[8]);
}

/* -------- LSTM: 20 steps of 16 rows, 128 inputs, 128 units -------- */

enum { TIME = 20, BATCH = 16, INPUTS = 128, HIDDEN = 128, GATES = 4 * HIDDEN };
enum { STATE = BATCH * HIDDEN };

/* areas: 0 x, 1 w_x, 2 w_h, 3 b, 4 h, 5 c, 6 gates, 7 dz, 8 dx, 9 gradients, 10 dh and dc */
static void lstm_unroll(bool transposed)
{
    struct pbti_nn_lstm const lstm = {INPUTS, HIDDEN, area[1], area[2], area[3]};
    for (size_t t = 0; t < TIME; t++) {
        (transposed ? pbti_nn_lstm_forward_transposed : pbti_nn_lstm_forward)(
            &lstm, area[6] + t * 4 * STATE, area[4] + (t + 1) * STATE, area[5] + (t + 1) * STATE,
            area[0] + t * BATCH * INPUTS, area[4] + t * STATE, area[5] + t * STATE, BATCH);
    }
    float *const dh = area[10];
    float *const dc = area[10] + STATE;
    memset(dh, 0, 2 * STATE * sizeof(float));
    for (size_t t = TIME; t-- > 0;) {
        pbti_nn_lstm_backward_step(&lstm, area[7] + t * 4 * STATE, dh, dc, dh, dc,
                                   area[6] + t * 4 * STATE, area[5] + (t + 1) * STATE,
                                   area[5] + t * STATE, BATCH);
    }
    memset(area[9], 0, (size_t)GATES * (INPUTS + HIDDEN + 1) * sizeof(float));
    pbti_nn_lstm_backward_sums(&lstm, area[8], area[9], area[9] + (size_t)GATES * INPUTS,
                               area[9] + (size_t)GATES * (INPUTS + HIDDEN), area[7], area[0],
                               area[4], TIME * BATCH);
}

static void lstm(void)
{
    lstm_unroll(false);
}

static void lstm_transposed(void)
{
    lstm_unroll(true);
}

static void lstm_products_of(bool transposed)
{
    for (size_t t = 0; t < TIME; t++) {
        pbti_nn_matmul(false, !transposed, BATCH, GATES, INPUTS, area[0], area[1], 0.0f, area[6]);
        pbti_nn_matmul(false, !transposed, BATCH, GATES, HIDDEN, area[4], area[2], 1.0f, area[6]);
        pbti_nn_matmul(false, false, BATCH, HIDDEN, GATES, area[7], area[2], 0.0f, area[10]);
    }
    pbti_nn_matmul(true, false, GATES, INPUTS, TIME * BATCH, area[7], area[0], 0.0f, area[9]);
    pbti_nn_matmul(true, false, GATES, HIDDEN, TIME * BATCH, area[7], area[4], 0.0f, area[11]);
    pbti_nn_matmul(false, false, TIME * BATCH, INPUTS, GATES, area[7], area[1], 0.0f, area[8]);
}

static void lstm_products(void)
{
    lstm_products_of(false);
}

static void lstm_products_transposed(void)
{
    lstm_products_of(true);
}

/* -------- layer normalisation: 128 rows of 256 -------- */

static struct pbti_nn_row_statistics statistics[ROWS];

static void norm(void)
{
    pbti_nn_layer_norm_forward(area[0], statistics, area[1], area[2], area[3], 1e-5, ROWS, IN);
    pbti_nn_layer_norm_backward(area[4], area[5], area[6], area[0], area[1], statistics, area[2],
                                ROWS, IN);
}

static void norm_copy(void) /* x to y, dy to dx */
{
    memcpy(area[0], area[1], (size_t)ROWS * IN * sizeof(float));
    memcpy(area[4], area[0], (size_t)ROWS * IN * sizeof(float));
}

/* -------- optimisers: 256 * 1024 weights, two slots -------- */

enum { WEIGHTS = 1 << 18 };

static void rmsprop(void)
{
    struct pbti_nn_rmsprop const r = {.lr = 1e-6, .decay = 0.99, .epsilon = 0.01, .momentum = 0.5};
    pbti_nn_rmsprop_step(&r, &block, 0.5);
}

static void adam(void)
{
    struct pbti_nn_adam const a = {.lr = 1e-6, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-3};
    pbti_nn_adam_step(&a, &block, 0.5);
}

static void planes_copy(void) /* reads three of the planes and writes them */
{
    memcpy(area[0], block.weights, 3 * (size_t)WEIGHTS * sizeof(float));
}

static void clip(void)
{
    if (pbti_nn_clip_scale(&block, 1e9, NULL) != 1.0) { (void)puts("clip: not finite"); }
}

static void plane_copy(void)
{
    memcpy(area[0], block.gradients, (size_t)WEIGHTS * sizeof(float));
}

static bool prepare(void)
{
    for (size_t a = 0; a < AREAS; a++) {
        area[a] = pbti_nn_floats(AREA_FLOATS);
        if (area[a] == NULL) { return false; }
        for (size_t i = 0; i < AREA_FLOATS; i++) {
            area[a][i] = (float)((i + a) % 17) * 0.01f - 0.08f;
        }
    }
    uint32_t index = 0;
    pbti_nn_block_init(&block);
    if (pbti_nn_block_add(&block, "weight", 256, 1024, true, &index, NULL) != PBT_OK ||
        pbti_nn_block_allocate(&block, 2, NULL) != PBT_OK) {
        return false;
    }
    memcpy(block.gradients, area[0], (size_t)WEIGHTS * sizeof(float));
    return true;
}

int main(void)
{
    pbti_nn_setup(1);
    if (!prepare()) {
        (void)fprintf(stderr, "bench_nn: no memory\n");
        return 1;
    }
    measure("linear 128 x 256 to 128", linear, "products", linear_products);
    measure("linear 16 x 1024 to 128, forward", linear_few, "product", linear_few_product);
    measure("  the same from transposed weights", linear_few_transposed, "product",
            linear_few_product);
    measure("transpose 128 x 1024", turn, "copy", turn_copy);
    measure("convolution 64 x 10 x 10 x 16 to 32", conv, "products", conv_products);
    measure("  its transpose", conv_transposed, "products", conv_products);
    measure("LSTM 20 steps, 16 x 128 to 128", lstm, "products", lstm_products);
    measure("  forward from transposed weights", lstm_transposed, "products",
            lstm_products_transposed);
    measure("layer normalisation 128 x 256", norm, "copy", norm_copy);
    measure("RMSProp with momentum, 262,144 weights", rmsprop, "copy", planes_copy);
    measure("Adam, 262,144 weights", adam, "copy", planes_copy);
    measure("norm of 262,144 gradients", clip, "copy", plane_copy);
    pbti_nn_block_deinit(&block);
    for (size_t a = 0; a < AREAS; a++) {
        free(area[a]);
    }
    return 0;
}
