# SPDX-License-Identifier: Apache-2.0
"""cli_lab.py - what the tests of the command share: a toy study and ways to run `pbt`.

The toy's "network" is one number that moves towards 1; it trains a segment in no time, or in
`pause` seconds a step. It answers evaluations of the split "test" with a score of its own.
"""
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

PBT = os.environ["PBT_BIN"]
SOURCE = os.environ["PBT_SOURCE_DIR"]

TRAINER = """
import json, time
import pbt
state = None
for task in pbt.tasks():
    if task.load:
        state = json.loads((task.load / "state.json").read_text())
    elif task.start == "fresh":
        state = {"x": 0.0}
    pause = task.fixed.get("pause", 0)
    for step in task.steps:
        state["x"] += task.hp["lr"] * (1.0 - state["x"])
        if pause:
            time.sleep(pause)
        task.progress(step)
    if task.fixed.get("crash"):
        raise RuntimeError("\\033[31mbroken on purpose")
    task.in_force(lr=task.hp["lr"])
    if task.save:
        (task.save / "state.json").write_text(json.dumps(state))
    if task.fixed.get("split") == "test":
        task.report(0.5, images=7)
    else:
        task.report(state["x"])
"""

SPEC = """
study: toy
seed: 3
trainer: {command: [python3, train.py], retries: 0, revivals: 0}
population: 4
steps: 60
ready: 10
max_age: 1000
sync: normal
space:
  lr: {type: log, low: 1e-3, high: 0.5}
slots: 2
"""


class Lab(unittest.TestCase):
    """Each test gets an empty folder and runs `pbt` in it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="pbt-cli-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.children = []
        self.addCleanup(self.end_children)

    def end_children(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for stream in (child.stdout, child.stderr):
                if stream:
                    stream.close()

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def make_spec(self, extra=""):
        self.write("train.py", TRAINER)
        self.write("toy.yaml", SPEC + extra)

    def pbt(self, *arguments, code=0, timeout=100, **options):
        """Run to the end; check the exit code."""
        done = subprocess.run([PBT, *arguments], cwd=self.folder, timeout=timeout, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              stdin=subprocess.DEVNULL, **options)
        self.assertEqual(done.returncode, code,
                         f"pbt {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments, code=0):
        return json.loads(self.pbt(*arguments, "--json", code=code).stdout)

    def start(self, *arguments):
        """Run in the background."""
        child = subprocess.Popen([PBT, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.children.append(child)
        return child

    def run_toy(self, extra="", *arguments):
        """A study that has ended, in the folder `toy`."""
        self.make_spec(extra)
        return self.pbt("run", "toy.yaml", *arguments)

    def wait_for(self, what, seconds=60):
        """Until what() is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if what():
                    return
            except (OSError, ValueError, subprocess.CalledProcessError, AssertionError):
                pass
            time.sleep(0.05)
        self.fail("waited too long")

    def wait_for_segments(self, count, study="toy"):
        self.wait_for(lambda: self.json("show", study)["counts"]["segments"] >= count)
