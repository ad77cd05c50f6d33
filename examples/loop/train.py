# SPDX-License-Identifier: Apache-2.0
"""A trainer for pbt: it trains for some steps with these hyperparameters from this checkpoint,
saves to the given folder and reports the score. Replace the toy above the loop by your own code."""
import json
import random

import pbt


class Momentum:
    """The optimiser of the toy. Its velocity belongs to the checkpoint, as the weights do."""

    def __init__(self, size):
        self.velocity = [0.0] * size
        self.param_groups = [{"lr": 0.01, "momentum": 0.9}]


def build():
    return [3.0 + random.gauss(0, 0.1), -2.0 + random.gauss(0, 0.1)], Momentum(2)


def train_step(net, opt):
    """One noisy step down a bowl; returns the loss."""
    for group in opt.param_groups:
        for i, weight in enumerate(net):
            gradient = 2 * weight + random.gauss(0, 0.1)
            velocity = group["momentum"] * opt.velocity[i] - group["lr"] * gradient
            opt.velocity[i] = max(-10.0, min(10.0, velocity))
            net[i] += opt.velocity[i]
    return evaluate(net)


def evaluate(net):
    return sum(min(abs(weight), 1e6) ** 2 for weight in net)


def store(path, net, opt):
    path.write_text(json.dumps({"net": net, "opt": opt.velocity}))


def restore(path, net, opt):
    saved = json.loads(path.read_text())
    net[:], opt.velocity[:] = saved["net"], saved["opt"]


def main():
    net, opt = None, None
    for task in pbt.tasks():
        if task.start != "keep":              # "keep": what is in memory is the right one
            pbt.seed_all(task.seed)           # building draws the first weights
            net, opt = build()
        if task.load:                         # also a study's initial checkpoint
            restore(task.load / "ckpt", net, opt)
        pbt.seed_all(task.seed)               # again: building drew, and "keep" does not build
        for group in opt.param_groups:        # after the restore, or the old values are back
            group["lr"] = task.hp["lr"]
            group["momentum"] = task.hp["momentum"]
        for step in task.steps:               # 1, 2, ... len(task.steps)
            task.progress(step, loss=train_step(net, opt))
        live = opt.param_groups[0]
        task.in_force(lr=live["lr"], momentum=live["momentum"])
        if task.save:                         # all that training changes; before the report
            store(task.save / "ckpt", net, opt)
        task.report(evaluate(net))


if __name__ == "__main__":                    # a spawned data loader imports this file again
    main()
