"""The files of one repository, each kept once under its own hash."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Literal

from .errors import HubError

PART = ".part"
REGULAR_LIMIT = 10 * 1024 * 1024
_SUFFIXES = "parquet arrow npy npz bin h5 pt pkl 7z bz2 gz tar tgz xz zip zst png jpg jpeg gif webp mp3 wav"
GIT_ATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _SUFFIXES.split())


@dataclass(frozen=True)
class Entry:
    """A file of a commit: `oid` is git's SHA-1 of the blob or LFS pointer, `lfs` the content's SHA-256."""

    oid: str
    size: int
    lfs: str | None = None
    pointer_size: int = 0

    @property
    def etag(self) -> str:
        """The hash of the content that a download gives, as in ETag and in the answer of preupload."""
        return self.lfs or self.oid


def git_oid(data: bytes) -> str:
    """Return the id git gives to a blob of this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def upload_mode(path: str, size: int, sample: bytes, attributes: str) -> Literal["lfs", "regular"]:
    """Return how the Hub wants a file: LFS if .gitattributes says so, if it is large or if it is not text."""
    rules = [line.split() for line in attributes.splitlines() if "filter=lfs" in line]
    if any(fnmatch(path if "/" in pattern else path.rpartition("/")[2], pattern) for pattern, *_ in rules):
        return "lfs"
    if size > REGULAR_LIMIT or b"\0" in sample:
        return "lfs"
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        # A sample may end within a character; a broken byte before that is binary.
        return "regular" if error.end == len(sample) and error.reason == "unexpected end of data" else "lfs"
    return "regular"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of `path` at the end: a killed server leaves the old or new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=PART, delete=False) as part:
        try:
            yield part
            part.flush()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


class Objects:
    """Two folders of immutable files: `blobs` by git id, `lfs` by SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, entry: Entry) -> Path:
        """Return where the content of `entry` lies."""
        return self._large(entry.lfs) if entry.lfs else self._folder / "blobs" / entry.oid

    def add(self, data: bytes, mode: Literal["lfs", "regular"]) -> Entry:
        """Keep `data` and return its entry."""
        if mode == "lfs":
            sha256 = hashlib.sha256(data).hexdigest()
            if not self.has(sha256):
                with replacing(self._large(sha256)) as file:
                    file.write(data)
            return self.large(sha256)
        entry = Entry(git_oid(data), len(data))
        if not self.path(entry).exists():
            with replacing(self.path(entry)) as file:
                file.write(data)
        return entry

    def has(self, sha256: str) -> bool:
        """Whether the LFS object was uploaded."""
        return self._large(sha256).exists()

    def large(self, sha256: str) -> Entry:
        """Return the entry of an uploaded LFS object; to commit one that was not uploaded is a 400."""
        if not self.has(sha256):
            raise HubError(400, f"LFS pointer points to a file that does not exist: {sha256}")
        size = self._large(sha256).stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return Entry(git_oid(pointer), size, sha256, len(pointer))

    def receive(self, sha256: str, stream: IO[bytes]) -> None:
        """Keep an upload if its content has the hash it was announced with; else a 400 and no file."""
        digest = hashlib.sha256()
        with replacing(self._large(sha256)) as file:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != sha256:
                raise HubError(400, f"The content's SHA-256 is {digest.hexdigest()}, not {sha256}")

    def drop(self, kept: set[str], count: int) -> None:
        """Delete that many LFS objects, but none of `kept`."""
        for path in [path for path in sorted(self._large("").glob("*")) if path.name not in kept][:count]:
            path.unlink()

    def _large(self, sha256: str) -> Path:
        return self._folder / "lfs" / sha256
