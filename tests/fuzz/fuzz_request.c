/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/fuzz_request.c - any bytes as a request to the dashboard.
 *
 * The input is lines: method, path, Host, Authorization, Cookie, Sec-Fetch-Site, Sec-Fetch-Mode,
 * token; a line that is missing is a header that is missing. Whatever comes, a site with a token
 * gives nothing to who does not have it, nothing is given under a foreign name or to another
 * method, and a study is one of those that are there.
 */
#include "web/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN "sixteen-letters-0"
#define LINES 8

/* Not assert(): it must hold in every build. */
#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_given(enum pbti_answer answer)
{
    return answer <= PBTI_ANSWER_SIGN_IN;
}

static bool has(const char *text, const char *part)
{
    return text != NULL && strstr(text, part) != NULL;
}

static void check(const struct pbti_site *site, const struct pbti_request *request)
{
    struct pbti_verdict const verdict = pbti_request_judge(site, request);
    struct pbti_verdict const again = pbti_request_judge(site, request);
    REQUIRE(verdict.answer == again.answer && verdict.study == again.study);
    REQUIRE(verdict.study < site->count);
    if (!is_given(verdict.answer)) { return; }
    REQUIRE(strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
    REQUIRE(has(request->host, ":8642"));
    REQUIRE(request->path[0] == '/' && strlen(request->path) <= PBTI_REQUEST_PATH_MAX);
    if (site->token != NULL) {
        REQUIRE(has(request->token, TOKEN) || has(request->cookie, "pbt=" TOKEN) ||
                has(request->authorization, TOKEN));
    }
    REQUIRE(verdict.answer != PBTI_ANSWER_SIGN_IN || site->token != NULL);
    if (!site->many) {
        REQUIRE(verdict.answer != PBTI_ANSWER_LIST && verdict.answer != PBTI_ANSWER_SLASH);
        REQUIRE(strchr(request->path + 1, '/') == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"fashion", "..", "a b/<c>", "%41"};
    char *const copy = malloc(size + 1);
    REQUIRE(copy != NULL);
    if (size > 0) { memcpy(copy, data, size); }
    copy[size] = '\0';
    const char *line[LINES] = {NULL};
    char *at = copy;
    for (size_t i = 0; i < LINES && at != NULL; i++) {
        line[i] = at;
        at = strchr(at, '\n');
        if (at != NULL) { *at++ = '\0'; }
    }
    struct pbti_request const request = {.method = line[0],
                                         .path = line[1] == NULL ? "" : line[1],
                                         .host = line[2],
                                         .authorization = line[3],
                                         .cookie = line[4],
                                         .fetch_site = line[5],
                                         .fetch_mode = line[6],
                                         .token = line[7]};
    for (unsigned kind = 0; kind < 8; kind++) {
        struct pbti_site const site = {.loopback = (kind & 1) != 0,
                                       .listen = (kind & 1) != 0 ? "127.0.0.1" : "0.0.0.0",
                                       .host = "here",
                                       .port = 8642,
                                       .token = (kind & 2) != 0 ? TOKEN : NULL,
                                       .cookie = "pbt",
                                       .many = (kind & 4) != 0,
                                       .names = names,
                                       .count = (kind & 4) != 0 ? 4 : 1};
        check(&site, &request);
    }
    free(copy);
    return 0;
}
