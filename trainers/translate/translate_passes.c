/* SPDX-License-Identifier: Apache-2.0 */
/* translate_passes.c - forward and backward through the Transformer, see translate_passes.h. */
#include "translate/translate_passes.h"
#include "nn/nn_activation.h"
#include "nn/nn_dropout.h"
#include "nn/nn_embedding.h"
#include "nn/nn_linear.h"
#include "nn/nn_softmax.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Lanes of the stream of masks: two for each sublayer, then one for each side's embeddings. */
enum { LANE_EMBEDDED = 2 * PBTI_TRANSLATE_SUBLAYERS_MAX };

static const float *weight(const struct pbti_translate_network *n, uint32_t part)
{
    return pbti_nn_block_part(&n->block, n->block.weights, part);
}

static float *gradient(const struct pbti_translate_network *n, uint32_t part)
{
    return pbti_nn_block_part(&n->block, n->block.gradients, part);
}

static uint32_t rows_of(const struct pbti_translate_network *n, bool decoder)
{
    return decoder ? n->target_rows : n->source_rows;
}

PBTI_NN_WIDE
static void add(float *restrict to, const float *restrict from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
    }
}

/* Draw `mask` and multiply by it; nothing where it is NULL. */
static void drop(struct pbti_translate_network *n, float *x, float *mask, size_t count, double rate,
                 const struct pbti_translate_pass *pass, uint32_t lane)
{
    if (mask == NULL) { return; }
    struct pbti_nn_stream const stream = {
        .seed = pass->seed, .purpose = PBTI_NN_PURPOSE_DROPOUT, .lane = lane, .step = pass->step};
    pbti_nn_dropout_mask(mask, n->bits, rate, &stream, count);
    if (x != NULL) { pbti_nn_dropout_apply(x, mask, count); }
}

/* -------- sublayers, forward -------- */

static const struct pbti_nn_attention *attention_of(const struct pbti_translate_network *n,
                                                    const struct pbti_translate_sublayer *sublayer)
{
    if (sublayer->kind == PBTI_TRANSLATE_CROSS) { return &n->attention[2]; }
    return &n->attention[sublayer->decoder ? 1 : 0];
}

/* Queries, keys and values as the sublayer keeps them. */
static struct pbti_nn_attended attended_of(const struct pbti_translate_sublayer *sublayer,
                                           float *inner, float *keys_values, uint32_t width)
{
    if (sublayer->kind == PBTI_TRANSLATE_CROSS) {
        size_t const two = 2 * (size_t)width;
        return (struct pbti_nn_attended){inner, keys_values, keys_values + width, width, two, two};
    }
    size_t const three = 3 * (size_t)width;
    return (struct pbti_nn_attended){inner, inner + width, inner + 2 * (size_t)width,
                                     three, three,         three};
}

/* The part of the last linear layer's weight. */
static uint32_t out_part(const struct pbti_translate_sublayer *sublayer)
{
    return sublayer->part + (sublayer->kind == PBTI_TRANSLATE_CROSS ? 4 : 2);
}

/* y = F(x) but for the last dropout; y may not be x. */
static void inner_forward(struct pbti_translate_network *n, uint32_t index, float *y,
                          const float *x, const struct pbti_translate_pass *pass)
{
    struct pbti_translate_sublayer *const sublayer = &n->sublayers[index];
    struct pbti_translate_kept *const kept = &sublayer->kept;
    uint32_t const rows = rows_of(n, sublayer->decoder);
    uint32_t const width = n->shape.width, part = sublayer->part;
    if (sublayer->kind == PBTI_TRANSLATE_FEED) {
        size_t const count = (size_t)rows * n->shape.ffn;
        pbti_nn_linear_forward(kept->inner, x, weight(n, part), weight(n, part + 1), rows, width,
                               n->shape.ffn);
        pbti_nn_activation_forward(PBTI_NN_RELU, kept->inner, kept->inner, count);
        drop(n, kept->inner, kept->mask, count, pass == NULL ? 0.0 : pass->relu_dropout, pass,
             2 * index);
        pbti_nn_linear_forward(y, kept->inner, weight(n, part + 2), weight(n, part + 3), rows,
                               n->shape.ffn, width);
        return;
    }
    const struct pbti_nn_attention *const attention = attention_of(n, sublayer);
    bool const cross = sublayer->kind == PBTI_TRANSLATE_CROSS;
    pbti_nn_linear_forward(kept->inner, x, weight(n, part), weight(n, part + 1), rows, width,
                           cross ? width : 3 * width);
    if (cross) {
        pbti_nn_linear_forward(kept->keys_values, n->memory, weight(n, part + 2),
                               weight(n, part + 3), n->source_rows, width, 2 * width);
    }
    struct pbti_nn_attended const in = attended_of(sublayer, kept->inner, kept->keys_values, width);
    drop(n, NULL, kept->mask, kept->mask == NULL ? 0 : pbti_nn_attention_weights(attention),
         pass == NULL ? 0.0 : pass->attention_dropout, pass, 2 * index);
    pbti_nn_attention_forward(attention, kept->attended, kept->weights, &in, kept->mask,
                              n->scratch);
    uint32_t const out = out_part(sublayer);
    pbti_nn_linear_forward(y, kept->attended, weight(n, out), weight(n, out + 1), rows, width,
                           width);
}

static void norm(const struct pbti_translate_network *n, float *y,
                 struct pbti_nn_row_statistics *statistics, const float *x, uint32_t part,
                 uint32_t rows)
{
    pbti_nn_layer_norm_forward(y, statistics, x, weight(n, part), weight(n, part + 1),
                               PBTI_TRANSLATE_NORM_EPSILON, rows, n->shape.width);
}

/* Returns what goes out. */
static const float *sublayer_forward(struct pbti_translate_network *n, uint32_t index,
                                     const float *x, const struct pbti_translate_pass *pass)
{
    struct pbti_translate_sublayer *const sublayer = &n->sublayers[index];
    struct pbti_translate_kept *const kept = &sublayer->kept;
    uint32_t const rows = rows_of(n, sublayer->decoder);
    size_t const count = (size_t)rows * n->shape.width;
    double const rate = pass == NULL ? 0.0 : pass->layer_dropout;
    kept->in = x;
    if (n->shape.post_norm) {
        inner_forward(n, index, kept->normed, x, pass);
        drop(n, kept->normed, kept->out_mask, count, rate, pass, 2 * index + 1);
        add(kept->normed, x, count);
        norm(n, kept->out, kept->statistics, kept->normed, sublayer->norm, rows);
    } else {
        norm(n, kept->normed, kept->statistics, x, sublayer->norm, rows);
        inner_forward(n, index, kept->out, kept->normed, pass);
        drop(n, kept->out, kept->out_mask, count, rate, pass, 2 * index + 1);
        add(kept->out, x, count);
    }
    return kept->out;
}

/* -------- forward -------- */

static void embed(struct pbti_translate_network *n, uint32_t side, const uint32_t *ids,
                  const uint32_t *places, const struct pbti_translate_pass *pass)
{
    uint32_t const rows = rows_of(n, side == 1);
    pbti_nn_embedding_forward(n->embedded[side], weight(n, n->embedding), n->positions, ids, places,
                              sqrtf((float)n->shape.width), rows, n->shape.width);
    drop(n, n->embedded[side], n->embedded_mask[side], (size_t)rows * n->shape.width,
         pass == NULL ? 0.0 : pass->layer_dropout, pass, LANE_EMBEDDED + side);
}

/* What a side ends with, from what its last sublayer gives. */
static void end_side(struct pbti_translate_network *n, uint32_t side, const float *x)
{
    uint32_t const rows = rows_of(n, side == 1);
    float *const out = side == 0 ? n->memory : n->decoded;
    n->last[side] = x;
    if (n->shape.post_norm) {
        memcpy(out, x, (size_t)rows * n->shape.width * sizeof out[0]);
    } else {
        norm(n, out, n->last_statistics[side], x, side == 0 ? n->encoder_norm : n->decoder_norm,
             rows);
    }
}

void pbti_translate_forward(struct pbti_translate_network *n,
                            const struct pbti_translate_batch *batch,
                            const struct pbti_translate_pass *pass)
{
    embed(n, 0, batch->source, n->places, pass);
    const float *x = n->embedded[0];
    for (uint32_t i = 0; i < n->encoder_count; i++) {
        x = sublayer_forward(n, i, x, pass);
    }
    end_side(n, 0, x);
    embed(n, 1, batch->input, n->places + n->source_rows, pass);
    x = n->embedded[1];
    for (uint32_t i = n->encoder_count; i < n->sublayer_count; i++) {
        x = sublayer_forward(n, i, x, pass);
    }
    end_side(n, 1, x);
    pbti_nn_linear_forward(n->logits, n->decoded, weight(n, n->embedding),
                           weight(n, n->output_bias), n->target_rows, n->shape.width,
                           n->shape.vocabulary);
}

struct pbti_translate_loss pbti_translate_loss_of(struct pbti_translate_network *n,
                                                  const struct pbti_translate_batch *batch,
                                                  const struct pbti_translate_pass *pass)
{
    struct pbti_nn_softmax_loss const loss = pbti_nn_softmax_cross_entropy(
        pass == NULL ? NULL : n->logits, n->logits, batch->labels,
        pass == NULL ? 0.0 : pass->label_smoothing, 1.0f / (float)n->target_rows, n->target_rows,
        n->shape.vocabulary);
    return (struct pbti_translate_loss){loss.smoothed, loss.plain, n->target_rows};
}

/* -------- sublayers, backward -------- */

/* From the gradient of F(x), `dy`, to that of x, `dx`; dx may be dy. x is what F was given. */
static void inner_backward(struct pbti_translate_network *n,
                           const struct pbti_translate_sublayer *sublayer, float *dx,
                           const float *dy, const float *x)
{
    const struct pbti_translate_kept *const kept = &sublayer->kept;
    uint32_t const rows = rows_of(n, sublayer->decoder);
    uint32_t const width = n->shape.width, ffn = n->shape.ffn, part = sublayer->part;
    if (sublayer->kind == PBTI_TRANSLATE_FEED) {
        size_t const count = (size_t)rows * ffn;
        pbti_nn_linear_backward(n->d_inner, gradient(n, part + 2), gradient(n, part + 3), dy,
                                kept->inner, weight(n, part + 2), rows, ffn, width);
        if (kept->mask != NULL) { pbti_nn_dropout_apply(n->d_inner, kept->mask, count); }
        /* hidden values above 0 are those whose inputs were; the dropped ones have no gradient */
        pbti_nn_activation_backward(PBTI_NN_RELU, n->d_inner, n->d_inner, kept->inner, count);
        pbti_nn_linear_backward(dx, gradient(n, part), gradient(n, part + 1), n->d_inner, x,
                                weight(n, part), rows, width, ffn);
        return;
    }
    bool const cross = sublayer->kind == PBTI_TRANSLATE_CROSS;
    uint32_t const out = out_part(sublayer);
    float *const d_attended = n->scratch_rows;
    pbti_nn_linear_backward(d_attended, gradient(n, out), gradient(n, out + 1), dy, kept->attended,
                            weight(n, out), rows, width, width);
    struct pbti_nn_attended const in = attended_of(sublayer, kept->inner, kept->keys_values, width);
    struct pbti_nn_attended const d = attended_of(sublayer, n->d_inner, n->d_kv, width);
    pbti_nn_attention_backward(attention_of(n, sublayer), &d, d_attended, kept->weights, &in,
                               kept->mask, n->scratch);
    pbti_nn_linear_backward(dx, gradient(n, part), gradient(n, part + 1), n->d_inner, x,
                            weight(n, part), rows, width, cross ? width : 3 * width);
    if (cross) {
        float *const d_memory = n->scratch_rows;
        pbti_nn_linear_backward(d_memory, gradient(n, part + 2), gradient(n, part + 3), n->d_kv,
                                n->memory, weight(n, part + 2), n->source_rows, width, 2 * width);
        add(n->d[0], d_memory, (size_t)n->source_rows * width);
    }
}

static void norm_backward(const struct pbti_translate_network *n, float *d, const float *x,
                          const struct pbti_nn_row_statistics *statistics, uint32_t part,
                          uint32_t rows)
{
    pbti_nn_layer_norm_backward(d, gradient(n, part), gradient(n, part + 1), d, x, statistics,
                                weight(n, part), rows, n->shape.width);
}

/* d: the gradient of what went out, then of what came in. */
static void sublayer_backward(struct pbti_translate_network *n, uint32_t index)
{
    const struct pbti_translate_sublayer *const sublayer = &n->sublayers[index];
    const struct pbti_translate_kept *const kept = &sublayer->kept;
    uint32_t const rows = rows_of(n, sublayer->decoder);
    size_t const count = (size_t)rows * n->shape.width;
    float *const d = n->d[sublayer->decoder ? 1 : 0];
    bool const post = n->shape.post_norm;
    if (post) { norm_backward(n, d, kept->normed, kept->statistics, sublayer->norm, rows); }
    memcpy(n->d_f, d, count * sizeof d[0]);
    if (kept->out_mask != NULL) { pbti_nn_dropout_apply(n->d_f, kept->out_mask, count); }
    inner_backward(n, sublayer, n->d_f, n->d_f, post ? kept->in : kept->normed);
    if (!post) { norm_backward(n, n->d_f, kept->in, kept->statistics, sublayer->norm, rows); }
    add(d, n->d_f, count);
}

/* -------- backward -------- */

static void embed_backward(struct pbti_translate_network *n, uint32_t side, const uint32_t *ids)
{
    uint32_t const rows = rows_of(n, side == 1);
    if (n->embedded_mask[side] != NULL) {
        pbti_nn_dropout_apply(n->d[side], n->embedded_mask[side], (size_t)rows * n->shape.width);
    }
    pbti_nn_embedding_backward(gradient(n, n->embedding), n->d[side], ids,
                               sqrtf((float)n->shape.width), rows, n->shape.width);
}

void pbti_translate_backward(struct pbti_translate_network *n,
                             const struct pbti_translate_batch *batch)
{
    /* the softmax writes the table's gradient, the two sides add to it */
    pbti_nn_linear_backward(n->d[1], gradient(n, n->embedding), gradient(n, n->output_bias),
                            n->logits, n->decoded, weight(n, n->embedding), n->target_rows,
                            n->shape.width, n->shape.vocabulary);
    memset(n->d[0], 0, (size_t)n->source_rows * n->shape.width * sizeof(float));
    if (!n->shape.post_norm) {
        norm_backward(n, n->d[1], n->last[1], n->last_statistics[1], n->decoder_norm,
                      n->target_rows);
    }
    for (uint32_t i = n->sublayer_count; i > n->encoder_count; i--) {
        sublayer_backward(n, i - 1);
    }
    embed_backward(n, 1, batch->input);
    if (!n->shape.post_norm) {
        norm_backward(n, n->d[0], n->last[0], n->last_statistics[0], n->encoder_norm,
                      n->source_rows);
    }
    for (uint32_t i = n->encoder_count; i > 0; i--) {
        sublayer_backward(n, i - 1);
    }
    embed_backward(n, 0, batch->source);
}
