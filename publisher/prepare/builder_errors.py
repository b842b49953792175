"""What goes wrong in a builder, as a sentence: which config, where in its script, and what it says."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import datasets
from datasets.exceptions import DatasetGenerationError

from publisher.errors import PublishingError, UsageError

HERE = Path(__file__).parent.parent

NO_ROWS = "there are no rows, and `load_dataset` opens no split without rows: leave the split out"


class RowsError(Exception):
    """Rows that cannot be written as they are: the message says which, and why."""


@contextmanager
def builder_errors(
    kind: type[datasets.DatasetBuilder],
    config: str,
    split: str | None = None,
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Turn what a builder raises into a sentence.

    Raises
    ------
    UsageError
        In place of whatever a builder raises. What the system refuses outside the builder, such as a full disk, and the
        publisher's own errors pass as they are.
    """
    where = f"config {config!r}" + (f", split {split!r}" if split else "")
    try:
        yield
    except (PublishingError, MemoryError):
        raise
    except passing:
        raise
    except RowsError as error:
        raise UsageError(f"{where}, {error}") from error
    except (Exception, SystemExit) as error:
        reasons = list(_reasons(error))
        places = [place for reason in reasons if (place := _place(reason, kind))]
        reason = next((reason for reason in reasons if not isinstance(reason, DatasetGenerationError)), error)
        if not places and isinstance(reason, OSError):
            raise reason from None
        line = f"{places[0]}: " if places else ""
        text = " ".join(str(reason).split())
        fault = UsageError(f"{where}: {line}{type(reason).__name__}{f': {text}' if text else ''}")
        fault.trace = "".join(traceback.format_exception(reason))
        raise fault from error


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _place(error: BaseException, kind: type) -> str | None:
    """File and line of the builder's script, or of a module beside it, where an error was raised or passed last."""
    files = [getattr(sys.modules.get(base.__module__), "__file__", None) for base in kind.__mro__]
    library = Path(datasets.__file__).parent
    scripts = [Path(file).resolve() for file in files if file and library not in Path(file).resolve().parents]
    folders = {script.parent for script in scripts}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        own = file in scripts or (HERE not in file.parents and "site-packages" not in file.parts)
        if own and file.is_file() and any(folder == file.parent or folder in file.parents for folder in folders):
            return f"{file.name}, line {frame.lineno}"
    return None
