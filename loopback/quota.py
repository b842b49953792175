"""Limits on the number of requests (https://huggingface.co/docs/hub/rate-limits), and the headers that say so."""

from __future__ import annotations

import threading
import time

from .errors import HubError

WINDOW = 300
_RESOLVES = 5  # as many times as many requests for files as for the API


class Quota:
    """Count requests in windows of five minutes, separately for files and for the API."""

    def __init__(self, limit: int) -> None:
        self._limits = {"api": limit, "resolvers": _RESOLVES * limit}
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._spent = dict.fromkeys(self._limits, 0)

    def spend(self, path: str) -> dict[str, str]:
        """Count one request and return the headers of its answer; one too many is a 429 with the same headers."""
        kind = _kind(path)
        if kind is None:
            return {}
        with self._lock:
            if time.monotonic() - self._started >= WINDOW:
                self._started = time.monotonic()
                self._spent = dict.fromkeys(self._limits, 0)
            self._spent[kind] += 1
            left, wait = self._limits[kind] - self._spent[kind], WINDOW - int(time.monotonic() - self._started)
        said = headers(kind, max(left, 0), wait, self._limits[kind])
        if left < 0:
            text = f"We had to rate limit you, you hit the quota of {self._limits[kind]} {kind} requests per 5 minutes"
            raise HubError(429, f"{text} period.", headers=said)
        return said


def headers(kind: str, left: int, wait: int, limit: int) -> dict[str, str]:
    """Return what the Hub sends with every answer.

    >>> headers("api", 0, 25, 1000)["RateLimit"]
    '"api";r=0;t=25'
    """
    return {
        "RateLimit": f'"{kind}";r={left};t={wait}',
        "RateLimit-Policy": f'"fixed window";"{kind}";q={limit};w={WINDOW}',
    }


def _kind(path: str) -> str | None:
    if "/resolve/" in path or path.startswith("/api/resolve-cache/"):
        return "resolvers"
    return "api" if path.startswith("/api/") else None
