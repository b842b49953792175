"""Two measures of difficulty that need NumPy only and take a fraction of a second."""

from __future__ import annotations

import numpy as np

from generator.arrays import Floats, Integers

DIGITS = 10
STEPS = 100


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
    """Test accuracy of logistic regression.

    Parameters
    ----------
    x, x_test : (train, points), (test, points) float64
    y, y_test : (train,), (test,) int64

    Returns
    -------
    float
        Percent.

    Notes
    -----
    Newton steps with a fixed bound in the place of the Hessian, which for whitened points is a number: D. Boehning,
    "Multinomial logistic regression algorithm", 1992. A hundred of them take about 0.1 s for the default data.

    Examples
    --------
    >>> from generator import make_dataset
    >>> data = make_dataset()
    >>> 31 < linear(data.x, data.y, data.x_test, data.y_test) < 33
    True
    """
    white, sizes, directions = np.linalg.svd(_with_constant(x), full_matrices=False)
    kept = sizes > 1e-10 * sizes[0]
    white, whiten = white[:, kept], directions[kept].T / sizes[kept]
    weights = np.zeros((white.shape[1], DIGITS))
    wanted = np.eye(DIGITS)[y]
    for _ in range(STEPS):
        scores = white @ weights
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        scores /= scores.sum(axis=1, keepdims=True)
        weights -= 2 * white.T @ (scores - wanted)
    return _percent((_with_constant(x_test) @ whiten @ weights).argmax(axis=1), y_test)


def _with_constant(x: Floats) -> Floats:
    return np.column_stack([x, np.ones(len(x))])


def _percent(predicted: Integers, y: Integers) -> float:
    return round(100 * float((predicted == y).mean()), 2)
