# SPDX-License-Identifier: Apache-2.0
"""A toy trainer with one peculiarity, right or wrong, for the tests of `pbt check`.

    python3 made_trainer.py WORD

It minimises a noisy quadratic by gradient descent with momentum. WORD is `plain`, or one that
appears below where the peculiarity is; test_made_trainers.c says which are right.
"""
import copy
import json
import os
import random
import socket
import sys
import time

WORD = sys.argv[1]


def declare_files_only():
    """Say in the hello that this process starts from files only."""
    send = socket.socket.sendall

    def sendall(self, data, *rest):
        if b'"hello"' in data:
            data = json.dumps(dict(json.loads(data), keep=False)).encode() + b"\n"
        return send(self, data, *rest)

    socket.socket.sendall = sendall


def become_two_ranks():
    """Start the other rank, with the environment that launchers set."""
    if "PBT_RANK" not in os.environ:
        os.environ.update(PBT_RANK="0", PBT_RANKS="2")
        if os.fork() == 0:
            os.environ["PBT_RANK"] = "1"


class Net:
    """Weights, optimiser, scheduler."""

    def __init__(self, lr):
        if WORD == "lr_ignored":
            lr = 0.01
        self.weights = [random.gauss(0, 1) for _ in range(8)]
        self.velocity = [0.0] * 8
        self.lr = self.base = lr

    def step(self, momentum, lr):
        for i, weight in enumerate(self.weights):
            gradient = weight - 1.0 + random.gauss(0, 0.1)
            self.velocity[i] = momentum * self.velocity[i] + gradient
            self.weights[i] -= lr * self.velocity[i]

    def score(self, task):
        loss = sum((weight - 1.0) ** 2 for weight in self.weights)
        if WORD == "score_constant":
            return 0.5
        if WORD == "tied_scores" or WORD == "tied_optimizer_not_saved":
            return round(-loss / 4.0) * 4.0
        if WORD == "noisy_score":
            return -loss + random.SystemRandom().gauss(0, 0.1)
        if WORD == "seeded_noise":
            return -loss + random.Random(task.seed).gauss(0, 0.1)
        return -loss

    def save(self, folder, task):
        state = {"weights": self.weights, "velocity": self.velocity, "base": self.base}
        if WORD in ("optimizer_not_saved", "tied_optimizer_not_saved"):
            del state["velocity"]
        if WORD == "weights_not_saved":
            del state["weights"]
        if WORD == "generators_restored":
            state["generator"] = random.getstate()
        if WORD == "says_more":
            state["seed"], state["last_loss"] = str(task.seed), len(task.steps) or None
        if WORD != "saves_nothing":
            name = f"net-{time.time_ns()}.json" if WORD == "own_name" else "net.json"
            (folder / name).write_text(json.dumps(state), encoding="utf-8")

    def load(self, folder):
        if WORD == "wrong_folder":
            folder = max(folder.parent.parent.glob("**/net.json"), key=os.path.getmtime).parent
        for file in folder.glob("net*.json"):
            state = json.loads(file.read_text(encoding="utf-8"))
            self.weights = state.get("weights", self.weights)
            self.velocity = state.get("velocity", self.velocity)
            self.base = state["base"]
            if "generator" in state:
                version, inner, extra = state["generator"]
                random.setstate((version, tuple(inner), extra))


def begin(task, net):
    """Weights for the task, generators seeded."""
    seed = 1 if WORD == "seed_ignored" else task.seed
    if task.start != "keep" or WORD == "keep_is_fresh":
        random.seed(seed)
        net = Net(task.hp["lr"])
    if task.load and not (WORD == "initial_ignored" and task.start == "fresh"):
        if WORD != "load_ignored":
            net.load(task.load)
    if WORD != "generators_restored" or task.start == "fresh":
        random.seed(seed)
    return net


def rate(task, net, step):
    """The learning rate of a step, from 1 on."""
    lr = task.hp["lr"]
    if WORD in ("lr_ignored", "lr_ignored_but_saved"):
        return 0.01
    if WORD in ("lr_ignored_after_load", "in_force_lies"):
        return net.base
    if WORD == "scheduler_rebuilt":
        return lr * 0.99 ** (task.age + step - 1)
    if WORD == "restored_scheduler":  # what was set acts until the scheduler's first step
        return lr if step == 1 else net.base * 0.99 ** (task.age + step - 1)
    if WORD == "restored_one_cycle":
        return net.base * min(1.0, (task.age + step) / 100)
    if WORD == "one_cycle":
        if task.age + step > task.max_age:
            raise RuntimeError("the cycle has ended")
        return lr * min(1.0, (task.age + step) / 100)
    return lr


def train(task, net):
    """One segment."""
    if WORD in ("lr_ignored_after_load", "in_force_lies") and task.start == "fresh":
        net.base = task.hp["lr"]
    count = 10 if WORD == "steps_ignored" and task.steps else len(task.steps)
    for step in range(1, count + 1):
        net.step(task.hp["momentum"], rate(task, net, step))
    if WORD == "evaluation_trains":
        net.step(task.hp["momentum"], task.hp["lr"])


def main():
    """Take tasks."""
    if WORD == "slow_start":
        time.sleep(0.3)
    if WORD == "declines_keep":
        declare_files_only()
    if WORD == "two_ranks":
        become_two_ranks()
    import pbt
    net = None
    for task in pbt.tasks():
        net = begin(task, net)
        train(task, net)
        if WORD != "no_in_force":
            task.in_force(lr=task.hp["lr"], momentum=task.hp["momentum"])
        if task.save and task.rank == 0:
            net.save(task.save, task)
        task.report(copy.copy(net).score(task))


main()
