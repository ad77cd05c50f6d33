/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/study/test_liveness.c - workers of one host find each other dead or alive: by locks, and
 * by beats on a file system that has none. Protects rule 15.
 *
 * A worker is a child process that opens its presence and waits to be killed.
 */
#include "study/liveness.h"

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool no_locks; /* the file system has none */

int flock(int descriptor, int operation)
{
    if (no_locks) {
        errno = ENOLCK;
        return -1;
    }
    return (int)syscall(SYS_flock, descriptor, operation);
}

struct worker {
    pid_t pid;
    struct pbti_event_worker event;
    char host[PBTI_NAME_MAX];
};

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/pbt-presence-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    no_locks = false;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Another worker of this host. */
static void start_worker(struct worker *worker)
{
    int ends[2];
    uint64_t id = 0;
    assert_int_equal(pipe(ends), 0);
    worker->pid = fork();
    assert_true(worker->pid >= 0);
    if (worker->pid == 0) {
        struct pbti_liveness *liveness = NULL;
        if (pbti_liveness_open(folder, &id, &liveness, NULL) != PBT_OK) { _exit(1); }
        if (write(ends[1], &id, sizeof id) != (ssize_t)sizeof id) { _exit(1); }
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(ends[0], &id, sizeof id), sizeof id);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_int_equal(gethostname(worker->host, sizeof worker->host - 1), 0);
    worker->event = (struct pbti_event_worker){
        .worker = id, .slots = 1, .host = {worker->host, strlen(worker->host)}};
}

static void kill_worker(const struct worker *worker)
{
    assert_int_equal(kill(worker->pid, SIGKILL), 0);
    assert_int_equal(waitpid(worker->pid, NULL, 0), worker->pid);
}

static void nap_ms(long time_ms)
{
    struct timespec const nap = {0, time_ms * 1000000};
    (void)nanosleep(&nap, NULL);
}

/* Look for so long: is it found dead? */
static bool found_dead(struct pbti_liveness *liveness, const struct worker *worker, int looks)
{
    for (int i = 0; i < looks; i++) {
        if (pbti_liveness_dead(liveness, &worker->event)) { return true; }
        nap_ms(20);
    }
    return false;
}

static void check(bool locks)
{
    struct pbti_liveness *liveness = NULL;
    struct pbt_error err;
    uint64_t own = 0;
    struct worker worker = {0};
    no_locks = !locks;
    assert_int_equal(pbti_liveness_open(folder, &own, &liveness, &err), PBT_OK);
    start_worker(&worker);
    assert_false(found_dead(liveness, &worker, 20));
    kill_worker(&worker);
    assert_true(found_dead(liveness, &worker, locks ? 1 : 500));
    pbti_liveness_close(liveness);
}

static void test_a_lock_tells_at_once(void **state)
{
    (void)state;
    check(true);
}

/* A worker that is stopped holds its lock and does not beat: its claims go to others. */
static void test_a_stopped_worker_that_holds_its_lock_is_gone(void **state)
{
    struct pbti_liveness *liveness = NULL;
    struct pbt_error err;
    uint64_t own = 0;
    struct worker worker = {0};
    (void)state;
    assert_int_equal(pbti_liveness_open(folder, &own, &liveness, &err), PBT_OK);
    start_worker(&worker);
    assert_false(found_dead(liveness, &worker, 20));
    assert_int_equal(kill(worker.pid, SIGSTOP), 0);
    assert_true(found_dead(liveness, &worker, 500));
    assert_int_equal(kill(worker.pid, SIGCONT), 0);
    kill_worker(&worker);
    pbti_liveness_close(liveness);
}

static void test_without_locks_beats_tell(void **state)
{
    (void)state;
    check(false);
}

static void test_a_wrong_beat_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"x", "0", "-1", "nan", "1e9", "1 s"};
    const char *const kept = getenv("PBT_BEAT");
    char before[32];
    (void)snprintf(before, sizeof before, "%s", kept != NULL ? kept : "");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pbti_liveness *liveness = NULL;
        struct pbt_error err;
        uint64_t own = 0;
        assert_int_equal(setenv("PBT_BEAT", wrong[i], 1), 0);
        assert_int_equal(pbti_liveness_open(folder, &own, &liveness, &err), PBT_EINVAL);
        assert_non_null(strstr(err.message, "PBT_BEAT"));
    }
    assert_int_equal(setenv("PBT_BEAT", before, 1), 0);
}

int main(void)
{
    (void)setenv("PBT_BEAT", "0.2", 1);
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_lock_tells_at_once),
        TEST(test_a_stopped_worker_that_holds_its_lock_is_gone),
        TEST(test_without_locks_beats_tell),
        TEST(test_a_wrong_beat_is_refused),
    };
#undef TEST
    return cmocka_run_group_tests_name("presence", tests, NULL, NULL);
}
