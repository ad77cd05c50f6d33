/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan.c - `builtin: gan`, see gan.h and docs/gan.md.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the update in the segment;
 *    what outlives a segment (weights, optimisers, running values, pictures used, updates since G's
 *    last, the judge) is in the checkpoint. So a->b->c in one process and a->b, reload, b->c give
 *    the same bits.
 * 2. A step is a real picture that D trains with; a segment of n steps uses exactly n: full
 *    batches, then one of what is left.
 * 3. Evaluation draws in batches of PBTI_GAN_JUDGE_BATCH, whatever the batch size being tuned.
 * 4. Scores of two judges never meet in selection: a network trains under one judge for life.
 */
#include "gan/gan.h"
#include "gan/gan_sheet.h"
#include "nn/nn_bytes.h"
#include "nn/nn_init.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { EXTRA_VERSION = 1, EXTRA_SIZE = 20, SIDE_MAX = 256, PATH_SIZE = 4096 };
enum { LANE_D = 0, LANE_G = 1 };
#define EPSILON 1e-8

/* -------- settings -------- */

PBTI_SETTING_WORDS(loss_word, "logistic", "hinge")
PBTI_SETTING_WORDS(d_norm_word, "none", "batch", "spectral")
PBTI_SETTING_WORDS(g_norm_word, "none", "batch")
PBTI_SETTING_WORDS(score_word, "inception", "frechet")

#define SETTINGS struct pbti_gan_settings
static const struct pbti_setting table[] = {PBTI_GAN_SETTINGS(PBTI_SETTING_ENTRY){0}};

static pbt_status check(const void *settings, struct pbt_error *err)
{
    const struct pbti_gan_settings *const s = settings;
    if (s->smooth > 0.0 && s->loss == PBTI_NN_HINGE) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"smooth\" is %.9g with \"loss\" hinge; only the logistic loss has it",
                            s->smooth);
    }
    return PBT_OK;
}

/* -------- data -------- */

static pbt_status check_pictures(const struct pbti_gan *g, const char *folder, uint32_t train,
                                 struct pbt_error *err)
{
    const struct pbti_pictures *const p = &g->pictures;
    if (p->rows % 4 != 0 || p->columns % 4 != 0 || p->rows > SIDE_MAX || p->columns > SIDE_MAX) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the pictures in \"%s\" are %u x %u; allowed are sides that are "
                            "multiples of 4, up to %d",
                            folder, p->columns, p->rows, (int)SIDE_MAX);
    }
    if (train > p->count || p->count < 2 || train == 1) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"train\" is %u; allowed are 2 to %u, the pictures in \"%s\", and 0 "
                            "for all of them",
                            train, p->count, folder);
    }
    if (p->classes < 2) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "all labels in \"%s\" are 0; a judge needs two classes or more",
                            folder);
    }
    const struct pbti_pictures *const t = &g->test;
    if (t->bytes != NULL && (t->size != p->size || t->channels != p->channels)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the test pictures in \"%s\" have another size than those that train",
                            folder);
    }
    if (t->bytes != NULL && t->classes > p->classes) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "a test label in \"%s\" is %u; the training labels end at %u", folder,
                            t->classes - 1, p->classes - 1);
    }
    return PBT_OK;
}

static pbt_status load_data(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    const struct pbti_gan_settings *const s = settings;
    struct pbt_error why = {0};
    pbt_status status = pbti_pictures_load(&g->pictures, s->data, false, &why);
    if (status == PBT_ENOENT) {
        return pbti_nn_fail(err, status,
                            "%s; Fashion-MNIST: `apt-get install dataset-fashion-mnist` puts it "
                            "into " PBTI_GAN_DATA_DEFAULT "; other pictures: name their folder as "
                            "`data` in the spec's `fixed`",
                            why.message);
    }
    if (status != PBT_OK) { return pbti_nn_fail(err, status, "%s", why.message); }
    status = pbti_pictures_load(&g->test, s->data, true, err);
    if (status != PBT_OK && status != PBT_ENOENT) { return status; }
    status = check_pictures(g, s->data, s->train, err);
    if (status != PBT_OK) { return status; }
    g->train = s->train == 0 ? g->pictures.count : s->train;
    return pbti_data_order_init(&g->order, g->train, err);
}

static void drop_judge(struct pbti_gan *g)
{
    if (g->has_judge) { pbti_gan_judge_deinit(&g->judge); }
    g->has_judge = false;
}

static void drop_data(void *state)
{
    struct pbti_gan *const g = state;
    drop_judge(g);
    pbti_pictures_deinit(&g->pictures);
    pbti_pictures_deinit(&g->test);
    pbti_data_order_deinit(&g->order);
}

/* -------- network -------- */

static pbt_status create(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    const struct pbti_gan_settings *const s = settings;
    struct pbti_gan_shape const shape = {.rows = g->pictures.rows,
                                         .columns = g->pictures.columns,
                                         .channels = g->pictures.channels,
                                         .latent = s->latent,
                                         .narrow = s->width,
                                         .wide = 2 * s->width,
                                         .d_norm = (enum pbti_gan_norm)s->d_norm,
                                         .g_norm = (enum pbti_gan_norm)s->g_norm,
                                         .averaged = s->average > 0.0};
    return pbti_gan_network_init(&g->net, &shape, PBTI_GAN_JUDGE_BATCH, err);
}

static void destroy(void *state)
{
    struct pbti_gan *const g = state;
    pbti_gan_network_deinit(&g->net);
    free(g->indices);
    g->indices = NULL;
    g->indices_capacity = 0;
}

/* Only what trains or scores needs a judge: to draw pictures, nobody waits for one. */
static pbt_status need_judge(struct pbti_gan *g, const struct pbti_gan_settings *s,
                             struct pbt_error *err)
{
    uint64_t const folder = XXH3_64bits(s->judges, strlen(s->judges));
    if (g->has_judge && g->judge.number == s->judge && g->judge_folder == folder) { return PBT_OK; }
    drop_judge(g);
    const struct pbti_pictures *const test = g->test.bytes == NULL ? NULL : &g->test;
    pbt_status const status =
        pbti_gan_judge_need(&g->judge, s->judges, s->judge, &g->pictures, g->train, test, err);
    g->has_judge = status == PBT_OK;
    g->judge_folder = folder;
    return status;
}

static pbt_status prepare(void *state, const void *settings, const struct pbti_builtin_task *task,
                          struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    const struct pbti_gan_settings *const s = settings;
    (void)task;
    g->result = (struct pbti_gan_result){.score = NAN, .d_loss = NAN, .g_loss = NAN};
    g->result.d_accuracy = NAN;
    pbt_status const status = pbti_gan_network_reserve(&g->net, s->batch, err);
    if (status != PBT_OK || s->batch <= g->indices_capacity) { return status; }
    uint32_t *const indices = calloc(s->batch, sizeof indices[0]);
    if (indices == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a batch"); }
    free(g->indices);
    g->indices = indices;
    g->indices_capacity = s->batch;
    return PBT_OK;
}

/* -------- checkpoints -------- */

static void fresh(void *state, uint64_t seed)
{
    struct pbti_gan *const g = state;
    pbti_gan_network_randomise(&g->net, seed);
    pbti_data_order_reset(&g->order);
    g->since = 0;
    g->judged_by = 0;
    g->judged_hash = 0;
}

/* 4 version, 4 updates of D since G's last, 4 judge, 8 its hash, then the order of the data. */
static size_t encode(const void *state, uint8_t *bytes)
{
    const struct pbti_gan *const g = state;
    if (bytes != NULL) {
        uint8_t *at = pbti_nn_put(pbti_nn_put(bytes, EXTRA_VERSION, 4), g->since, 4);
        at = pbti_nn_put(pbti_nn_put(at, g->judged_by, 4), g->judged_hash, 8);
        pbti_data_order_encode(&g->order, at);
    }
    return EXTRA_SIZE + pbti_data_order_size(&g->order);
}

static pbt_status decode(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    if (size < EXTRA_SIZE) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the checkpoint is damaged: %zu bytes beside the "
                            "networks",
                            size);
    }
    if (pbti_nn_get(bytes, 4) != EXTRA_VERSION) {
        return pbti_nn_fail(err, PBT_EVERSION, "the checkpoint has version %u; known is %d",
                            (unsigned)pbti_nn_get(bytes, 4), (int)EXTRA_VERSION);
    }
    pbt_status const status =
        pbti_data_order_decode(&g->order, bytes + EXTRA_SIZE, size - EXTRA_SIZE, err);
    if (status != PBT_OK) { return status; }
    g->since = (uint32_t)pbti_nn_get(bytes + 4, 4);
    g->judged_by = (uint32_t)pbti_nn_get(bytes + 8, 4);
    g->judged_hash = pbti_nn_get(bytes + 12, 8);
    return PBT_OK;
}

/* -------- training -------- */

static void draw_latents(struct pbti_gan *g, uint64_t seed, uint32_t lane, uint32_t step,
                         uint32_t batch)
{
    struct pbti_nn_stream const stream = {
        .seed = seed, .purpose = PBTI_NN_PURPOSE_LATENT, .lane = lane, .step = step};
    pbti_nn_init_normal(g->net.gp.z, (size_t)batch * g->net.shape.latent, 1.0, &stream);
}

struct pbti_gan_step pbti_gan_train_batch(struct pbti_gan *g, const struct pbti_gan_settings *s,
                                          uint64_t seed, uint32_t batch)
{
    assert(batch <= g->indices_capacity && batch <= g->net.capacity);
    enum pbti_nn_logit_loss const loss = (enum pbti_nn_logit_loss)s->loss;
    struct pbti_gan_step step = {.g_loss = NAN};
    pbti_data_order_take(&g->order, g->indices, batch);
    for (size_t i = 0; i < batch; i++) {
        size_t const size = g->pictures.size;
        pbti_pictures_to_floats(g->net.dp.x + i * size, g->pictures.bytes + g->indices[i] * size,
                                size);
    }
    draw_latents(g, seed, LANE_D, g->d_step++, batch);
    struct pbti_gan_update const d = pbti_gan_d_gradients(&g->net, loss, s->smooth, batch);
    pbti_nn_adam_step(&g->adam_d, &g->net.d, 1.0);
    step.d_loss = d.loss;
    step.right = d.right;
    if (++g->since < g->d_updates) { return step; }
    g->since = 0;
    draw_latents(g, seed, LANE_G, g->g_step++, g->batch);
    step.g_loss = pbti_gan_g_gradients(&g->net, loss, g->batch).loss;
    pbti_nn_adam_step(&g->adam_g, &g->net.g, 1.0);
    pbti_gan_network_average(&g->net, s->average);
    return step;
}

/* The values that hold from here on, also for a network that came with others. */
static void apply(struct pbti_gan *g, const struct pbti_gan_settings *s)
{
    g->adam_d = (struct pbti_nn_adam){
        .lr = s->lr_d, .beta1 = s->beta1, .beta2 = s->beta2, .epsilon = EPSILON};
    g->adam_g = g->adam_d;
    g->adam_g.lr = s->lr_g;
    g->batch = s->batch;
    g->d_updates = s->d_updates;
    g->d_step = 0;
    g->g_step = 0;
}

/* A network that has trained is scored by the judge that it has trained under. */
static pbt_status settle_judge(struct pbti_gan *g, const struct pbti_gan_settings *s,
                               struct pbt_error *err)
{
    pbt_status const status = need_judge(g, s, err);
    if (status != PBT_OK) { return status; }
    if (g->judged_hash == 0) {
        g->judged_by = g->judge.number;
        g->judged_hash = g->judge.hash;
    }
    if (g->judged_hash == g->judge.hash) { return PBT_OK; }
    if (g->judged_by != g->judge.number) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"judge\" is %u, and the network has trained under judge %u; only an "
                            "evaluation, of 0 steps, may use another",
                            g->judge.number, g->judged_by);
    }
    return pbti_nn_fail(err, PBT_EINVAL,
                        "judge %u is %016" PRIx64 ", and the network has trained under one that is "
                        "%016" PRIx64
                        "; judges made on different machines differ in rounding: name "
                        "a shared folder as `judges` in the spec's `fixed`",
                        g->judge.number, g->judge.hash, g->judged_hash);
}

/* Networks that have diverged are trained no further: their score is NaN whatever follows. */
static pbt_status train(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    const struct pbti_gan_settings *const s = settings;
    double d_sum = 0.0, g_sum = 0.0, right = 0.0;
    uint64_t done = 0;
    pbt_status status = settle_judge(g, s, err);
    if (status != PBT_OK) { return status; }
    apply(g, s);
    pbti_data_order_begin(&g->order, task->seed);
    while (done < task->steps && isfinite(d_sum + g_sum)) {
        uint64_t const left = task->steps - done;
        uint32_t const batch = left < g->batch ? (uint32_t)left : g->batch;
        struct pbti_gan_step const step = pbti_gan_train_batch(g, s, task->seed, batch);
        done += batch;
        d_sum += step.d_loss * batch;
        right += step.right;
        if (g->since == 0) { g_sum += step.g_loss; }
        status = pbti_builtin_progress(task, done, step.d_loss, err);
        if (status != PBT_OK) { return status; }
    }
    struct pbti_gan_result *const r = &g->result;
    r->diverged = !isfinite(d_sum + g_sum);
    r->d_loss = d_sum / (double)done;
    r->d_accuracy = r->diverged ? NAN : right / (2.0 * (double)done);
    r->g_loss = g->g_step == 0 ? NAN : g_sum / g->g_step;
    return PBT_OK;
}

/* -------- the score -------- */

struct drawing {
    struct pbti_gan *gan;
    uint64_t seed;
};

static void generated(void *context, float *x, uint32_t first, uint32_t batch)
{
    const struct drawing *const d = context;
    struct pbti_gan_network *const net = &d->gan->net;
    struct pbti_nn_stream const stream = {.seed = d->seed,
                                          .purpose = PBTI_NN_PURPOSE_LATENT_EVALUATION,
                                          .step = first / PBTI_GAN_JUDGE_BATCH};
    pbti_nn_init_normal(net->gp.z, (size_t)batch * net->shape.latent, 1.0, &stream);
    pbti_gan_draw(net, x, net->gp.z, batch);
}

static pbt_status evaluate(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    const struct pbti_gan_settings *const s = settings;
    struct pbti_gan_result *const r = &g->result;
    if (task->steps == 0) { apply(g, s); }
    struct drawing drawing = {g, task->seed};
    pbt_status status = need_judge(g, s, err);
    if (status == PBT_OK) {
        status =
            pbti_gan_judge_pictures(&g->judge, generated, &drawing, s->samples, &r->figures, err);
    }
    /* once for each member, and whenever people ask: they are the same at every segment */
    r->has_references = task->steps == 0 || task->start == PBT_CLIENT_FRESH;
    if (status == PBT_OK && r->has_references) {
        const struct pbti_pictures *const test = g->test.bytes == NULL ? NULL : &g->test;
        status = pbti_gan_judge_references(&g->judge, &g->pictures, g->train, test, s->samples,
                                           &r->references, err);
    }
    r->score = s->score == PBTI_GAN_INCEPTION ? r->figures.inception : r->figures.frechet;
    if (r->diverged) { r->score = NAN; }
    return status;
}

static void report_references(const struct pbti_gan *g, struct pbti_builtin_report *to)
{
    const struct pbti_gan_references *const r = &g->result.references;
    if (g->test.bytes != NULL) {
        pbti_builtin_metric(to, "inception_test", r->test.inception);
        pbti_builtin_metric(to, "frechet_test", r->test.frechet);
        pbti_builtin_metric(to, "judge_accuracy", g->judge.accuracy);
    }
    pbti_builtin_metric(to, "inception_train", r->train.inception);
    pbti_builtin_metric(to, "frechet_train", r->train.frechet);
    pbti_builtin_metric(to, "inception_noise", r->noise.inception);
    pbti_builtin_metric(to, "frechet_noise", r->noise.frechet);
    pbti_builtin_metric(to, "inception_split_mean", g->result.figures.split_mean);
    pbti_builtin_metric(to, "inception_split_sd", g->result.figures.split_sd);
    pbti_builtin_metric(to, "judge", g->judge.number);
    pbti_builtin_metric(to, "judge_hash", (double)(g->judge.hash >> 16)); /* 48 bits fit exactly */
}

static void report(const void *state, const void *settings, struct pbti_builtin_report *to)
{
    const struct pbti_gan *const g = state;
    const struct pbti_gan_result *const r = &g->result;
    (void)settings;
    pbti_builtin_metric(to, "inception", r->figures.inception);
    pbti_builtin_metric(to, "frechet", r->figures.frechet);
    pbti_builtin_metric(to, "classes", r->figures.classes);
    if (g->d_step > 0) {
        pbti_builtin_metric(to, "d_loss", r->d_loss);
        pbti_builtin_metric(to, "d_accuracy", r->d_accuracy);
    }
    if (g->g_step > 0) { pbti_builtin_metric(to, "g_loss", r->g_loss); }
    if (r->has_references) { report_references(g, to); }
    pbti_builtin_in_force(to, "lr_d", g->adam_d.lr);
    pbti_builtin_in_force(to, "lr_g", g->adam_g.lr);
    pbti_builtin_in_force(to, "beta1", g->adam_g.beta1);
    pbti_builtin_in_force(to, "beta2", g->adam_g.beta2);
    pbti_builtin_in_force(to, "batch", g->batch);
    pbti_builtin_in_force(to, "d_updates", g->d_updates);
    pbti_builtin_in_force(to, "latent", g->net.shape.latent);
    pbti_builtin_in_force(to, "width", g->net.shape.narrow);
    pbti_builtin_score(to, r->score);
}

/* -------- pictures -------- */

/* The pictures of the fixed latents beside the checkpoint, as samples.png. */
static pbt_status save_files(void *state, const void *settings, const char *folder,
                             struct pbt_error *err)
{
    struct pbti_gan *const g = state;
    char path[PATH_SIZE];
    uint8_t *png = NULL;
    size_t size = 0;
    (void)settings;
    int const length = snprintf(path, sizeof path, "%s/samples.png", folder);
    if (length < 0 || (size_t)length >= sizeof path) {
        return pbti_nn_fail(err, PBT_EIO, "the path \"%.200s...\" is too long", folder);
    }
    pbt_status status = pbti_gan_sheet_fixed(&png, &size, &g->net, err);
    if (status != PBT_OK) { return status; }
    FILE *const file = fopen(path, "wb");
    bool const written = file != NULL && fwrite(png, 1, size, file) == size;
    int const number = errno;
    bool const closed = file != NULL && fclose(file) == 0;
    free(png);
    if (written && closed) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EIO, "could not write file \"%s\": %s", path,
                        strerror(written ? errno : number));
}

const struct pbti_builtin pbti_builtin_gan = {
    .about = {"gan", "generative adversarial networks on pictures (Fashion-MNIST, CIFAR-10)"},
    .settings = table,
    .settings_size = sizeof(struct pbti_gan_settings),
    .state_size = sizeof(struct pbti_gan),
    .block_count = 3,
    .blocks = {{"generator", offsetof(struct pbti_gan, net.g)},
               {"discriminator", offsetof(struct pbti_gan, net.d)},
               {"average", offsetof(struct pbti_gan, net.average)}},
    .check = check,
    .load_data = load_data,
    .drop_data = drop_data,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .fresh = fresh,
    .encode = encode,
    .decode = decode,
    .train = train,
    .save_files = save_files,
    .evaluate = evaluate,
    .report = report,
    .use = pbti_gan_use,
};
