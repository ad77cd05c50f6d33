/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_search.c - translating, see translate_search.h.
 *
 * A group of sentences is searched together; each has `beam` slots, and a slot has the keys and
 * values of one hypothesis in every decoder layer. A hypothesis that goes on keeps its parent's
 * slot; a second child of the same parent gets a copy in a slot that has become free.
 *
 * Keys are kept transposed (depth by places), so that the products run along the places; values by
 * head (places by depth).
 */
#include "translate/translate_search.h"
#include "nn/nn_embedding.h"
#include "nn/nn_rows.h"
#include "nn/nn_small.h"
#include "translate/translate_subwords.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP_ROWS = 128, PARTS_MAX = 4 * PBTI_TRANSLATE_SUBLAYERS_MAX };

/* A linear layer with its weights transposed and its columns padded. */
struct linear {
    float *weight;     /* (inputs, wide) */
    const float *bias; /* (outputs) */
    uint32_t inputs, outputs;
    size_t wide;
};

/* Keys and values that a group of queries attends to. */
struct cache {
    float *keys;   /* (D, places) */
    float *values; /* (heads, places, depth padded) */
    size_t places; /* padded */
};

/* One group of sentences. */
struct group {
    uint32_t count;
    uint32_t *lengths;       /* shape (count): source rows, the end included */
    uint32_t *starts;        /* shape (count + 1) */
    struct pbti_beam *beams; /* shape (count) */
    struct cache *sources;   /* shape (count, layers) */
    struct cache *slots;     /* shape (count, beam, layers) */
    uint32_t *slot_of;       /* shape (count, beam): slot of each hypothesis alive */
    float *memory;           /* of all caches */
};

struct search {
    struct pbti_translate_network *network;
    const struct pbti_search_options *options;
    struct linear linears[PARTS_MAX]; /* two or three for each sublayer, in order */
    struct linear output;
    uint32_t linear_of[PBTI_TRANSLATE_SUBLAYERS_MAX];
    float *weights;
    size_t depth, deep; /* of a head; padded */
    /* rows that are being computed, shape (rows, ...) */
    float *x, *normed, *inner, *attended, *y, *logits, *row;
    struct pbti_nn_row_statistics *statistics;
    size_t rows_capacity;
    uint32_t *row_ids, *row_places, *row_sentence, *row_slot;
    float *scratch;
    size_t scratch_floats;
};

static pbt_status no_memory(struct pbt_error *err)
{
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory to translate");
}

static const float *part(const struct search *s, uint32_t index)
{
    return pbti_translate_part(s->network, index);
}

/* -------- linear layers -------- */

static size_t linear_floats(uint32_t inputs, uint32_t outputs)
{
    return inputs * pbti_nn_small_padded(outputs);
}

static float *make_linear(const struct search *s, struct linear *linear, float *at, uint32_t weight,
                          uint32_t bias)
{
    const struct pbti_nn_part *const shape = &s->network->block.parts[weight];
    *linear = (struct linear){.weight = at,
                              .bias = part(s, bias),
                              .inputs = shape->columns,
                              .outputs = shape->rows,
                              .wide = pbti_nn_small_padded(shape->rows)};
    const float *const w = part(s, weight);
    for (size_t i = 0; i < linear->inputs; i++) {
        for (size_t o = 0; o < linear->outputs; o++) {
            at[i * linear->wide + o] = w[o * linear->inputs + i];
        }
    }
    return at + linear->inputs * linear->wide;
}

/* y (rows, outputs, without gaps) = x W^T + b; `y` has room for padding behind its last row. */
static void apply(struct search *s, const struct linear *linear, float *y, const float *x,
                  size_t rows)
{
    struct pbti_nn_small_left const left = {x, linear->inputs, 1};
    if (linear->wide == linear->outputs) {
        pbti_nn_small_product(y, linear->wide, left, linear->weight, linear->wide, rows,
                              linear->wide, linear->inputs);
    } else {
        for (size_t r = 0; r < rows; r++) {
            struct pbti_nn_small_left const one = {x + r * linear->inputs, linear->inputs, 1};
            pbti_nn_small_product(s->row, linear->wide, one, linear->weight, linear->wide, 1,
                                  linear->wide, linear->inputs);
            memcpy(y + r * linear->outputs, s->row, linear->outputs * sizeof y[0]);
        }
    }
    pbti_nn_add_to_rows(y, linear->bias, rows, linear->outputs);
}

static pbt_status make_weights(struct search *s, struct pbt_error *err)
{
    const struct pbti_translate_network *const n = s->network;
    size_t floats = linear_floats(n->shape.width, n->shape.vocabulary);
    for (uint32_t p = 0; p < n->block.part_count; p++) {
        const struct pbti_nn_part *const shape = &n->block.parts[p];
        if (shape->columns > 1) { floats += linear_floats(shape->columns, shape->rows); }
    }
    s->weights = pbti_nn_floats(floats);
    if (s->weights == NULL) { return no_memory(err); }
    float *at = make_linear(s, &s->output, s->weights, n->embedding, n->output_bias);
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->sublayer_count; i++) {
        uint32_t const first = n->sublayers[i].part;
        uint32_t const layers = n->sublayers[i].kind == PBTI_TRANSLATE_CROSS ? 3 : 2;
        s->linear_of[i] = count;
        for (uint32_t l = 0; l < layers; l++) {
            at = make_linear(s, &s->linears[count++], at, first + 2 * l, first + 2 * l + 1);
        }
    }
    return PBT_OK;
}

/* -------- rows -------- */

static void drop_rows(struct search *s)
{
    float *const floats[] = {s->x, s->normed, s->inner, s->attended, s->y, s->logits, s->row};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        free(floats[i]);
    }
    free(s->statistics);
    free(s->row_ids);
    free(s->row_places);
    free(s->row_sentence);
    free(s->row_slot);
    free(s->scratch);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static pbt_status make_rows(struct search *s, size_t rows, size_t longest, struct pbt_error *err)
{
    const struct pbti_translate_shape *const shape = &s->network->shape;
    size_t const width = shape->width;
    size_t const wide = pbti_nn_small_padded(most(most(shape->ffn, 3 * width), shape->vocabulary));
    size_t const places = pbti_nn_small_padded(longest);
    size_t const inner = most(shape->ffn, 3 * width);
    s->rows_capacity = rows;
    s->x = pbti_nn_floats(rows * width);
    s->normed = pbti_nn_floats(rows * width);
    s->inner = pbti_nn_floats(rows * inner);
    s->attended = pbti_nn_floats(rows * width);
    s->y = pbti_nn_floats(rows * width);
    s->logits = pbti_nn_floats(GROUP_ROWS * (size_t)shape->vocabulary);
    s->row = pbti_nn_floats(wide + places + s->deep);
    s->statistics = calloc(rows, sizeof s->statistics[0]);
    s->row_ids = calloc(rows, sizeof s->row_ids[0]);
    s->row_places = calloc(rows, sizeof s->row_places[0]);
    s->row_sentence = calloc(rows, sizeof s->row_sentence[0]);
    s->row_slot = calloc(rows, sizeof s->row_slot[0]);
    /* of attention in the encoder: its weights, and what it works in */
    s->scratch_floats = rows * shape->heads * places + 3 * places * s->deep + 2 * places * places;
    s->scratch = pbti_nn_floats(s->scratch_floats);
    bool const good = s->x != NULL && s->normed != NULL && s->inner != NULL &&
                      s->attended != NULL && s->y != NULL && s->logits != NULL && s->row != NULL &&
                      s->statistics != NULL && s->row_ids != NULL && s->row_places != NULL &&
                      s->row_sentence != NULL && s->row_slot != NULL && s->scratch != NULL;
    return good ? PBT_OK : no_memory(err);
}

static void norm(struct search *s, float *y, const float *x, uint32_t gain, size_t rows)
{
    pbti_nn_layer_norm_forward(y, s->statistics, x, part(s, gain), part(s, gain + 1),
                               PBTI_TRANSLATE_NORM_EPSILON, (uint32_t)rows,
                               s->network->shape.width);
}

static void embed(struct search *s, size_t rows)
{
    const struct pbti_translate_network *const n = s->network;
    pbti_nn_embedding_forward(s->x, part(s, n->embedding), n->positions, s->row_ids, s->row_places,
                              sqrtf((float)n->shape.width), (uint32_t)rows, n->shape.width);
}

/* What a sublayer is given, from the rows `x`. */
static const float *enter(struct search *s, const struct pbti_translate_sublayer *sublayer,
                          size_t rows)
{
    if (s->network->shape.post_norm) { return s->x; }
    norm(s, s->normed, s->x, sublayer->norm, rows);
    return s->normed;
}

/* Add what a sublayer gives, `y`, to the rows. */
static void leave(struct search *s, const struct pbti_translate_sublayer *sublayer, size_t rows)
{
    size_t const count = rows * s->network->shape.width;
    for (size_t i = 0; i < count; i++) {
        s->x[i] += s->y[i];
    }
    if (s->network->shape.post_norm) { norm(s, s->x, s->x, sublayer->norm, rows); }
}

static void feed(struct search *s, uint32_t index, size_t rows)
{
    const struct linear *const linears = &s->linears[s->linear_of[index]];
    const struct pbti_translate_sublayer *const sublayer = &s->network->sublayers[index];
    apply(s, &linears[0], s->inner, enter(s, sublayer, rows), rows);
    size_t const count = rows * linears[0].outputs;
    for (size_t i = 0; i < count; i++) {
        s->inner[i] = s->inner[i] > 0.0f ? s->inner[i] : 0.0f;
    }
    apply(s, &linears[1], s->y, s->inner, rows);
    leave(s, sublayer, rows);
}

/* The last norm of a side. */
static void end_side(struct search *s, uint32_t gain, size_t rows)
{
    if (!s->network->shape.post_norm) { norm(s, s->x, s->x, gain, rows); }
}

/* -------- caches -------- */

static size_t cache_floats(const struct search *s, size_t places)
{
    return places * (s->network->shape.width + s->network->shape.heads * s->deep);
}

static float *make_cache(const struct search *s, struct cache *cache, float *at, size_t places)
{
    cache->keys = at;
    cache->values = at + places * s->network->shape.width;
    cache->places = places;
    return at + cache_floats(s, places);
}

/* Put one row of keys and values at a place. */
static void remember(const struct search *s, struct cache *cache, const float *keys,
                     const float *values, size_t place)
{
    uint32_t const width = s->network->shape.width, heads = s->network->shape.heads;
    for (size_t c = 0; c < width; c++) {
        cache->keys[c * cache->places + place] = keys[c];
    }
    for (size_t h = 0; h < heads; h++) {
        memcpy(cache->values + (h * cache->places + place) * s->deep, values + h * s->depth,
               s->depth * sizeof values[0]);
    }
}

/* Copy the first `count` places. */
static void copy_cache(const struct search *s, struct cache *to, const struct cache *from,
                       size_t count)
{
    uint32_t const width = s->network->shape.width, heads = s->network->shape.heads;
    for (size_t c = 0; c < width; c++) {
        memcpy(to->keys + c * to->places, from->keys + c * from->places, count * sizeof(float));
    }
    for (size_t h = 0; h < heads; h++) {
        memcpy(to->values + h * to->places * s->deep, from->values + h * from->places * s->deep,
               count * s->deep * sizeof(float));
    }
}

/* One query over the first `count` places of a cache. */
static void attend(struct search *s, float *o, const float *q, const struct cache *cache,
                   size_t count)
{
    size_t const columns = pbti_nn_small_padded(count);
    float *const scores = s->row, *const out = s->row + cache->places;
    float const scale = (float)(1.0 / sqrt((double)s->depth));
    for (size_t h = 0; h < s->network->shape.heads; h++) {
        struct pbti_nn_small_left const query = {q + h * s->depth, 0, 1};
        pbti_nn_small_product(scores, columns, query, cache->keys + h * s->depth * cache->places,
                              cache->places, 1, columns, s->depth);
        pbti_nn_attention_softmax(scores, count, columns, scale);
        struct pbti_nn_small_left const weights = {scores, 0, 1};
        pbti_nn_small_product(out, s->deep, weights, cache->values + h * cache->places * s->deep,
                              s->deep, 1, s->deep, count);
        memcpy(o + h * s->depth, out, s->depth * sizeof o[0]);
    }
}

/* -------- encoder -------- */

static void encoder_attention(struct search *s, const struct group *g, uint32_t index, size_t rows)
{
    const struct pbti_translate_shape *const shape = &s->network->shape;
    const struct linear *const linears = &s->linears[s->linear_of[index]];
    const struct pbti_translate_sublayer *const sublayer = &s->network->sublayers[index];
    size_t const width = shape->width;
    apply(s, &linears[0], s->inner, enter(s, sublayer, rows), rows);
    struct pbti_nn_attention const attention = {.width = shape->width,
                                                .heads = shape->heads,
                                                .sequences = g->count,
                                                .query_starts = g->starts,
                                                .key_starts = g->starts};
    struct pbti_nn_attended const in = {s->inner,  s->inner + width, s->inner + 2 * width,
                                        3 * width, 3 * width,        3 * width};
    size_t const weights = pbti_nn_attention_weights(&attention);
    assert(weights + pbti_nn_attention_scratch(&attention) <= s->scratch_floats);
    pbti_nn_attention_forward(&attention, s->attended, s->scratch, &in, NULL, s->scratch + weights);
    apply(s, &linears[1], s->y, s->attended, rows);
    leave(s, sublayer, rows);
}

/* Leave the keys and values of the sources in the group's caches. */
static void encode(struct search *s, const struct group *g,
                   const struct pbti_search_source *const *sources)
{
    const struct pbti_translate_network *const n = s->network;
    size_t const rows = g->starts[g->count];
    size_t r = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        for (uint32_t p = 0; p < g->lengths[i]; p++, r++) {
            s->row_ids[r] = p + 1 < g->lengths[i] ? sources[i]->ids[p] : PBTI_SUBWORDS_END;
            s->row_places[r] = p;
        }
    }
    embed(s, rows);
    for (uint32_t i = 0; i < n->encoder_count; i++) {
        if (n->sublayers[i].kind == PBTI_TRANSLATE_SELF) {
            encoder_attention(s, g, i, rows);
        } else {
            feed(s, i, rows);
        }
    }
    end_side(s, n->encoder_norm, rows);
    uint32_t layer = 0;
    size_t const width = n->shape.width;
    for (uint32_t i = n->encoder_count; i < n->sublayer_count; i++) {
        if (n->sublayers[i].kind != PBTI_TRANSLATE_CROSS) { continue; }
        apply(s, &s->linears[s->linear_of[i] + 1], s->inner, s->x, rows);
        for (uint32_t k = 0; k < g->count; k++) {
            for (size_t p = 0; p < g->lengths[k]; p++) {
                const float *const row = s->inner + (g->starts[k] + p) * 2 * width;
                remember(s, &g->sources[k * n->shape.layers + layer], row, row + width, p);
            }
        }
        layer++;
    }
}

/* -------- decoder -------- */

static struct cache *slot(const struct search *s, const struct group *g, uint32_t sentence,
                          uint32_t number, uint32_t layer)
{
    size_t const at = (size_t)sentence * s->options->beam + number;
    return &g->slots[at * s->network->shape.layers + layer];
}

static void decoder_attention(struct search *s, const struct group *g, uint32_t index,
                              uint32_t layer, size_t rows)
{
    const struct linear *const linears = &s->linears[s->linear_of[index]];
    const struct pbti_translate_sublayer *const sublayer = &s->network->sublayers[index];
    bool const cross = sublayer->kind == PBTI_TRANSLATE_CROSS;
    size_t const width = s->network->shape.width;
    size_t const stride = cross ? width : 3 * width;
    apply(s, &linears[0], s->inner, enter(s, sublayer, rows), rows);
    for (size_t r = 0; r < rows; r++) {
        const float *const row = s->inner + r * stride;
        uint32_t const sentence = s->row_sentence[r];
        struct cache *cache = &g->sources[sentence * s->network->shape.layers + layer];
        size_t count = g->lengths[sentence];
        if (!cross) {
            cache = slot(s, g, sentence, s->row_slot[r], layer);
            count = (size_t)s->row_places[r] + 1;
            remember(s, cache, row + width, row + 2 * width, s->row_places[r]);
        }
        attend(s, s->attended + r * width, row, cache, count);
    }
    apply(s, &linears[cross ? 2 : 1], s->y, s->attended, rows);
    leave(s, sublayer, rows);
}

/* The logits of one row for each hypothesis alive. */
static void decode(struct search *s, const struct group *g, size_t rows)
{
    const struct pbti_translate_network *const n = s->network;
    uint32_t layer = 0;
    embed(s, rows);
    for (uint32_t i = n->encoder_count; i < n->sublayer_count; i++) {
        if (n->sublayers[i].kind == PBTI_TRANSLATE_FEED) {
            feed(s, i, rows);
            layer++;
        } else {
            decoder_attention(s, g, i, layer, rows);
        }
    }
    end_side(s, n->decoder_norm, rows);
    apply(s, &s->output, s->logits, s->x, rows);
}

/* Give each hypothesis alive a slot: its parent's if it is the first child, else a free one. */
static void move_slots(struct search *s, const struct group *g, uint32_t sentence)
{
    const struct pbti_beam *const beam = &g->beams[sentence];
    uint32_t *const slots = g->slot_of + (size_t)sentence * s->options->beam;
    uint32_t now[PBTI_BEAM_MAX];
    bool taken[PBTI_BEAM_MAX] = {false};
    bool copied[PBTI_BEAM_MAX];
    for (uint32_t i = 0; i < beam->alive_count; i++) {
        now[i] = slots[beam->alive[i].parent];
        copied[i] = taken[now[i]];
        taken[now[i]] = true;
    }
    uint32_t free_slot = 0;
    for (uint32_t i = 0; i < beam->alive_count; i++) {
        if (!copied[i]) { continue; }
        while (taken[free_slot]) {
            free_slot++;
        }
        taken[free_slot] = true;
        for (uint32_t l = 0; l < s->network->shape.layers; l++) {
            copy_cache(s, slot(s, g, sentence, free_slot, l), slot(s, g, sentence, now[i], l),
                       beam->alive[i].count);
        }
        now[i] = free_slot;
    }
    memcpy(slots, now, beam->alive_count * sizeof slots[0]);
}

/* Rounds until all sentences of the group are done. */
static void search_group(struct search *s, struct group *g)
{
    uint32_t const vocabulary = s->network->shape.vocabulary;
    for (;;) {
        size_t rows = 0;
        for (uint32_t k = 0; k < g->count; k++) {
            const struct pbti_beam *const beam = &g->beams[k];
            for (uint32_t i = 0; i < beam->alive_count && !beam->done; i++, rows++) {
                const struct pbti_beam_hypothesis *const h = &beam->alive[i];
                s->row_ids[rows] = h->count == 0 ? PBTI_SUBWORDS_BEGIN : h->ids[h->count - 1];
                s->row_places[rows] = h->count;
                s->row_sentence[rows] = k;
                s->row_slot[rows] = g->slot_of[(size_t)k * s->options->beam + i];
            }
        }
        if (rows == 0) { return; }
        decode(s, g, rows);
        rows = 0;
        for (uint32_t k = 0; k < g->count; k++) {
            struct pbti_beam *const beam = &g->beams[k];
            if (beam->done) { continue; }
            size_t const alive = beam->alive_count;
            pbti_beam_step(beam, s->logits + rows * vocabulary, vocabulary, vocabulary);
            rows += alive;
            if (!beam->done && s->options->beam > 1) { move_slots(s, g, k); }
        }
    }
}

/* -------- groups -------- */

static void drop_group(struct group *g)
{
    for (uint32_t k = 0; g->beams != NULL && k < g->count; k++) {
        pbti_beam_deinit(&g->beams[k]);
    }
    free(g->lengths);
    free(g->starts);
    free(g->beams);
    free(g->sources);
    free(g->slots);
    free(g->slot_of);
    free(g->memory);
    memset(g, 0, sizeof *g);
}

/* The most tokens that the answer to a source may have, its end included. */
static uint32_t limit_of(const struct search *s, uint32_t length)
{
    uint32_t const longest = length + 20;
    return (longest < s->options->max_length ? longest : s->options->max_length) + 1;
}

static pbt_status make_caches(const struct search *s, struct group *g, struct pbt_error *err)
{
    uint32_t const layers = s->network->shape.layers, beam = s->options->beam;
    size_t floats = 0;
    for (uint32_t k = 0; k < g->count; k++) {
        floats += layers * cache_floats(s, pbti_nn_small_padded(g->lengths[k]));
        floats += (size_t)layers * beam * cache_floats(s, pbti_nn_small_padded(g->beams[k].limit));
    }
    g->memory = pbti_nn_floats(floats);
    if (g->memory == NULL) { return no_memory(err); }
    float *at = g->memory;
    for (uint32_t k = 0; k < g->count; k++) {
        for (uint32_t l = 0; l < layers; l++) {
            at =
                make_cache(s, &g->sources[k * layers + l], at, pbti_nn_small_padded(g->lengths[k]));
        }
        for (uint32_t i = 0; i < beam * layers; i++) {
            at = make_cache(s, &g->slots[(size_t)k * beam * layers + i], at,
                            pbti_nn_small_padded(g->beams[k].limit));
        }
    }
    return PBT_OK;
}

static pbt_status make_group(const struct search *s, struct group *g,
                             const struct pbti_search_source *const *sources, uint32_t count,
                             struct pbt_error *err)
{
    uint32_t const layers = s->network->shape.layers, beam = s->options->beam;
    *g = (struct group){.count = count};
    g->lengths = calloc(count, sizeof g->lengths[0]);
    g->starts = calloc((size_t)count + 1, sizeof g->starts[0]);
    g->beams = calloc(count, sizeof g->beams[0]);
    g->sources = calloc((size_t)count * layers, sizeof g->sources[0]);
    g->slots = calloc((size_t)count * layers * beam, sizeof g->slots[0]);
    g->slot_of = calloc((size_t)count * beam, sizeof g->slot_of[0]);
    if (g->lengths == NULL || g->starts == NULL || g->beams == NULL || g->sources == NULL ||
        g->slots == NULL || g->slot_of == NULL) {
        return no_memory(err);
    }
    pbt_status status = PBT_OK;
    for (uint32_t k = 0; k < count && status == PBT_OK; k++) {
        g->lengths[k] = sources[k]->count + 1;
        g->starts[k + 1] = g->starts[k] + g->lengths[k];
        status = pbti_beam_init(&g->beams[k], beam, limit_of(s, sources[k]->count),
                                s->options->alpha, PBTI_SUBWORDS_END, err);
    }
    return status == PBT_OK ? make_caches(s, g, err) : status;
}

/* Copy the best of a sentence. */
static pbt_status answer(const struct search *s, const struct pbti_beam *beam,
                         struct pbti_search_answer *answers, struct pbt_error *err)
{
    for (uint32_t i = 0; i < s->options->nbest && i < beam->finished_count; i++) {
        const struct pbti_beam_hypothesis *const best = &beam->finished[i];
        uint32_t *const ids = calloc((size_t)best->count + 1, sizeof ids[0]);
        if (ids == NULL) { return no_memory(err); }
        memcpy(ids, best->ids, best->count * sizeof ids[0]);
        answers[i] = (struct pbti_search_answer){ids, best->count, best->score, best->log_p};
    }
    return PBT_OK;
}

/* -------- all sentences -------- */

/* A sentence and where it stood. */
struct place {
    const struct pbti_search_source *source;
    uint32_t at;
};

static int compare(const void *left, const void *right)
{
    const struct place *const a = left, *const b = right;
    if (a->source->count != b->source->count) {
        return a->source->count < b->source->count ? -1 : 1;
    }
    return (a->at > b->at) - (a->at < b->at);
}

static pbt_status search_some(struct search *s, const struct place *places, uint32_t count,
                              struct pbti_search_answer *answers, struct pbt_error *err)
{
    const struct pbti_search_source *sources[GROUP_ROWS];
    struct group g;
    for (uint32_t k = 0; k < count; k++) {
        sources[k] = places[k].source;
    }
    pbt_status status = make_group(s, &g, sources, count, err);
    if (status == PBT_OK) {
        encode(s, &g, sources);
        search_group(s, &g);
    }
    for (uint32_t k = 0; k < count && status == PBT_OK; k++) {
        status = answer(s, &g.beams[k], answers + (size_t)places[k].at * s->options->nbest, err);
    }
    drop_group(&g);
    return status;
}

/* Sentences at places[0..count) that go together: at least one, rows within bounds. */
static uint32_t group_size(const struct search *s, const struct place *places, uint32_t count)
{
    uint32_t const bound = s->options->beam >= GROUP_ROWS ? 1 : GROUP_ROWS / s->options->beam;
    size_t rows = 0;
    uint32_t size = 0;
    while (size < count && size < bound) {
        rows += places[size].source->count + 1;
        if (size > 0 && rows > s->rows_capacity) { break; }
        size++;
    }
    return size;
}

static pbt_status search_all(struct search *s, struct place *places, uint32_t count,
                             struct pbti_search_answer *answers, struct pbt_error *err)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t const length = places[i].source->count + 1;
        longest = length > longest ? length : longest;
    }
    uint32_t const limit = limit_of(s, longest);
    uint32_t const wide = longest > limit ? longest : limit;
    qsort(places, count, sizeof places[0], compare);
    pbt_status status = pbti_translate_need_positions(s->network, wide, err);
    if (status == PBT_OK) { status = make_rows(s, 2048 + (size_t)longest, wide, err); }
    if (status == PBT_OK) { status = make_weights(s, err); }
    for (uint32_t at = 0; at < count && status == PBT_OK;) {
        uint32_t const size = group_size(s, places + at, count - at);
        status = search_some(s, places + at, size, answers, err);
        at += size;
    }
    return status;
}

pbt_status pbti_search(struct pbti_translate_network *network,
                       const struct pbti_search_options *options,
                       const struct pbti_search_source *sources, uint32_t count,
                       struct pbti_search_answer *answers, struct pbt_error *err)
{
    assert(options->beam >= 1 && options->beam <= PBTI_BEAM_MAX);
    assert(options->nbest >= 1 && options->nbest <= options->beam);
    size_t const answer_count = (size_t)count * options->nbest;
    memset(answers, 0, answer_count * sizeof answers[0]);
    if (count == 0) { return PBT_OK; }
    struct search s = {.network = network, .options = options};
    s.depth = network->shape.width / network->shape.heads;
    s.deep = pbti_nn_small_padded(s.depth);
    struct place *const places = calloc(count, sizeof places[0]);
    for (uint32_t i = 0; places != NULL && i < count; i++) {
        places[i] = (struct place){&sources[i], i};
    }
    pbt_status const status =
        places == NULL ? no_memory(err) : search_all(&s, places, count, answers, err);
    free(places);
    free(s.weights);
    drop_rows(&s);
    for (size_t i = 0; i < answer_count && status != PBT_OK; i++) {
        free(answers[i].ids);
        answers[i].ids = NULL;
    }
    return status;
}
