/* SPDX-License-Identifier: Apache-2.0 */
/*
 * a2c.c - `builtin: a2c`, see a2c.h and docs/a2c.md.
 *
 * Invariants
 * 1. All randomness is drawn from the segment's seed and the number of the round in the segment;
 *    what outlives a segment is in the checkpoint. So a->b->c in one process and a->b, reload, b->c
 *    give the same bits.
 * 2. Episodes go on from one segment to the next, but count for neither.
 */
#include "a2c/a2c.h"

#include <math.h>

/* -------- settings -------- */

enum { FILTERS_MULTIPLE = 16 };

static const char *game_word(uint32_t index)
{
    return pbti_env_at(index) == NULL ? NULL : pbti_env_at(index)->name;
}

PBTI_SETTING_WORDS(report_word, "mean", "list")
PBTI_SETTING_WORDS(score_word, "return", "normalised")
PBTI_SETTING_WORDS(agent_word, "a2c", "unreal")

#define SETTINGS struct pbti_a2c_settings
static const struct pbti_setting table[] = {PBTI_A2C_SETTINGS(PBTI_SETTING_ENTRY){0}};

enum { RETURN, NORMALISED }; /* values of `score` */

/* What makes a score of a return; false: there is nothing to compare it with. */
static bool scale_of(const struct pbti_a2c_settings *settings, struct pbti_env_scale *scale)
{
    struct pbti_env_options const options = pbti_a2c_options(settings);
    return pbti_env_scale(pbti_env_at(settings->game), &options, scale);
}

static double normalised(const struct pbti_env_scale *scale, double of)
{
    return (of - scale->random) / (scale->reference - scale->random);
}

static pbt_status check(const void *settings, struct pbt_error *err)
{
    const struct pbti_a2c_settings *const s = settings;
    struct pbti_env_scale scale;
    if (s->filters % FILTERS_MULTIPLE != 0) {
        return pbti_nn_fail(err, PBT_EINVAL, "\"filters\" is %u; allowed are multiples of %d",
                            s->filters, (int)FILTERS_MULTIPLE);
    }
    if (s->inputs && !s->lstm && s->agent == PBTI_A2C_PLAIN) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"inputs\" is true without \"lstm\": the last action and reward are "
                            "inputs of the LSTM");
    }
    const struct pbti_env_kind *const game = pbti_env_at(s->game);
    if (s->agent == PBTI_A2C_UNREAL && s->pixel_control > 0.0 && !game->cells && !game->bytes) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"pixel_control\" is %g; only 0 is allowed where nothing is seen as a "
                            "picture, as in \"%s\"",
                            s->pixel_control, game->name);
    }
    if (s->score == NORMALISED && !scale_of(s, &scale)) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "\"score\" is \"normalised\"; with these options \"%s\" has no "
                            "reference scores",
                            game->name);
    }
    return PBT_OK;
}

/* -------- getting ready -------- */

/* Refuse before a segment, not after it, what would be too large for a checkpoint. */
static pbt_status create(void *state, const void *settings, struct pbt_error *err)
{
    struct pbti_a2c_agent *const agent = &((struct pbti_a2c *)state)->agent;
    struct pbti_a2c_saved const largest = {.last = {.complete = PBTI_TALLY_LIST_MAX}};
    pbt_status const status = pbti_a2c_agent_init(agent, settings, err);
    if (status != PBT_OK || pbti_a2c_saved_size(agent, &largest) <= PBTI_NN_EXTRA_MAX) {
        return status;
    }
    (void)pbti_nn_fail(err, PBT_EINVAL,
                       "%u copies of a game with %u hidden units are too many for a checkpoint",
                       agent->copies, agent->net.shape.hidden);
    pbti_a2c_agent_deinit(agent);
    return PBT_EINVAL;
}

static void destroy(void *state)
{
    pbti_a2c_agent_deinit(&((struct pbti_a2c *)state)->agent);
}

static pbt_status prepare(void *state, const void *settings, const struct pbti_builtin_task *task,
                          struct pbt_error *err)
{
    struct pbti_a2c *const a = state;
    (void)task;
    a->result = (struct pbti_a2c_result){.score = NAN, .counted = pbti_a2c_tally_none()};
    return pbti_a2c_agent_reserve(&a->agent, settings, err);
}

/* -------- checkpoints -------- */

static void fresh(void *state, uint64_t seed)
{
    struct pbti_a2c *const a = state;
    pbti_a2c_agent_randomise(&a->agent, seed);
    a->saved = (struct pbti_a2c_saved){.last = pbti_a2c_tally_none()};
}

static size_t encode(const void *state, uint8_t *bytes)
{
    const struct pbti_a2c *const a = state;
    if (bytes != NULL) { pbti_a2c_saved_encode(&a->agent, &a->saved, bytes); }
    return pbti_a2c_saved_size(&a->agent, &a->saved);
}

static pbt_status decode(void *state, const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    struct pbti_a2c *const a = state;
    return pbti_a2c_saved_decode(&a->agent, &a->saved, bytes, size, err);
}

/* -------- training -------- */

/* Played so many rounds: send it, in steps of the segment. */
static pbt_status progress(const struct pbti_a2c *a, const struct pbti_builtin_task *task,
                           uint64_t rounds, double loss, struct pbt_error *err)
{
    uint64_t const frames = a->saved.surplus + rounds * a->agent.copies;
    return pbti_builtin_progress(task, frames < task->steps ? frames : task->steps, loss, err);
}

static void add_extra(struct pbti_a2c_result *result, const struct pbti_a2c_extra_loss *extra)
{
    result->replayed += extra->computed;
    result->extra.control += extra->control;
    result->extra.value += extra->value;
    result->extra.prediction += extra->prediction;
}

static void divide_extra(struct pbti_a2c_result *result)
{
    double const count = result->replayed > 0 ? (double)result->replayed : 1.0;
    result->extra.control /= count;
    result->extra.value /= count;
    result->extra.prediction /= count;
}

/* An agent that has diverged is trained no further: its score is NaN whatever follows. */
static pbt_status train(void *state, const void *settings, const struct pbti_builtin_task *task,
                        struct pbt_error *err)
{
    struct pbti_a2c *const a = state;
    struct pbti_a2c_result *const result = &a->result;
    uint32_t const copies = a->agent.copies;
    uint64_t const missing = task->steps > a->saved.surplus ? task->steps - a->saved.surplus : 0;
    uint64_t const rounds = (missing + copies - 1) / copies;
    uint64_t updates = 0;
    bool diverged = false;
    bool const new_games = task->start != PBT_CLIENT_KEEP && task->load == NULL;
    pbti_a2c_agent_begin(&a->agent, settings, task->seed, new_games);
    for (uint64_t done = 0; done < rounds && !diverged; updates++) {
        uint64_t const left = rounds - done;
        uint32_t const now = left < a->agent.unroll ? (uint32_t)left : a->agent.unroll;
        struct pbti_a2c_update const update = pbti_a2c_agent_update(&a->agent, now);
        done += now;
        diverged = update.diverged;
        result->entropy += update.loss.entropy;
        result->value_loss += update.loss.value;
        result->norm += update.norm;
        add_extra(result, &update.extra);
        pbt_status const status = progress(a, task, done, update.loss.value, err);
        if (status != PBT_OK) { return status; }
    }
    double const count = updates > 0 ? (double)updates : 1.0;
    result->entropy /= count;
    result->value_loss /= count;
    result->norm /= count;
    divide_extra(result);
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

/* Training has a score already. */
static pbt_status evaluate(void *state, const void *settings, const struct pbti_builtin_task *task,
                           struct pbt_error *err)
{
    struct pbti_a2c *const a = state;
    struct pbti_a2c_result *const result = &a->result;
    if (task->steps > 0) { return PBT_OK; }
    pbti_a2c_network_ready(&a->agent.net);
    pbt_status const status = pbti_a2c_agent_play(&a->agent, settings, task->seed, &result->counted,
                                                  &result->unfinished, err);
    if (status == PBT_OK) { result->score = pbti_a2c_tally_mean(&result->counted); }
    return status;
}

/* -------- the report -------- */

static void report_in_force(const struct pbti_a2c_agent *agent, struct pbti_builtin_report *to)
{
    pbti_builtin_in_force(to, "lr", agent->rmsprop.lr);
    pbti_builtin_in_force(to, "entropy_cost", agent->entropy_cost);
    pbti_builtin_in_force(to, "unroll", agent->unroll);
    pbti_builtin_in_force(to, "discount", agent->discount);
    pbti_builtin_in_force(to, "trace_decay", agent->trace_decay);
    pbti_builtin_in_force(to, "value_cost", agent->value_cost);
    pbti_builtin_in_force(to, "rmsprop_decay", agent->rmsprop.decay);
    pbti_builtin_in_force(to, "rmsprop_epsilon", agent->rmsprop.epsilon);
    pbti_builtin_in_force(to, "clip", agent->clip);
    pbti_builtin_in_force(to, "reward_scale", agent->reward_scale);
    pbti_builtin_in_force(to, "reward_clip", agent->reward_clip);
    if (agent->unreal != NULL) {
        pbti_builtin_in_force(to, "pixel_control", agent->unreal->control_cost);
        pbti_builtin_in_force(to, "value_replay", agent->unreal->value_cost);
        pbti_builtin_in_force(to, "reward_prediction", agent->unreal->prediction_cost);
        pbti_builtin_in_force(to, "control_discount", agent->unreal->control_discount);
    }
    pbti_builtin_in_force(to, "envs", agent->copies);
    pbti_builtin_in_force(to, "filters", agent->net.shape.filters);
    pbti_builtin_in_force(to, "hidden", agent->net.shape.hidden);
}

static void report_score(const struct pbti_a2c_result *result,
                         const struct pbti_a2c_settings *settings, struct pbti_builtin_report *to)
{
    double scores[PBTI_TALLY_LIST_MAX], score = result->score;
    uint32_t const count =
        settings->report == 1 && !isnan(score) ? pbti_a2c_tally_list(&result->counted, scores) : 0;
    struct pbti_env_scale scale;
    if (scale_of(settings, &scale)) {
        if (!isnan(score)) { pbti_builtin_metric(to, "normalised", normalised(&scale, score)); }
        if (settings->score == NORMALISED) {
            score = normalised(&scale, score);
            for (uint32_t i = 0; i < count; i++) {
                scores[i] = normalised(&scale, scores[i]);
            }
        }
    }
    if (count > 0) {
        pbti_builtin_scores(to, scores, count);
    } else {
        pbti_builtin_score(to, score);
    }
}

static void report(const void *state, const void *settings, struct pbti_builtin_report *to)
{
    const struct pbti_a2c_result *const result = &((const struct pbti_a2c *)state)->result;
    const struct pbti_a2c_tally *const counted = &result->counted;
    pbti_builtin_metric(to, "episodes", (double)counted->episodes);
    if (counted->episodes > 0) {
        pbti_builtin_metric(to, "length", counted->frames / (double)counted->episodes);
    }
    if (result->kept > 0) { pbti_builtin_metric(to, "episodes_kept", (double)result->kept); }
    if (result->unfinished > 0) {
        pbti_builtin_metric(to, "episodes_unfinished", (double)result->unfinished);
    }
    if (result->trained) {
        pbti_builtin_metric(to, "entropy", result->entropy);
        pbti_builtin_metric(to, "value_loss", result->value_loss);
        pbti_builtin_metric(to, "gradient_norm", result->norm);
        report_in_force(&((const struct pbti_a2c *)state)->agent, to);
    }
    if (result->replayed > 0) {
        pbti_builtin_metric(to, "control_loss", result->extra.control);
        pbti_builtin_metric(to, "replay_value_loss", result->extra.value);
        pbti_builtin_metric(to, "prediction_loss", result->extra.prediction);
    }
    report_score(result, settings, to);
}

const struct pbti_builtin pbti_builtin_a2c = {
    .about = {"a2c",
              "an advantage actor-critic on small games (MinAtar, classic control, mazes, orders)"},
    .settings = table,
    .settings_size = sizeof(struct pbti_a2c_settings),
    .state_size = sizeof(struct pbti_a2c),
    .block_count = 1,
    .blocks = {{"", offsetof(struct pbti_a2c, agent.net.block)}},
    .check = check,
    .create = create,
    .destroy = destroy,
    .prepare = prepare,
    .fresh = fresh,
    .encode = encode,
    .decode = decode,
    .train = train,
    .evaluate = evaluate,
    .report = report,
    .use = pbti_a2c_use,
};
