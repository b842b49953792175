"""Rows as values: a digest that is the same however Arrow and Parquet lay them out, and a check that they can be read.

A column is taken apart into streams: where its nulls are, the lengths of its lists and texts, and the bytes of what is
left. Media count by their bytes, not by the path that is stored next to them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, pairwise, starmap
from operator import itemgetter
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from publisher.prepare import fields_of, is_medium, item_of

Place = tuple[str, ...]
Bounds = np.ndarray[Any, Any]
# Path; "null" for positions of nulls, "length" for lengths of lists and texts, "value" for bytes; these data; where in
# them those of each row begin, and the end; where among the values at this path those of each row begin, and the end
Stream = tuple[Place, str, np.ndarray[Any, Any], Bounds, Bounds]

DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}  # by unit
TEXTS = ("string", "large_string", "string_view", "binary", "binary_view", "fixed_size_binary")
ARRAYS = (datasets.Array2D, datasets.Array3D, datasets.Array4D, datasets.Array5D)


class RowsDigest:
    """SHA-256 of rows that come table by table; how they are divided into tables makes no difference."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        self._features = features
        self._streams: dict[Place, hashlib._Hash] = defaultdict(hashlib.sha256)
        self._counts: dict[Place, int] = defaultdict(int)
        self._numbers: set[str] = set()

    def add(self, table: pa.Table) -> None:
        """Take the next rows."""
        for name, column in zip(table.column_names, table.columns, strict=True):
            leaf = column.type
            while is_list(leaf):
                leaf = leaf.value_type
            if pt.is_integer(leaf) or pt.is_floating(leaf):
                self._numbers.add(name)
            for chunk in column.chunks:
                bounds = np.array([0, len(chunk)])
                for path, kind, data, _, starts in _streams((name,), _stored(chunk), self._features.get(name), bounds):
                    if kind == "null":
                        data = data + self._counts[path]
                        self._counts[path] += int(starts[-1])
                    if len(data):
                        self._streams[(*path, kind)].update(data.data)

    def columns(self) -> dict[str, str]:
        """Column -> SHA-256 of its values."""
        listed: dict[str, list[Any]] = {}
        for path, count in sorted(self._counts.items()):
            listed.setdefault(path[0], []).append([path, count])
        for path, stream in sorted(self._streams.items()):
            listed[path[0]].append([path, stream.hexdigest()])
        return {name: hashlib.sha256(json.dumps(parts).encode()).hexdigest() for name, parts in listed.items()}

    def numbers(self) -> dict[str, str]:
        """Column of numbers, or lists of them, without nulls -> SHA-256 of its values, as `array.tobytes()` gives."""
        found = {}
        for name in sorted(self._numbers):
            streams = {path[-1]: stream for path, stream in self._streams.items() if path[0] == name}
            if "null" not in streams:
                found[name] = streams.get("value", hashlib.sha256()).hexdigest()
        return found

    def hexdigest(self) -> str:
        """SHA-256 of all columns, whatever their order."""
        return hashlib.sha256(json.dumps(sorted(self.columns().items())).encode()).hexdigest()


def differing_columns(one: RowsDigest, other: RowsDigest) -> list[str]:
    """The columns that two digests do not have in common, by name."""
    return sorted({name for name, _ in one.columns().items() ^ other.columns().items()})


def row_digests(table: pa.Table, features: Mapping[str, Any]) -> Iterator[bytes]:
    """A digest of 16 bytes for each row, equal if and only if all its columns are, bit for bit."""
    for batch in table.to_batches(max_chunksize=10_000):
        rows = [hashlib.blake2b(digest_size=16) for _ in range(len(batch))]
        for name, column in sorted(zip(batch.schema.names, batch.columns, strict=True), key=itemgetter(0)):
            bounds = np.arange(len(batch) + 1)
            for path, kind, data, cuts, starts in _streams((name,), _stored(column), features.get(name), bounds):
                if kind == "null":
                    data = data - np.repeat(starts[:-1], np.diff(cuts))
                content, size = data.tobytes(), data.itemsize
                mark = repr((path, kind)).encode()
                for row, (start, stop) in zip(rows, pairwise(cuts.tolist()), strict=True):
                    if stop > start:
                        row.update(b"%b%d:%b" % (mark, stop - start, content[start * size : stop * size]))
        yield from (row.digest() for row in rows)


def _streams(path: Place, array: pa.Array, feature: Any, starts: Bounds) -> Iterator[Stream]:
    """Yield the parts of an array; first, for each path, the positions of its nulls."""
    array = _plain(array)
    nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)) if array.null_count else np.empty(0, int)
    nulls = nulls.astype("<i8")
    cuts = np.searchsorted(nulls, starts)
    yield path, "null", nulls, cuts, starts
    array, starts = array.drop_null(), starts - cuts
    if pt.is_struct(array.type):
        fields = [(field.name, values) for field, values in zip(array.type, array.flatten(), strict=True)]
        if is_medium(feature):
            fields = [(name, values) for name, values in fields if name == "bytes"] or fields
        for name, values in sorted(fields, key=itemgetter(0)):
            inner = feature.get(name) if isinstance(feature, Mapping) else None
            yield from _streams((*path, "field", name), values, inner, starts)
    elif is_list(array.type) or pt.is_large_binary(array.type):
        count = pc.list_value_length if is_list(array.type) else pc.binary_length
        lengths = count(array).to_numpy().astype("<i8")
        yield path, "length", lengths, starts, starts
        within = np.concatenate([[0], lengths.cumsum()])[starts]
        if is_list(array.type):
            yield from _streams((*path, "item"), array.flatten(), item_of(feature), within)
        else:
            yield path, "value", _text(array), within, starts
    elif len(array):
        width = array.type.bit_width // 8
        data = np.frombuffer(array.buffers()[1], np.uint8)[array.offset * width : (array.offset + len(array)) * width]
        yield path, "value", data, starts * width, starts


def arrow_bytes(array: pa.Array | pa.ChunkedArray, bitmaps: int = 0) -> int:
    """Bytes of an array in Arrow as `datasets` counts them, with so many bitmaps for each level that has nulls."""
    if isinstance(array, pa.ChunkedArray):
        return sum(arrow_bytes(chunk, bitmaps) for chunk in array.chunks)
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return arrow_bytes(array.storage, bitmaps)
    bitmap = -(-len(array) // 8)
    nulls = bitmaps * bitmap if array.null_count else 0
    if is_list(kind):
        width = 0 if pt.is_fixed_size_list(kind) else 8 if pt.is_large_list(kind) else 4
        return arrow_bytes(pc.list_flatten(_stored(array)), bitmaps) + width * len(array) + nulls
    if pt.is_struct(kind):
        return sum(arrow_bytes(array.field(index), bitmaps) for index in range(kind.num_fields)) + nulls
    return array.nbytes - (bitmap if array.buffers()[0] is not None else 0) + nulls


def map_arrays(array: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """An array of which all that it is made of is changed, from the inside out; itself if that changes nothing."""
    kind = array.type
    if pt.is_struct(kind) and kind.num_fields:
        before = [array.field(index) for index in range(kind.num_fields)]
        after = [map_arrays(field, change) for field in before]
        if any(new is not old for new, old in zip(after, before, strict=True)):
            array = pa.StructArray.from_arrays(after, names=[field.name for field in kind], mask=array.is_null())
    elif is_list(kind):
        array = pa.concat_arrays([array])  # without what lies outside its slice
        inner = array.values
        values = map_arrays(inner, change)
        if values is not inner:
            if pt.is_fixed_size_list(kind):
                array = pa.FixedSizeListArray.from_arrays(values, kind.list_size, mask=array.is_null())
            else:
                array = type(array).from_arrays(array.offsets, values, mask=array.is_null())
    return change(array)


def _stored(array: pa.Array) -> pa.Array:
    """The same values without extension types, which pyarrow does not know in every function: not deep in lists."""
    if isinstance(array, pa.ExtensionArray):
        return _stored(array.storage)
    return map_arrays(array, _stored) if "extension<" in str(array.type) else array


def _plain(array: pa.Array) -> pa.Array:
    """The same values in one of a few types."""
    kind = array.type
    if pt.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if pt.is_boolean(kind):
        return array.cast(pa.uint8())
    if str(kind).partition("[")[0] in TEXTS:
        return array.cast(pa.large_binary())
    if pt.is_list_view(kind) or pt.is_large_list_view(kind):
        return array.cast(pa.large_list(kind.value_type))
    if pt.is_map(kind):
        return array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
    if kind in (pa.timestamp("s", getattr(kind, "tz", None)), pa.time32("s")):  # Parquet stores no seconds
        return array.cast(pa.timestamp("ms", kind.tz) if pt.is_timestamp(kind) else pa.time32("ms"))
    return array.cast(pa.date32()) if pt.is_date64(kind) else array


def is_list(kind: pa.DataType) -> bool:
    """Return True if a type is one of the lists that `datasets` makes."""
    return bool(pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind))


def _text(array: pa.LargeBinaryArray) -> np.ndarray[Any, Any]:
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return np.empty(0, np.uint8)
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, np.uint8)[int(bounds[0]) : int(bounds[-1])]


def leaves(array: pa.Array | pa.ChunkedArray, feature: Any) -> Iterator[tuple[pa.Array, Any]]:
    """Arrays without parts that a column is made of, and the feature of each; without what is in null structs."""
    if isinstance(array, pa.ChunkedArray):
        for chunk in array.chunks:
            yield from leaves(_stored(chunk), feature)
    elif inner := fields_of(feature):
        arrays = [array.flatten()] if "" in inner else array.flatten()
        for field, values in zip(inner.values(), arrays, strict=True):
            yield from leaves(values, field)
    else:
        yield array, feature


def check_readable(table: pa.Table, features: Mapping[str, Any]) -> pa.Table:
    """Return the table; raise a ValueError with the reason if it has a value that `datasets` cannot read."""
    columns = [(table[name], feature) for name, feature in features.items()]
    for column, feature in columns:
        if isinstance(feature, ARRAYS) and feature.shape[0] is None and column.null_count:
            raise ValueError("`datasets` cannot read None as an array of any length")
    for array, leaf in chain.from_iterable(starmap(leaves, columns)):
        if isinstance(leaf, ARRAYS):
            _check_shape(array, leaf.shape)
        elif isinstance(leaf, datasets.ClassLabel):
            bounds = pc.min_max(array)
            if bounds["min"].is_valid and (bounds["min"].as_py() < -1 or bounds["max"].as_py() >= leaf.num_classes):
                raise ValueError(f"labels go from 0 to {leaf.num_classes - 1}")
        elif type(leaf).__name__ == "Json":
            for text in array.drop_null().to_pylist():
                json.loads(text)
        elif pt.is_string(array.type) or pt.is_large_string(array.type):
            try:
                array.validate(full=True)
            except pa.ArrowInvalid:
                raise ValueError("it is not UTF-8") from None
        elif pt.is_temporal(array.type):
            _check_time(array)
    return table


def _check_time(array: pa.Array) -> None:
    """Refuse dates and times that the types of Python cannot hold."""
    whole = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    most = DAY[array.type.unit] if pt.is_time(array.type) else None
    for bound in pc.min_max(whole).values():
        try:
            pa.array([bound.as_py()], whole.type).view(array.type)[0].as_py()
            if most and bound.is_valid and not 0 <= bound.as_py() < most:  # pyarrow begins again at midnight
                raise OverflowError
        except (ValueError, OverflowError):
            raise ValueError("Python has no such date or time") from None


def _check_shape(array: pa.Array, shape: tuple[int | None, ...]) -> None:
    for axis, size in enumerate(shape):
        lengths = pc.list_value_length(array)
        if (axis and lengths.null_count) or (size is not None and pc.any(pc.not_equal(lengths, size)).as_py()):
            raise ValueError(f"its shape is not {shape}")
        array = array.flatten()
    if array.null_count and not pt.is_floating(array.type):
        raise ValueError("it has None in it")
