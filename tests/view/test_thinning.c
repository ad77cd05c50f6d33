/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/view/test_thinning.c - a document of a study that has more segments than it may hold.
 *
 * Rules: what is left out is declared; whole members are kept, and the winner's lineage with them;
 * a parent that was left out is replaced by the nearest ancestor that is there; hyperparameters of
 * segments that were left out are left out, and those of the others are theirs.
 */
#include "view/document.h"
#include "view_study.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static json_int_t at(const json_t *columns, const char *name, size_t place)
{
    return json_integer_value(json_array_get(json_object_get(columns, name), place));
}

static json_t *write_document(const struct view_study *study, uint32_t segments_max)
{
    struct pbti_document_opts opts = pbti_document_opts_default();
    opts.segments_max = segments_max;
    struct pbti_str text = {0};
    struct pbt_error err = {.message = ""};
    if (pbti_document_write(study->dir, &opts, &text, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    json_t *const json = json_loadb(text.data, text.size, 0, NULL);
    assert_non_null(json);
    pbti_str_deinit(&text);
    return json;
}

static void test_members_are_left_out_and_the_winner_stays(void **state)
{
    (void)state;
    struct view_study study;
    view_study_open(&study, "");
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 4; i-- > 0;) {
            view_study_run(&study, i, 10 * round + (i == 1 ? 9 : 4 - i));
        }
    }
    json_t *const json = write_document(&study, 10);
    const json_t *const segments = json_object_get(json, "segments");
    size_t const count = (size_t)json_integer_value(json_object_get(segments, "count"));
    assert_int_equal(json_integer_value(json_object_get(segments, "total")), 20);
    assert_int_equal(json_integer_value(json_object_get(segments, "every")), 2);
    assert_in_range(count, 10, 15);
    const json_t *const lineage = json_object_get(json_object_get(json, "winner"), "lineage");
    assert_int_equal(json_array_size(lineage), 5);
    size_t odd = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(at(segments, "parent", i) < (json_int_t)i);
        odd += at(segments, "member", i) % 2 == 1;
    }
    assert_int_equal(odd, 5); /* member 1, the winner */
    for (size_t i = 1; i < 5; i++) {
        json_int_t const place = json_integer_value(json_array_get(lineage, i));
        assert_int_equal(at(segments, "parent", (size_t)place),
                         json_integer_value(json_array_get(lineage, i - 1)));
    }
    json_decref(json);
    view_study_remove(&study);
}

/* The first hyperparameter of each segment, by member and segment number. */
static void take_values(const json_t *json, double values[4][6])
{
    const json_t *const segments = json_object_get(json, "segments");
    const json_t *const column = json_array_get(json_object_get(json, "values"), 0);
    json_int_t const count = json_integer_value(json_object_get(segments, "count"));
    json_int_t highest = -1;
    for (size_t i = 0; i < (size_t)count; i++) {
        json_int_t const row = at(segments, "row", i);
        const json_t *const value = json_array_get(column, (size_t)row);
        assert_non_null(value);
        values[at(segments, "member", i)][at(segments, "segment", i)] = json_number_value(value);
        if (row > highest) { highest = row; }
    }
    assert_int_equal((json_int_t)json_array_size(column), highest + 1); /* none that nobody has */
}

static void test_hyperparameters_stay_with_their_segments(void **state)
{
    (void)state;
    struct view_study study;
    double all[4][6] = {{0}};
    double some[4][6] = {{0}};
    view_study_open(&study, "");
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 4; i-- > 0;) {
            view_study_run(&study, i, 10 * round + (i == 1 ? 9 : 4 - i));
        }
    }
    json_t *const whole = write_document(&study, 0);
    json_t *const thin = write_document(&study, 10);
    take_values(whole, all);
    take_values(thin, some);
    assert_true(json_array_size(json_array_get(json_object_get(thin, "values"), 0)) <
                json_array_size(json_array_get(json_object_get(whole, "values"), 0)));
    for (uint32_t member = 0; member < 4; member++) {
        for (uint32_t segment = 1; segment < 6; segment++) {
            double const value = some[member][segment];
            assert_true(value == 0 || value == all[member][segment]);
        }
    }
    json_decref(whole);
    json_decref(thin);
    view_study_remove(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_are_left_out_and_the_winner_stays),
        cmocka_unit_test(test_hyperparameters_stay_with_their_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
