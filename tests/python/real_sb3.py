# SPDX-License-Identifier: Apache-2.0
"""real_sb3.py - pbt.sb3 with the real Stable-Baselines3: checks, values in force, wrong use."""

import unittest

from adapter_lab import AdapterCase, need

need("torch", "stable_baselines3")

VALUES = {"lr": 0.001, "clip": 0.2, "entropy": 0.01, "lambda": 0.95}
PROGRAM = """
import torch, pbt.sb3
from stable_baselines3 import DQN, PPO, SAC
torch.set_num_threads(1)
def linear(left):
    return 0.001 * left
def make():
    return ALGORITHM
pbt.sb3.run(make, evaluate=lambda model: VALUE, tuned=TUNED)
"""
PPO = "PPO('MlpPolicy', 'CartPole-v1', n_steps=32, batch_size=16, device='cpu'"


def program(algorithm=PPO + ")", tuned='{"lr": "learning_rate"}', value="1"):
    return (PROGRAM.replace("ALGORITHM", algorithm).replace("TUNED", tuned)
            .replace("VALUE", value))


class StableBaselines(AdapterCase):
    def test_check_finds_nothing_wrong(self):
        # Few rollouts do not reach the clip range, and the score moves in whole episodes.
        self.check_example("sb3", "--steps", "2048", allowed=("effect (clip)", "effect (entropy)"))

    def test_hot_equals_reloaded(self):
        self.hot_equals_reloaded("sb3", VALUES, 512, {"lr": 0.01, "clip": 0.1, "lambda": 0.8})

    def test_what_is_handed_over_is_in_the_live_algorithm(self):
        value = ("[model.policy.optimizer.param_groups[0]['lr'], model.clip_range(0.3), "
                 "model.rollout_buffer.gamma, model.gamma, model.ent_coef]")
        self.start(program(value=value, tuned='{"lr": "learning_rate", "clip": "clip_range", '
                                              '"g": "gamma", "e": "ent_coef"}'))
        one = self.worker.make_folder("one")
        values = {"lr": 0.25, "clip": 0.5, "g": 0.75, "e": 0.125}
        live = [0.25, 0.5, 0.75, 0.75, 0.125]
        done = self.peer.run(steps=32, hyperparameters=values, save=one)
        self.assertEqual((done.get("scores"), done.get("in_force")), (live, values), done)
        values["lr"] = live[0] = 0.5
        values["g"] = live[2] = live[3] = 0.5
        for changes in ({"start": "keep"}, {"start": "load", "load": one}):
            done = self.peer.run(steps=64, hyperparameters=values, **changes)
            self.assertEqual((done["scores"], done["in_force"]), (live, values))
        self.assertEqual(self.peer.run(steps=0, start="keep", hyperparameters=values)["scores"],
                         live)

    def test_off_policy_keeps_its_replay_buffer_and_counters(self):
        algorithm = ("DQN('MlpPolicy', 'CartPole-v1', buffer_size=500, learning_starts=20, "
                     "device='cpu')")
        self.start(program(algorithm, value="[model.replay_buffer.size(), model._n_calls]"))
        one = self.worker.make_folder("one")
        self.assertEqual(self.peer.run(steps=100, save=one)["scores"], [100, 100])
        self.assertEqual(self.peer.run(steps=40)["scores"], [40, 40])
        done = self.peer.run(steps=20, start="load", load=one)
        self.assertEqual(done["scores"], [120, 120])

    def test_wrong_use_is_refused_by_name(self):
        sac = "SAC('MlpPolicy', 'Pendulum-v1', device='cpu')"
        cases = (
                ({}, "a segment of 33 steps is no multiple of n_steps * n_envs = 32 * 1: SB3 would "
                     "train 64"),
                ({"algorithm": PPO + ", learning_rate=linear)"}, "learning_rate is a schedule"),
                ({"algorithm": PPO + ", clip_range=linear)"}, "clip_range is a schedule"),
                ({"tuned": '{"lr": "n_steps"}'}, '"n_steps" shapes what is built'),
                ({"tuned": '{"lr": "learning_rat"}'}, 'nearest: "learning_rate"'),
                ({"algorithm": sac, "tuned": '{"lr": "ent_coef"}'}, "is learned by the algorithm"),
                ({"algorithm": "DQN('MlpPolicy', 'CartPole-v1', train_freq=(1, 'episode'))"},
                 "train_freq counts episodes"),
                ({"algorithm": "3"}, "make returned a int, not an algorithm"))
        self.refuse_each("pbt.sb3, stable_baselines3",
                         [(program(**parts), text) for parts, text in cases], steps=33)


if __name__ == "__main__":
    unittest.main(verbosity=2)
