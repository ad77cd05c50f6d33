/* SPDX-License-Identifier: Apache-2.0 */
/*
 * translate_beam.h - beam search over the logits of anything that makes them; knows no network.
 *
 * Up to K hypotheses of one sentence are alive. Each round extends all of them by every token and
 * takes the 2K best by log P (ties: the lower token, then the lower place in the beam). Those that
 * end join the finished, of which the K best by score are kept; the first K others stay alive. The
 * score is log P / ((5 + n) / 6)^alpha, where n counts the tokens with the end. The search stops
 * when the best that is alive could not beat the best that is finished even at the greatest
 * length, or at the limit; if nothing has finished then, what is alive is the answer.
 *
 * K = 1 is greedy search: the one best token each round.
 *
 * Source      Wu et al. 2016 (GNMT), section 7, for the length penalty; 2K candidates as in
 *             tensor2tensor.
 */
#ifndef PBTI_TRANSLATE_BEAM_H
#define PBTI_TRANSLATE_BEAM_H

#include "pbt/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PBTI_BEAM_MAX = 64 };

struct pbti_beam_hypothesis {
    uint32_t *ids;   /* shape (limit): what was chosen, without the end */
    uint32_t count;  /* of ids */
    double log_p;    /* with the end, when finished */
    double score;    /* of the finished */
    uint32_t parent; /* place in the beam of the round before */
};

struct pbti_beam {
    uint32_t width, limit; /* K; tokens at most, the end included */
    double alpha;
    uint32_t end; /* token that ends; lower ones are never chosen */
    uint32_t alive_count, finished_count, rounds;
    bool done;
    struct pbti_beam_hypothesis alive[PBTI_BEAM_MAX];    /* best first */
    struct pbti_beam_hypothesis finished[PBTI_BEAM_MAX]; /* best first; filled up when done */
    uint32_t *memory;                                    /* of all ids */
    struct pbti_beam_hypothesis spare[PBTI_BEAM_MAX];
};

/* Begin with the empty hypothesis. width: 1..PBTI_BEAM_MAX; limit >= 1. Errors: PBT_ENOMEM. */
PBT_NODISCARD pbt_status pbti_beam_init(struct pbti_beam *beam, uint32_t width, uint32_t limit,
                                        double alpha, uint32_t end, struct pbt_error *err);
void pbti_beam_deinit(struct pbti_beam *beam);

/* ((5 + n) / 6)^alpha */
double pbti_beam_penalty(uint32_t n, double alpha);

/*
 * One round.
 *
 * logits      in, shape (alive_count, stride): row i follows alive[i]; `tokens` of each are used.
 *             Any constant may be added to a row.
 *
 * Afterwards alive[i].parent names the row that hypothesis i came from.
 */
void pbti_beam_step(struct pbti_beam *beam, const float *logits, size_t stride, uint32_t tokens);

#endif
