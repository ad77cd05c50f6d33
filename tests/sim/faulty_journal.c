/* SPDX-License-Identifier: Apache-2.0 */
/* sim/faulty_journal.c - see faulty_journal.h. */
#include "sim/faulty_journal.h"

#include "base/bytes.h"
#include "base/fail.h"

#include <stdlib.h>

struct handle {
    struct pbti_door *door;
};

static pbt_status dead(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_EIO, 0, "the process was killed");
}

static pbt_status broken(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_EIO, 0, "the disk failed once");
}

bool pbti_door_act(struct pbti_door *door)
{
    if (door->dead) { return false; }
    if (!door->burning) { return true; }
    if (door->fuse == 0) {
        door->dead = true;
        return false;
    }
    door->fuse--;
    return true;
}

static pbt_status open_flaky(void *opaque, const char *path, const struct pbti_journal_opts *opts,
                             struct pbt_error *err)
{
    (void)path;
    (void)err;
    struct handle *const handle = opaque;
    handle->door = opts->context;
    return PBT_OK;
}

/* -------- appending -------- */

/* The first event of a batch alone: what a journal without atomic batches would leave behind. */
static size_t first_event(const void *bytes, size_t size)
{
    struct pbti_reader reader = {bytes, size, 0, false};
    (void)pbti_get_text(&reader, size);
    return reader.at;
}

/* To the true journal, with the bugs that are planted. */
static pbt_status append_truly(struct pbti_storage *storage, const void *bytes, size_t size,
                               uint32_t count, uint64_t expected, struct pbti_batch_id id,
                               uint64_t *last, struct pbt_error *err)
{
    bool const hit =
        storage->plant != PBTI_PLANT_NONE && pbti_sim_random_chance(&storage->random, 0.02);
    if (hit && storage->plant == PBTI_PLANT_LOST_ACK) {
        *last = expected + count;
        return PBT_OK;
    }
    if (hit && storage->plant == PBTI_PLANT_TORN_BATCH && count > 1) {
        return pbti_journal_append(storage->journal, bytes, first_event(bytes, size), 1, expected,
                                   id, last, err);
    }
    if (storage->plant == PBTI_PLANT_STALE_APPEND) {
        PBTI_TRY(pbti_journal_last(storage->journal, &expected, err));
    }
    return pbti_journal_append(storage->journal, bytes, size, count, expected, id, last, err);
}

static pbt_status append_flaky(void *opaque, const void *bytes, size_t size, uint32_t count,
                               uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                               struct pbt_error *err)
{
    struct pbti_door *const door = ((struct handle *)opaque)->door;
    struct pbti_storage *const storage = door->storage;
    const struct pbti_faults *const faults = &storage->faults;
    if (door->dead) { return dead(err); }
    if (pbti_sim_random_chance(&storage->random, faults->overtaken)) {
        door->overtake(door->context);
    }
    bool const dies = pbti_sim_random_chance(&storage->random, faults->dies_appending);
    if (dies && pbti_sim_random_chance(&storage->random, 0.3)) {
        door->dead = true;
        return dead(err);
    }
    if (pbti_sim_random_chance(&storage->random, faults->append_fails)) { return broken(err); }
    bool const lost = pbti_sim_random_chance(&storage->random, faults->lost_unknown);
    if (lost) { return PBTI_FAIL(err, PBT_EUNKNOWN, 0, "the connection was lost"); }
    PBTI_TRY(append_truly(storage, bytes, size, count, expected, id, last, err));
    if (dies) { /* durable; of what follows from it, only the first few things happen */
        door->burning = true;
        door->fuse = pbti_sim_random_below(&storage->random, 4);
        if (door->fuse > 0) { return PBT_OK; }
        door->dead = true;
        return dead(err);
    }
    if (pbti_sim_random_chance(&storage->random, faults->landed_unknown)) {
        return PBTI_FAIL(err, PBT_EUNKNOWN, 0, "the connection was lost");
    }
    return PBT_OK;
}

static pbt_status landed_flaky(void *opaque, uint64_t expected, struct pbti_batch_id id,
                               bool *landed, struct pbt_error *err)
{
    struct pbti_door *const door = ((struct handle *)opaque)->door;
    struct pbti_storage *const storage = door->storage;
    if (door->dead) { return dead(err); }
    if (pbti_sim_random_chance(&storage->random, storage->faults.landed_silent)) {
        storage->unanswered++;
        return broken(err);
    }
    PBTI_TRY(pbti_journal_landed(storage->journal, expected, id, landed, err));
    if (storage->plant == PBTI_PLANT_LANDED_LIES) { *landed = true; }
    return PBT_OK;
}

/* -------- reading -------- */

struct cut {
    pbti_batch_reader reader;
    void *context;
    uint32_t batches; /* still to come before the disk fails */
};

static pbt_status read_until_cut(void *context, uint64_t first, uint32_t count, const void *bytes,
                                 size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct cut *const cut = context;
    if (cut->batches == 0) { return broken(err); }
    cut->batches--;
    return cut->reader(cut->context, first, count, bytes, size, id, err);
}

static pbt_status read_flaky(void *opaque, uint64_t since, pbti_batch_reader reader, void *context,
                             struct pbt_error *err)
{
    struct pbti_door *const door = ((struct handle *)opaque)->door;
    struct pbti_storage *const storage = door->storage;
    if (door->dead) { return dead(err); }
    if (pbti_sim_random_chance(&storage->random, storage->faults.read_fails)) {
        struct cut cut = {reader, context, pbti_sim_random_below(&storage->random, 4)};
        return pbti_journal_read(storage->journal, since, read_until_cut, &cut, err);
    }
    return pbti_journal_read(storage->journal, since, reader, context, err);
}

static pbt_status last_flaky(void *opaque, uint64_t *last, struct pbt_error *err)
{
    struct pbti_door *const door = ((struct handle *)opaque)->door;
    if (door->dead) { return dead(err); }
    return pbti_journal_last(door->storage->journal, last, err);
}

/* Time does not pass inside a call. */
static pbt_status wait_flaky(void *opaque, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                             struct pbt_error *err)
{
    (void)since;
    (void)timeout_ms;
    return last_flaky(opaque, last, err);
}

static pbt_status check_flaky(void *opaque, struct pbt_error *err)
{
    struct pbti_door *const door = ((struct handle *)opaque)->door;
    return pbti_journal_check(door->storage->journal, err);
}

static pbt_status copy_flaky(void *opaque, const char *path, struct pbt_error *err)
{
    (void)opaque;
    return PBTI_FAIL(err, PBT_EINVAL, 0, "a simulated journal cannot be copied to \"%s\"", path);
}

static void close_flaky(void *opaque)
{
    (void)opaque;
}

static const struct pbti_journal_vtab flaky = {
    .version = 1,
    .scheme = "flaky",
    .state_size = sizeof(struct handle),
    .open = open_flaky,
    .append = append_flaky,
    .landed = landed_flaky,
    .read = read_flaky,
    .last = last_flaky,
    .wait = wait_flaky,
    .check = check_flaky,
    .copy = copy_flaky,
    .close = close_flaky,
};

pbt_status pbti_door_open(struct pbti_door *door, struct pbti_journal **out, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.context = door;
    return pbti_journal_open_vtab(&flaky, "", &opts, out, err);
}

pbt_status pbti_storage_open(struct pbti_storage *storage, const struct pbti_scenario *swarm,
                             enum pbti_plant plant, struct pbt_error *err)
{
    *storage = (struct pbti_storage){.faults = swarm->faults, .plant = plant};
    storage->random = pbti_sim_random_of(swarm->seed, PBTI_SIM_RANDOM_STORAGE);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    return pbti_journal_open("memory:", &opts, &storage->journal, err);
}

void pbti_storage_close(struct pbti_storage *storage)
{
    pbti_journal_close(storage->journal);
    storage->journal = NULL;
}
