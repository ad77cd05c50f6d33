#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_slurm.py - rules 11, 12 and 16 where Slurm places the workers: `pbt run --slurm` is followed
from any terminal, asks for what the slots need, and is refused in words that help.

The cluster is one of Debian's packages, started here: support/slurm_cluster.py.
"""

import json
import pathlib
import signal

from slurm_lab import OnCluster, main, wait_for


class Following(OnCluster):

    def test_rule_12_a_study_is_submitted_followed_and_ends(self):
        study = self.study(fixed={"sleep": 0.5})
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
        study = self.study(steps=400, fixed={"sleep": 0.3})
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
        study = self.study(steps=400, fixed={"sleep": 0.1})
        first = self.submit(study)
        study.wait_reports(2)
        first.send_signal(signal.SIGINT)
        answer = self.ends(study, first, 130)
        self.assertEqual(answer.err, "pbt run: the study goes on. To follow it again:\n"
                         f"  pbt attach {study.dir}\nto cancel it:\n"
                         f"  scancel {self.job(study)}\n")
        self.ends(study, study.start("attach", study.dir))
        self.sound(study)


class Deciding(OnCluster):

    def test_rule_11_eight_workers_decide_the_same_as_on_one_machine(self):
        spec = {"seed": 11, "population": 8, "steps": 100, "slots": 1,
                "strategy": {"name": "pbt", "mode": "generational"}}
        here = self.study(**spec)
        here.run()
        there = self.study(**spec, fixed={"sleep": 0.5})  # so that all eight come before its end
        self.ends(there, self.submit(there, "--nodes", "8"))
        self.sound(there)
        self.assertEqual(len(there.log("worker")), 8)
        outcome = here.outcome()
        self.assertEqual(len([key for key in outcome if key[2] == "decision"]), 8 * 5)
        self.assertEqual(there.outcome(), outcome)


class Resources(OnCluster):

    def options(self, study, *options):
        """Submit, and read back what was asked of Slurm."""
        process = self.submit(study, *options)
        job = self.job(study)
        text = self.cluster.run("scontrol", "show", "job", job)
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


class Refusing(OnCluster):
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


if __name__ == "__main__":
    main()
