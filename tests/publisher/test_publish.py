"""Publishing to a Hub on loopback through the real clients: changes, unchanged files, and output."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset

from loopback import READ_TOKEN, Fault, Hub
from publisher import validate
from publisher.card.record import read_card
from publisher.hub import http
from publisher.publish import ATTEMPTS
from tests.commands import Run
from tests.hubs import files_of, ignore_parents, uploads
from tests.pictures import Changed, Grown, Pictures, Renamed

R = "tester/pictures"
SMALL, LARGE = "data/validation-00000-of-00001.parquet", "large/validation-00000-of-00001.parquet"
NEW = {".publish.json", "README.md", SMALL, LARGE}


def test_again(published: Hub, publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No commit and no upload if nothing has changed, which needs no token; else only what differs is sent."""
    before, small = published.commits(R), files_of(published, R)[SMALL]
    assert "nothing to do" in publish().stdout
    assert len(published.requests) <= 6
    with monkeypatch.context() as patched:
        patched.delenv("HF_TOKEN")
        planned = publish("--dry-run", builder=Changed).stdout
    assert f"change  {LARGE}" in planned
    assert f"same    {SMALL}" in planned
    assert {request.method for request in published.requests} <= {"GET", "HEAD"}
    assert published.commits(R) == before
    assert publish(builder=Changed).exit_code == 0
    assert (len(published.commits(R)), uploads(published), files_of(published, R)[SMALL]) == (3, 1, small)
    assert load_dataset(R, "large", split="validation", revision=published.commits(R)[0].oid).num_rows == 31


def test_files_of_others_stay(published: Hub, publish: Run) -> None:
    """Whatever they are called; and the configs still load."""
    theirs = {
        "notes.txt": b"mine",
        "large/validation-00000-of-00002.parquet": b"mine",
        "data/extra.parquet": b"mine",
        "data/validation-more.parquet": b"mine",
        "assets/picture.png": b"mine",
        "data/notes.csv": b"x,y",
        "dataset_infos.json": b"{}",
    }
    published.commit(R, files=theirs)
    assert publish(builder=Changed).exit_code == 0
    assert {path: data for path, data in files_of(published, R).items() if path in theirs} == theirs
    assert load_dataset(R, "large", split="validation").num_rows == 31
    assert publish("--verify", builder=Changed).exit_code == 0


def test_stale_files_go(hub: Hub, publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards and configs that an earlier publish wrote and this one does not, unless another user changed them."""
    with monkeypatch.context() as patched:
        patched.setattr("publisher.prepare.parquet.FILE_BYTES", 2000)
        assert publish().exit_code == 0
    shards = sorted(path for path in files_of(hub, R) if path.startswith("large/"))
    assert len(shards) > 2
    hub.commit(R, files={shards[1]: b"mine"})
    assert publish().exit_code == 0
    assert set(files_of(hub, R)) == NEW | {shards[1]}
    assert load_dataset(R, "large", split="validation").num_rows == 30
    assert publish(builder=Renamed).exit_code == 0
    assert set(files_of(hub, R)) == NEW - {LARGE} | {shards[1]}
    assert b"large" not in files_of(hub, R)["README.md"]


def test_some_configs(hub: Hub, publish: Run) -> None:
    """--config leaves the others as they are, in the files and in the card."""
    assert publish("--config", "small").exit_code == 0
    assert "large" not in files_of(hub, R)["README.md"].decode()
    assert publish("--config", "large").exit_code == 0
    both = files_of(hub, R)
    for arguments, builder in (([], Pictures), (["--config", "small"], Changed)):
        assert publish(*arguments, builder=builder).exit_code == 0
        assert files_of(hub, R) == both
    assert publish("--config", "large", builder=Changed).exit_code == 0
    assert files_of(hub, R)[SMALL] == both[SMALL]
    card = read_card(files_of(hub, R)["README.md"].decode())
    assert {entry["config_name"] for entry in card.entries("configs")} == {"small", "large"}
    assert "- small: 1 split" in card.prose


@pytest.mark.parametrize("conflict", [False, True])
def test_two_pull_requests(published: Hub, publish: Run, conflict: bool) -> None:
    """They have the same message, and each holds the card of its own files, also if another user commits in between."""
    for builder in (Changed, Grown):
        if conflict:
            published.forget()
            published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": os.urandom(8)}))
        assert publish("--create-pr", builder=builder).exit_code == 0
    assert [pull.status for pull in published.pulls(R)] == ["open", "open"]
    for pull, rows in zip(published.pulls(R), (31, 32), strict=True):
        assert validate(R, pull.ref) == []
        assert load_dataset(R, "large", split="validation", revision=pull.ref).num_rows == rows


def test_new_plan_is_shown(published: Hub, publish: Run) -> None:
    """Another user commits in between: the same plan goes on, another one is shown and not carried out."""
    for files, code in (({"notes.txt": b"mine"}, 0), ({LARGE: b"mine"}, 3)):
        published.forget()
        published.before("POST", "/commit/", lambda files=files: published.commit(R, files=files))  # type: ignore[misc]
        ended = publish(builder=Changed)
        assert (ended.exit_code, ended.stdout.count(f"  change  {LARGE}")) == (code, 2 if code else 1)
        assert ("written by another user" in ended.stdout) == bool(code)
        assert ("another: commit of another" in ended.stderr) == bool(code)
        assert (files_of(published, R)[LARGE] == b"mine") == bool(code)
        assert publish().exit_code == 0


def test_rights(published: Hub, publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence that says what right is missing; exit code 3."""
    for token, words in (("hf_wrong", "token is not valid"), (READ_TOKEN, "you must use a write token")):
        monkeypatch.setenv("HF_TOKEN", token)
        assert words in publish(builder=Changed).refusal(3)


def test_conflict_for_ever(published: Hub, publish: Run) -> None:
    """After a bounded number of attempts the command says who was faster."""
    for nth in range(1, 11):
        published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": os.urandom(8)}), nth=nth)
    assert "another: commit of another" in publish(builder=Changed).refusal(3)


def test_lost_answer(published: Hub, publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit was made at the last attempt, its answer was lost: it is found, and not made again."""
    monkeypatch.setattr(http, "RETRY_FOR_S", math.inf)
    monkeypatch.setattr(http, "sleep", lambda seconds: None)
    published.fail("POST", "/commit/", fault=Fault.DROP_BEFORE, times=ATTEMPTS - 1)
    published.fail("POST", "/commit/", fault=Fault.DROP_AFTER, nth=ATTEMPTS)
    said = publish(builder=Changed).stdout
    assert len(published.commits(R)) == 3
    assert f"published and verified at commit {published.commits(R)[0].oid}" in said


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("HF_TOKEN", "hf_SECRET\u201d", 2),
        pytest.param("HF_ENDPOINT", "http://me:hf_SECRET@127.0.0.1:1", 3, marks=pytest.mark.slow),  # tries for a minute
        ("HF_ENDPOINT", "127.0.0.1:1", 2),
        ("HF_ENDPOINT", "http://SECRET:0", 2),
        ("HF_ENDPOINT", "http://a\nSECRET", 2),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "-1", 2),
        ("HF_HUB_DOWNLOAD_TIMEOUT", "soon", 2),
        ("http_proxy", "http://SECRET@127.0.0.1:x", 2),
        ("SSL_CERT_FILE", os.devnull, 2),
    ],
)
def test_strange_surroundings(name: str, value: str, code: int, tmp_path: Path) -> None:
    """One line without the secret; in a process, because the client reads some variables once."""
    script = Path(__file__).parents[2] / "scripts" / "push_to_hub.py"
    command = [sys.executable, str(script), "tester/x", "--config", "default", "--dry-run"]
    environment = {**os.environ, "HF_HOME": str(tmp_path), name: value}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    [_] = [line for line in ended.stderr.splitlines() if "waiting for" not in line]
    assert (ended.returncode, ended.stdout) == (code, "")
    assert "SECRET" not in ended.stderr


@pytest.mark.parametrize("code", ["RepoNotFound", "RevisionNotFound", "GatedRepo", "EntryNotFound"])
def test_gone_after_the_commit(published: Hub, publish: Run, code: str) -> None:
    """Whatever the Hub says then, the command says that it has published."""
    gone = Fault.status(404, error_code=code)
    published.before("POST", "/commit/", lambda: published.fail(path="/revision/", fault=gone, times=9))
    said = publish(builder=Changed).refusal(3)
    assert f"published at commit {published.commits(R)[0].oid}" in said


@pytest.mark.parametrize("arguments", [[], ["--create-pr"]], ids=["to main", "proposed"])
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_parent_is_ignored(
    published: Hub, publish: Run, lost: bool, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not look at it builds over other users' commits: the command names them."""
    ignore_parents(monkeypatch)
    published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": b"mine"}, message="Notes"))
    if lost:
        published.fail("POST", "/commit/", fault=Fault.DROP_AFTER)
        published.before("GET", "/revision/main", lambda: published.commit(R, files={"later": b""}), nth=2)
    ended = publish(*arguments, builder=Changed)
    pulls = published.pulls(R)
    assert len(pulls) == len(arguments)
    *_, own, theirs = published.commits(R, pulls[0].ref)[:2] if pulls else published.commits(R)[: 3 if lost else 2]
    assert ended.exit_code == 1
    assert f"commit {own.oid} was built over" in ended.stdout
    assert f"{theirs.oid} by another: Notes" in ended.stdout


def test_entry_that_breaks_the_card(published: Hub, publish: Run) -> None:
    """An entry of another program by which no config opens is named, and nothing is committed."""
    entry = b"configs:\n- config_name: theirs\n  data_files: 5\n"
    published.commit(R, files={"README.md": files_of(published, R)["README.md"].replace(b"configs:\n", entry, 1)})
    before = published.commits(R)
    said = publish(builder=Changed).refusal(1)
    assert "load_dataset does not open config small" in said
    assert "theirs" in said
    assert published.commits(R) == before
