/* SPDX-License-Identifier: Apache-2.0 */
/* classify_use.c - `pbt use STUDY FILE`: labels and probabilities of images, see classify.h. */
#include "classify/classify.h"

#include <math.h>
#include <string.h>

/* Probabilities of one image from its logits, shape (classes) both; returns the label. */
static uint32_t softmax(double *probabilities, const float *logits, uint32_t classes)
{
    uint32_t label = 0;
    double sum = 0.0;
    for (uint32_t k = 1; k < classes; k++) {
        label = logits[k] > logits[label] ? k : label;
    }
    for (uint32_t k = 0; k < classes; k++) {
        probabilities[k] = exp((double)logits[k] - (double)logits[label]);
        sum += probabilities[k];
    }
    for (uint32_t k = 0; k < classes; k++) {
        probabilities[k] /= sum;
    }
    return label;
}

static void print_image(const struct pbti_builtin_use *use, uint64_t image, const float *logits,
                        uint32_t classes)
{
    double probabilities[UINT8_MAX + 1];
    uint32_t const label = softmax(probabilities, logits, classes);
    (void)fprintf(use->out,
                  use->json ? "{\"image\": %llu, \"label\": %u, \"probabilities\": [" : "%llu %u ",
                  (unsigned long long)image, label);
    for (uint32_t k = 0; k < classes; k++) {
        (void)fprintf(use->out, use->json ? "%s%.6g" : "%s%.3f",
                      k == 0      ? ""
                      : use->json ? ", "
                                  : " ",
                      probabilities[k]);
    }
    (void)fputs(use->json ? "]}\n" : "\n", use->out);
}

static pbt_status print_images(struct pbti_classify *c, const struct pbti_builtin_use *use,
                               const struct pbti_idx *images, uint64_t count, struct pbt_error *err)
{
    uint32_t const classes = c->data.classes;
    for (uint64_t first = 0; first < count; first += c->mlp.capacity) {
        uint64_t const left = count - first;
        uint32_t const batch = left < c->mlp.capacity ? (uint32_t)left : c->mlp.capacity;
        pbti_classify_data_normalise(&c->data, images->bytes + first * images->item_bytes, batch,
                                     c->mlp.x);
        const float *const logits = pbti_mlp_predict(&c->mlp, batch);
        for (uint32_t i = 0; i < batch; i++) {
            for (uint32_t k = 0; k < classes; k++) {
                if (isfinite(logits[(size_t)i * classes + k])) { continue; }
                return pbti_nn_fail(err, PBT_ECORRUPT, "the network has diverged: it says nothing");
            }
            print_image(use, first + i, logits + (size_t)i * classes, classes);
        }
    }
    return PBT_OK;
}

pbt_status pbti_classify_use(void *state, const void *settings, struct pbti_builtin_use *use,
                             struct pbt_error *err)
{
    struct pbti_classify *const c = state;
    uint64_t count = UINT64_MAX;
    (void)settings;
    pbt_status status = pbti_builtin_use_count(use, "count", 1, UINT32_MAX, &count, NULL, err);
    const char *const path = pbti_builtin_use_argument(use);
    if (status == PBT_OK) {
        status = pbti_builtin_use_end(use, "FILE (images in idx form) and --count N", err);
    }
    if (status != PBT_OK) { return status; }
    if (path == NULL) {
        return pbti_nn_fail(err, PBT_EINVAL, "a file of images in idx form is missing");
    }
    struct pbti_idx images;
    status = pbti_idx_read_file(path, 2, PBTI_IDX_DIMENSIONS_MAX, &images, err);
    if (status != PBT_OK) { return status; }
    if (images.item_bytes != c->data.pixels) {
        status = pbti_nn_fail(err, PBT_EINVAL,
                              "the images in \"%s\" have %zu pixels; the network takes %u", path,
                              images.item_bytes, c->data.pixels);
    } else {
        status =
            print_images(c, use, &images, images.sizes[0] < count ? images.sizes[0] : count, err);
    }
    pbti_idx_deinit(&images);
    return status;
}
