/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/run_check.c - can this machine run a study? Asked before anything is written, so that a
 * command that is refused has changed nothing.
 */
#include "worker/run.h"

#include "base/fail.h"
#include "propose/propose.h"
#include "worker/slots.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pbt_status check_builtin(const struct pbti_run_opts *opts,
                                const struct pbti_trainer *trainer, struct pbt_error *err)
{
    if (opts->builtin_known == NULL || opts->builtin_known(trainer->argv[0])) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0, "there is no builtin trainer \"%s\"", trainer->argv[0]);
    pbti_fail_hint(err, "`pbt trainer ?` names those there are");
    return PBT_EINVAL;
}

/* A program that is named with its path, relative to the trainer's directory. */
static pbt_status check_path(const struct pbti_trainer *trainer, const char *program,
                             struct pbt_error *err)
{
    char path[PATH_MAX];
    bool const relative = program[0] != '/' && trainer->directory != NULL;
    int const size = relative ? snprintf(path, sizeof path, "%s/%s", trainer->directory, program)
                              : snprintf(path, sizeof path, "%s", program);
    if (size >= (int)sizeof path) { errno = ENAMETOOLONG; }
    if (size < (int)sizeof path && access(path, X_OK) == 0) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, errno, "the trainer's program \"%s\" cannot be run: %s", path,
                     strerror(errno));
}

/* A program that is looked for in PATH; the trainer's environment may have a PATH of its own. */
static pbt_status check_in_path(const struct pbti_trainer *trainer, const char *program,
                                struct pbt_error *err)
{
    const char *const own = json_string_value(json_object_get(trainer->environment, "PATH"));
    const char *at = own != NULL ? own : getenv("PATH");
    if (at == NULL) { return PBT_OK; } /* the system's own default */
    while (*at != '\0') {
        char path[PATH_MAX];
        size_t const size = strcspn(at, ":");
        int const used = snprintf(path, sizeof path, "%.*s/%s", (int)size, at, program);
        if (used < (int)sizeof path && access(path, X_OK) == 0) { return PBT_OK; }
        if (size > 0 && at[0] != '/') { return PBT_OK; } /* relative to a directory not ours */
        at += size + (at[size] == ':' ? 1 : 0);
    }
    (void)PBTI_FAIL(err, PBT_EINVAL, ENOENT, "the trainer's program \"%s\" is not in PATH",
                    program);
    pbti_fail_hint(err, "give its path, or make the environment active that has it");
    return PBT_EINVAL;
}

static pbt_status check_program(const struct pbti_trainer *trainer, struct pbt_error *err)
{
    struct stat info;
    const char *const directory = trainer->directory;
    if (directory != NULL && (stat(directory, &info) != 0 || !S_ISDIR(info.st_mode))) {
        (void)PBTI_FAIL(err, PBT_EINVAL, ENOENT,
                        "trainer.directory is \"%s\", but there is no such folder", directory);
        pbti_fail_hint(err, "if the project was moved: --set trainer.directory=PATH");
        return PBT_EINVAL;
    }
    const char *const program = trainer->argv[0];
    return strchr(program, '/') != NULL ? check_path(trainer, program, err)
                                        : check_in_path(trainer, program, err);
}

/* Is there a member that begins with the initial checkpoint? state: NULL for a new study. */
static bool is_initial_needed(const struct pbti_spec *spec, const struct pbti_state *state)
{
    if (spec->initial_checkpoint == NULL) { return false; }
    uint32_t const members = state == NULL ? 0 : pbti_state_members(state);
    for (uint32_t i = 0; i < members; i++) {
        if (pbti_state_member(state, i)->start.segment == 0) { return true; }
    }
    return pbti_config_members(&spec->config) > members;
}

static pbt_status check_initial(const struct pbti_spec *spec, const struct pbti_state *state,
                                struct pbt_error *err)
{
    struct stat info;
    if (!is_initial_needed(spec, state)) { return PBT_OK; }
    const char *const path = spec->initial_checkpoint;
    bool const there = stat(path, &info) == 0;
    if (there && S_ISDIR(info.st_mode)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, there ? ENOTDIR : errno,
                     "initial.checkpoint is \"%s\", but %s", path,
                     there ? "that is no folder" : "there is no such folder");
}

pbt_status pbti_run_check_paths(const struct pbti_spec *spec, const struct pbti_state *state,
                                struct pbt_error *err)
{
    return check_initial(spec, state, err);
}

pbt_status pbti_run_check_machine(const struct pbti_run_opts *opts, const struct pbti_spec *spec,
                                  struct pbt_error *err)
{
    uint32_t count;
    if (spec->config.proposals) { PBTI_TRY(pbti_propose_open(err)); }
    if (spec->trainer.kind == PBTI_TRAINER_BUILTIN) {
        PBTI_TRY(check_builtin(opts, &spec->trainer, err));
    }
    PBTI_TRY(pbti_slots_count(spec, opts->slots, &count, err));
    if (count <= PBTI_RUN_SLOTS_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, 0, "%u slots, allowed are 1 to %u", count,
                     PBTI_RUN_SLOTS_MAX);
}

pbt_status pbti_run_check(const struct pbti_run_opts *opts, const struct pbti_spec *spec,
                          const struct pbti_state *state, struct pbt_error *err)
{
    PBTI_TRY(check_initial(spec, state, err));
    if (spec->trainer.kind != PBTI_TRAINER_BUILTIN) {
        PBTI_TRY(check_program(&spec->trainer, err));
    }
    return pbti_run_check_machine(opts, spec, err);
}
