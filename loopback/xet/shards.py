"""A shard: what files are made of, and what new xorbs hold (https://huggingface.co/docs/xet/shard)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import HubError
from .hashes import to_text

_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_HEADER, _RECORD = struct.Struct("<32sQQ"), 48
_FILE, _TERM = struct.Struct("<32sIIQ"), struct.Struct("<32sIIII")
_XORB, _CHUNK = struct.Struct("<32sIIII"), struct.Struct("<32sIIII")
_END = b"\xff" * 32
_VERIFIED, _METADATA = 1 << 31, 1 << 30


@dataclass(frozen=True)
class Term:
    """Some chunks of a xorb, from `first` up to but without `stop`, with `size` bytes in all."""

    xorb: str
    size: int
    first: int
    stop: int


@dataclass(frozen=True)
class File:
    """A file: its terms in their order, a range hash for each if they were given, its SHA-256 if that was."""

    hash: str
    terms: tuple[Term, ...]
    verification: tuple[bytes, ...]
    sha256: str | None


@dataclass(frozen=True)
class Xorb:
    """A xorb that came with this upload: the hash and size of each chunk."""

    hash: str
    chunks: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Shard:
    """Files and xorbs that one upload registers."""

    files: tuple[File, ...]
    xorbs: tuple[Xorb, ...]


def parse(data: bytes) -> Shard:
    """Read a shard; one that cannot be read is a 400."""
    try:
        tag, version, _ = _HEADER.unpack_from(data)  # hf_xet 1.2 names the size of a footer that it does not send
        if tag != _TAG or version != 2:
            raise HubError(400, "This is not a shard of version 2")
        records = _records(data)
        return Shard(tuple(_files(records)), tuple(_xorbs(records)))
    except (struct.error, StopIteration, RuntimeError):
        raise HubError(400, "The shard ends too early") from None


def _records(data: bytes) -> Iterator[bytes]:
    for start in range(_HEADER.size, len(data), _RECORD):
        yield data[start : start + _RECORD]


def _files(records: Iterator[bytes]) -> Iterator[File]:
    while not (record := next(records)).startswith(_END):
        raw, flags, count, _ = _FILE.unpack_from(record)
        terms = []
        for _ in range(count):
            xorb, _, size, first, stop = _TERM.unpack_from(next(records))
            terms.append(Term(to_text(xorb), size, first, stop))
        verification = tuple(next(records)[:32] for _ in range(count if flags & _VERIFIED else 0))
        sha256 = to_text(next(records)[:32]) if flags & _METADATA else None
        yield File(to_text(raw), tuple(terms), verification, sha256)


def _xorbs(records: Iterator[bytes]) -> Iterator[Xorb]:
    while not (record := next(records)).startswith(_END):
        raw, _, count, _, _ = _XORB.unpack_from(record)
        chunks = []
        for _ in range(count):
            chunk, _, size, _, _ = _CHUNK.unpack_from(next(records))
            chunks.append((to_text(chunk), size))
        yield Xorb(to_text(raw), tuple(chunks))
