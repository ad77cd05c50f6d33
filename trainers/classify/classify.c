/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify.c - `builtin: classify`, see classify.h and docs/classify.md.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the batch in the segment;
 *    what outlives a segment (weights, momentum, images used) is in the checkpoint. So a->b->c in
 *    one process and a->b, reload, b->c give the same bits.
 * 2. A segment of n steps uses exactly n images: full batches, then one of what is left.
 * 3. Evaluation goes in batches of EVALUATION_BATCH, whatever the batch size being tuned.
 */
#include "classify/classify.h"
#include "nn/nn_loss.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

enum { EVALUATION_BATCH = 250 };

/* -------- settings -------- */

static const char *act_word(uint32_t index)
{
    return index <= PBTI_NN_SILU ? pbti_nn_activation_name((enum pbti_nn_activation)index) : NULL;
}

PBTI_SETTING_WORDS(score_word, "accuracy", "cross_entropy", "error")
PBTI_SETTING_WORDS(split_word, "held_out", "test")

#define SETTINGS struct pbti_classify_settings
static const struct pbti_setting table[] = {PBTI_CLASSIFY_SETTINGS(PBTI_SETTING_ENTRY){0}};

/* -------- getting ready -------- */

static pbt_status load_data(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    const struct pbti_classify_settings *const s = settings;
    struct pbt_error why = {0};
    pbt_status const status =
        pbti_classify_data_load(&c->data, s->data, s->train, s->held_out, &why);
    if (status == PBT_ENOENT) {
        return pbti_nn_fail(err, status,
                            "%s; Fashion-MNIST: `apt-get install dataset-fashion-mnist` puts it "
                            "into " PBTI_CLASSIFY_DATA_DEFAULT "; other data in idx format: name "
                            "their folder as `data` in the spec's `fixed`",
                            why.message);
    }
    if (status != PBT_OK) { return pbti_nn_fail(err, status, "%s", why.message); }
    c->scratch = pbti_nn_floats(c->data.pixels);
    if (c->scratch == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for an image"); }
    return pbti_data_order_init(&c->order, c->data.train, err);
}

static void drop_data(void *state)
{
    struct pbti_classify *const c = state;
    pbti_classify_data_deinit(&c->data);
    pbti_data_order_deinit(&c->order);
    free(c->scratch);
    c->scratch = NULL;
}

/* Hidden layer i has width / 2^i units, at least one. */
static pbt_status create(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    const struct pbti_classify_settings *const s = settings;
    struct pbti_mlp_shape shape = {.layers = s->layers + 1};
    shape.sizes[0] = c->data.pixels;
    for (uint32_t l = 1; l <= s->layers; l++) {
        uint32_t const units = s->width >> (l - 1);
        shape.sizes[l] = units == 0 ? 1 : units;
    }
    shape.sizes[shape.layers] = c->data.classes;
    return pbti_mlp_init(&c->mlp, &shape, EVALUATION_BATCH, err);
}

static void destroy(void *state)
{
    struct pbti_classify *const c = state;
    pbti_mlp_deinit(&c->mlp);
    free(c->indices);
    c->indices = NULL;
    c->indices_capacity = 0;
}

/* Room for batches of both kinds, and the numbers of their images. */
static pbt_status reserve(struct pbti_classify *c, uint32_t capacity, struct pbt_error *err)
{
    pbt_status const status = pbti_mlp_reserve(&c->mlp, capacity, err);
    if (status != PBT_OK || capacity <= c->indices_capacity) { return status; }
    uint32_t *const indices = calloc(capacity, sizeof indices[0]);
    if (indices == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch"); }
    free(c->indices);
    c->indices = indices;
    c->indices_capacity = capacity;
    return PBT_OK;
}

static pbt_status prepare(void *state, const void *settings, const struct pbti_builtin_task *task,
                          struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    const struct pbti_classify_settings *const s = settings;
    if (s->split == 1 && task->steps > 0) {
        return pbti_nn_fail(
            err, PBT_EINVAL,
            "\"split\" is \"test\" with %llu steps; the test images are only for an "
            "evaluation, of 0 steps",
            (unsigned long long)task->steps);
    }
    pbt_status const status = s->split == 1 ? pbti_classify_data_need_test(&c->data, err) : PBT_OK;
    c->mlp.shape.activation = (enum pbti_nn_activation)s->act;
    c->result = (struct pbti_classify_result){NAN, NAN, NAN, NAN};
    return status == PBT_OK
               ? reserve(c, s->batch > EVALUATION_BATCH ? s->batch : EVALUATION_BATCH, err)
               : status;
}

/* -------- checkpoints -------- */

static void fresh(void *state, uint64_t seed)
{
    struct pbti_classify *const c = state;
    pbti_mlp_randomise(&c->mlp, seed);
    pbti_data_order_reset(&c->order);
}

static size_t encode(const void *state, uint8_t *bytes)
{
    const struct pbti_classify *const c = state;
    if (bytes != NULL) { pbti_data_order_encode(&c->order, bytes); }
    return pbti_data_order_size(&c->order);
}

static pbt_status decode(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    return pbti_data_order_decode(&((struct pbti_classify *)state)->order, bytes, size, err);
}

/* -------- training -------- */

double pbti_classify_step(struct pbti_classify *c, uint32_t batch, uint32_t shift)
{
    assert(batch <= c->indices_capacity);
    pbti_data_order_take(&c->order, c->indices, batch);
    pbti_classify_data_gather(&c->data, PBTI_CLASSIFY_TRAIN, c->indices, batch, c->mlp.x, c->mlp.y);
    if (shift > 0) {
        struct pbti_nn_stream const stream = {
            .seed = c->pass.seed, .purpose = PBTI_NN_PURPOSE_AUGMENT, .step = c->pass.step};
        pbti_classify_data_augment(&c->data, c->mlp.x, c->scratch, batch, shift, &stream);
    }
    double const loss = pbti_mlp_gradients(&c->mlp, batch, &c->pass);
    pbti_nn_sgd_step(&c->sgd, &c->mlp.block, 1.0);
    c->pass.step++;
    return loss;
}

/* The values that hold from here on, also for a network that came with others. */
static void apply(struct pbti_classify *c, const struct pbti_classify_settings *s, uint64_t seed)
{
    c->sgd = (struct pbti_nn_sgd){s->lr, s->momentum, s->weight_decay};
    c->pass = (struct pbti_mlp_pass){s->dropout, s->label_smoothing, seed, 0};
    c->batch = s->batch;
}

/* A network that has diverged is trained no further: its score is NaN whatever follows. */
static pbt_status train(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    const struct pbti_classify_settings *const s = settings;
    double sum = 0.0;
    apply(c, s, task->seed);
    pbti_data_order_begin(&c->order, task->seed);
    for (uint64_t done = 0; done < task->steps && isfinite(sum);) {
        uint64_t const left = task->steps - done;
        uint32_t const batch = left < c->batch ? (uint32_t)left : c->batch;
        double const loss = pbti_classify_step(c, batch, s->shift);
        done += batch;
        sum += loss * batch;
        pbt_status const status = pbti_builtin_progress(task, done, loss, err);
        if (status != PBT_OK) { return status; }
    }
    c->result.train_loss = isfinite(sum) ? sum / (double)task->steps : NAN;
    return PBT_OK;
}

/* -------- the score -------- */

static void measure(struct pbti_classify *c, enum pbti_classify_split split)
{
    uint32_t const count = pbti_classify_data_count(&c->data, split);
    double loss = 0.0;
    uint32_t correct = 0;
    for (uint32_t first = 0; first < count; first += EVALUATION_BATCH) {
        uint32_t const batch = count - first < EVALUATION_BATCH ? count - first : EVALUATION_BATCH;
        for (uint32_t i = 0; i < batch; i++) {
            c->indices[i] = first + i;
        }
        pbti_classify_data_gather(&c->data, split, c->indices, batch, c->mlp.x, c->mlp.y);
        const float *const logits = pbti_mlp_predict(&c->mlp, batch);
        loss += batch * pbti_nn_cross_entropy(NULL, logits, c->mlp.y, 0.0, batch, c->data.classes);
        correct += pbti_nn_count_correct(logits, c->mlp.y, batch, c->data.classes);
    }
    c->result.loss = loss / count;
    c->result.accuracy = (double)correct / count;
}

static pbt_status evaluate(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    const struct pbti_classify_settings *const s = settings;
    struct pbti_classify_result *const result = &c->result;
    (void)err;
    if (task->steps == 0) { apply(c, s, task->seed); }
    measure(c, s->split == 1 ? PBTI_CLASSIFY_TEST : PBTI_CLASSIFY_HELD_OUT);
    /* the greatest of logits that are NaN is still somewhere: its accuracy means nothing */
    if ((task->steps > 0 && isnan(result->train_loss)) || !isfinite(result->loss)) {
        result->loss = NAN;
        result->accuracy = NAN;
    }
    switch ((enum pbti_classify_score)s->score) {
    case PBTI_CLASSIFY_ACCURACY: result->score = result->accuracy; break;
    case PBTI_CLASSIFY_CROSS_ENTROPY: result->score = result->loss; break;
    case PBTI_CLASSIFY_ERROR: result->score = 1.0 - result->accuracy; break;
    }
    return PBT_OK;
}

static void report(const void *state, const void *settings, struct pbti_builtin_report *to)
{
    const struct pbti_classify *const c = state;
    (void)settings;
    pbti_builtin_metric(to, "loss", c->result.loss);
    pbti_builtin_metric(to, "accuracy", c->result.accuracy);
    if (c->pass.step > 0) { pbti_builtin_metric(to, "train_loss", c->result.train_loss); }
    pbti_builtin_in_force(to, "lr", c->sgd.lr);
    pbti_builtin_in_force(to, "momentum", c->sgd.momentum);
    pbti_builtin_in_force(to, "weight_decay", c->sgd.weight_decay);
    pbti_builtin_in_force(to, "dropout", c->pass.dropout);
    pbti_builtin_in_force(to, "label_smoothing", c->pass.label_smoothing);
    pbti_builtin_in_force(to, "batch", c->batch);
    pbti_builtin_in_force(to, "width", c->mlp.shape.sizes[1]);
    pbti_builtin_score(to, c->result.score);
}

const struct pbti_builtin pbti_builtin_classify = {
    .about = {"classify", "a multilayer perceptron on images in idx format (Fashion-MNIST)"},
    .settings = table,
    .settings_size = sizeof(struct pbti_classify_settings),
    .state_size = sizeof(struct pbti_classify),
    .block_count = 1,
    .blocks = {{"", offsetof(struct pbti_classify, mlp.block)}},
    .load_data = load_data,
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
    .use = pbti_classify_use,
};
