"""How long the Hub is waited for, in one place.

Three layers would retry, one within the other. What they add up to is bounded by the outermost, here:

- `hf_xet`, the storage's client, tries what fails once more, after a second (`transport.XET`, unless the user has set
  its variables). It waits 300 s for an answer, because that counts what it sends meanwhile: less breaks slow lines.
- `huggingface_hub` would try five times more. It does not: `transport` lets each failure out at once. An answer whose
  next byte does not come for 30 s, or for a commit 60 s, is a failure.
- `with_retries` tries again while an outage lasts less than `TRYING`, and gives up on whatever has not ended after
  `OUTAGE`: a Hub that answers byte by byte, or pages without end. What moves a file is given up after `ATTEMPT`, and
  tried again; it may take longer by its size, at `SLOWEST`, so that only in a file over 10 MB an outage may last longer
  than `OUTAGE`, if the storage falls silent. Calls that follow each other share one outage until one succeeds.

So an outage ends with one sentence within 90 s of its beginning, and what is refused is refused at once. Requests run
in a thread while the caller waits in short steps: signals are heard, and it is said what is waited for.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, TypeVar

import tenacity

from publisher.hub import transport
from publisher.hub.client_internals import abort_storage_session, forget_storage_tokens
from publisher.hub.failures import asked_wait, is_expired, is_transient, summary

T = TypeVar("T")

TRYING = 60.0  # seconds from the beginning of an outage within which a request is tried again
OUTAGE = 75.0  # and after which nothing is waited for
ATTEMPT = 35.0  # that a file may take besides the time for its bytes
LAST_LOOK = 10.0  # that a request has at least, though an outage lasts longer
COMMITTING = 60.0  # that the Hub takes at most for a commit
SLOWEST = 250_000  # bytes per second: what is slower counts as an outage
FIRST_WAIT, LONGEST_WAIT = 1.0, 8.0  # seconds between attempts, doubled each time
ASKED = 300.0  # that are waited if the Hub asks for it, once: its windows for requests are as long
STEP = 0.1
UNSAID, EVERY = 5.0, 10.0  # seconds of waiting that are not spoken of, and between two lines

log = logging.getLogger("publisher.waiting")  # on which others say what lasts long, too


class NoAnswerError(TimeoutError):
    """A request was given up."""


@dataclass
class _Outage:
    """What is known of it in this process: calls that follow each other share one."""

    since: float = -math.inf
    seen: float = -math.inf
    said: float = -math.inf
    lock: threading.Lock = field(default_factory=threading.Lock)

    def since_at(self, now: float) -> float:
        """When what is waited for from now on began: with the outage, if that has not ended."""
        return self.since if now - self.seen < EVERY else now

    def may_speak(self) -> bool:
        """Whether the last line of whoever was long ago."""
        with self.lock:
            now = time.monotonic()
            if now - self.said < EVERY:
                return False
            self.said = now
            return True


_outage = _Outage()
log.addFilter(lambda record: _outage.may_speak())


class Patience:
    """With one thing that is done, over several attempts.

    Parameters
    ----------
    doing : str
        For people who wait, such as "uploading data.parquet".
    size : int, optional
        Bytes that it moves: it may take longer by them.
    """

    def __init__(self, doing: str, size: int = 0) -> None:
        now = time.monotonic()
        self.doing = doing
        self.moves = size / SLOWEST
        self.began = _outage.since_at(now)
        self.attempts = 0
        self._asked = False
        self._renewed = False

    @property
    def limit(self) -> float:
        """When an attempt that begins now is given up, as a time of `time.monotonic`."""
        now = time.monotonic()
        attempt = ATTEMPT + self.moves
        limit = max(self.began + max(OUTAGE, attempt), now + LAST_LOOK)
        return min(limit, now + attempt) if self.moves else limit

    def failed(self, error: BaseException) -> float | None:
        """Seconds until the next attempt after a failure, or None if that was the last one."""
        now = time.monotonic()
        self.attempts += 1
        if is_expired(error) and not self._renewed:
            self._renewed = True
            forget_storage_tokens()
            return 0.0
        if not is_transient(error):
            return None
        wait = asked_wait(error)
        if wait is not None:  # once; windows begin anew, and so does the outage
            if self._asked or wait > ASKED:
                return None
            self._asked = True
            self.began = now + wait
            return wait + 1 if wait else 0.0
        if self.attempts == 1 and self.moves:  # what moved for long was no outage all the time
            self.began = max(self.began, now - ATTEMPT)
        _outage.since, _outage.seen = self.began, now
        if now - self.began >= TRYING:
            return None
        return min(FIRST_WAIT * 2 ** (self.attempts - 1), LONGEST_WAIT)

    def succeeded(self) -> None:
        """The outage, if there was one, is over."""
        _outage.since = _outage.seen = -math.inf

    def pause(self, seconds: float, error: BaseException) -> None:
        """Wait, and say so."""
        end = time.monotonic() + seconds
        never = threading.Event()
        while (left := end - time.monotonic()) > 0:
            since = -math.inf if self._asked else self.began
            _say(since, f"{self.doing}: {summary(error)}, trying again in {math.ceil(left)} s")
            never.wait(min(left, STEP))


def with_retries(doing: str, request: Callable[..., T], *arguments: Any, size: int = 0, **named: Any) -> T:
    """Call what sends requests, again while its failure is transient and the outage short.

    Parameters
    ----------
    doing : str
        For people who wait.
    request : callable
    size : int, optional
        Bytes that it moves.
    *arguments, **named
        For `request`.

    Raises
    ------
    NoAnswerError
        If it did not end.

    Notes
    -----
    Raises whatever the request raises, too.
    """
    patience = Patience(doing, size)
    waits: list[float | None] = []

    def attempt() -> T:
        result = within(doing, patience.limit, request, *arguments, **named)
        patience.succeeded()
        return result

    def stop(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        waits.append(patience.failed(error) if error else None)
        return waits[-1] is None

    def sleep(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error and waits[-1]:
            patience.pause(waits[-1], error)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Exception),  # `stop` says which
        stop=stop,
        before_sleep=sleep,
        sleep=lambda seconds: None,
        reraise=True,
    )
    return retrying(attempt)


def within(doing: str, limit: float, request: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call what sends requests, and give it up if it has not ended at `limit`, a time of `time.monotonic`."""
    transport.install()
    operation = transport.Operation()
    context = copy_context()
    results: list[T] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    def work() -> None:
        try:
            with operation:
                results.append(context.run(request, *arguments, **named))
        except BaseException as error:
            errors.append(error)
        finally:
            ended.set()

    start = time.monotonic()
    since = _outage.since_at(start)
    threading.Thread(target=work, name=doing, daemon=True).start()
    try:
        while not ended.wait(STEP):
            now = time.monotonic()
            if now >= limit:
                raise NoAnswerError(f"the answer had not ended after {now - start:.0f} s")
            _say(since, f"{doing}: waiting for {now - start:.0f} s")
    except BaseException:  # a signal, too
        operation.abandoned = True
        abort_storage_session()
        raise
    if errors:
        raise errors[0]
    return results[0]


def _say(since: float, words: str) -> None:
    """One line for people who wait for some time already."""
    if time.monotonic() - since >= UNSAID:
        log.warning("%s", words)
