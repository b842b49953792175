"""Standard output without tokens, and without characters that act on a terminal, whoever wrote them."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from typing import TextIO

from publisher.errors import UsageError
from publisher.hub.cleaning import mask, without_control


class CleanOutput(io.TextIOBase):
    """A stream that takes what is printed, and passes on what may be seen; `before` is called before it does."""

    def __init__(self, stream: TextIO, before: Callable[[], object]) -> None:
        self._stream = stream
        self._before = before

    def write(self, text: str) -> int:
        """Write all of it, line by line."""
        self._before()
        with self._refusing():
            self._stream.write(mask("\n".join(map(without_control, text.split("\n")))))
        return len(text)

    def flush(self) -> None:
        with self._refusing():
            self._stream.flush()

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        """A pipe that nobody reads is another matter."""
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())  # takes what is left
            raise UsageError(f"standard output cannot be written ({error.strerror}): give it another place") from None

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()
