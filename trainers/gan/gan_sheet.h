/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_sheet.h - pictures side by side, as the bytes of a PNG file.
 */
#ifndef PBTI_TRAINERS_GAN_SHEET_H
#define PBTI_TRAINERS_GAN_SHEET_H

#include "gan/gan_network.h"

enum { PBTI_GAN_SHEET_SIDE = 8, PBTI_GAN_SHEET_COUNT = 64 };

/*
 * Lay out pictures in rows of `across`, from the top left, one cell of background between them.
 *
 * png         out, to be released with free()
 * x           in, shape (count, Y, X, C), values in [-1, 1]
 *
 * Errors      PBT_ENOMEM, PBT_EINVAL (too large for a PNG file)
 */
PBT_NODISCARD pbt_status pbti_gan_sheet(uint8_t **png, size_t *size, const float *x,
                                        const struct pbti_gan_shape *shape, uint32_t count,
                                        uint32_t across, struct pbt_error *err);

/*
 * The pictures of PBTI_GAN_SHEET_COUNT fixed latents, the same for all networks with so many
 * latents: so the sheets of a study can be compared.
 */
PBT_NODISCARD pbt_status pbti_gan_sheet_fixed(uint8_t **png, size_t *size,
                                              struct pbti_gan_network *net, struct pbt_error *err);

/* Draw `count` pictures by the generator's running values, in batches. z (count, Z), y (count, Y,
 * X, C). */
void pbti_gan_draw_all(struct pbti_gan_network *net, float *y, const float *z, uint32_t count);

#endif
