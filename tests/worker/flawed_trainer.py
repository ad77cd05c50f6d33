# SPDX-License-Identifier: Apache-2.0
"""A small trainer with one planted flaw, for the tests of `pbt check`.

    python3 flawed_trainer.py FLAW

It minimises a noisy quadratic by gradient descent with momentum. FLAW is one of: none, or a word
that appears below where the flaw is.
"""
import json
import random
import sys
import time

import pbt

FLAW = sys.argv[1]


class Net:
    """Weights and optimiser."""

    def __init__(self):
        self.weights = [random.gauss(0, 1) for _ in range(8)]
        self.velocity = [0.0] * 8
        self.lr = self.momentum = 0.0

    def step(self, decay):
        for i, weight in enumerate(self.weights):
            gradient = weight - 1.0 + random.gauss(0, 0.1) + decay * weight
            self.velocity[i] = self.momentum * self.velocity[i] - self.lr * gradient
            self.weights[i] += self.velocity[i]

    def score(self):
        return -sum((weight - 1.0) ** 2 for weight in self.weights)

    def save(self, folder):
        state = {"weights": self.weights, "velocity": self.velocity, "lr": self.lr}
        if FLAW == "forgets_optimiser":
            del state["velocity"]
        if FLAW != "saves_nothing":
            (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")

    def load(self, folder):
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        self.weights = state["weights"]
        self.velocity = state.get("velocity", [0.0] * 8)
        self.lr = state["lr"]


def main():
    if FLAW == "slow_start":
        print("reading a large data set", flush=True)
        time.sleep(60)
    net = None
    for task in pbt.tasks():
        if task.start != "keep" and not (FLAW == "keeps_weights" and net is not None):
            random.seed(task.seed)
            net = Net()
        if task.start == "load":
            net.load(task.load)
        random.seed(None if FLAW == "unseeded" else 1 if FLAW == "one_seed" else task.seed)
        old = task.start == "load" and FLAW in ("old_lr", "old_lr_in_force")
        net.lr = net.lr if old else task.hp["lr"]
        net.momentum = task.hp["momentum"]
        decay = task.hp["decay"] if FLAW != "unread" else 0.0
        if FLAW == "ignores":
            decay = 0.0
        for step in task.steps:
            net.step(decay)
            task.progress(step)
        if FLAW == "old_lr_in_force":
            task.in_force(lr=net.lr)
        if FLAW == "none":
            task.in_force(lr=net.lr, momentum=net.momentum, decay=decay)
        if FLAW == "no_evaluation" and len(task.steps) == 0:
            raise RuntimeError("nothing to train")
        if task.save:
            net.save(task.save)
        task.report(net.score())


main()
