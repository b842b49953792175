"""`mnist1d.transform`: the steps from template to sample, on one signal each; the module itself is the last function.

All draw from `numpy.random`, in the order of the authors' code, so a seed gives what it gave there: but for the last
bits, in which the normals of NumPy differ between machines.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from generator import signals
from generator.arrays import Floats
from generator.signals import EPSILON

# ruff: noqa: NPY002 - all of these draw from the stream of the authors' code, and of everything that was written for it


def pad(x: ArrayLike, padding: tuple[int, int]) -> Floats:
    """Put zeros behind a signal, or behind each of several: low to high of them, as drawn.

    Parameters
    ----------
    x : (..., n) array
    padding : (low, high)

    Returns
    -------
    (..., n + zeros) float64

    Examples
    --------
    >>> pad(np.ones(3), (2, 2))
    array([1., 1., 1., 0., 0.])
    """
    x = np.asarray(x)
    low, high = padding
    zeros = low + int(np.random.rand() * (high - low + 1))
    return np.concatenate([x, np.zeros((*x.shape[:-1], zeros))], axis=-1)


def shear(x: ArrayLike, scale: float = 10) -> Floats:
    """Add a slope: `scale` is the width of the range that it is drawn from, in amplitude over the whole signal.

    Parameters
    ----------
    x : (n,) array

    Returns
    -------
    (n,) float64
    """
    x = np.asarray(x)
    coefficient = scale * (np.random.rand() - 0.5)
    return x - coefficient * np.linspace(-0.5, 0.5, len(x))


def translate(x: ArrayLike, max_translation: int) -> Floats:
    """Roll a signal right by 0 to `max_translation - 1` points; one as long as the signal or longer moves nothing.

    Parameters
    ----------
    x : (n, ...) array

    Returns
    -------
    (n, ...) float64
    """
    x = np.asarray(x)
    shift = int(np.random.choice(max_translation))
    return np.roll(x, shift if shift < len(x) else 0, axis=0)


def corr_noise_like(x: Floats, scale: float) -> Floats:
    """Noise in the shape of x whose neighbours are alike: normals, filtered by a Gaussian of sigma 2 points.

    Parameters
    ----------
    x : array of any shape
    scale : float
        Standard deviation before the filter.

    Returns
    -------
    float64, as x
    """
    noise = scale * np.random.randn(*x.shape)
    for axis in range(x.ndim):
        lines = np.moveaxis(noise, axis, -1)
        filtered = signals.correlate(lines.reshape(-1, x.shape[axis])).reshape(lines.shape)
        noise = np.moveaxis(filtered, -1, axis)
    return noise


def iid_noise_like(x: Floats, scale: float) -> Floats:
    """White noise of standard deviation `scale` in the shape of x."""
    return np.asarray(scale * np.random.randn(*x.shape))


def interpolate(x: ArrayLike, N: int) -> Floats:  # noqa: N803 - the authors' name
    """Resample a signal linearly at N points from its first to its last.

    Parameters
    ----------
    x : (n, ...) array
    N : int

    Returns
    -------
    (N, ...) float64

    Examples
    --------
    >>> interpolate([0, 1], 5)
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    lines = np.moveaxis(np.asarray(x, dtype=np.float64), 0, -1)
    flat = lines.reshape(-1, lines.shape[-1])
    resampled = signals.interpolate(flat, N) if flat.shape[1] > 1 else np.repeat(flat, N, axis=1)
    return np.moveaxis(resampled.reshape(*lines.shape[:-1], N), -1, 0)


def transform(x: ArrayLike, y: ArrayLike, args: Any, eps: float = EPSILON) -> tuple[Floats, Floats]:
    """Make a sample from a template: pad, dilate, scale, translate, noise, shear, subsample.

    Parameters
    ----------
    x : (n,) array
        The template.
    y : (n,) array
        Its time, which is only resampled.
    args : object
        Has the attributes of `get_dataset_args()` from `template_len` to `final_seq_length`.
    eps : float
        Lifts the digit off zero, because zero marks the points outside of it.

    Returns
    -------
    x, y : (args.final_seq_length,) float64
    """
    length = args.template_len + args.padding[-1]
    signal = interpolate(pad(np.asarray(x) + eps, args.padding), length)
    signal *= 1 + args.scale_coeff * (np.random.rand() - 0.5)
    signal = translate(signal, args.max_translation)
    signal = np.where(signal != 0, signal, corr_noise_like(signal, args.corr_noise_scale))
    signal = signal + iid_noise_like(signal, args.iid_noise_scale)
    signal = shear(signal, args.shear_scale)
    return interpolate(signal, args.final_seq_length), interpolate(interpolate(y, length), args.final_seq_length)


class _Callable(ModuleType):
    """A module that is called as the function of its name: in the authors' package `mnist1d.transform` is both."""

    def __call__(self, x: ArrayLike, y: ArrayLike, args: Any, eps: float = EPSILON) -> tuple[Floats, Floats]:
        return transform(x, y, args, eps)


sys.modules[__name__].__class__ = _Callable
