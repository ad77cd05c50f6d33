/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c_run.c - one segment of `a2c`, see a2c_run.h.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the round in the segment;
 *    what outlives a segment is in the checkpoint. So a->b->c in one process and a->b, reload, b->c
 *    give the same bits.
 * 2. Episodes go on from one segment to the next, but count for neither.
 */
#include "a2c/a2c_run.h"
#include "nn/nn_checkpoint.h"
#include "trainer_checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void pbti_a2c_init(struct pbti_a2c *a2c)
{
    memset(a2c, 0, sizeof *a2c);
    a2c->saved.last = pbti_a2c_tally_none();
}

void pbti_a2c_deinit(struct pbti_a2c *a2c)
{
    if (a2c->has_agent) { pbti_a2c_agent_deinit(&a2c->agent); }
    pbti_a2c_init(a2c);
}

/* -------- getting ready -------- */

/* Do these settings make the same network and games? */
static bool is_made_alike(const struct pbti_a2c_settings *a, const struct pbti_a2c_settings *b)
{
    return a->game == b->game && a->envs == b->envs && a->filters == b->filters &&
           a->hidden == b->hidden && a->lstm == b->lstm && a->sticky == b->sticky &&
           a->ramping == b->ramping && a->minimal == b->minimal;
}

/* Say before a segment, not after it, that its checkpoint would be too large. */
static pbt_status check_size(const struct pbti_a2c_agent *agent, struct pbt_error *err)
{
    struct pbti_a2c_saved const largest = {.last = {.complete = PBTI_TALLY_LIST_MAX}};
    if (pbti_a2c_saved_size(agent, &largest) <= PBTI_NN_EXTRA_MAX) { return PBT_OK; }
    return pbti_nn_fail(err, PBT_EINVAL,
                        "%u copies of a game with %u hidden units are too many for a checkpoint",
                        agent->copies, agent->net.shape.hidden);
}

static pbt_status need_agent(struct pbti_a2c *a, const struct pbti_a2c_settings *s,
                             const struct pbti_trainer_task *task, struct pbt_error *err)
{
    bool const same = a->has_agent && is_made_alike(&a->made, s);
    if (!same && task->start == PBT_CLIENT_KEEP) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the network or the games in memory are others than those asked for; "
                            "what they are made of must be `frozen` or in `fixed`");
    }
    if (!same) {
        pbti_a2c_deinit(a);
        pbt_status const status = pbti_a2c_agent_init(&a->agent, s, err);
        if (status != PBT_OK) { return status; }
        a->has_agent = true;
        a->made = *s;
    }
    pbt_status const status = check_size(&a->agent, err);
    return status == PBT_OK ? pbti_a2c_agent_reserve(&a->agent, s->unroll, err) : status;
}

/* -------- checkpoints -------- */

static pbt_status save(const struct pbti_a2c *a, const char *folder, struct pbt_error *err)
{
    size_t const size = pbti_a2c_saved_size(&a->agent, &a->saved);
    uint8_t *const extra = malloc(size);
    if (extra == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for the games of a checkpoint");
    }
    pbti_a2c_saved_encode(&a->agent, &a->saved, extra);
    pbt_status const status = pbti_trainer_save(folder, &a->agent.net.block, extra, size, err);
    free(extra);
    return status;
}

static pbt_status decode(void *state, const void *extra, uint32_t size, struct pbt_error *err)
{
    struct pbti_a2c *const a = state;
    return pbti_a2c_saved_decode(&a->agent, &a->saved, extra, size, err);
}

static pbt_status start(struct pbti_a2c *a, const struct pbti_trainer_task *task,
                        struct pbt_error *err)
{
    if (task->start == PBT_CLIENT_KEEP) { return PBT_OK; }
    if (task->load != NULL) {
        return pbti_trainer_restore(task->load, &a->agent.net.block, decode, a, err);
    }
    pbti_a2c_agent_randomise(&a->agent, task->seed);
    a->saved = (struct pbti_a2c_saved){.last = pbti_a2c_tally_none()};
    return PBT_OK;
}

/* -------- a segment -------- */

/* Played so many rounds: tell, in steps of the segment. */
static bool tell(const struct pbti_a2c *a, const struct pbti_trainer_task *task, uint64_t rounds,
                 double loss)
{
    uint64_t const frames = a->saved.surplus + rounds * a->agent.copies;
    uint64_t const done = frames < task->steps ? frames : task->steps;
    return task->progress == NULL || task->progress(task->context, done, loss);
}

/* An agent that has diverged is trained no further: its score is NaN whatever follows. */
static pbt_status train(struct pbti_a2c *a, const struct pbti_trainer_task *task,
                        struct pbti_a2c_result *result, struct pbt_error *err)
{
    uint32_t const copies = a->agent.copies;
    uint64_t const missing = task->steps > a->saved.surplus ? task->steps - a->saved.surplus : 0;
    uint64_t const rounds = (missing + copies - 1) / copies;
    uint64_t updates = 0;
    bool diverged = false;
    for (uint64_t done = 0; done < rounds && !diverged; updates++) {
        uint64_t const left = rounds - done;
        uint32_t const now = left < a->agent.unroll ? (uint32_t)left : a->agent.unroll;
        struct pbti_a2c_update const update = pbti_a2c_agent_update(&a->agent, now);
        done += now;
        diverged = update.diverged;
        result->entropy += update.loss.entropy;
        result->value_loss += update.loss.value;
        result->norm += update.norm;
        if (!tell(a, task, done, update.loss.value)) {
            return pbti_nn_fail(err, PBT_EIO, "progress could not be sent");
        }
    }
    double const count = updates > 0 ? (double)updates : 1.0;
    result->entropy /= count;
    result->value_loss /= count;
    result->norm /= count;
    result->trained = updates > 0;
    a->saved.surplus = a->saved.surplus + rounds * copies - task->steps;
    result->counted = a->agent.tally;
    if (result->counted.episodes < PBTI_TALLY_ENOUGH) {
        result->kept = a->saved.last.episodes;
        pbti_a2c_tally_join(&result->counted, &a->saved.last);
    }
    if (rounds > 0) { a->saved.last = a->agent.tally; }
    result->score = diverged ? NAN : pbti_a2c_tally_mean(&result->counted);
    return PBT_OK;
}

static pbt_status evaluate(struct pbti_a2c *a, const struct pbti_a2c_settings *s,
                           const struct pbti_trainer_task *task, struct pbti_a2c_result *result,
                           struct pbt_error *err)
{
    pbti_a2c_network_ready(&a->agent.net);
    pbt_status const status =
        pbti_a2c_agent_play(&a->agent, s, task->seed, &result->counted, &result->unfinished, err);
    if (status == PBT_OK) { result->score = pbti_a2c_tally_mean(&result->counted); }
    return status;
}

pbt_status pbti_a2c_run(struct pbti_a2c *a, const struct pbti_a2c_settings *s,
                        const struct pbti_trainer_task *task, struct pbti_a2c_result *result,
                        struct pbt_error *err)
{
    *result = (struct pbti_a2c_result){.score = NAN, .counted = pbti_a2c_tally_none()};
    pbt_status status = need_agent(a, s, task, err);
    if (status == PBT_OK) { status = start(a, task, err); }
    if (status != PBT_OK) { return status; }
    if (task->steps == 0) {
        status = evaluate(a, s, task, result, err);
    } else {
        bool const fresh = task->start != PBT_CLIENT_KEEP && task->load == NULL;
        pbti_a2c_agent_begin(&a->agent, s, task->seed, fresh);
        status = train(a, task, result, err);
    }
    if (status == PBT_OK && task->save != NULL) { status = save(a, task->save, err); }
    return status;
}
