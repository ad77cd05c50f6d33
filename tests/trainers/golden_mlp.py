# SPDX-License-Identifier: Apache-2.0
"""Makes golden_mlp.h: ten optimisation steps of a small perceptron, computed without any code of
trainers/, in double precision with numpy:

    /usr/bin/python3 tests/trainers/golden_mlp.py > tests/trainers/golden_mlp.h

Where PyTorch is installed the same ten steps are taken by torch.optim.SGD, torch.nn.functional and
autograd as a second opinion, and the script fails when the two differ by more than 1e-9.

The case: inputs 6, hidden 5 and 4, classes 3, batch 4; weights, inputs and labels by the formulas
below, which test_nn_golden.c repeats. Dropout masks come from Philox 4x32-10, written out here.
"""

import sys

import numpy as np

SIZES = [6, 5, 4, 3]
BATCH, STEPS = 4, 10
LR, MOMENTUM, DECAY, SMOOTHING, SEED = 0.1, 0.9, 0.01, 0.1, 0x0123456789ABCDEF
CASES = [("relu", 0.0), ("tanh", 0.0), ("gelu", 0.0), ("silu", 0.0), ("relu", 0.25),
         ("gelu", 0.25)]


def weights_of(part: int, count: int) -> np.ndarray:
    return 0.5 * np.sin(1.0 + 17.0 * part + 0.9 * np.arange(count))


def inputs_of(step: int) -> np.ndarray:
    at = np.arange(BATCH * SIZES[0])
    return np.sin(0.7 * at + 0.3 * step).reshape(BATCH, SIZES[0])


def labels_of(step: int) -> np.ndarray:
    return (np.arange(BATCH) + step) % SIZES[-1]


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al. 2011, Philox 4x32 with 10 rounds."""
    c, k = list(counter), list(key)
    for _ in range(10):
        low, high = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(high >> 32) ^ c[1] ^ k[0], high & 0xFFFFFFFF,
             (low >> 32) ^ c[3] ^ k[1], low & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def mask_of(rate: float, layer: int, step: int, count: int) -> np.ndarray:
    """Purpose 3; eight 16-bit numbers from each block, low halves first; kept when below."""
    kept = int((1.0 - rate) * 65536.0 + 0.5)
    bits = []
    for block in range((count + 7) // 8):
        for word in philox([block, step, 3 << 16 | layer, 0],
                           [SEED & 0xFFFFFFFF, SEED >> 32]):
            bits += [word & 0xFFFF, word >> 16]
    return np.where(np.array(bits[:count]) < kept, 65536.0 / kept, 0.0)


def activation(name: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and slope."""
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0.0) * 1.0
    if name == "tanh":
        return np.tanh(x), 1.0 - np.tanh(x) ** 2
    if name == "silu":
        s = 1.0 / (1.0 + np.exp(-x))
        return x * s, s + x * s * (1.0 - s)
    root = np.sqrt(2.0 / np.pi)
    t = np.tanh(root * (x + 0.044715 * x**3))
    slope = 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t**2) * root * (1.0 + 3 * 0.044715 * x**2)
    return 0.5 * x * (1.0 + t), slope


def start() -> list[np.ndarray]:
    parts = []
    for layer in range(3):
        shape = (SIZES[layer + 1], SIZES[layer])
        parts.append(weights_of(2 * layer, shape[0] * shape[1]).reshape(shape))
        parts.append(weights_of(2 * layer + 1, shape[0]))
    return parts


def gradients(parts, act, rate, step):
    a, kept = inputs_of(step), []
    for layer in range(3):
        z = a @ parts[2 * layer].T + parts[2 * layer + 1]
        value, slope = activation(act, z) if layer < 2 else (z, np.ones_like(z))
        mask = np.ones_like(z)
        if layer < 2 and rate > 0.0:
            mask = mask_of(rate, layer, step, z.size).reshape(z.shape)
        kept.append((a, slope * mask))
        a = value * mask
    p = np.exp(a - a.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    target = np.full_like(p, SMOOTHING / SIZES[-1])
    target[np.arange(BATCH), labels_of(step)] += 1.0 - SMOOTHING
    loss = -(target * np.log(p)).sum(axis=1).mean()
    back, grads = (p - target) / BATCH, [None] * 6
    for layer in (2, 1, 0):
        back = back * kept[layer][1]
        grads[2 * layer] = back.T @ kept[layer][0]
        grads[2 * layer + 1] = back.sum(axis=0)
        back = back @ parts[2 * layer]
    return loss, grads


def train(act: str, rate: float) -> tuple[list[float], np.ndarray]:
    parts = start()
    velocity = [np.zeros_like(part) for part in parts]
    losses = []
    for step in range(STEPS):
        loss, grads = gradients(parts, act, rate, step)
        losses.append(loss)
        for i, grad in enumerate(grads):
            decay = DECAY if i % 2 == 0 else 0.0
            velocity[i] = MOMENTUM * velocity[i] + grad + decay * parts[i]
            parts[i] = parts[i] - LR * velocity[i]
    return losses, np.concatenate([part.ravel() for part in parts])


def train_torch(torch, act: str, rate: float) -> tuple[list[float], np.ndarray]:
    f = torch.nn.functional
    functions = {"relu": torch.relu, "tanh": torch.tanh, "silu": f.silu,
                 "gelu": lambda x: f.gelu(x, approximate="tanh")}
    parts = [torch.tensor(part, requires_grad=True) for part in start()]
    sgd = torch.optim.SGD([{"params": parts[0::2], "weight_decay": DECAY},
                           {"params": parts[1::2], "weight_decay": 0.0}],
                          lr=LR, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        a = torch.tensor(inputs_of(step))
        for layer in range(3):
            a = f.linear(a, parts[2 * layer], parts[2 * layer + 1])
            if layer < 2:
                a = functions[act](a)
                if rate > 0.0:
                    a = a * torch.tensor(mask_of(rate, layer, step, a.numel())).reshape(a.shape)
        loss = f.cross_entropy(a, torch.tensor(labels_of(step)), label_smoothing=SMOOTHING)
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        losses.append(loss.item())
    return losses, np.concatenate([part.detach().numpy().ravel() for part in parts])


def second_opinion(act: str, rate: float, losses: list[float], final: np.ndarray) -> None:
    try:
        import torch
    except ImportError:
        return
    other_losses, other_final = train_torch(torch, act, rate)
    worst = max(np.abs(np.array(losses) - other_losses).max(), np.abs(final - other_final).max())
    if worst > 1e-9:
        sys.exit(f"numpy and PyTorch differ by {worst} for {act}, dropout {rate}")


def rows(values) -> str:
    texts = [f"{value:.12e}" for value in values]
    lines = [", ".join(texts[i:i + 4]) for i in range(0, len(texts), 4)]
    return ",\n         ".join(lines)


def main() -> None:
    # the vector that Random123 publishes for Philox 4x32-10
    assert philox([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
                  [0xA4093822, 0x299F31D0]) == [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]
    count = sum(SIZES[i + 1] * (SIZES[i] + 1) for i in range(3))
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* golden_mlp.h - made by golden_mlp.py, which says what it holds; do not edit. */")
    print("#ifndef PBTI_TEST_GOLDEN_MLP_H\n#define PBTI_TEST_GOLDEN_MLP_H\n")
    print("/* clang-format off */")
    print(f"enum {{ GOLDEN_STEPS = {STEPS}, GOLDEN_WEIGHTS = {count} }};\n")
    print("static const struct golden {\n    const char *activation;\n    double dropout;")
    print("    double losses[GOLDEN_STEPS];\n    double weights[GOLDEN_WEIGHTS];\n} golden[] = {")
    for act, rate in CASES:
        losses, final = train(act, rate)
        second_opinion(act, rate, losses, final)
        print(f'    {{"{act}", {rate},\n        {{{rows(losses)}}},\n        {{{rows(final)}}}}},')
    print("};\n/* clang-format on */\n\n#endif")


main()
