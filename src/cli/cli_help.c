/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_help.c - the pages of help and docs/cli.md, from the manifest. */
#include "cli/cli.h"

#include <string.h>

void pbti_cli_help(struct pbti_str *str)
{
    pbti_str_add(
        str, "usage: pbt VERB [arguments]: train a population of networks, tune it meanwhile\n\n");
    for (size_t i = 0; pbti_verb_at(i) != NULL; i++) {
        const struct pbti_verb *const verb = pbti_verb_at(i);
        if (verb->hidden) { continue; }
        pbti_str_addf(str, "  %-9s %s\n", verb->name, verb->summary);
    }
    pbti_str_add(
        str, "`pbt VERB --help` tells more. To begin: pbt init, then pbt run study.yaml\n"
             "exit codes: 0 done, 1 study failed, 2 usage, 3 storage, 4 place, 130 interrupted\n");
}

/* "  -q, --quiet          print nothing". */
static void add_option(struct pbti_str *str, char letter, const char *name, const char *argument,
                       const char *help)
{
    size_t const from = str->size;
    if (letter != 0) {
        pbti_str_addf(str, "  -%c, --%s %s", letter, name, argument);
    } else {
        pbti_str_addf(str, "      --%s %s", name, argument);
    }
    pbti_str_pad(str, from, 23, false);
    pbti_str_addf(str, " %s\n", help);
}

/* "usage: pbt run SPEC [options]" */
static void add_usage(struct pbti_str *str, const struct pbti_verb *verb)
{
    pbti_str_addf(str, "pbt %s%s%s [options]", verb->name, verb->arguments[0] == '\0' ? "" : " ",
                  verb->arguments);
}

void pbti_cli_verb_help(struct pbti_str *str, const struct pbti_verb *verb)
{
    pbti_str_add(str, "usage: ");
    add_usage(str, verb);
    pbti_str_addf(str, "\n\n%s\noptions:\n", verb->text);
    for (size_t i = 0; pbti_option_at(i) != NULL; i++) {
        const struct pbti_option *const option = pbti_option_at(i);
        if (strcmp(option->verb, verb->name) != 0) { continue; }
        add_option(str, option->letter, option->name, option->argument, option->help);
    }
    add_option(str, 'h', "help", "", "print this page");
    pbti_str_addf(str, "\nexample:\n  %s\n", verb->example);
}

void pbti_cli_manual(struct pbti_str *str)
{
    pbti_str_add(
        str,
        "# The command\n\n"
        "Made from `src/cli/verbs.h` by `pbt manual cli`; do not edit.\n\n"
        "Results go to standard output, everything else to standard error, as\n"
        "`pbt VERB: message` and perhaps a line `hint: ...`. `--option value` and\n"
        "`--option=value` mean the same. What `--json` prints is described in "
        "[json.md](json.md).\n\n"
        "| exit code | meaning |\n|---|---|\n"
        "| 0 | done: every member trained what was asked |\n"
        "| 1 | the study ended otherwise (a member was given up, there is no finite score), its "
        "first segments all failed alike, or a verification failed |\n"
        "| 2 | wrong usage, a wrong spec, or what can never work |\n"
        "| 3 | storage that may come back: a journal, a folder, a server or a disk |\n"
        "| 4 | this worker left because of its place ([failures.md](failures.md)); the study is "
        "untouched |\n"
        "| 130 | interrupted; `pbt resume` goes on |\n\n"
        "When storage fails (a full disk), training waits and tries again for a\n"
        "minute, or for as many seconds as `PBT_PATIENCE` says in the environment.\n");
    for (size_t i = 0; pbti_verb_at(i) != NULL; i++) {
        const struct pbti_verb *const verb = pbti_verb_at(i);
        if (verb->hidden) { continue; }
        pbti_str_addf(str, "\n## pbt %s\n\n```\n", verb->name);
        add_usage(str, verb);
        pbti_str_addf(str, "\n```\n\n%s\n| option | meaning |\n|---|---|\n", verb->text);
        for (size_t k = 0; pbti_option_at(k) != NULL; k++) {
            const struct pbti_option *const option = pbti_option_at(k);
            if (strcmp(option->verb, verb->name) != 0) { continue; }
            pbti_str_add(str, "| ");
            if (option->letter != 0) { pbti_str_addf(str, "`-%c`, ", option->letter); }
            pbti_str_addf(str, "`--%s%s%s` | %s |\n", option->name,
                          option->argument[0] == '\0' ? "" : " ", option->argument, option->help);
        }
        pbti_str_addf(str, "| `-h`, `--help` | print a page of help |\n\nExample: `%s`\n",
                      verb->example);
    }
}
