# SPDX-License-Identifier: Apache-2.0
"""Hugging Face transformers: a Trainer as a trainer of pbt.

::

    import pbt.transformers

    if __name__ == "__main__":
        pbt.transformers.run(make_trainer, score="eval_accuracy",
                             tuned={"lr": "learning_rate", "dropout": "model:hidden_dropout_prob"})

`make_trainer` returns a `transformers.Trainer` whose `lr_scheduler_type` is "constant"; a step of
the study is a step of its optimiser. Its own checkpoints are not used: they restore the state of
the random generators (clones would repeat their donor) and a scheduler with its old learning rate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Tuple

import torch
import transformers

import pbt
from pbt import state as _state

__all__ = ["State", "run"]

FILE = "state.pt"
SEED_LIMIT = 1 << 32
IN_GROUPS = {"learning_rate": "lr", "weight_decay": "weight_decay", "adam_epsilon": "eps"}
BETAS = {"adam_beta1": 0, "adam_beta2": 1}
READ_LIVE = ("max_grad_norm", "per_device_train_batch_size", "label_smoothing_factor")


class State(_state.State):
    """A transformers.Trainer as a state; `run` is the usual way to use it."""

    def __init__(self, make: Callable[..., Any], tuned: Mapping[str, _state.Where]) -> None:
        super().__init__(make, tuned, names=["trainer"])
        self._places: Dict[str, List[Tuple[Any, str]]] = {}

    @property
    def trainer(self) -> Any:
        return self._objects["trainer"]

    def names_of(self, result: Any) -> Dict[str, Any]:
        if not isinstance(result, transformers.Trainer):
            raise pbt.ConfigError(f"make returned a {type(result).__name__}, not a "
                                  "transformers.Trainer")
        return {"trainer": result}

    # -------- what cannot work --------

    def check_built(self) -> None:
        trainer = self.trainer
        args = trainer.args
        kind = str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type))
        if kind != "constant":
            raise pbt.ConfigError(
                f'lr_scheduler_type is "{kind}": it would run to its end in every segment. Let it '
                'be "constant", and use strategy.decay of the spec')
        if trainer.lr_scheduler is not None:
            raise pbt.ConfigError("optimizers= has a scheduler: it would bring the old learning "
                                  "rate back. Give (optimizer, None), and"
                                  " use strategy.decay of the spec")
        if args.get_warmup_steps(100) != 0:
            raise pbt.ConfigError("warmup_steps is not 0: the warm-up would be repeated in each "
                                  "segment")
        if args.load_best_model_at_end:
            raise pbt.ConfigError("load_best_model_at_end would report one network, save another")
        if args.resume_from_checkpoint:
            raise pbt.ConfigError("resume_from_checkpoint restores random generators and the old "
                                  "learning rate: pbt restores the checkpoint itself")
        if trainer.model_init is not None:
            raise pbt.ConfigError("model_init makes new weights in each segment: give model=")
        for callback in trainer.callback_handler.callbacks:
            if isinstance(callback, transformers.EarlyStoppingCallback):
                raise pbt.ConfigError("EarlyStoppingCallback would end a segment before its steps")
        args.save_strategy = type(args.save_strategy)("no")  # pbt saves
        trainer.create_optimizer()
        self._places = {}
        for where in self._tuned.values():
            if isinstance(where, str):
                self._check_place(where)

    def _check_place(self, where: str) -> None:
        if where.startswith("model:"):
            self._places[where] = self._find_places(where[len("model:"):], where)
        elif where not in IN_GROUPS and where not in BETAS and where not in READ_LIVE:
            known = [*IN_GROUPS, *BETAS, *READ_LIVE]
            raise pbt.ConfigError(f'tuned: "{where}" cannot be changed in a built Trainer '
                                  f'({", ".join(known)}, or "model:NAME" for a value of the '
                                  "model's config)" + _state._nearest(where, known))

    def _find_places(self, name: str, where: str) -> List[Tuple[Any, str]]:
        """Where a value of the config went when the modules were built.

        Two empty models are built from the config, with two values; what differs between them is
        where the value lives. Values that are read from the config in each forward need no more.
        """
        model = self.trainer.model
        config = getattr(model, "config", None)
        if config is None or not hasattr(config, name):
            names = [] if config is None else list(config.to_dict())
            raise pbt.ConfigError(f'tuned: "{where}": the model\'s config has no "{name}"'
                                  + _state._nearest(name, names))
        probes = []
        for value in (0.25, 0.75):
            changed = type(config).from_dict({**config.to_dict(), name: value})
            with torch.device("meta"):
                probes.append(type(model)(changed))
        places = []
        pairs = zip(model.named_modules(), probes[0].modules(), probes[1].modules())
        for (_, module), one, other in pairs:
            for attribute, value in vars(one).items():
                if type(value) in (int, float) and vars(other).get(attribute) != value:
                    places.append((module, attribute))
        return places

    # -------- values --------

    def split(self, path: str) -> Any:
        return self.trainer, path.split(".")

    def get(self, path: str) -> Any:
        trainer = self.trainer
        if path.startswith("model:"):
            given = getattr(trainer.model.config, path[len("model:"):])
            live = [getattr(module, name) for module, name in self._places[path]]
            return next((value for value in live if value != given), given)
        groups = trainer.optimizer.param_groups
        if path == "weight_decay":
            return groups[0]["weight_decay"]
        if path in IN_GROUPS:
            values = [group[IN_GROUPS[path]] for group in groups]
            return next((value for value in values if value != values[0]), values[0])
        if path in BETAS:
            return groups[0]["betas"][BETAS[path]]
        if path == "label_smoothing_factor":
            smoother = trainer.label_smoother
            return smoother.epsilon if smoother is not None else 0.0
        return getattr(trainer.args, path)

    def set(self, path: str, value: Any) -> None:
        trainer = self.trainer
        if path.startswith("model:"):
            setattr(trainer.model.config, path[len("model:"):], value)
            for module, name in self._places[path]:
                setattr(module, name, value)
            return
        setattr(trainer.args, path, value)
        for number, group in enumerate(trainer.optimizer.param_groups):
            if path == "weight_decay":
                if number == 0:  # the other group holds biases and norms, which do not decay
                    group["weight_decay"] = value
            elif path in IN_GROUPS:
                group[IN_GROUPS[path]] = value
                if path == "learning_rate":
                    group["initial_lr"] = value  # the next scheduler begins here
            elif path in BETAS:
                betas = list(group["betas"])
                betas[BETAS[path]] = value
                group["betas"] = tuple(betas)
        if path == "label_smoothing_factor":
            from transformers.trainer_pt_utils import LabelSmoother
            trainer.label_smoother = LabelSmoother(epsilon=value) if value else None

    # -------- one task --------

    def prepare(self) -> None:
        trainer = self.trainer
        trainer.model.train()
        trainer.model.zero_grad(set_to_none=True)

    def train(self, task: pbt.Task) -> None:
        """Train for the steps of the task. None: `train()` is not called, it would train one."""
        trainer = self.trainer
        if len(task.steps) == 0:
            return
        seed = task.seed % SEED_LIMIT
        trainer.args.seed = trainer.args.data_seed = seed
        trainer.accelerator.dataloader_config.data_seed = seed
        trainer.args.max_steps = len(task.steps)
        progress = _Progress(task)
        trainer.add_callback(progress)
        try:
            trainer.train()
        finally:
            trainer.remove_callback(progress)
        if trainer.state.global_step != len(task.steps):
            raise pbt.ConfigError(f"the Trainer stopped after {trainer.state.global_step} of "
                                  f"{len(task.steps)} steps")

    # -------- checkpoints --------

    def snapshot(self) -> Any:
        trainer = self.trainer
        scaler = getattr(trainer.accelerator, "scaler", None)
        return {"model": trainer.model.state_dict(), "optimizer": trainer.optimizer.state_dict(),
                "scaler": scaler.state_dict() if scaler is not None else None}

    def restore_snapshot(self, copy: Any) -> None:
        trainer = self.trainer
        trainer.model.load_state_dict(copy["model"])
        trainer.optimizer.load_state_dict(copy["optimizer"])
        if copy["scaler"] is not None:
            trainer.accelerator.scaler.load_state_dict(copy["scaler"])

    def save(self, folder: Path) -> None:
        torch.save(self.snapshot(), folder / FILE)

    def load(self, folder: Path) -> None:
        self.restore_snapshot(torch.load(folder / FILE, map_location="cpu", weights_only=True))


class _Progress(transformers.TrainerCallback):
    def __init__(self, task: pbt.Task) -> None:
        self._task = task

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        history = [entry["loss"] for entry in state.log_history[-1:] if "loss" in entry]
        self._task.progress(state.global_step, loss=history[-1] if history else None)


def run(make: Callable[..., Any], tuned: Mapping[str, _state.Where], *, score: str) -> None:
    """Be a trainer: serve the tasks of the worker with a transformers.Trainer.

    make: returns the Trainer, `make()` or `make(task)`, with model=, args=, train_dataset= and
        eval_dataset=. Its lr_scheduler_type must be "constant".
    tuned: for each hyperparameter an argument of TrainingArguments ("learning_rate",
        "weight_decay", "adam_beta1", "per_device_train_batch_size", ...)
        or "model:NAME", a number of the model's config, which is set in the config and in all
        modules that were built from it.
    score: the metric of `Trainer.evaluate()` that is the score, such as "eval_loss". The other
        numbers are reported as metrics.
    """
    state = State(make, tuned)
    for task in pbt.tasks():
        trainer = state.begin(task)
        state.train(task)
        metrics: Dict[str, Any] = trainer.evaluate()
        if score not in metrics:
            raise pbt.ConfigError(f'the Trainer reports no metric "{score}" '
                                  f"(there is: {', '.join(metrics)})")
        times = ("runtime", "per_second")
        others = {name: value for name, value in metrics.items()
                  if name != score and not any(word in name for word in times)
                  and isinstance(value, (int, float))}
        state.end(task, metrics[score], **others)
