"""Texts that are paths on the publisher's machine: they are published without the folder that only exists there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

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
    columns = []
    for column in table.columns:
        chunks = [_change_texts(chunk, pattern) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, column.type) if chunks else column)
    return pa.table(columns, schema=table.schema)


def _change_texts(array: pa.Array, pattern: str) -> pa.Array:
    """An array in which texts that match are shortened; the same one if there are none."""
    kind = array.type
    if pt.is_string(kind) or pt.is_large_string(kind):
        found = pc.any(pc.match_substring_regex(array, pattern)).as_py()
        return pc.replace_substring_regex(array, pattern, "", max_replacements=1) if found else array
    if pt.is_struct(kind):
        fields = [pc.struct_field(array, [index]) for index in range(kind.num_fields)]
        changed = [_change_texts(field, pattern) for field in fields]
        if all(new is old for new, old in zip(changed, fields, strict=True)):
            return array
        return pa.StructArray.from_arrays(changed, fields=list(kind), mask=array.is_null())
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        array = pa.concat_arrays([array])  # without what lies outside its slice
        before = array.values
        values = _change_texts(before, pattern)
        if values is before:
            return array
        if pt.is_fixed_size_list(kind):
            return pa.FixedSizeListArray.from_arrays(values, type=kind, mask=array.is_null())
        return type(array).from_arrays(array.offsets, values, type=kind, mask=array.is_null())
    return array
