"""The authors' datasets: everything from one stream, the published file among them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.arrays import Floats, Integers
from generator.moments import mean_and_std
from generator.parameters import WORDS, Parameters
from generator.signals import interpolate, make_signals
from generator.stream import Stream
from generator.templates import DIGITS, get_templates


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


def make_dataset(parameters: Parameters | None = None) -> Dataset:
    """Draw a dataset, equal to the bit to the authors' for the same parameters.

    Parameters
    ----------
    parameters : Parameters, optional
        By default those of the published file.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        If `parameters` are no Parameters; if they ask for more than 2**32 samples; or if all points of all samples are
        equal, so that they cannot be brought to standard deviation 1.

    Warns
    -----
    UserWarning
        Where the authors' code silently does something else than it was told.

    Notes
    -----
    Source: `make_dataset` in https://github.com/greydanus/mnist1d; S. Greydanus and D. Kobak, "Scaling Down Deep
    Learning with MNIST-1D", ICML 2024, https://arxiv.org/abs/2011.14439.

    Examples
    --------
    >>> data = make_dataset()
    >>> data.x.shape, data.x_test.shape
    ((4000, 40), (1000, 40))
    >>> data.y[:5]
    array([...])
    """
    if parameters is None:
        parameters = Parameters()
    if not isinstance(parameters, Parameters):
        raise ValueError(f"parameters={parameters!r} is not allowed: give generator.Parameters(...)")
    check_size(parameters)
    templates = get_templates()
    labels = np.repeat(templates["y"], parameters.num_samples // len(templates["y"]))
    _warn_of_surprises(parameters, len(labels))

    stream = Stream(parameters.seed)
    x = np.empty((len(labels), parameters.final_seq_length))
    done = 0
    for draws in stream.draws(parameters, len(labels)):
        rows = slice(done, done + len(draws.pads))
        x[rows] = make_signals(parameters, templates["x"], labels[rows], draws)
        done = rows.stop

    order = stream.permutation(len(labels))
    x = x[order]
    y = labels[order]
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
    split = split_rows(parameters, "train")
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


def check_size(parameters: Parameters) -> None:
    """Raise ValueError if the authors' stream, which numbers its rows by 32-bit words, is too short."""
    if parameters.num_samples > WORDS:
        raise ValueError(
            f"num_samples={parameters.num_samples} is not allowed in the authors' stream: "
            f'give at most {WORDS}, or take the sharded stream (generator.make_shard, stream="sharded")'
        )


def _warn_of_surprises(parameters: Parameters, samples: int) -> None:
    if samples != parameters.num_samples:
        warnings.warn(
            f"num_samples={parameters.num_samples} gives {samples} samples, as the authors' code does: "
            "give a multiple of 10, each digit gets as many",
            stacklevel=3,
        )
    if parameters.max_translation > parameters.signal_length:
        warnings.warn(
            f"max_translation={parameters.max_translation} is above the signal's {parameters.signal_length} points "
            "(template_len + padding[1]): samples whose shift is that long are not moved, as in the authors' code",
            stacklevel=3,
        )
