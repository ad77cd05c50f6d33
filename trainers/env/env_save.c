/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_save.c - the state of all copies as bytes, little-endian, without padding:
 *
 *     8  magic "PBTENVST"
 *     4  version, 1
 *     4  number of copies
 *    16  name of the game, zero padded
 *     8  option sticky, IEEE 754 binary64
 *     4  options: bit 0 ramping, bit 1 minimal, bit 2 shaped; bits 3-7 pixels / 4,
 *        8-15 size and 16-31 map, where they hold
 *     N  the arrays of PBTI_ENV_COMMON, then those of the game, in the order of their list
 *     8  XXH3-64 of all bytes before
 *
 * Bytes are a state if and only if their size is the one that follows from the header, the checksum
 * agrees, every value is inside its limits and the game finds no flaw in any copy. The list of a
 * game's fields is part of the format: changing one needs a new version.
 */
#include "env/env_kind.h"
#include "nn/nn_base.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VERSION = 1, NAME_SIZE = 16, HEADER_SIZE = 44, CHECKSUM_SIZE = 8 };

static const char magic[8] = {'P', 'B', 'T', 'E', 'N', 'V', 'S', 'T'};

static void put(unsigned char *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get(const unsigned char *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* -------- saving -------- */

size_t pbti_env_save_size(const struct pbti_env *env)
{
    return HEADER_SIZE + pbti_env_packed_size(&pbti_env_common_table, env->count) +
           pbti_env_packed_size(&env->kind->rules->table, env->count) + CHECKSUM_SIZE;
}

static uint32_t switches(const struct pbti_env_options *options)
{
    return (options->ramping ? 1u : 0u) | (options->minimal ? 2u : 0u) |
           (options->shaped ? 4u : 0u) | options->pixels / 4 << 3 | options->size << 8 |
           options->map << 16;
}

static void put_header(const struct pbti_env *env, unsigned char *header)
{
    size_t const length = strlen(env->kind->name);
    uint64_t sticky = 0;
    assert(length < NAME_SIZE);
    memcpy(&sticky, &env->options.sticky, sizeof sticky);
    memset(header, 0, HEADER_SIZE);
    memcpy(header, magic, sizeof magic);
    put(header + 8, VERSION, 4);
    put(header + 12, env->count, 4);
    memcpy(header + 16, env->kind->name, length);
    put(header + 32, sticky, 8);
    put(header + 40, switches(&env->options), 4);
}

void pbti_env_save(const struct pbti_env *env, uint8_t *bytes)
{
    put_header(env, bytes);
    unsigned char *at = bytes + HEADER_SIZE;
    at = pbti_env_pack(&pbti_env_common_table, env->count, &env->common, at);
    at = pbti_env_pack(&env->kind->rules->table, env->count, env->state, at);
    put(at, XXH3_64bits(bytes, (size_t)(at - bytes)), CHECKSUM_SIZE);
    assert(at + CHECKSUM_SIZE == bytes + pbti_env_save_size(env));
}

/* -------- loading -------- */

static pbt_status compare_header(const struct pbti_env *env, const unsigned char *bytes,
                                 struct pbt_error *err)
{
    if (memcmp(bytes, magic, sizeof magic) != 0) {
        return pbti_nn_fail(err, PBT_ECORRUPT, "these bytes are not a saved state of a game");
    }
    unsigned const version = (unsigned)get(bytes + 8, 4);
    if (version != VERSION) {
        return pbti_nn_fail(err, PBT_EVERSION,
                            "the saved state has version %u; this program reads version %d",
                            version, (int)VERSION);
    }
    unsigned char expected[HEADER_SIZE];
    put_header(env, expected);
    if (memcmp(bytes + 16, expected + 16, NAME_SIZE) != 0) {
        return pbti_nn_fail(err, PBT_EINVAL, "the saved state is of \"%.15s\", not of \"%s\"",
                            (const char *)bytes + 16, env->kind->name);
    }
    unsigned const count = (unsigned)get(bytes + 12, 4);
    if (count != env->count) {
        return pbti_nn_fail(err, PBT_EINVAL, "the saved state has %u copies of \"%s\", not %u",
                            count, env->kind->name, env->count);
    }
    if (memcmp(bytes, expected, HEADER_SIZE) != 0) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "the saved state of \"%s\" has other options (sticky, ramping, "
                            "minimal, shaped, size, map, pixels)",
                            env->kind->name);
    }
    return PBT_OK;
}

static pbt_status check_bytes(const struct pbti_env *env, const unsigned char *bytes, size_t size,
                              struct pbt_error *err)
{
    size_t const expected = pbti_env_save_size(env);
    if (size < HEADER_SIZE + CHECKSUM_SIZE) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the saved state is truncated: %zu bytes are less than its header",
                            size);
    }
    pbt_status const status = compare_header(env, bytes, err);
    if (status != PBT_OK) { return status; }
    if (size != expected) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the saved state is %s: it has %zu bytes, its header says %zu",
                            size < expected ? "truncated" : "damaged", size, expected);
    }
    if (XXH3_64bits(bytes, size - CHECKSUM_SIZE) !=
        get(bytes + size - CHECKSUM_SIZE, CHECKSUM_SIZE)) {
        return pbti_nn_fail(err, PBT_ECORRUPT,
                            "the saved state is damaged: its checksum does not agree");
    }
    return PBT_OK;
}

/* Judge what was read; `state` is the game's. */
static pbt_status check_values(const struct pbti_env *env, const struct pbti_env_common *common,
                               const void *state, struct pbt_error *err)
{
    const struct pbti_env_kind *const kind = env->kind;
    pbt_status const status = pbti_env_check(&kind->rules->table, env->count, state, err);
    if (status != PBT_OK) { return status; }
    for (uint32_t i = 0; i < env->count; i++) {
        const char *flaw = kind->rules->flaw == NULL ? NULL : kind->rules->flaw(state, i);
        if (common->last[i] >= kind->actions) { flaw = "an action that the game does not have"; }
        if (kind->frames_max > 0 && common->frames[i] >= kind->frames_max) {
            flaw = "an episode beyond the limit of frames";
        }
        if (flaw != NULL) {
            return pbti_nn_fail(err, PBT_ECORRUPT, "the saved state is damaged: copy %u has %s", i,
                                flaw);
        }
    }
    return PBT_OK;
}

pbt_status pbti_env_load(struct pbti_env *env, const uint8_t *bytes, size_t size,
                         struct pbt_error *err)
{
    const struct pbti_env_rules *const rules = env->kind->rules;
    pbt_status status = check_bytes(env, bytes, size, err);
    if (status != PBT_OK) { return status; }

    /* into memory of its own first, so that nothing has changed when a value is wrong */
    struct pbti_env_common common;
    unsigned char *const memory = aligned_alloc(PBTI_NN_ALIGN_BYTES, env->memory_size);
    void *const state = calloc(1, rules->state_size);
    if (memory == NULL || state == NULL) {
        status = pbti_nn_fail(err, PBT_ENOMEM, "no memory to load %u copies of \"%s\"", env->count,
                              env->kind->name);
    } else {
        memset(memory, 0, env->memory_size);
        size_t const common_size =
            pbti_env_layout(&pbti_env_common_table, env->count, &common, memory);
        (void)pbti_env_layout(&rules->table, env->count, state, memory + common_size);
        const unsigned char *at = bytes + HEADER_SIZE;
        at = pbti_env_unpack(&pbti_env_common_table, env->count, &common, at);
        (void)pbti_env_unpack(&rules->table, env->count, state, at);
        status = check_values(env, &common, state, err);
        if (status == PBT_OK) { memcpy(env->memory, memory, env->memory_size); }
    }
    free(memory);
    free(state);
    return status;
}
