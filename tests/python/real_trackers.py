# SPDX-License-Identifier: Apache-2.0
"""real_trackers.py - pbt.track with the real W&B (offline) and MLflow (file store)."""

import glob
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

from adapter_lab import EXAMPLES, PBT, environment

os.environ["PBT_BIN"] = PBT
sys.path.insert(0, os.path.join(os.path.dirname(EXAMPLES), "python"))


def needs(name):
    return unittest.skipIf(importlib.util.find_spec(name) is None, f"{name} is not installed")


class Trackers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        subprocess.run([PBT, "run", os.path.join(EXAMPLES, "loop", "loop.yaml"), "-q", "--set",
                        "population=2", "--set", "steps=40", "--dir", "toy"], cwd=self.folder,
                       env=environment(), check=True)

    @needs("mlflow")
    def test_mlflow(self):
        import mlflow
        uri = "file://" + os.path.join(self.folder, "store")
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        subprocess.run([sys.executable, "-m", "pbt.track", "toy", "--mlflow", uri],
                       cwd=self.folder, check=True,
                       env=environment(PBT_BIN=PBT, MLFLOW_ALLOW_FILE_STORE="true"))
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_experiment_by_name("loop")
        runs = client.search_runs([experiment.experiment_id])
        self.assertEqual(sorted(run.info.run_name for run in runs),
                         ["member 0", "member 1", "winner"])
        for run in runs:
            history = client.get_metric_history(run.info.run_id, "loss")
            self.assertEqual(sorted(one.step for one in history), [20, 40])
            self.assertEqual(run.info.status, "FINISHED")

    @needs("wandb")
    def test_wandb(self):
        subprocess.run([sys.executable, "-m", "pbt.track", "toy", "--wandb", "test"],
                       cwd=self.folder, check=True,
                       env=environment(PBT_BIN=PBT, WANDB_MODE="offline", WANDB_SILENT="true",
                                       WANDB_DIR=self.folder))
        runs = glob.glob(os.path.join(self.folder, "wandb", "offline-run-*", "*.wandb"))
        self.assertEqual(len(runs), 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
