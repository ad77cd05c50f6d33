/* SPDX-License-Identifier: Apache-2.0 */
/* journal/journal_postgres_open.c - see journal_postgres_open.h. */
#include "journal/journal_postgres_open.h"

#include "journal/poll.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_MAX 65536u /* of a message before the connection is authenticated */
#define AUTHENTICATION_OK 0
#define AUTHENTICATION_CLEAR 3

/* Stands between libpq and the server. */
struct guard {
    bool active;
    int socket; /* libpq's; while we are active, one end of a pair */
    int server; /* the connection to the server */
    int ours;   /* the other end of the pair */
    bool passed, clear, ended;
    size_t size;
    unsigned char bytes[MESSAGE_MAX]; /* from the server, not given to libpq yet */
};

/* -------- small things -------- */

static uint32_t word_at(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static bool send_all(int to, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t const sent = send(to, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            struct pollfd ready = {.fd = to, .events = POLLOUT};
            (void)poll(&ready, 1, 1000);
            continue;
        }
        if (sent < 0) { return false; }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* -------- the guard -------- */

static void guard_end(struct guard *guard)
{
    if (!guard->active) { return; }
    (void)close(guard->server);
    (void)close(guard->ours);
    guard->active = false;
}

/* Step between, when the server's first message is the next thing to come. */
static void guard_begin(struct guard *guard, PGconn *connection)
{
    int pair[2];
    bool const first = PQstatus(connection) == CONNECTION_AWAITING_RESPONSE;
    if (!first || PQsslInUse(connection) != 0 || PQgssEncInUse(connection) != 0) { return; }
    *guard = (struct guard){.socket = PQsocket(connection)};
    guard->server = fcntl(guard->socket, F_DUPFD_CLOEXEC, 0);
    bool const made = guard->server >= 0 &&
                      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0;
    if (made && dup3(pair[0], guard->socket, O_CLOEXEC) >= 0) {
        (void)close(pair[0]);
        guard->ours = pair[1];
        guard->active = true;
        return;
    }
    /* no descriptor is left: without a look at its messages the server is not answered */
    (void)shutdown(guard->socket, SHUT_RDWR);
    if (guard->server >= 0) { (void)close(guard->server); }
    if (made) {
        (void)close(pair[0]);
        (void)close(pair[1]);
    }
}

/* Has libpq given up this connection, perhaps for one to the next host? */
static bool is_left(const struct guard *guard, const PGconn *connection)
{
    ConnStatusType const status = PQstatus(connection);
    return PQsocket(connection) != guard->socket || status == CONNECTION_STARTED ||
           status == CONNECTION_MADE || status == CONNECTION_NEEDED || status == CONNECTION_BAD;
}

/* How many bytes of whole messages may be given to libpq. */
static size_t vetted(struct guard *guard)
{
    size_t at = 0;
    while (!guard->passed && !guard->clear && guard->size - at >= 5) {
        const unsigned char *const message = guard->bytes + at;
        size_t const size = (size_t)word_at(message + 1) + 1;
        if (message[0] == 'E' || size < 5) { /* an error, or no message: libpq ends it */
            guard->passed = true;
            break;
        }
        if (size > sizeof guard->bytes) {
            guard->clear = true; /* nothing that a server says here is so long */
            break;
        }
        if (guard->size - at < size) { break; }
        bool const asks = message[0] == 'R' && size >= 9;
        guard->clear = asks && word_at(message + 5) == AUTHENTICATION_CLEAR;
        guard->passed = asks && word_at(message + 5) == AUTHENTICATION_OK;
        if (!guard->clear) { at += size; }
    }
    return guard->passed ? guard->size : at;
}

/* What the server sent, as far as it may be given to libpq. */
static void guard_read(struct guard *guard)
{
    if (guard->passed || guard->ended) { return; }
    ssize_t const got =
        recv(guard->server, guard->bytes + guard->size, sizeof guard->bytes - guard->size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) { return; }
    guard->ended = got <= 0;
    guard->size += got > 0 ? (size_t)got : 0;
    size_t const size = vetted(guard);
    (void)send_all(guard->ours, guard->bytes, size);
    memmove(guard->bytes, guard->bytes + size, guard->size - size);
    guard->size -= size;
    if (guard->ended) { (void)shutdown(guard->ours, SHUT_WR); }
}

/* What libpq says, to the server. */
static void guard_write(struct guard *guard)
{
    unsigned char bytes[4096];
    ssize_t got = recv(guard->ours, bytes, sizeof bytes, MSG_DONTWAIT);
    for (; got > 0; got = recv(guard->ours, bytes, sizeof bytes, MSG_DONTWAIT)) {
        if (!send_all(guard->server, bytes, (size_t)got)) { return; }
    }
}

/* Give libpq its connection back once it is authenticated and has read all that we had. */
static void guard_step_aside(struct guard *guard)
{
    int unread = 0;
    if (!guard->passed || ioctl(guard->socket, FIONREAD, &unread) != 0 || unread > 0) { return; }
    guard_write(guard);
    if (dup3(guard->server, guard->socket, O_CLOEXEC) >= 0) { guard_end(guard); }
}

/* -------- connecting -------- */

/* Milliseconds for all hosts together: libpq's own limit is for each. */
static int64_t time_limit(PGconn *connection)
{
    int64_t seconds = 0;
    int64_t hosts = 1;
    PQconninfoOption *const options = PQconninfo(connection);
    for (const PQconninfoOption *option = options; option != NULL && option->keyword != NULL;
         option++) {
        if (option->val == NULL) { continue; }
        if (strcmp(option->keyword, "connect_timeout") == 0) {
            seconds = strtol(option->val, NULL, 10);
        }
        if (strcmp(option->keyword, "host") != 0) { continue; }
        for (const char *at = option->val; *at != '\0'; at++) {
            hosts += *at == ',' ? 1 : 0;
        }
    }
    PQconninfoFree(options);
    return seconds > 0 ? seconds * hosts * 1000 : INT32_MAX;
}

/* Wait until there is something to do for `turn`. False: the time is up. */
static bool wait_for(const struct guard *guard, PGconn *connection, PostgresPollingStatusType turn,
                     int64_t until_ms)
{
    bool const writes = turn == PGRES_POLLING_WRITING;
    struct pollfd ready = {.fd = guard->active ? guard->server : PQsocket(connection),
                           .events = writes ? POLLOUT : POLLIN};
    int64_t const left = until_ms - pbti_steady_ms();
    if (left <= 0) { return false; }
    bool const nothing_to_wait_for = guard->active && (writes || guard->passed);
    (void)poll(&ready, 1, nothing_to_wait_for ? 0 : left < 1000 ? (int)left : 1000);
    return true;
}

static enum pbti_postgres_opened connect_with(struct guard *guard, PGconn *connection)
{
    int64_t const until_ms = pbti_steady_ms() + time_limit(connection);
    PostgresPollingStatusType turn = PGRES_POLLING_WRITING;
    while (turn != PGRES_POLLING_OK && turn != PGRES_POLLING_FAILED) {
        if (!wait_for(guard, connection, turn, until_ms)) { return PBTI_POSTGRES_TIMEOUT; }
        if (guard->active) { guard_read(guard); }
        if (guard->active && guard->clear) { return PBTI_POSTGRES_CLEAR; }
        turn = PQconnectPoll(connection);
        if (guard->active && is_left(guard, connection)) { guard_end(guard); }
        if (guard->active) {
            guard_write(guard);
            guard_step_aside(guard);
        } else {
            guard_begin(guard, connection);
        }
    }
    while (guard->active && turn == PGRES_POLLING_OK) { /* more came than libpq needed so far */
        if (PQconsumeInput(connection) != 1) { break; }
        guard_step_aside(guard);
    }
    return PBTI_POSTGRES_OPEN;
}

enum pbti_postgres_opened pbti_postgres_open(const char *const *keywords, const char *const *values,
                                             PGconn **connection)
{
    enum pbti_postgres_opened opened = PBTI_POSTGRES_OPEN;
    struct guard *const guard = calloc(1, sizeof *guard);
    *connection = guard == NULL ? NULL : PQconnectStartParams(keywords, values, 1);
    if (*connection != NULL && PQstatus(*connection) != CONNECTION_BAD) {
        opened = connect_with(guard, *connection);
        guard_end(guard);
    }
    free(guard);
    return opened;
}
