"""What a client of the storage sends, made by hand, so that it can be wrong where a real one never is."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Any

from loopback.xet import hashes, xorbs

_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_END = b"\xff" * 32 + bytes(16)


@dataclass(frozen=True)
class Upload:
    """One file in one xorb of its own; each field can be replaced by something that does not fit."""

    xorb: str
    packed: bytes
    chunks: tuple[hashes.Node, ...]
    file: bytes
    size: int
    verification: bytes
    sha256: bytes
    stop: int

    def shard(self) -> bytes:
        """Return the shard that registers the file."""
        raw = hashes.from_text(self.xorb)
        records = [
            struct.pack("<32sQQ", _TAG, 2, 0),
            struct.pack("<32sIIQ", self.file, 3 << 30, 1, 0),
            struct.pack("<32sIIII", raw, 0, self.size, 0, self.stop),
            self.verification + bytes(16 if self.verification else 0),
            hashes.from_text(self.sha256.hex()) + bytes(16),
            _END,
            struct.pack("<32sIIII", raw, 0, len(self.chunks), self.size, len(self.packed)),
            *(struct.pack("<32sIIII", chunk, 0, size, 0, 0) for chunk, size in self.chunks),
            _END,
        ]
        return b"".join(records)

    def but(self, **changed: Any) -> Upload:
        """Return it with something changed."""
        return replace(self, **changed)


def upload(contents: list[bytes]) -> Upload:
    """Return the upload of a file with these chunks."""
    packed, data = xorbs.pack(contents), b"".join(contents)
    nodes = tuple((hashes.chunk_hash(content), len(content)) for content in contents)
    return Upload(
        hashes.to_text(hashes.xorb_hash(nodes)),
        packed,
        nodes,
        hashes.file_hash(nodes),
        len(data),
        hashes.range_hash(raw for raw, _ in nodes),
        hashlib.sha256(data).digest(),
        len(contents),
    )
