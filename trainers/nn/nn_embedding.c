/* SPDX-License-Identifier: Apache-2.0 */
/* nn_embedding.c - rows of a table by number, see nn_embedding.h. */
#include "nn/nn_embedding.h"
#include "nn/nn_base.h"

#include <math.h>
#include <string.h>

void pbti_nn_positions(float *positions, uint32_t rows, uint32_t width)
{
    for (size_t p = 0; p < rows; p++) {
        for (size_t j = 0; j < width; j++) {
            double const exponent = (double)(j - j % 2) / (double)width;
            double const angle = (double)p / pow(10000.0, exponent);
            positions[p * width + j] = (float)(j % 2 == 0 ? sin(angle) : cos(angle));
        }
    }
}

PBTI_NN_WIDE
static void add_scaled(float *restrict to, const float *restrict from, float scale, size_t count)
{
    for (size_t j = 0; j < count; j++) {
        to[j] += scale * from[j];
    }
}

void pbti_nn_embedding_forward(float *y, const float *table, const float *positions,
                               const uint32_t *ids, const uint32_t *places, float scale,
                               uint32_t rows, uint32_t width)
{
    for (size_t r = 0; r < rows; r++) {
        float *const row = y + r * width;
        if (positions == NULL) {
            memset(row, 0, width * sizeof row[0]);
        } else {
            memcpy(row, positions + (size_t)places[r] * width, width * sizeof row[0]);
        }
        add_scaled(row, table + (size_t)ids[r] * width, scale, width);
    }
}

void pbti_nn_embedding_backward(float *d_table, const float *dy, const uint32_t *ids, float scale,
                                uint32_t rows, uint32_t width)
{
    for (size_t r = 0; r < rows; r++) {
        add_scaled(d_table + (size_t)ids[r] * width, dy + r * width, scale, width);
    }
}
