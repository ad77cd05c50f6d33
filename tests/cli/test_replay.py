# SPDX-License-Identifier: Apache-2.0
"""test_replay.py - fresh networks along the winner's schedule.

Rules: the population follows the schedule of the winner's true lineage, by age; the controls hold
its last values; both train as long as the winner's weights were trained; the original is untouched.
"""
import json
import unittest

from cli_lab import Lab


class Replay(Lab):
    def test_the_schedule_is_followed(self):
        self.run_toy("", "-q", "--set", "population=6")
        winner = self.json("best", "toy")
        before = self.json("show", "toy")
        found = self.json("replay", "toy", "--seeds", "2")
        self.assertEqual(found["original_score"], winner["best"]["score"])
        self.assertEqual((found["schedule"]["count"], found["constant"]["count"]), (2, 2))
        self.assertEqual(self.json("show", "toy"), before)

        def in_force(age):
            return [row for row in winner["schedule"] if row["from"] <= age][-1]["hyperparameters"]

        claims = [event for event in
                  map(json.loads, self.pbt("log", "toy-replay", "--json").stdout.splitlines())
                  if event["type"] == "claim"]
        self.assertEqual({event["member"] for event in claims}, {0, 1, 2, 3})
        for event in claims:
            expected = in_force(event["age"]) if event["member"] < 2 else \
                winner["hyperparameters"]
            self.assertEqual(event["hyperparameters"], expected)
        replayed = self.json("show", "toy-replay")
        self.assertEqual(replayed["steps_done"], 4 * winner["best"]["age"])
        self.assertEqual(replayed["counts"]["exploits"], 0)
        self.assertTrue(self.json("verify", "toy-replay")["good"])
        # the toy draws nothing: along the same schedule it ends at the same score
        for score in found["schedule"]["scores"]:
            self.assertAlmostEqual(score, winner["best"]["score"], places=12)

    def test_decay_stays_as_it_was(self):
        self.run_toy("", "-q", "--set", "strategy={decay: {lr: cosine}}")
        winner = self.json("best", "toy")
        found = self.json("replay", "toy")
        for score in found["schedule"]["scores"]:
            self.assertAlmostEqual(score, winner["best"]["score"], places=12)

    def test_the_folder_may_not_be_taken(self):
        self.run_toy("", "-q")
        done = self.pbt("replay", "toy", "--dir", "toy", code=2)
        self.assertIn('"toy" exists already', done.stderr)

    def test_both_groups_are_printed(self):
        self.run_toy("", "-q")
        text = self.pbt("replay", "toy", "--seeds=3", "--dir", "again").stdout
        self.assertRegex(text, r"original winner +\d\.\d{4}\n")
        self.assertRegex(text, r"its schedule +\d\.\d{4}  mean of 3, sd ")
        self.assertRegex(text, r"its last values +\d\.\d{4}  mean of 3, sd ")


if __name__ == "__main__":
    unittest.main()
