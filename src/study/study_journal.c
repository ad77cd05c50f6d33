/* SPDX-License-Identifier: Apache-2.0 */
/* study/study_journal.c - see study_journal.h. */
#include "study/study_journal.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "journal/journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pbt_status join(char path[PATH_MAX], const char *dir, const char *name,
                       struct pbt_error *err)
{
    int const length = snprintf(path, PATH_MAX, "%s/%s", dir, name);
    if (length > 0 && length < PATH_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "path \"%.60s...\" is too long", dir);
}

static pbt_status fail_io(int cause, const char *what, const char *path, struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_EIO, cause, "could not %s \"%s\": %s", what, path, strerror(cause));
}

/* -------- which one -------- */

/* What holds a journal inside of its folder, in the order in which it is looked for. */
static const struct {
    const char *scheme, *name;
} forms[] = {{"dir", "journal"}, {"sqlite", "journal.db"}};
#define FORMS (sizeof forms / sizeof *forms)

#define URL_FILE "journal.url"

/* Is there something of this name in the folder? */
static pbt_status find(const char *dir, const char *name, char path[PATH_MAX], bool *found,
                       struct pbt_error *err)
{
    struct stat info;
    PBTI_TRY(join(path, dir, name, err));
    *found = stat(path, &info) == 0;
    if (*found || errno == ENOENT || errno == ENOTDIR) { return PBT_OK; }
    return fail_io(errno, "look at", path, err);
}

/* Refuse what another user made and what leads out of the folder. */
static pbt_status fail_foreign(const char *path, uid_t owner, const char *url,
                               struct pbt_error *err)
{
    (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                    "\"%s\" belongs to user %u, not to you, and says that the journal is \"%s\"",
                    path, (unsigned)owner, url);
    pbti_fail_hint(err, "if you trust it, name that URL: --journal URL");
    return PBT_EINVAL;
}

/* Read the line of journal.url. found: false when there is no such file; owner: whose it is. */
static pbt_status read_url(const char *dir, char url[PBTI_JOURNAL_URL_MAX], bool *found,
                           uid_t *owner, struct pbt_error *err)
{
    char path[PATH_MAX];
    struct stat info;
    PBTI_TRY(join(path, dir, URL_FILE, err));
    int const descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    *found = descriptor >= 0;
    if (descriptor < 0) {
        if (errno == ENOENT || errno == ENOTDIR) { return PBT_OK; }
        if (errno == ELOOP) {
            return PBTI_FAIL(err, PBT_EINVAL, 0, "\"%s\" is a symbolic link, which is not followed",
                             path);
        }
        return fail_io(errno, "read", path, err);
    }
    bool const regular = fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
    ssize_t const got = regular ? read(descriptor, url, PBTI_JOURNAL_URL_MAX - 1) : 0;
    (void)close(descriptor);
    url[got > 0 ? got : 0] = '\0';
    size_t const size = strcspn(url, "\n");
    if (size > 0 && url[size] == '\n') {
        url[size] = '\0';
        *owner = info.st_uid;
        return PBT_OK;
    }
    return PBTI_FAIL(err, PBT_ECORRUPT, 0, "file \"%s\" should be one line, the journal's URL",
                     path);
}

/* Is the journal that is there the one that is wanted? A name that was made up does not tell. */
static bool is_wanted(const char *wanted, const char *url, const char *there)
{
    bool const named = strchr(wanted, '#') != NULL;
    size_t const size = strcspn(url, "#");
    return strcmp(url, there) == 0 ||
           (!named && url[size] == '#' && strncmp(url, there, size + 1) == 0);
}

/* The URL that is meant by a word or URL. */
static pbt_status resolve(const char *dir, const char *wanted, const char *study,
                          char url[PBTI_JOURNAL_URL_MAX], struct pbt_error *err)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < FORMS; i++) {
        if (strcmp(wanted, forms[i].scheme) != 0) { continue; }
        PBTI_TRY(join(path, dir, forms[i].name, err));
        (void)snprintf(url, PBTI_JOURNAL_URL_MAX, "%s:%s", wanted, path);
        return PBT_OK;
    }
    return pbti_journal_name(wanted, study, url, PBTI_JOURNAL_URL_MAX, err);
}

/* May it be opened, where journal.url of `owner` says so? */
static pbt_status check_url(const char *dir, const char *named, const char *url, uid_t owner,
                            struct pbt_error *err)
{
    char path[PATH_MAX];
    char meant[PBTI_JOURNAL_URL_MAX];
    if (named == NULL && owner == geteuid()) { return PBT_OK; }
    PBTI_TRY(join(path, dir, URL_FILE, err));
    if (named == NULL) { return fail_foreign(path, owner, url, err); }
    PBTI_TRY(resolve(dir, named, "study", meant, err));
    if (is_wanted(named, meant, url)) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "the journal of \"%s\" is \"%s\", not \"%s\"", dir, url,
                    named);
    return PBT_EINVAL;
}

/* May it be opened, where it is in the folder, or seems to be? */
static pbt_status check_inside(const char *dir, const char *named, const char *path,
                               const char *url, struct pbt_error *err)
{
    struct stat info;
    char meant[PBTI_JOURNAL_URL_MAX];
    if (named != NULL) {
        PBTI_TRY(resolve(dir, named, "study", meant, err));
        if (strcmp(meant, url) == 0) { return PBT_OK; }
        return PBTI_FAIL(err, PBT_EINVAL, 0, "the journal of \"%s\" is \"%s\", not \"%s\"", dir,
                         url, named);
    }
    bool const foreign =
        lstat(path, &info) == 0 && S_ISLNK(info.st_mode) && info.st_uid != geteuid();
    if (!foreign) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, 0, "\"%s\" is a symbolic link of user %u, not of yours", path,
                     (unsigned)info.st_uid);
}

pbt_status pbti_study_journal_url(const char *dir, const char *named,
                                  char url[PBTI_JOURNAL_URL_MAX], struct pbt_error *err)
{
    bool found;
    uid_t owner = 0;
    PBTI_TRY(read_url(dir, url, &found, &owner, err));
    if (found) { return check_url(dir, named, url, owner, err); }
    for (size_t i = 0; i < FORMS; i++) {
        char path[PATH_MAX];
        PBTI_TRY(find(dir, forms[i].name, path, &found, err));
        if (!found) { continue; }
        (void)snprintf(url, PBTI_JOURNAL_URL_MAX, "%s:%s", forms[i].scheme, path);
        return check_inside(dir, named, path, url, err);
    }
    (void)PBTI_FAIL(err, PBT_ENOENT, ENOENT, "there is no study in \"%s\"", dir);
    pbti_fail_hint(err, "give the folder that `pbt run` made: it holds journal.db");
    return PBT_ENOENT;
}

bool pbti_study_is_at(const char *dir)
{
    char path[PATH_MAX];
    struct pbt_error ignored;
    struct stat info;
    if (join(path, dir, URL_FILE, &ignored) == PBT_OK && lstat(path, &info) == 0) { return true; }
    for (size_t i = 0; i < FORMS; i++) {
        bool found = false;
        if (find(dir, forms[i].name, path, &found, &ignored) == PBT_OK && found) { return true; }
    }
    return false;
}

pbt_status pbti_study_folder_of(const char *path, char dir[PATH_MAX], struct pbt_error *err)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size >= PATH_MAX) {
        return PBTI_FAIL(err, PBT_ELIMIT, 0, "path \"%.60s...\" is too long", path);
    }
    (void)snprintf(dir, PATH_MAX, "%.*s", (int)size, path);
    if (pbti_study_is_at(dir)) { return PBT_OK; }
    char *const slash = strrchr(dir, '/');
    const char *const last = slash == NULL ? dir : slash + 1;
    bool known = strcmp(last, URL_FILE) == 0;
    for (size_t i = 0; i < FORMS && !known; i++) {
        known = strcmp(last, forms[i].name) == 0;
    }
    if (!known) { return PBT_OK; }
    if (slash == NULL) {
        (void)snprintf(dir, PATH_MAX, ".");
    } else {
        slash[slash == dir ? 1 : 0] = '\0';
    }
    if (!pbti_study_is_at(dir)) { (void)snprintf(dir, PATH_MAX, "%.*s", (int)size, path); }
    return PBT_OK;
}

pbt_status pbti_study_journal_open(const char *dir, const char *named,
                                   const struct pbti_journal_opts *opts, struct pbti_journal **out,
                                   struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    struct pbt_error why;
    *out = NULL;
    pbt_status const status = pbti_study_journal_url(dir, named, url, &why);
    if (status == PBT_ENOENT && opts->create) {
        PBTI_TRY(resolve(dir, "sqlite", "", url, err));
    } else if (status != PBT_OK) {
        if (err != NULL) { *err = why; }
        return status;
    }
    return pbti_journal_open(url, opts, out, err);
}

/* -------- a new one -------- */

/* Whole or not at all, and never over what is there. Whoever may read the folder may read it, and
 * can join the study with --journal: it holds no password. */
static pbt_status write_url(const char *dir, const char *url, struct pbt_error *err)
{
    char part[PATH_MAX];
    char path[PATH_MAX];
    PBTI_TRY(join(path, dir, "journal.url", err));
    PBTI_TRY(join(part, dir, "journal.url.part", err));
    (void)unlink(part);
    struct stat info;
    mode_t const mode = stat(dir, &info) == 0 ? info.st_mode & 0666 : 0600;
    int const descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) { return fail_io(errno, "make", part, err); }
    int cause = dprintf(descriptor, "%s\n", url) > 0 && fsync(descriptor) == 0 ? 0 : errno;
    if (close(descriptor) != 0 && cause == 0) { cause = errno; }
    if (cause == 0) { cause = pbti_give_name(part, path); }
    if (cause != 0) { (void)unlink(part); }
    if (cause == 0) { cause = pbti_sync_path(dir); }
    return cause == 0 ? PBT_OK : fail_io(cause, "make", path, err);
}

pbt_status pbti_study_journal_check(const char *dir, const char *wanted, const char *study,
                                    struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    return wanted == NULL ? PBT_OK : resolve(dir, wanted, study, url, err);
}

pbt_status pbti_study_journal_choose(const char *dir, const char *wanted, const char *study,
                                     bool *made, struct pbt_error *err)
{
    *made = false;
    if (wanted == NULL) { return PBT_OK; }
    char url[PBTI_JOURNAL_URL_MAX];
    char there[PBTI_JOURNAL_URL_MAX];
    char path[PATH_MAX];
    struct pbt_error why;
    PBTI_TRY(resolve(dir, wanted, study, url, err));
    pbt_status const status = pbti_study_journal_url(dir, NULL, there, &why);
    if (status == PBT_OK && is_wanted(wanted, url, there)) { return PBT_OK; }
    if (status == PBT_OK) {
        (void)PBTI_FAIL(err, PBT_EEXIST, 0, "\"%s\" has another journal already", dir);
        pbti_fail_hint(err, "give another folder with --dir");
        return PBT_EEXIST;
    }
    if (status != PBT_ENOENT) {
        if (err != NULL) { *err = why; }
        return status;
    }
    if (strcmp(wanted, "sqlite") == 0) { return PBT_OK; }
    if (strcmp(wanted, "dir") != 0) {
        PBTI_TRY(write_url(dir, url, err));
        *made = true;
        return PBT_OK;
    }
    PBTI_TRY(join(path, dir, "journal", err));
    *made = mkdir(path, 0777) == 0;
    return *made || errno == EEXIST ? PBT_OK : fail_io(errno, "make", path, err);
}

/* A pbti_batch_reader: is there a batch? */
static pbt_status see_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                            size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    bool *const seen = context;
    (void)first, (void)count, (void)bytes, (void)size, (void)id;
    *seen = true;
    return PBTI_FAIL(err, PBT_EEXIST, 0, "there is a batch");
}

pbt_status pbti_study_journal_is_free(const char *dir, const char *wanted, const char *study,
                                      struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    bool seen = false;
    if (wanted == NULL || strcmp(wanted, "sqlite") == 0 || strcmp(wanted, "dir") == 0 ||
        pbti_study_is_at(dir)) {
        return PBT_OK;
    }
    PBTI_TRY(resolve(dir, wanted, study, url, err));
    opts.read_only = true;
    struct pbt_error why = {0};
    pbt_status status = pbti_journal_open(url, &opts, &journal, &why);
    if (status == PBT_OK) { status = pbti_journal_read(journal, 0, see_batch, &seen, &why); }
    pbti_journal_close(journal);
    if (seen) {
        (void)PBTI_FAIL(err, PBT_EEXIST, 0, "the journal \"%s\" holds a study already", url);
        pbti_fail_hint(err, "a study goes on in its own folder, which has its checkpoints; give a "
                            "new one another journal");
        return PBT_EEXIST;
    }
    if (status == PBT_OK || status == PBT_ENOENT) { return PBT_OK; }
    if (err != NULL) { *err = why; }
    return status;
}

void pbti_study_journal_unmake(const char *dir, const char *wanted)
{
    char path[PATH_MAX];
    struct pbt_error ignored;
    bool const folder = strcmp(wanted, "dir") == 0;
    if (join(path, dir, folder ? "journal" : URL_FILE, &ignored) != PBT_OK) { return; }
    if (!folder) {
        (void)unlink(path);
    } else if (pbti_file_tree_remove(path, &ignored) != PBT_OK) {
        return; /* what cannot be removed stays, and is complained about at the next try */
    }
}

/* -------- copies -------- */

/* A pbti_batch_reader; context is the journal to append to. */
static pbt_status append_batch(void *context, uint64_t first, uint32_t count, const void *bytes,
                               size_t size, struct pbti_batch_id id, struct pbt_error *err)
{
    uint64_t last;
    return pbti_journal_append(context, bytes, size, count, first - 1, id, &last, err);
}

static pbt_status transfer(struct pbti_journal *from, const char *path, struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    opts.sync = false; /* at the end, once */
    struct pbti_journal *to = NULL;
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
    pbt_status status = pbti_journal_open(url, &opts, &to, err);
    if (status == PBT_OK) { status = pbti_journal_read(from, 0, append_batch, to, err); }
    pbti_journal_close(to);
    int const cause = status == PBT_OK ? pbti_sync_path(path) : 0;
    if (cause != 0) { status = pbti_fail_copy(path, cause, err); }
    if (status == PBT_OK) { (void)pbti_sync_folder_of(path); }
    return status;
}

pbt_status pbti_study_journal_copy(const char *from, const char *named, const char *to,
                                   struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    char path[PATH_MAX];
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    opts.read_only = true;
    PBTI_TRY(join(path, to, "journal.db", err));
    PBTI_TRY(pbti_study_journal_url(from, named, url, err));
    PBTI_TRY(pbti_journal_open(url, &opts, &journal, err));
    bool const sqlite = strncmp(url, "sqlite:", 7) == 0;
    pbt_status const status =
        sqlite ? pbti_journal_copy(journal, path, err) : transfer(journal, path, err);
    pbti_journal_close(journal);
    return status;
}
