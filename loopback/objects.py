"""The files of one repository, each kept once under its own hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import IO, Literal

from .errors import HubError
from .folders import replacing
from .xet.store import Store

REGULAR_LIMIT = 10 * 1024 * 1024
_SUFFIXES = "parquet arrow npy npz bin h5 pt pkl 7z bz2 gz tar tgz xz zip zst png jpg jpeg gif webp mp3 wav"
GIT_ATTRIBUTES = "".join(f"*.{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in _SUFFIXES.split())


@dataclass(frozen=True)
class Entry:
    """A file of a commit: `oid` is git's SHA-1 of the blob or LFS pointer.

    A large file has its content's SHA-256 in `lfs`, and in `xet` its hash in the storage.
    """

    oid: str
    size: int
    lfs: str | None = None
    pointer_size: int = 0
    xet: str | None = None

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


class Objects:
    """Small files by git id, and by SHA-256 what the storage keeps of the large ones."""

    def __init__(self, folder: Path, storage: Store) -> None:
        self._folder = folder
        self._storage = storage

    def read(self, entry: Entry) -> bytes:
        """Return the content of `entry`; one that the storage has lost is a 404."""
        return self._storage.read(entry.xet) if entry.xet else self._blob(entry.oid).read_bytes()

    def add(self, data: bytes, mode: Literal["lfs", "regular"]) -> Entry:
        """Keep `data` and return its entry."""
        if mode == "lfs":
            sha256 = hashlib.sha256(data).hexdigest()
            self.link(sha256, self._storage.add(data), len(data))
            return self.large(sha256)
        entry = Entry(git_oid(data), len(data))
        if not self._blob(entry.oid).exists():
            with replacing(self._blob(entry.oid)) as file:
                file.write(data)
        return entry

    def has(self, sha256: str) -> bool:
        """Return True if the file was uploaded."""
        return self._large(sha256).exists()

    def large(self, sha256: str) -> Entry:
        """Return the entry of an uploaded file; to commit one that was not uploaded is a 400."""
        if not self.has(sha256):
            raise HubError(400, f"LFS pointer points to a file that does not exist: {sha256}")
        link = json.loads(self._large(sha256).read_bytes())
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {link['size']}\n".encode()
        return Entry(git_oid(pointer), link["size"], sha256, len(pointer), link["xet"])

    def receive(self, sha256: str, stream: IO[bytes]) -> None:
        """Keep an upload if its content has the hash it was announced with; else a 400 and no file."""
        data = stream.read()
        if (found := hashlib.sha256(data).hexdigest()) != sha256:
            raise HubError(400, f"The content's SHA-256 is {found}, not {sha256}")
        self.add(data, "lfs")

    def link(self, sha256: str, xet: str, size: int) -> None:
        """Remember which file of the storage has this SHA-256."""
        if not self.has(sha256):
            with replacing(self._large(sha256)) as file:
                file.write(json.dumps({"xet": xet, "size": size}).encode())

    def drop(self, kept: set[str], count: int) -> None:
        """Forget that many of the large files, but none of `kept`."""
        for path in [path for path in sorted(self._large("").glob("*")) if path.name not in kept][:count]:
            path.unlink()

    def _blob(self, oid: str) -> Path:
        return self._folder / "blobs" / oid

    def _large(self, sha256: str) -> Path:
        return self._folder / "lfs" / sha256
