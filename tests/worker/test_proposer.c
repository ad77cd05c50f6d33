/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/worker/test_proposer.c - what the spec of strategy bayes says is what proposals are made
 * with (rule 16).
 */
#include "spec/spec.h"
#include "worker/proposer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TRIALS 12

/* What the 13th member of a study with this strategy begins with. */
static double propose(const char *strategy)
{
    static char const text[] = "trainer: {command: [./t]}\npopulation: 20\nsteps: 10\n"
                               "space: {x: {type: linear, low: 0, high: 1}}\n";
    struct pbti_override const override = {"strategy", strategy};
    struct pbti_spec *spec = NULL;
    struct pbt_error err;
    if (pbti_spec_parse(text, strlen(text), "spec", &override, 1, &spec, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    double values[TRIALS];
    double scores[TRIALS];
    for (uint32_t i = 0; i < TRIALS; i++) { /* best between two trials, and not quite smooth */
        values[i] = (double)i / (TRIALS - 1);
        scores[i] = sin(5.0 * values[i]) + 0.2 * cos(21.0 * values[i]);
    }
    struct pbti_observations const trials = {.values = values, .scores = scores, .count = TRIALS};
    struct pbti_proposer proposer = {0};
    double value = -1.0;
    if (pbti_proposer_next(&proposer, spec, &trials, &value, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    pbti_spec_destroy(spec);
    return value;
}

static void test_16_options_of_bayes_change_the_proposal(void **state)
{
    (void)state;
    if (!PBT_HAVE_BAYES) { skip(); }
    static const char *const others[] = {
        "{name: bayes, kernel: matern32}", "{name: bayes, kernel: rbf}",
        "{name: bayes, acquisition: pi}",  "{name: bayes, acquisition: {xi: 0.5}}",
        "{name: bayes, acquisition: ucb}", "{name: bayes, acquisition: {name: ucb, kappa: 0.2}}",
        "{name: bayes, initial: 13}",
    };
    double seen[8];
    seen[0] = propose("bayes");
    assert_true(seen[0] == propose("{name: bayes, kernel: matern52, acquisition: {name: ei, xi: 0},"
                                   " initial: 10}"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        seen[i + 1] = propose(others[i]);
        for (size_t k = 0; k <= i; k++) {
            if (seen[k] == seen[i + 1]) { fail_msg("%s changes nothing", others[i]); }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_16_options_of_bayes_change_the_proposal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
