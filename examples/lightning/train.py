# SPDX-License-Identifier: Apache-2.0
"""Lightning with pbt.lightning: a network learns to tell two spirals apart (packages:
pytorch-lightning or lightning, torch)."""
import math

import pytorch_lightning as lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import pbt.lightning


def spirals(count, seed):
    draw = torch.Generator().manual_seed(seed)
    label = torch.randint(0, 2, (count,), generator=draw)
    turn = torch.rand(count, generator=draw) * 2 * math.pi
    angle = turn + label * math.pi
    points = torch.stack([angle.cos(), angle.sin()], 1) * turn[:, None] / 4
    return TensorDataset(points + 0.05 * torch.randn(count, 2, generator=draw), label)


class Data(lightning.LightningDataModule):
    def train_dataloader(self):
        return DataLoader(spirals(2000, 1), batch_size=64, shuffle=True)

    def val_dataloader(self):
        return DataLoader(spirals(1000, 2), batch_size=500)


class Net(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.1)
        self.layers = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), self.drop, nn.Linear(64, 64),
                                    nn.ReLU(), nn.Linear(64, 2))

    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

    def validation_step(self, batch, index):
        chance = self.layers(batch[0])
        self.log("loss", nn.functional.cross_entropy(chance, batch[1]))
        self.log("acc", (chance.argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3)


if __name__ == "__main__":
    torch.set_num_threads(1)
    pbt.lightning.run(Net, Data(), score="acc", trainer={"accelerator": "cpu"},
                      tuned={"lr": "opt.lr", "beta1": "opt.betas.0", "dropout": "module.drop.p"})
