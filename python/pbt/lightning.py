# SPDX-License-Identifier: Apache-2.0
"""Lightning: a LightningModule as a trainer.

::

    import pbt.lightning

    if __name__ == "__main__":
        pbt.lightning.run(make_module, datamodule, score="acc",
                          tuned={"lr": "opt.lr", "dropout": "module.drop.p"})

A step of the study is a step of the optimiser (`global_step`). Each segment is a `fit` of its own.
Lightning calls `configure_optimizers` in every fit and can resume from a file only; so the state of
the optimisers is kept here, and restored and set at `on_train_start`, which also serves a member
that goes on with the weights in memory.
"""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping

import torch

import pbt
import pbt.torch
from pbt import state as _state

__all__ = ["State", "run"]

FILE = "state.pt"


def _package(module: Any) -> Any:
    """The package that a LightningModule is of: `lightning.pytorch` or `pytorch_lightning`, whose
    classes are not the same. None if it is no LightningModule."""
    for kind in type(module).__mro__:
        if kind.__name__ == "LightningModule":
            return importlib.import_module(kind.__module__.split(".core")[0])
    return None


class State(pbt.torch.State):
    """A LightningModule and its optimisers as a state; `run` is the usual way to use it.

    Names: `module`, and of the optimisers `opt`, or `opt0`, `opt1`, ... where there are several.
    """

    def __init__(self, make: Callable[..., Any], tuned: Mapping[str, _state.Where]) -> None:
        super().__init__(make, tuned, names=["module"])
        self._optimizers: List[Any] | None = None  # states after the last fit or restore

    @property
    def module(self) -> Any:
        return self._objects["module"]

    def names_of(self, result: Any) -> Dict[str, Any]:
        self._lightning = _package(result)
        if self._lightning is None:
            raise pbt.ConfigError(f"make returned a {type(result).__name__}, not a LightningModule")
        return {"module": result}

    def check_built(self) -> None:
        self._optimizers = None
        self._objects = {"module": self._objects["module"], **self._made_optimizers()}
        super().check_built()

    def _made_optimizers(self) -> Dict[str, Any]:
        """What configure_optimizers makes, by name; refuses schedulers."""
        made = self.module.configure_optimizers()
        if isinstance(made, (list, tuple)) and len(made) == 2 and isinstance(made[0], list):
            _no_scheduler(bool(made[1]))
            made = made[0]
        found = []
        for one in made if isinstance(made, (list, tuple)) else [made]:
            if isinstance(one, dict):
                _no_scheduler("lr_scheduler" in one)
                one = one.get("optimizer")
            found.append(one)
        if not found or not all(isinstance(one, torch.optim.Optimizer) for one in found):
            raise pbt.ConfigError("configure_optimizers returned no optimiser")
        if not self.module.automatic_optimization and len(found) > 1:
            raise pbt.ConfigError("several optimisers under manual optimisation: Lightning counts "
                                  "a step of each, so the steps of a segment are not comparable")
        return {"opt" if len(found) == 1 else f"opt{i}": one for i, one in enumerate(found)}

    # -------- one task --------

    def adopt(self, optimizers: List[Any]) -> None:
        """At on_train_start: these are the live optimisers; restore them and set what is tuned."""
        names = [name for name in self._objects if name != "module"]
        self._objects.update(zip(names, optimizers))
        if self._optimizers is not None:
            for optimizer, saved in zip(optimizers, self._optimizers):
                optimizer.load_state_dict(copy.deepcopy(saved))
        for name, value in self._set.items():
            self._put(name, value)

    def train(self, task: pbt.Task, data: Any, options: Mapping[str, Any]) -> None:
        """One fit of len(task.steps) steps; none: nothing is done."""
        if len(task.steps) == 0:
            return
        module = self.module
        trainer = self._lightning.Trainer(**{
            **_quiet(options), "max_steps": len(task.steps), "max_epochs": -1,
            "limit_val_batches": 0, "num_sanity_val_steps": 0,
            "callbacks": [*options.get("callbacks", []), self._callback(task)]})
        trainer.fit(module, datamodule=data)
        if trainer.global_step != len(task.steps):
            raise pbt.ConfigError(f"the Trainer stopped after {trainer.global_step} of "
                                  f"{len(task.steps)} steps")
        self._optimizers = [copy.deepcopy(one.state_dict()) for one in trainer.optimizers]

    def _callback(self, task: pbt.Task) -> Any:
        state = self

        def on_train_start(callback: Any, trainer: Any, module: Any) -> None:
            state.adopt(trainer.optimizers)
            pbt.seed_all(task.seed)  # making loaders and optimisers may have drawn

        def on_train_batch_end(callback: Any, trainer: Any, module: Any, outputs: Any,
                               *batch: Any) -> None:
            if trainer.global_step > 0:  # 0: gradients are being accumulated
                loss = outputs.get("loss") if isinstance(outputs, dict) else None
                task.progress(trainer.global_step, loss=loss)

        return type("PbtCallback", (self._lightning.Callback,), {
            "on_train_start": on_train_start, "on_train_batch_end": on_train_batch_end})()

    def validate(self, data: Any, options: Mapping[str, Any]) -> Dict[str, Any]:
        """What the module logs in its validation steps."""
        trainer = self._lightning.Trainer(**_quiet(options))
        results = trainer.validate(self.module, datamodule=data, verbose=False)
        return {key: value for result in results for key, value in result.items()}

    # -------- checkpoints --------

    def _states(self) -> List[Any]:
        if self._optimizers is not None:
            return self._optimizers
        return [value.state_dict() for name, value in self._objects.items() if name != "module"]

    def snapshot(self) -> Any:
        return copy.deepcopy({"module": self.module.state_dict(), "optimizers": self._states()})

    def restore_snapshot(self, copy: Any) -> None:
        self.module.load_state_dict(copy["module"])
        self._optimizers = copy["optimizers"]
        live = [value for name, value in self._objects.items() if name != "module"]
        for optimizer, saved in zip(live, copy["optimizers"]):
            optimizer.load_state_dict(saved)

    def save(self, folder: Path) -> None:
        torch.save({"module": self.module.state_dict(), "optimizers": self._states()},
                   folder / FILE)


def _no_scheduler(there: bool) -> None:
    if there:
        raise pbt.ConfigError(
            "configure_optimizers returns a scheduler: it would start again in every segment. "
            "Return the optimiser alone, and use strategy.decay of the spec")


def _quiet(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The options of a Trainer that leaves saving, logging and stopping to pbt."""
    for callback in options.get("callbacks", []):
        name = type(callback).__name__
        if "EarlyStopping" in name:
            raise pbt.ConfigError("EarlyStopping would end a segment before its steps")
        if "Checkpoint" in name:
            raise pbt.ConfigError(f"{name} would save beside pbt, which saves every segment")
    for name in ("max_steps", "max_epochs", "limit_val_batches", "num_sanity_val_steps"):
        if name in options:
            raise pbt.ConfigError(f'trainer: "{name}" is set by pbt, for each segment')
    return {"enable_checkpointing": False, "logger": False, "enable_progress_bar": False,
            "enable_model_summary": False, **options}


def run(make: Callable[..., Any], data: Any, *, score: str,
        tuned: Mapping[str, _state.Where], trainer: Mapping[str, Any] | None = None) -> None:
    """Be a trainer: serve the tasks of the worker with a LightningModule.

    make: returns the module, `make()` or `make(task)`; its optimisers have no scheduler.
    data: a LightningDataModule with train_dataloader and val_dataloader.
    score: the name under which the module logs the score in its validation steps.
    tuned: as for `pbt.torch.State`, with the names `module` and `opt`.
    trainer: further arguments of lightning's Trainer, such as {"accelerator": "gpu"}.
    """
    state = State(make, tuned)
    options = dict(trainer or {})
    for task in pbt.tasks():
        state.begin(task)
        state.train(task, data, options)
        metrics = state.validate(data, options)
        if score not in metrics:
            raise pbt.ConfigError(f'the module logs no "{score}" in validation '
                                  f"(it logs: {', '.join(metrics) or 'nothing'})")
        state.end(task, metrics.pop(score), **metrics)
