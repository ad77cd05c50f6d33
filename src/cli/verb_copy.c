/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_copy.c - pbt copy DIR TARGET: a copy of a study, also of one that runs. */
#include "cli/cli.h"

#include "view/format.h"
#include "view/study_copy.h"
#include "view/summary.h"

#include <inttypes.h>
#include <string.h>

int pbti_verb_copy(const struct pbti_call *call)
{
    const char *const to = call->argument[1];
    struct pbti_study_copied copied;
    struct pbt_error err;
    if (pbti_study_copy(call->argument[0], call->value[PBTI_OPT_JOURNAL], to, &copied, &err) !=
        PBT_OK) {
        return pbti_cli_fail(call, &err);
    }
    if (pbti_cli_has(call, PBTI_OPT_JSON)) {
        json_t *const json =
            json_pack("{s:i, s:o, s:I, s:I, s:I}", "version", PBTI_JSON_VERSION, "target",
                      pbti_json_text(to, strlen(to)), "seq", (json_int_t)copied.seq, "checkpoints",
                      (json_int_t)copied.checkpoints, "bytes", (json_int_t)copied.bytes);
        return pbti_cli_print_json(call, json, PBTI_EXIT_DONE);
    }
    if (pbti_cli_has(call, PBTI_OPT_QUIET)) { return PBTI_EXIT_DONE; }
    struct pbti_str str = {0};
    pbti_str_addf(&str, "copied up to event %" PRIu64 ", ", copied.seq);
    pbti_str_count(&str, copied.checkpoints);
    pbti_str_add(&str, " checkpoints (");
    pbti_str_bytes(&str, copied.bytes);
    pbti_str_add(&str, ") to ");
    pbti_str_escape(&str, to, strlen(to));
    pbti_str_add(&str, "\n");
    return pbti_cli_print(call, &str, PBTI_EXIT_DONE);
}
