# SPDX-License-Identifier: Apache-2.0
"""Study: start, follow and read a study from Python, a notebook say.

::

    import pbt

    study = pbt.Study("runs/digits", trainer="train.py", population=8, steps=320, ready=40,
                      score=pbt.maximize("accuracy"),
                      space={"lr": pbt.log(1e-5, 1e-1), "dropout": pbt.linear(0, 0.7)})
    study.check()
    study.run(slots=2)
    study.best.score, study.best.path, study.best.hyperparameters
    study.schedule(), study.segments()

    pbt.Study.open("runs/digits").resume(steps=640)

There is no second engine here: the spec is written, the command `pbt` is started, and what it
prints as JSON is read. Nothing but the standard library is needed; with pandas, tables are
DataFrames.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from pbt._command import command

__all__ = ["Best", "Study", "StudyError", "boolean", "categorical", "integer", "linear", "log",
           "logit", "maximize", "minimize", "ordinal"]

POLL_SECONDS = 0.2
SHOW_SECONDS = 2.0
INTERRUPTED = 130


class StudyError(RuntimeError):
    """The command failed: its message, its hint, and the end of the trainer's log if there is one.

    code: the exit code: 1 the study failed, 2 usage or spec, 3 storage, 130 interrupted.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


# -------- the spec --------

def log(low: float, high: float, **more: Any) -> Dict[str, Any]:
    """A positive number on a logarithmic scale. `more`: frozen=True, ..."""
    return {"type": "log", "low": low, "high": high, **more}


def linear(low: float, high: float, **more: Any) -> Dict[str, Any]:
    """A number on a linear scale."""
    return {"type": "linear", "low": low, "high": high, **more}


def logit(low: float, high: float, **more: Any) -> Dict[str, Any]:
    """A number between 0 and 1, finer towards both ends, such as a momentum."""
    return {"type": "logit", "low": low, "high": high, **more}


def integer(low: int, high: int, **more: Any) -> Dict[str, Any]:
    """A whole number; scale="log" for a logarithmic one."""
    return {"type": "integer", "low": low, "high": high, **more}


def ordinal(*values: float, **more: Any) -> Dict[str, Any]:
    """One of some numbers in order, such as batch sizes."""
    return {"type": "ordinal", "values": list(values), **more}


def categorical(*values: str, **more: Any) -> Dict[str, Any]:
    """One of some words."""
    return {"type": "categorical", "values": list(values), **more}


def boolean(**more: Any) -> Dict[str, Any]:
    """True or false."""
    return {"type": "boolean", **more}


def maximize(name: str = "score", **more: Any) -> Dict[str, Any]:
    """A score that is better the larger it is. `more`: target=0.95, ..."""
    return {"name": name, "goal": "maximize", **more}


def minimize(name: str = "loss", **more: Any) -> Dict[str, Any]:
    """A score that is better the smaller it is."""
    return {"name": name, "goal": "minimize", **more}


def _trainer(trainer: Any, gpus: float | None, cpus: int | None) -> Dict[str, Any]:
    """The spec's `trainer`: of a path of a Python program, a list of arguments, or a map."""
    if isinstance(trainer, Mapping):
        result = dict(trainer)
    elif isinstance(trainer, (str, os.PathLike)):
        path = Path(trainer).resolve()
        if not path.is_file():
            raise FileNotFoundError(f'there is no trainer "{path}"')
        result = {"command": [sys.executable, str(path)]}
    else:
        result = {"command": [str(one) for one in trainer]}
    if "builtin" not in result:
        result.setdefault("directory", os.getcwd())
    resources = {**result.get("resources", {})}
    for name, value in (("gpus", gpus), ("cpus", cpus)):
        if value is not None:
            resources[name] = value
    if resources:
        result["resources"] = resources
    return result


def _yaml(spec: Mapping[str, Any]) -> str:
    """The spec as YAML: a key a line, its value as JSON, which YAML reads as it is."""
    lines = ["# Written by pbt.Study."]
    for key, value in spec.items():
        if key in ("space", "trainer", "strategy") and isinstance(value, Mapping) and value:
            lines.append(f"{key}:")
            lines += [f"  {name}: {json.dumps(one)}" for name, one in value.items()]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


# -------- what is read --------

@dataclasses.dataclass(frozen=True)
class Best:
    """The best network that a study reported."""

    score: float
    member: int
    age: int
    path: Path | None                       #: the checkpoint's folder; None: it was not kept
    hyperparameters: Dict[str, Any]         #: of its last segment


def _number(value: Any) -> Any:
    """JSON has no infinities: the command writes them as text."""
    return float(value) if value in ("Infinity", "-Infinity") else value


def _table(rows: List[Dict[str, Any]]) -> Any:
    """A DataFrame where pandas is installed, else the list."""
    try:
        import pandas
    except ImportError:
        return rows
    return pandas.DataFrame(rows)


def _flat(row: Mapping[str, Any]) -> Dict[str, Any]:
    """A row with `hp.NAME` and `metric.NAME` in place of the maps, as in `pbt export --csv`."""
    result: Dict[str, Any] = {}
    for key, value in row.items():
        if key == "hyperparameters":
            result.update({f"hp.{name}": one for name, one in value.items()})
        elif key == "metrics":
            result.update({f"metric.{name}": _number(one) for name, one in value.items()})
        else:
            result[key] = _number(value)
    return result


class Study:
    """A study: the folder `folder`, made by the first `run` or `start`.

    trainer: the path of a Python program, run by this Python; or a list of arguments; or the map of
        the spec, {"builtin": "classify"} say.
    population, steps, ready, score, space, strategy, fixed, seed: as in the spec (docs/spec.md).
    gpus, cpus: of one member.
    spec: further keys of the spec, by name.
    """

    def __init__(self, folder: str | os.PathLike[str], *, trainer: Any, steps: int,
                 space: Mapping[str, Mapping[str, Any]], population: int | None = None,
                 ready: Any = None, score: Mapping[str, Any] | str | None = None,
                 strategy: Any = None, fixed: Mapping[str, Any] | None = None,
                 seed: int | None = None, gpus: float | None = None, cpus: int | None = None,
                 **spec: Any) -> None:
        self.folder = Path(folder)
        self._process: subprocess.Popen[str] | None = None
        keys = {"study": self.folder.name, "seed": seed,
                "trainer": _trainer(trainer, gpus, cpus), "population": population,
                "steps": steps, "ready": ready,
                "score": maximize(score) if isinstance(score, str) else score,
                "space": {name: dict(value) for name, value in space.items()},
                "strategy": strategy, "fixed": dict(fixed) if fixed else None, **spec}
        self._spec: Dict[str, Any] | None = {
            key: value for key, value in keys.items() if value is not None}

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Study:
        """A study that is there already, whoever made it. Raises StudyError if there is none."""
        study = cls.__new__(cls)
        study.folder = Path(folder)
        study._process = None
        study._spec = None
        study.summary()
        return study

    def __repr__(self) -> str:
        if not self.folder.exists():
            return f'<study "{self.folder}": not started>'
        try:
            shown = self.summary()
        except StudyError as error:
            return f'<study "{self.folder}": {error}>'
        best = shown["best"]
        score = "no score yet" if best is None else f"best {shown['score_name']} {best['score']}"
        return (f'<study "{self.folder}": {shown["status"]}, {shown["steps_done"]} of '
                f"{shown['steps_total']} steps, {score}>")

    # -------- run --------

    @property
    def spec_file(self) -> Path:
        """Where the spec is written: beside the folder, with its name."""
        return self.folder.with_name(self.folder.name + ".yaml")

    def spec(self) -> str:
        """The spec, as YAML: of a study that was opened, as the command resolved it."""
        if self._spec is not None:
            return _yaml(self._spec)
        return (self.folder / "study.yaml").read_text(encoding="utf-8")

    def _write_spec(self) -> str:
        if self._spec is None:
            raise StudyError(f'"{self.folder}" was opened: it has a spec already', 2)
        self.spec_file.parent.mkdir(parents=True, exist_ok=True)
        self.spec_file.write_text(_yaml(self._spec), encoding="utf-8")
        return str(self.spec_file)

    def check(self, steps: int | None = None) -> Dict[str, Any]:
        """Try the trainer: `pbt check`. Returns its findings (docs/json.md); raises StudyError when
        there is a problem, with the text of each."""
        more = [] if steps is None else ["--steps", str(steps)]
        done = self._run(["check", self._write_spec(), "--json", *more], allowed=(0, 1))
        found: Dict[str, Any] = json.loads(done.stdout)
        if not found["good"]:
            lines = [f"{one['name']}: {one['text']}" + (f"\n  {one['hint']}" if one["hint"] else "")
                     for one in found["findings"] if one["severity"] == "problem"]
            raise StudyError("\n".join(lines), 1)
        return found

    def start(self, slots: int | None = None) -> Study:
        """Start the study, or go on with it if its folder is there, and return at once."""
        if self.running:
            raise StudyError(f'study "{self.folder}" is running already', 2)
        more = [] if slots is None else ["--slots", str(slots)]
        if self.folder.exists():
            return self._launch(["resume", str(self.folder), *more])
        return self._launch(["run", self._write_spec(), "--dir", str(self.folder), *more])

    def run(self, slots: int | None = None, show: bool = True) -> Study:
        """`start` and `wait`. An interrupt (Ctrl-C, a notebook's stop button) stops the study in
        order and is raised again; `resume` goes on."""
        return self.start(slots).wait(show)

    def resume(self, steps: int | None = None, slots: int | None = None, show: bool = True,
               **changes: Any) -> Study:
        """Go on with an interrupted study, or train an ended one to `steps`; and wait.

        changes: keys of the spec to amend, with `__` for a dot: `strategy__exploit__quantile=0.3`.
        """
        more = [] if slots is None else ["--slots", str(slots)]
        if steps is not None:
            more += ["--steps", str(steps)]
        for key, value in changes.items():
            more += ["--set", f"{key.replace('__', '.')}={json.dumps(value)}"]
        return self._launch(["resume", str(self.folder), *more]).wait(show)

    def _launch(self, arguments: Sequence[str]) -> Study:
        # In a session of its own: an interrupt of this program is handed on once, by `wait`.
        self._process = subprocess.Popen(
            [command(), *arguments, "-q"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)
        return self

    @property
    def running(self) -> bool:
        """Whether the command that this object started runs still."""
        return self._process is not None and self._process.poll() is None

    def wait(self, show: bool = True) -> Study:
        """Wait for the end of what `start` began; show: print how it stands now and then."""
        process = self._process
        if process is None:
            return self
        screen = _Screen() if show else None
        try:
            while True:
                try:
                    output, _ = process.communicate(timeout=SHOW_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    if screen is not None:
                        screen.show(self)
        except KeyboardInterrupt:
            self.stop()
            if screen is not None:
                screen.show(self)
            raise
        if screen is not None:
            screen.show(self)
        self._process = None
        if process.returncode not in (0, INTERRUPTED):
            raise StudyError(self._why(output), process.returncode)
        return self

    def stop(self) -> Study:
        """Stop the study in order, and wait for that; `resume` goes on with it."""
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate()
        self._process = None
        return self

    def _why(self, output: str) -> str:
        """What the command said, and the last lines of the trainer that failed last."""
        text = output.strip()
        try:
            failures = self._document()["failures"]
        except StudyError:
            return text
        logs = [one for one in failures if one["log"]]
        if logs:
            last = logs[-1]
            text += (f"\nmember {last['member']}, segment {last['segment']}: {last['text']}\n"
                     + "\n".join(last["log"]))
        return text

    # -------- read --------

    def _run(self, arguments: Sequence[str],
             allowed: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([command(), *arguments], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False)
        if done.returncode not in allowed:
            raise StudyError((done.stderr or done.stdout).strip(), done.returncode)
        return done

    def _json(self, *arguments: str) -> Dict[str, Any]:
        result: Dict[str, Any] = json.loads(self._run(arguments).stdout)
        return result

    def _document(self) -> Dict[str, Any]:
        return self._json("show", str(self.folder), "--json", "--full")

    def summary(self) -> Dict[str, Any]:
        """How the study stands: the document of `pbt show --json` (docs/json.md)."""
        return self._json("show", str(self.folder), "--json")

    @property
    def best(self) -> Best:
        """The best network ever reported. Raises StudyError before the first score."""
        found = self._json("best", str(self.folder), "--json")
        best = found["best"]
        if best is None:
            raise StudyError(f'study "{self.folder}" has no score yet', 1)
        path = found["path"]
        return Best(_number(best["score"]), best["member"], best["age"],
                    Path(path) if path is not None else None, found["hyperparameters"])

    def schedule(self) -> Any:
        """The hyperparameters by age along the lineage of the best network: a DataFrame, or a list
        of dicts without pandas, with `from`, `to`, `member` and the hyperparameters."""
        found = self._json("best", str(self.folder), "--json", "--schedule")
        return _table([{"from": one["from"], "to": one["to"], "member": one["member"],
                        **one["hyperparameters"]} for one in found["schedule"]])

    def segments(self) -> Any:
        """Every attempt at a segment, with the columns of `pbt export --csv`."""
        found = self._json("export", str(self.folder), "--json", "-", "-q")
        return _table([_flat(one) for one in found["segments"]])

    def report(self) -> Path:
        """Write the report, one HTML file; returns its path."""
        return Path(self._json("report", str(self.folder), "--json")["file"])

    def _repr_html_(self) -> str:
        """The report, in a frame: notebooks show it for the object itself."""
        import html
        if not self.folder.exists():
            return html.escape(repr(self))
        page = self.report().read_text(encoding="utf-8")
        return (f'<iframe srcdoc="{html.escape(page)}" width="100%" height="700" '
                'style="border: 0"></iframe>')


class _Screen:
    """Shows how a study stands: in a notebook one line that changes, else a line now and then."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last = ""
        self._at = 0.0

    def show(self, study: Study) -> None:
        text = repr(study)
        if text == self._last:
            return
        self._last = text
        if "IPython" in sys.modules:
            from IPython.display import display
            if self._handle is None:
                self._handle = display({"text/plain": text}, raw=True, display_id=True)
            else:
                self._handle.update({"text/plain": text}, raw=True)
        elif time.monotonic() - self._at >= 10 * SHOW_SECONDS or "ended" in text:
            self._at = time.monotonic()
            print(text, flush=True)
