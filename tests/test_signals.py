"""The steps from template to signal: each against its plain counterpart, a row at a time."""

import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from generator import Parameters, get_templates
from generator.signals import (
    EPSILON,
    RADIUS,
    SIGMA,
    Draws,
    correlate,
    dilate,
    gaussian_taps,
    interpolate,
    make_signals,
    translate,
)
from tests import reference

Array = NDArray[np.float64]

# Elsewhere compilers may fuse multiplications with additions in NumPy's and SciPy's loops.
EXACT = platform.machine() in {"x86_64", "AMD64"}
TOLERANCE = 0 if EXACT else 1e-15

seeds = st.integers(0, 2**32 - 1)
lengths = st.integers(2, 200)
batches = st.integers(1, 4)


def normals(seed: int, *shape: int) -> Array:
    """Numbers of an everyday size."""
    return np.random.default_rng(seed).normal(size=shape)


def assert_equal(got: Array, expected: Array, tolerance: float = TOLERANCE) -> None:
    """Equal to the bit where that can be asked, else nearly."""
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("length", range(2, 201))
def test_correlate(length: int) -> None:
    """The filter of SciPy with the same weights, to the bit, and that of its Gaussian."""
    ndimage = pytest.importorskip("scipy.ndimage")
    rows = normals(length, 3, length)
    filtered = correlate(rows)
    taps = gaussian_taps()
    weights = np.concatenate([taps[:0:-1], taps])
    assert_equal(filtered, ndimage.correlate1d(rows, weights, axis=1, mode="reflect"))
    # scipy's weights come from NumPy's exp, which differs between processors by an ulp
    assert_equal(filtered, ndimage.gaussian_filter1d(rows, SIGMA, axis=1), 1e-15)


@given(seed=seeds, batch=batches, length=lengths)
def test_correlate_by_hand(seed: int, batch: int, length: int) -> None:
    """The filter as its definition adds it up, row by row."""
    rows = normals(seed, batch, length)
    assert_equal(correlate(rows), np.array([reference.correlate(row) for row in rows]), 0)


def test_gaussian_taps() -> None:
    """Nine falling weights; the filter keeps a constant."""
    taps = gaussian_taps()
    assert taps.shape == (RADIUS + 1,)
    assert np.all(np.diff(taps) < 0)
    assert_equal(taps / taps[0], np.exp(-(np.arange(RADIUS + 1) ** 2) / (2 * SIGMA**2)), 1e-15)
    assert_equal(correlate(np.ones((1, 30))), np.ones((1, 30)), 1e-15)


@given(seed=seeds, batch=batches, length=lengths, points=lengths)
def test_interpolate(seed: int, batch: int, length: int, points: int) -> None:
    """Linear interpolation of NumPy on the unit interval, row by row."""
    rows = normals(seed, batch, length)
    grid, query = np.linspace(0, 1, length), np.linspace(0, 1, points)
    assert_equal(interpolate(rows, points), np.array([np.interp(query, grid, row) for row in rows]))
    assert_equal(interpolate(rows, points), np.array([reference.interpolate(row, points) for row in rows]), 0)
    assert_equal(interpolate(rows, length), rows, 1e-13)


@given(data=st.data(), length=lengths, points=st.integers(2, 20))
def test_dilate(data: st.DataObject, length: int, points: int) -> None:
    """The padded template, interpolated; zeros only behind the digit."""
    samples = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 150)), min_size=1, max_size=6))
    templates = normals(data.draw(seeds), 4, points)
    before = templates.copy()
    labels, pads = np.array(samples, dtype=np.int64).T
    padded = [np.concatenate([templates[label] + EPSILON, np.zeros(pad)]) for label, pad in samples]
    rows = dilate(templates, labels, pads, length)
    query = np.linspace(0, 1, length)
    assert_equal(rows, np.array([np.interp(query, np.linspace(0, 1, len(line)), line) for line in padded]))
    assert_equal(rows, np.array([reference.interpolate(line, length) for line in padded]), 0)
    assert_equal(templates, before, 0)


@pytest.mark.parametrize("length", range(2, 201, 3))
def test_dilate_by_any_padding(length: int) -> None:
    """Points that rounding moves to the other side of a grid point: too rare to be met by chance."""
    templates, pads = normals(length, 1, 60), np.arange(200)
    rows = dilate(templates, np.zeros_like(pads), pads, length)
    query = np.linspace(0, 1, length)
    for row, pad in zip(rows, pads, strict=True):
        line = np.concatenate([templates[0] + EPSILON, np.zeros(pad)])
        assert_equal(row, np.interp(query, np.linspace(0, 1, len(line)), line))


@given(data=st.data(), length=lengths, batch=batches)
def test_translate(data: st.DataObject, length: int, batch: int) -> None:
    """A roll to the right, unless the shift is as long as the signal."""
    shifts = data.draw(st.lists(st.integers(0, 2 * length) | st.just(2**32 - 1), min_size=batch, max_size=batch))
    rows = normals(data.draw(seeds), batch, length)
    expected = [np.roll(row, shift if shift < length else 0) for row, shift in zip(rows, shifts, strict=True)]
    assert_equal(translate(rows, np.array(shifts)), np.array(expected), 0)


@given(seed=seeds)
def test_rows_do_not_touch(seed: int) -> None:
    """A batch is its samples one by one, and leaves its draws as they were."""
    random = np.random.default_rng(seed)
    p = Parameters(template_len=5, padding=(3, 20), final_seq_length=30)
    templates, labels = get_templates()["x"], random.integers(0, 10, 8)
    draws = Draws(
        pads=random.integers(3, 21, 8),
        scales=random.uniform(0.8, 1.2, 8),
        shifts=random.integers(0, 30, 8),
        correlated=random.normal(size=(8, p.signal_length)),
        white=random.normal(size=(8, p.signal_length)),
        shears=random.uniform(-0.4, 0.4, 8),
    )
    before = [part.copy() for part in draws]
    signals = make_signals(p, templates, labels, draws)
    for row, signal in enumerate(signals):
        one = Draws._make(part[row : row + 1] for part in draws)
        assert_equal(make_signals(p, templates, labels[row : row + 1], one)[0], signal, 0)
    for part, copy in zip(draws, before, strict=True):
        np.testing.assert_array_equal(part, copy)
