# SPDX-License-Identifier: Apache-2.0
"""LightGBM with pbt.state: trees are added, a step is a tree (packages: lightgbm, scikit-learn)."""
import types

import lightgbm
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss

import pbt.state


def build():
    return types.SimpleNamespace(booster=None, params={
        "objective": "binary", "num_threads": 1, "verbose": -1, "deterministic": True,
        "bagging_freq": 1, "learning_rate": 0.1, "bagging_fraction": 1.0, "num_leaves": 15})


def save(folder, model):
    if model.booster is not None:
        model.booster.save_model(folder / "trees.txt")


def load(folder, model):
    file = folder / "trees.txt"
    model.booster = lightgbm.Booster(model_file=file) if file.exists() else None


def main():
    x, y = load_breast_cancer(return_X_y=True)
    state = pbt.state.State(build, save=save, load=load, tuned={
        "lr": "params.learning_rate", "bagging": "params.bagging_fraction",
        "leaves": "params.num_leaves"})
    for task in pbt.tasks():
        model = state.begin(task)
        if task.steps:      # a new Dataset each time: init_model changes the one that it is given
            model.booster = lightgbm.train(
                {**model.params, "seed": task.seed % 2**31}, lightgbm.Dataset(x[:300], y[:300]),
                len(task.steps), init_model=model.booster,
                callbacks=[lambda env: task.progress(env.iteration - env.begin_iteration + 1)])
        chance = model.booster.predict(x[300:]) if model.booster else [0.5] * len(y[300:])
        state.end(task, log_loss(y[300:], chance))


if __name__ == "__main__":
    main()
