"""The authors' data as their definition reads: sample by sample, step by step, nothing shared with the generator.

Only scalar formulas and element-wise NumPy, so that it gives the same bits on every machine, up to the normals.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from generator import Parameters

Array = NDArray[np.float64]
Normals = Callable[[RandomState, int], Array]  # draws so many normals, an even number

# fmt: off
DIGITS = [
    5,6,6.5,6.75,7,7,7,7,6.75,6.5,6,5,           5,3,3,3.4,3.8,4.2,4.6,5,5.4,5.8,5,5,
    5,6,6.5,6.5,6,5.25,4.75,4,3.5,3.5,4,5,       5,6,6.5,6.5,6,5,5,6,6.5,6.5,6,5,
    5,4.4,3.8,3.2,2.6,2.6,5,5,5,5,5,5,           5,3,3,3,3,5,6,6.5,6.5,6,4.5,5,
    5,4,3.5,3.25,3,3,3,3,3.25,3.5,4,5,           5,7,7,6.6,6.2,5.8,5.4,5,4.6,4.2,5,5,
    5,4,3.5,3.5,4,5,5,4,3.5,3.5,4,5,             5,4,3.5,3.5,4,5,5,5,5,4.7,4.3,5,
]
# fmt: on


class Reference(NamedTuple):
    """Train and test in one, before the split."""

    x: Array  # (samples, final_seq_length)
    y: NDArray[np.int64]  # (samples,)
    t: Array  # (final_seq_length,)
    split: int  # samples in train


def library_normals(random: RandomState, count: int) -> Array:
    """Normals of NumPy, with the logarithm of this machine: (count,) float64."""
    return random.randn(count)


def polar_normals(log: Callable[[Array], Array]) -> Normals:
    """Normals by the polar method, with any logarithm."""

    def draw(random: RandomState, count: int) -> Array:
        pairs: list[tuple[float, float]] = []
        while 2 * len(pairs) < count:
            x1, x2 = 2 * random.rand() - 1, 2 * random.rand() - 1
            if 0 < x1 * x1 + x2 * x2 < 1:
                pairs.append((x1, x2))
        x1s, x2s = np.array(pairs).T
        r2 = x1s * x1s + x2s * x2s
        f = np.sqrt(-2 * log(r2) / r2)
        return np.stack([f * x2s, f * x1s], axis=1).ravel()

    return draw


def interpolate(signal: Array, points: int) -> Array:
    """Linear interpolation from the first to the last point: (N,) -> (points,) float64."""
    y, g = signal.tolist(), np.linspace(0, 1, len(signal)).tolist()
    result = []
    for q in np.linspace(0, 1, points).tolist():
        j = bisect.bisect_right(g, q) - 1
        result.append(y[-1] if j == len(g) - 1 else (y[j + 1] - y[j]) / (g[j + 1] - g[j]) * (q - g[j]) + y[j])
    return np.array(result)


def correlate(noise: Array) -> Array:
    """Gaussian filter of sigma 2 and radius 8, edges reflected: (N,) -> (N,) float64."""
    w = np.array([float((Decimal(-d * d) / 8).exp()) for d in range(9)])
    w /= np.sum(np.concatenate([w[:0:-1], w]))
    z, n = np.pad(noise, 8, mode="symmetric"), len(noise)
    total: Array = w[0] * z[8 : 8 + n]
    for d in range(8, 0, -1):
        total = total + (z[8 - d : 8 - d + n] + z[8 + d : 8 + d + n]) * w[d]
    return total


def pairwise_sum(values: Array) -> float:
    """The sum of a line of values in the order of NumPy 2.3: halves, and in the smallest of them eight sums at once."""
    n = len(values)
    if n > 128:
        half = n // 2 - n // 2 % 8
        return pairwise_sum(values[:half]) + pairwise_sum(values[half:])
    whole, total = n - n % 8, 0.0
    if whole:
        sums = values[:8]
        for start in range(8, whole, 8):
            sums = sums + values[start : start + 8]
        r = sums.tolist()
        total = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]))
    for value in values[whole:].tolist():
        total += value
    return total


def draw_sample(p: Parameters, template: Array, random: RandomState, normals: Normals) -> Array:
    """One sample, before it is normalised: (final_seq_length,) float64."""
    n = p.template_len + p.padding[1]
    low, high = p.padding
    pad = low + int(random.rand() * (high - low + 1))
    scale = 1 + p.scale_coeff * (random.rand() - 0.5)
    shift = int(random.randint(0, p.max_translation, dtype=np.int64))
    both_noises = normals(random, 2 * n)
    shear = p.shear_scale * (random.rand() - 0.5)

    signal = interpolate(np.concatenate([template + 1e-8, np.zeros(pad)]), n) * scale
    signal = np.roll(signal, shift) if shift < n else signal
    signal = np.where(signal != 0, signal, correlate(p.corr_noise_scale * both_noises[:n]))
    signal = signal + p.iid_noise_scale * both_noises[n:]
    signal = signal - shear * np.linspace(-0.5, 0.5, n)
    return interpolate(signal, p.final_seq_length)


def make_reference(p: Parameters, normals: Normals = library_normals) -> Reference:
    """The whole dataset."""
    templates = np.array(DIGITS).reshape(10, 12)
    templates = templates - templates.mean(1, keepdims=True)
    templates = templates / templates.std(1, keepdims=True)
    templates = (templates - templates[:, :1]) / 6

    random = RandomState(p.seed)
    y = np.repeat(np.arange(10), p.num_samples // 10)
    x = np.array([draw_sample(p, templates[digit], random, normals) for digit in y])
    order = random.permutation(len(y))
    x, y = x[order], y[order]
    if p.shuffle_seq:
        x = x[..., random.permutation(p.final_seq_length)]
    t = interpolate(interpolate(np.linspace(-5, 5, 12) / 6, p.template_len + p.padding[1]), p.final_seq_length)
    line = x.ravel(order="K")  # as it lies in memory
    mean = pairwise_sum(line) / len(line)
    std = np.sqrt(pairwise_sum((line - mean) ** 2) / len(line))
    return Reference((x - mean) / std, y, t / std, int(len(y) * p.train_split))
