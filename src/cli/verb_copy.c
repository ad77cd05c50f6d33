/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_copy.c - pbt copy DIR TARGET: a copy of a study, also of one that runs.
 *
 * First the journal as of one moment, then the checkpoints that are alive in that copy, as hard
 * links where the file system can: they never change. A checkpoint that vanished meanwhile became
 * unreachable in the original: then the journal is copied again, later, and what it needs no more
 * is taken out.
 */
#include "cli/cli.h"

#include "base/fail.h"
#include "study/store.h"
#include "study/study_journal.h"
#include "view/format.h"
#include "view/study_reader.h"
#include "view/summary.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES 20

struct copy {
    const char *from, *to;
    const char *named; /* the URL of the journal; NULL: not named */
    uint64_t checkpoints, bytes;
    uint64_t seq;
    bool vanished; /* a checkpoint was not there any more */
};

static pbt_status join(char path[PATH_MAX], const char *folder, const char *name,
                       struct pbt_error *err)
{
    if (snprintf(path, PATH_MAX, "%s/%s", folder, name) < PATH_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path \"%s/%s\" is too long", folder, name);
}

static pbt_status fail_io(struct pbt_error *err, const char *what, const char *path)
{
    int const code = errno;
    return PBTI_FAIL(err, PBT_EIO, code, "could not %s \"%s\": %s", what, path, strerror(code));
}

/* -------- files -------- */

static pbt_status copy_bytes(int from, int to, const char *path, struct pbt_error *err)
{
    static char buffer[1 << 16]; /* one thread */
    for (;;) {
        ssize_t const got = read(from, buffer, sizeof buffer);
        if (got == 0) { return PBT_OK; }
        if (got < 0) { return fail_io(err, "read", path); }
        for (ssize_t done = 0; done < got;) {
            ssize_t const put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0) { return fail_io(err, "write", path); }
            done += put;
        }
    }
}

/* Copy a file's bytes to a new file. ENOENT of the source is in err->detail. */
static pbt_status copy_file(const char *from, const char *to, mode_t mode, struct pbt_error *err)
{
    int const in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) { return fail_io(err, "open", from); }
    int const out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
    if (out < 0) {
        pbt_status const status = fail_io(err, "make", to);
        (void)close(in);
        return status;
    }
    pbt_status status = copy_bytes(in, out, to, err);
    (void)close(in);
    if (close(out) != 0 && status == PBT_OK) { status = fail_io(err, "write", to); }
    return status;
}

/* What nftw() is in the middle of; one thread. */
static struct {
    const char *from, *to;
    bool link; /* hard links, else copies */
    pbt_status status;
    struct pbt_error *err;
} walk;

static pbt_status copy_entry(const char *path, const struct stat *info, int kind)
{
    char target[PATH_MAX];
    const char *const rest = path + strlen(walk.from);
    if (snprintf(target, sizeof target, "%s%s", walk.to, rest) >= (int)sizeof target) {
        return PBTI_FAIL(walk.err, PBT_ELIMIT, 0, "the path \"%s\" is too long", path);
    }
    if (kind == FTW_D) {
        return mkdir(target, 0777) == 0 || errno == EEXIST ? PBT_OK
                                                           : fail_io(walk.err, "make", target);
    }
    if (kind == FTW_SL) {
        char content[PATH_MAX];
        ssize_t const size = readlink(path, content, sizeof content - 1);
        if (size < 0) { return fail_io(walk.err, "read", path); }
        content[size] = '\0';
        return symlink(content, target) == 0 ? PBT_OK : fail_io(walk.err, "make", target);
    }
    if (kind != FTW_F) { return fail_io(walk.err, "read", path); }
    if (walk.link) {
        if (link(path, target) == 0) { return PBT_OK; }
        if (errno == ENOENT) { return fail_io(walk.err, "open", path); }
    }
    return copy_file(path, target, info->st_mode, walk.err);
}

static int on_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)place;
    walk.status = copy_entry(path, info, kind);
    return walk.status == PBT_OK ? 0 : 1;
}

/* Copy a folder and all in it. */
static pbt_status copy_tree(const char *from, const char *to, bool hard, struct pbt_error *err)
{
    walk.from = from;
    walk.to = to;
    walk.link = hard;
    walk.status = PBT_OK;
    walk.err = err;
    if (nftw(from, on_entry, 16, FTW_PHYS) != 0 && walk.status == PBT_OK) {
        return fail_io(err, "read", from);
    }
    return walk.status;
}

static int on_remove(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, on_remove, 16, FTW_PHYS | FTW_DEPTH);
}

/* -------- parts of a study -------- */

static pbt_status copy_journal(const struct copy *copy, struct pbt_error *err)
{
    char to[PATH_MAX];
    PBTI_TRY(join(to, copy->to, "journal.db", err));
    (void)unlink(to); /* of an earlier try */
    return pbti_study_journal_copy(copy->from, copy->named, copy->to, err);
}

/* Copy a living checkpoint unless it is there already. */
static pbt_status copy_checkpoint(struct copy *copy,
                                  const struct pbti_live_checkpoints_entry *entry,
                                  struct pbt_error *err)
{
    char name[PBTI_CHECKPOINT_NAME_MAX];
    char part[PATH_MAX];
    char from[PATH_MAX];
    char to[PATH_MAX];
    (void)pbti_checkpoint_name(entry->checkpoint, name);
    if (snprintf(from, sizeof from, "%s/checkpoints/%s", copy->from, name) >= (int)sizeof from ||
        snprintf(to, sizeof to, "%s/checkpoints/%s", copy->to, name) >= (int)sizeof to ||
        snprintf(part, sizeof part, "%s.copy", to) >= (int)sizeof part) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path \"%s\" is too long", copy->to);
    }
    struct stat info;
    if (stat(to, &info) == 0) { return PBT_OK; }
    pbt_status status = copy_tree(from, part, true, err);
    /* deleting begins with a new name: what still has its own was whole while it was copied */
    copy->vanished = stat(from, &info) != 0 && errno == ENOENT;
    if (status == PBT_OK && copy->vanished) { status = fail_io(err, "copy", from); }
    if (status == PBT_OK && rename(part, to) != 0) { status = fail_io(err, "make", to); }
    if (status != PBT_OK) { remove_tree(part); }
    return status;
}

static pbt_status copy_checkpoints(struct copy *copy, struct pbt_error *err)
{
    struct pbti_study_reader *reader = NULL;
    PBTI_TRY(pbti_study_reader_open(copy->to, NULL, &reader, err));
    const struct pbti_live_checkpoints *const alive = pbti_study_reader_alive(reader);
    pbt_status status = PBT_OK;
    for (size_t i = 0; status == PBT_OK && i < alive->capacity; i++) {
        if (alive->entries[i].checkpoint.segment == 0) { continue; }
        status = copy_checkpoint(copy, &alive->entries[i], err);
    }
    copy->seq = pbti_state_seq(pbti_study_reader_state(reader));
    copy->checkpoints = alive->count;
    copy->bytes = alive->bytes;
    if (status == PBT_OK) { /* what an earlier try copied and this moment does not need */
        struct pbti_store *store = NULL;
        struct pbti_store_listing listing = {0};
        status = pbti_store_open(copy->to, false, false, &store, err);
        if (status == PBT_OK) { status = pbti_store_list(store, false, &listing, err); }
        for (size_t i = 0; status == PBT_OK && i < listing.count; i++) {
            if (pbti_live_checkpoints_find(alive, listing.items[i]) == NULL) {
                pbti_store_drop(store, listing.items[i]);
            }
        }
        free(listing.items);
        pbti_store_close(store);
    }
    pbti_study_reader_close(reader);
    return status;
}

/* study.yaml and logs/: what is not there is left out. */
static pbt_status copy_rest(const struct copy *copy, struct pbt_error *err)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct stat info;
    PBTI_TRY(join(from, copy->from, "study.yaml", err));
    PBTI_TRY(join(to, copy->to, "study.yaml", err));
    if (stat(from, &info) == 0) { PBTI_TRY(copy_file(from, to, info.st_mode, err)); }
    PBTI_TRY(join(from, copy->from, "logs", err));
    PBTI_TRY(join(to, copy->to, "logs", err));
    if (stat(from, &info) == 0) { PBTI_TRY(copy_tree(from, to, false, err)); }
    return PBT_OK;
}

static pbt_status copy_study(struct copy *copy, struct pbt_error *err)
{
    char folder[PATH_MAX];
    PBTI_TRY(join(folder, copy->to, "checkpoints", err));
    if (mkdir(folder, 0777) != 0) { return fail_io(err, "make", folder); }
    pbt_status status = PBT_OK;
    for (int tries = 0; tries < TRIES; tries++) {
        copy->vanished = false;
        PBTI_TRY(copy_journal(copy, err));
        status = copy_checkpoints(copy, err);
        if (!copy->vanished) { break; }
    }
    PBTI_TRY(status);
    return copy_rest(copy, err);
}

/* -------- the verb -------- */

static int print(const struct pbti_call *call, const struct copy *copy)
{
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        json_t *const json = json_pack(
            "{s:i, s:o, s:I, s:I, s:I}", "version", PBTI_JSON_VERSION, "target",
            pbti_json_text(copy->to, strlen(copy->to)), "seq", (json_int_t)copy->seq, "checkpoints",
            (json_int_t)copy->checkpoints, "bytes", (json_int_t)copy->bytes);
        return pbti_cli_print_json(call, json, PBTI_EXIT_DONE);
    }
    if (pbti_cli_has(call, PBTI_OPT_QUIET)) { return PBTI_EXIT_DONE; }
    struct pbti_str str = {0};
    pbti_str_addf(&str, "copied up to event %" PRIu64 ", ", copy->seq);
    pbti_str_count(&str, copy->checkpoints);
    pbti_str_add(&str, " checkpoints (");
    pbti_str_bytes(&str, copy->bytes);
    pbti_str_add(&str, ") to ");
    pbti_str_escape(&str, copy->to, strlen(copy->to));
    pbti_str_add(&str, "\n");
    return pbti_cli_print(call, &str, PBTI_EXIT_DONE);
}

int pbti_verb_copy(const struct pbti_call *call)
{
    struct copy copy = {
        .from = call->argument[0], .to = call->argument[1], .named = call->value[PBTI_OPT_JOURNAL]};
    struct pbti_study_reader_opts const opts = pbti_cli_reader_opts(call);
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err;
    if (pbti_study_reader_open(copy.from, &opts, &reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    pbti_study_reader_close(reader);
    if (mkdir(copy.to, 0777) != 0) {
        int const code = errno == EEXIST ? PBTI_EXIT_USAGE : PBTI_EXIT_STORAGE;
        return pbti_cli_complain(call, code, NULL, "could not make the folder \"%s\": %s", copy.to,
                                 strerror(errno));
    }
    if (copy_study(&copy, &err) != PBT_OK) {
        remove_tree(copy.to);
        return pbti_cli_fail(call, &err);
    }
    return print(call, &copy);
}
