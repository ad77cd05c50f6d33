/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/verb_verify.c - pbt verify DIR: is the record whole, do its decisions follow, are the
 * checkpoints what was reported?
 *
 * The journal is checked by its backend, then folded anew; every decision is made again from the
 * state before it and compared with the recorded one; every checkpoint that should be there is
 * measured. In a live study a checkpoint may vanish meanwhile: then the journal is read further
 * and asked again.
 */
#include "cli/cli.h"

#include "base/fail.h"
#include "study/store.h"
#include "view/format.h"
#include "view/study_reader.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROBLEMS_MAX 20 /* that are told one by one */

struct verify {
    const struct pbti_call *call;
    struct pbti_scratch *scratch; /* owned: for the decision made anew */
    uint64_t events, decisions, checkpoints;
    uint64_t bytes;
    uint64_t problems;
    struct pbti_str text; /* one line a problem */
    json_t *list;         /* owned: the same as objects */
};

/* Remember a problem; `seq` 0 = none. */
static void add_problem(struct verify *verify, const char *kind, uint64_t seq, const char *text)
{
    if (verify->problems++ >= PROBLEMS_MAX) { return; }
    pbti_str_addf(&verify->text, "  %s: ", kind);
    pbti_str_escape(&verify->text, text, strlen(text));
    pbti_str_add(&verify->text, "\n");
    (void)json_array_append_new(verify->list,
                                json_pack("{s:s, s:o, s:o}", "kind", kind, "seq",
                                          seq == 0 ? json_null() : json_integer((json_int_t)seq),
                                          "text", pbti_json_text(text, strlen(text))));
}

/* -------- decisions -------- */

static pbt_status on_event(void *context, const struct pbti_state *state, uint64_t seq,
                           const struct pbti_event *event, struct pbt_error *err)
{
    struct verify *const verify = context;
    (void)err;
    verify->events++;
    if (event->type != PBTI_DECISION || state == NULL || !pbti_decision_due(state)) {
        return PBT_OK;
    }
    verify->decisions++;
    struct pbti_event again;
    pbti_decide(state, &again, verify->scratch);
    const char *const field = pbti_decision_differs(event, &again);
    if (field == NULL) { return PBT_OK; }
    char text[160];
    (void)snprintf(text, sizeof text,
                   "event %" PRIu64 ", the decision on member %" PRIu32
                   ", differs from what the rules give in %s",
                   seq, event->decision.member, field);
    add_problem(verify, "decision", seq, text);
    return PBT_OK;
}

/* -------- checkpoints -------- */

static void compare_checkpoint(struct verify *verify, struct pbti_store *store,
                               struct pbti_live_checkpoints_entry entry,
                               struct pbti_study_reader *reader)
{
    struct pbti_stored stored;
    struct pbt_error err;
    struct pbt_error ignored;
    char name[PBTI_CHECKPOINT_NAME_MAX];
    char text[1200];
    (void)pbti_checkpoint_name(entry.checkpoint, name);
    pbt_status const status = pbti_store_measure(store, entry.checkpoint, &stored, &err);
    if (status != PBT_OK) {
        /* it may have become unreachable since */
        bool const alive =
            pbti_study_reader_update(reader, 0, &ignored) != PBT_OK ||
            pbti_live_checkpoints_find(pbti_study_reader_alive(reader), entry.checkpoint) != NULL;
        if (alive) { add_problem(verify, "checkpoint", 0, err.message); }
        return;
    }
    verify->checkpoints++;
    verify->bytes += stored.bytes;
    if (stored.files != entry.files || stored.bytes != entry.bytes) {
        (void)snprintf(text, sizeof text,
                       "checkpoint \"%s\" has %" PRIu32 " files and %" PRIu64
                       " bytes, not the %" PRIu32 " and %" PRIu64 " that were reported",
                       name, stored.files, stored.bytes, entry.files, entry.bytes);
        add_problem(verify, "checkpoint", 0, text);
    } else if (stored.hash != entry.hash) {
        (void)snprintf(text, sizeof text,
                       "the content of checkpoint \"%s\" is not what was reported: its hash is "
                       "%016" PRIx64 ", not %016" PRIx64,
                       name, stored.hash, entry.hash);
        add_problem(verify, "checkpoint", 0, text);
    }
}

static pbt_status compare_checkpoints(struct verify *verify, struct pbti_study_reader *reader,
                                      struct pbt_error *err)
{
    const struct pbti_live_checkpoints *const alive = pbti_study_reader_alive(reader);
    if (alive->count == 0) { return PBT_OK; }
    struct pbti_store *store = NULL;
    PBTI_TRY(pbti_store_open(pbti_study_reader_dir(reader), false, false, &store, err));
    /* a list of our own: the table changes when the journal is read further */
    size_t const count = alive->count;
    struct pbti_live_checkpoints_entry *const list = malloc(count * sizeof *list);
    if (list == NULL) {
        pbti_store_close(store);
        return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    }
    size_t used = 0;
    for (size_t i = 0; i < alive->capacity; i++) {
        if (alive->entries[i].checkpoint.segment != 0) { list[used++] = alive->entries[i]; }
    }
    for (size_t i = 0; i < used; i++) {
        compare_checkpoint(verify, store, list[i], reader);
    }
    free(list);
    pbti_store_close(store);
    return PBT_OK;
}

/* -------- outcome -------- */

static int print(struct verify *verify)
{
    int const code = verify->problems > 0 ? PBTI_EXIT_FAILED : PBTI_EXIT_DONE;
    if (pbti_cli_has(verify->call, PBTI_OPT_JSON)) {
        json_t *const json = json_pack(
            "{s:i, s:b, s:I, s:I, s:I, s:I, s:I, s:O}", "version", PBTI_JSON_VERSION, "good",
            verify->problems == 0, "events", (json_int_t)verify->events, "decisions",
            (json_int_t)verify->decisions, "checkpoints", (json_int_t)verify->checkpoints,
            "checkpoint_bytes", (json_int_t)verify->bytes, "problem_count",
            (json_int_t)verify->problems, "problems", verify->list);
        return pbti_cli_print_json(verify->call, json, code);
    }
    struct pbti_str str = {0};
    pbti_str_add(&str, verify->problems == 0 ? "good: " : "not good: ");
    pbti_str_count(&str, verify->events);
    pbti_str_add(&str, " events, ");
    pbti_str_count(&str, verify->decisions);
    pbti_str_add(&str, " decisions made anew, ");
    pbti_str_count(&str, verify->checkpoints);
    pbti_str_add(&str, " checkpoints read (");
    pbti_str_bytes(&str, verify->bytes);
    pbti_str_add(&str, ")\n");
    pbti_str_add(&str, pbti_str_text(&verify->text));
    if (verify->problems > PROBLEMS_MAX) {
        pbti_str_addf(&str, "  ... and %" PRIu64 " more\n", verify->problems - PROBLEMS_MAX);
    }
    return pbti_cli_print(verify->call, &str, code);
}

/*
 * Everything, as far as the record can be read. Damage is a problem that is told; what keeps us
 * from looking (no study, no permission, no memory) is an error.
 */
static pbt_status examine(struct verify *verify, const char *dir, struct pbt_error *err)
{
    struct pbti_study_reader_opts opts = pbti_cli_reader_opts(verify->call);
    opts.visitor = on_event;
    opts.context = verify;
    struct pbti_study_reader *reader = NULL;
    pbt_status status = pbti_study_reader_open(dir, &opts, &reader, err);
    if (status == PBT_ECORRUPT) {
        add_problem(verify, "journal", 0, err->message);
        return PBT_OK;
    }
    if (status != PBT_OK) { return status; }
    status = pbti_journal_check(pbti_study_reader_journal(reader), err);
    if (status == PBT_ECORRUPT) {
        add_problem(verify, "journal", 0, err->message);
        status = PBT_OK;
    }
    if (status == PBT_OK && !pbti_cli_has(verify->call, PBTI_OPT_NO_CHECKPOINTS)) {
        status = compare_checkpoints(verify, reader, err);
    }
    pbti_study_reader_close(reader);
    return status;
}

int pbti_verb_verify(const struct pbti_call *call)
{
    struct verify verify = {
        .call = call, .scratch = malloc(sizeof(struct pbti_scratch)), .list = json_array()};
    struct pbt_error err = {.code = PBT_ENOMEM, .message = "out of memory"};
    pbt_status status = PBT_ENOMEM;
    if (verify.scratch != NULL && verify.list != NULL) {
        status = examine(&verify, call->argument[0], &err);
    }
    int const code = status == PBT_OK ? print(&verify) : pbti_cli_fail(call, &err);
    pbti_str_deinit(&verify.text);
    json_decref(verify.list);
    free(verify.scratch);
    return code;
}
