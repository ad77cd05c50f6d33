/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verb_log.c - pbt log DIR: the events in words or as JSON Lines. */
#include "cli/cli.h"

#include "base/fail.h"
#include "view/event_json.h"
#include "view/explain.h"
#include "view/format.h"
#include "view/study_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    const struct pbti_call *call;
    struct pbti_str str;
    bool closed; /* whoever reads our output has had enough */
};

/* The member an event concerns, or PBTI_NO_MEMBER. */
static uint32_t member_of(const struct pbti_event *event)
{
    switch (event->type) {
    case PBTI_CLAIM: return event->claim.member;
    case PBTI_RELEASE: return event->release.member;
    case PBTI_REPORT: return event->report.member;
    case PBTI_DECISION: return event->decision.member;
    case PBTI_PROPOSAL: return event->proposal.member;
    case PBTI_NOTE:
        return event->note.checkpoint.segment == 0 ? PBTI_NO_MEMBER : event->note.checkpoint.member;
    default: return PBTI_NO_MEMBER;
    }
}

static bool is_wanted(const struct pbti_call *call, uint64_t seq, const struct pbti_event *event)
{
    if (pbti_cli_has(call, PBTI_OPT_SINCE) && seq <= call->number[PBTI_OPT_SINCE]) { return false; }
    if (pbti_cli_has(call, PBTI_OPT_DECISIONS) && event->type != PBTI_DECISION) { return false; }
    if (!pbti_cli_has(call, PBTI_OPT_MEMBER)) { return true; }
    uint64_t const wanted = call->number[PBTI_OPT_MEMBER];
    uint32_t const member = member_of(event);
    bool const donor = event->type == PBTI_DECISION && event->decision.kind == PBTI_REPLACE &&
                       event->decision.opponent == wanted;
    return (member != PBTI_NO_MEMBER && member == wanted) || donor;
}

static void add_json(struct pbti_str *str, const struct pbti_state *state, uint64_t seq,
                     const struct pbti_event *event)
{
    json_t *const json = pbti_event_json(state, seq, event);
    char *const text =
        json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (text == NULL) {
        str->failed = true;
        return;
    }
    pbti_str_add(str, text);
    free(text);
}

static pbt_status on_event(void *context, const struct pbti_state *state, uint64_t seq,
                           const struct pbti_event *event, struct pbt_error *err)
{
    struct lines *const lines = context;
    struct pbti_str *const str = &lines->str;
    if (!is_wanted(lines->call, seq, event)) { return PBT_OK; }
    pbti_str_clear(str);
    if (pbti_cli_has(lines->call, PBTI_OPT_JSON)) {
        add_json(str, state, seq, event);
    } else {
        pbti_str_time(str, event->time_ms);
        pbti_str_addf(str, " %6" PRIu64 "  ", seq);
        pbti_explain_event(str, state, event);
    }
    pbti_str_add(str, "\n");
    if (str->failed) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    if (fwrite(str->data, 1, str->size, stdout) != str->size) {
        lines->closed = errno == EPIPE;
        return PBTI_FAIL(err, PBT_EIO, errno, "could not write to stdout: %s", strerror(errno));
    }
    return PBT_OK;
}

/* Print what comes, until the study has ended. */
static pbt_status follow(struct pbti_study_reader *reader, struct pbt_error *err)
{
    while (pbti_state_stop(pbti_study_reader_state(reader)) == PBTI_STOP_NONE) {
        (void)fflush(stdout);
        PBTI_TRY(pbti_study_reader_update(reader, 500, err));
    }
    return pbti_study_reader_update(reader, 0, err);
}

int pbti_verb_log(const struct pbti_call *call)
{
    struct lines lines = {.call = call};
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(call);
    opts.visitor = on_event;
    opts.context = &lines;
    struct pbti_study_reader *reader = NULL;
    struct pbt_error err;
    pbt_status status = pbti_study_reader_open(call->argument[0], &opts, &reader, &err);
    if (status == PBT_OK && pbti_cli_has(call, PBTI_OPT_FOLLOW)) { status = follow(reader, &err); }
    pbti_study_reader_close(reader);
    pbti_str_deinit(&lines.str);
    (void)fflush(stdout);
    return status == PBT_OK || lines.closed ? PBTI_EXIT_DONE : pbti_cli_fail(call, &err);
}
