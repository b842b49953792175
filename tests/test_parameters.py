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
    "num_samples": 5000,
    "train_split": 0.8,
    "template_len": 12,
    "padding": (36, 60),
    "scale_coeff": 0.4,
    "max_translation": 48,
    "corr_noise_scale": 0.25,
    "iid_noise_scale": 0.02,
    "shear_scale": 0.75,
    "shuffle_seq": False,
    "final_seq_length": 40,
    "seed": 42,
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
    "scale_coeff": (0, 1e100),
    "corr_noise_scale": (0, 1e100),
    "iid_noise_scale": (0, 1e100),
    "shear_scale": (0, 1e100),
}
ALLOWED = {
    **{name: f"an integer from {low} to {high}" for name, (low, high) in INTEGERS.items()},
    **{name: f"a number from {low:g} to {high:g}" for name, (low, high) in REALS.items()},
    "padding": "two integers (low, high) with 0 <= low <= high <= 100000",
    "shuffle_seq": "True or False",
}

NO_NUMBERS: list[Any] = [
    None,
    "12",
    b"12",
    "",
    (),
    [1],
    {},
    1j,
    object,
    float("nan"),
    float("inf"),
    -float("inf"),
    np.float64("nan"),
]
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
]
ACCEPTED: list[tuple[str, Any, Any]] = [  # field, value, what it becomes
    *[(name, bound, bound) for name, bounds in INTEGERS.items() for bound in bounds],
    *[(name, bound, float(bound)) for name, bounds in REALS.items() for bound in bounds],
    *[
        (name, kind(100), 100)
        for name in INTEGERS
        for kind in (np.int8, np.uint16, np.int64, np.uint64, float, np.float32)
    ],
    ("num_samples", 1e4, 10_000),
    *[(name, kind(0.5), 0.5) for name in REALS for kind in (np.float16, np.float32, np.float64)],
    *[(name, value, 1.0) for name in REALS for value in (1, np.int64(1), Fraction(1))],
    ("scale_coeff", -0.0, 0.0),
    ("padding", [36, 60], (36, 60)),
    ("padding", (0, 0), (0, 0)),
    ("padding", (7, 7), (7, 7)),
    ("padding", (0, 100_000), (0, 100_000)),
    ("padding", np.array([36, 60]), (36, 60)),
    ("padding", (np.int32(1), np.uint8(2)), (1, 2)),
    ("padding", (1.0, np.float64(2)), (1, 2)),
    ("shuffle_seq", np.True_, True),
    ("shuffle_seq", np.False_, False),
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.dates()
    | st.sampled_from([np.int64(3), np.float32(0.5), np.bool_(True), np.datetime64("2020"), np.array([[1], [2]]), int])
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def sentence(name: str, value: object) -> str:
    """The message that a short value gets."""
    return f"{name}={value!r} is not allowed: give {ALLOWED[name]}"


def test_defaults() -> None:
    """Names and defaults are the authors', and of plain Python types."""
    assert asdict(Parameters()) == DEFAULTS
    assert {name: type(value) for name, value in asdict(Parameters()).items()} == {
        name: type(value) for name, value in DEFAULTS.items()
    }


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_refused(name: str, value: object) -> None:
    """One sentence names the field, what is allowed, and the value, which is cut if it is long."""
    with pytest.raises(ValueError, match=f"^{name}=") as error:
        Parameters(**{name: value})  # type: ignore[arg-type]
    message = str(error.value)
    assert message.endswith(f" is not allowed: give {ALLOWED[name]}")
    assert "\n" not in message
    if len(repr(value)) <= 20:
        assert message == sentence(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("train_split", 10**400, id="above all floats"),
        pytest.param("seed", 10**5000, id="integer that Python does not print"),
        pytest.param("train_split", -(10**5000), id="number that Python does not print"),
        pytest.param("padding", (1, 10**5000), id="bound that Python does not print"),
        pytest.param("seed", np.array([[1], [2]]), id="repr of two lines"),
        pytest.param("padding", np.array([[1], [2]]), id="interval with a repr of two lines"),
        pytest.param("padding", iter([False, True]), id="iterator over bools"),
        pytest.param("padding", b"$<", id="bytes"),
        pytest.param("padding", {36: 0, 60: 0}, id="dict"),
        pytest.param("padding", {36, 60}, id="set"),
    ],
)
def test_refused_oddities(name: str, value: object) -> None:
    """Values that are hard to print or only look like two integers are refused in one line."""
    with pytest.raises(ValueError, match=f"^{name}=[^\n]* is not allowed: give {re.escape(ALLOWED[name])}$"):
        Parameters(**{name: value})  # type: ignore[arg-type]


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
        assert message.startswith(f"{name}=")
        assert message.endswith(f" is not allowed: give {ALLOWED[name]}")
        assert "\n" not in message
    else:
        assert type(getattr(parameters, name)) is type(DEFAULTS[name])
        assert Parameters(**asdict(parameters)) == parameters
        assert len({parameters, replace(parameters)}) == 1


@pytest.mark.parametrize("name", DEFAULTS)
def test_frozen(name: str) -> None:
    """Parameters do not change once they are made."""
    with pytest.raises(FrozenInstanceError):
        setattr(Parameters(), name, DEFAULTS[name])


def test_keyword_only() -> None:
    """Values are given by name, and by a known one; the message has the nearest."""
    assert all(field.kw_only for field in fields(Parameters))
    with pytest.raises(TypeError, match=r"by name\. Did you mean Parameters\(num_samples=5000, train_split=0\.5\)\?$"):
        Parameters(5000, 0.5)  # type: ignore[call-arg]
    for wrong, near in [("num_sample", "num_samples"), ("sede", "seed"), ("shuffle", "shuffle_seq")]:
        with pytest.raises(
            TypeError, match=f"^'{wrong}' is not a parameter .* Did you mean '{near}'\\? Allowed: num_sa"
        ):
            Parameters(**{wrong: 1})  # type: ignore[arg-type]


def test_equal_and_hashable() -> None:
    """Equal values make equal parameters with equal hashes, however they were given."""
    one = Parameters(padding=[1, 2], seed=np.int64(3), train_split=1)  # type: ignore[arg-type]
    two = Parameters(padding=(1, 2), seed=3, train_split=1.0)
    assert one == two
    assert hash(one) == hash(two)
    assert one != replace(two, seed=4)


def test_replace_checks_again() -> None:
    """A changed copy is checked like a new one."""
    with pytest.raises(ValueError, match=re.escape(sentence("seed", -1))):
        replace(Parameters(), seed=-1)


def test_signal_length() -> None:
    """A signal has room for the template and the most padding."""
    assert Parameters().signal_length == 72
    assert Parameters(template_len=5, padding=(0, 3)).signal_length == 8
