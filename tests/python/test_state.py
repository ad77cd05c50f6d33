# SPDX-License-Identifier: Apache-2.0
"""test_state.py - pbt.state.State restores before it sets, seeds after it built, refuses by name.

Protects: rule 11 (hot equals reloaded) and rule 17 (what is handed over is in force) for trainers
on State, without a framework. Each trainer is a process that talks to fake_worker.py.
"""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "clients"))
from fake_worker import FakeWorker, finish  # noqa: E402

TRAINER = """
import json, random, types
import pbt.state

def build(task):
    return types.SimpleNamespace(w=[random.random()] * task.hp["width"], lr=0.0, captured=BUILT,
                                 groups=[{"decay": 1.0}])
def write(folder, model):
    (folder / "m.json").write_text(json.dumps([model.w, model.lr]))
def read(folder, model):
    model.w[:], model.lr = json.loads((folder / "m.json").read_text())
state = pbt.state.State(build, tuned={"lr": "lr", "decay": "groups.0.decay"}, save=write, load=read
                        SCHEDULE)
for task in pbt.tasks():
    model = state.begin(task)
    for step in STEPS:
        model.w = [w - model.lr * (w + random.random()) for w in model.w]
    BEFORE_END
    state.end(task, sum(model.w), captured=model.captured, lr=model.lr)
"""
VALUES = {"lr": 0.25, "decay": 0.5, "width": 2}


def trainer(built="0", schedule="", steps="task.steps", before_end="pass"):
    return (TRAINER.replace("BUILT", built).replace("SCHEDULE", schedule)
            .replace("STEPS", steps).replace("BEFORE_END", before_end))


class StateCase(unittest.TestCase):
    def setUp(self):
        self.worker = FakeWorker().__enter__()
        self.addCleanup(self.worker.__exit__)

    def start(self, **parts):
        self.process, self.peer, _ = self.worker.start_python(trainer(**parts))

    def run_task(self, values=None, **changes):
        return self.peer.run(hyperparameters={**VALUES, **(values or {})}, **changes)

    def leave(self):
        self.peer.send({"type": "exit"})
        self.assertEqual(finish(self.process)[0], 0)

    def test_rule_11_hot_equals_reloaded(self):
        self.start()
        one, two, three = (self.worker.make_folder(name) for name in ("1", "2", "3"))
        self.run_task(save=one, seed="1")
        hot = self.run_task({"lr": 0.5}, save=two, seed="2", start="keep")
        self.leave()
        self.start()
        cold = self.run_task({"lr": 0.5}, save=three, seed="2", start="load", load=one)
        self.leave()
        self.assertEqual(sorted(hot.pop("read")), ["decay", "lr", "width"])
        cold.pop("read")
        self.assertEqual(hot, cold)
        for folder in (two, three):
            with open(os.path.join(folder, "m.json"), encoding="utf-8") as file:
                self.assertEqual(json.load(file)[1], 0.5)

    def test_rule_17_the_values_are_set_after_the_restore(self):
        self.start()
        one = self.worker.make_folder("1")
        self.run_task(save=one)
        done = self.run_task({"lr": 0.125}, start="load", load=one)
        self.assertEqual(done["in_force"], {"lr": 0.125, "decay": 0.5})
        self.assertEqual(done["metrics"]["lr"], 0.125)

    def test_rule_17_a_value_that_training_changes_is_named(self):
        self.start(before_end="model.lr = 1")
        error = self.run_task()
        self.assertEqual((error["type"], error["kind"]), ("error", "config"))
        self.assertIn("lr is 0.25 but 1 is in force", error["message"])

    def test_what_build_read_is_built_again_when_it_changes(self):
        self.start(built='task.hp["lr"]')
        one = self.worker.make_folder("1")
        self.assertEqual(self.run_task(save=one)["metrics"]["captured"], 0.25)
        done = self.run_task({"lr": 0.5}, start="keep")  # tuned: nothing to build
        self.assertEqual(done["metrics"]["captured"], 0.25)
        self.start(built='task.hp["other"]')
        done = self.run_task({"other": 1}, start="load", load=one)
        self.assertEqual(done["metrics"]["captured"], 1)
        done = self.run_task({"other": 2}, start="load", load=one)
        self.assertEqual(done["metrics"]["captured"], 2)
        error = self.run_task({"other": 3}, start="keep")
        self.assertIn('hyperparameter "other" was read by build', error["message"])

    def test_a_fresh_task_builds_new_weights_and_an_initial_checkpoint_is_used(self):
        self.start()
        one = self.worker.make_folder("1")
        first = self.run_task(save=one, seed="1", steps=0)["score"]
        other = self.run_task(seed="2", steps=0)["score"]
        self.assertNotEqual(first, other)
        self.assertEqual(self.run_task(seed="2", steps=0, load=one)["score"], first)

    def test_a_schedule_multiplies_what_is_handed_over(self):
        schedule = ', schedule={"lr": pbt.state.linear_warmup(6004)}'
        self.start(schedule=schedule, steps="state.steps(task)")
        done = self.run_task(age=6000, steps=2)
        self.assertEqual(done["in_force"]["lr"], 0.25)
        self.assertAlmostEqual(done["metrics"]["lr"], 0.25 * 6002 / 6004)
        done = self.run_task(age=6002, steps=5, start="keep")
        self.assertEqual((done["metrics"]["lr"], done["in_force"]["lr"]), (0.25, 0.25))
        self.start(schedule=schedule)
        self.assertIn("for step in state.steps(task)", self.run_task()["message"])

    def test_wrong_places_are_named(self):
        for path, problem in (("learn", 'has no "learn"'), ("group.0.decay", 'nearest: "groups"'),
                              ("groups.1.decay", 'has no "1"'), ("groups.0.deca", 'has no "deca"')):
            program = trainer().replace('"groups.0.decay"', repr(path))
            self.process, self.peer, _ = self.worker.start_python(program)
            error = self.run_task()
            self.assertEqual((error["type"], error["kind"]), ("error", "config"), path)
            self.assertIn(problem, error["message"])

    def test_a_tuned_value_may_be_fixed_instead(self):
        self.start()
        values = {name: value for name, value in VALUES.items() if name != "decay"}
        done = self.peer.run(hyperparameters=values, fixed={"decay": 0.75})
        self.assertEqual(done["in_force"]["decay"], 0.75)
        error = self.peer.run(hyperparameters=values, fixed={})
        self.assertIn('there is no hyperparameter "decay"', error["message"])

    def test_several_places_and_functions(self):
        program = trainer().replace('"lr": "lr"', '"lr": ["lr", "lr2"]') \
            .replace("lr=0.0,", "lr=0.0, lr2=0.0,") \
            .replace('"groups.0.decay"', '(lambda m: m.groups[0]["decay"], '
                     'lambda m, v: m.groups[0].update(decay=v))')
        self.process, self.peer, _ = self.worker.start_python(program)
        self.assertEqual(self.run_task()["in_force"], {"lr": 0.25, "decay": 0.5})
        program = program.replace("    state.end", "    model.lr2 = 7\n    state.end")
        self.process, self.peer, _ = self.worker.start_python(program)
        self.assertIn("lr is 0.25 but 7 is in force", self.run_task()["message"])


class Command(unittest.TestCase):
    """`python -m pbt` runs the command."""

    def test_it_runs_the_command_and_says_where_it_looked(self):
        import subprocess
        from fake_worker import PYTHON, environment
        program = os.environ.get("PBT_BIN")
        if program and os.path.exists(program):
            done = subprocess.run([PYTHON, "-m", "pbt", "--version"], capture_output=True,
                                  env=environment(PBT_BIN=program), timeout=60, check=True)
            self.assertIn(b"pbt ", done.stdout)
        done = subprocess.run([PYTHON, "-m", "pbt"], capture_output=True, timeout=60,
                              env=environment(PBT_BIN="/nonexistent/pbt"), check=False)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertIn(b'PBT_BIN is "/nonexistent/pbt"', done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
