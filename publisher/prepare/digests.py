"""SHA-256 digests: of files, and of columns as arrays, so that anyone can check them with two lines of NumPy."""

from __future__ import annotations

import hashlib
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from publisher.prepare.rows import is_list


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def column_digests(dataset: datasets.Dataset) -> dict[str, str]:
    """SHA-256 of each column of numbers, or of lists of numbers, as `array.tobytes()` gives it.

    Returns
    -------
    dict of str to str
        Column -> hexadecimal digits of the values in C order, little endian. Columns of other types and columns with
        nulls are left out.

    Examples
    --------
    >>> column_digests(datasets.Dataset.from_dict({"y": [1, 2], "text": ["a", "b"]}))
    {'y': '0c730b69905c5ef7...'}
    """
    table = dataset.with_format("arrow")[:]
    digests = {name: _digest(table[name]) for name in table.column_names}
    return {name: digest for name, digest in digests.items() if digest}


def _digest(column: pa.ChunkedArray) -> str | None:
    digest = hashlib.sha256()
    return digest.hexdigest() if digest_values(digest, column) else None


def digest_values(digest: hashlib._Hash, column: pa.ChunkedArray) -> bool:
    """Feed a column's values to a digest; False, and nothing is fed, if it has nulls or other types than numbers."""
    while is_list(column.type):
        if column.null_count:
            return False
        column = pc.list_flatten(column)
    if column.null_count or not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return False
    for chunk in column.chunks:
        values = chunk.to_numpy()
        digest.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
    return True
