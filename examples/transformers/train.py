# SPDX-License-Identifier: Apache-2.0
"""Hugging Face transformers with pbt.transformers: a tiny BERT learns which of two words comes more
often (packages: transformers, accelerate, torch). Nothing is downloaded."""
import torch
import transformers

import pbt.transformers


def make_sentences(count, seed):
    """Sentences of 12 words, with the label 1 where word 5 comes more often than word 6."""
    draw = torch.Generator().manual_seed(seed)
    words = torch.randint(3, 10, (count, 12), generator=draw)
    labels = ((words == 5).sum(1) > (words == 6).sum(1)).long()
    return [{"input_ids": row, "labels": label} for row, label in zip(words, labels)]


def accuracy(prediction):
    return {"accuracy": (prediction.predictions.argmax(-1) == prediction.label_ids).mean()}


def make_trainer():
    config = transformers.BertConfig(vocab_size=10, hidden_size=32, num_hidden_layers=2,
                                     num_attention_heads=2, intermediate_size=64)
    args = transformers.TrainingArguments(
        output_dir="unused", lr_scheduler_type="constant", per_device_train_batch_size=32,
        per_device_eval_batch_size=256, report_to="none", disable_tqdm=True, use_cpu=True)
    return transformers.Trainer(
        model=transformers.BertForSequenceClassification(config), args=args,
        train_dataset=make_sentences(2000, 1), eval_dataset=make_sentences(500, 2),
        compute_metrics=accuracy)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pbt.transformers.run(make_trainer, score="eval_accuracy",
                         tuned={"lr": "learning_rate", "decay": "weight_decay",
                                "dropout": "model:hidden_dropout_prob"})
