"""Errors that a user can correct: one sentence each, and the exit code of the command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class PublishingError(Exception):
    """Base of the errors that the command prints as one sentence instead of a traceback."""

    exit_code: int
    trace = ""  # traceback of a builder's code, for its author


class DifferenceError(PublishingError):
    """The repository is not as it is wanted, and is left so."""

    exit_code = 1


class UsageError(PublishingError):
    """The command cannot do this: the message says what was given, what is allowed, and what to do."""

    exit_code = 2


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
    """A process that did a part of the work was killed."""

    exit_code = 71  # EX_OSERR of sysexits.h


LAST_WORDS: list[str] = []  # what the command says if a signal ends it now: the last one that is not empty


@contextmanager
def last_word(sentence: str) -> Iterator[None]:
    """Say a sentence if a signal ends the command meanwhile, in place of any outer one; an empty one leaves that."""
    LAST_WORDS.append(sentence)
    try:
        yield
    finally:
        LAST_WORDS.remove(sentence)  # which need not be the last: a thread may run another command
