/* SPDX-License-Identifier: Apache-2.0 */
/* cli/given_up.c - which members of a study were given up, and why. */
#include "cli/given_up.h"

#include "base/fail.h"
#include "view/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAID_MAX 5u      /* members that are named */
#define MESSAGE_MAX 200u /* bytes of a failure's message that are shown */

static pbt_status no_memory(struct pbt_error *err)
{
    return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
}

/* Make room for `member`. */
static pbt_status grow(struct pbti_given_up *given_up, uint32_t member, struct pbt_error *err)
{
    if (member < given_up->size) { return PBT_OK; }
    uint32_t const size = 2 * member + 16; /* a folded event's: at most PBTI_MEMBERS_MAX */
    char **const grown = realloc(given_up->message, size * sizeof *grown);
    if (grown == NULL) { return no_memory(err); }
    memset(grown + given_up->size, 0, (size - given_up->size) * sizeof *grown);
    given_up->message = grown;
    given_up->size = size;
    return PBT_OK;
}

pbt_status pbti_given_up_see(struct pbti_given_up *given_up, const struct pbti_event *event,
                             struct pbt_error *err)
{
    const struct pbti_event_report *const report = &event->report;
    bool const failed = event->type == PBTI_REPORT && report->outcome != PBTI_OUTCOME_DONE;
    if (!failed || report->member >= PBTI_MEMBERS_MAX) { return PBT_OK; }
    PBTI_TRY(grow(given_up, report->member, err));
    struct pbti_str str = {0};
    size_t const size = report->message.size < MESSAGE_MAX ? report->message.size : MESSAGE_MAX;
    pbti_str_escape(&str, report->message.data, size);
    char *const text = strdup(pbti_str_text(&str));
    bool const good = text != NULL && !str.failed;
    pbti_str_deinit(&str);
    free(given_up->message[report->member]);
    given_up->message[report->member] = text;
    return good ? PBT_OK : no_memory(err);
}

static void say_member(const struct pbti_given_up *given_up, const struct pbti_call *call,
                       const struct pbti_state *state, uint32_t member, const char *hint)
{
    const struct pbti_member *const m = pbti_state_member(state, member);
    const char *const message = member < given_up->size && given_up->message[member] != NULL
                                    ? given_up->message[member]
                                    : "";
    (void)pbti_cli_complain(call, PBTI_EXIT_DONE, hint,
                            "member %" PRIu32 " was given up in segment %" PRIu32 ": %s%s%s",
                            member, m->segment, pbti_outcome_name(m->outcome),
                            message[0] == '\0' ? "" : ": ", message);
}

void pbti_given_up_say(const struct pbti_given_up *given_up, const struct pbti_call *call,
                       const char *dir, const struct pbti_state *state)
{
    uint32_t left = pbti_state_given_up(state);
    uint32_t const members = pbti_state_members(state);
    struct pbti_str hint = {0};
    if (!pbti_cli_has(call, PBTI_OPT_REVIVE)) {
        pbti_str_add(&hint, "repair the cause, then try them again: pbt resume ");
        pbti_str_quote(&hint, dir);
        pbti_str_add(&hint, " --revive");
    }
    const char *const last = hint.size > 0 ? pbti_str_text(&hint) : NULL;
    uint32_t said = 0;
    for (uint32_t i = 0; i < members && left > 0 && said < SAID_MAX; i++) {
        if (pbti_state_member(state, i)->phase != PBTI_GONE) { continue; }
        said++;
        left--;
        say_member(given_up, call, state, i, left == 0 ? last : NULL);
    }
    if (left > 0) {
        (void)pbti_cli_complain(call, PBTI_EXIT_DONE, last, "%" PRIu32 " more %s given up", left,
                                left == 1 ? "was" : "were");
    }
    pbti_str_deinit(&hint);
}

void pbti_given_up_deinit(struct pbti_given_up *given_up)
{
    for (uint32_t i = 0; i < given_up->size; i++) {
        free(given_up->message[i]);
    }
    free(given_up->message);
    *given_up = (struct pbti_given_up){0};
}
