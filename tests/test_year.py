"""A maintainer's year: other datasets, other people, other versions, and what the command says of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loopback import Hub
from publisher import main
from tests.shards import SHARDS_CARD, Shards, ShardsConfig

R = "tester/year"
Run = Callable[..., int]


def shards(rows: int, version: str = "1.0.0") -> type[Shards]:
    """A dataset of one small config."""
    config = ShardsConfig(name="default", shards=1, rows=rows, version=version)
    return type("Shards", (Shards,), {"BUILDER_CONFIGS": [config], "__module__": Shards.__module__})


@pytest.fixture
def run(hub: Hub) -> Run:
    """The command for a small dataset."""

    def command(*arguments: str, builder: type[Any] = shards(50), card: Any = SHARDS_CARD) -> int:  # noqa: B008
        try:
            return main(builder, card, R, list(arguments))
        except SystemExit as end:
            return int(end.code or 0)

    return command


@pytest.mark.parametrize("workers", ["1", "2"])
def test_odd_number_of_samples(workers: str, tmp_path: Path) -> None:
    """One line for each process at most, and no line of code."""
    few = ["--config", "default", "--config", "shuffled", "--set", "num_samples=1001", "--workers", workers]
    ended = subprocess.run(
        [sys.executable, "scripts/push_to_hub.py", "--output-dir", tmp_path / "new", *few],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    said = {line.partition(" gives")[0] for line in ended.stderr.splitlines()}
    assert said == {"warning: num_samples=1001"}


@pytest.mark.parametrize("title", ["Two\nlines", "Two\u2028lines", "\x1b[31mred", "\udcff", " "])
def test_titles(hub: Hub, run: Run, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line of text."""
    assert run("--message", title) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert hub.requests == []


def test_tag_and_branch(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One does not have the name of the other."""
    assert run("--tag", "v1") == 0
    assert run("--revision", "next") == 0
    before = hub.refs(R)
    names = ("main", "next", "HEAD", "refs/heads/next", "0" * 40)
    for arguments in (*(["--tag", name] for name in names), ["--tag", "x", "--revision", "x"], ["--revision", "v1"]):
        capsys.readouterr()
        assert run(*arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert arguments[1] in said
    assert hub.refs(R) == before


def test_proposed(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in a pull request is not published."""
    assert run() == 0
    capsys.readouterr()
    assert run("--create-pr", builder=shards(60, "1.1.0")) == 0
    said = capsys.readouterr().out
    assert "proposed and verified" in said
    assert "published" not in said
