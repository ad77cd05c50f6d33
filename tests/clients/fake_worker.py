# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the trainer protocol, for tests of clients and trainers.

It is written from docs/protocol.md alone and refuses whatever that page does not allow: a message
of an unknown type, a number that is not finite, progress that runs backwards, a wrong task.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile

TIMEOUT = int(os.environ.get("PBT_TEST_SECONDS", "60"))
SOURCE = os.environ.get("PBT_SOURCE_DIR") or os.path.abspath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("PBT_BUILD_DIR", "")
PYTHON = os.environ.get("PBT_PYTHON", "/usr/bin/python3")
CLIENT = os.path.join(SOURCE, "python")
RANK_VARIABLES = ("PBT_RANK", "RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID")


def train_message(**changes):
    message = {
        "type": "train", "task": "3.12.1", "member": 3, "segment": 12, "attempt": 1,
        "seed": "18446744073709551615", "age": 6000, "steps": 5, "start": "fresh", "from": None,
        "load": None, "save": None, "checkpoint": None,
        "hyperparameters": {"lr": 0.5, "batch": 64, "act": "relu", "nesterov": True},
        "fixed": {"data": "./data", "n": 100}, "later": [1, {"x": None}],
    }
    message.update(changes)
    return message


def environment(**variables):
    """A trainer's environment: no PBT_ variable and no rank of ours leaks into it."""
    result = {name: value for name, value in os.environ.items()
              if not name.startswith("PBT_") and name not in RANK_VARIABLES}
    result.update(PYTHONPATH=CLIENT, PYTHONDONTWRITEBYTECODE="1", **variables)
    return result


def reject_constant(name):
    raise AssertionError(name + " is not JSON")


class Peer:
    """One connection of a trainer."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(TIMEOUT)
        self.file = connection.makefile("rb")

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def send_bytes(self, data):
        self.connection.sendall(data)

    def hear(self):
        """The next message; None at the end of the connection."""
        line = self.file.readline()
        if not line:
            return None
        assert line.endswith(b"\n") and len(line) <= 4 << 20, line
        return json.loads(line.decode("utf-8"), parse_constant=reject_constant)

    def hear_answer(self, task):
        """(progress messages, the `done` or `error`) of a task."""
        progress, last = [], 0
        while True:
            message = self.hear()
            assert message is not None, "the trainer closed the connection"
            assert message["task"] == task["task"], message
            if message["type"] in ("done", "error"):
                return progress, message
            assert message["type"] == "progress", message
            assert last <= message["step"] and 1 <= message["step"] <= task["steps"], message
            last = message["step"]
            progress.append(message)

    def run(self, **changes):
        """Send a train message and return its `done`."""
        task = train_message(**changes)
        self.send(task)
        return self.hear_answer(task)[1]

    def close(self):
        self.file.close()
        self.connection.close()


class FakeWorker:
    """Listens; starts trainers; cleans up: with FakeWorker() as worker: ..."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="pbt-fake-")
        self.path = os.path.join(self.folder, "socket")
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.listener.settimeout(TIMEOUT)
        self.processes = []
        self.peers = []
        return self

    def __exit__(self, *_):
        for peer in self.peers:
            peer.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self.listener.close()
        shutil.rmtree(self.folder)

    def start(self, command, cwd=None, **variables):
        """Start a trainer; (process, its connection, its hello)."""
        process = subprocess.Popen(
            command, cwd=cwd or self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, env=environment(PBT_SOCKET=self.path, **variables))
        self.processes.append(process)
        peer = Peer(self.listener.accept()[0])
        self.peers.append(peer)
        hello = peer.hear()
        assert hello["type"] == "hello" and hello["protocol"] == 1, hello
        return process, peer, hello

    def start_python(self, program, **variables):
        return self.start([PYTHON, "-c", program], **variables)

    def make_folder(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        return path


def finish(process):
    """(exit code, what it wrote to standard error)."""
    _, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, errors.decode("utf-8", "replace")
