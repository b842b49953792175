"""Answers of wrong types, at any place of any answer: a sentence, and the repository is old or new."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from loopback import WRITE_TOKEN, Fault, Hub
from publisher import main
from publisher.hub import patience, transport
from publisher.prepare import parquet
from publisher.publish import commit as apply
from tests.pictures import Changed, Pictures, pictures_card
from tests.shards import SHARDS_CARD, Shards
from tests.test_faults import R, State, a_hub, state
from tests.test_scale import COMMIT_FILES, FILE_BYTES

pytest.importorskip("hf_xet", reason="the answers are those to a client with Xet")

TRIALS = 10
SEED = os.environ.get("GARBLED_SEED", "1")  # another tries others
DROPPED = object()
TEXTS = ("x", "x" * 200_000, "\x1b[31m", "../../x")
VALUES: tuple[Any, ...] = (None, [], {}, 5, -1, 10**30, 1.5, True, [None], [[]], {"a": None}, *TEXTS)
COMMANDS: dict[str, list[str]] = {
    "publish": [],
    "branch and tag": ["--revision", "next", "--tag", "v1"],
    "pull request": ["--create-pr"],
    "dry run": ["--dry-run"],
    "verify": ["--verify"],
    "parts": ["--config", "default", "--set", "shards=8"],
}
Place = tuple[Any, ...]


def places(value: Any, depth: int = 4, place: Place = ()) -> Iterator[Place]:
    """Where something can be put instead; of lists the first two items."""
    yield place
    if depth and isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value[:2])
        for key, inner in items:
            yield from places(inner, depth - 1, (*place, key))


def put(value: Any, place: Place, instead: Any) -> Any:
    """A value with something else in one place, or without it."""
    if not place:
        return instead
    first, *rest = place
    if isinstance(value, dict) and instead is DROPPED and not rest:
        return {key: inner for key, inner in value.items() if key != first}
    copy = value.copy()
    copy[first] = put(value[first], tuple(rest), None if instead is DROPPED else instead)
    return copy


def garbling(place: Place, instead: Any) -> Callable[[bytes], bytes]:
    """The answer with something else in one place; as it is if it has no such place this time."""

    def change(body: bytes) -> bytes:
        try:
            return json.dumps(put(json.loads(body), place, instead)).encode()
        except (ValueError, LookupError, TypeError, AttributeError):
            return body

    return change


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    for name, seconds in {"TRYING": 0.3, "OUTAGE": 8.0, "ATTEMPT": 8.0, "LAST_LOOK": 8.0, "COMMITTING": 8.0}.items():
        monkeypatch.setattr(patience, name, seconds)
    for name in ("CONNECT", "READ", "COMMIT"):
        monkeypatch.setattr(transport, name, 6.0)


@pytest.mark.slow
@pytest.mark.usefixtures("_soon")
@pytest.mark.parametrize("kind", COMMANDS)
def test_garbled(
    kind: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Random ones, the same for the same seed."""
    card, old = pictures_card(tmp_path), State()
    if kind == "parts":
        monkeypatch.setattr(parquet, "FILE_BYTES", FILE_BYTES)
        monkeypatch.setattr(apply, "COMMIT_FILES", COMMIT_FILES)
    else:
        with a_hub({}) as hub:
            assert main(Pictures, card, R, []) == 0
            old = state(hub)

    def command(turn: int) -> int:
        if kind == "parts":
            return main(Shards, SHARDS_CARD, R, [R, *COMMANDS[kind], "--work-dir", str(tmp_path / str(turn))])
        return main(Pictures if kind == "verify" else Changed, card, R, COMMANDS[kind])

    answers: dict[int, Any] = {}

    def keep(number: int) -> Callable[[bytes], bytes]:
        def see(body: bytes) -> bytes:
            try:
                answers[number] = json.loads(body)
            except ValueError:  # a file
                return body
            return body

        return see

    def is_known(hub: Hub) -> bool:
        return state(hub) in (old, new)

    with a_hub(old) as hub:
        for number in range(1, 100):
            hub.fail(request=number, fault=Fault.garble(keep(number)))
        assert command(0) == 0
        new = state(hub)
    chance = random.Random(f"{SEED} {kind} {way}")
    for turn in range(1, TRIALS + 1):
        number = chance.choice(sorted(answers))
        place = chance.choice(list(places(answers[number])))
        instead = chance.choice([*VALUES, DROPPED] if place else VALUES)
        capsys.readouterr()
        with a_hub(old) as hub:
            hub.fail(request=number, fault=Fault.garble(garbling(place, instead)))
            code = command(turn)
            said = capsys.readouterr()
            what = f"seed {SEED}, turn {turn}: {hub.requests[number - 1]}, {place}: {instead!r:.50}: {code}, {said.err}"
            assert code in (0, 1, 3), what
            assert said.err.count("\n") == (code == 3), what
            assert "\x1b" not in said.out + said.err, what
            assert WRITE_TOKEN not in said.out + said.err, what
            assert is_known(hub), what
