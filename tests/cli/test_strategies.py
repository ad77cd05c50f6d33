# SPDX-License-Identifier: Apache-2.0
"""test_strategies.py - the strategies from the command line, to the end and verified.

Rules: what a strategy promises holds for a study that was run by real processes (17: with the
hyperparameters in force that the strategy gave).
"""
import json
import math
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
        self.write("grid.yaml", open(self.path("toy.yaml"), encoding="utf-8").read().replace(
            "population: 4\n", "strategy: {name: grid, resolution: 5}\n"))
        self.pbt("run", "grid.yaml", "-q", "--dir", "toy")
        first = [event for event in self.events("claim") if event["segment"] == 1]
        self.assertEqual(len(first), 5)
        for event in first:
            self.assertAlmostEqual(event["hyperparameters"]["lr"],
                                   1e-3 * 500 ** (event["member"] / 4), places=12)
        self.assertTrue(self.json("verify", "toy")["good"])


if __name__ == "__main__":
    unittest.main()
