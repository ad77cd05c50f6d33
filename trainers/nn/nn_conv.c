/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_conv.c - two-dimensional convolution and its transpose, see nn_conv.h.
 *
 * Both layers are made of three products between windows, weights and outputs; each takes the batch
 * in pieces of as many pictures as have windows of about PIECE_FLOATS, which a second-level cache
 * holds.
 */
#include "nn/nn_conv.h"
#include "nn/nn_base.h"
#include "nn/nn_matmul.h"
#include "nn/nn_rows.h"

#include <assert.h>
#include <string.h>

enum { PIECE_FLOATS = 1 << 17 };

/* Sizes that follow from a shape. */
struct sizes {
    size_t y_windows, x_windows; /* Y', X' */
    size_t windows;              /* Y' X' */
    size_t values;               /* of a window: K K C */
    size_t picture, output;      /* floats of one: Y X C and Y' X' O */
};

uint32_t pbti_nn_conv_windows(const struct pbti_nn_conv_shape *shape, uint32_t cells)
{
    assert(shape->stride > 0 && shape->kernel > 0 && shape->padding < shape->kernel);
    assert(shape->kernel <= cells + 2 * shape->padding);
    return (cells + 2 * shape->padding - shape->kernel) / shape->stride + 1;
}

static struct sizes sizes_of(const struct pbti_nn_conv_shape *shape)
{
    struct sizes s = {.y_windows = pbti_nn_conv_windows(shape, shape->rows),
                      .x_windows = pbti_nn_conv_windows(shape, shape->columns)};
    s.windows = s.y_windows * s.x_windows;
    s.values = (size_t)shape->kernel * shape->kernel * shape->channels;
    s.picture = (size_t)shape->rows * shape->columns * shape->channels;
    s.output = s.windows * shape->outputs;
    return s;
}

/* Pictures in one piece; at least one. */
static uint32_t piece_of(const struct sizes *s, uint32_t batch)
{
    size_t const fitting = PIECE_FLOATS / (s->windows * s->values);
    return fitting == 0 ? 1 : fitting < batch ? (uint32_t)fitting : batch;
}

size_t pbti_nn_conv_scratch(const struct pbti_nn_conv_shape *shape, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    return piece_of(&s, batch) * s.windows * s.values;
}

/* -------- pictures and their windows -------- */

/* The part of one row of a window that lies inside of the picture. */
struct overlap {
    size_t before; /* floats of padding before it */
    size_t count;  /* floats of it; 0: none */
    size_t from;   /* its place in the picture */
};

/* Row `ky` of window (i, j). */
static struct overlap overlap_of(const struct pbti_nn_conv_shape *shape, size_t i, size_t j,
                                 size_t ky)
{
    size_t const y = i * shape->stride + ky; /* counted from the edge of the padding, as is left */
    size_t const left = j * shape->stride;
    size_t const padding = shape->padding;
    size_t const first = left > padding ? left : padding;
    size_t const inside = padding + shape->columns;
    size_t const end = left + shape->kernel < inside ? left + shape->kernel : inside;
    struct overlap o = {0};
    if (y < padding || y >= padding + shape->rows || first >= end) { return o; }
    o.before = (first - left) * shape->channels;
    o.count = (end - first) * shape->channels;
    o.from = ((y - padding) * shape->columns + first - padding) * shape->channels;
    return o;
}

/*
 * Lay out the windows of one picture.
 *
 * windows     out, shape (Y', X', K, K C)
 * x           in, shape (Y, X, C)
 */
static void gather(const struct pbti_nn_conv_shape *shape, const struct sizes *s, float *windows,
                   const float *x)
{
    size_t const row = (size_t)shape->kernel * shape->channels;
    for (size_t i = 0; i < s->y_windows; i++) {
        for (size_t j = 0; j < s->x_windows; j++) {
            for (size_t ky = 0; ky < shape->kernel; ky++, windows += row) {
                struct overlap const o = overlap_of(shape, i, j, ky);
                if (o.count < row) { memset(windows, 0, row * sizeof windows[0]); }
                memcpy(windows + o.before, x + o.from, o.count * sizeof windows[0]);
            }
        }
    }
}

/* The transpose: add every value of the windows to the place in the picture that it came from. */
PBTI_NN_WIDE
static void scatter(const struct pbti_nn_conv_shape *shape, const struct sizes *s,
                    float *restrict x, const float *restrict windows)
{
    size_t const row = (size_t)shape->kernel * shape->channels;
    for (size_t i = 0; i < s->y_windows; i++) {
        for (size_t j = 0; j < s->x_windows; j++) {
            for (size_t ky = 0; ky < shape->kernel; ky++, windows += row) {
                struct overlap const o = overlap_of(shape, i, j, ky);
                for (size_t k = 0; k < o.count; k++) {
                    x[o.from + k] += windows[o.before + k];
                }
            }
        }
    }
}

static void gather_piece(const struct pbti_nn_conv_shape *shape, const struct sizes *s,
                         float *windows, const float *x, uint32_t pictures)
{
    for (size_t n = 0; n < pictures; n++) {
        gather(shape, s, windows + n * s->windows * s->values, x + n * s->picture);
    }
}

/* -------- the three products; pictures p (B, Y, X, C), outputs q (B, Y', X', O) -------- */

/* q = windows(p) w */
static void to_outputs(const struct pbti_nn_conv_shape *shape, float *q, const float *p,
                       const float *w, float *scratch, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    uint32_t const piece = piece_of(&s, batch);
    for (uint32_t n = 0; n < batch; n += piece) {
        uint32_t const pictures = batch - n < piece ? batch - n : piece;
        gather_piece(shape, &s, scratch, p + n * s.picture, pictures);
        pbti_nn_matmul(false, false, pictures * (uint32_t)s.windows, shape->outputs,
                       (uint32_t)s.values, scratch, w, 0.0f, q + n * s.output);
    }
}

/* p = the sum of all windows of q w^T, each in its place */
static void to_pictures(const struct pbti_nn_conv_shape *shape, float *p, const float *q,
                        const float *w, float *scratch, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    uint32_t const piece = piece_of(&s, batch);
    memset(p, 0, batch * s.picture * sizeof p[0]);
    for (uint32_t n = 0; n < batch; n += piece) {
        uint32_t const pictures = batch - n < piece ? batch - n : piece;
        pbti_nn_matmul(false, true, pictures * (uint32_t)s.windows, (uint32_t)s.values,
                       shape->outputs, q + n * s.output, w, 0.0f, scratch);
        for (size_t k = 0; k < pictures; k++) {
            scatter(shape, &s, p + (n + k) * s.picture, scratch + k * s.windows * s.values);
        }
    }
}

/* dw = windows(p)^T q */
static void to_weights(const struct pbti_nn_conv_shape *shape, float *dw, const float *p,
                       const float *q, float *scratch, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    uint32_t const piece = piece_of(&s, batch);
    for (uint32_t n = 0; n < batch; n += piece) {
        uint32_t const pictures = batch - n < piece ? batch - n : piece;
        gather_piece(shape, &s, scratch, p + n * s.picture, pictures);
        pbti_nn_matmul(true, false, (uint32_t)s.values, shape->outputs,
                       pictures * (uint32_t)s.windows, scratch, q + n * s.output,
                       n == 0 ? 0.0f : 1.0f, dw);
    }
}

/* db = the sum of all rows of dy; NULL: not wanted */
static void sum_bias(float *db, const float *dy, size_t rows, size_t width)
{
    if (db == NULL) { return; }
    memset(db, 0, width * sizeof db[0]);
    pbti_nn_sum_rows(db, dy, rows, width);
}

/* -------- convolution -------- */

void pbti_nn_conv_forward(const struct pbti_nn_conv_shape *shape, float *y, const float *x,
                          const float *w, const float *b, float *scratch, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    to_outputs(shape, y, x, w, scratch, batch);
    if (b != NULL) { pbti_nn_add_to_rows(y, b, batch * s.windows, shape->outputs); }
}

void pbti_nn_conv_backward(const struct pbti_nn_conv_shape *shape, float *dx, float *dw, float *db,
                           const float *dy, const float *x, const float *w, float *scratch,
                           uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    if (dw != NULL) { to_weights(shape, dw, x, dy, scratch, batch); }
    sum_bias(db, dy, batch * s.windows, shape->outputs);
    if (dx != NULL) { to_pictures(shape, dx, dy, w, scratch, batch); }
}

/* -------- transposed convolution -------- */

void pbti_nn_conv_transposed_forward(const struct pbti_nn_conv_shape *shape, float *y,
                                     const float *x, const float *w, const float *b, float *scratch,
                                     uint32_t batch)
{
    size_t const cells = (size_t)shape->rows * shape->columns;
    to_pictures(shape, y, x, w, scratch, batch);
    if (b != NULL) { pbti_nn_add_to_rows(y, b, batch * cells, shape->channels); }
}

void pbti_nn_conv_transposed_backward(const struct pbti_nn_conv_shape *shape, float *dx, float *dw,
                                      float *db, const float *dy, const float *x, const float *w,
                                      float *scratch, uint32_t batch)
{
    size_t const cells = (size_t)shape->rows * shape->columns;
    if (dw != NULL) { to_weights(shape, dw, dy, x, scratch, batch); }
    sum_bias(db, dy, batch * cells, shape->channels);
    if (dx != NULL) { to_outputs(shape, dx, dy, w, scratch, batch); }
}

/* -------- the plain version -------- */

/* Value of channel c at (y, x), counted from the edge of the padding. */
static double cell(const struct pbti_nn_conv_shape *s, const float *picture, size_t y, size_t x,
                   size_t c)
{
    if (y < s->padding || y >= s->padding + s->rows) { return 0.0; }
    if (x < s->padding || x >= s->padding + s->columns) { return 0.0; }
    return (double)picture[((y - s->padding) * s->columns + x - s->padding) * s->channels + c];
}

static double window_sum(const struct pbti_nn_conv_shape *s, const float *picture, const float *w,
                         size_t top, size_t left, size_t o)
{
    double sum = 0.0;
    for (size_t ky = 0; ky < s->kernel; ky++) {
        for (size_t kx = 0; kx < s->kernel; kx++) {
            for (size_t c = 0; c < s->channels; c++) {
                size_t const at = ((ky * s->kernel + kx) * s->channels + c) * s->outputs + o;
                sum += cell(s, picture, top + ky, left + kx, c) * (double)w[at];
            }
        }
    }
    return sum;
}

void pbti_nn_conv_forward_reference(const struct pbti_nn_conv_shape *shape, float *y,
                                    const float *x, const float *w, const float *b, uint32_t batch)
{
    struct sizes const s = sizes_of(shape);
    for (size_t n = 0; n < batch; n++) {
        for (size_t at = 0; at < s.windows; at++) {
            size_t const top = at / s.x_windows * shape->stride;
            size_t const left = at % s.x_windows * shape->stride;
            for (size_t o = 0; o < shape->outputs; o++) {
                double const bias = b == NULL ? 0.0 : (double)b[o];
                *y++ = (float)(bias + window_sum(shape, x + n * s.picture, w, top, left, o));
            }
        }
    }
}
