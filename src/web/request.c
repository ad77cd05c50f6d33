/* SPDX-License-Identifier: Apache-2.0 */
/* web/request.c - judging a request. */
#include "web/request.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* -------- token -------- */

bool pbti_token_valid(const char *token)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t const size = strlen(token);
    return size >= PBTI_TOKEN_MIN && size <= PBTI_TOKEN_MAX && strspn(token, allowed) == size;
}

bool pbti_token_equal(const char *token, const char *given, size_t given_size)
{
    size_t const size = strlen(token);
    volatile unsigned char differs = size != given_size;
    for (size_t i = 0; i < given_size; i++) {
        differs |= (unsigned char)(given[i] ^ token[size == 0 ? 0 : i % size]);
    }
    return differs == 0;
}

/* Does a cookie of our name hold the token? "a=1; pbt=TOKEN; b=2". */
static bool cookie_has(const char *cookie, const char *name, const char *token)
{
    size_t const size = strlen(name);
    for (const char *at = cookie; *at != '\0';) {
        at += strspn(at, "; ");
        size_t const length = strcspn(at, ";");
        if (length > size && strncmp(at, name, size) == 0 && at[size] == '=' &&
            pbti_token_equal(token, at + size + 1, length - size - 1)) {
            return true;
        }
        at += length;
    }
    return false;
}

static bool bearer_has(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    size_t const size = sizeof scheme - 1;
    return strncasecmp(authorization, scheme, size) == 0 &&
           pbti_token_equal(token, authorization + size, strlen(authorization + size));
}

/* -------- host -------- */

static bool is_address(const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

/* Is the name of a Host header one of ours? Addresses cannot be pointed elsewhere by anybody. */
static bool is_our_name(const struct pbti_site *site, const char *name)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++) {
        if (strcasecmp(name, loopback[i]) == 0) { return true; }
    }
    if (strcasecmp(name, site->listen) == 0) { return true; }
    if (site->loopback) { return false; }
    return is_address(name) || (site->host[0] != '\0' && strcasecmp(name, site->host) == 0);
}

/* "name:port", "[address]:port"; the port is ours, or left out where it is that of HTTP. */
static bool is_our_host(const struct pbti_site *site, const char *host)
{
    char name[256];
    char port[8];
    bool const bracketed = host[0] == '[';
    const char *const begin = host + (bracketed ? 1 : 0);
    size_t const size = strcspn(begin, bracketed ? "]" : ":");
    if (size == 0 || size >= sizeof name) { return false; }
    memcpy(name, begin, size);
    name[size] = '\0';
    const char *rest = begin + size;
    if (bracketed) {
        if (*rest != ']') { return false; }
        rest++;
    }
    (void)snprintf(port, sizeof port, ":%u", (unsigned)site->port);
    bool const ours = strcmp(rest, port) == 0 || (*rest == '\0' && site->port == 80);
    return ours && is_our_name(site, name);
}

/* -------- path -------- */

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') { return digit - '0'; }
    if (digit >= 'a' && digit <= 'f') { return digit - 'a' + 10; }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Does `sent` (size), which may hold %XX, mean `name`? */
static bool means(const char *sent, size_t size, const char *name)
{
    size_t at = 0;
    for (; *name != '\0'; name++) {
        if (at >= size) { return false; }
        char byte = sent[at++];
        if (byte == '%') {
            if (at + 2 > size) { return false; }
            int const high = hex_digit(sent[at]);
            int const low = hex_digit(sent[at + 1]);
            if (high < 0 || low < 0) { return false; }
            byte = (char)(high * 16 + low);
            at += 2;
        }
        if (byte != *name) { return false; }
    }
    return at == size;
}

/* What is below a study: "", "document.json", "events". */
static enum pbti_answer below(const char *rest)
{
    if (*rest == '\0') { return PBTI_ANSWER_PAGE; }
    if (strcmp(rest, "document.json") == 0) { return PBTI_ANSWER_DOCUMENT; }
    return strcmp(rest, "events") == 0 ? PBTI_ANSWER_EVENTS : PBTI_ANSWER_NOTHING;
}

static struct pbti_verdict find(const struct pbti_site *site, const char *path)
{
    struct pbti_verdict const nothing = {.answer = PBTI_ANSWER_NOTHING};
    if (path[0] != '/') { return nothing; }
    const char *const name = path + 1;
    if (!site->many) { return (struct pbti_verdict){.answer = below(name)}; }
    if (*name == '\0') { return (struct pbti_verdict){.answer = PBTI_ANSWER_LIST}; }
    size_t const size = strcspn(name, "/");
    for (size_t i = 0; i < site->count; i++) {
        if (!means(name, size, site->names[i])) { continue; }
        if (name[size] == '\0') { return (struct pbti_verdict){PBTI_ANSWER_SLASH, i}; }
        return (struct pbti_verdict){below(name + size + 1), i};
    }
    return nothing;
}

/* -------- all of it -------- */

/* Does a page of another site ask, and not somebody who follows a link to us? */
static bool is_foreign(const struct pbti_request *request)
{
    const char *const site = request->fetch_site;
    if (site == NULL || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0) {
        return false;
    }
    return request->fetch_mode == NULL || strcmp(request->fetch_mode, "navigate") != 0;
}

struct pbti_verdict pbti_request_judge(const struct pbti_site *site,
                                       const struct pbti_request *request)
{
    enum pbti_answer refused = PBTI_ANSWER_NOTHING;
    bool signing_in = false;
    if (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0) {
        refused = PBTI_ANSWER_METHOD;
    } else if (request->host == NULL || !is_our_host(site, request->host)) {
        refused = PBTI_ANSWER_HOST;
    } else if (is_foreign(request)) {
        refused = PBTI_ANSWER_FOREIGN;
    } else if (site->token != NULL) {
        const char *const given = request->token;
        signing_in = given != NULL && pbti_token_equal(site->token, given, strlen(given));
        bool const known =
            signing_in ||
            (request->cookie != NULL && cookie_has(request->cookie, site->cookie, site->token)) ||
            (request->authorization != NULL && bearer_has(request->authorization, site->token));
        if (!known) { refused = PBTI_ANSWER_TOKEN; }
    }
    if (refused == PBTI_ANSWER_NOTHING && strlen(request->path) > PBTI_REQUEST_PATH_MAX) {
        refused = PBTI_ANSWER_LONG;
    }
    if (refused != PBTI_ANSWER_NOTHING) { return (struct pbti_verdict){.answer = refused}; }
    struct pbti_verdict verdict = find(site, request->path);
    if (signing_in && (verdict.answer == PBTI_ANSWER_LIST || verdict.answer == PBTI_ANSWER_PAGE)) {
        verdict.answer = PBTI_ANSWER_SIGN_IN;
    }
    return verdict;
}
