/* SPDX-License-Identifier: Apache-2.0 */
/* tests/view/test_rules_line.c - the line that `check` and `run` say of the rules in force. */
#include "view/rules_line.h"

#include "spec/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_the_rules_in_force_are_one_line(void **unused)
{
    (void)unused;
    static const struct {
        const char *spec, *line;
    } cases[] = {
        {"ready: 50", "strategy pbt, async, ready every 50 steps; exploit truncation, quantile "
                      "0.2; explore perturb, factors 0.8 1.2"},
        {"strategy: pbt_paper", "strategy pbt, async, ready every 50 steps; exploit truncation, "
                                "quantile 0.2; explore perturb, factors 0.8 1.2"},
        {"ready: {every: 10%, burn_in: 25%}, strategy: {mode: generational, exploit: {name: "
         "truncation, founders: 1, ties: copy}, explore: {name: both, probability: 0.1}}",
         "strategy pbt, generational, ready every 100 steps after the first 250; exploit "
         "truncation, quantile 0.2, ties are copied, founders 1, until 0.75; explore both, "
         "factors 0.8 1.2, probability 0.1"},
        {"strategy: {exploit: ttest, explore: {name: perturb, noise: {normal: 0.1}}, "
         "copy: weights}",
         "strategy pbt, async, ready every 50 steps; exploit ttest, alpha 0.05, copies weights "
         "only; explore perturb, noise 0.1"},
        {"strategy: random", "strategy random, async, ready every 50 steps"},
        {"strategy: explore_only", "strategy explore_only, async, ready every 50 steps; explore "
                                   "perturb, factors 0.8 1.2, at every judgement"},
        {"population: 9, strategy: {name: asha, min_steps: 100}",
         "strategy asha, async, ready every 50 steps; eta 3, rungs from 100 steps"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[600];
        bool const has_population = strstr(cases[i].spec, "population") != NULL;
        (void)snprintf(text, sizeof text,
                       "{trainer: {command: [./t]}, steps: 1000, space: {lr: {type: log, low: "
                       "1e-3, high: 1}}, %s%s}",
                       has_population ? "" : "population: 8, ", cases[i].spec);
        struct pbti_spec *spec = NULL;
        struct pbt_error err = {0};
        struct pbti_str str = {0};
        if (pbti_spec_parse(text, strlen(text), "x.yaml", NULL, 0, &spec, &err) != PBT_OK) {
            fail_msg("%s", err.message);
        }
        pbti_str_rules(&str, &spec->config);
        assert_string_equal(pbti_str_text(&str), cases[i].line);
        pbti_str_deinit(&str);
        pbti_spec_destroy(spec);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_rules_in_force_are_one_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
