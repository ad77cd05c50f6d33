/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker/slurm.c - workers that Slurm places. See slurm.h.
 *
 * No text of a user's gets near a shell: sbatch is run with a list of arguments, and hands those
 * behind the script's name to the script as they are.
 */
#include "worker/slurm.h"

#include "base/fail.h"
#include "base/file_tree.h"
#include "study/study_journal.h"
#include "trainer/launch.h"
#include "worker/command.h"
#include "worker/slots.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Before the time limit: for the trainers' grace, and for what comes after it. Slurm takes no
 * more than 65535, and knows the time to a minute only. */
#define LEAVE_SECONDS 60u
#define GRACE_SECONDS_MAX 3600u

/*
 * USR1 and TERM are kept apart since a task that is cancelled gets TERM: if it put itself back into
 * the queue, it would come back to life. TERM is sent by Slurm to every process of the task; the
 * shell must outlive the worker, or the worker is killed before it has said goodbye.
 */
static const char script[] =
    "#!/bin/sh\n"
    "# One worker of a study, as a task of an array job. Made by `pbt run --slurm`.\n"
    "#\n"
    "#     sbatch --array=1-N [options] job.sh PBT DIR [options of pbt worker]\n"
    "#\n"
    "# USR1 comes before the time limit (--signal=B:USR1@SECONDS): the worker leaves in order, "
    "and\n"
    "# the task goes back into the queue. TERM (scancel, preemption) Slurm sends to the worker, "
    "too.\n"
    "pbt=$1\n"
    "dir=$2\n"
    "shift 2\n"
    "again=\n"
    "\"$pbt\" worker \"$dir\" \"$@\" &\n"
    "worker=$!\n"
    "trap 'again=yes; kill -TERM \"$worker\"' USR1\n"
    "trap : TERM\n"
    "code=130\n"
    "while kill -0 \"$worker\" 2>/dev/null; do # a signal ends the waiting, not the worker\n"
    "    wait \"$worker\"\n"
    "    code=$?\n"
    "done\n"
    "if [ \"$code\" -eq 130 ] && [ -n \"$again\" ]; then\n"
    "    exec scontrol requeue \"$SLURM_JOB_ID\"\n"
    "fi\n"
    "if [ \"$code\" -eq 0 ]; then # the study has ended: tasks that wait are not needed any more\n"
    "    scancel --state=PENDING \"${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}\"\n"
    "fi\n"
    "exit \"$code\"\n";

static pbt_status no_slurm(pbt_status status, struct pbt_error *err)
{
    if (status == PBT_ENOENT) {
        pbti_fail_hint(err, "Slurm's commands must be in PATH: submit from a login node");
    }
    return status;
}

pbt_status pbti_slurm_check(struct pbt_error *err)
{
    char name[] = "sbatch", version[] = "--version";
    char *const command[] = {name, version, NULL};
    struct pbti_command tool;
    pbt_status const status = pbti_command_run(command, &tool, err);
    free(tool.out);
    return no_slurm(status, err);
}

/* -------- the job of a study -------- */

static pbt_status path_of(char path[PATH_MAX], const char *dir, const char *name,
                          struct pbt_error *err)
{
    int const size = snprintf(path, PATH_MAX, "%s/slurm%s", dir, name);
    if (size >= 0 && size < PATH_MAX) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ELIMIT, 0, "the path of the study folder is too long");
}

/* Keep the number at the beginning of a text; false: there is none. */
static bool take_number(const char *text, char job[PBTI_SLURM_JOB_MAX])
{
    size_t const size = strspn(text, "0123456789");
    if (size == 0 || size >= PBTI_SLURM_JOB_MAX) { return false; }
    memcpy(job, text, size);
    job[size] = '\0';
    return true;
}

pbt_status pbti_slurm_job(const char *dir, char job[PBTI_SLURM_JOB_MAX], struct pbt_error *err)
{
    char path[PATH_MAX];
    char line[PBTI_SLURM_JOB_MAX] = "";
    PBTI_TRY(path_of(path, dir, "/job", err));
    FILE *const file = fopen(path, "re");
    bool const read = file != NULL && fgets(line, sizeof line, file) != NULL;
    if (file != NULL) { (void)fclose(file); }
    if (read && take_number(line, job)) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_ENOENT, 0, "no job was submitted for the study in \"%s\"", dir);
}

/* -------- the queue -------- */

/* A line "STATE reason" of squeue. */
static void count_task(struct pbti_slurm_queue *queue, const char *line, size_t size)
{
    static const char pending[] = "PENDING ", completing[] = "COMPLETING ";
    if (strncmp(line, completing, sizeof completing - 1) == 0) {
        queue->leaving++;
    } else if (strncmp(line, pending, sizeof pending - 1) == 0) {
        size_t const skip = sizeof pending - 1;
        queue->waiting++;
        (void)snprintf(queue->reason, sizeof queue->reason, "%.*s", (int)(size - skip),
                       line + skip);
    } else {
        queue->running++; /* or about to, or suspended */
    }
}

pbt_status pbti_slurm_look(const char *job, struct pbti_slurm_queue *queue, struct pbt_error *err)
{
    struct pbti_strings command = {0};
    struct pbti_command tool;
    *queue = (struct pbti_slurm_queue){0};
    pbti_strings_add(&command, "squeue");
    pbti_strings_add(&command, "--jobs=%s", job);
    pbti_strings_add(&command, "--noheader");
    pbti_strings_add(&command, "--array");
    pbti_strings_add(&command, "--format=%%T %%r");
    if (command.failed) {
        pbti_strings_free(&command);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    pbt_status const status = pbti_command_run(command.items, &tool, err);
    pbti_strings_free(&command);
    if (status != PBT_OK) { return no_slurm(status, err); }
    const char *line = tool.out;
    for (const char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
        count_task(queue, line, (size_t)(end - line));
        line = end + 1;
    }
    free(tool.out);
    /* a job that ended some minutes ago is forgotten: then its number is said to be wrong */
    bool const forgotten = strstr(tool.errors, "Invalid job id") != NULL;
    if (tool.code == 0 || forgotten) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EIO, tool.code, "squeue failed: %s", tool.errors);
}

/* -------- submitting -------- */

/* May the workers' machines share the study's journal? */
static pbt_status check_journal(const char *dir, const char *journal, struct pbt_error *err)
{
    char url[PBTI_JOURNAL_URL_MAX];
    PBTI_TRY(pbti_study_journal_url(dir, journal, url, err));
    if (strncmp(url, "sqlite:", 7) != 0) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EINVAL, 0,
                    "the journal of \"%s\" is an SQLite file, which only one "
                    "machine can use",
                    dir);
    pbti_fail_hint(err, "a study for Slurm begins with `pbt run --slurm`, or --journal dir");
    return PBT_EINVAL;
}

static pbt_status check_queue(const char *dir, struct pbt_error *err)
{
    char job[PBTI_SLURM_JOB_MAX];
    struct pbti_slurm_queue queue;
    if (pbti_slurm_job(dir, job, NULL) != PBT_OK) { return PBT_OK; }
    PBTI_TRY(pbti_slurm_look(job, &queue, err));
    if (queue.running + queue.waiting + queue.leaving == 0) { return PBT_OK; }
    (void)PBTI_FAIL(err, PBT_EEXIST, 0, "job %s of this study is in the queue", job);
    pbti_fail_hint(err, "follow it with `pbt attach`, or cancel it first: scancel %s", job);
    return PBT_EEXIST;
}

/*
 * What one worker needs of its node. Where it is known how many slots there will be, that many
 * times a member's resources; otherwise the whole node.
 */
static pbt_status add_resources(struct pbti_strings *command,
                                const struct pbti_slurm_request *request, struct pbt_error *err)
{
    const struct pbti_trainer *const trainer = &request->spec->trainer;
    uint64_t slots = request->slots > 0 ? request->slots : request->spec->slots;
    uint64_t gpus = request->gpus;
    if (trainer->gpus > 0.0 && slots == 0) {
        slots = pbti_slots_on(gpus, trainer->gpus);
        if (slots == 0) {
            return PBTI_FAIL(err, PBT_EINVAL, 0,
                             "a member needs %g GPU%s: say how many each node "
                             "has with --gpus-per-node",
                             trainer->gpus, trainer->gpus == 1.0 ? "" : "s");
        }
    }
    if (gpus == 0) { gpus = pbti_gpus_needed(slots, trainer->gpus); }
    if (slots > 0) {
        uint64_t const cpus = slots * (trainer->cpus > 0 ? trainer->cpus : 1);
        pbti_strings_add(command, "--cpus-per-task=%llu", (unsigned long long)cpus);
    } else {
        pbti_strings_add(command, "--exclusive");
    }
    if (gpus > 0) { pbti_strings_add(command, "--gpus-per-node=%llu", (unsigned long long)gpus); }
    return PBT_OK;
}

/* --output is a pattern; a % of the folder's name is written twice there. */
static void add_output(struct pbti_strings *command, const char *dir)
{
    char folder[2 * PATH_MAX];
    size_t size = 0;
    for (; *dir != '\0' && size + 2 < sizeof folder; dir++) {
        if (*dir == '%') { folder[size++] = '%'; }
        folder[size++] = *dir;
    }
    folder[size] = '\0';
    pbti_strings_add(command, "--output=%s/slurm/%%A_%%a.out", folder);
}

static void add_options(struct pbti_strings *command, const struct pbti_slurm_request *request)
{
    uint64_t const grace = request->spec->trainer.grace_ms / 1000;
    uint64_t const leave = LEAVE_SECONDS + (grace < GRACE_SECONDS_MAX ? grace : GRACE_SECONDS_MAX);
    pbti_strings_add(command, "--parsable");
    pbti_strings_add(command, "--job-name=%s", request->spec->study);
    pbti_strings_add(command, "--array=1-%u", request->nodes);
    pbti_strings_add(command, "--nodes=1");
    pbti_strings_add(command, "--ntasks=1");
    pbti_strings_add(command, "--requeue");
    pbti_strings_add(command, "--signal=B:USR1@%llu", (unsigned long long)leave);
    pbti_strings_add(command, "--chdir=%s", request->dir);
    add_output(command, request->dir);
    pbti_strings_add(command, "--open-mode=append");
    if (request->time != NULL) { pbti_strings_add(command, "--time=%s", request->time); }
    if (request->partition != NULL) {
        pbti_strings_add(command, "--partition=%s", request->partition);
    }
    for (const char *const *option = request->options; *option != NULL; option++) {
        pbti_strings_add(command, "%s", *option);
    }
}

/* Run sbatch; it prints the number of the job. */
static pbt_status submit(struct pbti_strings *command, char job[PBTI_SLURM_JOB_MAX],
                         struct pbt_error *err)
{
    struct pbti_command tool;
    if (command->failed) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    pbt_status const status = pbti_command_run(command->items, &tool, err);
    if (status != PBT_OK) { return no_slurm(status, err); }
    bool const good = tool.code == 0 && take_number(tool.out, job);
    free(tool.out);
    if (good) { return PBT_OK; }
    return PBTI_FAIL(err, PBT_EINVAL, tool.code, "the job was not accepted: %s", tool.errors);
}

/* Keep the number of a job that is in the queue already: where that fails, it must be said. */
static pbt_status remember(const char *dir, const char *job, struct pbt_error *err)
{
    char path[PATH_MAX];
    struct pbt_error why;
    pbt_status status = path_of(path, dir, "/job", &why);
    if (status == PBT_OK) { status = pbti_file_write(path, job, &why); }
    if (status == PBT_OK) { return PBT_OK; }
    (void)PBTI_FAIL(err, status, 0, "job %s was submitted, but its number could not be kept: %s",
                    job, why.message);
    pbti_fail_hint(err, "its workers run; `pbt attach` follows the study, scancel %s ends it", job);
    return status;
}

pbt_status pbti_slurm_submit(const struct pbti_slurm_request *request, char job[PBTI_SLURM_JOB_MAX],
                             struct pbt_error *err)
{
    char path[PATH_MAX];
    struct pbti_strings command = {0};
    PBTI_TRY(check_journal(request->dir, request->journal, err));
    PBTI_TRY(check_queue(request->dir, err));
    PBTI_TRY(path_of(path, request->dir, "", err));
    PBTI_TRY(pbti_folder_make(path, err));
    PBTI_TRY(path_of(path, request->dir, "/job.sh", err));
    PBTI_TRY(pbti_file_write(path, script, err));
    pbti_strings_add(&command, "sbatch");
    pbt_status status = add_resources(&command, request, err);
    add_options(&command, request);
    pbti_strings_add(&command, "%s", path);
    pbti_strings_add(&command, "%s", request->program);
    pbti_strings_add(&command, "%s", request->dir);
    pbti_strings_add(&command, "--quiet");
    if (request->slots > 0) { pbti_strings_add(&command, "--slots=%u", request->slots); }
    if (request->journal != NULL) { pbti_strings_add(&command, "--journal=%s", request->journal); }
    if (status == PBT_OK) { status = submit(&command, job, err); }
    pbti_strings_free(&command);
    return status == PBT_OK ? remember(request->dir, job, err) : status;
}
