"""`mnist1d.utils`: seeds, pickles, arguments as an object, and a picture of ten signals."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from generator import Dataset
from generator.plotting import import_pyplot

from .transform import transform

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ObjectView:
    """A dictionary whose keys are attributes; a change of the one is a change of the other.

    Examples
    --------
    >>> settings = {"seed": 42}
    >>> args = ObjectView(settings)
    >>> args.seed = 7
    >>> settings
    {'seed': 7}
    """

    def __init__(self, d: dict[str, Any]) -> None:
        self.__dict__ = d

    if TYPE_CHECKING:  # keys are not known here

        def __getattr__(self, name: str) -> Any: ...


def set_seed(seed: int | None) -> None:
    """Seed `random` and `numpy.random`."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the stream of the authors' code, and of everything that was written for it


def to_pickle(thing: object, path: str | os.PathLike[str]) -> None:
    """Save anything to a file that every Python 3 reads; a dataset as a plain dictionary, which needs only NumPy."""
    thing = dict(thing) if isinstance(thing, Dataset) else thing
    with open(path, "wb") as file:  # noqa: PTH123 - what `open` takes
        pickle.dump(thing, file, protocol=3)


def from_pickle(path: str | os.PathLike[str]) -> Any:
    """Load what `to_pickle` saved.

    As `pickle.load`, this runs whatever code the file holds: give it only files that you trust. `get_dataset` reads its
    files without running any.
    """
    with open(path, "rb") as file:  # noqa: PTH123
        return pickle.load(file)


def plot_signals(
    xs: Sequence[NDArray[Any]] | NDArray[Any],
    t: NDArray[Any],
    labels: Sequence[Any] | NDArray[Any] | None = None,
    args: Any = None,
    ratio: float = 2.6,
    do_transform: bool = False,
    dark_mode: bool = False,
    zoom: float = 1,
) -> Figure:
    """Show the first ten signals side by side, time running down.

    Parameters
    ----------
    xs : (10 or more, n) array
    t : (n,) array
    labels : (10 or more,), optional
        Written above the signals.
    args : object, optional
        What `transform` takes; needed with `do_transform`.
    ratio : float
        Height of a signal in its widths.
    do_transform : bool
        Transform each signal first; as `transform` this draws from `numpy.random`.
    dark_mode : bool
        White points on black.
    zoom : float
        Both axes go from -zoom to zoom.

    Returns
    -------
    matplotlib.figure.Figure
    """
    if do_transform and args is None:
        raise AssertionError("do_transform=True needs args, such as get_dataset_args()")
    pyplot = import_pyplot()
    figure, axes = pyplot.subplots(1, 10, figsize=(15, 1.5 * ratio), dpi=60)
    for place, axis in enumerate(axes):
        x = xs[place]
        if do_transform:
            x, t = transform(x, t, args)  # also of t, each time anew, as the original does
        if dark_mode:
            axis.plot(x, t, "wo", linewidth=6)
            axis.set_facecolor("k")
        else:
            axis.plot(x, t, "k-", linewidth=2)
        if labels is not None:
            axis.set_title(f"label={labels[place]}", fontsize=22)
        axis.set(xlim=(-zoom, zoom), ylim=(zoom, -zoom), xticks=[], yticks=[])
    figure.subplots_adjust(wspace=0, hspace=0)
    figure.tight_layout()
    pyplot.show()
    return figure
