"""Published samples taken apart: what each step of the generator made of them, and where the digit is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from generator import Parameters, get_templates
from generator.arrays import Floats, Integers
from generator.signals import Draws, correlate, dilate, interpolate, translate
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
    templates = get_templates()
    labels = np.repeat(templates["y"], parameters.num_samples // len(templates["y"]))
    stream = Stream(RandomState(parameters.seed))
    blocks = stream.draws(parameters, len(labels))
    parts = [np.concatenate(part) for part in zip(*blocks, strict=True)]
    order = stream.permutation(len(labels))[rows]
    points = parameters.final_seq_length
    columns = stream.permutation(points) if parameters.shuffle_seq else np.arange(points)

    draws = Draws._make(part[order] for part in parts)
    labels = labels[order]
    dilated = dilate(templates["x"], labels, draws.pads, parameters.signal_length)
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
        templates=templates["x"][labels],
        dilated=dilated,
        scaled=scaled,
        translated=translated,
        correlated=correlated,
        noisy=noisy,
        sheared=sheared,
        x=interpolate(sheared, points)[:, columns],
        span=interpolate(translated, points)[:, columns] != 0,
    )


def first_rows(labels: Integers, count: int) -> Integers:
    """The first rows of each digit: (10, count) int64.

    Examples
    --------
    >>> first_rows(np.tile(np.arange(10), 3), 2)[7]
    array([ 7, 17])
    """
    return np.array([np.flatnonzero(labels == digit)[:count] for digit in range(10)])
