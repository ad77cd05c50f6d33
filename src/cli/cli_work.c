/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cli_work.c - a worker with its display. */
#include "cli/cli_work.h"

#include "view/explain.h"
#include "view/progress.h"
#include "worker/retry.h"
#include "worker/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MAX 1000000ul /* seconds */

struct work {
    const struct pbti_call *call;
    struct pbti_progress *progress;
    struct pbti_progress_slot *slots; /* owned */
    uint32_t slots_count;
};

/* -------- callbacks of the worker -------- */

/* What the display wants to know of what the worker says. */
static struct pbti_progress_view progress_view(struct work *work, const struct pbti_run_view *view)
{
    if (view->slots_count > work->slots_count) {
        struct pbti_progress_slot *const more =
            realloc(work->slots, view->slots_count * sizeof *more);
        if (more != NULL) {
            work->slots = more;
            work->slots_count = view->slots_count;
        }
    }
    uint32_t const count =
        view->slots_count < work->slots_count ? view->slots_count : work->slots_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct pbti_slot_view *const slot = &view->slots[i];
        work->slots[i] = (struct pbti_progress_slot){.usable = slot->usable,
                                                     .busy = slot->busy,
                                                     .member = slot->member,
                                                     .segment = slot->segment,
                                                     .step = slot->step,
                                                     .steps = slot->steps};
    }
    return (struct pbti_progress_view){.state = view->state,
                                       .study = view->spec->study,
                                       .score_name = view->spec->score_name,
                                       .slots_count = count,
                                       .slots = work->slots,
                                       .checkpoint_bytes = view->checkpoint_bytes};
}

static void on_tick(void *context, const struct pbti_run_view *view)
{
    struct work *const work = context;
    if (view->state == NULL) { return; }
    struct pbti_progress_view const shown = progress_view(work, view);
    int64_t const now = pbti_cli_steady_ms();
    pbti_progress_tick(work->progress, &shown, now);
}

static void on_event(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct work *const work = context;
    pbti_progress_event(work->progress, seq, event);
}

static void on_warning(void *context, const char *text)
{
    struct work *const work = context;
    pbti_progress_warn(work->progress, text);
}

/* -------- the run -------- */

/* Draw the display a last time, from the journal as it is now. */
static void finish_display(struct work *work, const char *dir)
{
    struct pbti_study_reader *reader = NULL;
    struct pbt_error ignored;
    struct pbti_study_reader_opts const opts = pbti_cli_reader_opts(work->call);
    if (pbti_study_reader_open(dir, &opts, &reader, &ignored) != PBT_OK) { return; }
    const struct pbti_spec *const spec = pbti_study_reader_spec(reader);
    struct pbti_progress_view const view = {
        .state = pbti_study_reader_state(reader),
        .study = spec->study,
        .score_name = spec->score_name,
        .checkpoint_bytes = pbti_study_reader_alive(reader)->bytes,
    };
    pbti_progress_finish(work->progress, &view, pbti_cli_steady_ms());
    pbti_study_reader_close(reader);
}

int pbti_cli_interrupted(const struct pbti_call *call, const char *dir)
{
    if (pbti_cli_has(call, PBTI_OPT_QUIET)) { return PBTI_EXIT_INTERRUPTED; }
    struct pbti_str command = {0};
    pbti_str_add(&command,
                 "interrupted; nothing that was reported is lost. To go on:\n  pbt resume ");
    pbti_str_quote(&command, dir);
    pbti_str_add(&command, "\n");
    (void)fflush(stdout);
    (void)fprintf(stderr, "pbt %s: %s", call->verb->name, pbti_str_text(&command));
    pbti_str_deinit(&command);
    return PBTI_EXIT_INTERRUPTED;
}

/*
 * For how long storage may fail before the run ends: PBT_PATIENCE of the environment, in seconds.
 * Returns -1, or the exit code: it is no such number.
 */
static int read_patience(const struct pbti_call *call, uint32_t *patience_ms)
{
    const char *const text = getenv("PBT_PATIENCE");
    *patience_ms = pbti_run_opts_default().give_up_ms;
    if (text == NULL || text[0] == '\0') { return -1; }
    char *end;
    unsigned long const seconds = strtoul(text, &end, 10);
    if (*end != '\0' || text[0] < '0' || text[0] > '9' || seconds > PATIENCE_MAX) {
        return pbti_cli_complain(call, PBTI_EXIT_USAGE, NULL,
                                 "PBT_PATIENCE is \"%s\", but must be 0 to %lu seconds", text,
                                 PATIENCE_MAX);
    }
    *patience_ms = (uint32_t)seconds * 1000;
    return -1;
}

int pbti_cli_open(const struct pbti_call *call, const char *dir,
                  const struct pbti_study_reader_opts *opts, struct pbti_study_reader **reader)
{
    struct pbti_retry patience = {0};
    struct pbti_study_reader_opts const usual = pbti_cli_reader_opts(call);
    int const code = read_patience(call, &patience.give_up_ms);
    if (code >= 0) { return code; }
    struct pbt_error err;
    pbt_status status;
    do {
        status = pbti_study_reader_open(dir, opts != NULL ? opts : &usual, reader, &err);
        if (status == PBT_EBUSY && patience.since_ms == 0) {
            (void)pbti_cli_complain(call, PBTI_EXIT_STORAGE, NULL, "%s; trying again for %u s",
                                    err.message, patience.give_up_ms / 1000);
        }
    } while (pbti_retry_again(&patience, status));
    return status == PBT_OK ? -1 : pbti_cli_fail(call, &err);
}

int pbti_cli_work(const struct pbti_call *call, const char *dir)
{
    struct pbti_run_opts opts = pbti_run_opts_default();
    int const code = read_patience(call, &opts.give_up_ms);
    if (code >= 0) { return code; }
    FILE *const stream = pbti_cli_has(call, PBTI_OPT_JSON) ? stderr : stdout;
    enum pbti_progress_kind const kind =
        pbti_cli_has(call, PBTI_OPT_QUIET) ? PBTI_PROGRESS_NONE : pbti_progress_kind_for(stream);
    struct work work = {.call = call, .progress = pbti_progress_create(stream, kind, dir)};
    if (work.progress == NULL) { return pbti_cli_no_memory(call); }
    opts.dir = dir;
    opts.journal = call->value[PBTI_OPT_JOURNAL];
    opts.program = pbti_cli_program();
    opts.clients = pbti_cli_clients();
    opts.slots = (uint32_t)call->number[PBTI_OPT_SLOTS];
    opts.signals = true;
    opts.adopts = true;
    opts.builtin_known = pbti_cli_builtin_known;
    opts.observer = on_event;
    opts.tick = on_tick;
    opts.warn = on_warning;
    opts.context = &work;
    enum pbti_run_end end = PBTI_RUN_ENDED;
    struct pbt_error err;
    pbt_status const status = pbti_run(&opts, &end, &err);
    if (status == PBT_OK) { finish_display(&work, dir); }
    pbti_progress_destroy(work.progress);
    free(work.slots);
    if (status != PBT_OK) { return pbti_cli_fail(call, &err); }
    switch (end) {
    case PBTI_RUN_INTERRUPTED: return pbti_cli_interrupted(call, dir);
    case PBTI_RUN_BAD_PLACE:
        return pbti_cli_complain(call, PBTI_EXIT_PLACE, err.hint, "%s", err.message);
    case PBTI_RUN_ALIKE:
        return pbti_cli_complain(call, PBTI_EXIT_FAILED, err.hint, "%s", err.message);
    case PBTI_RUN_NO_SLOTS:
        return pbti_cli_complain(call, PBTI_EXIT_FAILED,
                                 "see the logs of the trainers in the study's folder logs/",
                                 "no slot is usable any more: a trainer could not be killed");
    case PBTI_RUN_ENDED: break;
    }
    return -1;
}

bool pbti_cli_override(struct pbti_call *call, const char *key, const char *value)
{
    if (call->set_count == sizeof call->set / sizeof call->set[0]) { return false; }
    call->set[call->set_count++] = (struct pbti_override){key, value};
    return true;
}
