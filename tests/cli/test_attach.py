# SPDX-License-Identifier: Apache-2.0
"""test_attach.py - pbt attach, and run and resume with --slurm as far as they go without Slurm: its
commands are small scripts here. With the real ones: tests/cluster/test_slurm.py.

Rules: following changes nothing; Ctrl-C stops looking; a study whose job is gone is not waited for;
options that cannot be are refused before anything is made.
"""
import os
import signal
import unittest

from cli_lab import Lab

SLOW = "fixed: {pause: 0.01}\n"
SBATCH = """#!/bin/sh
[ "$1" = --version ] && exit 0
echo 4711
"""
SQUEUE = """#!/bin/sh
cat "$(dirname "$0")/queue"
"""


class SlurmLab(Lab):
    """With an sbatch and a squeue of its own."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        self.environment = dict(os.environ, PATH=f"{self.path('bin')}:{os.environ['PATH']}")
        self.queue("")
        for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE)):
            self.write(f"bin/{name}", text)
            os.chmod(self.path("bin", name), 0o755)

    def queue(self, lines):
        """What squeue will say."""
        self.write("bin/queue.part", lines)
        os.rename(self.path("bin", "queue.part"), self.path("bin", "queue"))

    def slurm(self, *arguments, code=0):
        return self.pbt(*arguments, code=code, env=self.environment)

    def start_slurm(self, *arguments):
        os.environ["PATH"], before = self.environment["PATH"], os.environ["PATH"]
        try:
            return self.start(*arguments)
        finally:
            os.environ["PATH"] = before


class Attach(SlurmLab):

    def test_a_study_is_followed_to_its_end(self):
        self.make_spec(SLOW)
        child = self.start("run", "toy.yaml", "--quiet")
        self.wait_for_segments(1)
        done = self.pbt("attach", "toy")
        self.assertRegex(done.stdout, r"^toy: 4 members, 60 steps each, in toy\n")
        self.assertIn("toy: ended, every member is through", done.stdout)
        self.assertNotIn("job", done.stdout)
        self.assertEqual(child.wait(), 0)
        self.assertEqual(len([line for line in self.pbt("log", "toy").stdout.splitlines()
                              if "joined" in line]), 1)

    def test_a_study_that_has_ended_is_summed_up(self):
        self.run_toy()
        self.assertEqual(self.json("attach", "toy")["status"], "ended")
        self.assertEqual(self.pbt("attach", "toy", "--quiet").stdout, "")

    def test_the_final_evaluation_is_left_to_the_workers(self):
        """Where it is followed, nothing is trained: not even what a worker tried in vain."""
        done = self.run_toy("final_evaluation: {crash: true}\n")
        self.assertIn("the final evaluation failed", done.stderr)
        self.assertEqual(self.pbt("attach", "toy").stderr, "")

    def test_ctrl_c_stops_looking(self):
        self.make_spec(SLOW)
        child = self.start("run", "toy.yaml", "--quiet")
        self.wait_for_segments(1)
        looker = self.start("attach", "toy")
        self.assertIn("toy: 4 members", looker.stdout.readline())
        looker.send_signal(signal.SIGINT)
        self.assertEqual(looker.wait(), 130)
        self.assertEqual(looker.stderr.read(),
                         "pbt attach: the study goes on. To follow it again:\n  pbt attach toy\n")
        self.assertEqual(child.wait(), 0)

    def test_there_is_no_study(self):
        self.assertIn("there is no study", self.pbt("attach", "nowhere", code=2).stderr)

    def test_a_job_that_is_gone_is_not_waited_for(self):
        self.make_spec()
        done = self.slurm("run", "toy.yaml", "--slurm", code=1)
        self.assertIn("job 4711: has left the queue\n", done.stdout)
        self.assertEqual(done.stderr, "pbt run: job 4711 has left the queue, and the study has not "
                         "ended\nhint: what its workers said is in slurm/4711_*.out of the study "
                         "folder; to go on: pbt resume ./toy --slurm\n")

    def test_a_job_is_followed_until_it_has_left_the_queue(self):
        """One that leaves a node may go back into the queue; when the study has ended it will
        not."""
        self.make_spec(SLOW)
        self.queue("RUNNING None\nPENDING Resources\n")
        child = self.start_slurm("run", "toy.yaml", "--slurm")
        self.wait_for(lambda: os.path.exists(self.path("toy", "slurm", "job")))
        self.assertIn("toy: 4 members", child.stdout.readline())
        self.assertIn("job 4711: 1 running, 1 waiting (Resources)\n", child.stdout.readline())
        self.queue("COMPLETING None\n")
        worker = self.start("worker", "toy", "--quiet")
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(child.wait(), 0)
        self.assertIn("toy: ended", child.stdout.read())
        self.queue("RUNNING None\n")
        err = self.slurm("resume", "toy", "--steps", "80", "--slurm", code=2).stderr
        self.assertIn("job 4711 of this study is in the queue", err)

    def test_slurm_that_does_not_answer_is_a_warning(self):
        self.make_spec(SLOW)
        self.queue("RUNNING None\n")
        self.write("bin/squeue", "#!/bin/sh\necho 'no controller' >&2; exit 1\n")
        child = self.start_slurm("run", "toy.yaml", "--slurm")
        self.wait_for(lambda: os.path.exists(self.path("toy", "slurm", "job")))
        self.pbt("worker", "toy", "--quiet")
        self.assertEqual(child.wait(), 0)
        self.assertIn("warning: squeue failed: no controller\n", child.stdout.read())


class Refusing(SlurmLab):
    def refused(self, expected, *arguments):
        done = self.pbt("run", "toy.yaml", *arguments, code=2, env=self.environment)
        self.assertIn(expected, done.stderr)
        self.assertFalse(os.path.exists(self.path("toy")))
        return done.stderr

    def test_options_of_a_job_without_slurm(self):
        self.make_spec()
        self.refused("--nodes is for jobs: give --slurm, too", "--nodes", "2")
        self.refused("--time is for jobs", "--time", "1:00")
        self.refused('unexpected argument "--nice"', "--", "--nice")
        self.refused('unexpected argument "more.yaml"', "more.yaml", "--slurm")
        done = self.pbt("resume", "toy", "--partition", "x", code=2)
        self.assertIn("--partition is for jobs", done.stderr)

    def test_a_journal_that_cannot_be_shared(self):
        self.make_spec()
        self.refused("SQLite journal cannot be used from several machines", "--slurm",
                     "--journal", "sqlite")

    def test_slurm_is_not_there(self):
        self.make_spec()
        self.environment["PATH"] = "/nonexistent"
        err = self.refused('could not run "sbatch"', "--slurm")
        self.assertIn("hint: Slurm's commands must be in PATH: submit from a login node", err)


if __name__ == "__main__":
    unittest.main()
