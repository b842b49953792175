"""Pictures of samples, with matplotlib, which nothing else here needs."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator.arrays import Floats, Integers
from generator.parameters import Parameters

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHADED = 100_000  # samples: to find the digits in more of them, gigabytes would be drawn again
BLUE, LINE, SHADE = "#0072B2", "#4B5563", "#FBE3B0"  # as in the pictures of the card


def import_pyplot() -> ModuleType:
    """Import matplotlib's pyplot, or raise an ImportError that says how to install it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(f"Plots need matplotlib: pip install matplotlib ({error})") from error
    return pyplot


def plot_digits(x: Floats, y: Integers, parameters: Parameters | None) -> Figure:
    """Draw the first sample of each digit, its points from top to bottom, with the digit shaded.

    Parameters
    ----------
    x : (n, points) array
    y : (n,) array
    parameters : Parameters, optional
        Parameters of the samples; nothing is shaded without them, or where a sample is not one that they give.
    """
    pyplot = import_pyplot()
    digits, rows = np.unique(y, return_index=True)
    x = x[rows]
    is_digit = find_digits(x, rows, parameters)
    is_ordered = parameters is None or not parameters.shuffle_seq
    figure = pyplot.figure(FigureClass=_figure_class(), figsize=(10, 3), layout="constrained")
    axes = figure.subplots(1, len(digits), sharex=True, sharey=True, squeeze=False)[0]
    points = np.arange(x.shape[1])
    for axis, digit, signal, inside in zip(axes, digits, x, is_digit, strict=True):
        edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
        for first, end in edges.reshape(-1, 2):
            axis.axhspan(first - 0.5, end - 0.5, color=SHADE, linewidth=0)
        axis.plot(signal, points, color=LINE, linewidth=1)
        look = {"linewidth": 1.8, "markersize": 3.5} if is_ordered else {"linewidth": 0, "markersize": 6}
        axis.plot(np.where(inside, signal, np.nan), points, color=BLUE, marker=".", **look)
        axis.set_title(digit)
        axis.set(xticks=[], yticks=[])
    axes[0].invert_yaxis()
    figure.supylabel(
        "time \N{RIGHTWARDS ARROW}" if is_ordered else "points in their new order", rotation=-90, fontsize=9
    )
    return figure


def find_digits(x: Floats, rows: Integers, parameters: Parameters | None) -> NDArray[np.bool_]:
    """Mark the points of the digit in some samples of a dataset, by drawing the dataset again.

    Parameters
    ----------
    x : (n, points) array
    rows : (n,) int64
        Their rows in train and test together.
    parameters : Parameters, optional

    Returns
    -------
    (n, points) bool
        All False for samples that the parameters do not give.

    Examples
    --------
    >>> from generator import make_dataset
    >>> data = make_dataset(num_samples=100)
    >>> find_digits(data.x[:1], np.array([0]), data.parameters).sum()
    np.int64(8)
    """
    nothing = np.zeros(x.shape, dtype=bool)
    if parameters is None or parameters.num_samples > SHADED or rows.max(initial=0) >= parameters.num_samples:
        return nothing
    from generator.anatomy import take_apart

    drawn = take_apart(parameters, rows)
    if drawn.x.shape != x.shape:
        return nothing
    is_same = [np.allclose(np.polyval(np.polyfit(a, b, 1), a), b, atol=1e-4) for a, b in zip(drawn.x, x, strict=True)]
    return drawn.span & np.array(is_same)[:, None]


def _figure_class() -> Any:
    """A figure that a notebook shows once, though it is both a cell's result and open in pyplot."""
    from matplotlib import get_backend, pyplot
    from matplotlib.figure import Figure

    class NotebookFigure(Figure):
        def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
            """Close the figure in pyplot when IPython shows it as a result; its own formatters then draw it."""
            if "inline" in get_backend():
                pyplot.close(self)
            return {}

    return NotebookFigure
