/* SPDX-License-Identifier: Apache-2.0 */
/* gan_sheet.c - pictures side by side, see gan_sheet.h. */
#include "gan/gan_sheet.h"
#include "data/data_pictures.h"
#include "data/data_png.h"
#include "nn/nn_init.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 1 };
#define FIXED_SEED UINT64_C(0x6669786564) /* "fixed" */

pbt_status pbti_gan_sheet(uint8_t **png, size_t *size, const float *x,
                          const struct pbti_gan_shape *shape, uint32_t count, uint32_t across,
                          struct pbt_error *err)
{
    uint32_t const down = (count + across - 1) / across;
    uint32_t const width = across * (shape->columns + GAP) + GAP;
    uint32_t const height = down * (shape->rows + GAP) + GAP;
    size_t const row = (size_t)shape->columns * shape->channels;
    size_t const stride = (size_t)width * shape->channels;
    *png = NULL;
    uint8_t *const pixels = calloc(stride, height);
    if (pixels == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a sheet of %u pictures", count);
    }
    for (uint32_t i = 0; i < count; i++) {
        size_t const top = GAP + (size_t)(i / across) * (shape->rows + GAP);
        size_t const left = GAP + (size_t)(i % across) * (shape->columns + GAP);
        for (size_t y = 0; y < shape->rows; y++) {
            pbti_pictures_to_bytes(pixels + (top + y) * stride + left * shape->channels,
                                   x + ((size_t)i * shape->rows + y) * row, row);
        }
    }
    pbt_status const status =
        pbti_png_encode(png, size, pixels, width, height, shape->channels, err);
    free(pixels);
    return status;
}

void pbti_gan_draw_all(struct pbti_gan_network *net, float *y, const float *z, uint32_t count)
{
    size_t const picture = pbti_gan_picture_floats(&net->shape);
    for (uint32_t first = 0; first < count; first += net->capacity) {
        uint32_t const batch = count - first < net->capacity ? count - first : net->capacity;
        pbti_gan_draw(net, y + first * picture, z + (size_t)first * net->shape.latent, batch);
    }
}

pbt_status pbti_gan_sheet_fixed(uint8_t **png, size_t *size, struct pbti_gan_network *net,
                                struct pbt_error *err)
{
    enum { COUNT = PBTI_GAN_SHEET_COUNT };
    size_t const latents = (size_t)COUNT * net->shape.latent;
    *png = NULL;
    float *const z = pbti_nn_floats(latents);
    float *const y = pbti_nn_floats(COUNT * pbti_gan_picture_floats(&net->shape));
    pbt_status status = PBT_OK;
    if (z == NULL || y == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory for %d pictures", (int)COUNT);
    } else {
        struct pbti_nn_stream const stream = {
            .seed = FIXED_SEED, .purpose = PBTI_NN_PURPOSE_LATENT_EVALUATION, .lane = 1};
        pbti_nn_init_normal(z, latents, 1.0, &stream);
        pbti_gan_draw_all(net, y, z, COUNT);
        status = pbti_gan_sheet(png, size, y, &net->shape, COUNT, PBTI_GAN_SHEET_SIDE, err);
    }
    free(z);
    free(y);
    return status;
}
