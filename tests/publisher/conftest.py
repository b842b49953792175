"""Fixtures of the publisher's tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from loopback import WRITE_TOKEN, Hub
from publisher import Card
from tests import builders
from tests.commands import Run, run_command
from tests.hubs import empty_hub, files_of
from tests.pictures import PICTURES_CARD, Pictures

R = "tester/pictures"


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo the changes that a loading script makes in its process."""
    monkeypatch.setenv("PUBLISHER_SCRIPT_FOLDER", "")
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card with one line."""
    template = tmp_path / "card.md.jinja"
    template.write_text("\ufeff# {{ repo_id }}\n", encoding="utf-8")
    return Card(template, {"license": "mit"})


@pytest.fixture
def run(card: Card) -> Run:
    """The command for any builder, with that card."""
    return lambda builder, *arguments: run_command(arguments, (builder, card, builders.R))


@pytest.fixture(scope="session")
def publish() -> Run:
    """The command for the second dataset."""
    return lambda *arguments, builder=Pictures, repo_id=R: run_command(arguments, (builder, PICTURES_CARD, repo_id))


@pytest.fixture(scope="session")
def first(publish: Run) -> dict[str, bytes]:
    """The files of a first publish of the second dataset."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_TOKEN", WRITE_TOKEN)
        with empty_hub() as hub:
            assert publish().exit_code == 0
            return files_of(hub, R)


@pytest.fixture
def published(first: dict[str, bytes], hub: Hub) -> Hub:
    """A Hub that holds them."""
    hub.create(R)
    hub.commit(R, files=first)
    hub.forget()
    return hub
