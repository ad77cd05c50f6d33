# SPDX-License-Identifier: Apache-2.0
"""State: what a trainer holds between segments, without a framework.

A trainer has to build, restore, set the hyperparameters after that, seed, read the values back,
save and report, in that order. `State.begin` and `State.end` do it::

    state = State(build, tuned={"lr": "lr"}, save=write, load=read)
    for task in pbt.tasks():
        model = state.begin(task)
        for step in task.steps:
            task.progress(step, loss=train_step(model))
        state.end(task, evaluate(model))

`pbt.torch.State` is the same for PyTorch, where `save`, `load` and names are known. The examples
boosting, sklearn and jax of the project use this one.
"""

from __future__ import annotations

import difflib
import inspect
import math
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

import pbt

__all__ = ["State", "cosine", "linear_warmup"]

Where = Union[str, Sequence[str], Tuple[Callable[..., Any], Callable[..., Any]]]
"""Where a value lives: a path, several paths that hold the same, or a pair (get, set) of functions
that take the built objects, set also the value."""

Factor = Callable[[int], float]
"""What a value is multiplied by, at an age of the weights in steps."""


def linear_warmup(steps: int) -> Factor:
    """A factor that rises from 1 / steps at age 1 to 1 at age `steps`, and stays there."""
    if steps < 1:
        raise pbt.ConfigError(f"linear_warmup: steps is {steps}, must be at least 1")
    return lambda age: min(1.0, max(age, 1) / steps)


def cosine(steps: int, last: float = 0.0) -> Factor:
    """A factor that falls from 1 at age 0 to `last` at age `steps` along half a cosine.

    `steps` is the age at the end of the study: its `steps`. (The spec's `strategy.decay` does the
    same without code, for a search.)
    """
    if steps < 1:
        raise pbt.ConfigError(f"cosine: steps is {steps}, must be at least 1")
    return lambda age: last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(age / steps, 1.0)))


def value_of(task: pbt.Task, name: str) -> Any:
    """The hyperparameter `name`, or the fixed value of that name. ConfigError: neither."""
    if name not in task.hp and name in task.fixed:
        return task.fixed[name]
    return task.hp[name]


def same(given: Any, live: Any) -> bool:
    """Whether a value read back is the one that was set; as the worker compares `in_force`."""
    plain = (bool, str)
    if isinstance(given, plain) or isinstance(live, plain) or live is None:
        return bool(given == live)
    return math.isclose(float(given), float(live), rel_tol=1e-6)


def call_build(build: Callable[..., Any], task: pbt.Task) -> Any:
    """build(task), or build() if it takes no argument."""
    try:
        parameters = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):  # a class of C has no signature
        return build()
    for parameter in parameters:
        takes = (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD,
                 parameter.VAR_POSITIONAL)
        if parameter.kind in takes and (parameter.default is parameter.empty
                                        or parameter.name == "task"):
            return build(task)
    return build()


def _nearest(word: str, words: Sequence[str]) -> str:
    found = difflib.get_close_matches(word, words, 1)
    return f' (nearest: "{found[0]}")' if found else ""


class State:
    """What a trainer holds, built once and restored into.

    build: makes the objects, `build()` or `build(task)`: one, a tuple of them with `names`, or a
        dict of them. Called with every generator seeded by `task.seed`, when there is nothing in
        memory, when new weights are asked for, and when a value that it read from `task.hp` has
        changed (such as a width, or a dropout that is not in `tuned`).
    tuned: for each hyperparameter where it lives. A path is the name of an object, then attributes,
        keys or positions, joined by dots; with one object the path begins at its attributes.
    save, load: `save(folder, *objects)` writes everything that training changes; `load(folder,
        *objects)` restores it into the objects. Neither may touch the state of a random generator.
    names: the names of the objects, if `build` returns a tuple.
    schedule: for a hyperparameter a factor as a function of the age of the weights, which
        `State.steps` applies before each step. `in_force` is told the value without the factor.
    """

    def __init__(self, build: Callable[..., Any], tuned: Mapping[str, Where] | None = None, *,
                 save: Callable[..., Any] | None = None, load: Callable[..., Any] | None = None,
                 names: Sequence[str] | None = None,
                 schedule: Mapping[str, Factor] | None = None) -> None:
        self._build = build
        self._tuned: Dict[str, Where] = dict(tuned or {})
        self._save_to, self._load_from = save, load
        self._names = list(names) if names is not None else None
        self._schedule: Dict[str, Factor] = dict(schedule or {})
        for name in self._schedule:
            if name not in self._tuned:
                raise pbt.ConfigError(f'schedule: "{name}" is not in tuned'
                                      + _nearest(name, list(self._tuned)))
        self._result: Any = None                #: what build returned
        self._objects: Dict[str, Any] = {}
        self._captured: Dict[str, Any] = {}     # hyperparameters that build read, and their values
        self._set: Dict[str, Any] = {}          # values of this task, without factors
        self._factor: Dict[str, float] = {}     # factors in force
        self._stepped = True                    # the schedule was applied, if there is one

    # -------- what a framework fills in --------

    def names_of(self, result: Any) -> Dict[str, Any]:
        """The objects in what `build` returned, by name."""
        if isinstance(result, dict):
            return dict(result)
        fields = getattr(result, "_fields", None)
        if fields is not None:
            return dict(zip(fields, result))
        if not isinstance(result, tuple):
            return {self._names[0] if self._names else "": result}
        if self._names is None or len(self._names) != len(result):
            raise pbt.ConfigError(f"build returned {len(result)} objects, and names has "
                                  f"{len(self._names or ())}")
        return dict(zip(self._names, result))

    def check_built(self) -> None:
        """Refuse objects that cannot work; called after each build."""

    def prepare(self) -> None:
        """Make what is in memory equal to what a restore would give; called in each begin."""

    def save(self, folder: Path) -> None:
        if self._save_to is None:
            raise pbt.ConfigError("State needs save=: a function that writes a checkpoint")
        self._save_to(folder, *self._objects.values())

    def load(self, folder: Path) -> None:
        if self._load_from is None:
            raise pbt.ConfigError("State needs load=: a function that restores a checkpoint")
        self._load_from(folder, *self._objects.values())

    def snapshot(self) -> Any:
        """A copy of the state in memory for `restore_snapshot`, or None: it cannot be copied."""
        return None

    def restore_snapshot(self, copy: Any) -> None:
        """Restore what `snapshot` returned into the objects that were built since."""

    def get(self, path: str) -> Any:
        holder, last = self._walk(path)
        return _get(holder, last, path)

    def set(self, path: str, value: Any) -> None:
        holder, last = self._walk(path)
        _get(holder, last, path)  # an attribute that is not there is a mistake, not a new one
        if isinstance(holder, list):
            holder[int(last)] = value
        elif isinstance(holder, dict):
            holder[last] = value
        else:
            setattr(holder, last, value)

    # -------- paths --------

    def split(self, path: str) -> Tuple[Any, List[str]]:
        """The object that a path begins at, and the rest of it."""
        parts = path.split(".")
        if list(self._objects) == [""]:
            return self._objects[""], parts
        if parts[0] not in self._objects or len(parts) < 2:
            names = ", ".join(self._objects)
            raise pbt.ConfigError(f'tuned: "{path}" does not begin with the name of an object '
                                  f"and a dot (objects: {names})"
                                  + _nearest(parts[0], list(self._objects)))
        return self._objects[parts[0]], parts[1:]

    def _walk(self, path: str) -> Tuple[Any, str]:
        holder, rest = self.split(path)
        for part in rest[:-1]:
            holder = _get(holder, part, path)
        return holder, rest[-1]

    # -------- values --------

    def _read_back(self, name: str) -> Any:
        """The live value of a hyperparameter; the first of several places, if all hold it."""
        where = self._tuned[name]
        if isinstance(where, str):
            return self.get(where)
        if callable(where[0]):
            return where[0](*self._objects.values())
        values = [self.get(str(path)) for path in where]
        given = self._set[name]
        wrong = [one for one in values
                 if not same(self._times(name, given), one)]
        return wrong[0] if wrong else values[0]

    def _times(self, name: str, value: Any) -> Any:
        factor = self._factor.get(name)
        return value if factor is None else value * factor

    def _put(self, name: str, value: Any) -> None:
        where = self._tuned[name]
        if isinstance(where, str):
            self.set(where, value)
        elif callable(where[0]):
            where[1](*self._objects.values(), value)  # type: ignore[operator]
        else:
            for path in where:
                self.set(str(path), value)

    # -------- one task --------

    def begin(self, task: pbt.Task) -> Any:
        """Build or restore, set the hyperparameters, seed. Returns what `build` returned."""
        changed = self._changed(task)
        if not self._objects or task.start == "fresh" or (changed and task.start == "load"):
            self._make(task)
        elif changed:
            copy = self.snapshot()
            if copy is None:
                raise pbt.ConfigError(
                    f'hyperparameter "{changed[0]}" was read by build and has changed while the '
                    "weights stay in memory: name the place where it lives in tuned")
            self._make(task)
            self.restore_snapshot(copy)
        if task.load is not None and task.start != "keep":
            self.load(task.load)
        self._factor = {}
        self._set = {name: value_of(task, name) for name in self._tuned}
        for name, value in self._set.items():
            self._put(name, value)
        self._stepped = not (self._schedule and len(task.steps))
        self.prepare()
        pbt.seed_all(task.seed)
        return self._result

    def _changed(self, task: pbt.Task) -> List[str]:
        """Hyperparameters that build read, that nothing sets, and that are others now."""
        return [name for name, value in self._captured.items()
                if name not in self._tuned and (name not in task.hp or task.hp[name] != value)]

    def _make(self, task: pbt.Task) -> None:
        noted: Dict[str, None] = getattr(task.hp, "read", {})
        before = dict(noted)
        noted.clear()
        pbt.seed_all(task.seed)
        self._result = call_build(self._build, task)
        self._captured = {name: task.hp[name] for name in list(noted)}
        noted.update(before)
        self._objects = self.names_of(self._result)
        self.check_built()

    def steps(self, task: pbt.Task) -> Iterator[int]:
        """`task.steps`, with the schedule applied before each."""
        self._stepped = True
        for step in task.steps:
            for name, factor in self._schedule.items():
                self._factor[name] = factor(task.age + step)
                self._put(name, self._times(name, self._set[name]))
            yield step

    def live(self) -> Dict[str, Any]:
        """The live value of each tuned hyperparameter, without the factors of the schedule."""
        values: Dict[str, Any] = {}
        for name in self._tuned:
            value, factor = self._read_back(name), self._factor.get(name)
            given = self._set[name]
            if factor is not None and same(given * factor, value):
                value = given
            elif factor:
                value = value / factor
            values[name] = value
        return values

    def end(self, task: pbt.Task, score: Any, **metrics: Any) -> None:
        """Read the values back, save, report. `score` and metrics are those of `task.report`."""
        if not self._stepped:
            raise pbt.ConfigError("State has a schedule, but the loop was over task.steps: write "
                                  "`for step in state.steps(task):`")
        for name, value in self.live().items():
            if not same(self._set[name], value):
                raise pbt.ConfigError(f'{name} is {self._set[name]} but {value} is in force'
                                      + self.why_not_in_force(name))
            task.in_force(**{name: value})
        if task.save is not None:
            self.save(task.save)
        task.report(score, **metrics)

    def why_not_in_force(self, name: str) -> str:
        """What a framework knows about a value that changed during training."""
        return ": something set it after begin()"


def _get(holder: Any, part: str, path: str) -> Any:
    try:
        if isinstance(holder, dict):
            return holder[part]
        if isinstance(holder, (list, tuple)):
            return holder[int(part)]
        return getattr(holder, part)
    except (AttributeError, KeyError, IndexError, ValueError):
        names = list(holder) if isinstance(holder, dict) else dir(holder)
        public = [str(name) for name in names if not str(name).startswith("_")]
        raise pbt.ConfigError(f'tuned: "{path}": {type(holder).__name__} has no "{part}"'
                              + _nearest(part, public)) from None
