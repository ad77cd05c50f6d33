/* SPDX-License-Identifier: Apache-2.0 */
/* tests/view/view_study.c - see view_study.h. */
#include "view_study.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char head[] = "study: small\n"
                           "seed: 7\n"
                           "trainer: {command: [true], retries: 1}\n"
                           "population: 4\n"
                           "steps: 100\n"
                           "ready: 10\n"
                           "space:\n"
                           "  lr: {type: log, low: 1e-4, high: 1}\n"
                           "  act: {type: categorical, values: [relu, tanh]}\n";

static void commit(struct view_study *study)
{
    static uint64_t last_id;
    struct pbt_error err = {.message = ""};
    struct pbti_batch_id id = {{0}};
    last_id++;
    memcpy(id.bytes, &last_id, sizeof last_id);
    pbt_status const status = pbti_follower_commit(study->follower, id, &err);
    if (status != PBT_OK) { fail_msg("commit: %s", err.message); }
}

static pbt_status make_spec(struct view_study *study, const char *rest, struct pbt_error *err)
{
    char text[2048];
    (void)snprintf(text, sizeof text, "%s%s", head, rest);
    return pbti_spec_parse(text, strlen(text), "small.yaml", NULL, 0, &study->spec, err);
}

void view_study_open(struct view_study *study, const char *rest)
{
    memset(study, 0, sizeof *study);
    (void)snprintf(study->dir, sizeof study->dir, "/tmp/pbt-view-XXXXXX");
    assert_non_null(mkdtemp(study->dir));
    study->time_ms = 1700000000000;
    study->bytes = 100;
    struct pbt_error err = {.message = ""};
    char path[96];
    (void)snprintf(path, sizeof path, "%s/journal.db", study->dir);
    struct pbti_journal_opts opts = pbti_journal_opts_default();
    opts.create = true;
    opts.sync = false;
    pbt_status status = make_spec(study, rest, &err);
    if (status == PBT_OK) { status = pbti_journal_open(path, &opts, &study->journal, &err); }
    if (status == PBT_OK) {
        status = pbti_follower_open(study->journal, NULL, NULL, &study->follower, &err);
    }
    if (status != PBT_OK) { fail_msg("open: %s", err.message); }
    char *const rendered = pbti_spec_render(study->spec);
    assert_non_null(rendered);
    struct pbti_event event = {.type = PBTI_STUDY};
    event.study.config = &study->spec->config;
    event.study.spec = (struct pbti_text){rendered, strlen(rendered)};
    view_study_append(study, &event);
    free(rendered);
}

void view_study_end(struct view_study *study)
{
    pbti_follower_close(study->follower);
    pbti_journal_close(study->journal);
    pbti_spec_destroy(study->spec);
    study->follower = NULL;
    study->journal = NULL;
    study->spec = NULL;
}

static int on_remove(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void view_study_remove(struct view_study *study)
{
    view_study_end(study);
    (void)nftw(study->dir, on_remove, 8, FTW_PHYS | FTW_DEPTH);
}

const struct pbti_state *view_study_state(const struct view_study *study)
{
    return pbti_follower_state(study->follower);
}

void view_study_append(struct view_study *study, const struct pbti_event *event)
{
    struct pbti_event timed = *event;
    timed.time_ms = study->time_ms;
    study->time_ms += 1000;
    struct pbt_error err = {.message = ""};
    pbt_status const status = pbti_follower_stage(study->follower, &timed, &err);
    if (status != PBT_OK) { fail_msg("stage: %s", err.message); }
    commit(study);
}

void view_study_join(struct view_study *study, uint64_t worker, uint64_t process)
{
    struct pbti_event event = {.type = PBTI_WORKER};
    event.worker = (struct pbti_event_worker){
        worker, 2, process, {"nowhere.example", strlen("nowhere.example")}};
    view_study_append(study, &event);
}

void view_study_leave(struct view_study *study, uint64_t worker)
{
    struct pbti_event event = {.type = PBTI_LEAVE};
    event.worker =
        (struct pbti_event_worker){worker, 2, 1, {"nowhere.example", strlen("nowhere.example")}};
    view_study_append(study, &event);
}

void view_study_claim(struct view_study *study, uint32_t member)
{
    const struct pbti_member *const m = pbti_state_member(view_study_state(study), member);
    struct pbti_event event = {.type = PBTI_CLAIM};
    event.claim = (struct pbti_event_claim){member, m->segment, m->attempt + 1, 1, 0};
    view_study_append(study, &event);
}

/* What every report says. */
static struct pbti_event report_of(const struct view_study *study, uint32_t member)
{
    const struct pbti_member *const m = pbti_state_member(view_study_state(study), member);
    struct pbti_event event = {.type = PBTI_REPORT};
    event.report.member = member;
    event.report.segment = m->segment;
    event.report.attempt = m->attempt;
    event.report.claim = m->claim;
    event.report.train_ms = 900;
    event.report.save_ms = 50;
    return event;
}

void view_study_done(struct view_study *study, uint32_t member, double score)
{
    struct pbti_event event = report_of(study, member);
    event.report.steps = pbti_segment_steps(view_study_state(study), member);
    event.report.scores_count = 1;
    event.report.scores = &score;
    event.report.files = 1;
    event.report.bytes = study->bytes++;
    event.report.hash = study->bytes * 31;
    view_study_append(study, &event);
}

void view_study_fail(struct view_study *study, uint32_t member, uint8_t outcome,
                     const char *message)
{
    struct pbti_event event = report_of(study, member);
    event.report.outcome = outcome;
    event.report.message = (struct pbti_text){message, strlen(message)};
    view_study_append(study, &event);
}

void view_study_release(struct view_study *study, uint32_t member)
{
    struct pbti_event event = {.type = PBTI_RELEASE};
    event.release.member = member;
    event.release.claim = pbti_state_member(view_study_state(study), member)->claim;
    event.release.reason = PBTI_RELEASE_DRAIN;
    view_study_append(study, &event);
}

void view_study_run(struct view_study *study, uint32_t member, double score)
{
    view_study_claim(study, member);
    view_study_done(study, member, score);
}
