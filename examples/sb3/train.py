# SPDX-License-Identifier: Apache-2.0
"""Stable-Baselines3 with pbt.sb3: PPO balances a pole (package: stable-baselines3)."""
import torch
from stable_baselines3 import PPO

import pbt.sb3


def make():
    return PPO("MlpPolicy", "CartPole-v1", n_steps=256, batch_size=64, n_epochs=4, device="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    pbt.sb3.run(make, evaluate=10, tuned={"lr": "learning_rate", "clip": "clip_range",
                                          "entropy": "ent_coef", "lambda": "gae_lambda"})
