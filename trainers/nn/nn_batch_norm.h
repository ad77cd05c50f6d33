/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_batch_norm.h - batch normalisation, in training and with running values.
 *
 *     x^ = (x - mean) / sqrt(variance + epsilon)      over all rows of each channel
 *     y  = gain x^ + bias
 *
 * A row is one place of one picture: rows = B Y X. The variance that normalises is divided by the
 * number of rows; the running one takes rows / (rows - 1) times that, as in PyTorch:
 *
 *     running = (1 - momentum) running + momentum new
 *
 * Running values start at 0 (mean) and 1 (variance). They stand in a block as parts whose gradients
 * stay 0 and whose `decay` is false: then Adam leaves them alone, and they are saved and cloned
 * with the weights.
 *
 * Source      Ioffe & Szegedy 2015, "Batch normalization", algorithm 1 and section 3.1.
 * Difference  the running variance is a moving average of batches (PyTorch's), not a second pass.
 */
#ifndef PBTI_NN_BATCH_NORM_H
#define PBTI_NN_BATCH_NORM_H

#include <stddef.h>
#include <stdint.h>

/* What the way forward found out about the channels, for the way back; both of shape (C). */
struct pbti_nn_channel_statistics {
    float *mean;
    float *inverse; /* 1 / sqrt(variance + epsilon) */
};

/*
 * Normalise by the values of this batch.
 *
 * y           out, shape (N, C); may be x where nobody goes back
 * statistics  out
 * running     in/out, mean and variance, each of shape (C), updated; NULL members: not kept
 * x           in, shape (N, C)
 * gain, bias  in, shape (C)
 * momentum    in, [0, 1]; 0.1 in PyTorch
 * epsilon     in, [1e-37, inf); 1e-5 in PyTorch
 * rows        in, N, at least 2
 */
struct pbti_nn_running {
    float *mean, *variance;
};
void pbti_nn_batch_norm_forward(float *y, const struct pbti_nn_channel_statistics *statistics,
                                const struct pbti_nn_running *running, const float *x,
                                const float *gain, const float *bias, double momentum,
                                double epsilon, size_t rows, uint32_t channels);

/* Normalise by the running values, which stay as they are. Arguments as above; `statistics` is
 * written, from the running values. y may be x. */
void pbti_nn_batch_norm_infer(float *y, const struct pbti_nn_channel_statistics *statistics,
                              const struct pbti_nn_running *running, const float *x,
                              const float *gain, const float *bias, double epsilon, size_t rows,
                              uint32_t channels);

/*
 * Gradients through the statistics of the batch, written, not accumulated.
 *
 * dx          out, shape (N, C); may be `dy`
 * d_gain      out, shape (C)
 * d_bias      out, shape (C)
 * dy          in, shape (N, C)
 */
void pbti_nn_batch_norm_backward(float *dx, float *d_gain, float *d_bias, const float *dy,
                                 const float *x,
                                 const struct pbti_nn_channel_statistics *statistics,
                                 const float *gain, size_t rows, uint32_t channels);

/* Forward by the values of the batch in plain C, in index order and in double: what the fast one
 * is tested against. Running values are left alone. */
void pbti_nn_batch_norm_forward_reference(float *y, const float *x, const float *gain,
                                          const float *bias, double epsilon, size_t rows,
                                          uint32_t channels);

#endif
