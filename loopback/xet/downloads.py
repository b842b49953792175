"""The requests that read from the storage: what a file is made of, and the bytes."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Any

from werkzeug import Response

from ..call import Call, answer
from ..errors import HubError
from . import tokens
from .xorbs import Chunk

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
Json = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """The chunks of one term that a request is for."""

    xorb: str
    first: int
    chunks: list[Chunk]

    @property
    def size(self) -> int:
        """The bytes of content."""
        return sum(chunk.size for chunk in self.chunks)

    @property
    def numbers(self) -> Json:
        """Which chunks of the xorb these are."""
        return {"start": self.first, "end": self.first + len(self.chunks)}

    @property
    def bytes(self) -> Json:
        """Their place in the xorb; the end is the last byte."""
        return {"start": self.chunks[0].start, "end": self.chunks[-1].end - 1}


def reconstruction(call: Call) -> Response:
    """GET v1/reconstructions/HASH, all of the file or a Range of it."""
    return _reconstruction(call, "fetch_info", lambda piece: {"range": piece.numbers, "url_range": piece.bytes})


def reconstruction_by_xorb(call: Call) -> Response:
    """GET v2/reconstructions/HASH: the same, with the ranges of each address in a list."""
    return _reconstruction(call, "xorbs", lambda piece: {"ranges": [{"chunks": piece.numbers, "bytes": piece.bytes}]})


def _reconstruction(call: Call, field: str, ranges: Callable[[Piece], Json]) -> Response:
    found, offset = _wanted(call)
    fetch: dict[str, list[Json]] = {}
    for piece in _merged(found):
        url = call.sign(f"/xet/{call.hub.state.xet.id}/data/{piece.xorb}")
        fetch.setdefault(piece.xorb, []).append({"url": url} | ranges(piece))
    terms = [{"hash": piece.xorb, "unpacked_length": piece.size, "range": piece.numbers} for piece in found]
    return answer({"offset_into_first_range": offset, "terms": terms, field: fetch})


def data(call: Call) -> Response:
    """GET of a Range of a xorb, as from a bucket: signed, without a token."""
    call.check_signature()
    return _ranged(call, call.hub.state.xet.packed(call.args["hash"]), "application/octet-stream")


def bridge(call: Call) -> Response:
    """GET of a file's bytes, to which the Hub redirects clients that do not speak Xet."""
    call.check_signature()
    name = call.request.args.get("name", "")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = _ranged(call, call.hub.state.xet.read(call.args["hash"]), kind)
    response.set_etag(call.args["hash"])
    return response


def _ranged(call: Call, content: bytes, kind: str) -> Response:
    response = Response(content, mimetype=kind)
    response.make_conditional(call.request.environ, accept_ranges=True, complete_length=len(content))
    return response


def _wanted(call: Call) -> tuple[list[Piece], int]:
    """Return the chunks of the file, or of the Range asked for, and where in the first one that begins."""
    tokens.check(call, "read")
    store, file = call.hub.state.xet, call.args["hash"]
    terms = store.terms(file)
    start, stop = _range(call.request.headers.get("Range"), sum(term.size for term in terms))
    position, offset = 0, 0
    found: list[Piece] = []
    for term in terms:
        first, chunks = None, []
        for number, chunk in enumerate(store.chunks(term.xorb)[term.first : term.stop], term.first):
            if position < stop and position + chunk.size > start:
                if first is None:
                    first = number
                    if not found:
                        offset = start - position
                chunks.append(chunk)
            position += chunk.size
        if first is not None:
            found.append(Piece(term.xorb, first, chunks))
    return found, offset


def _merged(found: list[Piece]) -> Iterator[Piece]:
    """Yield what is to be fetched: of each xorb, pieces that neither overlap nor touch, which hf_xet 1.4 relies on."""
    chunks: dict[str, dict[int, Chunk]] = {}
    for piece in found:
        chunks.setdefault(piece.xorb, {}).update(enumerate(piece.chunks, piece.first))
    for xorb, numbered in chunks.items():
        for first in sorted(number for number in numbered if number - 1 not in numbered):
            run = takewhile(numbered.__contains__, count(first))
            yield Piece(xorb, first, [numbered[number] for number in run])


def _range(header: str | None, size: int) -> tuple[int, int]:
    """Return where the wanted bytes start and stop; a Range past the end is a 416, as a request to read on."""
    if header is None:
        return 0, size
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        raise HubError(400, f"Not a range of bytes: {header}")
    start, stop = int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)
    if start >= stop:
        raise HubError(416, f"The file has {size} bytes, and the client asked for {header}")
    return start, stop
