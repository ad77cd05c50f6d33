/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/spec/test_spec_manual.c - docs/spec.md is what the manifest says, and its example works.
 *
 * With PBT_UPDATE=1 in the environment the page is written instead of compared.
 */
#include "spec_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void update(const char *manual)
{
    char path[4096];
    FILE *const file = fopen(spec_source_path("docs/spec.md", path, sizeof path), "wbe");
    assert_non_null(file);
    assert_true(fputs(manual, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_page_is_up_to_date(void **state)
{
    (void)state;
    char *const manual = pbti_spec_manual();
    assert_non_null(manual);
    if (getenv("PBT_UPDATE") != NULL) { update(manual); }
    char *const page = spec_source_file("docs/spec.md", NULL);
    if (strcmp(page, manual) != 0) {
        fail_msg("docs/spec.md is out of date: PBT_UPDATE=1 writes it anew");
    }
    free(page);
    free(manual);
}

static void test_example_of_the_page_is_a_spec(void **state)
{
    (void)state;
    char *const manual = pbti_spec_manual();
    assert_non_null(manual);
    char *const begin = strstr(manual, "```yaml\n");
    assert_non_null(begin);
    char *const text = begin + strlen("```yaml\n");
    char *const end = strstr(text, "```");
    assert_non_null(end);
    *end = '\0';
    struct pbti_spec *const spec = spec_good(text, NULL);
    assert_int_equal(spec->config.members, 16);
    spec_assert_round_trip(spec);
    pbti_spec_destroy(spec);
    free(manual);
}

/* No cell of a table ends early. */
static void test_tables_are_whole(void **state)
{
    (void)state;
    char *const manual = pbti_spec_manual();
    uint32_t rows = 0;
    for (const char *line = manual; *line != '\0';) {
        size_t const length = strcspn(line, "\n");
        if (line[0] == '|') {
            uint32_t bars = 0;
            for (size_t i = 0; i < length; i++) {
                bars += line[i] == '|';
            }
            assert_true(bars == 5 || bars == 3);
            assert_int_equal(line[length - 1], '|');
            rows++;
        }
        line += length + (line[length] == '\n' ? 1 : 0);
    }
    assert_true(rows > 70);
    free(manual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_is_up_to_date),
        cmocka_unit_test(test_example_of_the_page_is_a_spec),
        cmocka_unit_test(test_tables_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
