/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/core/test_lists.c - the lists that everything else counts and looks up by: values count
 * from 0, names are there once, each rule has all that its table asks for.
 */
#include "core/exploit.h"
#include "core/explore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct entry {
    uint32_t value;
    const char *text;
};

static void assert_counts(const struct entry *entries, size_t count, uint32_t first)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(entries[i].value, first + i);
        assert_true(entries[i].text[0] != '\0');
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(entries[i].text, entries[k].text);
        }
    }
}

#define ENTRY(name, value, text) {(value), text},
#define ASSERT_COUNTS(list, first)                                                                 \
    do {                                                                                           \
        static const struct entry entries[] = {list(ENTRY)};                                       \
        assert_int_equal(sizeof entries / sizeof *entries, PBTI_COUNT(list));                      \
        assert_counts(entries, PBTI_COUNT(list), first);                                           \
    } while (0)

static void test_values_of_every_list_count_without_a_gap(void **unused)
{
    (void)unused;
    ASSERT_COUNTS(PBTI_MODE_LIST, 0);
    ASSERT_COUNTS(PBTI_EXPLOIT_LIST, 0);
    ASSERT_COUNTS(PBTI_EXPLORE_LIST, 0);
    ASSERT_COUNTS(PBTI_RUNGS_LIST, 0);
    ASSERT_COUNTS(PBTI_REDUCE_LIST, 0);
    ASSERT_COUNTS(PBTI_COMPARE_LIST, 0);
    ASSERT_COUNTS(PBTI_DECAY_LIST, 0);
    ASSERT_COUNTS(PBTI_HP_KIND_LIST, 0);
    ASSERT_COUNTS(PBTI_EVENT_LIST, 1);
    ASSERT_COUNTS(PBTI_OUTCOME_LIST, 0);
    ASSERT_COUNTS(PBTI_RELEASE_LIST, 0);
    ASSERT_COUNTS(PBTI_STOP_LIST, 0);
    ASSERT_COUNTS(PBTI_DECISION_LIST, 0);
    ASSERT_COUNTS(PBTI_WHY_LIST, 0);
    ASSERT_COUNTS(PBTI_MOVE_LIST, 0);
    ASSERT_COUNTS(PBTI_PHASE_LIST, 0);
    ASSERT_COUNTS(PBTI_SCORE_LIST, 0);
    ASSERT_COUNTS(PBTI_GROUP_LIST, 0);
}

static void test_each_exploit_rule_has_its_parts(void **unused)
{
    (void)unused;
    for (uint8_t i = 0; i < PBTI_EXPLOITS; i++) {
        const struct pbti_exploit_rule *const rule = pbti_exploit_rule(i);
        assert_string_equal(rule->name, pbti_exploit_name(i));
        assert_true(strlen(rule->statement) > 10);
        assert_true(rule->why != 0 && rule->why < 1u << PBTI_WHYS);
        assert_int_equal(rule->judge == NULL, i == PBTI_EXPLOIT_NONE);
    }
}

static void test_each_explore_rule_has_its_parts(void **unused)
{
    (void)unused;
    for (uint8_t i = 0; i < PBTI_EXPLORES; i++) {
        const struct pbti_explore_rule *const rule = pbti_explore_rule(i);
        assert_string_equal(rule->name, pbti_explore_name(i));
        assert_true(strlen(rule->statement) > 10);
        assert_int_equal(rule->move == NULL, i == PBTI_EXPLORE_NONE);
        assert_int_equal(rule->moves == 0, i == PBTI_EXPLORE_NONE);
    }
}

/* Every reason is given by some rule, or by decide.c, which is for all of them. */
static void test_each_reason_has_somebody_who_gives_it(void **unused)
{
    (void)unused;
    uint32_t given = PBTI_WHY_BIT(PBTI_WHY_BUDGET) | PBTI_WHY_BIT(PBTI_WHY_BURN_IN) |
                     PBTI_WHY_BIT(PBTI_WHY_REVIVED) | PBTI_WHY_BIT(PBTI_WHY_FAILURES) |
                     PBTI_WHY_BIT(PBTI_WHY_BETWEEN_RUNGS) | PBTI_WHY_BIT(PBTI_WHY_RUNG) |
                     PBTI_WHY_BIT(PBTI_WHY_PROMOTED) | PBTI_WHY_BIT(PBTI_WHY_ELIMINATED) |
                     PBTI_WHY_BIT(PBTI_WHY_LAST_OF_LINE);
    for (uint8_t i = 0; i < PBTI_EXPLOITS; i++) {
        given |= pbti_exploit_rule(i)->why;
    }
    assert_int_equal(given, (1u << PBTI_WHYS) - 1);
}

/* A list of scores that the rule cannot judge is refused; no score at all is not. */
static void test_too_few_scores_are_refused_by_the_rule_that_needs_them(void **unused)
{
    (void)unused;
    static struct pbti_config config;
    pbti_config_default(&config);
    for (uint8_t i = 0; i < PBTI_EXPLOITS; i++) {
        config.exploit = i;
        config.scores_min = 3;
        bool const needs = i == PBTI_EXPLOIT_TTEST;
        assert_null(pbti_exploit_refuses(&config, 0));
        assert_int_equal(pbti_exploit_refuses(&config, 1) != NULL, needs);
        assert_int_equal(pbti_exploit_refuses(&config, 2) != NULL, needs);
        assert_null(pbti_exploit_refuses(&config, 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_every_list_count_without_a_gap),
        cmocka_unit_test(test_each_exploit_rule_has_its_parts),
        cmocka_unit_test(test_each_explore_rule_has_its_parts),
        cmocka_unit_test(test_each_reason_has_somebody_who_gives_it),
        cmocka_unit_test(test_too_few_scores_are_refused_by_the_rule_that_needs_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
