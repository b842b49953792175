"""Samples whose random numbers stay the same while parameters change, and the dataset of these parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState

from generator import Dataset, Parameters, get_templates
from generator.anatomy import Anatomy, Held, first_rows, hold, take_steps
from generator.arrays import Integers
from generator.authors import draw_dataset
from generator.parameters import WORDS
from generator.signals import UnitDraws

PANELS = 5  # values of one parameter that are shown next to each other
EXPLORE = {field.name: field.metadata["explore"] for field in fields(Parameters)}
LONGEST = int(EXPLORE["template_len"][1] + EXPLORE["padding"][1])  # points of a signal that the sliders can ask for


class Samples(NamedTuple):
    """Samples of one seed, a row for each digit, in the order of the digits."""

    first: Held  # those that come first in the published dataset
    telling: Held  # those that move far, lean much and are large: in these, each parameter shows


@lru_cache(maxsize=8)
def held_samples(seed: int) -> Samples:
    """Draw the samples that the page shows, and hold their random numbers."""
    held = hold(Parameters(seed=seed))
    draws = held.draws
    distinct = np.min([1 - np.abs(draws.shifts - 0.7), np.abs(2 * draws.shears - 1), draws.scales], axis=0)
    by_distinctness = np.argsort(-distinct, kind="stable")
    telling = by_distinctness[first_rows(held.labels[by_distinctness], 1)[:, 0]]
    return Samples(*(_pick(held, rows, seed) for rows in (first_rows(held.labels, 1)[:, 0], telling)))


def _pick(held: Held, rows: Integers, seed: int) -> Held:
    """Return some rows, with the normals of the published dataset and more of them, enough for the longest signal."""
    draws = UnitDraws._make(part[rows] for part in held.draws)
    more = np.random.default_rng(seed).standard_normal((2, len(rows), LONGEST - draws.white.shape[1]))
    longer = draws._replace(
        correlated=np.concatenate([draws.correlated, more[0]], axis=1),
        white=np.concatenate([draws.white, more[1]], axis=1),
    )
    return replace(held, labels=held.labels[rows], draws=longer)


def ten_samples(parameters: Parameters) -> Anatomy:
    """Return the first published sample of each digit, made with other parameters but the same random numbers."""
    return take_steps(parameters, held_samples(parameters.seed).first)


def telling_samples(parameters: Parameters) -> Anatomy:
    """Return a sample of each digit in which all parameters show."""
    return take_steps(parameters, held_samples(parameters.seed).telling)


@dataclass(frozen=True, eq=False)
class Variation:
    """The same samples with several values of one parameter."""

    values: Sequence[Any]
    samples: Sequence[Anatomy]  # of each value, a row for each digit
    current: int  # index of the value that the parameter has now


def vary(parameters: Parameters, name: str) -> Variation:
    """Make the telling samples with values of a parameter from low to high, the present one among them.

    Only a seed draws other samples for each value.
    """
    values, current = _values(parameters, name)
    return Variation(values, [telling_samples(replace(parameters, **{name: value})) for value in values], current)


def looks_the_same(name: str) -> bool:
    """Return True if a parameter changes how many samples there are, and not how they look."""
    return name in ("num_samples", "train_split")


@lru_cache(maxsize=4)
def draw(parameters: Parameters) -> Dataset:
    """Draw the dataset without warnings: `generator.authors.surprises` returns them.

    Raises
    ------
    ValueError
        If the parameters leave all points of all samples equal.
    """
    return draw_dataset(parameters, get_templates(), RandomState(parameters.seed))


def _values(parameters: Parameters, name: str) -> tuple[list[Any], int]:
    """Values from low to high, the nearest of them replaced by the present one, and its index."""
    present = getattr(parameters, name)
    if isinstance(present, bool):
        return [False, True], int(present)
    if not EXPLORE[name]:  # a seed
        return [(present + step) % WORDS for step in range(PANELS)], 0
    low, high, _ = EXPLORE[name]
    if name == "max_translation":
        high = max(low + PANELS, min(high, parameters.signal_length))  # longer shifts do not move the digit
    shares = np.linspace(0, 1, PANELS) ** (1 if isinstance(present, int) else 2)  # small amounts of noise differ most
    grid = low + (high - low) * shares
    if isinstance(present, tuple):
        values: list[Any] = [(round(value), round(value)) for value in grid]
    else:
        values = [round(value) if isinstance(present, int) else round(float(value), 2) for value in grid]
    current = int(np.abs(grid - np.mean(present)).argmin())
    values[current] = present
    return values, current
