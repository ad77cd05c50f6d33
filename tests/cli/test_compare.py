# SPDX-License-Identifier: Apache-2.0
"""test_compare.py - strategies side by side.

Rules: a folder of ordinary studies, one a strategy and seed, equal in all but the strategy; the
same command resumes and adds; no study trains more than the budget, and that is looked up in its
journal; what is reported was measured on seeds that chose nothing, so luck is not rewarded.
"""
import csv
import json
import os
import shutil
import signal
import unittest

from cli_lab import Lab, SOURCE

NOISE = """
import pbt, random
for task in pbt.tasks():
    for step in task.steps:
        pass
    if task.save:
        (task.save / "empty").write_text("")
    base = 100.0 if task.fixed.get("split") == "test" else 0.0
    task.report(base + random.Random(task.seed).gauss(0.0, 1.0))
"""

# Evaluations take their time and say that they have begun: one line each in the file "evaluating".
SLOW = """
import os, time
import pbt, random
for task in pbt.tasks():
    if not task.steps:
        with open("evaluating", "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(0.3)
    for step in task.steps:
        pass
    if task.save:
        (task.save / "empty").write_text("")
    task.report(random.Random(task.seed).gauss(0.0, 1.0))
"""


class Compare(Lab):
    def figure2(self, *arguments, seeds=2, code=0):
        folder = os.path.join(SOURCE, "examples", "figure2")
        for name in ("figure2.yaml", "train.py"):
            shutil.copy(os.path.join(folder, name), self.path(name))
        return self.json("compare", "figure2.yaml", "--slots", "2", "--dir", "all", "--seeds",
                         str(seeds), *arguments, code=code)

    def rows(self, found):
        return {row["strategy"]: row for row in found["strategies"]}

    def test_figure2_in_the_paper_s_order(self):
        found = self.figure2("--strategies", "pbt,selection_only,explore_only,random")
        rows = self.rows(found)
        # what an independent simulation gives: docs/figure2.md
        self.assertAlmostEqual(rows["random"]["mean"], 0.3899, places=3)
        self.assertAlmostEqual(rows["selection_only"]["mean"], 1.1715, places=3)
        self.assertGreater(rows["pbt"]["mean"], rows["selection_only"]["mean"] - 0.02)
        self.assertLess(rows["explore_only"]["mean"], 1.17)
        self.assertGreater(rows["explore_only"]["mean"], 0.5)
        self.assertEqual(found["reference"], "pbt")
        self.assertIsNone(rows["pbt"]["against_reference"])
        against = rows["random"]["against_reference"]
        self.assertLess(against["p_holm"], 0.05)
        self.assertGreaterEqual(against["p_holm"], against["p"])
        low, high = against["interval"]
        self.assertLessEqual(low, against["difference"])
        self.assertLessEqual(against["difference"], high)
        self.assertLess(high, 0.0)
        self.assertEqual(found["budget_steps"], 400)
        for row in rows.values():
            self.assertFalse(row["over_budget"])
            for study in row["studies"]:
                self.assertEqual(study["steps"], 400)
                self.assertEqual(study["evaluations"], 100)

    def test_all_within_the_budget(self):
        """240 steps; rungs at 20 and 60, brackets of 3@20 1@60 (100 steps) and 2@60 (120)."""
        self.make_spec()
        strategies = "pbt,random@2x,hyperband,hyperband@2x,successive_halving,asha,grid"
        found = self.json("compare", "toy.yaml", "--seeds", "1", "--dir", "all", "--strategies",
                          strategies)
        rows = self.rows(found)
        self.assertEqual(list(rows), strategies.split(","))
        for name, row in rows.items():
            self.assertEqual(row["budget_steps"], 480 if name.endswith("@2x") else 240)
            self.assertLessEqual(row["steps"], row["budget_steps"])
            self.assertEqual(row["unused_steps"], row["budget_steps"] - row["steps"])
            self.assertFalse(row["over_budget"])
            study = f"all/{name}-3"
            self.assertEqual(self.json("show", study)["steps_done"], row["steps"])
            self.assertTrue(self.json("verify", study)["good"])
        self.assertEqual({name: row["population"] for name, row in rows.items()},
                         {"pbt": 4, "random@2x": 8, "hyperband": 5, "hyperband@2x": 10,
                          "successive_halving": 8, "asha": 4, "grid": 4})
        self.assertEqual([rows[name]["steps"] for name in strategies.split(",")[:5]],
                         [240, 480, 220, 440, 240])
        self.assertEqual({name: row["brackets"] for name, row in rows.items() if row["brackets"]},
                         {"hyperband": 2, "hyperband@2x": 4})
        text = self.pbt("compare", "toy.yaml", "--seeds", "1", "--dir", "all", "--strategies",
                        strategies).stdout
        self.assertIn("Each study may train 240 steps, of random@2x 480, of hyperband@2x 480; none "
                      "trained more", text)
        self.assertIn("hyperband left 20 of 240 steps unused: 2 whole brackets fit", text)

    def test_rungs_of_the_spec_are_everybody_s(self):
        """A spec of successive halving has a budget of its own, and the others are paid from it."""
        self.make_spec("strategy: {name: successive_halving, eta: 2, min_steps: 15}\n")
        found = self.json("compare", "toy.yaml", "--seeds", "1", "--set", "population=8",
                          "--strategies", "successive_halving,pbt,hyperband", "--dir", "all")
        rows = self.rows(found)
        self.assertEqual(found["budget_steps"], 8 * 15 + 4 * 15 + 2 * 30)
        self.assertEqual(rows["successive_halving"]["unused_steps"], 0)
        self.assertEqual(rows["pbt"]["population"], 4)
        self.assertEqual(rows["hyperband"]["brackets"], 2)  # 4@15 2@30 1@60, 3@30 1@60
        self.assertEqual(rows["hyperband"]["steps"], 240)  # with eta 3 it would be 220

    def test_bayes_with_more_than_the_others(self):
        self.make_spec()
        strategies = "bayes,bayes@2x,bayes@4x"
        found = self.json("compare", "toy.yaml", "--seeds", "1", "--dir", "all", "--strategies",
                          strategies)
        self.assertEqual([row["steps"] for row in found["strategies"]], [240, 480, 960])
        self.assertEqual(found["reference"], "bayes")

    def test_studies_are_ordinary_and_paired_by_seed(self):
        self.make_spec("strategy: {name: pbt, exploit: {name: truncation, quantile: 0.25}, explore:"
                       " {name: perturb, factors: [0.5, 2.0]}, controls: {independent: 1}}\n")
        self.json("compare", "toy.yaml", "--strategies", "pbt,random,explore_only", "--seeds", "2",
                  "--dir", "all")
        self.assertEqual(sorted(name for name in os.listdir(self.path("all"))
                                if os.path.isdir(self.path("all", name))),
                         ["explore_only-3", "explore_only-4", "pbt-3", "pbt-4", "random-3",
                          "random-4"])

        def first_claims(study):
            lines = self.pbt("log", f"all/{study}", "--json").stdout.splitlines()
            return {event["member"]: event["hyperparameters"]
                    for event in map(json.loads, lines)
                    if event["type"] == "claim" and event["segment"] == 1}

        for seed in "34":
            pbt = first_claims(f"pbt-{seed}")
            self.assertEqual(len(pbt), 4)  # without the control
            self.assertEqual(pbt, first_claims(f"random-{seed}"))
            self.assertTrue(self.json("verify", f"all/random-{seed}")["good"])
        self.assertNotEqual(first_claims("pbt-3"), first_claims("pbt-4"))
        spec = self.path("all", "explore_only-3", "study.yaml")
        with open(spec, encoding="utf-8") as file:
            self.assertIn("factors: [0.5, 2]", file.read().replace("2.0", "2"))

    def test_luck_is_not_rewarded(self):
        self.make_spec()
        self.write("train.py", NOISE)
        found = self.json("compare", "toy.yaml", "--strategies", "random", "--seeds", "3", "--set",
                          "population=20", "--set", "fixed={split: validation}", "--set",
                          "final_evaluation={split: test}", "--dir", "all")
        studies = found["strategies"][0]["studies"]
        for study in studies:
            self.assertGreater(study["best_in_training"], 1.5)  # the luckiest of 120
            self.assertLess(abs(study["score"] - 100.0), 3.0)  # mean of 3, sd 0.58
        self.assertLess(abs(found["strategies"][0]["mean"] - 100.0), 1.4)
        with open(self.path("all", "random-3", "compare.json"), encoding="utf-8") as file:
            finals = json.load(file)
        self.assertEqual(len(finals["finalists"]), 3)
        best = max(finals["finalists"], key=lambda one: sum(one["scores"]))
        self.assertEqual(finals["chosen"], best["checkpoint"])
        for one in finals["finalists"]:  # not the final evaluation's split
            self.assertLess(max(map(abs, one["scores"])), 10.0)

    def test_interrupted_it_goes_on_and_can_be_extended(self):
        self.make_spec("fixed: {pause: 0.01}\n")
        command = ("compare", "toy.yaml", "--seeds", "1", "--dir", "all")
        child = self.start(*command)
        self.wait_for(lambda: self.json("show", "all/random-3")["counts"]["segments"] >= 2)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130)
        self.assertIn("the same command goes on", said)
        done = self.pbt("log", "all/pbt-3", "--json").stdout
        first = self.rows(self.json(*command))
        self.assertEqual(self.pbt("log", "all/pbt-3", "--json").stdout, done)
        command = ("compare", "toy.yaml", "--seeds", "2", "--strategies", "random,pbt", "--dir",
                   "all")
        more = self.json(*command)
        self.assertEqual(more["reference"], "random")
        for name in ("pbt", "random"):
            self.assertEqual(self.rows(more)[name]["studies"][0], first[name]["studies"][0])
        self.assertEqual(self.json(*command), more)

    def evaluations(self):
        try:
            with open(self.path("evaluating"), encoding="utf-8") as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def interrupt_evaluation(self, *command, after=1):
        """Ctrl-C in the evaluation of that number: 130, and the trainer is gone."""
        before = len(self.evaluations())
        child = self.start(*command)
        self.wait_for(lambda: len(self.evaluations()) >= before + after)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, said)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(self.evaluations()[-1]), 0)
        return said

    def test_interrupted_while_the_finalists_are_evaluated(self):
        self.make_spec()
        self.write("train.py", SLOW)
        command = ("compare", "toy.yaml", "--seeds", "1", "--strategies", "random")
        scores = ["score", "best_in_training", "steps", "evaluations"]

        def result(found):
            return {name: found["strategies"][0]["studies"][0][name] for name in scores}

        expected = result(self.json(*command, "--dir", "whole"))
        self.assertEqual(len(self.evaluations()), 12)
        for after in 1, 5, 11:  # a finalist, another one, the score that is reported
            said = self.interrupt_evaluation(*command, "--dir", "all", after=after)
            self.assertIn("the same command goes on", said)
            self.assertFalse(os.path.exists(self.path("all", "random-3", "compare.json")))
        self.assertEqual(result(self.json(*command, "--dir", "all")), expected)
        with open(self.path("all", "random-3", "compare.json"), encoding="utf-8") as file:
            finals = json.load(file)
        with open(self.path("whole", "random-3", "compare.json"), encoding="utf-8") as file:
            whole = json.load(file)
        del finals["evaluating_ms"], whole["evaluating_ms"]
        self.assertEqual(finals, whole)
        self.assertTrue(self.json("verify", "all/random-3")["good"])

    def test_interrupted_in_the_final_evaluation(self):
        self.make_spec("final_evaluation: {split: test}\n")
        self.write("train.py", SLOW)
        self.pbt("run", "toy.yaml", "-q", "--dir", "whole")
        said = self.interrupt_evaluation("run", "toy.yaml", "--dir", "toy")
        self.assertIn("pbt resume toy", said)
        self.assertIsNone(self.json("show", "toy")["final_evaluation"])
        self.pbt("resume", "toy", "-q")
        self.assertEqual(self.json("show", "toy")["final_evaluation"],
                         self.json("show", "whole")["final_evaluation"])
        self.pbt("resume", "toy", "-q")
        self.assertEqual(len(self.evaluations()), 3)  # not once more

    def test_one_seed_tells_nothing_and_says_so(self):
        self.make_spec()
        text = self.pbt("compare", "toy.yaml", "--seeds", "1").stdout
        self.assertIn("random cannot be told from pbt: 1 seed has a score of both", text)
        self.assertIn("none trained more", text)
        with open(self.path("toy-compare", "curves.csv"), encoding="utf-8") as file:
            points = list(csv.DictReader(file))
        self.assertEqual({point["strategy"] for point in points}, {"pbt", "random"})
        for name in ("pbt", "random"):
            best = [float(point["best"]) for point in points if point["strategy"] == name]
            steps = [int(point["steps"]) for point in points if point["strategy"] == name]
            self.assertEqual(best, sorted(best))
            self.assertEqual(steps, sorted(steps))
            self.assertLessEqual(steps[-1], 240)
        with open(self.path("toy-compare", "comparison.json"), encoding="utf-8") as file:
            curves = json.load(file)["strategies"][0]["studies"][0]["best_so_far"]
        self.assertEqual(curves[-1][2],
                         max(float(point["best"]) for point in points
                             if point["strategy"] == "pbt"))

    def test_a_failing_trainer_is_a_failure(self):
        self.make_spec("fixed: {crash: true}\n")
        done = self.pbt("compare", "toy.yaml", "--seeds", "1", "--strategies", "random", code=1)
        self.assertIn("the first segments all failed alike", done.stderr)
        self.assertIn("broken on purpose", done.stderr)

    def test_usage(self):
        self.make_spec()
        done = self.pbt("compare", "toy.yaml", "--strategies", "pbt,randon", code=2)
        self.assertIn('there is no strategy "randon"', done.stderr)
        self.assertIn("did you mean random?", done.stderr)
        done = self.pbt("compare", "toy.yaml", "--strategies", "pbt,pbt", code=2)
        self.assertIn('"pbt" is there twice', done.stderr)
        for word in "bayes@2", "bayes@1x", "bayes@x", "bayes@-2x", "bayes@2xx", "bayes@101x":
            done = self.pbt("compare", "toy.yaml", "--strategies", word, code=2)
            self.assertIn(f'"{word}" is no strategy with a multiple of the budget', done.stderr)
        done = self.pbt("compare", "toy.yaml", "--strategies", "pbt,hyperband", "--set",
                        "population=1", code=2)
        self.assertIn("no bracket of hyperband fits into the 60 steps of a study", done.stderr)
        done = self.pbt("compare", "toy.yaml", "--strategies", "pbt,hyperband", "--set",
                        "max_age=20", code=2)
        self.assertIn("max_age is 20", done.stderr)
        self.assertFalse(os.path.exists(self.path("toy-compare")))
        self.pbt("compare", "toy.yaml", "--strategies", "random", "--seeds", "1", "-q")
        done = self.pbt("compare", "toy.yaml", "--strategies", "random", "--seeds", "1", "--set",
                        "steps=70", code=2)
        self.assertIn('"./toy-compare/random-3" is a study of another spec', done.stderr)


if __name__ == "__main__":
    unittest.main()
