/* SPDX-License-Identifier: Apache-2.0 */
/* trainer/trainer_log.c - capped logs of what trainers print. See trainer_log.h. */
#include "trainer/trainer_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TAIL_SIZE 2048 /* bytes of output kept in memory, for messages */

struct pbti_trainer_log {
    char folder[PATH_MAX]; /* "": no files */
    uint64_t cap;
    uint32_t member, segment, attempt;
    bool headed;    /* the line in front of this task's output is written */
    bool line_open; /* the last byte written was not a newline */
    int fd;         /* of the member's log; -1: not open */
    uint32_t fd_member;
    uint64_t size; /* of the open file */
    uint64_t size_max;
    size_t tail_size;
    char tail[TAIL_SIZE]; /* the last output of this task */
};

struct pbti_trainer_log *pbti_trainer_log_create(const char *folder, uint64_t cap)
{
    struct pbti_trainer_log *const log = calloc(1, sizeof *log);
    if (log == NULL) { return NULL; }
    log->fd = -1;
    log->cap = cap;
    if (folder != NULL && strlen(folder) < sizeof log->folder - 32) {
        memcpy(log->folder, folder, strlen(folder) + 1);
    }
    return log;
}

static void close_file(struct pbti_trainer_log *log)
{
    if (log->fd >= 0) { (void)close(log->fd); }
    log->fd = -1;
}

void pbti_trainer_log_destroy(struct pbti_trainer_log *log)
{
    if (log == NULL) { return; }
    close_file(log);
    free(log);
}

void pbti_trainer_log_task(struct pbti_trainer_log *log, uint32_t member, uint32_t segment,
                           uint32_t attempt)
{
    log->member = member;
    log->segment = segment;
    log->attempt = attempt;
    log->headed = false;
    log->tail_size = 0;
}

/* -------- files -------- */

static const char *file_path(const struct pbti_trainer_log *log, const char *suffix, char *path)
{
    (void)snprintf(path, PATH_MAX, "%s/m%u.log%s", log->folder, log->member, suffix);
    return path;
}

/* Open the member's log. How much it may hold depends on whether its beginning is put away yet. */
static bool open_file(struct pbti_trainer_log *log)
{
    if (log->fd >= 0 && log->fd_member == log->member) { return true; }
    close_file(log);
    if (log->folder[0] == '\0') { return false; }
    char path[PATH_MAX];
    bool const begun = access(file_path(log, ".0", path), F_OK) == 0;
    log->size_max = begun ? log->cap / 8 * 3 : log->cap / 4;
    log->fd = open(file_path(log, "", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct stat info;
    if (log->fd < 0 || fstat(log->fd, &info) != 0) { return false; }
    log->fd_member = log->member;
    log->size = (uint64_t)info.st_size;
    log->line_open = false;
    return true;
}

/* The log is full: put it away and begin the next. */
static bool turn_file(struct pbti_trainer_log *log)
{
    char path[PATH_MAX], away[PATH_MAX];
    (void)file_path(log, "", path);
    bool const begun = access(file_path(log, ".0", away), F_OK) == 0;
    if (begun) { (void)file_path(log, ".1", away); }
    close_file(log);
    return rename(path, away) == 0 && open_file(log);
}

static void put(struct pbti_trainer_log *log, const char *data, size_t size)
{
    while (size > 0 && open_file(log)) {
        if (log->size >= log->size_max && (log->size_max == 0 || !turn_file(log))) { return; }
        uint64_t const room = log->size_max - log->size;
        size_t const part = size < room ? size : (size_t)room;
        ssize_t const done = write(log->fd, data, part);
        if (done < 0 && errno == EINTR) { continue; }
        if (done <= 0) { return; } /* a full disk must not stop the study here */
        log->size += (uint64_t)done;
        log->line_open = data[done - 1] != '\n';
        data += done;
        size -= (size_t)done;
    }
}

static void put_header(struct pbti_trainer_log *log)
{
    if (log->headed) { return; }
    log->headed = true;
    if (!open_file(log)) { return; }
    if (log->line_open) { put(log, "\n", 1); }
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    char when[32] = "";
    if (gmtime_r(&now.tv_sec, &parts) != NULL) {
        (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    char line[128];
    int const size = snprintf(line, sizeof line, "--- %s member %u segment %u attempt %u\n", when,
                              log->member, log->segment, log->attempt);
    if (size > 0) { put(log, line, (size_t)size); }
}

/* -------- writing -------- */

static void remember(struct pbti_trainer_log *log, const char *data, size_t size)
{
    if (size >= TAIL_SIZE) {
        memcpy(log->tail, data + (size - TAIL_SIZE), TAIL_SIZE);
        log->tail_size = TAIL_SIZE;
        return;
    }
    size_t const most = TAIL_SIZE - size;
    if (log->tail_size > most) {
        memmove(log->tail, log->tail + (log->tail_size - most), most);
        log->tail_size = most;
    }
    memcpy(log->tail + log->tail_size, data, size);
    log->tail_size += size;
}

void pbti_trainer_log_write(struct pbti_trainer_log *log, const char *data, size_t size)
{
    if (size == 0) { return; }
    remember(log, data, size);
    put_header(log);
    put(log, data, size);
}

void pbti_trainer_log_note(struct pbti_trainer_log *log, const char *text)
{
    put_header(log);
    if (log->line_open) { put(log, "\n", 1); }
    put(log, "--- ", 4);
    put(log, text, strlen(text));
    put(log, "\n", 1);
}

const char *pbti_trainer_log_last(const struct pbti_trainer_log *log, char *text, size_t size)
{
    size_t end = log->tail_size;
    while (end > 0 && (unsigned char)log->tail[end - 1] <= ' ') {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && log->tail[begin - 1] != '\n' && end - begin < size - 1) {
        begin--;
    }
    for (size_t i = 0; i < end - begin; i++) {
        char const c = log->tail[begin + i];
        text[i] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
    }
    text[end - begin] = '\0';
    return text;
}
