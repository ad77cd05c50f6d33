/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_run.c - pbt run SPEC, pbt resume DIR, pbt worker DIR. */
#include "cli/cli_modules.h"
#include "cli/cli_slurm.h"
#include "cli/cli_work.h"
#include "cli/given_up.h"
#include "study/folder_identity.h"
#include "study/study_handle.h"
#include "worker/run.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Train here until the study has ended, or have Slurm place the workers. */
static int work(const struct pbti_call *call, const char *dir)
{
    return pbti_cli_has(call, PBTI_OPT_SLURM) ? pbti_cli_slurm_run(call, dir)
                                              : pbti_cli_work_and_close(call, dir);
}

/* -------- run -------- */

/* Say that there is something already; returns the exit code. */
static int complain_exists(const struct pbti_call *call, const char *dir, bool is_study)
{
    struct pbti_str hint = {0};
    if (is_study) {
        pbti_str_add(&hint, "go on with it: pbt resume ");
        pbti_str_quote(&hint, dir);
        pbti_str_add(&hint, "; or ");
    }
    pbti_str_add(&hint, "give another folder with --dir");
    int const code = pbti_cli_complain(call, PBTI_EXIT_USAGE, pbti_str_text(&hint),
                                       "\"%s\" exists already", dir);
    pbti_str_deinit(&hint);
    return code;
}

/* May the study run here? `state` NULL: a new one. With --slurm it runs elsewhere. */
static pbt_status check(const struct pbti_call *call, const struct pbti_spec *spec,
                        const struct pbti_state *state, struct pbt_error *err)
{
    struct pbti_run_opts opts = pbti_run_opts_default();
    const struct pbt_trainers *trainers;
    if (spec->trainer.kind == PBTI_TRAINER_BUILTIN) {
        pbt_status const status = pbti_cli_trainers(&trainers, err); /* says what to install */
        if (status != PBT_OK) { return status; }
    }
    opts.slots = (uint32_t)call->number[PBTI_OPT_SLOTS];
    opts.builtin_known = pbti_cli_builtin_known;
    return pbti_cli_has(call, PBTI_OPT_SLURM) ? pbti_run_check_paths(spec, state, err)
                                              : pbti_run_check(&opts, spec, state, err);
}

/*
 * Make the study. A folder whose journal holds none (a crash or a full disk while it was made) is
 * begun as if it were new. Returns -1, or the exit code.
 */
static int create(const struct pbti_call *call, const char *dir, const struct pbti_spec *spec)
{
    struct stat info;
    struct pbt_error err;
    if (stat(dir, &info) == 0 && !S_ISDIR(info.st_mode)) {
        return complain_exists(call, dir, false);
    }
    if (check(call, spec, NULL, &err) != PBT_OK) { return pbti_cli_fail(call, &err); }
    const char *const shared = pbti_cli_has(call, PBTI_OPT_SLURM) ? "dir" : NULL;
    const char *const journal =
        pbti_cli_has(call, PBTI_OPT_JOURNAL) ? call->value[PBTI_OPT_JOURNAL] : shared;
    pbt_status const status = pbti_study_create(dir, journal, spec, &err);
    if (status == PBT_EEXIST && err.hint[0] == '\0') { return complain_exists(call, dir, true); }
    return status == PBT_OK ? -1 : pbti_cli_fail(call, &err);
}

int pbti_verb_run(const struct pbti_call *given)
{
    struct pbti_call call = *given;
    const char *const seed = call.value[PBTI_OPT_SEED];
    if (seed != NULL && !pbti_cli_override(&call, "seed", seed)) { return PBTI_EXIT_USAGE; }
    int const wrong = pbti_cli_slurm_check(&call);
    if (wrong >= 0) { return wrong; }
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (pbti_spec_load(call.argument[0], call.set, call.set_count, &spec, &err) != PBT_OK) {
        return pbti_cli_fail(&call, &err);
    }
    char dir[PATH_MAX];
    const char *const wanted = call.value[PBTI_OPT_DIR];
    int const size = wanted != NULL ? snprintf(dir, sizeof dir, "%s", wanted)
                                    : snprintf(dir, sizeof dir, "./%s", spec->study);
    int const code = size < (int)sizeof dir ? create(&call, dir, spec)
                                            : pbti_cli_complain(&call, PBTI_EXIT_USAGE, NULL,
                                                                "the folder's path is too long");
    pbti_spec_destroy(spec);
    return code >= 0 ? code : work(&call, dir);
}

/* -------- the folder -------- */

/* What is read from the journal beside the state. */
struct recorded {
    struct pbti_folder_identity folder;
    struct pbti_given_up given_up;
};

/* A pbti_visitor: what the journal says of the study's folder, and of failures. */
static pbt_status on_event(void *context, const struct pbti_state *state, uint64_t seq,
                           const struct pbti_event *event, struct pbt_error *err)
{
    (void)state, (void)seq;
    struct recorded *const recorded = context;
    pbti_folder_identity_fold(&recorded->folder, event);
    return pbti_given_up_see(&recorded->given_up, event, err);
}

/* Open the study to work on it in this folder. Returns -1, or the exit code. */
static int open_folder(const struct pbti_call *call, const char *dir, struct recorded *recorded,
                       struct pbti_study_reader **reader)
{
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.visitor = on_event;
    opts.context = recorded;
    int const code = pbti_cli_open(call, dir, &opts, reader);
    if (code >= 0) { return code; }
    struct pbt_error err;
    bool const takes_over = pbti_cli_has(call, PBTI_OPT_TAKE_OVER);
    if (takes_over || pbti_folder_identity_check(dir, &recorded->folder, &err) == PBT_OK) {
        return -1;
    }
    pbti_study_reader_close(*reader);
    *reader = NULL;
    return pbti_cli_fail(call, &err);
}

/* Record the folder where the user says so, and at the first resume of an older study. */
static pbt_status record_folder(const struct pbti_call *call, const char *dir,
                                struct pbti_folder_identity *recorded, struct pbt_error *err)
{
    bool const wanted = pbti_cli_has(call, PBTI_OPT_TAKE_OVER) || !recorded->set;
    if (!wanted || !pbti_folder_identity_is_needed(dir)) { return PBT_OK; }
    return pbti_folder_identity_take(dir, call->value[PBTI_OPT_JOURNAL], recorded, err);
}

/* -------- resume -------- */

/* What is not as whoever resumes the study may believe: an edited rendering, a foreign command. */
static void warn_of_changes(const struct pbti_call *call, const char *dir,
                            const struct pbti_study_reader *reader)
{
    struct pbti_str hint = {0};
    const struct pbti_spec *const spec = pbti_study_reader_spec(reader);
    if (pbti_study_is_edited(dir, spec)) {
        pbti_str_add(&hint,
                     "the journal holds the spec in force; change it with --set: pbt resume ");
        pbti_str_quote(&hint, dir);
        pbti_str_add(&hint, " --set KEY=VALUE");
        (void)pbti_cli_complain(call, PBTI_EXIT_DONE, pbti_str_text(&hint),
                                "\"%s/study.yaml\" was changed; it is not read", dir);
    }
    pbti_str_clear(&hint);
    struct stat info;
    if (stat(dir, &info) == 0 && info.st_uid != geteuid()) {
        for (char *const *word = spec->trainer.argv; *word != NULL; word++) {
            pbti_str_add(&hint, word == spec->trainer.argv ? "" : " ");
            pbti_str_quote(&hint, *word);
        }
        (void)pbti_cli_complain(call, PBTI_EXIT_DONE, NULL,
                                "\"%s\" belongs to user %u; its trainer is run as you: %s", dir,
                                (unsigned)info.st_uid, pbti_str_text(&hint));
    }
    pbti_str_deinit(&hint);
}

/* Amend the study as --set and --steps say, where this machine can then run it. */
static pbt_status amend(const struct pbti_call *call, const struct pbti_study_reader *reader,
                        const char *dir, struct pbt_error *err)
{
    struct pbti_text const text = pbti_study_reader_spec_text(reader);
    struct pbti_spec *spec = NULL;
    pbt_status status =
        pbti_spec_amend(text.data, text.size, call->set, call->set_count, &spec, err);
    if (status == PBT_OK) { status = check(call, spec, pbti_study_reader_state(reader), err); }
    bool const revive = pbti_cli_has(call, PBTI_OPT_REVIVE);
    if (status == PBT_OK && (call->set_count > 0 || revive)) {
        status = pbti_study_amend(dir, call->value[PBTI_OPT_JOURNAL], spec, revive, err);
    }
    pbti_spec_destroy(spec);
    return status;
}

/* The study has ended: is there anything to do? Returns -1 when there is. */
static int check_end(const struct pbti_call *call, const char *dir)
{
    struct pbti_study_reader *reader = NULL;
    int const code = pbti_cli_open(call, dir, NULL, &reader);
    if (code >= 0) { return code; }
    uint8_t const stop = pbti_state_stop(pbti_study_reader_state(reader));
    uint64_t const steps = pbti_state_config(pbti_study_reader_state(reader))->steps;
    pbti_study_reader_close(reader);
    if (stop == PBTI_STOP_NONE) { return -1; }
    struct pbti_str hint = {0};
    pbti_str_add(&hint, "give it something to do, for instance: pbt resume ");
    pbti_str_quote(&hint, dir);
    pbti_str_addf(&hint, " --steps %" PRIu64, 2 * steps);
    if (stop == PBTI_STOP_TARGET) { pbti_str_add(&hint, " --set score.target=none"); }
    if (stop == PBTI_STOP_PLATEAU) { pbti_str_add(&hint, " --set stop.plateau=none"); }
    if (stop == PBTI_STOP_HOURS) { pbti_str_add(&hint, " --set stop.hours=none"); }
    if (!pbti_cli_has(call, PBTI_OPT_QUIET)) {
        (void)pbti_cli_complain(call, PBTI_EXIT_DONE, pbti_str_text(&hint),
                                "the study in \"%s\" has ended", dir);
    }
    pbti_str_deinit(&hint);
    return pbti_cli_close(call, dir, !pbti_cli_has(call, PBTI_OPT_SLURM));
}

/* Is there nothing to amend: has the study ended, and nothing was said that begins it again? */
static bool stays_ended(const struct pbti_call *call, const struct pbti_state *state)
{
    bool const revives = pbti_cli_has(call, PBTI_OPT_REVIVE) && pbti_state_given_up(state) > 0;
    return pbti_state_stop(state) != PBTI_STOP_NONE && call->set_count == 0 && !revives;
}

/* Say what the user should know, and record what was asked for. Returns -1, or the exit code. */
static int prepare(const struct pbti_call *call, const char *dir, struct recorded *recorded)
{
    struct pbti_study_reader *reader = NULL;
    int const code = open_folder(call, dir, recorded, &reader);
    if (code >= 0) { return code; }
    struct pbt_error err;
    const struct pbti_state *const state = pbti_study_reader_state(reader);
    if (!pbti_cli_has(call, PBTI_OPT_QUIET)) {
        warn_of_changes(call, dir, reader);
        pbti_given_up_say(&recorded->given_up, call, dir, state);
    }
    pbt_status status = stays_ended(call, state) ? PBT_OK : amend(call, reader, dir, &err);
    pbti_study_reader_close(reader);
    if (status == PBT_OK) { status = record_folder(call, dir, &recorded->folder, &err); }
    return status == PBT_OK ? -1 : pbti_cli_fail(call, &err);
}

int pbti_verb_resume(const struct pbti_call *given)
{
    struct pbti_call call = *given;
    const char *const dir = call.argument[0];
    const char *const steps = call.value[PBTI_OPT_STEPS];
    if (steps != NULL && !pbti_cli_override(&call, "steps", steps)) { return PBTI_EXIT_USAGE; }
    int const wrong = pbti_cli_slurm_check(&call);
    if (wrong >= 0) { return wrong; }
    struct recorded recorded = {0};
    int code = prepare(&call, dir, &recorded);
    pbti_given_up_deinit(&recorded.given_up);
    if (code < 0) { code = check_end(&call, dir); }
    return code >= 0 ? code : work(&call, dir);
}

/* -------- worker -------- */

int pbti_verb_worker(const struct pbti_call *call)
{
    const char *const dir = call->argument[0];
    struct pbti_study_reader *reader = NULL;
    struct recorded recorded = {0};
    int const code = open_folder(call, dir, &recorded, &reader);
    pbti_given_up_deinit(&recorded.given_up);
    if (code >= 0) { return code; }
    uint8_t const stop = pbti_state_stop(pbti_study_reader_state(reader));
    pbti_study_reader_close(reader);
    if (stop != PBTI_STOP_NONE) { return pbti_cli_close(call, dir, true); }
    return pbti_cli_work_and_close(call, dir);
}
