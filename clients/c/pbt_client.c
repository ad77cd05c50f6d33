/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pbt_client.c - the trainer's side of the protocol for C and C++; see pbt_client.h.
 *
 * A client is in one of four states: IDLE (connected, nothing in hand), BUSY (a task was given out
 * and not yet answered), ENDED (the worker said exit, or a lone run is done), BROKEN (final; every
 * call fails). `trouble` is the first error of the task in hand, or what broke the connection.
 *
 * The current `train` message is kept as the JSON tree it was parsed into; every string and value
 * given out is borrowed from it, so nothing is copied. What a report will carry (`read`, `metrics`,
 * `in_force`) is collected in three objects that are emptied, not freed, between tasks.
 *
 * Depends on libc, POSIX sockets and Jansson only. No global state.
 */
#include "pbt_client.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* systems without it have the socket option SO_NOSIGPIPE */
#endif
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif

#define STEPS_MAX (UINT64_C(1) << 53) /* a double counts exactly up to here */
#define MESSAGE_MAX 4000u             /* bytes of an error's text */
#define NAME_MAX_BYTES 256u           /* of an environment variable made from a name */

enum client_state { CLIENT_IDLE, CLIENT_BUSY, CLIENT_ENDED, CLIENT_BROKEN };

struct pbt_client {
    enum client_state state;
    int fd;              /* -1: alone */
    bool from_variables; /* alone, and values come from PBT_HP_* and PBT_FIXED_* as text */
    bool holds_weights;  /* a task was answered: `keep` is possible */
    uint64_t rank;

    json_t *message;         /* the current `train`; NULL before the first */
    json_t *hyperparameters; /* borrowed from `message` */
    json_t *fixed;           /* borrowed from `message` */
    json_t *read;            /* owned: object whose keys are the names that were read */
    json_t *metrics;         /* owned: object of numbers */
    json_t *in_force;        /* owned: object of numbers */
    uint64_t steps;          /* of the task in hand */
    uint64_t step_last;      /* the last step that progress() was told */
    int64_t sent_ms;         /* when the worker last heard of us, monotonic */

    char *in; /* bytes received: [in_start, in_end) not yet used, a newline from in_scanned on */
    size_t in_start, in_scanned, in_end, in_capacity;
    char *out; /* the message being written */
    size_t out_size, out_capacity;

    bool troubled;
    char trouble[1024];
};

/* -------- errors -------- */

/* Keep the first error only: what follows is usually its consequence. Returns -1. */
__attribute__((format(printf, 2, 3))) static int set_trouble(struct pbt_client *client,
                                                             const char *format, ...)
{
    if (client->troubled) { return -1; }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(client->trouble, sizeof client->trouble, format, args);
    va_end(args);
    client->troubled = true;
    return -1;
}

/* The connection is of no use any more. What broke it replaces an error of the task. */
__attribute__((format(printf, 2, 3))) static int break_off(struct pbt_client *client,
                                                           const char *format, ...)
{
    if (client->state == CLIENT_BROKEN) { return -1; }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(client->trouble, sizeof client->trouble, format, args);
    va_end(args);
    client->troubled = true;
    client->state = CLIENT_BROKEN;
    return -1;
}

static int out_of_memory(struct pbt_client *client)
{
    return break_off(client, "out of memory");
}

const char *pbt_client_error(struct pbt_client *client)
{
    return client->troubled ? client->trouble : NULL;
}

/* -------- small things -------- */

static int64_t now_ms(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The value of an environment variable, NULL when absent or empty. */
static const char *variable(const char *name)
{
    const char *const text = getenv(name);
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* Decimal digits only: no sign, no space, no overflow. */
static bool parse_u64(const char *text, uint64_t *value)
{
    uint64_t result = 0;
    if (text[0] == '\0') { return false; }
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') { return false; }
        const uint64_t digit = (uint64_t)(*at - '0');
        if (result > (UINT64_MAX - digit) / 10) { return false; }
        result = result * 10 + digit;
    }
    *value = result;
    return true;
}

/* Make room for `needed` bytes; doubles, so that a long life of messages settles at one size. */
static bool reserve(char **bytes, size_t *capacity, size_t needed)
{
    if (needed <= *capacity) { return true; }
    size_t larger = *capacity == 0 ? 4096 : *capacity;
    while (larger < needed) {
        larger *= 2;
    }
    char *const moved = realloc(*bytes, larger);
    if (moved == NULL) { return false; }
    *bytes = moved;
    *capacity = larger;
    return true;
}

/* A number as the protocol writes it: not finite travels as text. */
static json_t *number_value(double value)
{
    if (isnan(value)) { return json_string("NaN"); }
    if (isinf(value)) { return json_string(value > 0 ? "Infinity" : "-Infinity"); }
    return json_real(value);
}

/* Text for people, cut to fit; what is not UTF-8 loses its bytes beyond ASCII. */
static json_t *text_value(const char *text)
{
    char copy[MESSAGE_MAX + 1];
    (void)snprintf(copy, sizeof copy, "%s", text);
    json_t *const value = json_string(copy);
    if (value != NULL) { return value; }
    for (char *at = copy; *at != '\0'; at++) {
        if ((unsigned char)*at >= 0x80) { *at = '?'; }
    }
    return json_string(copy);
}

/* -------- sending -------- */

static int append_bytes(const char *bytes, size_t size, void *context)
{
    struct pbt_client *const client = context;
    if (!reserve(&client->out, &client->out_capacity, client->out_size + size)) { return -1; }
    memcpy(client->out + client->out_size, bytes, size);
    client->out_size += size;
    return 0;
}

/* Write `message` as one line into `out`. */
static int encode(struct pbt_client *client, const json_t *message)
{
    client->out_size = 0;
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    if (json_dump_callback(message, append_bytes, client, flags) != 0 ||
        append_bytes("\n", 1, client) != 0) {
        return out_of_memory(client);
    }
    if (client->out_size > PBT_CLIENT_LINE_MAX) {
        return set_trouble(client, "the message is %zu bytes long, at most %u are allowed",
                           client->out_size, PBT_CLIENT_LINE_MAX);
    }
    return 0;
}

/* Send one message and consume it. NULL counts as out of memory. */
static int send_message(struct pbt_client *client, json_t *message)
{
    if (message == NULL) { return out_of_memory(client); }
    const int encoded = encode(client, message);
    json_decref(message);
    if (encoded != 0) { return -1; }
    size_t sent = 0;
    while (sent < client->out_size) {
        const ssize_t count =
            send(client->fd, client->out + sent, client->out_size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) { continue; }
        if (count < 0) {
            return break_off(client, "could not send to the worker: %s", strerror(errno));
        }
        sent += (size_t)count;
    }
    client->sent_ms = now_ms();
    return 0;
}

/* -------- receiving -------- */

/* Receive some more bytes behind in_end. */
static int receive(struct pbt_client *client)
{
    if (client->in_start > 0) { /* what is left of an earlier read goes to the front */
        memmove(client->in, client->in + client->in_start, client->in_end - client->in_start);
        client->in_end -= client->in_start;
        client->in_scanned -= client->in_start;
        client->in_start = 0;
    }
    if (client->in_end >= PBT_CLIENT_LINE_MAX) {
        return break_off(client, "the worker sent a line of more than %u bytes",
                         PBT_CLIENT_LINE_MAX);
    }
    const size_t needed = client->in_end == client->in_capacity ? client->in_end + 1 : 0;
    if (!reserve(&client->in, &client->in_capacity, needed)) { return out_of_memory(client); }
    ssize_t count;
    do {
        count =
            recv(client->fd, client->in + client->in_end, client->in_capacity - client->in_end, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return break_off(client, "could not receive from the worker: %s", strerror(errno));
    }
    if (count == 0) { return break_off(client, "the worker closed the connection"); }
    client->in_end += (size_t)count;
    return 0;
}

/* The next line, without its newline; points into `in` until the next call. */
static int receive_line(struct pbt_client *client, const char **line, size_t *size)
{
    for (;;) {
        const size_t unseen = client->in_end - client->in_scanned;
        const char *const newline =
            unseen > 0 ? memchr(client->in + client->in_scanned, '\n', unseen) : NULL;
        if (newline != NULL) {
            *line = client->in + client->in_start;
            *size = (size_t)(newline - *line);
            client->in_start += *size + 1;
            client->in_scanned = client->in_start;
            return 0;
        }
        client->in_scanned = client->in_end;
        if (receive(client) != 0) { return -1; }
    }
}

/* -------- reading a train message -------- */

static bool integer_in(const json_t *value, uint64_t highest, uint64_t *result)
{
    if (json_is_integer(value)) {
        const json_int_t number = json_integer_value(value);
        if (number < 0 || (uint64_t)number > highest) { return false; }
        *result = (uint64_t)number;
        return true;
    }
    if (json_is_string(value)) { /* a 64-bit integer travels as text */
        return parse_u64(json_string_value(value), result) && *result <= highest;
    }
    return false;
}

static int take_integer(struct pbt_client *client, const char *key, uint64_t highest,
                        uint64_t *result)
{
    if (integer_in(json_object_get(client->message, key), highest, result)) { return 0; }
    return break_off(client, "train message: \"%s\" is not an integer in 0..%llu", key,
                     (unsigned long long)highest);
}

static int take_u32(struct pbt_client *client, const char *key, uint32_t *result)
{
    uint64_t wide = 0;
    if (take_integer(client, key, UINT32_MAX, &wide) != 0) { return -1; }
    *result = (uint32_t)wide;
    return 0;
}

/* A number of steps; absent or null: 0. */
static int take_bound(struct pbt_client *client, const char *key, uint64_t *result)
{
    const json_t *const value = json_object_get(client->message, key);
    *result = 0;
    if (value == NULL || json_is_null(value)) { return 0; }
    return take_integer(client, key, STEPS_MAX, result);
}

/* Text or null; absent counts as null. */
static int take_text(struct pbt_client *client, const char *key, const char **result)
{
    const json_t *const value = json_object_get(client->message, key);
    *result = json_string_value(value); /* NULL when it is not text */
    if (value == NULL || json_is_null(value) || json_is_string(value)) { return 0; }
    return break_off(client, "train message: \"%s\" is neither text nor null", key);
}

static int take_start(struct pbt_client *client, struct pbt_client_task *task)
{
    const char *start = NULL;
    if (take_text(client, "start", &start) != 0) { return -1; }
    if (start != NULL && strcmp(start, "fresh") == 0) {
        task->start = PBT_CLIENT_FRESH;
    } else if (start != NULL && strcmp(start, "load") == 0) {
        task->start = PBT_CLIENT_LOAD;
    } else if (start != NULL && strcmp(start, "keep") == 0) {
        task->start = PBT_CLIENT_KEEP;
    } else {
        return break_off(client, "train message: start is \"%s\", not fresh, load or keep",
                         start == NULL ? "" : start);
    }
    if (task->start == PBT_CLIENT_LOAD && task->load == NULL) {
        return break_off(client, "train message: start is \"load\", but there is nothing to load");
    }
    if (task->start == PBT_CLIENT_KEEP && !client->holds_weights) {
        return break_off(client, "train message: start is \"keep\", but this process has trained "
                                 "nothing yet");
    }
    return 0;
}

static int take_objects(struct pbt_client *client)
{
    client->hyperparameters = json_object_get(client->message, "hyperparameters");
    client->fixed = json_object_get(client->message, "fixed");
    if (!json_is_object(client->hyperparameters)) {
        return break_off(client, "train message: \"hyperparameters\" is not an object");
    }
    if (client->fixed != NULL && !json_is_null(client->fixed) && !json_is_object(client->fixed)) {
        return break_off(client, "train message: \"fixed\" is not an object");
    }
    return 0;
}

/* Fill `task` from `message`; every string is borrowed from it. */
static int take_task(struct pbt_client *client, struct pbt_client_task *task)
{
    if (take_text(client, "task", &task->id) != 0) { return -1; }
    if (task->id == NULL) { return break_off(client, "train message: \"task\" is missing"); }
    if (take_u32(client, "member", &task->member) != 0) { return -1; }
    if (take_u32(client, "segment", &task->segment) != 0) { return -1; }
    if (take_u32(client, "attempt", &task->attempt) != 0) { return -1; }
    if (take_integer(client, "seed", UINT64_MAX, &task->seed) != 0) { return -1; }
    if (take_integer(client, "age", STEPS_MAX, &task->age) != 0) { return -1; }
    if (take_integer(client, "steps", STEPS_MAX, &task->steps) != 0) { return -1; }
    if (take_bound(client, "max_age", &task->max_age) != 0) { return -1; }
    if (take_bound(client, "budget", &task->budget) != 0) { return -1; }
    if (take_text(client, "load", &task->load) != 0) { return -1; }
    if (take_text(client, "save", &task->save) != 0) { return -1; }
    if (take_text(client, "from", &task->from) != 0) { return -1; }
    if (take_text(client, "checkpoint", &task->checkpoint) != 0) { return -1; }
    if (take_start(client, task) != 0) { return -1; }
    return take_objects(client);
}

/* Make `message` the current one (consumed) and give out its task. Returns 1, or -1. */
static int begin_task(struct pbt_client *client, json_t *message, struct pbt_client_task *task)
{
    struct pbt_client_task taken = {0};
    json_decref(client->message);
    client->message = message;
    client->troubled = false;
    (void)json_object_clear(client->read);
    (void)json_object_clear(client->metrics);
    (void)json_object_clear(client->in_force);
    if (take_task(client, &taken) != 0) { return -1; }
    client->steps = taken.steps;
    client->step_last = 0;
    client->sent_ms = now_ms();
    client->state = CLIENT_BUSY;
    *task = taken;
    return 1;
}

/* -------- running alone -------- */

static int add(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value);
}

/* The integer of a variable under `key`, as text: take_task() judges it. */
static int add_variable(json_t *message, const char *key, const char *name, const char *otherwise)
{
    const char *const text = variable(name);
    if (text == NULL && otherwise == NULL) { return 0; }
    return add(message, key, json_string(text != NULL ? text : otherwise));
}

/* A `train` message made from PBT_STEPS and its like; NULL when memory or UTF-8 is lacking. */
static json_t *message_of_variables(void)
{
    json_t *const message = json_object();
    if (message == NULL) { return NULL; }
    const char *const start = variable("PBT_LOAD") != NULL ? "load" : "fresh";
    int failed = add(message, "type", json_string("train"));
    failed |= add(message, "task", json_string("alone"));
    failed |= add_variable(message, "member", "PBT_MEMBER", "0");
    failed |= add_variable(message, "segment", "PBT_SEGMENT", "0");
    failed |= add_variable(message, "attempt", "PBT_ATTEMPT", "1");
    failed |= add_variable(message, "seed", "PBT_SEED", "1");
    failed |= add_variable(message, "age", "PBT_AGE", "0");
    failed |= add_variable(message, "steps", "PBT_STEPS", "");
    failed |= add_variable(message, "start", "PBT_START", start);
    failed |= add_variable(message, "load", "PBT_LOAD", NULL);
    failed |= add_variable(message, "save", "PBT_SAVE", NULL);
    failed |= add(message, "hyperparameters", json_object());
    failed |= add(message, "fixed", json_object());
    if (failed == 0) { return message; }
    json_decref(message);
    return NULL;
}

/* The one task of a lone run. Returns 1, or -1. */
static int next_alone(struct pbt_client *client, struct pbt_client_task *task)
{
    const char *const text = variable("PBT_TASK");
    json_error_t why;
    json_t *message;
    if (text != NULL) {
        message = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        if (!json_is_object(message)) {
            json_decref(message);
            return break_off(client, "PBT_TASK is not a JSON object");
        }
    } else if (variable("PBT_STEPS") != NULL) {
        message = message_of_variables();
        client->from_variables = true;
        if (message == NULL) { return break_off(client, "a PBT_ variable is not UTF-8"); }
    } else {
        return break_off(client, "there is no task: none of PBT_SOCKET, PBT_TASK and PBT_STEPS "
                                 "is set");
    }
    return begin_task(client, message, task);
}

/* PREFIX_NAME for `name`: upper case, `-` and `.` become `_`. */
static bool variable_name(char *result, size_t size, const char *prefix, const char *name)
{
    const int length = snprintf(result, size, "%s%s", prefix, name);
    if (length < 0 || (size_t)length >= size) { return false; }
    for (char *at = result; *at != '\0'; at++) {
        if (*at == '-' || *at == '.') { *at = '_'; }
        if (*at >= 'a' && *at <= 'z') { *at = (char)(*at - 'a' + 'A'); }
    }
    return true;
}

/* Put the variable for `name` into `tree` as text, once, so that it can be borrowed. */
static void adopt_variable(json_t *tree, const char *prefix, const char *name)
{
    char key[NAME_MAX_BYTES];
    if (json_object_get(tree, name) != NULL) { return; }
    if (!variable_name(key, sizeof key, prefix, name)) { return; }
    const char *const text = getenv(key);
    if (text != NULL) { (void)json_object_set_new(tree, name, json_string(text)); }
}

/* What a report carries, as one line: into the file PBT_RESULT, or to standard output. */
static int print_result(struct pbt_client *client, json_t *result)
{
    (void)json_object_del(result, "type");
    (void)json_object_del(result, "task");
    const int encoded = encode(client, result);
    json_decref(result);
    if (encoded != 0) { return -1; }
    const char *const path = variable("PBT_RESULT");
    FILE *const file = path != NULL ? fopen(path, "w") : stdout;
    if (file == NULL) {
        return break_off(client, "could not open \"%s\": %s", path, strerror(errno));
    }
    const bool written = fwrite(client->out, 1, client->out_size, file) == client->out_size;
    const bool flushed = (file == stdout ? fflush(file) : fclose(file)) == 0;
    if (!written || !flushed) {
        return break_off(client, "could not write the result: %s", strerror(errno));
    }
    return 0;
}

/* -------- opening and closing -------- */

/* Where a process finds its rank; the first pair that is set counts. */
static const char *const rank_variables[][3] = {
    {"PBT_RANK", "PBT_RANKS", NULL},
    {"RANK", "WORLD_SIZE", NULL},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", NULL},
    {"PMI_RANK", "PMI_SIZE", NULL},
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"},
};

static int find_rank(struct pbt_client *client, uint64_t *ranks)
{
    *ranks = 1;
    for (size_t i = 0; i < sizeof rank_variables / sizeof rank_variables[0]; i++) {
        const char *const *const names = rank_variables[i];
        const char *const rank = variable(names[0]);
        const char *size = variable(names[1]);
        if (size == NULL && names[2] != NULL) { size = variable(names[2]); }
        if (rank == NULL || size == NULL) { continue; }
        if (!parse_u64(rank, &client->rank) || !parse_u64(size, ranks) || client->rank >= *ranks ||
            *ranks > INT_MAX) {
            return break_off(client,
                             "%s is \"%s\" and %s is \"%s\": not a rank and a number of "
                             "ranks",
                             names[0], rank, names[1], size);
        }
        return 0;
    }
    return 0;
}

static int connect_to(struct pbt_client *client, const char *path, uint64_t ranks)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = strlen(path);
    if (length >= sizeof address.sun_path) {
        return break_off(client,
                         "the path in PBT_SOCKET is %zu bytes long, at most %zu are allowed",
                         length, sizeof address.sun_path - 1);
    }
    memcpy(address.sun_path, path, length + 1);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return break_off(client, "could not make a socket: %s", strerror(errno));
    }
#ifdef SO_NOSIGPIPE
    const int on = 1;
    (void)setsockopt(client->fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
    int result;
    do {
        result = connect(client->fd, (const struct sockaddr *)&address, sizeof address);
    } while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EISCONN) { /* EISCONN: an interrupted connect had gone through */
        return break_off(client, "could not connect to \"%s\": %s%s", path, strerror(errno),
                         ranks > 1 ? "; all ranks of a member must be on the worker's machine, "
                                     "unless the trainer is a one_shot"
                                   : "");
    }
    return 0;
}

static int say_hello(struct pbt_client *client, const char *name, uint64_t ranks, bool keep)
{
    json_t *const message = json_object();
    int failed = add(message, "type", json_string("hello"));
    failed |= add(message, "protocol", json_integer(PBT_CLIENT_PROTOCOL));
    failed |= add(message, "rank", json_integer((json_int_t)client->rank));
    failed |= add(message, "ranks", json_integer((json_int_t)ranks));
    failed |= add(message, "client", text_value(name));
    if (!keep) { failed |= add(message, "keep", json_false()); }
    if (failed != 0) {
        json_decref(message);
        return out_of_memory(client);
    }
    return send_message(client, message);
}

static int open_client(struct pbt_client *client, const char *name, bool keep)
{
    uint64_t ranks = 1;
    client->read = json_object();
    client->metrics = json_object();
    client->in_force = json_object();
    if (client->read == NULL || client->metrics == NULL || client->in_force == NULL) {
        return out_of_memory(client);
    }
    if (find_rank(client, &ranks) != 0) { return -1; }
    const char *const path = variable("PBT_SOCKET");
    if (path == NULL) { return 0; }
    if (connect_to(client, path, ranks) != 0) { return -1; }
    return say_hello(client, name != NULL ? name : "c", ranks, keep);
}

/* Free everything without a word to the worker. */
static void destroy(struct pbt_client *client)
{
    if (client->fd >= 0) { (void)close(client->fd); }
    json_decref(client->message);
    json_decref(client->read);
    json_decref(client->metrics);
    json_decref(client->in_force);
    free(client->in);
    free(client->out);
    free(client);
}

static struct pbt_client *open_any(const char *name, bool keep, char *error, size_t error_size)
{
    struct pbt_client *const client = calloc(1, sizeof *client);
    if (client == NULL) {
        if (error != NULL) { (void)snprintf(error, error_size, "out of memory"); }
        return NULL;
    }
    client->fd = -1;
    client->state = CLIENT_IDLE;
    if (open_client(client, name, keep) == 0) { return client; }
    if (error != NULL) { (void)snprintf(error, error_size, "%s", client->trouble); }
    destroy(client);
    return NULL;
}

struct pbt_client *pbt_client_open(const char *name, char *error, size_t error_size)
{
    return open_any(name, true, error, error_size);
}

struct pbt_client *pbt_client_open_from_files(const char *name, char *error, size_t error_size)
{
    return open_any(name, false, error, error_size);
}

void pbt_client_close(struct pbt_client *client)
{
    if (client == NULL) { return; }
    if (client->state == CLIENT_BUSY && client->fd >= 0) {
        (void)pbt_client_fail(client, "other", "the trainer left without a report");
    }
    destroy(client);
}

/* -------- tasks -------- */

/* Read one message and act on it. */
static int next_message(struct pbt_client *client, struct pbt_client_task *task)
{
    const char *line = NULL;
    size_t size = 0;
    json_error_t why;
    if (receive_line(client, &line, &size) != 0) { return -1; }
    json_t *const message = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
    const char *const type = json_string_value(json_object_get(message, "type"));
    if (type != NULL && strcmp(type, "train") == 0) { return begin_task(client, message, task); }
    const bool leave = type != NULL && strcmp(type, "exit") == 0;
    if (leave) {
        client->state = CLIENT_ENDED;
    } else if (message == NULL) {
        (void)break_off(client, "the worker sent a line that is not JSON: %s", why.text);
    } else if (type == NULL) {
        (void)break_off(client, "the worker sent a message without a type");
    } else {
        (void)break_off(client, "the worker sent a message of the unknown type \"%.64s\"", type);
    }
    json_decref(message);
    return leave ? 0 : -1;
}

int pbt_client_next(struct pbt_client *client, struct pbt_client_task *task)
{
    switch (client->state) {
    case CLIENT_BROKEN: return -1;
    case CLIENT_ENDED: return 0;
    case CLIENT_BUSY:
        (void)pbt_client_fail(client, "other", "the task ended without a report");
        return set_trouble(client, "the task ended without a report");
    case CLIENT_IDLE: break;
    }
    if (client->fd < 0) { return next_alone(client, task); }
    return next_message(client, task);
}

/* -------- values -------- */

/* The value and, where it is a hyperparameter, the note that it was read; NULL when absent. */
static json_t *find_hyperparameter(struct pbt_client *client, const char *name)
{
    if (client->from_variables) { adopt_variable(client->hyperparameters, "PBT_HP_", name); }
    json_t *const value = json_object_get(client->hyperparameters, name);
    if (value == NULL) {
        (void)set_trouble(client, "there is no hyperparameter \"%s\"", name);
    } else if (json_object_get(client->read, name) == NULL) {
        (void)json_object_set_new(client->read, name, json_true());
    }
    return value;
}

static json_t *find_fixed(struct pbt_client *client, const char *name)
{
    if (client->from_variables) { adopt_variable(client->fixed, "PBT_FIXED_", name); }
    json_t *const value = json_object_get(client->fixed, name);
    return json_is_null(value) ? NULL : value;
}

/* A number; or text that is one: "NaN" and its like, and whatever came from a variable. */
static bool to_number(const struct pbt_client *client, const json_t *value, double *result)
{
    const char *const text = json_string_value(value);
    if (text == NULL) {
        *result = json_number_value(value);
        return json_is_number(value);
    }
    const bool special =
        strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0;
    if (!special && !client->from_variables) { return false; }
    char *end = NULL;
    *result = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool to_boolean(const struct pbt_client *client, const json_t *value, bool *result)
{
    const char *const text = json_string_value(value);
    if (text != NULL && client->from_variables) {
        *result = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
        return *result || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
    }
    *result = json_is_true(value);
    return json_is_boolean(value);
}

double pbt_client_number(struct pbt_client *client, const char *name)
{
    double number = 0;
    const json_t *const value = find_hyperparameter(client, name);
    if (value == NULL) { return NAN; }
    if (to_number(client, value, &number)) { return number; }
    (void)set_trouble(client, "hyperparameter \"%s\" is not a number", name);
    return NAN;
}

const char *pbt_client_text(struct pbt_client *client, const char *name)
{
    const json_t *const value = find_hyperparameter(client, name);
    if (value == NULL) { return ""; }
    if (json_is_string(value)) { return json_string_value(value); }
    (void)set_trouble(client, "hyperparameter \"%s\" is not text", name);
    return "";
}

bool pbt_client_boolean(struct pbt_client *client, const char *name)
{
    bool boolean = false;
    const json_t *const value = find_hyperparameter(client, name);
    if (value == NULL) { return false; }
    if (to_boolean(client, value, &boolean)) { return boolean; }
    (void)set_trouble(client, "hyperparameter \"%s\" is neither true nor false", name);
    return false;
}

bool pbt_client_has(struct pbt_client *client, const char *name)
{
    if (client->from_variables) { adopt_variable(client->hyperparameters, "PBT_HP_", name); }
    return json_object_get(client->hyperparameters, name) != NULL;
}

double pbt_client_fixed_number(struct pbt_client *client, const char *name, double otherwise)
{
    double number = 0;
    bool boolean = false;
    const json_t *const value = find_fixed(client, name);
    if (value == NULL) { return otherwise; }
    if (to_number(client, value, &number)) { return number; }
    if (to_boolean(client, value, &boolean)) { return boolean ? 1.0 : 0.0; }
    (void)set_trouble(client, "fixed value \"%s\" is not a number", name);
    return otherwise;
}

const char *pbt_client_fixed_text(struct pbt_client *client, const char *name,
                                  const char *otherwise)
{
    const json_t *const value = find_fixed(client, name);
    if (value == NULL) { return otherwise; }
    if (json_is_string(value)) { return json_string_value(value); }
    (void)set_trouble(client, "fixed value \"%s\" is not text", name);
    return otherwise;
}

/* -------- answers -------- */

/* An answer of `type` that names the task in hand; NULL when memory is lacking. */
static json_t *answer(struct pbt_client *client, const char *type)
{
    json_t *const message = json_object();
    json_t *const task = json_incref(json_object_get(client->message, "task"));
    if (add(message, "type", json_string(type)) == 0 && add(message, "task", task) == 0) {
        return message;
    }
    json_decref(message);
    return NULL;
}

/* Is a task in hand? The worker must not hear an answer to nothing. */
static bool busy(struct pbt_client *client, const char *what)
{
    if (client->state == CLIENT_BUSY) { return true; }
    (void)set_trouble(client, "%s without a task in hand", what);
    return false;
}

static void set_number(struct pbt_client *client, json_t *object, const char *name, double value)
{
    if (name == NULL || json_object_set_new(object, name, number_value(value)) != 0) {
        (void)set_trouble(client, "a name given for a value is not UTF-8");
    }
}

static json_t *metrics_of(struct pbt_client *client, const char *const *names, const double *values,
                          size_t count)
{
    json_t *const metrics = json_object();
    if (metrics == NULL) { return NULL; }
    for (size_t i = 0; i < count; i++) {
        set_number(client, metrics, names[i], values[i]);
    }
    return metrics;
}

int pbt_client_progress(struct pbt_client *client, uint64_t step, const char *const *names,
                        const double *values, size_t count)
{
    if (!busy(client, "progress")) { return -1; }
    if (step < 1 || step < client->step_last || step > client->steps) {
        return set_trouble(client, "progress: step %llu after step %llu of %llu",
                           (unsigned long long)step, (unsigned long long)client->step_last,
                           (unsigned long long)client->steps);
    }
    client->step_last = step;
    if (client->rank != 0 || client->fd < 0) { return 0; }
    if (now_ms() - client->sent_ms < PBT_CLIENT_PROGRESS_MS) { return 0; }
    json_t *const message = answer(client, "progress");
    int failed = add(message, "step", json_integer((json_int_t)step));
    if (count > 0) { failed |= add(message, "metrics", metrics_of(client, names, values, count)); }
    if (failed != 0) {
        json_decref(message);
        return out_of_memory(client);
    }
    return send_message(client, message);
}

void pbt_client_metric(struct pbt_client *client, const char *name, double value)
{
    if (busy(client, "metric")) { set_number(client, client->metrics, name, value); }
}

void pbt_client_in_force(struct pbt_client *client, const char *name, double value)
{
    if (busy(client, "in_force")) { set_number(client, client->in_force, name, value); }
}

/* The names of `read` as a list. */
static json_t *list_of_names(json_t *object)
{
    json_t *const list = json_array();
    const char *name;
    json_t *ignored;
    json_object_foreach (object, name, ignored) {
        (void)ignored;
        if (json_array_append_new(list, json_string(name)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* The `done` message with `value` (consumed) under `key`: "score" or "scores". */
static json_t *done_message(struct pbt_client *client, const char *key, json_t *value)
{
    json_t *const message = answer(client, "done");
    int failed = add(message, key, value);
    if (json_object_size(client->metrics) > 0) {
        failed |= json_object_set(message, "metrics", client->metrics);
    }
    if (json_object_size(client->in_force) > 0) {
        failed |= json_object_set(message, "in_force", client->in_force);
    }
    failed |= add(message, "read", list_of_names(client->read));
    if (failed == 0) { return message; }
    json_decref(message);
    return NULL;
}

/* Send `value` (consumed) as the result; an error of the task goes in its place. */
static int report(struct pbt_client *client, const char *key, json_t *value)
{
    if (client->troubled) {
        json_decref(value);
        (void)pbt_client_fail(client, "config", client->trouble);
        return -1;
    }
    client->holds_weights = true;
    const enum client_state after = client->fd < 0 ? CLIENT_ENDED : CLIENT_IDLE;
    if (client->rank != 0) {
        json_decref(value);
        client->state = after;
        return 0;
    }
    json_t *const message = done_message(client, key, value);
    if (message == NULL) { return out_of_memory(client); }
    const int sent = client->fd < 0 ? print_result(client, message) : send_message(client, message);
    if (client->state == CLIENT_BROKEN) { return -1; }
    if (sent != 0) { /* too long to be sent */
        (void)pbt_client_fail(client, "config", client->trouble);
        return -1;
    }
    client->state = after;
    return 0;
}

int pbt_client_report(struct pbt_client *client, double score)
{
    if (!busy(client, "report")) { return -1; }
    return report(client, "score", number_value(score));
}

int pbt_client_report_scores(struct pbt_client *client, const double *scores, size_t count)
{
    if (!busy(client, "report")) { return -1; }
    if (count < 1 || count > PBT_CLIENT_SCORES_MAX) {
        (void)set_trouble(client, "%zu scores were reported, 1 to %u are allowed", count,
                          PBT_CLIENT_SCORES_MAX);
        return report(client, "scores", NULL);
    }
    json_t *const list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(list, number_value(scores[i])) != 0) {
            json_decref(list);
            return out_of_memory(client);
        }
    }
    return report(client, "scores", list);
}

/* One of the protocol's kinds. */
static const char *known_kind(const char *kind)
{
    static const char *const kinds[] = {"nan", "oom", "config"};
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0) { return kinds[i]; }
    }
    return "other";
}

int pbt_client_fail(struct pbt_client *client, const char *kind, const char *message)
{
    if (!busy(client, "fail")) { return -1; }
    const char *const text = message != NULL ? message : "";
    if (client->fd < 0) {
        if (!client->troubled) {
            (void)break_off(client, "%.900s", text[0] != '\0' ? text : "the trainer failed");
        }
        client->state = CLIENT_BROKEN;
        return 0;
    }
    json_t *const error = answer(client, "error");
    int failed = add(error, "kind", json_string(known_kind(kind)));
    failed |= add(error, "message", text_value(text));
    if (failed != 0) {
        json_decref(error);
        return out_of_memory(client);
    }
    if (send_message(client, error) != 0) { return -1; }
    client->state = CLIENT_IDLE;
    return 0;
}
