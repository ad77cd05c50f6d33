/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_export.c - pbt export DIR: a study for other programs. */
#include "cli/cli.h"
#include "view/export.h"
#include "view/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct work {
    const struct pbti_call *call;
    struct pbti_export export;
    bool piped; /* a result went to stdout: say nothing there */
};

/* One line: what was written where. */
static int say(const struct work *work, const char *path, uint32_t count, const char *things)
{
    if (pbti_cli_has(work->call, PBTI_OPT_QUIET) || work->piped) { return PBTI_EXIT_DONE; }
    struct pbti_str str = {0};
    pbti_str_escape(&str, path, strlen(path));
    pbti_str_add(&str, ": ");
    pbti_str_count(&str, count);
    pbti_str_addf(&str, " %s%s\n", things, count == 1 ? "" : "s");
    return pbti_cli_print(work->call, &str, PBTI_EXIT_DONE);
}

/* May the file be written? Yes when it is not there, or begins as an export of the kind does. */
static int check_target(const struct work *work, const char *path, const char *head)
{
    char begin[128];
    int const file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) {
        if (errno == ENOENT) { return PBTI_EXIT_DONE; }
        return pbti_cli_complain(work->call, PBTI_EXIT_STORAGE, NULL, "could not open \"%s\": %s",
                                 path, strerror(errno));
    }
    struct stat info;
    size_t const size = strlen(head);
    bool const ours = fstat(file, &info) == 0 && S_ISREG(info.st_mode) &&
                      read(file, begin, size) == (ssize_t)size && memcmp(begin, head, size) == 0;
    (void)close(file);
    if (ours) { return PBTI_EXIT_DONE; }
    return pbti_cli_complain(work->call, PBTI_EXIT_USAGE, "name a new file, or remove that one",
                             "\"%s\" is there, and is not an earlier export", path);
}

/* Names in the rows are foreign text: on a terminal, what it would obey is escaped. A file or a
 * program gets the names as they are. Takes over `rows`. */
static int print_rows(const struct pbti_call *call, struct pbti_str *rows)
{
    struct pbti_str fit = {0};
    const char *at = pbti_str_text(rows);
    if (isatty(STDOUT_FILENO) == 0) { return pbti_cli_print(call, rows, PBTI_EXIT_DONE); }
    for (const char *end = strchr(at, '\n'); end != NULL; end = strchr(at, '\n')) {
        pbti_str_escape(&fit, at, (size_t)(end - at));
        pbti_str_add(&fit, "\n");
        at = end + 1;
    }
    pbti_str_escape(&fit, at, strlen(at));
    pbti_str_deinit(rows);
    return pbti_cli_print(call, &fit, PBTI_EXIT_DONE);
}

static int write_rows(struct work *work, const char *path, const char *head,
                      void (*write)(const struct pbti_export *export, struct pbti_str *str))
{
    struct pbti_str str = {0};
    bool const piped = strcmp(path, "-") == 0;
    int code = piped ? PBTI_EXIT_DONE : check_target(work, path, head);
    if (code != PBTI_EXIT_DONE) { return code; }
    write(&work->export, &str);
    if (str.failed) {
        pbti_str_deinit(&str);
        return pbti_cli_no_memory(work->call);
    }
    if (piped) { return print_rows(work->call, &str); }
    code = pbti_cli_write_file(work->call, path, &str);
    pbti_str_deinit(&str);
    if (code != PBTI_EXIT_DONE) { return code; }
    return say(work, path, pbti_export_count(&work->export), "segment");
}

static int write_runs(const struct work *work, const char *path)
{
    struct pbt_error err = {0};
    uint32_t runs = 0;
    if (pbti_export_runs(&work->export, path, &runs, &err) != PBT_OK) {
        return pbti_cli_fail(work->call, &err);
    }
    return say(work, path, runs, "run");
}

static int write_all(struct work *work)
{
    const struct pbti_call *const call = work->call;
    const char *const csv = call->value[PBTI_OPT_CSV];
    const char *const json = call->value[PBTI_OPT_JSON];
    const char *const runs = call->value[PBTI_OPT_TENSORBOARD];
    int code = PBTI_EXIT_DONE;
    if (runs != NULL) { code = write_runs(work, runs); }
    if (code == PBTI_EXIT_DONE && csv != NULL) {
        code = write_rows(work, csv, PBTI_EXPORT_CSV_HEAD, pbti_export_csv);
    }
    if (code == PBTI_EXIT_DONE && json != NULL) {
        code = write_rows(work, json, PBTI_EXPORT_JSON_HEAD, pbti_export_json);
    }
    uint32_t const left_out = work->export.names_left_out;
    if (code == PBTI_EXIT_DONE && left_out > 0 && (csv != NULL || runs != NULL)) {
        return pbti_cli_complain(call, code, "--json holds all of them",
                                 "there are more than %u names of metrics: %" PRIu32
                                 " have no column and no tag",
                                 PBTI_EXPORT_METRICS, left_out);
    }
    return code;
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

int pbti_verb_export(const struct pbti_call *call)
{
    const char *const csv = call->value[PBTI_OPT_CSV];
    const char *const json = call->value[PBTI_OPT_JSON];
    if (csv == NULL && json == NULL && !pbti_cli_has(call, PBTI_OPT_TENSORBOARD)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE,
                                 "give --tensorboard OUT, --csv OUT or --json OUT",
                                 "what to export to is missing");
    }
    if (is_stdout(csv) && is_stdout(json)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "name a file for one of them",
                                 "CSV and JSON cannot both go to standard output");
    }
    struct work work = {.call = call, .piped = is_stdout(csv) || is_stdout(json)};
    struct pbt_error err = {0};
    int const code = pbti_export_open(&work.export, call->argument[0],
                                      call->value[PBTI_OPT_JOURNAL], &err) == PBT_OK
                         ? write_all(&work)
                         : pbti_cli_fail(call, &err);
    pbti_export_close(&work.export);
    return code;
}
