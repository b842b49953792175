"""What can go wrong for a reason that the user can mend: one sentence, and the command's exit code."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


class PublishingError(Exception):
    """Base of the errors that the command prints as one sentence instead of a traceback."""

    exit_code: int
    trace = ""  # of code of others that failed: for its author


class DifferenceError(PublishingError):
    """The repository is not as it is wanted, and is left so."""

    exit_code = 1


class UsageError(PublishingError):
    """What was asked for cannot be done: the message says what was given, what is allowed, what to do."""

    exit_code = 2


class ConfigsError(UsageError):
    """Some of the configs that were wanted failed, and the others went on; `faults` are by config."""

    def __init__(self, faults: Mapping[str, UsageError], wanted: int) -> None:
        super().__init__(
            f"{len(faults)} of {wanted} configs failed, so nothing was published or written. What was made of the "
            "others is kept: run the command again to go on"
        )
        self.faults = dict(faults)


class HubError(PublishingError):
    """The Hub refused, or could not be reached."""

    exit_code = 3


class WorkerError(PublishingError):
    """A process that did a part of the work was killed."""

    exit_code = 71  # EX_OSERR of sysexits.h


@contextmanager
def last_word(words: str) -> Iterator[None]:
    """What is said, if anything, when a signal ends this, unless something within it knows better."""
    try:
        yield
    except KeyboardInterrupt as stop:
        number, *better = stop.args or (signal.SIGINT,)
        raise KeyboardInterrupt(number, *filter(None, better or [words])) from stop


def choices(names: Iterable[str], most: int = 10) -> str:
    """List what there is to choose from, cut after ten.

    Examples
    --------
    >>> choices(map(str, range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
