/* SPDX-License-Identifier: Apache-2.0 */
/*
 * study/study_create.c - the study folder: its beginning and its amendments.
 *
 * A folder holds a study when its journal has a study event. One that was left without (a crash
 * while it was made) is begun as if it were new. study.yaml is a rendering of the spec in force,
 * for people.
 */
#include "study/study_handle.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "study/folder_identity.h"
#include "study/study_append.h"
#include "study/study_journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* -------- small things -------- */

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static pbt_status join(char path[PATH_MAX], const char *dir, const char *name,
                       struct pbt_error *err)
{
    int const length = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    if (length >= 0 && length < PATH_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of \"%s\" in \"%s\" is too long", name, dir);
}

static pbt_status render_to(const char *dir, const struct pbti_spec *spec, struct pbt_error *err)
{
    char path[PATH_MAX];
    PBTI_TRY(join(path, dir, "study.yaml", err));
    char *const text = pbti_spec_render(spec);
    if (text == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    pbt_status const status = pbti_file_write(path, text, err);
    free(text);
    return status;
}

/* -------- events -------- */

static pbt_status append_spec(struct pbti_follower *follower, uint8_t type,
                              const struct pbti_spec *spec, struct pbt_error *err)
{
    char *const text = pbti_spec_render(spec);
    if (text == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    struct pbti_event event = {.type = type, .time_ms = wall_ms()};
    event.study.config = &spec->config;
    event.study.spec = (struct pbti_text){text, strlen(text)};
    pbt_status const status = pbti_study_append_to(follower, &event, err);
    free(text);
    return status;
}

pbt_status pbti_study_begin(struct pbti_follower *follower, const struct pbti_spec *spec,
                            struct pbt_error *err)
{
    return append_spec(follower, PBTI_STUDY, spec, err);
}

/* A journal and the follower that follows it. */
struct study {
    struct pbti_journal *journal;
    struct pbti_follower *follower;
};

static void shut(struct study *study)
{
    pbti_follower_close(study->follower);
    pbti_journal_close(study->journal);
}

static pbt_status open_study(const char *dir, const char *named, bool create, bool sync,
                             struct study *study, struct pbt_error *err)
{
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = create;
    opts.sync = sync;
    PBTI_TRY(pbti_study_journal_open(dir, named, &opts, &study->journal, err));
    return pbti_follower_open(study->journal, NULL, NULL, &study->follower, err);
}

/* -------- the folder -------- */

static pbt_status begin_in(const char *dir, const struct pbti_spec *spec, struct study *study,
                           struct pbt_error *err)
{
    PBTI_TRY(open_study(dir, NULL, true, spec->sync_full, study, err));
    if (pbti_follower_state(study->follower) != NULL) {
        return PBTI_FAIL(err, PBT_EEXIST, 0, "\"%s\" holds a study already", dir);
    }
    PBTI_TRY(pbti_study_begin(study->follower, spec, err)); /* only one of several gets beyond it */
    return render_to(dir, spec, err);
}

/* What was made in a folder, to be undone after an error. */
struct made {
    size_t above;    /* bytes of the path of the first folder that was not there; 0: all were */
    bool folders[2]; /* which of `folders` */
    bool journal;    /* journal.url, or the folder of a folder journal */
};
static const char *const folders[] = {"checkpoints", "logs"};

/* How much of the path is a folder that is not there. */
static size_t first_missing(const char *dir)
{
    char path[PATH_MAX];
    size_t const size = strlen(dir);
    if (size >= sizeof path) { return 0; }
    memcpy(path, dir, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (dir[i] != '/' && dir[i] != '\0') { continue; }
        path[i] = '\0';
        if (access(path, F_OK) != 0 && errno == ENOENT) { return i; }
        path[i] = dir[i];
    }
    return 0;
}

/* SQLite makes its file before it writes to it. */
static void remove_empty_journal(const char *dir)
{
    char path[PATH_MAX];
    struct stat info;
    struct pbt_error ignored;
    if (join(path, dir, "journal.db", &ignored) == PBT_OK && stat(path, &info) == 0 &&
        info.st_size == 0) {
        (void)unlink(path);
    }
}

/* Folders go only when they are empty: another process may have begun a study there meanwhile. */
static void unmake(const char *dir, const char *journal, const struct made *made)
{
    char path[PATH_MAX];
    struct pbt_error ignored;
    if (made->journal) { pbti_study_journal_unmake(dir, journal); }
    if (made->above > 0) { remove_empty_journal(dir); }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (made->folders[i] && join(path, dir, folders[i], &ignored) == PBT_OK) {
            (void)rmdir(path);
        }
    }
    if (made->above == 0) { return; }
    (void)snprintf(path, sizeof path, "%s", dir);
    for (size_t size = strlen(path); size >= made->above; size--) {
        if (path[size] != '/' && path[size] != '\0') { continue; }
        path[size] = '\0';
        (void)rmdir(path);
    }
}

static pbt_status make_in(const char *dir, const char *journal, const struct pbti_spec *spec,
                          struct made *made, struct pbt_error *err)
{
    char path[PATH_MAX];
    struct stat info;
    PBTI_TRY(pbti_folder_make(dir, err));
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        PBTI_TRY(join(path, dir, folders[i], err));
        made->folders[i] = stat(path, &info) != 0;
        PBTI_TRY(pbti_folder_make(path, err));
    }
    PBTI_TRY(pbti_study_journal_choose(dir, journal, spec->study, &made->journal, err));
    struct study study = {NULL, NULL};
    pbt_status const status = begin_in(dir, spec, &study, err);
    shut(&study);
    if (status != PBT_OK || !pbti_folder_identity_is_needed(dir)) { return status; }
    struct pbti_folder_identity identity = {.set = false};
    return pbti_folder_identity_take(dir, NULL, &identity, err);
}

pbt_status pbti_study_create(const char *dir, const char *journal, const struct pbti_spec *spec,
                             struct pbt_error *err)
{
    PBTI_TRY(pbti_study_journal_check(dir, journal, spec->study, err));
    PBTI_TRY(pbti_study_journal_is_free(dir, journal, spec->study, err));
    struct made made = {.above = first_missing(dir)};
    pbt_status const status = make_in(dir, journal, spec, &made, err);
    /* a study that is there was begun by another process meanwhile: the folder is that one's */
    if (status != PBT_OK && status != PBT_EEXIST) { unmake(dir, journal, &made); }
    return status;
}

bool pbti_study_is_edited(const char *dir, const struct pbti_spec *spec)
{
    char path[PATH_MAX];
    struct pbt_error ignored;
    struct pbti_spec *written = NULL;
    struct stat info;
    if (join(path, dir, "study.yaml", &ignored) != PBT_OK || stat(path, &info) != 0) {
        return false;
    }
    bool edited = true; /* also one that cannot be read as a spec any more */
    if (pbti_spec_load(path, NULL, 0, &written, &ignored) == PBT_OK) {
        char *const in_force = pbti_spec_render(spec);
        char *const on_disk = pbti_spec_render(written);
        edited = in_force != NULL && on_disk != NULL && strcmp(in_force, on_disk) != 0;
        free(in_force);
        free(on_disk);
    }
    pbti_spec_destroy(written);
    return edited;
}

static pbt_status amend_in(const char *dir, const char *named, struct pbti_spec *spec, bool revive,
                           struct study *study, struct pbt_error *err)
{
    PBTI_TRY(open_study(dir, named, false, spec->sync_full, study, err));
    const struct pbti_state *const state = pbti_follower_state(study->follower);
    if (state == NULL) { return PBTI_FAIL(err, PBT_ENOENT, 0, "\"%s\" holds no study", dir); }
    pbti_config_keep_rules(pbti_state_config(state), &spec->config);
    char *const text = pbti_spec_render(spec);
    if (text == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    struct pbti_text const now = pbti_follower_spec(study->follower);
    bool const same = now.size == strlen(text) && memcmp(now.data, text, now.size) == 0;
    free(text);
    bool const revives = revive && pbti_state_given_up(state) > 0;
    if (same && !revives && pbti_state_stop(state) == PBTI_STOP_NONE) { return PBT_OK; }
    spec->config.revive = revives;
    PBTI_TRY(append_spec(study->follower, PBTI_AMEND, spec, err));
    return render_to(dir, spec, err);
}

pbt_status pbti_study_amend(const char *dir, const char *named, struct pbti_spec *spec, bool revive,
                            struct pbt_error *err)
{
    struct study study = {NULL, NULL};
    pbt_status const status = amend_in(dir, named, spec, revive, &study, err);
    shut(&study);
    return status;
}
