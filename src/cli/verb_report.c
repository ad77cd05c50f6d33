/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_report.c - pbt report DIR: a study as one HTML file. */
#include "cli/cli.h"
#include "view/report.h"
#include "view/summary.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

int pbti_verb_report(const struct pbti_call *call)
{
    const char *const dir = call->argument[0];
    char usual[PATH_MAX];
    if (snprintf(usual, sizeof usual, "%s/report.html", dir) >= (int)sizeof usual) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL, "the folder's path is too long");
    }
    const char *const path =
        pbti_cli_has(call, PBTI_OPT_OUTPUT) ? call->value[PBTI_OPT_OUTPUT] : usual;
    size_t count = 1;
    while (count < PBTI_CLI_ARGUMENTS_MAX && call->argument[count] != NULL) {
        count++;
    }
    if (pbti_cli_has(call, PBTI_OPT_COMPARE) && count == 1) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "usage: pbt report DIR --compare OTHER...",
                                 "--compare is given, but no study to compare with");
    }
    struct pbti_str html = {0};
    struct pbt_error err;
    if (pbti_report_write(call->argument, count, call->value[PBTI_OPT_JOURNAL], &html, &err) !=
        PBT_OK) {
        pbti_str_deinit(&html);
        return pbti_cli_fail(call, &err);
    }
    if (strcmp(path, "-") == 0) { return pbti_cli_print(call, &html, PBTI_EXIT_DONE); }
    int const code = pbti_cli_write_file(call, path, &html);
    size_t const size = html.size;
    pbti_str_deinit(&html);
    struct pbti_str said = {0};
    if (code == PBTI_EXIT_DONE && pbti_cli_has(call, PBTI_OPT_JSON)) {
        json_t *const json =
            json_pack("{s:i, s:o, s:I}", "version", PBTI_JSON_VERSION, "file",
                      pbti_json_text(path, strlen(path)), "bytes", (json_int_t)size);
        return pbti_cli_print_json(call, json, code);
    }
    if (code != PBTI_EXIT_DONE || pbti_cli_has(call, PBTI_OPT_QUIET)) { return code; }
    pbti_str_escape(&said, path, strlen(path));
    pbti_str_add(&said, "\n");
    return pbti_cli_print(call, &said, code);
}
