/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_run.c - one segment of `classify`, see classify_run.h.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the batch in the segment;
 *    what outlives a segment (weights, momentum, images used) is in the checkpoint. So a->b->c in
 *    one process and a->b, reload, b->c give the same bits.
 * 2. A segment of n steps uses exactly n images: full batches, then one of what is left.
 * 3. Evaluation goes in batches of EVALUATION_BATCH, whatever the batch size being tuned.
 */
#include "classify/classify_run.h"
#include "nn/nn_loss.h"
#include "trainer_checkpoint.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EVALUATION_BATCH = 250 };

void pbti_classify_init(struct pbti_classify *classify)
{
    memset(classify, 0, sizeof *classify);
}

static void drop_network(struct pbti_classify *c)
{
    if (c->has_network) { pbti_mlp_deinit(&c->mlp); }
    c->has_network = false;
}

static void drop_data(struct pbti_classify *c)
{
    if (c->has_data) { pbti_classify_data_deinit(&c->data); }
    if (c->has_order) { pbti_classify_order_deinit(&c->order); }
    free(c->scratch);
    c->scratch = NULL;
    c->has_data = false;
    c->has_order = false;
}

void pbti_classify_deinit(struct pbti_classify *classify)
{
    drop_network(classify);
    drop_data(classify);
    free(classify->indices);
    pbti_classify_init(classify);
}

/* -------- getting ready -------- */

static pbt_status load_data(struct pbti_classify *c, const struct pbti_classify_settings *s,
                            struct pbt_error *err)
{
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
    if (status != PBT_OK) {
        if (err != NULL) { *err = why; }
        return status;
    }
    c->has_data = true;
    c->train_asked = s->train;
    c->held_out_asked = s->held_out;
    c->scratch = pbti_nn_floats(c->data.pixels);
    if (c->scratch == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for an image"); }
    pbt_status const ordered = pbti_classify_order_init(&c->order, c->data.train, err);
    c->has_order = ordered == PBT_OK;
    return ordered;
}

/* Have the data that the settings ask for, and the test images when they do. */
static pbt_status need_data(struct pbti_classify *c, const struct pbti_classify_settings *s,
                            const struct pbti_trainer_task *task, struct pbt_error *err)
{
    bool const same = c->has_data && c->has_order && strcmp(c->data.folder, s->data) == 0 &&
                      c->train_asked == s->train && c->held_out_asked == s->held_out;
    if (!same) {
        if (task->start == PBT_CLIENT_KEEP) {
            return pbti_nn_fail(err, PBT_EINVAL,
                                "`data`, `train` or `held_out` changed within a process");
        }
        drop_data(c);
        pbt_status const status = load_data(c, s, err);
        if (status != PBT_OK) {
            drop_data(c);
            return status;
        }
    }
    if (!s->test) { return PBT_OK; }
    if (task->steps > 0) {
        return pbti_nn_fail(
            err, PBT_EINVAL,
            "\"split\" is \"test\" with %llu steps; the test images are only for an "
            "evaluation, of 0 steps",
            (unsigned long long)task->steps);
    }
    return pbti_classify_data_need_test(&c->data, err);
}

/* Hidden layer i has width / 2^i units, at least one. */
static struct pbti_mlp_shape shape_of(const struct pbti_classify_data *data,
                                      const struct pbti_classify_settings *s)
{
    struct pbti_mlp_shape shape = {.layers = s->layers + 1, .activation = s->activation};
    shape.sizes[0] = data->pixels;
    for (uint32_t l = 1; l <= s->layers; l++) {
        uint32_t const units = s->width >> (l - 1);
        shape.sizes[l] = units == 0 ? 1 : units;
    }
    shape.sizes[shape.layers] = data->classes;
    return shape;
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

/* Have a network of the shape asked for; its numbers are those held when they can be kept. */
static pbt_status need_network(struct pbti_classify *c, const struct pbti_classify_settings *s,
                               const struct pbti_trainer_task *task, struct pbt_error *err)
{
    struct pbti_mlp_shape const shape = shape_of(&c->data, s);
    uint32_t const capacity = s->batch > EVALUATION_BATCH ? s->batch : EVALUATION_BATCH;
    bool const same = c->has_network && c->mlp.shape.layers == shape.layers &&
                      memcmp(c->mlp.shape.sizes, shape.sizes, sizeof shape.sizes) == 0;
    if (!same && task->start == PBT_CLIENT_KEEP) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the network in memory has another shape than the one asked for; "
                            "`width` and `layers` must be `frozen` or in `fixed`");
    }
    if (!same) {
        drop_network(c);
        pbt_status const status = pbti_mlp_init(&c->mlp, &shape, capacity, err);
        if (status != PBT_OK) { return status; }
        c->has_network = true;
    }
    c->mlp.shape.activation = s->activation;
    return reserve(c, capacity, err);
}

/* -------- checkpoints -------- */

static pbt_status save(const struct pbti_classify *c, const char *folder, struct pbt_error *err)
{
    size_t const size = pbti_classify_order_size(&c->order);
    uint8_t *const extra = malloc(size);
    if (extra == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the data order of a checkpoint");
    }
    pbti_classify_order_encode(&c->order, extra);
    pbt_status const status = pbti_trainer_save(folder, &c->mlp.block, extra, size, err);
    free(extra);
    return status;
}

static pbt_status decode(void *state, const void *extra, uint32_t size, struct pbt_error *err)
{
    return pbti_classify_order_decode(state, extra, size, err);
}

/* Put the numbers of the segment's start into the network. */
static pbt_status begin(struct pbti_classify *c, const struct pbti_trainer_task *task,
                        struct pbt_error *err)
{
    if (task->start == PBT_CLIENT_KEEP) { return PBT_OK; }
    if (task->load != NULL) {
        return pbti_trainer_restore(task->load, &c->mlp.block, decode, &c->order, err);
    }
    pbti_mlp_randomise(&c->mlp, task->seed);
    pbti_classify_order_reset(&c->order);
    return PBT_OK;
}

/* -------- training -------- */

double pbti_classify_step(struct pbti_classify *c, uint32_t batch, uint32_t shift)
{
    assert(batch <= c->indices_capacity);
    pbti_classify_order_take(&c->order, c->indices, batch);
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

/* A network that has diverged is trained no further: its score is NaN whatever follows. */
static pbt_status train(struct pbti_classify *c, const struct pbti_trainer_task *task,
                        uint32_t shift, double *mean_loss, struct pbt_error *err)
{
    double sum = 0.0;
    pbti_classify_order_begin(&c->order, task->seed);
    for (uint64_t done = 0; done < task->steps && isfinite(sum);) {
        uint64_t const left = task->steps - done;
        uint32_t const batch = left < c->batch ? (uint32_t)left : c->batch;
        double const loss = pbti_classify_step(c, batch, shift);
        done += batch;
        sum += loss * batch;
        if (task->progress != NULL && !task->progress(task->context, done, loss)) {
            return pbti_nn_fail(err, PBT_EIO, "progress could not be sent");
        }
    }
    *mean_loss = isfinite(sum) ? sum / (double)task->steps : NAN;
    return PBT_OK;
}

static void evaluate(struct pbti_classify *c, enum pbti_classify_split split,
                     struct pbti_classify_result *result)
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
    result->loss = loss / count;
    result->accuracy = (double)correct / count;
}

/* -------- a segment -------- */

static void score(enum pbti_classify_score kind, bool diverged, struct pbti_classify_result *result)
{
    /* the greatest of logits that are NaN is still somewhere: its accuracy means nothing */
    if (diverged || !isfinite(result->loss)) {
        result->loss = NAN;
        result->accuracy = NAN;
    }
    switch (kind) {
    case PBTI_CLASSIFY_ACCURACY: result->score = result->accuracy; break;
    case PBTI_CLASSIFY_CROSS_ENTROPY: result->score = result->loss; break;
    case PBTI_CLASSIFY_ERROR: result->score = 1.0 - result->accuracy; break;
    }
}

pbt_status pbti_classify_run(struct pbti_classify *c, const struct pbti_classify_settings *s,
                             const struct pbti_trainer_task *task,
                             struct pbti_classify_result *result, struct pbt_error *err)
{
    *result = (struct pbti_classify_result){NAN, NAN, NAN, NAN};
    pbt_status status = need_data(c, s, task, err);
    if (status == PBT_OK) { status = need_network(c, s, task, err); }
    if (status == PBT_OK) { status = begin(c, task, err); }
    if (status != PBT_OK) { return status; }

    /* after the restore: what is in force is what was asked for */
    c->sgd = (struct pbti_nn_sgd){s->lr, s->momentum, s->weight_decay};
    c->pass = (struct pbti_mlp_pass){s->dropout, s->label_smoothing, task->seed, 0};
    c->batch = s->batch;
    if (task->steps > 0) {
        status = train(c, task, s->shift, &result->train_loss, err);
        if (status != PBT_OK) { return status; }
    }
    if (task->save != NULL) {
        status = save(c, task->save, err);
        if (status != PBT_OK) { return status; }
    }
    evaluate(c, s->test ? PBTI_CLASSIFY_TEST : PBTI_CLASSIFY_HELD_OUT, result);
    score(s->score, task->steps > 0 && isnan(result->train_loss), result);
    return PBT_OK;
}
