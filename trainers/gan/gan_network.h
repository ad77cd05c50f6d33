/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gan_network.h - the two networks of a small DCGAN, and their updates.
 *
 *     G: z (Z) -> linear -> (Y/4, X/4, W) -> norm -> relu
 *          -> transposed convolution 4 x 4, stride 2, padding 1 -> (Y/2, X/2, N) -> norm -> relu
 *          -> transposed convolution, the same -> (Y, X, C), bias -> tanh
 *     D: picture -> convolution 4 x 4, stride 2, padding 1 -> (Y/2, X/2, N), bias -> leaky relu 0.2
 *          -> convolution, the same -> (Y/4, X/4, W), bias or norm -> leaky relu 0.2
 *          -> linear -> one logit, bias
 *
 * with N narrow and W wide channels. G's norm is batch normalisation, whose scale and offset stand
 * for the bias, or none with a bias. D has none, batch normalisation in its second layer, for real
 * and generated pictures apart, or spectral normalisation of all three.
 *
 * Weights start as N(0, 0.02^2), biases at 0, gains at 1.
 *
 * Source      Radford et al. 2016, "Unsupervised representation learning with deep convolutional
 *             generative adversarial networks", section 3.
 * Difference  kernel 4 and padding 1, so that every place of the output is covered equally often;
 *             two layers of convolutions, for pictures of 28 or 32 cells; gains start at 1, not at
 *             N(1, 0.02^2); D without batch normalisation unless asked for.
 */
#ifndef PBTI_TRAINERS_GAN_NETWORK_H
#define PBTI_TRAINERS_GAN_NETWORK_H

#include "nn/nn_adam.h"
#include "nn/nn_block.h"
#include "nn/nn_conv.h"
#include "nn/nn_logit_loss.h"

enum pbti_gan_norm {
    PBTI_GAN_NORM_NONE,
    PBTI_GAN_NORM_BATCH,
    PBTI_GAN_NORM_SPECTRAL, /* D's only */
};

struct pbti_gan_shape {
    uint32_t rows, columns, channels; /* of a picture; rows and columns multiples of 4 */
    uint32_t latent;                  /* Z */
    uint32_t narrow, wide;            /* channels N, W */
    enum pbti_gan_norm d_norm, g_norm;
    bool averaged; /* keep a moving average of G's weights */
};

/* Parts of the generator's block; the running values are parts without gradients. */
enum {
    PBTI_GAN_G_LINEAR,
    PBTI_GAN_G_GAIN1, /* with norm none: 0 and unused, as are the next but the offset */
    PBTI_GAN_G_OFFSET1,
    PBTI_GAN_G_MEAN1,
    PBTI_GAN_G_VARIANCE1,
    PBTI_GAN_G_CONV1,
    PBTI_GAN_G_GAIN2,
    PBTI_GAN_G_OFFSET2,
    PBTI_GAN_G_MEAN2,
    PBTI_GAN_G_VARIANCE2,
    PBTI_GAN_G_CONV2,
    PBTI_GAN_G_BIAS,
    PBTI_GAN_G_PARTS
};

/* Parts of the discriminator's; GAIN with batch normalisation only, U1 to U3 with spectral. */
enum {
    PBTI_GAN_D_CONV1,
    PBTI_GAN_D_BIAS1,
    PBTI_GAN_D_CONV2,
    PBTI_GAN_D_BIAS2, /* with batch normalisation its offset */
    PBTI_GAN_D_GAIN2,
    PBTI_GAN_D_LINEAR,
    PBTI_GAN_D_BIAS3,
    PBTI_GAN_D_U1,
    PBTI_GAN_D_U2,
    PBTI_GAN_D_U3,
    PBTI_GAN_D_PARTS
};

/* Arrays of a pass through G, of `capacity` pictures. */
struct pbti_gan_g_pass {
    float *z;         /* (B, Z) */
    float *h1, *a1;   /* (B, Y/4, X/4, W): before and after norm and relu */
    float *h2, *a2;   /* (B, Y/2, X/2, N) */
    float *h3, *y;    /* (B, Y, X, C): before and after tanh */
    float *dh1, *dh2; /* gradients */
    float *statistics[4];
};

/* Arrays of a pass through D, of 2 `capacity` pictures. */
struct pbti_gan_d_pass {
    float *x;        /* (2B, Y, X, C): real pictures, then generated ones */
    float *a1;       /* (2B, Y/2, X/2, N) */
    float *h2, *a2;  /* (2B, Y/4, X/4, W) */
    float *logits;   /* (2B) */
    float *d_logits; /* (2B) */
    float *da1, *da2, *dx;
    float *used[3], *v[3]; /* spectral: the weights in use, and the vectors of the last pass */
    double sigma[3];
    float *statistics[4];
};

struct pbti_gan_network {
    struct pbti_gan_shape shape;
    struct pbti_nn_conv_shape outer, inner; /* picture <-> N channels <-> W channels */
    struct pbti_nn_block g, d;
    struct pbti_nn_block average; /* G's weights, averaged; one value unless shape.averaged */
    struct pbti_gan_g_pass gp;
    struct pbti_gan_d_pass dp;
    float *gradient2; /* gain and offset of D's second group, shape (2, W) */
    float *scratch;   /* of convolutions */
    float *buffers;   /* the memory behind both passes */
    uint32_t capacity;
};

/* What one update was like. */
struct pbti_gan_update {
    double loss;
    uint32_t right; /* D's: real pictures with a logit above 0 and generated ones below */
};

/*
 * Build networks with zero weights, for batches of up to `capacity` pictures.
 *
 * Errors      PBT_ENOMEM, PBT_ELIMIT; then nothing was taken
 */
PBT_NODISCARD pbt_status pbti_gan_network_init(struct pbti_gan_network *net,
                                               const struct pbti_gan_shape *shape,
                                               uint32_t capacity, struct pbt_error *err);
void pbti_gan_network_deinit(struct pbti_gan_network *net);

/* Make room for batches of `capacity` pictures; keeps weights and slots. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_gan_network_reserve(struct pbti_gan_network *net, uint32_t capacity,
                                                  struct pbt_error *err);

/* Draw all weights; what the optimisers remember is 0, running values are 0 and 1. */
void pbti_gan_network_randomise(struct pbti_gan_network *net, uint64_t seed);

/* Floats of one picture. */
size_t pbti_gan_picture_floats(const struct pbti_gan_shape *shape);

/*
 * Pictures from the latents in gp.z to gp.y, normalised by their own batch, whose statistics move
 * the running values.
 */
void pbti_gan_generate(struct pbti_gan_network *net, uint32_t batch);

/*
 * The same with running values and, where there is an average, with averaged weights: what a
 * picture looks like does not depend on the batch that it is in.
 *
 * y           out, shape (batch, Y, X, C)
 * z           in, shape (batch, Z)
 */
void pbti_gan_draw(struct pbti_gan_network *net, float *y, const float *z, uint32_t batch);

/*
 * Gradients of D: reads `batch` real pictures in dp.x and the latents in gp.z, generates as many
 * pictures behind the real ones, and writes D's gradients. Running values of G move.
 */
struct pbti_gan_update pbti_gan_d_gradients(struct pbti_gan_network *net,
                                            enum pbti_nn_logit_loss loss, double smoothing,
                                            uint32_t batch);

/* Gradients of G through D as it is now: reads the latents in gp.z. */
struct pbti_gan_update pbti_gan_g_gradients(struct pbti_gan_network *net,
                                            enum pbti_nn_logit_loss loss, uint32_t batch);

/* average = keep * average + (1 - keep) * weights, where there is one. */
void pbti_gan_network_average(struct pbti_gan_network *net, double keep);

/* Let the average be the weights. */
void pbti_gan_network_average_reset(struct pbti_gan_network *net);

#endif
