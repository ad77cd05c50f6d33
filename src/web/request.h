/* SPDX-License-Identifier: Apache-2.0 */
/*
 * web/request.h - what the dashboard answers to a request: a pure function, and so easy to fuzz.
 *
 * A request is the enemy's: everything in it is bytes until it was compared with what is allowed.
 * No path is ever made from it; it chooses one of the studies that were found before.
 *
 * The order of the checks
 *  1 method        GET and HEAD, nothing else
 *  2 Host          names us; else a page of another site could reach us under a name of its own
 *                  that it points at our address (DNS rebinding)
 *  3 site          what a page of another site asks for by itself is refused; following a link is
 *                  not (Sec-Fetch-Site, Sec-Fetch-Mode)
 *  4 token         where there is one: in the address, the cookie, or `Authorization: Bearer`
 *  5 path          "/" and the names below it
 */
#ifndef PBTI_WEB_REQUEST_H
#define PBTI_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PBTI_REQUEST_PATH_MAX 1024u /* bytes */
#define PBTI_TOKEN_MIN 16u          /* characters of a token: letters, digits, '-' and '_' */
#define PBTI_TOKEN_MAX 128u

/* What we are. */
struct pbti_site {
    bool loopback;      /* only this machine reaches us: Host must be a name of the loopback */
    const char *listen; /* the address we listen at */
    const char *host;   /* this machine's name */
    uint16_t port;
    const char *token;        /* NULL: none is needed */
    const char *cookie;       /* name of the cookie that holds it */
    bool many;                /* a list of studies, each below its name; else one at "/" */
    const char *const *names; /* shape (count) */
    size_t count;
};

/* What is asked; NULL: the header or the value is not there. */
struct pbti_request {
    const char *method;
    const char *path; /* before any '?', as it was sent: not decoded */
    const char *host, *authorization, *cookie, *fetch_site, *fetch_mode;
    const char *token; /* of the query, as it was sent */
};

enum pbti_answer {
    PBTI_ANSWER_LIST,     /* the studies */
    PBTI_ANSWER_PAGE,     /* a study's page */
    PBTI_ANSWER_DOCUMENT, /* its document */
    PBTI_ANSWER_EVENTS,   /* a stream that says when there is more */
    PBTI_ANSWER_SLASH,    /* it is at the same path with a '/' */
    PBTI_ANSWER_SIGN_IN,  /* the token was right: keep it in a cookie, and ask without it */
    PBTI_ANSWER_METHOD,
    PBTI_ANSWER_HOST,
    PBTI_ANSWER_FOREIGN,
    PBTI_ANSWER_TOKEN,
    PBTI_ANSWER_LONG,
    PBTI_ANSWER_NOTHING
};

struct pbti_verdict {
    enum pbti_answer answer;
    size_t study; /* index of its name; page, document, events, slash */
};

struct pbti_verdict pbti_request_judge(const struct pbti_site *site,
                                       const struct pbti_request *request);

/* May this be a token? */
bool pbti_token_valid(const char *token);

/* Are they equal? Takes as long whichever byte differs. */
bool pbti_token_equal(const char *token, const char *given, size_t given_size);

#endif
