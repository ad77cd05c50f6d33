#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench_waiting.py - what waiting for another worker's report costs on PostgreSQL, and what NOTIFY
would cost (docs/decisions/0002-waiting.md).

looks       a second, by pgbench: the statement with which a waiting worker looks at the journal
commits     a second of 1, 4 and 16 clients, each a small insert of its own, with NOTIFY and without
barriers    a generational study of 8 workers whose segments sleep for SLEEP_MS: for how long the
            slots of the others stay idle after the report that let the next generation begin
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "support"))
sys.path.insert(0, str(SOURCE / "bench"))

# pylint: disable=wrong-import-position
import bench_segments  # noqa: E402
import postgres_server  # noqa: E402

SECONDS = os.environ.get("PBT_BENCH_SECONDS", "2")
WORKERS = 8
GENERATIONS = 20
INSERT = "INSERT INTO bare(v) VALUES(decode(repeat('07', 250), 'hex'));"
SCRIPTS = {
    "look": "SELECT first, count, id, events, hash FROM pbt.batch WHERE study = 1 AND first > "
            "1000000 ORDER BY first LIMIT 256;",
    "commit": INSERT,
    "notify": f"BEGIN; {INSERT} NOTIFY grown; COMMIT;",
}


def pgbench(server, clients, name):
    script = server.folder / name
    script.write_text(SCRIPTS[name] + "\n", encoding="utf-8")
    script.chmod(0o644)
    text = server.run("pgbench", "-n", "-M", "prepared", "-c", clients, "-j", 2, "-T", SECONDS,
                      "-f", script, "-h", server.folder, "-p", server.port, "-U", "pbt", "pbt")
    return next(float(line.split()[2]) for line in text.splitlines() if line.startswith("tps"))


def idle_after_barriers(folder, url, sleep_ms):
    """For each generation the milliseconds from its decisions to the claims of other workers."""
    spec = {"study": "barriers", "trainer": {"command": [bench_segments.NOOP, str(sleep_ms)]},
            "population": WORKERS, "steps": GENERATIONS, "ready": 1, "slots": 1,
            "space": {"x": {"type": "linear", "low": 0, "high": 1}},
            "strategy": {"name": "pbt", "mode": "generational"}}
    path = pathlib.Path(folder) / f"{sleep_ms}.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    where = pathlib.Path(folder) / str(sleep_ms)
    first = subprocess.Popen([bench_segments.PBT, "run", path, "--dir", where, "--quiet",
                              "--journal", url])
    while not (where / "study.yaml").exists():
        assert first.poll() is None
    others = [subprocess.Popen([bench_segments.PBT, "worker", where, "--quiet"])
              for _ in range(WORKERS - 1)]
    for process in (first, *others):
        assert process.wait() == 0
    lines = subprocess.run([bench_segments.PBT, "log", where, "--json"], check=True,
                           capture_output=True).stdout.splitlines()
    idle, decided, by, reporter = [], 0.0, None, None
    worker_of = {}
    for event in map(json.loads, lines):
        if event["type"] == "claim":
            worker_of[event["seq"]] = event["worker"]
            if event["segment"] > 2 and event["worker"] != by:  # the first: they are starting
                idle.append(1000 * (bench_segments.when(event) - decided))
        elif event["type"] == "report":
            reporter = worker_of[event["claim"]]
        elif event["type"] == "decision":
            decided, by = bench_segments.when(event), reporter
    return idle


def main():
    if postgres_server.programs() is None:
        print("skipped: PostgreSQL is not installed")
        return
    server = postgres_server.Server(durable=True)
    try:
        with tempfile.TemporaryDirectory(prefix="pbt-bench-") as folder:
            print(f"load {os.getloadavg()[0]:.1f}")
            for sleep_ms in (200, 1000):
                idle = idle_after_barriers(folder, server.url(), sleep_ms)
                print(f"barrier, segments of {sleep_ms:4} ms: idle median "
                      f"{statistics.median(idle):.0f}, mean {statistics.mean(idle):.0f}, most "
                      f"{max(idle):.0f} ms", flush=True)
        server.sql("CREATE TABLE bare(k bigserial PRIMARY KEY, v bytea NOT NULL)")
        for clients in (1, 16):
            rate = pgbench(server, clients, "look")
            print(f"{clients:2} clients: {rate:6.0f} looks /s", flush=True)
        for clients in (1, 4, 16):
            rates = {name: statistics.median(pgbench(server, clients, name) for _ in range(3))
                     for name in ("commit", "notify")}
            print(f"{clients:2} clients: {rates['commit']:6.0f} commits /s, with NOTIFY "
                  f"{rates['notify']:6.0f}, ratio {rates['notify'] / rates['commit']:.2f}",
                  flush=True)
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
