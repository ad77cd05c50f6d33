/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate.c - `builtin: translate`, see docs/translate.md.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the batch in the segment;
 *    what outlives a segment (weights, Adam's slots, the count of updates, pairs used, the excess
 *    of tokens, the subwords) is in the checkpoint.
 * 2. Over a network's life the target tokens trained with are its steps, but for what the last pair
 *    had too many.
 * 3. Evaluation draws nothing and changes no weights.
 */
#include "translate/translate.h"
#include "nn/nn_bytes.h"
#include "nn/nn_clip.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

PBTI_SETTING_WORDS(schedule_word, "constant", "rsqrt")
PBTI_SETTING_WORDS(norm_word, "pre", "post")
PBTI_SETTING_WORDS(score_word, "bleu", "chrf", "cross_entropy")
PBTI_SETTING_WORDS(split_word, "dev", "test")

#define SETTINGS struct pbti_translate_settings
static const struct pbti_setting table[] = {PBTI_TRANSLATE_SETTINGS(PBTI_SETTING_ENTRY){0}};

/* -------- data and network -------- */

static void drop_order(struct pbti_translate *t)
{
    free(t->order);
    t->order = NULL;
    t->order_size = 0;
}

static void drop_corpus(struct pbti_translate *t)
{
    if (t->has_corpus) { pbti_batches_deinit(&t->batches); }
    t->has_corpus = false;
    pbti_corpus_deinit(&t->corpus);
}

static void drop_data(void *state)
{
    struct pbti_translate *const t = state;
    pbti_translate_evaluation_deinit(&t->evaluation);
    drop_corpus(t);
    drop_order(t);
    t->restored = false;
}

/* Read the text that the settings name; with the subwords of a checkpoint, else learnt ones. */
static pbt_status read_corpus(struct pbti_translate *t, const SETTINGS *s, struct pbt_error *err)
{
    char folder[PBTI_SETTING_TEXT_SIZE];
    if (s->data[0] == '\0') {
        pbti_corpus_default(folder, sizeof folder);
    } else {
        (void)snprintf(folder, sizeof folder, "%s", s->data);
    }
    bool const has_subwords = t->corpus.has_subwords;
    struct pbti_subwords subwords = t->corpus.subwords;
    pbt_status status = pbti_corpus_load(&t->corpus, folder, s->source, s->target, err);
    if (status != PBT_OK) {
        t->corpus.has_subwords = has_subwords;
        t->corpus.subwords = subwords;
        return status;
    }
    status = has_subwords ? pbti_corpus_adopt(&t->corpus, &subwords, s->max_length, err)
                          : pbti_corpus_learn(&t->corpus, s->vocab, s->max_length, err);
    if (status == PBT_OK) { status = pbti_batches_init(&t->batches, &t->corpus, err); }
    t->has_corpus = status == PBT_OK;
    if (status != PBT_OK) { drop_corpus(t); }
    return status;
}

/* Have the corpus, and in it the order of the checkpoint. */
static pbt_status need_corpus(struct pbti_translate *t, const SETTINGS *s, struct pbt_error *err)
{
    if (t->has_corpus) { return PBT_OK; }
    pbt_status status = read_corpus(t, s, err);
    if (status == PBT_OK && t->order != NULL) {
        status = pbti_batches_read(&t->batches, t->order, t->order_size, err);
        drop_order(t);
    }
    return status;
}

static pbt_status create(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_translate *const t = state;
    const SETTINGS *const s = settings;
    struct pbti_translate_shape const shape = {.vocabulary = s->vocab,
                                               .width = s->width,
                                               .ffn = s->ffn,
                                               .heads = s->heads,
                                               .layers = s->layers,
                                               .post_norm = s->norm == PBTI_TRANSLATE_POST};
    return pbti_translate_network_init(&t->network, &shape, PBTI_NN_ADAM_SLOTS, err);
}

static void destroy(void *state)
{
    struct pbti_translate *const t = state;
    pbti_translate_network_deinit(&t->network);
}

static pbt_status prepare(void *state, const void *settings, const struct pbti_builtin_task *task,
                          struct pbt_error *err)
{
    struct pbti_translate *const t = state;
    const SETTINGS *const s = settings;
    pbti_translate_evaluation_deinit(&t->evaluation);
    t->train_loss = NAN;
    t->tokens_a_second = NAN;
    t->diverged = false;
    if (task->start == PBT_CLIENT_FRESH && task->load == NULL) {
        if (t->restored) { drop_data(t); }
        pbt_status const status = need_corpus(t, s, err);
        if (status != PBT_OK) { return status; }
    }
    if (s->split == PBTI_TRANSLATE_SPLIT_TEST && task->steps > 0) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"split\" is \"test\" with %llu steps; the test text is only for an "
                            "evaluation, of 0 steps",
                            (unsigned long long)task->steps);
    }
    return PBT_OK;
}

static void fresh(void *state, uint64_t seed)
{
    struct pbti_translate *const t = state;
    pbti_translate_network_randomise(&t->network, seed);
    pbti_batches_reset(&t->batches);
}

/* -------- checkpoints -------- */

enum { VERSION = 1, HEADER_SIZE = 20 };

static size_t encode(const void *state, uint8_t *bytes)
{
    const struct pbti_translate *const t = state;
    size_t const order = t->has_corpus ? pbti_batches_size(&t->batches) : t->order_size;
    size_t const subwords = pbti_subwords_size(&t->corpus.subwords);
    if (bytes == NULL) { return HEADER_SIZE + order + subwords; }
    unsigned char *at = pbti_nn_put(bytes, VERSION, 4);
    at = pbti_nn_put(at, t->network.shape.heads, 4);
    at = pbti_nn_put(at, t->network.shape.post_norm ? 1 : 0, 4);
    at = pbti_nn_put(at, t->corpus.max_length, 4);
    at = pbti_nn_put(at, order, 4);
    if (t->has_corpus) {
        at = pbti_batches_write(&t->batches, at);
    } else {
        memcpy(at, t->order, order);
        at += order;
    }
    at = pbti_subwords_write(&t->corpus.subwords, at);
    assert(at == bytes + HEADER_SIZE + order + subwords);
    return HEADER_SIZE + order + subwords;
}

static bool same_subwords(const struct pbti_subwords *a, const struct pbti_subwords *b)
{
    if (a->merge_count != b->merge_count) { return false; }
    for (uint32_t i = 0; i < a->merge_count; i++) {
        if (a->merges[i].left != b->merges[i].left || a->merges[i].right != b->merges[i].right) {
            return false;
        }
    }
    return true;
}

/* The network belongs to the subwords of its checkpoint, also where the text has changed. */
static pbt_status take_subwords(struct pbti_translate *t, const uint8_t *bytes, size_t size,
                                struct pbt_error *err)
{
    struct pbti_subwords subwords;
    pbt_status status = pbti_subwords_read(&subwords, bytes, size, err);
    if (status != PBT_OK) { return status; }
    uint32_t const vocabulary = pbti_subwords_vocabulary(&subwords);
    if (vocabulary != t->network.shape.vocabulary) {
        pbti_subwords_deinit(&subwords);
        return pbti_nn_fail(err, PBT_EINVAL, "the checkpoint has %u subwords, the network %u",
                            vocabulary, t->network.shape.vocabulary);
    }
    if (t->corpus.has_subwords && same_subwords(&subwords, &t->corpus.subwords)) {
        pbti_subwords_deinit(&subwords);
        return PBT_OK;
    }
    /* what was read goes with its subwords, and is read again when it is needed */
    drop_corpus(t);
    t->corpus.subwords = subwords;
    t->corpus.has_subwords = true;
    t->restored = true;
    return PBT_OK;
}

/* The order of pairs, now or once there is a corpus. */
static pbt_status take_order(struct pbti_translate *t, const uint8_t *bytes, size_t size,
                             struct pbt_error *err)
{
    drop_order(t);
    if (t->has_corpus) { return pbti_batches_read(&t->batches, bytes, size, err); }
    t->order = malloc(size + 1);
    if (t->order == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a checkpoint"); }
    memcpy(t->order, bytes, size);
    t->order_size = size;
    return PBT_OK;
}

static pbt_status decode(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    struct pbti_translate *const t = state;
    if (size < HEADER_SIZE) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "the checkpoint is damaged: %zu bytes", size);
    }
    uint32_t numbers[5];
    for (size_t i = 0; i < 5; i++) {
        numbers[i] = (uint32_t)pbti_nn_get(bytes + 4 * i, 4);
    }
    if (numbers[0] != VERSION) {
        return pbti_nn_fail(err, PBT_EVERSION, "the checkpoint is of version %u, not %d",
                            numbers[0], (int)VERSION);
    }
    if (numbers[1] != t->network.shape.heads ||
        numbers[2] != (t->network.shape.post_norm ? 1 : 0)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the checkpoint's network has %u heads and \"norm\" \"%s\"; asked for "
                            "are %u and \"%s\"",
                            numbers[1], norm_word(numbers[2]), t->network.shape.heads,
                            norm_word(t->network.shape.post_norm ? 1 : 0));
    }
    if (numbers[4] > size - HEADER_SIZE) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "the checkpoint is damaged: %zu bytes", size);
    }
    pbt_status const status =
        take_subwords(t, bytes + HEADER_SIZE + numbers[4], size - HEADER_SIZE - numbers[4], err);
    if (status != PBT_OK) { return status; }
    t->corpus.max_length = t->has_corpus ? t->corpus.max_length : numbers[3];
    return take_order(t, bytes + HEADER_SIZE, numbers[4], err);
}

/* -------- training -------- */

double pbti_translate_rate(uint32_t schedule, double lr, uint32_t warmup, uint64_t t)
{
    double const w = warmup == 0 ? 1.0 : (double)warmup, at = (double)t;
    if (at < w) { return lr * at / w; }
    return schedule == PBTI_TRANSLATE_RSQRT ? lr * sqrt(w / at) : lr;
}

/* One update. False: the network has diverged, and was left as it was. */
static bool update(struct pbti_translate *t, const SETTINGS *s,
                   const struct pbti_translate_loss *loss)
{
    double const scale = pbti_nn_clip_scale(&t->network.block, s->clip, NULL);
    if (!isfinite(loss->smoothed) || !isfinite(scale)) { return false; }
    t->adam.lr = pbti_translate_rate(s->schedule, s->lr, s->warmup, t->network.block.updates + 1);
    pbti_nn_adam_step(&t->adam, &t->network.block, scale);
    return true;
}

static void set_in_force(struct pbti_translate *t, const SETTINGS *s,
                         const struct pbti_builtin_task *task)
{
    t->lr = s->lr;
    t->adam = (struct pbti_nn_adam){.lr = s->lr, .beta1 = 0.9, .beta2 = 0.98, .epsilon = 1e-9};
    t->pass = (struct pbti_translate_pass){.attention_dropout = s->attention_dropout,
                                           .relu_dropout = s->relu_dropout,
                                           .layer_dropout = s->layer_dropout,
                                           .label_smoothing = s->label_smoothing,
                                           .seed = task->seed};
}

static double processor_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static pbt_status train(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err)
{
    struct pbti_translate *const t = state;
    const SETTINGS *const s = settings;
    double sum = 0.0;
    pbt_status status = need_corpus(t, s, err);
    if (status != PBT_OK) { return status; }
    double const began = processor_seconds();
    uint64_t done = t->batches.excess, trained = 0; /* tokens; paid before: the excess */
    set_in_force(t, s, task);
    pbti_batches_begin(&t->batches, task->seed, s->batch);
    while (done < task->steps && !t->diverged) {
        struct pbti_translate_batch batch;
        struct pbti_translate_loss loss;
        status = pbti_batches_next(&t->batches, &t->corpus, task->steps - done, &batch, err);
        if (status == PBT_OK) {
            status = pbti_translate_network_run(&t->network, &batch, &t->pass, &loss, err);
        }
        if (status != PBT_OK) { return status; }
        t->diverged = !update(t, s, &loss);
        t->pass.step++;
        sum += loss.smoothed;
        trained += loss.rows;
        done += loss.rows;
        status = pbti_builtin_progress(task, done < task->steps ? done : task->steps,
                                       loss.smoothed / loss.rows, err);
        if (status != PBT_OK) { return status; }
    }
    t->batches.excess = done > task->steps ? done - task->steps : 0;
    if (trained > 0) {
        t->train_loss = sum / (double)trained;
        t->tokens_a_second = (double)trained / (processor_seconds() - began);
    }
    return PBT_OK;
}

/* -------- evaluation -------- */

static pbt_status evaluate(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err)
{
    (void)task;
    struct pbti_translate *const t = state;
    const SETTINGS *const s = settings;
    struct pbti_translate_judged const judged = {
        .split = s->split == PBTI_TRANSLATE_SPLIT_TEST ? PBTI_CORPUS_TEST : PBTI_CORPUS_DEV,
        .sentences = s->sentences,
        .shards = s->shards,
        .score = (enum pbti_translate_score)s->score,
        .search = {s->beam, s->alpha, s->max_length, 1}};
    pbt_status status = need_corpus(t, s, err);
    if (status == PBT_OK && s->split == PBTI_TRANSLATE_SPLIT_TEST) {
        status = pbti_corpus_need_test(&t->corpus, err);
    }
    if (status == PBT_OK) {
        status = pbti_translate_evaluate(&t->network, &t->corpus, &t->batches, &judged,
                                         &t->evaluation, err);
    }
    if (status == PBT_OK) { t->diverged = t->diverged || !isfinite(t->evaluation.loss); }
    return status;
}

/* What people want to see in the trainer's log. */
static void print_log(const struct pbti_translate *t, const SETTINGS *s)
{
    const struct pbti_corpus_part *const part =
        &t->corpus
             .parts[s->split == PBTI_TRANSLATE_SPLIT_TEST ? PBTI_CORPUS_TEST : PBTI_CORPUS_DEV];
    const struct pbti_translate_evaluation *const e = &t->evaluation;
    (void)fprintf(stderr,
                  "translate: %llu updates, %.0f target subwords/s of processor time, train loss "
                  "%.3f, loss %.3f, BLEU %.2f (%s), chrF2 %.2f\n",
                  (unsigned long long)t->network.block.updates, t->tokens_a_second, t->train_loss,
                  e->loss, e->bleu, PBTI_BLEU_SIGNATURE, e->chrf);
    if (t->corpus.skipped_empty + t->corpus.skipped_long > 0 && t->batches.epoch == 0) {
        (void)fprintf(stderr,
                      "translate: training pairs left out: %u with an empty side, %u longer than "
                      "%u subwords\n",
                      t->corpus.skipped_empty, t->corpus.skipped_long, t->corpus.max_length);
    }
    for (uint32_t i = 0; i < PBTI_TRANSLATE_SHOWN; i++) {
        static const char *const names[] = {"source   ", "reference"};
        for (size_t side = 0; side < 2; side++) {
            size_t size;
            const char *const line = pbti_line(&part->text[side], e->shown[i], &size);
            (void)fprintf(stderr, "  %s %.*s\n", names[side], (int)size, line);
        }
        (void)fprintf(stderr, "  now       %s\n", e->now[i]);
    }
}

static double score_of(const struct pbti_translate_evaluation *e, uint32_t score)
{
    if (score == PBTI_TRANSLATE_BLEU) { return e->bleu; }
    return score == PBTI_TRANSLATE_CHRF ? e->chrf : e->loss;
}

static void report(const void *state, const void *settings, struct pbti_builtin_report *to)
{
    const struct pbti_translate *const t = state;
    const SETTINGS *const s = settings;
    const struct pbti_translate_evaluation *const e = &t->evaluation;
    bool const trained = !isnan(t->train_loss) || t->diverged;
    if (to->client != NULL) { print_log(t, s); }
    pbti_builtin_metric(to, "bleu", e->bleu);
    pbti_builtin_metric(to, "chrf", e->chrf);
    pbti_builtin_metric(to, "loss", e->loss);
    if (trained) {
        pbti_builtin_metric(to, "train_loss", t->train_loss);
        pbti_builtin_in_force(to, "lr", t->lr);
        pbti_builtin_in_force(to, "attention_dropout", t->pass.attention_dropout);
        pbti_builtin_in_force(to, "relu_dropout", t->pass.relu_dropout);
        pbti_builtin_in_force(to, "layer_dropout", t->pass.layer_dropout);
        pbti_builtin_in_force(to, "label_smoothing", t->pass.label_smoothing);
        pbti_builtin_in_force(to, "batch", t->batches.tokens);
    }
    if (s->shards > 0 && !t->diverged) {
        pbti_builtin_scores(to, e->shards, s->shards);
    } else {
        pbti_builtin_score(to, t->diverged ? NAN : score_of(e, s->score));
    }
}

const struct pbti_builtin pbti_builtin_translate = {
    .about = {.name = "translate",
              .summary = "a Transformer that learns to translate pairs of sentences"},
    .settings = table,
    .settings_size = sizeof(SETTINGS),
    .state_size = sizeof(struct pbti_translate),
    .block_count = 1,
    .blocks = {{"", offsetof(struct pbti_translate, network.block)}},
    .drop_data = drop_data,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .fresh = fresh,
    .encode = encode,
    .decode = decode,
    .train = train,
    .evaluate = evaluate,
    .report = report,
    .use = pbti_translate_use,
};
