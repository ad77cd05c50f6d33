# SPDX-License-Identifier: Apache-2.0
"""A study in Weights & Biases, in MLflow, or in a function of yours.

::

    python -m pbt.track runs/digits --wandb PROJECT
    python -m pbt.track runs/digits --mlflow sqlite:///mlflow.db

It follows the journal (`pbt log --follow`) from one process, while the study runs or after it: a
trainer serves many members in turn, so a tracker inside it would mix their runs. There is a run for
each member, over the steps that the member has trained, and one for the lineage of the winner, over
the age of the weights. `follow` hands the same events to a function.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping, Protocol, Sequence

from pbt._command import CommandNotFound, command
from pbt.study import Study, StudyError

__all__ = ["Mlflow", "Run", "Tracker", "Wandb", "follow", "track"]


class Run(Protocol):
    """One run of a tracker."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Keep numbers at a step. Steps never fall within a run."""

    def finish(self) -> None:
        """The run is complete."""


class Tracker(Protocol):
    """Where runs go."""

    def start(self, name: str, group: str, config: Mapping[str, Any]) -> Run:
        """A new run of a study (`group`)."""


# -------- the trackers --------

class _WandbRun:
    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def finish(self) -> None:
        self._run.finish()


class Wandb:
    """Weights & Biases. options: arguments of wandb.init, such as mode="offline", dir="runs"."""

    def __init__(self, project: str, **options: Any) -> None:
        import wandb
        self._init = wandb.init
        self._options = {"project": project, "reinit": "create_new", **options}

    def start(self, name: str, group: str, config: Mapping[str, Any]) -> Run:
        return _WandbRun(self._init(name=name, group=group, config=dict(config), **self._options))


class _MlflowRun:
    def __init__(self, client: Any, run: str) -> None:
        self._client, self._run = client, run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._client.log_metric(self._run, name, value, step=step)

    def finish(self) -> None:
        self._client.set_terminated(self._run)


class Mlflow:
    """MLflow, at a tracking URI; the experiment is called as the study."""

    def __init__(self, uri: str) -> None:
        import mlflow
        self._client = mlflow.MlflowClient(tracking_uri=uri)

    def start(self, name: str, group: str, config: Mapping[str, Any]) -> Run:
        found = self._client.get_experiment_by_name(group)
        experiment = (found.experiment_id if found is not None
                      else self._client.create_experiment(group))
        run = self._client.create_run(experiment, run_name=name).info.run_id
        for key, value in config.items():
            self._client.log_param(run, key, value)
        return _MlflowRun(self._client, run)


# -------- the journal --------

def _events(folder: str, wait: bool) -> Iterator[Dict[str, Any]]:
    arguments = [command(), "log", folder, "--json"] + (["--follow"] if wait else [])
    with subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event: Dict[str, Any] = json.loads(line)
            yield event
    if process.returncode != 0:
        raise StudyError(f'pbt log of "{folder}" ended with {process.returncode}',
                         process.returncode)


def _numbers(values: Mapping[str, Any]) -> Dict[str, float]:
    """Those that a tracker can plot."""
    numbers = {}
    for name, value in values.items():
        if isinstance(value, (int, float)) and math.isfinite(value):
            numbers[name] = float(value)
    return numbers


def follow(folder: str | os.PathLike[str], receive: Callable[[Dict[str, Any]], Any], *,
           wait: bool = True) -> None:
    """Call `receive` for every segment that was reported with success, in their order.

    Each is a dict with `member`, `segment`, `steps` (that the member has trained), `age` (of the
    weights), `score` (the mean, where there are several, or None), `metrics`, `hyperparameters`.
    wait: go on until the study ends; else only what is there.
    """
    claims: Dict[int, Dict[str, Any]] = {}
    trained: Dict[int, int] = {}
    for event in _events(str(folder), wait):
        if event["type"] == "claim":
            claims[event["seq"]] = event
        if event["type"] != "report":
            continue
        claim = claims.pop(event["claim"], {})
        if event["outcome"] != "done":
            continue
        member = event["member"]
        trained[member] = trained.get(member, 0) + event["steps"]
        scores: List[float] = [one for one in event["scores"] or []
                               if isinstance(one, (int, float))]
        receive({"member": member, "segment": event["segment"], "steps": trained[member],
                 "age": event["age"], "score": sum(scores) / len(scores) if scores else None,
                 "metrics": event["metrics"] or {},
                 "hyperparameters": claim.get("hyperparameters", {})})


def track(folder: str | os.PathLike[str], tracker: Tracker, *, wait: bool = True) -> None:
    """Keep a study in a tracker: a run for each member, and one for the winner's lineage."""
    study = Study.open(folder)
    shown = study.summary()
    runs: Dict[int, Run] = {}

    def receive(segment: Mapping[str, Any]) -> None:
        member = segment["member"]
        if member not in runs:
            runs[member] = tracker.start(f"member {member}", shown["study"], {"member": member})
        values = {shown["score_name"]: segment["score"], "age": segment["age"],
                  **segment["metrics"],
                  **{f"hp/{name}": value for name, value in segment["hyperparameters"].items()}}
        runs[member].log(segment["steps"], _numbers(values))

    try:
        follow(folder, receive, wait=wait)
        best = study._json("best", str(folder), "--json", "--schedule")
        if best["best"] is not None:
            winner = tracker.start("winner", shown["study"], best["hyperparameters"])
            for part in best["lineage"]:
                held = [one["hyperparameters"] for one in best["schedule"]
                        if one["from"] <= part["from"] and part["to"] <= one["to"]]
                values = {shown["score_name"]: part["score"], "member": part["member"],
                          **{f"hp/{name}": value for name, value in (held or [{}])[0].items()}}
                winner.log(part["to"], _numbers(values))
            winner.finish()
    finally:
        for run in runs.values():
            run.finish()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pbt.track",
                                     description="Keep a study in a tracker.")
    parser.add_argument("dir", help="the study's folder")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--wandb", metavar="PROJECT", help="a project of Weights & Biases")
    where.add_argument("--mlflow", metavar="URI", help="a tracking URI of MLflow")
    parser.add_argument("--no-wait", action="store_true", help="only what is there now")
    options = parser.parse_args(arguments)
    try:
        tracker: Tracker
        if options.wandb:
            tracker = Wandb(options.wandb)
        else:
            tracker = Mlflow(options.mlflow)
        track(options.dir, tracker, wait=not options.no_wait)
    except (CommandNotFound, ImportError, StudyError) as error:
        print(f"pbt.track: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
