/* SPDX-License-Identifier: Apache-2.0 */
/* translate_batches.c - the order of training pairs, and batches, see translate_batches.h. */
#include "translate/translate_batches.h"
#include "nn/nn_base.h"
#include "nn/nn_bytes.h"
#include "nn/nn_random.h"
#include "translate/translate_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { POOL = 2000, HEADER_SIZE = 16 };

/* Lanes of the stream of orders: of pairs, of the batches of a pool. */
enum { LANE_PAIRS, LANE_BATCHES };

static size_t bitmap_size(uint32_t count)
{
    return ((size_t)count + 7) / 8;
}

pbt_status pbti_batches_init(struct pbti_batches *batches, const struct pbti_corpus *corpus,
                             struct pbt_error *err)
{
    memset(batches, 0, sizeof *batches);
    batches->count = corpus->pair_count;
    batches->used = calloc(bitmap_size(batches->count), 1);
    batches->queue = calloc(batches->count, sizeof batches->queue[0]);
    if (batches->used != NULL && batches->queue != NULL) { return PBT_OK; }
    pbti_batches_deinit(batches);
    return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the order of pairs");
}

void pbti_batches_deinit(struct pbti_batches *b)
{
    uint32_t *const arrays[] = {b->queue, b->cuts,   b->turn,          b->source,
                                b->input, b->labels, b->source_starts, b->target_starts};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++) {
        free(arrays[i]);
    }
    free(b->used);
    memset(b, 0, sizeof *b);
}

void pbti_batches_reset(struct pbti_batches *batches)
{
    memset(batches->used, 0, bitmap_size(batches->count));
    batches->epoch = 0;
    batches->excess = 0;
    batches->queued = batches->at = 0;
    batches->cut_count = batches->next = 0;
}

static void shuffle_rest(struct pbti_batches *b)
{
    b->queued = b->at = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        if ((b->used[i / 8] >> (i % 8) & 1) == 0) { b->queue[b->queued++] = i; }
    }
    struct pbti_nn_stream const stream = {
        .seed = b->seed, .purpose = PBTI_NN_PURPOSE_ORDER, .lane = LANE_PAIRS, .step = b->epoch};
    pbti_nn_shuffle(&stream, b->queue, b->queued);
}

void pbti_batches_begin(struct pbti_batches *batches, uint64_t seed, uint32_t tokens)
{
    batches->seed = seed;
    batches->tokens = tokens;
    batches->pools = 0;
    batches->cut_count = batches->next = 0;
    shuffle_rest(batches);
}

/* -------- pools -------- */

/* A pair with the lengths that it is sorted by. */
struct pair {
    uint32_t target, source, number;
};

static int compare(const void *left, const void *right)
{
    const struct pair *const a = left, *const b = right;
    if (a->target != b->target) { return a->target < b->target ? -1 : 1; }
    if (a->source != b->source) { return a->source < b->source ? -1 : 1; }
    return (a->number > b->number) - (a->number < b->number);
}

/* Sort queue[first..last) by length. */
static pbt_status sort(struct pbti_batches *b, const struct pbti_corpus *corpus, uint32_t first,
                       uint32_t last, struct pbt_error *err)
{
    const struct pbti_corpus_part *const part = &corpus->parts[PBTI_CORPUS_TRAIN];
    struct pair *const pairs = calloc((size_t)last - first, sizeof pairs[0]);
    if (pairs == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a pool of pairs"); }
    for (uint32_t i = first; i < last; i++) {
        struct pair *const pair = &pairs[i - first];
        pair->number = b->queue[i];
        (void)pbti_corpus_ids(part, 0, corpus->pairs[pair->number], &pair->source);
        (void)pbti_corpus_ids(part, 1, corpus->pairs[pair->number], &pair->target);
    }
    qsort(pairs, (size_t)last - first, sizeof pairs[0], compare);
    for (uint32_t i = first; i < last; i++) {
        b->queue[i] = pairs[i - first].number;
    }
    free(pairs);
    return PBT_OK;
}

static uint32_t target_tokens(const struct pbti_corpus *corpus, uint32_t pair)
{
    uint32_t count;
    (void)pbti_corpus_ids(&corpus->parts[PBTI_CORPUS_TRAIN], 1, corpus->pairs[pair], &count);
    return count + 1;
}

static pbt_status cut(struct pbti_batches *b, const struct pbti_corpus *corpus, uint32_t last,
                      struct pbt_error *err)
{
    uint32_t const most = last - b->at + 1;
    if (most > b->cut_capacity) {
        free(b->cuts);
        free(b->turn);
        b->cut_capacity = 0;
        b->cuts = calloc(most, sizeof b->cuts[0]);
        b->turn = calloc(most, sizeof b->turn[0]);
        if (b->cuts == NULL || b->turn == NULL) {
            return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a pool of pairs");
        }
        b->cut_capacity = most;
    }
    b->cut_count = 0;
    b->next = 0;
    uint64_t sum = 0;
    for (uint32_t i = b->at; i < last; i++) {
        uint32_t const more = target_tokens(corpus, b->queue[i]);
        if (i == b->at || sum + more > b->tokens) {
            b->turn[b->cut_count] = b->cut_count;
            b->cuts[b->cut_count++] = i;
            sum = 0;
        }
        sum += more;
    }
    b->cuts[b->cut_count] = last;
    b->at = last;
    return PBT_OK;
}

static pbt_status next_pool(struct pbti_batches *b, const struct pbti_corpus *corpus,
                            struct pbt_error *err)
{
    if (b->at == b->queued) {
        memset(b->used, 0, bitmap_size(b->count));
        b->epoch++;
        shuffle_rest(b);
    }
    uint32_t const pool = POOL + b->tokens / 4;
    uint32_t const last = b->queued - b->at > pool ? b->at + pool : b->queued;
    pbt_status status = sort(b, corpus, b->at, last, err);
    if (status == PBT_OK) { status = cut(b, corpus, last, err); }
    if (status != PBT_OK) { return status; }
    struct pbti_nn_stream const stream = {.seed = b->seed,
                                          .purpose = PBTI_NN_PURPOSE_ORDER,
                                          .lane = LANE_BATCHES,
                                          .step = b->pools++};
    pbti_nn_shuffle(&stream, b->turn, b->cut_count);
    return PBT_OK;
}

/* -------- batches -------- */

static bool reserve(uint32_t **array, size_t count, size_t *capacity, uint32_t **other)
{
    if (count <= *capacity) { return true; }
    size_t const wanted = count + count / 4;
    free(*array);
    *array = calloc(wanted, sizeof **array);
    if (other != NULL) {
        free(*other);
        *other = calloc(wanted, sizeof **other);
    }
    bool const good = *array != NULL && (other == NULL || *other != NULL);
    *capacity = good ? wanted : 0;
    return good;
}

pbt_status pbti_batches_fill(struct pbti_batches *b, const struct pbti_corpus_part *part,
                             const uint32_t *lines, uint32_t count,
                             struct pbti_translate_batch *batch, struct pbt_error *err)
{
    size_t source_rows = 0, target_rows = 0;
    uint32_t size;
    for (uint32_t i = 0; i < count; i++) {
        (void)pbti_corpus_ids(part, 0, lines[i], &size);
        source_rows += size + 1;
        (void)pbti_corpus_ids(part, 1, lines[i], &size);
        target_rows += size + 1;
    }
    if (!reserve(&b->source, source_rows, &b->source_capacity, NULL) ||
        !reserve(&b->input, target_rows, &b->target_capacity, &b->labels) ||
        !reserve(&b->source_starts, (size_t)count + 1, &b->sentence_capacity, &b->target_starts)) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch");
    }
    size_t s = 0, t = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t *ids = pbti_corpus_ids(part, 0, lines[i], &size);
        b->source_starts[i] = (uint32_t)s;
        memcpy(b->source + s, ids, size * sizeof ids[0]);
        s += size;
        b->source[s++] = PBTI_SUBWORDS_END;
        ids = pbti_corpus_ids(part, 1, lines[i], &size);
        b->target_starts[i] = (uint32_t)t;
        b->input[t] = PBTI_SUBWORDS_BEGIN;
        memcpy(b->input + t + 1, ids, size * sizeof ids[0]);
        memcpy(b->labels + t, ids, size * sizeof ids[0]);
        t += size;
        b->labels[t++] = PBTI_SUBWORDS_END;
    }
    b->source_starts[count] = (uint32_t)s;
    b->target_starts[count] = (uint32_t)t;
    *batch = (struct pbti_translate_batch){count,    b->source, b->source_starts,
                                           b->input, b->labels, b->target_starts};
    return PBT_OK;
}

pbt_status pbti_batches_next(struct pbti_batches *b, const struct pbti_corpus *corpus,
                             uint64_t wanted, struct pbti_translate_batch *batch,
                             struct pbt_error *err)
{
    assert(wanted > 0);
    if (b->next == b->cut_count) {
        pbt_status const status = next_pool(b, corpus, err);
        if (status != PBT_OK) { return status; }
    }
    uint32_t const turn = b->turn[b->next++];
    uint32_t const first = b->cuts[turn], last = b->cuts[turn + 1];
    uint32_t count = 0;
    uint64_t sum = 0;
    uint32_t *const lines = calloc((size_t)last - first, sizeof lines[0]);
    if (lines == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch"); }
    for (uint32_t i = first; i < last && sum < wanted; i++) {
        uint32_t const pair = b->queue[i];
        sum += target_tokens(corpus, pair);
        b->used[pair / 8] |= (uint8_t)(1u << (pair % 8));
        lines[count++] = corpus->pairs[pair];
    }
    pbt_status const status =
        pbti_batches_fill(b, &corpus->parts[PBTI_CORPUS_TRAIN], lines, count, batch, err);
    free(lines);
    return status;
}

/* -------- checkpoints -------- */

size_t pbti_batches_size(const struct pbti_batches *batches)
{
    return HEADER_SIZE + bitmap_size(batches->count);
}

unsigned char *pbti_batches_write(const struct pbti_batches *batches, unsigned char *bytes)
{
    bytes = pbti_nn_put(bytes, batches->count, 4);
    bytes = pbti_nn_put(bytes, batches->epoch, 4);
    bytes = pbti_nn_put(bytes, batches->excess, 8);
    memcpy(bytes, batches->used, bitmap_size(batches->count));
    return bytes + bitmap_size(batches->count);
}

pbt_status pbti_batches_read(struct pbti_batches *batches, const unsigned char *bytes, size_t size,
                             struct pbt_error *err)
{
    if (size < HEADER_SIZE || size != HEADER_SIZE + bitmap_size((uint32_t)pbti_nn_get(bytes, 4))) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the data order in the checkpoint is damaged: %zu bytes", size);
    }
    pbti_batches_reset(batches);
    batches->excess = pbti_nn_get(bytes + 8, 8);
    if (pbti_nn_get(bytes, 4) != batches->count) { return PBT_OK; }
    batches->epoch = (uint32_t)pbti_nn_get(bytes + 4, 4);
    memcpy(batches->used, bytes + HEADER_SIZE, bitmap_size(batches->count));
    return PBT_OK;
}
