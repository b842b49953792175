"""Subsampling as linear algebra: which points of a signal a sample's point is made of, and what becomes of noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from generator.arrays import Floats, Integers
from generator.signals import interpolate


def neighbours(length: int, points: int) -> tuple[Integers, Floats]:
    """Positions of the points of a sample between the points of its signal.

    Parameters
    ----------
    length, points : int
        Points of a signal and of a sample.

    Returns
    -------
    left : (points,) int64
        The point of the signal to the left.
    weight : (points,) float64
        That of the next one, below 1; the left one has the rest.
    """
    place = np.linspace(0, 1, points) * (length - 1)
    left = np.minimum(place.astype(np.int64), length - 1)
    return left, place - left


def subsampled_noise(normals: Floats, length: int, points: int) -> Floats:
    """White noise of `length` points after `interpolate`, up to its distribution, from as few normals as can be.

    Parameters
    ----------
    normals : (batch, min(length, points)) float64
    length, points : int

    Returns
    -------
    (batch, points) float64

    Notes
    -----
    The points of a sample that is no longer than its signal lie at least one point of the signal apart. So those that
    follow each other share at most one neighbour, and others none: the covariance has three diagonals, and its Cholesky
    factor two. In a longer sample more points share the same neighbours, and white noise is interpolated as it is.

    Examples
    --------
    >>> subsampled_noise(np.eye(2), 3, 2)
    array([[1., 0.],
           [0., 1.]])
    """
    if points > length:
        return interpolate(normals, points)
    diagonal, below = _factor(length, points)
    noise = normals * diagonal
    noise[:, 1:] += normals[:, :-1] * below
    return noise


@lru_cache(maxsize=4)
def _factor(length: int, points: int) -> tuple[Floats, Floats]:
    """The two diagonals of the Cholesky factor: (points,) and (points - 1,)."""
    left, weight = neighbours(length, points)
    variances = (1 - weight) ** 2 + weight**2
    covariances = np.where(np.diff(left) == 1, weight[:-1] * (1 - weight[1:]), 0)
    diagonal, below = np.sqrt(variances), np.zeros(points - 1)
    for point, covariance in enumerate(covariances):
        below[point] = covariance / diagonal[point]
        diagonal[point + 1] = np.sqrt(variances[point + 1] - below[point] ** 2)
    return diagonal, below
