# SPDX-License-Identifier: Apache-2.0
"""slurm_lab.py - what the tests on a cluster share: a cluster for each test file, and studies that
know where it is.
"""

import os
import pathlib
import signal
import sys
import unittest

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "conformance")]

# pylint: disable=wrong-import-position
import real_study  # noqa: E402
import slurm_cluster  # noqa: E402
from real_study import Study, wait_for  # noqa: E402


class OnCluster(unittest.TestCase):
    """A test that has `cluster`."""

    cluster = None  # main() starts it

    def study(self, **spec):
        """What is to be seen while it runs must last: the queue is looked at once a second."""
        spec.setdefault("fixed", {"sleep": 0.05})
        study = Study(self, **spec)
        if study.spec["slots"] is None:  # the default: auto
            del study.spec["slots"]
            study.write_spec()
        for name in ("PATH", "SLURM_CONF"):
            study.environment[name] = self.cluster.environment[name]
        study.environment["PBT_BEAT"] = "0.5"
        self.addCleanup(self.cancel_all)
        return study

    def cancel_all(self):
        self.cluster.run("scancel", "--user=root", check=False)
        wait_for(lambda: not self.cluster.tasks(), "an empty queue")

    def submit(self, study, *options):
        """Start `pbt run --slurm`, which goes on for as long as the study does."""
        process = study.start("run", study.spec_file, "--dir", study.dir, "--slurm", *options)
        wait_for(lambda: (study.dir / "slurm" / "job").exists() or process.poll() is not None,
                 "a job")
        return process

    def job(self, study):
        return (study.dir / "slurm" / "job").read_text(encoding="utf-8")

    def tasks(self, study, state=None):
        """{task: node} of the study's job in that state, or of all."""
        return {task: node for task, (now, node) in self.cluster.tasks(self.job(study)).items()
                if state in (None, now)}

    def said(self, study):
        """What the workers' job said."""
        return "".join(path.read_text(encoding="utf-8", errors="replace")
                       for path in sorted((study.dir / "slurm").glob("*.out")))

    def hosts(self, study):
        return {event["host"] for event in study.log("worker")}

    def lost(self, study):
        return [event for event in study.log("release") if event["reason"] == "lost"]

    def ends(self, study, process, code=0):
        answer = study.finish(process)
        self.assertEqual(answer.code, code, f"{answer!r}\n{self.said(study)}")
        return answer

    def sound(self, study):
        study.sound()
        self.assertEqual(self.tasks(study, "RUNNING"), {})
        self.assertEqual(self.tasks(study, "PENDING"), {})
        self.assertEqual([event for event in study.log("report") if event["outcome"] != "done"], [])


def main():
    """Start a cluster and run all tests of the program on it."""
    problem = slurm_cluster.why_not()
    if problem is not None:
        print(f"skipped: {problem}", file=sys.stderr)
        sys.exit(77)
    os.environ.pop("SBATCH_PARTITION", None)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # through the `finally` below
    OnCluster.cluster = slurm_cluster.Cluster()
    try:
        real_study.main()
    finally:
        OnCluster.cluster.stop()
