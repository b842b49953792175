"""The logarithm of the machine that drew the published file, worked out from the file.

Every libm rounds `log` a little differently, and NumPy's own differs between processors. This one is made of IEEE
additions and multiplications only, so it gives the same bits everywhere, and the bits of the authors' file.

The algorithm is the classic table method (P. T. P. Tang, "Table-driven implementation of the logarithm function in
IEEE floating-point arithmetic", ACM TOMS 16(4), 1990): x = 2^n * y is brought near 1 by a reciprocal c of a cell of
y, then log x = n log 2 - log c + log(y c), the last by a short series in r = y c - 1.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import numpy as np

from generator.arrays import Floats

MANTISSA_BITS = 52
CELL_BITS = 8  # leading mantissa bits that choose the cell of y
ONE = np.int64(1023 << MANTISSA_BITS)  # the bits of 1.0
MANTISSA = np.int64((1 << MANTISSA_BITS) - 1)
LEADING_26_BITS = np.int64(-1 << 27)  # times the 22 bits of c, both halves of y are exact
FIRST_CENTRED = 191.5 / 256  # from here up to 1, n is 0 and the sum is compensated
SERIES = (1 / 3, -1 / 4, 1 / 5, -1 / 6, 1 / 7, -1 / 8)  # log(1 + r) = r - r^2/2 + r^3 * series(r), |r| <= 2^-8


class Tables(NamedTuple):
    """Constants of the cells of y: (256,) float64 each, and log 2."""

    reciprocal: Floats  # c
    high: Floats  # -log c (- log 2 for y >= 1.5, which counts to the next octave), a multiple of 2^-42
    low: Floats  # what `high` lacks
    octave: Floats  # 1 for y >= 1.5, else 0
    log_2: tuple[float, float]  # high and low


@cache
def _tables() -> Tables:
    """Tables from the decimal module: no libm has a part in them."""
    centres = [128 + (cell + 1) // 2 for cell in range(1 << CELL_BITS)]  # 128 y, rounded
    octaves = [int(centre >= 192) for centre in centres]
    with decimal.localcontext(decimal.Context(prec=60)):
        reciprocals = [(Decimal(2**28) / centre).to_integral_value() / 2**21 for centre in centres]
        log_2 = Decimal(2).ln()
        logarithms = {c: c.ln() for c in set(reciprocals)}  # neighbours share a centre
        parts = [_split(-logarithms[c] - octave * log_2) for c, octave in zip(reciprocals, octaves, strict=True)]
        high, low = np.array(parts).T.copy()
        return Tables(np.array(reciprocals, dtype=np.float64), high, low, np.array(octaves, float), _split(log_2))


def _split(value: Decimal) -> tuple[float, float]:
    high = (value * 2**42).to_integral_value() / 2**42
    return float(high), float(value - high)


def log(x: Floats) -> Floats:
    """Natural logarithm, with the roundings of the published data.

    Parameters
    ----------
    x : (n,) float64
        Normal numbers above 0 and below 1.

    Returns
    -------
    (n,) float64

    Notes
    -----
    Where n is 0 (x >= 0.748) the sum is compensated and in effect correctly rounded. Elsewhere
    `high + (r + ...)` is rounded twice, and these two roundings are what tells this logarithm from others.

    Examples
    --------
    >>> log(np.array([0.5, 0.25])) / np.log(2)
    array([-1., -2.])
    """
    bits = x.view(np.int64)
    cell = (bits >> (MANTISSA_BITS - CELL_BITS)) & ((1 << CELL_BITS) - 1)
    tables = _tables()
    n = ((bits >> MANTISSA_BITS) - 1023) + tables.octave[cell]
    y = (bits & MANTISSA) | ONE
    leading = (y & LEADING_26_BITS).view(np.float64)
    trailing = y.view(np.float64) - leading
    c = tables.reciprocal[cell]
    leading *= c
    leading -= 1
    trailing *= c
    r = leading + trailing

    q = np.full_like(r, SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        q *= r
        q += coefficient
    square = r * r
    q *= square
    q *= r

    high = n * tables.log_2[0]
    high += tables.high[cell]
    low = n * tables.log_2[1]
    low += tables.low[cell]
    centred = np.flatnonzero(x >= FIRST_CENTRED)
    r_low = leading[centred]
    r_low -= r[centred]
    r_low += trailing[centred]
    compensated = _compensated_sum(high[centred], low[centred], r[centred], r_low, q[centred])

    square *= 0.5
    q -= square
    q += low
    q += r
    q += high
    q[centred] = compensated
    return q


def _compensated_sum(
    high: Floats,
    low: Floats,
    r: Floats,
    r_low: Floats,
    q: Floats,
) -> Floats:
    """high + low + r + r_low - r^2/2 + q, rounded once."""
    head = r.astype(np.float32).astype(np.float64)  # its square is exact
    tail = r - head
    tail *= head + r
    tail *= -0.5
    tail += low
    tail += r_low - r * r_low
    tail += q
    total, error = _two_sum(high, r)
    tail += error
    total, error = _two_sum(total, head * head * -0.5)
    tail += error
    total += tail
    return total


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """The rounded sum and its exact rounding error (D. E. Knuth, TAOCP 4.2.2, theorem B)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)
