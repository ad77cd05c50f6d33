#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_claims_intervals.py - the intervals of bench/claims hold the true value, as they claim."""
import math
import os
import pathlib
import random
import statistics
import sys
import unittest

SOURCE = pathlib.Path(os.environ.get("PBT_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "bench" / "claims"))

import intervals  # noqa: E402  pylint: disable=wrong-import-position


class Intervals(unittest.TestCase):

    def test_quantiles_of_student(self):
        for freedom, value in ((1, 12.706204736), (2, 4.302652730), (4, 2.776445105),
                               (9, 2.262157163), (95, 1.985251004)):
            self.assertAlmostEqual(intervals.t_quantile(0.975, freedom), value, places=6)

    def test_the_interval_of_a_mean_is_that_of_pbt_compare(self):
        low, high = intervals.mean_interval([1.0, 2.0, 4.0, 8.0])
        self.assertAlmostEqual(low, -1.1759430482311535, places=8)
        self.assertAlmostEqual(high, 8.675943048231154, places=8)
        self.assertTrue(math.isnan(intervals.mean_interval([1.0])[0]))

    def test_the_best_of_n_is_the_mean_over_all_subsets(self):
        self.assertAlmostEqual(intervals.best_of([3.0, 1.0, 2.0], 2), (2.0 + 3.0 + 3.0) / 3)
        self.assertAlmostEqual(intervals.best_of([3.0, 1.0, 2.0], 1), 2.0)
        self.assertAlmostEqual(intervals.best_of([3.0, 1.0, 2.0], 3), 3.0)

    def coverage(self, draw, size, n, samples=300):
        """How often the interval of a pool holds the expected best of n, as a share."""
        rolls = random.Random(1)
        truth = statistics.fmean(max(draw(rolls) for _ in range(n)) for _ in range(20000))
        held = 0
        for _ in range(samples):
            low, high = intervals.best_of_interval([draw(rolls) for _ in range(size)], n)
            held += low <= truth <= high
        return held / samples

    def test_the_interval_of_a_best_of_n_holds_it(self):
        normal = self.coverage(lambda rolls: rolls.gauss(0, 1), 32, 8)
        skewed = self.coverage(lambda rolls: rolls.lognormvariate(0, 1), 32, 8)
        print(f"best of 8 from pools of 32: normal {normal:.1%}, lognormal {skewed:.1%}")
        self.assertGreater(normal, 0.88)
        self.assertGreater(skewed, 0.6)


if __name__ == "__main__":
    unittest.main()
