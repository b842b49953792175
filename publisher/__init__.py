"""Publish a `datasets` builder to the Hugging Face Hub: all configs and their card, in one commit that is checked.

>>> from publisher import Card, main, publish, validate
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from publisher.hub.endpoint import endpoint

endpoint()  # first: the libraries do not bear to be imported with one that is none

from publisher.card import Card
from publisher.command import main
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError, WorkerError
from publisher.publishing.reconcile import Outcome
from publisher.scale.job import publish

if TYPE_CHECKING:
    from publisher.validation.examine import validate

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
        from publisher.validation.examine import validate

        return validate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
