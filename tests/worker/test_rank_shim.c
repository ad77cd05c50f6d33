/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_rank_shim.c - the shim alone: exit codes, signals, descendants, the death of
 * its parent.
 *
 * Protects docs/protocol.md and rule 15. The program is its own shim.
 */
#include "trainer/rank_shim.h"
#include "worker/worker_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct lab lab;

static int setup(void **state)
{
    (void)state;
    lab_open(&lab);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lab_close(&lab); /* nothing may be left */
    return 0;
}

/* Start a shim around a shell command, in the lab's folder; with a status descriptor around a
 * program. */
static pid_t start(const char *script, const char *grace, int status_fd)
{
    pid_t const parent = getpid();
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) { return pid; }
    char parent_text[16], status_text[16];
    (void)snprintf(parent_text, sizeof parent_text, "%ld", (long)parent);
    (void)snprintf(status_text, sizeof status_text, "%d", status_fd);
    if (status_fd >= 0) {
        (void)fcntl(status_fd, F_SETFD, 0);
        (void)execl("/proc/self/exe", "test", "shim", "--grace", grace, "--parent", parent_text,
                    "--status", status_text, "--directory", lab.dir, "--", script, (char *)NULL);
    } else {
        (void)execl("/proc/self/exe", "test", "shim", "--grace", grace, "--parent", parent_text,
                    "--directory", lab.dir, "--", "/bin/sh", "-c", script, (char *)NULL);
    }
    _exit(99);
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    return status;
}

static double seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Until the file is there. */
static void await_file(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", lab.dir, name);
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++) {
        (void)usleep(5000);
    }
    assert_int_equal(access(path, F_OK), 0);
}

static bool has_file(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", lab.dir, name);
    return access(path, F_OK) == 0;
}

static void test_the_exit_code_comes_through(void **state)
{
    (void)state;
    int const status = wait_for(start("exit 42", "1000", -1));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_the_signal_comes_through_without_a_core(void **state)
{
    (void)state;
    int const status = wait_for(start("kill -SEGV $$", "1000", -1));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSEGV);
    assert_false(WCOREDUMP(status));
}

static void test_a_command_that_cannot_be_run_is_told(void **state)
{
    int pipe_fds[2];
    char text[200] = "";
    (void)state;
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    pid_t const pid = start("pythn3", "1000", pipe_fds[1]);
    (void)close(pipe_fds[1]);
    int const status = wait_for(pid);
    assert_int_equal(WEXITSTATUS(status), 127);
    assert_true(read(pipe_fds[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "could not run \"pythn3\": No such file or directory\n");
    (void)close(pipe_fds[0]);
}

static void test_term_is_passed_on(void **state)
{
    (void)state;
    pid_t const pid = start(
        "trap 'echo >termed; exit 7' TERM; echo >up; while :; do sleep 0.02; done", "5000", -1);
    await_file("up");
    assert_int_equal(kill(pid, SIGTERM), 0);
    int const status = wait_for(pid);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(has_file("termed"));
}

static void test_rule_15_kill_comes_after_the_grace(void **state)
{
    (void)state;
    pid_t const pid = start("trap '' TERM; echo >up; while :; do sleep 0.02; done", "300", -1);
    await_file("up");
    double const begin = seconds();
    assert_int_equal(kill(pid, SIGTERM), 0);
    int const status = wait_for(pid);
    double const took = seconds() - begin;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(took >= 0.29 && took < 5.0);
}

/* Background processes, one in a session of its own, some that ignore TERM, a chain of them. */
static void test_rule_15_what_the_command_left_behind_is_killed(void **state)
{
    (void)state;
    int const status =
        wait_for(start("(trap '' TERM; sleep 100) & setsid sleep 100 & "
                       "(sh -c '(sh -c \"(sleep 100) & sleep 100\" &) ; sleep 100' &) "
                       "; sleep 0.05; exit 5",
                       "10000", -1));
    assert_int_equal(WEXITSTATUS(status), 5);
    assert_int_equal(lab_processes(&lab), 0); /* at once: the shim ends after all of them */
}

static void test_rule_15_a_fork_storm_ends(void **state)
{
    (void)state;
    pid_t const pid = start("trap '' TERM; echo >up; i=0; while [ $i -lt 400 ]; do sleep 50 & "
                            "i=$((i+1)); done; wait",
                            "100", -1);
    await_file("up");
    assert_int_equal(kill(pid, SIGTERM), 0);
    (void)wait_for(pid);
    assert_int_equal(lab_processes(&lab), 0);
}

/* The parent of the shim is killed: everything is gone soon, whatever the grace. */
static void test_rule_12_a_dead_parent_takes_everything_with_it(void **state)
{
    (void)state;
    pid_t const parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left of a test that fails */
        (void)start("trap '' TERM; setsid sleep 100 & echo >up; while :; do sleep 0.02; done",
                    "60000", -1);
        (void)pause();
        _exit(0);
    }
    await_file("up");
    for (int i = 0; lab_processes(&lab) < 3 && i < 400; i++) { /* one may just be in its exec */
        (void)usleep(5000);
    }
    assert_true(lab_processes(&lab) >= 3);
    assert_int_equal(kill(parent, SIGKILL), 0);
    (void)wait_for(parent);
    int left = lab_processes(&lab);
    for (int i = 0; left > 0 && i < 400; i++) {
        (void)usleep(5000);
        left = lab_processes(&lab);
    }
    assert_int_equal(left, 0);
}

/* Somebody kills the shim itself: the command dies with it. */
static void test_the_command_dies_with_the_shim(void **state)
{
    (void)state;
    pid_t const pid = start("echo >up; exec sleep 100", "60000", -1);
    await_file("up");
    assert_int_equal(kill(pid, SIGKILL), 0);
    (void)wait_for(pid); /* the rest is teardown's */
}

static void test_wrong_arguments_are_refused(void **state)
{
    char shim[] = "shim", unknown[] = "--unknown", value[] = "1", dashes[] = "--";
    char *const none[] = {shim, NULL};
    char *const no_command[] = {shim, dashes, NULL};
    char *const strange[] = {shim, unknown, value, dashes, value, NULL};
    (void)state;
    int const error = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_int_equal(pbti_shim_main(1, (char **)(uintptr_t)none), 2);
    assert_int_equal(pbti_shim_main(2, (char **)(uintptr_t)no_command), 2);
    assert_int_equal(pbti_shim_main(5, (char **)(uintptr_t)strange), 2);
    assert_true(dup2(error, STDERR_FILENO) >= 0);
    (void)close(error);
}

int main(int argc, char **argv)
{
    lab_main(argc, argv);
#define SHIM_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SHIM_TEST(test_the_exit_code_comes_through),
        SHIM_TEST(test_the_signal_comes_through_without_a_core),
        SHIM_TEST(test_a_command_that_cannot_be_run_is_told),
        SHIM_TEST(test_term_is_passed_on),
        SHIM_TEST(test_rule_15_kill_comes_after_the_grace),
        SHIM_TEST(test_rule_15_what_the_command_left_behind_is_killed),
        SHIM_TEST(test_rule_15_a_fork_storm_ends),
        SHIM_TEST(test_rule_12_a_dead_parent_takes_everything_with_it),
        SHIM_TEST(test_the_command_dies_with_the_shim),
        SHIM_TEST(test_wrong_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
