"""The authors' datasets: everything from one stream, the published file among them."""

from __future__ import annotations

import random
import sys
import warnings
from numbers import Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from generator.arrays import Integers, dtype_name
from generator.dataset import Dataset
from generator.moments import mean_and_std
from generator.parameters import WORDS, Parameters, shown
from generator.recipes import Recipe, as_parameters
from generator.signals import all_shapes, interpolate, make_signals, map_draws
from generator.stream import Stream
from generator.templates import DIGITS, get_templates

PEAK = 2  # times the size of the samples: before and after they are put in their random order


def make_dataset(
    parameters: Parameters | Recipe | None = None, *, dtype: Any = "float64", label_noise: float = 0.0, **changed: Any
) -> Dataset:
    """Draw a dataset, bit-for-bit identical to the authors' for the same parameters.

    Parameters
    ----------
    parameters : Parameters or Recipe, optional
        By default the parameters of the published file.
    dtype : str, optional
        "float32" rounds `x`, `x_test` and `t`, which is half the memory and what PyTorch computes with.
    label_noise : float, optional
        Share of the training labels that are replaced by a random digit, which may be the right one. Notebook 8.3 of
        *Understanding Deep Learning* uses 0.15, and draws the same labels.
    **changed
        Any field of `Parameters`, which it then replaces.

    Returns
    -------
    Dataset
        A dictionary whose keys are attributes: `x`, `y`, `x_test`, `y_test`, `t` and `templates`.

    Raises
    ------
    ValueError
        If `parameters` is something else, or a name or value is not allowed; for more than 2**32 samples;
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
    >>> noisy = make_dataset(num_samples=100, label_noise=0.5, dtype="float32")
    >>> noisy.x.dtype, (noisy.y != make_dataset(num_samples=100).y).mean()
    (dtype('float32'), np.float64(0.45))
    """
    settled, kind = as_parameters(parameters, changed), dtype_name(dtype)
    if isinstance(label_noise, bool) or not isinstance(label_noise, Real) or not 0 <= label_noise <= 1:
        raise ValueError(f"label_noise={shown(label_noise)} is not allowed: give a number from 0 to 1")
    check_size(settled)
    for surprise in surprises(settled):
        warnings.warn(surprise, stacklevel=level_of_caller())
    data = draw_dataset(settled, get_templates(), RandomState(settled.seed))
    data.parameters = settled
    for name in ("x", "x_test", "t"):
        data[name] = data[name].astype(kind, copy=False)
    if label_noise:
        _replace_labels(data.y, label_noise, settled.seed)
    return data


def _replace_labels(y: Integers, share: float, seed: int) -> None:
    """Replace labels as notebook 8.3 does, which draws from `random` after `make_dataset` has seeded it."""
    numbers = random.Random(seed)
    for row in range(len(y)):
        if numbers.random() < share:
            y[row] = int(numbers.random() * len(DIGITS))


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
    return Dataset(x=x[:split], y=y[:split], x_test=x[split:], y_test=y[split:], t=t, templates=templates)


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


def level_of_caller() -> int:
    """The `stacklevel` that names the line of the user, whichever function of the project was called."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals["__name__"].partition(".")[0] in ("generator", "mnist1d", "mnist1d_authors"):
        frame, level = frame.f_back, level + 1
    return level


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
