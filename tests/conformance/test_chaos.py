#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_chaos.py - rule 12 (and 11, 13, 15) where everything fails at once: a study of 64 members
whose workers are killed, told to end and started at random, over a PostgreSQL server that is
stopped hard ten times, with connections that are cut in the middle of commits; and over a folder.

A storm is drawn from a seed that is printed; PBT_KILL_SEED repeats the choices. (When the kernel
runs what is not repeatable: a failure is searched for by running the seed several times.) There is
a storm of each kind for every 30 of PBT_KILLS; with fewer than 60 only one over each journal.
"""

import os
import pathlib
import random
import signal
import sys
import time
import unittest

from real_study import Study, kill, main, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))

# pylint: disable=wrong-import-position
import cutting_proxy  # noqa: E402
import postgres_server  # noqa: E402

SEED = int(os.environ.get("PBT_KILL_SEED", str(int(time.time()))))
STORMS = max(1, int(os.environ.get("PBT_KILLS", "30")) // 30)
MEMBERS = 64
WORKERS = 4  # at most, two slots each
HALTS = 10   # of the server
DEATHS = 10  # of workers, before a storm ends
LOOKS_APART = 1.0
COMMIT = b"\0insert\0"  # in the request that runs the prepared statement, which is a commit


class Storm:
    """A study under attack: workers that come and go, and a server that does, too."""

    def __init__(self, case, name, server=None, proxy=None, **spec):
        self.case, self.server, self.proxy = case, server, proxy
        self.dice = random.Random(f"{SEED} {name}")
        self.study = Study(case, population=MEMBERS, fixed={"sleep": 0.15}, **spec)
        self.study.environment["PGPASSWORD"] = postgres_server.PASSWORD
        self.done = dict.fromkeys(("started", "killed", "ended", "halted"), 0)
        self.lines = []
        self.looked = 0.0

    def begin(self, journal):
        self.workers = [self.study.start_run("--journal", journal)]
        wait_for(lambda: (self.study.dir / "study.yaml").exists(), "the study")
        self.study.wait_reports(1)
        if self.proxy is not None:
            self.proxy.share = 0.05

    # -------- what happens --------

    def start(self):
        if len(self.workers) < WORKERS:
            self.workers.append(self.study.start("worker", self.study.dir, "--quiet"))
            self.done["started"] += 1

    def pick(self):
        return self.workers.pop(int(self.dice.random() * len(self.workers)))

    def kill(self):
        if self.workers:
            victim = self.pick()
            self.done["killed"] += kill(victim.pid)
            self.expect(victim, 0, -signal.SIGKILL)

    def end(self):
        """Tell a worker to end. It says good bye when the journal is there."""
        if self.workers:
            victim = self.pick()
            victim.send_signal(signal.SIGTERM)
            self.done["ended"] += 1
            self.expect(victim, 0, 130, -signal.SIGTERM)  # the last: before it handles signals

    def expect(self, process, *codes):
        answer = self.study.finish(process)
        self.case.assertIn(answer.code, codes, answer)

    def halt(self):
        self.server.halt("immediate")
        away = min(self.dice.expovariate(2.0), 2.0)
        number = self.dice.random()
        if number < 0.3:
            self.kill()
        elif number < 0.6:
            self.start()
        time.sleep(away)
        self.server.start()
        self.done["halted"] += 1

    def happen(self):
        """One thing of what may happen."""
        number = self.dice.random()
        if self.server is not None and self.done["halted"] < HALTS and number < 0.35:
            self.halt()
        elif number < 0.55:
            self.kill()
        elif number < 0.60:
            self.end()
        else:
            self.start()

    # -------- what is seen meanwhile --------

    def look(self):
        """The log holds all that it held, and the folder no more than it may; True when the study
        has ended."""
        if time.monotonic() - self.looked < LOOKS_APART:
            return False
        lines = self.study.log_lines()
        self.study.is_prefix(self.lines, lines)
        self.lines = lines
        # two a member and the best; what slots were writing and those who died left; what a whole
        # generation gave up a moment ago
        bound = 2 * MEMBERS + 1 + 4 * 2 * WORKERS + MEMBERS
        self.case.assertLessEqual(len(self.study.checkpoints()), bound)
        self.looked = time.monotonic()
        return self.study.show()["status"] == "ended"

    def is_enough(self):
        halts = HALTS if self.server is not None else 0
        return self.done["halted"] >= halts and self.done["killed"] >= DEATHS

    def rage(self):
        while not self.is_enough():
            time.sleep(min(self.dice.expovariate(4.0), 1.0))
            self.happen()
            if self.look():
                return

    def calm(self):
        """The study is ended by whoever is still there, and others."""
        if self.proxy is not None:
            self.proxy.share = 0.0
        while len(self.workers) < WORKERS:
            self.start()
        for process in self.workers:
            self.expect(process, 0)

    # -------- what must hold --------

    def check(self):
        study = self.study
        study.is_prefix(self.lines, study.log_lines())
        study.sound()
        # nothing was wrong with the trainers, and no checkpoint was missing
        self.case.assertEqual({event["outcome"] for event in study.log("report")}, {"done"})
        self.case.assertEqual(study.show()["workers"], [])
        # of the dead only those left a trace who had not joined yet
        joined = {event["worker"] for event in study.log("worker")}
        files = {path.stem for path in (study.dir / "workers").iterdir()}
        self.case.assertEqual(files & joined, set())


class Chaos(unittest.TestCase):

    def storms(self, name, begin, mode, **spec):
        for number in range(1, STORMS + 1):
            began = time.monotonic()
            storm, journal = begin(f"{name} {mode} {number}", seed=number,
                                   strategy={"name": "pbt", "mode": mode}, **spec)
            storm.begin(journal)
            storm.rage()
            raged = time.monotonic() - began
            storm.calm()
            storm.check()
            cuts = f", cut {storm.proxy.cuts}" if storm.proxy else ""
            print(f"{name} {mode}: storm {number}, {storm.done}{cuts}, raged for {raged:.0f} of "
                  f"{time.monotonic() - began:.0f} s, {len(storm.lines)} events", file=sys.stderr)
            if mode == "generational":
                calm = Study(self, population=MEMBERS, **spec, seed=number,
                             strategy={"name": "pbt", "mode": mode})
                calm.run()
                self.assertEqual(storm.study.outcome(), calm.outcome())
            self.doCleanups()

    def over_postgres(self, name, **spec):
        server = postgres_server.Server()
        self.addCleanup(server.stop)
        proxy = cutting_proxy.Proxy(server.port, COMMIT, f"{SEED} {name}")
        self.addCleanup(proxy.stop)
        url = server.url("127.0.0.1").replace(f"port={server.port}", f"port={proxy.port}")
        return Storm(self, name, server, proxy, **spec), url

    def over_folder(self, name, **spec):
        return Storm(self, name, **spec), "dir"

    @unittest.skipIf(postgres_server.programs() is None, "PostgreSQL is not installed")
    @unittest.skipIf(STORMS < 2, "of the long tier")
    def test_rule_12_a_study_on_postgres_survives_all_at_once(self):
        self.storms("postgres", self.over_postgres, "async", steps=300)

    @unittest.skipIf(postgres_server.programs() is None, "PostgreSQL is not installed")
    def test_rule_12_generations_on_postgres_decide_as_undisturbed_ones(self):
        self.storms("postgres", self.over_postgres, "generational", steps=300)

    def test_rule_12_a_study_in_a_folder_survives_workers_that_come_and_go(self):
        self.storms("folder", self.over_folder, "async", steps=200)

    @unittest.skipIf(STORMS < 2, "of the long tier")
    def test_rule_12_generations_in_a_folder_decide_as_undisturbed_ones(self):
        self.storms("folder", self.over_folder, "generational", steps=200)


if __name__ == "__main__":
    print(f"seed: PBT_KILL_SEED={SEED}, {STORMS} storms each", file=sys.stderr)
    main()
