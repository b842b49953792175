"""Which files are read while code of others runs: what a builder is given need not say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

ANYWHERE = "://"  # stands for whatever came over a network
IGNORED = (".py", ".pyc", ".so", ".pyd")  # code, which is known otherwise
SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/", f"{sys.prefix}/", f"{sys.base_prefix}/")

IMPORTED: set[str] = set()  # what was read while a builder's module was imported

_seen: set[str] | None = None
_hooked = False


@contextmanager
def noting(opened: set[str] | None) -> Iterator[None]:
    """Add what is read meanwhile to `opened`, files and listed folders, as absolute paths; with None, nothing."""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_note)  # stays for the life of the process, and does nothing most of the time
        _hooked = True
    before, _seen = _seen, opened
    try:
        yield
    finally:
        _seen = before


def note_opened(items: Iterator[T], opened: set[str]) -> Iterator[T]:
    """The same items; what is read while each is made is added to `opened`."""
    while True:
        with noting(opened):
            try:
                item = next(items)
            except StopIteration:
                return
        yield item


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) if isinstance(flags, int) else "r" not in (mode or "r")
        if not writes:
            _add(path)
    elif event in ("os.listdir", "os.scandir"):
        if not sys._getframe(1).f_code.co_filename.startswith("<frozen importlib"):  # looks for modules
            _add(arguments[0] or ".")
    elif event == "sqlite3.connect":
        _add(arguments[0])
    elif event in ("socket.connect", "http.client.send"):
        _seen.add(ANYWHERE)


def _add(path: Any) -> None:
    if _seen is not None and isinstance(path, (str, bytes, os.PathLike)):
        file = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  (called very often)
        if not file.endswith(IGNORED) and not file.startswith(SYSTEM):
            _seen.add(file)
