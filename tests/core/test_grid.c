/* SPDX-License-Identifier: Apache-2.0 */
/* tests/core/test_grid.c - the points of a grid: each once, bounds among them, by type. */
#include "core/grid.h"
#include "core/lab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_places(struct pbti_hp hp, uint32_t wanted, const double *expected,
                          uint32_t count)
{
    assert_int_equal(pbti_grid_places(&hp, wanted), count);
    for (uint32_t i = 0; i < count; i++) {
        double const value = pbti_grid_value(&hp, i, count);
        assert_true(pbti_hp_valid(&hp, value));
        assert_true(fabs(value - expected[i]) <= 1e-12 * fabs(expected[i]));
    }
}

static void test_places_by_type(void **unused)
{
    (void)unused;
    assert_places((struct pbti_hp){.kind = PBTI_HP_LINEAR, .low = -1, .high = 3}, 5,
                  (double[]){-1, 0, 1, 2, 3}, 5);
    assert_places((struct pbti_hp){.kind = PBTI_HP_LINEAR, .low = 0, .high = 3}, 1, (double[]){1.5},
                  1);
    assert_places((struct pbti_hp){.kind = PBTI_HP_LINEAR, .low = 2, .high = 2}, 4, (double[]){2},
                  1);
    assert_places((struct pbti_hp){.kind = PBTI_HP_LOG, .low = 1e-4, .high = 1}, 5,
                  (double[]){1e-4, 1e-3, 1e-2, 1e-1, 1}, 5);
    assert_places((struct pbti_hp){.kind = PBTI_HP_LOG, .low = 1e-4, .high = 1}, 1,
                  (double[]){1e-2}, 1);
    assert_places((struct pbti_hp){.kind = PBTI_HP_LOGIT, .low = 0.1, .high = 0.9}, 3,
                  (double[]){0.1, 0.5, 0.9}, 3);
    assert_places((struct pbti_hp){.kind = PBTI_HP_INTEGER, .low = 1, .high = 9}, 3,
                  (double[]){1, 5, 9}, 3);
    assert_places((struct pbti_hp){.kind = PBTI_HP_INTEGER, .low = 1, .high = 3}, 10,
                  (double[]){1, 2, 3}, 3);
    assert_places(
        (struct pbti_hp){.kind = PBTI_HP_INTEGER, .log_scale = true, .low = 1, .high = 64}, 4,
        (double[]){1, 4, 16, 64}, 4);
    assert_places((struct pbti_hp){.kind = PBTI_HP_CATEGORICAL, .high = 2, .count = 3}, 1,
                  (double[]){0, 1, 2}, 3);
    assert_places((struct pbti_hp){.kind = PBTI_HP_BOOLEAN, .high = 1}, 5, (double[]){0, 1}, 2);
}

/* However close they are on a log scale, whole numbers are never there twice. */
static void test_whole_numbers_are_distinct(void **unused)
{
    (void)unused;
    for (double high = 1; high < 60; high++) {
        struct pbti_hp const hp = {
            .kind = PBTI_HP_INTEGER, .log_scale = true, .low = 1, .high = high};
        for (uint32_t wanted = 1; wanted < 70; wanted++) {
            uint32_t const places = pbti_grid_places(&hp, wanted);
            for (uint32_t i = 1; i < places; i++) {
                double const before = pbti_grid_value(&hp, i - 1, places);
                assert_true(pbti_grid_value(&hp, i, places) > before);
            }
        }
    }
}

static void test_every_point_once(void **unused)
{
    (void)unused;
    struct pbti_config *const config = malloc(sizeof *config);
    assert_non_null(config);
    lab_config(config, 6);
    config->exploit = PBTI_EXPLOIT_NONE;
    config->explore = PBTI_EXPLORE_NONE;
    config->grid = true;
    config->places[0] = 2;
    config->places[1] = 3;
    assert_null(pbti_config_invalid(config));
    struct lab *const lab = lab_open(config);
    for (uint32_t i = 0; i < 6; i++) {
        const double *const values = pbti_state_values(lab->state, i);
        for (uint32_t hp = 0; hp < 2; hp++) {
            uint32_t const place = hp == 0 ? i / 3 : i % 3;
            assert_true(values[hp] ==
                        pbti_grid_value(&config->space.hp[hp], place, config->places[hp]));
        }
    }
    lab_close(lab);
    config->members = 7;
    assert_string_equal(pbti_config_invalid(config), "the population is not the size of the grid");
    config->places[0] = config->places[1] = 2000;
    assert_int_equal(pbti_grid_size(config), PBTI_MEMBERS_MAX + 1);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_by_type),
        cmocka_unit_test(test_whole_numbers_are_distinct),
        cmocka_unit_test(test_every_point_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
