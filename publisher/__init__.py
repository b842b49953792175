"""Publish a `datasets` builder to the Hugging Face Hub: all configs and their card, in one commit that is checked.

>>> from publisher import Card, main, publish, validate
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import warnings
from multiprocessing import parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher.errors import UsageError
from publisher.hub.endpoint import endpoint


def _is_command() -> bool:
    """Whether this process is `publish-dataset`; `-m` is what Python says while it looks for the module to run."""
    first = sys.argv[0] if sys.argv else ""
    name = sys.orig_argv[-len(sys.argv)] if first == "-m" else ""
    return (Path(first).stem == "publish-dataset" or name in ("publisher", "-mpublisher")) and parent_process() is None


def _end(number: int, frame: object) -> None:
    """At once: an exception while libraries are imported may be swallowed by them, or come out as another one."""
    os.write(2, b"publish-dataset: Interrupted. Nothing is half done; run the command again to continue.\n")
    os._exit(128 + number)


if _is_command():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
try:
    endpoint()  # first: the libraries crash on one that is not valid
    collects = gc.isenabled()
    gc.disable()  # nothing that is loaded is garbage, and to look for it takes an eighth of the time
    try:
        # the libraries say what they cannot import, and which variables they do not understand, or no longer
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None), warnings.catch_warnings():
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
            import datasets  # noqa: F401
    except ValueError as error:
        named = [name for name, value in os.environ.items() if name.startswith("HF_") and repr(value) in str(error)]
        raise UsageError(f"{' or '.join(named) or 'a variable HF_...'} cannot be used ({error}): unset it") from None
    finally:
        if collects:
            gc.enable()
except UsageError as error:
    if not _is_command():
        raise
    print(f"publish-dataset: {error}", file=sys.stderr)
    sys.exit(error.exit_code)

import publisher.builders  # noqa: F401  # for workers: they find a script again with what this installs
from publisher.card import Card
from publisher.cli import main
from publisher.errors import DifferenceError, HubError, PublishingError, WorkerError
from publisher.publish.outcome import Outcome
from publisher.scale.job import publish

if TYPE_CHECKING:
    from publisher.check.examine import validate

__all__ = [
    "Card",
    "DifferenceError",
    "HubError",
    "Outcome",
    "PublishingError",
    "UsageError",
    "WorkerError",
    "main",
    "publish",
    "validate",
]


def __getattr__(name: str) -> Any:
    """`validate` is loaded when it is asked for: it takes a Markdown parser, and a publish needs none."""
    if name == "validate":
        from publisher.check.examine import validate

        return validate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
