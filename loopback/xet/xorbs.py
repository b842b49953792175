"""A xorb: chunks in a row, each packed on its own (https://huggingface.co/docs/xet/xorb)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import lz4.frame

from ..errors import HubError
from . import hashes

MAX_SIZE, MAX_CHUNK, MAX_CHUNKS = 64 * 2**20, 128 * 2**10, 8192  # as the specification has them
_PLAIN, _LZ4, _GROUPED = 0, 1, 2
_FOOTER = b"XETBLOB"  # hf_xet 1.2 sends one after the last chunk
_HEADER = struct.Struct("<Q")


@dataclass(frozen=True)
class Chunk:
    """A chunk of `size` bytes, packed in the bytes from `start` to `end` of its xorb."""

    hash: str
    size: int
    start: int
    end: int


def parse(data: bytes) -> tuple[tuple[Chunk, ...], bytes]:
    """Return the chunks of a xorb and its hash, both from the content; what cannot be read is a 400."""
    if len(data) > MAX_SIZE + MAX_CHUNKS * _HEADER.size:
        raise HubError(413, f"A xorb has at most {MAX_SIZE} bytes, not {len(data)}")
    nodes, chunks = [], []
    for start, end, content in _contents(data):
        raw = hashes.chunk_hash(content)
        nodes.append((raw, len(content)))
        chunks.append(Chunk(hashes.to_text(raw), len(content), start, end))
    if not 0 < len(chunks) <= MAX_CHUNKS:
        raise HubError(400, f"A xorb has 1 to {MAX_CHUNKS} chunks, not {len(chunks)}")
    return tuple(chunks), hashes.xorb_hash(nodes)


def unpack(data: bytes) -> Iterator[bytes]:
    """Yield the content of packed chunks."""
    for _, _, content in _contents(data):
        yield content


def pack(contents: Sequence[bytes]) -> bytes:
    """Return chunks packed with LZ4, or as they are where that is shorter."""
    return b"".join(map(_packed, contents))


def _contents(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where each chunk starts and ends, and its content."""
    start = 0
    while start < len(data) and not data.startswith(_FOOTER, start):
        if len(data) - start < _HEADER.size:
            raise HubError(400, f"The xorb ends within the header of a chunk, at byte {start}")
        header = _HEADER.unpack_from(data, start)[0]
        version, packed, scheme, size = header & 0xFF, header >> 8 & 0xFFFFFF, header >> 32 & 0xFF, header >> 40
        end = start + _HEADER.size + packed
        if version != 0 or end > len(data) or not 0 < size <= MAX_CHUNK:
            raise HubError(400, f"The header of the chunk at byte {start} is not valid")
        content = _decompress(data[start + _HEADER.size : end], scheme, size)
        if len(content) != size:
            raise HubError(400, f"The chunk at byte {start} has {len(content)} bytes, its header says {size}")
        yield start, end, content
        start = end


def _decompress(packed: bytes, scheme: int, size: int) -> bytes:
    if scheme == _PLAIN:
        return packed
    if scheme not in (_LZ4, _GROUPED):
        raise HubError(400, f"Unknown compression scheme {scheme}")
    try:
        # No more than the header announced, and one byte to see that there is more.
        content = lz4.frame.LZ4FrameDecompressor().decompress(packed, max_length=size + 1)
    except RuntimeError as error:
        raise HubError(400, f"A chunk is not a frame of LZ4: {error}") from None
    return content if scheme == _LZ4 else _ungroup(content)


def _ungroup(grouped: bytes) -> bytes:
    """Bring bytes back in their order: first come those at 0, 4, 8..., then those at 1, 5, 9...

    >>> _ungroup(b"aebfcd")
    b'abcdef'
    """
    content, start = bytearray(len(grouped)), 0
    for i in range(4):
        count = len(range(i, len(grouped), 4))
        content[i::4] = grouped[start : start + count]
        start += count
    return bytes(content)


def _packed(content: bytes) -> bytes:
    scheme, packed = _LZ4, lz4.frame.compress(content, content_checksum=False, store_size=False)
    if len(packed) >= len(content):
        scheme, packed = _PLAIN, content
    return _HEADER.pack(len(packed) << 8 | scheme << 32 | len(content) << 40) + packed
