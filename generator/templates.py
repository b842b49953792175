"""The ten digits: twelve points each, drawn by the authors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)


def get_templates() -> dict[str, NDArray[Any]]:
    """The templates that every sample is made from.

    Returns
    -------
    dict
        `x` : (10, 12) float64, the digits, each starting at 0; `t` : (12,) float64, the positions of the
        points, from -5/6 to 5/6; `y` : (10,) int64, the labels.

    Notes
    -----
    Source: `get_templates` in https://github.com/greydanus/mnist1d.

    Examples
    --------
    >>> get_templates()["x"].shape
    (10, 12)
    """
    x = np.array(DIGITS, dtype=np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, keepdims=True)
    x -= x[:, :1]
    return {"x": x / 6, "t": np.linspace(-5, 5, x.shape[1]) / 6, "y": np.arange(len(x), dtype=np.int64)}
