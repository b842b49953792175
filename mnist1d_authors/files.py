"""Pickles of arrays, read without running code from them."""

from __future__ import annotations

import os
import pickle
from _codecs import encode
from typing import Any

import numpy as np

from generator import Dataset, Parameters

from .utils import ObjectView

# What pickles of arrays, scalars, buffers (protocol 5), bytes (protocols 0 to 2) and our own datasets hold
WRITTEN: tuple[Any, ...] = (
    np.ndarray,
    np.dtype,
    np.empty(0).__reduce__()[0],
    np.float64().__reduce__()[0],
    np.empty(0).__reduce_ex__(5)[0],
    encode,
    Dataset,
    Parameters,
)
PLAIN = {(each.__module__.replace("numpy._core", "numpy.core"), each.__name__): each for each in WRITTEN}  # as NumPy 1


class _Refused(pickle.UnpicklingError):
    """A file that holds more than plain data."""


class _Plain(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("mnist1d.utils", "ObjectView"):
            return ObjectView
        try:
            return PLAIN[module.replace("numpy._core", "numpy.core"), name]
        except KeyError:
            raise _Refused(f"{module}.{name}") from None


def load_plain(path: str | os.PathLike[str]) -> Any:
    """Load the content of a pickle, or return None if it is not a whole pickle.

    Raises
    ------
    pickle.UnpicklingError
        If it holds more than numbers, strings, lists, dictionaries and arrays of them; nothing of it has run then.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - what `open` takes
            return _Plain(file).load()
    except _Refused as refused:
        raise pickle.UnpicklingError(
            f"{path} holds {refused}, which is more than plain arrays, and was not read: give another path, or load "
            "it with mnist1d.from_pickle, which runs the code in it, if you trust it"
        ) from None
    except Exception:  # a torn file, a page of HTML: of whatever kind, as pickle says
        return None
