"""How hard a dataset is, in two numbers that need no training: NumPy only."""

from __future__ import annotations

import numpy as np

from generator.arrays import Floats, Integers

DIGITS = 10


def nearest_neighbour(x: Floats, y: Integers, x_test: Floats, y_test: Integers) -> float:
    """Test accuracy of the label of the nearest training sample, by Euclidean distance.

    Parameters
    ----------
    x, x_test : (train, points), (test, points) float64
    y, y_test : (train,), (test,) int64

    Returns
    -------
    float
        Percent.

    Examples
    --------
    >>> from generator import make_dataset
    >>> data = make_dataset()
    >>> nearest_neighbour(data.x, data.y, data.x_test, data.y_test)
    56.7
    """
    distances = (x**2).sum(axis=1) - 2 * x_test @ x.T  # but for what is the same for all of `x`
    return _percent(y[distances.argmin(axis=1)], y_test)


def linear(x: Floats, y: Integers, x_test: Floats, y_test: Integers) -> float:
    """Test accuracy of a linear model: least squares to an indicator of each digit.

    Parameters
    ----------
    x, x_test : (train, points), (test, points) float64
    y, y_test : (train,), (test,) int64

    Returns
    -------
    float
        Percent.
    """
    weights, *_ = np.linalg.lstsq(_with_constant(x), np.eye(DIGITS)[y], rcond=None)
    return _percent((_with_constant(x_test) @ weights).argmax(axis=1), y_test)


def _with_constant(x: Floats) -> Floats:
    return np.column_stack([x, np.ones(len(x))])


def _percent(predicted: Integers, y: Integers) -> float:
    return round(100 * float((predicted == y).mean()), 2)
