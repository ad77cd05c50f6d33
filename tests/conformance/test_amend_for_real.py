#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_amend_for_real.py - rule 12: steps, stop rule and population may be amended on resume; what
may not be is refused and changes nothing.
"""

import signal
import unittest

from real_study import Study, main


class Amend(unittest.TestCase):

    def resume(self, study, *arguments, **changes):
        """Resume an amended study to its end; what was there stays as it was."""
        before = study.log_lines()
        study.pbt("resume", study.dir, "--quiet", *arguments)
        study.is_prefix(before, study.log_lines())
        study.spec.update(changes)
        self.assertEqual(len(study.log("amend")), 1)
        return study.show()

    def test_rule_12_more_steps_on_resume(self):
        study = Study(self)
        study.run()
        show = self.resume(study, "--steps", "300", steps=300)
        self.assertEqual(show["steps_done"], 6 * 300)
        study.sound()

    def test_rule_12_more_steps_for_an_interrupted_generational_study(self):
        study = Study(self, fixed={"sleep": 0.02},
                      strategy={"name": "pbt", "mode": "generational"})
        process = study.start_run()
        study.wait_reports(8)
        process.send_signal(signal.SIGINT)
        self.assertEqual(study.finish(process).code, 130)
        self.resume(study, "--steps", "260", steps=260)
        study.sound()

    def test_rule_12_a_larger_population_on_resume(self):
        for mode in ("async", "generational"):
            with self.subTest(mode=mode):
                study = Study(self, steps=100, strategy={"name": "pbt", "mode": mode})
                study.run()
                show = self.resume(study, "--set", "population=9", population=9)
                self.assertEqual(show["members"], 9)
                study.sound()

    def test_rule_12_a_smaller_population_on_resume(self):
        study = Study(self, steps=100)
        study.run()
        show = self.resume(study, "--steps", "200", "--set", "population=4")
        self.assertEqual((show["members"], show["stop"]), (4, "budget"))
        late = [event["member"] for event in study.log("report") if event["segment"] > 5]
        self.assertEqual(set(late), {0, 1, 2, 3})
        self.assertEqual(len(late), 4 * 5)
        study.pbt("verify", study.dir)
        study.alone()

    def test_rule_12_the_stop_rule_on_resume(self):
        study = Study(self, score={"name": "height", "target": -1e300})
        study.run()
        self.assertEqual(study.show()["stop"], "target")
        self.resume(study, "--set", "score.target=none")
        study.sound()

    def test_rule_12_a_wrong_amendment_is_refused_and_changes_nothing(self):
        study = Study(self, steps=40)
        study.run()
        before = study.log_lines()
        rendering = (study.dir / "study.yaml").read_bytes()
        wrong = {"population=0": "population", "steps=none": "steps", "nonsense=1": "nonsense",
                 "seed=2": "seed", "space.rate.high=0.5": "space",
                 "strategy.mode=generational": "mode"}
        for setting, word in wrong.items():
            with self.subTest(setting=setting):
                answer = study.pbt("resume", study.dir, "--set", setting, code=2)
                self.assertIn(word, answer.err)
        self.assertEqual(study.log_lines(), before)
        self.assertEqual((study.dir / "study.yaml").read_bytes(), rendering)

    def test_rule_12_resuming_what_has_ended_changes_nothing(self):
        study = Study(self, steps=40)
        study.run()
        before = study.log_lines()
        answer = study.pbt("resume", study.dir)
        self.assertIn("--steps", answer.err)
        self.assertEqual(study.log_lines(), before)


if __name__ == "__main__":
    main()
