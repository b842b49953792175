"""Rows as digests, so that one that is in two splits is found whatever its columns hold."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

NULL, VALUE = b"\0", b"\1"
Place = tuple[str, int]  # split and index of a row in it


def row_digests(table: pa.Table) -> Iterator[bytes]:
    """A digest of 16 bytes for each row, equal if and only if all its columns are, bit for bit.

    Examples
    --------
    >>> first, second, third = row_digests(pa.table({"a": [1, 1, 2], "b": [["x"], ["x"], ["x"]]}))
    >>> first == second, second == third
    (True, False)
    """
    for batch in table.to_batches(max_chunksize=10_000):
        columns = [_encode(column) for column in batch.columns]
        for row in zip(*columns, strict=True):
            yield hashlib.blake2b(b"".join(row), digest_size=16).digest()


def _encode(array: pa.Array) -> list[bytes]:
    """Bytes of each value, which end where they end: no other value starts with them."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _encode(array.storage)
    if pt.is_dictionary(kind):
        return _encode(array.dictionary_decode())
    if pt.is_null(kind):
        return [NULL] * len(array)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        encoded = _encode_lists(array)
    elif pt.is_struct(kind):
        fields = [_encode(pc.struct_field(array, [index])) for index in range(kind.num_fields)]
        encoded = [b"".join(values) for values in zip(*fields, strict=True)] if fields else [b""] * len(array)
    elif pt.is_boolean(kind):
        encoded = [b"%d" % bool(value) for value in array.to_pylist()]
    elif (width := _width(kind)) and array.offset == 0 and not array.null_count:
        data = memoryview(array.buffers()[1])
        encoded = [bytes(data[start : start + width]) for start in range(0, len(array) * width, width)]
    else:
        encoded = [_with_length(_plain(value)) for value in array]
    if not array.null_count:
        return [VALUE + value for value in encoded]
    return [
        VALUE + value if there else NULL for value, there in zip(encoded, array.is_valid().to_pylist(), strict=True)
    ]


def _encode_lists(array: pa.Array) -> list[bytes]:
    lengths = [length or 0 for length in pc.list_value_length(array).to_pylist()]
    bounds = [0]
    for length in lengths:
        bounds.append(bounds[-1] + length)
    values = pc.list_flatten(array)  # leaves out what null lists hide
    prefixes = [length.to_bytes(8, "little") for length in lengths]
    if (width := _width(values.type)) and not values.null_count:  # the bytes of a whole list at once
        start = values.offset * width
        data = memoryview(values.buffers()[1])[start : start + len(values) * width] if len(values) else b""
        parts = [bytes(data[low * width : high * width]) for low, high in pairwise(bounds)]
    else:
        encoded = _encode(values)
        parts = [b"".join(encoded[low:high]) for low, high in pairwise(bounds)]
    return [prefix + part for prefix, part in zip(prefixes, parts, strict=True)]


def _width(kind: pa.DataType) -> int:
    """Bytes of a number, or 0 for other types."""
    return kind.bit_width // 8 if pt.is_integer(kind) or pt.is_floating(kind) else 0


def _plain(value: pa.Scalar) -> bytes:
    if isinstance(value, pa.BinaryScalar | pa.LargeBinaryScalar | pa.StringScalar | pa.LargeStringScalar):
        return bytes(value.as_buffer() or b"")
    return repr(value.as_py()).encode(errors="surrogatepass")


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data


class Repeats:
    """Finds the rows of a config that are in more than one split, while its tables come one by one."""

    def __init__(self) -> None:
        self._first: dict[bytes, Place] = {}
        self._found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._rows: dict[str, int] = defaultdict(int)

    def add(self, split: str, table: pa.Table) -> None:
        """Take the next rows of a split."""
        for digest in row_digests(table):
            index = self._rows[split]
            self._rows[split] += 1
            other, there = self._first.setdefault(digest, (split, index))
            if other != split:
                self._found[other, split].append((there, index))

    def findings(self, config: str) -> Iterator[str]:
        """One sentence for each pair of splits that have rows in common."""
        for (one, other), places in self._found.items():
            there, index = places[0]
            rows = "row is" if len(places) == 1 else "rows are"
            yield (
                f"config {config}: {len(places):,} {rows} in split {one} and in split {other}: "
                f"such as row {there} of {one}, which is row {index} of {other} (counted from 0)"
            )
