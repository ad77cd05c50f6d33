/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture_fixture.h - small labelled pictures for the tests of `gan`: 8 x 8 cells, noise with a
 * bright half that the label places, in idx files or in CIFAR-10's form.
 */
#ifndef PBTI_TEST_PICTURE_FIXTURE_H
#define PBTI_TEST_PICTURE_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

enum { PICTURES_SIDE = 8, PICTURES_CLASSES = 4, PICTURES_TRAIN = 240, PICTURES_TEST = 80 };

/* Write the four idx files of pictures with 1 or 3 channels. */
void pictures_idx(const char *folder, uint32_t channels);

/* Write a file of CIFAR-10's: `records` of them, the bytes of record r and plane c all 10 r + c,
 * its first cell's 200 + c; labels r % 10. */
void pictures_cifar(const char *path, uint32_t records);

#endif
