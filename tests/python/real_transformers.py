# SPDX-License-Identifier: Apache-2.0
"""real_transformers.py - pbt.transformers with the real transformers: checks, values, wrong use."""

import unittest

from adapter_lab import AdapterCase, need

need("torch", "transformers", "accelerate")

PROGRAM = """
import sys; sys.path.insert(0, "EXAMPLES/transformers")
import torch, transformers, pbt.transformers, train
torch.set_num_threads(1)
def make():
    trainer = train.make_trainer()
    args = trainer.args
    CHANGES
    return trainer
class State(pbt.transformers.State):
    def end(self, task, score, **metrics):
        trainer, model = self.trainer, self.trainer.model
        live = [trainer.optimizer.param_groups[0]["lr"], trainer.optimizer.param_groups[1]["lr"],
                model.config.hidden_dropout_prob, model.bert.embeddings.dropout.p,
                model.bert.encoder.layer[1].output.dropout.p, model.dropout.p,
                model.bert.encoder.layer[0].attention.self.dropout.p,
                trainer.optimizer.param_groups[0]["weight_decay"],
                trainer.optimizer.param_groups[1]["weight_decay"], trainer.state.global_step]
        super().end(task, live)
pbt.transformers.State = State
pbt.transformers.run(make, score=SCORE, tuned=TUNED)
"""


def program(changes="pass", tuned='{"lr": "learning_rate"}', score="'eval_loss'"):
    from adapter_lab import EXAMPLES
    return (PROGRAM.replace("EXAMPLES", EXAMPLES).replace("CHANGES", changes)
            .replace("TUNED", tuned).replace("SCORE", score))


class Transformers(AdapterCase):
    def test_check_finds_nothing_wrong(self):
        self.check_example("transformers", "--steps", "10")

    def test_hot_equals_reloaded(self):
        self.hot_equals_reloaded("transformers", {"lr": 1e-3, "decay": 0.1, "dropout": 0.1}, 8,
                                 {"lr": 1e-2, "decay": 0.2, "dropout": 0.3})

    def test_what_is_handed_over_is_in_the_live_trainer(self):
        self.start(program(tuned='{"lr": "learning_rate", "decay": "weight_decay", '
                                 '"drop": "model:hidden_dropout_prob"}'))
        one = self.worker.make_folder("one")
        values = {"lr": 0.125, "decay": 0.25, "drop": 0.5}
        done = self.peer.run(steps=3, hyperparameters=values, save=one)
        live = [0.125, 0.125, 0.5, 0.5, 0.5, 0.5, 0.1, 0.25, 0.0, 3]
        self.assertEqual((done.get("scores"), done.get("in_force")), (live, values), done)
        values.update(lr=0.0625, drop=0.75)
        for changes in ({"start": "keep"}, {"start": "load", "load": one}):
            done = self.peer.run(steps=3, hyperparameters=values, **changes)
            self.assertEqual(done["scores"][:6], [0.0625] * 2 + [0.75] * 4)
            self.assertEqual(done["in_force"], values)
        done = self.peer.run(steps=0, start="load", load=one, hyperparameters=values)
        self.assertEqual(done["type"], "done")

    def test_wrong_use_is_refused_by_name(self):
        cases = (
                ({"changes": "args.lr_scheduler_type = transformers.SchedulerType.LINEAR"},
                 'lr_scheduler_type is "linear"'),
                ({"changes": "args.warmup_steps = 10"}, "warmup_steps is not 0"),
                ({"changes": "args.load_best_model_at_end = True"}, "load_best_model_at_end"),
                ({"changes": "args.resume_from_checkpoint = 'x'"}, "resume_from_checkpoint"),
                ({"changes": "trainer.add_callback(transformers.EarlyStoppingCallback())"},
                 "EarlyStoppingCallback would end a segment"),
                ({"tuned": '{"lr": "learning_rte"}'}, 'nearest: "learning_rate"'),
                ({"tuned": '{"lr": "model:hidden_drop"}'}, 'config has no "hidden_drop"'),
                ({"score": "'eval_bleu'"}, 'reports no metric "eval_bleu"'))
        self.refuse_each("transformers, pbt.transformers",
                         [(program(**parts), text) for parts, text in cases], steps=1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
