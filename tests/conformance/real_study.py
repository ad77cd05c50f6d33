# SPDX-License-Identifier: Apache-2.0
"""real_study.py - what the conformance tests share: studies run by the real `pbt`, and what is
asked of each of them.

A Study is a folder of its own with a spec, the trainer hill_trainer.py and whatever processes were
started in it. All of them carry a marker in their environment, so that a process that was left over
is found wherever it hides. `sound()` asks what must hold of every study that has ended, whatever
happened to it: that is most of rule 12.

When nothing of a test file can run here, its main() leaves with 77, which the test driver shows as
skipped; single tests that cannot run are named on stderr.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

SOURCE = pathlib.Path(os.environ.get("PBT_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
PBT = os.environ.get("PBT_BIN", str(SOURCE / "build" / "release" / "bin" / "pbt"))
TRAINER = str(pathlib.Path(__file__).with_name("hill_trainer.py"))
PYTHON = "/usr/bin/python3"
MARK = "PBT_CONFORMANCE_MARK"
JOURNAL = os.environ.get("PBT_TEST_JOURNAL", "").split()  # --journal KIND, see test_backends.py
PATIENCE = 60.0  # seconds that anything that must happen may take on a busy machine

# In the log, but no part of what happened: who did it, when, at which attempt, and how it is
# numbered there. (The hash is that of a checkpoint that names its attempt.)
PASSING = ("seq", "time", "text", "claim", "worker", "slot", "attempt", "load_ms", "train_ms",
           "save_ms", "hash", "message")


def wait_for(condition, what, seconds=PATIENCE):
    """Wait until condition() is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"in {seconds:.0f} s there was not: {what}")
        time.sleep(0.01)


def marked_processes(mark):
    """{pid: environment} of the live processes that carry the marker."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                variables = file.read().split(b"\0")
            with open(f"/proc/{name}/stat", "rb") as file:
                status = file.read().rpartition(b")")[2].split()[0]
        except OSError:
            continue  # it has ended, or is not ours
        if wanted in variables and status not in (b"Z", b"X"):
            found[int(name)] = variables
    return found


def command_line(pid):
    """The arguments of a process; [] when it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def kill(pid):
    """kill -9; false when it had ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Answer:
    """How a command that was waited for ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out[-2000:]}\nstderr: {self.err[-2000:]}"


class Study:
    """One study in a folder of its own."""

    def __init__(self, case, base=None, **changes):
        self.case = case
        self.program = PBT
        self.mark = uuid.uuid4().hex
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pbt-conf-", dir=base))
        case.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        case.addCleanup(self.kill_all)
        self.dir = self.folder / "study"
        self.notes = self.folder / "notes"
        self.environment = dict(os.environ, **{MARK: self.mark})
        self.environment.pop("PYTHONPATH", None)  # pbt itself brings its client to its trainers
        self.environment.pop("XDG_RUNTIME_DIR", None)
        self.environment["TMPDIR"] = str(self.folder)  # what kill -9 leaves there goes with it
        self.spec = {
            "study": "hill", "seed": 1,
            "trainer": {"command": [PYTHON, "-S", TRAINER], "retries": 1000,
                        "limits": {"start": "60s", "silence": "60s", "grace": "2s"}},
            "population": 6, "steps": 200, "ready": 20, "max_age": 1000000,
            "space": {"rate": {"type": "log", "low": 1e-4, "high": 1},
                      "momentum": {"type": "linear", "low": 0, "high": 0.9}},
            "strategy": {"name": "pbt", "mode": "async",
                         "exploit": {"name": "truncation", "quantile": 0.3}},
            "slots": 2, "sync": "normal",
        }
        self.spec.update(changes)
        self.spec_file = self.folder / "hill.yaml"
        self.write_spec()

    def write_spec(self):
        """JSON is YAML; only durations must not be quoted."""
        text = re.sub(r'"(\d+(?:ms|s|m))"', r"\1", json.dumps(self.spec, indent=1))
        self.spec_file.write_text(text, encoding="utf-8")

    @property
    def members(self):
        return self.spec["population"]

    @property
    def segments(self):
        return -(-self.spec["steps"] // self.spec["ready"])

    # -------- running commands --------

    def start(self, *arguments, **options):
        """Start `pbt ARGUMENTS...`, its output in files (a pipe may be held by what it started)."""
        number = len(os.listdir(self.folder))
        outputs = [self.folder / f"{number}.{name}" for name in ("out", "err")]
        with open(outputs[0], "wb") as out, open(outputs[1], "wb") as err:
            process = subprocess.Popen(
                [*options.pop("prefix", ()), self.program, *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self.environment,
                cwd=self.folder, **options)
        process.outputs = outputs
        self.case.addCleanup(process.wait)
        self.case.addCleanup(kill, process.pid)
        return process

    def finish(self, process, seconds=PATIENCE):
        """Wait for a started command."""
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = "none, it did not end"
        out, err = (path.read_text(encoding="utf-8", errors="replace")
                    for path in process.outputs)
        return Answer(code, out, err)

    def pbt(self, *arguments, code=0, **options):
        """Run a command to its end, which must be this exit code (None: any)."""
        seconds = options.pop("seconds", PATIENCE)
        answer = self.finish(self.start(*arguments, **options), seconds)
        if code is not None:
            self.case.assertEqual(answer.code, code, f"pbt {arguments}: {answer!r}")
        return answer

    def run_arguments(self, *arguments):
        return ("run", self.spec_file, "--dir", self.dir, "--quiet", *JOURNAL, *arguments)

    def start_run(self, *arguments, **options):
        return self.start(*self.run_arguments(*arguments), **options)

    def run(self, *arguments, **options):
        """A whole study."""
        return self.pbt(*self.run_arguments(*arguments), **options)

    # -------- looking --------

    def log_lines(self):
        """The events, each as the text that `pbt log --json` prints."""
        return self.pbt("log", self.dir, "--json").out.splitlines()

    def log(self, kind=None):
        """The events of one type, or all."""
        events = map(json.loads, self.log_lines())
        return [event for event in events if kind in (None, event["type"])]

    def show(self):
        return json.loads(self.pbt("show", self.dir, "--json").out)

    def begun(self):
        """Is there a journal in the folder, whatever its kind?"""
        return any(self.dir.glob("journal*"))

    def reports(self):
        """How many segments are done; 0 while there is no study yet."""
        if not self.begun():
            return 0
        answer = self.pbt("show", self.dir, "--json", code=None)
        return json.loads(answer.out)["counts"]["segments"] if answer.code == 0 else 0

    def wait_reports(self, count):
        wait_for(lambda: self.reports() >= count, f"{count} reports")

    def checkpoints(self):
        """Names of all that is in the checkpoint folder."""
        try:
            return sorted(os.listdir(self.dir / "checkpoints"))
        except FileNotFoundError:
            return []

    def noted(self):
        """What the trainer noted of its tasks."""
        if not self.notes.exists():
            return []
        with open(self.notes, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def outcome(self):
        """What happened to each segment of each member, without when, where and by whom: equal for
        two runs that are the same study. A claim that came to nothing is no part of it."""
        events = {}
        for event in self.log():
            if event["type"] in ("claim", "report", "decision") \
                    and event.get("outcome", "done") == "done":
                key = event["member"], event["segment"], event["type"]
                for name in PASSING:
                    event.pop(name, None)
                for name in ("from", "checkpoint"):
                    if event.get(name):
                        event[name] = event[name].rpartition(".a")[0]
                events[key] = event
        return events

    # -------- processes --------

    def processes(self):
        return marked_processes(self.mark)

    def trainers(self):
        """The trainers that run, by pid."""
        return [pid for pid in self.processes() if TRAINER in command_line(pid)
                and "shim" not in command_line(pid)[:2]]

    def shims(self):
        return [pid for pid in self.processes() if command_line(pid)[1:2] == ["shim"]]

    def kill_all(self):
        """Kill whatever runs with our marker."""
        for pid in self.processes():
            kill(pid)

    def alone(self):
        """Nothing that was started in this study runs any more. What was orphaned by kill -9 takes
        a moment to be told."""
        left = {}
        end = time.monotonic() + 10
        while time.monotonic() < end:
            left = self.processes()
            if not left:
                return
            time.sleep(0.02)
        self.case.fail(f"left over: { {pid: command_line(pid) for pid in left} }")

    # -------- what must hold --------

    def tidy(self):
        """Nothing temporary is left where temporary things go."""
        self.case.assertEqual(list(self.folder.glob("pbt-*")), [])

    def is_prefix(self, before, after):
        """What was appended is never changed nor lost."""
        for old, new in zip(before, after):
            self.case.assertEqual(old, new)
        self.case.assertLessEqual(len(before), len(after))

    def check_reports(self):
        """Each segment of each member was reported as done exactly once, and none is missing."""
        done = [(event["member"], event["segment"]) for event in self.log("report")
                if event["outcome"] == "done"]
        wanted = [(member, segment + 1) for member in range(self.members)
                  for segment in range(self.segments)]
        self.case.assertEqual(sorted(done), wanted)
        attempts = [(event["member"], event["segment"], event["attempt"])
                    for event in self.log("report")]
        self.case.assertEqual(len(attempts), len(set(attempts)))

    def check_checkpoints(self):
        """On disk is what the journal says, and nothing else."""
        show = self.show()
        names = self.checkpoints()
        self.case.assertEqual(len(names), show["checkpoints"]["count"], names)
        for name in names:
            self.case.assertRegex(name, r"^m\d+\.s\d+\.a\d+$")
        self.case.assertLessEqual(len(names), 2 * self.members + 1)

    def sound(self):
        """Everything that must hold of a study that has ended by its budget."""
        show = self.show()
        self.case.assertEqual((show["status"], show["stop"]), ("ended", "budget"))
        self.check_reports()
        answer = json.loads(self.pbt("verify", self.dir, "--json").out)
        self.case.assertTrue(answer["good"], answer)
        self.case.assertEqual(answer["decisions"], self.members * self.segments)
        self.check_checkpoints()
        self.alone()


def main():
    """unittest.main() that leaves with 77 when all tests were skipped."""
    if not os.access(PBT, os.X_OK):
        print(f'skipped: there is no "{PBT}"', file=sys.stderr)
        sys.exit(77)
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
