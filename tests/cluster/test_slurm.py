#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_slurm.py - rules 11, 12 and 15 where Slurm places the workers: `pbt run --slurm`, following
and cancelling, time limits, nodes that go away and come back, and what is said when it is refused.

The cluster is one of Debian's packages, started here: support/slurm_cluster.py.
"""

import json
import os
import pathlib
import random
import signal
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "conformance")]

# pylint: disable=wrong-import-position
import slurm_cluster  # noqa: E402
from real_study import Study, main, wait_for  # noqa: E402

CLUSTER = None  # main() starts it


class OnSlurm(unittest.TestCase):
    """What the tests share."""

    def study(self, **spec):
        spec.setdefault("fixed", {"sleep": 0.05})
        study = Study(self, **spec)
        if study.spec["slots"] is None:  # the default: auto
            del study.spec["slots"]
            study.write_spec()
        for name in ("PATH", "SLURM_CONF"):
            study.environment[name] = CLUSTER.environment[name]
        study.environment["PBT_BEAT"] = "0.5"
        self.addCleanup(self.cancel_all)
        return study

    def cancel_all(self):
        CLUSTER.run("scancel", "--user=root", check=False)
        wait_for(lambda: not CLUSTER.tasks(), "an empty queue")

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
        return {task: node for task, (now, node) in CLUSTER.tasks(self.job(study)).items()
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


class Following(OnSlurm):

    def test_rule_12_a_study_is_submitted_followed_and_ends(self):
        study = self.study()
        answer = self.ends(study, self.submit(study, "--nodes", "2", "--", "--exclusive"))
        self.assertRegex(answer.out, r"job \d+: 2 running, 0 waiting\n")
        self.assertRegex(answer.out, r"job \d+: has left the queue\n")
        self.assertIn("hill: ended, every member is through", answer.out)
        self.assertEqual(len(self.hosts(study)), 2)
        self.assertTrue((study.dir / "journal").is_dir())
        self.sound(study)

    def test_rule_12_the_folder_may_have_any_name(self):
        study = self.study(steps=40)
        study.dir = study.folder / "a b%j'$(touch x) ; \u00fc"
        self.ends(study, self.submit(study))
        self.assertTrue(list((study.dir / "slurm").glob("*_1.out")))
        self.sound(study)

    def test_rule_12_the_terminal_is_lost_and_another_one_follows(self):
        study = self.study(steps=400)
        first = self.submit(study, "--nodes", "2")
        study.wait_reports(4)
        first.kill()
        first.wait()
        done = study.reports()
        wait_for(lambda: study.reports() > done, "reports after the terminal was lost")
        answer = self.ends(study, study.start("attach", study.dir, "--json"))
        self.assertEqual(json.loads(answer.out)["status"], "ended")
        self.assertRegex(answer.err, r"job \d+: 2 running")
        self.sound(study)

    def test_rule_12_ctrl_c_stops_looking_and_says_how_to_go_on(self):
        study = self.study(steps=400)
        first = self.submit(study)
        study.wait_reports(2)
        first.send_signal(signal.SIGINT)
        answer = self.ends(study, first, 130)
        self.assertEqual(answer.err, "pbt run: the study goes on. To follow it again:\n"
                         f"  pbt attach {study.dir}\nto cancel it:\n"
                         f"  scancel {self.job(study)}\n")
        self.ends(study, study.start("attach", study.dir))
        self.sound(study)


class Leaving(OnSlurm):
    """Workers that are told to go, and those that come back."""

    def test_rule_12_a_cancelled_job_leaves_in_order_and_is_submitted_again(self):
        study = self.study(steps=400)
        first = self.submit(study, "--nodes", "2")
        study.wait_reports(4)
        wait_for(lambda: len(self.hosts(study)) > 0 and len(study.log("worker")) == 2, "workers")
        CLUSTER.run("scancel", self.job(study))
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
        self.assertIn("Restarts=1", CLUSTER.run("scontrol", "show", "job", self.job(study)))
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
            CLUSTER.run("scancel", "--batch", "--signal=USR1", task)
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
        CLUSTER.run("scontrol", "update", "NodeName=n2", "State=DRAIN", "Reason=test")
        self.addCleanup(CLUSTER.run, "scontrol", "update", "NodeName=n2", "State=RESUME",
                        check=False)
        CLUSTER.run("scancel", "--batch", "--signal=USR1", task)
        wait_for(lambda: task in self.tasks(study, "PENDING"), "the task's waiting for a node")
        wait_for(lambda: len(study.log("leave")) == 1, "the worker's leaving")
        time.sleep(slurm_cluster.REQUEUE_SECONDS + 2)
        self.assertIn(task, self.tasks(study, "PENDING"))  # n2 is not to be had
        CLUSTER.run("scontrol", "update", "NodeName=n2", "State=RESUME")
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
        CLUSTER.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        self.addCleanup(CLUSTER.run, "scontrol", "update", f"NodeName={node}", "State=RESUME",
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
        left = [event for event in study.log("leave")]
        self.assertGreater(len(left), 4)

    def trouble(self, study, dice):
        """One thing that an operator, a user or a broken machine does."""
        kind = dice.choice(("leave", "requeue", "drain", "down"))
        running = self.tasks(study, "RUNNING")
        if kind in ("drain", "down"):
            name = dice.choice(CLUSTER.nodes)
            CLUSTER.run("scontrol", "update", f"NodeName={name}", f"State={kind}", "Reason=test")
            time.sleep(dice.uniform(0.0, 1.0))
            CLUSTER.run("scontrol", "update", f"NodeName={name}", "State=RESUME", check=False)
        elif running:
            task = dice.choice(sorted(running))
            CLUSTER.run(*(("scontrol", "requeue") if kind == "requeue" else
                          ("scancel", "--batch", "--signal=USR1")), task, check=False)

    def test_rule_12_more_workers_are_a_job_of_ones_own(self):
        study = self.study(steps=400)
        process = self.submit(study)
        study.wait_reports(1)
        CLUSTER.run("sbatch", "--array=1-2", f"--output={study.folder}/more.out",
                    study.dir / "slurm" / "job.sh", study.program, study.dir, "--slots", "1")
        wait_for(lambda: len(study.log("worker")) == 3, "two more workers")
        self.ends(study, process)
        self.sound(study)

    def test_rule_12_tasks_that_still_wait_when_the_study_ends_are_not_kept(self):
        study = self.study(steps=100)
        process = self.submit(study, "--nodes", "6", "--", "--exclusive")
        wait_for(lambda: self.tasks(study, "PENDING"), "a task that waits")
        answer = self.ends(study, process)
        self.assertRegex(answer.out, r"3 running, 3 waiting \(Resources\)|3 waiting \(Priority\)")
        self.assertEqual(self.tasks(study, "PENDING"), {})
        self.sound(study)


class Deciding(OnSlurm):

    def test_rule_11_eight_workers_decide_the_same_as_on_one_machine(self):
        spec = {"seed": 11, "population": 8, "steps": 100, "slots": 1,
                "strategy": {"name": "pbt", "mode": "generational"}}
        here = self.study(**spec)
        here.run()
        there = self.study(**spec)
        self.ends(there, self.submit(there, "--nodes", "8"))
        self.sound(there)
        self.assertEqual(len(there.log("worker")), 8)
        outcome = here.outcome()
        self.assertEqual(len([key for key in outcome if key[2] == "decision"]), 8 * 5)
        self.assertEqual(there.outcome(), outcome)


class Resources(OnSlurm):

    def options(self, study, *options):
        """Submit, and read back what was asked of Slurm."""
        process = self.submit(study, *options)
        job = self.job(study)
        text = CLUSTER.run("scontrol", "show", "job", job)
        process.kill()
        self.cancel_all()
        return text

    def test_rule_16_a_node_gives_what_the_slots_need(self):
        study = self.study(slots=3)
        study.spec["trainer"]["resources"] = {"cpus": 2}
        study.write_spec()
        self.assertIn("CPUs/Task=6 ", self.options(study))

    def test_rule_16_without_a_number_of_slots_it_gives_all_it_has(self):
        study = self.study(slots=None)
        self.assertIn("OverSubscribe=NO", self.options(study))

    def test_rule_16_options_are_passed_on(self):
        study = self.study()
        text = self.options(study, "--slots", "1", "--time", "1:00:00", "--partition", "main", "--",
                            "--comment=it's $me", "--nice=7")
        for part in ("TimeLimit=01:00:00", "Partition=main", "Comment=it's $me", "CPUs/Task=1 ",
                     "ArrayTaskId=1 ", "JobName=hill", "Requeue=1"):
            self.assertIn(part, text)

    def test_rule_16_gpus_reach_the_trainers(self):
        study = self.study(slots=None, steps=100)
        study.spec["trainer"]["resources"] = {"gpus": 1}
        study.spec["fixed"]["note"] = str(study.notes)
        study.write_spec()
        self.ends(study, self.submit(study, "--gpus-per-node", "2"))
        self.sound(study)
        self.assertEqual({task["gpus"] for task in study.noted()}, {"0", "1"})


class Refusing(OnSlurm):
    """What a user reads when it cannot be."""

    def refused(self, study, *options, code=2):
        return study.pbt("run", study.spec_file, "--dir", study.dir, *options, code=code).err

    def test_rule_12_the_job_is_refused_in_slurms_words_and_can_be_submitted_again(self):
        study = self.study(steps=40)
        err = self.refused(study, "--slurm", "--partition", "nosuch")
        self.assertIn("the job was not accepted: sbatch: error: ", err)
        self.assertIn("partition", err)
        self.assertIn(f"pbt resume {study.dir} --slurm", err)
        self.ends(study, study.start("resume", study.dir, "--slurm", "--partition", "main"))
        self.sound(study)

    def test_rule_12_a_study_has_one_job_at_a_time(self):
        study = self.study(steps=400)
        self.submit(study)
        study.wait_reports(1)
        job = self.job(study)
        err = study.pbt("resume", study.dir, "--slurm", code=2).err
        self.assertIn(f"job {job} of this study is in the queue", err)
        self.assertIn(f"scancel {job}", err)
        self.assertIn("exists already", self.refused(study, "--slurm"))

    def test_rule_12_a_study_that_has_ended_is_not_submitted(self):
        study = self.study(steps=40)
        self.ends(study, self.submit(study))
        job = self.job(study)
        answer = study.pbt("resume", study.dir, "--slurm")
        self.assertIn("has ended", answer.err)
        self.assertEqual(self.job(study), job)
        self.ends(study, study.start("attach", study.dir))

    def test_rule_12_a_journal_that_cannot_be_shared_is_refused(self):
        study = self.study(steps=40)
        process = study.start_run()
        study.wait_reports(1)
        process.terminate()
        process.wait()
        self.assertIn("SQLite", study.pbt("resume", study.dir, "--slurm", code=2).err)

    def test_rule_12_a_folder_that_cannot_be_made_is_named(self):
        study = self.study()
        study.dir = pathlib.Path("/proc/nosuch/study")
        self.assertIn("/proc/nosuch", self.refused(study, "--slurm", code=None))


def run():
    """Start a cluster and run everything on it."""
    global CLUSTER  # pylint: disable=global-statement
    problem = slurm_cluster.why_not()
    if problem is not None:
        print(f"skipped: {problem}", file=sys.stderr)
        sys.exit(77)
    os.environ.pop("SBATCH_PARTITION", None)
    CLUSTER = slurm_cluster.Cluster()
    try:
        main()
    finally:
        CLUSTER.stop()


if __name__ == "__main__":
    run()
