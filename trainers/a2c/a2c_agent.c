/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_agent.c - an actor-critic at work, see a2c_agent.h. */
#include "a2c/a2c_agent.h"
#include "nn/nn_clip.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -------- memory -------- */

struct pbti_env_options pbti_a2c_options(const struct pbti_a2c_settings *s)
{
    return (struct pbti_env_options){
        .sticky = s->sticky,
        .ramping = s->ramping,
        .minimal = s->minimal,
        .shaped = s->shaped,
        .size = s->size,
        .map = s->map,
        .pixels = s->pixels,
    };
}

static struct pbti_a2c_shape shape_of(const struct pbti_a2c_settings *s, uint32_t actions)
{
    const struct pbti_env_kind *const game = pbti_env_at(s->game);
    struct pbti_env_options const options = pbti_a2c_options(s);
    struct pbti_env_view const view = pbti_env_view(game, &options);
    return (struct pbti_a2c_shape){
        .cells = game->cells,
        .bytes = game->bytes,
        .rows = view.rows,
        .columns = view.columns,
        .channels = view.channels,
        .actions = actions,
        .filters = s->filters,
        .hidden = s->hidden,
        .lstm = s->lstm || s->agent == PBTI_A2C_UNREAL,
        .inputs = s->inputs || s->agent == PBTI_A2C_UNREAL,
    };
}

static pbt_status make_env(const struct pbti_a2c_settings *s, struct pbti_env **out,
                           struct pbt_error *err)
{
    struct pbti_env_options const options = pbti_a2c_options(s);
    return pbti_env_create(pbti_env_at(s->game), s->envs, &options, out, err);
}

static pbt_status make_copies(struct pbti_a2c_agent *agent, struct pbt_error *err)
{
    size_t const count = agent->copies;
    agent->totals = calloc(count, sizeof agent->totals[0]);
    agent->frames = calloc(count, sizeof agent->frames[0]);
    agent->quotas = calloc(count, sizeof agent->quotas[0]);
    agent->whole = calloc(count, sizeof agent->whole[0]);
    if (agent->totals == NULL || agent->frames == NULL || agent->quotas == NULL ||
        agent->whole == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for %u copies of a game", agent->copies);
    }
    return PBT_OK;
}

/* The network, and what UNREAL adds to it. */
static pbt_status make_network(struct pbti_a2c_agent *agent,
                               const struct pbti_a2c_settings *settings, struct pbt_error *err)
{
    struct pbti_a2c_network *const net = &agent->net;
    struct pbti_a2c_shape const shape = shape_of(settings, pbti_env_actions(agent->env));
    uint16_t const constant = pbti_env_at(settings->game)->constant;
    bool const unreal = settings->agent == PBTI_A2C_UNREAL;
    pbt_status status = pbti_a2c_network_plan(net, &shape, agent->copies, err);
    if (status != PBT_OK) { return status; }
    if (unreal) {
        agent->unreal = calloc(1, sizeof *agent->unreal);
        status = agent->unreal == NULL ? pbti_nn_fail(err, PBT_ENOMEM, "no memory for UNREAL")
                                       : pbti_a2c_unreal_init(agent->unreal, net, constant,
                                                              PBTI_A2C_CONTROL_MAPS, err);
    }
    if (status == PBT_OK) {
        status = pbti_a2c_network_allocate(net, pbti_nn_rmsprop_slots(false, false), err);
    }
    if (status == PBT_OK && unreal) {
        status = pbti_a2c_unreal_join(agent->unreal, net, agent->copies, settings->replay, err);
    }
    return status;
}

pbt_status pbti_a2c_agent_init(struct pbti_a2c_agent *agent,
                               const struct pbti_a2c_settings *settings, struct pbt_error *err)
{
    memset(agent, 0, sizeof *agent);
    agent->copies = settings->envs;
    agent->tally = pbti_a2c_tally_none();
    pbt_status status = make_env(settings, &agent->env, err);
    if (status == PBT_OK) { status = make_network(agent, settings, err); }
    if (status == PBT_OK) { status = make_copies(agent, err); }
    if (status != PBT_OK) { pbti_a2c_agent_deinit(agent); }
    return status;
}

static void drop_rollout(struct pbti_a2c_agent *agent)
{
    free(agent->chosen);
    free(agent->ends);
    free(agent->rewards);
    free(agent->advantages);
    free(agent->targets);
    agent->chosen = agent->ends = NULL;
    agent->rewards = agent->advantages = agent->targets = NULL;
    agent->capacity = 0;
}

void pbti_a2c_agent_deinit(struct pbti_a2c_agent *agent)
{
    drop_rollout(agent);
    free(agent->totals);
    free(agent->frames);
    free(agent->quotas);
    free(agent->whole);
    pbti_env_destroy(agent->env);
    if (agent->unreal != NULL) {
        pbti_a2c_unreal_deinit(agent->unreal);
        free(agent->unreal);
    }
    pbti_a2c_network_deinit(&agent->net);
    memset(agent, 0, sizeof *agent);
}

static pbt_status reserve_rollout(struct pbti_a2c_agent *agent, uint32_t unroll,
                                  struct pbt_error *err)
{
    if (unroll <= agent->capacity) { return PBT_OK; }
    pbt_status const status =
        pbti_a2c_network_reserve(&agent->net, (unroll + 1) * agent->copies, err);
    if (status != PBT_OK) { return status; }
    size_t const count = (size_t)unroll * agent->copies;
    drop_rollout(agent);
    agent->chosen = calloc(count, sizeof agent->chosen[0]);
    agent->ends = calloc(count, sizeof agent->ends[0]);
    agent->rewards = pbti_nn_floats(count);
    agent->advantages = pbti_nn_floats(count);
    agent->targets = pbti_nn_floats(count);
    if (agent->chosen == NULL || agent->ends == NULL || agent->rewards == NULL ||
        agent->advantages == NULL || agent->targets == NULL) {
        return pbti_nn_fail(err, PBT_ENOMEM, "no memory for rollouts of %u rounds", unroll);
    }
    agent->capacity = unroll;
    return PBT_OK;
}

pbt_status pbti_a2c_agent_reserve(struct pbti_a2c_agent *agent,
                                  const struct pbti_a2c_settings *settings, struct pbt_error *err)
{
    pbt_status const status = reserve_rollout(agent, settings->unroll, err);
    if (status != PBT_OK || agent->unreal == NULL) { return status; }
    return pbti_a2c_unreal_reserve(agent->unreal, settings, err);
}

/* -------- segments -------- */

void pbti_a2c_agent_randomise(struct pbti_a2c_agent *agent, uint64_t seed)
{
    pbti_a2c_network_randomise(&agent->net, seed);
    if (agent->unreal != NULL) { pbti_a2c_unreal_randomise(agent->unreal, &agent->net, seed); }
    pbti_env_seed(agent->env, seed);
    pbti_env_reset(agent->env);
}

static void count_from_here(struct pbti_a2c_agent *agent, bool fresh)
{
    agent->tally = pbti_a2c_tally_none();
    agent->rounds = 0;
    for (uint32_t i = 0; i < agent->copies; i++) {
        agent->totals[i] = 0.0;
        agent->frames[i] = 0;
        agent->whole[i] = fresh;
    }
}

void pbti_a2c_agent_begin(struct pbti_a2c_agent *agent, const struct pbti_a2c_settings *settings,
                          uint64_t seed, bool fresh)
{
    agent->rmsprop = (struct pbti_nn_rmsprop){
        .lr = settings->lr, .decay = settings->rmsprop_decay, .epsilon = settings->rmsprop_epsilon};
    agent->entropy_cost = settings->entropy_cost;
    agent->value_cost = settings->value_cost;
    agent->discount = settings->discount;
    agent->trace_decay = settings->trace_decay;
    agent->clip = settings->clip;
    agent->unroll = settings->unroll;
    agent->reward_scale = settings->reward_scale;
    agent->reward_clip = settings->reward_clip;
    agent->seed = seed;
    if (agent->unreal != NULL) { pbti_a2c_unreal_begin(agent->unreal, seed); }
    count_from_here(agent, fresh);
    pbti_env_seed(agent->env, seed);
    pbti_a2c_network_ready(&agent->net);
}

/* -------- acting -------- */

/* Observe the games into the rows of time t, and go forward over them. */
static void look(struct pbti_a2c_agent *agent, uint32_t t)
{
    struct pbti_a2c_network *const net = &agent->net;
    const struct pbti_a2c_shape *const shape = &net->shape;
    uint32_t const first = t * agent->copies;
    if (shape->cells) {
        pbti_env_observe_cells(agent->env,
                               net->cells + (size_t)first * shape->rows * shape->columns);
    } else {
        pbti_env_observe(agent->env, net->features + (size_t)first * net->values);
    }
    pbti_a2c_network_forward(net, first, agent->copies);
}

void pbti_a2c_agent_act(struct pbti_a2c_agent *agent, uint32_t t)
{
    uint32_t const actions = agent->net.shape.actions;
    float *const heads = agent->net.heads + (size_t)t * agent->copies * (actions + 1);
    struct pbti_nn_stream const stream = {
        .seed = agent->seed, .purpose = PBTI_NN_PURPOSE_ACTION, .step = agent->rounds};
    look(agent, t);
    pbti_a2c_probabilities(heads, agent->copies, actions);
    pbti_a2c_draw(agent->chosen + (size_t)t * agent->copies, heads, &stream, agent->copies,
                  actions);
}

static void count_episodes(struct pbti_a2c_agent *agent, const float *rewards, const uint8_t *ends)
{
    for (uint32_t i = 0; i < agent->copies; i++) {
        agent->totals[i] += (double)rewards[i];
        agent->frames[i]++;
        if (ends[i] == PBTI_ENV_GOES_ON) { continue; }
        if (agent->whole[i]) {
            pbti_a2c_tally_add(&agent->tally, agent->totals[i], agent->frames[i]);
        }
        agent->totals[i] = 0.0;
        agent->frames[i] = 0;
        agent->whole[i] = true;
    }
}

/* Let the rewards of a round be those that are learnt from. */
static void fit_rewards(const struct pbti_a2c_agent *agent, float *rewards)
{
    float const scale = (float)agent->reward_scale, most = (float)agent->reward_clip;
    if (scale == 1.0f && most == 0.0f) { return; }
    for (uint32_t i = 0; i < agent->copies; i++) {
        float const reward = scale * rewards[i];
        rewards[i] = most == 0.0f ? reward : reward > most ? most : reward < -most ? -most : reward;
    }
}

void pbti_a2c_agent_step(struct pbti_a2c_agent *agent, uint32_t t)
{
    size_t const at = (size_t)t * agent->copies;
    pbti_env_step(agent->env, agent->chosen + at, agent->rewards + at, agent->ends + at);
    count_episodes(agent, agent->rewards + at, agent->ends + at);
    fit_rewards(agent, agent->rewards + at);
    if (agent->unreal != NULL) {
        pbti_a2c_unreal_keep(agent->unreal, &agent->net, t * agent->copies, agent->chosen + at,
                             agent->rewards + at, agent->ends + at);
    }
    pbti_a2c_network_forget(&agent->net, agent->ends + at);
    pbti_a2c_network_note(&agent->net, agent->chosen + at, agent->rewards + at, agent->ends + at);
    agent->rounds++;
}

/* -------- learning -------- */

struct pbti_a2c_loss pbti_a2c_agent_backward(struct pbti_a2c_agent *agent, uint32_t rounds)
{
    struct pbti_a2c_network *const net = &agent->net;
    uint32_t const copies = agent->copies;
    uint32_t const actions = net->shape.actions;
    look(agent, rounds);
    pbti_a2c_network_rewind(net, rounds * copies);
    pbti_a2c_returns(agent->advantages, agent->targets, agent->rewards, agent->ends, net->heads,
                     rounds, copies, actions, agent->discount, agent->trace_decay);
    struct pbti_a2c_loss const loss = pbti_a2c_gradient(
        net->d_heads, net->heads, agent->chosen, agent->advantages, agent->targets,
        agent->entropy_cost, agent->value_cost, rounds * copies, actions);
    pbti_a2c_network_backward(net, rounds * copies);
    return loss;
}

double pbti_a2c_agent_optimise(struct pbti_a2c_agent *agent)
{
    double norm;
    double const scale = pbti_nn_clip_scale(&agent->net.block, agent->clip, &norm);
    if (!isfinite(scale)) { return norm; }
    pbti_nn_rmsprop_step(&agent->rmsprop, &agent->net.block, scale);
    pbti_a2c_network_ready(&agent->net);
    return norm;
}

struct pbti_a2c_update pbti_a2c_agent_update(struct pbti_a2c_agent *agent, uint32_t rounds)
{
    assert(rounds >= 1 && rounds <= agent->capacity);
    for (uint32_t t = 0; t < rounds; t++) {
        pbti_a2c_agent_act(agent, t);
        pbti_a2c_agent_step(agent, t);
    }
    struct pbti_a2c_update update = {.loss = pbti_a2c_agent_backward(agent, rounds)};
    if (agent->unreal != NULL) { update.extra = pbti_a2c_unreal_learn(agent->unreal, &agent->net); }
    update.norm = pbti_a2c_agent_optimise(agent);
    update.diverged = !isfinite(update.norm);
    return update;
}

/* -------- playing -------- */

void pbti_a2c_agent_play_step(struct pbti_a2c_agent *agent)
{
    pbti_env_step(agent->env, agent->chosen, agent->rewards, agent->ends);
    for (uint32_t i = 0; i < agent->copies; i++) {
        agent->totals[i] += (double)agent->rewards[i];
        agent->frames[i]++;
    }
    fit_rewards(agent, agent->rewards);
    pbti_a2c_network_forget(&agent->net, agent->ends);
    pbti_a2c_network_note(&agent->net, agent->chosen, agent->rewards, agent->ends);
    agent->rounds++;
}

static uint64_t shares_left(const struct pbti_a2c_agent *agent)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < agent->copies; i++) {
        left += agent->quotas[i];
    }
    return left;
}

/* Of the episodes that ended in a round, those that belong to a copy's share. */
static void count_shares(struct pbti_a2c_agent *agent, struct pbti_a2c_tally *out)
{
    for (uint32_t i = 0; i < agent->copies; i++) {
        if (agent->ends[i] == PBTI_ENV_GOES_ON) { continue; }
        if (agent->quotas[i] > 0) {
            pbti_a2c_tally_add(out, agent->totals[i], agent->frames[i]);
            agent->quotas[i]--;
        }
        agent->totals[i] = 0.0;
        agent->frames[i] = 0;
    }
}

static uint64_t count_unfinished(struct pbti_a2c_agent *agent, struct pbti_a2c_tally *out)
{
    uint64_t unfinished = 0;
    for (uint32_t i = 0; i < agent->copies; i++) {
        if (agent->quotas[i] == 0 || agent->frames[i] == 0) { continue; }
        pbti_a2c_tally_add(out, agent->totals[i], agent->frames[i]);
        unfinished++;
    }
    return unfinished;
}

static uint64_t play_shares(struct pbti_a2c_agent *agent, uint64_t episodes,
                            struct pbti_a2c_tally *out)
{
    uint64_t const share = (episodes + agent->copies - 1) / agent->copies;
    for (uint32_t i = 0; i < agent->copies; i++) {
        agent->quotas[i] = share;
    }
    count_from_here(agent, true);
    while (shares_left(agent) > 0 && agent->rounds < PBTI_A2C_PLAY_ROUNDS_MAX) {
        pbti_a2c_agent_act(agent, 0);
        pbti_a2c_agent_play_step(agent);
        count_shares(agent, out);
    }
    return count_unfinished(agent, out);
}

pbt_status pbti_a2c_agent_play(struct pbti_a2c_agent *agent,
                               const struct pbti_a2c_settings *settings, uint64_t seed,
                               struct pbti_a2c_tally *out, uint64_t *unfinished,
                               struct pbt_error *err)
{
    struct pbti_env *other;
    struct pbti_env *const env = agent->env;
    float *state = NULL;
    pbt_status status = make_env(settings, &other, err);
    if (status != PBT_OK) { return status; }
    status = pbti_a2c_network_set_aside(&agent->net, &state, err);
    if (status == PBT_OK) {
        *out = pbti_a2c_tally_none();
        pbti_env_seed(other, seed);
        pbti_env_reset(other);
        agent->env = other;
        agent->seed = seed;
        agent->reward_scale = settings->reward_scale;
        agent->reward_clip = settings->reward_clip;
        *unfinished = play_shares(agent, settings->episodes, out);
        agent->env = env;
        pbti_a2c_network_put_back(&agent->net, state);
    }
    pbti_env_destroy(other);
    return status;
}
