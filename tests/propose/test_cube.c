/* SPDX-License-Identifier: Apache-2.0 */
/* tests/propose/test_cube.c - every type of hyperparameter to the unit cube and back. */
#include "propose/cube.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* One hyperparameter of each kind, in the order of the kinds; then an integer on the log scale, a
 * categorical of two values and one that has a single value. */
static void fill_space(struct pbti_space *space)
{
    *space = (struct pbti_space){
        .count = 10,
        .values_count = 9,
        .hp = {{.kind = PBTI_HP_LINEAR, .low = -1.0, .high = 3.0},
               {.kind = PBTI_HP_LOG, .low = 1e-5, .high = 1e-1},
               {.kind = PBTI_HP_LOGIT, .low = 0.5, .high = 0.999},
               {.kind = PBTI_HP_INTEGER, .low = -2.0, .high = 5.0},
               {.kind = PBTI_HP_ORDINAL, .low = 0.0, .high = 3.0, .first = 0, .count = 4},
               {.kind = PBTI_HP_CATEGORICAL, .low = 0.0, .high = 2.0, .first = 4, .count = 3},
               {.kind = PBTI_HP_BOOLEAN, .low = 0.0, .high = 1.0},
               {.kind = PBTI_HP_INTEGER,
                .low = 1.0,
                .high = 512.0,
                .log_scale = true,
                .frozen = true},
               {.kind = PBTI_HP_CATEGORICAL, .low = 0.0, .high = 1.0, .first = 7, .count = 2},
               {.kind = PBTI_HP_LINEAR, .low = 2.5, .high = 2.5}},
    };
    for (uint32_t i = 0; i < space->count; i++) {
        snprintf(space->hp[i].name, sizeof space->hp[i].name, "h%u", i);
    }
    assert_null(pbti_space_invalid(space));
}

static void test_layout(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_cube cube;
    fill_space(&space);
    pbti_cube_init(&cube, &space);
    assert_int_equal(cube.dimensions, 11);
    assert_int_equal(cube.width[5], 3);
    assert_int_equal(cube.width[8], 1);
    assert_int_equal(cube.width[9], 0);
    for (uint32_t i = 0; i < space.count; i++) {
        assert_true(pbti_cube_is_continuous(&cube, i) == (i < 3));
    }
}

static void test_values_go_there_and_back(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_cube cube;
    double values[10];
    double point[11];
    double back[10];
    fill_space(&space);
    pbti_cube_init(&cube, &space);
    for (uint64_t round = 0; round < 2000; round++) {
        struct pbti_stream const stream = {1, PBTI_PURPOSE_SIM, round, 0};
        for (uint32_t i = 0; i < space.count; i++) {
            double const unit = round == 0   ? 0.0
                                : round == 1 ? nextafter(1.0, 0.0)
                                             : pbti_draw_unit(&stream, i);
            values[i] = pbti_hp_sample(&space.hp[i], unit);
        }
        pbti_cube_from_values(&cube, values, point);
        for (uint32_t d = 0; d < cube.dimensions; d++) {
            assert_true(point[d] >= 0.0 && point[d] <= 1.0);
        }
        pbti_cube_to_values(&cube, point, back);
        for (uint32_t i = 0; i < space.count; i++) {
            double const tolerance = i < 3 ? 1e-13 * fabs(values[i]) : 0.0;
            assert_true(fabs(back[i] - values[i]) <= tolerance);
            assert_true(pbti_hp_valid(&space.hp[i], back[i]));
        }
    }
}

static void test_known_places(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_cube cube;
    double const values[10] = {0.0, 1e-3, 0.5, -2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 2.5};
    double const expected[11] = {0.25, 0.5, 0.0, 0.0625, 0.875, 0, 1, 0, 0.75, 0.1, 0.75};
    double point[11];
    fill_space(&space);
    pbti_cube_init(&cube, &space);
    pbti_cube_from_values(&cube, values, point);
    for (uint32_t d = 0; d < 11; d++) {
        if (d == 9) { /* ln(1 / 0.5) / ln(512.5 / 0.5) */
            assert_true(fabs(point[d] - log(2.0) / log(1025.0)) < 1e-15);
            continue;
        }
        assert_true(fabs(point[d] - expected[d]) < 1e-14);
    }
}

static void test_snap_gives_legal_points_and_leaves_them(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_cube cube;
    double point[11];
    double again[11];
    double values[10];
    fill_space(&space);
    pbti_cube_init(&cube, &space);
    for (uint64_t round = 0; round < 500; round++) {
        struct pbti_stream const stream = {2, PBTI_PURPOSE_SIM, round, 0};
        for (uint32_t d = 0; d < 11; d++) {
            point[d] = 3.0 * pbti_draw_unit(&stream, d) - 1.0; /* outside, too */
        }
        pbti_cube_snap(&cube, point);
        for (uint32_t d = 0; d < 11; d++) {
            again[d] = point[d];
        }
        pbti_cube_snap(&cube, again);
        assert_memory_equal(point, again, sizeof point);
        assert_true(point[5] + point[6] + point[7] == 1.0);
        pbti_cube_to_values(&cube, point, values);
        for (uint32_t i = 0; i < space.count; i++) {
            assert_true(pbti_hp_valid(&space.hp[i], values[i]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_values_go_there_and_back),
        cmocka_unit_test(test_known_places),
        cmocka_unit_test(test_snap_gives_legal_points_and_leaves_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
