"""Pictures of samples, with matplotlib, which nothing else here needs."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from generator.arrays import Floats, Integers

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def import_pyplot() -> ModuleType:
    """matplotlib's pyplot, or an ImportError that says how to get it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"plots need matplotlib: pip install matplotlib ({error})") from error
    return pyplot


def plot_digits(x: Floats, y: Integers, t: Floats) -> Figure:
    """The first of the signals `x` of each digit in `y`, over the times `t`, which run down."""
    pyplot = import_pyplot()
    digits, rows = np.unique(y, return_index=True)
    figure, axes = pyplot.subplots(1, len(digits), figsize=(10, 3), sharex=True, sharey=True, squeeze=False)
    for axis, digit, row in zip(axes[0], digits, rows, strict=True):
        axis.plot(x[row], t, color="black", linewidth=1.5)
        axis.set_title(digit)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0, 0].invert_yaxis()
    figure.tight_layout()
    return figure
