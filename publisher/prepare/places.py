"""Texts that are paths on the publisher's machine: they are published without the folder that only exists there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from publisher.prepare.rows import map_arrays

HASHED = r"(?:downloads/)?(?:extracted/(?:[^/]+/)?)?"  # how `datasets` lays out what it downloads and extracts


def hide_folders(table: pa.Table, folders: Sequence[Path]) -> pa.Table:
    """The same rows, where texts that begin with one of the folders begin behind it.

    Examples
    --------
    >>> table = pa.table({"file": ["/home/me/cache/downloads/extracted/5f3a/a/b.wav", "/dev/null"]})
    >>> hide_folders(table, [Path("/home/me/cache")])["file"].to_pylist()
    ['a/b.wav', '/dev/null']
    """
    prefixes = sorted({f"{re.escape(str(path))}/" for path in (*folders, *(path.resolve() for path in folders))})
    pattern = f"^(?:{'|'.join(prefixes)}){HASHED}"
    shorten = partial(_shorten, pattern=pattern)
    columns = []
    for column in table.columns:
        chunks = [map_arrays(chunk, shorten) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, column.type) if chunks else column)
    return pa.table(columns, schema=table.schema)


def _shorten(array: pa.Array, pattern: str) -> pa.Array:
    """Texts without what matches; the same array if nothing does."""
    if not (pt.is_string(array.type) or pt.is_large_string(array.type)):
        return array
    found = pc.any(pc.match_substring_regex(array, pattern)).as_py()
    return pc.replace_substring_regex(array, pattern, "", max_replacements=1) if found else array
