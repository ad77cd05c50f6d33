# SPDX-License-Identifier: Apache-2.0
"""real_lightning.py - pbt.lightning with the real Lightning: checks, values in force, wrong use."""

import unittest

from adapter_lab import EXAMPLES, AdapterCase, need

need("torch", "pytorch_lightning")

PROGRAM = """
import sys; sys.path.insert(0, "EXAMPLES/lightning")
import torch, pytorch_lightning, pbt.lightning, train
torch.set_num_threads(1)
class Net(train.Net):
    def on_train_end(self):
        group = self.optimizers().param_groups[0]
        self.live = [group["lr"], *group["betas"], self.drop.p, self.global_step]
    def validation_step(self, batch, index):
        for i, value in enumerate(getattr(self, "live", [])):
            self.log(f"live{i}", value)
        super().validation_step(batch, index)
    def configure_optimizers(self):
        opt = torch.optim.Adam(self.parameters(), lr=1e-3)
        return CONFIGURED
pbt.lightning.run(MAKE, train.Data(), score=SCORE, trainer={"accelerator": "cpu" OPTIONS},
                  tuned=TUNED)
"""


def program(configured="opt", make="Net", score="'acc'", options="", tuned='{"lr": "opt.lr"}'):
    return (PROGRAM.replace("EXAMPLES", EXAMPLES).replace("CONFIGURED", configured)
            .replace("MAKE", make).replace("SCORE", score).replace("OPTIONS", options)
            .replace("TUNED", tuned))


class Lightning(AdapterCase):
    def test_check_finds_nothing_wrong(self):
        self.check_example("lightning", "--steps", "40")

    def test_hot_equals_reloaded(self):
        self.hot_equals_reloaded("lightning", {"lr": 1e-3, "beta1": 0.9, "dropout": 0.1}, 40,
                                 {"lr": 1e-2, "beta1": 0.5, "dropout": 0.3})

    def test_what_is_handed_over_is_in_the_live_optimizer(self):
        self.start(program(tuned='{"lr": "opt.lr", "b": "opt.betas.0", "p": "module.drop.p"}'))
        one = self.worker.make_folder("one")
        values = {"lr": 0.25, "b": 0.5, "p": 0.75}

        def live(done):
            self.assertEqual(done.get("in_force"), values, done)
            return [round(done["metrics"][f"live{i}"], 6) for i in range(5)]
        done = self.peer.run(steps=3, hyperparameters=values, save=one)
        self.assertEqual(live(done), [0.25, 0.5, 0.999, 0.75, 3])
        values.update(lr=0.5, p=0.25)
        for changes in ({"start": "keep"}, {"start": "load", "load": one}):
            done = self.peer.run(steps=3, hyperparameters=values, **changes)
            self.assertEqual(live(done), [0.5, 0.5, 0.999, 0.25, 3])
        self.assertEqual(self.peer.run(steps=0, start="load", load=one,
                                       hyperparameters=values)["type"], "done")

    def test_wrong_use_is_refused_by_name(self):
        schedule = "torch.optim.lr_scheduler.StepLR(opt, 1)"
        stop = ", 'callbacks': [pytorch_lightning.callbacks.EarlyStopping('acc')]"
        cases = (
                ({"configured": f"[opt], [{schedule}]"}, "returns a scheduler"),
                ({"configured": f"{{'optimizer': opt, 'lr_scheduler': {schedule}}}"},
                 "returns a scheduler"),
                ({"configured": "None"}, "returned no optimiser"),
                ({"options": stop}, "EarlyStopping would end a segment"),
                ({"options": ", 'max_steps': 5"}, '"max_steps" is set by pbt'),
                ({"make": "lambda: 3"}, "not a LightningModule"),
                ({"score": "'bleu'"}, 'logs no "bleu" in validation (it logs: live0, '),
                ({"tuned": '{"lr": "optimizer.lr"}'}, "does not begin with the name"))
        self.refuse_each("pytorch_lightning, pbt.lightning",
                         [(program(**parts), text) for parts, text in cases], steps=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
