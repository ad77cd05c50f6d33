/* SPDX-License-Identifier: Apache-2.0 */
/* gradient_check.c - see gradient_check.h. */
#include "gradient_check.h"
#include "nn/nn_base.h"
#include "trainer_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <math.h>

float *check_noise(size_t count, uint32_t salt, float scale)
{
    float *const values = pbti_nn_floats(count);
    assert_non_null(values);
    for (size_t i = 0; i < count; i++) {
        values[i] = scale * fixture_noise(salt + (uint32_t)i);
    }
    return values;
}

void check_close(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance)) {
        fail_msg("got %.9g, expected %.9g within %.1e", got, expected, tolerance);
    }
}

void check_all_close(const char *what, const float *got, const float *expected, size_t count,
                     double tolerance)
{
    for (size_t i = 0; i < count; i++) {
        double const right = (double)expected[i];
        if (!(fabs((double)got[i] - right) <= tolerance * (1.0 + fabs(right)))) {
            fail_msg("%s[%zu] is %.9g, expected %.9g within %.1e", what, i, (double)got[i], right,
                     tolerance);
        }
    }
}

/* The objective with *value moved by `by`. */
static double moved(float *value, float by, double (*objective)(void *context), void *context)
{
    float const kept = *value;
    *value = kept + by;
    double const result = objective(context);
    *value = kept;
    return result;
}

void check_gradient(const char *what, float *values, size_t count, const float *gradient,
                    double (*objective)(void *context), void *context, double tolerance)
{
    float const step = 0x1p-5f;
    for (size_t i = 0; i < count; i++) {
        double const near = moved(&values[i], step, objective, context) -
                            moved(&values[i], -step, objective, context);
        double const far = moved(&values[i], 2 * step, objective, context) -
                           moved(&values[i], -2 * step, objective, context);
        double const slope = (8.0 * near - far) / (12.0 * (double)step);
        if (!(fabs((double)gradient[i] - slope) <= tolerance)) {
            fail_msg("gradient of %s[%zu] is %.9g, the differences say %.9g", what, i,
                     (double)gradient[i], slope);
        }
    }
}

double check_dot(const float *a, const float *b, size_t count)
{
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}
