/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_pictures.h - labelled pictures, grey or RGB, from the files of a folder:
 *
 *     train-images-idx3-ubyte, train-labels-idx1-ubyte    grey: (N, Y, X)
 *     train-images-idx4-ubyte, train-labels-idx1-ubyte    (N, Y, X, C)
 *     data_batch_1.bin to data_batch_5.bin                CIFAR-10's own binary files
 *
 * and, for testing, t10k-images-idx3-ubyte (idx4), t10k-labels-idx1-ubyte or test_batch.bin. idx
 * files may be compressed with gzip. The first form that is there is read.
 *
 * A record of CIFAR-10's is a byte with the label and three planes of 32 x 32 bytes, red, green and
 * blue; in memory channels are last. A set with fewer than five files is read up to the first one
 * that is missing.
 */
#ifndef PBTI_TRAINERS_DATA_PICTURES_H
#define PBTI_TRAINERS_DATA_PICTURES_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pbti_pictures {
    uint32_t count;
    uint32_t rows, columns, channels; /* of one picture */
    uint32_t classes;                 /* greatest label + 1 */
    size_t size;                      /* bytes of one picture */
    uint8_t *bytes;                   /* shape (count, rows, columns, channels); owned */
    uint8_t *labels;                  /* shape (count); owned */
};

/*
 * Read the pictures that train, or those for testing.
 *
 * Errors      PBT_ENOENT (none of the files is there; the message names them), PBT_EIO,
 *             PBT_ENOMEM, PBT_ECORRUPT, PBT_ELIMIT, PBT_EINVAL (pictures and labels disagree, or
 *             neither 1 nor 3 channels); *pictures is empty then
 */
PBT_NODISCARD pbt_status pbti_pictures_load(struct pbti_pictures *pictures, const char *folder,
                                            bool test, struct pbt_error *err);

void pbti_pictures_deinit(struct pbti_pictures *pictures);

/* x = byte / 127.5 - 1, in [-1, 1], and back: round((x + 1) 127.5), clipped; NaN is 0. */
void pbti_pictures_to_floats(float *x, const uint8_t *bytes, size_t count);
void pbti_pictures_to_bytes(uint8_t *bytes, const float *x, size_t count);

#endif
