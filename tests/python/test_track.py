# SPDX-License-Identifier: Apache-2.0
"""test_track.py - pbt.track gives a tracker a run for each member and one for the winner."""

import os
import tempfile
import unittest

import pbt
import pbt.track

SOURCE = os.environ.get("PBT_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class Memory:
    """A tracker that keeps what it is given."""

    def __init__(self):
        self.runs = {}

    def start(self, name, group, config):
        run = self.runs[name] = Memory()
        run.group, run.config, run.values, run.finished = group, config, [], False
        return run

    def log(self, step, values):
        assert not self.values or self.values[-1][0] <= step
        self.values.append((step, values))

    def finish(self):
        self.finished = True


class Track(unittest.TestCase):
    def test_members_and_the_winner_are_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "toy")
            study = pbt.Study(path, trainer=os.path.join(SOURCE, "examples", "loop", "train.py"),
                              population=3, steps=60, ready=20, score=pbt.minimize("loss"),
                              space={"lr": pbt.log(1e-4, 1.0),
                                     "momentum": pbt.logit(0.1, 0.99)}, sync="normal")
            study.run(slots=1, show=False)
            tracker = Memory()
            pbt.track.track(path, tracker)
            best = study.best
        self.assertEqual(sorted(tracker.runs), ["member 0", "member 1", "member 2", "winner"])
        for name, run in tracker.runs.items():
            self.assertTrue(run.finished)
            self.assertEqual(run.group, "toy")
            self.assertEqual([step for step, _ in run.values], [20, 40, 60])
            self.assertTrue(all(values["hp/lr"] > 0 for _, values in run.values), name)
        self.assertEqual(tracker.runs["winner"].config, best.hyperparameters)
        self.assertEqual(tracker.runs["winner"].values[-1][1]["loss"], best.score)

    def test_a_study_that_is_not_there_is_named(self):
        with self.assertRaises(pbt.StudyError):
            pbt.track.track("/nonexistent", Memory())


if __name__ == "__main__":
    unittest.main(verbosity=2)
