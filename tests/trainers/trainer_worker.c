/* SPDX-License-Identifier: Apache-2.0 */
/* trainer_worker.c - see trainer_worker.h. */
#include "trainer_worker.h"
#include "trainers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *connection;
static pid_t child;

/* -------- lines -------- */

json_t *worker_receive(void)
{
    static char line[65536];
    for (;;) {
        assert_non_null(fgets(line, sizeof line, connection));
        json_t *const message = json_loads(line, 0, NULL);
        assert_non_null(message);
        const char *const type = json_string_value(json_object_get(message, "type"));
        assert_non_null(type);
        if (strcmp(type, "progress") != 0) { return message; }
        json_decref(message);
    }
}

__attribute__((format(printf, 1, 2))) static void post(const char *format, ...)
{
    char line[4096];
    va_list args;
    va_start(args, format);
    int const size = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    assert_true(size > 0 && (size_t)size < sizeof line);
    assert_int_equal(write(fileno(connection), line, (size_t)size), size);
    assert_int_equal(write(fileno(connection), "\n", 1), 1);
}

void worker_train(unsigned steps, const char *start, const char *load, const char *save,
                  const char *hyperparameters, const char *fixed)
{
    post(
        "{\"type\": \"train\", \"task\": \"0.1.1\", \"member\": 0, \"segment\": 1, \"attempt\": 1, "
        "\"seed\": \"9121347610512345678\", \"age\": 0, \"steps\": %u, \"start\": \"%s\", "
        "\"from\": null, \"load\": %s, \"save\": %s, \"checkpoint\": null, "
        "\"hyperparameters\": {%s}, \"fixed\": {%s}}",
        steps, start, load, save, hyperparameters, fixed);
}

/* -------- the process -------- */

bool worker_start(const char *name, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/s", folder);
    int const listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0) {
        return false;
    }
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)setenv("PBT_SOCKET", address.sun_path, 1);
        const struct pbt_trainer *const trainer = pbt_trainer_find(name);
        int const code = pbt_trainer_run(trainer, 0, NULL);
        _exit(code);
    }
    int const accepted = accept(listener, NULL, NULL);
    (void)close(listener);
    connection = fdopen(accepted, "r");
    json_t *const hello = worker_receive();
    bool const good = strcmp(json_string_value(json_object_get(hello, "type")), "hello") == 0 &&
                      json_integer_value(json_object_get(hello, "protocol")) == 1;
    json_decref(hello);
    return good;
}

bool worker_stop(void)
{
    int status = -1;
    post("{\"type\": \"exit\"}");
    (void)waitpid(child, &status, 0);
    (void)fclose(connection);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* -------- reading answers -------- */

double worker_number(const json_t *message, const char *object, const char *name)
{
    const json_t *const from = object == NULL ? message : json_object_get(message, object);
    const json_t *const value = json_object_get(from, name);
    if (!json_is_number(value)) { fail_msg("%s is not a number", name); }
    return json_number_value(value);
}

void worker_assert_type(const json_t *message, const char *type)
{
    const char *const got = json_string_value(json_object_get(message, "type"));
    if (strcmp(got, type) != 0) {
        const char *const why = json_string_value(json_object_get(message, "message"));
        fail_msg("got %s (%s), expected %s", got, why == NULL ? "" : why, type);
    }
}

void worker_assert_config_error(const char *words)
{
    json_t *const message = worker_receive();
    if (strcmp(json_string_value(json_object_get(message, "type")), "error") != 0) {
        fail_msg("\"%s\" was expected, and no error came", words);
    }
    assert_string_equal(json_string_value(json_object_get(message, "kind")), "config");
    const char *const text = json_string_value(json_object_get(message, "message"));
    if (strstr(text, words) == NULL) { fail_msg("\"%s\" is not in \"%s\"", words, text); }
    json_decref(message);
}
