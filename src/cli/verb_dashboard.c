/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_dashboard.c - pbt dashboard DIR: a study's page in the browser, live. */
#include "cli/cli.h"
#include "cli/cli_modules.h"
#include "cli/signal_pipe.h"
#include "view/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_BYTES 256 /* more than a token may have: then it is refused */
#define LOOK_MS 250     /* between two looks at the journals that are followed */

extern char **environ;

/* The address to open, with the token. */
static void add_address(struct pbti_str *str, uint16_t port, const struct pbti_dashboard_opts *opts)
{
    const char *host = opts->listen;
    char name[256] = "";
    bool const everywhere = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    if (everywhere && gethostname(name, sizeof name - 1) == 0) { host = name; }
    bool const six = strchr(host, ':') != NULL;
    pbti_str_addf(str, "http://%s%s%s:%u/", six ? "[" : "", host, six ? "]" : "", (unsigned)port);
    if (opts->token != NULL) { pbti_str_addf(str, "?token=%s", opts->token); }
}

static void open_browser(const struct pbti_call *call, char *address)
{
    char program[] = "xdg-open";
    char *const arguments[] = {program, address, NULL};
    pid_t process;
    int const code = posix_spawnp(&process, program, NULL, NULL, arguments, environ);
    if (code != 0) {
        (void)pbti_cli_complain(call, code, "open the address by hand",
                                "could not start a browser: %s", strerror(code));
    }
}

/* Until a signal comes. */
static void serve(const struct pbti_dashboard_table *web, struct pbti_dashboard *dashboard,
                  int signals)
{
    struct pollfd ready[2] = {{.fd = signals, .events = POLLIN},
                              {.fd = web->descriptor(dashboard), .events = POLLIN}};
    do {
        web->run(dashboard, pbti_cli_steady_ms());
        (void)poll(ready, 2, LOOK_MS);
    } while (ready[0].revents == 0);
}

static int show(const struct pbti_call *call, const struct pbti_dashboard_table *web,
                struct pbti_dashboard *dashboard, const struct pbti_dashboard_opts *opts,
                int signals)
{
    struct pbti_str address = {0};
    struct pbti_str line = {0};
    add_address(&address, web->port(dashboard), opts);
    pbti_str_add(&line, pbti_str_text(&address));
    pbti_str_add(&line, "\n");
    line.failed = line.failed || address.failed;
    int code = PBTI_EXIT_DONE;
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        code = pbti_cli_print_json(call,
                                   json_pack("{s:i, s:s}", "version", PBTI_JSON_VERSION, "address",
                                             pbti_str_text(&address)),
                                   code);
        pbti_str_deinit(&line);
    } else {
        code = pbti_cli_print(call, &line, code);
    }
    if (code == PBTI_EXIT_DONE) {
        if (pbti_cli_has(call, PBTI_OPT_OPEN)) { open_browser(call, address.data); }
        serve(web, dashboard, signals);
    }
    pbti_str_deinit(&address);
    return code;
}

static int read_port(const struct pbti_call *call, struct pbti_dashboard_opts *opts)
{
    if (!pbti_cli_has(call, PBTI_OPT_PORT)) { return PBTI_EXIT_DONE; }
    uint64_t const port = call->number[PBTI_OPT_PORT];
    if (port > UINT16_MAX) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "0 takes any that is free",
                                 "--port is %" PRIu64 ", but must be 0 to 65535", port);
    }
    opts->port = (int32_t)port;
    return PBTI_EXIT_DONE;
}

/* The first line of a file. Returns the exit code. */
static int read_token(const struct pbti_call *call, const char *path, char token[TOKEN_BYTES])
{
    FILE *const file = fopen(path, "re");
    bool const read = file != NULL && fgets(token, TOKEN_BYTES, file) != NULL;
    int const cause = errno;
    if (file != NULL) { (void)fclose(file); }
    if (read) {
        token[strcspn(token, "\r\n")] = '\0';
        return PBTI_EXIT_DONE;
    }
    return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "could not read the token in \"%s\": %s",
                             path, file == NULL ? strerror(cause) : "the file is empty");
}

/*
 * The token that every request needs: --token-file, --token, PBT_DASHBOARD_TOKEN, or a new one.
 * Other users of the machine see a command line, and neither a file nor the environment.
 */
static int choose_token(const struct pbti_call *call, char token[TOKEN_BYTES])
{
    const char *const file = call->value[PBTI_OPT_TOKEN_FILE];
    const char *given = call->value[PBTI_OPT_TOKEN];
    if (file != NULL && given != NULL) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL,
                                 "--token and --token-file cannot both be given");
    }
    if (file != NULL) { return read_token(call, file, token); }
    if (given == NULL) { given = getenv("PBT_DASHBOARD_TOKEN"); }
    if (given != NULL) {
        (void)snprintf(token, TOKEN_BYTES, "%s", given);
        return PBTI_EXIT_DONE;
    }
    uint64_t bits[2];
    pbti_cli_random(bits, sizeof bits);
    (void)snprintf(token, TOKEN_BYTES, "%016" PRIx64 "%016" PRIx64, bits[0], bits[1]);
    return PBTI_EXIT_DONE;
}

int pbti_verb_dashboard(const struct pbti_call *call)
{
    const struct pbti_dashboard_table *web;
    struct pbt_error err = {0};
    if (pbti_cli_dashboard(&web, &err) != PBT_OK) { return pbti_cli_fail(call, &err); }
    struct pbti_dashboard_opts opts = web->opts_default();
    char token[TOKEN_BYTES];
    int const code = read_port(call, &opts);
    if (code != PBTI_EXIT_DONE) { return code; }
    if (pbti_cli_has(call, PBTI_OPT_LISTEN)) { opts.listen = call->value[PBTI_OPT_LISTEN]; }
    opts.journal = call->value[PBTI_OPT_JOURNAL];
    int const refused = choose_token(call, token);
    if (refused != PBTI_EXIT_DONE) { return refused; }
    opts.token = token;
    static int const ending[] = {SIGINT, SIGTERM, SIGHUP};
    struct pbti_signal_pipe signals;
    struct pbti_dashboard *dashboard = NULL;
    (void)signal(SIGPIPE, SIG_IGN);
    if (!pbti_signal_pipe_open(&signals, ending, sizeof ending / sizeof ending[0])) {
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "could not catch signals: %s",
                                 strerror(errno));
    }
    if (web->open(call->argument[0], &opts, &dashboard, &err) != PBT_OK) {
        pbti_signal_pipe_close(&signals);
        return pbti_cli_fail(call, &err);
    }
    int const end = show(call, web, dashboard, &opts, signals.descriptor);
    web->close(dashboard);
    pbti_signal_pipe_close(&signals);
    return end;
}
