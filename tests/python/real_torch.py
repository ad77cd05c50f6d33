# SPDX-License-Identifier: Apache-2.0
"""real_torch.py - pbt.torch.State with the real PyTorch: `pbt check` finds nothing, hot equals
reloaded byte for byte, the live optimiser holds what was handed over, wrong use is refused."""

import ast
import json
import os
import subprocess
import sys
import tempfile
import unittest

from adapter_lab import EXAMPLES, PBT, AdapterCase, environment, need

need("torch", "sklearn")

PROGRAM = """
import torch, pbt.torch
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.drop, self.two = nn.Linear(4, 8), nn.Dropout(0.1), nn.Linear(8, 1)
    def forward(self, x):
        return self.two(self.drop(self.one(x).relu()))
def build():
    net = Net()
    return BUILT
def train_step(net, opt):
    loss = net(torch.randn(16, 4)).square().mean()
    opt.zero_grad(); loss.backward(); opt.step()
torch.set_num_threads(1)
state = pbt.torch.State(build, TUNED OPTIONS)
for task in pbt.tasks():
    net, opt, *rest = state.begin(task)
    STARTED
    for step in task.steps:
        train_step(net, opt)
    DONE
    state.end(task, net.one.weight.sum())
"""
SGD = "torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)"
ADAM = "torch.optim.Adam(net.parameters())"


def program(built=f"net, {SGD}", tuned='{"lr": "opt.lr"}', options="", started="", done=""):
    return (PROGRAM.replace("BUILT", built).replace("TUNED", tuned).replace("OPTIONS", options)
            .replace("STARTED", started or "pass").replace("DONE", done or "pass"))


class Torch(AdapterCase):
    def test_check_finds_nothing_wrong(self):
        self.check_example("digits")

    def test_the_example_has_at_most_30_lines_of_code(self):
        with open(os.path.join(EXAMPLES, "digits", "train.py"), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
        self.assertLessEqual(len(statements) - 1, 30)  # but for the docstring

    def test_hot_equals_reloaded(self):
        self.hot_equals_reloaded("digits", {"lr": 0.1, "momentum": 0.9, "dropout": 0.2}, 15,
                                 {"lr": 0.05, "momentum": 0.5, "dropout": 0.4})

    def test_a_study_that_was_killed_and_resumed_equals_the_unbroken_one(self):
        spec = os.path.join(EXAMPLES, "digits", "digits.yaml")
        options = ["-q", "--slots", "1", "--set", "population=3", "--set", "steps=60",
                   "--set", "ready=15", "--set", "strategy.mode=generational"]
        with tempfile.TemporaryDirectory() as folder:
            self.pbt("run", spec, "--dir", "whole", *options, cwd=folder)
            path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
            process = subprocess.Popen([PBT, "run", spec, "--dir", "broken", *options],
                                       cwd=folder, env=environment(PATH=path))
            self.wait_for(os.path.join(folder, "broken"), process)
            follow = subprocess.Popen([PBT, "log", "broken", "--follow", "--json"], cwd=folder,
                                      stdout=subprocess.PIPE, text=True)
            reports = 0
            for line in follow.stdout:
                reports += json.loads(line)["type"] == "report"
                if reports == 5:
                    process.kill()
                    break
            process.wait()
            follow.kill()
            follow.communicate()
            self.pbt("resume", "broken", "-q", cwd=folder)
            studies = [json.loads(self.pbt("export", name, "--json", "-", "-q", cwd=folder))
                       for name in ("whole", "broken")]
        whole, broken = ({(one["member"], one["segment"]): (one["score"], one["hyperparameters"])
                          for one in study["segments"] if one["outcome"] == "done"}
                         for study in studies)
        self.assertEqual(len(whole), 12)
        self.assertEqual(whole, broken)

    def wait_for(self, folder, process):
        """Wait until a study can be followed."""
        while subprocess.run([PBT, "show", folder], capture_output=True,
                             check=False).returncode != 0:
            self.assertIsNone(process.poll())

    def test_what_is_handed_over_is_in_the_live_objects(self):
        tuned = ('{"lr": "opt.lr", "beta1": "opt.betas.0", "drop": "net.drop.p", '
                 '"eps": "opt.0.eps"}')
        report = ('print_ = dict(lr_=opt.param_groups[0]["lr"], b=opt.param_groups[0]["betas"][0], '
                  'c=opt.param_groups[0]["betas"][1], p=net.drop.p, e=opt.param_groups[0]["eps"])')
        text = program(built=f"net, {ADAM}", tuned=tuned, done=report).replace(
            "net.one.weight.sum())", "1, **print_)")
        self.start(text)
        values = {"lr": 0.25, "beta1": 0.5, "drop": 0.75, "eps": 0.125}
        one = self.worker.make_folder("one")
        live = {"lr_": 0.25, "b": 0.5, "c": 0.999, "p": 0.75, "e": 0.125}
        self.assertEqual(self.peer.run(hyperparameters=values, save=one)["metrics"], live)
        values["lr"] = live["lr_"] = 0.5
        values["drop"] = live["p"] = 0.25
        for changes in ({"start": "keep"}, {"start": "load", "load": one}):
            done = self.peer.run(hyperparameters=values, **changes)
            self.assertEqual((done["metrics"], done["in_force"]), (live, values))

    def test_a_value_that_build_captured_takes_effect_on_weights_in_memory(self):
        text = program(done="extra = net.drop.p").replace("weight.sum())", "weight.sum(), p=extra)")
        text = text.replace("def build():", "def build(task):").replace(
            "    net = Net()", "    net = Net(); net.drop.p = task.hp['drop']")
        self.start(text)
        one = self.worker.make_folder("one")
        values = {"lr": 0.1, "drop": 0.5}
        self.assertEqual(self.peer.run(hyperparameters=values, save=one)["metrics"], {"p": 0.5})
        values = {"lr": 0.1, "drop": 0.25}
        hot = self.peer.run(hyperparameters=values, start="keep", seed="3")
        cold = self.peer.run(hyperparameters=values, start="load", load=one, seed="3")
        self.assertEqual(hot["metrics"], {"p": 0.25})
        self.assertEqual(hot["score"], cold["score"])

    def test_scaler_and_average_are_saved(self):
        built = (f"net, {SGD}, torch.amp.GradScaler('cpu', init_scale=8.0), "
                 "torch.optim.swa_utils.AveragedModel(net)")
        text = program(built=built, done="rest[1].update_parameters(net)").replace(
            "weight.sum())", "weight.sum(), n=rest[1].n_averaged, s=rest[0].get_scale())")
        self.start(text)
        one = self.worker.make_folder("one")
        self.assertEqual(self.peer.run(save=one)["type"], "done")
        done = self.peer.run(start="load", load=one)
        self.assertEqual(done.get("metrics"), {"n": 2.0, "s": 8.0})

    def test_training_mode_and_gradients_are_as_after_build(self):
        self.start(program(started="assert net.training and net.one.weight.grad is None",
                           done="net.eval()"))
        self.peer.run()
        self.assertEqual(self.peer.run(start="keep")["type"], "done")

    def test_a_schedule_in_one_line(self):
        import math
        text = program(options=', schedule={"lr": pbt.state.cosine(20)}').replace(
            "task.steps", "state.steps(task)").replace(
            "weight.sum())", "weight.sum(), live=opt.param_groups[0]['lr'])")
        text = text.replace("import torch, pbt.torch", "import torch, pbt.torch, pbt.state")
        self.start(text)
        done = self.peer.run(age=5, steps=5)
        self.assertEqual(done["in_force"], {"lr": 0.5})
        self.assertAlmostEqual(done["metrics"]["live"], 0.5 * 0.5 * (1 + math.cos(math.pi / 2)))

    def test_wrong_use_is_refused_by_name(self):
        other = "[{'params': [net.one.weight], 'lr': 1.0}, {'params': [net.two.weight]}], lr=0.1"
        adam = "torch.optim.Adam(net.parameters())"
        cases = (
                ({"built": f"net, (o := {SGD}), torch.optim.lr_scheduler.StepLR(o, 1)"},
                 "build returned a scheduler (StepLR)"),
                ({"built": f"net, {SGD}, torch.Generator()"}, "build returned a generator"),
                ({"built": f"net, {SGD}, [1]"}, "has no state_dict"),
                ({"built": f"net, {SGD}, {adam}"}, 'two objects of the kind "opt"'),
                ({"tuned": '{"lr": "optim.lr"}'}, "does not begin with the name of an object"),
                ({"tuned": '{"lr": "opt.rate"}'}, 'has no "rate"'),
                ({"tuned": '{"lr": "net.dorp.p"}'}, 'nearest: "drop"'),
                ({"tuned": '{"lr": "net.*.probability"}'}, 'no module has "probability"'),
                ({"built": f"net, torch.optim.SGD({other})"}, "hold different values (1.0, 0.1)"),
                ({"done": "opt.param_groups[0]['lr'] = 9.0"}, "lr is 0.5 but 9.0 is in force"),
                ({"started": "s = torch.optim.lr_scheduler.ExponentialLR(opt, 0.5)",
                  "done": "s.step()"}, "a scheduler changed it"))
        self.refuse_each("pbt.torch, pbt.state",
                         [(program(**parts), text) for parts, text in cases])


if __name__ == "__main__":
    unittest.main(verbosity=2)
