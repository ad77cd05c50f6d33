/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view/top.c - following a study, and its screen.
 *
 *     fashion  running  12m 33s  1 worker  16 members
 *     best accuracy 0.8790 member 7 age 9,500, exploits 12, failures 0, disk 1.2 MiB
 *     ########............  42 %  134,400/320,000 steps  12 s left
 *
 *     rank  member   score    age       lr  dropout
 *     ...
 *
 *     slot  member  segment  from age  since  worker
 *     ...
 *
 *          ago  what happened
 *         12 s  member 3 (rank 15 of 16, 0.8123) replaced by member 7 (rank 2, 0.8790): ...
 *     q quits
 */
#include "view/top.h"

#include "base/fail.h"
#include "view/format.h"
#include "view/recent_events.h"
#include "view/summary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SAID 64     /* decisions and failures that are kept */
#define RUNNING 256 /* segments that are listed */

struct pbti_top {
    struct pbti_study_reader *reader; /* owned */
    struct pbti_sayings said;
    int64_t *claimed_ms; /* owned, shape (members): of its latest claim */
    uint32_t members;
};

/* -------- following -------- */

static pbt_status note_claim(struct pbti_top *top, uint32_t member, uint32_t members,
                             int64_t time_ms, struct pbt_error *err)
{
    if (members > top->members) {
        int64_t *const larger = realloc(top->claimed_ms, members * sizeof *larger);
        if (larger == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
        memset(larger + top->members, 0, (members - top->members) * sizeof *larger);
        top->claimed_ms = larger;
        top->members = members;
    }
    if (member < top->members) { top->claimed_ms[member] = time_ms; }
    return PBT_OK;
}

static pbt_status visit(void *context, const struct pbti_state *state, uint64_t seq,
                        const struct pbti_event *event, struct pbt_error *err)
{
    struct pbti_top *const top = context;
    if (event->type == PBTI_CLAIM && state != NULL) {
        return note_claim(top, event->claim.member, pbti_state_members(state), event->time_ms, err);
    }
    return pbti_sayings_visit(&top->said, state, seq, event, err);
}

pbt_status pbti_top_open(const char *dir, const char *journal, struct pbti_top **out,
                         struct pbt_error *err)
{
    *out = NULL;
    struct pbti_top *const top = calloc(1, sizeof *top);
    if (top == NULL) { return PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory"); }
    struct pbti_study_reader_opts opts = pbti_study_reader_opts_default();
    opts.journal = journal;
    opts.visitor = visit;
    opts.context = top;
    pbt_status const status = pbti_sayings_init(&top->said, SAID, SAID)
                                  ? pbti_study_reader_open(dir, &opts, &top->reader, err)
                                  : PBTI_FAIL(err, PBT_ENOMEM, 0, "out of memory");
    if (status != PBT_OK) {
        pbti_top_close(top);
        return status;
    }
    *out = top;
    return PBT_OK;
}

void pbti_top_close(struct pbti_top *top)
{
    if (top == NULL) { return; }
    pbti_study_reader_close(top->reader);
    pbti_sayings_deinit(&top->said);
    free(top->claimed_ms);
    free(top);
}

struct pbti_study_reader *pbti_top_reading(struct pbti_top *top)
{
    return top->reader;
}

/* -------- head -------- */

/* A frame being made. */
struct frame {
    const struct pbti_top *top;
    const struct pbti_terminal *terminal;
    int64_t now_ms;
    struct pbti_summary summary;
    struct pbti_str *str;
};

static void end_line(const struct frame *frame, size_t from, const char *color)
{
    pbti_line_end(frame->str, from, frame->terminal->width, frame->terminal->color ? color : NULL);
}

static void add_title(const struct frame *frame)
{
    const struct pbti_summary *const summary = &frame->summary;
    struct pbti_str *const str = frame->str;
    size_t const from = str->size;
    pbti_str_escape(str, summary->spec->study, strlen(summary->spec->study));
    pbti_str_clip(str, from, frame->terminal->width / 2);
    pbti_str_addf(str, "  %s", pbti_summary_status(summary));
    if (summary->stop != PBTI_STOP_NONE) {
        pbti_str_addf(str, " (%s)", pbti_stop_name(summary->stop));
    }
    pbti_str_add(str, "  ");
    pbti_str_duration(str, summary->worked_ms);
    pbti_str_addf(str, "  %" PRIu32 " worker%s  %" PRIu32 " members", summary->workers,
                  summary->workers == 1 ? "" : "s", summary->members);
    if (summary->controls > 0) { pbti_str_addf(str, ", %" PRIu32 " controls", summary->controls); }
    end_line(frame, from, PBTI_BOLD);
}

static void add_bar(const struct frame *frame)
{
    const struct pbti_summary *const summary = &frame->summary;
    struct pbti_str *const str = frame->str;
    size_t const from = str->size;
    double const share =
        summary->steps_total == 0 ? 0 : (double)summary->steps_done / (double)summary->steps_total;
    pbti_line_bar(str, frame->terminal->utf8, share, frame->terminal->width >= 100 ? 40 : 20);
    pbti_str_addf(str, " %3.0f %%  ", (double)(uint64_t)(100 * share));
    pbti_str_count(str, summary->steps_done);
    pbti_str_add(str, "/");
    pbti_str_count(str, summary->steps_total);
    pbti_str_add(str, " steps");
    if (summary->left_ms >= 0) {
        pbti_str_add(str, "  ");
        pbti_str_duration(str, summary->left_ms);
        pbti_str_add(str, " left");
    }
    end_line(frame, from, NULL);
}

static void add_best(const struct frame *frame)
{
    const struct pbti_summary *const summary = &frame->summary;
    struct pbti_str *const str = frame->str;
    size_t const from = str->size;
    if (summary->best.checkpoint.segment == 0) {
        pbti_str_add(str, "no score yet");
    } else {
        pbti_str_add(str, "best ");
        pbti_str_escape(str, summary->spec->score_name, strlen(summary->spec->score_name));
        pbti_str_clip(str, from, 24);
        pbti_str_add(str, " ");
        pbti_str_score(str, summary->best.score);
        pbti_str_addf(str, " member %" PRIu32 " age ", summary->best.checkpoint.member);
        pbti_str_count(str, summary->best.age);
    }
    pbti_str_add(str, ", exploits ");
    pbti_str_count(str, summary->counts.exploits);
    pbti_str_add(str, ", failures ");
    pbti_str_count(str, summary->counts.failures);
    pbti_str_add(str, ", disk ");
    pbti_str_bytes(str, summary->checkpoint_bytes);
    end_line(frame, from, PBTI_GREEN);
}

/* -------- sections: an empty line, a heading, lines -------- */

static void add_table(const struct frame *frame, struct pbti_table *table)
{
    struct pbti_str text = {0};
    pbti_table_print(table, &text, 0, frame->terminal->width);
    const char *rest = pbti_str_text(&text);
    const char *color = PBTI_DIM;
    pbti_str_add(frame->str, "\n");
    for (const char *end = strchr(rest, '\n'); end != NULL; end = strchr(rest, '\n')) {
        size_t const from = frame->str->size;
        pbti_str_add_bytes(frame->str, rest, (size_t)(end - rest));
        end_line(frame, from, color);
        color = NULL;
        rest = end + 1;
    }
    frame->str->failed = frame->str->failed || text.failed;
    pbti_str_deinit(&text);
    pbti_table_deinit(table);
}

static void add_leaders(const struct frame *frame, uint32_t count)
{
    struct pbti_table table = {0};
    pbti_leaders_table(&table, frame->summary.state, PBTI_GROUP_POPULATION, count);
    add_table(frame, &table);
}

/* A segment that runs. */
struct running {
    uint64_t worker;
    uint32_t slot, member;
};

/* A slot keeps its line: by worker, then by slot. */
static int compare_running(const void *a, const void *b)
{
    const struct running *const x = a;
    const struct running *const y = b;
    if (x->worker != y->worker) { return x->worker < y->worker ? -1 : 1; }
    return (x->slot > y->slot) - (x->slot < y->slot);
}

static uint32_t find_running(const struct pbti_state *state, struct running *running)
{
    uint32_t count = 0;
    uint32_t const members = pbti_state_members(state);
    for (uint32_t i = 0; i < members && count < RUNNING; i++) {
        const struct pbti_member *const member = pbti_state_member(state, i);
        if (member->phase != PBTI_RUNNING) { continue; }
        running[count++] = (struct running){member->worker, member->slot, i};
    }
    qsort(running, count, sizeof *running, compare_running);
    return count;
}

/* "host:process" of a worker that is known, else its id. */
static void add_worker(struct pbti_str *str, const struct pbti_study_stats *tally, uint64_t id)
{
    size_t const from = str->size;
    for (uint32_t i = 0; i < tally->workers_count && i < PBTI_STATS_WORKERS; i++) {
        const struct pbti_study_stats_worker *const worker = &tally->workers[i];
        if (worker->worker != id) { continue; }
        pbti_str_escape(str, worker->host, strlen(worker->host));
        pbti_str_clip(str, from, 20);
        pbti_str_addf(str, ":%" PRIu64, worker->process);
        return;
    }
    pbti_str_addf(str, "%016" PRIx64, id);
}

static void add_running(const struct frame *frame, const struct running *running, uint32_t count)
{
    static const char *const heads[] = {"slot", "member", "segment", "from age", "since", "worker"};
    struct pbti_table table = {0};
    struct pbti_str *const cell = &table.text;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        pbti_str_add(cell, heads[i]);
        pbti_table_cell(&table);
    }
    pbti_table_row(&table);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t const index = running[i].member;
        const struct pbti_member *const member = pbti_state_member(frame->summary.state, index);
        int64_t const since = frame->now_ms - frame->top->claimed_ms[index];
        pbti_str_addf(cell, "%" PRIu32, running[i].slot);
        pbti_table_cell(&table);
        pbti_str_addf(cell, "%" PRIu32, index);
        pbti_table_cell(&table);
        pbti_str_addf(cell, "%" PRIu32, member->segment);
        pbti_table_cell(&table);
        pbti_str_count(cell, member->age);
        pbti_table_cell(&table);
        pbti_str_duration(cell, since < 0 ? 0 : since);
        pbti_table_cell(&table);
        add_worker(cell, frame->summary.tally, running[i].worker);
        pbti_table_cell(&table);
        pbti_table_row(&table);
    }
    add_table(frame, &table);
}

static void add_said(const struct frame *frame, const struct pbti_recent_events *said)
{
    struct pbti_str *const str = frame->str;
    size_t const from = str->size;
    int64_t const ago = frame->now_ms - said->time_ms;
    const char *const text = said->text == NULL ? "" : said->text;
    pbti_str_duration(str, ago < 0 ? 0 : ago);
    pbti_str_pad(str, from, 8, true);
    pbti_str_add(str, "  ");
    if (said->outcome == PBTI_OUTCOME_DONE) {
        pbti_str_add(str, text);
    } else {
        pbti_str_addf(str, "member %" PRIu32 ", segment %" PRIu32 " failed (%s): ", said->member,
                      said->segment, pbti_outcome_name(said->outcome));
        pbti_str_escape(str, text, strlen(text));
    }
    end_line(frame, from, NULL);
}

/* The latest `count` decisions and failures, latest first: two rings are merged from their ends. */
static void add_recent(const struct frame *frame, uint32_t count)
{
    const struct pbti_ring *const decisions = &frame->top->said.decisions;
    const struct pbti_ring *const failures = &frame->top->said.failures;
    uint32_t d = pbti_ring_size(decisions);
    uint32_t f = pbti_ring_size(failures);
    pbti_str_add(frame->str, "\n");
    size_t const from = frame->str->size;
    pbti_str_add(frame->str, "     ago  what happened");
    end_line(frame, from, PBTI_DIM);
    for (uint32_t i = 0; i < count && d + f > 0; i++) {
        bool const decision = f == 0 || (d > 0 && pbti_ring_at(decisions, d - 1)->seq >
                                                      pbti_ring_at(failures, f - 1)->seq);
        add_said(frame, decision ? pbti_ring_at(decisions, --d) : pbti_ring_at(failures, --f));
    }
}

/* -------- sharing the rows -------- */

#define HEAD 3      /* lines above the sections */
#define OVERHEAD 2u /* of a section: the empty line and the heading */

/* Lines of each section; 0: it is left out. */
struct rows {
    uint32_t leaders, running, recent;
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Take lines for a section of `wanted` lines, at most `most`, from what is left. */
static uint32_t take(uint32_t *left, uint32_t wanted, uint32_t most)
{
    if (wanted == 0 || most == 0 || *left <= OVERHEAD) { return 0; }
    uint32_t const lines = least(least(wanted, most), *left - OVERHEAD);
    *left -= lines + OVERHEAD;
    return lines;
}

/* A few lines for each, in the order of what people look for; the rest to who can use it. */
static struct rows share_rows(uint32_t left, uint32_t leaders, uint32_t running, uint32_t recent)
{
    uint32_t const quarter = left / 4;
    struct rows rows;
    rows.leaders = take(&left, leaders, quarter < 3 ? 3 : quarter);
    rows.running = take(&left, running, quarter < 2 ? 2 : quarter - 1);
    rows.recent = take(&left, recent, quarter < 2 ? 2 : quarter - 1);
    uint32_t *const sections[] = {&rows.leaders, &rows.recent, &rows.running};
    uint32_t const wanted[] = {leaders, recent, running};
    for (size_t i = 0; i < 3; i++) {
        if (*sections[i] == 0) { continue; }
        uint32_t const more = least(wanted[i] - *sections[i], left);
        *sections[i] += more;
        left -= more;
    }
    return rows;
}

static uint32_t count_ranked(const struct pbti_state *state, uint32_t most)
{
    uint32_t count = 0;
    while (count < most &&
           pbti_state_ranked(state, PBTI_GROUP_POPULATION, count) != PBTI_NO_MEMBER) {
        count++;
    }
    return count;
}

void pbti_top_frame(const struct pbti_top *top, const struct pbti_terminal *terminal,
                    int64_t now_ms, struct pbti_str *str)
{
    struct frame frame = {.top = top, .terminal = terminal, .now_ms = now_ms, .str = str};
    struct running running[RUNNING];
    pbti_summarize(&frame.summary, top->reader);
    uint32_t const height = terminal->height;
    add_title(&frame);
    if (height >= 2) { add_best(&frame); }
    if (height >= HEAD) { add_bar(&frame); }
    if (height <= HEAD + 1) { return; }
    uint32_t const recent =
        pbti_ring_size(&top->said.decisions) + pbti_ring_size(&top->said.failures);
    struct rows const rows =
        share_rows(height - HEAD - 1, count_ranked(frame.summary.state, height),
                   find_running(frame.summary.state, running), least(recent, SAID));
    if (rows.leaders > 0) { add_leaders(&frame, rows.leaders); }
    if (rows.running > 0) { add_running(&frame, running, rows.running); }
    if (rows.recent > 0) { add_recent(&frame, rows.recent); }
    size_t const from = str->size;
    pbti_str_add(str, "q quits");
    end_line(&frame, from, PBTI_DIM);
}
