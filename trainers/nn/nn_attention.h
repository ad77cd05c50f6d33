/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn_attention.h - multi-head attention over packed sequences, forward and backward.
 *
 *     P = softmax(Q K^T / sqrt(D))        for each sequence and each head, D values wide
 *     O = dropout(P) V
 *
 * Packed: the rows of all sequences stand behind each other and none of them is padding; sequence
 * s of the queries has rows query_starts[s] to query_starts[s + 1], its keys and values likewise.
 * Each sequence attends to itself only (or, in a decoder, to its own source). Head h has columns h
 * D to (h + 1) D. Where `causal`, query i sees keys 0 to i. A weight that is masked is exactly 0.
 *
 * The linear layers before and after are the network's. Sequences of text are short, so the
 * products are loops of nn_small.h: a library call for each would cost more than its work.
 *
 * Source      Vaswani et al. 2017, "Attention is all you need", section 3.2.
 */
#ifndef PBTI_NN_ATTENTION_H
#define PBTI_NN_ATTENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What attends to what. */
struct pbti_nn_attention {
    uint32_t width, heads; /* of all heads together; how many: divides width */
    uint32_t sequences;
    const uint32_t *query_starts, *key_starts; /* shape (sequences + 1); rows */
    bool causal;                               /* needs as many keys as queries */
};

/* Rows of queries, keys and values (or their gradients), and the floats from one row to the next:
 * the three may be columns of one array. */
struct pbti_nn_attended {
    float *q, *k, *v;
    size_t q_row, k_row, v_row;
};

/* Floats of the weights of a pass (and of a mask over them); zero for no sequences. */
size_t pbti_nn_attention_weights(const struct pbti_nn_attention *attention);

/* Floats of scratch that each pass needs; grows with the longest sequence only. */
size_t pbti_nn_attention_scratch(const struct pbti_nn_attention *attention);

/*
 * o           out, shape (query rows, width), without gaps between rows
 * weights     out, shape (pbti_nn_attention_weights()): P before dropout, for the way back
 * in          in, not changed
 * mask        in, as long as `weights`: what P is multiplied by (nn_dropout.h); NULL: no dropout
 * scratch     shape (pbti_nn_attention_scratch())
 */
void pbti_nn_attention_forward(const struct pbti_nn_attention *attention, float *o, float *weights,
                               const struct pbti_nn_attended *in, const float *mask,
                               float *scratch);

/*
 * Gradients, written, not accumulated.
 *
 * d           out; its arrays must not overlap those of `in`
 * d_o         in, shape (query rows, width)
 * others      in, as in the forward pass
 */
void pbti_nn_attention_backward(const struct pbti_nn_attention *attention,
                                const struct pbti_nn_attended *d, const float *d_o,
                                const float *weights, const struct pbti_nn_attended *in,
                                const float *mask, float *scratch);

/*
 * The softmax of a row of scores, in place: y_j = exp(scale x_j - max) / sum for j < seen, and 0
 * for all j from `seen` to `columns`, a multiple of PBTI_NN_SMALL_LANES. seen >= 1. NaN spreads
 * over what is seen.
 */
void pbti_nn_attention_softmax(float *row, size_t seen, size_t columns, float scale);

/* One head of one sequence, in double, for the plain version; shapes (queries, depth), (keys,
 * depth), (keys, depth) and, for the weights and the mask, (queries, keys). */
struct pbti_nn_attention_head {
    const double *q, *k, *v;
    const double *mask; /* NULL: no dropout */
    uint32_t queries, keys, depth;
    const bool *hidden; /* shape (queries, keys): true where a query does not see; NULL: all seen */
};

/* Both passes in plain C, in index order and in double: what the fast ones are tested against.
 * `d_o` may be NULL: no way back. */
void pbti_nn_attention_reference(const struct pbti_nn_attention_head *head, double *o,
                                 double *weights, const double *d_o, double *d_q, double *d_k,
                                 double *d_v);

#endif
