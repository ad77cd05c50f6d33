/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_common.c - complaining, printing, and where things are. */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* -------- complaining -------- */

static void complain(const struct pbti_call *call, const char *message, const char *hint)
{
    struct pbti_str str = {0};
    pbti_str_addf(&str, "pbt %s: ", call->verb->name);
    pbti_str_escape(&str, message, strlen(message));
    pbti_str_add(&str, "\n");
    if (hint != NULL && hint[0] != '\0') {
        pbti_str_add(&str, "hint: ");
        pbti_str_escape(&str, hint, strlen(hint));
        pbti_str_add(&str, "\n");
    }
    (void)fflush(stdout);
    (void)fputs(pbti_str_text(&str), stderr);
    pbti_str_deinit(&str);
}

static int exit_code(pbt_status status)
{
    switch (status) {
    case PBT_OK: return PBTI_EXIT_DONE;
    case PBT_ETRAINER: return PBTI_EXIT_FAILED;
    case PBT_EINVAL:
    case PBT_ESPEC:
    case PBT_ENOENT:
    case PBT_EEXIST: return PBTI_EXIT_USAGE;
    default: return PBTI_EXIT_STORAGE;
    }
}

int pbti_cli_fail(const struct pbti_call *call, const struct pbt_error *err)
{
    complain(call, err->message, err->hint);
    return exit_code(err->code);
}

int pbti_cli_complain(const struct pbti_call *call, int code, const char *hint, const char *format,
                      ...)
{
    char message[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    complain(call, message, hint);
    return code;
}

int pbti_cli_no_memory(const struct pbti_call *call)
{
    return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "out of memory");
}

/* -------- printing -------- */

int pbti_cli_print(const struct pbti_call *call, struct pbti_str *str, int code)
{
    if (str->failed) {
        pbti_str_deinit(str);
        return pbti_cli_no_memory(call);
    }
    bool const good = fwrite(pbti_str_text(str), 1, str->size, stdout) == str->size;
    pbti_str_deinit(str);
    if (!good || fflush(stdout) != 0) {
        if (errno == EPIPE) { return code; } /* whoever reads has had enough */
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not write to stdout: %s",
                                 strerror(errno));
    }
    return code;
}

int pbti_cli_print_json(const struct pbti_call *call, json_t *json, int code)
{
    char *const text =
        json == NULL ? NULL : json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (text == NULL) { return pbti_cli_no_memory(call); }
    struct pbti_str str = {0};
    pbti_str_add(&str, text);
    pbti_str_add(&str, "\n");
    free(text);
    return pbti_cli_print(call, &str, code);
}

static int cannot_write(const struct pbti_call *call, const char *path, int code)
{
    return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not write \"%s\": %s", path,
                             strerror(code));
}

int pbti_cli_write_file(const struct pbti_call *call, const char *path, const struct pbti_str *str)
{
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof beside, "%s.%ld.part", path, (long)getpid()) >=
        (int)sizeof beside) {
        return cannot_write(call, path, ENAMETOOLONG);
    }
    FILE *const file = fopen(beside, "wb");
    if (file == NULL) { return cannot_write(call, path, errno); }
    bool good = fwrite(str->data, 1, str->size, file) == str->size;
    int code = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        code = errno;
    }
    if (good && rename(beside, path) != 0) {
        good = false;
        code = errno;
    }
    if (good) { return PBTI_EXIT_DONE; }
    (void)unlink(beside);
    return cannot_write(call, path, code);
}

struct pbti_study_reader_opts pbti_cli_reader_opts(const struct pbti_call *call)
{
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.journal = call->value[PBTI_OPT_JOURNAL];
    return opts;
}

uint32_t pbti_cli_width(void)
{
    struct winsize size = {0};
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) { return 0; }
    return size.ws_col;
}

void pbti_str_quote(struct pbti_str *str, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    if (text[0] != '\0' && strspn(text, plain) == strlen(text)) {
        pbti_str_add(str, text);
        return;
    }
    pbti_str_add(str, "'");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            pbti_str_add(str, "'\\''");
        } else {
            size_t const size = strcspn(at, "'");
            pbti_str_escape(str, at, size);
            at += size - 1;
        }
    }
    pbti_str_add(str, "'");
}

/* -------- where things are -------- */

const char *pbti_cli_program(void)
{
    static char path[PATH_MAX];
    if (path[0] == '\0') {
        ssize_t const size = readlink("/proc/self/exe", path, sizeof path - 1);
        if (size <= 0) { return "pbt"; }
        path[size] = '\0';
    }
    return path;
}

const char *pbti_cli_clients(void)
{
    static char folder[PATH_MAX];
    if (folder[0] != '\0') { return folder; }
    char bin[PATH_MAX];
    (void)snprintf(bin, sizeof bin, "%s", pbti_cli_program());
    char *const slash = strrchr(bin, '/');
    if (slash == NULL) { return NULL; }
    *slash = '\0';
    char wanted[PATH_MAX];
    if (snprintf(wanted, sizeof wanted, "%s/%s/clients", bin, PBT_SHARE_FROM_BIN) >=
            (int)sizeof wanted ||
        realpath(wanted, folder) == NULL) {
        folder[0] = '\0';
        return NULL;
    }
    return folder;
}

/* -------- clocks, random bytes -------- */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t pbti_cli_now_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t pbti_cli_steady_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void pbti_cli_random(void *bytes, size_t size)
{
    unsigned char *at = bytes;
    while (size > 0) {
        ssize_t const got = getrandom(at, size, 0);
        if (got <= 0) { continue; } /* interrupted by a signal */
        at += got;
        size -= (size_t)got;
    }
}

/* -------- nearest word -------- */

/* Levenshtein's distance, for words of at most 31 characters; longer ones are far away. */
static size_t distance(const char *a, const char *b)
{
    size_t const rows = strlen(a);
    size_t const columns = strlen(b);
    size_t row[32];
    if (rows > 31 || columns > 31) { return SIZE_MAX; }
    for (size_t j = 0; j <= columns; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t const changed = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
            size_t const dropped = row[j] + 1;
            size_t const added = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = changed < dropped ? changed : dropped;
            if (added < row[j]) { row[j] = added; }
        }
    }
    return row[columns];
}

const char *pbti_cli_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2; /* anything at this distance is another word */
    for (size_t i = 0; i < count; i++) {
        bool const begins = strlen(word) >= 2 && strncmp(words[i], word, strlen(word)) == 0;
        size_t const far = begins ? 1 : distance(word, words[i]);
        if (far < best) {
            best = far;
            nearest = words[i];
        }
    }
    return nearest;
}
