/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classify_fashion.c - rule: on the real Fashion-MNIST a good fixed setting reaches 0.85
 * held-out accuracy after two passes over the data. Skipped (77) where dataset-fashion-mnist is not
 * installed.
 */
#include "classify/classify.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <unistd.h>

static void test_fashion_mnist_is_learnt(void **state)
{
    (void)state;
    struct pbti_classify classify;
    pbti_builtin_init(&pbti_builtin_classify, &classify);
    struct pbti_classify_settings s;
    pbti_settings_default(pbti_builtin_classify.settings, &s);
    struct pbti_builtin_task task = {.seed = 1, .steps = 50000};
    struct pbt_error err = {0};
    const struct pbti_classify_result *const result = &classify.result;
    if (pbti_builtin_run(&pbti_builtin_classify, &classify, &s, &task, &err) != PBT_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(classify.data.train, 50000);
    assert_int_equal(classify.data.held_out, 10000);
    assert_int_equal(classify.data.pixels, 784);
    assert_int_equal(classify.data.classes, 10);
    assert_true(result->accuracy > 0.80 && result->loss < 0.6);

    s.lr = 0.01; /* one more pass at a lower rate, then the test images */
    task = (struct pbti_builtin_task){.seed = 2, .steps = 50000, .start = PBT_CLIENT_KEEP};
    assert_int_equal(pbti_builtin_run(&pbti_builtin_classify, &classify, &s, &task, &err), PBT_OK);
    assert_true(result->accuracy > 0.85);
    s.split = 1;
    task = (struct pbti_builtin_task){.seed = 3, .start = PBT_CLIENT_KEEP};
    assert_int_equal(pbti_builtin_run(&pbti_builtin_classify, &classify, &s, &task, &err), PBT_OK);
    assert_true(result->accuracy > 0.84);
    pbti_builtin_deinit(&pbti_builtin_classify, &classify);
}

int main(void)
{
    if (access(PBTI_CLASSIFY_DATA_DEFAULT, R_OK) != 0) { return 77; }
    pbti_nn_setup(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fashion_mnist_is_learnt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
