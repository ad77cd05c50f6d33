/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_network.c - the parts of the Transformer, and the memory of a batch; see
 * translate_network.h. The passes themselves are in translate_passes.c.
 */
#include "translate/translate_network.h"
#include "nn/nn_embedding.h"
#include "nn/nn_init.h"
#include "nn/nn_random.h"
#include "translate/translate_passes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -------- parts -------- */

/* Adds parts until one fails. */
struct adder {
    struct pbti_nn_block *block;
    pbt_status status;
    struct pbt_error *err;
};

static uint32_t add(struct adder *adder, const char *side, uint32_t layer, const char *name,
                    uint32_t rows, uint32_t columns)
{
    char full[PBTI_NN_PART_NAME_SIZE];
    uint32_t index = 0;
    if (adder->status != PBT_OK) { return 0; }
    (void)snprintf(full, sizeof full, "%s%u.%s", side, layer, name);
    adder->status =
        pbti_nn_block_add(adder->block, full, rows, columns, columns > 1, &index, adder->err);
    return index;
}

static void add_sublayer(struct pbti_translate_network *n, struct adder *a, bool decoder,
                         uint32_t layer, enum pbti_translate_kind kind)
{
    static const char *const prefixes[] = {[PBTI_TRANSLATE_SELF] = "self",
                                           [PBTI_TRANSLATE_CROSS] = "cross",
                                           [PBTI_TRANSLATE_FEED] = "ffn"};
    uint32_t const width = n->shape.width;
    struct pbti_translate_sublayer *const sublayer = &n->sublayers[n->sublayer_count++];
    char side[16];
    (void)snprintf(side, sizeof side, "%s", decoder ? "decoder" : "encoder");
    char name[PBTI_NN_PART_NAME_SIZE];
#define PART(text, rows, columns)                                                                  \
    ((void)snprintf(name, sizeof name, "%s.%s", prefixes[kind], text),                             \
     add(a, side, layer, name, rows, columns))
    *sublayer = (struct pbti_translate_sublayer){.kind = kind, .decoder = decoder};
    sublayer->norm = PART("norm.gain", width, 1);
    (void)PART("norm.bias", width, 1);
    switch (kind) {
    case PBTI_TRANSLATE_SELF:
        sublayer->part = PART("qkv.weight", 3 * width, width);
        (void)PART("qkv.bias", 3 * width, 1);
        break;
    case PBTI_TRANSLATE_CROSS:
        sublayer->part = PART("q.weight", width, width);
        (void)PART("q.bias", width, 1);
        (void)PART("kv.weight", 2 * width, width);
        (void)PART("kv.bias", 2 * width, 1);
        break;
    case PBTI_TRANSLATE_FEED:
        sublayer->part = PART("w1.weight", n->shape.ffn, width);
        (void)PART("w1.bias", n->shape.ffn, 1);
        (void)PART("w2.weight", width, n->shape.ffn);
        (void)PART("w2.bias", width, 1);
        return;
    }
    (void)PART("out.weight", width, width);
    (void)PART("out.bias", width, 1);
#undef PART
}

/* The norm after the last layer of a side; returns the part of its gain. */
static uint32_t add_last_norm(struct pbti_translate_network *n, struct adder *a, const char *side)
{
    if (n->shape.post_norm) { return 0; }
    uint32_t const gain = add(a, side, n->shape.layers, "norm.gain", n->shape.width, 1);
    (void)add(a, side, n->shape.layers, "norm.bias", n->shape.width, 1);
    return gain;
}

static pbt_status add_parts(struct pbti_translate_network *n, struct pbt_error *err)
{
    struct adder a = {&n->block, PBT_OK, err};
    n->embedding = add(&a, "shared", 0, "embedding", n->shape.vocabulary, n->shape.width);
    for (uint32_t l = 0; l < n->shape.layers; l++) {
        add_sublayer(n, &a, false, l, PBTI_TRANSLATE_SELF);
        add_sublayer(n, &a, false, l, PBTI_TRANSLATE_FEED);
    }
    n->encoder_count = n->sublayer_count;
    n->encoder_norm = add_last_norm(n, &a, "encoder");
    for (uint32_t l = 0; l < n->shape.layers; l++) {
        add_sublayer(n, &a, true, l, PBTI_TRANSLATE_SELF);
        add_sublayer(n, &a, true, l, PBTI_TRANSLATE_CROSS);
        add_sublayer(n, &a, true, l, PBTI_TRANSLATE_FEED);
    }
    n->decoder_norm = add_last_norm(n, &a, "decoder");
    n->output_bias = add(&a, "shared", 0, "output.bias", n->shape.vocabulary, 1);
    return a.status;
}

pbt_status pbti_translate_network_init(struct pbti_translate_network *network,
                                       const struct pbti_translate_shape *shape, uint32_t slots,
                                       struct pbt_error *err)
{
    memset(network, 0, sizeof *network);
    pbti_nn_block_init(&network->block);
    if (shape->heads == 0 || shape->width % shape->heads != 0) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"heads\" is %u; allowed are numbers that divide the width, %u",
                            shape->heads, shape->width);
    }
    if (shape->layers == 0 || shape->layers > PBTI_TRANSLATE_LAYERS_MAX) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"layers\" is %u; allowed are 1 to %d", shape->layers,
                            (int)PBTI_TRANSLATE_LAYERS_MAX);
    }
    network->shape = *shape;
    pbt_status status = add_parts(network, err);
    if (status == PBT_OK) { status = pbti_nn_block_allocate(&network->block, slots, err); }
    if (status != PBT_OK) { pbti_translate_network_deinit(network); }
    return status;
}

void pbti_translate_network_deinit(struct pbti_translate_network *network)
{
    pbti_nn_block_deinit(&network->block);
    free(network->arena);
    free(network->positions);
    free(network->places);
    memset(network, 0, sizeof *network);
}

const float *pbti_translate_part(const struct pbti_translate_network *network, uint32_t part)
{
    return pbti_nn_block_part(&network->block, network->block.weights, part);
}

/* -------- initial weights -------- */

static void fill_uniform(float *w, size_t count, double bound, const struct pbti_nn_stream *stream)
{
    for (size_t i = 0; i < count; i += 4) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, (uint32_t)(i / 4), bits);
        for (size_t k = 0; k < 4 && i + k < count; k++) {
            w[i + k] = (float)(bound * (2.0 * pbti_nn_unit(bits[k]) - 1.0));
        }
    }
}

void pbti_translate_network_randomise(struct pbti_translate_network *network, uint64_t seed)
{
    struct pbti_nn_block *const block = &network->block;
    pbti_nn_block_clear(block);
    for (uint32_t p = 0; p < block->part_count; p++) {
        const struct pbti_nn_part *const part = &block->parts[p];
        float *const w = pbti_nn_block_part(block, block->weights, p);
        size_t const count = (size_t)part->rows * part->columns;
        struct pbti_nn_stream const stream = {
            .seed = seed, .purpose = PBTI_NN_PURPOSE_INIT, .step = p};
        if (p == network->embedding) {
            pbti_nn_init_normal(w, count, 1.0 / sqrt((double)network->shape.width), &stream);
        } else if (part->columns > 1) {
            /* q, k and v stand in one part and are matrices of their own */
            bool const one = strstr(part->name, "ffn") != NULL;
            uint32_t const outputs = one ? part->rows : network->shape.width;
            fill_uniform(w, count, sqrt(6.0 / ((double)part->columns + (double)outputs)), &stream);
        } else if (strstr(part->name, "gain") != NULL) {
            for (size_t i = 0; i < count; i++) {
                w[i] = 1.0f;
            }
        }
    }
}

/* -------- memory of a batch -------- */

pbt_status pbti_translate_need_positions(struct pbti_translate_network *network, uint32_t rows,
                                         struct pbt_error *err)
{
    if (rows <= network->positions_rows) { return PBT_OK; }
    uint32_t const wanted = rows + rows / 2 + 64;
    float *const positions = pbti_nn_floats((size_t)wanted * network->shape.width);
    if (positions == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u positions", wanted);
    }
    pbti_nn_positions(positions, wanted, network->shape.width);
    free(network->positions);
    network->positions = positions;
    network->positions_rows = wanted;
    return PBT_OK;
}

/* Cuts arrays from memory, or only counts while there is none. */
struct cutter {
    float *memory;
    size_t used;
};

static float *cut(struct cutter *cutter, size_t floats)
{
    float *const at = cutter->memory == NULL ? NULL : cutter->memory + cutter->used;
    cutter->used += pbti_nn_padded(floats);
    return at;
}

static struct pbti_nn_row_statistics *cut_statistics(struct cutter *cutter, size_t rows)
{
    size_t const floats = sizeof(struct pbti_nn_row_statistics) / sizeof(float);
    void *const at = cut(cutter, floats * rows);
    return at;
}

static void cut_sublayer(struct pbti_translate_network *n, struct cutter *c,
                         struct pbti_translate_sublayer *sublayer,
                         const struct pbti_translate_pass *pass)
{
    size_t const width = n->shape.width;
    size_t const rows = sublayer->decoder ? n->target_rows : n->source_rows;
    struct pbti_translate_kept *const kept = &sublayer->kept;
    bool const feed = sublayer->kind == PBTI_TRANSLATE_FEED;
    bool const cross = sublayer->kind == PBTI_TRANSLATE_CROSS;
    size_t const inner = feed ? rows * n->shape.ffn : rows * width * (cross ? 1 : 3);
    size_t const weights =
        feed ? 0
             : pbti_nn_attention_weights(&n->attention[cross ? 2 : (sublayer->decoder ? 1 : 0)]);
    double const inside = pass == NULL ? 0.0 : feed ? pass->relu_dropout : pass->attention_dropout;
    double const outside = pass == NULL ? 0.0 : pass->layer_dropout;
    kept->in = NULL;
    kept->out = cut(c, rows * width);
    kept->normed = cut(c, rows * width);
    kept->statistics = cut_statistics(c, rows);
    kept->inner = cut(c, inner);
    kept->keys_values = cross ? cut(c, n->source_rows * 2 * width) : NULL;
    kept->attended = feed ? NULL : cut(c, rows * width);
    kept->weights = feed ? NULL : cut(c, weights);
    kept->mask = inside > 0.0 ? cut(c, feed ? inner : weights) : NULL;
    kept->out_mask = outside > 0.0 ? cut(c, rows * width) : NULL;
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Cut everything; called once to count and once to cut. */
static void cut_all(struct pbti_translate_network *n, struct cutter *c,
                    const struct pbti_translate_pass *pass)
{
    size_t const width = n->shape.width;
    size_t const rows[2] = {n->source_rows, n->target_rows};
    size_t const longer = most(rows[0], rows[1]);
    size_t const wide = most(n->shape.ffn, 3 * width);
    size_t scratch = 0, weights = 0;
    for (size_t k = 0; k < 3; k++) {
        scratch = most(scratch, pbti_nn_attention_scratch(&n->attention[k]));
        weights = most(weights, pbti_nn_attention_weights(&n->attention[k]));
    }
    for (size_t side = 0; side < 2; side++) {
        n->embedded[side] = cut(c, rows[side] * width);
        n->embedded_mask[side] =
            pass != NULL && pass->layer_dropout > 0.0 ? cut(c, rows[side] * width) : NULL;
        n->last_statistics[side] = cut_statistics(c, rows[side]);
        n->d[side] = pass == NULL ? NULL : cut(c, rows[side] * width);
    }
    for (uint32_t i = 0; i < n->sublayer_count; i++) {
        cut_sublayer(n, c, &n->sublayers[i], pass);
    }
    n->memory = cut(c, rows[0] * width);
    n->decoded = cut(c, rows[1] * width);
    n->logits = cut(c, rows[1] * n->shape.vocabulary);
    n->d_f = pass == NULL ? NULL : cut(c, longer * width);
    n->d_inner = pass == NULL ? NULL : cut(c, longer * wide);
    n->d_kv = pass == NULL ? NULL : cut(c, rows[0] * 2 * width);
    n->scratch = cut(c, scratch);
    n->scratch_rows = pass == NULL ? NULL : cut(c, longer * width);
    void *const bits = pass == NULL ? NULL : cut(c, most(longer * wide, weights));
    n->bits = bits;
}

static pbt_status need_places(struct pbti_translate_network *n,
                              const struct pbti_translate_batch *batch, struct pbt_error *err)
{
    uint32_t const rows = n->source_rows + n->target_rows;
    if (rows > n->places_capacity) {
        uint32_t *const places = calloc(rows, sizeof places[0]);
        if (places == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch"); }
        free(n->places);
        n->places = places;
        n->places_capacity = rows;
    }
    uint32_t *place = n->places;
    uint32_t longest = 0;
    for (uint32_t side = 0; side < 2; side++) {
        const uint32_t *const starts = side == 0 ? batch->source_starts : batch->target_starts;
        for (uint32_t s = 0; s < batch->sentences; s++) {
            uint32_t const length = starts[s + 1] - starts[s];
            longest = length > longest ? length : longest;
            for (uint32_t i = 0; i < length; i++) {
                *place++ = i;
            }
        }
    }
    return pbti_translate_need_positions(n, longest, err);
}

/* Have the arrays of this batch. */
static pbt_status prepare(struct pbti_translate_network *n,
                          const struct pbti_translate_batch *batch,
                          const struct pbti_translate_pass *pass, struct pbt_error *err)
{
    n->source_rows = batch->source_starts[batch->sentences];
    n->target_rows = batch->target_starts[batch->sentences];
    struct pbti_nn_attention const common = {.width = n->shape.width,
                                             .heads = n->shape.heads,
                                             .sequences = batch->sentences,
                                             .query_starts = batch->target_starts,
                                             .key_starts = batch->target_starts};
    n->attention[0] = n->attention[1] = n->attention[2] = common;
    n->attention[0].query_starts = batch->source_starts;
    n->attention[0].key_starts = batch->source_starts;
    n->attention[1].causal = true;
    n->attention[2].key_starts = batch->source_starts;
    pbt_status const status = need_places(n, batch, err);
    if (status != PBT_OK) { return status; }
    struct cutter count = {NULL, 0};
    cut_all(n, &count, pass);
    if (count.used > n->arena_floats) {
        size_t const wanted = count.used + count.used / 8;
        free(n->arena);
        n->arena_floats = 0;
        n->arena = pbti_nn_floats(wanted);
        if (n->arena == NULL) {
            return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch of %u target subwords",
                                n->target_rows);
        }
        n->arena_floats = wanted;
    }
    struct cutter cutter = {n->arena, 0};
    cut_all(n, &cutter, pass);
    return PBT_OK;
}

pbt_status pbti_translate_network_run(struct pbti_translate_network *network,
                                      const struct pbti_translate_batch *batch,
                                      const struct pbti_translate_pass *pass,
                                      struct pbti_translate_loss *loss, struct pbt_error *err)
{
    pbt_status const status = prepare(network, batch, pass, err);
    if (status != PBT_OK) { return status; }
    pbti_translate_forward(network, batch, pass);
    *loss = pbti_translate_loss_of(network, batch, pass);
    if (pass != NULL) { pbti_translate_backward(network, batch); }
    return PBT_OK;
}
