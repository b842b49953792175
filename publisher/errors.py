"""Errors with one sentence for the user and an exit code of the command, and what a signal has to say.

PublishingError
├── DifferenceError  1  the repository is not as wanted
├── UsageError       2  the request cannot be carried out as given
│   └── ConfigsError    some configs failed
├── HubError         3  the Hub refused, or could not be reached
└── WorkerError     71  a worker process was killed
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager


class PublishingError(Exception):
    """Base of the errors that the command prints as one sentence instead of a traceback."""

    exit_code: int
    trace = ""  # of the user's own code that failed: for its author


class DifferenceError(PublishingError):
    """The repository is not as wanted, and is left as it is."""

    exit_code = 1


class UsageError(PublishingError):
    """The request cannot be carried out: the message says what was given, what is allowed, what to do."""

    exit_code = 2


def fault_of_code(sentence: str, raised: BaseException) -> UsageError:
    """UsageError for what the user's own code raised."""
    fault = UsageError(sentence)
    fault.trace = "".join(traceback.format_exception(raised))
    return fault


class ConfigsError(UsageError):
    """Some configs failed while the others were prepared; `faults` are by config."""

    def __init__(self, faults: Mapping[str, UsageError], wanted: int) -> None:
        rest = "" if len(faults) == wanted else "; --resume takes the configs that are finished"
        super().__init__(
            f"{len(faults)} of {wanted} configs failed, so nothing was published or written. Correct what the lines "
            f"above name, and run the command again{rest}."
        )
        self.faults = dict(faults)


class HubError(PublishingError):
    """The Hub refused, or could not be reached."""

    exit_code = 3


class WorkerError(PublishingError):
    """A worker process was killed."""

    exit_code = 71  # EX_OSERR of sysexits.h


LAST_WORDS: list[str] = []  # for the command, if a signal ends it: the last one that is not empty counts


@contextmanager
def last_word(words: str) -> Iterator[None]:
    """Sentence that the command prints if a signal ends what runs within."""
    LAST_WORDS.append(words)
    try:
        yield
    finally:
        LAST_WORDS.remove(words)  # which need not be the last: a thread may run another command


def choices(names: Iterable[str], most: int = 10) -> str:
    """List what there is to choose from, cut after `most`."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """List an error and what led to it, the latest first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
