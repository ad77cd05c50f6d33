# SPDX-License-Identifier: Apache-2.0
"""test_init.py - `pbt init` writes specs and trainers that run as they are, and never overwrites.
"""
import os
import subprocess
import unittest

from cli_lab import SOURCE, Lab


class Init(Lab):
    def runs(self):
        self.pbt("run", "study.yaml", "--set", "population=3", "--set", "sync=normal",
                 "--set", "steps=60", "-q")
        shown = self.json("show", "my-study")
        self.assertEqual((shown["status"], shown["counts"]["failures"]), ("ended", 0))
        self.assertLess(shown["best"]["score"], 13)

    def test_the_python_trainer_runs(self):
        said = self.pbt("init").stdout
        self.assertEqual(said, "wrote study.yaml and train.py\nnext\n  pbt check study.yaml\n"
                               "  pbt run study.yaml\n")
        self.runs()

    def test_the_shell_trainer_runs(self):
        self.pbt("init", "--trainer", "shell")
        self.runs()

    def test_the_c_trainer_compiles_and_runs(self):
        said = self.pbt("init", "--trainer=c").stdout
        command = said.splitlines()[2].strip()
        self.assertTrue(command.startswith("cc "), said)
        subprocess.run(command, shell=True, cwd=self.folder, check=True)
        self.runs()

    def test_the_classify_spec_is_right(self):
        self.pbt("init", "sub.yaml", "--trainer", "classify")
        self.assertEqual(os.listdir(self.folder), ["sub.yaml"])
        done = self.pbt("run", "sub.yaml", "--set", "population=zero", code=2)
        self.assertIn("population", done.stderr)  # and nothing else is wrong

    def test_a_kind_of_framework_is_an_example(self):
        for kind, example in (("torch", "digits"), ("sb3", "sb3"), ("jax", "jax"),
                              ("transformers", "transformers"), ("lightning", "lightning"),
                              ("boosting", "boosting"), ("sklearn", "sklearn")):
            os.mkdir(self.path(kind))
            said = self.pbt("init", f"{kind}/study.yaml", "--trainer", kind).stdout
            self.assertIn("\nnext\n  pip install ", said)
            folder = os.path.join(SOURCE, "examples", example)
            with open(os.path.join(folder, "train.py"), encoding="utf-8") as file:
                trainer = file.read().split("\n", 1)[1]
            with open(self.path(f"{kind}/train.py"), encoding="utf-8") as file:
                self.assertEqual(file.read(), trainer)
            done = self.pbt("run", f"{kind}/study.yaml", "--set", "population=zero", code=2)
            self.assertIn("population", done.stderr)  # and nothing else is wrong
        done = self.pbt("init", "--trainer", "keras", code=2)
        self.assertIn("python, shell, c, classify, torch", done.stderr)

    def test_nothing_is_overwritten(self):
        self.write("train.py", "mine")
        done = self.pbt("init", code=2)
        self.assertIn('"train.py" exists already', done.stderr)
        self.assertEqual(os.listdir(self.folder), ["train.py"])
        self.write("study.yaml", "mine")
        self.assertIn("study.yaml", self.pbt("init", "--trainer", "c", code=2).stderr)

    def test_the_skeleton_goes_beside_the_spec(self):
        os.mkdir(self.path("sub"))
        self.pbt("init", "sub/a.yaml")
        self.assertEqual(sorted(os.listdir(self.path("sub"))), ["a.yaml", "train.py"])

    def test_the_examples_are_right_specs(self):
        for name in ("python/python.yaml", "shell/shell.yaml", "c/c.yaml", "fashion.yaml",
                     "breakout.yaml", "gan.yaml", "beacon.yaml", "maze.yaml"):
            done = self.pbt("run", os.path.join(SOURCE, "examples", name),
                            "--set", "population=zero", code=2)
            self.assertIn("population", done.stderr, name)


if __name__ == "__main__":
    unittest.main()
