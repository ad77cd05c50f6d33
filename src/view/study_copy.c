/* SPDX-License-Identifier: Apache-2.0 */
/* view/study_copy.c - see study_copy.h. */
#include "view/study_copy.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "study/store.h"
#include "study/study_journal.h"
#include "view/study_reader.h"

#include <errno.h>
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
    struct pbti_study_copied copied;
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

static void remove_tree(const char *path)
{
    struct pbt_error ignored;
    pbt_status const status = pbti_file_tree_remove(path, &ignored);
    (void)status; /* an error is being told already */
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
    pbt_status status = pbti_file_tree_copy(from, part, true, err);
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
    copy->copied = (struct pbti_study_copied){
        .seq = pbti_state_seq(pbti_study_reader_state(reader)),
        .checkpoints = alive->count,
        .bytes = alive->bytes,
    };
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

/* The rendering, from the journal that was copied. */
static pbt_status write_rendering(const struct copy *copy, struct pbt_error *err)
{
    char path[PATH_MAX];
    struct pbti_study_reader *reader = NULL;
    PBTI_TRY(join(path, copy->to, "study.yaml", err));
    PBTI_TRY(pbti_study_reader_open(copy->to, NULL, &reader, err));
    pbt_status const status = pbti_file_write(path, pbti_study_reader_spec_text(reader).data, err);
    pbti_study_reader_close(reader);
    return status;
}

/* logs/, where it is a folder: a link leads elsewhere. */
static pbt_status copy_logs(const struct copy *copy, struct pbt_error *err)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct stat info;
    PBTI_TRY(join(from, copy->from, "logs", err));
    PBTI_TRY(join(to, copy->to, "logs", err));
    bool const there = lstat(from, &info) == 0 && S_ISDIR(info.st_mode);
    return there ? pbti_file_tree_copy(from, to, false, err) : PBT_OK;
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
    PBTI_TRY(write_rendering(copy, err));
    return copy_logs(copy, err);
}

pbt_status pbti_study_copy(const char *from, const char *named, const char *to,
                           struct pbti_study_copied *copied, struct pbt_error *err)
{
    struct copy copy = {.from = from, .to = to, .named = named};
    struct pbti_study_reader *reader = NULL;
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.journal = named;
    PBTI_TRY(pbti_study_reader_open(from, &opts, &reader, err)); /* is there a study? */
    pbti_study_reader_close(reader);
    if (mkdir(to, 0777) != 0) {
        return PBTI_FAIL(err, errno == EEXIST ? PBT_EEXIST : PBT_EIO, errno,
                         "could not make the folder \"%s\": %s", to, strerror(errno));
    }
    pbt_status const status = copy_study(&copy, err);
    if (status != PBT_OK) { remove_tree(to); }
    *copied = copy.copied;
    return status;
}
