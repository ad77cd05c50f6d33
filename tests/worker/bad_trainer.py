# SPDX-License-Identifier: Apache-2.0
"""A trainer that misbehaves once, for the worker's tests.

    python3 -S bad_trainer.py MODE

It speaks the protocol by hand. The first process that makes the file MODE.done in its folder does
what MODE says; every later one behaves, so that the study can go on. The mode "good" always
behaves. """
import json
import os
import signal
import socket
import sys
import time

MODE = sys.argv[1]
RANKS = int(os.environ.get("BAD_RANKS", "1"))


def is_first():
    """Whether this process is the one to misbehave."""
    try:
        os.close(os.open(MODE + ".done", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        return MODE != "good"
    except FileExistsError:
        return False


class Worker:
    """The other side of the socket."""

    def __init__(self, rank=0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(os.environ["PBT_SOCKET"])
        self.lines = self.socket.makefile("r")
        self.rank = rank

    def send(self, **message):
        self.socket.sendall((json.dumps(message) + "\n").encode())

    def hello(self, **more):
        message = {"type": "hello", "protocol": 1, "rank": self.rank, "ranks": RANKS}
        message.update(more)
        self.send(**message)

    def receive(self):
        line = self.lines.readline()
        return json.loads(line) if line else {"type": "exit"}


def forever():
    while True:
        time.sleep(60)


def ignore_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def grandchild(new_session):
    """A child that outlives this process, keeps its pipes and ignores TERM."""
    if os.fork() == 0:
        if new_session:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
        ignore_term()
        forever()


def before_hello(mode):
    if mode == "hang_before_hello":
        print("loading the data", flush=True)
        forever()
    if mode == "hang_ignoring_term":
        ignore_term()
        forever()
    if mode == "exit_before_hello":
        sys.exit(0)
    if mode == "crash_before_hello":
        print("ModuleNotFoundError: No module named 'torchh'", file=sys.stderr, flush=True)
        sys.exit(1)


def save(task, mode):
    folder = task["save"]
    if mode == "save_fifo":
        os.mkfifo(folder + "/pipe")
    elif mode == "save_link":
        os.symlink("/etc/passwd", folder + "/link")
    elif mode == "save_gone":
        os.rmdir(folder)
    elif mode != "save_nothing":
        with open(folder + "/weights", "w", encoding="utf-8") as file:
            file.write(task["task"])
    if mode == "store_gone":
        store = folder[: folder.index("/checkpoints") + len("/checkpoints")]
        os.rename(store, os.path.dirname(store) + "/away")


def done_message(task, mode):
    how = ["fresh", "load", "keep"].index(task["start"])
    message = {
        "type": "done",
        "task": task["task"],
        "score": 1.0 / task["segment"],
        "metrics": {"start": how, "process": os.getpid()},
    }
    if mode == "wrong_task":
        message["task"] = "9.9.9"
    if mode == "lie":
        message["in_force"] = {"lr": task["hyperparameters"]["lr"] * 1.5}
    if mode == "unread":
        message["read"] = []
    if mode == "nan_score":
        message["score"] = "NaN"
    if mode == "inf_score":
        message["score"] = "-Infinity"
    if mode == "no_score":
        del message["score"]
    if mode == "bare_nan":
        message["score"] = float("nan")
    if mode == "text_score":
        message["score"] = "high"
    return message


def misbehave(worker, task, mode):
    """What is wrong before the segment is done; may not return."""
    name = task["task"]
    if mode.startswith("rank_"):
        forever()
    if mode == "hang_in_segment":
        forever()
    if mode == "slow_segment":
        for step in range(1, 1000000):
            worker.send(type="progress", task=name, step=1)
            time.sleep(0.02)
    if mode == "crash":
        print("Traceback\nValueError: no such layer", file=sys.stderr, flush=True)
        os._exit(3)
    if mode == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if mode == "exit_early":
        sys.exit(0)
    if mode == "grandchild":
        grandchild(False)
        os._exit(1)
    if mode == "daemon":
        grandchild(True)
        time.sleep(0.05)
        os._exit(1)
    if mode == "kill_shim":
        grandchild(True)
        os.kill(os.getppid(), signal.SIGKILL)
        forever()
    if mode == "flood":
        for _ in range(400):
            os.write(1, b"x" * 65535 + b"\n")
    if mode == "rubbish":
        worker.socket.sendall(b"Epoch 1: loss=0.3\n")
        forever()
    if mode == "binary":
        worker.socket.sendall(bytes(range(256)) + b"\n")
        forever()
    if mode == "huge_line":
        try:
            worker.socket.sendall(b"x" * (5 << 20))
        except OSError:
            pass
        forever()
    if mode == "second_hello":
        worker.hello()
        forever()
    if mode == "unknown_type":
        worker.send(type="finished", task=name)
        forever()
    if mode == "backwards":
        worker.send(type="progress", task=name, step=1)
        worker.send(type="progress", task=name, step=0)
        forever()
    if mode == "past_the_end":
        worker.send(type="progress", task=name, step=10**9)
        forever()
    if mode == "hang_up":
        worker.lines.close()
        worker.socket.close()
        forever()
    if mode.startswith("error_"):
        worker.send(type="error", task=name, kind=mode[6:], message="it went wrong")
        forever()


def serve(worker, mode):
    while True:
        task = worker.receive()
        if task["type"] == "exit":
            return
        time.sleep(float(os.environ.get("BAD_SLEEP", "0")))
        misbehave(worker, task, mode)
        if task["save"]:
            save(task, mode)
        elif task["load"]:
            with open(task["load"] + "/weights", encoding="utf-8") as file:
                assert file.read().count(".") == 2
        message = done_message(task, mode)
        if mode == "double_done":
            line = (json.dumps(message) + "\n").encode()
            worker.socket.sendall(line + line)
        else:
            worker.send(**message)
        mode = "good"


def other_rank(worker, mode):
    worker.hello()
    while True:
        task = worker.receive()
        if task["type"] == "exit":
            return
        if mode == "rank_error":
            text = "rank 1 is out of memory"
            worker.send(type="error", task=task["task"], kind="oom", message=text)
            forever()
        if mode == "rank_done":
            worker.send(type="done", task=task["task"], score=1)
            forever()


def main():
    mode = MODE if is_first() else "good"
    before_hello(mode)
    for rank in range(1, RANKS if mode != "rank_missing" else 1):
        if os.fork() == 0:
            other_rank(Worker(rank), mode)
            os._exit(0)
    worker = Worker()
    if mode == "early_done":
        worker.send(type="done", task="0.1.1", score=1)
        forever()
    hellos = {"other_protocol": {"protocol": 7}, "from_files": {"keep": False}}
    worker.hello(**hellos.get(mode, {}))
    serve(worker, mode)


main()
