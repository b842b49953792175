"""Rows as values: a digest that is the same however Arrow and Parquet lay them out, and how many bytes each row has.

A column is taken apart into streams: where its nulls are, the lengths of its lists and texts, and the bytes of what is
left. Media count by their bytes, not by the path that is stored beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from publisher.build.datasets_internals import is_medium

Place = tuple[str, ...]


class RowsDigest:
    """SHA-256 of rows that come table by table; how they are divided into tables makes no difference.

    Parameters
    ----------
    features : datasets.Features

    Examples
    --------
    >>> features = datasets.Features({"a": datasets.Value("int8")})
    >>> whole, divided = RowsDigest(features), RowsDigest(features)
    >>> whole.add(pa.table({"a": pa.array([1, None, 3], "int8")}))
    >>> for value in (1, None, 3):
    ...     divided.add(pa.table({"a": pa.array([value], "int8")}))
    >>> whole.columns() == divided.columns(), len(whole.hexdigest())
    (True, 64)
    """

    def __init__(self, features: datasets.Features) -> None:
        self._features = features
        self._streams: dict[Place, hashlib._Hash] = defaultdict(hashlib.sha256)
        self._counts: dict[Place, int] = defaultdict(int)

    def add(self, table: pa.Table) -> None:
        """Take the next rows."""
        for name in table.column_names:
            for chunk in table[name].chunks:
                self._add((name,), _stored(chunk), self._features.get(name))

    def columns(self) -> dict[str, str]:
        """Column -> SHA-256 of its values."""
        listed: dict[str, list[Any]] = {}
        for path, count in sorted(self._counts.items()):
            listed.setdefault(path[0], []).append([path, count])
        for path, stream in sorted(self._streams.items()):
            listed[path[0]].append([path, stream.hexdigest()])
        return {name: hashlib.sha256(json.dumps(parts).encode()).hexdigest() for name, parts in listed.items()}

    def hexdigest(self) -> str:
        """SHA-256 of all columns, whatever their order."""
        return hashlib.sha256(json.dumps(sorted(self.columns().items())).encode()).hexdigest()

    def _add(self, path: Place, array: pa.Array, feature: Any) -> None:
        array = _plain(array)
        if array.null_count:
            nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)) + self._counts[path]
            self._feed((*path, "null"), nulls)
        self._counts[path] += len(array)
        array = array.drop_null()
        if pt.is_struct(array.type):
            fields = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
            if is_medium(feature) and "bytes" in fields:
                fields = {"bytes": fields["bytes"]}
            for name, values in fields.items():
                self._add((*path, "field", name), values, feature.get(name) if isinstance(feature, Mapping) else None)
        elif _is_list(array.type):
            self._feed((*path, "length"), pc.list_value_length(array).to_numpy())
            self._add((*path, "item"), array.flatten(), _item(feature))
        elif pt.is_large_binary(array.type):
            self._feed((*path, "length"), pc.binary_length(array).to_numpy())
            self._streams[(*path, "value")].update(_text(array))
        elif len(array):
            self._streams[(*path, "value")].update(_bytes(array))

    def _feed(self, path: Place, numbers: np.ndarray[Any, Any]) -> None:
        self._streams[path].update(np.ascontiguousarray(numbers, "<i8").data)


def differing_columns(one: RowsDigest, other: RowsDigest) -> list[str]:
    """The columns that two digests do not have in common, by name."""
    return sorted({name for name, _ in one.columns().items() ^ other.columns().items()})


def row_bytes(table: pa.Table) -> np.ndarray[Any, Any]:
    """About how many bytes each row has in Arrow.

    Returns
    -------
    numpy.ndarray
        (rows,) int64.

    Examples
    --------
    >>> row_bytes(pa.table({"a": [1, 2], "text": ["", "four"]}))
    array([12, 16])
    """
    total = np.zeros(len(table), np.int64)
    for column in table.columns:
        start = 0
        for chunk in column.chunks:
            total[start : start + len(chunk)] += _sizes(_stored(chunk))
            start += len(chunk)
    return total


def arrow_bytes(array: pa.Array | pa.ChunkedArray) -> int:
    """Bytes of an array in Arrow, bitmaps left out, as `datasets` counts them.

    Examples
    --------
    >>> arrow_bytes(pa.array([[1.0, 2.0], [3.0]])), arrow_bytes(pa.array([True, None]))
    (32, 1)
    """
    if isinstance(array, pa.ChunkedArray):
        return sum(map(arrow_bytes, array.chunks))
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return arrow_bytes(array.storage)
    if _is_list(kind):
        width = 0 if pt.is_fixed_size_list(kind) else 8 if pt.is_large_list(kind) else 4
        return arrow_bytes(pc.list_flatten(_stored(array))) + width * len(array)
    if pt.is_struct(kind):
        return sum(arrow_bytes(array.field(index)) for index in range(kind.num_fields))
    return array.nbytes - (-(-len(array) // 8) if array.buffers()[0] is not None else 0)


def cut_by_bytes(table: pa.Table, most: int) -> Iterator[pa.Table]:
    """The rows in tables of no more than `most` bytes each, or of a single row that has more."""
    if table.nbytes <= most:
        yield table
        return
    ends = row_bytes(table).cumsum()
    start = 0
    while start < len(table):
        before = int(ends[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + most, side="right")))
        yield table.slice(start, stop - start)
        start = stop


def _sizes(array: pa.Array) -> np.ndarray[Any, Any]:
    array = _plain(array)
    kind = array.type
    if pt.is_struct(kind):
        return sum(map(_sizes, array.flatten()), np.zeros(len(array), np.int64))
    if _is_list(kind):
        lengths = pc.list_value_length(array).fill_null(0).to_numpy().astype(np.int64)
        ends = np.concatenate([[0], _sizes(array.flatten()).cumsum()])
        bounds = np.concatenate([[0], lengths.cumsum()])
        return np.diff(ends[bounds]) + (0 if pt.is_fixed_size_list(kind) else 4)
    if pt.is_large_binary(kind):
        return pc.binary_length(array).fill_null(0).to_numpy() + 4
    return np.full(len(array), 0 if pt.is_null(kind) else max(1, kind.bit_width // 8), np.int64)


def _stored(array: pa.Array) -> pa.Array:
    """The same values without extension types, which most functions of pyarrow do not know."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _stored(array.storage)
    if pt.is_struct(kind) and kind.num_fields:
        fields = [_stored(array.field(index)) for index in range(kind.num_fields)]
        if all(one.type == field.type for one, field in zip(fields, kind, strict=True)):
            return array
        return pa.StructArray.from_arrays(fields, names=[field.name for field in kind], mask=array.is_null())
    if _is_list(kind) and _stored(array[:0].values).type != kind.value_type:
        array = pa.concat_arrays([array])  # without what lies outside its slice
        values = _stored(array.values)
        if pt.is_fixed_size_list(kind):
            return pa.FixedSizeListArray.from_arrays(values, kind.list_size, mask=array.is_null())
        return type(array).from_arrays(array.offsets, values, mask=array.is_null())
    return array


def _plain(array: pa.Array) -> pa.Array:
    """The same values in one of a few types."""
    kind = array.type
    if pt.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pt.is_boolean(kind):
        return array.cast(pa.uint8())
    if pt.is_string(kind) or pt.is_binary(kind) or pt.is_large_string(kind) or pt.is_fixed_size_binary(kind):
        return array.cast(pa.large_binary())
    if pt.is_string_view(kind) or pt.is_binary_view(kind):
        return array.cast(pa.string() if pt.is_string_view(kind) else pa.binary()).cast(pa.large_binary())
    if pt.is_list_view(kind) or pt.is_large_list_view(kind):
        return array.cast(pa.large_list(kind.value_type))
    if pt.is_map(kind):
        return array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    if kind in (pa.timestamp("s", getattr(kind, "tz", None)), pa.time32("s")):  # Parquet has no seconds
        return array.cast(pa.timestamp("ms", kind.tz) if pt.is_timestamp(kind) else pa.time32("ms"))
    return array.cast(pa.date32()) if pt.is_date64(kind) else array


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _item(feature: Any) -> Any:
    """The feature of a list's items; `datasets` has several kinds of lists."""
    if isinstance(feature, (list, tuple)):
        return feature[0]
    return getattr(feature, "feature", None)


def _text(array: pa.LargeBinaryArray) -> memoryview:
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return memoryview(b"")
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return memoryview(data)[int(bounds[0]) : int(bounds[-1])]


def _bytes(array: pa.Array) -> memoryview:
    width = array.type.bit_width // 8
    return memoryview(array.buffers()[1])[array.offset * width : (array.offset + len(array)) * width]
