# SPDX-License-Identifier: Apache-2.0
"""hill_trainer.py - the trainer of the conformance tests: one weight climbs a hill.

What it computes follows from the task alone, so that two runs can be compared. A checkpoint has two
parts, weights.json and filler.bin, both stamped with the checkpoint's id: parts that do not belong
together are an error. Knobs, all in `fixed` of the spec:

    sleep    seconds that a segment takes (default 0)
    size     bytes of filler.bin (default 100)
    spawn    true: start a process in a session of its own that outlives us unless it is killed
    note     a file: one JSON line a task is appended, what was told and what was loaded
    dawdle   seconds to wait before a checkpoint is loaded
    peak     the score is best when the weights have this age, whatever was learnt
    stubborn from this segment on: ignore TERM and be silent
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time


def digest(folder):
    """One hash over the names and bytes of all files of a checkpoint."""
    sums = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        with open(folder / name, "rb") as file:
            content = file.read()
        sums.update(f"{name} {len(content)}\n".encode())
        sums.update(content)
    return sums.hexdigest()


def restore(folder, checkpoint):
    """The weights; both parts must be those of the checkpoint that was named."""
    with open(folder / "weights.json", encoding="utf-8") as file:
        weights = json.load(file)
    with open(folder / "filler.bin", "rb") as file:
        stamp = file.readline().decode().strip()
    if not weights["checkpoint"] == stamp == checkpoint:
        raise RuntimeError(f'parts of {weights["checkpoint"]} and {stamp} in {checkpoint}')
    return weights


def store(folder, weights, size):
    with open(folder / "weights.json", "w", encoding="utf-8") as file:
        json.dump(weights, file)
    stamp = weights["checkpoint"].encode() + b"\n"
    filler = random.Random(weights["checkpoint"]).randbytes(max(0, size - len(stamp)))
    with open(folder / "filler.bin", "wb") as file:
        file.write(stamp + filler)


def train(weights, task):
    """Gradient steps with noise on -(place - 1)^2; every value is a function of the task."""
    dice = random.Random(task.seed)
    rate, momentum = task.hp["rate"], task.hp["momentum"]
    for step in task.steps:
        slope = 2 * (1 - weights["place"]) + dice.gauss(0, 0.5)
        weights["speed"] = momentum * weights["speed"] + rate * slope
        weights["place"] = max(-10.0, min(10.0, weights["place"] + weights["speed"]))
        task.progress(step)
    weights["age"] += len(task.steps)
    return -(weights["place"] - 1) ** 2


def note(path, task, loaded):
    """Append one line, whole, whoever else appends to the same file."""
    line = json.dumps({"process": os.getpid(), "task": task.id, "member": task.member,
                       "segment": task.segment, "attempt": task.attempt, "seed": str(task.seed),
                       "age": task.age, "steps": len(task.steps), "start": task.start,
                       "from": task.from_checkpoint, "checkpoint": task.checkpoint,
                       "hp": dict(task.hp), "loaded": loaded,
                       "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"),
                       "saved": digest(task.save) if task.save else None})
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(number, line.encode() + b"\n")
    os.close(number)


def main():
    import pbt  # here: those who import this file want digest() only

    weights = None
    spawned = False
    for task in pbt.tasks():
        fixed = dict(task.fixed)
        loaded = None
        if fixed.get("spawn") and not spawned:
            spawned = True
            subprocess.Popen(["sleep", "1000"], start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        if task.segment >= fixed.get("stubborn", task.segment + 1):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(1000)
        if task.start == "load":
            time.sleep(fixed.get("dawdle", 0))
            loaded = digest(task.load)
            weights = restore(task.load, task.from_checkpoint)
        elif task.start == "fresh":
            weights = {"place": random.Random(task.seed).uniform(-5, 5), "speed": 0.0, "age": 0}
        elif weights is None or weights["checkpoint"] != task.from_checkpoint:
            raise RuntimeError(f"told to keep {task.from_checkpoint}, but hold {weights}")
        if weights["age"] != task.age:
            raise RuntimeError(f'weights of age {weights["age"]}, but told {task.age}')
        score = train(weights, task)
        time.sleep(fixed.get("sleep", 0))
        weights["checkpoint"] = task.checkpoint
        if task.save:
            store(task.save, weights, fixed.get("size", 100))
        if fixed.get("note"):
            note(fixed["note"], task, loaded)
        if fixed.get("peak"):
            score -= 1000 * abs(weights["age"] - fixed["peak"])
        task.in_force(rate=task.hp["rate"], momentum=task.hp["momentum"])
        task.report(score, place=weights["place"])


if __name__ == "__main__":
    sys.exit(main())
