# SPDX-License-Identifier: Apache-2.0
"""intervals.py - the 95 % intervals of the claims under bench/claims. Standard library only.

    mean_interval(values)            of a mean: Student's t, as `pbt compare` has it
    best_of(pool, n)                 the expected best of n runs, from a pool of more
    best_of_interval(pool, n)        its interval

tests/base/test_claims_intervals.py measures how often they hold the true value.
"""
import math
import statistics


def t_quantile(p, freedom):
    """t with P(T <= t) = p, for 0.5 < p < 1, by bisection over the density's integral."""
    def upper_tail(t):
        # With u = atan(t / sqrt(freedom)) the density is cos(u)^(freedom - 1): smooth and bounded.
        low, high, parts = math.atan(t / math.sqrt(freedom)), math.pi / 2, 400
        width = (high - low) / parts
        total = sum((4 if i % 2 else 2) * math.cos(low + i * width) ** (freedom - 1)
                    for i in range(1, parts))
        total += math.cos(low) ** (freedom - 1) + math.cos(high) ** (freedom - 1)
        scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
        return math.exp(scale) / math.sqrt(math.pi) * total * width / 3
    low, high = 0.0, 1.0
    while upper_tail(high) > 1 - p:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if upper_tail(middle) > 1 - p else (low, middle)
    return high


_QUANTILES = {}


def _half(error, count):
    if count not in _QUANTILES:
        _QUANTILES[count] = t_quantile(0.975, count - 1)
    return _QUANTILES[count] * error


def mean_interval(values):
    """(low, high), or (nan, nan) for fewer than two values. Source: Student 1908."""
    if len(values) < 2:
        return math.nan, math.nan
    mean = statistics.fmean(values)
    half = _half(statistics.stdev(values) / math.sqrt(len(values)), len(values))
    return mean - half, mean + half


def best_of(pool, n):
    """The mean of the best over all subsets of n runs: unbiased for the expected best of n.

    Larger is better; 1 <= n <= len(pool). The i-th smallest of m is the best of n in
    C(i - 1, n - 1) of C(m, n) subsets.
    """
    ordered = sorted(pool)
    subsets = math.comb(len(ordered), n)
    return sum(math.comb(place, n - 1) / subsets * value
               for place, value in enumerate(ordered) if place >= n - 1)


def best_of_interval(pool, n):
    """(low, high) by the jackknife: its standard error, Student's quantile. n < len(pool).

    Source: Arvesen 1969 (the jackknife of a U-statistic). It is too narrow where the pool holds
    few runs near the top and scores are skewed: take a pool of at least 4 n.
    """
    count = len(pool)
    left_out = [best_of(pool[:i] + pool[i + 1:], n) for i in range(count)]
    spread = statistics.fmean(left_out)
    error = math.sqrt((count - 1) / count * sum((one - spread) ** 2 for one in left_out))
    middle, half = best_of(pool, n), _half(error, count)
    return middle - half, middle + half
