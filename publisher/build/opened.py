"""Which files are read while rows are drawn: what a builder is given need not say."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")

ANYWHERE = "://"  # stands for whatever came over a network
IGNORED = (".py", ".pyc", ".so", ".pyd")  # code, which is known otherwise
SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/", f"{sys.prefix}/", f"{sys.base_prefix}/")

_seen: set[str] | None = None
_hooked = False


def note_opened(items: Iterator[T], opened: set[str]) -> Iterator[T]:
    """The same items; what is read while each is made is added to `opened`, as absolute paths."""
    global _seen, _hooked
    if not _hooked:
        sys.addaudithook(_note)  # stays for the life of the process, and does nothing most of the time
        _hooked = True
    while True:
        _seen = opened
        try:
            item = next(items)
        except StopIteration:
            return
        finally:
            _seen = None
        yield item


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = bool(flags & (os.O_WRONLY | os.O_RDWR)) if isinstance(flags, int) else "r" not in (mode or "r")
        if isinstance(path, (str, bytes)) and not writes:
            file = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  (called very often)
            if not file.endswith(IGNORED) and not file.startswith(SYSTEM):
                _seen.add(file)
    elif event == "socket.connect":
        _seen.add(ANYWHERE)
