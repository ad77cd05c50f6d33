#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_same_study.py - rules 11 and 17 with real processes: what must not depend on how a study is
run, and that trainers are told what the journal says.
"""

import unittest

from real_study import Study, kill, main, wait_for


class SameStudy(unittest.TestCase):

    def run_generational(self, slots, second=0):
        """A generational study, perhaps with a second worker; what happened in it."""
        study = Study(self, seed=7, population=8, steps=120,
                      strategy={"name": "pbt", "mode": "generational"}, fixed={"sleep": 0.01})
        process = study.start_run("--slots", slots)
        if second:
            study.wait_reports(1)
            study.pbt("worker", study.dir, "--quiet", "--slots", second)
        self.assertEqual(study.finish(process).code, 0)
        study.sound()
        return study

    def test_rule_11_a_generational_study_is_the_same_with_any_slots_and_workers(self):
        one = self.run_generational(1).outcome()
        kinds = [event["kind"] for event in one.values() if event["type"] == "decision"]
        self.assertIn("replace", kinds)
        self.assertEqual(len(kinds), 8 * 6)
        self.assertEqual(self.run_generational(2).outcome(), one)
        self.assertEqual(self.run_generational(8).outcome(), one)
        self.assertEqual(self.run_generational(1, second=2).outcome(), one)

    def test_rule_11_another_seed_gives_another_study(self):
        """Else the test above could not fail."""
        outcomes = []
        for seed in (7, 8):
            study = Study(self, seed=seed, steps=40, strategy={"name": "pbt",
                                                               "mode": "generational"})
            study.run()
            outcomes.append(study.outcome())
        self.assertNotEqual(*outcomes)

    def test_rule_11_every_decision_of_an_async_study_can_be_made_again(self):
        """For each rule of exploit, with two workers: the order of arrival is the journal's."""
        for exploit in ("truncation", "tournament"):
            with self.subTest(exploit=exploit):
                study = Study(self, strategy={"name": "pbt", "exploit": exploit},
                              fixed={"sleep": 0.01})
                process = study.start_run()
                study.wait_reports(1)
                study.pbt("worker", study.dir, "--quiet", "--slots", "2")
                self.assertEqual(study.finish(process).code, 0)
                study.sound()
                kinds = {event["kind"] for event in study.log("decision")}
                self.assertIn("replace", kinds)


class Handed(unittest.TestCase):
    """What trainers noted, against the journal."""

    def study(self, **spec):
        study = Study(self, **spec)
        study.spec.setdefault("fixed", {})["note"] = str(study.notes)
        study.write_spec()
        return study

    def test_rule_17_hyperparameters_handed_over_are_those_in_the_log(self):
        study = self.study(fixed={"sleep": 0.005})
        study.run()
        study.sound()
        claims = {(event["member"], event["segment"], event["attempt"]): event
                  for event in study.log("claim")}
        values = {event["member"]: event["hyperparameters"] for event in claims.values()
                  if event["segment"] == 1}
        noted = study.noted()
        self.assertEqual(len(noted), study.members * study.segments)
        for task in noted:
            claim = claims[task["member"], task["segment"], task["attempt"]]
            self.assertEqual(task["hp"], claim["hyperparameters"], task)
            self.assertEqual((task["from"], task["age"]), (claim["from"], claim["age"]), task)
        for event in study.log("decision"):
            if event.get("hyperparameters"):
                values[event["member"]] = event["hyperparameters"]
            following = claims.get((event["member"], event["segment"] + 1, 1))
            if following:
                self.assertEqual(following["hyperparameters"], values[event["member"]], event)

    def test_rule_17_the_same_tasks_are_given_hot_and_reloaded(self):
        """One slot and one member: nothing is loaded after the first segment. One slot and two
        members take turns, with loads. What a task says is the same, and what comes of it."""
        spec = {"steps": 100, "strategy": "random"}
        hot = self.study(population=1, slots=1, **spec)
        hot.run()
        self.assertEqual([task["start"] for task in hot.noted()], ["fresh"] + 4 * ["keep"])
        self.assertEqual(len({task["process"] for task in hot.noted()}), 1)
        cold = self.study(population=2, slots=1, **spec)
        cold.run()
        mine = [task for task in cold.noted() if task["member"] == 0]
        self.assertEqual([task["start"] for task in mine].count("load"), 2)
        for name in ("seed", "age", "steps", "from", "hp", "saved"):
            self.assertEqual([task[name] for task in hot.noted()], [task[name] for task in mine])
        self.assertEqual(len({task["seed"] for task in cold.noted()}), 10)

    def test_rule_17_a_retry_gets_the_same_task_again(self):
        """Kill each trainer in its first segment: same seed, same values, another attempt."""
        study = self.study(population=2, steps=40, fixed={"sleep": 0.4})
        process = study.start_run()
        for pid in wait_for(lambda: len(study.trainers()) == 2 and study.trainers(), "trainers"):
            kill(pid)
        self.assertEqual(study.finish(process).code, 0)
        study.sound()
        claims = {}
        for event in study.log("claim"):
            key = event["member"], event["segment"]
            claims.setdefault(key, []).append((event["hyperparameters"], event["age"]))
        self.assertGreater(len(study.log("claim")), 4)
        for tries in claims.values():
            self.assertEqual(tries.count(tries[0]), len(tries))


if __name__ == "__main__":
    main()
