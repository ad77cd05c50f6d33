# SPDX-License-Identifier: Apache-2.0
r"""A complete trainer in plain Python: logistic regression by stochastic gradient descent.

It shows what a trainer has to do, and nothing else: build or restore, set the hyperparameters after
restoring, train, save, report. `pbt run python.yaml` starts it; alone it is tried with

    PYTHONPATH=../../python python3 train.py --steps 200 --lr 0.1 --momentum 0.9 \
        --decay 1e-4

The data are made here, always the same, with a few labels wrong; the score is the accuracy on
points that training never sees.
"""

import json
import math
import random

import pbt

FEATURES = 10
BATCH = 10


def make_points(count, seed):
    """Points around a plane; one label in ten is wrong."""
    rng = random.Random(seed)
    points = []
    for _ in range(count):
        x = [rng.gauss(0.0, 1.0 + 2.0 * (i % 3)) for i in range(FEATURES)]
        side = sum(value * (-1) ** i for i, value in enumerate(x)) > 1.0
        points.append((x + [1.0], float(side != (rng.random() < 0.1))))
    return points


def probability(weights, x):
    return 0.5 + 0.5 * math.tanh(0.5 * sum(w * value for w, value in zip(weights, x)))


def train_step(state, points, rng, lr, momentum, decay):
    """One minibatch; returns its mean loss."""
    loss = 0.0
    gradient = [decay * w for w in state["weights"]]
    for x, label in rng.sample(points, BATCH):
        p = probability(state["weights"], x)
        loss -= math.log(max(p if label else 1.0 - p, 1e-12)) / BATCH
        for i, value in enumerate(x):
            gradient[i] += (p - label) * value / BATCH
    for i, slope in enumerate(gradient):
        state["velocity"][i] = momentum * state["velocity"][i] - lr * slope
        state["weights"][i] += state["velocity"][i]
    return loss


def accuracy(state, points):
    right = sum((probability(state["weights"], x) > 0.5) == (label > 0.5) for x, label in points)
    return right / len(points)


def main():
    state, training, held_out = None, None, None
    for task in pbt.tasks():
        if training is None:  # once in the life of the process
            training = make_points(task.fixed.get("points", 1000), seed=1)
            held_out = make_points(2000, seed=2)
        if task.load:  # weights and velocity: what the optimiser remembers is part of the state
            state = json.loads((task.load / "state.json").read_text())
        elif task.start == "fresh":
            state = {"weights": [0.0] * (FEATURES + 1), "velocity": [0.0] * (FEATURES + 1)}
        rng = random.Random(task.seed)  # of this segment: a clone draws other batches
        lr, momentum, decay = task.hp["lr"], task.hp["momentum"], task.hp["decay"]
        for step in task.steps:
            loss = train_step(state, training, rng, lr, momentum, decay)
            task.progress(step, loss=loss)
        task.in_force(lr=lr, momentum=momentum, decay=decay)
        if task.save:
            (task.save / "state.json").write_text(json.dumps(state))
        task.report(accuracy(state, held_out))


if __name__ == "__main__":
    main()
