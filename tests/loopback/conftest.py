"""Every test of the Hub on loopback begins with the same repository."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loopback import Hub
from tests.hubs import empty_hub
from tests.loopback.clients import TOKENS, R


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with one public repository that has nothing but its first commit."""
    with empty_hub(tokens=TOKENS) as hub:
        hub.create(R)
        yield hub
