#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/core_vs_optuna.py - reports per second in memory, beside Optuna's ask and tell, in one run.

Ours is bench_core at 64 members: claim, report and decision folded (core), and with encoding and
append to a memory journal (journal). Optuna's is study.ask() with three suggested floats and
study.tell(), in-memory storage, random sampler, logging off. Rounds alternate; the medians and
their ratio are printed. Needs python3-optuna.
"""
import os
import re
import statistics
import subprocess
import sys
import time

ROUNDS = 5
REPORTS = 500_000
TRIALS = 1_000

try:
    import optuna
except ImportError:
    print("python3-optuna is not installed: nothing to compare with")
    sys.exit(0)


def ours(program):
    text = subprocess.run([program, "64", str(REPORTS)], check=True, capture_output=True,
                          text=True).stdout
    return [float(rate) for rate in re.findall(r"(\d+) reports/s", text)]


def theirs():
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    began = time.perf_counter()
    for _ in range(TRIALS):
        trial = study.ask()
        value = trial.suggest_float("lr", 1e-5, 1.0, log=True)
        value += trial.suggest_float("momentum", 1e-5, 1.0, log=True)
        value += trial.suggest_float("dropout", 1e-5, 1.0, log=True)
        study.tell(trial, value)
    return TRIALS / (time.perf_counter() - began)


def main():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    build = os.environ.get("PBT_BUILD_DIR", "build/release")
    program = os.path.join(build, "bench", "bench_core")
    rounds = [(ours(program), theirs()) for _ in range(ROUNDS)]
    core = statistics.median(round_[0][0] for round_ in rounds)
    journal = statistics.median(round_[0][1] for round_ in rounds)
    peer = statistics.median(round_[1] for round_ in rounds)
    print(f"durability: none on either side (memory); medians of {ROUNDS} rounds")
    print(f"optuna   {peer:10.0f} trials/s   {optuna.__version__}, random sampler")
    print(f"core     {core:10.0f} reports/s  {core / peer:5.0f} times (wanted: 300)")
    print(f"journal  {journal:10.0f} reports/s  {journal / peer:5.0f} times")


if __name__ == "__main__":
    main()
