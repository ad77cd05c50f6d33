#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Segments a second through the whole path: socket, checkpoint, journal, decision, next task.

A trainer that does nothing runs in one slot of `pbt run`, with the C client (noop_trainer.c) and
with the Python client, in both durability modes, against the same file operations bare, in the same
run and folder: for each segment one SQLite commit and one directory made, renamed and removed (and,
for `sync: full`, synced as a checkpoint is). Then how busy a slot is with segments of 100 ms, and
what an exploit costs when a checkpoint holds 1 GiB.

    bench_segments.py [--seconds S] [--folder DIR]

Exit code 1 when a figure is below what is asked for; the ratio against the bare operations decides,
since folders and disks differ.
"""
import argparse
import datetime
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("PBT_BUILD_DIR", "build/release")
PBT = os.environ.get("PBT_BIN", os.path.join(BUILD, "bin", "pbt"))
NOOP = os.path.join(BUILD, "bench", "bench_noop_trainer")
PYTHON_TRAINER = """import pbt
for task in pbt.tasks():
    task.report(task.hp["x"] + task.segment)
"""
failures = []


def require(condition, text):
    print(("  ok   " if condition else "  FAIL ") + text)
    if not condition:
        failures.append(text)


def study(folder, name, command, **more):
    """Run a study; the events of its journal and the seconds of its reports."""
    spec = {
        "study": name,
        "trainer": {"command": command},
        "population": 8,
        "steps": 1000000,
        "ready": 1,
        "slots": 1,
        "space": {"x": {"type": "linear", "low": 0, "high": 1}},
    }
    spec.update(more)
    path = os.path.join(folder, name + ".yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(spec, file)  # JSON is YAML
    where = os.path.join(folder, name)
    run = subprocess.run([PBT, "run", path, "--dir", where, "--quiet"], check=False)
    if run.returncode != 0:
        sys.exit(f"{name}: pbt run ended with {run.returncode}")
    lines = subprocess.run([PBT, "log", where, "--json"], check=True, capture_output=True).stdout
    return where, [json.loads(line) for line in lines.splitlines()]


def reports(events):
    return [event for event in events if event["type"] == "report"]


def when(event):
    text = event["time"].replace("Z", "+00:00")
    return datetime.datetime.fromisoformat(text).timestamp()


def segments_a_second(folder, name, command, sync, seconds):
    _, events = study(folder, name, command, sync=sync, stop={"hours": seconds / 3600.0})
    done = reports(events)
    return (len(done) - 1) / max(when(done[-1]) - when(done[0]), 1e-9)


def sync_folder(path):
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def bare(folder, full, seconds):
    """The same file operations and one commit, as often as they go: what the disk allows."""
    base = os.path.join(folder, "bare")
    os.mkdir(base)
    db = sqlite3.connect(os.path.join(base, "db"), isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=" + ("FULL" if full else "NORMAL"))
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)")
    payload = b"x" * 250
    count, begin = 0, time.monotonic()
    while time.monotonic() - begin < seconds:
        part, whole = os.path.join(base, f"{count}.part"), os.path.join(base, f"{count}")
        os.mkdir(part)
        if full:
            sync_folder(part)
        os.rename(part, whole)
        if full:
            sync_folder(base)
        db.execute("BEGIN IMMEDIATE")
        db.execute("INSERT INTO t (data) VALUES (?)", (payload,))
        db.execute("COMMIT")
        os.rename(whole, whole + ".gone")
        os.rmdir(whole + ".gone")
        count += 1
    took = time.monotonic() - begin
    db.close()
    shutil.rmtree(base)
    return count / took


def throughput(folder, seconds, ratio_min):
    python = os.path.join(folder, "noop.py")
    with open(python, "w", encoding="utf-8") as file:
        file.write(PYTHON_TRAINER)
    clients = (("C", [NOOP], 3000), ("Python", ["/usr/bin/python3", python], 1000))
    for sync in ("normal", "full"):
        rates = {}
        # turn by turn: shared disks are noisy
        references = [bare(folder, sync == "full", seconds / 2)]
        for client, command, _ in clients:
            rates[client] = segments_a_second(folder, f"{client}-{sync}", command, sync, seconds)
            references.append(bare(folder, sync == "full", seconds / 2))
        reference = statistics.median(references)
        print(f"sync {sync}: bare commit and folder operations {reference:,.0f} a second "
              f"({min(references):,.0f} to {max(references):,.0f})")
        for client, _, wanted in clients:
            ratio = rates[client] / reference
            # a disk that cannot do it bare cannot do it at all
            require(rates[client] >= wanted or ratio >= ratio_min,
                    f"{client} client {rates[client]:,.0f} segments a second, {ratio:.2f} of bare "
                    f"(asked: {wanted:,}, or {ratio_min:.2f} of bare)")


def busy_share(folder):
    _, events = study(folder, "busy", [NOOP, "100"], population=2, steps=25, sync="normal")
    times = [when(event) for event in reports(events)]
    gaps = sorted(later - earlier for earlier, later in zip(times, times[1:]))
    usual = gaps[:len(gaps) * 9 // 10]  # the rest is other programs on this machine
    share = 0.1 / statistics.mean(usual)
    whole = 0.1 / statistics.mean(gaps)
    require(share >= 0.99, f"segments of 100 ms: the slot is busy {100 * share:.2f} % of the time "
                           f"({100 * whole:.2f} % with the slowest tenth)")


def exploit_cost(folder):
    """Checkpoints of 1 GiB (holes): an exploit makes no copy, so it takes no room and no time."""
    size = 1 << 30
    where, events = study(
        folder, "large", [NOOP, "0", str(size)], population=4, steps=3, sync="normal",
        strategy={"name": "pbt", "exploit": {"name": "truncation", "quantile": 0.25}})
    exploits = [event for event in events
                if event["type"] == "decision" and event.get("kind") == "replace"]
    files = [os.path.join(root, name)
             for root, _, names in os.walk(os.path.join(where, "checkpoints")) for name in names]
    used = sum(os.stat(name).st_blocks * 512 for name in files)
    require(len(exploits) > 0 and used < 1 << 20,
            f"{len(exploits)} exploits with checkpoints of 1 GiB wrote {used} bytes of weights; "
            f"{len(files)} checkpoints are on disk for 4 members")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--folder", default=None, help="default: a temporary one")
    parser.add_argument("--ratio", type=float, default=0.5)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="pbt-bench-", dir=options.folder)
    print(f"folder {folder}, load {os.getloadavg()[0]:.1f}")
    try:
        throughput(folder, options.seconds, options.ratio)
        busy_share(folder)
        exploit_cost(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
