"""How what a card says would change, line by line, for somebody who has to decide."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import yaml

from publisher.card.record import BY_CONFIG, CARD, PublishedCard

LINES = 2000  # of a card, that are compared
LETTERS = 200  # of a line
SHOWN = 100  # lines


def card_difference(there: PublishedCard, here: PublishedCard, template: str) -> Sequence[str]:
    """Lines of a unified diff of text and fields, but for those that are worked out from the configs.

    Examples
    --------
    >>> there, here = PublishedCard({"license": "mit"}, "# A"), PublishedCard({"license": "mit"}, "# B")
    >>> print(*card_difference(there, here, "card.md.jinja"), sep=" / ")
    --- README.md on the Hub / +++ README.md from card.md.jinja / @@ -1,3 +1,3 @@ /  license: mit /  --- / -# A / +# B
    """
    before, after = _lines(there), _lines(here)
    lines = [*difflib.unified_diff(before, after, f"{CARD} on the Hub", f"{CARD} from {template}", lineterm="", n=2)]
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"... and {len(lines) - SHOWN} more lines"]


def _lines(card: PublishedCard) -> list[str]:
    fields = {name: value for name, value in card.metadata.items() if name not in BY_CONFIG}
    text = f"{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True) if fields else ''}---\n{card.prose}"
    lines = text.splitlines()[:LINES]
    return [line if len(line) <= LETTERS else f"{line[:LETTERS]} ..." for line in lines]
