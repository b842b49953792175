"""The four hashes of Xet (https://huggingface.co/docs/xet/hashing), each 32 bytes.

>>> digits = chunk_hash(b"0123456789")
>>> xorb_hash([(digits, 10)]) == digits
True
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from blake3 import blake3

Node = tuple[bytes, int]
"""A hash, and how many bytes of content are below it."""

# The keys of the specification: they keep the hashes of chunks, nodes and ranges apart.
_CHUNK_KEY = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE_KEY = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_RANGE_KEY = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
_FILE_KEY = bytes(32)
_BRANCHES = 4
_TEXT = re.compile("[0-9a-f]{64}")


def chunk_hash(data: bytes) -> bytes:
    """Return the hash of a chunk's content."""
    return blake3(data, key=_CHUNK_KEY).digest()


def xorb_hash(chunks: Sequence[Node]) -> bytes:
    """Return the hash of chunks in a row: the root of a tree whose nodes have two to nine children."""
    nodes = list(chunks)
    while len(nodes) > 1:
        nodes = list(_parents(nodes))
    return nodes[0][0] if nodes else bytes(32)


def file_hash(chunks: Sequence[Node]) -> bytes:
    """Return the hash of a file with these chunks."""
    return blake3(xorb_hash(chunks), key=_FILE_KEY).digest()


def range_hash(chunks: Iterable[bytes]) -> bytes:
    """Return the hash by which a client shows that it has the chunks it names."""
    return blake3(b"".join(chunks), key=_RANGE_KEY).digest()


def to_text(raw: bytes) -> str:
    """Write a hash as in addresses: four 64-bit numbers, little endian, in hexadecimal.

    >>> to_text(bytes(range(32)))[:32]
    '07060504030201000f0e0d0c0b0a0908'
    """
    return "".join(raw[i : i + 8][::-1].hex() for i in range(0, 32, 8))


def from_text(text: str) -> bytes:
    """Read a hash as written in addresses.

    >>> from_text(to_text(bytes(range(32)))) == bytes(range(32))
    True
    """
    return b"".join(bytes.fromhex(text[i : i + 16])[::-1] for i in range(0, 64, 16))


def is_text(text: str) -> bool:
    """Return True for a hash as written in addresses."""
    return _TEXT.fullmatch(text) is not None


def _parents(nodes: list[Node]) -> Iterable[Node]:
    """Yield one node for each group: it ends at its third child or later, at a hash divisible by four."""
    start = 0
    while start < len(nodes):
        last = min(start + 2 * _BRANCHES, len(nodes) - 1)
        for i in range(start + 2, last):
            if int.from_bytes(nodes[i][0][24:], "little") % _BRANCHES == 0:
                last = i
                break
        group = nodes[start : last + 1]
        lines = "".join(f"{to_text(raw)} : {size}\n" for raw, size in group)
        yield blake3(lines.encode(), key=_NODE_KEY).digest(), sum(size for _, size in group)
        start = last + 1
