/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/export_runs.c - TensorBoard runs of a study: which points, and the folder that holds them.
 *
 *     OUT/.pbt-export                   whose export this is
 *     OUT/member-03/events.out.tfevents.SECONDS.pbt
 *     OUT/member-03.2/...               ages that member 3 trained a second time
 *     OUT/winner-lineage/...
 *
 * Everything goes through descriptors of folders and O_NOFOLLOW, so that no link leads outside.
 */
#include "view/export.h"

#include "base/fail.h"
#include "view/tensorboard.h"
#include "view/winner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK ".pbt-export"
#define EVENTS_PREFIX "events.out.tfevents."
#define LINEAGE_RUN "winner-lineage"
#define RUN_NAME 64

/* -------- the folder -------- */

struct folder {
    const char *path;
    int file;      /* descriptor; -1 = closed */
    char mark[96]; /* what the mark of this study's export says */
};

static pbt_status cannot(const struct folder *folder, const char *what, const char *name, int code,
                         struct pbt_error *err)
{
    return PBTI_FAIL(err, code == ENOMEM ? PBT_ENOMEM : PBT_EIO, code, "could not %s \"%s/%s\": %s",
                     what, folder->path, name, strerror(code));
}

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory while exporting");
}

/* The folder is not ours to write into. */
static pbt_status foreign(const struct folder *folder, const char *name, struct pbt_error *err)
{
    pbt_status const status = PBTI_FAIL(
        err, PBT_EEXIST, 0, "folder \"%s\" holds \"%s\", which %s", folder->path, name,
        strcmp(name, MARK) == 0 ? "names another study's export" : "is not of an earlier export");
    pbti_fail_hint(err, "name a new folder, or remove what is in this one");
    return status;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Open a folder to read its entries. NULL: errno says why. */
static DIR *open_entries(int parent, const char *name)
{
    int const file = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) { return NULL; }
    DIR *const entries = fdopendir(file);
    if (entries == NULL) { (void)close(file); }
    return entries;
}

/* Is it a folder with nothing but event files? Remove those, and it, when `remove` says so. */
static bool is_run(int parent, const char *name, bool remove)
{
    if (strncmp(name, "member-", 7) != 0 && strcmp(name, LINEAGE_RUN) != 0) { return false; }
    DIR *const entries = open_entries(parent, name);
    if (entries == NULL) { return false; }
    bool good = true;
    for (const struct dirent *entry; good && (entry = readdir(entries)) != NULL;) {
        struct stat info;
        if (is_dots(entry->d_name)) { continue; }
        good = strncmp(entry->d_name, EVENTS_PREFIX, sizeof EVENTS_PREFIX - 1) == 0 &&
               fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISREG(info.st_mode);
        if (good && remove) { good = unlinkat(dirfd(entries), entry->d_name, 0) == 0; }
    }
    (void)closedir(entries);
    return good && (!remove || unlinkat(parent, name, AT_REMOVEDIR) == 0);
}

/* Does the mark say that this is an export of the same study? */
static bool is_marked(const struct folder *folder)
{
    char text[sizeof folder->mark] = "";
    int const file = openat(folder->file, MARK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) { return false; }
    ssize_t const size = read(file, text, sizeof text - 1);
    (void)close(file);
    return size > 0 && strcmp(text, folder->mark) == 0;
}

enum sweep { SWEEP_IS_EMPTY, SWEEP_IS_OURS, SWEEP_REMOVE };

/* Go through the folder's entries; the first that does not fit ends it. */
static pbt_status sweep(const struct folder *folder, enum sweep how, struct pbt_error *err)
{
    DIR *const entries = open_entries(folder->file, ".");
    if (entries == NULL) { return cannot(folder, "read", ".", errno, err); }
    pbt_status status = PBT_OK;
    for (const struct dirent *entry; status == PBT_OK && (entry = readdir(entries)) != NULL;) {
        const char *const name = entry->d_name;
        bool good = is_dots(name);
        if (!good && how != SWEEP_IS_EMPTY) {
            good = strcmp(name, MARK) == 0 || is_run(folder->file, name, how == SWEEP_REMOVE);
        }
        if (!good) { status = foreign(folder, name, err); }
    }
    (void)closedir(entries);
    return status;
}

/* Write a new file; nothing of that name may be there. */
static pbt_status write_file(const struct folder *folder, int parent, const char *name,
                             const char *data, size_t size, struct pbt_error *err)
{
    int const file =
        openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0) { return cannot(folder, "make", name, errno, err); }
    int code = 0;
    while (size > 0 && code == 0) {
        ssize_t const done = write(file, data, size);
        if (done < 0) {
            code = errno == EINTR ? 0 : errno;
            continue;
        }
        data += done;
        size -= (size_t)done;
    }
    if (close(file) != 0 && code == 0) { code = errno; }
    return code == 0 ? PBT_OK : cannot(folder, "write", name, code, err);
}

/* The mark is the first thing in a new folder: whatever happens then, it is known to be ours. */
static pbt_status prepare(struct folder *folder, struct pbt_error *err)
{
    if (mkdir(folder->path, 0777) != 0 && errno != EEXIST) {
        return cannot(folder, "make", "", errno, err);
    }
    folder->file = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->file < 0) {
        if (errno != ENOTDIR) { return cannot(folder, "open", "", errno, err); }
        pbt_status const status =
            PBTI_FAIL(err, PBT_EEXIST, errno, "\"%s\" is no folder", folder->path);
        pbti_fail_hint(err, "TensorBoard runs need a folder of their own: name a new one");
        return status;
    }
    struct stat info;
    if (fstatat(folder->file, MARK, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        PBTI_TRY(sweep(folder, SWEEP_IS_EMPTY, err));
        return write_file(folder, folder->file, MARK, folder->mark, strlen(folder->mark), err);
    }
    if (!is_marked(folder)) { return foreign(folder, MARK, err); }
    PBTI_TRY(sweep(folder, SWEEP_IS_OURS, err)); /* all of it, before the first is removed */
    return sweep(folder, SWEEP_REMOVE, err);
}

/* -------- the points -------- */

/* A run being made. */
struct track {
    struct pbti_str file;
    uint64_t step; /* of its last event */
};

struct runs {
    const struct pbti_export *export;
    const struct pbti_history *history;
    struct folder folder;
    struct pbti_events events;
    struct pbti_str tags; /* one after the other, each with its NUL: score, hyperparameters, ... */
    struct track *tracks; /* owned; of the member at hand */
    uint32_t tracks_count, tracks_capacity;
    uint32_t written;
};

static const struct pbti_space *space_of(const struct runs *runs)
{
    return &pbti_state_config(pbti_study_reader_state(runs->export->reader))->space;
}

static void add_tag(struct runs *runs, const char *group, const char *name)
{
    pbti_events_tag(&runs->tags, group, name);
    pbti_str_add_bytes(&runs->tags, "", 1);
}

static void make_tags(struct runs *runs)
{
    const struct pbti_export *const export = runs->export;
    const struct pbti_space *const space = space_of(runs);
    add_tag(runs, "score", pbti_study_reader_spec(export->reader)->score_name);
    for (uint32_t i = 0; i < space->count; i++) {
        add_tag(runs, "hyperparameters", space->hp[i].name);
    }
    for (uint32_t i = 0; i < export->names_count; i++) {
        add_tag(runs, "metrics", export->name[i]);
    }
}

/* A hyperparameter as a number: that of an ordinal one's value, the place of a text in its list. */
static double number_of(const struct pbti_space *space, uint32_t hp, double value)
{
    const struct pbti_hp *const h = &space->hp[hp];
    if (!pbti_hp_is_listed(h)) { return value; }
    const struct pbti_hp_value *const listed = &space->values[h->first + (uint32_t)value];
    return listed->numeric ? listed->number : value;
}

/* All that is known of a record at the age where it ended. */
static void add_point(struct runs *runs, struct track *track, uint32_t record)
{
    const struct pbti_history *const history = runs->history;
    const struct pbti_space *const space = space_of(runs);
    const double *const values = pbti_history_values(history, record);
    const char *tag = pbti_str_text(&runs->tags);
    if (!isnan(history->score[record])) {
        pbti_events_scalar(&runs->events, tag, history->score[record]);
    }
    for (uint32_t i = 0; i < space->count; i++) {
        tag += strlen(tag) + 1;
        pbti_events_scalar(&runs->events, tag, number_of(space, i, values[i]));
    }
    for (uint32_t i = 0; i < runs->export->names_count; i++) {
        double const metric = pbti_export_metric(runs->export, record, i);
        tag += strlen(tag) + 1;
        if (!isnan(metric)) { pbti_events_scalar(&runs->events, tag, metric); }
    }
    track->step = history->age[record] + history->steps[record];
    pbti_events_end(&runs->events, &track->file, history->ended_ms[record], track->step);
}

static bool add_track(struct runs *runs, int64_t time_ms)
{
    if (runs->tracks_count == runs->tracks_capacity) {
        uint32_t const capacity = runs->tracks_capacity * 2 + 4;
        struct track *const larger = realloc(runs->tracks, capacity * sizeof *larger);
        if (larger == NULL) { return false; }
        memset(larger + runs->tracks_capacity, 0,
               (capacity - runs->tracks_capacity) * sizeof *larger);
        runs->tracks = larger;
        runs->tracks_capacity = capacity;
    }
    struct track *const track = &runs->tracks[runs->tracks_count++];
    pbti_str_clear(&track->file);
    track->step = 0;
    pbti_events_begin(&runs->events, &track->file, time_ms);
    return true;
}

/* Put a record where its age goes forward. */
static bool place(struct runs *runs, uint32_t record)
{
    const struct pbti_history *const history = runs->history;
    uint64_t const step = history->age[record] + history->steps[record];
    uint32_t at = 0;
    while (at < runs->tracks_count && runs->tracks[at].step >= step) {
        at++;
    }
    if (at == runs->tracks_count && !add_track(runs, history->claimed_ms[record])) { return false; }
    add_point(runs, &runs->tracks[at], record);
    return true;
}

/* -------- writing -------- */

static pbt_status write_run(struct runs *runs, const char *name, const struct pbti_str *file,
                            struct pbt_error *err)
{
    const struct folder *const folder = &runs->folder;
    if (file->failed) { return no_memory(err); }
    if (mkdirat(folder->file, name, 0777) != 0) { return cannot(folder, "make", name, errno, err); }
    int const run = openat(folder->file, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (run < 0) { return cannot(folder, "open", name, errno, err); }
    char events[RUN_NAME];
    int64_t const began_ms = pbti_study_reader_tally(runs->export->reader)->first_ms;
    (void)snprintf(events, sizeof events, EVENTS_PREFIX "%010" PRId64 ".pbt", began_ms / 1000);
    pbt_status const status = write_file(folder, run, events, file->data, file->size, err);
    (void)close(run);
    if (status == PBT_OK) { runs->written++; }
    return status;
}

/* Write the tracks of a member and forget them. */
static pbt_status write_tracks(struct runs *runs, uint32_t member, struct pbt_error *err)
{
    const struct pbti_state *const state = pbti_study_reader_state(runs->export->reader);
    uint8_t const group = pbti_state_member(state, member)->group;
    int const digits = snprintf(NULL, 0, "%" PRIu32, pbti_state_members(state) - 1);
    for (uint32_t i = 0; i < runs->tracks_count; i++) {
        char name[RUN_NAME];
        int size = snprintf(name, sizeof name, "member-%0*" PRIu32, digits, member);
        if (group != PBTI_GROUP_POPULATION) {
            size +=
                snprintf(name + size, sizeof name - (size_t)size, "-%s", pbti_group_name(group));
        }
        if (i > 0) { (void)snprintf(name + size, sizeof name - (size_t)size, ".%" PRIu32, i + 1); }
        PBTI_TRY(write_run(runs, name, &runs->tracks[i].file, err));
    }
    runs->tracks_count = 0;
    return PBT_OK;
}

/* The records that are done, member by member, each in the order they came; NULL: no memory. */
static uint32_t *by_member(const struct pbti_history *history, uint32_t *count)
{
    uint32_t *const next = calloc((size_t)history->members + 1, sizeof *next);
    uint32_t *const order = malloc(((size_t)history->count + 1) * sizeof *order);
    *count = 0;
    for (uint32_t i = 0; next != NULL && i < history->count; i++) {
        if (history->outcome[i] == PBTI_OUTCOME_DONE) { next[history->member[i] + 1]++; }
    }
    for (uint32_t i = 1; next != NULL && i <= history->members; i++) {
        next[i] += next[i - 1];
    }
    for (uint32_t i = 0; next != NULL && order != NULL && i < history->count; i++) {
        if (history->outcome[i] != PBTI_OUTCOME_DONE) { continue; }
        order[next[history->member[i]]++] = i;
        (*count)++;
    }
    if (next == NULL) {
        free(order);
        return NULL;
    }
    free(next);
    return order;
}

static pbt_status write_members(struct runs *runs, struct pbt_error *err)
{
    const struct pbti_history *const history = runs->history;
    uint32_t count = 0;
    uint32_t *const order = by_member(history, &count);
    pbt_status status = order != NULL ? PBT_OK : no_memory(err);
    for (uint32_t i = 0; status == PBT_OK && i < count; i++) {
        uint32_t const member = history->member[order[i]];
        if (!place(runs, order[i])) {
            status = no_memory(err);
        } else if (i + 1 == count || history->member[order[i + 1]] != member) {
            status = write_tracks(runs, member, err);
        }
    }
    free(order);
    return status;
}

static pbt_status write_lineage(struct runs *runs, struct pbt_error *err)
{
    struct pbti_winner winner;
    if (!pbti_winner_find(&winner, runs->export->reader, false)) {
        bool const nobody = winner.record == PBTI_NO_MEMBER;
        pbti_winner_deinit(&winner);
        return nobody ? PBT_OK : no_memory(err);
    }
    bool good = true;
    for (uint32_t i = 0; good && i < winner.lineage_count; i++) {
        good = place(runs, winner.lineage[i]);
    }
    pbti_winner_deinit(&winner);
    if (!good) { return no_memory(err); }
    return write_run(runs, LINEAGE_RUN, &runs->tracks[0].file, err);
}

pbt_status pbti_export_runs(const struct pbti_export *export, const char *out, uint32_t *written,
                            struct pbt_error *err)
{
    const struct pbti_config *const config =
        pbti_state_config(pbti_study_reader_state(export->reader));
    struct runs runs = {.export = export,
                        .history = pbti_study_reader_history(export->reader),
                        .folder = {.path = out, .file = -1}};
    (void)snprintf(runs.folder.mark, sizeof runs.folder.mark,
                   "pbt export: study of seed %" PRIu64 ", begun %" PRId64 "\n", config->seed,
                   pbti_study_reader_tally(export->reader)->first_ms);
    pbti_events_init(&runs.events);
    make_tags(&runs);
    pbt_status status = prepare(&runs.folder, err);
    if (status == PBT_OK) { status = write_members(&runs, err); }
    if (status == PBT_OK) { status = write_lineage(&runs, err); }
    if (status == PBT_OK) { *written = runs.written; }
    for (uint32_t i = 0; i < runs.tracks_capacity; i++) {
        pbti_str_deinit(&runs.tracks[i].file);
    }
    free(runs.tracks);
    pbti_str_deinit(&runs.tags);
    pbti_events_deinit(&runs.events);
    if (runs.folder.file >= 0) { (void)close(runs.folder.file); }
    return status;
}
