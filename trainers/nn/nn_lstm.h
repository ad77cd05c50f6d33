/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_lstm.h - long short-term memory, one step in time forward and backward for a batch.
 *
 *     z     = x Wx^T + h' Wh^T + b            (B, 4H), in the order i, f, g, o, as in PyTorch
 *     i, f, o = s(z_i), s(z_f), s(z_o)        s(t) = 1 / (1 + exp(-t))
 *     g     = tanh(z_g)
 *     c     = f c' + i g
 *     h     = o tanh(c)
 *
 * with h', c' the state before the step. A caller that goes T steps keeps for each of them the x,
 * h', c' it went in with and the gates and c that came out, one behind the other:
 *
 *     forward     for t = 0, 1, ..: pbti_nn_lstm_forward(), with the state of the step before
 *     backward    for t = T - 1, .., 0: pbti_nn_lstm_backward_step(), which hands dh and dc back in
 *                 time; then once, over all T B rows: pbti_nn_lstm_backward_sums()
 *
 * so that the gradients of the weights are three large products and not 3 T small ones. Where an
 * episode ended, the caller lets the next one begin with a state of 0: pbti_nn_mask_rows() on h'
 * and c' going forward, and on dh and dc, once they have come back to there, going backward.
 *
 * Source      Hochreiter & Schmidhuber 1997; the forget gate of Gers et al. 2000.
 * Differences one bias, where PyTorch adds two. It is the caller's to let the bias of the forget
 *             gate, b[H..2H), start at 1, so that memories last from the beginning (Jozefowicz et
 *             al. 2015).
 */
#ifndef PBTI_NN_LSTM_H
#define PBTI_NN_LSTM_H

#include "nn/nn_rows.h" /* what goes through time is masked at the ends of episodes */

#include <stdint.h>

/* Sizes and weights of the layer; the weights are borrowed. */
struct pbti_nn_lstm {
    uint32_t inputs;  /* I */
    uint32_t hidden;  /* H */
    const float *w_x; /* shape (4H, I) */
    const float *w_h; /* shape (4H, H) */
    const float *b;   /* shape (4H) */
};

/*
 * One step.
 *
 * gates       out, shape (B, 4H): i, f, g, o after their functions; the way back needs them
 * h           out, shape (B, H); not h_before
 * c           out, shape (B, H); may be c_before where nobody goes back
 * x           in, shape (B, I)
 * h_before    in, shape (B, H)
 * c_before    in, shape (B, H)
 */
void pbti_nn_lstm_forward(const struct pbti_nn_lstm *lstm, float *gates, float *h, float *c,
                          const float *x, const float *h_before, const float *c_before,
                          uint32_t batch);

/* The same from weights that pbti_nn_transpose() turned: w_x of shape (I, 4H) and w_h of shape
 * (H, 4H). With few rows it is much faster (nn_linear.h). */
void pbti_nn_lstm_forward_transposed(const struct pbti_nn_lstm *lstm, float *gates, float *h,
                                     float *c, const float *x, const float *h_before,
                                     const float *c_before, uint32_t batch);

/*
 * One step back: from the gradients at h and c to those at z and at the state before.
 *
 * dz          out, shape (B, 4H): the gradient at z, for pbti_nn_lstm_backward_sums()
 * dh_before   out, shape (B, H); may be `dh`
 * dc_before   out, shape (B, H); may be `dc`
 * dh          in, shape (B, H): from the layer above and from the step after
 * dc          in, shape (B, H): from the step after
 * gates, c    in, what the forward step put out
 * c_before    in, what it went in with
 */
void pbti_nn_lstm_backward_step(const struct pbti_nn_lstm *lstm, float *dz, float *dh_before,
                                float *dc_before, const float *dh, const float *dc,
                                const float *gates, const float *c, const float *c_before,
                                uint32_t batch);

/*
 * What `rows` rows of dz, of any number of steps, mean for the inputs and the weights. Gradients of
 * weights are *added to*, so that a long unroll may come in pieces: let them be 0 before the first.
 *
 * dx          out, shape (rows, I), written; NULL: not wanted
 * dw_x        in/out, shape (4H, I)
 * dw_h        in/out, shape (4H, H)
 * db          in/out, shape (4H)
 * dz          in, shape (rows, 4H)
 * x           in, shape (rows, I)
 * h_before    in, shape (rows, H)
 */
void pbti_nn_lstm_backward_sums(const struct pbti_nn_lstm *lstm, float *dx, float *dw_x,
                                float *dw_h, float *db, const float *dz, const float *x,
                                const float *h_before, uint32_t rows);

/* The forward step in plain C, sums in index order and in double: what the fast one is tested
 * against. */
void pbti_nn_lstm_forward_reference(const struct pbti_nn_lstm *lstm, float *gates, float *h,
                                    float *c, const float *x, const float *h_before,
                                    const float *c_before, uint32_t batch);

#endif
