# SPDX-License-Identifier: Apache-2.0
r"""A PyTorch trainer: a small network learns Fashion-MNIST on one core.

Beyond the loop itself it shows the three things that go wrong most often. The hyperparameters are
set after the optimiser was restored (restoring brings the old ones back). The generators are seeded
after the network was built (building draws from them, and `keep` builds nothing). A step is a fixed
number of images, so that budgets stay comparable while the batch size is tuned.

    PYTHONPATH=../../python python3 train.py --steps 40 --lr 0.05 --momentum 0.9 \
        --weight_decay 1e-4 --batch 64 --dropout 0.1 --width 64

The data are the idx files of Debian's package dataset-fashion-mnist.
"""

import gzip
from pathlib import Path

import torch
from torch import nn

import pbt

STEP_IMAGES = 256  # a step; every batch size of the spec divides it
TUNED = ("lr", "momentum", "weight_decay")  # what the optimiser holds
FOLDER = "/usr/share/datasets/fashion-mnist"


def read_idx(path, count, skip=0):
    """The items skip..skip+count of an idx file of bytes, one row each."""
    with gzip.open(path, "rb") as file:
        header = file.read(4)
        shape = [int.from_bytes(file.read(4), "big") for _ in range(header[3])]
        size = 1
        for length in shape[1:]:
            size *= length
        file.seek(skip * size, 1)
        content = bytearray(file.read(count * size))
    return torch.frombuffer(content, dtype=torch.uint8).reshape(-1, size)


def load_images(folder, count, skip=0):
    images = read_idx(folder / "train-images-idx3-ubyte.gz", count, skip)
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", count, skip)
    return images.float().div(255.0).sub(0.2860).div(0.3530), labels.flatten().long()


def build(hp):
    """New network and optimiser. `width` is frozen: a checkpoint always comes with its own."""
    net = nn.Sequential(nn.Linear(784, hp["width"]), nn.ReLU(), nn.Dropout(),
                        nn.Linear(hp["width"], 10))
    return net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def train_step(net, opt, images, labels, batch, generator):
    """STEP_IMAGES images, in minibatches of `batch`; returns the last loss."""
    chosen = torch.randint(len(images), (STEP_IMAGES,), generator=generator)
    for part in chosen.split(batch):
        loss = nn.functional.cross_entropy(net(images[part]), labels[part])
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.detach()


@torch.no_grad()
def evaluate(net, images, labels):
    net.eval()
    right = (net(images).argmax(dim=1) == labels).sum().item()
    net.train()
    return right / len(labels)


def main():
    torch.set_num_threads(1)
    net, opt, training = None, None, None
    for task in pbt.tasks():
        if training is None:
            folder = Path(task.fixed.get("data", FOLDER))
            training = load_images(folder, task.fixed.get("images", 10000))
            held_out = load_images(folder, task.fixed.get("held_out", 2000), skip=50000)
        if task.start != "keep":
            pbt.seed_all(task.seed)  # initial weights
            net, opt = build(task.hp)
        if task.load:
            saved = torch.load(task.load / "checkpoint.pt", map_location="cpu")
            net.load_state_dict(saved["net"])
            opt.load_state_dict(saved["opt"])
        for group in opt.param_groups:  # after the restore, which brought the old values back
            for name in TUNED:
                group[name] = task.hp[name]
        net[2].p = task.hp["dropout"]
        pbt.seed_all(task.seed)  # dropout; again, since building drew and `keep` builds nothing
        generator = torch.Generator().manual_seed(task.seed)  # the order of the images
        for step in task.steps:
            loss = train_step(net, opt, *training, task.hp["batch"], generator)
            task.progress(step, loss=loss)
        task.in_force(dropout=net[2].p, **{name: opt.param_groups[0][name] for name in TUNED})
        if task.save:
            torch.save({"net": net.state_dict(), "opt": opt.state_dict()},
                       task.save / "checkpoint.pt")
        task.report(evaluate(net, *held_out))


if __name__ == "__main__":
    main()
