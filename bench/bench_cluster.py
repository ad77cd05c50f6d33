#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench_cluster.py - appends a second of the journals for clusters, beside what they are made of.

folder      1 worker against the bare system calls: write, fsync, link, fsync of the folder, unlink;
            then 4 workers at once
postgres    1, 4 and 16 workers against pgbench with as many clients and one bare statement that is
            serial as well: take the next number from a row, insert a row of the same payload

Medians of rounds taken turn by turn, everything durable; the ratio is what counts. The server is
started here, over its socket. TMPDIR is where the files are. PBT_BENCH_SECONDS: of each round (2).
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "support"))

import postgres_server  # noqa: E402  pylint: disable=wrong-import-position

BUILD = pathlib.Path(os.environ.get("PBT_BUILD_DIR", SOURCE / "build" / "release"))
SECONDS = os.environ.get("PBT_BENCH_SECONDS", "2")
ROUNDS = 5
BARE = ("WITH head AS (UPDATE head SET last = last + 1 RETURNING last) "
        "INSERT INTO bare SELECT last, decode(repeat('07', 250), 'hex') FROM head;\n")


def appends(url, workers):
    """(appends a second, conflicts for each append)"""
    done = subprocess.run([BUILD / "bench" / "bench_appends", url, str(workers), SECONDS],
                          capture_output=True, text=True, check=True)
    rate, conflicts = map(float, done.stdout.split())
    return rate, conflicts


def report(what, ours, bare):
    rate = statistics.median(rate for rate, _ in ours)
    reference = statistics.median(bare)
    conflicts = statistics.median(conflicts for _, conflicts in ours)
    print(f"{what:22} append {rate:8.0f} /s  bare {reference:8.0f} /s  "
          f"ratio {rate / reference:.2f}  conflicts {conflicts:.2f} each", flush=True)


def measure_folder():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pbt-bench-"))
    try:
        for workers in (1, 4):
            ours, bare = [], []
            for turn in range(ROUNDS):
                place = folder / f"raw-{workers}-{turn}"
                place.mkdir()
                ours.append(appends(f"dir:{folder}/{workers}-{turn}", workers))
                bare.append(appends(f"raw:{place}", 1)[0])
            report(f"folder, {workers} workers", ours, bare)
    finally:
        shutil.rmtree(folder)


def pgbench(server, clients, script):
    text = server.run("pgbench", "-n", "-M", "prepared", "-c", clients, "-j", 2, "-T",
                      max(1, int(float(SECONDS))), "-f", script, "-h", server.folder, "-p",
                      server.port, "-U", "pbt", "pbt")
    return next(float(line.split()[2]) for line in text.splitlines() if line.startswith("tps"))


def measure_postgres():
    server = postgres_server.Server(durable=True)
    try:
        server.sql("CREATE TABLE head(last bigint); INSERT INTO head VALUES (0);"
                   "CREATE TABLE bare(k bigint PRIMARY KEY, v bytea NOT NULL)")
        script = server.folder / "bare.sql"
        script.write_text(BARE, encoding="utf-8")
        script.chmod(0o644)
        for workers in (1, 4, 16):
            ours, bare = [], []
            for turn in range(ROUNDS):
                ours.append(appends(f"{server.url()}#{workers}-{turn}", workers))
                bare.append(pgbench(server, workers, script))
            report(f"postgres, {workers} workers", ours, bare)
    finally:
        server.stop()


def main():
    measure_folder()
    if postgres_server.programs() is None:
        print("postgres: skipped, the server is not installed")
        return
    measure_postgres()


if __name__ == "__main__":
    main()
