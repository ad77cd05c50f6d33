# SPDX-License-Identifier: Apache-2.0
"""Makes golden_deep.h: ten optimisation steps of a small network of convolution, layer
normalisation, LSTM and linear layer with Huber's loss, for each optimiser, computed without any
code of trainers/, in double precision with numpy:

    python3 tests/trainers/golden_deep.py > tests/trainers/golden_deep.h

Where PyTorch is installed it gives a second opinion, and the script fails when the two differ by
more than 1e-9: on all gradients of all steps (autograd through its own layers), on Adam and AdamW
(torch.optim), and on RMSProp with epsilon outside of the root, which is the only way that PyTorch
has it. The header in the tree was made with numpy 2.4.6 and agreed with PyTorch 2.15.0 to 1e-15.

The case: three steps in time of two pictures of 5 x 4 cells and 2 channels; windows of 3 x 3,
stride 2, padding 1, 3 outputs; SiLU; normalisation over the 18 values; an LSTM of 4 units, whose
second row begins anew at time 1; 2 values to be predicted. Weights, inputs and targets are by the
formulas below, which test_nn_golden_deep.c repeats. Gradients are clipped to a norm of 0.11, which
some of the steps exceed.
"""

import sys

import numpy as np

T, B, Y, X, C, K, STRIDE, PADDING, O, H, V = 3, 2, 5, 4, 2, 3, 2, 1, 3, 4, 2
ROWS, COLUMNS = (Y + 2 * PADDING - K) // STRIDE + 1, (X + 2 * PADDING - K) // STRIDE + 1
N = ROWS * COLUMNS * O
STEPS, EPSILON, DELTA, NORM_MAX = 10, 1e-5, 0.5, 0.11
MASK = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
SHAPES = [(K, K, C, O), (O,), (N,), (N,), (4 * H, N), (4 * H, H), (4 * H,), (V, H), (V,)]
WEIGHTS = [0, 4, 5, 7]  # parts that weight decay applies to


def start() -> list[np.ndarray]:
    return [0.5 * np.sin(1.0 + 17.0 * part + 0.9 * np.arange(np.prod(shape))).reshape(shape)
            for part, shape in enumerate(SHAPES)]


def inputs_of(step: int) -> np.ndarray:
    return np.sin(0.7 * np.arange(T * B * Y * X * C) + 0.3 * step).reshape(T, B, Y, X, C)


def targets_of(step: int) -> np.ndarray:
    return np.cos(1.1 * np.arange(T * B * V) + 0.2 * step).reshape(T, B, V)


# -------- the network, forward and backward --------

def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def windows_of(pictures: np.ndarray) -> np.ndarray:
    padded = np.pad(pictures, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)))
    return np.array([[padded[:, i * STRIDE:i * STRIDE + K, j * STRIDE:j * STRIDE + K, :]
                      for j in range(COLUMNS)] for i in range(ROWS)]).transpose(2, 0, 1, 3, 4, 5)


def lstm_back(kept, d_h, wh):
    """The gradients at z of each step in time."""
    d_z = np.zeros((T, B, 4 * H))
    later_h, later_c = np.zeros((B, H)), np.zeros((B, H))
    for t in reversed(range(T)):
        i, f, g, o, c_before, c = kept[t]
        dh = d_h[t] + later_h
        dc = later_c + dh * o * (1.0 - np.tanh(c) ** 2)
        d_z[t] = np.concatenate([dc * g * i * (1.0 - i), dc * c_before * f * (1.0 - f),
                                 dc * i * (1.0 - g**2), dh * np.tanh(c) * o * (1.0 - o)], axis=1)
        later_h = d_z[t] @ wh * MASK[t][:, None]
        later_c = dc * f * MASK[t][:, None]
    return d_z


def gradients(parts, step):
    w, b, gain, bias, wx, wh, bz, wo, bo = parts
    windows = windows_of(inputs_of(step).reshape(T * B, Y, X, C))
    z = np.einsum("nijklc,klco->nijo", windows, w) + b
    a = (z * sigmoid(z)).reshape(T * B, N)
    centred = a - a.mean(axis=1, keepdims=True)
    inverse = 1.0 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + EPSILON)
    normal = centred * inverse
    x = (gain * normal + bias).reshape(T, B, N)
    h, c, kept, hs, befores = np.zeros((B, H)), np.zeros((B, H)), [], [], []
    for t in range(T):
        h, c = h * MASK[t][:, None], c * MASK[t][:, None]
        gates = x[t] @ wx.T + h @ wh.T + bz
        i, f, o = (sigmoid(gates[:, k * H:(k + 1) * H]) for k in (0, 1, 3))
        g = np.tanh(gates[:, 2 * H:3 * H])
        befores.append(h)
        kept.append((i, f, g, o, c, f * c + i * g))
        c = kept[-1][-1]
        h = o * np.tanh(c)
        hs.append(h)
    hs, befores = np.array(hs), np.array(befores)
    error = hs @ wo.T + bo - targets_of(step)
    size = np.abs(error)
    loss = np.where(size <= DELTA, error**2 / 2, DELTA * (size - DELTA / 2)).mean()

    d_y = np.clip(error, -DELTA, DELTA) / error.size
    d_z = lstm_back(kept, d_y @ wo, wh)
    d_x = (d_z @ wx).reshape(T * B, N)
    d_normal = d_x * gain
    d_a = inverse * (d_normal - d_normal.mean(axis=1, keepdims=True)
                     - normal * (d_normal * normal).mean(axis=1, keepdims=True))
    d_conv = d_a.reshape(z.shape) * (sigmoid(z) + z * sigmoid(z) * (1.0 - sigmoid(z)))
    return loss, [np.einsum("nijklc,nijo->klco", windows, d_conv), d_conv.sum(axis=(0, 1, 2)),
                  (d_x * normal).sum(axis=0), d_x.sum(axis=0),
                  np.einsum("tbz,tbn->zn", d_z, x), np.einsum("tbz,tbh->zh", d_z, befores),
                  d_z.sum(axis=(0, 1)), np.einsum("tbv,tbh->vh", d_y, hs), d_y.sum(axis=(0, 1))]


def clipped(grads):
    norm = np.sqrt(sum((grad**2).sum() for grad in grads))
    return [grad * min(1.0, NORM_MAX / norm) for grad in grads]


# -------- optimisers --------

class RMSProp:
    def __init__(self, centred: bool, momentum: float, inside: bool = True):
        self.lr, self.decay, self.epsilon = 0.01, 0.9, 1e-3
        self.centred, self.momentum, self.inside = centred, momentum, inside
        self.s, self.m, self.v = ([np.zeros(shape) for shape in SHAPES] for _ in range(3))

    def step(self, parts, grads) -> None:
        for i, g in enumerate(grads):
            self.s[i] = self.decay * self.s[i] + (1.0 - self.decay) * g**2
            self.m[i] = self.decay * self.m[i] + (1.0 - self.decay) * g
            spread = self.s[i] - (self.m[i] ** 2 if self.centred else 0.0)
            root = np.sqrt(spread + self.epsilon) if self.inside else np.sqrt(spread) + self.epsilon
            self.v[i] = self.momentum * self.v[i] + g / root
            parts[i] = parts[i] - self.lr * self.v[i]


class Adam:
    def __init__(self, decoupled: bool):
        self.lr, self.betas, self.epsilon, self.decay = 0.01, (0.9, 0.99), 1e-6, 0.1
        self.decoupled, self.t = decoupled, 0
        self.m, self.s = ([np.zeros(shape) for shape in SHAPES] for _ in range(2))

    def step(self, parts, grads) -> None:
        self.t += 1
        beta1, beta2 = self.betas
        for i, g in enumerate(grads):
            decay = self.decay if i in WEIGHTS else 0.0
            if self.decoupled:
                parts[i] = parts[i] * (1.0 - self.lr * decay)
            else:
                g = g + decay * parts[i]
            self.m[i] = beta1 * self.m[i] + (1.0 - beta1) * g
            self.s[i] = beta2 * self.s[i] + (1.0 - beta2) * g**2
            m, s = self.m[i] / (1.0 - beta1**self.t), self.s[i] / (1.0 - beta2**self.t)
            parts[i] = parts[i] - self.lr * m / (np.sqrt(s) + self.epsilon)


CASES = {  # as the enum of test_nn_golden_deep.c
    "rmsprop": lambda: RMSProp(False, 0.0),
    "rmsprop, momentum": lambda: RMSProp(False, 0.8),
    "rmsprop, centred": lambda: RMSProp(True, 0.0),
    "rmsprop, centred, momentum": lambda: RMSProp(True, 0.8),
    "adam": lambda: Adam(False),
    "adamw": lambda: Adam(True),
}


def train(optimiser, differentiate=gradients):
    parts, losses = start(), []
    for step in range(STEPS):
        loss, grads = differentiate(parts, step)
        losses.append(loss)
        optimiser.step(parts, clipped(grads))
    return np.array(losses), np.concatenate([part.ravel() for part in parts])


# -------- the second opinion --------

def gradients_torch(torch, parts, step):
    f = torch.nn.functional
    leaves = [torch.tensor(part, requires_grad=True) for part in parts]
    w, b, gain, bias, wx, wh, bz, wo, bo = leaves
    x = torch.tensor(inputs_of(step)).reshape(T * B, Y, X, C).permute(0, 3, 1, 2)
    z = f.conv2d(x, w.permute(3, 2, 0, 1), b, stride=STRIDE, padding=PADDING)
    a = f.silu(z).permute(0, 2, 3, 1).reshape(T * B, N)
    x = f.layer_norm(a, (N,), gain, bias, EPSILON).reshape(T, B, N)
    h, c, hs = torch.zeros(B, H, dtype=x.dtype), torch.zeros(B, H, dtype=x.dtype), []
    for t in range(T):
        mask = torch.tensor(MASK[t])[:, None]
        h, c = torch.lstm_cell(x[t], (h * mask, c * mask), wx, wh, bz, torch.zeros_like(bz))
        hs.append(h)
    loss = f.huber_loss(f.linear(torch.stack(hs), wo, bo), torch.tensor(targets_of(step)),
                        delta=DELTA)
    loss.backward()
    return loss.item(), [leaf.grad.numpy() for leaf in leaves]


class TorchStep:
    """A torch.optim optimiser that steps our parts along our gradients."""

    def __init__(self, torch, make, decay=0.0):
        self.torch, self.make, self.decay, self.optimiser = torch, make, decay, None

    def step(self, parts, grads) -> None:
        if self.optimiser is None:
            self.leaves = [self.torch.tensor(part) for part in parts]
            others = [leaf for i, leaf in enumerate(self.leaves) if i not in WEIGHTS]
            self.optimiser = self.make([
                {"params": [self.leaves[i] for i in WEIGHTS], "weight_decay": self.decay},
                {"params": others, "weight_decay": 0.0}])
        for leaf, grad in zip(self.leaves, grads):
            leaf.grad = self.torch.tensor(grad)
        self.optimiser.step()
        parts[:] = [leaf.numpy().copy() for leaf in self.leaves]


def agree(what: str, ours, theirs) -> None:
    worst = max(np.abs(ours[0] - theirs[0]).max(), np.abs(ours[1] - theirs[1]).max())
    if not worst <= 1e-9:
        sys.exit(f"numpy and PyTorch differ by {worst}: {what}")
    print(f"{what}: {worst:.1e}", file=sys.stderr)


def second_opinion() -> None:
    try:
        import torch
    except ImportError:
        return
    for name, make in CASES.items():
        agree(f"gradients, {name}", train(make()),
              train(make(), lambda parts, step: gradients_torch(torch, parts, step)))
    for centred in (False, True):
        for momentum in (0.0, 0.8):
            theirs = TorchStep(torch, lambda groups: torch.optim.RMSprop(
                groups, lr=0.01, alpha=0.9, eps=1e-3, centered=centred, momentum=momentum))
            agree(f"RMSProp, {centred}, {momentum}",
                  train(RMSProp(centred, momentum, inside=False)), train(theirs))
    for decoupled, kind in ((False, torch.optim.Adam), (True, torch.optim.AdamW)):
        theirs = TorchStep(torch, lambda groups: kind(groups, lr=0.01, betas=(0.9, 0.99),
                                                      eps=1e-6), 0.1)
        agree(kind.__name__, train(Adam(decoupled)), train(theirs))


def rows(values) -> str:
    texts = [f"{value:.12e}" for value in values]
    lines = [", ".join(texts[i:i + 4]) for i in range(0, len(texts), 4)]
    return ",\n         ".join(lines)


def main() -> None:
    second_opinion()
    count = sum(int(np.prod(shape)) for shape in SHAPES)
    print("/* SPDX-License-Identifier: Apache-2.0 */")
    print("/* golden_deep.h - made by golden_deep.py, which says what it holds; do not edit. */")
    print("#ifndef PBTI_TEST_GOLDEN_DEEP_H\n#define PBTI_TEST_GOLDEN_DEEP_H\n")
    print("/* clang-format off */")
    print(f"enum {{ GOLDEN_STEPS = {STEPS}, GOLDEN_WEIGHTS = {count} }};\n")
    print("static const struct golden {\n    const char *optimiser;")
    print("    double losses[GOLDEN_STEPS];\n    double weights[GOLDEN_WEIGHTS];\n} golden[] = {")
    for name, make in CASES.items():
        losses, final = train(make())
        print(f'    {{"{name}",\n        {{{rows(losses)}}},\n        {{{rows(final)}}}}},')
    print("};\n/* clang-format on */\n\n#endif")


main()
