"""Published samples taken apart: what each step of the generator made of them, and where the digit is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from generator import Parameters, get_templates
from generator.arrays import Floats, Integers
from generator.signals import UnitDraws, correlate, dilate, interpolate, map_draws, translate
from generator.stream import Stream

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Some samples of a dataset, in its order; N = `Parameters.signal_length`.

    Attributes
    ----------
    labels, pads, shifts : (rows,) int64
    scales : (rows,) float64
    templates : (rows, 12) float64
    dilated, scaled, translated, correlated, noisy, sheared : (rows, N) float64
        The signal after each step.
    x : (rows, final_seq_length) float64
        The samples before all of the dataset is brought to mean 0 and standard deviation 1.
    span : (rows, final_seq_length) bool
        Where the digit is: the points at which the signal without any noise is not zero.
    """

    labels: Integers
    pads: Integers
    shifts: Integers
    scales: Floats
    templates: Floats
    dilated: Floats
    scaled: Floats
    translated: Floats
    correlated: Floats
    noisy: Floats
    sheared: Floats
    x: Floats
    span: Mask


@dataclass(frozen=True, eq=False)
class Held:
    """Samples whose draws are held fixed while parameters change.

    Attributes
    ----------
    labels : (rows,) int64
    draws : UnitDraws
        With at least as many normals as the longest signal has points.
    order : callable
        Maps a number of points to the random order of that many points, (points,) int64, for `shuffle_seq`.
    """

    labels: Integers
    draws: UnitDraws
    order: Callable[[int], Integers]


def hold(parameters: Parameters, rows: slice | Integers = slice(None)) -> Held:
    """Draw samples of a dataset, and keep their random numbers, not yet mapped by the parameters.

    Parameters
    ----------
    parameters : Parameters
    rows : slice or (n,) int64, optional
        Rows of train and test together; by default all.

    Returns
    -------
    Held
    """
    digits = get_templates()["y"]
    labels = np.repeat(digits, parameters.num_samples // len(digits))
    random = RandomState(parameters.seed)
    stream = Stream(random)
    parts = [np.concatenate(part) for part in zip(*stream.draws(parameters, len(labels)), strict=True)]
    chosen = stream.permutation(len(labels))[rows]
    state = random.get_state()

    def order(points: int) -> Integers:
        again = RandomState()
        again.set_state(state)
        return Stream(again).permutation(points)

    return Held(labels[chosen], UnitDraws._make(part[chosen] for part in parts), order)


def take_steps(parameters: Parameters, held: Held) -> Anatomy:
    """Make samples from held draws, and keep the signal after each step.

    Parameters
    ----------
    parameters : Parameters
        `num_samples`, `train_split` and `seed` make no difference: the draws are those that were held.
    held : Held

    Returns
    -------
    Anatomy

    Examples
    --------
    >>> held = hold(Parameters(num_samples=100), slice(1))
    >>> near, far = (take_steps(Parameters(max_translation=most), held) for most in (1, 48))
    >>> near.shifts, far.shifts, near.scales == far.scales
    (array([0]), array([2]), array([ True]))
    """
    templates, labels = get_templates()["x"], held.labels
    draws = map_draws(parameters, held.draws)
    points = parameters.final_seq_length
    columns = held.order(points) if parameters.shuffle_seq else np.arange(points)

    dilated = dilate(templates, labels, draws.pads, parameters.signal_length)
    scaled = dilated * draws.scales[:, None]
    translated = translate(scaled, draws.shifts)
    noise = correlate(parameters.corr_noise_scale * draws.correlated)
    correlated = np.where(translated == 0, noise, translated)
    noisy = correlated + parameters.iid_noise_scale * draws.white
    sheared = noisy - draws.shears[:, None] * np.linspace(-0.5, 0.5, parameters.signal_length)
    return Anatomy(
        labels=labels,
        pads=draws.pads,
        shifts=draws.shifts,
        scales=draws.scales,
        templates=templates[labels],
        dilated=dilated,
        scaled=scaled,
        translated=translated,
        correlated=correlated,
        noisy=noisy,
        sheared=sheared,
        x=interpolate(sheared, points)[:, columns],
        span=interpolate(translated, points)[:, columns] != 0,
    )


def take_apart(parameters: Parameters, rows: slice | Integers = slice(None)) -> Anatomy:
    """Draw samples again, and keep what `generator.make_dataset` throws away.

    Parameters
    ----------
    parameters : Parameters
    rows : slice or (n,) int64, optional
        Rows of train and test together; by default all.

    Returns
    -------
    Anatomy

    Examples
    --------
    >>> one = take_apart(Parameters(num_samples=100), slice(1))
    >>> int(one.labels[0]), int(one.span.sum())
    (3, 8)
    """
    return take_steps(parameters, hold(parameters, rows))


def first_rows(labels: Integers, count: int) -> Integers:
    """The first rows of each digit: (10, count) int64.

    Examples
    --------
    >>> first_rows(np.tile(np.arange(10), 3), 2)[7]
    array([ 7, 17])
    """
    return np.array([np.flatnonzero(labels == digit)[:count] for digit in range(10)])
