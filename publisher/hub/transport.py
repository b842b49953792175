"""What goes over the wire to the Hub: bounded in time, and the token only to the Hub itself.

The clients' own sessions are kept, with their proxies and certificates. How they send is changed only while an
`Operation` is under way: then for all of the process, because `datasets` uses the same ones. Failures are let out at
once then.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from urllib.parse import urlsplit

from huggingface_hub import constants

from publisher.hub.client_internals import replace_sessions

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
CONNECT, READ = 10.0, 30.0  # seconds without a connection, and without a byte
COMMIT = 60.0  # without a byte while the Hub commits
REFUSAL, ERROR_BYTES = 3.0, 100_000  # seconds, and bytes, that are read of what says what was wrong
ANSWER_BYTES = 100_000_000  # of one that is no file: a page of a list has less than one million
XET = {  # of hf_xet, which reads them before its first request
    "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1",  # after the first: 5, up to 6 minutes
    "HF_XET_CLIENT_RETRY_BASE_DELAY": "1s",  # 3 s
    "HF_XET_CLIENT_CONNECT_TIMEOUT": "10s",  # 60 s
    "HF_XET_CHUNK_CACHE_SIZE_BYTES": "0",  # what is read is to come from the Hub
    "HF_XET_LOG_DEST": os.devnull,  # else it logs to standard output if it may not write below HF_HOME
}
LISTS = re.compile(r"/api/datasets/[^/]+/[^/]+/(tree|commits)/")
XET_HEADERS = ("X-Xet-Refresh-Route", "Link")


class OddAnswerError(Exception):
    """An answer has no end, is no list where one is asked for, or names itself as the next page of one."""


class UnreachableError(ConnectionError):
    """There was no answer."""


class UnavailableError(Exception):
    """The Hub answered that it cannot answer now."""

    def __init__(self, response: Any) -> None:
        super().__init__(f"status {response.status_code}")
        self.response = response


class AbandonedError(Exception):
    """Nobody waits for the answer any more, so the request was not sent."""


class Operation:
    """What somebody waits for in another thread; it sends nothing more once it is abandoned."""

    _here = threading.local()
    _all: ClassVar[set[Operation]] = set()
    _lock = threading.Lock()

    def __init__(self) -> None:
        self.abandoned = False

    def __enter__(self) -> Operation:
        self._here.operation = self
        with Operation._lock:
            Operation._all.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._here.operation = None
        with Operation._lock:
            Operation._all.discard(self)

    @classmethod
    def is_under_way(cls) -> bool:
        """Whether there is any: the client works in threads of its own, too."""
        return bool(cls._all)

    @classmethod
    def check(cls) -> None:
        """Send nothing for an operation that was abandoned; a thread of the client may work for any."""
        with cls._lock:
            possible = [here] if (here := getattr(cls._here, "operation", None)) else cls._all
            if all(operation.abandoned for operation in possible):
                raise AbandonedError


@functools.cache
def install() -> None:
    """Make the clients of this process, and of those that it starts, send so."""
    for name, value in XET.items():
        os.environ.setdefault(name, value)
    replace_sessions(_wrap)


def is_hub(url: str) -> bool:
    """Whether an address is one of the Hub, where its token may go.

    Examples
    --------
    >>> is_hub(f"{constants.ENDPOINT}/api/whoami-v2"), is_hub("http://example.org/api/whoami-v2")
    (True, False)
    """
    try:
        return _origin(url) in (_origin(constants.ENDPOINT), _origin(constants.HUGGINGFACE_CO_URL_HOME))
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _wrap(session: Any) -> Any:
    """A session, of requests up to 0.36 of the client, then of httpx or httpx2, that sends as this module says."""
    send = session.send
    is_httpx = hasattr(session, "event_hooks")
    fill = _fill_extensions if is_httpx else _fill_arguments
    (session.event_hooks if is_httpx else session.hooks)["response"].append(_bound_redirect)

    @functools.wraps(send)
    def guarded(request: Any, **arguments: Any) -> Any:
        if not Operation.is_under_way():  # others use the clients, perhaps with other Hubs
            return send(request, **arguments)
        Operation.check()
        if not is_hub(str(request.url)):
            request.headers.pop("Authorization", None)
        fill(request, arguments)
        is_read_here = not arguments.get("stream")
        try:
            try:
                response = send(request, **{**arguments, "stream": True})
            except Exception as error:
                if request.method not in ("GET", "HEAD") or not _is_closed(error):
                    raise
                response = send(request, **{**arguments, "stream": True})
            _bound(response, is_file=not is_read_here or response.status_code == 206)
            if response.status_code >= 400 or is_read_here:
                _read(response)
        except OSError as error:  # requests
            raise UnreachableError(str(error)) from error
        except Exception as error:
            if _is_network_error(error):
                raise UnreachableError(str(error) or type(error).__name__) from error
            raise
        if response.status_code in TRANSIENT:
            raise UnavailableError(response)
        return _checked(response)

    session.send = guarded
    return session


def _is_closed(error: Exception) -> bool:
    """Whether a connection was closed, as a server may do with one that was kept: RFC 9112, 9.5."""
    return type(error).__name__ in ("RemoteProtocolError", "ReadError") or "RemoteDisconnected" in repr(error)


def _is_network_error(error: Exception) -> bool:
    return any(kind.__name__ == "TransportError" for kind in type(error).__mro__)


def _fill_extensions(request: Any, arguments: dict[str, Any]) -> None:
    """Timeouts that have no value get one: the client sets none for most requests."""
    given = request.extensions.get("timeout") or {}
    read = COMMIT if "/commit/" in request.url.path else READ
    ours = {"connect": CONNECT, "read": read, "write": READ, "pool": CONNECT}
    filled = {name: given.get(name) or seconds for name, seconds in ours.items()}
    request.extensions = {**request.extensions, "timeout": filled}


def _fill_arguments(request: Any, arguments: dict[str, Any]) -> None:
    if arguments.get("timeout") is None:
        arguments["timeout"] = (CONNECT, COMMIT if "/commit/" in request.url else READ)


def _checked(response: Any) -> Any:
    """An answer that names no other host for tokens of the storage: hf_xet would show the Hub's token there."""
    links = response.links
    if links.get("next", {}).get("url") == str(response.url):
        raise OddAnswerError("a list that has no end")
    if LISTS.search(str(response.url)) and response.status_code == 200 and response.content.lstrip().startswith(b"{"):
        raise OddAnswerError(f"no list, but {response.text}")  # the client would take an empty one for an empty list
    route = links.get("xet-auth", {}).get("url") or response.headers.get("X-Xet-Refresh-Route")
    if route and urlsplit(route).netloc and not is_hub(route):
        for name in XET_HEADERS:
            if name in response.headers:
                del response.headers[name]
    return response


def _bound_redirect(response: Any, **_: Any) -> None:
    """What is beside the new place is read by the libraries before they go there."""
    if 300 <= response.status_code < 400 and Operation.is_under_way():
        _bound(response, is_file=False)


def _bound(response: Any, is_file: bool) -> None:
    """Let no more be read of an answer than it may have: of what says what is wrong, or where, the beginning."""
    name = "iter_bytes" if hasattr(response, "iter_bytes") else "iter_content"  # httpx, requests
    tasks = getattr(response, name)

    def bounded(*arguments: Any, **named: Any) -> Iterator[bytes]:
        count = 0
        for task in tasks(*arguments, **named):
            yield task
            count += len(task)
            if count > ANSWER_BYTES:
                raise OddAnswerError(f"an answer of more than {ANSWER_BYTES:,} bytes")

    def beginning(*_: Any, **__: Any) -> Iterator[bytes]:
        end = time.monotonic() + REFUSAL
        timeouts = getattr(response.request, "extensions", {}).get("timeout", {})  # httpx looks there again
        before = dict(timeouts)
        timeouts["read"] = REFUSAL
        with contextlib.suppress(Exception):  # what is there is enough
            for byte in itertools.islice(tasks(1), ERROR_BYTES):
                yield byte
                if time.monotonic() > end:
                    break
        timeouts.update(before)  # where a redirect leads, they count, too
        response.close()

    if response.status_code >= 300:
        setattr(response, name, beginning)
    elif not is_file:
        setattr(response, name, bounded)


def _read(response: Any) -> None:
    reader: Callable[[], object] = getattr(response, "read", lambda: response.content)
    try:
        reader()
    finally:
        response.close()
