"""Uploaded xorbs, and the chunks that files consist of. Everything is checked before it is kept."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from ..errors import HubError
from ..folders import replacing
from . import hashes, xorbs
from .shards import File, Shard, Term
from .xorbs import Chunk

_CHUNK = 64 * 2**10


class Store:
    """Xorbs and files under their hashes; `id` is this store's own, so that no client takes it for another one.

    hf_xet remembers for each address what it uploaded there. A new Hub at the port of an old one would get shards
    that name xorbs of the old one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        name = folder / "id"
        if not name.exists():
            with replacing(name) as file:
                file.write(secrets.token_hex(8).encode())
        self.id = name.read_text()

    def has(self, xorb: str) -> bool:
        """Return True if a xorb was uploaded, and not lost since."""
        return self._xorb(xorb).exists()

    def receive(self, xorb: str, data: bytes) -> bool:
        """Keep a xorb and say whether it is new; one whose chunks give another hash is a 400."""
        chunks, found = xorbs.parse(data)
        if hashes.to_text(found) != xorb:
            raise HubError(400, f"The chunks of the xorb give the hash {hashes.to_text(found)}, not {xorb}")
        if self.has(xorb):
            return False
        with replacing(self._chunks(xorb)) as file:
            file.write(json.dumps([asdict(chunk) for chunk in chunks]).encode())
        with replacing(self._xorb(xorb)) as file:
            file.write(data)
        return True

    def chunks(self, xorb: str) -> list[Chunk]:
        """Return the chunks of a xorb, also of one that was lost since."""
        return [Chunk(**chunk) for chunk in json.loads(self._chunks(xorb).read_bytes())]

    def packed(self, xorb: str) -> bytes:
        """Return a xorb as it was uploaded; one that was lost is a 404."""
        if not self.has(xorb):
            raise HubError(404, f"The storage does not know the xorb {xorb}")
        return self._xorb(xorb).read_bytes()

    def register(self, shard: Shard) -> None:
        """Keep what files are made of, if their xorbs are there and all hashes are right; else a 400, and none."""
        for name in (*(xorb.hash for xorb in shard.xorbs), *(term.xorb for file in shard.files for term in file.terms)):
            if not self.has(name):
                raise HubError(400, f"The xorb {name} was not uploaded")
        for xorb in shard.xorbs:
            if tuple((chunk.hash, chunk.size) for chunk in self.chunks(xorb.hash)) != xorb.chunks:
                raise HubError(400, f"The xorb {xorb.hash} holds other chunks than the shard says")
        for file in shard.files:
            self._check(file)
        for file in shard.files:
            self._keep(file.hash, file.terms)

    def terms(self, file: str) -> list[Term]:
        """Return what a file is made of; one that is not known, or lost, is a 404."""
        if not hashes.is_text(file) or not self._file(file).exists():
            raise HubError(404, f"The storage does not know the file {file}")
        return [Term(**term) for term in json.loads(self._file(file).read_bytes())]

    def read(self, file: str) -> bytes:
        """Return the content of a file."""
        return b"".join(self._contents(self.terms(file)))

    def add(self, data: bytes) -> str:
        """Keep a file that did not come as Xet, in chunks of equal size, and return its hash."""
        contents = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
        terms, nodes = [], []
        for start in range(0, len(contents), xorbs.MAX_SIZE // _CHUNK):
            part = contents[start : start + xorbs.MAX_SIZE // _CHUNK]
            packed = xorbs.pack(part)
            chunks, raw = xorbs.parse(packed)
            self.receive(hashes.to_text(raw), packed)
            terms.append(Term(hashes.to_text(raw), sum(map(len, part)), 0, len(part)))
            nodes += [(hashes.from_text(chunk.hash), chunk.size) for chunk in chunks]
        file = hashes.to_text(hashes.file_hash(nodes))
        self._keep(file, tuple(terms))
        return file

    def lose(self, file: str) -> None:
        """Lose the xorbs of a file, and with them what else is in those."""
        for term in self.terms(file):
            self._xorb(term.xorb).unlink(missing_ok=True)

    def _check(self, file: File) -> None:
        """Compare every hash and size that a shard gives for a file with the content of its chunks."""
        if len(file.verification) != len(file.terms):
            raise HubError(400, f"The file {file.hash} comes without its range hashes")
        nodes = []
        for term, given in zip(file.terms, file.verification, strict=True):
            chunks = self.chunks(term.xorb)[term.first : term.stop]
            ranged = [(hashes.from_text(chunk.hash), chunk.size) for chunk in chunks]
            if len(chunks) != term.stop - term.first or sum(size for _, size in ranged) != term.size:
                raise HubError(400, f"The file {file.hash} names chunks or sizes that {term.xorb} does not have")
            if hashes.range_hash(raw for raw, _ in ranged) != given:
                raise HubError(400, f"A range hash of the file {file.hash} is wrong")
            nodes += ranged
        if hashes.to_text(hashes.file_hash(nodes)) != file.hash:
            raise HubError(400, f"The chunks do not give the hash of the file {file.hash}")
        if file.sha256 is None:
            raise HubError(400, f"The file {file.hash} comes without its SHA-256")
        digest = hashlib.sha256()
        for content in self._contents(file.terms):
            digest.update(content)
        if digest.hexdigest() != file.sha256:
            raise HubError(400, f"The SHA-256 of the file {file.hash} is {digest.hexdigest()}, not {file.sha256}")

    def _keep(self, file: str, terms: tuple[Term, ...]) -> None:
        with replacing(self._file(file)) as kept:
            kept.write(json.dumps([asdict(term) for term in terms]).encode())

    def _contents(self, terms: list[Term] | tuple[Term, ...]) -> Iterator[bytes]:
        for term in terms:
            chunks = self.chunks(term.xorb)[term.first : term.stop]
            packed = self.packed(term.xorb)
            yield from xorbs.unpack(packed[chunks[0].start : chunks[-1].end])

    def _xorb(self, xorb: str) -> Path:
        return self._folder / "xorbs" / xorb

    def _chunks(self, xorb: str) -> Path:
        return self._folder / "chunks" / f"{xorb}.json"

    def _file(self, file: str) -> Path:
        return self._folder / "files" / f"{file}.json"
