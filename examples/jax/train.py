# SPDX-License-Identifier: Apache-2.0
"""JAX with pbt.state: a two-layer network fits a wave (packages: jax, numpy)."""
import pickle
import types

import jax
import jax.numpy as jnp

import pbt.state


def build(task):
    first, second = jax.random.split(jax.random.key(task.seed % 2**32))
    params = {"w": jax.random.normal(first, (1, 32)), "b": jnp.zeros(32),
              "v": jax.random.normal(second, (32, 1)) * 0.1}
    velocity = jax.tree.map(jnp.zeros_like, params)
    return types.SimpleNamespace(params=params, velocity=velocity, lr=0.01, momentum=0.9)


def loss(params, x):
    hidden = jnp.tanh(x @ params["w"] + params["b"])
    return jnp.mean((hidden @ params["v"] - jnp.sin(3 * x)) ** 2)


@jax.jit
def update(params, velocity, x, lr, momentum):    # lr and momentum are arguments: no recompilation
    value, slope = jax.value_and_grad(loss)(params, x)
    velocity = jax.tree.map(lambda v, g: momentum * v - lr * g, velocity, slope)
    return jax.tree.map(jnp.add, params, velocity), velocity, value


def save(folder, model):
    arrays = jax.device_get((model.params, model.velocity))
    (folder / "model.pkl").write_bytes(pickle.dumps(arrays))


def load(folder, model):
    model.params, model.velocity = pickle.loads((folder / "model.pkl").read_bytes())


def main():
    state = pbt.state.State(build, save=save, load=load,
                            tuned={"lr": "lr", "momentum": "momentum"})
    for task in pbt.tasks():
        model = state.begin(task)
        key = jax.random.key(task.seed % 2**32)             # JAX has no global generator
        for step in task.steps:
            x = jax.random.uniform(jax.random.fold_in(key, step), (64, 1), minval=-1, maxval=1)
            model.params, model.velocity, value = update(model.params, model.velocity, x,
                                                         model.lr, model.momentum)
            task.progress(step, loss=value)
        state.end(task, loss(model.params, jnp.linspace(-1, 1, 200)[:, None]))


if __name__ == "__main__":
    main()
