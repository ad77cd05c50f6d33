#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/propose_vs_sklearn.py - fit and search of bench_propose beside scikit-learn, in one run.

The same points (bench_propose --points), the same model: amplitude times Matern-5/2 with one length
scale a dimension, and noise; the same number of starts. Theirs is
GaussianProcessRegressor.fit() and then, as scikit-optimize does it, expected improvement of 1,000
random points and L-BFGS-B from the best five, here with numerical gradients. Prints the ratios;
needs python3-sklearn. Both run on the LAPACK that the system has chosen, or their own copy of it.
"""
import os
import re
import subprocess
import sys
import time
import warnings

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
try:
    import numpy
    from scipy.optimize import minimize
    from scipy.stats import norm
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
except ImportError:
    print("python3-sklearn is not installed: nothing to compare with")
    sys.exit(0)

DIMENSIONS = 8
CASES = ((100, 3), (1000, 1))  # observations, starts


def ours(program, count, starts):
    text = subprocess.run([program, str(count), str(starts)], check=True, capture_output=True,
                          text=True).stdout
    return [float(number) for number in re.search(
        r"fit ([\d.]+) ms .*log likelihood ([-\d.]+)\), search ([\d.]+) ms", text).groups()]


def points_of(program, count):
    text = subprocess.run([program, "--points", str(count)], check=True, capture_output=True,
                          text=True).stdout
    return numpy.array([[float(word) for word in line.split()] for line in text.splitlines()])


def theirs(points, starts):
    x, y = points[:, :DIMENSIONS], points[:, DIMENSIONS]
    kernel = (ConstantKernel(1.0, (1e-2, 1e2))
              * Matern(numpy.full(DIMENSIONS, 0.5), (1e-2, 1e2), nu=2.5)
              + WhiteKernel(1e-3, (1e-8, 1.0)))
    model = GaussianProcessRegressor(kernel, n_restarts_optimizer=starts - 1, random_state=1)
    began = time.perf_counter()
    model.fit(x, y)
    fitted = time.perf_counter()

    def loss(candidates):
        mean, sd = model.predict(numpy.atleast_2d(candidates), return_std=True)
        z = (mean - y.max()) / sd
        return -((mean - y.max()) * norm.cdf(z) + sd * norm.pdf(z))

    candidates = numpy.random.default_rng(1).random((1000, DIMENSIONS))
    for start in candidates[numpy.argsort(loss(candidates))[:5]]:
        minimize(lambda point: loss(point)[0], start, method="L-BFGS-B",
                 bounds=[(0.0, 1.0)] * DIMENSIONS, options={"maxiter": 20})
    ended = time.perf_counter()
    return ((fitted - began) * 1e3, model.log_marginal_likelihood_value_,
            (ended - fitted) * 1e3)


def main():
    warnings.simplefilter("ignore")
    program = os.path.join(os.environ.get("PBT_BUILD_DIR", "build/release"), "bench",
                           "bench_propose")
    for count, starts in CASES:
        points = points_of(program, count)
        if not len(points):
            return
        fit, likelihood, search = ours(program, count, starts)
        their_fit, their_likelihood, their_search = theirs(points, starts)
        print(f"{count} observations, {starts} starts: fit {fit:.1f} ms against "
              f"{their_fit:.1f} ms, {their_fit / fit:.1f} times; log likelihood {likelihood:.2f} "
              f"against {their_likelihood:.2f}")
        print(f"{count} observations: search {search:.1f} ms against {their_search:.1f} ms, "
              f"{their_search / search:.1f} times")
        total, their_total = fit + search, their_fit + their_search
        print(f"{count} observations: both {total:.1f} ms against {their_total:.1f} ms, "
              f"{their_total / total:.1f} times", flush=True)


main()
