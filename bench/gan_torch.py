# SPDX-License-Identifier: Apache-2.0
"""The update of bench_gan.c in PyTorch, on one thread: a small DCGAN on 28 x 28 grey pictures,
logistic loss, Adam, batches gathered from bytes in memory.

    gan_torch.py WIDTH BATCH

Each layout of memory (channels first or last) and each Adam (fused or not) is measured; the fastest
counts. Prints "update_seconds X" (median of processor time).
"""

import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    print("gan_torch: skipped, torch is not installed")
    sys.exit(0)

WIDTH, BATCH = int(sys.argv[1]), int(sys.argv[2])
LATENT, WARM_UP, ROUNDS = 64, 20, 101


class Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(LATENT, 49 * 2 * WIDTH, bias=False)
        self.rest = nn.Sequential(
            nn.BatchNorm2d(2 * WIDTH), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTH), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1), nn.Tanh())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.rest(self.linear(z).view(-1, 2 * WIDTH, 7, 7))


def discriminator() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, WIDTH, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
        nn.Flatten(), nn.Linear(49 * 2 * WIDTH, 1))


def adam(net: nn.Module, fused: bool) -> torch.optim.Optimizer:
    extra = {"fused": True} if fused else {}
    return torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999), **extra)


def measure(last: bool, fused: bool) -> float:
    torch.manual_seed(1)
    images = torch.randint(0, 256, (60000, 1, 28, 28), dtype=torch.uint8)
    order = torch.randperm(60000)
    g, d = Generator(), discriminator()
    layout = torch.channels_last if last else torch.contiguous_format
    g, d = g.to(memory_format=layout), d.to(memory_format=layout)
    d_steps, g_steps = adam(d, fused), adam(g, fused)
    loss = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)
    seconds = []
    for i in range(WARM_UP + ROUNDS):
        start = time.process_time()
        first = i * BATCH % (60000 - BATCH)
        real = images[order[first:first + BATCH]].float().div_(127.5).sub_(1.0)
        real = real.contiguous(memory_format=layout)
        d_steps.zero_grad(set_to_none=True)
        with torch.no_grad():
            fake = g(torch.randn(BATCH, LATENT))
        (loss(d(real), one) + loss(d(fake), zero)).backward()
        d_steps.step()
        for weights in d.parameters():
            weights.requires_grad_(False)
        g_steps.zero_grad(set_to_none=True)
        loss(d(g(torch.randn(BATCH, LATENT))), one).backward()
        g_steps.step()
        for weights in d.parameters():
            weights.requires_grad_(True)
        seconds.append(time.process_time() - start)
    kept = sorted(seconds[WARM_UP:])
    return kept[len(kept) // 2]


def main() -> None:
    torch.set_num_threads(1)
    best = None
    for last in (False, True):
        for fused in (False, True):
            try:
                took = measure(last, fused)
            except RuntimeError:  # a fused Adam for processors is not in every version
                continue
            best = took if best is None else min(best, took)
    print(f"update_seconds {best:.9f}")


main()
