#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_clocks.py - rules 11 and 12 with a clock that lies: one worker's is an hour ahead. Events
carry the time of whoever made them, and nothing depends on it.

The clock is libfaketime's, of Debian's package faketime; without it this is skipped.
"""

import datetime
import glob
import unittest

from real_study import Study, main

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") + [None])[0]
HOUR = 3600.0


def when(event):
    return datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()


@unittest.skipIf(LIBRARY is None, "faketime is not installed")
class Clocks(unittest.TestCase):

    def run_with(self, shift):
        """A generational study by two workers, the second of which believes in another time."""
        study = Study(self, seed=4, steps=200, stop={"hours": 0.9}, slots=1,
                      strategy={"name": "pbt", "mode": "generational"}, fixed={"sleep": 0.03})
        # the trainer's own clock is right: libfaketime would shift absolute sleeps, too
        study.spec["trainer"]["command"][:0] = ["/usr/bin/env", "-u", "LD_PRELOAD"]
        study.write_spec()
        first = study.start_run("--journal", "dir")
        study.wait_reports(1)
        if shift:
            study.environment.update(LD_PRELOAD=LIBRARY, FAKETIME=shift,
                                     FAKETIME_DONT_FAKE_MONOTONIC="1")
        second = study.start("worker", study.dir, "--quiet", "--slots", "1")
        for name in ("LD_PRELOAD", "FAKETIME"):
            study.environment.pop(name, None)
        for process in (first, second):
            answer = study.finish(process)
            self.assertEqual(answer.code, 0, answer)
        return study

    def check(self, shift, seconds):
        study = self.run_with(shift)
        claims = study.log("claim")
        workers = {event["worker"] for event in claims}
        self.assertEqual(len(workers), 2)
        times = [when(event) for event in claims]
        self.assertAlmostEqual(max(times) - min(times), seconds, delta=600)
        self.assertEqual(study.log("release"), [])  # nobody is taken for dead
        study.sound()
        study.pbt("show", study.dir)
        calm = self.run_with(None)
        self.assertEqual(study.outcome(), calm.outcome())

    def test_rule_11_a_clock_that_is_an_hour_behind_changes_nothing(self):
        self.check("-1h", HOUR)

    def test_rule_12_a_clock_that_is_ahead_stops_a_study_only_by_its_own_hours(self):
        """`stop.hours` is the one thing that reads a clock: of whoever looks."""
        study = self.run_with("+1h")
        self.assertEqual(study.show()["stop"], "hours")
        self.assertEqual(study.pbt("verify", study.dir).code, 0)
        study.pbt("resume", study.dir, "--quiet", "--set", "stop.hours=none")
        study.sound()


if __name__ == "__main__":
    main()
