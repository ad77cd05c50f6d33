/* SPDX-License-Identifier: Apache-2.0 */
/*
 * builtin_use.c - `pbt use`: a network of a builtin trainer put to use, see builtin.h.
 *
 * Settings name files relative to the folder of the spec, arguments relative to the user's: the
 * process is in the first while the network is made ready, then goes back.
 */
#include "host/builtin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -------- options and arguments -------- */

/* Take the option --NAME out, with its value from behind `=` or the next argument; false: there is
 * none. *value is NULL when it has no value. */
static bool take_option(struct pbti_builtin_use *use, const char *name, const char **value)
{
    size_t const size = strlen(name);
    for (int i = 0; i < use->argc; i++) {
        const char *const given = use->argv[i];
        if (given == NULL || strncmp(given, "--", 2) != 0 || strncmp(given + 2, name, size) != 0) {
            continue;
        }
        if (given[2 + size] != '\0' && given[2 + size] != '=') { continue; }
        use->argv[i] = NULL;
        *value = given[2 + size] == '=' ? given + 2 + size + 1 : NULL;
        if (*value == NULL && i + 1 < use->argc) {
            *value = use->argv[i + 1];
            use->argv[i + 1] = NULL;
        }
        return true;
    }
    return false;
}

pbt_status pbti_builtin_use_count(struct pbti_builtin_use *use, const char *name, uint64_t low,
                                  uint64_t high, uint64_t *value, bool *given,
                                  struct pbt_error *err)
{
    const char *text = NULL;
    bool const has = take_option(use, name, &text);
    if (given != NULL) { *given = has; }
    if (!has) { return PBT_OK; }
    char *end = NULL;
    errno = 0;
    unsigned long long const number = text == NULL ? 0 : strtoull(text, &end, 10);
    if (text == NULL || text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 ||
        number < low || number > high) {
        return pbti_nn_fail(err, PBT_EINVAL,
                            "option --%s is \"%.64s\"; allowed are whole numbers from %llu to %llu",
                            name, text == NULL ? "" : text, (unsigned long long)low,
                            (unsigned long long)high);
    }
    *value = number;
    return PBT_OK;
}

const char *pbti_builtin_use_argument(struct pbti_builtin_use *use)
{
    for (int i = 0; i < use->argc; i++) {
        const char *const given = use->argv[i];
        if (given == NULL || (given[0] == '-' && given[1] != '\0')) { continue; }
        use->argv[i] = NULL;
        return given;
    }
    return NULL;
}

pbt_status pbti_builtin_use_end(const struct pbti_builtin_use *use, const char *usage,
                                struct pbt_error *err)
{
    for (int i = 0; i < use->argc; i++) {
        if (use->argv[i] == NULL) { continue; }
        return pbti_nn_fail(err, PBT_EINVAL, "unexpected \"%.200s\"; this trainer takes: %s",
                            use->argv[i], usage);
    }
    return PBT_OK;
}

/* -------- the process -------- */

/* Have the network of the client's task, in the folder `directory`; then be back in this one. */
static pbt_status make_ready(const struct pbti_builtin *builtin, void *state, void *settings,
                             struct pbt_client *client, const struct pbt_client_task *got,
                             const char *directory, struct pbt_error *err)
{
    struct pbti_builtin_task const task = {
        .seed = got->seed, .start = PBT_CLIENT_LOAD, .load = got->load};
    if (got->load == NULL) { return pbti_nn_fail(err, PBT_EINVAL, "the task loads nothing"); }
    int const here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pbt_status status = PBT_OK;
    if (here < 0 || chdir(directory) != 0) {
        status = pbti_nn_fail(err, PBT_EIO, "could not go to folder \"%s\": %s", directory,
                              strerror(errno));
    }
    if (status == PBT_OK) { status = pbti_settings_read(builtin->settings, client, settings, err); }
    if (status == PBT_OK) { status = pbti_builtin_ready(builtin, state, settings, &task, err); }
    if (here >= 0 && fchdir(here) != 0 && status == PBT_OK) {
        status =
            pbti_nn_fail(err, PBT_EIO, "could not go back to this folder: %s", strerror(errno));
    }
    if (here >= 0) { (void)close(here); }
    return status;
}

static bool take_flag(struct pbti_builtin_use *use, const char *flag)
{
    bool given = false;
    for (int i = 0; i < use->argc; i++) {
        if (use->argv[i] == NULL || strcmp(use->argv[i], flag) != 0) { continue; }
        use->argv[i] = NULL;
        given = true;
    }
    return given;
}

static pbt_status use_network(const struct pbti_builtin *builtin, void *state, void *settings,
                              struct pbt_client *client, int argc, char **argv,
                              struct pbt_error *err)
{
    struct pbt_client_task got;
    if (builtin->use == NULL) {
        return pbti_nn_fail(err, PBT_EINVAL, "the builtin trainer \"%s\" has nothing to use",
                            builtin->about.name);
    }
    if (pbt_client_next(client, &got) != 1) {
        return pbti_nn_fail(err, PBT_EINVAL, "%s", pbt_client_error(client));
    }
    struct pbti_builtin_use use = {
        .argc = argc - 2, .argv = argv + 2, .seed = got.seed, .out = stdout};
    use.json = take_flag(&use, "--json");
    pbt_status status = pbti_builtin_use_count(&use, "seed", 0, UINT64_MAX, &use.seed, NULL, err);
    if (status == PBT_OK) {
        status = make_ready(builtin, state, settings, client, &got, argv[1], err);
    }
    if (status == PBT_OK) { status = builtin->use(state, settings, &use, err); }
    if (status == PBT_OK && (fflush(stdout) != 0 || ferror(stdout) != 0)) {
        status = pbti_nn_fail(err, PBT_EIO, "could not write to standard output");
    }
    return status;
}

int pbti_builtin_use_main(const struct pbti_builtin *builtin, void *state, void *settings,
                          struct pbt_client *client, int argc, char **argv)
{
    struct pbt_error err = {0};
    pbt_status const status = use_network(builtin, state, settings, client, argc, argv, &err);
    if (status == PBT_OK) { return 0; }
    (void)fflush(stdout);
    (void)fprintf(stderr, "pbt use: %s\n", err.message);
    switch (status) {
    case PBT_EINVAL:
    case PBT_ENOENT: return 2;
    case PBT_EIO:
    case PBT_ECORRUPT: return 3;
    default: return 1;
    }
}
