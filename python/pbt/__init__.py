# SPDX-License-Identifier: Apache-2.0
"""The trainer's side of pbt: standard library only, Python 3.8 or newer.

A trainer keeps one promise: train for a number of steps with these hyperparameters from this
checkpoint, save to the given folder, report the score::

    import pbt

    def main():
        net, opt = None, None
        for task in pbt.tasks():
            if task.start != "keep":              # "keep": what is in memory is the right one
                pbt.seed_all(task.seed)           # building draws the first weights
                net, opt = build()
            if task.load:                         # also a study's initial checkpoint
                restore(task.load / "ckpt", net, opt)
            pbt.seed_all(task.seed)               # again: building drew, and "keep" does not build
            for group in opt.param_groups:        # after the restore, or the old values are back
                group["lr"] = task.hp["lr"]
                group["momentum"] = task.hp["momentum"]
            for step in task.steps:               # 1, 2, ... len(task.steps)
                task.progress(step, loss=train_step(net, opt))
            live = opt.param_groups[0]
            task.in_force(lr=live["lr"], momentum=live["momentum"])
            if task.save:                         # all that training changes; before the report
                store(task.save / "ckpt", net, opt)
            task.report(evaluate(net))


    if __name__ == "__main__":                    # a spawned data loader imports this file again
        main()

`pbt` puts the folder of this package on PYTHONPATH of the trainers that it starts. docs/protocol.md
of the project defines the messages; docs/trainers.md explains how to write a good trainer.

Alone. Without PBT_SOCKET in the environment there is one task. It comes from PBT_TASK (a `train`
message: the program is a `one_shot` trainer) or else from the command line::

    python train.py --steps 100 --lr 0.1 --data ./data [--seed N] [--save DIR] [--load DIR]

where every other `--KEY VALUE` is seen in both `task.hp` and `task.fixed`. Progress and remarks go
to standard error; the score is the last line of standard output.

Ranks. Under torchrun, mpirun or srun every process runs the same loop and gets every task. Rank 0
reports; on the others `progress` and `report` send nothing.

Errors. An exception that leaves the loop body is sent to the worker as `error` when it ends the
program, and the program ends as it would have. This is done in sys.excepthook and atexit, since a
`for` loop does not show an iterator the exceptions of its body. A task that ends without a report
is an error that names it.
"""

from __future__ import annotations

import atexit
import importlib
import json
import math
import operator
import os
import random
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import (Any, Callable, Dict, Iterable, Iterator, List, Mapping, NoReturn, Optional,
                    Sequence, Tuple, Type, Union)

__version__ = "0.1.0"
__all__ = ["ConfigError", "ProtocolError", "Task", "seed_all", "tasks"]

PROTOCOL = 1
LINE_MAX = 4 << 20          # bytes of one message, its newline included
RECEIVE_SIZE = 16384        # bytes of one read
SCORES_MAX = 4096
STEPS_MAX = 1 << 53
MESSAGE_MAX = 4000          # characters of an error's text
PROGRESS_SECONDS = 0.1      # the shortest time between two progress messages with metrics
ALIVE_SECONDS = 1.0         # task.steps speaks up when nothing was said for so long
KINDS = ("nan", "oom", "config", "other")
RANK_VARIABLES: Sequence[Tuple[str, Tuple[str, ...]]] = (
    ("PBT_RANK", ("PBT_RANKS",)),
    ("RANK", ("WORLD_SIZE",)),
    ("OMPI_COMM_WORLD_RANK", ("OMPI_COMM_WORLD_SIZE",)),
    ("PMI_RANK", ("PMI_SIZE",)),
    ("SLURM_PROCID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")),
)


class ProtocolError(RuntimeError):
    """The worker sent what the protocol does not allow, or the trainer answered out of turn."""


class ConfigError(ValueError):
    """The trainer cannot work with what it was given. Reported as `config`: not tried again."""


class _Missing:
    """The default of a parameter that has none."""


_MISSING: Any = _Missing()


class MissingValue(ConfigError, KeyError):
    """There is no hyperparameter of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


# -------- values --------


def _number(value: Any) -> Union[float, str]:
    """A number as the protocol writes it; numpy and torch scalars are numbers."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{value!r} is text, not a number")
    number = float(value)
    if math.isfinite(number):
        return number
    if math.isnan(number):
        return "NaN"
    return "Infinity" if number > 0 else "-Infinity"


def _text(value: object) -> str:
    """Text that every JSON library takes: no lone surrogates, no NUL, not endless."""
    text = str(value)[:MESSAGE_MAX].replace("\0", "?")
    return text.encode("utf-8", "replace").decode("utf-8")


def _numbers(values: Mapping[str, Any]) -> Dict[str, Union[float, str]]:
    """Metrics as the protocol writes them; one that is None has no value yet and is left out."""
    return {_text(name): _number(value) for name, value in values.items() if value is not None}


def _check_metrics(values: Mapping[str, Any]) -> None:
    """Refuse what cannot become one number, without fetching anything from a GPU."""
    for name, value in values.items():
        if value is None or isinstance(value, (float, int)):
            continue
        if not (hasattr(value, "__float__") or hasattr(value, "__index__")) or isinstance(
                value, (str, bytes)):
            raise TypeError(f'metric "{name}" is {value!r}, not a number')
        if any(length != 1 for length in getattr(value, "shape", ())):
            raise TypeError(f'metric "{name}" has the shape {tuple(value.shape)}, not one number')


def _is_sequence(score: Any) -> bool:
    """A list, or an array or tensor of at least one dimension."""
    dimensions = getattr(score, "ndim", None)
    if isinstance(dimensions, int):
        return dimensions > 0
    return isinstance(score, Iterable) and not isinstance(score, (str, bytes))


class Values(Mapping[str, Any]):
    """Named values that notes which were read. `in`, `len` and listing names do not count."""

    def __init__(self, values: Mapping[str, Any], what: str) -> None:
        self._values = values
        self._what = what
        self.read: Dict[str, None] = {}  # a set that keeps its order

    def __getitem__(self, name: str) -> Any:
        try:
            value = self._values[name]
        except KeyError:
            names = ", ".join(self._values) or "none"
            raise MissingValue(f'there is no {self._what} "{name}" (there is: {names})') from None
        self.read[name] = None
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self._values))


class Steps:
    """Counts 1..n and lets the worker hear now and then that the trainer is alive."""

    def __init__(self, task: Task, count: int) -> None:
        self._task = task
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[int]:
        alive = self._task._alive
        for step in range(1, self._count + 1):
            alive(step - 1)
            yield step

    def __repr__(self) -> str:
        return f"<{self._count} steps>"


# -------- one task --------


class Task:
    """One segment to train; see docs/protocol.md, `train`."""

    id: str                         #: names this attempt, e.g. "3.12.1"
    member: int                     #: the place in the population, from 0
    segment: int                    #: which segment of that member
    attempt: int                    #: which try at the segment, from 1
    seed: int                       #: 64 bits, the same in every attempt: seed everything with it
    age: int                        #: steps the weights have had before, through all ancestors
    steps: Steps                    #: iterates 1..n; empty: evaluate only
    max_age: Optional[int]          #: no weights are trained beyond this age; None: not known
    budget: Optional[int]           #: steps of the member in the whole study; None: not known
    start: str                      #: "fresh", "load" or "keep"
    load: Optional[Path]            #: folder to restore from (also "fresh": initial weights)
    save: Optional[Path]            #: empty folder, to be complete when the report is sent
    from_checkpoint: Optional[str]  #: id of the checkpoint the task starts from
    checkpoint: Optional[str]       #: id that `save` will have
    hp: Mapping[str, Any]           #: the hyperparameters; reading one is noted
    fixed: Mapping[str, Any]        #: the spec's `fixed`, unchanged
    rank: int                       #: which of the member's processes this is
    ranks: int                      #: how many there are

    def __init__(self, message: Mapping[str, Any], channel: Channel) -> None:
        self._channel = channel
        self._metrics: Dict[str, Any] = {}
        self._in_force: Dict[str, Union[float, str, bool]] = {}
        self._ended = False
        self._step_last = 0
        self._progress_at = channel.heard_at = time.monotonic()
        self.rank, self.ranks = channel.rank, channel.ranks
        self._read_message(message)

    def _read_message(self, message: Mapping[str, Any]) -> None:
        self.id = _member(message, "task", str)
        self.member = _integer(message, "member")
        self.segment = _integer(message, "segment")
        self.attempt = _integer(message, "attempt")
        self.seed = _integer(message, "seed", (1 << 64) - 1)
        self.age = _integer(message, "age", STEPS_MAX)
        self.steps = Steps(self, _integer(message, "steps", STEPS_MAX))
        self.max_age = _optional_steps(message, "max_age")
        self.budget = _optional_steps(message, "budget")
        self.start = _member(message, "start", str)
        load, save = _optional_text(message, "load"), _optional_text(message, "save")
        self.load = Path(load) if load is not None else None
        self.save = Path(save) if save is not None else None
        self.from_checkpoint = _optional_text(message, "from")
        self.checkpoint = _optional_text(message, "checkpoint")
        self.hp = Values(_member(message, "hyperparameters", dict), "hyperparameter")
        fixed = message.get("fixed")
        if fixed is not None and not isinstance(fixed, (dict, Values)):
            raise ProtocolError('train message: "fixed" is not an object')
        self.fixed = fixed if fixed is not None else {}
        if self.start not in ("fresh", "load", "keep"):
            raise ProtocolError(f'train message: start is "{self.start}", '
                                "not fresh, load or keep")
        if self.start == "load" and self.load is None:
            raise ProtocolError('train message: start is "load", but there is nothing to load')

    def __repr__(self) -> str:
        return f"<task {self.id}: {self.start}, {len(self.steps)} steps>"

    def _must_be_open(self, what: str) -> None:
        if self._ended:
            raise ProtocolError(f"{what}: task {self.id} has ended already")

    def _alive(self, done: int) -> None:
        """Called before each step, with the steps done: say so when nothing was said for long."""
        if self._ended or self.rank != 0:
            return
        if time.monotonic() - self._channel.heard_at < ALIVE_SECONDS:
            return
        done = max(done, self._step_last)
        if done >= 1:
            self._step_last = done
            self._channel.progress(self, done, {})

    def progress(self, step: Any = _MISSING, /, **metrics: Any) -> None:
        """Say that `step` steps of this task are done, 1 to len(task.steps), never falling.

        Every call is checked; ten a second are sent, and only those fetch their metrics: a tensor
        on a GPU may be given as it is. A metric is a number, and its name may be any, `step` too;
        one that is None is left out.
        """
        self._must_be_open("progress")
        if step is _MISSING:
            if "step" not in metrics:
                raise TypeError("progress takes the step first: progress(step, **metrics)")
            step = metrics.pop("step")
        step = operator.index(step)
        if not 1 <= step <= len(self.steps) or step < self._step_last:
            raise ConfigError(f"progress: step {step} after step {self._step_last} "
                              f"of {len(self.steps)}")
        _check_metrics(metrics)
        self._step_last = step
        if self.rank != 0:
            return
        now = time.monotonic()
        if now - self._progress_at >= PROGRESS_SECONDS:
            self._progress_at = now
            self._channel.progress(self, step, _numbers(metrics))

    def in_force(self, /, **values: Any) -> None:
        """Say what the live optimiser holds after training. One that differs from what was handed
        over fails the segment by name: the trainer restored an old value over the new one."""
        self._must_be_open("in_force")
        for name, value in values.items():
            plain = isinstance(value, (str, bool))
            self._in_force[_text(name)] = value if plain else _number(value)

    def report(self, score: Any = _MISSING, /, **metrics: Any) -> None:
        """End the task with its score, or with several in order (episodes, evaluations).

        A score may be NaN or infinite; it then ranks below every finite one, as does None. A
        metric may have any name, `score` too; one that is None is left out. `save` must be
        complete.
        """
        self._must_be_open("report")
        if score is _MISSING and "score" in metrics:
            score = metrics.pop("score")
        if score is _MISSING or isinstance(score, Mapping):
            got = "no score" if score is _MISSING else f"a dict ({', '.join(map(str, score))})"
            raise TypeError(f"report takes the score first: report(score, **metrics), not {got}")
        done: Dict[str, Any] = {"type": "done", "task": self.id}
        if _is_sequence(score):
            done["scores"] = [_number(one) for one in score]
            if not 1 <= len(done["scores"]) <= SCORES_MAX:
                raise ConfigError(f"{len(done['scores'])} scores were reported, "
                                  f"1 to {SCORES_MAX} are allowed")
        elif score is not None:
            done["score"] = _number(score)
        if metrics:
            done["metrics"] = _numbers(metrics)
        if self._in_force:
            done["in_force"] = self._in_force
        if isinstance(self.hp, Values):
            done["read"] = list(self.hp.read)
        if self.rank == 0:
            self._channel.done(self, done)
        self._ended = True

    def fail(self, message: str, kind: str = "other") -> None:
        """End the task as failed; the worker stops the trainer afterwards.

        kind: "nan", "oom", "config" (never tried again with the same hyperparameters), or "other"
        (tried again).
        """
        self._must_be_open("fail")
        if kind not in KINDS:
            raise ValueError(f'kind is "{kind}", not one of {", ".join(KINDS)}')
        self._ended = True
        self._channel.fail(self, kind, _text(message))


def _member(message: Mapping[str, Any], name: str, kind: Type[Any]) -> Any:
    value = message.get(name)
    if not isinstance(value, kind):
        raise ProtocolError(f'train message: "{name}" is missing or of the wrong type')
    return value


def _optional_text(message: Mapping[str, Any], name: str) -> Optional[str]:
    value = message.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ProtocolError(f'train message: "{name}" is neither text nor null')


def _optional_steps(message: Mapping[str, Any], name: str) -> Optional[int]:
    """A number of steps; absent or null, as from an older worker: None."""
    return None if message.get(name) is None else _integer(message, name, STEPS_MAX)


def _integer(message: Mapping[str, Any], name: str, highest: int = (1 << 32) - 1) -> int:
    """An integer, or the decimal string that a 64-bit integer travels as."""
    value = message.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= highest:
        return value
    raise ProtocolError(f'train message: "{name}" is not an integer in 0..{highest}')


# -------- where tasks come from and answers go --------


class Channel:
    """The other side of a task: the worker's socket (Connection), or this terminal (Alone)."""

    def __init__(self) -> None:
        self.rank, self.ranks = _find_rank()
        self.heard_at = 0.0  # when the worker last heard of us, time.monotonic()

    def next(self) -> Optional[Task]:
        """The next task; None: leave."""
        raise NotImplementedError

    def progress(self, task: Task, step: int, metrics: Mapping[str, Union[float, str]]) -> None:
        raise NotImplementedError

    def done(self, task: Task, message: Dict[str, Any]) -> None:
        raise NotImplementedError

    def fail(self, task: Task, kind: str, message: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Release what it holds; may be called again."""


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Connection(Channel):
    """JSON Lines over the worker's Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
        self._decode = json.JSONDecoder(parse_constant=_reject_constant).decode
        self._holds_weights = False
        self._received = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise ConnectionError(f'could not connect to the worker at "{path}": {error}'
                                  f"{_elsewhere(self.ranks)}") from None
        self._send({"type": "hello", "protocol": PROTOCOL, "rank": self.rank,
                    "ranks": self.ranks, "client": "python " + __version__})

    def _send(self, message: Mapping[str, Any]) -> None:
        line = self._encode(message).encode("ascii") + b"\n"
        if len(line) > LINE_MAX:
            raise ConfigError(f"the message is {len(line)} bytes long, at most {LINE_MAX} "
                              "are allowed")
        self._socket.sendall(line, getattr(socket, "MSG_NOSIGNAL", 0))
        self.heard_at = time.monotonic()

    def _receive_line(self) -> bytes:
        parts: List[bytes] = []  # of a long line: joined once, not at each read
        size = 0
        piece = self._received
        while b"\n" not in piece:
            parts.append(piece)
            size += len(piece)
            if size >= LINE_MAX:
                raise ProtocolError(f"the worker sent a line of more than {LINE_MAX} bytes")
            piece = self._socket.recv(RECEIVE_SIZE)
            if not piece:
                raise ConnectionError("the worker closed the connection")
        last, _, self._received = piece.partition(b"\n")
        parts.append(last)
        return b"".join(parts)

    def _receive(self) -> Dict[str, Any]:
        line = self._receive_line()
        try:
            message = self._decode(line.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"the worker sent a line that is not JSON: {error}") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise ProtocolError("the worker sent a message without a type")
        return message

    def next(self) -> Optional[Task]:
        message = self._receive()
        if message["type"] == "exit":
            return None
        if message["type"] != "train":
            raise ProtocolError("the worker sent a message of the unknown type "
                                f'"{message["type"]}"')
        task = Task(message, self)
        if task.start == "keep" and not self._holds_weights:
            raise ProtocolError('train message: start is "keep", but this process has trained '
                                "nothing yet")
        self._holds_weights = True
        return task

    def progress(self, task: Task, step: int, metrics: Mapping[str, Union[float, str]]) -> None:
        message: Dict[str, Any] = {"type": "progress", "task": task.id, "step": step}
        if metrics:
            message["metrics"] = metrics
        self._send(message)

    def done(self, task: Task, message: Dict[str, Any]) -> None:
        self._send(message)

    def fail(self, task: Task, kind: str, message: str) -> None:
        self._send({"type": "error", "task": task.id, "kind": kind, "message": message})

    def close(self) -> None:
        self._socket.close()


class Alone(Channel):
    """One task, from PBT_TASK or the command line; the result goes to PBT_RESULT or is printed."""

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__()
        self._failed = False
        self._given: Optional[Values] = None
        self._shown_at = time.monotonic()
        text = os.environ.get("PBT_TASK")
        self._by_hand = not text
        self._message = _task_of_variable(text) if text else self._task_of(arguments)

    def _task_of(self, arguments: Sequence[str]) -> Dict[str, Any]:
        """The `train` message that the command line means."""
        values = _parse_arguments(arguments)
        if "steps" not in values:
            _usage("--steps is missing")
        message: Dict[str, Any] = {
            "type": "train", "task": "alone", "segment": 0, "attempt": 1,
            "member": values.pop("member", 0), "seed": values.pop("seed", 1),
            "age": values.pop("age", 0), "steps": values.pop("steps"),
            "load": None, "save": None, "start": "load" if "load" in values else "fresh",
        }
        for name in ("load", "save"):
            if name in values:
                message[name] = os.path.abspath(str(values.pop(name)))
        if message["save"] is not None:
            os.makedirs(message["save"], exist_ok=True)
        message["hyperparameters"] = values
        self._given = message["fixed"] = Values(values, "fixed value")
        return message

    def next(self) -> Optional[Task]:
        if self._failed:
            raise SystemExit(1)
        message, self._message = self._message, {}
        if not message:
            return None
        try:
            task = Task(message, self)
        except ProtocolError as error:
            if self._by_hand:
                _usage(str(error).replace("train message: ", ""))
            raise
        if task.start == "keep":
            raise ProtocolError('a one_shot trainer cannot start with "keep"')
        return task

    def progress(self, task: Task, step: int, metrics: Mapping[str, Union[float, str]]) -> None:
        now = self.heard_at = time.monotonic()
        if self._by_hand and now - self._shown_at >= ALIVE_SECONDS:
            self._shown_at = now
            shown = "".join(f"  {name} {_shown(value)}" for name, value in metrics.items())
            print(f"step {step}/{len(task.steps)}{shown}", file=sys.stderr)

    def done(self, task: Task, message: Dict[str, Any]) -> None:
        result = {key: message[key] for key in message if key not in ("type", "task")}
        if not self._by_hand:
            self._write(json.dumps(result, allow_nan=False))
            return
        self._remark(task, message)
        score = result.get("scores", result.get("score", "NaN"))
        self._write(score if isinstance(score, str) else json.dumps(score))

    def _write(self, line: str) -> None:
        path = os.environ.get("PBT_RESULT")
        if path:
            with open(path, "w", encoding="utf-8") as file:
                file.write(line + "\n")
        else:
            print(line, flush=True)

    def _remark(self, task: Task, message: Mapping[str, Any]) -> None:
        """Say on standard error what a worker would make of the rest of the report."""
        for name, value in message.get("metrics", {}).items():
            print(f"{name} {_shown(value)}", file=sys.stderr)
        seen = set(message["read"]).union(self._given.read if self._given is not None else ())
        for name in task.hp:
            if name not in seen:
                print(f"warning: --{name} was never read", file=sys.stderr)
        for name, value in message.get("in_force", {}).items():
            given = task.hp[name] if name in task.hp else None
            if given is not None and not _same(given, value):
                print(f"warning: {name} is {given} but {value} is in force", file=sys.stderr)

    def fail(self, task: Task, kind: str, message: str) -> None:
        self._failed = True
        print(f"failed ({kind}): {message}", file=sys.stderr)


def _shown(value: Union[float, str]) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _same(given: object, live: object) -> bool:
    """The worker's rule for `in_force`."""
    if isinstance(given, (int, float)) and isinstance(live, (int, float)):
        return math.isclose(given, live, rel_tol=1e-6)
    return given == live


def _task_of_variable(text: str) -> Dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("PBT_TASK is not a JSON object")
    return message


def _usage(problem: str) -> NoReturn:
    program = os.path.basename(sys.argv[0]) or "trainer"
    print(f"{program}: {problem}\n"
          f"usage: {program} --steps N [--seed N] [--load DIR] [--save DIR] [--age N] "
          "[--member N] [--KEY VALUE]...\n"
          "Without PBT_SOCKET one task is taken from the command line.", file=sys.stderr)
    raise SystemExit(2)


def _parse_arguments(arguments: Sequence[str]) -> Dict[str, Any]:
    """`--key value`, `--key=value`; `--key` alone is true."""
    values: Dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if not argument.startswith("--") or len(argument) < 3:
            _usage(f'"{argument}" is not an option')
        name, equals, text = argument[2:].partition("=")
        if equals:
            values[name] = _parse_value(text)
        elif rest and not rest[0].startswith("--"):
            values[name] = _parse_value(rest.pop(0))
        else:
            values[name] = True
    return values


def _parse_value(text: str) -> Union[int, float, bool, str]:
    if text in ("true", "false"):
        return text == "true"
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _elsewhere(ranks: int) -> str:
    """Why one of several ranks may not reach the worker."""
    return ("; all ranks of a member must be on the worker's machine, unless the trainer is a "
            "one_shot" if ranks > 1 else "")


def _find_rank() -> Tuple[int, int]:
    """Rank and number of ranks from the first complete pair of variables; otherwise 0 of 1."""
    for rank_name, size_names in RANK_VARIABLES:
        rank = os.environ.get(rank_name)
        size = next((os.environ[name] for name in size_names if os.environ.get(name)), None)
        if not rank or not size:
            continue
        if rank.isdigit() and size.isdigit() and int(rank) < int(size):
            return int(rank), int(size)
        raise ProtocolError(f'{rank_name} is "{rank}" of "{size}": '
                            "not a rank and a number of ranks")
    return 0, 1


# -------- the loop --------


class _Watch:
    """Sends the exception that ends the program while a task is in hand.

    An iterator is not told of an exception in the body of its `for` loop. The interpreter is: it
    calls sys.excepthook (threading.excepthook in a thread) with an exception that nobody caught,
    and atexit whenever it ends.
    """

    def __init__(self) -> None:
        self.task: Optional[Task] = None
        self._process = os.getpid()  # a forked child must not speak for its parent
        self._thread = threading.get_ident()
        self._hook: Callable[..., Any] = sys.excepthook
        self._thread_hook: Callable[..., Any] = threading.excepthook
        self._our_hook: Callable[..., Any] = self._on_exception
        self._our_thread_hook: Callable[..., Any] = self._on_thread_exception
        sys.excepthook = self._our_hook
        threading.excepthook = self._our_thread_hook
        atexit.register(self._on_exit)

    def remove(self) -> None:
        atexit.unregister(self._on_exit)
        if sys.excepthook is self._our_hook:
            sys.excepthook = self._hook
        if threading.excepthook is self._our_thread_hook:
            threading.excepthook = self._thread_hook

    def _tell(self, kind: str, message: str) -> None:
        task, self.task = self.task, None
        if task is None or task._ended or os.getpid() != self._process:
            return
        try:
            task.fail(message, kind)
        except OSError:
            pass  # the worker is gone; what ends the program is more interesting

    def _on_exception(self, kind: Type[BaseException], value: BaseException,
                      trace: Optional[TracebackType]) -> None:
        if threading.get_ident() == self._thread:
            self._tell(_kind_of(value), _last_line(value))
        self._hook(kind, value, trace)

    def _on_thread_exception(self, args: Any) -> None:
        if threading.get_ident() == self._thread and args.exc_value is not None:
            self._tell(_kind_of(args.exc_value), _last_line(args.exc_value))
        self._thread_hook(args)

    def _on_exit(self) -> None:
        if self.task is not None:
            self._tell("other", f"the trainer left without a report of task {self.task.id}")


def _kind_of(error: BaseException) -> str:
    """The protocol's kind of an exception. torch need not be imported to know its names."""
    if isinstance(error, ConfigError):
        return "config"
    names = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, MemoryError) or "OutOfMemoryError" in names:
        return "oom"
    text = str(error)
    older_torch = "out of memory" in text or "can't allocate memory" in text
    return "oom" if isinstance(error, RuntimeError) and older_torch else "other"


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(type(error), error)[-1].strip()


def tasks(arguments: Optional[Sequence[str]] = None) -> Iterator[Task]:
    """The tasks of the worker, one after the other, until it says exit.

    arguments: the command line for a run alone; default sys.argv[1:]. Not looked at otherwise.
    Raises ConnectionError when the worker vanishes.
    """
    path = os.environ.get("PBT_SOCKET")
    channel = Connection(path) if path else Alone(sys.argv[1:] if arguments is None else arguments)
    watch = _Watch()
    finished = True
    try:
        while True:
            task = channel.next()
            if task is None:
                return
            watch.task = task
            finished = False
            yield task
            finished = True
            watch.task = None
            if not task._ended:
                problem = f"task {task.id} ended without a report"
                task.fail(problem)
                raise ProtocolError(problem)
    finally:
        # Left in the middle of a task (break, or an exception on its way): the watch stays, and
        # tells the worker when the program ends.
        if finished or watch.task is None or watch.task._ended:
            watch.remove()
            channel.close()


def seed_all(seed: int) -> None:
    """Seed random, and numpy and torch where they are imported (torch with all its GPUs)."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % (1 << 32))
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


_OF_STUDY = ("Study", "StudyError", "boolean", "categorical", "integer", "linear", "log", "logit",
             "maximize", "minimize", "ordinal")


def __getattr__(name: str) -> Any:
    """`pbt.Study` and what specs are written with are in pbt.study, which trainers do not need."""
    if name in _OF_STUDY:
        return getattr(importlib.import_module("pbt.study"), name)
    raise AttributeError(f'module "pbt" has no attribute "{name}"')
