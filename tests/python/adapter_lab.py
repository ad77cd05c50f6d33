# SPDX-License-Identifier: Apache-2.0
"""What the tests of the adapters share: trainers with real frameworks, `pbt check`, a fake worker.

A test program that cannot import its framework skips itself by name. `make test-python` runs them
all in an environment of their own, under build/.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "clients"))
os.environ.setdefault("PBT_PYTHON", sys.executable)
os.environ.setdefault("PBT_TEST_SECONDS", "400")  # importing a framework takes its time
from fake_worker import SOURCE, FakeWorker, Peer, environment, finish  # noqa: E402

EXAMPLES = os.path.join(SOURCE, "examples")
PBT = os.environ.get("PBT_BIN", os.path.join(SOURCE, "build", "release", "bin", "pbt"))


def need(*modules):
    """Skip the whole program unless these can be imported."""
    for name in modules:
        if importlib.util.find_spec(name) is None:
            print(f"skipped: {name} is not installed")
            sys.exit(77)


def contents(folder):
    result = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            result[name] = file.read()
    return result


class AdapterCase(unittest.TestCase):
    """Trainers are processes of this Python."""

    def setUp(self):
        self.worker = FakeWorker().__enter__()
        self.addCleanup(self.worker.__exit__)

    def start(self, program):
        self.process, self.peer, _ = self.worker.start_python(textwrap.dedent(program),
                                                              OMP_NUM_THREADS="1")

    def start_example(self, name):
        self.process, self.peer, _ = self.worker.start(
            [sys.executable, "train.py"], cwd=os.path.join(EXAMPLES, name), OMP_NUM_THREADS="1")

    def leave(self):
        self.peer.send({"type": "exit"})
        code, errors = finish(self.process)
        self.assertEqual(code, 0, errors)

    def refuse_each(self, imports, cases, **task):
        """Each (program, text) of `cases` fails with the kind config and `text` in its message.

        One process imports the frameworks, which takes long, and forks a trainer for each program.
        """
        path = os.path.join(self.worker.folder, "programs.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump([textwrap.dedent(program) for program, _ in cases], file)
        for number, (_, text) in enumerate(cases):
            if number == 0:
                self.start(f"import json, os, {imports}\n"
                           f"for text in json.load(open({path!r})):\n"
                           "    if os.fork() == 0:\n"
                           "        exec(text, {'__name__': '__main__'})\n"
                           "        os._exit(0)\n"
                           "    os.wait()\n")
            else:
                self.peer = Peer(self.worker.listener.accept()[0])
                self.worker.peers.append(self.peer)
                self.peer.hear()
            with self.subTest(text):
                error = self.peer.run(**task)
                self.assertEqual((error["type"], error.get("kind")), ("error", "config"), error)
                self.assertIn(text, error["message"])

    def pbt(self, *arguments, cwd, code=0):
        path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
        done = subprocess.run([PBT, *arguments], cwd=cwd, capture_output=True, text=True,
                              env=environment(PATH=path), timeout=900, check=False)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def check_example(self, name, *arguments, allowed=()):
        """`pbt check` of an example finds nothing wrong, but for the ids in `allowed`."""
        spec = os.path.join(EXAMPLES, name, name + ".yaml")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
            done = subprocess.run([PBT, "check", spec, *arguments], cwd=folder, timeout=900,
                                  capture_output=True, text=True, env=environment(PATH=path),
                                  check=False)
        lines = [line for line in done.stdout.splitlines()
                 if line.startswith(("  problem", "  warning"))]
        wrong = [line for line in lines if not any(word in line for word in allowed)]
        self.assertEqual(wrong, [], done.stdout + done.stderr)
        self.assertIn("good     continues", done.stdout)

    def hot_equals_reloaded(self, name, values, steps, changed, fixed=None, same_bytes=True):
        """a -> b without a break equals a, reload, b: scores, in_force, bytes of the checkpoint."""
        def segment(number, **more):
            save = self.worker.make_folder(f"s{len(os.listdir(self.worker.folder))}")
            done = self.peer.run(task=f"0.{number}.1", segment=number, seed=str(2**63 + number),
                                 age=number * steps, steps=steps, save=save, fixed=fixed or {},
                                 hyperparameters={**values, **(changed if number else {})}, **more)
            self.assertEqual(done["type"], "done", done)
            return done, save

        self.start_example(name)
        first = segment(0, start="fresh")
        hot = segment(1, start="keep")
        self.leave()
        self.start_example(name)
        cold = segment(1, start="load", load=first[1])
        self.leave()
        for done in (hot[0], cold[0]):
            done.pop("read")
        self.assertEqual(hot[0], cold[0])
        if same_bytes:
            self.assertEqual(contents(hot[1]), contents(cold[1]))
        for name_, value in changed.items():
            self.assertAlmostEqual(cold[0]["in_force"][name_], value)
