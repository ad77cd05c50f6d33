#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_slurm_leaving.py - rules 12 and 15 where Slurm places the workers: tasks that are cancelled,
reach their time limit or are queued again, nodes that are drained, fail and come back.
"""

import random
import time

from slurm_lab import OnCluster, main, slurm_cluster, wait_for


class Leaving(OnCluster):
    """Workers that are told to go, and those that come back."""

    def test_rule_12_a_cancelled_job_leaves_in_order_and_is_submitted_again(self):
        study = self.study(steps=400)
        first = self.submit(study, "--nodes", "2")
        study.wait_reports(4)
        wait_for(lambda: len(self.hosts(study)) > 0 and len(study.log("worker")) == 2, "workers")
        self.cluster.run("scancel", self.job(study))
        answer = self.ends(study, first, 1)
        self.assertIn("has left the queue, and the study has not ended", answer.err)
        self.assertIn(f"pbt resume {study.dir} --slurm", answer.err)
        study.alone()
        self.assertEqual(len(study.log("leave")), 2)
        self.assertEqual(self.lost(study), [])
        before = study.log_lines()
        self.ends(study, study.start("resume", study.dir, "--slurm", "--nodes", "3"))
        study.is_prefix(before, study.log_lines())
        self.sound(study)

    def test_rule_12_at_its_time_limit_a_task_goes_back_into_the_queue(self):
        """The limit is a minute, Slurm's shortest; the signal comes half a minute before it."""
        study = self.study(steps=2000, fixed={"sleep": 0.6}, population=4)
        process = self.submit(study, "--time", "1", "--", "--signal=B:USR1@30")
        wait_for(lambda: study.log("leave"), "the worker's leaving", 90)
        wait_for(lambda: len(study.log("worker")) == 2, "its coming back", 60)
        self.assertIn("Restarts=1", self.cluster.run("scontrol", "show", "job", self.job(study)))
        self.assertNotIn("DUE TO TIME LIMIT", self.said(study))
        self.assertIsNone(process.poll())
        process.terminate()
        self.ends(study, process, 130)
        self.assertEqual(self.lost(study), [])

    def test_rule_12_a_task_that_is_told_to_go_comes_back_and_the_study_ends(self):
        study = self.study(steps=400, fixed={"sleep": 0.1})
        process = self.submit(study, "--nodes", "2")
        wait_for(lambda: len(study.log("worker")) == 2, "two workers")
        for task in self.tasks(study, "RUNNING"):
            self.cluster.run("scancel", "--batch", "--signal=USR1", task)
        wait_for(lambda: len(study.log("leave")) == 2, "their leaving")
        self.ends(study, process)
        self.assertEqual(len(study.log("worker")), 4)
        self.assertEqual(self.lost(study), [])
        self.sound(study)

    def test_rule_15_a_node_that_is_drained_and_comes_back(self):
        study = self.study(steps=800, fixed={"sleep": 0.5})
        process = self.submit(study, "--nodes", "3", "--", "--exclusive")
        wait_for(lambda: len(study.log("worker")) == 3, "three workers")
        task = next(name for name, node in self.tasks(study, "RUNNING").items() if node == "n2")
        self.cluster.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test")
        self.addCleanup(self.cluster.run, "scontrol", "update", "NodeName=n2", "State=RESUME",
                        check=False)
        self.cluster.run("scancel", "--batch", "--signal=USR1", task)
        wait_for(lambda: task in self.tasks(study, "PENDING"), "the task's waiting for a node")
        wait_for(lambda: len(study.log("leave")) == 1, "the worker's leaving")
        time.sleep(slurm_cluster.REQUEUE_SECONDS + 2)
        self.assertIn(task, self.tasks(study, "PENDING"))  # n2 is not to be had
        self.cluster.run("scontrol", "update", "NodeName=n2", "State=RESUME")
        wait_for(lambda: len(study.log("worker")) == 4, "its coming back")
        self.ends(study, process)
        self.assertEqual(self.lost(study), [])
        self.sound(study)

    def test_rule_15_a_node_that_fails_is_replaced(self):
        """Slurm kills what it ran there and queues the task again; the claims are freed by the
        worker that is left, since nobody said goodbye."""
        study = self.study(steps=400, fixed={"sleep": 0.15})
        process = self.submit(study, "--nodes", "2", "--", "--exclusive")
        wait_for(lambda: len(study.log("worker")) == 2, "two workers")
        node = next(iter(self.tasks(study, "RUNNING").values()))
        study.wait_reports(4)
        self.cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        self.addCleanup(self.cluster.run, "scontrol", "update", f"NodeName={node}", "State=RESUME",
                        check=False)
        wait_for(lambda: len(study.log("worker")) == 3, "a worker in its place")
        self.ends(study, process)
        study.sound()

    def test_rule_15_whatever_happens_to_its_tasks_and_nodes_a_study_ends(self):
        study = self.study(population=8, steps=1000, fixed={"sleep": 0.3})
        process = self.submit(study, "--nodes", "3", "--", "--exclusive")
        study.wait_reports(1)
        dice = random.Random(6)
        before = study.log_lines()
        for _ in range(8):
            self.trouble(study, dice)
            time.sleep(dice.uniform(0.5, 2.0))
            lines = study.log_lines()
            study.is_prefix(before, lines)
            before = lines
        self.ends(study, process)
        study.sound()
        self.assertGreater(len(study.log("leave")), 4)

    def trouble(self, study, dice):
        """One thing that an operator, a user or a broken machine does."""
        kind = dice.choice(("leave", "requeue", "drain", "down"))
        running = self.tasks(study, "RUNNING")
        if kind in ("drain", "down"):
            name = dice.choice(self.cluster.nodes)
            self.cluster.run("scontrol", "update", f"NodeName={name}", f"State={kind}",
                             "Reason=test")
            time.sleep(dice.uniform(0.0, 1.0))
            self.cluster.run("scontrol", "update", f"NodeName={name}", "State=RESUME", check=False)
        elif running:
            task = dice.choice(sorted(running))
            leave = ("scancel", "--batch", "--signal=USR1")
            command = ("scontrol", "requeue") if kind == "requeue" else leave
            self.cluster.run(*command, task, check=False)

    def test_rule_12_more_workers_are_a_job_of_ones_own(self):
        study = self.study(steps=400, fixed={"sleep": 0.2})
        process = self.submit(study)
        study.wait_reports(1)
        self.cluster.run("sbatch", "--array=1-2", f"--output={study.folder}/more.out",
                    study.dir / "slurm" / "job.sh", study.program, study.dir, "--slots", "1")
        wait_for(lambda: len(study.log("worker")) == 3, "two more workers")
        self.ends(study, process)
        self.sound(study)

    def test_rule_12_tasks_that_still_wait_when_the_study_ends_are_not_kept(self):
        study = self.study(steps=200, fixed={"sleep": 0.5})  # so that the queue is seen meanwhile
        process = self.submit(study, "--nodes", "6", "--", "--exclusive")
        wait_for(lambda: self.tasks(study, "PENDING"), "a task that waits")
        answer = self.ends(study, process)
        self.assertRegex(answer.out, r"3 running, 3 waiting \(Resources\)|3 waiting \(Priority\)")
        self.assertEqual(self.tasks(study, "PENDING"), {})
        self.sound(study)


if __name__ == "__main__":
    main()
