"""Every parameter of MNIST-1D: its name, default, range and unit, and the range that is worth exploring."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from numbers import Real
from typing import Any

import numpy as np

WORDS = 2**32  # seed, shifts and row numbers come from single 32-bit words of the authors' stream
MAX_SAMPLES = 10**11  # of the sharded stream; that many rows fill 33 TB
MAX_LENGTH = 100_000  # points; stops slips of the keyboard, far above any use
BOOL = (bool, np.bool_)  # integers to Python, and np.bool_ to NumPy 1.26 as well
MAX_SCALE = 1e100  # the std squares the signal, which overflows above about 1e150


def _parameter(
    default: object, allowed: str, convert: Callable[[Any], object], unit: str = "", explore: tuple[float, ...] = ()
) -> Any:
    """A field of `Parameters`.

    `convert` returns the value in its own type or raises ValueError or TypeError. `explore` is (low, high, step): where
    samples change from plain to unreadable, which is where an interface may put a slider.
    """
    return field(default=default, metadata={"allowed": allowed, "convert": convert, "unit": unit, "explore": explore})


def _whole(value: Any) -> int:
    """An integer, which may be written as a float, such as 1e4."""
    if isinstance(value, BOOL):
        raise ValueError
    return int(value) if isinstance(value, (float, np.floating)) and value.is_integer() else operator.index(value)


def _integer(default: int, low: int, high: int, unit: str = "", explore: tuple[float, ...] = ()) -> Any:
    def convert(value: Any) -> int:
        if not low <= (number := _whole(value)) <= high:
            raise ValueError
        return number

    return _parameter(default, f"an integer from {low} to {high}", convert, unit, explore)


def _real(default: float, low: float, high: float, unit: str = "", explore: tuple[float, ...] = ()) -> Any:
    def convert(value: Any) -> float:
        if (
            isinstance(value, (*BOOL, np.timedelta64))
            or not isinstance(value, Real)
            or not low <= (number := float(value)) <= high
        ):
            raise ValueError  # NaN is in no range
        return number

    return _parameter(default, f"a number from {low:g} to {high:g}", convert, unit, explore)


def _interval(default: tuple[int, int], high: int, unit: str = "", explore: tuple[float, ...] = ()) -> Any:
    def convert(value: Any) -> tuple[int, int]:
        if not isinstance(value, (tuple, list, np.ndarray)):
            raise ValueError
        first, last = map(_whole, value)
        if not 0 <= first <= last <= high:
            raise ValueError
        return first, last

    allowed = f"two integers (low, high) with 0 <= low <= high <= {high}"
    return _parameter(default, allowed, convert, unit, explore)


def _flag(default: bool) -> Any:
    def convert(value: Any) -> bool:
        if not isinstance(value, BOOL):
            raise ValueError
        return bool(value)

    return _parameter(default, "True or False", convert)


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The parameters of one MNIST-1D dataset, with the authors' names and defaults.

    Parameters
    ----------
    num_samples : int
        Number of samples in train and test together. Each digit gets `num_samples // 10`. The authors' stream has at
        most 2**32.
    train_split : float
        Share of the samples that goes to train, from 0 to 1.
    template_len : int
        Length of a signal before padding. With it, a signal has `template_len + padding[1]` points until it is
        subsampled: the more points, the finer the noise.
    padding : (int, int)
        How narrow digits are: the more zeros behind a template, the narrower. The two values are the fewest and the
        most zeros.
    scale_coeff : float
        How much digits vary in amplitude. Each is multiplied by a random factor from a range of this width around 1.
    max_translation : int
        How far digits move along the signal. Each signal is rolled right by 0 to `max_translation - 1` points.
    corr_noise_scale : float
        How strong the smooth noise around the digit is, which looks much like a digit. It is the standard deviation
        before a Gaussian filter of sigma 2 points.
    iid_noise_scale : float
        How much every point jitters. It is the standard deviation of white noise.
    shear_scale : float
        How much signals lean: each is tilted by a random amount, to one side or the other. A straight line is
        subtracted, which rises or falls by an amount from a range of this width around 0.
    shuffle_seq : bool
        Whether the points are put in a random order, the same for all samples.
    final_seq_length : int
        Number of points in a finished sample.
    seed : int
        Seed of the random numbers: another seed gives other samples. They are those of MT19937.

    Raises
    ------
    ValueError
        Names the first parameter that is out of its range, its value and what is allowed.
    TypeError
        Names the first argument that is not a parameter, and the nearest one; or asks for names, if there are none.

    Notes
    -----
    Source: `get_dataset_args` in https://github.com/greydanus/mnist1d. Amplitudes are those before the
    dataset is brought to mean 0 and standard deviation 1.

    Examples
    --------
    >>> Parameters(num_samples=8000, train_split=0.5).padding
    (36, 60)
    >>> Parameters(seed=-1)
    Traceback (most recent call last):
    ValueError: seed=-1 is not allowed: give an integer from 0 to 4294967295
    >>> Parameters(num_sample=8000)
    Traceback (most recent call last):
    TypeError: 'num_sample' is not a parameter of MNIST-1D. Did you mean 'num_samples'? Allowed: num_samples, ...
    """

    num_samples: int = _integer(5000, 10, MAX_SAMPLES, "samples", (100, 60_000, 10))
    train_split: float = _real(0.8, 0, 1, "share", (0, 1, 0.01))
    template_len: int = _integer(12, 2, MAX_LENGTH, "points", (2, 60, 1))
    padding: tuple[int, int] = _interval((36, 60), MAX_LENGTH, "points", (0, 200, 1))
    scale_coeff: float = _real(0.4, 0, MAX_SCALE, "amplitude", (0, 2, 0.01))
    max_translation: int = _integer(48, 1, WORDS, "points", (1, 200, 1))
    corr_noise_scale: float = _real(0.25, 0, MAX_SCALE, "amplitude", (0, 2, 0.01))
    iid_noise_scale: float = _real(0.02, 0, MAX_SCALE, "amplitude", (0, 0.5, 0.01))
    shear_scale: float = _real(0.75, 0, MAX_SCALE, "amplitude", (0, 4, 0.01))
    shuffle_seq: bool = _flag(False)
    final_seq_length: int = _integer(40, 2, MAX_LENGTH, "points", (2, 200, 1))
    seed: int = _integer(42, 0, WORDS - 1)

    def __new__(cls, *positional: object, **given: object) -> Parameters:
        """Refuse arguments that are not parameters by name, before the values are checked."""
        names = [parameter.name for parameter in fields(cls)]
        if positional:
            named = ", ".join(f"{name}={shown(value)}" for name, value in zip(names, positional, strict=False))
            raise TypeError(f"Parameters takes its values by name. Did you mean Parameters({named})?")
        for name in given:
            if name not in names:
                raise TypeError(unknown_name(name, names, "a parameter of MNIST-1D"))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for parameter in fields(self):
            value = getattr(self, parameter.name)
            try:
                converted = parameter.metadata["convert"](value)
            except Exception:  # of whatever kind: the value converts itself
                raise ValueError(
                    f"{parameter.name}={shown(value)} is not allowed: give {parameter.metadata['allowed']}"
                ) from None
            object.__setattr__(self, parameter.name, converted)

    @property
    def signal_length(self) -> int:
        """Points of a signal before it is subsampled to `final_seq_length`."""
        return self.template_len + self.padding[1]


def shown(value: object) -> str:
    """A short representation on one line, also of what has none: Python refuses to print integers of 5,000 digits."""
    try:
        return " ".join(reprlib.repr(value).split())
    except Exception:
        return f"<{type(value).__name__}>"


def nearest_name(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The name that one with a slip of the keyboard most likely means.

    Examples
    --------
    >>> nearest_name("num_sample", ["num_samples", "seed"])
    'num_samples'
    >>> nearest_name("colour", ["num_samples", "seed"])
    """
    return next(iter(get_close_matches(name, list(names), n=1, cutoff=cutoff)), None)


def unknown_name(name: object, names: Iterable[str], kind: str) -> str:
    """The message for a name that is not among the allowed ones.

    Examples
    --------
    >>> unknown_name("defualt", ["default", "shuffled"], "a config")
    "'defualt' is not a config. Did you mean 'default'? Allowed: default, shuffled."
    """
    names = list(names)
    near = nearest_name(name, names) if isinstance(name, str) else None
    hint = f" Did you mean {near!r}?" if near else ""
    return f"{shown(name)} is not {kind}.{hint} Allowed: {', '.join(names)}."
