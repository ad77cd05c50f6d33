/* SPDX-License-Identifier: Apache-2.0 */
/* a2c_saved.c - what a checkpoint holds beside the network, see a2c_saved.h. */
#include "a2c/a2c_saved.h"
#include "nn/nn_bytes.h"

#include <math.h>
#include <string.h>

enum { VERSION = 1, HEAD_SIZE = 4 + 8 + 3 * 8 + 4 + 8, COUNT_SIZE = 4 };

static uint32_t state_floats(const struct pbti_a2c_agent *agent)
{
    return agent->net.shape.lstm ? (uint32_t)pbti_a2c_memory_state_size(&agent->net.memory) : 0;
}

size_t pbti_a2c_saved_size(const struct pbti_a2c_agent *agent, const struct pbti_a2c_saved *saved)
{
    return HEAD_SIZE + 8 * (size_t)saved->last.complete + COUNT_SIZE +
           sizeof(float) * (size_t)state_floats(agent) + pbti_env_save_size(agent->env);
}

void pbti_a2c_saved_encode(const struct pbti_a2c_agent *agent, const struct pbti_a2c_saved *saved,
                           uint8_t *bytes)
{
    const struct pbti_a2c_tally *const last = &saved->last;
    uint8_t *at = pbti_nn_put(bytes, VERSION, 4);
    at = pbti_nn_put(at, saved->surplus, 8);
    at = pbti_nn_put(at, last->episodes, 8);
    at = pbti_nn_put_double(at, last->returns);
    at = pbti_nn_put_double(at, last->frames);
    at = pbti_nn_put(at, last->complete, 4);
    at = pbti_nn_put(at, last->per_entry, 8);
    for (uint32_t i = 0; i < last->complete; i++) {
        at = pbti_nn_put_double(at, last->list[i]);
    }
    uint32_t const floats = state_floats(agent);
    at = pbti_nn_put(at, floats, 4);
    if (floats > 0) { memcpy(at, agent->net.memory.state, sizeof(float) * floats); }
    pbti_env_save(agent->env, at + sizeof(float) * floats);
}

/* -------- decoding -------- */

static pbt_status damaged(struct pbt_error *err, const char *what)
{
    return pbti_nn_fail(err, PBT_ECORRUPT, "the games of a checkpoint are damaged: %s", what);
}

static bool is_tally_sound(const struct pbti_a2c_tally *tally)
{
    bool const power = tally->per_entry != 0 && (tally->per_entry & (tally->per_entry - 1)) == 0;
    bool sound = power && tally->complete <= PBTI_TALLY_LIST_MAX && isfinite(tally->returns) &&
                 isfinite(tally->frames) &&
                 tally->per_entry <= UINT64_MAX / PBTI_TALLY_LIST_MAX / 4 &&
                 tally->complete * tally->per_entry <= tally->episodes;
    for (uint32_t i = 0; sound && i < tally->complete; i++) {
        sound = isfinite(tally->list[i]);
    }
    return sound;
}

/* Are the last actions some that the game has? They are indices. */
static bool are_actions(const struct pbti_a2c_agent *agent, const uint8_t *at)
{
    const struct pbti_a2c_memory *const memory = &agent->net.memory;
    if (memory->extra == 0) { return true; }
    size_t const before = pbti_a2c_memory_state_size(memory) - 2 * (size_t)agent->copies;
    for (size_t i = 0; i < agent->copies; i++) {
        uint32_t const bits = (uint32_t)pbti_nn_get(at + 4 * (before + i), 4);
        float action;
        memcpy(&action, &bits, sizeof action);
        if (!(action >= 0.0f && action < (float)agent->net.shape.actions)) { return false; }
    }
    return true;
}

pbt_status pbti_a2c_saved_decode(struct pbti_a2c_agent *agent, struct pbti_a2c_saved *saved,
                                 const uint8_t *bytes, size_t size, struct pbt_error *err)
{
    struct pbti_a2c_saved got = {.last = pbti_a2c_tally_none()};
    if (size < HEAD_SIZE + COUNT_SIZE) { return damaged(err, "too short"); }
    uint64_t const version = pbti_nn_get(bytes, 4);
    if (version != VERSION) {
        return pbti_nn_fail(err, PBT_EVERSION,
                            "the games of the checkpoint have version %u, not %d",
                            (unsigned)version, VERSION);
    }
    got.surplus = pbti_nn_get(bytes + 4, 8);
    got.last.episodes = pbti_nn_get(bytes + 12, 8);
    got.last.returns = pbti_nn_get_double(bytes + 20);
    got.last.frames = pbti_nn_get_double(bytes + 28);
    got.last.complete = (uint32_t)pbti_nn_get(bytes + 36, 4);
    got.last.per_entry = pbti_nn_get(bytes + 40, 8);
    size_t at = HEAD_SIZE;
    if (got.last.complete > PBTI_TALLY_LIST_MAX ||
        size < at + 8 * (size_t)got.last.complete + COUNT_SIZE) {
        return damaged(err, "the list of episodes");
    }
    for (uint32_t i = 0; i < got.last.complete; i++, at += 8) {
        got.last.list[i] = pbti_nn_get_double(bytes + at);
    }
    uint64_t const floats = pbti_nn_get(bytes + at, COUNT_SIZE);
    at += COUNT_SIZE;
    if (floats != state_floats(agent) || size < at + sizeof(float) * floats) {
        return damaged(err, "the state of the LSTM");
    }
    if (!are_actions(agent, bytes + at)) { return damaged(err, "the last actions"); }
    if (!is_tally_sound(&got.last) || got.surplus >= agent->copies) {
        return damaged(err, "its counts");
    }
    size_t const env_at = at + sizeof(float) * floats;
    pbt_status const status = pbti_env_load(agent->env, bytes + env_at, size - env_at, err);
    if (status != PBT_OK) { return status; }
    /* not checked: the state of an agent that diverged is not finite, and can be gone on with */
    if (floats > 0) { memcpy(agent->net.memory.state, bytes + at, sizeof(float) * floats); }
    *saved = got;
    return PBT_OK;
}
