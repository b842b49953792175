"""Values of any kind as JSON that says what can be said of them, the same in every process and on every machine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, is_dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

import datasets
import numpy as np

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def describe(value: Any) -> Any:
    """A value as JSON reads it back.

    Numbers, texts, lists and dicts stay what they are; sets become sorted lists; features are written as `datasets`
    writes them; functions and classes are named; of a path that is there only the name is kept; the rest is text.

    Examples
    --------
    >>> describe({"languages": {"en", "de"}, "size": np.int64(7), "clean": str.strip, "padding": (36, 60)})
    {'languages': ['de', 'en'], 'size': 7, 'clean': 'str.strip', 'padding': [36, 60]}
    """
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is str:
        return _name_if_there(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, Enum):
        return describe(value.value)
    if isinstance(value, (int, str)):
        return describe(int(value) if isinstance(value, int) else str.__str__(value))
    if isinstance(value, datasets.Features):
        return describe(value.to_dict())
    if isinstance(value, Mapping):
        return {str(describe(name)): describe(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, AbstractSet):
        return sorted(map(describe, value), key=repr)
    if isinstance(value, (np.generic, np.ndarray)):
        return describe(value.tolist()) if value.dtype != object or value.ndim else describe(value.item())
    if is_dataclass(value) and not isinstance(value, type):
        return describe(asdict(value))
    if isinstance(value, PurePath):
        return _name_if_there(str(value))
    if callable(value) and hasattr(value, "__qualname__"):
        module = getattr(value, "__module__", None)
        return value.__qualname__ if module in (None, "builtins", "__main__") else f"{module}.{value.__qualname__}"
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return ADDRESS.sub("", str(value))


def _name_if_there(text: str) -> str:
    """The name of a file or folder of this machine, which is nobody else's; any other text as it is."""
    try:
        absolute = len(text) < 4096 and Path(text).is_absolute() and Path(text).exists()
    except (OSError, ValueError):
        return text
    return (Path(text).name or text) if absolute else text
