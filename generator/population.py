"""Mean and standard deviation of all samples that a set of parameters can give, without drawing any.

A sample's point is `scale * signal - shear * ramp + noise`, and its parts are independent: so the mean is the
signal's over digits, pads and shifts, and the mean square is the sum over the parts. Averages over all shifts are sums
over windows of the rolled signal, which two cumulative sums give.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from generator.arrays import Floats
from generator.parameters import Parameters
from generator.signals import RADIUS, correlate, dilate
from generator.subsampling import neighbours
from generator.templates import get_templates

PADS_AT_ONCE = 256  # bounds the memory for wide ranges of padding


@lru_cache(maxsize=16)
def population_moments(parameters: Parameters) -> tuple[float, float]:
    """Mean and standard deviation of a point, over all digits, pads, scales, shifts, shears and noises.

    Parameters
    ----------
    parameters : Parameters
        `num_samples`, `train_split`, `shuffle_seq` and `seed` make no difference.

    Returns
    -------
    mean, std : float
        Of the samples before they are normalised.

    Examples
    --------
    >>> mean, std = population_moments(Parameters())
    >>> round(mean, 9), round(std, 9)
    (-0.006050606, 0.154694133)
    """
    templates = get_templates()["x"]
    low, high = parameters.padding
    first, second = 0.0, 0.0
    for start in range(low, high + 1, PADS_AT_ONCE):
        pads = np.arange(start, min(start + PADS_AT_ONCE, high + 1))
        labels, pads = (grid.ravel() for grid in np.meshgrid(np.arange(len(templates)), pads, indexing="ij"))
        signals = dilate(templates, labels, pads, parameters.signal_length)
        share = len(signals) / (len(templates) * (high + 1 - low))
        of_mean, of_square = _signal_and_noise(parameters, signals)
        first += share * of_mean
        second += share * of_square
    ramp = np.linspace(-0.5, 0.5, parameters.final_seq_length)
    second += parameters.shear_scale**2 / 12 * float(np.mean(ramp**2))
    _, weight = neighbours(parameters.signal_length, parameters.final_seq_length)
    second += parameters.iid_noise_scale**2 * float(np.mean((1 - weight) ** 2 + weight**2))
    if (variance := second - first**2) <= 0:
        raise ValueError("all points of all samples are equal: allow some noise, or raise final_seq_length")
    return first, math.sqrt(variance)


def _signal_and_noise(parameters: Parameters, signals: Floats) -> tuple[float, float]:
    """Mean of the point, and mean square of signal and correlated noise, over signals and their shifts.

    `signals` : (batch, N)
    """
    left, weight = neighbours(parameters.signal_length, parameters.final_seq_length)
    right = left + (weight > 0)
    outside = (signals == 0).astype(np.float64)

    def shifted(values: Floats) -> Floats:
        """Average over the shifts: (batch, N), then over the batch: (N,)."""
        return _mean_over_shifts(values, parameters.max_translation).mean(axis=0)

    def after(values: Floats) -> Floats:
        return values * np.roll(values, -1, axis=1)

    mean, square, product = shifted(signals), shifted(signals**2), shifted(after(signals))
    apart = 1 - weight
    of_mean = apart * mean[left] + weight * mean[right]
    of_signal = apart**2 * square[left] + weight**2 * square[right] + 2 * weight * apart * product[left]

    variance, covariance = _filtered_moments(parameters.signal_length)
    alone, both = shifted(outside), shifted(after(outside))
    of_noise = apart**2 * (alone * variance)[left] + weight**2 * (alone * variance)[right]
    of_noise += 2 * weight * apart * (both * covariance)[left]
    spread = 1 + parameters.scale_coeff**2 / 12  # mean square of the scale
    total = spread * of_signal + parameters.corr_noise_scale**2 * of_noise
    return float(of_mean.mean()), float(total.mean())


def _filtered_moments(length: int) -> tuple[Floats, Floats]:
    """Variance of each point of the filtered noise, and covariance with the next one: (N,) each."""
    short = min(length, 6 * RADIUS)  # longer signals have more of the same in their middle
    filtered = correlate(np.eye(short))  # what each normal adds to each point
    variance = np.sum(filtered**2, axis=0)
    covariance = np.sum(filtered * np.roll(filtered, -1, axis=1), axis=0)
    point, half = np.arange(length), short // 2
    alike = np.where(point < half, point, np.maximum(point - (length - short), half))
    return variance[alike], covariance[alike]


def _mean_over_shifts(values: Floats, max_translation: int) -> Floats:
    """Average of each row over its rolls by 0 to max_translation - 1; shifts of N and more do not move it."""
    length = values.shape[1]
    window = min(max_translation, length)
    sums = np.cumsum(np.concatenate([np.zeros((len(values), 1)), values, values], axis=1), axis=1)
    ends = np.arange(length) + length + 1
    rolled = sums[:, ends] - sums[:, ends - window]
    return (rolled + (max_translation - window) * values) / max_translation
