# SPDX-License-Identifier: Apache-2.0
"""The toy of figure 2 of "Population Based Training of Neural Networks" (arXiv:1711.09846).

The "network" is two numbers a and b, both 0.9 at first. Training climbs the surrogate
1.2 - (h0 a^2 + h1 b^2) with the learning rate 0.01; the score is Q = 1.2 - (a^2 + b^2), which has
no h in it. docs/figure2.md says what comes out; examples/figure2.c is the same with the C API.
"""

import json

import pbt

RATE = 0.01


def main():
    state = None
    for task in pbt.tasks():
        if task.start == "fresh":
            state = {"a": 0.9, "b": 0.9}
        if task.load:  # also a study's initial checkpoint
            state = json.loads((task.load / "state.json").read_text())
        for step in task.steps:
            state["a"] -= RATE * 2.0 * task.hp["h0"] * state["a"]
            state["b"] -= RATE * 2.0 * task.hp["h1"] * state["b"]
            task.progress(step)
        if task.save:
            (task.save / "state.json").write_text(json.dumps(state))
        task.report(1.2 - (state["a"] ** 2 + state["b"] ** 2))


if __name__ == "__main__":
    main()
