/* SPDX-License-Identifier: Apache-2.0 */
/* classify_data.c - the images, see classify_data.h. */
#include "classify/classify_data.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLASSES_MIN = 2 };

/* -------- loading -------- */

/* Read one pair of files; images and labels must agree in number. */
static pbt_status read_pair(const char *folder, const char *prefix, struct pbti_idx *images,
                            struct pbti_idx *labels, struct pbt_error *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    pbt_status status = pbti_idx_read(folder, name, 2, PBTI_IDX_DIMENSIONS_MAX, images, err);
    if (status != PBT_OK) { return status; }
    (void)snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    status = pbti_idx_read(folder, name, 1, 1, labels, err);
    if (status != PBT_OK) { return status; }
    if (images->sizes[0] != labels->sizes[0]) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the \"%s\" files in \"%s\" disagree: %u images, %u labels", prefix,
                            folder, images->sizes[0], labels->sizes[0]);
    }
    return PBT_OK;
}

static pbt_status choose_split(struct pbti_classify_data *data, uint32_t train, uint32_t held_out,
                               struct pbt_error *err)
{
    uint32_t const count = data->images.sizes[0];
    if (held_out == 0 || held_out >= count) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "held_out is %u; allowed are 1 to %u, as \"%s\" has %u training images",
                            held_out, count - 1, data->folder, count);
    }
    if (train > count - held_out) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "train is %u; allowed are 1 to %u, as \"%s\" has %u training images of "
                            "which %u are held out",
                            train, count - held_out, data->folder, count, held_out);
    }
    data->train = train == 0 ? count - held_out : train;
    data->held_out = held_out;
    return PBT_OK;
}

/* Mean and standard deviation over all pixels of the images that train; integer sums are exact. */
static void measure(struct pbti_classify_data *data)
{
    uint64_t histogram[256] = {0};
    size_t const count = (size_t)data->train * data->pixels;
    for (size_t i = 0; i < count; i++) {
        histogram[data->images.bytes[i]]++;
    }
    double sum = 0.0;
    double squares = 0.0;
    for (size_t v = 0; v < 256; v++) {
        sum += (double)histogram[v] * (double)v;
        squares += (double)histogram[v] * (double)(v * v);
    }
    double const mean = sum / (double)count;
    double const variance = squares / (double)count - mean * mean;
    double const sd = variance > 1e-6 ? sqrt(variance) : 1.0;
    data->scale = (float)(1.0 / sd);
    data->shift = (float)(-mean / sd);
}

static uint8_t greatest(const struct pbti_idx *labels)
{
    uint8_t value = 0;
    for (size_t i = 0; i < labels->sizes[0]; i++) {
        value = labels->bytes[i] > value ? labels->bytes[i] : value;
    }
    return value;
}

static pbt_status fill(struct pbti_classify_data *data, uint32_t train, uint32_t held_out,
                       struct pbt_error *err)
{
    pbt_status status = read_pair(data->folder, "train", &data->images, &data->labels, err);
    if (status == PBT_OK) { status = choose_split(data, train, held_out, err); }
    if (status != PBT_OK) { return status; }
    if (data->images.item_bytes > 1u << 20) {
        return pbti_nn_fail(err, PBT_ELIMIT, "an image of \"%s\" has %zu pixels; allowed are %u",
                            data->folder, data->images.item_bytes, 1u << 20);
    }
    data->pixels = (uint32_t)data->images.item_bytes;
    bool const picture = data->images.dimensions == 3;
    data->rows = picture ? data->images.sizes[1] : 1;
    data->columns = picture ? data->images.sizes[2] : data->pixels;
    data->classes = (uint32_t)greatest(&data->labels) + 1;
    if (data->classes < CLASSES_MIN) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "all labels in \"%s\" are 0; at least %d classes are "
                            "needed",
                            data->folder, (int)CLASSES_MIN);
    }
    measure(data);
    return PBT_OK;
}

pbt_status pbti_classify_data_load(struct pbti_classify_data *data, const char *folder,
                                   uint32_t train, uint32_t held_out, struct pbt_error *err)
{
    memset(data, 0, sizeof *data);
    int const length = snprintf(data->folder, sizeof data->folder, "%s", folder);
    if (length < 0 || (size_t)length >= sizeof data->folder) {
        return pbti_nn_fail(err, PBT_EINVAL, "the path \"%.200s...\" is too long", folder);
    }
    pbt_status const status = fill(data, train, held_out, err);
    if (status != PBT_OK) { pbti_classify_data_deinit(data); }
    return status;
}

static pbt_status check_test(const struct pbti_classify_data *data, struct pbt_error *err)
{
    if (data->test_images.item_bytes != data->pixels) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the test images in \"%s\" have %zu pixels, the training images %u",
                            data->folder, data->test_images.item_bytes, data->pixels);
    }
    uint32_t const label = greatest(&data->test_labels);
    if (label >= data->classes) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "a test label in \"%s\" is %u; the training labels end at %u",
                            data->folder, label, data->classes - 1);
    }
    return PBT_OK;
}

pbt_status pbti_classify_data_need_test(struct pbti_classify_data *data, struct pbt_error *err)
{
    if (data->test_images.bytes != NULL) { return PBT_OK; }
    pbt_status status =
        read_pair(data->folder, "t10k", &data->test_images, &data->test_labels, err);
    if (status == PBT_OK) { status = check_test(data, err); }
    if (status != PBT_OK) {
        pbti_idx_deinit(&data->test_images);
        pbti_idx_deinit(&data->test_labels);
    }
    return status;
}

void pbti_classify_data_deinit(struct pbti_classify_data *data)
{
    pbti_idx_deinit(&data->images);
    pbti_idx_deinit(&data->labels);
    pbti_idx_deinit(&data->test_images);
    pbti_idx_deinit(&data->test_labels);
    memset(data, 0, sizeof *data);
}

/* -------- batches -------- */

uint32_t pbti_classify_data_count(const struct pbti_classify_data *data,
                                  enum pbti_classify_split split)
{
    switch (split) {
    case PBTI_CLASSIFY_TRAIN: return data->train;
    case PBTI_CLASSIFY_HELD_OUT: return data->held_out;
    case PBTI_CLASSIFY_TEST: break;
    }
    return data->test_images.bytes == NULL ? 0 : data->test_images.sizes[0];
}

/* x = scale * byte + shift, shape (count) */
PBTI_NN_WIDE
static void normalise(float *restrict x, const uint8_t *restrict bytes, float scale, float shift,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)bytes[i] * scale + shift;
    }
}

void pbti_classify_data_normalise(const struct pbti_classify_data *data, const uint8_t *bytes,
                                  uint32_t count, float *x)
{
    normalise(x, bytes, data->scale, data->shift, (size_t)count * data->pixels);
}

void pbti_classify_data_gather(const struct pbti_classify_data *data,
                               enum pbti_classify_split split, const uint32_t *indices,
                               uint32_t count, float *x, uint8_t *y)
{
    bool const test = split == PBTI_CLASSIFY_TEST;
    const struct pbti_idx *const images = test ? &data->test_images : &data->images;
    const struct pbti_idx *const labels = test ? &data->test_labels : &data->labels;
    /* the held-out images are the last ones of the training file */
    size_t const first =
        split == PBTI_CLASSIFY_HELD_OUT ? (size_t)images->sizes[0] - data->held_out : 0;
    size_t const pixels = data->pixels;
    for (size_t i = 0; i < count; i++) {
        size_t const item = first + indices[i];
        assert(indices[i] < pbti_classify_data_count(data, split));
        normalise(x + i * pixels, images->bytes + item * pixels, data->scale, data->shift, pixels);
        y[i] = labels->bytes[item];
    }
}

/* Distance in [-most, most] from 32 random bits. */
static int64_t distance(uint32_t bits, uint32_t most)
{
    return (int64_t)((uint64_t)bits * (2 * (uint64_t)most + 1) >> 32) - (int64_t)most;
}

void pbti_classify_data_augment(const struct pbti_classify_data *data, float *x, float *scratch,
                                uint32_t count, uint32_t pixels_max,
                                const struct pbti_nn_stream *stream)
{
    int64_t const rows = data->rows;
    int64_t const columns = data->columns;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bits[4];
        pbti_nn_random_block(stream, i, bits);
        int64_t const down = distance(bits[0], pixels_max);
        int64_t const right = distance(bits[1], pixels_max);
        float *const image = x + (size_t)i * data->pixels;
        memcpy(scratch, image, data->pixels * sizeof scratch[0]);
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t c = 0; c < columns; c++) {
                int64_t const from_r = r - down;
                int64_t const from_c = c - right;
                bool const inside = from_r >= 0 && from_r < rows && from_c >= 0 && from_c < columns;
                image[r * columns + c] = inside ? scratch[from_r * columns + from_c] : data->shift;
            }
        }
    }
}
