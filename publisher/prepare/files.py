"""Files of the repository: expected, known, local, in memory, or uploaded, each of another type."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class DataFile:
    """Path, size and rows of any file that is not just text."""

    path: str  # below the repository's root, with forward slashes
    size: int  # bytes
    rows: int | None = None
    nbytes: int | None = None  # of the rows in Arrow


@dataclass(frozen=True)
class ExpectedFile(DataFile):
    """A file that is not drawn yet; its numbers hold if all shards are like the first and the last one."""


@dataclass(frozen=True)
class KnownFile(DataFile):
    """A file whose content is known by its digest, wherever it is; its numbers are exact."""

    sha256: str = ""
    rows_sha256: str = ""  # SHA-256 of its rows, see `publisher.prepare.rows`


@dataclass(frozen=True)
class LocalFile(KnownFile):
    """A file on this machine."""

    source: Path = Path()


@dataclass(frozen=True)
class UploadedFile(KnownFile):
    """A file that the Hub stores, and that is not visible before a commit names it."""

    sample: bytes = b""  # its first bytes, which the client shows the Hub


@dataclass(frozen=True)
class TextFile:
    """A file that is only in memory, such as a card."""

    path: str
    content: bytes
    rows: ClassVar[None] = None

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


File = DataFile | TextFile


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def describe_file(
    source: Path,
    root: Path,
    rows: int | None = None,
    nbytes: int | None = None,
    within: str = "",
    rows_sha256: str = "",
) -> LocalFile:
    """Size and digest of a file below `root`, whose path in the repository begins with `within`."""
    path = within + source.relative_to(root).as_posix()
    return LocalFile(path, source.stat().st_size, rows, nbytes, file_digest(source), rows_sha256, source)


def add_up(files: Sequence[DataFile]) -> tuple[int, int, int]:
    """Bytes, rows, and bytes in Arrow of several files together."""
    size, rows, nbytes = (sum(getattr(file, number) or 0 for file in files) for number in ("size", "rows", "nbytes"))
    return size, rows, nbytes


def digest_of(file: File) -> str | None:
    """SHA-256 of a file's content, or None if it is only expected."""
    return file.sha256 if isinstance(file, (KnownFile, TextFile)) else None


def rows_sha256_of(file: File) -> str:
    """SHA-256 of the rows of a file, or nothing if it has none, or they are not known."""
    return file.rows_sha256 if isinstance(file, KnownFile) else ""


def content_of(file: File) -> bytes | None:
    """The content of a file that is here or in memory, else None."""
    if isinstance(file, LocalFile):
        return file.source.read_bytes()
    return file.content if isinstance(file, TextFile) else None
