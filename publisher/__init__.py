"""Publish a `datasets` builder to the Hugging Face Hub: all configs and their card, in one commit that is checked.

>>> from publisher import Card, main, publish, validate

If an environment variable has a value on which the libraries crash, importing this ends the process with one line and
exit code 2.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher.errors import UsageError
from publisher.text import endpoint, mask

try:
    endpoint()  # first: the libraries crash on one that is not valid
    logging.disable()  # the libraries tell which variables they do not understand, and which packages they miss
    with warnings.catch_warnings():
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        import datasets  # noqa: F401
except (UsageError, ValueError) as error:
    named = [name for name, value in os.environ.items() if name.startswith("HF_") and repr(value) in str(error)]
    hint = "" if isinstance(error, UsageError) else f". Unset {' or '.join(named) or 'that variable HF_...'}"
    print(f"{Path(sys.argv[0]).name}: {mask(str(error))}{hint}", file=sys.stderr)
    sys.exit(UsageError.exit_code)
finally:
    logging.disable(logging.NOTSET)

import publisher.builders  # noqa: F401  # for workers: they find a script again with what this installs
from publisher.card import Card
from publisher.cli import main
from publisher.errors import DifferenceError, HubError, PublishingError, WorkerError
from publisher.publish import Outcome
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
    """Load `validate` when it is asked for: it takes a Markdown parser, and a publish needs none."""
    if name == "validate":
        from publisher.check.examine import validate

        return validate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
