"""Publish a `datasets` builder to the Hugging Face Hub: all configs and their card, in one commit that is checked.

>>> from publisher import Card, main, publish, validate
"""

from publisher.card import Card
from publisher.command import main
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError, WorkerError
from publisher.publishing.reconcile import Outcome
from publisher.scale.job import publish
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
