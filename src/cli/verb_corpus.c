/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_corpus.c - pbt corpus: text for `builtin: translate`.
 *
 * The work is done by the script `corpus` beside the clients, in Python's standard library; this
 * process becomes it.
 */
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int pbti_verb_corpus(const struct pbti_call *call)
{
    static const struct {
        enum pbti_opt id;
        const char *name;
    } options[] = {{PBTI_OPT_TO, "--to"}, {PBTI_OPT_FROM, "--from"}, {PBTI_OPT_AGAIN, "--again"}};
    const char *const clients = pbti_cli_clients();
    char script[PATH_MAX + 16];
    (void)snprintf(script, sizeof script, "%s/../corpus", clients == NULL ? "" : clients);
    if (access(script, R_OK) != 0) {
        return pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL,
                                 "the script \"%s\", which belongs to pbt, cannot be read: %s",
                                 script, strerror(errno));
    }
    const char *arguments[3 + 2 * sizeof options / sizeof options[0]] = {"python3", script};
    size_t count = 2;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const char *const value = call->value[options[i].id];
        if (value == NULL) { continue; }
        arguments[count++] = options[i].name;
        if (value[0] != '\0') { arguments[count++] = value; }
    }
    arguments[count] = NULL;
    (void)execvp("python3", (char *const *)arguments);
    return pbti_cli_complain(call, PBTI_EXIT_FAILED, NULL, "python3 cannot be started: %s",
                             strerror(errno));
}
