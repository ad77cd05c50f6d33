/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_slurm.c - what is asked of Slurm, and how its answers are read: sbatch and
 * squeue are small scripts here that note their arguments and say what a test wants. The real ones
 * are in tests/cluster. Protects rules 12 and 16.
 */
#include "base/file_tree.h"
#include "worker/command.h"
#include "worker/slurm.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static char text[1u << 16];
static struct pbti_spec spec; /* zeroed but for what a test sets */
static char study_name[] = "mine";

/* -------- a folder with scripts in it -------- */

static const char *place(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *content)
{
    struct pbt_error err;
    assert_int_equal(pbti_file_write(place(name), content, &err), PBT_OK);
}

static void write_script(const char *name, const char *body)
{
    char script[512];
    (void)snprintf(script, sizeof script, "#!/bin/sh\ncd %s\n%s\n", folder, body);
    write_text(name, script);
    assert_int_equal(chmod(place(name), 0700), 0);
}

static const char *read_text(const char *name)
{
    FILE *const file = fopen(place(name), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    return text;
}

static int set_up(void **state)
{
    char path[4096];
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/pbt-slurm-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s:/usr/bin:/bin", folder);
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(mkdir(place("journal"), 0700), 0); /* a study folder with a journal */
    write_script("sbatch", "for a; do echo \"<$a>\"; done >asked; echo '4711;far'");
    write_script("squeue", "for a; do echo \"<$a>\"; done >looked; exit 0");
    memset(&spec, 0, sizeof spec);
    spec.study = study_name;
    spec.trainer.cpus = 1;
    spec.trainer.grace_ms = 10000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return pbti_file_tree_remove(folder, NULL) == PBT_OK ? 0 : -1;
}

/* -------- tools -------- */

static int run(const char *body, struct pbti_command *tool)
{
    char name[] = "tool", argument[] = "a 'b' $c";
    char *const command[] = {name, argument, NULL};
    struct pbt_error err;
    write_script("tool", body);
    return pbti_command_run(command, tool, &err);
}

static void test_a_tool_is_run_without_a_shell(void **state)
{
    struct pbti_command tool;
    (void)state;
    assert_int_equal(run("printf '%s' \"$1\"; echo bad >&2; exit 3", &tool), PBT_OK);
    assert_string_equal(tool.out, "a 'b' $c");
    assert_string_equal(tool.errors, "bad");
    assert_int_equal(tool.code, 3);
    free(tool.out);
    assert_int_equal(run("kill -KILL $$", &tool), PBT_OK);
    assert_int_equal(tool.code, 128 + 9);
    assert_string_equal(tool.out, "");
    free(tool.out);
}

static void test_a_tool_that_says_much_is_not_held_up(void **state)
{
    struct pbti_command tool;
    (void)state;
    assert_int_equal(run("head -c 3000000 /dev/zero | tr '\\0' x\n"
                         "head -c 100000 /dev/zero | tr '\\0' y >&2",
                         &tool),
                     PBT_OK);
    assert_int_equal(strlen(tool.out), PBTI_COMMAND_OUT_MAX - 1);
    assert_int_equal(strlen(tool.errors), sizeof tool.errors - 1);
    assert_int_equal(tool.code, 0);
    free(tool.out);
}

static void test_a_tool_that_is_missing_is_named(void **state)
{
    char name[] = "no-such-tool";
    char *const command[] = {name, NULL};
    struct pbti_command tool;
    struct pbt_error err;
    (void)state;
    assert_int_equal(pbti_command_run(command, &tool, &err), PBT_ENOENT);
    assert_non_null(strstr(err.message, "could not run \"no-such-tool\""));
    assert_null(tool.out);
}

/* -------- submitting -------- */

static pbt_status submit(struct pbti_slurm_request request, struct pbt_error *err)
{
    static const char *const none[] = {NULL};
    char job[PBTI_SLURM_JOB_MAX] = "";
    request.dir = folder;
    request.program = "/opt/pbt";
    request.spec = &spec;
    if (request.nodes == 0) { request.nodes = 1; }
    if (request.options == NULL) { request.options = none; }
    pbt_status const status = pbti_slurm_submit(&request, job, err);
    if (status == PBT_OK) { assert_string_equal(job, "4711"); }
    return status;
}

static void asks_for(struct pbti_slurm_request request, const char *wanted, const char *unwanted)
{
    struct pbt_error err;
    assert_int_equal(submit(request, &err), PBT_OK);
    const char *const asked = read_text("asked");
    if (strstr(asked, wanted) == NULL) { fail_msg("no %s in %s", wanted, asked); }
    if (unwanted != NULL) { assert_null(strstr(asked, unwanted)); }
}

static void test_rule_16_a_job_asks_for_what_its_slots_need(void **state)
{
    struct pbti_slurm_request const none = {0}, three = {.slots = 3}, four = {.gpus = 4};
    (void)state;
    asks_for(none, "<--exclusive>", "--cpus-per-task");
    spec.slots = 2;
    asks_for(none, "<--cpus-per-task=2>", "--exclusive");
    asks_for(three, "<--cpus-per-task=3>", "--gpus");
    asks_for(three, "<--slots=3>", NULL);
    spec.trainer.cpus = 4;
    spec.trainer.gpus = 1;
    asks_for(three, "<--cpus-per-task=12>", NULL);
    asks_for(three, "<--gpus-per-node=3>", NULL);
    spec.slots = 0;
    asks_for(four, "<--cpus-per-task=16>", "--slots");
    asks_for(four, "<--gpus-per-node=4>", NULL);
}

static void test_rule_16_a_job_without_the_gpus_it_needs_is_refused(void **state)
{
    struct pbt_error err;
    (void)state;
    spec.trainer.gpus = 4;
    assert_int_equal(submit((struct pbti_slurm_request){.gpus = 3}, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "a member needs 4 GPUs"));
    assert_int_not_equal(access(place("asked"), F_OK), 0);
}

static void test_rule_12_a_job_leaves_before_its_time_and_comes_back(void **state)
{
    struct pbti_slurm_request const none = {0};
    (void)state;
    asks_for(none, "<--requeue>", NULL);
    asks_for(none, "<--signal=B:USR1@70>", NULL);
    asks_for(none, "<--open-mode=append>", NULL);
    spec.trainer.grace_ms = UINT64_MAX; /* Slurm's limit is 65535 */
    asks_for(none, "<--signal=B:USR1@3660>", NULL);
    assert_non_null(strstr(read_text("slurm/job.sh"), "exec scontrol requeue \"$SLURM_JOB_ID\""));
}

/* What a user gives is one argument each, and sbatch's own options come last: they win. */
static void test_rule_16_what_is_given_is_passed_on_as_it_is(void **state)
{
    static const char *const options[] = {"--comment=it's $(mine)", "-C", "a100", NULL};
    struct pbti_slurm_request const request = {
        .nodes = 3, .time = "1-0; x", .partition = "a b", .options = options};
    char wanted[256];
    (void)state;
    asks_for(request, "<--array=1-3>\n", NULL);
    asks_for(request, "<--time=1-0; x>\n", NULL);
    asks_for(request, "<--partition=a b>\n", NULL);
    (void)snprintf(wanted, sizeof wanted,
                   "<--comment=it's $(mine)>\n<-C>\n<a100>\n<%s/slurm/job.sh>\n</opt/pbt>\n"
                   "<%s>\n<--quiet>\n",
                   folder, folder);
    asks_for(request, wanted, NULL);
}

static void test_rule_12_a_refusal_is_told_in_slurms_words(void **state)
{
    struct pbt_error err;
    (void)state;
    write_script("sbatch", "echo 'sbatch: error: no such partition' >&2; exit 1");
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_EINVAL);
    assert_string_equal(err.message, "the job was not accepted: sbatch: error: no such partition");
    write_script("sbatch", "echo 'Submitted'"); /* not what --parsable promises */
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_EINVAL);
    assert_int_equal(unlink(place("sbatch")), 0);
    assert_int_equal(setenv("PATH", folder, 1), 0);
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_ENOENT);
    assert_non_null(strstr(err.hint, "login node"));
}

static void test_rule_12_a_job_whose_number_cannot_be_kept_is_named(void **state)
{
    struct pbt_error err;
    (void)state;
    write_script("sbatch", "mkdir -p slurm/job/taken; echo 4711");
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_EIO);
    assert_non_null(
        strstr(err.message, "job 4711 was submitted, but its number could not be kept"));
    assert_non_null(strstr(err.hint, "scancel 4711"));
}

static void test_rule_12_a_study_has_one_job_at_a_time(void **state)
{
    struct pbt_error err;
    (void)state;
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_OK);
    write_script("squeue", "echo 'COMPLETING None'");
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_EEXIST);
    assert_string_equal(err.message, "job 4711 of this study is in the queue");
    write_script("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1");
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_OK);
}

static void test_rule_12_a_journal_of_one_machine_is_refused(void **state)
{
    struct pbt_error err;
    (void)state;
    assert_int_equal(rmdir(place("journal")), 0);
    write_text("journal.db", "");
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "SQLite"));
}

/* -------- the queue -------- */

static void test_the_queue_is_counted(void **state)
{
    struct pbti_slurm_queue queue;
    struct pbt_error err;
    (void)state;
    assert_int_equal(pbti_slurm_look("12", &queue, &err), PBT_OK);
    assert_int_equal(queue.running + queue.waiting + queue.leaving, 0);
    assert_string_equal(read_text("looked"),
                        "<--jobs=12>\n<--noheader>\n<--array>\n<--format=%T %r>\n");
    write_script("squeue", "echo 'RUNNING None'; echo 'PENDING (Re sources)'; echo 'RUNNING None'\n"
                           "echo 'COMPLETING None'; echo 'CONFIGURING None'; echo 'PENDING X'");
    assert_int_equal(pbti_slurm_look("12", &queue, &err), PBT_OK);
    assert_int_equal(queue.running, 3);
    assert_int_equal(queue.waiting, 2);
    assert_int_equal(queue.leaving, 1);
    assert_string_equal(queue.reason, "X");
    write_script("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1");
    assert_int_equal(pbti_slurm_look("12", &queue, &err), PBT_EIO);
    assert_string_equal(err.message, "squeue failed: Unable to contact slurm controller");
}

static void test_the_job_of_a_study_is_remembered(void **state)
{
    char job[PBTI_SLURM_JOB_MAX];
    struct pbt_error err;
    (void)state;
    assert_int_equal(pbti_slurm_job(folder, job, &err), PBT_ENOENT);
    assert_int_equal(submit((struct pbti_slurm_request){0}, &err), PBT_OK);
    assert_int_equal(pbti_slurm_job(folder, job, &err), PBT_OK);
    assert_string_equal(job, "4711");
    write_text("slurm/job", "--help");
    assert_int_equal(pbti_slurm_job(folder, job, &err), PBT_ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_tool_is_run_without_a_shell),
        TEST(test_a_tool_that_says_much_is_not_held_up),
        TEST(test_a_tool_that_is_missing_is_named),
        TEST(test_rule_16_a_job_asks_for_what_its_slots_need),
        TEST(test_rule_16_a_job_without_the_gpus_it_needs_is_refused),
        TEST(test_rule_12_a_job_leaves_before_its_time_and_comes_back),
        TEST(test_rule_16_what_is_given_is_passed_on_as_it_is),
        TEST(test_rule_12_a_refusal_is_told_in_slurms_words),
        TEST(test_rule_12_a_job_whose_number_cannot_be_kept_is_named),
        TEST(test_rule_12_a_study_has_one_job_at_a_time),
        TEST(test_rule_12_a_journal_of_one_machine_is_refused),
        TEST(test_the_queue_is_counted),
        TEST(test_the_job_of_a_study_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
