/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_slots.c - slots, GPUs of a slot, the environment of a trainer, logs, the
 * ledger.
 */
#include "base/file_tree.h"
#include "trainer/launch.h"
#include "trainer/trainer_log.h"
#include "worker/checkpoint_sizes.h"
#include "worker/run.h"
#include "worker/slots.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct pbti_spec spec; /* zeroed but for what a test sets */

static void make_spec(uint32_t cpus, double gpus, uint32_t members)
{
    memset(&spec, 0, sizeof spec);
    spec.trainer.cpus = cpus;
    spec.trainer.gpus = gpus;
    spec.trainer.threads = 3;
    spec.config.members = members;
}

static void test_quotas(void **state)
{
    (void)state;
    assert_int_equal(pbti_quota_cpus("max 100000"), UINT32_MAX);
    assert_int_equal(pbti_quota_cpus("-1 100000"), UINT32_MAX);
    assert_int_equal(pbti_quota_cpus("150000 100000"), 1);
    assert_int_equal(pbti_quota_cpus("400000 100000"), 4);
    assert_int_equal(pbti_quota_cpus("20000 100000"), 1);
    assert_int_equal(pbti_quota_cpus(""), UINT32_MAX);
}

static void test_slots_follow_cpus_gpus_and_members(void **state)
{
    uint32_t count;
    struct pbt_error err;
    (void)state;
    uint32_t const cpus = pbti_machine_cpus();
    assert_true(cpus >= 1 && cpus <= (uint32_t)sysconf(_SC_NPROCESSORS_CONF));
    make_spec(1, 0, 100000);
    assert_int_equal(pbti_slots_auto(&spec), cpus);
    make_spec(cpus, 0, 100);
    assert_int_equal(pbti_slots_auto(&spec), 1);
    make_spec(1, 0, 1);
    assert_int_equal(pbti_slots_auto(&spec), 1);
    make_spec(cpus + 1, 0, 4);
    assert_int_equal(pbti_slots_count(&spec, 0, &count, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "a member needs"));
    make_spec(1, 0, 4);
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", "0,1", 1), 0);
    make_spec(1, 0.5, 100000);
    assert_int_equal(pbti_slots_auto(&spec), cpus < 4 ? cpus : 4);
    assert_int_equal(pbti_slots_count(&spec, 4, &count, &err), PBT_OK);
    assert_int_equal(pbti_slots_count(&spec, 5, &count, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "5 slots of 0.5 gpus each; this machine shows 2"));
    assert_int_equal(unsetenv("CUDA_VISIBLE_DEVICES"), 0);
    make_spec(1, 0, 4);
    spec.slots = 7;
    assert_int_equal(pbti_slots_count(&spec, 0, &count, &err), PBT_OK);
    assert_int_equal(count, 7);
    assert_int_equal(pbti_slots_count(&spec, 3, &count, &err), PBT_OK);
    assert_int_equal(count, 3);
}

/* A cluster need not confine its jobs: then only Slurm's variables say what a job may use. */
static void test_slots_are_those_of_the_slurm_job(void **state)
{
    (void)state;
    uint32_t const cpus = pbti_machine_cpus();
    assert_int_equal(setenv("SLURM_CPUS_ON_NODE", "1", 1), 0);
    assert_int_equal(pbti_machine_cpus(), 1);
    assert_int_equal(setenv("SLURM_CPUS_ON_NODE", "100000", 1), 0);
    assert_int_equal(pbti_machine_cpus(), cpus);
    assert_int_equal(setenv("SLURM_CPUS_PER_TASK", "1", 1), 0);
    assert_int_equal(pbti_machine_cpus(), 1);
    assert_int_equal(setenv("SLURM_CPUS_PER_TASK", "", 1), 0);
    assert_int_equal(pbti_machine_cpus(), cpus);
    assert_int_equal(unsetenv("SLURM_CPUS_PER_TASK"), 0);
    assert_int_equal(unsetenv("SLURM_CPUS_ON_NODE"), 0);
}

static void expect_gpus(const char *visible, uint32_t slot, double per_slot, const char *wanted)
{
    struct pbti_strings gpus = {0};
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", visible, 1), 0);
    pbti_machine_gpus(&gpus);
    char *const text = pbti_slot_gpus(&gpus, slot, per_slot);
    if (wanted == NULL) {
        assert_null(text);
    } else {
        assert_string_equal(text, wanted);
    }
    free(text);
    pbti_strings_free(&gpus);
}

static void test_gpus_are_chosen_from_the_inherited_ones(void **state)
{
    uint32_t count;
    struct pbt_error err;
    (void)state;
    expect_gpus("4,5,6,7", 0, 2, "4,5");
    expect_gpus("4,5,6,7", 1, 2, "6,7");
    expect_gpus("GPU-aa,GPU-bb", 1, 1, "GPU-bb");
    expect_gpus("MIG-GPU-1/2/3", 0, 1, "MIG-GPU-1/2/3");
    expect_gpus("0,1", 0, 0, ""); /* hidden from a trainer that asks for none */
    expect_gpus("", 0, 0, NULL);  /* nothing there to hide */
    expect_gpus("0,-1,1", 1, 1, "");
    expect_gpus("0,1", 0, -1.0, NULL); /* the spec names none: left alone */
    expect_gpus("NoDevFiles", 0, 0, NULL);
    for (uint32_t slot = 0; slot < 4; slot++) {
        expect_gpus("0,1", slot, 0.5, slot < 2 ? "0" : "1");
    }
    expect_gpus("GPU-aa,GPU-bb", 3, 0.25, "GPU-aa");
    assert_int_equal(setenv("CUDA_VISIBLE_DEVICES", "0,1,2", 1), 0);
    make_spec(1, 2, 8);
    assert_int_equal(pbti_slots_auto(&spec), 1);
    assert_int_equal(pbti_slots_count(&spec, 2, &count, &err), PBT_EINVAL);
    assert_non_null(strstr(err.message, "2 slots of 2 gpus each; this machine shows 3"));
    assert_int_equal(unsetenv("CUDA_VISIBLE_DEVICES"), 0);
}

static const char *value_of(const struct pbti_strings *environment, const char *name)
{
    size_t const size = strlen(name);
    const char *value = NULL;
    for (size_t i = 0; i < environment->count; i++) {
        if (strncmp(environment->items[i], name, size) != 0 || environment->items[i][size] != '=') {
            continue;
        }
        assert_null(value); /* never twice */
        value = environment->items[i] + size + 1;
    }
    return value;
}

static void test_the_environment_of_a_trainer(void **state)
{
    struct pbti_launch launch;
    struct pbti_strings environment = {0};
    struct stat info;
    (void)state;
    make_spec(1, 0, 4);
    spec.trainer.environment = json_pack("{s:s,s:s}", "DATA", "/d", "OMP_NUM_THREADS", "9");
    assert_int_equal(setenv("PYTHONPATH", "/mine", 1), 0);
    assert_int_equal(setenv("MKL_NUM_THREADS", "64", 1), 0);
    assert_int_equal(pbti_launch_open(&launch, &spec, "pbt", "/clients", NULL), PBT_OK);
    assert_int_equal(stat(launch.sockets, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    pbti_launch_environment(&launch, "2,3", &environment);
    assert_false(environment.failed);
    assert_string_equal(value_of(&environment, "PYTHONPATH"), "/clients:/mine");
    assert_string_equal(value_of(&environment, "MKL_NUM_THREADS"), "3");
    assert_string_equal(value_of(&environment, "OPENBLAS_NUM_THREADS"), "3");
    assert_string_equal(value_of(&environment, "OMP_NUM_THREADS"),
                        "9"); /* the spec has the last word */
    assert_string_equal(value_of(&environment, "DATA"), "/d");
    assert_string_equal(value_of(&environment, "CUDA_VISIBLE_DEVICES"), "2,3");
    assert_string_equal(value_of(&environment, "PYTHONUNBUFFERED"), "1");
    assert_non_null(value_of(&environment, "PATH"));
    char one[PBTI_SOCKET_PATH_MAX], two[PBTI_SOCKET_PATH_MAX];
    pbti_launch_socket(&launch, one);
    pbti_launch_socket(&launch, two);
    assert_string_not_equal(one, two);
    pbti_strings_free(&environment);
    pbti_launch_close(&launch);
    json_decref(spec.trainer.environment);
    assert_int_equal(unsetenv("PYTHONPATH"), 0);
    assert_int_equal(unsetenv("MKL_NUM_THREADS"), 0);
}

/* `python3` is that of the Python environment that `pbt` is installed in. */
static void test_a_python_environment_comes_first_in_the_path(void **state)
{
    char folder[] = "/tmp/pbt-venv-XXXXXX";
    char path[64];
    struct pbti_launch launch = {.spec = &spec, .program = path};
    (void)state;
    make_spec(1, 0, 4);
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        struct pbti_strings environment = {0};
        (void)snprintf(path, sizeof path, "%s/bin", folder);
        assert_true(mkdir(path, 0700) == 0 || i == 1);
        (void)snprintf(path, sizeof path, "%s/bin/pbt", folder);
        pbti_launch_environment(&launch, NULL, &environment);
        assert_false(environment.failed);
        char first[64];
        (void)snprintf(first, sizeof first, "%s/bin:", folder);
        int const differs = strncmp(value_of(&environment, "PATH"), first, strlen(first));
        assert_int_equal(differs == 0, i == 1);
        pbti_strings_free(&environment);
        (void)snprintf(path, sizeof path, "%s/pyvenv.cfg", folder);
        if (i == 0) { assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0); }
    }
    (void)snprintf(path, sizeof path, "%s/pyvenv.cfg", folder);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/bin", folder);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* What launched the worker must not be taken for what launched the trainer. */
static void test_a_trainer_has_no_rank_of_the_workers(void **state)
{
    static const char *const gone[] = {"RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK",
                                       "OMPI_UNIVERSE_SIZE"};
    struct pbti_launch launch = {.spec = &spec};
    struct pbti_strings environment = {0};
    (void)state;
    make_spec(1, 0, 4);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        assert_int_equal(setenv(gone[i], "1", 1), 0);
    }
    assert_int_equal(setenv("OMPI_MCA_btl", "self,tcp", 1), 0);
    assert_int_equal(setenv("RANKING", "7", 1), 0);
    pbti_launch_environment(&launch, NULL, &environment);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        assert_null(value_of(&environment, gone[i]));
        assert_int_equal(unsetenv(gone[i]), 0);
    }
    assert_string_equal(value_of(&environment, "OMPI_MCA_btl"), "self,tcp");
    assert_string_equal(value_of(&environment, "RANKING"), "7");
    assert_int_equal(unsetenv("OMPI_MCA_btl"), 0);
    assert_int_equal(unsetenv("RANKING"), 0);
    pbti_strings_free(&environment);
}

/* -------- logs -------- */

static size_t read_log(const char *folder, const char *name, char *text, size_t size)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return 0; }
    size_t const got = fread(text, 1, size - 1, file);
    text[got] = '\0';
    (void)fclose(file);
    return got;
}

static void test_logs_keep_beginning_and_end_within_the_cap(void **state)
{
    char folder[] = "/tmp/pbt-log-XXXXXX", line[64], text[20000], last[100];
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct pbti_trainer_log *const log = pbti_trainer_log_create(folder, 8000);
    for (uint32_t segment = 1; segment <= 50; segment++) {
        pbti_trainer_log_task(log, 3, segment, 1);
        for (int i = 0; i < 40; i++) {
            int const size = snprintf(line, sizeof line, "segment %u line %d\n", segment, i);
            pbti_trainer_log_write(log, line, (size_t)size);
        }
    }
    assert_string_equal(pbti_trainer_log_last(log, last, sizeof last), "segment 50 line 39");
    size_t total = read_log(folder, "m3.log.0", text, sizeof text);
    assert_non_null(strstr(text, "member 3 segment 1 attempt 1\nsegment 1 line 0\n"));
    total += read_log(folder, "m3.log.1", text, sizeof text);
    total += read_log(folder, "m3.log", text, sizeof text);
    assert_non_null(strstr(text, "segment 50 line 39\n"));
    assert_in_range(total, 4000, 8000);
    pbti_trainer_log_task(log, 4, 1, 1); /* silent: leaves no file */
    assert_string_equal(pbti_trainer_log_last(log, last, sizeof last), "");
    assert_int_equal(read_log(folder, "m4.log", text, sizeof text), 0);
    pbti_trainer_log_destroy(log);
    assert_int_equal(pbti_file_tree_remove(folder, NULL), PBT_OK);
}

static void test_the_ledger_counts_what_is_there(void **state)
{
    struct pbti_checkpoint_sizes sizes = {0};
    uint64_t bytes = 0;
    (void)state;
    for (uint32_t i = 1; i <= 1000; i++) {
        pbti_checkpoint_sizes_add(&sizes, (struct pbti_checkpoint){i % 7, i, 1}, i);
        bytes += i;
        if (i > 20) {
            pbti_checkpoint_sizes_remove(&sizes, (struct pbti_checkpoint){(i - 20) % 7, i - 20, 1});
            bytes -= i - 20;
        }
        assert_true(sizes.bytes == bytes);
    }
    assert_int_equal(sizes.count, 20);
    pbti_checkpoint_sizes_add(&sizes, (struct pbti_checkpoint){1000 % 7, 1000, 1},
                              5); /* again: replaced */
    assert_int_equal(sizes.count, 20);
    pbti_checkpoint_sizes_remove(&sizes, (struct pbti_checkpoint){99, 1, 1}); /* never there */
    for (uint32_t i = 981; i <= 1000; i++) {
        pbti_checkpoint_sizes_remove(&sizes, (struct pbti_checkpoint){i % 7, i, 1});
    }
    assert_int_equal(sizes.count, 0);
    assert_true(sizes.bytes == 0);
    pbti_checkpoint_sizes_free(&sizes);
}

/* The folder of a launch in a process that was killed. */
static void leave_folder(char left[84])
{
    struct pbti_launch launch;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char path[PBTI_SOCKET_PATH_MAX];
        if (pbti_launch_open(&launch, &spec, "pbt", NULL, NULL) != PBT_OK) { _exit(1); }
        pbti_launch_socket(&launch, path);
        (void)close(open(path, O_WRONLY | O_CREAT, 0600));
        if (write(ends[1], launch.sockets, sizeof launch.sockets) < 0) { _exit(1); }
        _exit(0);
    }
    assert_int_equal(read(ends[0], left, 84), 84);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_folders_of_killed_workers_are_removed_at_the_next_start(void **state)
{
    char folder[] = "/tmp/pbt-left-XXXXXX", left[84], other[PATH_MAX];
    struct pbti_launch first, second;
    (void)state;
    if (access("/proc/sys/kernel/random/boot_id", R_OK) != 0) { skip(); }
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
    (void)snprintf(other, sizeof other, "%s/pbt-AAAAAA", folder); /* of another program */
    assert_int_equal(mkdir(other, 0700), 0);
    leave_folder(left);
    assert_int_equal(access(left, F_OK), 0);
    assert_int_equal(pbti_launch_open(&first, &spec, "pbt", NULL, NULL), PBT_OK);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(strncmp(first.sockets, folder, strlen(folder)), 0);
    /* one whose worker lives stays */
    assert_int_equal(pbti_launch_open(&second, &spec, "pbt", NULL, NULL), PBT_OK);
    assert_int_equal(access(first.sockets, F_OK), 0);
    pbti_launch_close(&second);
    pbti_launch_close(&first);
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing else is in it */
    assert_int_equal(unsetenv("XDG_RUNTIME_DIR"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_slots_follow_cpus_gpus_and_members),
        cmocka_unit_test(test_slots_are_those_of_the_slurm_job),
        cmocka_unit_test(test_gpus_are_chosen_from_the_inherited_ones),
        cmocka_unit_test(test_the_environment_of_a_trainer),
        cmocka_unit_test(test_folders_of_killed_workers_are_removed_at_the_next_start),
        cmocka_unit_test(test_a_python_environment_comes_first_in_the_path),
        cmocka_unit_test(test_a_trainer_has_no_rank_of_the_workers),
        cmocka_unit_test(test_logs_keep_beginning_and_end_within_the_cap),
        cmocka_unit_test(test_the_ledger_counts_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
