# SPDX-License-Identifier: Apache-2.0
"""Stable-Baselines3: an algorithm as a trainer.

::

    import pbt.sb3
    from stable_baselines3 import PPO

    if __name__ == "__main__":
        pbt.sb3.run(lambda: PPO("MlpPolicy", "CartPole-v1", n_steps=256),
                    tuned={"lr": "learning_rate", "clip": "clip_range"}, evaluate=20)

A step of the study is a step of the environment, summed over the environments of the algorithm.
What SB3 itself does between two calls of `learn` does not fit and is taken away: `PPO.load` brings
the old learning rate and clip range back, the rollout buffer keeps copies of gamma and gae_lambda,
the running episode is in no checkpoint (each segment begins with a reset).
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.type_aliases import TrainFrequencyUnit
from stable_baselines3.common.utils import FloatSchedule
from stable_baselines3.common.vec_env import unwrap_vec_normalize

import pbt
from pbt import state as _state

__all__ = ["State", "run"]

FILE = "model.pt"
BUFFER = "replay_buffer.pkl"
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num")
SCHEDULES = ("clip_range", "clip_range_vf")
SHAPES = ("n_steps", "buffer_size", "policy_kwargs", "train_freq", "n_envs")
SEED_LIMIT = 1 << 32  # gym and numpy take 32 bits, a task has 64


def _optimizers(model: Any) -> List[Any]:
    """All optimisers whose learning rate SB3 sets."""
    found = []
    for holder in (model.policy, getattr(model, "actor", None), getattr(model, "critic", None)):
        optimizer = getattr(holder, "optimizer", None)
        if optimizer is not None:
            found.append(optimizer)
    entropy = getattr(model, "ent_coef_optimizer", None)
    return found + ([entropy] if entropy is not None else [])


def _find(model: Any, name: str) -> Any:
    for part in name.split("."):
        model = getattr(model, part)
    return model


class State(_state.State):
    """An SB3 algorithm as a state; `run` is the usual way to use it."""

    def __init__(self, make: Callable[..., BaseAlgorithm], tuned: Mapping[str, _state.Where], *,
                 replay_buffer: bool = True) -> None:
        super().__init__(make, tuned, names=["model"])
        self._replay_buffer = replay_buffer

    @property
    def model(self) -> Any:
        return self._objects["model"]

    def names_of(self, result: Any) -> Dict[str, Any]:
        if not isinstance(result, BaseAlgorithm):
            raise pbt.ConfigError(f"make returned a {type(result).__name__}, not an algorithm of "
                                  "stable_baselines3")
        return {"model": result}

    def check_built(self) -> None:
        model = self.model
        if model.env is None:
            raise pbt.ConfigError("make returned an algorithm without an environment")
        if callable(model.learning_rate):
            raise pbt.ConfigError(
                "learning_rate is a schedule: SB3 would run it to its end in every segment. Give a "
                "number, and use strategy.decay of the spec")
        for name in SCHEDULES:
            schedule = getattr(model, name, None)
            if schedule is not None and len({schedule(x) for x in (1.0, 0.5, 0.0)}) != 1:
                raise pbt.ConfigError(f"{name} is a schedule: SB3 would run it to its end in every "
                                      "segment. Give a number, and use strategy.decay of the spec")
        for name, where in self._tuned.items():
            if not isinstance(where, str):
                continue
            if where in SHAPES:
                raise pbt.ConfigError(
                    f'tuned: "{where}" shapes what is built: read task.hp["{name}"] in make(task) '
                    "and make it frozen in the spec")
            if where == "ent_coef" and getattr(model, "ent_coef_optimizer", None) is not None:
                raise pbt.ConfigError('tuned: "ent_coef" is learned by the algorithm ("auto"): '
                                      "give a number to make")
            self.get(where)

    def check_steps(self, steps: int) -> None:
        """SB3 rounds `learn` up to whole rollouts; a segment that is none would train too much."""
        model = self.model
        if isinstance(model, OnPolicyAlgorithm):
            whole = model.n_steps * model.n_envs
            what = f"n_steps * n_envs = {model.n_steps} * {model.n_envs}"
        elif isinstance(model, OffPolicyAlgorithm):
            model._convert_train_freq()
            frequency: Any = model.train_freq
            if frequency.unit != TrainFrequencyUnit.STEP:
                raise pbt.ConfigError("train_freq counts episodes, so the steps of a segment are "
                                      "not known before: let it count steps")
            whole = frequency.frequency * model.n_envs
            what = f"train_freq * n_envs = {frequency.frequency} * {model.n_envs}"
        else:
            return
        if steps % whole != 0:
            raise pbt.ConfigError(f"a segment of {steps} steps is no multiple of {what}: SB3 would "
                                  f"train {-(-steps // whole) * whole}. Change steps and ready")

    # -------- values --------

    def split(self, path: str) -> Any:
        return self.model, path.split(".")

    def get(self, path: str) -> Any:
        model = self.model
        if path == "learning_rate":
            given = model.lr_schedule(model._current_progress_remaining)
            rates = [group["lr"] for one in _optimizers(model) for group in one.param_groups]
            # Optimisers get the rate when training begins, so before that the schedule counts.
            wrong = [rate for rate in rates if not _state.same(given, rate)]
            return wrong[0] if wrong and self._trained else given
        if path in SCHEDULES:
            return _state._get(model, path, path)(model._current_progress_remaining)
        if path == "ent_coef" and hasattr(model, "ent_coef_tensor"):
            return model.ent_coef_tensor.item()
        if path in ("gamma", "gae_lambda") and hasattr(model, "rollout_buffer"):
            return getattr(model.rollout_buffer, path)
        return super().get(path)

    def set(self, path: str, value: Any) -> None:
        model = self.model
        self.get(path)
        if path == "learning_rate":
            model.learning_rate = value
            model._setup_lr_schedule()
            for optimizer in _optimizers(model):
                for group in optimizer.param_groups:
                    group["lr"] = value
            return
        if path in SCHEDULES:
            setattr(model, path, FloatSchedule(float(value)))
            return
        super().set(path, value)
        if path == "ent_coef" and hasattr(model, "ent_coef_tensor"):
            model.ent_coef_tensor.fill_(value)
        if path in ("gamma", "gae_lambda") and hasattr(model, "rollout_buffer"):
            setattr(model.rollout_buffer, path, value)

    # -------- one task --------

    def begin(self, task: pbt.Task) -> Any:
        self._trained = False
        model = super().begin(task)
        seed = task.seed % SEED_LIMIT
        model._last_obs = None  # the running episode is in no checkpoint: reset at the next learn
        model._last_original_obs = None
        model.ep_info_buffer = model.ep_success_buffer = None
        model.set_random_seed(seed)
        return model

    _trained = False

    def train(self, task: pbt.Task) -> None:
        """Train for the steps of the task; none: nothing is done."""
        if len(task.steps) == 0:
            return
        self.check_steps(len(task.steps))
        model = self.model
        model.learn(len(task.steps), callback=_Progress(task, model.num_timesteps),
                    reset_num_timesteps=False, log_interval=None)
        self._trained = True

    # -------- checkpoints --------

    def snapshot(self) -> Any:
        model = self.model
        _, variables = model._get_torch_save_params()
        normalize = unwrap_vec_normalize(model.env)
        return {
            "parameters": model.get_parameters(),
            "variables": {name: _find(model, name).detach().cpu() for name in variables or []},
            "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
            "normalize": None if normalize is None else pickle.dumps(
                (normalize.obs_rms, normalize.ret_rms)),
        }

    def restore_snapshot(self, copy: Any) -> None:
        model = self.model
        model.set_parameters(copy["parameters"], exact_match=True)
        with torch.no_grad():
            for name, value in copy["variables"].items():
                _find(model, name).copy_(value)
        for name, value in copy["counters"].items():
            setattr(model, name, value)
        normalize = unwrap_vec_normalize(model.env)
        if normalize is not None and copy["normalize"] is not None:
            normalize.obs_rms, normalize.ret_rms = pickle.loads(copy["normalize"])

    def save(self, folder: Path) -> None:
        torch.save(self.snapshot(), folder / FILE)
        if self._replay_buffer and getattr(self.model, "replay_buffer", None) is not None:
            self.model.save_replay_buffer(folder / BUFFER)

    def load(self, folder: Path) -> None:
        self.restore_snapshot(torch.load(folder / FILE, map_location="cpu", weights_only=True))
        if (folder / BUFFER).exists():
            self.model.load_replay_buffer(folder / BUFFER, truncate_last_traj=False)


class _Progress(BaseCallback):
    """Tells the worker what is done, with the mean reward of the last episodes."""

    def __init__(self, task: pbt.Task, before: int) -> None:
        super().__init__()
        self._task, self._before = task, before

    def _on_step(self) -> bool:
        infos = self.model.ep_info_buffer
        reward = sum(info["r"] for info in infos) / len(infos) if infos else None
        done = min(self.num_timesteps - self._before, len(self._task.steps))
        self._task.progress(max(done, 1), reward=reward)
        return True


def run(make: Callable[..., BaseAlgorithm], tuned: Mapping[str, _state.Where], *,
        evaluate: int | Callable[[Any], Any] = 20,
        evaluate_in: Callable[[], Any] | None = None, evaluate_seed: int = 0,
        replay_buffer: bool = True) -> None:
    """Be a trainer: serve the tasks of the worker with an algorithm of Stable-Baselines3.

    make: returns the algorithm with its environment, `make()` or `make(task)`.
    tuned: for each hyperparameter the argument of the algorithm, such as "learning_rate",
        "clip_range", "ent_coef", "gamma", "gae_lambda", "batch_size", "n_epochs", "tau".
    evaluate: the number of episodes whose returns are the scores, without exploration; or a
        function of the algorithm that returns the score.
    evaluate_in: makes the environment for that; default: the training environment.
    evaluate_seed: the environment is seeded with it, so that all members meet the same episodes.
    replay_buffer: off-policy algorithms save their replay buffer with each checkpoint (without it a
        member that continues from a checkpoint begins with an empty one).

    A segment's steps must be a multiple of n_steps * n_envs (on-policy) or of train_freq * n_envs.
    """
    state = State(make, tuned, replay_buffer=replay_buffer)
    environment = None
    for task in pbt.tasks():
        model = state.begin(task)
        state.train(task)
        if callable(evaluate):
            score = evaluate(model)
        else:
            if environment is None:
                environment = evaluate_in() if evaluate_in is not None else model.get_env()
            score = _episodes(model, environment if evaluate_in is not None else model.get_env(),
                              evaluate, evaluate_seed)
        state.end(task, score)


def _episodes(model: Any, environment: Any, count: int, seed: int) -> List[float]:
    """The returns of `count` episodes, in an environment that learns nothing from them."""
    normalize = unwrap_vec_normalize(environment) if hasattr(environment, "num_envs") else None
    if hasattr(environment, "num_envs"):
        environment.seed(seed)
    else:
        environment.reset(seed=seed)
    training, norm_reward = (normalize.training, normalize.norm_reward) if normalize else (0, 0)
    if normalize is not None:
        normalize.training = normalize.norm_reward = False
    returns, _ = evaluate_policy(model, environment, n_eval_episodes=count, deterministic=True,
                                 return_episode_rewards=True, warn=False)
    if normalize is not None:
        normalize.training, normalize.norm_reward = bool(training), bool(norm_reward)
    return [float(value) for value in returns]
