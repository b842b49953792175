"""Fixtures of the publisher's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from loopback import WRITE_TOKEN, Hub
from publisher import Card, main
from tests.hubs import empty_hub, files_of
from tests.pictures import Pictures, pictures_card

R = "tester/pictures"


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card with one line."""
    template = tmp_path / "card.md.jinja"
    template.write_text("\ufeff# {{ repo_id }}\n", encoding="utf-8")
    return Card(template, {"license": "mit"})


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., int]:
    """The command for the second dataset."""
    card = pictures_card(tmp_path)

    def run(*arguments: str, builder: type[Pictures] = Pictures, repo_id: str = R) -> int:
        return main(builder, card, "tester/default", [repo_id, *arguments])

    return run


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a first publish of the second dataset."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_TOKEN", WRITE_TOKEN)
        with empty_hub() as hub:
            assert main(Pictures, pictures_card(tmp_path_factory.mktemp("card")), R, []) == 0
            return files_of(hub, R)


@pytest.fixture
def published(first: dict[str, bytes], hub: Hub) -> Hub:
    """A Hub that holds them."""
    hub.create(R)
    hub.commit(R, files=first)
    hub.forget()
    return hub
