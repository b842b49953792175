"""The WSGI application: records each request, lets it fail if a test wants so, else answers it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

from . import routes
from .call import Call, answer, raw_path
from .errors import HubError
from .faults import Fault, Record, Traffic
from .quota import headers
from .site import Site

_logger = logging.getLogger(__name__)


@dataclass
class Application:
    """WSGI application of one server; a ConnectionError that it raises closes the connection."""

    site: Site
    traffic: Traffic
    log: Callable[[str], object] | None
    stopping: threading.Event = field(default_factory=threading.Event)
    _under_way: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request, as WSGI wants it; none after `finish`."""
        with self._changed:
            if self.stopping.is_set():
                raise ConnectionAbortedError
            self._under_way += 1
        try:
            return self._handle(environ)(environ, start_response)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def finish(self) -> None:
        """Wait for the requests under way: none writes to a folder that the next Hub took over."""
        with self._changed:
            self.stopping.set()
            self._changed.wait_for(lambda: self._under_way == 0)

    def _handle(self, environ: dict[str, Any]) -> Response:
        """Record a request with what comes of it."""
        request = Request(environ)
        query = "&".join(f"{k}={v}" for k, v in request.args.items(multi=True) if k not in ("expires", "signature"))
        path, agent = unquote(raw_path(request)), request.user_agent.string
        record, callbacks = self.traffic.arrive(request.method, path, query, agent)
        environ["wsgi.input"] = _Counted(environ["wsgi.input"], record)
        response = self._respond(Request(environ), record, callbacks)
        record.status = response.status_code
        if self.log is not None:
            self.log(f"{record.method} {record.path} {record.status}")
        return response

    def _respond(self, request: Request, record: Record, callbacks: Iterable[Callable[[], object]]) -> Response:
        """Let a request run into its faults, in the order in which they can happen."""
        kinds = {fault.kind for fault in record.faults}
        if "refuse" in kinds:
            raise ConnectionAbortedError
        self.stopping.wait(sum(fault.seconds for fault in record.faults if fault.kind == "delay"))
        if "drop_before" in kinds:
            request.get_data()
            raise ConnectionAbortedError
        failed = next((fault for fault in record.faults if fault.kind == "status"), None)
        response = _failure(failed, request) if failed else self._answer(request, callbacks)
        if "drop_after" in kinds:
            response.close()
            raise ConnectionAbortedError
        for fault in record.faults:
            if fault.kind == "garble":
                response.direct_passthrough = False
                response.set_data(fault.change(response.get_data()))
        return _cut(response) if "cut" in kinds else response

    def _answer(self, request: Request, callbacks: Iterable[Callable[[], object]]) -> Response:
        quota: dict[str, str] = {}
        try:
            for callback in callbacks:
                callback()
            quota = self.site.quota.spend(raw_path(request))
            handler, args = routes.find(request)
            response = handler(Call(request, args, self.site))
        except HubError as error:
            response = _refusal(error)
        except HTTPException as error:  # of Werkzeug: a Range past the end, a body that broke off
            return Response(error.get_body(), error.code or 500, error.get_headers())
        except ConnectionError:
            raise
        except Exception:
            _logger.exception("%s %s", request.method, request.path)
            return answer({"error": "Internal Server Error"}, 500)
        response.headers.update(quota)
        return response


def _refusal(error: HubError) -> Response:
    """Say what is wrong in the body, and in the headers that the clients read."""
    response = answer({"error": error.message}, error.status)
    response.headers.update(error.headers)
    if error.code:
        response.headers["X-Error-Code"] = error.code
    message = " ".join(error.message.split())
    response.headers["X-Error-Message"] = message.encode("ascii", "replace").decode()
    return response


class _Counted:
    """The body of a request, which counts what was read of it."""

    def __init__(self, stream: Any, record: Record) -> None:
        self._stream, self._record = stream, record

    def read(self, size: int = -1) -> bytes:
        """Read as the stream does."""
        data: bytes = self._stream.read(size)
        self._record.received += len(data)
        return data


def _failure(fault: Fault, request: Request) -> Response:
    """Read the body, as a server does before it turns a request down, and answer with the fault's status."""
    request.get_data()
    if fault.page is not None:
        return Response(fault.page, fault.code, content_type=fault.content_type)
    message = fault.message or f"Status {fault.code} on demand"
    response = _refusal(HubError(fault.code, message, fault.error_code))
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    if isinstance(fault.ratelimit, str):
        response.headers["ratelimit"] = fault.ratelimit
    elif fault.ratelimit is not None:
        response.headers.update(headers("api", 0, fault.ratelimit, 1000))
    return response


def _cut(response: Response) -> Response:
    """Send the headers and half of the body, then close."""
    response.direct_passthrough = False
    data = response.get_data()

    def half() -> Iterator[bytes]:
        yield data[: len(data) // 2]
        raise ConnectionAbortedError

    response.response = half()
    response.content_length = len(data)
    return response
