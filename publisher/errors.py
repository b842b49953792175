"""What can go wrong for a reason that the user can mend: one sentence, and the command's exit code."""


class PublishingError(Exception):
    """Base of the errors that the command prints as one sentence instead of a traceback."""

    exit_code: int


class DifferenceError(PublishingError):
    """The repository is not as it is wanted, and is left so."""

    exit_code = 1


class UsageError(PublishingError):
    """What was asked for cannot be done: the message says what was given, what is allowed, what to do."""

    exit_code = 2


class HubError(PublishingError):
    """The Hub refused, or could not be reached."""

    exit_code = 3


class WorkerError(PublishingError):
    """A process that did a part of the work was killed."""

    exit_code = 71  # EX_OSERR of sysexits.h
