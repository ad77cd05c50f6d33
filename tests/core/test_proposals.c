/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_proposals.c - members that begin with what was proposed, and which proposals
 * apply. How workers make them: tests/worker/test_agent.c.
 */
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The first `given` members have a starting point. */
static struct lab *begin(uint32_t members, uint32_t given, struct pbti_config **out)
{
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, members);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    config->proposals = true;
    config->points_count = given;
    for (uint32_t i = 0; i < 2 * given; i++) {
        config->points[i] = NAN;
    }
    assert_null(pbti_config_invalid(config));
    *out = config;
    return lab_open(config);
}

static pbt_status propose(struct lab *lab, uint32_t member, uint64_t knows, double a, double b)
{
    double const values[] = {a, b};
    struct pbti_event const event = {.type = PBTI_PROPOSAL, .proposal = {member, knows, 2, values}};
    uint64_t const hash = pbti_state_hash(lab->state);
    uint64_t const seq = pbti_state_seq(lab->state) + 1;
    pbt_status const status = pbti_fold(lab->state, seq, &event, NULL, NULL, NULL);
    assert_null(pbti_state_check(lab->state));
    if (status != PBT_OK) { assert_true(pbti_state_hash(lab->state) == hash); }
    return status;
}

static void test_a_member_waits_for_its_proposal(void **unused)
{
    (void)unused;
    struct pbti_config *config = NULL;
    struct lab *const lab = begin(3, 1, &config);
    struct pbti_checkpoint const nothing = {0, 0, 0};
    assert_int_equal(lab_member(lab, 0)->phase, PBTI_WAITING);
    assert_int_equal(pbti_expecting(lab->state), 1);
    lab_claim(lab, 0);
    assert_int_equal(pbti_next(lab->state, PBTI_NO_MEMBER, nothing), PBTI_NO_MEMBER);
    assert_int_equal(propose(lab, 1, pbti_state_seq(lab->state), 0.5, 1e-3), PBT_OK);
    assert_int_equal(pbti_next(lab->state, PBTI_NO_MEMBER, nothing), 1);
    assert_true(pbti_state_values(lab->state, 1)[0] == 0.5);
    assert_true(pbti_state_values(lab->state, 1)[1] == 1e-3);
    assert_int_equal(pbti_expecting(lab->state), 2);
    for (int i = 0; i < 10; i++) {
        if (i > 0) { lab_claim(lab, 0); }
        lab_done(lab, 0, 1.0);
        lab_run(lab, 1, 1.0);
    }
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_NONE); /* one has not begun */
    assert_int_equal(propose(lab, 2, pbti_state_seq(lab->state), 0.5, 1e-3), PBT_OK);
    lab_break(lab, 2);
    assert_int_equal(pbti_state_stop(lab->state), PBTI_STOP_BUDGET);
    lab_close(lab);
    free(config);
}

static void test_which_proposals_apply(void **unused)
{
    (void)unused;
    struct pbti_config *config = NULL;
    struct lab *const lab = begin(4, 0, &config);
    uint64_t const before = pbti_state_seq(lab->state);
    assert_int_equal(propose(lab, 4, before, 0.5, 1e-3), PBT_ECORRUPT);     /* does not exist */
    assert_int_equal(propose(lab, 0, before + 1, 0.5, 1e-3), PBT_ECORRUPT); /* from the future */
    assert_int_equal(propose(lab, 0, before, 1e9, 1e-3), PBT_ECORRUPT);     /* out of bounds */
    assert_int_equal(propose(lab, 0, before, 0.5, NAN), PBT_ECORRUPT);
    assert_int_equal(propose(lab, 0, before, 0.5, 1e-3), PBT_OK);
    assert_int_equal(propose(lab, 0, before + 1, 0.5, 1e-3), PBT_ECORRUPT); /* it has one */
    assert_int_equal(propose(lab, 1, before, 0.5, 1e-3), PBT_ECORRUPT); /* knows not of the first */
    uint64_t const knows = pbti_state_seq(lab->state);
    lab_run(lab, 0, 1.0); /* reports since then do not matter */
    assert_int_equal(propose(lab, 2, knows, 0.5, 1e-3), PBT_OK); /* nor does the order of members */
    assert_int_equal(pbti_expecting(lab->state), 1);
    struct pbti_event const stop = {.type = PBTI_STOP, .stop = {PBTI_STOP_USER}};
    assert_int_equal(pbti_fold(lab->state, pbti_state_seq(lab->state) + 1, &stop, NULL, NULL, NULL),
                     PBT_OK);
    assert_int_equal(pbti_expecting(lab->state), PBTI_NO_MEMBER);
    assert_int_equal(propose(lab, 1, pbti_state_seq(lab->state), 0.5, 1e-3), PBT_ECORRUPT);
    lab_close(lab);
    free(config);
}

/* Who is taken out before it began, and comes back, expects a proposal as before. */
static void test_amending(void **unused)
{
    (void)unused;
    struct pbti_config *config = NULL;
    struct lab *const lab = begin(2, 0, &config);
    assert_int_equal(propose(lab, 0, pbti_state_seq(lab->state), 0.5, 1e-3), PBT_OK);
    lab_run(lab, 0, 1.0);
    config->members = 1;
    lab_amend(lab, config);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_OUT);
    config->members = 3;
    lab_amend(lab, config);
    assert_int_equal(lab_member(lab, 0)->phase, PBTI_WAITING);
    assert_int_equal(lab_member(lab, 1)->phase, PBTI_EXPECTING);
    assert_int_equal(lab_member(lab, 2)->phase, PBTI_EXPECTING);
    assert_int_equal(propose(lab, 1, 2, 0.5, 1e-3), PBT_OK); /* the first was event 2 */
    config->proposals = false;
    assert_string_equal(pbti_config_unamendable(lab->config, config), "the strategy");
    lab_close(lab);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_member_waits_for_its_proposal),
        cmocka_unit_test(test_which_proposals_apply),
        cmocka_unit_test(test_amending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
