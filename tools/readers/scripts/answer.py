"""Output of a reader, as one line of JSON. Needs NumPy alone."""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

PLAN = json.loads(sys.argv[1])
SPLITS = ("train", "test")
BOTH = "train+test"


class Answer:
    """Collects what was read, errors, and dtypes that are shown but not judged."""

    def __init__(self) -> None:
        self.read: list[dict[str, Any]] = []
        self.errors: dict[str, str] = {}
        self.dtypes: dict[str, str] = {}

    def found(self, check: str, place: str, config: str, split: str, x: np.ndarray, y: np.ndarray) -> None:
        """Columns that were read, as arrays: x (rows, points), y (rows,)."""
        columns = {name: [str(array.dtype), digest(array)] for name, array in (("x", x), ("y", y))}
        self.read.append({"check": check, "place": place, "config": config, "split": split, "rows": len(y), **columns})

    def told(self, what: str, **columns: Any) -> None:
        """The dtypes that a way of reading gives."""
        self.dtypes[what] = ", ".join(f"{name} {column.dtype}" for name, column in columns.items())

    @contextmanager
    def checking(self, check: str) -> Iterator[None]:
        """Note an error and go on with the next check."""
        try:
            yield
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            self.errors.setdefault(check, f"{type(error).__name__}: {lines[-1] if lines else ''}")

    def print(self) -> None:
        """Print all of it; flushed, as some versions crash when they end."""
        print(json.dumps({"read": self.read, "errors": self.errors, "dtypes": self.dtypes}), flush=True)


def digest(array: np.ndarray) -> str:
    """SHA-256 of the values in C order, little endian."""
    return hashlib.sha256(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()).hexdigest()
