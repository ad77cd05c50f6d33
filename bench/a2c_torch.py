# SPDX-License-Identifier: Apache-2.0
"""An update of bench_a2c.c in PyTorch, on one thread: the same games (bench_a2c_env, by ctypes),
the same network, returns, loss, clipping and RMSProp.

    python3 bench/a2c_torch.py LIBRARY COPIES UNROLL

Both usual ways are measured, turn by turn, as they cost differently:

    graph       act with the graph kept, and go back through every round
    recompute   act without a graph, then go forward once more over the whole rollout

Prints "update_seconds NAME X" (medians of processor time, as there). bench_a2c starts it and
prints the ratio. Debian's PyTorch multiplies with whatever BLAS is there; with the reference BLAS
it takes many times as long, which says nothing about PyTorch, so then nothing is measured.
"""

import ctypes
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # it has threads of its own, started when it is loaded
try:
    import torch
except ImportError:
    print("a2c_torch: skipped, python3-torch is not installed")
    sys.exit(0)
from torch.nn.functional import log_softmax

WARM_UP, UPDATES = 10, 101
ACTIONS, SIDE, CHANNELS, FILTERS, HIDDEN = 6, 10, 4, 16, 128
DISCOUNT, TRACE_DECAY, ENTROPY_COST, VALUE_COST, CLIP = 0.99, 0.95, 7e-3, 1.0, 1.0


class Games:
    """Copies of Breakout; the tensors are those the library writes."""

    def __init__(self, path: str, copies: int, seed: int) -> None:
        self.library = ctypes.CDLL(path)
        self.library.pbti_env_find.restype = ctypes.c_void_p
        kind = ctypes.c_void_p(self.library.pbti_env_find(b"breakout"))
        self.env = ctypes.c_void_p()
        if self.library.pbti_env_create(kind, copies, None, ctypes.byref(self.env), None) != 0:
            raise RuntimeError("the games could not be made")
        self.library.pbti_env_seed(self.env, ctypes.c_uint64(seed))
        self.library.pbti_env_reset(self.env)
        self.copies = copies

    def observe(self) -> torch.Tensor:
        """Shape (copies, channels, side, side), in memory channels last, as the library writes."""
        x = torch.empty(self.copies, SIDE, SIDE, CHANNELS)
        self.library.pbti_env_observe(self.env, ctypes.c_void_p(x.data_ptr()))
        return x.permute(0, 3, 1, 2)

    def step(self, actions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rewards, and 1 where the episode goes on."""
        chosen = actions.to(torch.uint8)
        rewards = torch.empty(self.copies)
        ends = torch.empty(self.copies, dtype=torch.uint8)
        self.library.pbti_env_step(self.env, *(ctypes.c_void_p(t.data_ptr())
                                               for t in (chosen, rewards, ends)))
        return rewards, (ends == 0).float()


class Network(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        sight = FILTERS * (SIDE - 2) ** 2
        self.body = torch.nn.Sequential(
            torch.nn.Conv2d(CHANNELS, FILTERS, 3), torch.nn.ReLU(), torch.nn.Flatten(),
            torch.nn.Linear(sight, HIDDEN), torch.nn.ReLU())
        self.heads = torch.nn.Linear(HIDDEN, ACTIONS + 1)  # logits and value in one product
        with torch.no_grad():
            self.heads.weight.mul_(0.01)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logarithms of the probabilities, and the value."""
        heads = self.heads(self.body(x))
        return log_softmax(heads[:, :ACTIONS], dim=1), heads[:, ACTIONS]


class Learner:
    def __init__(self, path: str, copies: int, unroll: int, keeps_graph: bool) -> None:
        self.games = Games(path, copies, seed=1)
        self.network = Network()
        self.optimiser = torch.optim.RMSprop(self.network.parameters(), lr=7e-3, alpha=0.99,
                                             eps=1e-6 ** 0.5)  # ours stands inside the root
        self.unroll = unroll
        self.keeps_graph = keeps_graph

    def rollout(self) -> tuple[torch.Tensor, ...]:
        """Rounds stacked, and the value after the last."""
        rounds = []
        for _ in range(self.unroll):
            x = self.games.observe()
            with torch.set_grad_enabled(self.keeps_graph):
                logs, value = self.network(x)
            chosen = torch.multinomial(logs.detach().exp(), 1)
            rounds.append((x, chosen, logs, value, *self.games.step(chosen)))
        with torch.no_grad():
            _, after = self.network(self.games.observe())
        if not self.keeps_graph:
            x, chosen, _, value, rewards, goes_on = zip(*rounds)
            logs, fresh = self.network(torch.cat(x))
            return (logs, fresh, torch.cat(chosen), torch.stack(value), torch.stack(rewards),
                    torch.stack(goes_on), after)
        _, chosen, logs, value, rewards, goes_on = zip(*rounds)
        return (torch.cat(logs), torch.cat(value), torch.cat(chosen), torch.stack(value).detach(),
                torch.stack(rewards), torch.stack(goes_on), after)

    def update(self) -> None:
        logs, value, chosen, before, rewards, goes_on, after = self.rollout()
        weights = DISCOUNT * goes_on
        delta = rewards + weights * torch.cat((before[1:], after[None])) - before
        advantages = torch.empty_like(delta)
        later = torch.zeros_like(after)
        for t in reversed(range(self.unroll)):
            later = delta[t] + TRACE_DECAY * weights[t] * later
            advantages[t] = later
        targets = (advantages + before).flatten()
        entropy = -(logs.exp() * logs).sum(1).mean()
        policy = -(advantages.flatten() * logs.gather(1, chosen).squeeze(1)).mean()
        error = 0.5 * (value - targets).square().mean()
        loss = policy - ENTROPY_COST * entropy + VALUE_COST * error
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimiser.step()


def has_reference_blas() -> bool:
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        return "/blas/libblas.so" in maps.read()


def main() -> None:
    if has_reference_blas():
        print("a2c_torch: skipped, only the reference BLAS is there (libopenblas0-pthread)")
        return
    path, copies, unroll = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    learners = {"graph": Learner(path, copies, unroll, True),
                "recompute": Learner(path, copies, unroll, False)}
    seconds = {name: [] for name in learners}
    for _ in range(WARM_UP + UPDATES):
        for name, learner in learners.items():
            start = time.process_time()
            learner.update()
            seconds[name].append(time.process_time() - start)
    for name, measured in seconds.items():
        kept = sorted(measured[WARM_UP:])
        print(f"update_seconds {name} {kept[len(kept) // 2]:.9f}")


main()
