"""Fixtures of the publisher's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher import Card


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card with one line."""
    template = tmp_path / "card.md.jinja"
    template.write_text("\ufeff# {{ repo_id }}\n", encoding="utf-8")
    return Card(template, {"license": "mit"})
