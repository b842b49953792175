"""Publish a `datasets` builder to the Hugging Face Hub: all configs and their card, in one commit that is checked."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from publisher.errors import DifferenceError, HubError, PublishingError, UsageError, WorkerError, endpoint

if TYPE_CHECKING:
    from publisher.card import Card
    from publisher.check.examine import validate
    from publisher.cli.commands import main
    from publisher.publish import Outcome
    from publisher.scale import publish

__all__ = ["Card", "DifferenceError", "HubError", "Outcome", "PublishingError", "UsageError", "WorkerError", "main",
           "publish", "validate"]  # fmt: skip

_LATER = {  # imported when they are asked for: the command has to hear signals before, and `validate` parses Markdown
    "Card": "publisher.card",
    "Outcome": "publisher.publish",
    "main": "publisher.cli.commands",
    "publish": "publisher.scale",
    "validate": "publisher.check.examine",
}


def import_libraries() -> None:
    """Import `datasets`, which takes most of the time of a start; a UsageError names the variable that it refuses."""
    endpoint()  # first: the libraries crash on one that is not valid
    try:
        # the libraries print which of their modules cannot be imported
        with contextlib.redirect_stdout(None), warnings.catch_warnings():
            if not sys.warnoptions:  # of python -W, or PYTHONWARNINGS
                warnings.simplefilter("ignore")
            import datasets
        if not hasattr(datasets, "__path__"):
            file, todo = datasets.__file__, "rename that file, or work in another folder"
            raise UsageError(f"{file} hides the package `datasets`: {todo}.")
    except ValueError as error:
        named = [name for name, value in os.environ.items() if name.startswith("HF_") and repr(value) in str(error)]
        raise UsageError(f"{' or '.join(named) or 'a variable HF_...'} cannot be used ({error}). Unset it.") from None


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_libraries()
    return getattr(import_module(_LATER[name]), name)


class _Package(ModuleType):
    """The function `publish` hides the package of the same name, which Python sets when it is imported."""

    publish = property(lambda self: __getattr__("publish"), lambda self, package: None)


sys.modules[__name__].__class__ = _Package
