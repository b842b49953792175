"""Pictures of samples, with matplotlib, which nothing else here needs."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from generator.authors import Dataset


def import_pyplot() -> ModuleType:
    """matplotlib's pyplot, or an ImportError that says how to get it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"plots need matplotlib: pip install matplotlib ({error})") from error
    return pyplot


def plot_digits(data: Dataset) -> Figure:
    """The first training sample of each digit, or of the test split where train has none; time runs down."""
    pyplot = import_pyplot()
    x, y = np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test])
    digits, rows = np.unique(y, return_index=True)
    figure, axes = pyplot.subplots(1, len(digits), figsize=(10, 3), sharex=True, sharey=True, squeeze=False)
    for axis, digit, row in zip(axes[0], digits, rows, strict=True):
        axis.plot(x[row], data.t, color="black", linewidth=1.5)
        axis.set_title(digit)
        axis.set_xticks([])
        axis.set_yticks([])
    axes[0, 0].invert_yaxis()
    figure.tight_layout()
    return figure
