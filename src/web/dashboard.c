/* SPDX-License-Identifier: Apache-2.0 */
/* web/dashboard.c - libmicrohttpd around web/request.c: answers, streams, limits. */
#include "web/dashboard.h"

#include "base/fail.h"
#include "view/report.h"
#include "web/list_page.h"
#include "web/request.h"
#include "web/studies.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define USUAL_PORT 8642
#define IDLE_SECONDS 10u
#define HEAD_MS 10000 /* a request's head must have come whole by then, however it comes */
#define HEAD_BYTES ((size_t)16 << 10) /* of a request */
#define HEAD_TOO_LARGE "the head of the request is above 16 KiB"
#define HEAD_TOO_LARGE_SIZE "40" /* with a newline */
#define UNREAD_MS 1000 /* bytes that wait so long are more than the library has room for */
#define CONNECTION_BYTES ((size_t)64 << 10) /* its head twice as it is parsed, and the answer's */
#define CONNECTIONS_MAX 4096u
#define OTHER_FILES 256u /* descriptors that journals and the rest need */
#define STREAMS_MAX 64u
#define BEAT_MS 5000 /* a stream says something at least this often: so a dead one is noticed */

/* A page that wants to know when its study grows. */
struct stream {
    struct pbti_dashboard *dashboard;
    struct MHD_Connection *connection;
    struct stream *previous, *next;
    size_t study;
    uint64_t sent_seq;
    int64_t beat_ms;
    bool suspended; /* waits for news */
};

/* A connection: when it began to send a head. */
struct plug {
    struct MHD_Connection *connection;
    struct plug *previous, *next;
    int64_t head_ms;   /* 0: the head is there, and is being answered */
    int64_t unread_ms; /* since when bytes of it wait to be read; 0: none do */
};

struct pbti_dashboard {
    struct MHD_Daemon *daemon;
    struct pbti_studies studies;
    struct pbti_site site;
    char listen[64], host[256], cookie[32], token[PBTI_TOKEN_MAX + 1];
    struct stream *streams;
    struct plug *plugs;
    uint32_t streams_count;
    int64_t now_ms;
    bool closing;
};

struct pbti_dashboard_opts pbti_dashboard_opts_default(void)
{
    return (struct pbti_dashboard_opts){
        .struct_size = sizeof(struct pbti_dashboard_opts), .listen = "127.0.0.1", .port = -1};
}

/* -------- answers -------- */

struct header {
    const char *name, *value;
};

/* All of our answers: nobody may frame them, guess their type, keep or pass them on. */
static const struct header always[] = {
    {MHD_HTTP_HEADER_CONTENT_SECURITY_POLICY,
     "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
};

#define HTML "text/html; charset=utf-8"
#define JSON "application/json"
#define TEXT "text/plain; charset=utf-8"

/* Send the response and forget it. */
static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned status,
                                     const char *type, struct MHD_Response *response)
{
    if (response == NULL) { return MHD_NO; }
    enum MHD_Result good = MHD_YES;
    for (size_t i = 0; i < sizeof always / sizeof always[0] && good == MHD_YES; i++) {
        good = MHD_add_response_header(response, always[i].name, always[i].value);
    }
    if (good == MHD_YES) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    if (good == MHD_YES) { good = MHD_queue_response(connection, status, response); }
    MHD_destroy_response(response);
    return good;
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status,
                                 const char *type, const struct pbti_str *text)
{
    if (text->failed) { return MHD_NO; }
    char *const bytes = (char *)(uintptr_t)pbti_str_text(text); /* it is only copied */
    return send_response(connection, status, type,
                         MHD_create_response_from_buffer(text->size, bytes, MHD_RESPMEM_MUST_COPY));
}

/* Say in a line what is wrong. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    struct pbti_str text = {0};
    pbti_str_addf(&text, "%s\n", why);
    enum MHD_Result const result = send_text(connection, status, TEXT, &text);
    pbti_str_deinit(&text);
    return result;
}

static enum MHD_Result send_failure(struct MHD_Connection *connection, const struct pbt_error *err)
{
    struct pbti_str text = {0};
    pbti_str_escape(&text, err->message, strlen(err->message));
    pbti_str_add(&text, "\n");
    enum MHD_Result const result =
        send_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, TEXT, &text);
    pbti_str_deinit(&text);
    return result;
}

static enum MHD_Result send_list(struct pbti_dashboard *dashboard,
                                 struct MHD_Connection *connection)
{
    struct pbti_str html = {0};
    pbti_list_page(&html, &dashboard->studies);
    enum MHD_Result const result = send_text(connection, MHD_HTTP_OK, HTML, &html);
    pbti_str_deinit(&html);
    return result;
}

static enum MHD_Result send_study(struct pbti_dashboard *dashboard,
                                  struct MHD_Connection *connection, struct pbti_verdict verdict)
{
    struct pbti_watched *const study = &dashboard->studies.study[verdict.study];
    struct pbt_error err = {0};
    if (pbti_watched_document(study, &err) != PBT_OK) { return send_failure(connection, &err); }
    if (verdict.answer == PBTI_ANSWER_DOCUMENT) {
        return send_text(connection, MHD_HTTP_OK, JSON, &study->text);
    }
    struct pbti_str html = {0};
    pbti_report_live(&html, &study->text);
    enum MHD_Result const result = send_text(connection, MHD_HTTP_OK, HTML, &html);
    pbti_str_deinit(&html);
    return result;
}

/* To the study's own address, or that of all; what was asked for is not repeated. */
static enum MHD_Result send_elsewhere(struct pbti_dashboard *dashboard,
                                      struct MHD_Connection *connection,
                                      struct pbti_verdict verdict, bool list)
{
    struct pbti_str target = {0};
    struct pbti_str cookie = {0};
    pbti_str_add(&target, "/");
    if (dashboard->site.many && !list) {
        pbti_str_path(&target, dashboard->site.names[verdict.study]);
        pbti_str_add(&target, "/");
    }
    struct MHD_Response *const response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result good = response == NULL || target.failed ? MHD_NO : MHD_YES;
    if (good == MHD_YES) {
        good = MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, target.data);
    }
    if (good == MHD_YES && verdict.answer == PBTI_ANSWER_SIGN_IN) {
        pbti_str_addf(&cookie, "%s=%s; HttpOnly; SameSite=Strict; Path=/", dashboard->cookie,
                      dashboard->token);
        good = cookie.failed
                   ? MHD_NO
                   : MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie.data);
    }
    pbti_str_deinit(&target);
    pbti_str_deinit(&cookie);
    if (good == MHD_YES) { return send_response(connection, MHD_HTTP_SEE_OTHER, TEXT, response); }
    if (response != NULL) { MHD_destroy_response(response); }
    return MHD_NO;
}

/* -------- streams -------- */

/* What a stream has to say now; it sleeps when that is nothing. */
static ssize_t say(void *context, uint64_t position, char *bytes, size_t max)
{
    struct stream *const stream = context;
    struct pbti_dashboard *const dashboard = stream->dashboard;
    uint64_t const seq = dashboard->studies.study[stream->study].seq;
    char text[48];
    (void)position;
    if (dashboard->closing) { return MHD_CONTENT_READER_END_OF_STREAM; }
    if (seq != stream->sent_seq) {
        (void)snprintf(text, sizeof text, "data: %" PRIu64 "\n\n", seq);
    } else if (dashboard->now_ms - stream->beat_ms >= BEAT_MS) {
        (void)snprintf(text, sizeof text, ":\n\n"); /* a comment */
    } else {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
        return 0;
    }
    size_t const size = strlen(text);
    if (size > max) { return MHD_CONTENT_READER_END_WITH_ERROR; }
    memcpy(bytes, text, size);
    stream->sent_seq = seq;
    stream->beat_ms = dashboard->now_ms;
    return (ssize_t)size;
}

static void end_stream(void *context)
{
    struct stream *const stream = context;
    struct pbti_dashboard *const dashboard = stream->dashboard;
    if (stream->next != NULL) { stream->next->previous = stream->previous; }
    if (stream->previous != NULL) {
        stream->previous->next = stream->next;
    } else {
        dashboard->streams = stream->next;
    }
    dashboard->streams_count--;
    free(stream);
}

static enum MHD_Result send_events(struct pbti_dashboard *dashboard,
                                   struct MHD_Connection *connection, size_t study)
{
    struct pbt_error err = {0};
    if (dashboard->streams_count >= STREAMS_MAX) {
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many pages follow a study");
    }
    if (pbti_watched_update(&dashboard->studies.study[study], &err) != PBT_OK) {
        return send_failure(connection, &err);
    }
    struct stream *const stream = calloc(1, sizeof *stream);
    if (stream == NULL) { return MHD_NO; }
    *stream = (struct stream){.dashboard = dashboard,
                              .connection = connection,
                              .next = dashboard->streams,
                              .study = study,
                              .beat_ms = dashboard->now_ms};
    struct MHD_Response *const response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 256, say, stream, end_stream);
    if (response == NULL) {
        free(stream);
        return MHD_NO;
    }
    if (stream->next != NULL) { stream->next->previous = stream; }
    dashboard->streams = stream;
    dashboard->streams_count++;
    return send_response(connection, MHD_HTTP_OK, "text/event-stream", response);
}

/* Look at what is followed, and wake the streams that have something to say. */
static void wake_streams(struct pbti_dashboard *dashboard)
{
    struct pbti_watched *const studies = dashboard->studies.study;
    for (struct stream *stream = dashboard->streams; stream != NULL; stream = stream->next) {
        struct pbti_watched *const study = &studies[stream->study];
        bool looked = false; /* at the same study, for a stream before */
        for (struct stream *before = dashboard->streams; before != stream && !looked;
             before = before->next) {
            looked = before->study == stream->study;
        }
        struct pbt_error err;
        /* a failure is no news: whoever asks for the document is told */
        pbt_status const status = looked ? PBT_OK : pbti_watched_update(study, &err);
        (void)status;
        bool const due = study->seq != stream->sent_seq ||
                         dashboard->now_ms - stream->beat_ms >= BEAT_MS || dashboard->closing;
        if (!stream->suspended || !due) { continue; }
        stream->suspended = false;
        MHD_resume_connection(stream->connection);
    }
}

/* -------- connections -------- */

static void on_connection(void *context, struct MHD_Connection *connection, void **known,
                          enum MHD_ConnectionNotificationCode what)
{
    struct pbti_dashboard *const dashboard = context;
    struct plug *plug = *known;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        plug = calloc(1, sizeof *plug);
        if (plug == NULL) { return; } /* the idle time is its only limit then */
        *plug = (struct plug){
            .connection = connection, .next = dashboard->plugs, .head_ms = dashboard->now_ms};
        if (plug->next != NULL) { plug->next->previous = plug; }
        dashboard->plugs = plug;
        *known = plug;
    } else if (plug != NULL) {
        if (plug->next != NULL) { plug->next->previous = plug->previous; }
        if (plug->previous != NULL) {
            plug->previous->next = plug->next;
        } else {
            dashboard->plugs = plug->next;
        }
        free(plug);
        *known = NULL;
    }
}

/* Note whether the connection is sending a head from now on. */
static void note_head(struct pbti_dashboard *dashboard, struct MHD_Connection *connection,
                      bool sends)
{
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct plug *const plug = info == NULL ? NULL : info->socket_context;
    if (plug != NULL) { plug->head_ms = sends ? dashboard->now_ms : 0; }
}

/* An MHD_RequestCompletedCallback: the connection may send the next head. */
static void on_answered(void *context, struct MHD_Connection *connection, void **known,
                        enum MHD_RequestTerminationCode why)
{
    (void)known, (void)why;
    note_head(context, connection, true);
}

/* The library has no room for a head like this, and says nothing: answer in its place. */
static void refuse_head(int descriptor)
{
    static const char text[] =
        "HTTP/1.1 431 Request Header Fields Too Large\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: " HEAD_TOO_LARGE_SIZE "\r\nConnection: close\r\n\r\n" HEAD_TOO_LARGE "\n";
    char unread[4096];
    ssize_t got = sizeof unread;
    /* what is not read when it is closed would cost the other side the answer */
    for (int i = 0; i < 1024 && got > 0; i++) {
        got = recv(descriptor, unread, sizeof unread, MSG_DONTWAIT);
    }
    (void)send(descriptor, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Has the library left bytes of this connection's head unread for a second? */
static bool is_stuck(struct plug *plug, int descriptor, int64_t now_ms)
{
    int unread = 0;
    if (ioctl(descriptor, FIONREAD, &unread) != 0 || unread == 0) {
        plug->unread_ms = 0;
        return false;
    }
    if (plug->unread_ms == 0) { plug->unread_ms = now_ms; }
    return now_ms - plug->unread_ms >= UNREAD_MS;
}

/* Hang up on those that send their head too slowly, or too much of it. The library notices at its
 * next turn. */
static void end_heads(struct pbti_dashboard *dashboard)
{
    for (struct plug *plug = dashboard->plugs; plug != NULL; plug = plug->next) {
        const union MHD_ConnectionInfo *const info =
            plug->head_ms == 0
                ? NULL
                : MHD_get_connection_info(plug->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info == NULL) { continue; }
        bool const large = is_stuck(plug, info->connect_fd, dashboard->now_ms);
        if (!large && dashboard->now_ms - plug->head_ms < HEAD_MS) { continue; }
        if (large) { refuse_head(info->connect_fd); }
        (void)shutdown(info->connect_fd, SHUT_RDWR);
        plug->head_ms = 0;
    }
}

/* An MHD_KeyValueIteratorN: bytes of a header's line. */
static enum MHD_Result add_bytes(void *context, enum MHD_ValueKind kind, const char *name,
                                 size_t name_size, const char *value, size_t value_size)
{
    size_t *const bytes = context;
    (void)kind, (void)name, (void)value;
    *bytes += name_size + value_size + sizeof ": \r\n" - 1;
    return MHD_YES;
}

/* -------- requests -------- */

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result answer(struct pbti_dashboard *dashboard, struct MHD_Connection *connection,
                              const struct pbti_request *request)
{
    struct pbti_verdict const verdict = pbti_request_judge(&dashboard->site, request);
    switch (verdict.answer) {
    case PBTI_ANSWER_LIST: return send_list(dashboard, connection);
    case PBTI_ANSWER_PAGE:
    case PBTI_ANSWER_DOCUMENT: return send_study(dashboard, connection, verdict);
    case PBTI_ANSWER_EVENTS: return send_events(dashboard, connection, verdict.study);
    case PBTI_ANSWER_SLASH: return send_elsewhere(dashboard, connection, verdict, false);
    case PBTI_ANSWER_SIGN_IN:
        return send_elsewhere(dashboard, connection, verdict,
                              request->path[1] == '\0' || !dashboard->site.many);
    case PBTI_ANSWER_METHOD:
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "this server is only looked at");
    case PBTI_ANSWER_HOST:
        return refuse(connection, MHD_HTTP_FORBIDDEN, "the address does not name this server");
    case PBTI_ANSWER_FOREIGN:
        return refuse(connection, MHD_HTTP_FORBIDDEN, "another site may not ask this server");
    case PBTI_ANSWER_TOKEN:
        return refuse(connection, MHD_HTTP_UNAUTHORIZED,
                      "a token is needed: open the address that `pbt dashboard` printed");
    case PBTI_ANSWER_LONG: return refuse(connection, MHD_HTTP_URI_TOO_LONG, "the path is too long");
    case PBTI_ANSWER_NOTHING: break;
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, "there is nothing here");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_size, void **known)
{
    static char seen;
    struct pbti_dashboard *const dashboard = context;
    (void)version;
    (void)body;
    if (*body_size > 0) { return MHD_NO; } /* nothing here takes a body: hang up */
    if (*known == NULL) {                  /* the head has come; the answer follows its end */
        *known = &seen;
        note_head(dashboard, connection, false);
        return MHD_YES;
    }
    size_t head = strlen(path);
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_bytes, &head);
    (void)MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_bytes, &head);
    if (head > HEAD_BYTES) {
        return refuse(connection, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, HEAD_TOO_LARGE);
    }
    struct pbti_request const request = {
        .method = method,
        .path = path,
        .host = header_of(connection, MHD_HTTP_HEADER_HOST),
        .authorization = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION),
        .cookie = header_of(connection, MHD_HTTP_HEADER_COOKIE),
        .fetch_site = header_of(connection, "Sec-Fetch-Site"),
        .fetch_mode = header_of(connection, "Sec-Fetch-Mode"),
        .token = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "token")};
    if (dashboard->site.many && strcmp(path, "/") == 0) {
        struct pbt_error err;
        pbt_status const status = pbti_studies_scan(&dashboard->studies, &err);
        (void)status; /* a folder that cannot be read leaves the list as it was */
        dashboard->site.count = dashboard->studies.count;
    }
    return answer(dashboard, connection, &request);
}

/* web/request.c decodes what it looks at. */
static size_t leave_as_sent(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* -------- listening -------- */

bool pbti_dashboard_is_loopback(const char *listen)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, listen, &four) == 1) { return ntohl(four.s_addr) >> 24 == 127; }
    return inet_pton(AF_INET6, listen, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* As many connections as there are descriptors for; we ask for as many as we may have. */
static unsigned connections_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) { return CONNECTIONS_MAX / 8; }
    rlim_t const wanted = CONNECTIONS_MAX + OTHER_FILES;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted) { return CONNECTIONS_MAX; }
    return limit.rlim_cur > 2 * OTHER_FILES ? (unsigned)limit.rlim_cur - OTHER_FILES : OTHER_FILES;
}

/* False: errno says why. */
static bool listen_at(struct pbti_dashboard *dashboard, uint16_t port)
{
    struct addrinfo const hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *address = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(dashboard->listen, service, &hints, &address) != 0) {
        errno = EADDRNOTAVAIL;
        return false;
    }
    unsigned const most = connections_max();
    unsigned const flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
                           (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0u);
    dashboard->daemon = MHD_start_daemon(
        flags, port, NULL, NULL, on_request, dashboard, MHD_OPTION_SOCK_ADDR, address->ai_addr,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_as_sent, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, dashboard, MHD_OPTION_NOTIFY_COMPLETED, on_answered, dashboard,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_CONNECTION_LIMIT, most,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, most - most / 4, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024u,
        MHD_OPTION_END);
    int const code = errno;
    freeaddrinfo(address);
    errno = code;
    return dashboard->daemon != NULL;
}

static pbt_status start(struct pbti_dashboard *dashboard, const struct pbti_dashboard_opts *opts,
                        struct pbt_error *err)
{
    uint16_t const first = opts->port < 0 ? USUAL_PORT : (uint16_t)opts->port;
    bool good = listen_at(dashboard, first);
    if (!good && opts->port < 0 && errno == EADDRINUSE) { good = listen_at(dashboard, 0); }
    if (!good) {
        int const code = errno;
        return PBTI_FAIL(err, PBT_EIO, code, "could not listen at %s, port %u: %s",
                         dashboard->listen, (unsigned)first, strerror(code));
    }
    const union MHD_DaemonInfo *const info =
        MHD_get_daemon_info(dashboard->daemon, MHD_DAEMON_INFO_BIND_PORT);
    dashboard->site.port = info->port;
    (void)snprintf(dashboard->cookie, sizeof dashboard->cookie, "pbt-%u", (unsigned)info->port);
    return PBT_OK;
}

static pbt_status check(const struct pbti_dashboard_opts *opts, struct pbt_error *err)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    if (inet_pton(AF_INET, opts->listen, bytes) != 1 &&
        inet_pton(AF_INET6, opts->listen, bytes) != 1) {
        pbt_status const status =
            PBTI_FAIL(err, PBT_EINVAL, 0, "\"%s\" is no address to listen at", opts->listen);
        pbti_fail_hint(err, "give it in numbers: 127.0.0.1, 0.0.0.0, ::1");
        return status;
    }
    if (opts->token == NULL || !pbti_token_valid(opts->token)) {
        return PBTI_FAIL(err, PBT_EINVAL, 0,
                         "the token must be %u to %u letters, digits, '-' or '_'", PBTI_TOKEN_MIN,
                         PBTI_TOKEN_MAX);
    }
    return PBT_OK;
}

pbt_status pbti_dashboard_open(const char *path, const struct pbti_dashboard_opts *opts,
                               struct pbti_dashboard **out, struct pbt_error *err)
{
    *out = NULL;
    PBTI_TRY(check(opts, err));
    struct pbti_dashboard *const dashboard = calloc(1, sizeof *dashboard);
    if (dashboard == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    (void)snprintf(dashboard->listen, sizeof dashboard->listen, "%s", opts->listen);
    (void)snprintf(dashboard->token, sizeof dashboard->token, "%s",
                   opts->token == NULL ? "" : opts->token);
    (void)gethostname(dashboard->host, sizeof dashboard->host - 1);
    pbt_status status = pbti_studies_open(&dashboard->studies, path, opts->journal, err);
    dashboard->site = (struct pbti_site){.loopback = pbti_dashboard_is_loopback(opts->listen),
                                         .listen = dashboard->listen,
                                         .host = dashboard->host,
                                         .token = opts->token == NULL ? NULL : dashboard->token,
                                         .cookie = dashboard->cookie,
                                         .many = dashboard->studies.many,
                                         .names = dashboard->studies.names,
                                         .count = dashboard->studies.count};
    if (status == PBT_OK) { status = start(dashboard, opts, err); }
    if (status != PBT_OK) {
        pbti_dashboard_close(dashboard);
        return status;
    }
    *out = dashboard;
    return PBT_OK;
}

void pbti_dashboard_close(struct pbti_dashboard *dashboard)
{
    if (dashboard == NULL) { return; }
    dashboard->closing = true;
    wake_streams(dashboard); /* the daemon does not stop while one is suspended */
    if (dashboard->daemon != NULL) { MHD_stop_daemon(dashboard->daemon); }
    pbti_studies_close(&dashboard->studies);
    free(dashboard);
}

uint16_t pbti_dashboard_port(const struct pbti_dashboard *dashboard)
{
    return dashboard->site.port;
}

int pbti_dashboard_descriptor(const struct pbti_dashboard *dashboard)
{
    return MHD_get_daemon_info(dashboard->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void pbti_dashboard_run(struct pbti_dashboard *dashboard, int64_t now_ms)
{
    dashboard->now_ms = now_ms;
    wake_streams(dashboard);
    end_heads(dashboard);
    (void)MHD_run(dashboard->daemon);
}

const struct pbti_dashboard_table pbti_dashboard_table = {
    .opts_default = pbti_dashboard_opts_default,
    .is_loopback = pbti_dashboard_is_loopback,
    .open = pbti_dashboard_open,
    .close = pbti_dashboard_close,
    .port = pbti_dashboard_port,
    .descriptor = pbti_dashboard_descriptor,
    .run = pbti_dashboard_run,
};
