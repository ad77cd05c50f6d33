# SPDX-License-Identifier: Apache-2.0
"""test_examples.py - the example trainers keep the trainer's promise, each against fake_worker.py.

Protects: rule 1 (what is loaded is what was saved) and rule 11 (hot equals reloaded): training
a -> b -> c without a break equals a -> b, reload, b -> c, in score and in the bytes of the
checkpoint. Rule 17: `in_force` and `read` name what the spec tunes. And the specs beside them name
what the trainers read.
"""

import json
import math
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake_worker import (BUILD, PYTHON, SOURCE, FakeWorker, environment, finish,  # noqa: E402
                         train_message)

EXAMPLES = os.path.join(SOURCE, "examples")
MNIST = "/usr/share/datasets/fashion-mnist"


def spec_names(spec):
    """The hyperparameters of a spec, from its lines `  name: {type: ...`."""
    with open(os.path.join(EXAMPLES, spec), encoding="utf-8") as file:
        return re.findall(r"^  (\w+): +\{type:", file.read(), re.MULTILINE)


def contents(folder):
    """Every file of a checkpoint."""
    result = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            result[name] = file.read()
    return result


class Persistent(unittest.TestCase):
    """The trainers that stay alive between segments."""

    def segment(self, peer, number, **changes):
        """Train segment `number`, save; (done, folder of the checkpoint)."""
        save = self.worker.make_folder(f"{len(os.listdir(self.worker.folder))}")
        done = peer.run(task=f"0.{number}.1", segment=number, seed=str(2**63 + 77 * number),
                        age=number * self.steps, steps=self.steps, save=save,
                        hyperparameters={**self.values, "lr": self.values["lr"] / (number + 1)},
                        fixed=self.fixed, **changes)
        self.assertEqual(done["type"], "done", done)
        return done, save

    def leave(self, process, peer):
        peer.send({"type": "exit"})
        code, errors = finish(process)
        self.assertEqual(code, 0, errors)

    def check(self, command, spec, steps, values, fixed, better):
        """Run a -> b -> c hot, then again with a reload before each segment, and compare."""
        self.steps, self.values, self.fixed = steps, values, fixed
        self.assertEqual(sorted(values), sorted(spec_names(spec)))
        cwd = os.path.dirname(os.path.join(EXAMPLES, spec))
        with FakeWorker() as self.worker:
            process, peer, _ = self.worker.start(command, cwd=cwd)
            untrained = peer.run(steps=0, hyperparameters=values, fixed=fixed)["score"]
            hot = [self.segment(peer, 0, start="fresh")]
            hot += [self.segment(peer, i, start="keep") for i in (1, 2)]
            evaluated = peer.run(steps=0, start="keep", hyperparameters=values, fixed=fixed)
            self.leave(process, peer)

            process, peer, _ = self.worker.start(command, cwd=cwd)
            cold = [self.segment(peer, i, start="load", load=hot[i - 1][1]) for i in (2, 1)][::-1]
            self.leave(process, peer)

            self.assertEqual(sorted(hot[0][0]["read"]), sorted(values))
            for done, folder in hot:
                self.assertTrue(math.isfinite(done["score"]))
                self.assertIn("lr", done["in_force"])
                self.assertTrue(contents(folder))
            for i in (1, 2):
                hot[i][0].pop("read"), cold[i - 1][0].pop("read")  # `width` where a net is built
                self.assertEqual(hot[i][0], cold[i - 1][0])
                self.assertEqual(contents(hot[i][1]), contents(cold[i - 1][1]))
            self.assertNotEqual(contents(hot[1][1]), contents(hot[2][1]))
            self.assertEqual(evaluated["score"], hot[2][0]["score"])
            self.assertTrue(better(hot[2][0]["score"], untrained), (hot[2][0], untrained))

    def test_python(self):
        self.check([PYTHON, "train.py"], "python/python.yaml", 30,
                   {"lr": 0.01, "momentum": 0.9, "decay": 1e-4}, {"points": 200},
                   lambda score, untrained: score > max(untrained, 0.7))

    def test_loop(self):
        self.check([PYTHON, "train.py"], "loop/loop.yaml", 30, {"lr": 0.01, "momentum": 0.5}, {},
                   lambda score, untrained: score < 0.5 * untrained)

    def test_figure2_starts_from_an_initial_checkpoint(self):
        with FakeWorker() as self.worker:
            initial = self.worker.make_folder("initial")
            with open(os.path.join(initial, "state.json"), "w", encoding="utf-8") as file:
                json.dump({"a": 0.1, "b": 0.2}, file)
            process, peer, _ = self.worker.start(
                [PYTHON, "train.py"], cwd=os.path.join(EXAMPLES, "figure2"))
            done = peer.run(steps=0, load=initial, hyperparameters={"h0": 1, "h1": 0})
            self.assertAlmostEqual(done["score"], 1.2 - 0.01 - 0.04)
            self.leave(process, peer)

    def test_c(self):
        with FakeWorker() as place:
            program = os.path.join(BUILD, "examples", "c", "train")
            if not BUILD or not os.path.exists(program):
                program = os.path.join(place.folder, "train")
                client = os.path.join(SOURCE, "clients", "c")
                subprocess.run(["cc", "-O2", "-I" + client, os.path.join(EXAMPLES, "c", "train.c"),
                                os.path.join(client, "pbt_client.c"), "-ljansson", "-lm",
                                "-o", program], check=True)
            self.check([program], "c/c.yaml", 2000, {"lr": 0.02, "momentum": 0.5, "units": 16},
                       {"noise": 0.1}, lambda score, untrained: score < 0.5 * untrained)

    def test_torch(self):
        if subprocess.call([PYTHON, "-c", "import torch"], stderr=subprocess.DEVNULL) != 0:
            self.skipTest("python3-torch is not installed")
        if not os.path.isdir(MNIST):
            self.skipTest("dataset-fashion-mnist is not installed")
        values = {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-4, "dropout": 0.2, "batch": 64,
                  "width": 32}
        self.check([PYTHON, "train.py"], "torch/torch.yaml", 4, values,
                   {"data": MNIST, "images": 1000, "held_out": 500},
                   lambda score, untrained: score > max(untrained, 0.4))


class Loop(unittest.TestCase):
    """examples/loop/train.py holds the loop that every document shows."""

    def test_the_documents_show_the_loop_that_is_tested(self):
        with open(os.path.join(EXAMPLES, "loop", "train.py"), encoding="utf-8") as file:
            program = file.read()
        loop = program[program.index("def main():"):]
        for name in ("README.md", "docs/trainers.md", "python/pbt/__init__.py"):
            with open(os.path.join(SOURCE, name), encoding="utf-8") as file:
                shown = file.read()
            if name.endswith(".py"):
                shown = re.sub(r"^    ", "", shown, flags=re.MULTILINE)
            self.assertIn(loop, shown, name)

    def test_an_initial_checkpoint_is_used(self):
        with FakeWorker() as worker:
            initial = worker.make_folder("initial")
            with open(os.path.join(initial, "ckpt"), "w", encoding="utf-8") as file:
                json.dump({"net": [0.5, 0.0], "opt": [0.0, 0.0]}, file)
            process, peer, _ = worker.start([PYTHON, "train.py"],
                                            cwd=os.path.join(EXAMPLES, "loop"))
            done = peer.run(steps=0, load=initial, hyperparameters={"lr": 0.1, "momentum": 0.5})
            self.assertEqual(done["score"], 0.25)
            peer.send({"type": "exit"})
            self.assertEqual(finish(process)[0], 0)


class OneShot(unittest.TestCase):
    SPEC = "shell/shell.yaml"

    def run_script(self, load="", save="", seed=2**64 - 1, steps=20, **changed):
        values = {"LR": "0.05", "BALANCE": "0.3", **changed}
        variables = {"PBT_HP_" + name: value for name, value in values.items()}
        process = subprocess.run(
            ["sh", "train.sh"], cwd=os.path.join(EXAMPLES, "shell"), stdout=subprocess.PIPE,
            env=environment(PBT_STEPS=str(steps), PBT_SEED=str(seed), PBT_LOAD=load,
                            PBT_SAVE=save, **variables), check=True, timeout=60)
        return float(process.stdout.decode().strip().split("\n")[-1])

    def test_shell(self):
        self.assertEqual(sorted(spec_names(self.SPEC)), ["balance", "lr"])
        with FakeWorker() as place:
            first, second, again = (place.make_folder(name) for name in ("1", "2", "3"))
            score = self.run_script(save=first)
            later = self.run_script(load=first, save=second)
            self.assertEqual(self.run_script(load=first, save=again), later)
            self.assertEqual(contents(second), contents(again))
            self.assertNotEqual(self.run_script(load=first, seed=5), later)
            self.assertNotEqual(self.run_script(load=first, BALANCE="0.5"), later)
            self.assertEqual(self.run_script(load=first, steps=0), score)
            self.assertGreater(later, self.run_script(steps=0))


class PythonOneShot(unittest.TestCase):
    def test_a_trainer_of_the_client_runs_as_one_shot_unchanged(self):
        task = train_message(hyperparameters={"lr": 0.01, "momentum": 0.5, "decay": 1e-5},
                             fixed={"points": 100})
        process = subprocess.run([PYTHON, "train.py"], cwd=os.path.join(EXAMPLES, "python"),
                                 stdout=subprocess.PIPE, check=True, timeout=60,
                                 env=environment(PBT_TASK=json.dumps(task)))
        self.assertEqual(sorted(json.loads(process.stdout)), ["in_force", "read", "score"])


# What the snippets of docs/trainers.md take for granted.
PRELUDE = """
import math, torch, pbt
def build():
    net = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Dropout(0.5), torch.nn.Linear(4, 1))
    return net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
def train_step(net, opt):
    loss = (net(torch.randn(8, 4)) - 1).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
    return loss.detach()
def evaluate(net):
    net.eval(); score = net(torch.ones(1, 4)).item(); net.train()
    return score
"""


class Guide(unittest.TestCase):
    """The snippets of docs/trainers.md, run as they stand there."""

    def setUp(self):
        if subprocess.call([PYTHON, "-c", "import torch"], stderr=subprocess.DEVNULL) != 0:
            self.skipTest("python3-torch is not installed")
        with open(os.path.join(SOURCE, "docs", "trainers.md"), encoding="utf-8") as file:
            self.blocks = re.findall(r"^```python\n(.*?)^```$", file.read(),
                                     re.DOTALL | re.MULTILINE)

    def test_the_loop_reloads_to_the_same_numbers(self):
        values = {"lr": 0.5, "momentum": 0.25}
        loop = next(block for block in self.blocks if "def store" in block)
        loop += next(block for block in self.blocks if "pbt.tasks()" in block)
        with FakeWorker() as worker:
            one, two = worker.make_folder("one"), worker.make_folder("two")
            process, peer, _ = worker.start_python(PRELUDE + loop)
            peer.run(save=one, hyperparameters=values)
            hot = peer.run(start="keep", seed="5", save=two, hyperparameters=values)
            peer.send({"type": "exit"})
            self.assertEqual(finish(process)[0], 0)
            process, peer, _ = worker.start_python(PRELUDE + loop)
            self.assertEqual(peer.run(start="load", load=one, seed="5", hyperparameters=values),
                             hot)
            self.assertEqual(hot["in_force"], values)
            peer.send({"type": "exit"})
            self.assertEqual(finish(process)[0], 0)

    def test_each_other_snippet_runs_inside_a_task(self):
        snippets = [block for block in self.blocks if "pbt.tasks()" not in block]
        self.assertEqual(len(snippets), 6)
        program = PRELUDE + "for task in pbt.tasks():\n    net, opt = build()\n"
        program += "    saved = {'opt': opt.state_dict()}\n"
        for number, block in enumerate(snippets):
            program += f"    if task.member == {number}:\n"
            program += "".join("        " + line + "\n" for line in block.splitlines())
        program += "    if not task._ended:\n        task.report(1)\n"
        with FakeWorker() as worker:
            process, peer, _ = worker.start_python(program)
            values = {"lr": 0.01, "weight_decay": 1e-4, "batch": 128}
            answers = [peer.run(member=number, hyperparameters=values)
                       for number in range(len(snippets))]
            peer.send({"type": "exit"})
            self.assertEqual(finish(process)[0], 0)
        self.assertEqual([answer["type"] for answer in answers], ["done"] * len(answers))
        warm_up = [answer["in_force"]["lr"] for answer in answers if "in_force" in answer]
        self.assertEqual([round(lr, 9) for lr in warm_up], [0.01])


if __name__ == "__main__":
    unittest.main(verbosity=2)
