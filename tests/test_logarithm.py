"""The logarithm: against the decimal module, which rounds correctly."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from generator.logarithm import FIRST_CENTRED, log

LEAST = 2.0**-104  # of the squares that the polar method takes the logarithm of
NEARLY_ONE = 1 - 2.0**-53
CELLS = np.arange(256, 512) / 512  # cell bounds and halves of them
EDGES = np.unique(np.concatenate([np.nextafter(CELLS, 0), CELLS, np.nextafter(CELLS, 1)]))


def error_in_ulps(x: float) -> float:
    """How far `log` is from the exact logarithm, in units of the last place of the result."""
    result = log(np.array([x]))[0]
    with decimal.localcontext(decimal.Context(prec=60)):
        return float(abs(Decimal(float(result)) - Decimal(x).ln()) / Decimal(float(np.spacing(abs(result)))))


def correctly_rounded(x: NDArray[np.float64]) -> list[float]:
    """The doubles that are nearest to the exact logarithms."""
    with decimal.localcontext(decimal.Context(prec=60)):
        return [float(Decimal(number).ln()) for number in x.tolist()]


@pytest.mark.parametrize(
    "x",
    [
        np.random.default_rng(0).uniform(FIRST_CENTRED, 1, 10_000),
        1 - 2.0 ** np.random.default_rng(1).uniform(-53, -2, 2_000),
        EDGES[EDGES >= FIRST_CENTRED],
    ],
    ids=["uniform", "towards 1", "edges of cells"],
)
def test_correctly_rounded_near_1(x: NDArray[np.float64]) -> None:
    """From 191.5/256 up the result is the double nearest to the logarithm."""
    assert log(x).tolist() == correctly_rounded(x)


@given(st.floats(FIRST_CENTRED, NEARLY_ONE))
def test_half_an_ulp_near_1(x: float) -> None:
    """From 191.5/256 up nothing but a near tie could round the other way."""
    assert error_in_ulps(x) <= 0.5 + 2**-10


@given(st.floats(LEAST, NEARLY_ONE) | st.floats(-104, -0.5).map(lambda exponent: 2.0**exponent))
def test_within_an_ulp(x: float) -> None:
    """Everywhere the error stays below one ulp."""
    assert error_in_ulps(x) < 1


def test_not_correctly_rounded_elsewhere() -> None:
    """Below 191.5/256 some results are the second nearest: what tells the authors' machine from others."""
    x = np.random.default_rng(2).uniform(0.5, FIRST_CENTRED, 10_000)
    wrong = np.flatnonzero(log(x) != correctly_rounded(x))
    assert 0 < len(wrong) < 100
    assert max(error_in_ulps(float(number)) for number in x[wrong]) < 0.51


@given(st.lists(st.floats(LEAST, NEARLY_ONE), min_size=1, max_size=20))
def test_each_number_for_itself(x: list[float]) -> None:
    """A number has the same logarithm alone as among others, and is left as it was."""
    numbers = np.array(x)
    assert log(numbers).tolist() == [log(np.array([number]))[0] for number in x]
    assert numbers.tolist() == x


@given(st.floats(LEAST, NEARLY_ONE))
def test_below_zero_and_growing(x: float) -> None:
    """Logarithms of numbers below 1 are negative, and do not fall where the number grows."""
    here, above = log(np.array([x, min(np.nextafter(x, 1), NEARLY_ONE)]))
    assert here <= above < 0


def test_no_numbers() -> None:
    """No numbers have no logarithms."""
    assert log(np.empty(0)).shape == (0,)
