"""The authors' stream of random numbers: MT19937 words in, the draws of every sample out.

How many words a sample takes shows only when it is read, because the polar method rejects pairs. So the words are
read in blocks, every word of a block is tried at once as the start of a pair, and a short walk from sample to sample
finds the pairs that are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState

from generator.arrays import Floats, Integers, Words
from generator.logarithm import log
from generator.parameters import WORDS, Parameters
from generator.signals import UnitDraws

BLOCK = 1 << 15  # words read at a time: half of it takes 1.3 times as long, twice as much takes 1.6 times the memory
DOUBLE = 2  # words of a double
PAIR = 2 * DOUBLE  # words of an attempt at two normals


class Stream:
    """A `RandomState` read ahead, left exactly behind the last word that a sample used.

    Examples
    --------
    >>> stream = Stream(RandomState(42))
    >>> sum(len(draws.pads) for draws in stream.draws(Parameters(), 100))
    100
    >>> stream.permutation(3).shape
    (3,)
    """

    def __init__(self, random: RandomState) -> None:
        self._random = random

    def permutation(self, length: int) -> Integers:
        """A random order of `length` things: (length,) int64."""
        return self._random.permutation(length).astype(np.int64, copy=False)

    def draws(self, parameters: Parameters, samples: int) -> Iterator[UnitDraws]:
        """The unit draws of the next samples, in blocks of a size that suits the processor."""
        sample_words = 8 + parameters.signal_length * PAIR * 4 / math.pi  # on average, a little too many
        block_samples = max(1, int(BLOCK / sample_words))
        words = np.empty(0, dtype=np.uint32)
        while samples:
            state, ahead = self._random.get_state(), len(words)
            words = np.concatenate([words, self._read(int(min(samples, block_samples) * sample_words))])
            draws, used = _draw(words, parameters, samples)
            if len(draws.pads):
                yield draws
            samples -= len(draws.pads)
            words = words[used:]
        self._random.set_state(state)
        self._read(used - ahead)

    def _read(self, count: int) -> Words:
        return self._random.randint(0, WORDS, size=count, dtype=np.uint32)


class _Pairs(NamedTuple):
    """The accepted attempts of a block, those whose words differ by a multiple of four, a lane, one after another.

    A sample's pairs follow each other in one lane; which lane is known only when the walk gets there.
    """

    places: Integers  # (accepted,) lane * steps + step, rising; the pair starts at word step * PAIR + lane
    ranks: memoryview  # (PAIR * steps + 1,): how many of them come before each place
    steps: int  # of a lane


class _Walk(NamedTuple):
    """Places of the samples of a block."""

    starts: Integers  # (batch,) word of the sample's first double
    shifts: Integers  # (batch,) its integer
    first_pairs: Integers  # (batch,) its first accepted pair, as an index into `_Pairs.places`
    ends: Integers  # (batch,) word of its last double
    used: int  # words up to the end of the last sample


def _draw(words: Words, parameters: Parameters, limit: int) -> tuple[UnitDraws, int]:
    """The unit draws of all samples that are whole in a block, and the number of words that they use."""
    numbers = _symmetric_doubles(words)
    squares = numbers * numbers
    radii = squares[:-DOUBLE] + squares[DOUBLE:]
    pairs = _accepted_pairs(radii)
    walk = _walk(words, pairs, parameters, limit)

    length = parameters.signal_length
    positions = pairs.places[walk.first_pairs[:, None] + np.arange(length)] * PAIR
    positions -= walk.ends[:, None] % PAIR * (pairs.steps * PAIR - 1)  # place -> word, see _Pairs
    positions = positions.ravel()
    chosen = radii[positions]
    factors = log(chosen)
    factors *= -2
    factors /= chosen
    np.sqrt(factors, out=factors)
    normals = np.empty((len(positions), 2))
    np.multiply(factors, numbers[positions + DOUBLE], out=normals[:, 0])
    np.multiply(factors, numbers[positions], out=normals[:, 1])

    correlated, white = normals.reshape(-1, 2, length).swapaxes(0, 1)
    draws = UnitDraws(
        pads=numbers[walk.starts] / 2 + 0.5,
        scales=numbers[walk.starts + DOUBLE] / 2 + 0.5,
        shifts=(walk.shifts + 0.5) / parameters.max_translation,  # which maps back to the same integer
        correlated=correlated,
        white=white,
        shears=numbers[walk.ends] / 2 + 0.5,
    )
    return draws, walk.used


def _symmetric_doubles(words: Words) -> Floats:
    """2u - 1 for the double u that would start at each word: (n,) uint32 -> (n - 1,) float64, never rounded.

    MT19937 makes a double of 27 and 26 leading bits of two words.
    """
    numbers: Floats = np.multiply((words[:-1] >> 5).view(np.int32), 2.0**-26)
    numbers += (words[1:] >> 6).view(np.int32) * 2.0**-52
    numbers -= 1
    return numbers


def _accepted_pairs(radii: Floats) -> _Pairs:
    steps = -(-len(radii) // PAIR)
    accepted = np.zeros(steps * PAIR, dtype=bool)
    np.logical_and(radii > 0, radii < 1, out=accepted[: len(radii)])
    lanes = accepted.reshape(steps, PAIR).T.ravel()
    ranks = np.zeros(len(lanes) + 1, dtype=np.int32)
    np.cumsum(lanes, out=ranks[1:])
    return _Pairs(np.flatnonzero(lanes), ranks.data, steps)


def _walk(words: Words, pairs: _Pairs, parameters: Parameters, limit: int) -> _Walk:
    """Follow the samples until `limit` or until the words of the block run out."""
    word, place_of = words.data, pairs.places.data
    highest = parameters.max_translation - 1
    mask = (1 << highest.bit_length()) - 1
    samples: list[tuple[int, int, int, int]] = []
    used = 0
    try:
        while len(samples) < limit:
            place = used + 2 * DOUBLE
            shift = word[place] & mask
            while shift > highest:
                place += 1
                shift = word[place] & mask
            place += mask > 0  # a range of one integer draws nothing
            step, lane = divmod(place, PAIR)
            start = lane * pairs.steps
            first = pairs.ranks[start + step]
            last = place_of[first + parameters.signal_length - 1] - start
            if last >= pairs.steps:
                break  # in the next lane: this one has too few
            end = last * PAIR + lane + PAIR
            word[end + 1]  # also an IndexError if the last double is not there yet
            samples.append((used, shift, first, end))
            used = end + DOUBLE
    except IndexError:
        pass
    starts, shifts, first_pairs, ends = np.array(samples, dtype=np.int64).reshape(-1, 4).T
    return _Walk(starts, shifts, first_pairs, ends, used)
