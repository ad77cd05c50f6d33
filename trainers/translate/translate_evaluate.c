/* SPDX-License-Identifier: Apache-2.0 */
/* translate_evaluate.c - what a network is worth, see translate_evaluate.h. */
#include "translate/translate_evaluate.h"
#include "nn/nn_base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS = 1500 }; /* target rows of a batch, about, whatever the batch being tuned */

/* Sums of the sentences of one shard, or of all. */
struct sums {
    struct pbti_bleu bleu;
    struct pbti_chrf chrf;
    double loss;
    uint64_t rows;
};

struct evaluator {
    struct pbti_translate_network *network;
    const struct pbti_corpus *corpus;
    const struct pbti_corpus_part *part;
    const struct pbti_translate_judged *judged;
    uint32_t *lines; /* shape (count + shown): those scored, then those shown */
    uint32_t count;
    struct sums *sums; /* shape (1 + shards): all, then each shard */
};

static struct sums *shard_of(const struct evaluator *e, uint32_t i)
{
    return &e->sums[1 + i % e->judged->shards];
}

/* -------- loss -------- */

static pbt_status add_loss(struct evaluator *e, struct pbti_batches *batches, const uint32_t *lines,
                           uint32_t count, struct sums *to, struct pbt_error *err)
{
    struct pbti_translate_batch batch;
    struct pbti_translate_loss loss = {0};
    pbt_status status = pbti_batches_fill(batches, e->part, lines, count, &batch, err);
    if (status == PBT_OK) {
        status = pbti_translate_network_run(e->network, &batch, NULL, &loss, err);
    }
    to->loss += loss.plain;
    to->rows += loss.rows;
    return status;
}

static uint32_t rows_of(const struct evaluator *e, uint32_t line)
{
    uint32_t rows;
    (void)pbti_corpus_ids(e->part, 1, line, &rows);
    return rows + 1;
}

static pbt_status measure_loss(struct evaluator *e, struct pbti_batches *batches,
                               struct pbt_error *err)
{
    pbt_status status = PBT_OK;
    for (uint32_t first = 0; first < e->count && status == PBT_OK;) {
        uint32_t last = first;
        uint32_t rows = 0;
        while (last < e->count &&
               (last == first || rows + rows_of(e, e->lines[last]) <= BATCH_ROWS)) {
            rows += rows_of(e, e->lines[last++]);
        }
        status = add_loss(e, batches, e->lines + first, last - first, &e->sums[0], err);
        first = last;
    }
    bool const by_shard = e->judged->shards > 0 && e->judged->score == PBTI_TRANSLATE_CROSS_ENTROPY;
    for (uint32_t i = 0; i < e->count && by_shard && status == PBT_OK; i++) {
        status = add_loss(e, batches, &e->lines[i], 1, shard_of(e, i), err);
    }
    return status;
}

/* -------- translations -------- */

static struct pbti_bleu_text line_of(const struct evaluator *e, size_t side, uint32_t line)
{
    struct pbti_bleu_text text;
    text.text = pbti_line(&e->part->text[side], line, &text.size);
    return text;
}

static pbt_status add_scores(struct sums *sums, struct pbti_bleu_text hypothesis,
                             struct pbti_bleu_text reference, struct pbt_error *err)
{
    pbt_status const status = pbti_bleu_add(&sums->bleu, hypothesis, &reference, 1, err);
    return status == PBT_OK ? pbti_chrf_add(&sums->chrf, hypothesis, reference, err) : status;
}

/* Take the answer to lines[i] over; `text` is kept or freed. */
static pbt_status take(struct evaluator *e, uint32_t i, char *text, size_t size,
                       struct pbti_translate_evaluation *result, struct pbt_error *err)
{
    if (text == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a translation"); }
    if (i >= e->count) {
        result->now[i - e->count] = text;
        return PBT_OK;
    }
    struct pbti_bleu_text const hypothesis = {text, size};
    struct pbti_bleu_text const reference = line_of(e, 1, e->lines[i]);
    pbt_status status = add_scores(&e->sums[0], hypothesis, reference, err);
    if (status == PBT_OK && e->judged->shards > 0) {
        status = add_scores(shard_of(e, i), hypothesis, reference, err);
    }
    free(text);
    return status;
}

static pbt_status translate(struct evaluator *e, struct pbti_translate_evaluation *result,
                            struct pbt_error *err)
{
    uint32_t const count = e->count + PBTI_TRANSLATE_SHOWN;
    struct pbti_search_options options = e->judged->search;
    options.nbest = 1;
    struct pbti_search_source *const sources = calloc(count, sizeof sources[0]);
    struct pbti_search_answer *const answers = calloc(count, sizeof answers[0]);
    pbt_status status = PBT_OK;
    if (sources == NULL || answers == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for translations");
    }
    for (uint32_t i = 0; i < count && status == PBT_OK; i++) {
        sources[i].ids = pbti_corpus_ids(e->part, 0, e->lines[i], &sources[i].count);
    }
    if (status == PBT_OK) {
        status = pbti_search(e->network, &options, sources, count, answers, err);
    }
    for (uint32_t i = 0; i < count && status == PBT_OK; i++) {
        size_t size = 0;
        char *const text =
            pbti_subwords_decode(&e->corpus->subwords, answers[i].ids, answers[i].count, &size);
        status = take(e, i, text, size, result, err);
    }
    for (uint32_t i = 0; answers != NULL && i < count; i++) {
        free(answers[i].ids);
    }
    free(sources);
    free(answers);
    return status;
}

/* -------- all of it -------- */

static double score_of(const struct sums *sums, enum pbti_translate_score score)
{
    switch (score) {
    case PBTI_TRANSLATE_BLEU: return pbti_bleu_score(&sums->bleu, PBTI_BLEU_EXP, 0.0, false, NULL);
    case PBTI_TRANSLATE_CHRF: return pbti_chrf_score(&sums->chrf);
    case PBTI_TRANSLATE_CROSS_ENTROPY: return sums->loss / (double)sums->rows;
    }
    return NAN;
}

static void choose_lines(struct evaluator *e, struct pbti_translate_evaluation *result)
{
    uint32_t const all = e->part->text[0].count;
    for (uint32_t i = 0; i < e->count; i++) {
        e->lines[i] = (uint32_t)((uint64_t)i * all / e->count);
    }
    for (uint32_t i = 0; i < PBTI_TRANSLATE_SHOWN; i++) {
        result->shown[i] = (uint32_t)((uint64_t)all * (2 * i + 1) / (2 * PBTI_TRANSLATE_SHOWN));
        e->lines[e->count + i] = result->shown[i];
    }
}

pbt_status pbti_translate_evaluate(struct pbti_translate_network *network,
                                   const struct pbti_corpus *corpus, struct pbti_batches *batches,
                                   const struct pbti_translate_judged *judged,
                                   struct pbti_translate_evaluation *result, struct pbt_error *err)
{
    struct evaluator e = {network, corpus, &corpus->parts[judged->split], judged, NULL, 0, NULL};
    uint32_t const all = e.part->text[0].count;
    memset(result, 0, sizeof *result);
    e.count = judged->sentences == 0 || judged->sentences > all ? all : judged->sentences;
    e.lines = calloc((size_t)e.count + PBTI_TRANSLATE_SHOWN, sizeof e.lines[0]);
    e.sums = calloc(1 + (size_t)judged->shards, sizeof e.sums[0]);
    pbt_status status = e.lines == NULL || e.sums == NULL
                            ? pbti_nn_fail(err, PBT_ENOMEM, "no memory for an evaluation")
                            : PBT_OK;
    if (status == PBT_OK) {
        choose_lines(&e, result);
        status = measure_loss(&e, batches, err);
    }
    if (status == PBT_OK) { status = translate(&e, result, err); }
    if (status == PBT_OK) {
        result->bleu = score_of(&e.sums[0], PBTI_TRANSLATE_BLEU);
        result->chrf = score_of(&e.sums[0], PBTI_TRANSLATE_CHRF);
        result->loss = score_of(&e.sums[0], PBTI_TRANSLATE_CROSS_ENTROPY);
        for (uint32_t i = 0; i < judged->shards; i++) {
            result->shards[i] = score_of(&e.sums[1 + i], judged->score);
        }
    }
    free(e.lines);
    free(e.sums);
    if (status != PBT_OK) { pbti_translate_evaluation_deinit(result); }
    return status;
}

void pbti_translate_evaluation_deinit(struct pbti_translate_evaluation *result)
{
    for (size_t i = 0; i < PBTI_TRANSLATE_SHOWN; i++) {
        free(result->now[i]);
    }
    memset(result, 0, sizeof *result);
}
