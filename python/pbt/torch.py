# SPDX-License-Identifier: Apache-2.0
"""PyTorch: everything that a trainer does around its training, in two calls.

::

    import pbt.torch

    state = pbt.torch.State(build, tuned={"lr": "opt.lr", "dropout": "net.drop.p"})
    for task in pbt.tasks():
        net, opt = state.begin(task)
        for step in task.steps:
            task.progress(step, loss=train_step(net, opt))
        state.end(task, evaluate(net))

`build` returns networks, optimisers, a gradient scaler, an averaged model: what training changes
and has a state_dict. All of it is saved in one file and restored into the objects in memory. What
cannot work is refused by name: a scheduler (restored, it brings the old learning rate back), a
generator (restored, it makes a clone repeat its donor), an object that cannot be saved.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

import torch

import pbt
from pbt import state as _state

__all__ = ["State"]

FILE = "state.pt"


def _is_scheduler(value: Any) -> bool:
    schedulers = torch.optim.lr_scheduler
    kinds = tuple(kind for kind in (getattr(schedulers, "LRScheduler", None),
                                    getattr(schedulers, "_LRScheduler", None),
                                    schedulers.ReduceLROnPlateau) if kind is not None)
    return isinstance(value, kinds)


def _default_name(value: Any) -> str:
    """The name of an object by its kind."""
    if isinstance(value, torch.optim.swa_utils.AveragedModel):
        return "ema"
    if isinstance(value, torch.nn.Module):
        return "net"
    if isinstance(value, torch.optim.Optimizer):
        return "opt"
    return "scaler" if "GradScaler" in type(value).__name__ else ""


class State(_state.State):
    """What a PyTorch trainer holds; see `pbt.state.State` for what is not said here.

    build: returns a network and an optimiser, in any order, and what else training changes. Without
        `names` a network is `net`, an optimiser `opt`, a gradient scaler `scaler`, an AveragedModel
        `ema`; two of a kind need `names` (or a dict, or a NamedTuple).
    tuned: paths such as "opt.lr" (in all parameter groups), "opt.0.weight_decay" (in the first),
        "opt.betas.0" (Adam's first), "net.drop.p", "net.*.p" (in every module that has it).
    """

    def __init__(self, build: Callable[..., Any], tuned: Mapping[str, _state.Where] | None = None,
                 *, names: Sequence[str] | None = None,
                 schedule: Mapping[str, _state.Factor] | None = None) -> None:
        super().__init__(build, tuned, names=names, schedule=schedule)
        self._training: Dict[str, List[bool]] = {}

    # -------- objects --------

    def names_of(self, result: Any) -> Dict[str, Any]:
        if isinstance(result, (dict, list)) or hasattr(result, "_fields") or self._names:
            return super().names_of(result)
        objects: Dict[str, Any] = {}
        for value in result if isinstance(result, tuple) else (result,):
            name = _default_name(value) or f"object{len(objects)}"
            if name in objects:
                raise pbt.ConfigError(f'build returned two objects of the kind "{name}": give '
                                      f'names=("{name}_a", "{name}_b", ...)')
            objects[name] = value
        return objects

    def check_built(self) -> None:
        for name, value in self._objects.items():
            kind = type(value).__name__
            if _is_scheduler(value):
                raise pbt.ConfigError(
                    f"build returned a scheduler ({kind}): restored, it would bring the old "
                    "learning rate back. Leave it out, and use schedule= of State or "
                    "strategy.decay of the spec")
            if isinstance(value, torch.Generator):
                raise pbt.ConfigError(
                    f'build returned a generator ("{name}"): restored, a clone would repeat its '
                    "donor's draws. Make it in each task from task.seed")
            if not (hasattr(value, "state_dict") and hasattr(value, "load_state_dict")):
                raise pbt.ConfigError(f'build returned a {kind} ("{name}"), which has no '
                                      "state_dict and load_state_dict: it cannot be saved")
        self._training = {name: [part.training for part in value.modules()]
                          for name, value in self._objects.items()
                          if isinstance(value, torch.nn.Module)}
        for where in self._tuned.values():
            paths = [where] if isinstance(where, str) else [
                path for path in where if isinstance(path, str)]
            for path in paths:
                self._check_groups(path)

    def _check_groups(self, path: str) -> None:
        """One value for groups that were built with different ones would destroy their relation."""
        holder, rest = self.split(path)
        if not isinstance(holder, torch.optim.Optimizer) or rest[0].isdigit():
            return
        self.get(path)
        found = [group[rest[0]] for group in holder.param_groups]
        if any(value != found[0] for value in found):
            values = ", ".join(str(value) for value in found)
            first = path.split(".")[0]
            raise pbt.ConfigError(
                f'tuned: "{path}": the parameter groups hold different values ({values}). Name one '
                f'group, "{first}.0.{rest[0]}", or give a pair (get, set) of functions')

    def prepare(self) -> None:
        """A network in memory is as it was built: no gradients, modes as after build."""
        for name, value in self._objects.items():
            if isinstance(value, torch.optim.Optimizer):
                value.zero_grad(set_to_none=True)
            elif isinstance(value, torch.nn.Module):
                for part, training in zip(value.modules(), self._training[name]):
                    part.training = training
                for parameter in value.parameters():
                    parameter.grad = None

    # -------- checkpoints --------

    def snapshot(self) -> Any:
        return copy.deepcopy({name: value.state_dict() for name, value in self._objects.items()})

    def restore_snapshot(self, copy: Any) -> None:
        missing = sorted(set(copy) ^ set(self._objects))
        if missing:
            raise pbt.ConfigError(f'the checkpoint has {", ".join(sorted(copy))}, and build '
                                  f'returned {", ".join(sorted(self._objects))}')
        for name, value in self._objects.items():
            value.load_state_dict(copy[name])

    def save(self, folder: Path) -> None:
        """Rank 0 writes; the others wait, so that the report comes after the file is whole."""
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        if not distributed or torch.distributed.get_rank() == 0:
            torch.save({name: value.state_dict() for name, value in self._objects.items()},
                       folder / FILE)
        if distributed:
            torch.distributed.barrier()

    def load(self, folder: Path) -> None:
        path = folder / FILE
        if not path.exists():
            raise FileNotFoundError(f'the checkpoint "{folder}" has no file "{FILE}"')
        self.restore_snapshot(torch.load(path, map_location="cpu", weights_only=True))

    # -------- values --------

    def _places(self, path: str) -> List[Tuple[Any, List[str]]]:
        """All (holder, rest of the path) that a path names."""
        holder, rest = self.split(path)
        if isinstance(holder, torch.optim.Optimizer):
            groups = holder.param_groups
            if rest[0].isdigit():
                if int(rest[0]) >= len(groups) or len(rest) < 2:
                    raise pbt.ConfigError(f'tuned: "{path}": the optimiser has {len(groups)} '
                                          "parameter groups, from 0")
                return [(groups[int(rest[0])], rest[1:])]
            return [(group, rest) for group in groups]
        if "*" not in rest:
            return [(holder, rest)]
        star = rest.index("*")
        for part in rest[:star]:
            holder = _state._get(holder, part, path)
        if not isinstance(holder, torch.nn.Module) or star + 2 != len(rest):
            raise pbt.ConfigError(f'tuned: "{path}": * stands for all modules of a network, and '
                                  "one attribute follows it")
        places = [(module, rest[-1:]) for module in holder.modules() if rest[-1] in vars(module)]
        if not places:
            raise pbt.ConfigError(f'tuned: "{path}": no module has "{rest[-1]}"')
        return places

    def get(self, path: str) -> Any:
        values = [_value_in(holder, rest, path) for holder, rest in self._places(path)]
        differ = [value for value in values if value != values[0]]
        return differ[-1] if differ and self._set else values[0]

    def set(self, path: str, value: Any) -> None:
        for holder, rest in self._places(path):
            _value_in(holder, rest, path)  # what is not there is a mistake
            _set_in(holder, rest, value, path)
            if rest == ["lr"] and isinstance(holder, dict) and "initial_lr" in holder:
                holder["initial_lr"] = value  # left by a scheduler; a later one would start there

    def why_not_in_force(self, name: str) -> str:
        where = self._tuned[name]
        if isinstance(where, str):
            for holder, _ in self._places(where):
                if isinstance(holder, dict) and "initial_lr" in holder:
                    return (": a scheduler changed it. Use schedule= of State, or strategy.decay "
                            "of the spec")
        return super().why_not_in_force(name)


def _value_in(holder: Any, rest: Sequence[str], path: str) -> Any:
    for part in rest:
        holder = _state._get(holder, part, path)
    if isinstance(holder, torch.Tensor):
        return holder.item()
    return holder


def _set_in(holder: Any, rest: Sequence[str], value: Any, path: str) -> None:
    if len(rest) > 1:
        inner = _state._get(holder, rest[0], path)
        if isinstance(inner, tuple):  # such as betas: a new tuple with one value changed
            changed = list(inner)
            changed[int(rest[1])] = value
            _set_in(holder, rest[:1], tuple(changed), path)
        else:
            _set_in(inner, rest[1:], value, path)
        return
    last = rest[0]
    current = holder[last] if isinstance(holder, dict) else getattr(holder, last, None)
    if isinstance(current, torch.Tensor):
        with torch.no_grad():
            current.fill_(value)
    elif isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, (list, torch.nn.Sequential, torch.nn.ModuleList)) and last.isdigit():
        holder[int(last)] = value
    else:
        setattr(holder, last, value)
