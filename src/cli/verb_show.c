/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_show.c - pbt show DIR: the state of a study now. */
#include "cli/cli.h"
#include "view/document.h"
#include "view/summary.h"

static int show_full(const struct pbti_call *call)
{
    struct pbti_str text = {0};
    struct pbt_error err;
    if (!pbti_cli_has(call, PBTI_OPT_JSON)) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, "give --json --full",
                                 "--full goes with --json only");
    }
    struct pbti_document_opts opts = pbti_document_opts_default();
    opts.journal = call->value[PBTI_OPT_JOURNAL];
    if (pbti_document_write(call->argument[0], &opts, &text, &err) != PBT_OK) {
        pbti_str_deinit(&text);
        return pbti_cli_fail(call, &err);
    }
    return pbti_cli_print(call, &text, PBTI_EXIT_DONE);
}

int pbti_verb_show(const struct pbti_call *call)
{
    if (pbti_cli_has(call, PBTI_OPT_FULL)) { return show_full(call); }
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.cache = true;
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err;
    if (pbti_study_reader_open(call->argument[0], &opts, &reader, &err) != PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    uint64_t const wanted =
        pbti_cli_has(call, PBTI_OPT_LEADERS) ? call->number[PBTI_OPT_LEADERS] : 8;
    uint32_t const leaders = wanted > PBTI_MEMBERS_MAX ? PBTI_MEMBERS_MAX : (uint32_t)wanted;
    struct pbti_summary summary;
    pbti_summarize(&summary, reader);
    int code = PBTI_EXIT_DONE;
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        code = pbti_cli_print_json(call, pbti_summary_json(&summary, leaders), code);
    } else {
        struct pbti_str str = {0};
        pbti_summary_text(&str, &summary, leaders, pbti_cli_width());
        code = pbti_cli_print(call, &str, code);
    }
    pbti_study_reader_close(reader);
    return code;
}
