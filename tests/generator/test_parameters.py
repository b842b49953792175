"""The parameters: what each takes, and what it says of everything else."""

import re
from dataclasses import FrozenInstanceError, asdict, fields, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generator import Parameters

DEFAULTS = {  # the authors'
    **{"num_samples": 5000, "train_split": 0.8, "template_len": 12, "padding": (36, 60), "scale_coeff": 0.4},
    **{"max_translation": 48, "corr_noise_scale": 0.25, "iid_noise_scale": 0.02, "shear_scale": 0.75},
    **{"shuffle_seq": False, "final_seq_length": 40, "seed": 42},
}
INTEGERS = {  # least and most
    "num_samples": (10, 10**11),
    "template_len": (2, 100_000),
    "max_translation": (1, 2**32),
    "final_seq_length": (2, 100_000),
    "seed": (0, 2**32 - 1),
}
REALS = {
    "train_split": (0, 1),
    **dict.fromkeys(("scale_coeff", "corr_noise_scale", "iid_noise_scale", "shear_scale"), (0, 1e100)),
}
ALLOWED = {
    **{name: f"an integer from {low} to {high}" for name, (low, high) in INTEGERS.items()},
    **{name: f"a number from {low:g} to {high:g}" for name, (low, high) in REALS.items()},
    "padding": "two integers (low, high) with 0 <= low <= high <= 100000",
    "shuffle_seq": "True or False",
}

NOT_A_NUMBER = [float("nan"), float("inf"), -float("inf"), np.float64("nan")]
NO_NUMBERS: list[Any] = [None, "12", b"12", "", (), [1], {}, 1j, object, *NOT_A_NUMBER]
NO_INTEGERS = [*NO_NUMBERS, True, np.True_, 12.5, np.float64(12.5), Decimal(12), Fraction(12), -1, -(2**64), 2**64]
NO_REALS = [*NO_NUMBERS, True, np.True_, Decimal("0.5"), -0.1, -1, np.float32(-1), -1e-300, 1e101]
NO_INTERVALS = [
    None, 36, 36.0, "ab", "36", (), (36,), (1, 2, 3), (2, 1), (-1, 2), (0, 100_001), (1.5, 2.0), (1, None), ("1", "2"),
    (False, True), (0, True), (np.False_, np.True_), (float("nan"), 1), [[1, 2]], np.array([0.5, 1]), np.array([2, 1]),
]  # fmt: skip
NO_FLAGS = [None, 0, 1, 0.0, "True", "", (), np.int64(1), np.array([True])]
REFUSED = [
    *[(name, value) for name in INTEGERS for value in NO_INTEGERS],
    *[(name, bound) for name, (low, high) in INTEGERS.items() for bound in (low - 1, high + 1)],
    *[(name, value) for name in REALS for value in NO_REALS],
    *[("train_split", 1 + 2**-52), ("train_split", 2), ("train_split", 80)],
    *[("padding", value) for value in NO_INTERVALS],
    *[("shuffle_seq", value) for value in NO_FLAGS],
    # Above all floats, integers that Python does not print, values of two lines, of bools, bytes, dict, set
    *[("train_split", 10**400), ("seed", 10**5000), ("train_split", -(10**5000)), ("padding", (1, 10**5000))],
    *[(name, np.array([[1], [2]])) for name in ("seed", "padding")],
    *[("padding", value) for value in (iter([False, True]), b"$<", {36: 0, 60: 0}, {36, 60})],
]
ACCEPTED: list[tuple[str, Any, Any]] = [  # field, value, what it becomes
    *[(name, bound, bound) for name, bounds in INTEGERS.items() for bound in bounds],
    *[(name, bound, float(bound)) for name, bounds in REALS.items() for bound in bounds],
    *[(name, kind(100), 100) for name in INTEGERS for kind in (np.int8, np.uint64, float, np.float32)],
    ("num_samples", 1e4, 10_000),
    *[(name, kind(0.5), 0.5) for name in REALS for kind in (np.float16, np.float32, np.float64)],
    *[(name, value, 1.0) for name in REALS for value in (1, np.int64(1), Fraction(1))],
    ("scale_coeff", -0.0, 0.0),
    *[("padding", value, value) for value in ((0, 0), (7, 7), (0, 100_000))],
    *[("padding", value, (36, 60)) for value in ([36, 60], np.array([36, 60]), (np.uint8(36), 60.0))],
    *[("shuffle_seq", np.bool_(value), value) for value in (False, True)],
]

scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(), st.binary()),
    *(st.decimals(), st.fractions(), st.dates()),
    st.sampled_from([np.int64(3), np.float32(0.5), np.bool_(True), np.datetime64("2020"), np.array([[1], [2]]), int]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def test_defaults() -> None:
    """Names and defaults are the authors', of plain Python types, and a signal has room for the most padding."""
    assert asdict(Parameters()) == DEFAULTS
    assert [type(value) for value in asdict(Parameters()).values()] == [type(value) for value in DEFAULTS.values()]
    assert Parameters().signal_length == 72
    assert Parameters(template_len=5, padding=(0, 3)).signal_length == 8


@pytest.mark.parametrize(("name", "value"), REFUSED, ids=range(len(REFUSED)))
def test_refused(name: str, value: object) -> None:
    """One sentence names the field, what is allowed, and the value, which is cut if it is long."""
    with pytest.raises(ValueError, match=f"^{name}=[^\n]* is not allowed: give {re.escape(ALLOWED[name])}$") as error:
        Parameters(**{name: value})  # type: ignore[arg-type]
    if isinstance(value, (float, str, bool)):
        assert str(error.value).startswith(f"{name}={value!r} is not")


@pytest.mark.parametrize(("name", "value", "expected"), ACCEPTED)
def test_accepted(name: str, value: Any, expected: Any) -> None:
    """Bounds and NumPy scalars are taken, and become plain Python values."""
    result = getattr(Parameters(**{name: value}), name)
    assert result == expected
    assert type(result) is type(expected)
    if name == "padding":
        assert [type(bound) for bound in result] == [int, int]


@settings(max_examples=500)
@given(name=st.sampled_from(list(DEFAULTS)), value=anything)
@example(name="padding", value=[0, 0])
def test_anything_else(name: str, value: object) -> None:
    """Any value of any field makes parameters that are fit for use, or is refused in one line."""
    try:
        parameters = Parameters(**{name: value})  # type: ignore[arg-type]
    except ValueError as error:
        message = str(error)
        assert re.fullmatch(f"{name}=[^\n]* is not allowed: give {re.escape(ALLOWED[name])}", message)
    else:
        assert type(getattr(parameters, name)) is type(DEFAULTS[name])
        assert Parameters(**asdict(parameters)) == parameters
        assert len({parameters, replace(parameters)}) == 1


def test_keyword_only() -> None:
    """Values are given by name."""
    assert all(field.kw_only for field in fields(Parameters))
    with pytest.raises(TypeError, match=r"by name\. Did you mean Parameters\(num_samples=5000, train_split=0\.5\)\?$"):
        Parameters(5000, 0.5)  # type: ignore[call-arg]


def test_values() -> None:
    """Equal values make equal parameters, however they were given; they stay, and a changed copy is checked anew."""
    one = Parameters(padding=[1, 2], seed=np.int64(3), train_split=1)  # type: ignore[arg-type]
    assert len({one, Parameters(padding=(1, 2), seed=3, train_split=1.0), replace(one, seed=4)}) == 2
    with pytest.raises(FrozenInstanceError):
        one.seed = 4  # type: ignore[misc]
    with pytest.raises(ValueError, match=r"^seed=-1 is not allowed"):
        replace(one, seed=-1)
