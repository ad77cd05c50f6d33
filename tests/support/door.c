/* SPDX-License-Identifier: Apache-2.0 */
/* support/door.c - see door.h. */
#include "support/door.h"

#include "base/fail.h"

struct handle {
    struct door *door;
};

static pbt_status open_door(void *state, const char *path, const struct pbti_journal_opts *opts,
                            struct pbt_error *err)
{
    (void)path;
    (void)err;
    ((struct handle *)state)->door = opts->context;
    return PBT_OK;
}

static pbt_status append_door(void *state, const void *bytes, size_t size, uint32_t count,
                              uint64_t expected, struct pbti_batch_id id, uint64_t *last,
                              struct pbt_error *err)
{
    struct door *const door = ((struct handle *)state)->door;
    pbt_status const answer = door->append;
    door->append = PBT_OK;
    if (answer == PBT_OK || door->append_lands) {
        PBTI_TRY(pbti_journal_append(door->inner, bytes, size, count, expected, id, last, err));
        door->batches++;
        door->batch_events = count;
    }
    door->append_lands = false;
    if (answer == PBT_OK) { return PBT_OK; }
    return PBTI_FAIL(err, answer, 0, "told to fail");
}

static pbt_status landed_door(void *state, uint64_t expected, struct pbti_batch_id id, bool *landed,
                              struct pbt_error *err)
{
    struct door *const door = ((struct handle *)state)->door;
    if (door->landed_fails > 0) {
        door->landed_fails--;
        return PBTI_FAIL(err, PBT_EIO, 0, "told to fail");
    }
    return pbti_journal_landed(door->inner, expected, id, landed, err);
}

struct cut {
    pbti_batch_reader reader;
    void *context;
    uint32_t batches;
};

static pbt_status read_until_cut(void *context, uint64_t first, uint32_t count, const void *bytes,
                                 size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    struct cut *const cut = context;
    if (cut->batches == 0) { return PBTI_FAIL(err, PBT_EIO, 0, "told to fail"); }
    cut->batches--;
    return cut->reader(cut->context, first, count, bytes, size, id, err);
}

static pbt_status read_door(void *state, uint64_t since, pbti_batch_reader reader, void *context,
                            struct pbt_error *err)
{
    struct door *const door = ((struct handle *)state)->door;
    if (door->reads_fail == 0) {
        return pbti_journal_read(door->inner, since, reader, context, err);
    }
    door->reads_fail--;
    struct cut cut = {reader, context, door->read_batches};
    return pbti_journal_read(door->inner, since, read_until_cut, &cut, err);
}

static pbt_status last_door(void *state, uint64_t *last, struct pbt_error *err)
{
    return pbti_journal_last(((struct handle *)state)->door->inner, last, err);
}

static pbt_status wait_door(void *state, uint64_t since, uint32_t timeout_ms, uint64_t *last,
                            struct pbt_error *err)
{
    return pbti_journal_wait(((struct handle *)state)->door->inner, since, timeout_ms, last, err);
}

static pbt_status check_door(void *state, struct pbt_error *err)
{
    return pbti_journal_check(((struct handle *)state)->door->inner, err);
}

static pbt_status copy_door(void *state, const char *path, struct pbt_error *err)
{
    return pbti_journal_copy(((struct handle *)state)->door->inner, path, err);
}

static void close_door(void *state)
{
    (void)state;
}

static const struct pbti_journal_vtab door_vtab = {
    .version = 1,
    .scheme = "door",
    .state_size = sizeof(struct handle),
    .open = open_door,
    .append = append_door,
    .landed = landed_door,
    .read = read_door,
    .last = last_door,
    .wait = wait_door,
    .check = check_door,
    .copy = copy_door,
    .close = close_door,
};

pbt_status door_open(struct door *door, struct pbti_journal **out)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.context = door;
    return pbti_journal_open_vtab(&door_vtab, "", &opts, out, NULL);
}
