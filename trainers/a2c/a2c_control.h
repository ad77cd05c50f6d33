/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_control.h - pixel control: what an agent learns about changing what it sees.
 *
 * The picture is divided into n x n cells of k x k pixels. The pseudo-reward of a cell is how much
 * it changes, the mean over its pixels and channels of |o(t+1) - o(t)|. For each cell and action
 * there is a value Q of the discounted sum of these, from the output l of the LSTM:
 *
 *     z = relu(fc(l))           (b, b, 16 maps)
 *     V = deconv(z)             (n, n, 1)      A = deconv'(z)     (n, n, A)
 *     Q = V + A - mean of A over actions
 *
 * and its targets go backwards from the end of a sequence o_0 .. o_T:
 *
 *     G_T = max_a Q_T(a), without a gradient       G_t = (1 - ended_t) (c_t + discount G_(t+1))
 *
 * The loss is a mean over frames, and a sum over cells, of (G_t - Q_t(a_t))^2 / 2.
 *
 * Source      Jaderberg et al. 2016, arXiv:1611.05397, section 3.1 and appendix. Differences: no
 *             relu behind V and A; a frame that ended the episode has pseudo-reward 0; the picture
 *             is not cropped; pictures of binary channels count bits that change.
 */
#ifndef PBTI_TRAINERS_A2C_CONTROL_H
#define PBTI_TRAINERS_A2C_CONTROL_H

#include "nn/nn_block.h"
#include "nn/nn_conv.h"

enum { PBTI_A2C_CONTROL_MAPS = 16 }; /* of z, in the agent */

struct pbti_a2c_control {
    uint32_t side, span;      /* n cells a side, of k x k pixels */
    uint32_t hidden, actions; /* H, A */
    struct pbti_nn_conv_shape value_shape, advantage_shape;
    uint32_t small;                          /* values of z: b b maps */
    uint32_t fc_w, fc_b, v_w, v_b, a_w, a_b; /* parts */
    uint32_t capacity;                       /* C: rows of every array below */
    float *top, *d_top;                      /* (C, H): l and the gradient there */
    float *z, *d_z, *d_other;                /* (C, b, b, maps) */
    float *v, *q, *d_v, *d_q;                /* (C, n n), (C, n n, A), and gradients */
    float *changes, *targets;                /* (C, n n) */
    float *scratch;
};

/* Cells a side for a picture of `rows` rows of bits or of bytes, and pixels a cell; 0: it has no
 * control task. */
uint32_t pbti_a2c_control_span(uint32_t rows, bool bytes);

void pbti_a2c_control_init(struct pbti_a2c_control *control, uint32_t rows, bool bytes,
                           uint32_t maps, uint32_t hidden, uint32_t actions);
void pbti_a2c_control_deinit(struct pbti_a2c_control *control);

/* Add the weights to a block that is not allocated yet. Errors: as pbti_nn_block_add(). */
PBT_NODISCARD pbt_status pbti_a2c_control_parts(struct pbti_a2c_control *control,
                                                struct pbti_nn_block *block, struct pbt_error *err);
void pbti_a2c_control_randomise(const struct pbti_a2c_control *control, struct pbti_nn_block *block,
                                uint64_t seed);

/* Make room for `capacity` rows. Errors: PBT_ENOMEM; then nothing has changed. */
PBT_NODISCARD pbt_status pbti_a2c_control_reserve(struct pbti_a2c_control *control,
                                                  uint32_t capacity, struct pbt_error *err);

/* Q of `rows` rows of control->top. */
void pbti_a2c_control_forward(struct pbti_a2c_control *control, const struct pbti_nn_block *block,
                              uint32_t rows);

/* From control->d_q to control->d_top and the gradients of the weights, written. */
void pbti_a2c_control_backward(struct pbti_a2c_control *control, const struct pbti_nn_block *block,
                               uint32_t rows);

/* -------- the parts of the rule -------- */

/*
 * Pseudo-rewards of one frame.
 *
 * changes     out, shape (n, n)
 * before, after   in, shape (n k, n k) words of bits; or (n k, n k, channels) in [0, 1]
 * mask        in, the channels that count
 */
void pbti_a2c_control_change_cells(float *changes, const uint16_t *before, const uint16_t *after,
                                   uint32_t side, uint32_t span, uint16_t mask);
void pbti_a2c_control_change_pixels(float *changes, const float *before, const float *after,
                                    uint32_t side, uint32_t span, uint32_t channels);

/* Q from V and the advantages. q: in: A, out: Q, shape (cells, actions); v: in, shape (cells). */
void pbti_a2c_control_duel(float *q, const float *v, size_t cells, uint32_t actions);

/*
 * Targets of `count` sequences of T frames.
 *
 * targets     out, shape (T, count, cells)
 * changes     in, shape (T, count, cells)
 * ends        in, shape (T, count)
 * q           in, shape (T + 1, count, cells, actions): of the last row the greatest counts
 */
void pbti_a2c_control_targets(float *targets, const float *changes, const uint8_t *ends,
                              const float *q, uint32_t length, uint32_t count, uint32_t cells,
                              uint32_t actions, double discount);

/*
 * The loss, and its gradient times `cost`.
 *
 * d_q         out, shape (rows, cells, actions)
 * chosen      in, shape (rows): the actions
 */
double pbti_a2c_control_loss(float *d_q, const float *q, const float *targets,
                             const uint8_t *chosen, uint32_t rows, uint32_t cells, uint32_t actions,
                             double cost);

#endif
