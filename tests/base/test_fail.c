/* SPDX-License-Identifier: Apache-2.0 */
/* test_fail.c - texts of errno values, with either kind of strerror_r. */
#include "base/fail.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_an_errno_value_has_a_text(void **state)
{
    (void)state;
    char buffer[128];
    assert_string_equal(pbti_error_text(ENOENT, buffer, sizeof buffer),
                        "No such file or directory");
    assert_true(strlen(pbti_error_text(123456, buffer, sizeof buffer)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_an_errno_value_has_a_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
