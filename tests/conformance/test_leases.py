#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_leases.py - rules 12 and 15 between machines: a worker on another one that dies, or is cut
off for a while, holds nothing up and spoils nothing.

Another machine is a UTS namespace of its own, which has another host name: workers of different
hosts do not trust each other's locks. That needs root; elsewhere this is skipped.
"""

import os
import signal
import subprocess
import unittest

from real_study import Study, kill, main, wait_for


def can_unshare():
    done = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False)
    return done.returncode == 0


@unittest.skipUnless(can_unshare(), "only root may make a host name of its own")
class Leases(unittest.TestCase):

    def begin(self, **spec):
        """A study with a worker here and one on `elsewhere`, each with two slots."""
        study = Study(self, steps=400, fixed={"sleep": 0.05}, **spec)
        study.environment["PBT_BEAT"] = "0.3"
        first = study.start_run("--journal", "dir")
        study.wait_reports(1)
        second = study.start("worker", study.dir, "--quiet", "--slots", "2",
                             prefix=("unshare", "--uts", "sh", "-c",
                                     'hostname elsewhere && exec "$@"', "sh"))
        wait_for(lambda: self.claims_of(study, "elsewhere"), "claims from elsewhere")
        return study, first, second

    def worker_of(self, study, host):
        return [event["worker"] for event in study.log("worker") if event["host"] == host]

    def claims_of(self, study, host):
        workers = self.worker_of(study, host)
        return [event for event in study.log("claim") if event["worker"] in workers]

    def lost(self, study):
        return [event for event in study.log("release") if event["reason"] == "lost"]

    def left(self, study, host):
        return [event for event in study.log("leave") if event["host"] == host]

    def test_rule_15_what_a_worker_on_a_dead_machine_held_is_taken_over(self):
        study, first, second = self.begin()
        kill(second.pid)
        second.wait()
        wait_for(lambda: self.left(study, "elsewhere"), "the burial of the dead worker")
        self.assertEqual(study.finish(first).code, 0)
        self.assertTrue(self.lost(study))
        study.sound()

    def test_rule_12_a_worker_that_was_cut_off_and_comes_back_spoils_nothing(self):
        """It is stopped with all it runs until it was found dead, and goes on with old claims."""
        study, first, second = self.begin()
        os.kill(second.pid, signal.SIGSTOP)
        wait_for(lambda: self.left(study, "elsewhere"), "the burial of the silent worker")
        self.assertTrue(self.lost(study))
        os.kill(second.pid, signal.SIGCONT)
        wait_for(lambda: len(self.worker_of(study, "elsewhere")) == 2, "its joining again")
        for process in (first, second):
            answer = study.finish(process)
            self.assertEqual(answer.code, 0, answer)
        study.sound()

    def test_rule_15_workers_that_beat_are_left_alone(self):
        study, first, second = self.begin()
        workers = {worker["host"]: worker for worker in study.show()["workers"]}
        self.assertEqual(workers["elsewhere"]["slots"], 2)
        self.assertLess(workers["elsewhere"]["beat_ms"], 60000)
        self.assertRegex(study.pbt("show", study.dir).out, r"elsewhere +\d+ +2  .* ago")
        for process in (first, second):
            answer = study.finish(process)
            self.assertEqual(answer.code, 0, answer)
        self.assertEqual(self.lost(study), [])
        self.assertEqual(len(self.worker_of(study, "elsewhere")), 1)
        study.sound()
        self.assertEqual(list((study.dir / "workers").iterdir()), [])

    def test_rule_12_a_worker_that_is_told_to_end_gives_back_what_it_holds(self):
        study, first, second = self.begin()
        second.send_signal(signal.SIGTERM)
        self.assertEqual(study.finish(second).code, 130)
        self.assertEqual(self.lost(study), [])
        self.assertEqual(len(self.left(study, "elsewhere")), 1)
        self.assertEqual(study.finish(first).code, 0)
        study.sound()


if __name__ == "__main__":
    main()
