"""What is seen of work that takes long: a bar on a terminal, else a line from time to time."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tqdm import tqdm

from publisher.prepare.counted import ROWS

QUIET = 60.0  # seconds between lines of progress where there is no terminal
BLINK = 1.0  # between looks at how many rows there are, on a terminal
LONG = 5.0  # and before the first line, where nothing is counted
waiting = logging.getLogger("publisher.waiting")


def is_terminal() -> bool:
    """Whether a person may be watching."""
    return bool(sys.stderr and sys.stderr.isatty())


class Bar(tqdm):
    """A bar that a signal may interrupt while it is made: tqdm would close half a bar, and fail."""

    def __del__(self) -> None:
        """Leave closing to `with`."""


class Progress:
    """A bar, or lines where no terminal shows it."""

    def __init__(self, bar: tqdm, terminal: bool) -> None:
        self._bar = bar
        self._terminal = terminal
        self._said = time.monotonic()

    @contextmanager
    def working_on(self, name: str, place: str) -> Iterator[None]:
        """Show what is drawn, how many rows it has so far, and how many a second."""
        begun, before = time.monotonic(), ROWS.number

        def words() -> str:
            rows, seconds = ROWS.number - before, time.monotonic() - begun
            return f"{name}, {rows:,} rows, {rows / max(seconds, 1e-9):,.0f} a second" if rows else name

        watched: AbstractContextManager[None]
        if self._terminal:
            watched = _each(BLINK, BLINK, lambda: self._bar.set_description_str(words()))
        else:
            watched = said_if_long(lambda: f"drawing {place}: {words()}")
        with watched:
            self.name(name)
            yield
        self.name(words())

    def name(self, name: str) -> None:
        """What was worked on last, by whichever process."""
        self._bar.set_description_str(name, refresh=self._terminal)

    def say(self, line: str) -> None:
        """A line of its own, above the bar."""
        if sys.stderr:
            self._bar.write(line, file=sys.stderr)

    def add(self, amount: int) -> None:
        """So much more is done."""
        self._bar.set_postfix_str("", refresh=False)  # whatever was waited for
        self._bar.update(amount)
        if not self._terminal and sys.stderr and time.monotonic() - self._said >= QUIET:
            print(self._bar, file=sys.stderr)
            self._said = time.monotonic()

    def go_on(self) -> None:
        """Only time has passed."""
        self._bar.refresh()


@contextmanager
def progress_of(total: int, done: int, unit: str) -> Iterator[Progress]:
    """Progress of work from `done` to `total`; what is waited for shows in it."""
    terminal = is_terminal()
    with ExitStack() as stack:
        bar = Bar(
            total=total,
            initial=done,
            unit=unit,
            unit_scale=total >= 1000,
            smoothing=0,  # tasks come seldom: the rate is that since the start
            file=sys.stderr if terminal else stack.enter_context(Path(os.devnull).open("w")),
            leave=False,
        )
        with bar:
            shown = [handler for handler in waiting.handlers if isinstance(handler, Waiting)]
            for handler in shown:
                handler.bar = bar
            try:
                yield Progress(bar, terminal)
            finally:
                for handler in shown:
                    handler.bar = None


def said_if_long(words: Callable[[], str]) -> AbstractContextManager[None]:
    """Say, while something lasts that cannot be counted, what it is and for how long it has been going on."""
    begun = time.monotonic()
    return _each(LONG, QUIET, lambda: waiting.warning("%s, for %.0f s so far", words(), time.monotonic() - begun))


@contextmanager
def _each(first: float, further: float, act: Callable[[], object]) -> Iterator[None]:
    """Act after so many seconds, and then again and again, while something lasts."""
    done = threading.Event()

    def watch() -> None:
        wait = first
        while not done.wait(wait):
            act()
            wait = further

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


class Waiting(logging.Handler):
    """Shows what is waited for: in the bar, in a line that goes again, or without a terminal in lines."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.bar: tqdm | None = None
        self._name = name
        self._line: tqdm | None = None

    def emit(self, record: logging.LogRecord) -> None:
        words = record.getMessage()
        if not is_terminal():
            if sys.stderr:
                print(f"{self._name}: {words}", file=sys.stderr, flush=True)
        elif self.bar is not None:
            self.bar.set_postfix_str(words)
        else:
            if self._line is None:
                self._line = Bar(total=0, bar_format="{desc}", leave=False, file=sys.stderr)
            self._line.set_description_str(words)

    def clear(self) -> None:
        """Take away the line that goes again."""
        if self._line is not None:
            self._line.close()
            self._line = None
