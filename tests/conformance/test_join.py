#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_join.py - examples/cluster/join.sh, as launchers start it: one process for each rank, which
they are told by the variables of Slurm, Open MPI or PMI.
"""

import unittest

from real_study import SOURCE, Study, main

SCRIPT = SOURCE / "examples" / "cluster" / "join.sh"


class Join(unittest.TestCase):

    def start(self, study, variable, rank, *options):
        study.environment["PBT"] = study.program
        for name in ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
            study.environment.pop(name, None)
        if variable:
            study.environment[variable] = str(rank)
        program, study.program = study.program, str(SCRIPT)
        try:
            return study.start(study.spec_file, study.dir, *options)
        finally:
            study.program = program

    def test_rule_12_every_rank_takes_part(self):
        for variable in ("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
            with self.subTest(variable=variable):
                study = Study(self, steps=400, fixed={"sleep": 0.03}, slots=1)
                ranks = [self.start(study, variable, rank, "--journal", "dir")
                         for rank in (2, 1, 0)]  # whoever comes first waits
                for process in ranks:
                    answer = study.finish(process)
                    self.assertEqual(answer.code, 0, answer)
                study.sound()
                self.assertEqual(len({event["worker"] for event in study.log("claim")}), 3)

    def test_rule_12_the_next_job_goes_on(self):
        study = Study(self, steps=400, fixed={"sleep": 0.03})
        process = self.start(study, None, 0, "--journal", "dir")
        study.wait_reports(4)
        process.terminate()
        self.assertEqual(study.finish(process).code, 130)
        before = study.log_lines()
        self.assertEqual(study.finish(self.start(study, None, 0, "--journal", "dir")).code, 0)
        study.is_prefix(before, study.log_lines())
        study.sound()

    def test_rule_12_without_a_study_a_rank_gives_up_and_says_so(self):
        study = Study(self)
        study.environment["PBT_JOIN_WAIT"] = "1"
        answer = study.finish(self.start(study, "SLURM_PROCID", 1))
        self.assertEqual(answer.code, 1)
        self.assertIn("there is no study", answer.err)


if __name__ == "__main__":
    main()
