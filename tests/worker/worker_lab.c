/* SPDX-License-Identifier: Apache-2.0 */
/* tests/worker/worker_lab.c - whole studies with real processes. See worker_lab.h. */
#include "worker/worker_lab.h"

#include "base/file_tree.h"
#include "study/study_handle.h"
#include "trainer/rank_shim.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __SANITIZE_THREAD__
/* libuv closes descriptors by a bare system call, which the sanitizer does not see: when another
 * thread is given the number again, it takes the two for one. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:closedir\n";
}
#endif

/* Run a worker that takes signals. The exit code: 0 ended, 10 interrupted, 20 error. */
static int be_worker(const char *study)
{
    enum pbti_run_end end;
    struct pbt_error err;
    struct pbti_run_opts opts = pbti_run_opts_default();
    opts.dir = study;
    opts.signals = true;
    pbt_status const status = pbti_run(&opts, &end, &err);
    if (status != PBT_OK) { (void)fprintf(stderr, "%s\n", err.message); }
    return status != PBT_OK ? 20 : end == PBTI_RUN_INTERRUPTED ? 10 : 0;
}

void lab_main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "shim") == 0) { exit(pbti_shim_main(argc - 1, argv + 1)); }
    if (argc > 2 && strcmp(argv[1], "worker") == 0) { exit(be_worker(argv[2])); }
}

pid_t lab_start_worker(const struct lab *lab)
{
    pid_t const pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) { return pid; }
    (void)execl("/proc/self/exe", "test", "worker", lab->study, (char *)NULL);
    _exit(99);
}

void lab_open(struct lab *lab)
{
    *lab = (struct lab){.dir = "/tmp/pbt-lab-XXXXXX"};
    assert_non_null(mkdtemp(lab->dir));
    (void)snprintf(lab->study, sizeof lab->study, "%s/study", lab->dir);
    (void)snprintf(lab->mark, sizeof lab->mark, "lab-%ld-%.20s", (long)getpid(), lab->dir + 13);
    assert_int_equal(setenv("PBT_LAB_MARK", lab->mark, 1), 0);
    lab->opts = pbti_run_opts_default();
    lab->opts.dir = lab->study;
    lab->opts.give_up_ms = 2000;
    lab->opts.pause_ms = 20;
}

void lab_close(struct lab *lab)
{
    /* the kernel needs a moment to take away what was killed */
    int left = lab_processes(lab);
    for (int i = 0; left > 0 && i < 100; i++) {
        (void)usleep(10000);
        left = lab_processes(lab);
    }
    assert_int_equal(left, 0);
    assert_int_equal(pbti_file_tree_remove(lab->dir, NULL), PBT_OK);
}

void lab_file(const struct lab *lab, const char *name, const char *text)
{
    char path[200];
    (void)snprintf(path, sizeof path, "%s/%s", lab->dir, name);
    FILE *const file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void lab_study(struct lab *lab, const char *format, ...)
{
    char text[8192], file[128];
    va_list args;
    va_start(args, format);
    int const size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_in_range(size, 1, sizeof text - 1);
    (void)snprintf(file, sizeof file, "%s/study.yaml", lab->dir);
    struct pbti_spec *spec = NULL;
    struct pbt_error err = {0};
    if (pbti_spec_parse(text, (size_t)size, file, NULL, 0, &spec, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    if (pbti_study_create(lab->study, NULL, spec, &err) != PBT_OK) { fail_msg("%s", err.message); }
    pbti_spec_destroy(spec);
}

const char *lab_bad_trainer(const struct lab *lab, const char *mode, const char *more, char *text,
                            size_t size)
{
    const char *const source = getenv("PBT_SOURCE_DIR");
    assert_non_null(source);
    (void)snprintf(text, size,
                   "trainer:\n"
                   "  command: [/usr/bin/python3, -S, %s/tests/worker/bad_trainer.py, %s]\n"
                   "  directory: %s\n%s",
                   source, mode, lab->dir, more);
    return text;
}

/* -------- running -------- */

static void copy_text(char *to, size_t size, struct pbti_text text)
{
    (void)snprintf(to, size, "%.*s", (int)text.size, text.size > 0 ? text.data : "");
}

/* A failure that is not the member's stands among the reports. */
static void note_failure(struct lab *lab, const struct pbti_event_note *note)
{
    json_t *const detail = json_loadb(note->detail.data, note->detail.size, 0, NULL);
    const char *outcome = "", *message = "";
    if (json_unpack(detail, "{s:s, s:s}", "outcome", &outcome, "message", &message) == 0) {
        struct lab_report *const it = &lab->reports[lab->reports_count++];
        *it = (struct lab_report){.member = note->checkpoint.member,
                                  .segment = note->checkpoint.segment,
                                  .attempt = note->checkpoint.attempt,
                                  .withdrawn = true};
        while (strcmp(pbti_outcome_name(it->outcome), outcome) != 0 && it->outcome < 100) {
            it->outcome++;
        }
        (void)snprintf(it->message, sizeof it->message, "%s", message);
    }
    json_decref(detail);
}

static void on_event(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct lab *const lab = context;
    (void)seq;
    lab->decisions += event->type == PBTI_DECISION;
    lab->releases += event->type == PBTI_RELEASE;
    lab->claims += event->type == PBTI_CLAIM;
    if (lab->reports_count == LAB_REPORTS_MAX) { return; }
    if (event->type == PBTI_NOTE) { note_failure(lab, &event->note); }
    if (event->type != PBTI_REPORT) { return; }
    const struct pbti_event_report *const report = &event->report;
    struct lab_report *const it = &lab->reports[lab->reports_count++];
    *it = (struct lab_report){.member = report->member,
                              .segment = report->segment,
                              .attempt = report->attempt,
                              .outcome = report->outcome,
                              .scores_count = report->scores_count,
                              .files = report->files,
                              .bytes = report->bytes,
                              .train_ms = report->train_ms};
    if (report->scores_count > 0) { it->score = report->scores[report->scores_count - 1]; }
    copy_text(it->message, sizeof it->message, report->message);
    copy_text(it->metrics, sizeof it->metrics, report->metrics);
}

static void on_warning(void *context, const char *text)
{
    struct lab *const lab = context;
    if (lab->warnings_count == LAB_WARNINGS_MAX) { return; }
    (void)snprintf(lab->warnings[lab->warnings_count++], sizeof lab->warnings[0], "%s", text);
}

static void on_tick(void *context, const struct pbti_run_view *view)
{
    struct lab *const lab = context;
    lab->stop = pbti_state_stop(view->state);
    for (uint32_t i = 0; i < view->slots_count; i++) {
        assert_true(view->slots[i].busy_share >= 0.0 && view->slots[i].busy_share <= 1.0);
    }
}

/* How the study stands in its journal. */
static uint8_t read_stop(const struct lab *lab)
{
    char url[128];
    (void)snprintf(url, sizeof url, "sqlite:%s/journal.db", lab->study);
    struct pbti_journal_opts const opts = pbti_journal_opts_default();
    struct pbti_journal *journal = NULL;
    struct pbti_follower *follower = NULL;
    uint8_t stop = PBTI_STOP_NONE;
    if (pbti_journal_open(url, &opts, &journal, NULL) == PBT_OK &&
        pbti_follower_open(journal, NULL, NULL, &follower, NULL) == PBT_OK) {
        stop = pbti_state_stop(pbti_follower_state(follower));
    }
    pbti_follower_close(follower);
    pbti_journal_close(journal);
    return stop;
}

pbt_status lab_run(struct lab *lab)
{
    lab->reports_count = lab->warnings_count = lab->decisions = lab->releases = lab->claims = 0;
    lab->opts.observer = on_event;
    lab->opts.warn = on_warning;
    lab->opts.tick = on_tick;
    lab->opts.context = lab;
    pbt_status const status = pbti_run(&lab->opts, &lab->end, &lab->err);
    lab->stop = read_stop(lab);
    return status;
}

/* -------- processes -------- */

static bool has_mark(const char *pid, const char *mark)
{
    char path[300], data[65536];
    (void)snprintf(path, sizeof path, "/proc/%s/environ", pid);
    FILE *const file = fopen(path, "re");
    if (file == NULL) { return false; }
    size_t const size = fread(data, 1, sizeof data - 1, file);
    (void)fclose(file);
    data[size] = '\0';
    for (const char *at = data; at < data + size; at += strlen(at) + 1) {
        if (strncmp(at, "PBT_LAB_MARK=", 13) == 0) { return strcmp(at + 13, mark) == 0; }
    }
    return false;
}

int lab_processes(const struct lab *lab)
{
    DIR *const proc = opendir("/proc");
    assert_non_null(proc);
    int count = 0;
    const struct dirent *item;
    while ((item = readdir(proc)) != NULL) {
        long const pid = strtol(item->d_name, NULL, 10);
        count += pid > 0 && pid != (long)getpid() && has_mark(item->d_name, lab->mark);
    }
    (void)closedir(proc);
    return count;
}
