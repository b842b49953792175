"""Datasets in shards: prepared by any number of workers, uploaded file by file, and made visible at once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from datasets import load_dataset
from filelock import FileLock
from huggingface_hub import HfApi

from loopback import READ_TOKEN, Fault, Hub
from publisher import plan
from publisher.prepare import parquet
from tests.commands import Run, files_in, run_command
from tests.hubs import files_of, ignore_parents, uploads
from tests.shards import SHARDS_CARD, Shards

R = "tester/shards"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files of a few kilobytes, few of them a commit."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 6000)  # two shards
    monkeypatch.setattr(plan, "COMMIT_FILES", 5)


@pytest.fixture
def command(tmp_path: Path) -> Run:
    """The command for the dataset in shards."""
    return lambda *more: run_command([R, "--work-dir", tmp_path / "work", *more], (Shards, SHARDS_CARD, R))


@pytest.fixture
def wanted(command: Run, tmp_path: Path) -> dict[str, bytes]:
    """What a repository should contain."""
    assert command("--output-dir", tmp_path / "wanted").exit_code == 0
    return files_in(tmp_path / "wanted")


@pytest.mark.parametrize("workers", [1, 3])
def test_same_bytes_whoever_prepares(
    hub: Hub, command: Run, wanted: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    """In a folder and on the Hub, with any number of workers; nothing is left in the work folder."""
    assert len(wanted) == 2 + 2 * (5 + 1)
    assert command("--workers", workers).exit_code == 0
    assert files_of(hub, R) == wanted
    assert {name: len(split) for name, split in load_dataset(R, "wide").items()} == {"train": 950, "test": 150}
    assert command("--output-dir", tmp_path / "again", "--workers", workers).exit_code == 0
    assert files_in(tmp_path / "again") == wanted
    assert not (tmp_path / "work").exists()


def test_pull_request(hub: Hub, command: Run, wanted: dict[str, bytes]) -> None:
    """More files: several commits to one pull request, which is merged once."""
    hub.create(R)
    seen: list[set[str]] = []
    for nth in (1, 2, 3):
        hub.before("POST", "/commit/", lambda: seen.append(set(files_of(hub, R))), nth=nth)
    assert command().exit_code == 0
    assert seen == [set()] * 3
    assert files_of(hub, R) == wanted
    [pull] = hub.pulls(R)
    assert (pull.status, len(hub.commits(R)), len(hub.commits(R, pull.ref))) == ("merged", 2, 4)


def test_pull_request_to_review(hub: Hub, command: Run, wanted: dict[str, bytes]) -> None:
    """--create-pr leaves it open for others, and the open one serves, but not for a publish to main."""
    hub.create(R)
    for _ in range(2):
        assert command("--create-pr").exit_code == 0
        [pull] = hub.pulls(R)
        assert (pull.status, files_of(hub, R, pull.ref), files_of(hub, R)) == ("open", wanted, {})
    hub.commit(R, {"reviewed.txt": b"by a reviewer"}, revision=pull.ref)
    assert command().exit_code == 0
    assert files_of(hub, R) == wanted
    assert [pull.status for pull in hub.pulls(R)] == ["open", "merged"]


def test_others_commit_in_between(hub: Hub, command: Run, wanted: dict[str, bytes]) -> None:
    """While the pull request is filled: it is closed, and another one starts from there."""
    hub.create(R)
    hub.before("POST", "/commit/refs", lambda: hub.commit(R, {"notes.txt": b"by another"}), nth=1)
    assert command().exit_code == 0
    assert files_of(hub, R) == {**wanted, "notes.txt": b"by another"}
    assert [pull.status for pull in hub.pulls(R)] == ["closed", "merged"]


@pytest.mark.parametrize(
    ("request_", "lost", "options"),
    [
        ("/merge", False, []),
        ("/merge", True, []),
        ("/commit/", True, ["--create-pr"]),
        ("/commit/", True, ["--revision", "next"]),
    ],
)
def test_built_over_another(
    hub: Hub, command: Run, request_: str, lost: bool, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user commits before the pull request is merged, or before the first of several commits: it is said."""
    ignore_parents(monkeypatch)
    hub.create(R)
    more: dict[str, Any] = {"revision": "next" if "next" in options else "main", "message": "Notes"}
    hub.before("POST", request_, lambda: hub.commit(R, {"notes.txt": b"by another"}, **more))
    if lost:
        hub.fail("POST", request_, fault=Fault.DROP_AFTER)
    ended = command(*options)
    theirs = {commit.oid for ref in hub.refs(R) for commit in hub.commits(R, ref) if commit.title == "Notes"}
    assert (ended.exit_code, f"{theirs.pop()} by another: Notes" in ended.stdout) == (1, True)
    assert command(*options).exit_code == 0


def test_pull_request_of_another(hub: Hub, command: Run, wanted: dict[str, bytes]) -> None:
    """Nothing is merged that is not in the plan, whoever put it where this command would look for its own."""
    head = hub.create(R)
    title = f"Publish the dataset, in parts on {head[:8]}"
    hub.propose(R, {"evil.py": b"theirs"}, title)
    hub.propose(R, {"more.py": b"of another run"}, title, author="tester")
    assert command().exit_code == 0
    assert files_of(hub, R) == wanted
    assert [pull.status for pull in hub.pulls(R)] == ["open", "closed", "merged"]


def prepared(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The shards that are prepared from now on, one after the other."""
    shards: list[Any] = []
    draw = Shards._generate_tables

    def counted(self: Shards, parts: list[Any]) -> Iterator[tuple[int, pa.Table]]:
        for part, item in zip(parts, draw(self, parts), strict=False):
            shards.append(part)
            yield item

    monkeypatch.setattr(Shards, "_generate_tables", counted)
    return shards


@pytest.fixture
def stopped(hub: Hub, command: Run) -> None:
    """A run that has uploaded all files, and failed when it committed."""
    hub.create(R)
    hub.fail(path="/commit/", fault=Fault.status(403), times=100)
    assert command().exit_code == 3
    hub.forget()


@pytest.mark.usefixtures("stopped")
def test_resume(hub: Hub, command: Run, wanted: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """Only then are uploaded files taken up; the command says how many, and leaves none when it has succeeded."""
    shards = prepared(monkeypatch)
    ended = command("--resume", "--workers", "2")
    assert (ended.exit_code, files_of(hub, R)) == (0, wanted)
    assert "resumed: 12 of 12 files" in ended.stderr
    assert len(shards) == 2 * 2 * 2 + 1  # those that the plan needs, and one for the features of a config
    assert "resumed: 0 of 12 files" in command("--resume").stderr


@pytest.mark.usefixtures("stopped")
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_nothing_stale(command: Run, resume: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another code between an interrupted run and the next."""
    draw = Shards._generate_tables

    def shifted(self: Shards, parts: list[Any]) -> Iterator[tuple[int, pa.Table]]:
        for key, table in draw(self, parts):
            yield key, table.set_column(0, "key", pc.add(table["key"], 1))

    monkeypatch.setattr(Shards, "_generate_tables", shifted)
    assert command(*resume).exit_code == 0
    keys = load_dataset(R, split="train")["key"]
    assert (len(keys), min(keys)) == (950, 1)
    assert command("--verify").exit_code == 0


@pytest.mark.usefixtures("stopped")
def test_torn_notes(hub: Hub, command: Run, wanted: dict[str, bytes], tmp_path: Path) -> None:
    """What cannot be read is prepared again; what only looks like a note is not run."""
    notes = sorted((tmp_path / "work").rglob("*.json"))
    evil = f"cos\nsystem\n(S'touch {tmp_path / 'evil'}'\ntR.".encode()
    for note, content in zip(notes, (b"", notes[1].read_bytes()[:20], b"[1]", b"[{}]", evil), strict=False):
        note.write_bytes(content)
    ended = command("--resume")
    assert (ended.exit_code, files_of(hub, R)) == (0, wanted)
    assert "resumed: 7 of 12 files" in ended.stderr
    assert not (tmp_path / "evil").exists()


@pytest.mark.usefixtures("git_lfs", "stopped")  # over Xet nothing is sent again: hf_xet remembers what it uploaded
@pytest.mark.parametrize("late", [False, True])
def test_lost_uploads(hub: Hub, command: Run, wanted: dict[str, bytes], late: bool) -> None:
    """What the Hub drops before the commit is prepared and uploaded again, and nothing else is."""
    if late:  # only the last look finds out
        hub.before("POST", "batch", lambda: hub.drop_uploads(R, 3), nth=2)
    else:
        hub.drop_uploads(R, 3)
    assert command("--resume", "--workers", 2).exit_code == 0
    assert (files_of(hub, R), uploads(hub)) == (wanted, 3)


@pytest.mark.usefixtures("stopped")
def test_two_runs_at_once(hub: Hub, command: Run, wanted: dict[str, bytes], tmp_path: Path) -> None:
    """The second run of the same command works in a folder of its own, and leaves that of the first alone."""
    [name] = [path.name for path in (tmp_path / "work").iterdir()]
    before = files_in(tmp_path / "work" / name)
    assert len(before) == 12
    with FileLock(tmp_path / "work" / f"{name}.lock"):
        assert "resumed: 0 of 12 files" in command("--resume").stderr
        assert files_in(tmp_path / "work" / name) == before
        assert [path.name for path in (tmp_path / "work").iterdir() if path.is_dir()] == [name]
    assert files_of(hub, R) == wanted


def test_refused_before_anything_is_prepared(
    hub: Hub, command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be known beforehand costs no upload, and no branch is made."""
    first = hub.create(R)
    HfApi().create_tag(R, tag="v1", revision=first, repo_type="dataset")
    hub.commit(R, {"notes.txt": b"by another"})
    (tmp_path / "file").touch()
    for arguments, words in (
        (["--private"], "already exists and is public"),
        (["--tag", "v1"], "'v1'"),
        (["--work-dir", ""], "--work-dir"),
        (["--work-dir", tmp_path / "file"], "--work-dir"),
        (["--revision", "refs/pr/9"], "refs/pr/9"),
        (["--revision", "next", "--create-pr"], "--create-pr"),
    ):
        assert words in command(*arguments).refusal()
    hub.commit(R, {"README.md": b"by another"})
    assert command("--revision", "next").exit_code == 1
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert run_command(["tester/other"], (Shards, SHARDS_CARD, R)).exit_code == 3
    assert (uploads(hub), "refs/heads/next" in hub.refs(R)) == (0, False)


def test_verify(hub: Hub, command: Run) -> None:
    """Prepares everything again and says what differs."""
    assert command().exit_code == 0
    assert command("--verify", "--workers", "2").exit_code == 0
    data = hub.files(R)
    hub.commit(R, {"data/train-00001-of-00005.parquet": data["data/train-00000-of-00005.parquet"]})
    ended = command("--verify", "--traceback")
    assert (ended.exit_code, "data/train-00001-of-00005.parquet differs" in ended.stdout) == (1, True)
    assert "no traceback" in ended.stderr


def test_dry_run(hub: Hub, command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Says which files there will be, from the first and the last shard of each split, and keeps nothing."""
    shards = prepared(monkeypatch)
    ended = command("--dry-run", "--json")
    assert (len(shards), (tmp_path / "work").exists()) == (2 * 2 * 2 + 1, False)
    planned = {change["path"]: change["action"] for change in json.loads(ended.stdout)["changes"]}
    assert command().exit_code == 0
    assert set(planned) == set(files_of(hub, R))
    assert set(planned.values()) == {"add"}
    again = json.loads(command("--dry-run", "--json", "--workers", "2").stdout)["changes"]
    assert {change["action"] for change in again} == {"compare"}
    printed = command("--dry-run", "--config", "wide", "--set", "shards=40").stdout
    assert re.search(r"add +wide/train-\*-of-000(\d\d).parquet, \1 files", printed)
    assert re.search(r"remove +wide/train-00000-of-00005.parquet", printed)
