/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainer/trainer_socket.c - the sockets of one trainer. See trainer_socket.h.
 *
 * A connection's buffer grows with its longest line, up to PBTI_LINE_MAX. Callbacks may close the
 * talk; a loop that calls them looks at `closing` before it goes on.
 */
#include "trainer/trainer_socket.h"

#include "base/fail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_FIRST 4096u
#define CONNECTIONS_MAX (2 * PBTI_RANKS_MAX)
#define NO_RANK UINT32_MAX

struct connection {
    uv_pipe_t pipe;
    struct pbti_trainer_socket *talk;
    struct connection *next;
    uint32_t rank; /* NO_RANK before hello */
    char *buffer;  /* owned */
    size_t used, capacity;
    size_t scanned; /* bytes of it that hold no newline */
    bool dead;      /* nothing more is read from it or sent to it */
    bool closed;    /* its handle is closed, too */
};

struct pbti_trainer_socket {
    struct pbti_trainer_socket_opts opts;
    uv_pipe_t listener;
    struct connection *connections;
    uint32_t connections_count;
    uint32_t ranks;      /* as the first hello says; 0 before it */
    uint32_t ranks_here; /* that have said hello */
    bool ready;
    bool loads_only; /* a rank can start from files only */
    bool closing;
    uint32_t handles; /* not closed yet */
};

/* -------- end of life -------- */

static void on_listener_closed(uv_handle_t *handle)
{
    struct pbti_trainer_socket *const talk = handle->data;
    if (--talk->handles == 0) { free(talk); }
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *const connection = handle->data;
    struct pbti_trainer_socket *const talk = connection->talk;
    free(connection->buffer);
    connection->buffer = NULL;
    connection->closed = true;
    if (!talk->closing) { return; } /* stays in the list: its rank is taken */
    free(connection);
    if (--talk->handles == 0) { free(talk); }
}

static void drop_connection(struct connection *connection)
{
    if (connection->dead) { return; }
    connection->dead = true;
    uv_close((uv_handle_t *)&connection->pipe, on_connection_closed);
}

void pbti_trainer_socket_close(struct pbti_trainer_socket *talk)
{
    if (talk == NULL || talk->closing) { return; }
    talk->closing = true;
    struct connection *next;
    for (struct connection *at = talk->connections; at != NULL; at = next) {
        next = at->next;
        if (at->closed) {
            free(at);
            talk->handles--;
        } else {
            drop_connection(at); /* its callback frees it */
        }
    }
    talk->connections = NULL;
    uv_close((uv_handle_t *)&talk->listener, on_listener_closed); /* removes the path */
}

/* -------- messages -------- */

static void fail(struct pbti_trainer_socket *talk, const char *why)
{
    for (struct connection *at = talk->connections; at != NULL; at = at->next) {
        if (!at->dead) { (void)uv_read_stop((uv_stream_t *)&at->pipe); }
    }
    talk->opts.broken(talk->opts.context, why);
}

static void on_hello(struct connection *connection, const struct pbti_message *message)
{
    struct pbti_trainer_socket *const talk = connection->talk;
    char why[160];
    if (connection->rank != NO_RANK) {
        fail(talk, "a second hello on the same connection");
        return;
    }
    if (talk->ranks != 0 && message->ranks != talk->ranks) {
        (void)snprintf(why, sizeof why, "rank %u says that there are %u ranks, others say %u",
                       message->rank, message->ranks, talk->ranks);
        fail(talk, why);
        return;
    }
    for (const struct connection *at = talk->connections; at != NULL; at = at->next) {
        if (at->rank != message->rank) { continue; }
        (void)snprintf(why, sizeof why,
                       "rank %u said hello twice: a second process of the trainer runs its loop "
                       "(in Python, guard it with `if __name__ == \"__main__\":`)",
                       message->rank);
        fail(talk, why);
        return;
    }
    connection->rank = message->rank;
    talk->ranks = message->ranks;
    talk->ranks_here++;
    talk->loads_only = talk->loads_only || message->loads_only;
    if (talk->ranks_here == talk->ranks) {
        talk->ready = true;
        talk->opts.ready(talk->opts.context, talk->loads_only);
    }
}

static void on_line(struct connection *connection, const char *line, size_t size)
{
    struct pbti_trainer_socket *const talk = connection->talk;
    struct pbti_message message;
    struct pbt_error err;
    pbt_status const status = pbti_message_parse(line, size, &message, &err);
    if (status != PBT_OK) {
        fail(talk, err.message);
        return;
    }
    if (message.kind == PBTI_SAYS_HELLO) {
        on_hello(connection, &message);
    } else if (connection->rank == NO_RANK) {
        fail(talk, "the first message of a connection is not hello");
    } else {
        talk->opts.said(talk->opts.context, connection->rank, &message);
    }
    pbti_message_release(&message);
}

/* Handle the whole lines in the buffer and keep the rest. */
static void take_lines(struct connection *connection)
{
    struct pbti_trainer_socket *const talk = connection->talk;
    size_t begin = 0;
    while (!talk->closing && !connection->dead) {
        size_t const from = connection->scanned > begin ? connection->scanned : begin;
        const char *const end = from < connection->used ? memchr(connection->buffer + from, '\n',
                                                                 connection->used - from)
                                                        : NULL;
        if (end == NULL) { break; }
        size_t const at = (size_t)(end - connection->buffer);
        on_line(connection, connection->buffer + begin, at - begin);
        begin = at + 1;
        connection->scanned = begin;
    }
    if (talk->closing) { return; }
    memmove(connection->buffer, connection->buffer + begin, connection->used - begin);
    connection->used -= begin;
    connection->scanned = connection->used;
    if (connection->used >= PBTI_LINE_MAX) { fail(talk, "a line of more than 4 MiB"); }
}

/* -------- reading -------- */

/* Room for at least one byte more; false: none. */
static bool make_room(struct connection *connection)
{
    if (connection->used < connection->capacity) { return true; }
    if (connection->capacity >= PBTI_LINE_MAX) { return false; }
    size_t const capacity = connection->capacity > 0 ? 4 * connection->capacity : BUFFER_FIRST;
    char *const buffer = realloc(connection->buffer, capacity);
    if (buffer == NULL) { return false; }
    connection->buffer = buffer;
    connection->capacity = capacity;
    return true;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct connection *const connection = handle->data;
    if (!make_room(connection)) {
        *buffer = uv_buf_init(NULL, 0); /* reading ends with UV_ENOBUFS */
        return;
    }
    *buffer = uv_buf_init(connection->buffer + connection->used,
                          (unsigned)(connection->capacity - connection->used));
}

static void on_end(struct connection *connection)
{
    struct pbti_trainer_socket *const talk = connection->talk;
    uint32_t const rank = connection->rank;
    drop_connection(connection);
    if (rank != NO_RANK && !talk->closing) { talk->opts.closed(talk->opts.context, rank); }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    (void)buffer;
    struct connection *const connection = stream->data;
    if (connection->talk->closing || connection->dead) { return; }
    if (size > 0) {
        connection->used += (size_t)size;
        take_lines(connection);
    } else if (size < 0) {
        on_end(connection);
    }
}

void pbti_trainer_socket_drain(struct pbti_trainer_socket *talk)
{
    for (struct connection *at = talk->connections; at != NULL && !talk->closing;) {
        struct connection *const connection = at;
        at = at->next;
        uv_os_fd_t fd;
        bool more = !connection->dead && uv_fileno((uv_handle_t *)&connection->pipe, &fd) == 0;
        while (more && !talk->closing && make_room(connection)) {
            ssize_t const size = read(fd, connection->buffer + connection->used,
                                      connection->capacity - connection->used);
            more = size > 0 || (size < 0 && errno == EINTR);
            if (size > 0) {
                connection->used += (size_t)size;
                take_lines(connection);
            }
        }
    }
}

static void on_connection(uv_stream_t *server, int code)
{
    struct pbti_trainer_socket *const talk = server->data;
    if (talk->closing) { return; }
    struct connection *const connection = code == 0 ? calloc(1, sizeof *connection) : NULL;
    if (connection == NULL) {
        char why[160];
        (void)snprintf(why, sizeof why, "could not take a trainer's connection: %s",
                       code != 0 ? uv_strerror(code) : "out of memory");
        talk->opts.unable(talk->opts.context, why);
        return;
    }
    connection->talk = talk;
    connection->rank = NO_RANK;
    connection->pipe.data = connection;
    (void)uv_pipe_init(talk->opts.loop, &connection->pipe, 0);
    connection->next = talk->connections;
    talk->connections = connection;
    talk->handles++;
    bool const good = uv_accept(server, (uv_stream_t *)&connection->pipe) == 0 &&
                      ++talk->connections_count <= CONNECTIONS_MAX &&
                      uv_read_start((uv_stream_t *)&connection->pipe, on_alloc, on_read) == 0;
    if (!good) { drop_connection(connection); }
}

/* -------- writing -------- */

struct write {
    uv_write_t request;
    char data[];
};

static void on_written(uv_write_t *request, int code)
{
    (void)code; /* a broken connection is told by its reading side */
    free(request);
}

/* Queue what a full socket did not take. */
static void write_rest(struct connection *connection, const char *data, size_t size)
{
    struct write *const later = malloc(sizeof *later + size);
    if (later == NULL) {
        on_end(connection);
        return;
    }
    memcpy(later->data, data, size);
    uv_buf_t const buffer = uv_buf_init(later->data, (unsigned)size);
    if (uv_write(&later->request, (uv_stream_t *)&connection->pipe, &buffer, 1, on_written) != 0) {
        free(later);
    }
}

static void write_to(struct connection *connection, const char *data, size_t size)
{
    uv_buf_t const buffer = uv_buf_init((char *)(uintptr_t)data, (unsigned)size);
    int const done = uv_try_write((uv_stream_t *)&connection->pipe, &buffer, 1);
    if (done == (int)size || (done < 0 && done != UV_EAGAIN)) { return; }
    size_t const written = done > 0 ? (size_t)done : 0;
    write_rest(connection, data + written, size - written);
}

void pbti_trainer_socket_send(struct pbti_trainer_socket *talk, const char *line, size_t size)
{
    char *const data = malloc(size + 1);
    if (data == NULL) {
        fail(talk, "out of memory");
        return;
    }
    memcpy(data, line, size);
    data[size] = '\n';
    for (struct connection *at = talk->connections; at != NULL && !talk->closing; at = at->next) {
        if (!at->dead && at->rank != NO_RANK) { write_to(at, data, size + 1); }
    }
    free(data);
}

/* -------- opening -------- */

pbt_status pbti_trainer_socket_open(const struct pbti_trainer_socket_opts *opts,
                                    struct pbti_trainer_socket **out, struct pbt_error *err)
{
    *out = NULL;
    struct pbti_trainer_socket *const talk = calloc(1, sizeof *talk);
    if (talk == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    talk->opts = *opts;
    talk->opts.path = NULL; /* libuv keeps its own copy */
    talk->handles = 1;
    talk->listener.data = talk;
    (void)uv_pipe_init(opts->loop, &talk->listener, 0);
    int code = uv_pipe_bind(&talk->listener, opts->path);
    if (code == 0) { code = uv_listen((uv_stream_t *)&talk->listener, 511, on_connection); }
    if (code == 0) {
        *out = talk;
        return PBT_OK;
    }
    pbti_trainer_socket_close(talk);
    return PBTI_FAIL(err, PBT_EIO, -code, "could not listen on \"%s\": %s", opts->path,
                     uv_strerror(code));
}
