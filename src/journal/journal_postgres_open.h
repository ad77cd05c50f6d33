/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal/journal_postgres_open.h - connecting to a server that may be anybody's.
 *
 * A server chooses how a password is asked for, and libpq before version 16 answers even a request
 * for the password itself on a connection that is not encrypted. Here such a request is never seen
 * by libpq: until a connection without TLS is authenticated, libpq talks to a socket of ours, and
 * what the server sends is looked at first, message by message
 * (PostgreSQL's documentation, chapter "Frontend/Backend Protocol", "Message Formats").
 */
#ifndef PBTI_JOURNAL_JOURNAL_POSTGRES_OPEN_H
#define PBTI_JOURNAL_JOURNAL_POSTGRES_OPEN_H

#include <libpq-fe.h>

enum pbti_postgres_opened {
    PBTI_POSTGRES_OPEN,    /* or failed: PQstatus() tells */
    PBTI_POSTGRES_TIMEOUT, /* no answer within connect_timeout */
    PBTI_POSTGRES_CLEAR    /* the server asked for the password in clear text */
};

/* PQconnectdbParams(), without giving a password in clear text. The connection is NULL when there
 * is no memory, and to be finished in any case. */
enum pbti_postgres_opened pbti_postgres_open(const char *const *keywords, const char *const *values,
                                             PGconn **connection);

#endif
