/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_slurm.c - run and resume with --slurm: from options to a job. */
#include "cli/cli_slurm.h"

#include "view/study_reader.h"
#include "worker/slurm.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static int unexpected(const struct pbti_call *call, const char *what)
{
    return pbti_cli_complain(call, PBTI_EXIT_USAGE,
                             "options of sbatch follow --slurm and `--`: "
                             "--slurm -- --account=me --constraint=a100",
                             "unexpected argument \"%s\"", what);
}

int pbti_cli_slurm_check(const struct pbti_call *call)
{
    static const struct {
        enum pbti_opt id;
        const char *name;
    } ours[] = {{PBTI_OPT_NODES, "nodes"},
                {PBTI_OPT_GPUS, "gpus-per-node"},
                {PBTI_OPT_TIME, "time"},
                {PBTI_OPT_PARTITION, "partition"}};
    bool const slurm = pbti_cli_has(call, PBTI_OPT_SLURM);
    /* what begins with a dash can only have come behind `--` */
    const char *const first = call->argument[1];
    if (first != NULL && (!slurm || first[0] != '-')) { return unexpected(call, first); }
    for (size_t i = 0; !slurm && i < sizeof ours / sizeof ours[0]; i++) {
        if (!pbti_cli_has(call, ours[i].id)) { continue; }
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "--%s is for jobs: give --slurm, too",
                                 ours[i].name);
    }
    if (!slurm) { return -1; }
    const char *const journal = call->value[PBTI_OPT_JOURNAL];
    if (journal != NULL && strncmp(journal, "sqlite", 6) == 0) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "give --journal dir, or a PostgreSQL URL",
                                 "an SQLite journal cannot be used from several machines");
    }
    struct pbt_error err;
    return pbti_slurm_check(&err) == PBT_OK ? -1 : pbti_cli_fail(call, &err);
}

static pbt_status submit(const struct pbti_call *call, const char *dir, const char *absolute,
                         char job[PBTI_SLURM_JOB_MAX], struct pbt_error *err)
{
    struct pbti_study_reader *reader = NULL;
    struct pbti_study_reader_opts const opts = pbti_cli_reader_opts(call);
    pbt_status status = pbti_study_reader_open(dir, &opts, &reader, err);
    if (status != PBT_OK) { return status; }
    struct pbti_slurm_request const request = {
        .dir = absolute,
        .journal = call->value[PBTI_OPT_JOURNAL],
        .program = pbti_cli_program(),
        .spec = pbti_study_reader_spec(reader),
        .nodes = pbti_cli_has(call, PBTI_OPT_NODES) ? (uint32_t)call->number[PBTI_OPT_NODES] : 1,
        .slots = (uint32_t)call->number[PBTI_OPT_SLOTS],
        .gpus = (uint32_t)call->number[PBTI_OPT_GPUS],
        .time = call->value[PBTI_OPT_TIME],
        .partition = call->value[PBTI_OPT_PARTITION],
        .options = call->argument + 1,
    };
    status = pbti_slurm_submit(&request, job, err);
    pbti_study_reader_close(reader);
    return status;
}

int pbti_cli_slurm_run(const struct pbti_call *call, const char *dir)
{
    char absolute[PATH_MAX];
    char job[PBTI_SLURM_JOB_MAX];
    struct pbt_error err;
    if (realpath(dir, absolute) == NULL) {
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not find \"%s\": %s", dir,
                                 strerror(errno));
    }
    if (submit(call, dir, absolute, job, &err) == PBT_OK) { return pbti_cli_follow(call, dir); }
    if (err.hint[0] != '\0') { return pbti_cli_fail(call, &err); }
    struct pbti_str hint = {0};
    pbti_str_add(&hint, "the study is there; submit it again with other options: pbt resume ");
    pbti_str_quote(&hint, dir);
    pbti_str_add(&hint, " --slurm ...");
    int const code =
        pbti_cli_complain(call, PBTI_EXIT_USAGE, pbti_str_text(&hint), "%s", err.message);
    pbti_str_deinit(&hint);
    return code;
}
