/* SPDX-License-Identifier: Apache-2.0 */
/* tests/core/lab.c - see lab.h. */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void lab_config(struct pbti_config *config, uint32_t members)
{
    pbti_config_default(config);
    config->members = members;
    config->steps = 100;
    config->ready_every = 10;
    config->max_age = 100;
    config->space.count = 2;
    config->space.hp[0] =
        (struct pbti_hp){.name = "x", .kind = PBTI_HP_LINEAR, .low = -1.0, .high = 1.0};
    config->space.hp[1] =
        (struct pbti_hp){.name = "lr", .kind = PBTI_HP_LOG, .low = 1e-5, .high = 1.0};
}

struct lab *lab_open(const struct pbti_config *config)
{
    struct lab *const lab = calloc(1, sizeof *lab);
    assert_non_null(lab);
    assert_null(pbti_config_invalid(config));
    lab->config = malloc(sizeof *lab->config);
    lab->scratch = malloc(sizeof *lab->scratch);
    lab->block = malloc(pbti_state_bytes(config));
    assert_true(lab->config != NULL && lab->scratch != NULL && lab->block != NULL);
    memcpy(lab->config, config, sizeof *config);
    struct pbti_event event = {.type = PBTI_STUDY, .time_ms = 1};
    event.study.config = lab->config;
    lab->state = pbti_state_init(lab->block, &event);
    assert_null(pbti_state_check(lab->state));
    return lab;
}

void lab_close(struct lab *lab)
{
    free(lab->block);
    free(lab->config);
    free(lab->scratch);
    free(lab);
}

static void note_gone(void *context, struct pbti_checkpoint checkpoint)
{
    struct lab *const lab = context;
    assert_true(lab->gone_count < LAB_GONE_MAX);
    lab->gone[lab->gone_count++] = checkpoint;
}

static void fold(struct lab *lab, const struct pbti_event *event)
{
    struct pbt_error err = {0};
    uint32_t const gone_before = lab->gone_count;
    pbt_status const status =
        pbti_fold(lab->state, pbti_state_seq(lab->state) + 1, event, note_gone, lab, &err);
    if (status != PBT_OK) { fail_msg("fold: %s", err.message); }
    for (uint32_t i = gone_before; i < lab->gone_count; i++) {
        assert_false(pbti_state_reachable(lab->state, lab->gone[i]));
    }
    const char *const broken = pbti_state_check(lab->state);
    if (broken != NULL) { fail_msg("after a %s: %s", pbti_event_name(event->type), broken); }
}

static void settle(struct lab *lab)
{
    lab->decisions = 0;
    while (pbti_decision_due(lab->state)) {
        pbti_decide(lab->state, &lab->last, lab->scratch);
        if (lab->watch != NULL) { lab->watch(lab, &lab->last.decision); }
        fold(lab, &lab->last);
        lab->decisions++;
    }
}

void lab_claim(struct lab *lab, uint32_t member)
{
    const struct pbti_member *const m = lab_member(lab, member);
    struct pbti_event event = {.type = PBTI_CLAIM};
    event.claim = (struct pbti_event_claim){member, m->segment, m->attempt + 1, 7, 0};
    fold(lab, &event);
}

static void report(struct lab *lab, uint32_t member, uint8_t outcome, const double *scores,
                   uint32_t count)
{
    const struct pbti_member *const m = lab_member(lab, member);
    struct pbti_event event = {.type = PBTI_REPORT};
    event.report = (struct pbti_event_report){.member = member,
                                              .segment = m->segment,
                                              .attempt = m->attempt,
                                              .claim = m->claim,
                                              .outcome = outcome,
                                              .steps = pbti_segment_steps(lab->state, member),
                                              .scores_count = count,
                                              .scores = scores};
    fold(lab, &event);
    settle(lab);
}

void lab_done_list(struct lab *lab, uint32_t member, const double *scores, uint32_t count)
{
    report(lab, member, PBTI_OUTCOME_DONE, scores, count);
}

void lab_done(struct lab *lab, uint32_t member, double score)
{
    report(lab, member, PBTI_OUTCOME_DONE, &score, 1);
}

void lab_fail(struct lab *lab, uint32_t member, uint8_t outcome)
{
    report(lab, member, outcome, NULL, 0);
}

void lab_release(struct lab *lab, uint32_t member)
{
    struct pbti_event event = {.type = PBTI_RELEASE};
    event.release =
        (struct pbti_event_release){member, lab_member(lab, member)->claim, PBTI_RELEASE_DRAIN};
    fold(lab, &event);
}

void lab_amend(struct lab *lab, const struct pbti_config *config)
{
    struct pbti_event event = {.type = PBTI_AMEND, .time_ms = 2};
    event.study.config = config;
    void *const block = malloc(pbti_state_amend_bytes(lab->state, config));
    assert_non_null(block);
    struct pbt_error err = {0};
    struct pbti_state *next = NULL;
    uint64_t const seq = pbti_state_seq(lab->state) + 1;
    if (pbti_state_amend(lab->state, seq, &event, block, &next, &err) != PBT_OK) {
        fail_msg("amend: %s", err.message);
    }
    free(lab->block);
    lab->block = block;
    lab->state = next;
    memcpy(lab->config, config, sizeof *config);
    assert_null(pbti_state_check(lab->state));
    settle(lab);
}

void lab_run(struct lab *lab, uint32_t member, double score)
{
    lab_claim(lab, member);
    lab_done(lab, member, score);
}

void lab_break(struct lab *lab, uint32_t member)
{
    uint32_t const retries = pbti_state_config(lab->state)->retries;
    for (uint32_t i = 0; i <= retries; i++) {
        lab_claim(lab, member);
        lab_fail(lab, member, PBTI_OUTCOME_CRASH);
    }
}

const struct pbti_member *lab_member(const struct lab *lab, uint32_t member)
{
    return pbti_state_member(lab->state, member);
}
