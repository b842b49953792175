"""Requests as they came, and what a test wants to go wrong with them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True)
class Fault:
    """One way for a request to fail. The constants and the makers below are all there are."""

    kind: Literal["refuse", "drop_before", "drop_after", "cut", "delay", "status", "garble"]
    seconds: float = 0.0
    code: int = 0
    retry_after: int | None = None
    error_code: str | None = None
    message: str | None = None
    ratelimit: int | str | None = None
    change: Callable[[bytes], bytes] = bytes
    page: str | None = None
    content_type: str = ""

    REFUSE: ClassVar[Fault]
    """The connection closes before the body is read."""
    DROP_BEFORE: ClassVar[Fault]
    """The body is read, nothing is done, the connection closes."""
    DROP_AFTER: ClassVar[Fault]
    """The work is done, the answer is lost."""
    CUT: ClassVar[Fault]
    """The work is done, the connection closes in the middle of the answer's body."""

    @classmethod
    def delay(cls, seconds: float) -> Fault:
        """Wait, then work as always."""
        return cls("delay", seconds=seconds)

    @classmethod
    def garble(cls, change: Callable[[bytes], bytes]) -> Fault:
        """Work as always, and answer with what `change` makes of the answer's body."""
        return cls("garble", change=change)

    @classmethod
    def status(
        cls,
        code: int,
        retry_after: int | None = None,
        error_code: str | None = None,
        message: str | None = None,
        ratelimit: int | str | None = None,
    ) -> Fault:
        """Answer with this status and do nothing.

        `retry_after` is in seconds, for 429 and 503, `ratelimit` is the same in the header of today, or that itself;
        `error_code` is what the Hub adds, such as RepoNotFound; `message` is its sentence.
        """
        return cls(
            "status", code=code, retry_after=retry_after, error_code=error_code, message=message, ratelimit=ratelimit
        )

    @classmethod
    def other(cls, code: int, page: str, content_type: str = "text/html") -> Fault:
        """Answer with this status and body as a proxy or a storage would, without a header of the Hub; do nothing."""
        return cls("status", code=code, page=page, content_type=content_type)


Fault.REFUSE = Fault("refuse")
Fault.DROP_BEFORE = Fault("drop_before")
Fault.DROP_AFTER = Fault("drop_after")
Fault.CUT = Fault("cut")


@dataclass
class Record:
    """A request: `number` counts from 1, `status` is None until answered and stays so if no answer was sent.

    `path` and `query` are decoded; no header but the user agent is kept, so no token.
    """

    number: int
    method: str
    path: str
    query: str
    user_agent: str
    received: int = 0
    status: int | None = None
    faults: tuple[Fault, ...] = ()


@dataclass
class _Rule:
    """Applies to the `nth` request that matches and the ones after it, `times` in all."""

    action: Fault | Callable[[], object]
    method: str | None
    path: re.Pattern[str] | None
    number: int | None
    nth: int
    times: int
    seen: int = 0

    def takes(self, record: Record) -> bool:
        """Count the request if it matches, and say whether it is one of those to act on."""
        if self.number is not None and record.number != self.number:
            return False
        if self.method is not None and record.method != self.method.upper():
            return False
        if self.path is not None and not self.path.search(record.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class Traffic:
    """The requests in their order of arrival, and the rules that wait for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._rules: list[_Rule] = []

    @property
    def records(self) -> list[Record]:
        """Copy of the requests since the start or the last `forget`."""
        with self._lock:
            return list(self._records)

    def expect(
        self,
        action: Fault | Callable[[], object],
        method: str | None = None,
        path: str | None = None,
        request: int | None = None,
        nth: int = 1,
        times: int = 1,
    ) -> None:
        """Wait for a request by its method, a pattern in its path and its number, whichever are given."""
        rule = _Rule(action, method, re.compile(path) if path is not None else None, request, nth, times)
        with self._lock:
            self._rules.append(rule)

    def arrive(self, method: str, path: str, query: str, user_agent: str) -> tuple[Record, list[Callable[[], object]]]:
        """Record a request with its faults, and return it with the callbacks that are to run before it."""
        with self._lock:
            record = Record(len(self._records) + 1, method, path, query, user_agent)
            actions = [rule.action for rule in self._rules if rule.takes(record)]
            record.faults = tuple(action for action in actions if isinstance(action, Fault))
            self._records.append(record)
        return record, [action for action in actions if not isinstance(action, Fault)]

    def forget(self) -> None:
        """Drop the records and the rules; numbers start at 1 again."""
        with self._lock:
            self._records.clear()
            self._rules.clear()
