# SPDX-License-Identifier: Apache-2.0
"""The training step of bench_classify.c in PyTorch, on one thread: 784-256-128-10, batch 128, relu,
SGD with momentum and weight decay, batches gathered from bytes in memory and normalised.

Prints "step_seconds X" (median). bench_classify starts it and prints the ratio.
"""

import sys
import time

try:
    import torch
except ImportError:
    print("classify_torch: skipped, python3-torch is not installed")
    sys.exit(0)

BATCH, WARM_UP, ROUNDS = 128, 50, 500


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    images = torch.randint(0, 256, (50000, 784), dtype=torch.uint8)
    labels = torch.randint(0, 10, (50000,))
    order = torch.randperm(50000)
    net = torch.nn.Sequential(
        torch.nn.Linear(784, 256), torch.nn.ReLU(),
        torch.nn.Linear(256, 128), torch.nn.ReLU(),
        torch.nn.Linear(128, 10),
    )
    loss_of = torch.nn.CrossEntropyLoss()
    sgd = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    seconds = []
    for i in range(WARM_UP + ROUNDS):
        start = time.perf_counter()
        first = i * BATCH % (50000 - BATCH)
        chosen = order[first:first + BATCH]
        x = images[chosen].float().mul_(1 / 90.0).sub_(0.8)
        loss = loss_of(net(x), labels[chosen])
        sgd.zero_grad(set_to_none=True)
        loss.backward()
        sgd.step()
        seconds.append(time.perf_counter() - start)
    kept = sorted(seconds[WARM_UP:])
    print(f"step_seconds {kept[len(kept) // 2]:.9f}")


main()
