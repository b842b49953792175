"""Types of the arrays that the steps hand on; their shapes stand in each docstring."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from generator.parameters import shown

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Words = NDArray[np.uint32]
DTYPES = ("float64", "float32")


def dtype_name(dtype: Any) -> str:
    """Return "float64" or "float32" for that name, or NumPy's object for it; raise ValueError for all others."""
    try:
        name = "" if dtype is None else np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise ValueError(f"dtype={shown(dtype)} is not allowed: give {' or '.join(DTYPES)}")
    return name
