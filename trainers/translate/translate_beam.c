/* SPDX-License-Identifier: Apache-2.0 */
/* translate_beam.c - beam search, see translate_beam.h. */
#include "translate/translate_beam.h"
#include "nn/nn_base.h"
#include "nn/nn_softmax.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

pbt_status pbti_beam_init(struct pbti_beam *beam, uint32_t width, uint32_t limit, double alpha,
                          uint32_t end, struct pbt_error *err)
{
    assert(width >= 1 && width <= PBTI_BEAM_MAX && limit >= 1);
    memset(beam, 0, sizeof *beam);
    beam->width = width;
    beam->limit = limit;
    beam->alpha = alpha;
    beam->end = end;
    beam->alive_count = 1;
    beam->memory = calloc(3 * (size_t)width * limit, sizeof beam->memory[0]);
    if (beam->memory == NULL) { return pbti_nn_fail(err, PBT_ENOMEM, "no memory for a search"); }
    for (size_t i = 0; i < width; i++) {
        beam->alive[i].ids = beam->memory + i * limit;
        beam->spare[i].ids = beam->memory + (width + i) * limit;
        beam->finished[i].ids = beam->memory + (2 * width + i) * limit;
    }
    return PBT_OK;
}

void pbti_beam_deinit(struct pbti_beam *beam)
{
    free(beam->memory);
    memset(beam, 0, sizeof *beam);
}

double pbti_beam_penalty(uint32_t n, double alpha)
{
    return pow((5.0 + n) / 6.0, alpha);
}

/* -------- candidates -------- */

struct candidate {
    double log_p;
    uint32_t token, row;
};

/* Candidates, best first. Rows and, within them, tokens come in rising order. */
struct candidates {
    struct candidate best[2 * PBTI_BEAM_MAX];
    uint32_t count, room;
};

static bool better(const struct candidate *a, const struct candidate *b)
{
    if (a->log_p != b->log_p) { return a->log_p > b->log_p; }
    return a->token != b->token ? a->token < b->token : a->row < b->row;
}

static void offer(struct candidates *all, struct candidate candidate)
{
    if (all->count == all->room && !better(&candidate, &all->best[all->count - 1])) { return; }
    uint32_t at = all->count < all->room ? all->count++ : all->count - 1;
    while (at > 0 && better(&candidate, &all->best[at - 1])) {
        all->best[at] = all->best[at - 1];
        at--;
    }
    all->best[at] = candidate;
}

static void offer_row(struct candidates *all, const struct pbti_beam *beam, uint32_t row,
                      const float *logits, uint32_t tokens)
{
    double const before = beam->alive[row].log_p - pbti_nn_log_sum_exp(logits, tokens);
    for (uint32_t token = beam->end; token < tokens; token++) {
        double const log_p = before + (double)logits[token];
        bool const full = all->count == all->room;
        if (isnan(log_p) || (full && log_p < all->best[all->count - 1].log_p)) { continue; }
        offer(all, (struct candidate){log_p, token, row});
    }
}

/* -------- hypotheses -------- */

static void extend(struct pbti_beam_hypothesis *to, const struct pbti_beam_hypothesis *from,
                   const struct candidate *candidate, bool ends)
{
    memcpy(to->ids, from->ids, from->count * sizeof to->ids[0]);
    to->count = from->count;
    if (!ends) { to->ids[to->count++] = candidate->token; }
    to->log_p = candidate->log_p;
    to->parent = candidate->row;
}

/* Put a hypothesis among the finished where its score belongs, if that is within the K best. */
static void finish(struct pbti_beam *beam, const struct pbti_beam_hypothesis *from,
                   const struct candidate *candidate, bool ends)
{
    uint32_t const n = from->count + (ends ? 1 : 0);
    double const score = candidate->log_p / pbti_beam_penalty(n, beam->alpha);
    if (beam->finished_count == beam->width && !(score > beam->finished[beam->width - 1].score)) {
        return;
    }
    uint32_t at = beam->finished_count < beam->width ? beam->finished_count++ : beam->width - 1;
    struct pbti_beam_hypothesis place = beam->finished[at];
    while (at > 0 && score > beam->finished[at - 1].score) {
        beam->finished[at] = beam->finished[at - 1];
        at--;
    }
    extend(&place, from, candidate, true);
    place.score = score;
    beam->finished[at] = place;
}

static void swap_alive(struct pbti_beam *beam, uint32_t count)
{
    for (uint32_t i = 0; i < beam->width; i++) {
        struct pbti_beam_hypothesis const kept = beam->alive[i];
        beam->alive[i] = beam->spare[i];
        beam->spare[i] = kept;
    }
    beam->alive_count = count;
}

/* Can nothing that is alive become better than the best that is finished? */
static bool decided(const struct pbti_beam *beam)
{
    if (beam->alive_count == 0) { return true; }
    if (beam->finished_count == 0) { return false; }
    double const hope = beam->alive[0].log_p / pbti_beam_penalty(beam->limit, beam->alpha);
    return beam->width == 1 || hope <= beam->finished[0].score;
}

/* At the limit what is alive fills up the finished, if there are none. */
static void end_search(struct pbti_beam *beam)
{
    beam->done = true;
    if (beam->finished_count > 0) { return; }
    for (uint32_t i = 0; i < beam->alive_count; i++) {
        struct candidate const as_it_is = {beam->alive[i].log_p, 0, i};
        finish(beam, &beam->alive[i], &as_it_is, false);
    }
}

void pbti_beam_step(struct pbti_beam *beam, const float *logits, size_t stride, uint32_t tokens)
{
    assert(!beam->done);
    struct candidates all = {.room = beam->width == 1 ? 1 : 2 * beam->width};
    for (uint32_t row = 0; row < beam->alive_count; row++) {
        offer_row(&all, beam, row, logits + row * stride, tokens);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < all.count; i++) {
        const struct candidate *const candidate = &all.best[i];
        const struct pbti_beam_hypothesis *const from = &beam->alive[candidate->row];
        if (candidate->token == beam->end) {
            finish(beam, from, candidate, true);
        } else if (count < beam->width) {
            extend(&beam->spare[count++], from, candidate, false);
        }
    }
    swap_alive(beam, count);
    beam->rounds++;
    if (beam->rounds == beam->limit || decided(beam)) { end_search(beam); }
}
