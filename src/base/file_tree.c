/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/file_tree.c - directory trees as wholes. See file_tree.h.
 *
 * The list of a walk owns its relative paths. Everything is opened relative to the root's
 * descriptor and without following links, so that a tree that changes meanwhile cannot lead
 * elsewhere.
 */
#include "base/file_tree.h"

#include "base/fail.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define BUFFER_SIZE (64u << 10) /* small enough that malloc keeps it between two checkpoints */
#define LIFTS_MAX 100000u       /* each shortens a path by almost PATH_MAX */

struct entry {
    char *path; /* relative to the root; owned */
    struct stat info;
};

struct walk {
    int root; /* descriptor of the directory */
    const char *name;
    struct entry *entries;
    size_t count, capacity;
};

/* -------- walking -------- */

static void walk_end(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++) {
        free(walk->entries[i].path);
    }
    free(walk->entries);
    if (walk->root >= 0) { (void)close(walk->root); }
}

static pbt_status fail_errno(struct pbt_error *err, int code, const char *what, const char *root,
                             const char *path)
{
    pbt_status const status = code == ENOENT ? PBT_ENOENT : code == ENOMEM ? PBT_ENOMEM : PBT_EIO;
    return PBTI_FAIL(err, status, code, "could not %s \"%s%s%s\": %s", what, root,
                     path[0] != '\0' ? "/" : "", path, strerror(code));
}

/* Add `folder`/`name`; takes the file's information without following a link. */
static pbt_status walk_add(struct walk *walk, const char *folder, const char *name,
                           struct pbt_error *err)
{
    if (walk->count == walk->capacity) {
        size_t const capacity = walk->capacity > 0 ? 2 * walk->capacity : 16;
        struct entry *const entries = realloc(walk->entries, capacity * sizeof *entries);
        if (entries == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
        walk->entries = entries;
        walk->capacity = capacity;
    }
    size_t const size = strlen(folder) + strlen(name) + 2;
    char *const path = malloc(size);
    if (path == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    (void)snprintf(path, size, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", name);
    struct entry *const entry = &walk->entries[walk->count];
    entry->path = path;
    if (fstatat(walk->root, path, &entry->info, AT_SYMLINK_NOFOLLOW) != 0) {
        int const code = errno;
        free(path);
        return fail_errno(err, code, "read", walk->name, name);
    }
    walk->count++;
    return PBT_OK;
}

/* Add what is directly inside `folder` ("" = the root). */
static pbt_status walk_folder(struct walk *walk, const char *folder, struct pbt_error *err)
{
    int const fd = openat(walk->root, folder[0] != '\0' ? folder : ".",
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) { return fail_errno(err, errno, "read folder", walk->name, folder); }
    DIR *const dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    pbt_status status = PBT_OK;
    const struct dirent *item;
    while (status == PBT_OK && (errno = 0, item = readdir(dir)) != NULL) {
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) { continue; }
        status = walk_add(walk, folder, item->d_name, err);
    }
    if (status == PBT_OK && errno != 0) {
        status = fail_errno(err, errno, "read folder", walk->name, folder);
    }
    (void)closedir(dir);
    return status;
}

/* List everything below `path`. Whatever it returns, walk_end() is owed. With `unlock`, folders
 * that their owner made unreadable are opened up first. */
static pbt_status walk_begin(struct walk *walk, const char *path, bool unlock,
                             struct pbt_error *err)
{
    *walk = (struct walk){.root = -1, .name = path};
    walk->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (walk->root < 0 && unlock && errno == EACCES && chmod(path, 0700) == 0) {
        walk->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    }
    if (walk->root < 0) { return fail_errno(err, errno, "read folder", path, ""); }
    if (unlock) { (void)fchmod(walk->root, 0700); }
    pbt_status status = walk_folder(walk, "", err);
    for (size_t i = 0; status == PBT_OK && i < walk->count; i++) {
        if (!S_ISDIR(walk->entries[i].info.st_mode)) { continue; }
        if (unlock) { (void)fchmodat(walk->root, walk->entries[i].path, 0700, 0); }
        status = walk_folder(walk, walk->entries[i].path, err);
    }
    return status;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* -------- measuring -------- */

struct measure {
    XXH3_state_t *hash;
    char *buffer; /* BUFFER_SIZE; NULL until it is needed */
    bool sync;
    struct pbti_stored stored;
};

static void hash_u64(struct measure *measure, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    (void)XXH3_64bits_update(measure->hash, bytes, sizeof bytes);
}

static void hash_entry(struct measure *measure, const char *path, char type, uint64_t size)
{
    (void)XXH3_64bits_update(measure->hash, path, strlen(path) + 1);
    (void)XXH3_64bits_update(measure->hash, &type, 1);
    hash_u64(measure, size);
}

static pbt_status measure_content(struct measure *measure, int fd, uint64_t *size)
{
    *size = 0;
    for (;;) {
        ssize_t const got = read(fd, measure->buffer, BUFFER_SIZE);
        if (got == 0) { return PBT_OK; }
        if (got < 0 && errno == EINTR) { continue; }
        if (got < 0) { return PBT_EIO; }
        (void)XXH3_64bits_update(measure->hash, measure->buffer, (size_t)got);
        *size += (uint64_t)got;
    }
}

static pbt_status measure_file(struct measure *measure, const struct walk *walk,
                               const struct entry *entry, struct pbt_error *err)
{
    if (measure->buffer == NULL) { measure->buffer = malloc(BUFFER_SIZE); }
    if (measure->buffer == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    int const fd = openat(walk->root, entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) { return fail_errno(err, errno, "read file", walk->name, entry->path); }
    hash_entry(measure, entry->path, 'f', (uint64_t)entry->info.st_size);
    uint64_t size = 0;
    pbt_status status = measure_content(measure, fd, &size);
    int code = errno;
    if (status == PBT_OK && measure->sync && fsync(fd) != 0) {
        status = PBT_EIO;
        code = errno;
    }
    (void)close(fd);
    if (status != PBT_OK) { return fail_errno(err, code, "read file", walk->name, entry->path); }
    if (size != (uint64_t)entry->info.st_size) {
        return PBTI_FAIL(err, PBT_EINVAL, 0, "file \"%s/%s\" is still being written", walk->name,
                         entry->path);
    }
    measure->stored.files++;
    measure->stored.bytes += size;
    return PBT_OK;
}

/*
 * Does a link lead out of the tree and back in through the name that its root has now? It would
 * dangle once the tree is renamed or copied. By the text of the link alone: `depth` is that of the
 * folder it is in.
 */
static bool link_names_root(const char *root, const char *target, size_t depth)
{
    const char *const slash = strrchr(root, '/');
    const char *const name = slash != NULL ? slash + 1 : root;
    bool leaves = false, named = false;
    while (*target != '\0') {
        size_t const size = strcspn(target, "/");
        bool const up = size == 2 && memcmp(target, "..", 2) == 0;
        bool const stays = size == 0 || (size == 1 && target[0] == '.');
        leaves = leaves || (up && depth == 0);
        named = named || (size == strlen(name) && memcmp(target, name, size) == 0);
        if (up) {
            depth -= depth > 0 ? 1 : 0;
        } else if (!stays) {
            depth++;
        }
        target += size + (target[size] == '/' ? 1 : 0);
    }
    return leaves && named;
}

static size_t depth_of(const char *path)
{
    size_t depth = 0;
    for (; *path != '\0'; path++) {
        depth += *path == '/' ? 1 : 0;
    }
    return depth;
}

/* A link must be relative (its folder is renamed) and lead to something inside the tree. */
static pbt_status measure_link(struct measure *measure, const struct walk *walk,
                               const struct entry *entry, struct pbt_error *err)
{
    char target[PATH_MAX], full[PATH_MAX], real[PATH_MAX], root[PATH_MAX];
    ssize_t const size = readlinkat(walk->root, entry->path, target, sizeof target - 1);
    if (size < 0) { return fail_errno(err, errno, "read link", walk->name, entry->path); }
    target[size] = '\0';
    int const used = snprintf(full, sizeof full, "%s/%s", walk->name, entry->path);
    bool inside = target[0] != '/' && used > 0 && (size_t)used < sizeof full &&
                  realpath(walk->name, root) != NULL && realpath(full, real) != NULL;
    if (inside) {
        size_t const prefix = strlen(root);
        inside = strncmp(real, root, prefix) == 0 &&
                 (real[prefix] == '/' || real[prefix] == '\0') &&
                 !link_names_root(root, target, depth_of(entry->path));
    }
    if (!inside) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "\"%s\" is a symbolic link to \"%s\", which does not stay inside the "
                         "checkpoint",
                         entry->path, target);
    }
    hash_entry(measure, entry->path, 'l', (uint64_t)size);
    (void)XXH3_64bits_update(measure->hash, target, (size_t)size);
    measure->stored.files++;
    return PBT_OK;
}

static pbt_status sync_folder(const struct walk *walk, const char *path, struct pbt_error *err)
{
    int const fd = openat(walk->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) { return fail_errno(err, errno, "read folder", walk->name, path); }
    int const code = fsync(fd) != 0 ? errno : 0;
    (void)close(fd);
    return code == 0 ? PBT_OK : fail_errno(err, code, "sync folder", walk->name, path);
}

static const char *type_name(mode_t mode)
{
    return S_ISFIFO(mode)   ? "a named pipe"
           : S_ISSOCK(mode) ? "a socket"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISBLK(mode)  ? "a block device"
                            : "of an unknown type";
}

static pbt_status measure_entry(struct measure *measure, const struct walk *walk,
                                const struct entry *entry, struct pbt_error *err)
{
    mode_t const mode = entry->info.st_mode;
    if (S_ISREG(mode)) { return measure_file(measure, walk, entry, err); }
    if (S_ISLNK(mode)) { return measure_link(measure, walk, entry, err); }
    if (S_ISDIR(mode)) {
        hash_entry(measure, entry->path, 'd', 0);
        return measure->sync ? sync_folder(walk, entry->path, err) : PBT_OK;
    }
    return PBTI_FAIL(err, PBT_EINVAL, 0,
                     "\"%s\" is %s; a checkpoint may hold files, folders and symbolic links",
                     entry->path, type_name(mode));
}

pbt_status pbti_file_tree_measure(const char *path, bool sync, struct pbti_stored *stored,
                                  struct pbt_error *err)
{
    *stored = (struct pbti_stored){0};
    struct walk walk;
    struct measure measure = {.hash = XXH3_createState(), .sync = sync};
    pbt_status status = walk_begin(&walk, path, false, err);
    if (status == PBT_OK && measure.hash == NULL) {
        status = PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    if (status == PBT_OK) {
        (void)XXH3_64bits_reset(measure.hash);
        if (walk.count > 1) {
            qsort(walk.entries, walk.count, sizeof walk.entries[0], compare_paths);
        }
        for (size_t i = 0; status == PBT_OK && i < walk.count; i++) {
            status = measure_entry(&measure, &walk, &walk.entries[i], err);
        }
    }
    if (status == PBT_OK && sync && fsync(walk.root) != 0) {
        status = fail_errno(err, errno, "sync folder", path, "");
    }
    if (status == PBT_OK) {
        *stored = measure.stored;
        stored->hash = XXH3_64bits_digest(measure.hash);
    }
    walk_end(&walk);
    free(measure.buffer);
    (void)XXH3_freeState(measure.hash);
    return status;
}

pbt_status pbti_file_tree_count(const char *path, struct pbti_stored *stored, struct pbt_error *err)
{
    *stored = (struct pbti_stored){0};
    struct walk walk;
    pbt_status const status = walk_begin(&walk, path, false, err);
    for (size_t i = 0; status == PBT_OK && i < walk.count; i++) {
        const struct stat *const info = &walk.entries[i].info;
        stored->files += S_ISDIR(info->st_mode) ? 0 : 1;
        stored->bytes += S_ISREG(info->st_mode) ? (uint64_t)info->st_size : 0;
    }
    walk_end(&walk);
    return status;
}

uint64_t pbti_file_tree_bytes(const char *path)
{
    struct walk walk;
    uint64_t bytes = 0;
    pbt_status const status = walk_begin(&walk, path, false, NULL);
    (void)status; /* what was listed before an error counts */
    for (size_t i = 0; i < walk.count; i++) {
        if (S_ISREG(walk.entries[i].info.st_mode)) {
            bytes += (uint64_t)walk.entries[i].info.st_size;
        }
    }
    walk_end(&walk);
    return bytes;
}

/* -------- removing -------- */

/* Move the folder with the longest path to the top of the tree, so that what is below it has a path
 * that fits. False when that cannot help. */
static bool walk_lift(const struct walk *walk, unsigned number)
{
    const char *longest = "";
    for (size_t i = 0; i < walk->count; i++) {
        const struct entry *const entry = &walk->entries[i];
        bool const longer = strlen(entry->path) > strlen(longest);
        if (longer && S_ISDIR(entry->info.st_mode)) { longest = entry->path; }
    }
    char name[32];
    (void)snprintf(name, sizeof name, ".lifted.%u", number);
    return strchr(longest, '/') != NULL && renameat(walk->root, longest, walk->root, name) == 0;
}

/* walk_begin() for a tree that may be deeper than PATH_MAX. Bounded by LIFTS_MAX. */
static pbt_status walk_to_remove(struct walk *walk, const char *path, struct pbt_error *err)
{
    struct pbt_error why = {0};
    pbt_status status = walk_begin(walk, path, true, &why);
    for (unsigned i = 0; status != PBT_OK && why.detail == ENAMETOOLONG && i < LIFTS_MAX; i++) {
        if (!walk_lift(walk, i)) { break; }
        walk_end(walk);
        status = walk_begin(walk, path, true, &why);
    }
    if (status != PBT_OK && err != NULL) { *err = why; }
    return status;
}

pbt_status pbti_file_tree_remove(const char *path, struct pbt_error *err)
{
    if (rmdir(path) == 0 || errno == ENOENT) { return PBT_OK; }
    if (errno == ENOTDIR) {
        return unlink(path) == 0 || errno == ENOENT ? PBT_OK
                                                    : fail_errno(err, errno, "remove", path, "");
    }
    struct walk walk;
    pbt_status status = walk_to_remove(&walk, path, err);
    for (size_t i = walk.count; status == PBT_OK && i-- > 0;) {
        const struct entry *const entry = &walk.entries[i];
        int const flags = S_ISDIR(entry->info.st_mode) ? AT_REMOVEDIR : 0;
        if (unlinkat(walk.root, entry->path, flags) != 0 && errno != ENOENT) {
            status = fail_errno(err, errno, "remove", path, entry->path);
        }
    }
    if (status == PBT_OK && rmdir(path) != 0 && errno != ENOENT) {
        status = fail_errno(err, errno, "remove", path, "");
    }
    walk_end(&walk);
    return status == PBT_ENOENT ? PBT_OK : status;
}

/* -------- copying -------- */

static pbt_status copy_file(const struct walk *walk, const struct entry *entry, int target,
                            struct pbt_error *err)
{
    int const from = openat(walk->root, entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0) { return fail_errno(err, errno, "read file", walk->name, entry->path); }
    int const to = openat(target, entry->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                          entry->info.st_mode & 0777);
    char *const buffer = malloc(BUFFER_SIZE);
    ssize_t got = to < 0 || buffer == NULL ? -1 : 1;
    while (got > 0) {
        got = read(from, buffer, BUFFER_SIZE);
        for (ssize_t at = 0; at < got;) {
            ssize_t const put = write(to, buffer + at, (size_t)(got - at));
            if (put < 0 && errno == EINTR) { continue; }
            if (put < 0) { got = -1; }
            at += put > 0 ? put : 0;
        }
    }
    int const code = errno;
    free(buffer);
    (void)close(from);
    if (to >= 0 && close(to) != 0 && got == 0) {
        return fail_errno(err, errno, "copy file", walk->name, entry->path);
    }
    return got == 0 ? PBT_OK : fail_errno(err, code, "copy file", walk->name, entry->path);
}

static pbt_status copy_entry(const struct walk *walk, const struct entry *entry, int target,
                             bool hard, struct pbt_error *err)
{
    mode_t const mode = entry->info.st_mode;
    bool const linked =
        S_ISREG(mode) && hard && linkat(walk->root, entry->path, target, entry->path, 0) == 0;
    if (linked) { return PBT_OK; }
    if (S_ISREG(mode)) { return copy_file(walk, entry, target, err); }
    int code = 0;
    if (S_ISDIR(mode)) {
        code = mkdirat(target, entry->path, (mode & 0777) | 0700) != 0 ? errno : 0;
    } else if (S_ISLNK(mode)) {
        char link[PATH_MAX];
        ssize_t const size = readlinkat(walk->root, entry->path, link, sizeof link - 1);
        if (size >= 0) { link[size] = '\0'; }
        code = size < 0 || symlinkat(link, target, entry->path) != 0 ? errno : 0;
    }
    return code == 0 ? PBT_OK : fail_errno(err, code, "copy", walk->name, entry->path);
}

pbt_status pbti_file_tree_copy(const char *from, const char *to, bool hard, struct pbt_error *err)
{
    struct walk walk;
    pbt_status status = walk_begin(&walk, from, false, err);
    if (status == PBT_OK && mkdir(to, 0777) != 0) {
        status = errno == EEXIST
                     ? PBTI_FAIL(err, PBT_EEXIST, EEXIST, "folder \"%s\" exists already", to)
                     : fail_errno(err, errno, "make folder", to, "");
        walk_end(&walk);
        return status;
    }
    if (status != PBT_OK) {
        walk_end(&walk);
        return status;
    }
    int const target = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (target < 0) { status = fail_errno(err, errno, "open folder", to, ""); }
    for (size_t i = 0; status == PBT_OK && i < walk.count; i++) {
        status = copy_entry(&walk, &walk.entries[i], target, hard, err);
    }
    if (target >= 0) { (void)close(target); }
    walk_end(&walk);
    if (status != PBT_OK) {
        pbt_status const ignored = pbti_file_tree_remove(to, NULL);
        (void)ignored;
    }
    return status;
}

pbt_status pbti_folder_make(const char *path, struct pbt_error *err)
{
    char part[PATH_MAX];
    size_t const size = strlen(path);
    if (size == 0 || size >= sizeof part) {
        return PBTI_FAIL(err, PBT_EINVAL, ENAMETOOLONG, "folder name \"%.40s...\" is too long",
                         path);
    }
    memcpy(part, path, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (part[i] != '/' && part[i] != '\0') { continue; }
        char const kept = part[i];
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST) {
            return fail_errno(err, errno, "make folder", part, "");
        }
        part[i] = kept;
    }
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return fail_errno(err, ENOTDIR, "make folder", path, "");
    }
    return PBT_OK;
}

/* -------- one file -------- */

pbt_status pbti_file_write(const char *path, const char *text, struct pbt_error *err)
{
    char part[PATH_MAX + 32];
    (void)snprintf(part, sizeof part, "%s.%ld.part", path, (long)getpid());
    FILE *const file = fopen(part, "we");
    if (file == NULL) {
        return PBTI_FAIL(err, PBT_EIO, errno, "could not write \"%s\": %s", part, strerror(errno));
    }
    bool const written = fputs(text, file) >= 0;
    if (fclose(file) != 0 || !written || rename(part, path) != 0) {
        int const reason = errno;
        (void)unlink(part);
        return PBTI_FAIL(err, PBT_EIO, reason, "could not write \"%s\": %s", path,
                         strerror(reason));
    }
    return PBT_OK;
}
