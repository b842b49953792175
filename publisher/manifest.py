"""The list at the end of a card of what the publisher wrote: so that it later touches nothing that others wrote."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

CARD = "README.md"
MARK = "<!-- Written by a program, which compares before it writes again. SHA-256: "
PATTERN = re.compile(rf"\n{re.escape(MARK)}(?P<digests>\{{.*\}}) -->\n\Z")


@dataclass(frozen=True)
class Manifest:
    """What an earlier run wrote."""

    digests: Mapping[str, str]  # path -> SHA-256 of the file; for the card, of its text above the list
    card_is_edited: bool  # somebody changed the text since


def sign(text: str, digests: Mapping[str, str]) -> str:
    """Append the list of files, and of the text itself, to a card.

    Examples
    --------
    >>> card = sign("# Title", {"data/train-00000-of-00001.parquet": "0f3c"})
    >>> read_manifest(card).card_is_edited, read_manifest(card.replace("Title", "title")).card_is_edited
    (False, True)
    """
    listed = json.dumps({CARD: _digest(text), **digests})
    return f"{text}\n{MARK}{listed.replace('--', '-' + chr(92) + 'u002d')} -->\n"


def read_manifest(card: str) -> Manifest | None:
    """The list at the end of a card, or None where there is none."""
    if not (match := PATTERN.search(card)):
        return None
    try:
        digests = json.loads(match["digests"])
    except ValueError:
        return None
    return Manifest(digests, card_is_edited=digests.get(CARD) != _digest(card[: match.start()]))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
