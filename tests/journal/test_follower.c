/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_follower.c - a follower and its journal: staging, commit, conflict, rollback, lost answers,
 * amend, damage. Protects docs/design.md section 2, ideas 1 to 4, and rule 12: nothing
 * appended is lost or doubled.
 *
 * Two followers share one true memory journal through doors that
 * fail when told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal/batch.h"
#include "journal/follower.h"
#include "support/door.h"

/* -------- two followers on one journal -------- */

enum { HEARD_MAX = 4096 };

struct heard { /* what an observer was told */
    uint64_t count;
    uint64_t seq[HEARD_MAX];
    uint8_t type[HEARD_MAX];
};

static void hear(void *context, uint64_t seq, const struct pbti_event *event)
{
    struct heard *const heard = context;
    assert_true(heard->count < HEARD_MAX);
    heard->seq[heard->count] = seq;
    heard->type[heard->count++] = event->type;
}

struct side {
    struct door door;
    struct pbti_journal *journal;
    struct pbti_follower *follower;
    struct heard heard;
};

struct pair {
    struct pbti_journal *truth;
    struct pbti_config *config;
    struct side a, b;
    uint8_t ids; /* batch ids given out */
};

static struct pbti_batch_id next_id(struct pair *pair)
{
    struct pbti_batch_id id = {{0}};
    id.bytes[0] = ++pair->ids;
    return id;
}

static void open_side(struct pair *pair, struct side *side)
{
    side->door.inner = pair->truth;
    assert_int_equal(door_open(&side->door, &side->journal), PBT_OK);
    assert_int_equal(pbti_follower_open(side->journal, hear, &side->heard, &side->follower, NULL),
                     PBT_OK);
}

static void close_side(struct side *side)
{
    pbti_follower_close(side->follower);
    pbti_journal_close(side->journal);
}

static void stage(struct side *side, const struct pbti_event *event)
{
    struct pbt_error err = {.message = ""};
    pbt_status const status = pbti_follower_stage(side->follower, event, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, PBT_OK);
}

static void commit(struct pair *pair, struct side *side)
{
    assert_int_equal(pbti_follower_commit(side->follower, next_id(pair), NULL), PBT_OK);
}

static void stage_study(struct pair *pair, struct side *side)
{
    struct pbti_event const study = {.type = PBTI_STUDY,
                                     .study = {.config = pair->config, .spec = {"first", 5}}};
    stage(side, &study);
}

static int set_up(void **state)
{
    struct pair *const pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->config = malloc(sizeof *pair->config);
    assert_non_null(pair->config);
    pbti_config_default(pair->config);
    pair->config->members = 4;
    pair->config->steps = pair->config->max_age = 400;
    pair->config->ready_every = 10;
    pair->config->quantile = 0.25;
    pair->config->space.count = 1;
    pair->config->space.hp[0] =
        (struct pbti_hp){.name = "x", .kind = PBTI_HP_LINEAR, .low = 0.0, .high = 1.0};
    assert_int_equal(pbti_journal_open("memory:", NULL, &pair->truth, NULL), PBT_OK);
    open_side(pair, &pair->a);
    stage_study(pair, &pair->a);
    commit(pair, &pair->a);
    open_side(pair, &pair->b);
    *state = pair;
    return 0;
}

static int tear_down(void **state)
{
    struct pair *const pair = *state;
    close_side(&pair->a);
    close_side(&pair->b);
    pbti_journal_close(pair->truth);
    free(pair->config);
    free(pair);
    return 0;
}

static const struct pbti_member *member_of(const struct side *side, uint32_t member)
{
    return pbti_state_member(pbti_follower_state(side->follower), member);
}

static uint64_t hash_of(const struct side *side)
{
    return pbti_state_hash(pbti_follower_state(side->follower));
}

static void stage_claim(struct side *side, uint32_t member)
{
    const struct pbti_member *const m = member_of(side, member);
    struct pbti_event const claim = {.type = PBTI_CLAIM,
                                     .claim = {member, m->segment, m->attempt + 1, 77, member}};
    stage(side, &claim);
}

static void stage_done(struct side *side, uint32_t member, double score)
{
    const struct pbti_member *const m = member_of(side, member);
    struct pbti_event const report = {.type = PBTI_REPORT,
                                      .report = {.member = member,
                                                 .segment = m->segment,
                                                 .attempt = m->attempt,
                                                 .claim = m->claim,
                                                 .steps = m->claimed_steps,
                                                 .scores = &score,
                                                 .scores_count = 1}};
    stage(side, &report);
}

/* A segment of each member, a batch for each event. */
static void run_all(struct pair *pair, struct side *side)
{
    for (uint32_t i = 0; i < 4; i++) {
        stage_claim(side, i);
        commit(pair, side);
        stage_done(side, i, (double)i);
        commit(pair, side);
    }
}

/* -------- tests -------- */

static void test_decisions_land_in_the_batch_of_their_report(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    stage_done(&pair->a, 0, 1.0);
    assert_int_equal(pbti_follower_seq(pair->a.follower), 1);
    assert_int_equal(pbti_follower_next_seq(pair->a.follower), 5); /* claim, report, decision */
    assert_false(pbti_decision_due(pbti_follower_state(pair->a.follower)));
    commit(pair, &pair->a);
    uint64_t last = 0;
    assert_int_equal(pbti_journal_last(pair->truth, &last, NULL), PBT_OK);
    assert_int_equal(last, 4);
    assert_int_equal(pair->a.heard.type[3], PBTI_DECISION);
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_OK);
    assert_int_equal(hash_of(&pair->a), hash_of(&pair->b));
}

static void test_a_conflict_takes_back_and_shows_what_others_did(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    stage_claim(&pair->b, 0);
    commit(pair, &pair->b);
    assert_int_equal(pbti_follower_commit(pair->a.follower, next_id(pair), NULL), PBT_ECONFLICT);
    assert_int_equal(hash_of(&pair->a), hash_of(&pair->b));
    assert_int_equal(pbti_follower_next_seq(pair->a.follower), 3);
    stage_claim(&pair->a, 1); /* decided anew */
    commit(pair, &pair->a);
    assert_int_equal(pair->a.heard.count, 3);
}

static void test_a_rollback_restores_the_state_exactly(void **state)
{
    struct pair *const pair = *state;
    for (uint32_t round = 0; round < 30; round++) { /* far beyond several shadows */
        run_all(pair, &pair->a);
        uint64_t const before = hash_of(&pair->a);
        stage_claim(&pair->a, round % 4);
        stage_done(&pair->a, round % 4, -1.0);
        assert_true(hash_of(&pair->a) != before);
        assert_int_equal(pbti_follower_rollback(pair->a.follower, NULL), PBT_OK);
        assert_int_equal(hash_of(&pair->a), before);
    }
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_OK);
    assert_int_equal(hash_of(&pair->a), hash_of(&pair->b));
}

static void test_nothing_is_unreachable_before_the_commit(void **state)
{
    struct pair *const pair = *state;
    size_t count = 0;
    pair->config->keep_top = 1;
    run_all(pair, &pair->a);
    run_all(pair, &pair->a); /* member 3 has the best score: segment 1 of member 0 goes */
    stage_claim(&pair->a, 1);
    stage_done(&pair->a, 1, 0.5);
    struct pbti_checkpoint const start = member_of(&pair->a, 1)->start;
    pair->a.door.append = PBT_EIO;
    assert_int_equal(pbti_follower_commit(pair->a.follower, next_id(pair), NULL), PBT_EIO);
    (void)pbti_follower_unreachable(pair->a.follower, &count);
    assert_int_equal(count, 0);
    stage_claim(&pair->a, 1);
    stage_done(&pair->a, 1, 0.5);
    commit(pair, &pair->a);
    const struct pbti_checkpoint *const gone = pbti_follower_unreachable(pair->a.follower, &count);
    assert_true(count >= 1);
    for (size_t i = 0; i < count; i++) {
        assert_false(pbti_state_reachable(pbti_follower_state(pair->a.follower), gone[i]));
    }
    assert_int_equal(start.segment, 3);
}

static void test_a_failed_append_leaves_nothing(void **state)
{
    struct pair *const pair = *state;
    uint64_t const before = hash_of(&pair->a);
    stage_claim(&pair->a, 0);
    pair->a.door.append = PBT_EIO;
    assert_int_equal(pbti_follower_commit(pair->a.follower, next_id(pair), NULL), PBT_EIO);
    assert_int_equal(hash_of(&pair->a), before);
    assert_int_equal(pair->a.heard.count, 1);
}

static void test_a_lost_answer_is_asked_for(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    pair->a.door.append = PBT_EUNKNOWN;
    pair->a.door.append_lands = true;
    pair->a.door.landed_fails = 3;
    commit(pair, &pair->a);
    assert_int_equal(pair->a.heard.count, 2);
    assert_int_equal(member_of(&pair->a, 0)->phase, PBTI_RUNNING);

    stage_claim(&pair->a, 1);
    pair->a.door.append = PBT_EUNKNOWN; /* and it did not land */
    assert_int_equal(pbti_follower_commit(pair->a.follower, next_id(pair), NULL), PBT_EIO);
    assert_int_equal(member_of(&pair->a, 1)->phase, PBTI_WAITING);
    assert_int_equal(pair->a.heard.count, 2);
}

static void test_an_answer_that_never_comes_shows_in_the_next_refresh(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    pair->a.door.append = PBT_EUNKNOWN;
    pair->a.door.append_lands = true;
    pair->a.door.landed_fails = UINT32_MAX;
    pair->a.door.reads_fail = 1; /* nor can it be read at first */
    assert_int_equal(pbti_follower_commit(pair->a.follower, next_id(pair), NULL), PBT_EUNKNOWN);
    assert_int_equal(pair->a.heard.count, 1);
    assert_int_equal(pbti_follower_refresh(pair->a.follower, NULL), PBT_OK);
    assert_int_equal(pair->a.heard.count, 2);
    assert_int_equal(pair->a.heard.type[1], PBTI_CLAIM);
    assert_int_equal(member_of(&pair->a, 0)->phase, PBTI_RUNNING);
}

static void test_a_read_that_breaks_off_is_taken_up_again(void **state)
{
    struct pair *const pair = *state;
    run_all(pair, &pair->a);
    pair->b.door.reads_fail = 3;
    pair->b.door.read_batches = 2;
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_EIO);
    }
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_OK);
    assert_int_equal(hash_of(&pair->a), hash_of(&pair->b));
    assert_int_equal(pair->b.heard.count, pbti_follower_seq(pair->b.follower));
}

static void test_observers_hear_every_durable_event_once_in_order(void **state)
{
    struct pair *const pair = *state;
    for (uint32_t round = 0; round < 40; round++) {
        struct side *const mine = round % 2 == 0 ? &pair->a : &pair->b;
        struct side *const other = round % 2 == 0 ? &pair->b : &pair->a;
        stage_claim(mine, round % 4);
        stage_done(mine, round % 4, round);
        commit(pair, mine);
        stage_claim(other, (round + 1) % 4); /* behind: a conflict */
        assert_int_equal(pbti_follower_commit(other->follower, next_id(pair), NULL), PBT_ECONFLICT);
        assert_int_equal(pbti_follower_rollback(other->follower, NULL), PBT_OK);
    }
    struct heard *const late = calloc(1, sizeof *late);
    assert_non_null(late);
    assert_int_equal(pbti_follower_observe(pair->a.follower, hear, late, NULL), PBT_OK);
    run_all(pair, &pair->a);
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_OK);
    const struct heard *const all[] = {&pair->a.heard, &pair->b.heard, late};
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(all[k]->count, pbti_follower_seq(pair->a.follower));
        for (uint64_t i = 0; i < all[k]->count; i++) {
            assert_int_equal(all[k]->seq[i], i + 1);
        }
    }
    pbti_follower_ignore(pair->a.follower, late);
    run_all(pair, &pair->a);
    assert_true(late->count < pbti_follower_seq(pair->a.follower));
    free(late);
}

static void test_an_amend_moves_the_state_and_can_be_taken_back(void **state)
{
    struct pair *const pair = *state;
    run_all(pair, &pair->a);
    struct pbti_event const amend = {.type = PBTI_AMEND,
                                     .study = {.config = pair->config, .spec = {"second", 6}}};
    pair->config->members = 6;
    uint64_t const before = hash_of(&pair->a);
    stage(&pair->a, &amend);
    assert_int_equal(pbti_state_members(pbti_follower_state(pair->a.follower)), 6);
    assert_string_equal(pbti_follower_spec(pair->a.follower).data, "second");
    assert_int_equal(pbti_follower_rollback(pair->a.follower, NULL), PBT_OK);
    assert_int_equal(hash_of(&pair->a), before);
    assert_string_equal(pbti_follower_spec(pair->a.follower).data, "first");
    stage(&pair->a, &amend);
    commit(pair, &pair->a);
    stage_claim(&pair->a, 5);
    commit(pair, &pair->a);
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_OK);
    assert_int_equal(hash_of(&pair->a), hash_of(&pair->b));
    assert_string_equal(pbti_follower_spec(pair->b.follower).data, "second");
}

static void test_an_amend_that_is_not_allowed_changes_nothing(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    uint64_t const before = hash_of(&pair->a);
    pair->config->seed++;
    struct pbti_event const amend = {.type = PBTI_AMEND,
                                     .study = {.config = pair->config, .spec = {"second", 6}}};
    assert_int_equal(pbti_follower_stage(pair->a.follower, &amend, NULL), PBT_EINVAL);
    assert_int_equal(hash_of(&pair->a), before);
    commit(pair, &pair->a); /* what was staged before is still there */
    assert_int_equal(member_of(&pair->a, 0)->phase, PBTI_RUNNING);
    assert_string_equal(pbti_follower_spec(pair->a.follower).data, "first");
}

static void test_an_event_that_does_not_fit_changes_nothing(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    uint64_t const next = pbti_follower_next_seq(pair->a.follower);
    struct pbti_event const twice = {.type = PBTI_CLAIM, .claim = {0, 1, 1, 77, 0}};
    assert_int_equal(pbti_follower_stage(pair->a.follower, &twice, NULL), PBT_ECORRUPT);
    assert_int_equal(pbti_follower_next_seq(pair->a.follower), next);
    struct pbti_event const study = {.type = PBTI_STUDY, .study = {.config = pair->config}};
    assert_int_equal(pbti_follower_stage(pair->a.follower, &study, NULL), PBT_ECORRUPT);
    commit(pair, &pair->a);
}

static void test_an_empty_journal_has_no_state(void **state)
{
    struct pair *const pair = *state;
    struct pbti_journal *empty = NULL;
    struct side side = {.journal = NULL};
    assert_int_equal(pbti_journal_open("memory:", NULL, &empty, NULL), PBT_OK);
    struct pair other = {.truth = empty, .config = pair->config};
    open_side(&other, &side);
    assert_null(pbti_follower_state(side.follower));
    struct pbti_event const claim = {.type = PBTI_CLAIM, .claim = {0, 1, 1, 77, 0}};
    assert_int_equal(pbti_follower_stage(side.follower, &claim, NULL), PBT_ECORRUPT);
    stage_study(&other, &side);
    assert_non_null(pbti_follower_state(side.follower));
    assert_int_equal(pbti_follower_rollback(side.follower, NULL), PBT_OK);
    assert_null(pbti_follower_state(side.follower));
    stage_study(&other, &side);
    stage_claim(&side, 2);
    commit(&other, &side);
    assert_int_equal(side.heard.count, 2);
    close_side(&side);
    pbti_journal_close(empty);
}

static void test_a_batch_that_ends_owing_a_decision_is_damage(void **state)
{
    struct pair *const pair = *state;
    stage_claim(&pair->a, 0);
    commit(pair, &pair->a);
    double const score = 1.0;
    struct pbti_event const report = {.type = PBTI_REPORT,
                                      .report = {.segment = 1,
                                                 .attempt = 1,
                                                 .claim = 2,
                                                 .steps = 10,
                                                 .scores = &score,
                                                 .scores_count = 1}};
    struct pbti_batch batch = {0};
    uint64_t last = 0;
    assert_int_equal(pbti_batch_add(&batch, &report, NULL), PBT_OK);
    assert_int_equal(
        pbti_journal_append(pair->truth, batch.data, batch.size, 1, 2, next_id(pair), &last, NULL),
        PBT_OK);
    pbti_batch_deinit(&batch);
    struct pbt_error err = {.message = ""};
    assert_int_equal(pbti_follower_refresh(pair->b.follower, &err), PBT_ECORRUPT);
    assert_non_null(strstr(err.message, "not complete"));
    assert_int_equal(pbti_follower_refresh(pair->b.follower, &err), PBT_ECORRUPT);
}

static void test_bytes_that_are_no_event_are_damage(void **state)
{
    struct pair *const pair = *state;
    static const unsigned char rubbish[] = {3, 0xff, 0xff, 0xff};
    uint64_t last = 0;
    assert_int_equal(
        pbti_journal_append(pair->truth, rubbish, sizeof rubbish, 1, 1, next_id(pair), &last, NULL),
        PBT_OK);
    assert_int_equal(pbti_follower_refresh(pair->b.follower, NULL), PBT_ECORRUPT);
    assert_int_equal(pair->b.heard.count, 1);
}

/* A journal whose first event is a study's with one byte changed: its type, its version, its rules
 * (behind a time of one byte). */
static pbt_status open_changed(size_t at, uint8_t value, struct pbt_error *err)
{
    struct pbti_config *const config = malloc(sizeof *config);
    struct pbti_journal *journal = NULL;
    struct pbti_follower *follower = NULL;
    struct pbti_batch batch = {0};
    uint64_t last;
    assert_non_null(config);
    pbti_config_default(config);
    config->members = 2;
    config->steps = config->max_age = 30;
    config->ready_every = 10;
    struct pbti_event const study = {.type = PBTI_STUDY, .study = {.config = config}};
    assert_int_equal(pbti_batch_add(&batch, &study, err), PBT_OK);
    size_t head = 1; /* the event's size */
    while (batch.data[head - 1] & 0x80) {
        head++;
    }
    batch.data[head + at] = value;
    assert_int_equal(pbti_journal_open("memory:", NULL, &journal, err), PBT_OK);
    assert_int_equal(pbti_journal_append(journal, batch.data, batch.size, 1, 0,
                                         (struct pbti_batch_id){{1}}, &last, err),
                     PBT_OK);
    pbt_status const status = pbti_follower_open(journal, NULL, NULL, &follower, err);
    pbti_follower_close(follower);
    pbti_journal_close(journal);
    pbti_batch_deinit(&batch);
    free(config);
    return status;
}

static void test_a_study_of_another_version_is_no_damage(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
        const char *said;
    } changes[] = {{0, 99, "type 99"}, {1, 5, "version 5"}, {3, 0, "rules 0"}, {3, 3, "rules 3"}};
    struct pbt_error err;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        assert_int_equal(open_changed(changes[i].at, changes[i].value, &err), PBT_EVERSION);
        assert_non_null(strstr(err.message, changes[i].said));
        assert_non_null(strstr(err.hint, "pbt --version"));
    }
    assert_int_equal(open_changed(3, PBTI_RULES_VERSION, &err), PBT_OK);
    assert_int_equal(open_changed(4, 0xff, &err), PBT_ECORRUPT); /* in the config */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_decisions_land_in_the_batch_of_their_report),
        TEST(test_a_conflict_takes_back_and_shows_what_others_did),
        TEST(test_a_rollback_restores_the_state_exactly),
        TEST(test_nothing_is_unreachable_before_the_commit),
        TEST(test_a_failed_append_leaves_nothing),
        TEST(test_a_lost_answer_is_asked_for),
        TEST(test_an_answer_that_never_comes_shows_in_the_next_refresh),
        TEST(test_a_read_that_breaks_off_is_taken_up_again),
        TEST(test_observers_hear_every_durable_event_once_in_order),
        TEST(test_an_amend_moves_the_state_and_can_be_taken_back),
        TEST(test_an_amend_that_is_not_allowed_changes_nothing),
        TEST(test_an_event_that_does_not_fit_changes_nothing),
        TEST(test_an_empty_journal_has_no_state),
        TEST(test_a_batch_that_ends_owing_a_decision_is_damage),
        TEST(test_bytes_that_are_no_event_are_damage),
        cmocka_unit_test(test_a_study_of_another_version_is_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
