"""A dataset as the page needs it: drawn once, and what it says on the way."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

from generator import Dataset, Parameters, make_dataset
from generator.anatomy import Anatomy, take_apart
from generator.arrays import Floats

PANELS = 5  # values of one parameter that are shown beside each other
_lock = Lock()  # warnings are caught for the whole process


@dataclass(frozen=True, eq=False)
class Drawn:
    """A dataset and the first sample of each digit in it, taken apart."""

    data: Dataset
    samples: Anatomy  # (10,), in the order of the digits
    warning: str


@lru_cache(maxsize=8)
def draw(parameters: Parameters) -> Drawn:
    """Draw a dataset.

    Raises
    ------
    ValueError
        What `make_dataset` says of parameters that do not go together.
    """
    with _lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = make_dataset(parameters)
    labels = np.concatenate([data.y, data.y_test])
    rows = np.array([np.argmax(labels == digit) for digit in range(10)])
    return Drawn(data, take_apart(parameters, rows), " ".join(str(warning.message) for warning in caught))


@dataclass(frozen=True, eq=False)
class Variation:
    """The same sample with several values of one parameter."""

    values: list[Any]
    samples: list[Anatomy]  # a row each


def vary(parameters: Parameters, name: str, digit: int) -> Variation:
    """Draw one sample with values of a parameter from low to high, and pick the sample in which they show most."""
    values = _values(parameters, name)
    few = replace(parameters, num_samples=100)
    ends = [take_apart(replace(few, **{name: value})) for value in (values[0], values[-1])]
    rows = np.flatnonzero(ends[0].labels == digit)
    row = rows[_difference(ends[0].x[rows], ends[1].x[rows]).argmax()]
    return Variation(values, [take_apart(replace(few, **{name: value}), np.array([row])) for value in values])


def looks_the_same(name: str) -> bool:
    """Whether a parameter changes how many samples there are, and not how they look."""
    return name in ("num_samples", "train_split")


def _values(parameters: Parameters, name: str) -> list[Any]:
    default = getattr(parameters, name)
    if isinstance(default, bool):
        return [False, True]
    explore = next(field.metadata["explore"] for field in fields(Parameters) if field.name == name)
    if not explore:  # a seed
        return [default + step for step in range(PANELS)]
    low, high, _ = explore
    grid = [low + (high - low) * share for share in np.linspace(0, 1, PANELS)]
    if isinstance(default, tuple):
        return [(round(value), round(value)) for value in grid]
    return [round(value) if isinstance(default, int) else round(float(value), 2) for value in grid]


def _difference(one: Floats, other: Floats) -> Floats:
    if one.shape != other.shape:
        return np.zeros(len(one))
    return np.abs(one - other).sum(axis=1)
