/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_conv_cells.c - a convolution over binary pictures, see nn_conv_cells.h.
 *
 * Outputs are handled LANES at a time, so that the inner loops have a constant length and become
 * single vector instructions, and channel by channel, so that the nine taps of a channel (their
 * weights, or their gradients) stay in registers while all cells that have it are gone through.
 */
#include "nn/nn_conv_cells.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum { LANES = 16, KERNEL = PBTI_NN_CELLS_KERNEL, TAPS = KERNEL * KERNEL };
enum { SIDE_MAX = PBTI_NN_CELLS_SIDE_MAX, MARGIN = KERNEL - 1 };

/* LANES outputs of one window: a vector of the compiler's, so that a few of them live in registers;
 * where the processor has shorter ones it takes several. */
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t lane_bits __attribute__((vector_size(LANES * sizeof(int32_t))));

/* LANES outputs of every window, and of a margin of windows that lie partly outside of the picture:
 * so each cell is seen by nine windows, and nothing has to be asked about edges. */
struct canvas {
    lanes at[(SIDE_MAX + MARGIN) * (SIDE_MAX + MARGIN)];
};

/* The cells that have each channel, as places in a canvas: of the window whose tap (0, 0) the cell
 * is. */
struct sighting {
    uint16_t count[PBTI_NN_CELLS_CHANNELS_MAX];
    uint16_t window[PBTI_NN_CELLS_CHANNELS_MAX][SIDE_MAX * SIDE_MAX];
};

static void check(const struct pbti_nn_cells_shape *s)
{
    assert(s->rows >= KERNEL && s->rows <= SIDE_MAX);
    assert(s->columns >= KERNEL && s->columns <= SIDE_MAX);
    assert(s->channels >= 1 && s->channels <= PBTI_NN_CELLS_CHANNELS_MAX);
    assert(s->outputs > 0 && s->outputs % LANES == 0);
    (void)s;
}

static void sight(const struct pbti_nn_cells_shape *s, struct sighting *seen, const uint16_t *cells)
{
    memset(seen->count, 0, sizeof seen->count);
    size_t const stride = s->columns + MARGIN;
    for (size_t i = 0; i < s->rows; i++) {
        for (size_t j = 0; j < s->columns; j++) {
            for (uint32_t left = cells[i * s->columns + j]; left != 0; left &= left - 1) {
                uint32_t const c = (uint32_t)__builtin_ctz(left);
                seen->window[c][seen->count[c]++] = (uint16_t)((i + MARGIN) * stride + j + MARGIN);
            }
        }
    }
}

/* Let values be 0 where `by` is not positive; NaN in either stays NaN. */
PBTI_NN_INLINE void rectify(lanes *values, const lanes *by)
{
    lane_bits const kept = ~(*by <= 0.0f);
    *values = (lanes)((lane_bits)*values & kept);
}

/* -------- forward -------- */

/* Let lanes o.. of every window be the bias and the weights of what it sees. */
PBTI_NN_WIDE
static void draw(const struct pbti_nn_cells_shape *s, struct canvas *z, const struct sighting *seen,
                 const float *w, const float *b, size_t o)
{
    size_t const stride = s->columns + MARGIN;
    for (size_t at = 0; at < (s->rows + MARGIN) * stride; at++) {
        memcpy(&z->at[at], b + o, sizeof z->at[at]);
    }
    for (size_t c = 0; c < s->channels; c++) {
        lanes taps[TAPS];
        for (size_t t = 0; t < TAPS; t++) {
            memcpy(&taps[t], w + (t * s->channels + c) * s->outputs + o, sizeof taps[t]);
        }
        for (size_t n = 0; n < seen->count[c]; n++) {
            lanes *const window = z->at + seen->window[c][n];
            for (size_t ky = 0; ky < KERNEL; ky++) {
                for (size_t kx = 0; kx < KERNEL; kx++) {
                    *(window - ky * stride - kx) += taps[ky * KERNEL + kx];
                }
            }
        }
    }
}

/* Lanes o.. of y from the windows that lie inside. */
PBTI_NN_WIDE
static void emit(const struct pbti_nn_cells_shape *s, float *restrict y,
                 const struct canvas *restrict z, size_t o)
{
    size_t const stride = s->columns + MARGIN;
    for (size_t i = MARGIN; i < s->rows; i++) {
        for (size_t j = MARGIN; j < s->columns; j++, y += s->outputs) {
            lanes const from = z->at[i * stride + j];
            lanes positive = from;
            rectify(&positive, &from);
            memcpy(y + o, &positive, sizeof positive);
        }
    }
}

void pbti_nn_conv_cells_forward(const struct pbti_nn_cells_shape *shape, float *y,
                                const uint16_t *cells, const float *w, const float *b,
                                uint32_t batch)
{
    check(shape);
    struct canvas z;
    struct sighting seen;
    size_t const picture = (size_t)shape->rows * shape->columns;
    size_t const values =
        (size_t)(shape->rows - MARGIN) * (shape->columns - MARGIN) * shape->outputs;
    for (size_t n = 0; n < batch; n++) {
        sight(shape, &seen, cells + n * picture);
        for (size_t o = 0; o < shape->outputs; o += LANES) {
            draw(shape, &z, &seen, w, b, o);
            emit(shape, y + n * values, &z, o);
        }
    }
}

/* -------- backward -------- */

PBTI_NN_INLINE void add(float *to, const lanes *values)
{
    lanes sum;
    memcpy(&sum, to, sizeof sum);
    sum += *values;
    memcpy(to, &sum, sizeof sum);
}

/* Lanes o.. of the gradient before the relu, with a margin of zeros; adds up that of the bias. */
PBTI_NN_WIDE
static void absorb(const struct pbti_nn_cells_shape *s, struct canvas *restrict dz,
                   float *restrict db, const float *restrict dy, const float *restrict y, size_t o)
{
    size_t const stride = s->columns + MARGIN;
    lanes sum = {0.0f};
    for (size_t i = MARGIN; i < s->rows; i++) {
        for (size_t j = MARGIN; j < s->columns; j++, y += s->outputs, dy += s->outputs) {
            lanes output, gradient;
            memcpy(&output, y + o, sizeof output);
            memcpy(&gradient, dy + o, sizeof gradient);
            rectify(&gradient, &output);
            dz->at[i * stride + j] = gradient;
            sum += gradient;
        }
    }
    add(db + o, &sum);
}

/* Add to lanes o.. of the weights' gradient that of every window which saw them. */
PBTI_NN_WIDE
static void collect(const struct pbti_nn_cells_shape *s, float *dw, const struct canvas *dz,
                    const struct sighting *seen, size_t o)
{
    size_t const stride = s->columns + MARGIN;
    for (size_t c = 0; c < s->channels; c++) {
        lanes taps[TAPS] = {{0.0f}};
        for (size_t n = 0; n < seen->count[c]; n++) {
            const lanes *const window = dz->at + seen->window[c][n];
            for (size_t ky = 0; ky < KERNEL; ky++) {
                for (size_t kx = 0; kx < KERNEL; kx++) {
                    taps[ky * KERNEL + kx] += *(window - ky * stride - kx);
                }
            }
        }
        for (size_t t = 0; t < TAPS; t++) {
            add(dw + (t * s->channels + c) * s->outputs + o, &taps[t]);
        }
    }
}

void pbti_nn_conv_cells_backward(const struct pbti_nn_cells_shape *shape, float *dw, float *db,
                                 const float *dy, const float *y, const uint16_t *cells,
                                 uint32_t batch)
{
    check(shape);
    struct canvas dz;
    struct sighting seen;
    memset(&dz, 0, sizeof dz);
    size_t const picture = (size_t)shape->rows * shape->columns;
    size_t const values =
        (size_t)(shape->rows - MARGIN) * (shape->columns - MARGIN) * shape->outputs;
    memset(dw, 0, (size_t)TAPS * shape->channels * shape->outputs * sizeof dw[0]);
    memset(db, 0, shape->outputs * sizeof db[0]);
    for (size_t n = 0; n < batch; n++) {
        sight(shape, &seen, cells + n * picture);
        for (size_t o = 0; o < shape->outputs; o += LANES) {
            absorb(shape, &dz, db, dy + n * values, y + n * values, o);
            collect(shape, dw, &dz, &seen, o);
        }
    }
}

/* -------- the plain versions -------- */

/* The input that tap (ky, kx) of channel c sees in window (i, j): 0 or 1. */
static double seen(const struct pbti_nn_cells_shape *s, const uint16_t *cells, size_t i, size_t j,
                   size_t ky, size_t kx, size_t c)
{
    return cells[(i + ky) * s->columns + j + kx] >> c & 1;
}

/* One output before the relu. */
static double window_sum(const struct pbti_nn_cells_shape *s, const uint16_t *cells, const float *w,
                         size_t i, size_t j, size_t o)
{
    double sum = 0.0;
    for (size_t ky = 0; ky < KERNEL; ky++) {
        for (size_t kx = 0; kx < KERNEL; kx++) {
            for (size_t c = 0; c < s->channels; c++) {
                size_t const tap = (ky * KERNEL + kx) * s->channels + c;
                sum += seen(s, cells, i, j, ky, kx, c) * (double)w[tap * s->outputs + o];
            }
        }
    }
    return sum;
}

void pbti_nn_conv_cells_forward_reference(const struct pbti_nn_cells_shape *shape, float *y,
                                          const uint16_t *cells, const float *w, const float *b,
                                          uint32_t batch)
{
    size_t const picture = (size_t)shape->rows * shape->columns;
    for (size_t n = 0; n < batch; n++) {
        for (size_t i = 0; i + KERNEL <= shape->rows; i++) {
            for (size_t j = 0; j + KERNEL <= shape->columns; j++) {
                for (size_t o = 0; o < shape->outputs; o++) {
                    double const z =
                        (double)b[o] + window_sum(shape, cells + n * picture, w, i, j, o);
                    *y++ = z <= 0.0 ? 0.0f : (float)z;
                }
            }
        }
    }
}

/* The gradient of one weight, or of a bias when `c` is the number of channels. */
static double weight_gradient(const struct pbti_nn_cells_shape *s, const float *dy, const float *y,
                              const uint16_t *cells, const size_t tap[2], size_t c, size_t o,
                              uint32_t batch)
{
    size_t const height = s->rows - KERNEL + 1;
    size_t const width = s->columns - KERNEL + 1;
    size_t const picture = (size_t)s->rows * s->columns;
    double sum = 0.0;
    for (size_t n = 0; n < batch; n++) {
        for (size_t at = 0; at < height * width; at++) {
            double const input = c == s->channels ? 1.0
                                                  : seen(s, cells + n * picture, at / width,
                                                         at % width, tap[0], tap[1], c);
            size_t const output = (n * height * width + at) * s->outputs + o;
            sum += y[output] <= 0.0f ? 0.0 : input * (double)dy[output];
        }
    }
    return sum;
}

void pbti_nn_conv_cells_backward_reference(const struct pbti_nn_cells_shape *shape, float *dw,
                                           float *db, const float *dy, const float *y,
                                           const uint16_t *cells, uint32_t batch)
{
    for (size_t o = 0; o < shape->outputs; o++) {
        for (size_t at = 0; at < (size_t)KERNEL * KERNEL; at++) {
            size_t const tap[2] = {at / KERNEL, at % KERNEL};
            for (size_t c = 0; c < shape->channels; c++) {
                dw[(at * shape->channels + c) * shape->outputs + o] =
                    (float)weight_gradient(shape, dy, y, cells, tap, c, o, batch);
            }
        }
        size_t const none[2] = {0, 0};
        db[o] = (float)weight_gradient(shape, dy, y, cells, none, shape->channels, o, batch);
    }
}
