/* SPDX-License-Identifier: Apache-2.0 */
/* tests/propose/test_without.c - a library says whether it can propose, and why when it cannot. */
#include "propose/propose.h"
#include "propose_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_call_agrees_with_is_available(void **state)
{
    (void)state;
    static struct pbti_space space;
    struct pbti_propose_options const options = pbti_propose_options_default();
    struct pbti_propose_data const data = {NULL, NULL, 0, NULL, 0};
    struct pbt_error err;
    double value = -1.0;
    lab_space(&space, 1, 0.0, 1.0);
    pbt_status const status = pbti_propose_next(&space, &data, &options, 1, NULL, &value, &err);
    if (pbti_propose_is_available()) {
        assert_int_equal(status, PBT_OK);
        assert_true(value >= 0.0);
    } else {
        assert_int_equal(status, PBT_EINVAL);
        assert_true(value == -1.0);
        assert_string_equal(err.message, "this pbt was built without Bayesian optimisation");
        assert_string_equal(err.hint, "install LAPACKE and NLopt and build again");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_call_agrees_with_is_available)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
