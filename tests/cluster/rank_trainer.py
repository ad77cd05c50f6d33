# SPDX-License-Identifier: Apache-2.0
"""rank_trainer.py - a trainer of several processes: each rank owns a part of the weights.

Every rank restores its part, trains it and saves it; rank 0 waits for the parts of all in the
folder that is saved into, which is the barrier before the report, and reports their mean. What a
rank was told goes as one JSON line into the file `note` of `fixed`.
"""

import json
import os
import random
import time

import pbt


def wait_for_parts(folder, ranks):
    """The parts that all ranks have saved."""
    paths = [folder / f"part.{rank}" for rank in range(ranks)]
    while not all(path.exists() for path in paths):
        time.sleep(0.002)
    return [json.loads(path.read_text()) for path in paths]


def note(path, task):
    line = json.dumps({"task": task.id, "rank": task.rank, "ranks": task.ranks, "start": task.start,
                       "hp": dict(task.hp), "seed": str(task.seed), "host": os.uname().nodename})
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(number, line.encode() + b"\n")
    os.close(number)


def main():
    part = None
    for task in pbt.tasks():
        note(task.fixed["note"], task)
        if task.start == "load":
            part = json.loads((task.load / f"part.{task.rank}").read_text())
            if part["rank"] != task.rank or part["checkpoint"] != task.from_checkpoint:
                raise RuntimeError(f"rank {task.rank} found {part} in {task.from_checkpoint}")
        elif task.start == "fresh":
            part = {"rank": task.rank, "place": random.Random(task.seed + task.rank).random()}
        for step in task.steps:
            part["place"] += task.hp["rate"] * (1 - part["place"])
            task.progress(step)
        part["checkpoint"] = task.checkpoint
        score = part["place"]
        if task.save:
            partial = task.save / f"part.{task.rank}.new"
            partial.write_text(json.dumps(part))
            os.rename(partial, task.save / f"part.{task.rank}")
            if task.rank == 0:
                parts = wait_for_parts(task.save, task.ranks)
                score = sum(one["place"] for one in parts) / task.ranks
        task.report(score)


if __name__ == "__main__":
    main()
