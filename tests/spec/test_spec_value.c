/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_value.c - hyperparameters' values as JSON and as text, and back (rule 17).
 */
#include "spec_fixture.h"

#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char space_text[] = "trainer: {builtin: x}\npopulation: 4\nsteps: 10\nspace:\n"
                                 "  lr: {type: log, low: 1e-5, high: 0.1}\n"
                                 "  units: {type: integer, low: -5, high: 1e9}\n"
                                 "  batch: {type: ordinal, values: [32, 64.5, auto, \"64\"]}\n"
                                 "  act: {type: categorical, values: [relu, no, 1e300]}\n"
                                 "  flag: {type: boolean}\n";

enum { LR, UNITS, BATCH, ACT, FLAG };

static void assert_value(const struct pbti_space *space, uint32_t hp, double value,
                         const char *json, const char *text)
{
    json_t *const made = pbti_value_json(space, hp, value);
    assert_non_null(made);
    char *const dumped = json_dumps(made, JSON_ENCODE_ANY);
    assert_string_equal(dumped, json);
    free(dumped);
    double again = -1.0;
    assert_true(pbti_value_from_json(space, hp, made, &again));
    assert_true(again == value);
    json_decref(made);
    char shown[PBTI_HP_NAME_MAX];
    assert_ptr_equal(pbti_value_text(space, hp, value, shown, sizeof shown), shown);
    assert_string_equal(shown, text);
}

static void test_values_both_ways(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(space_text, NULL);
    const struct pbti_space *const space = &spec->config.space;
    assert_value(space, LR, 0.00121, "0.0012099999999999999", "0.00121");
    assert_value(space, LR, 1.0, "1.0", "1");
    assert_value(space, UNITS, 512.0, "512", "512");
    assert_value(space, UNITS, 1e9, "1000000000", "1000000000");
    assert_value(space, UNITS, -5.0, "-5", "-5");
    assert_value(space, BATCH, 0.0, "32", "32");
    assert_value(space, BATCH, 1.0, "64.5", "64.5");
    assert_value(space, BATCH, 2.0, "\"auto\"", "auto");
    assert_value(space, BATCH, 3.0, "\"64\"", "64");
    assert_value(space, ACT, 1.0, "\"no\"", "no");
    assert_value(space, ACT, 2.0, "1.0000000000000001e300", "1e300");
    assert_value(space, FLAG, 0.0, "false", "false");
    assert_value(space, FLAG, 1.0, "true", "true");
    pbti_spec_destroy(spec);
}

static void test_all_values_in_the_order_of_the_space(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(space_text, NULL);
    double const values[] = {0.5, 7.0, 3.0, 0.0, 1.0};
    json_t *const object = pbti_values_json(&spec->config.space, values);
    assert_non_null(object);
    char *const dumped = json_dumps(object, JSON_COMPACT);
    assert_string_equal(dumped,
                        "{\"lr\":0.5,\"units\":7,\"batch\":\"64\",\"act\":\"relu\",\"flag\":true}");
    free(dumped);
    json_decref(object);
    pbti_spec_destroy(spec);
}

static void assert_refused(const struct pbti_space *space, uint32_t hp, const char *text)
{
    json_error_t error;
    json_t *const json = json_loads(text, JSON_DECODE_ANY, &error);
    assert_non_null(json);
    double value = 42.0;
    assert_false(pbti_value_from_json(space, hp, json, &value));
    assert_true(value == 42.0);
    json_decref(json);
}

static void test_17_json_of_the_wrong_type_is_refused(void **state)
{
    (void)state;
    struct pbti_spec *const spec = spec_good(space_text, NULL);
    const struct pbti_space *const space = &spec->config.space;
    static const char *const never[] = {"null", "[]", "{}", "\"NaN\"", "\"0.5\""};
    for (uint32_t hp = LR; hp <= FLAG; hp++) {
        for (size_t i = 0; i < 5; i++) {
            assert_refused(space, hp, never[i]);
        }
    }
    assert_refused(space, LR, "true");
    assert_refused(space, UNITS, "1.5");
    assert_refused(space, BATCH, "33");
    assert_refused(space, BATCH, "64"); /* the text "64" is there, the number is not */
    assert_refused(space, BATCH, "\"32\"");
    assert_refused(space, ACT, "\"gelu\"");
    assert_refused(space, FLAG, "1");
    double value = 0.0;
    json_t *const real = json_real(32.0);
    assert_true(pbti_value_from_json(space, BATCH, real, &value)); /* 32.0 is 32 */
    assert_true(value == 0.0);
    assert_true(pbti_value_from_json(space, UNITS, real, &value));
    assert_true(value == 32.0);
    json_decref(real);
    pbti_spec_destroy(spec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_both_ways),
        cmocka_unit_test(test_all_values_in_the_order_of_the_space),
        cmocka_unit_test(test_17_json_of_the_wrong_type_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
