"""Datasets in shards: drawn by any number of workers, uploaded file by file, and made visible at once."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from card import CARD
from generator import Parameters
from generator.sharded import make_shard
from loopback import READ_TOKEN, Fault, Hub
from mnist1d import Mnist1D
from publisher import main
from publisher.prepare import parquet
from publisher.publish import commit as apply
from publisher.scale import job
from tests.hubs import ignore_parents
from tests.shards import SHARDS_CARD, Shards

ROOT = Path(__file__).parent.parent
R = "tester/shards"
FILE_BYTES = 6000  # two shards
COMMIT_FILES = 5
Command = Callable[..., int]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Many files of a few kilobytes, few of them a commit, and nothing remembered from other tests."""
    monkeypatch.setattr(parquet, "FILE_BYTES", FILE_BYTES)
    monkeypatch.setattr(apply, "COMMIT_FILES", COMMIT_FILES)
    monkeypatch.setattr(job, "default_root", lambda: tmp_path / "remembered")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command for the dataset in shards."""

    def run(*arguments: object) -> int:
        try:
            given = [R, "--work-dir", tmp_path / "remembered", *arguments]
            if {"--output-dir", "--preview", "--dry-run", "--verify"} & set(arguments):
                del given[1:3]
            return main(Shards, SHARDS_CARD, R, [str(argument) for argument in given])
        except SystemExit as end:
            return int(end.code or 0)

    return run


def ours(hub: Hub, revision: str = "main") -> dict[str, bytes]:
    """What the repository holds of ours."""
    return {path: data for path, data in hub.files(R, revision).items() if path != ".gitattributes"}


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def uploads(hub: Hub) -> int:
    """How many files were uploaded."""
    return sum(request.method == "PUT" for request in hub.requests)


@pytest.fixture
def wanted(command: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, bytes]:
    """What a repository should contain."""
    assert command("--output-dir", tmp_path / "wanted") == 0
    capsys.readouterr()
    return tree(tmp_path / "wanted")


@pytest.mark.parametrize("workers", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_same_bytes_whoever_draws(
    hub: Hub, command: Command, wanted: dict[str, bytes], tmp_path: Path, workers: int
) -> None:
    """In a folder and on the Hub, with any number of workers."""
    assert len(wanted) == 1 + 2 * (5 + 1)
    assert command("--workers", workers) == 0
    assert ours(hub) == wanted
    assert command("--output-dir", tmp_path / "again", "--workers", workers) == 0
    assert tree(tmp_path / "again") == wanted


def test_what_it_holds(hub: Hub, command: Command, tmp_path: Path) -> None:
    """Every row, in the order of the shards, and the card's numbers."""
    assert command() == 0
    rows = load_dataset(R, "wide", split="train")
    assert rows.num_rows == 950
    builder = Shards(config_name="wide", cache_dir=str(tmp_path))
    parts = builder._split_generators(None)[0].gen_kwargs["parts"]
    expected = [table for _, table in builder._generate_tables(parts)]
    assert rows["value"][:] == [value for table in expected for value in table["value"].to_pylist()]
    assert rows.info.splits["test"].num_examples == 150


def test_one_commit(hub: Hub, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to so many files; nothing can be seen before."""
    monkeypatch.setattr(apply, "COMMIT_FILES", 100)
    seen = []
    hub.before("POST", "/commit/main", lambda: seen.append((set(ours(hub)), uploads(hub))))
    assert command() == 0
    assert seen == [(set(), 12)]
    assert [commit.title for commit in hub.commits(R)][:-1] == ["Publish the dataset"]


def test_pull_request(hub: Hub, command: Command, wanted: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    """More files: several commits to one pull request, which is merged once."""
    hub.create(R)
    seen: list[set[str]] = []
    for nth in (1, 2, 3):
        hub.before("POST", "/commit/", lambda: seen.append(set(ours(hub))), nth=nth)
    assert command() == 0
    assert seen == [set()] * 3
    assert ours(hub) == wanted
    [pull] = hub.pulls(R)
    assert pull.status == "merged"
    assert len(hub.commits(R)) == 2
    assert len(hub.commits(R, pull.ref)) == 4
    assert "published and verified at commit" in capsys.readouterr().out
    hub.forget()
    assert command() == 0
    assert "nothing to do" in capsys.readouterr().out
    assert uploads(hub) == 0


def test_pull_request_to_review(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """--create-pr leaves it open, and the open one serves."""
    hub.create(R)
    for _ in range(2):
        assert command("--create-pr") == 0
        assert ours(hub) == {}
        [pull] = hub.pulls(R)
        assert pull.status == "open"
        assert ours(hub, pull.ref) == wanted


def test_branch(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """To a branch go several commits, the card with the last."""
    hub.create(R)
    assert command("--revision", "next") == 0
    assert ours(hub, "next") == wanted
    assert ours(hub) == {}
    assert hub.pulls(R) == []
    assert "README.md" not in hub.files(R, hub.commits(R, "next")[1].oid)


@pytest.mark.slow
@pytest.mark.parametrize("requests", ["/commit/", "/merge", "discussions", "preupload", "batch", "/lfs/", "/shards"])
@pytest.mark.parametrize(
    "fault",
    [Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.status(500), Fault.status(412)],
    ids=lambda fault: str(fault.code or fault.kind),
)
def test_faults(
    hub: Hub,
    command: Command,
    wanted: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    requests: str,
    fault: Fault,
) -> None:
    """A request of each kind fails: the same command ends as wanted, if not this time, then the next."""
    if requests == "/shards":
        pytest.importorskip("hf_xet")  # the oldest clients have none
    if requests in ("batch", "/lfs/"):  # clients that speak Xet send none of these
        request.getfixturevalue("git_lfs")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    for nth in (1, 2):
        if nth == 2:
            hub.delete(R)
            hub.forget()
            shutil.rmtree(tmp_path / "remembered")
        hub.create(R)
        hub.fail(path=requests, fault=fault, nth=nth)
        assert command() in (0, 3)
        assert any(record.faults for record in hub.requests) or (nth, requests) == (2, "/merge")
        assert set(ours(hub)) in (set(), set(wanted))
        hub.forget()
        assert command() == 0
        assert ours(hub) == wanted
        assert [pull.status for pull in hub.pulls(R)].count("open") == 0


def test_others_commit_in_between(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """While the pull request is filled: it is closed, and another one starts from there."""
    hub.create(R)
    hub.before("POST", "/commit/refs", lambda: hub.commit(R, {"notes.txt": b"by another"}), nth=1)
    assert command() == 0
    assert ours(hub) == {**wanted, "notes.txt": b"by another"}
    assert [pull.status for pull in hub.pulls(R)] == ["closed", "merged"]


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_merged_over_another(
    hub: Hub, command: Command, wanted: dict[str, bytes], lost: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody commits when the pull request is merged: the command says who."""
    hub.create(R)
    hub.before("POST", "/merge", lambda: hub.commit(R, {"notes.txt": b"by another"}, message="Notes"))
    if lost:
        hub.fail("POST", "/merge", fault=Fault.DROP_AFTER)
    capsys.readouterr()
    assert command() == 1
    merged, theirs = hub.commits(R)[:2]
    over = f"commit {merged.oid} was built over what somebody else had committed meanwhile, {theirs.oid} by another"
    assert f"{over}: Notes: look at" in capsys.readouterr().out
    assert command() == 0
    assert ours(hub) == {**wanted, "notes.txt": b"by another"}


@pytest.mark.parametrize("arguments", [("--create-pr",), ("--revision", "next")], ids=["proposed", "to a branch"])
def test_parent_of_an_early_commit_is_ignored(
    hub: Hub,
    command: Command,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first of several commits is built over another, and its answer is lost: the command says so."""
    ignore_parents(monkeypatch)
    hub.create(R)
    revision = arguments[1] if len(arguments) > 1 else "main"
    notes = {"notes.txt": b"by another"}
    hub.before("POST", "/commit/", lambda: hub.commit(R, notes, message="Notes", revision=revision))
    hub.fail("POST", "/commit/", fault=Fault.DROP_AFTER)
    capsys.readouterr()
    assert command(*arguments) == 1
    pulls = hub.pulls(R)
    theirs = hub.commits(R, pulls[0].ref if pulls else revision)[-2]
    assert theirs.title == "Notes"
    assert f"somebody else had committed meanwhile, {theirs.oid} by another: Notes: look" in capsys.readouterr().out


def test_pull_request_of_another(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """Nothing is merged that is not in the plan, whoever put it where this command would look for its own."""
    head = hub.create(R)
    title = f"Publish the dataset, in parts on {head[:8]}"
    hub.propose(R, {"evil.py": b"theirs"}, title)
    hub.propose(R, {"more.py": b"of another run"}, title, author="tester")
    assert command() == 0
    assert ours(hub) == wanted
    assert [pull.status for pull in hub.pulls(R)] == ["open", "closed", "merged"]


def test_interrupted_then_another_size(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """What an interrupted run left in a pull request does not come along."""
    hub.create(R)
    hub.fail(path="/commit/refs", fault=Fault.status(403), times=100)
    assert command("--set", "shards=20") == 3
    hub.forget()
    assert command() == 0
    assert ours(hub) == wanted
    assert [pull.status for pull in hub.pulls(R)] == ["closed", "merged"]


def test_review_is_not_merged(hub: Hub, command: Command, wanted: dict[str, bytes]) -> None:
    """What --create-pr left for review stays so."""
    hub.create(R)
    assert command("--create-pr") == 0
    hub.commit(R, {"reviewed.txt": b"by a reviewer"}, revision=hub.pulls(R)[0].ref)
    assert command() == 0
    assert ours(hub) == wanted
    assert [pull.status for pull in hub.pulls(R)] == ["open", "merged"]


def test_changed_code(hub: Hub, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered counts only as long as the same is drawn."""
    assert command() == 0
    before = ours(hub)
    draw = Shards._generate_tables

    def shifted(self: Shards, parts: list[Any]) -> Iterator[tuple[int, pa.Table]]:
        for key, table in draw(self, parts):
            yield key, table.set_column(0, "key", pc.add(table["key"], 1))

    monkeypatch.setattr(Shards, "_generate_tables", shifted)
    assert command() == 0
    assert all(ours(hub)[path] != data for path, data in before.items())
    assert command("--verify") == 0


def test_torn_memory(hub: Hub, command: Command, wanted: dict[str, bytes], tmp_path: Path) -> None:
    """What cannot be read is drawn again."""
    assert command() == 0
    for memory in list((tmp_path / "remembered").rglob("*.json"))[:2]:
        memory.write_bytes(memory.read_bytes()[:20])
    next((tmp_path / "remembered").rglob("*.json")).write_bytes(b"")
    assert command() == 0
    assert ours(hub) == wanted


@pytest.mark.parametrize("planted", ["pickle", "number", "list", "another", "digits"])
def test_planted_memory(hub: Hub, command: Command, wanted: dict[str, bytes], tmp_path: Path, planted: str) -> None:
    """Whatever somebody puts into the work folder is neither run nor believed."""
    assert command() == 0
    hub.delete(R)
    memories = sorted((tmp_path / "remembered").rglob("*.json"))
    [content] = json.loads(memories[0].read_bytes())
    evil = f"cos\nsystem\n(S'touch {tmp_path / 'evil'}'\ntR.".encode()
    memories[0].write_bytes(
        {
            "pickle": evil,
            "number": json.dumps([{**content, "rows": "many"}]).encode(),
            "list": b"[1]",
            "another": json.dumps([{**content, "path": "data/../README.md"}]).encode(),
            "digits": json.dumps([{**content, "sha256": "0"}]).encode(),
        }[planted]
    )
    memories[1].with_suffix(".pickle").write_bytes(evil)
    assert command() == 0
    assert ours(hub) == wanted
    assert not (tmp_path / "evil").exists()


@pytest.mark.usefixtures("git_lfs")  # over Xet nothing is sent again: hf_xet remembers what it uploaded
@pytest.mark.parametrize("finished", [False, True])
def test_lost_uploads(hub: Hub, command: Command, wanted: dict[str, bytes], finished: bool) -> None:
    """What the Hub drops before the commit is drawn and uploaded again, and nothing else is."""
    hub.create(R)
    hub.fail(path="/commit/", fault=Fault.status(403), times=100)
    assert command() == 3
    assert uploads(hub) == 12
    hub.forget()
    if finished:  # only the last look finds out
        hub.before("POST", "batch", lambda: hub.drop_uploads(R, 3), nth=2)
    else:
        hub.drop_uploads(R, 3)
    assert command("--workers", 2) == 0
    assert ours(hub) == wanted
    assert uploads(hub) == 3


def test_refused_before_anything_is_drawn(
    hub: Hub, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be known beforehand costs no upload."""
    first = hub.create(R)
    assert command("--private") == 2
    HfApi().create_tag(R, tag="v1", revision=first, repo_type="dataset")
    hub.commit(R, {"notes.txt": b"by another"})
    assert command("--tag", "v1") == 2
    assert command("--work-dir", "") == 2
    (tmp_path / "file").touch()
    assert command("--work-dir", str(tmp_path / "file")) == 2
    assert command("--revision", "refs/pr/9") == 2
    assert command("--revision", "next", "--create-pr") == 2
    hub.commit(R, {"README.md": b"by another"})
    assert command() == 1
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert main(Shards, SHARDS_CARD, R, ["tester/other"]) == 3
    assert uploads(hub) == 0


def test_verify(hub: Hub, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    """Draws everything again and says what differs."""
    assert command() == 0
    assert command("--verify", "--workers", "2") == 0
    data = hub.files(R)
    hub.commit(R, {"data/train-00001-of-00005.parquet": data["data/train-00000-of-00005.parquet"]})
    capsys.readouterr()
    assert command("--verify") == 1
    assert "data/train-00001-of-00005.parquet differs" in capsys.readouterr().out


def test_dry_run(
    hub: Hub, command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Says how many files there will be, and which are there, from the first and the last shard of each split."""
    drawn = []
    draw = Shards._generate_tables

    def counted(self: Shards, parts: list[Any]) -> Iterator[tuple[int, pa.Table]]:
        drawn.extend(parts)
        yield from draw(self, parts)

    monkeypatch.setattr(Shards, "_generate_tables", counted)
    assert command("--dry-run", "--json") == 0
    assert len(drawn) == 2 * 2 * 2
    planned = {change["path"]: change["action"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert command() == 0
    assert set(planned) == set(ours(hub))
    assert set(planned.values()) == {"add"}
    capsys.readouterr()
    assert command("--dry-run", "--json", "--workers", "2") == 0
    again = {change["path"]: change["action"] for change in json.loads(capsys.readouterr().out)["changes"]}
    assert again == dict.fromkeys(planned, "compare")
    capsys.readouterr()
    assert command("--dry-run", "--config", "wide", "--set", "shards=40") == 0
    printed = capsys.readouterr().out
    assert re.search(r"add +wide/train-\*-of-000(\d\d).parquet, \1 files", printed)
    assert re.search(r"remove +wide/train-00000-of-00005.parquet", printed)


def test_another_size_replaces(hub: Hub, command: Command) -> None:
    """The files of the earlier size go with the same commit."""
    assert command("--set", "shards=20") == 0
    assert command() == 1
    assert command("--replace-dataset") == 0
    assert not [path for path in ours(hub) if "of-00010" in path]
    assert load_dataset(R, split="train").num_rows == 950


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "0"], "--workers: '0'"),
        (["--set", "shards"], "NAME=VALUE"),
        (["--set", "colour=red"], "colour"),
        (["--set", "cache_dir=/"], "--set cache_dir"),
        (["--set", "shards=3", "--set", "shards=4"], "twice"),
        (["--executor-option", "time=1"], "--executor-option"),
        (["--executor", "abacus"], "abacus"),
        (["--executor", "ray", "--set", "shards=1"], "--executor"),
    ],
)
def test_wrong_arguments(
    command: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """One sentence, exit code 2, nothing sent."""
    assert command(*arguments) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert words in printed.err


def test_mnist1d(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sharded stream, from the Hub, is what `make_shard` draws; --stream is an option of this dataset."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 30_000_000)
    monkeypatch.setattr(apply, "COMMIT_FILES", 100)
    arguments = ["tester/mnist1d-s", "--config", "default", "--stream", "sharded", "--set", "num_samples=250_000"]
    assert main(Mnist1D, CARD, R, [*arguments, "--workers", "2", "--work-dir", str(tmp_path)]) == 0
    train = load_dataset("tester/mnist1d-s", split="train").with_format("numpy", dtype=None)[:]
    shards = [make_shard(Parameters(num_samples=250_000), "train", index) for index in range(2)]
    np.testing.assert_array_equal(train["x"], np.concatenate([x for x, _ in shards]))
    np.testing.assert_array_equal(train["y"], np.concatenate([y for _, y in shards]))


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> None:
    """However large a file is."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 10**9)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 4000)
    assert command("--output-dir", tmp_path / "one") == 0
    metadata = pq.ParquetFile(tmp_path / "one" / "data" / "train-00000-of-00001.parquet").metadata
    assert metadata.num_rows == 950
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [200] * 4 + [150]
