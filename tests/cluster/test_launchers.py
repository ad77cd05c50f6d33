#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_launchers.py - rule 12 under srun and mpirun: they start workers, which
examples/cluster/join.sh makes join one study, and members of several processes, each of which gets
every task.

The Slurm cluster is started here; Open MPI runs more processes than there are processors.
"""

import shutil
import unittest

import slurm_lab
from slurm_lab import main

JOIN = slurm_lab.real_study.SOURCE / "examples" / "cluster" / "join.sh"
TRAINER = str(slurm_lab.TESTS / "cluster" / "rank_trainer.py")
PYTHON = slurm_lab.real_study.PYTHON
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
TORCHRUN = ["torchrun", "-r", "0:1", "-t", "0:1"]  # torch 1.13 under Python 3.11 fails without


class OnCluster(slurm_lab.OnCluster):

    def study(self, **spec):
        study = super().study(**spec)
        study.environment.update({"PBT": study.program, "OMPI_ALLOW_RUN_AS_ROOT": "1",
                                  "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        return study


@unittest.skipUnless(shutil.which("mpirun"), "Open MPI is not installed")
class Workers(OnCluster):
    """A worker for each rank."""

    def join(self, study, launcher):
        program, study.program = study.program, launcher[0]
        answer = study.finish(study.start(*launcher[1:], JOIN, study.spec_file, study.dir,
                                          "--journal", "dir"))
        study.program = program
        self.assertEqual(answer.code, 0, answer)
        study.sound()
        self.assertEqual(len({event["worker"] for event in study.log("claim")}), 3)

    def test_rule_12_srun_starts_a_worker_on_each_node(self):
        study = self.study(steps=400, fixed={"sleep": 0.1}, slots=1)
        self.join(study, ["srun", "--nodes=3", "--ntasks-per-node=1", "--cpus-per-task=2"])
        self.assertEqual({event["host"] for event in study.log("worker")}, set(self.cluster.nodes))

    def test_rule_12_mpirun_starts_workers(self):
        study = self.study(steps=400, fixed={"sleep": 0.1}, slots=1)
        self.join(study, [*MPIRUN, "-n", "3"])


@unittest.skipUnless(shutil.which("mpirun"), "Open MPI is not installed")
class Members(OnCluster):
    """A member of three processes."""

    def make_study(self, command, kind="command", slots=1, **resources):
        study = self.study(population=2, steps=60, slots=slots)
        del study.spec["trainer"]["command"]
        study.spec["trainer"][kind] = [*command, TRAINER]
        study.spec["trainer"]["resources"] = resources
        study.spec["fixed"] = {"note": str(study.notes)}
        study.spec["space"] = {"rate": {"type": "log", "low": 1e-3, "high": 0.5}}
        study.write_spec()
        return study

    def run_study(self, command, *options, ranks=3, **more):
        study = self.make_study(command, **more)
        study.pbt("run", study.spec_file, "--dir", study.dir, *options)
        return self.check(study, ranks)

    def check(self, study, ranks):
        study.sound()
        failed = [one["message"] for one in study.log("report") if one["outcome"] != "done"]
        self.assertEqual(failed, [])
        self.check_notes(study, ranks)
        return study

    def check_notes(self, study, ranks):
        """Every rank got every task, with the same hyperparameters and seed."""
        tasks = {}
        for line in study.noted():
            self.assertEqual(line["ranks"], ranks)
            tasks.setdefault(line["task"], {})[line.pop("rank")] = line
            line.pop("host")
        self.assertEqual(len(tasks), study.members * study.segments)
        for told in tasks.values():
            self.assertEqual(sorted(told), list(range(ranks)))
            self.assertTrue(all(line == told[0] for line in told.values()), told)

    def test_rule_12_mpirun_on_one_machine(self):
        self.run_study([*MPIRUN, "-n", "3", PYTHON, "-S"])

    def test_rule_12_mpirun_for_workers_and_for_their_members(self):
        """The inner one must not find itself in the environment of the outer one."""
        study = self.make_study([*MPIRUN, "-n", "2", PYTHON, "-S"])
        study.program = MPIRUN[0]
        answer = study.finish(study.start(*MPIRUN[1:], "-n", "2", JOIN, study.spec_file, study.dir,
                                          "--journal", "dir"))
        study.program = study.environment["PBT"]
        self.assertEqual(answer.code, 0, answer)
        self.check(study, 2)

    def test_rule_12_torchrun_on_one_machine(self):
        if not shutil.which("torchrun"):
            self.skipTest("torch is not installed")
        self.run_study([*TORCHRUN, "--standalone", "--nproc_per_node=3"])

    def test_rule_12_srun_inside_the_job(self):
        self.run_study(["srun", "--exact", "--ntasks=2", PYTHON, "-S"], "--slurm", ranks=2,
                       slots=2, cpus=2)

    def test_rule_12_a_one_shot_may_have_ranks_on_several_nodes(self):
        study = self.run_study(["salloc", "--nodes=2", "srun", "--ntasks=2", PYTHON, "-S"],
                               kind="one_shot", ranks=2)
        self.assertGreaterEqual(len({line["host"] for line in study.noted()}), 2)

    def test_rule_12_mpirun_inside_the_job(self):
        self.run_study([*MPIRUN, "-n", "3", PYTHON, "-S"], "--slurm")


if __name__ == "__main__":
    main()
