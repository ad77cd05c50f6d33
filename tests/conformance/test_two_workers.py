#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_two_workers.py - rule 12 (and 11): several workers on one study share its work, and two
studies never share a folder.
"""

import unittest

from real_study import Study, main


class TwoWorkers(unittest.TestCase):

    def study(self, **spec):
        study = Study(self, **spec)
        study.spec["fixed"] = {"sleep": 0.02, "note": str(study.notes)}
        study.write_spec()
        return study

    def check_shared(self, study, workers):
        """All took part, no attempt was run twice, no segment was trained without need."""
        study.sound()
        study.tidy()
        taken = [event["worker"] for event in study.log("claim")]
        self.assertEqual(len(set(taken)), workers)
        self.assertGreater(min(taken.count(worker) for worker in set(taken)), 3)
        tasks = [(task["member"], task["segment"]) for task in study.noted()]
        self.assertEqual(len(tasks), len(set(tasks)))
        self.assertEqual(len(tasks), study.members * study.segments)

    def test_rule_12_two_workers_share_a_study(self):
        study = self.study()
        process = study.start_run()
        study.wait_reports(1)
        second = study.pbt("worker", study.dir, "--quiet", "--slots", "2")
        self.assertEqual(second.err, "")
        self.assertEqual(study.finish(process).code, 0)
        self.check_shared(study, 2)

    def test_rule_12_four_workers_that_begin_at_once_share_a_study(self):
        """Each wants every append: conflicts are decided anew."""
        study = self.study(population=12, steps=800)
        study.spec["fixed"]["sleep"] = 0.002
        study.write_spec()
        process = study.start_run("--slots", "1")
        study.wait_reports(1)
        others = [study.start("worker", study.dir, "--quiet", "--slots", "1") for _ in range(3)]
        for one in [process, *others]:
            self.assertEqual(study.finish(one).code, 0)
        self.check_shared(study, 4)

    def test_rule_12_a_second_run_in_the_same_folder_is_refused(self):
        study = self.study()
        process = study.start_run()
        study.wait_reports(1)
        answer = study.run(code=2)
        self.assertIn("exists already", answer.err)
        self.assertIn("pbt resume", answer.err)
        self.assertEqual(study.finish(process).code, 0)
        self.check_shared(study, 1)

    def test_rule_12_a_worker_of_a_study_that_has_ended_just_ends(self):
        study = self.study(steps=40)
        study.run()
        before = study.log_lines()
        study.pbt("worker", study.dir, "--quiet")
        self.assertEqual(study.log_lines(), before)


if __name__ == "__main__":
    main()
