"""The steps from template to signal and the logarithm: against plain counterparts, and alike on every processor."""

import decimal
import importlib
import json
import os
import platform
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from generator.logarithm import FIRST_CENTRED, log
from generator.signals import EPSILON, SIGMA, correlate, dilate, gaussian_taps, interpolate
from tests import reference
from tests.golden import PARAMETER_SETS, ROOT, SHA256

Array = NDArray[np.float64]

# Elsewhere compilers may fuse multiplications with additions in NumPy's and SciPy's loops.
TOLERANCE = 0 if platform.machine() in {"x86_64", "AMD64"} else 1e-15
LEAST = 2.0**-104  # of the squares that the polar method takes the logarithm of
NEARLY_ONE = 1 - 2.0**-53

CORE = "numpy._core" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "numpy.core"
umath = importlib.import_module(f"{CORE}._multiarray_umath")
ENABLED = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)]
GROUPS = {
    "all": ENABLED,
    "AVX512": [name for name in ENABLED if name.startswith(("AVX512", "X86_V4"))],
    "AVX2": [name for name in ENABLED if name in {"AVX2", "FMA3", "X86_V3"}],
}
PROGRAM = f"""
import json, sys, numpy, numpy.random
before = set(sys.modules)
import generator
new = [name.partition(".")[0] for name in set(sys.modules) - before]
from {CORE} import _multiarray_umath as umath
from tests.golden import draw_digest
found = {{name: draw_digest(changed) for name, changed in json.load(sys.stdin).items()}}
print(json.dumps([new, [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name)], found]))
"""

lengths = st.integers(2, 200)


@pytest.mark.parametrize("group", GROUPS)
def test_digests_without_processor_features(group: str) -> None:
    """Golden digests when NumPy may not use a group of instructions; the generator imports no other library."""
    if not (features := GROUPS[group]):
        pytest.skip("NumPy dispatches nothing of this group on this machine")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NPY_DISABLE_CPU_FEATURES": " ".join(features)}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, input=json.dumps(PARAMETER_SETS), env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    new, enabled, found = json.loads(done.stdout)
    assert {*new} - {*sys.stdlib_module_names} - {"numpy"} == {"generator"}
    assert not {*enabled} & {*features}
    assert found == SHA256


def assert_equal(got: Array, expected: Array, tolerance: float = TOLERANCE) -> None:
    """Equal to the bit where processors allow it, else nearly."""
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("length", [*range(2, 41), 72, 200])
def test_correlate(length: int) -> None:
    """The filter of SciPy with the same weights, to the bit, and its Gaussian filter; by hand as defined."""
    ndimage = pytest.importorskip("scipy.ndimage")
    rows = np.random.default_rng(length).normal(size=(3, length))
    filtered = correlate(rows)
    weights = np.concatenate([gaussian_taps()[:0:-1], gaussian_taps()])
    assert_equal(filtered, ndimage.correlate1d(rows, weights, axis=1, mode="reflect"))
    # scipy's weights come from NumPy's exp, which differs between processors by an ulp
    assert_equal(filtered, ndimage.gaussian_filter1d(rows, SIGMA, axis=1), 1e-15)
    assert_equal(filtered, np.array([reference.correlate(row) for row in rows]), 0)


@given(seed=st.integers(0, 2**32 - 1), length=lengths, points=lengths)
def test_interpolate(seed: int, length: int, points: int) -> None:
    """Linear interpolation of NumPy on the unit interval, row by row."""
    rows = np.random.default_rng(seed).normal(size=(3, length))
    grid, query = np.linspace(0, 1, length), np.linspace(0, 1, points)
    assert_equal(interpolate(rows, points), np.array([np.interp(query, grid, row) for row in rows]))
    assert_equal(interpolate(rows, points), np.array([reference.interpolate(row, points) for row in rows]), 0)


@given(template=st.lists(st.floats(-9, 9), min_size=2, max_size=60), first=st.integers(0, 4), length=lengths)
def test_dilate(template: list[float], first: int, length: int) -> None:
    """The padded template, interpolated, also at points that rounding moves to the other side of a grid point."""
    pads = np.arange(first, 200, 5)
    rows = dilate(np.array([template]), np.zeros_like(pads), pads, length)
    padded = [np.concatenate([np.array(template) + EPSILON, np.zeros(pad)]) for pad in pads]
    assert_equal(rows, np.array([reference.interpolate(line, length) for line in padded]), 0)


def error_in_ulps(x: float) -> float:
    """Distance of `log` from the exact logarithm, in units of the last place of the result."""
    result = log(np.array([x]))[0]
    with decimal.localcontext(decimal.Context(prec=60)):
        return float(abs(Decimal(float(result)) - Decimal(x).ln()) / Decimal(float(np.spacing(abs(result)))))


def test_logarithm_near_1() -> None:
    """From 191.5/256 up the result is the double nearest to the logarithm, as in the authors' file."""
    random = np.random.default_rng(0)
    x = np.concatenate([random.uniform(FIRST_CENTRED, 1, 10_000), 1 - 2.0 ** random.uniform(-53, -2, 2000)])
    with decimal.localcontext(decimal.Context(prec=60)):
        assert log(x).tolist() == [float(Decimal(number).ln()) for number in x.tolist()]


@given(st.floats(LEAST, NEARLY_ONE) | st.floats(-104, -0.5).map(lambda exponent: 2.0**exponent))
def test_logarithm(x: float) -> None:
    """The error is below one ulp, and at most a near tie more than half near 1; logarithms are negative and grow."""
    assert error_in_ulps(x) < 1
    assert x < FIRST_CENTRED or error_in_ulps(x) <= 0.5 + 2**-10
    here, above = log(np.array([x, min(np.nextafter(x, 1), NEARLY_ONE)]))
    assert here <= above < 0
    assert here == log(np.array([x]))[0]  # alone as in an array
