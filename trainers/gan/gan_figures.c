/* SPDX-License-Identifier: Apache-2.0 */
/* gan_figures.c - what a judge says of a set of pictures, see gan_figures.h. */
#include "gan/gan_figures.h"
#include "nn/nn_base.h"
#include "nn/nn_random.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = PBTI_GAN_JUDGE_BATCH, FEATURES = PBTI_GAN_FEATURES, SPLITS = 10 };
#define NOISE_SEED UINT64_C(0x6e6f697365) /* "noise" */

/* -------- any pictures -------- */

static pbt_status measure(struct pbti_gan_judge *judge, const float *features, const float *logits,
                          uint32_t count, struct pbti_gan_figures *figures, struct pbt_error *err)
{
    struct pbti_gan_moments moments;
    pbt_status status = pbti_gan_moments_init(&moments, FEATURES, err);
    if (status != PBT_OK) { return status; }
    double *const p = malloc((size_t)count * judge->classes * sizeof p[0]);
    if (p == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory to judge %u pictures", count);
    } else {
        pbti_gan_softmax(p, logits, count, judge->classes);
        figures->inception = pbti_gan_inception(p, count, judge->classes, &figures->classes);
        if (count >= SPLITS) {
            pbti_gan_inception_splits(p, count, judge->classes, SPLITS, &figures->split_mean,
                                      &figures->split_sd);
        }
        pbti_gan_moments_measure(&moments, features, count);
        status = pbti_gan_frechet(&figures->frechet, &judge->moments, judge->root, &moments, err);
    }
    free(p);
    pbti_gan_moments_deinit(&moments);
    return status;
}

pbt_status pbti_gan_judge_pictures(struct pbti_gan_judge *judge, pbti_gan_source *source,
                                   void *context, uint32_t count, struct pbti_gan_figures *figures,
                                   struct pbt_error *err)
{
    *figures = (struct pbti_gan_figures){NAN, NAN, NAN, NAN, NAN};
    float *const features = pbti_nn_floats((size_t)count * FEATURES);
    float *const logits = pbti_nn_floats((size_t)count * judge->classes);
    pbt_status status = PBT_OK;
    if (features == NULL || logits == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory to judge %u pictures", count);
    } else {
        for (uint32_t first = 0; first < count; first += BATCH) {
            uint32_t const batch = count - first < BATCH ? count - first : BATCH;
            source(context, judge->x, first, batch);
            pbti_gan_judge_look(judge, features + (size_t)first * FEATURES,
                                logits + (size_t)first * judge->classes, judge->x, batch);
        }
        status = measure(judge, features, logits, count, figures, err);
    }
    free(features);
    free(logits);
    return status;
}

/* -------- references -------- */

/* `count` of the first `of` pictures, evenly spread: files may be sorted by class. */
struct spread {
    const struct pbti_pictures *pictures;
    uint32_t count, of;
};

static void real(void *context, float *x, uint32_t first, uint32_t batch)
{
    const struct spread *const s = context;
    size_t const size = s->pictures->size;
    for (uint32_t i = 0; i < batch; i++) {
        size_t const at = (size_t)((uint64_t)(first + i) * s->of / s->count);
        pbti_pictures_to_floats(x + i * size, s->pictures->bytes + at * size, size);
    }
}

static void noise(void *context, float *x, uint32_t first, uint32_t batch)
{
    const struct spread *const s = context;
    size_t const count = batch * s->pictures->size;
    struct pbti_nn_stream const stream = {.seed = NOISE_SEED,
                                          .purpose = PBTI_NN_PURPOSE_LATENT_EVALUATION,
                                          .lane = 2,
                                          .step = first / BATCH};
    for (size_t i = 0; i < count; i += 4) {
        uint32_t bits[4];
        pbti_nn_random_block(&stream, (uint32_t)(i / 4), bits);
        for (size_t k = 0; k < 4 && i + k < count; k++) {
            x[i + k] = (float)(2.0 * pbti_nn_unit(bits[k]) - 1.0);
        }
    }
}

pbt_status pbti_gan_judge_references(struct pbti_gan_judge *judge,
                                     const struct pbti_pictures *train, uint32_t train_count,
                                     const struct pbti_pictures *test, uint32_t count,
                                     struct pbti_gan_references *references, struct pbt_error *err)
{
    struct spread s = {train, count < train_count ? count : train_count, train_count};
    references->test = (struct pbti_gan_figures){NAN, NAN, NAN, NAN, NAN};
    pbt_status status = pbti_gan_judge_pictures(judge, real, &s, s.count, &references->train, err);
    if (status == PBT_OK) {
        status = pbti_gan_judge_pictures(judge, noise, &s, count, &references->noise, err);
    }
    if (status == PBT_OK && test != NULL && test->count >= 2) {
        s = (struct spread){test, count < test->count ? count : test->count, test->count};
        status = pbti_gan_judge_pictures(judge, real, &s, s.count, &references->test, err);
    }
    return status;
}
