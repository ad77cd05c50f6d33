# SPDX-License-Identifier: Apache-2.0
"""test_strategies.py - the strategies from the command line, to the end and verified.

Rules: what a strategy promises holds for a study that was run by real processes (17: with the
hyperparameters in force that the strategy gave).
"""
import json
import math
import shutil
import signal
import unittest

from cli_lab import Lab


class Strategies(Lab):
    def events(self, kind):
        log = map(json.loads, self.pbt("log", "toy", "--json").stdout.splitlines())
        return [event for event in log if event["type"] == kind]

    def run_strategy(self, strategy, *arguments):
        self.run_toy(f"strategy: {strategy}\n", "-q", "--set", "max_age=60", *arguments)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_decay_is_in_force(self):
        self.run_strategy("{name: random, decay: {lr: {shape: cosine, to: 0.1}}}")
        claims = self.events("claim")
        self.assertEqual(len(claims), 24)
        first = {event["member"]: event["hyperparameters"]["lr"] for event in claims
                 if event["age"] == 0}
        for event in claims:
            left = 0.1 + 0.9 * (1 + math.cos(math.pi * event["age"] / 60)) / 2
            self.assertAlmostEqual(event["hyperparameters"]["lr"] / first[event["member"]], left,
                                   places=12)

    def test_a_grid_says_how_large_it_is(self):
        self.make_spec()
        done = self.pbt("run", "toy.yaml", "--set", "strategy={name: grid, resolution: 5}", code=2)
        self.assertIn("population is 4, but the grid has 5 points", done.stderr)
        self.run_alone("{name: grid, resolution: 5}")
        first = [event for event in self.events("claim") if event["segment"] == 1]
        self.assertEqual(len(first), 5)
        for event in first:
            self.assertAlmostEqual(event["hyperparameters"]["lr"],
                                   1e-3 * 500 ** (event["member"] / 4), places=12)

    def run_alone(self, strategy, *arguments):
        """Without a population: the strategy knows it."""
        self.make_spec()
        with open(self.path("toy.yaml"), encoding="utf-8") as file:
            text = file.read().replace("population: 4\n", f"strategy: {strategy}\n")
        self.write("alone.yaml", text)
        self.pbt("run", "alone.yaml", "-q", "--dir", "toy", *arguments)
        self.assertTrue(self.json("verify", "toy")["good"])

    def steps_of_members(self):
        """What each member trained, and in how many segments."""
        done = {}
        for event in self.events("report"):
            steps, segments = done.get(event["member"], (0, 0))
            done[event["member"]] = steps + event["steps"], segments + 1
        return done

    def test_hyperband_trains_its_brackets(self):
        self.run_alone("{name: hyperband, eta: 2, min_steps: 15}")  # rungs 15, 30, 60
        done = self.steps_of_members()
        brackets = [sorted(steps for member, (steps, _) in done.items() if member in members)
                    for members in (range(0, 4), range(4, 7), range(7, 10))]
        self.assertEqual(brackets, [[15, 15, 30, 60], [30, 30, 60], [60, 60, 60]])
        best = self.json("best", "toy")["best"]["score"]
        scores = [event["score"] for event in self.events("decision") if event["score"]]
        self.assertEqual(best, max(scores))
        shown = self.json("show", "toy")
        self.assertEqual(shown["steps_done"], shown["steps_total"])
        self.assertIn("10 members, up to 60 steps each, 420 in all, async",
                      self.pbt("log", "toy").stdout.splitlines()[0])

    def test_successive_halving_goes_on_from_checkpoints(self):
        self.run_alone("{name: successive_halving, eta: 3, min_steps: 6}", "--slots", "3")
        done = self.steps_of_members()  # rungs 6, 20, 60
        self.assertEqual(sorted(steps for steps, _ in done.values()), 6 * [6] + 2 * [20] + [60])
        for event in self.events("claim"):
            self.assertEqual(event["from"] is None, event["segment"] == 1)

    def test_asha_of_both_kinds(self):
        for variant in "promotion", "stopping":
            with self.subTest(variant):
                self.run_alone("{name: asha, eta: 2, min_steps: 10, variant: %s}" % variant,
                               "--set", "population=12")
                kinds = {event["why"] for event in self.events("decision")}
                self.assertLessEqual({"promoted", "eliminated"}, kinds)
                shutil.rmtree(self.path("toy"))

    def test_a_killed_study_with_rungs_goes_on(self):
        self.make_spec("fixed: {pause: 0.004}\n"
                       "strategy: {name: successive_halving, min_steps: 6}\n")
        run = self.start("run", "toy.yaml", "-q", "--set", "population=9")
        self.wait_for_segments(5)
        run.send_signal(signal.SIGKILL)
        run.wait(timeout=30)
        self.pbt("resume", "toy", "-q")
        done = [steps for steps, _ in self.steps_of_members().values()]
        self.assertEqual(sorted(done), 6 * [6] + 2 * [20] + [60])
        self.assertTrue(self.json("verify", "toy")["good"])
        refused = self.pbt("resume", "toy", "--set", "steps=180", code=2)
        self.assertIn("the steps of a study with rungs", refused.stderr)

    def test_bayes_begins_with_proposals(self):
        self.run_toy("strategy: {name: bayes, initial: 3}\n", "-q", "--set", "population=8")
        proposals = {event["member"]: event for event in self.events("proposal")}
        self.assertEqual(set(proposals), set(range(8)))
        for event in self.events("claim"):
            self.assertEqual(event["hyperparameters"],
                             proposals[event["member"]]["hyperparameters"])
        # the toy learns fastest with the largest lr: the model finds that out
        found = [proposals[member]["hyperparameters"]["lr"] for member in range(3, 8)]
        self.assertGreater(max(found), 0.3)
        self.assertTrue(self.json("verify", "toy")["good"])

    def test_bayes_with_starting_points(self):
        self.run_toy("strategy: bayes\ninitial: {points: [{lr: 0.25}, {}]}\n", "-q")
        self.assertEqual([event["member"] for event in self.events("proposal")], [2, 3])
        first = [event for event in self.events("claim") if event["member"] == 0]
        self.assertEqual(first[0]["hyperparameters"], {"lr": 0.25})


if __name__ == "__main__":
    unittest.main()
