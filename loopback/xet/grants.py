"""The leave to upload one xorb straight to the storage."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Grant:
    """What is to come, and what has; `checksum` is a CRC-64/NVME."""

    xorb: str
    length: int
    checksum: int
    data: bytes | None = None
