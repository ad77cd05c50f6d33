/* SPDX-License-Identifier: Apache-2.0 */
/*
 * classify_data.h - the images: which train, which are held back for the score, which test.
 *
 * A folder holds four idx files under the names that MNIST gave them:
 *
 *     train-images-idx3-ubyte, train-labels-idx1-ubyte    split into training and held-out images
 *     t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte      test images, read when first asked for
 *
 * Of the training file the first `train` images train and the last `held_out` give the score; they
 * never overlap. Pixels stay bytes in memory and are normalised, by the mean and standard deviation
 * of the images that train, when a batch is gathered.
 */
#ifndef PBTI_TRAINERS_CLASSIFY_DATA_H
#define PBTI_TRAINERS_CLASSIFY_DATA_H

#include "data/idx.h"
#include "nn/nn_random.h"

#include <stdbool.h>

enum pbti_classify_split {
    PBTI_CLASSIFY_TRAIN,
    PBTI_CLASSIFY_HELD_OUT,
    PBTI_CLASSIFY_TEST,
};

struct pbti_classify_data {
    char folder[4096];
    struct pbti_idx images, labels;           /* the training file; both parts */
    struct pbti_idx test_images, test_labels; /* empty until pbti_classify_data_need_test() */
    uint32_t train, held_out;                 /* images */
    uint32_t pixels;                          /* of one image */
    uint32_t rows, columns;                   /* of one image; 1 x pixels when it is no picture */
    uint32_t classes;                         /* greatest label + 1 */
    float scale, shift;                       /* normalised = scale * byte + shift */
};

/*
 * Load the training file.
 *
 * train       in, images that train; 0 = all but the held out
 * held_out    in, images held back for the score, at least 1
 *
 * Errors      those of pbti_idx_read(); PBT_EINVAL (counts disagree, more images asked for than
 *             there are)
 */
PBT_NODISCARD pbt_status pbti_classify_data_load(struct pbti_classify_data *data,
                                                 const char *folder, uint32_t train,
                                                 uint32_t held_out, struct pbt_error *err);

/* Load the test file unless it is there; it must have the same pixels and no further classes. */
PBT_NODISCARD pbt_status pbti_classify_data_need_test(struct pbti_classify_data *data,
                                                      struct pbt_error *err);

/* How many images a split has. */
uint32_t pbti_classify_data_count(const struct pbti_classify_data *data,
                                  enum pbti_classify_split split);

/*
 * Write images of a split, normalised, to x and their labels to y.
 *
 * indices     in, shape (count), each below the size of the split
 * x           out, shape (count, pixels)
 * y           out, shape (count)
 */
void pbti_classify_data_gather(const struct pbti_classify_data *data,
                               enum pbti_classify_split split, const uint32_t *indices,
                               uint32_t count, float *x, uint8_t *y);

/* Normalise images, bytes of shape (count, pixels), as those that train. x: out, same shape */
void pbti_classify_data_normalise(const struct pbti_classify_data *data, const uint8_t *bytes,
                                  uint32_t count, float *x);

/*
 * Move each image of a batch by up to `pixels_max` rows and columns; what moves in has the value of
 * a byte 0. Picture i takes its two distances from block i of the stream.
 *
 * x           in/out, shape (count, pixels)
 * scratch     shape (pixels)
 */
void pbti_classify_data_augment(const struct pbti_classify_data *data, float *x, float *scratch,
                                uint32_t count, uint32_t pixels_max,
                                const struct pbti_nn_stream *stream);

void pbti_classify_data_deinit(struct pbti_classify_data *data);

#endif
