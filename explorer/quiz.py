"""Samples to name, plain and shuffled, and a count of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from generator import Parameters
from generator.anatomy import Mask, take_apart
from generator.arrays import Floats

KINDS = ("plain", "shuffled")
EXPERT = {"plain": 96, "shuffled": 30}  # percent: a person who knows the data, by the table of the authors


@dataclass(frozen=True, eq=False)
class Question:
    """A sample to name."""

    kind: str
    digit: int
    values: Floats  # (points,)
    span: Mask  # (points,)


@dataclass(frozen=True)
class Score:
    """Answers so far, by kind."""

    right: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    asked: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def count(self, kind: str, right: bool) -> Score:
        """Return the score after one more answer."""
        return Score(
            {**self.right, kind: self.right[kind] + right},
            {**self.asked, kind: self.asked[kind] + 1},
        )


def ask(parameters: Parameters, seed: int) -> Question:
    """Draw a sample: half of them plain, half with their points shuffled as the dataset shuffles them.

    Examples
    --------
    >>> question = ask(Parameters(), 1)
    >>> question.kind, len(question.values)
    ('plain', 40)
    """
    random = np.random.default_rng(seed)
    kind = KINDS[random.integers(2)]
    row = random.integers(100, size=1)
    few = replace(
        parameters, num_samples=100, shuffle_seq=kind == "shuffled", seed=int(random.integers(2**32, dtype=np.uint64))
    )
    sample = take_apart(few, row)
    return Question(kind, int(sample.labels[0]), sample.x[0], sample.span[0])


def with_article(digit: int) -> str:
    """Return a digit as it is read.

    Examples
    --------
    >>> with_article(3), with_article(8)
    ('a 3', 'an 8')
    """
    return f"{'an' if digit == 8 else 'a'} {digit}"
