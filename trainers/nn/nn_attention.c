/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_attention.c - multi-head attention over packed sequences, see nn_attention.h.
 *
 * Every product has its right side copied into scratch, transposed where needed and padded with
 * zeros to whole lanes: a head's columns are too few and too far apart to be read as they lie.
 */
#include "nn/nn_attention.h"
#include "nn/nn_base.h"
#include "nn/nn_dropout.h"
#include "nn/nn_scalar.h"
#include "nn/nn_small.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { LANES = PBTI_NN_SMALL_LANES };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* One head of one sequence. */
struct head {
    size_t queries, keys;      /* rows */
    size_t depth, wide;        /* columns of a head; the same, padded */
    size_t keys_wide;          /* keys, padded */
    size_t query_row, key_row; /* first rows */
    size_t column;             /* first column */
    size_t weights;            /* place in the weights */
    float scale;               /* 1 / sqrt(depth) */
    bool causal;
};

static size_t rows_of(const uint32_t *starts, size_t s)
{
    return (size_t)starts[s + 1] - starts[s];
}

size_t pbti_nn_attention_weights(const struct pbti_nn_attention *attention)
{
    size_t count = 0;
    for (size_t s = 0; s < attention->sequences; s++) {
        size_t const keys = pbti_nn_small_padded(rows_of(attention->key_starts, s));
        count += attention->heads * rows_of(attention->query_starts, s) * keys;
    }
    return count;
}

/* The most rows that a sequence has on either side. */
static size_t longest(const struct pbti_nn_attention *attention)
{
    size_t most = 0;
    for (size_t s = 0; s < attention->sequences; s++) {
        size_t const queries = rows_of(attention->query_starts, s);
        size_t const keys = rows_of(attention->key_starts, s);
        most = queries > most ? queries : most;
        most = keys > most ? keys : most;
    }
    return most;
}

size_t pbti_nn_attention_scratch(const struct pbti_nn_attention *attention)
{
    size_t const rows = pbti_nn_small_padded(longest(attention));
    size_t const wide = pbti_nn_small_padded(attention->width / attention->heads);
    return 3 * rows * wide + 2 * rows * rows;
}

static struct head first_head(const struct pbti_nn_attention *a)
{
    size_t const depth = a->width / a->heads;
    return (struct head){.depth = depth,
                         .wide = pbti_nn_small_padded(depth),
                         .scale = (float)(1.0 / sqrt((double)depth)),
                         .causal = a->causal};
}

static void enter_sequence(struct head *head, const struct pbti_nn_attention *a, size_t s)
{
    head->query_row = a->query_starts[s];
    head->key_row = a->key_starts[s];
    head->queries = rows_of(a->query_starts, s);
    head->keys = rows_of(a->key_starts, s);
    head->keys_wide = pbti_nn_small_padded(head->keys);
    assert(!a->causal || head->queries == head->keys);
}

/* -------- copies -------- */

/* Columns of a head, rows kept; what is beyond `depth` is 0. */
PBTI_NN_WIDE
static void take(float *restrict to, const float *restrict from, size_t row, size_t rows,
                 size_t depth, size_t wide)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < depth; j++) {
            to[i * wide + j] = from[i * row + j];
        }
        for (size_t j = depth; j < wide; j++) {
            to[i * wide + j] = 0.0f;
        }
    }
}

/* The same, transposed: shape (depth, rows padded). */
PBTI_NN_WIDE
static void take_transposed(float *restrict to, const float *restrict from, size_t row, size_t rows,
                            size_t depth, size_t rows_wide)
{
    for (size_t j = 0; j < depth; j++) {
        for (size_t i = 0; i < rows; i++) {
            to[j * rows_wide + i] = from[i * row + j];
        }
        for (size_t i = rows; i < rows_wide; i++) {
            to[j * rows_wide + i] = 0.0f;
        }
    }
}

static void give(float *to, size_t row, const float *from, size_t rows, size_t depth, size_t wide)
{
    for (size_t i = 0; i < rows; i++) {
        memcpy(to + i * row, from + i * wide, depth * sizeof to[0]);
    }
}

/* -------- softmax -------- */

PBTI_NN_INLINE float greatest(const float *row, size_t columns)
{
    lanes most, value;
    memcpy(&most, row, sizeof most);
    for (size_t j = LANES; j < columns; j += LANES) {
        memcpy(&value, row + j, sizeof value);
        for (size_t l = 0; l < LANES; l++) {
            most[l] = value[l] > most[l] ? value[l] : most[l];
        }
    }
    float result = most[0];
    for (size_t l = 1; l < LANES; l++) {
        result = most[l] > result ? most[l] : result;
    }
    return result;
}

PBTI_NN_INLINE float total(const float *row, size_t columns)
{
    lanes sums = {0.0f}, value;
    for (size_t j = 0; j < columns; j += LANES) {
        memcpy(&value, row + j, sizeof value);
        sums += value;
    }
    for (size_t half = LANES / 2; half > 0; half /= 2) {
        for (size_t l = 0; l < half; l++) {
            sums[l] += sums[l + half];
        }
    }
    return sums[0];
}

PBTI_NN_WIDE
void pbti_nn_attention_softmax(float *restrict row, size_t seen, size_t columns, float scale)
{
    for (size_t j = seen; j < columns; j++) {
        row[j] = -INFINITY;
    }
    float const most = greatest(row, columns);
    for (size_t j = 0; j < columns; j++) {
        row[j] = pbti_nn_exp(scale * (row[j] - most));
    }
    for (size_t j = seen; j < columns; j++) {
        row[j] = 0.0f;
    }
    float const inverse = 1.0f / total(row, columns);
    for (size_t j = 0; j < seen; j++) {
        row[j] *= inverse;
    }
}

/* -------- forward -------- */

PBTI_NN_WIDE
static void multiply(float *restrict to, const float *restrict a, const float *restrict b,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = a[i] * b[i];
    }
}

/* P times the mask, in `scratch` if need be. */
static const float *dropped(const struct head *h, const float *p, const float *mask, float *scratch)
{
    if (mask == NULL) { return p; }
    multiply(scratch, p, mask + h->weights, h->queries * h->keys_wide);
    return scratch;
}

static void head_forward(const struct head *h, float *o, float *weights, size_t width,
                         const struct pbti_nn_attended *in, const float *mask, float *scratch)
{
    float *const p = weights + h->weights;
    float *const right = scratch;
    float *const out = right + pbti_nn_small_padded(h->keys) * h->wide;
    float *const kept = out + h->queries * h->wide;
    struct pbti_nn_small_left const q = {in->q + h->query_row * in->q_row + h->column, in->q_row,
                                         1};
    take_transposed(right, in->k + h->key_row * in->k_row + h->column, in->k_row, h->keys, h->depth,
                    h->keys_wide);
    pbti_nn_small_product(p, h->keys_wide, q, right, h->keys_wide, h->queries, h->keys_wide,
                          h->depth);
    for (size_t i = 0; i < h->queries; i++) {
        size_t const seen = h->causal ? i + 1 : h->keys;
        pbti_nn_attention_softmax(p + i * h->keys_wide, seen, h->keys_wide, h->scale);
    }
    take(right, in->v + h->key_row * in->v_row + h->column, in->v_row, h->keys, h->depth, h->wide);
    struct pbti_nn_small_left const left = {dropped(h, p, mask, kept), h->keys_wide, 1};
    pbti_nn_small_product(out, h->wide, left, right, h->wide, h->queries, h->wide, h->keys);
    give(o + h->query_row * width + h->column, width, out, h->queries, h->depth, h->wide);
}

void pbti_nn_attention_forward(const struct pbti_nn_attention *attention, float *o, float *weights,
                               const struct pbti_nn_attended *in, const float *mask, float *scratch)
{
    assert(attention->heads > 0 && attention->width % attention->heads == 0);
    struct head head = first_head(attention);
    for (size_t s = 0; s < attention->sequences; s++) {
        enter_sequence(&head, attention, s);
        if (head.queries == 0 || head.keys == 0) { continue; }
        for (size_t h = 0; h < attention->heads; h++) {
            head.column = h * head.depth;
            head_forward(&head, o, weights, attention->width, in, mask, scratch);
            head.weights += head.queries * head.keys_wide;
        }
    }
}

/* -------- backward -------- */

/* From dP (with the mask) to dS, in place: P (dP - sum of P dP) / sqrt(depth). */
PBTI_NN_WIDE
static void softmax_backward(float *restrict d, const float *restrict p, size_t columns,
                             float scale)
{
    lanes sums = {0.0f}, left, right;
    for (size_t j = 0; j < columns; j += LANES) {
        memcpy(&left, d + j, sizeof left);
        memcpy(&right, p + j, sizeof right);
        sums += left * right;
    }
    float const sum = total((const float *)&sums, LANES);
    for (size_t j = 0; j < columns; j++) {
        d[j] = p[j] * (d[j] - sum) * scale;
    }
}

/* Memory of the way back, cut from scratch. */
struct work {
    float *right, *left, *out, *d, *kept;
};

static struct work cut(const struct head *h, float *scratch)
{
    size_t const rows = pbti_nn_small_padded(h->queries > h->keys ? h->queries : h->keys);
    struct work w;
    w.right = scratch;
    w.left = w.right + rows * h->wide;
    w.out = w.left + rows * h->wide;
    w.d = w.out + rows * h->wide;
    w.kept = w.d + rows * rows;
    return w;
}

static void head_backward(const struct head *h, const struct pbti_nn_attended *d, const float *d_o,
                          size_t width, const float *weights, const struct pbti_nn_attended *in,
                          const float *mask, float *scratch)
{
    struct work const w = cut(h, scratch);
    const float *const p = weights + h->weights;
    const float *const q = in->q + h->query_row * in->q_row + h->column;
    const float *const k = in->k + h->key_row * in->k_row + h->column;
    const float *const v = in->v + h->key_row * in->v_row + h->column;
    size_t const count = h->queries * h->keys_wide;
    take(w.left, d_o + h->query_row * width + h->column, width, h->queries, h->depth, h->wide);

    /* dV = (P mask)^T dO */
    struct pbti_nn_small_left const kept = {dropped(h, p, mask, w.kept), 1, h->keys_wide};
    pbti_nn_small_product(w.out, h->wide, kept, w.left, h->wide, h->keys, h->wide, h->queries);
    give(d->v + h->key_row * d->v_row + h->column, d->v_row, w.out, h->keys, h->depth, h->wide);

    /* dS, by way of dP = dO V^T */
    take_transposed(w.right, v, in->v_row, h->keys, h->depth, h->keys_wide);
    struct pbti_nn_small_left const left = {w.left, h->wide, 1};
    pbti_nn_small_product(w.d, h->keys_wide, left, w.right, h->keys_wide, h->queries, h->keys_wide,
                          h->depth);
    if (mask != NULL) { pbti_nn_dropout_apply(w.d, mask + h->weights, count); }
    for (size_t i = 0; i < h->queries; i++) {
        softmax_backward(w.d + i * h->keys_wide, p + i * h->keys_wide, h->keys_wide, h->scale);
    }

    /* dQ = dS K, dK = dS^T Q */
    take(w.right, k, in->k_row, h->keys, h->depth, h->wide);
    struct pbti_nn_small_left const d_s = {w.d, h->keys_wide, 1};
    pbti_nn_small_product(w.out, h->wide, d_s, w.right, h->wide, h->queries, h->wide, h->keys);
    give(d->q + h->query_row * d->q_row + h->column, d->q_row, w.out, h->queries, h->depth,
         h->wide);
    take(w.right, q, in->q_row, h->queries, h->depth, h->wide);
    struct pbti_nn_small_left const d_s_transposed = {w.d, 1, h->keys_wide};
    pbti_nn_small_product(w.out, h->wide, d_s_transposed, w.right, h->wide, h->keys, h->wide,
                          h->queries);
    give(d->k + h->key_row * d->k_row + h->column, d->k_row, w.out, h->keys, h->depth, h->wide);
}

void pbti_nn_attention_backward(const struct pbti_nn_attention *attention,
                                const struct pbti_nn_attended *d, const float *d_o,
                                const float *weights, const struct pbti_nn_attended *in,
                                const float *mask, float *scratch)
{
    struct head head = first_head(attention);
    for (size_t s = 0; s < attention->sequences; s++) {
        enter_sequence(&head, attention, s);
        if (head.queries == 0 || head.keys == 0) { continue; }
        for (size_t h = 0; h < attention->heads; h++) {
            head.column = h * head.depth;
            head_backward(&head, d, d_o, attention->width, weights, in, mask, scratch);
            head.weights += head.queries * head.keys_wide;
        }
    }
}

/* -------- the plain version -------- */

static void plain_weights(const struct pbti_nn_attention_head *h, uint32_t i, double *p)
{
    double most = -INFINITY, sum = 0.0;
    for (size_t j = 0; j < h->keys; j++) {
        double score = 0.0;
        for (size_t c = 0; c < h->depth; c++) {
            score += h->q[i * h->depth + c] * h->k[j * h->depth + c];
        }
        p[j] = score / sqrt((double)h->depth);
        if (h->hidden != NULL && h->hidden[i * h->keys + j]) { p[j] = -INFINITY; }
        most = p[j] > most ? p[j] : most;
    }
    for (size_t j = 0; j < h->keys; j++) {
        p[j] = exp(p[j] - most);
        sum += p[j];
    }
    for (size_t j = 0; j < h->keys; j++) {
        p[j] /= sum;
    }
}

static double plain_mask(const struct pbti_nn_attention_head *h, size_t i, size_t j)
{
    return h->mask == NULL ? 1.0 : h->mask[i * h->keys + j];
}

/* dP of query i and key j */
static double plain_slope(const struct pbti_nn_attention_head *h, const double *d_o, size_t i,
                          size_t j)
{
    double slope = 0.0;
    for (size_t c = 0; c < h->depth; c++) {
        slope += d_o[i * h->depth + c] * h->v[j * h->depth + c];
    }
    return slope * plain_mask(h, i, j);
}

static void plain_backward(const struct pbti_nn_attention_head *h, const double *weights,
                           const double *d_o, double *d_q, double *d_k, double *d_v)
{
    size_t const depth = h->depth;
    memset(d_q, 0, h->queries * depth * sizeof d_q[0]);
    memset(d_k, 0, h->keys * depth * sizeof d_k[0]);
    memset(d_v, 0, h->keys * depth * sizeof d_v[0]);
    for (size_t i = 0; i < h->queries; i++) {
        const double *const p = weights + i * h->keys;
        double sum = 0.0;
        for (size_t j = 0; j < h->keys; j++) {
            sum += p[j] * plain_slope(h, d_o, i, j);
        }
        for (size_t j = 0; j < h->keys; j++) {
            double const d_s = p[j] * (plain_slope(h, d_o, i, j) - sum) / sqrt((double)h->depth);
            for (size_t c = 0; c < depth; c++) {
                d_q[i * depth + c] += d_s * h->k[j * depth + c];
                d_k[j * depth + c] += d_s * h->q[i * depth + c];
                d_v[j * depth + c] += p[j] * plain_mask(h, i, j) * d_o[i * depth + c];
            }
        }
    }
}

void pbti_nn_attention_reference(const struct pbti_nn_attention_head *h, double *o, double *weights,
                                 const double *d_o, double *d_q, double *d_k, double *d_v)
{
    for (uint32_t i = 0; i < h->queries; i++) {
        double *const p = weights + (size_t)i * h->keys;
        plain_weights(h, i, p);
        for (size_t c = 0; c < h->depth; c++) {
            double sum = 0.0;
            for (size_t j = 0; j < h->keys; j++) {
                sum += p[j] * plain_mask(h, i, j) * h->v[j * h->depth + c];
            }
            o[i * h->depth + c] = sum;
        }
    }
    if (d_o != NULL) { plain_backward(h, weights, d_o, d_q, d_k, d_v); }
}
