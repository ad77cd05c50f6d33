#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""test_a2c_study.py - the builtin trainer `a2c` in real studies: `pbt check` finds nothing to
object to, and a study whose processes were killed and that was resumed is the one that was left
alone, down to the bytes of every checkpoint.
"""

import json
import unittest

from real_study import Study, kill, main, wait_for

SPACE = {"lr": {"type": "log", "low": 1e-4, "high": 1e-2},
         "entropy_cost": {"type": "log", "low": 1e-4, "high": 1e-1},
         "unroll": {"type": "integer", "low": 2, "high": 20, "scale": "log"},
         "discount": {"type": "logit", "low": 0.9, "high": 0.999},
         "trace_decay": {"type": "linear", "low": 0.5, "high": 0.99},
         "value_cost": {"type": "log", "low": 0.1, "high": 1},
         "rmsprop_decay": {"type": "logit", "low": 0.9, "high": 0.999},
         "rmsprop_epsilon": {"type": "log", "low": 1e-6, "high": 1e-3},
         "clip": {"type": "log", "low": 0.05, "high": 1}}


class A2cStudy(unittest.TestCase):

    def study(self, **changes):
        spec = {"trainer": {"builtin": "a2c", "retries": 1000}, "space": SPACE,
                "score": {"name": "return", "goal": "maximize"},
                "fixed": {"game": "cartpole", "envs": 8, "hidden": 16}}
        study = Study(self, **{**spec, **changes})
        if not json.loads(study.pbt("version", "--json").out)["builtin_trainers"]:
            self.skipTest("this pbt has no builtin trainers")
        return study

    def check(self, **fixed):
        study = self.study(steps=20000, ready=10000)
        study.spec["fixed"].update(fixed)
        study.write_spec()
        answer = study.pbt("check", study.spec_file, "--json", seconds=120)
        found = {(finding["name"], finding["severity"])
                 for finding in json.loads(answer.out)["findings"]}
        # a score over the segment is another than that of fresh episodes: `evaluate` may note it
        self.assertLessEqual({severity for name, severity in found if name != "evaluate"},
                             {"good"}, answer.out)
        self.assertLessEqual({severity for _, severity in found}, {"good", "note"}, answer.out)
        for name in ("deterministic", "continues", "effect", "restored"):
            self.assertIn((name, "good"), found)

    def test_check_finds_nothing(self):
        self.check()

    def test_check_finds_nothing_with_an_lstm_and_a_list(self):
        self.check(lstm=True, report="list")

    def test_a_killed_study_resumed_is_the_same_study(self):
        spec = {"seed": 5, "population": 4, "steps": 60000, "ready": 10000,
                "strategy": {"name": "pbt", "mode": "generational",
                             "exploit": {"name": "truncation", "quantile": 0.25}},
                "keep": "final", "fixed": {"game": "cartpole", "hidden": 64, "lstm": True}}
        calm = self.study(**spec)
        calm.run()
        calm.sound()
        study = self.study(**spec)
        process = study.start_run()
        killed = 0
        for reports in (1, 6, 12):
            wait_for(lambda: study.reports() >= reports, f"{reports} reports")
            killed += process.poll() is None and kill(process.pid)
            process.wait()
            process = study.start("resume", study.dir, "--quiet")
        self.assertGreater(killed, 0)
        self.assertEqual(study.finish(process).code, 0)
        study.sound()
        self.assertEqual(study.outcome(), calm.outcome())
        self.assertEqual(self.weights(study), self.weights(calm))

    def weights(self, study):
        """The bytes of the checkpoints on disk; the attempts that made them may differ."""
        found = {}
        for name in study.checkpoints():
            path = study.dir / "checkpoints" / name / "network.safetensors"
            found[name.rpartition(".a")[0]] = path.read_bytes()
        self.assertGreater(len(found), 0)
        return found


if __name__ == "__main__":
    main()
