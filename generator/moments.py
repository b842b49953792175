"""Mean and standard deviation whose last bits depend neither on the machine nor on the version of NumPy.

`np.add.reduce` adds up pairwise, but before NumPy 2.3 it does so only within blocks of 8,192 values and then block
after block. The reference digests have the order of NumPy 2.3, which halves the whole array, so here it is halved
down to blocks that every version adds up alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generator.arrays import Floats

BLOCK = 8192  # values: the buffer of NumPy's reductions


def mean_and_std(x: Floats) -> tuple[float, float]:
    """Mean and standard deviation of all values, added up in the order in which they lie in memory.

    Parameters
    ----------
    x : array of float64, in C or in Fortran order

    Returns
    -------
    mean, std : float
        Equal to the bit to `x.mean()` and `x.std()` of NumPy 2.3.

    Examples
    --------
    >>> mean_and_std(np.array([1.0, 3.0]))
    (2.0, 1.0)
    """
    values = x.ravel(order="K")
    mean = _pairwise_sum(values, lambda block: block) / len(values)
    variance = _pairwise_sum(values, lambda block: np.square(block - mean)) / len(values)
    return mean, float(np.sqrt(variance))


def _pairwise_sum(values: Floats, term: Callable[[Floats], Floats]) -> float:
    if len(values) <= BLOCK:
        return float(np.add.reduce(term(values)))
    half = len(values) // 2
    half -= half % 8  # NumPy adds up eight values at a time
    return _pairwise_sum(values[:half], term) + _pairwise_sum(values[half:], term)
