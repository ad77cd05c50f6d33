/* SPDX-License-Identifier: Apache-2.0 */
/*
 * data_png.h - pictures as PNG files. We only write: 8 bits a channel, grey or RGB, no filters.
 *
 * Source      the PNG specification, 3rd edition: sections 5 (chunks), 10 (compression), 11.2.
 */
#ifndef PBTI_TRAINERS_DATA_PNG_H
#define PBTI_TRAINERS_DATA_PNG_H

#include "pbt/status.h"

#include <stddef.h>
#include <stdint.h>

enum { PBTI_PNG_SIDE_MAX = 16384 };

/*
 * Make the bytes of a PNG file.
 *
 * png         out, to be released with free()
 * size        out, bytes
 * pixels      in, shape (height, width, channels), rows from the top
 * width, height  in, 1..PBTI_PNG_SIDE_MAX
 * channels    in, 1: grey, 3: red, green, blue
 *
 * Errors      PBT_EINVAL (sizes), PBT_ENOMEM; *png is NULL then
 */
PBT_NODISCARD pbt_status pbti_png_encode(uint8_t **png, size_t *size, const uint8_t *pixels,
                                         uint32_t width, uint32_t height, uint32_t channels,
                                         struct pbt_error *err);

/* Write the same to the file `path`, under another name first. Errors: also PBT_EIO. */
PBT_NODISCARD pbt_status pbti_png_write(const char *path, const uint8_t *pixels, uint32_t width,
                                        uint32_t height, uint32_t channels, struct pbt_error *err);

#endif
