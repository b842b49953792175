"""The steps from template to signal: each a short pure function on a batch.

Every step is one IEEE operation per element, in the order of the authors' code; nothing depends on a fused
multiply-add, a BLAS or a libm, so all machines agree to the bit. Source: `transform.py` in
https://github.com/greydanus/mnist1d.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from generator.arrays import Floats, Integers
from generator.parameters import Parameters

EPSILON = 1e-8  # lifts a digit off zero, because zero marks the points outside of it
SIGMA, RADIUS = 2, 8  # points, of the Gaussian that correlates the noise


class Draws(NamedTuple):
    """The random numbers of a batch of samples, N = `Parameters.signal_length`."""

    pads: Integers  # (batch,) int64, points
    scales: Floats  # (batch,) float64
    shifts: Integers  # (batch,) int64, points
    correlated: Floats  # (batch, N) float64, normals of the noise around the digit, before it is filtered
    white: Floats  # (batch, N) float64, normals of the noise on every point, or what `subsampled_noise` takes
    shears: Floats  # (batch,) float64


class UnitDraws(NamedTuple):
    """The random numbers of a batch before the parameters map them: uniform from 0 to 1, or standard normal.

    The same unit draws with other parameters give the same samples, changed only by these parameters.
    """

    pads: Floats  # (batch,) uniform
    scales: Floats  # (batch,) uniform
    shifts: Floats  # (batch,) uniform
    correlated: Floats  # (batch, points) normal; as many points as the longest signal
    white: Floats  # (batch, points) normal
    shears: Floats  # (batch,) uniform


def map_draws(parameters: Parameters, draws: UnitDraws) -> Draws:
    """Map unit draws to the ranges that the parameters give; signals take their first N normals.

    Examples
    --------
    >>> half, normals = np.array([0.5]), np.zeros((1, 72))
    >>> draws = map_draws(Parameters(), UnitDraws(half, half, half, normals, normals, half))
    >>> draws.pads, draws.scales, draws.shifts, draws.shears
    (array([48]), array([1.]), array([24]), array([0.]))
    """
    low, high = parameters.padding
    points = parameters.signal_length
    return Draws(
        pads=low + (draws.pads * (high - low + 1)).astype(np.int64),
        scales=1 + parameters.scale_coeff * (draws.scales - 0.5),
        shifts=(draws.shifts * parameters.max_translation).astype(np.int64),
        correlated=draws.correlated[:, :points],
        white=draws.white[:, :points],
        shears=parameters.shear_scale * (draws.shears - 0.5),
    )


def make_signals(
    parameters: Parameters, templates: Floats, labels: Integers, draws: Draws, shapes: Floats | None = None
) -> Floats:
    """Samples from their labels and draws, as the authors make them, not yet normalised.

    Parameters
    ----------
    parameters : Parameters
    templates : (digits, points) float64
    labels : (batch,) int64
    draws : Draws
    shapes : optional
        `all_shapes` of the templates, for many small batches.

    Returns
    -------
    (batch, final_seq_length) float64
    """
    signals = place_digits(parameters, templates, labels, draws, shapes)
    signals += parameters.iid_noise_scale * draws.white
    signals -= draws.shears[:, None] * np.linspace(-0.5, 0.5, parameters.signal_length)
    return interpolate(signals, parameters.final_seq_length)


def all_shapes(parameters: Parameters, templates: Floats) -> Floats:
    """Every digit with every padding, ready to be rolled: (windows, N) float64, a view."""
    low, high = parameters.padding
    labels, pads = np.divmod(np.arange(len(templates) * (high - low + 1)), high - low + 1)
    return _windows(dilate(templates, labels, pads + low, parameters.signal_length))


def place_digits(
    parameters: Parameters, templates: Floats, labels: Integers, draws: Draws, shapes: Floats | None = None
) -> Floats:
    """Digits of their width, height and place, with correlated noise around them: what `make_signals` begins with.

    Returns
    -------
    (batch, N) float64
    """
    if shapes is None:
        rows, which = _shapes(templates, labels, draws.pads, parameters.signal_length)
        signals = translate(rows, draws.shifts, which)
    else:
        low, high = parameters.padding
        signals = _roll(shapes, draws.shifts, labels * (high - low + 1) + (draws.pads - low))
    signals *= draws.scales[:, None]
    noise = correlate(parameters.corr_noise_scale * draws.correlated)
    np.copyto(signals, noise, where=signals == 0)
    return signals


def dilate(templates: Floats, labels: Integers, pads: Integers, length: int) -> Floats:
    """Pad each template with zeros on the right and stretch the whole to one length.

    Parameters
    ----------
    templates : (digits, points) float64
    labels, pads : (batch,) int64
        The digit and the number of zeros of each sample.
    length : int

    Returns
    -------
    (batch, length) float64
    """
    shapes, which = _shapes(templates, labels, pads, length)
    return shapes[which]


def _shapes(templates: Floats, labels: Integers, pads: Integers, length: int) -> tuple[Floats, Integers]:
    """The rows of `dilate` that differ, (n, length), and which of them each sample has, (batch,)."""
    points = templates.shape[1]
    padded = np.zeros((len(templates), points + 1))  # one zero stands for all of the padding
    padded[:, :-1] = templates + EPSILON
    pairs, which = np.unique(labels * (pads.max() + 1) + pads, return_inverse=True)  # few differ: stretch each once
    digits, pads = np.divmod(pairs, pads.max() + 1)
    pads, of_pad = np.unique(pads, return_inverse=True)
    last = points + pads[:, None] - 1
    step = 1 / last
    query = _grid(length)
    left = np.minimum((query * last).astype(np.int64), last - 1)
    left += (left + 1) * step <= query  # rounding may have put the query one point off
    left -= left * step > query
    left = np.minimum(left, last - 1)
    right_position = np.where(left + 1 == last, 1.0, (left + 1) * step)
    first = digits[:, None] * (points + 1)
    rows = _line(
        padded.take(_indices(first + np.minimum(left, points)[of_pad])),
        padded.take(_indices(first + np.minimum(left + 1, points)[of_pad])),
        (left * step)[of_pad],
        right_position[of_pad],
        query,
    )
    rows[:, -1:] = padded.take(_indices(first + np.minimum(last, points)[of_pad]))
    return rows, which


def _indices(places: Integers) -> NDArray[np.intp]:
    """Convert to the type that 32-bit machines index with, which `take` needs there before NumPy 2.1."""
    return places.astype(np.intp, copy=False)


def translate(signals: Floats, shifts: Integers, which: Integers | None = None) -> Floats:
    """Roll each signal right by its shift; one as long as the signal or longer moves nothing.

    Parameters
    ----------
    signals : (n, N) float64
    shifts : (batch,) int64
    which : (batch,) int64, optional
        The signal that each shift moves; by default one each.

    Returns
    -------
    (batch, N) float64
    """
    return _roll(_windows(signals), shifts, np.arange(len(signals)) if which is None else which)


def _windows(signals: Floats) -> Floats:
    """All stretches of one signal's length in the signals, each twice in a row: (windows, N), a view."""
    length = signals.shape[1]
    twice = np.concatenate([signals, signals], axis=1).ravel()
    return as_strided(twice, (twice.size - length + 1, length), 2 * twice.strides)


def _roll(windows: Floats, shifts: Integers, which: Integers) -> Floats:
    length = windows.shape[1]
    return windows[(2 * which + 1) * length - np.where(shifts < length, shifts, 0)]


@cache
def gaussian_taps() -> Floats:
    """Weights of the Gaussian filter at distances 0 to RADIUS: (RADIUS + 1,) float64.

    `exp` from the decimal module is correctly rounded; that of NumPy differs between processors.
    """
    taps = np.array([float((Decimal(-d * d) / (2 * SIGMA**2)).exp()) for d in range(RADIUS + 1)])
    return taps / np.concatenate([taps[:0:-1], taps]).sum()


def correlate(noise: Floats) -> Floats:
    """Filter each row by the Gaussian, its edges reflected.

    Parameters
    ----------
    noise : (batch, N) float64

    Returns
    -------
    (batch, N) float64

    Notes
    -----
    Equal to the bit to `scipy.ndimage.gaussian_filter1d(row, 2)`, which adds up in this order.
    """
    length = noise.shape[1]
    mirror = np.arange(-RADIUS, length + RADIUS) % (2 * length)
    padded = noise.take(np.minimum(mirror, 2 * length - 1 - mirror), axis=1)
    # All rows as one line: sums that reach over a row's end fall into its margins, which are cut off.
    line = padded.ravel()
    inside = line.size - 2 * RADIUS
    taps = gaussian_taps()
    filtered = np.empty_like(padded)
    total = np.multiply(line[RADIUS:-RADIUS], taps[0], out=filtered.ravel()[RADIUS:-RADIUS])
    for distance in range(RADIUS, 0, -1):
        both = line[RADIUS - distance :][:inside] + line[RADIUS + distance :][:inside]
        both *= taps[distance]
        total += both
    return filtered[:, RADIUS:-RADIUS]


def interpolate(signals: Floats, length: int) -> Floats:
    """Linear interpolation of each row at `length` points from its first to its last.

    Parameters
    ----------
    signals : (batch, N) float64
    length : int

    Returns
    -------
    (batch, length) float64

    Notes
    -----
    Equal to the bit to `np.interp` where that is compiled without fused multiply-add.
    """
    grid = _grid(signals.shape[1])
    query = _grid(length)
    left = np.minimum(np.searchsorted(grid, query, side="right") - 1, len(grid) - 2)
    sampled = _line(signals.take(left, axis=1), signals.take(left + 1, axis=1), grid[left], grid[left + 1], query)
    sampled[:, -1] = signals[:, -1]
    return sampled


@lru_cache(maxsize=4)
def _grid(points: int) -> Floats:
    return np.linspace(0, 1, points)


def _line(
    y0: Floats,
    y1: Floats,
    x0: Floats,
    x1: Floats,
    x: Floats,
) -> Floats:
    """The line through (x0, y0) and (x1, y1) at x, all of one shape or broadcast to it; overwrites y1."""
    y1 -= y0
    y1 /= x1 - x0
    y1 *= x - x0
    y1 += y0
    return y1
