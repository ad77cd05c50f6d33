/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_keys.c - rule 16: every option of the documentation is reachable from a
 * spec.
 *
 * Each key of the manifest has a case here that sets it to something other than its default, finds
 * it in the struct, in the resolved spec and in the manual. A key without a case fails the test.
 */
#include "spec_fixture.h"

#include "spec/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_json_text(const json_t *json, const char *text)
{
    return json_is_string(json) && strcmp(json_string_value(json), text) == 0;
}

/*
 * X(section, key, overrides, what the resolved spec then has, what the struct then has)
 *
 * Neither is so without the overrides. They are put over SPEC_MINIMAL.
 */
/* clang-format off */
#define CASES(X)                                                                                   \
    X(SPEC, study, "study=other", "study: other\n", strcmp(spec->study, "other") == 0)             \
    X(SPEC, seed, "seed=18446744073709551615", "seed: 18446744073709551615\n",                     \
      config->seed == UINT64_MAX)                                                                  \
    X(SPEC, trainer, "trainer={builtin: quadratic}", "\n  builtin: quadratic\n",                   \
      spec->trainer.kind == PBTI_TRAINER_BUILTIN)                                                  \
    X(TRAINER, command, "trainer.command=[./b, 5]", "\n  command: [./b, \"5\"]\n",                 \
      strcmp(spec->trainer.argv[0], "./b") == 0 && strcmp(spec->trainer.argv[1], "5") == 0 &&      \
      spec->trainer.argv[2] == NULL)                                                               \
    X(TRAINER, one_shot, "trainer={one_shot: [./t, \"{lr}\"]}", "\n  one_shot: [./t, \"{lr}\"]\n", \
      spec->trainer.kind == PBTI_TRAINER_ONE_SHOT && strcmp(spec->trainer.argv[1], "{lr}") == 0)   \
    X(TRAINER, builtin, "trainer={builtin: classify}", "\n  builtin: classify\n",                  \
      spec->trainer.kind == PBTI_TRAINER_BUILTIN &&                                                \
      strcmp(spec->trainer.argv[0], "classify") == 0 && spec->trainer.argv[1] == NULL)             \
    X(TRAINER, directory, "trainer.directory=./work", "\n  directory: /tmp/folder/work\n",         \
      strcmp(spec->trainer.directory, "/tmp/folder/work") == 0)                                    \
    X(TRAINER, resources, "trainer.resources={cpus: 3}", "{cpus: 3,", spec->trainer.cpus == 3)     \
    X(RESOURCES, cpus, "trainer.resources.cpus=2", "{cpus: 2,", spec->trainer.cpus == 2)           \
    X(RESOURCES, gpus, "trainer.resources.gpus=0.25", " gpus: 0.25,", spec->trainer.gpus == 0.25)  \
    X(RESOURCES, threads,                                                                          \
      "trainer.resources.threads=8", " threads: 8}", spec->trainer.threads == 8)                   \
    X(TRAINER, limits,                                                                             \
      "trainer.limits={start: none}", "{start: none,", spec->trainer.start_ms == 0)                \
    X(LIMITS, start,                                                                               \
      "trainer.limits.start=1.5s", "{start: 1500ms,", spec->trainer.start_ms == 1500)              \
    X(LIMITS, silence, "trainer.limits.silence=2h", " silence: 2h,",                               \
      spec->trainer.silence_ms == 7200000)                                                         \
    X(LIMITS, segment, "trainer.limits.segment=3d", " segment: 3d,",                               \
      spec->trainer.segment_ms == 259200000)                                                       \
    X(LIMITS, grace,                                                                               \
      "trainer.limits.grace=500ms", " grace: 500ms}", spec->trainer.grace_ms == 500)               \
    X(TRAINER, retries, "trainer.retries=0", "\n  retries: 0\n", config->retries == 0)             \
    X(TRAINER, revivals, "trainer.revivals=7", "\n  revivals: 7\n", config->revivals == 7)         \
    X(TRAINER, environment, "trainer.environment={A_1: no}", "\n  environment: {A_1: \"no\"}\n",   \
      is_json_text(json_object_get(spec->trainer.environment, "A_1"), "no"))                       \
    X(SPEC, population, "population=1000000", "population: 1000000\n", config->members == 1000000) \
    X(SPEC, steps, "steps=2e4", "steps: 20000\n", config->steps == 20000)                          \
    X(SPEC, ready, "ready=10", "ready: {every: 10,", config->ready_every == 10)                    \
    X(READY, every, "ready.every=20", "ready: {every: 20,", config->ready_every == 20)             \
    X(READY, burn_in, "ready.burn_in=200", " burn_in: 200}", config->burn_in == 200)               \
    X(SPEC, max_age, "max_age=5000", "max_age: 5000\n", config->max_age == 5000)                   \
    X(SPEC, score, "score={goal: minimize}", " goal: minimize,", !config->maximize)                \
    X(SCORE, name, "score.name=top-1 accuracy", "{name: \"top-1 accuracy\",",                      \
      strcmp(spec->score_name, "top-1 accuracy") == 0)                                             \
    X(SCORE, goal, "score.goal=minimize", " goal: minimize,", !config->maximize)                   \
    X(SCORE, target, "score.target=-0.5", " target: -0.5,",                                        \
      config->has_target && config->target == -0.5)                                                \
    X(SCORE, reduce, "score.reduce=mean", " reduce: mean}",                                        \
      config->reduce == PBTI_REDUCE_MEAN && config->reduce_last == 0)                              \
    X(REDUCE, mean, "score.reduce={mean: 5}", " reduce: {mean: 5}}",                               \
      config->reduce == PBTI_REDUCE_MEAN && config->reduce_last == 5)                              \
    X(REDUCE, max, "score.reduce.max=6", " reduce: {max: 6}}",                                     \
      config->reduce == PBTI_REDUCE_MAX && config->reduce_last == 6)                               \
    X(SPEC, stop, "stop={hours: 3}", "{hours: 3,", spec->stop_hours == 3.0)                        \
    X(STOP, hours, "stop.hours=0.5", "{hours: 0.5,", spec->stop_hours == 0.5)                      \
    X(STOP, plateau, "stop.plateau=9", " plateau: 9}", config->plateau == 9)                       \
    X(SPEC, space, "space={}", "space: {}\n", config->space.count == 0)                            \
    X(HYPERPARAMETER, type, "space.lr.type=linear", "{type: linear,",                              \
      config->space.hp[0].kind == PBTI_HP_LINEAR)                                                  \
    X(HYPERPARAMETER, low, "space.lr.low=1e-6", " low: 1e-6,", config->space.hp[0].low == 1e-6)    \
    X(HYPERPARAMETER, high, "space.lr.high=0.3", " high: 0.3,", config->space.hp[0].high == 0.3)   \
    X(HYPERPARAMETER, scale, "space.n={type: integer, low: 1, high: 8, scale: log}",               \
      "n: {type: integer, low: 1, high: 8, scale: log, frozen: false}",                            \
      config->space.hp[1].kind == PBTI_HP_INTEGER && config->space.hp[1].log_scale)                \
    X(HYPERPARAMETER, values, "space.a={type: ordinal, values: [1, \"2\", c]}",                    \
      "a: {type: ordinal, values: [1, \"2\", c], frozen: false}",                                  \
      config->space.values_count == 3 && config->space.values[0].numeric &&                        \
      !config->space.values[1].numeric && config->space.hp[1].high == 2.0)                         \
    X(HYPERPARAMETER, frozen,                                                                      \
      "space.lr.frozen=true", " frozen: true}", config->space.hp[0].frozen)                        \
    X(SPEC, initial, "initial={checkpoint: /c}", "checkpoint: /c\n",                               \
      spec->initial_checkpoint != NULL)                                                            \
    X(INITIAL, checkpoint, "initial.checkpoint=../base/", "checkpoint: /tmp/folder/../base\n",     \
      spec->initial_checkpoint != NULL &&                                                          \
      strcmp(spec->initial_checkpoint, "/tmp/folder/../base") == 0)                                \
    X(INITIAL, points, "initial.points=[{lr: 1e-3}, {}]", "\n    - {lr: 0.001}\n    - {}\n",       \
      config->points_count == 2 && config->points[0] == 1e-3)                                      \
    X(SPEC, strategy, "strategy=random", "\n  name: random\n",                                     \
      config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_NONE)                \
    X(STRATEGY, name, "strategy.name=explore_only", "\n  name: explore_only\n",                    \
      config->exploit == PBTI_EXPLOIT_NONE && config->explore == PBTI_EXPLORE_PERTURB &&           \
      config->explore_always)                                                                      \
    X(STRATEGY, variant, "strategy={name: asha, variant: stopping}", "\n  variant: stopping\n",    \
      config->rungs == PBTI_RUNGS_STOPPING)                                                        \
    X(STRATEGY, eta, "strategy={name: successive_halving, eta: 4}", "\n  eta: 4\n",                \
      config->rungs == PBTI_RUNGS_HALVING && config->eta == 4)                                     \
    X(STRATEGY, min_steps, "strategy={name: asha, min_steps: 25}", "\n  min_steps: 25\n",          \
      config->rungs == PBTI_RUNGS_PROMOTION && config->rung_min == 25)                             \
    X(STRATEGY, initial, "strategy={name: bayes, initial: 4}", "\n  initial: 4\n",                 \
      config->proposals && spec->bayes.initial == 4)                                               \
    X(STRATEGY, kernel, "strategy={name: bayes, kernel: rbf}", "\n  kernel: rbf\n",                \
      spec->bayes.kernel == PBTI_KERNEL_RBF)                                                       \
    X(STRATEGY, acquisition, "strategy={name: bayes, acquisition: pi}",                            \
      "acquisition: {name: pi, xi: 0}", spec->bayes.acquisition == PBTI_ACQUISITION_PI)            \
    X(ACQUISITION, name, "strategy=bayes\nstrategy.acquisition.name=ucb",                          \
      "acquisition: {name: ucb, kappa: 1.96}", spec->bayes.acquisition == PBTI_ACQUISITION_UCB)    \
    X(ACQUISITION, xi, "strategy=bayes\nstrategy.acquisition={xi: 0.01}",                          \
      "acquisition: {name: ei, xi: 0.01}", spec->bayes.xi == 0.01)                                 \
    X(ACQUISITION, kappa, "strategy=bayes\nstrategy.acquisition={name: ucb, kappa: 3}",            \
      "acquisition: {name: ucb, kappa: 3}", spec->bayes.kappa == 3.0)                              \
    X(STRATEGY, resolution, "population=5\nstrategy={name: grid, resolution: {lr: 5}}",            \
      "\n  resolution: {lr: 5}\n", config->grid && config->places[0] == 5)                         \
    X(STRATEGY, mode, "strategy.mode=generational", "\n  mode: generational\n",                    \
      config->mode == PBTI_GENERATIONAL)                                                           \
    X(STRATEGY, compare, "strategy.compare=equal_age", "\n  compare: equal_age\n",                 \
      config->compare == PBTI_COMPARE_EQUAL_AGE)                                                   \
    X(STRATEGY, exploit, "strategy.exploit=tournament", "exploit: {name: tournament,",             \
      config->exploit == PBTI_EXPLOIT_TOURNAMENT)                                                  \
    X(EXPLOIT, name, "strategy.exploit.name=ttest", "exploit: {name: ttest,",                      \
      config->exploit == PBTI_EXPLOIT_TTEST)                                                       \
    X(EXPLOIT, quantile, "strategy.exploit.quantile=0.25", " quantile: 0.25,",                     \
      config->quantile == 0.25)                                                                    \
    X(EXPLOIT, alpha, "strategy.exploit={name: ttest, alpha: 0.01}", " alpha: 0.01,",              \
      config->alpha == 0.01)                                                                       \
    X(EXPLOIT, scores, "strategy.exploit={name: ttest, scores: 10}", " scores: 10,",               \
      config->scores_min == 10)                                                                    \
    X(EXPLOIT, gap, "strategy.exploit.gap=0.125", " gap: 0.125}", config->gap_min == 0.125)        \
    X(EXPLOIT, ties, "strategy.exploit.ties=copy", " ties: copy}", config->ties_copy)              \
    X(EXPLOIT, founders, "strategy.exploit.founders=1",                                            \
      " founders: {keep: 1, until: 0.75, explore: true}}", config->founders_keep == 1.0)           \
    X(FOUNDERS, keep, "strategy.exploit.founders.keep=0.5", " founders: {keep: 0.5,",              \
      config->founders_keep == 0.5)                                                                \
    X(FOUNDERS, until, "strategy.exploit.founders={keep: 1, until: 0.25}", " until: 0.25,",        \
      config->founders_until == 0.25)                                                              \
    X(FOUNDERS, explore, "strategy.exploit.founders={keep: 1, explore: false}",                    \
      " explore: false}}", !config->founders_explore)                                              \
    X(STRATEGY, explore, "strategy.explore=resample", "explore: {name: resample,",                 \
      config->explore == PBTI_EXPLORE_RESAMPLE)                                                    \
    X(EXPLORE, name, "strategy.explore.name=both", "explore: {name: both,",                        \
      config->explore == PBTI_EXPLORE_BOTH)                                                        \
    X(EXPLORE, factors, "strategy.explore.factors=[0.5, 1, 2]", " factors: [0.5, 1, 2],",          \
      config->factors_count == 3 && config->factors[2] == 2.0)                                     \
    X(EXPLORE, noise, "strategy.explore.noise={normal: 0.2}", " noise: {normal: 0.2},",            \
      config->noise == 0.2 && config->factors_count == 0)                                          \
    X(NOISE, normal, "strategy.explore.noise.normal=0.1", " noise: {normal: 0.1},",                \
      config->noise == 0.1)                                                                        \
    X(EXPLORE, probability, "strategy.explore={name: resample, probability: 1}",                   \
      " probability: 1,", config->resample == 1.0)                                                 \
    X(EXPLORE, schedule,                                                                           \
      "strategy.explore={name: schedule, schedule: [{age: 0, values: {lr: 0.1}}]}",                \
      " schedule: [{age: 0, values: {lr: 0.1}}]}",                                                 \
      config->explore == PBTI_EXPLORE_SCHEDULE && config->schedule_count == 1)                     \
    X(SCHEDULE, age, "strategy.explore={name: schedule, schedule: [{age: 0, values: {lr: 0.1}}, "  \
      "{age: 70, values: {lr: 0.01}}]}", "{age: 70, values: {lr: 0.01}}]}",                        \
      config->schedule_count == 2 && config->schedule_age[1] == 70)                                \
    X(SCHEDULE, values,                                                                            \
      "strategy.explore={name: schedule, schedule: [{age: 0, values: {lr: .05}}]}",                \
      "{age: 0, values: {lr: 0.05}}]}", config->schedule[0] == 0.05)                               \
    X(EXPLORE, always, "strategy.explore.always=true", " always: true}", config->explore_always)   \
    X(STRATEGY, copy, "strategy.copy=weights", "\n  copy: weights\n",                              \
      config->copy == PBTI_COPY_WEIGHTS)                                                           \
    X(STRATEGY, lead, "strategy.lead=3", "\n  lead: 3\n", config->lead == 3)                       \
    X(STRATEGY, decay, "strategy.decay={lr: cosine}",                                              \
      "\n  decay: {lr: {shape: cosine, to: 0}}\n", config->decay[0].shape == PBTI_DECAY_COSINE)    \
    X(DECAY, shape, "strategy.decay.lr.shape=linear", "decay: {lr: {shape: linear, to: 0}}",       \
      config->decay[0].shape == PBTI_DECAY_LINEAR)                                                 \
    X(DECAY, to, "strategy.decay={lr: {shape: cosine, to: 0.1}}", "{shape: cosine, to: 0.1}",      \
      config->decay[0].to == 0.1)                                                                  \
    X(STRATEGY, controls, "strategy.controls={independent: 1}", "{independent: 1,",                \
      config->control_independent == 1)                                                            \
    X(CONTROLS, independent, "strategy.controls.independent=2", "{independent: 2,",                \
      config->control_independent == 2)                                                            \
    X(CONTROLS, selection_only, "strategy.controls.selection_only=5", " selection_only: 5}",       \
      config->control_selection_only == 5)                                                         \
    X(SPEC, fixed,                                                                                 \
      "fixed={a: [1, 1.0, no, true, ~]}", "fixed: {a: [1, 1.0, \"no\", true, null]}\n",            \
      json_array_size(json_object_get(spec->fixed, "a")) == 5)                                     \
    X(SPEC, final_evaluation, "final_evaluation.split=test", "final_evaluation: {split: test}\n",  \
      is_json_text(json_object_get(spec->final_evaluation, "split"), "test"))                      \
    X(SPEC, slots, "slots=3", "slots: 3\n", spec->slots == 3)                                      \
    X(SPEC, keep, "keep=all", "keep: all\n", config->keep_all)                                     \
    X(KEEP, top, "keep.top=5", "keep: {top: 5}\n", config->keep_top == 5 && !config->keep_all)     \
    X(SPEC, sync, "sync=normal", "sync: normal\n", !spec->sync_full)                               \
    X(SPEC, logs, "logs={size: 1GB}", "logs: {size: 1GB}\n", spec->log_bytes == 1000000000)        \
    X(LOGS, size, "logs.size=65537", "logs: {size: 65537B}\n", spec->log_bytes == 65537)
/* clang-format on */

#define CASE_CHECK(section, key, sets, rendered, holds)                                            \
    static bool holds_##section##_##key(const struct pbti_spec *spec)                              \
    {                                                                                              \
        const struct pbti_config *const config = &spec->config;                                    \
        (void)config;                                                                              \
        return (holds);                                                                            \
    }
CASES(CASE_CHECK)
#undef CASE_CHECK

struct key_case {
    enum pbti_key_id key;
    const char *sets;
    const char *rendered;
    bool (*holds)(const struct pbti_spec *spec);
};

static const struct key_case cases[] = {
#define CASE_ROW(section, name, lines, expected, unused)                                           \
    {.key = PBTI_KEY_##section##_##name,                                                           \
     .sets = lines,                                                                                \
     .rendered = (expected),                                                                       \
     .holds = holds_##section##_##name},
    CASES(CASE_ROW)
#undef CASE_ROW
};
#define CASES_COUNT (sizeof cases / sizeof cases[0])

static void check_case(const struct key_case *key_case)
{
    struct pbti_spec *const before = spec_good(SPEC_MINIMAL, NULL);
    struct pbti_spec *const after = spec_good(SPEC_MINIMAL, key_case->sets);
    char *const text_before = pbti_spec_render(before);
    char *const text_after = pbti_spec_render(after);
    if (key_case->holds(before) || strstr(text_before, key_case->rendered) != NULL) {
        fail_msg("%s is what the default is", key_case->sets);
    }
    if (!key_case->holds(after)) { fail_msg("%s did not reach the struct", key_case->sets); }
    if (strstr(text_after, key_case->rendered) == NULL) {
        fail_msg("%s did not reach the resolved spec, which is\n%s", key_case->sets, text_after);
    }
    spec_assert_round_trip(after);
    free(text_before);
    free(text_after);
    pbti_spec_destroy(before);
    pbti_spec_destroy(after);
}

static void test_16_every_key_is_reachable(void **state)
{
    (void)state;
    bool reached[PBTI_KEYS] = {false};
    for (size_t i = 0; i < CASES_COUNT; i++) {
        check_case(&cases[i]);
        reached[cases[i].key] = true;
    }
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        if (reached[i]) { continue; }
        fail_msg("key \"%s\" of %s has no case here", pbti_keys[i].name,
                 pbti_sections[pbti_keys[i].section].path);
    }
}

static void test_16_every_key_is_in_the_manual(void **state)
{
    (void)state;
    char *const manual = pbti_spec_manual();
    assert_non_null(manual);
    const char *at = manual;
    for (enum pbti_section section = 0; section < PBTI_SECTIONS; section++) {
        for (uint32_t i = 0; i < PBTI_KEYS; i++) {
            if (pbti_keys[i].section != section) { continue; }
            char row[64];
            (void)snprintf(row, sizeof row, "\n| `%s` |", pbti_keys[i].name);
            at = strstr(at, row);
            if (at == NULL) { fail_msg("key \"%s\" is not where it should be", row); }
        }
    }
    free(manual);
}

/* Every word of every list is accepted where the list is named. */
static void test_16_every_word_is_reachable(void **state)
{
    (void)state;
    uint32_t words_seen = 0;
    for (uint32_t i = 0; i < PBTI_KEYS; i++) {
        const struct pbti_key *const key = &pbti_keys[i];
        const struct pbti_words *const words = pbti_words(key->allowed.list);
        if (key->section == PBTI_SECTION_HYPERPARAMETER) { continue; } /* test_spec_read.c */
        if (key->section == PBTI_SECTION_DECAY) { continue; }          /* cases above */
        for (uint32_t w = 0; w < words->count; w++) {
            if (words->words[w].value == PBTI_EXPLORE_SCHEDULE &&
                key->allowed.list == PBTI_WORDS_EXPLORE) {
                continue; /* not without entries; a case above */
            }
            bool const counts = words->words[w].value == PBTI_STRATEGY_GRID ||
                                words->words[w].value == PBTI_STRATEGY_HYPERBAND;
            if (counts && key->allowed.list == PBTI_WORDS_STRATEGY) {
                continue; /* not with any population; test_populations_that_follow */
            }
            if (key->allowed.list == PBTI_WORDS_VARIANT) { continue; } /* asha; cases above */
            bool const of_bayes = key->allowed.list == PBTI_WORDS_KERNEL ||
                                  key->allowed.list == PBTI_WORDS_ACQUISITION;
            bool const of_founders = key->section == PBTI_SECTION_FOUNDERS;
            char sets[256];
            const char *const path = pbti_sections[key->section].path;
            (void)snprintf(sets, sizeof sets, "%s%s%s%s=%s",
                           of_bayes      ? "strategy=bayes\n"
                           : of_founders ? "strategy.exploit.founders.keep=1\n"
                                         : "",
                           path, path[0] == '\0' ? "" : ".", key->name, words->words[w].text);
            struct pbti_spec *const spec = spec_good(SPEC_MINIMAL, sets);
            spec_assert_round_trip(spec);
            pbti_spec_destroy(spec);
            words_seen++;
        }
    }
    assert_true(words_seen > 25);
}

/* A strategy that knows its population fills it in; it is in the resolved spec. */
static void test_populations_that_follow(void **state)
{
    (void)state;
    static const struct {
        const char *strategy, *rendered;
    } follows[] = {
        {"{name: grid, resolution: 4}", "population: 4\n"},
        {"{name: hyperband, eta: 3}", "population: 17\n"},
        {"{name: hyperband, eta: 3, min_steps: 1000}", "population: 1\n"},
        {"successive_halving", "population: 9\n"},
        {"{name: asha, eta: 2}", "population: 16\n"},
    };
    for (size_t i = 0; i < sizeof follows / sizeof follows[0]; i++) {
        char text[300];
        (void)snprintf(text, sizeof text,
                       "trainer: {command: [./t]}\nsteps: 1000\n"
                       "space: {lr: {type: log, low: 1e-3, high: 1}}\nstrategy: %s\n",
                       follows[i].strategy);
        struct pbti_spec *const spec = spec_good(text, NULL);
        char *const resolved = pbti_spec_render(spec);
        if (strstr(resolved, follows[i].rendered) == NULL) { fail_msg("%s", resolved); }
        spec_assert_round_trip(spec);
        free(resolved);
        pbti_spec_destroy(spec);
    }
}

static void test_edits(void **state)
{
    (void)state;
    assert_int_equal(pbti_edits("", ""), 0);
    assert_int_equal(pbti_edits("", "abc"), 3);
    assert_int_equal(pbti_edits("abc", ""), 3);
    assert_int_equal(pbti_edits("populaton", "population"), 1); /* insert */
    assert_int_equal(pbti_edits("sstep", "step"), 1);           /* delete */
    assert_int_equal(pbti_edits("maximise", "maximize"), 1);    /* replace */
    assert_int_equal(pbti_edits("tepss", "steps"), 2);
    assert_int_equal(pbti_edits("setps", "steps"), 1); /* swap */
    assert_int_equal(pbti_edits("kitten", "sitting"), 3);
    assert_int_equal(pbti_edits("ca", "abc"), 3); /* no edit between swapped letters */
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    assert_int_equal(pbti_edits(longest, "a"), UINT32_MAX);
    assert_int_equal(pbti_edits(longest + 1, "a"), 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_16_every_key_is_reachable),
        cmocka_unit_test(test_16_every_key_is_in_the_manual),
        cmocka_unit_test(test_16_every_word_is_reachable),
        cmocka_unit_test(test_populations_that_follow),
        cmocka_unit_test(test_edits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
