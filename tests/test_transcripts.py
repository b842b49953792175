"""The command's output, its requests to the Hub, and the files it leaves there or in a folder, as recorded texts.

`python -m tests.record_transcripts` records them again; read the difference before you commit it. The first line of a
text names the versions it was recorded with. With others the requests, which are the clients' own, are not compared.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from card import CARD, REPO_ID
from loopback import READ_TOKEN, Hub
from mnist1d import Mnist1D
from publisher import plan
from publisher.prepare import parquet
from tests.commands import files_in, run_command
from tests.recording import VERSIONS, asked, folded, left, listed, masked, names, told
from tests.shards import SHARDS_CARD, Shards, ShardsConfig

RECORDED = Path(__file__).parent / "transcripts"
RECORD = "RECORD_TRANSCRIPTS"  # a variable: if it is set, texts are written instead of compared


def _small(rows: int, version: str = "0.1.0") -> type[Shards]:
    """Two configs with one shard a split, which has so many rows in the second config."""
    configs = [
        ShardsConfig(name="default", shards=1),
        ShardsConfig(name="wide", rows=rows, shards=1, largest=10_000, version=version),
    ]
    return type("Shards", (Shards,), {"BUILDER_CONFIGS": configs, "__module__": Shards.__module__})


SMALL, CHANGED = _small(rows=50), _small(rows=80, version="0.2.0")


def edit(hub: Hub, repo_id: str) -> None:
    """Another user edits the card."""
    card = hub.files(repo_id)["README.md"]
    hub.commit(repo_id, {"README.md": card.replace(b"# Shards", b"# Our shards")})


def lose_token(hub: Hub, repo_id: str) -> None:
    """There is no token."""
    del os.environ["HF_TOKEN"]  # which the fixture restores


def only_read(hub: Hub, repo_id: str) -> None:
    """The token may not write."""
    os.environ["HF_TOKEN"] = READ_TOKEN


WRONG = (
    *("--colour", "--config wild", "--set colour=red", "--workers 0", "--revision 'a b'", "--message ''"),
    *("--create-pr --tag v1", "--verify --tag v1", "--output-dir folder --private", "--executor slurm"),
)
Step = tuple[type[Shards], str] | Callable[[Hub, str], None]  # a command, or what happens in between
SCENARIOS: dict[str, list[Step]] = {
    "first_publish": [(SMALL, "--dry-run"), (SMALL, ""), (SMALL, "")],
    "one_config_changed": [(SMALL, ""), (CHANGED, "--dry-run"), (CHANGED, "--config wide"), (CHANGED, "")],
    "pull_request": [(SMALL, "--create-pr"), (SMALL, ""), (CHANGED, "--create-pr"), (CHANGED, "--create-pr")],
    "branch_and_tag": [
        (SMALL, "--tag v1"),
        (CHANGED, "--revision next --tag v2 --message Second"),
        (CHANGED, "--revision next --tag v2 --message Second"),
        (SMALL, "--revision same"),
        (CHANGED, "--tag v1"),
    ],
    "verify": [
        (SMALL, "--verify"),
        (SMALL, "--private"),
        (SMALL, "--private"),
        (SMALL, "--verify"),
        (CHANGED, "--verify"),
        (SMALL, "--verify --revision nowhere"),
    ],
    "edited_card": [(SMALL, ""), edit, (SMALL, "--dry-run"), (SMALL, ""), (SMALL, "--overwrite-card")],
    "rights": [lose_token, (SMALL, "--dry-run"), (SMALL, ""), only_read, (SMALL, "")],
    "wrong_arguments": [(SMALL, options) for options in WRONG],
    "in_shards": [
        (Shards, "--dry-run"),
        (Shards, "--work-dir memory"),
        (Shards, "--work-dir memory"),
        (Shards, "--work-dir memory --create-pr --config wide --set shards=4 --replace-dataset"),
        (Shards, "--verify"),
    ],
    "several_commits": [(SMALL, "--dry-run"), (SMALL, ""), (SMALL, ""), (CHANGED, "--revision next")],
}
JSON = ("first_publish", "one_config_changed", "verify", "edited_card")  # also with --json, and its output alone
HUB_CASES = (*SCENARIOS, *(f"{name}_json" for name in JSON))
FOLDERS = {
    "mnist1d": "",
    "mnist1d_variant": "--config default --set num_samples=1000 --set seed=7",
    "mnist1d_sharded_in_files": "--config default --stream sharded --set num_samples=30_000",
}
FILE_BYTES, COMMIT_FILES = (parquet, "FILE_BYTES"), (plan, "COMMIT_FILES")
LIMITS = {  # smaller than those that the publisher has
    "in_shards": {FILE_BYTES: 6000, COMMIT_FILES: 5},
    "mnist1d_sharded_in_files": {FILE_BYTES: 3_000_000},
    "several_commits": {COMMIT_FILES: 2},
}
SLOW = ("edited_card", "in_shards", "several_commits")


def cases(names: Iterable[str]) -> list[object]:
    """Parameters of a test, some of them slow."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in names]


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's name, and an empty current folder."""
    monkeypatch.setattr(sys, "argv", ["push_to_hub.py"])
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def limits(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of a case."""
    for (module, name), value in LIMITS.get(case, {}).items():
        monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("case", cases(HUB_CASES))
def test_hub(case: str, hub: Hub) -> None:
    """Commands one after the other, with a Hub that was empty."""
    as_json, scenario = case.endswith("_json"), case.removesuffix("_json")
    repo_id = f"tester/{case.replace('_', '-')}"  # not shared: the clients download a file once
    said: list[str] = []
    for step in SCENARIOS[scenario]:
        if callable(step):
            step(hub, repo_id)
            said += ["", f"# {step.__doc__}"]
        else:
            builder, options = step
            arguments = [repo_id, *shlex.split(options), *(["--json"] if as_json else [])]
            said += told(arguments, run_command(arguments, (builder, SHARDS_CARD, repo_id)))
            said += [] if as_json else asked(hub)
    commits = names(hub, repo_id)
    said += [] if as_json else ["", *left(hub, repo_id)]
    if case == "first_publish":
        said += ["", "# Its card", *hub.files(repo_id)["README.md"].decode().splitlines()]
    hold(case, masked(said, commits, hub.url))


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("case", cases(FOLDERS))
def test_folder(case: str, tmp_path: Path) -> None:
    """Command with --output-dir for MNIST-1D."""
    arguments = ["--output-dir", "folder", *shlex.split(FOLDERS[case])]
    said = told(arguments, run_command(arguments, (Mnist1D, CARD, REPO_ID)))
    files = files_in(tmp_path / "folder")
    hold(case, masked([*said, "", "# In the folder afterwards", *listed(files)], {}, "http"))


def test_recordings() -> None:
    """Each belongs to a test; and a skip says that the requests are not compared."""
    assert {file.stem for file in RECORDED.iterdir()} == {*HUB_CASES, *FOLDERS}
    recorded = {file.read_text(encoding="utf-8").partition("\n")[0] for file in RECORDED.iterdir()}
    if recorded != {VERSIONS}:
        pytest.skip(f"recorded with {'; '.join(sorted(recorded))}: requests are not compared here")


def hold(case: str, lines: Iterable[str]) -> None:
    """Compare a transcript with the recorded one, or record it."""
    file, text = RECORDED / f"{case}.txt", "".join(f"{line}\n" for line in folded(lines))
    if RECORD in os.environ:
        file.write_text(f"{VERSIONS}\n{text}", encoding="utf-8")
    versions, _, recorded = file.read_text(encoding="utf-8").partition("\n")
    if versions != VERSIONS:
        text, recorded = (re.sub(r"^hub \|.*\n", "", one, flags=re.MULTILINE) for one in (text, recorded))
    assert text.splitlines() == recorded.splitlines()
