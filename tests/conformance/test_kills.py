#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_kills.py - rule 12 (and 15, 11): kill -9 of anything at any instant loses nothing.

PBT_KILLS processes (30 unless it is set) are killed while studies run: the first `pbt`, a second
worker, a trainer, the shim that contains a trainer. Who is next and how long it is left alone are
drawn from a seed that is printed; PBT_KILL_SEED repeats the choices. (When the kernel runs what is
not repeatable: a failure is searched for by running the seed several times.)
"""

import math
import os
import random
import sys
import time
import unittest

from real_study import Study, kill, main

KILLS = int(os.environ.get("PBT_KILLS", "30"))
SEED = int(os.environ.get("PBT_KILL_SEED", str(int(time.time()))))
CALM_SECONDS = 20.0  # after that a study is left alone, so that it ends under any load


class Violence:
    """A study under attack: a first `pbt`, a second worker, and somebody who kills."""

    def __init__(self, study, dice, victims):
        self.study, self.dice, self.victims = study, dice, victims
        self.killed = dict.fromkeys(victims, 0)
        self.lines = []
        self.first = study.start_run("--slots", "2")
        study.case.assertTrue(self.wait_for_study(), "the study was not made")
        self.second = self.start_second()

    def wait_for_study(self):
        """The first `pbt` makes the study; from then on there is something to resume."""
        self.study.wait_reports(1)
        return self.study.begun()

    def start_second(self):
        return self.study.start("worker", self.study.dir, "--quiet", "--slots", "2")

    def look(self):
        """Read the log: it holds all that it held before."""
        lines = self.study.log_lines()
        self.study.is_prefix(self.lines, lines)
        self.lines = lines
        # two a member, the best, one a slot, and what those who died were writing
        bound = 2 * self.study.members + 1 + 4 + 4
        self.study.case.assertLessEqual(len(self.study.checkpoints()), bound)

    def kill_one(self):
        """Kill what the dice say; True when somebody died."""
        victim = self.dice.choice(self.victims)
        pause = self.dice.expovariate(4.0)
        choice = self.dice.random()
        time.sleep(min(pause, 2.0))
        if victim in ("first", "second"):
            process = getattr(self, victim)
            alive = process.poll() is None
            process.kill()
            process.wait()
        else:
            pids = sorted(self.study.trainers() if victim == "trainer" else self.study.shims())
            alive = bool(pids) and kill(pids[int(choice * len(pids))])
        self.killed[victim] += alive
        return alive

    def revive(self):
        """Whoever is dead is started again."""
        if self.first.poll() is not None:
            self.first = self.study.start("resume", self.study.dir, "--quiet", "--slots", "2")
        if self.second.poll() is not None:
            self.second = self.start_second()

    def rage(self, most):
        """Kill until the study has ended, `most` have died or it has had enough. How many died."""
        count = 0
        calm = time.monotonic() + CALM_SECONDS
        while count < most and time.monotonic() < calm:
            self.look()
            count += self.kill_one()
            self.look()
            if self.study.show()["status"] == "ended":
                break
            self.revive()
        return count

    def end(self):
        """Let it finish, and ask what must hold."""
        for process in (self.first, self.second):
            answer = self.study.finish(process)
            self.study.case.assertIn(answer.code, (0, -9), answer)
        answer = self.study.pbt("resume", self.study.dir, "--quiet")
        self.look()
        self.study.sound()


class Kills(unittest.TestCase):
    """Each test takes its share of the kills, over as many studies as that needs."""

    def attack(self, name, share, victims, check=None, **spec):
        killed = 0
        number = 0
        wanted = math.ceil(KILLS * share)
        while killed < wanted:
            number += 1
            dice = random.Random(f"{SEED} {name} {number}")
            study = Study(self, seed=number, **spec)
            violence = Violence(study, dice, victims)
            died = violence.rage(wanted - killed)
            killed += died
            violence.end()
            if check:
                check(study, number)
            print(f"{name}: study {number}, {died} killed: {violence.killed}", file=sys.stderr)
            self.doCleanups()

    def test_rule_12_async_studies_survive_any_kill(self):
        """The trainers have started a process of their own, which must be gone with them."""
        self.attack("async", 0.4, ("first", "second", "trainer"), steps=400,
                    fixed={"sleep": 0.03, "spawn": True})

    def test_rule_12_killed_generational_studies_decide_as_undisturbed_ones(self):
        spec = {"strategy": {"name": "pbt", "mode": "generational"}, "steps": 400,
                "fixed": {"sleep": 0.02}}

        def check(study, seed):
            calm = Study(self, seed=seed, **spec)
            calm.run("--slots", "4")
            self.assertEqual(study.outcome(), calm.outcome())

        self.attack("generational", 0.4, ("first", "second", "trainer"), check, **spec)

    def test_rule_12_killing_the_shim_takes_the_trainer_with_it(self):
        self.attack("shim", 0.2, ("first", "shim"), steps=400, fixed={"sleep": 0.03})

    def test_rule_12_killed_while_it_is_made_a_study_can_be_run_or_resumed(self):
        """Whatever is there of the folder: `run` begins it, or says that it has begun."""
        dice = random.Random(f"{SEED} early")
        begun = 0
        for number in range(1, 2 + math.ceil(KILLS / 3)):
            study = Study(self, seed=number, population=2, steps=20, sync="full")
            process = study.start_run()
            time.sleep(dice.uniform(0, 0.04))
            process.kill()
            process.wait()
            answer = study.run(code=None)
            if answer.code == 2:
                begun += 1
                self.assertIn("exists already", answer.err)
                self.assertIn("pbt resume", answer.err)
                study.pbt("resume", study.dir, "--quiet")
            else:
                self.assertEqual(answer.code, 0, answer)
            study.sound()
            self.doCleanups()
        print(f"early: {begun} of {number} studies had begun", file=sys.stderr)


if __name__ == "__main__":
    print(f"seed: PBT_KILL_SEED={SEED}, PBT_KILLS={KILLS}", file=sys.stderr)
    main()
