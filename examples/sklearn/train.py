# SPDX-License-Identifier: Apache-2.0
"""scikit-learn with pbt.state: a linear classifier by partial_fit (package: scikit-learn)."""
import pickle

import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

import pbt.state


def build():
    return SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01, alpha=1e-4)


def save(folder, model):
    model.random_state = None     # no state of a generator: a clone would repeat its donor's draws
    (folder / "model.pkl").write_bytes(pickle.dumps(vars(model)))


def load(folder, model):
    vars(model).clear()           # what was learned since is not in the checkpoint
    vars(model).update(pickle.loads((folder / "model.pkl").read_bytes()))


def main():
    x, y = load_digits(return_X_y=True)
    state = pbt.state.State(build, save=save, load=load, tuned={"eta0": "eta0", "alpha": "alpha"})
    for task in pbt.tasks():
        model = state.begin(task)
        model.random_state = task.seed % 2**32
        for step in task.steps:
            chosen = numpy.random.randint(1200, size=50)     # the other 597 are for the score
            model.partial_fit(x[chosen] / 16, y[chosen], classes=range(10))
            task.progress(step)
        fitted = hasattr(model, "coef_")
        state.end(task, model.score(x[1200:] / 16, y[1200:]) if fitted else 0.1)


if __name__ == "__main__":
    main()
