/* SPDX-License-Identifier: Apache-2.0 */
/* core/decay.c - shapes by age; see decay.h. */
#include "core/decay.h"

#include <assert.h>

/* sin(pi x / 2) squared for x in [0, 1/2]: the sine's series, whose first term left out is below
 * 2^-60 of the sum. */
static double sine_squared(double x)
{
    static const double quarter_turn = 1.5707963267948966;
    double const angle = quarter_turn * x;
    double const square = angle * angle;
    double sum = 0.0;
    for (int k = 17; k > 1; k -= 2) {
        sum = (1.0 + sum) * -square / (double)(k * (k - 1));
    }
    double const sine = angle * (1.0 + sum);
    return sine * sine;
}

/* (1 + cos(pi x)) / 2; near its end from the other side, where it keeps all digits. */
static double cosine(double x)
{
    return x <= 0.5 ? 1.0 - sine_squared(x) : sine_squared(1.0 - x);
}

double pbti_decay_left(const struct pbti_decay *decay, uint64_t age, uint64_t span)
{
    assert(span >= 1);
    if (decay->shape == PBTI_DECAY_NONE || age == 0) { return 1.0; }
    if (age >= span) { return decay->to; }
    double const x = (double)age / (double)span;
    double const falls = decay->shape == PBTI_DECAY_COSINE ? cosine(x) : 1.0 - x;
    return decay->to + (1.0 - decay->to) * falls;
}
