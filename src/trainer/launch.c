/* SPDX-License-Identifier: Apache-2.0 */
/* trainer/launch.c - arguments, environment and socket paths of trainers. See launch.h. */
#include "trainer/launch.h"

#include "base/fail.h"
#include "base/file_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOOT 8        /* characters of the random name that the kernel gives to its run */
#define PREFIX_MAX 16 /* "pbt-", those, "-" */
#define TRIES 5       /* to make a folder that no other worker takes for left */

/* -------- lists of strings -------- */

static void strings_take(struct pbti_strings *strings, char *text)
{
    if (strings->count + 2 > strings->capacity) {
        size_t const capacity = strings->capacity > 0 ? 2 * strings->capacity : 16;
        char **const items = realloc(strings->items, capacity * sizeof *items);
        if (items == NULL) {
            strings->failed = true;
            free(text);
            return;
        }
        strings->items = items;
        strings->capacity = capacity;
    }
    if (text == NULL) {
        strings->failed = true;
        return;
    }
    strings->items[strings->count++] = text;
    strings->items[strings->count] = NULL;
}

void pbti_strings_add(struct pbti_strings *strings, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int const size = vasprintf(&text, format, args);
    va_end(args);
    strings_take(strings, size >= 0 ? text : NULL);
}

void pbti_strings_set(struct pbti_strings *strings, const char *name, const char *value)
{
    size_t const size = strlen(name);
    for (size_t i = 0; i < strings->count; i++) {
        char *const item = strings->items[i];
        if (strncmp(item, name, size) != 0 || item[size] != '=') { continue; }
        free(item);
        strings->items[i] = strings->items[--strings->count];
        strings->items[strings->count] = NULL;
        break;
    }
    pbti_strings_add(strings, "%s=%s", name, value);
}

void pbti_strings_free(struct pbti_strings *strings)
{
    for (size_t i = 0; i < strings->count; i++) {
        free(strings->items[i]);
    }
    free(strings->items);
    *strings = (struct pbti_strings){0};
}

/* -------- the folder of sockets -------- */

/*
 * How its name begins: other machines may have their folders in the same place, and a lock is proof
 * of life only on the machine that holds it, until that starts again. "" when that is not known.
 */
static void name_prefix(char prefix[PREFIX_MAX])
{
    char boot[BOOT + 1] = "";
    FILE *const file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file != NULL && fread(boot, 1, BOOT, file) != BOOT) { boot[0] = '\0'; }
    if (file != NULL) { (void)fclose(file); }
    (void)snprintf(prefix, PREFIX_MAX, boot[0] != '\0' ? "pbt-%s-" : "%s", boot);
}

static int open_folder(int at, const char *path)
{
    return openat(at, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Remove the folder `name` of `base` if it is this user's and its worker is dead. */
static void remove_if_left(int at, const char *base, const char *name)
{
    struct stat info;
    char path[PATH_MAX];
    int const fd = open_folder(at, name);
    if (fd < 0) { return; }
    bool const ours = fstat(fd, &info) == 0 && info.st_uid == geteuid();
    int const used = snprintf(path, sizeof path, "%s/%s", base, name);
    if (ours && used > 0 && (size_t)used < sizeof path && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        pbt_status const ignored =
            pbti_file_tree_remove(path, NULL); /* the next start tries, too */
        (void)ignored;
    }
    (void)close(fd);
}

/* What killed workers left in `base`. */
static void remove_left(const char *base, const char *prefix)
{
    DIR *const dir = prefix[0] != '\0' ? opendir(base) : NULL;
    const struct dirent *item;
    if (dir == NULL) { return; }
    size_t const size = strlen(prefix);
    while ((item = readdir(dir)) != NULL) {
        bool const is_one = strncmp(item->d_name, prefix, size) == 0 &&
                            strlen(item->d_name) == size + sizeof "XXXXXX" - 1;
        if (is_one) { remove_if_left(dirfd(dir), base, item->d_name); }
    }
    (void)closedir(dir);
}

static bool make_folder(struct pbti_launch *launch, const char *base)
{
    char prefix[PREFIX_MAX];
    if (base == NULL || base[0] != '/') { return false; }
    name_prefix(prefix);
    remove_left(base, prefix);
    for (int i = 0; i < TRIES; i++) {
        int const used = snprintf(launch->sockets, sizeof launch->sockets, "%s/%sXXXXXX", base,
                                  prefix[0] != '\0' ? prefix : "pbt-");
        if (used < 0 || (size_t)used >= sizeof launch->sockets) { return false; }
        if (mkdtemp(launch->sockets) == NULL) { return false; } /* made with mode 0700 */
        launch->lock = open_folder(AT_FDCWD, launch->sockets);
        /* a file system without such locks: then nobody takes it for left, either */
        while (launch->lock >= 0 && flock(launch->lock, LOCK_EX) != 0 && errno == EINTR) {}
        if (access(launch->sockets, F_OK) == 0) { return true; }
        /* another worker saw it before it had its lock */
        if (launch->lock >= 0) { (void)close(launch->lock); }
        launch->lock = -1;
    }
    return false;
}

pbt_status pbti_launch_open(struct pbti_launch *launch, const struct pbti_spec *spec,
                            const char *program, const char *clients, struct pbt_error *err)
{
    *launch =
        (struct pbti_launch){.spec = spec, .program = program, .clients = clients, .lock = -1};
    if (make_folder(launch, getenv("XDG_RUNTIME_DIR")) || make_folder(launch, getenv("TMPDIR")) ||
        make_folder(launch, "/tmp")) {
        return PBT_OK;
    }
    int const code = errno;
    launch->sockets[0] = '\0';
    return PBTI_FAIL(err, PBT_EIO, code, "could not make a private folder in \"/tmp\": %s",
                     strerror(code));
}

void pbti_launch_close(struct pbti_launch *launch)
{
    if (launch->sockets[0] != '\0') {
        (void)rmdir(launch->sockets);
        if (launch->lock >= 0) { (void)close(launch->lock); }
    }
    launch->sockets[0] = '\0';
}

void pbti_launch_socket(struct pbti_launch *launch, char path[PBTI_SOCKET_PATH_MAX])
{
    (void)snprintf(path, PBTI_SOCKET_PATH_MAX, "%s/%u", launch->sockets, ++launch->count);
}

/* -------- arguments and environment -------- */

void pbti_launch_arguments(const struct pbti_launch *launch, char *const *command,
                           const char *socket, int status_fd, struct pbti_strings *arguments)
{
    const struct pbti_trainer *const trainer = &launch->spec->trainer;
    pbti_strings_add(arguments, "%s", launch->program);
    pbti_strings_add(arguments, "shim");
    pbti_strings_add(arguments, "--grace");
    pbti_strings_add(arguments, "%llu", (unsigned long long)trainer->grace_ms);
    pbti_strings_add(arguments, "--status");
    pbti_strings_add(arguments, "%d", status_fd);
    pbti_strings_add(arguments, "--parent");
    pbti_strings_add(arguments, "%ld", (long)getpid());
    pbti_strings_add(arguments, "--socket");
    pbti_strings_add(arguments, "%s", socket);
    if (trainer->directory != NULL) {
        pbti_strings_add(arguments, "--directory");
        pbti_strings_add(arguments, "%s", trainer->directory);
    }
    pbti_strings_add(arguments, "--");
    for (; *command != NULL; command++) {
        pbti_strings_add(arguments, "%s", *command);
    }
}

void pbti_launch_command(const struct pbti_launch *launch, struct pbti_strings *command)
{
    const struct pbti_trainer *const trainer = &launch->spec->trainer;
    if (trainer->kind == PBTI_TRAINER_BUILTIN) {
        pbti_strings_add(command, "%s", launch->program);
        pbti_strings_add(command, "trainer");
    }
    for (char *const *argument = trainer->argv; *argument != NULL; argument++) {
        pbti_strings_add(command, "%s", *argument);
    }
}

/*
 * PATH with the folder of this program in front, if that is a Python environment: `python3` is then
 * that environment's, whether its user activated it or called its `pbt` by path.
 */
static void add_python(const struct pbti_launch *launch, struct pbti_strings *environment)
{
    const char *const slash = launch->program == NULL ? NULL : strrchr(launch->program, '/');
    char *mark = NULL;
    char *path = NULL;
    if (slash == NULL) { return; }
    int const folder = (int)(slash - launch->program);
    const char *const old = getenv("PATH");
    if (asprintf(&mark, "%.*s/../pyvenv.cfg", folder, launch->program) < 0) {
        environment->failed = true;
        return;
    }
    if (access(mark, F_OK) == 0) {
        if (asprintf(&path, "%.*s:%s", folder, launch->program,
                     old != NULL && old[0] != '\0' ? old : "/usr/bin:/bin") < 0) {
            environment->failed = true;
        } else {
            pbti_strings_set(environment, "PATH", path);
            free(path);
        }
    }
    free(mark);
}

/* argv[0] in the folders of a PATH; false: it is not there. */
static bool find_program(const char *name, const char *folders, char *path, size_t size)
{
    for (const char *at = folders; *at != '\0';) {
        size_t const length = strcspn(at, ":");
        int const used = snprintf(path, size, "%.*s/%s", (int)length, at, name);
        if (used > 0 && (size_t)used < size && access(path, X_OK) == 0) { return true; }
        at += length + (at[length] == ':' ? 1 : 0);
    }
    return false;
}

const char *pbti_launch_program(const struct pbti_launch *launch, char *path, size_t size)
{
    const struct pbti_trainer *const trainer = &launch->spec->trainer;
    bool const builtin = trainer->kind == PBTI_TRAINER_BUILTIN;
    const char *const name = builtin ? launch->program : trainer->argv[0];
    struct pbti_strings environment = {0};
    pbti_launch_environment(launch, NULL, &environment);
    bool found = false;
    for (size_t i = 0; strchr(name, '/') == NULL && i < environment.count; i++) {
        const char *const variable = environment.items[i];
        if (strncmp(variable, "PATH=", 5) == 0) {
            found = find_program(name, variable + 5, path, size);
        }
    }
    pbti_strings_free(&environment);
    if (!found) { (void)snprintf(path, size, "%s", name); }
    return path;
}

/* PYTHONPATH with the clients' folder in front. */
static void add_clients(const struct pbti_launch *launch, struct pbti_strings *environment)
{
    if (launch->clients == NULL) { return; }
    const char *const old = getenv("PYTHONPATH");
    char *path = NULL;
    int const size = old != NULL && old[0] != '\0' ? asprintf(&path, "%s:%s", launch->clients, old)
                                                   : asprintf(&path, "%s", launch->clients);
    if (size < 0) {
        environment->failed = true;
        return;
    }
    pbti_strings_set(environment, "PYTHONPATH", path);
    free(path);
}

/*
 * What srun or mpirun told the worker of itself, which is not for its trainers: they would take its
 * rank for theirs, and a second mpirun refuses to run in the environment of the first. What people
 * set (OMPI_MCA_btl) has other names. Beginnings of them, or whole names with their `=`.
 */
static bool is_of_launcher(const char *variable)
{
    static const char *const beginnings[] = {"PBT_RANK=",
                                             "PBT_RANKS=",
                                             "RANK=",
                                             "WORLD_SIZE=",
                                             "LOCAL_RANK=",
                                             "SLURM_PROCID=",
                                             "SLURM_NTASKS=",
                                             "SLURM_STEP_NUM_TASKS=",
                                             "OMPI_COMM_WORLD_",
                                             "OMPI_UNIVERSE_",
                                             "OMPI_MCA_orte_",
                                             "OMPI_MCA_ess",
                                             "PMIX_",
                                             "PMI_"};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0) { return true; }
    }
    return false;
}

const char *const pbti_gpu_variables[] = {"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES",
                                          "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK", NULL};

void pbti_launch_environment(const struct pbti_launch *launch, const char *gpus,
                             struct pbti_strings *environment)
{
    static const char *const thread_names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                                               "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"};
    const struct pbti_trainer *const trainer = &launch->spec->trainer;
    for (char **variable = environ; *variable != NULL; variable++) {
        if (!is_of_launcher(*variable)) { pbti_strings_add(environment, "%s", *variable); }
    }
    char threads[16];
    (void)snprintf(threads, sizeof threads, "%u", trainer->threads);
    for (size_t i = 0; i < sizeof thread_names / sizeof thread_names[0]; i++) {
        pbti_strings_set(environment, thread_names[i], threads);
    }
    pbti_strings_set(environment, "PYTHONUNBUFFERED", "1");
    for (size_t i = 0; gpus != NULL && pbti_gpu_variables[i] != NULL; i++) {
        /* CUDA's always, the others where they are in use */
        if (i == 0 || getenv(pbti_gpu_variables[i]) != NULL) {
            pbti_strings_set(environment, pbti_gpu_variables[i], gpus);
        }
    }
    add_python(launch, environment);
    add_clients(launch, environment);
    const char *name;
    json_t *value;
    json_object_foreach (trainer->environment, name, value) {
        if (json_is_string(value)) {
            pbti_strings_set(environment, name, json_string_value(value));
        }
    }
}
