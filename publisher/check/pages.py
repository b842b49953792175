"""The sizes of a Parquet file's pages, as their headers say: what unpacks a page believes these, not the footer.

pyarrow shows no headers of pages. They are structs of Thrift's compact protocol, with the size unpacked as field 2,
as stored as field 3:
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

UNPACKED, STORED = 2, 3
BOOLEANS, NUMBERS, BYTE, DOUBLE, BINARY, STRUCT = (1, 2), (4, 5, 6), 3, 7, 8, 12
NESTED = 4  # structs within each other: there are two


def page_sizes(file: BinaryIO, start: int, length: int) -> Iterator[tuple[int, int]]:
    """Bytes of the pages of a column chunk, `length` bytes from `start`: of each page, as stored and unpacked.

    Raises
    ------
    ValueError
        If there is something else than pages.
    """
    place = start
    while place < start + length:
        file.seek(place)
        header = _read_struct(file, NESTED)
        stored, unpacked = header.get(STORED, -1), header.get(UNPACKED, -1)
        if stored < 0 or unpacked < 0:
            raise ValueError("a page without a size")
        yield stored, unpacked
        place = file.tell() + stored


def _read_struct(file: BinaryIO, depth: int) -> dict[int, int]:
    """Its numbers, by field; of a field that is there twice the largest."""
    if not depth:
        raise ValueError("no header of a page")
    found: dict[int, int] = {}
    field = 0
    while head := _byte(file):
        kind = head & 0x0F
        field = field + (head >> 4) if head >> 4 else _number(file)
        if kind in NUMBERS:
            found[field] = max(_number(file), found.get(field, -1))
        elif kind == STRUCT:
            _read_struct(file, depth - 1)
        elif kind in (BYTE, DOUBLE, BINARY):
            file.seek({BYTE: 1, DOUBLE: 8}.get(kind) or _varint(file), 1)
        elif kind not in BOOLEANS:
            raise ValueError("no header of a page")
    return found


def _byte(file: BinaryIO) -> int:
    if not (read := file.read(1)):
        raise ValueError("a page that is not there")
    return read[0]


def _varint(file: BinaryIO) -> int:
    number = 0
    for shift in range(0, 70, 7):
        byte = _byte(file)
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number
    raise ValueError("no number")


def _number(file: BinaryIO) -> int:
    encoded = _varint(file)
    return (encoded >> 1) ^ -(encoded & 1)
