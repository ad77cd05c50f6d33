/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/support/postgres_server.h - a PostgreSQL server for a test: postgres_server.py, run as a
 * child that ends with the test. Functions fail the running cmocka test when they cannot.
 */
#ifndef PBT_TESTS_SUPPORT_POSTGRES_SERVER_H
#define PBT_TESTS_SUPPORT_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct postgres_server {
    pid_t pid;
    FILE *to, *from;
    char folder[256]; /* its socket is there */
    int port;         /* on 127.0.0.1, too */
};

/* False: PostgreSQL is not installed. `durable`: it syncs. Not inside a test: nothing fails. */
bool postgres_start(struct postgres_server *server, bool durable);
void postgres_stop(struct postgres_server *server);

/* Send a command; its answer, until the next one. */
const char *postgres_command(struct postgres_server *server, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "postgresql://pbt@/pbt?host=HOST&port=PORT#", to which the name of a study is added; free it.
 * HOST NULL is the socket, port 0 the server's. */
char *postgres_url(const struct postgres_server *server, const char *host, int port);

#endif
