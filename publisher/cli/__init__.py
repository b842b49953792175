"""The commands: arguments in, sentences and an exit code out. Nothing here imports a library."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import publisher
from publisher.cli.signals import ended_by_signals

if TYPE_CHECKING:
    from publisher.cli.publish import main

__all__ = ["main", "start"]

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h


def start(command: Callable[[], int], prog: str) -> int:
    """Run a command that has not imported its libraries yet, and return its exit code.

    Signals are heard, and what the libraries print is turned off, before they are imported.
    """
    with ended_by_signals(prog):
        os.environ |= dict.fromkeys(("DATASETS_VERBOSITY", "HF_HUB_VERBOSITY"), "critical")
        os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
        try:
            publisher.import_libraries()
            return command()
        except Exception as error:
            code: int = getattr(error, "exit_code", INTERNAL_ERROR)
            words = () if code != INTERNAL_ERROR else ("cannot start:", type(error).__name__)
            print(f"{prog}:", *words, *str(error).split(), file=sys.stderr)
            return code


def __getattr__(name: str) -> Any:
    if name == "main":
        from publisher.cli.publish import main

        return main
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
