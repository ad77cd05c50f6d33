# SPDX-License-Identifier: Apache-2.0
"""PyTorch with pbt.torch.State: a small network reads handwritten digits (needs torch, sklearn)."""
import torch
from sklearn.datasets import load_digits
from torch import nn

import pbt.torch


def build():
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(),
                        nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(256, 10))
    return net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


def main():
    torch.set_num_threads(1)
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16 - 0.3, dtype=torch.float32).reshape(-1, 1, 8, 8)
    labels = torch.tensor(labels)
    state = pbt.torch.State(build, tuned={"lr": "opt.lr", "momentum": "opt.momentum",
                                          "dropout": "net.*.p"})
    for task in pbt.tasks():
        net, opt = state.begin(task)
        for step in task.steps:
            chosen = torch.randint(1200, (64,))         # the other 597 are for the score
            loss = nn.functional.cross_entropy(net(images[chosen]), labels[chosen])
            opt.zero_grad()
            loss.backward()
            opt.step()
            task.progress(step, loss=loss.detach())
        with torch.no_grad():
            right = net.eval()(images[1200:]).argmax(dim=1) == labels[1200:]
        state.end(task, right.float().mean())


if __name__ == "__main__":
    main()
