"""The authors' datasets: everything from one stream, the published file among them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from generator.arrays import Floats, Integers
from generator.moments import mean_and_std
from generator.parameters import WORDS, Parameters
from generator.recipes import Recipe, as_parameters
from generator.signals import all_shapes, interpolate, make_signals, map_draws
from generator.stream import Stream
from generator.templates import DIGITS, get_templates

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEAK = 2  # times the size of the samples: before and after they are put in their random order


@dataclass(frozen=True, eq=False)
class Dataset:
    """One MNIST-1D dataset, under the names of the authors' file.

    Attributes
    ----------
    x, x_test : (n, final_seq_length) float64
        Samples; train and test together have mean 0 and standard deviation 1.
    y, y_test : (n,) int64
        Digits 0 to 9; the classes are balanced over train and test together, not in each.
    t : (final_seq_length,) float64
        Positions of the points, divided by the same standard deviation.
    templates : dict
        `x` (10, 12), `t` (12,), `y` (10,): see `get_templates`.
    """

    x: Floats
    y: Integers
    x_test: Floats
    y_test: Integers
    t: Floats
    templates: dict[str, NDArray[Any]]

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(f"{name!r} is not in a dataset: give one of {', '.join(NAMES)}")
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def keys(self) -> tuple[str, ...]:
        """The names, so that `dict(data)` is the authors' dictionary."""
        return NAMES

    def __repr__(self) -> str:
        shapes = [f"{name}={self[name].shape}" for name in NAMES[:-1]]
        return f"Dataset({', '.join(shapes)}, templates)"

    def plot(self) -> Figure:
        """Draw the first sample of each digit, of train if it has one, time running down, with matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            Of pyplot: a notebook shows it, and in a script `matplotlib.pyplot.show()` does.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from generator.plotting import plot_digits

        return plot_digits(np.concatenate([self.x, self.x_test]), np.concatenate([self.y, self.y_test]), self.t)


NAMES = tuple(array.name for array in fields(Dataset))


def make_dataset(parameters: Parameters | Recipe | None = None, **changed: Any) -> Dataset:
    """Draw a dataset, equal to the bit to the authors' for the same parameters.

    Parameters
    ----------
    parameters : Parameters or Recipe, optional
        By default those of the published file.
    **changed
        Any field of `Parameters`, which it then replaces.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If `parameters` are something else, or one has no such name or value; if they ask for more than 2**32 samples;
        or if all points of all samples are equal, so that they cannot be brought to standard deviation 1.
    MemoryError
        If the machine has too little memory for so many samples; the message says what to do.

    Warns
    -----
    UserWarning
        If the authors' code silently ignores a part of what it was given: see `surprises`.

    Notes
    -----
    Source: `make_dataset` in https://github.com/greydanus/mnist1d; S. Greydanus and D. Kobak, "Scaling Down Deep
    Learning with MNIST-1D", ICML 2024, https://arxiv.org/abs/2011.14439.

    Examples
    --------
    >>> data = make_dataset()
    >>> data.x.shape, data.x_test.shape
    ((4000, 40), (1000, 40))
    >>> data["y"][:5]
    array([...])
    >>> make_dataset(num_samples=100, seed=7)
    Dataset(x=(80, 40), y=(80,), x_test=(20, 40), y_test=(20,), t=(40,), templates)
    """
    settled = as_parameters(parameters, changed)
    check_size(settled)
    for surprise in surprises(settled):
        warnings.warn(surprise, stacklevel=2)
    return draw_dataset(settled, get_templates(), RandomState(settled.seed))


def draw_dataset(parameters: Parameters, templates: dict[str, NDArray[Any]], random: RandomState) -> Dataset:
    """Draw from templates that may be other than the authors', and leave the stream behind the last draw.

    Parameters
    ----------
    parameters : Parameters
        Its seed is not used.
    templates : dict
        `x` (digits, points), `t` (points,), `y` (digits,), as from `get_templates`.
    random : RandomState

    Returns
    -------
    Dataset
        Its `templates` are those that were given.
    """
    _check_memory(parameters)
    labels = np.repeat(np.arange(len(templates["y"])), parameters.num_samples // len(templates["y"]))
    stream = Stream(random)
    x = np.empty((len(labels), parameters.final_seq_length))
    low, high = parameters.padding
    few = len(templates["y"]) * (high - low + 1) <= len(labels)  # then most shapes are needed, many of them often
    shapes = all_shapes(parameters, templates["x"]) if few else None
    done = 0
    for unit in stream.draws(parameters, len(labels)):
        draws = map_draws(parameters, unit)
        rows = slice(done, done + len(draws.pads))
        x[rows] = make_signals(parameters, templates["x"], labels[rows], draws, shapes)
        done = rows.stop

    order = stream.permutation(len(labels))
    x = x[order]
    y = templates["y"][labels[order]]
    if parameters.shuffle_seq:
        # exactly this expression: it lays the columns out one after another, the order in which mean and std add up
        x = x[..., stream.permutation(parameters.final_seq_length)]
    if x.min() == x.max():  # by rounding, std need not be 0 then
        raise ValueError("all points of all samples are equal: allow some noise, or raise final_seq_length")
    mean, std = mean_and_std(x)
    x -= mean
    x /= std
    t = interpolate(templates["t"][None], parameters.signal_length)
    t = interpolate(t, parameters.final_seq_length)[0] / std

    x = np.ascontiguousarray(x)
    split = int(len(y) * parameters.train_split)
    return Dataset(x[:split], y[:split], x[split:], y[split:], t, templates)


def split_rows(parameters: Parameters, split: str) -> int:
    """Rows of "train" or "test", known before anything is drawn.

    Examples
    --------
    >>> [split_rows(Parameters(num_samples=1009), split) for split in ("train", "test")]
    [800, 200]
    """
    rows = parameters.num_samples // len(DIGITS) * len(DIGITS)
    train = int(rows * parameters.train_split)
    return {"train": train, "test": rows - train}[split]


def surprises(parameters: Parameters) -> list[str]:
    """Return a sentence for each parameter that the authors' code silently ignores in part.

    Examples
    --------
    >>> surprises(Parameters())
    []
    """
    found = []
    samples = sum(split_rows(parameters, split) for split in ("train", "test"))
    if samples != parameters.num_samples:
        found.append(
            f"num_samples={parameters.num_samples} gives {samples} samples, as the authors' code does: "
            "give a multiple of 10, each digit gets as many"
        )
    if parameters.max_translation > parameters.signal_length:
        found.append(
            f"max_translation={parameters.max_translation} is above the signal's {parameters.signal_length} points "
            "(template_len + padding[1]): samples whose shift is that long are not moved, as in the authors' code"
        )
    return found


def check_size(parameters: Parameters) -> None:
    """Raise ValueError if the authors' stream, which numbers its rows by 32-bit words, is too short."""
    if parameters.num_samples > WORDS:
        raise ValueError(
            f"num_samples={parameters.num_samples} is not allowed in the authors' stream: "
            f'give at most {WORDS}, or take the sharded stream (generator.make_shard, stream="sharded")'
        )


def _check_memory(parameters: Parameters) -> None:
    """Raise MemoryError if the samples will not fit, before hours have gone into drawing them."""
    needed = PEAK * parameters.num_samples * parameters.final_seq_length * np.dtype(np.float64).itemsize
    try:
        np.empty(needed, dtype=np.uint8)  # asked for, and given back untouched
    except (MemoryError, ValueError):  # more than there is, more than an address can say
        raise MemoryError(
            f"num_samples={parameters.num_samples} takes {needed / 1e9:.3g} GB of memory, more than there is: take the "
            'sharded stream, mnist1d.Mnist1D(stream="sharded", num_samples=...) or generator.make_shard, which draws '
            "other samples of the same distribution piece by piece"
        ) from None
