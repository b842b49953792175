"""Pictures, sounds, films and documents that a builder names by path: their bytes go into the table, and no path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from publisher.prepare.builder_errors import RowsError
from publisher.prepare.datasets_compat import embed_table_storage, is_medium, item_of

# `datasets` 5.2 reads the path of these even if the bytes are there; they are stored as all media are
BIOLOGY = re.compile(rb'"_type": "Bio(Sequence|Structure)"')


def has_media(feature: Any) -> bool:
    """Whether a feature is a medium, or holds one.

    Examples
    --------
    >>> has_media(datasets.Features({"pages": [{"scan": datasets.Image()}]}))
    True
    """
    return is_medium(feature) or any(map(has_media, _within(feature).values()))


def embed_media(table: pa.Table, features: datasets.Features, first: int) -> pa.Table:
    """The same rows with the bytes of their media, and of the paths only the names of the files.

    Parameters
    ----------
    table : pyarrow.Table
    features : datasets.Features
    first : int
        Number of the first row in its split, for the message.

    Raises
    ------
    RowsError
        If a medium cannot be read: with its row and its column.
    """
    try:
        return _embed(table, features)
    except Exception as error:
        for row, name in product(range(len(table)), filter(lambda name: has_media(features[name]), features)):
            try:  # slow, but only once
                _embed(table.select([name]).take([row]), datasets.Features({name: features[name]}))
            except Exception as reason:
                text = f"{str(reason) or type(reason).__name__}: mend the path or the file"
                raise RowsError(f"row {first + row}, column {name!r}: a file cannot be read: {text}") from error
        raise


def external_bytes(table: pa.Table, features: datasets.Features) -> np.ndarray[Any, Any]:
    """How many bytes each row has in files on this machine that are not in the table yet.

    Returns
    -------
    numpy.ndarray
        (rows,) int64.
    """
    total = np.zeros(len(table), np.int64)
    for name, feature in features.items():
        if has_media(feature):
            start = 0
            for chunk in table[name].chunks:
                for row, path in _external(chunk, feature):
                    file = Path(path)
                    total[start + row] += file.stat().st_size if file.is_file() else 0
                start += len(chunk)
    return total


def _embed(table: pa.Table, features: datasets.Features) -> pa.Table:
    listed = features.arrow_schema.metadata[b"huggingface"]
    listed = BIOLOGY.sub(b'"_type": "Image"', listed)
    table = embed_table_storage(table.replace_schema_metadata({"huggingface": listed}))
    for name, feature in features.items():
        for chunk in table[name].chunks:
            for _, path in _external(chunk, feature):
                raise FileNotFoundError(path)
    return table


def _external(array: pa.Array, feature: Any) -> Iterator[tuple[int, str]]:
    """Row and path of each medium that is only named."""
    if not has_media(feature):
        return
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if is_medium(feature):
        if pa.types.is_struct(array.type):
            data, paths = (pc.struct_field(array, name) for name in ("bytes", "path"))
            named = pc.and_(pc.is_null(data), pc.is_valid(paths))
            for row in np.flatnonzero(named.to_numpy(zero_copy_only=False)):
                yield int(row), paths[int(row)].as_py()
    elif pa.types.is_struct(array.type):
        for name, inner in _within(feature).items():
            yield from _external(pc.struct_field(array, name), inner)
    else:
        lengths = pc.list_value_length(array).fill_null(0).to_numpy()
        rows = np.repeat(np.arange(len(array)), lengths)
        for item, path in _external(array.flatten(), _within(feature)[""]):
            yield int(rows[item]), path


def _within(feature: Any) -> dict[str, Any]:
    """The features that one is made of; that of a list's items has no name."""
    if isinstance(feature, dict):
        return dict(feature)
    inner = item_of(feature)
    return {} if inner is None else {"": inner}
