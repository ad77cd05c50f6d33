#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench_workers.py - real worker processes with a trainer that only sleeps.

pair    2 workers, segments of 100 ms: a study over SQLite and over PostgreSQL, taking turns
fleet   200 workers on PostgreSQL, segments of 6 s: what the workers and the server use of a
        processor for each segment, and for how long slots are idle between two

The server is durable and started here. Usage: bench_workers.py [pair] [fleet]
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SOURCE / "tests" / "support"))
sys.path.insert(0, str(SOURCE / "bench"))

# pylint: disable=wrong-import-position
import bench_segments  # noqa: E402
import postgres_server  # noqa: E402

PAIRS = 3
FLEET = int(os.environ.get("PBT_BENCH_FLEET", "200"))
FLEET_MS = 6000
FLEET_SEGMENTS = 5


def run(folder, name, url, workers, sleep_ms, population, segments):
    """Run a study by so many workers with a slot each; its events."""
    spec = {"study": name, "trainer": {"command": [bench_segments.NOOP, str(sleep_ms)]},
            "population": population, "steps": segments, "ready": 1, "slots": 1,
            "space": {"x": {"type": "linear", "low": 0, "high": 1}}}
    path = pathlib.Path(folder) / f"{name}.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    where = pathlib.Path(folder) / name
    journal = ["--journal", url] if url else []
    processes = [subprocess.Popen([bench_segments.PBT, "run", path, "--dir", where, "--quiet",
                                   *journal])]
    while not (where / "study.yaml").exists():
        assert processes[0].poll() is None
    processes += [subprocess.Popen([bench_segments.PBT, "worker", where, "--quiet"])
                  for _ in range(workers - 1)]
    codes = [process.wait() for process in processes]
    lines = subprocess.run([bench_segments.PBT, "log", where, "--json"], check=True,
                           capture_output=True).stdout.splitlines(True)
    if any(codes):
        sys.exit(f"{name}: exit codes {sorted(set(codes))}")
    return [json.loads(line) for line in lines]


def measure_pair(folder, server):
    """From the second worker's first report to the last one."""
    seconds = {"sqlite": [], "postgres": []}
    for turn in range(PAIRS):
        for name, times in seconds.items():
            url = server.url() if name == "postgres" else None
            events = run(folder, f"{name}-{turn}", url, 2, 100, 4, 40)
            done = [bench_segments.when(event) for event in bench_segments.reports(events)][8:]
            times.append((done[-1] - done[0]) / (len(done) - 1) * 2)
    sqlite, postgres = map(statistics.median, seconds.values())
    print(f"pair: {1000 * sqlite:.2f} ms a segment over SQLite, {1000 * postgres:.2f} over "
          f"PostgreSQL: {100 * (postgres / sqlite - 1):+.2f} %; load {os.getloadavg()[0]:.1f}",
          flush=True)


def server_seconds(server):
    """Processor time of the server and all its processes that are or have ended."""
    total = 0
    pid = int((server.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])
    for name in os.listdir("/proc"):
        try:
            fields = pathlib.Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if name == str(pid):
            total += sum(map(int, fields[11:15]))
        elif name.isdigit() and int(fields[1]) == pid:
            total += sum(map(int, fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")


def measure_fleet(folder, server):
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    served, began = server_seconds(server), time.monotonic()
    events = run(folder, "fleet", server.url(), FLEET, FLEET_MS, FLEET, FLEET_SEGMENTS)
    wall = time.monotonic() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    served = server_seconds(server) - served
    ended, idle = {}, []
    slot_of = {event["seq"]: event["worker"] for event in events if event["type"] == "claim"}
    for event in events:
        if event["type"] == "report":
            slot = slot_of[event["claim"]]
            if slot in ended:
                idle.append(1000 * (bench_segments.when(event) - ended[slot]) - FLEET_MS)
            ended[slot] = bench_segments.when(event)
    count = len(bench_segments.reports(events))
    print(f"fleet: {FLEET} workers, {count} segments in {wall:.0f} s; a segment took "
          f"{1000 * workers / count:.1f} ms of a processor in workers, trainers and their start, "
          f"{1000 * served / count:.1f} in the server; beyond its {FLEET_MS} ms it took "
          f"{statistics.median(idle):.1f} ms in the median, {statistics.mean(idle):.1f} in the "
          f"mean, {max(idle):.0f} at most; load {os.getloadavg()[0]:.1f}", flush=True)


def main():
    if postgres_server.programs() is None:
        print("skipped: PostgreSQL is not installed")
        return
    server = postgres_server.Server(durable=True, connections=FLEET + 60)
    try:
        with tempfile.TemporaryDirectory(prefix="pbt-bench-") as folder:
            for name, measure in (("pair", measure_pair), ("fleet", measure_fleet)):
                if name in sys.argv[1:] or not sys.argv[1:]:
                    measure(folder, server)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
