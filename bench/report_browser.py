#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/report_browser.py - how long a large report takes: to be written, and until it is seen.

    scripts/bench report_browser                         (1000 members, 100000 segments)
    PBT_BUILD_DIR=... bench/report_browser.py MEMBERS SEGMENTS

Makes a study with bench_scale, then prints medians of five: `pbt report` beside a bare
`pbt show` that folds the same journal without its cache (the reference), and in Chromium, without a
screen, the time from opening the file to the first chart and to the end of drawing.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "cli"))
import browser  # pylint: disable=wrong-import-position

RUNS = 5


def seconds(command, before=lambda: None):
    """(by the clock, of a processor): the latter also tells something on a busy machine."""
    times = []
    for _ in range(RUNS):
        before()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        end = time.monotonic()
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append((end - begin,
                      now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime))
    return [statistics.median(values) for values in zip(*times)]


def seen(path):
    """(first chart, end of drawing) in seconds since the page was asked for."""
    times = []
    for _ in range(RUNS):
        page = browser.Browser()
        try:
            page.open(path)
            times.append(page.run("""
                return ["picture", "drawn"].map((name) =>
                  performance.getEntriesByName(name)[0].startTime)"""))
        finally:
            page.close()
    return [statistics.median(values) / 1000 for values in zip(*times)]


def main():
    build = os.environ["PBT_BUILD_DIR"]
    members, segments = sys.argv[1:3] if len(sys.argv) > 2 else ("1000", "100000")
    pbt = os.path.join(build, "bin", "pbt")
    folder = tempfile.mkdtemp(prefix="pbt-bench-")
    study = os.path.join(folder, "study")
    try:
        subprocess.run([os.path.join(build, "bench", "bench_scale"), members, segments, study],
                       env={**os.environ, "PBT_BIN": ""}, check=True, stdout=subprocess.DEVNULL)
        cache = os.path.join(study, "cache")
        show = seconds([pbt, "show", study], lambda: shutil.rmtree(cache, ignore_errors=True))
        report = seconds([pbt, "report", study, "-q"])
        page = os.path.join(study, "report.html")
        print(f"study            {members} members, {segments} segments")
        print(f"pbt show         {show[0]:.2f} s, {show[1]:.2f} s of a processor (folds it)")
        print(f"pbt report       {report[0]:.2f} s, {report[1]:.2f} s of a processor: "
              f"{report[1] / show[1]:.1f} times that; {os.path.getsize(page) / 2**20:.1f} MiB")
        if browser.is_there():
            picture, end = seen(page)
            print(f"first chart      {picture:.2f} s")
            print(f"all is drawn     {end:.2f} s")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
