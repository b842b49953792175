"""Publishing to a Hub on loopback through the real clients: changes, unchanged files, and output."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from loopback import READ_TOKEN, WRITE_TOKEN, Fault, Hub
from loopback.errors import HubError
from publisher import validate
from publisher.card.record import read_card
from publisher.hub import http
from publisher.publish import ATTEMPTS
from tests.hubs import files_of, ignore_parents
from tests.pictures import Changed, Grown, Renamed

R = "tester/pictures"
SMALL, LARGE = "data/validation-00000-of-00001.parquet", "large/validation-00000-of-00001.parquet"
NEW = {".publish.json", "README.md", SMALL, LARGE}
Publish = Callable[..., int]


def test_first_publish(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """One commit with everything, on top of the one that makes the repository."""
    assert publish() == 0
    assert set(files_of(hub, R)) == NEW
    assert len(hub.commits(R)) == 2
    assert hub.commits(R)[0].title == "Publish the dataset"
    printed = capsys.readouterr()
    assert f"published and verified at commit {hub.commits(R)[0].oid}" in printed.out
    assert printed.err == ""
    assert load_dataset(R, "large", split="validation").num_rows == 30


def test_nothing_to_do(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time makes no commit and no upload."""
    before = published.commits(R)
    assert publish() == 0
    assert published.commits(R) == before
    assert len(published.requests) <= 6
    assert {request.method for request in published.requests} <= {"GET", "HEAD"}
    assert "nothing to do" in capsys.readouterr().out


def test_change(published: Hub, publish: Publish) -> None:
    """Only what differs is sent, in one more commit."""
    small = files_of(published, R)[SMALL]
    assert publish(builder=Changed) == 0
    assert len(published.commits(R)) == 3
    assert files_of(published, R)[SMALL] == small
    assert len([request for request in published.requests if request.method == "PUT"]) == 1
    assert load_dataset(R, "large", split="validation", revision=published.commits(R)[0].oid).num_rows == 31


def test_dry_run_needs_no_token(
    hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It shows the plan and changes nothing, whether the repository is there or not."""
    assert publish("--dry-run") == 0
    with pytest.raises(HubError, match="not found"):
        hub.commits(R)
    assert publish() == 0
    monkeypatch.delenv("HF_TOKEN")
    before = hub.commits(R)
    capsys.readouterr()
    assert publish("--dry-run", builder=Changed) == 0
    printed = capsys.readouterr().out
    assert f"change  {LARGE}" in printed
    assert f"same    {SMALL}" in printed
    assert hub.commits(R) == before


def test_json(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on standard output, for a dry run, a publish and a verify."""
    for arguments, result in ((["--dry-run"], "dry run: nothing was changed"), ([], "published and verified")):
        assert publish(*arguments, "--json") == 0
        said = json.loads(capsys.readouterr().out)
        assert said["result"] == result
        assert {change["path"]: change["action"] for change in said["changes"]} == dict.fromkeys(NEW, "add")
    assert said["commit"] == hub.commits(R)[0].oid
    assert publish("--verify", "--json") == 0
    assert json.loads(capsys.readouterr().out)["differences"] == []
    hub.commit(R, files={"README.md": b"# Mine"})
    assert publish("--json") == 1
    assert "--overwrite-card" in json.loads(capsys.readouterr().out)["error"]


def test_files_of_others_stay(published: Hub, publish: Publish) -> None:
    """Whatever they are called; and the configs still load."""
    theirs = {
        "notes.txt": b"mine",
        "large/validation-00000-of-00002.parquet": b"mine",
        "data/extra.parquet": b"mine",
        "data/validation-more.parquet": b"mine",
        "assets/picture.png": b"mine",
    }
    published.commit(R, files=theirs)
    assert publish(builder=Changed) == 0
    assert {path: data for path, data in files_of(published, R).items() if path in theirs} == theirs
    assert load_dataset(R, "large", split="validation").num_rows == 31
    assert publish("--verify", builder=Changed) == 0


def test_stale_files_go(hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards that an earlier publish wrote and this one does not, unless another user changed them since."""
    monkeypatch.setattr("publisher.prepare.parquet.FILE_BYTES", 2000)
    assert publish() == 0
    shards = sorted(path for path in files_of(hub, R) if path.startswith("large/"))
    assert len(shards) > 2
    hub.commit(R, files={shards[1]: b"mine"})
    monkeypatch.undo()
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    assert publish() == 0
    assert set(files_of(hub, R)) == NEW | {shards[1]}
    assert load_dataset(R, "large", split="validation").num_rows == 30


def test_configs_that_are_gone(published: Hub, publish: Publish) -> None:
    """A config that the builder no longer has goes from the files and from the card."""
    assert publish(builder=Renamed) == 0
    assert set(files_of(published, R)) == NEW - {LARGE}
    assert b"large" not in files_of(published, R)["README.md"]


def test_some_configs(hub: Hub, publish: Publish) -> None:
    """--config leaves the others as they are, in the files and in the card."""
    assert publish("--config", "small") == 0
    assert "large" not in files_of(hub, R)["README.md"].decode()
    assert publish("--config", "large") == 0
    both = files_of(hub, R)
    assert publish() == 0
    assert files_of(hub, R) == both
    assert publish("--config", "small", builder=Changed) == 0
    assert files_of(hub, R) == both
    assert publish("--config", "large", builder=Changed) == 0
    assert files_of(hub, R)[SMALL] == both[SMALL]
    card = read_card(files_of(hub, R)["README.md"].decode())
    assert {entry["config_name"] for entry in card.entries("configs")} == {"small", "large"}
    assert "- small: 1 split" in card.prose


def test_branch_tag_message(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """A branch is made if missing; a tag names the commit; both are safe to repeat."""
    main_before = files_of(published, R)
    assert publish("--revision", "same") == 0
    assert "created the branch" in capsys.readouterr().out
    for _ in range(2):
        assert publish("--revision", "next", "--tag", "v2", "--message", "Second", builder=Changed) == 0
    assert files_of(published, R) == main_before
    assert published.commits(R, "next")[0].title == "Second"
    refs = published.refs(R)
    assert refs["refs/tags/v2"] == refs["refs/heads/next"] == published.commits(R, "next")[0].oid
    assert len(published.commits(R, "next")) == 3


def test_tag_that_is_taken(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Another commit has the name: nothing is published."""
    assert publish("--tag", "v1") == 0
    hub.commit(R, files={"notes.txt": b"mine"})
    before = hub.commits(R)
    assert publish("--tag", "v1", builder=Changed) == 2
    assert "'v1'" in capsys.readouterr().err
    assert hub.commits(R) == before


@pytest.mark.parametrize("conflict", [False, True])
def test_two_pull_requests(published: Hub, publish: Publish, conflict: bool) -> None:
    """They have the same message, and each holds the card of its own files, also if another user commits in between."""
    for builder in (Changed, Grown):
        if conflict:
            published.forget()
            published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": os.urandom(8)}))
        assert publish("--create-pr", builder=builder) == 0
    assert [pull.status for pull in published.pulls(R)] == ["open", "open"]
    for pull, rows in zip(published.pulls(R), (31, 32), strict=True):
        assert validate(R, pull.ref) == []
        assert load_dataset(R, "large", split="validation", revision=pull.ref).num_rows == rows


def test_new_plan_is_shown(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Another user commits in between: the same plan goes on, another one is shown and not carried out."""
    for files, code in (({"notes.txt": b"mine"}, 0), ({LARGE: b"mine"}, 3)):
        published.forget()
        published.before("POST", "/commit/", lambda files=files: published.commit(R, files=files))  # type: ignore[misc]
        capsys.readouterr()
        assert publish(builder=Changed) == code
        printed = capsys.readouterr()
        assert printed.out.count(f"  change  {LARGE}") == (2 if code else 1)
        assert ("written by another user" in printed.out) == bool(code)
        assert ("another: commit of another" in printed.err) == bool(code)
        assert (files_of(published, R)[LARGE] == b"mine") == bool(code)
        assert publish() == 0


def test_pull_request_for_nothing(hub: Hub, publish: Publish) -> None:
    """Neither repository nor branch is made for a pull request."""
    assert publish("--create-pr") == 2
    assert publish() == 0
    assert publish("--create-pr", "--revision", "next") == 2
    assert "refs/heads/next" not in hub.refs(R)


def test_private(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """A new repository is private if asked for; a public one is not published to as if it were."""
    assert publish("--private", repo_id="tester/secret") == 0
    assert publish("--private", repo_id="tester/secret") == 0
    assert publish() == 0
    before = hub.commits(R)
    assert publish("--private", builder=Changed) == 2
    assert "public" in capsys.readouterr().err
    assert hub.commits(R) == before


@pytest.mark.parametrize(
    ("token", "words"),
    [("hf_wrong", "token is not valid"), (READ_TOKEN, "403: Forbidden: you must use a write token")],
)
def test_rights(published: Hub, publish: Publish, token: str, words: str, monkeypatch: Any, capsys: Any) -> None:
    """One sentence that says what right is missing; exit code 3; nothing changed."""
    before = published.commits(R)
    monkeypatch.setenv("HF_TOKEN", token)
    assert publish(builder=Changed) == 3
    [sentence] = capsys.readouterr().err.splitlines()
    assert words in sentence
    assert published.commits(R) == before


def test_conflict_for_ever(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """After a bounded number of attempts the command says who was faster."""
    for nth in range(1, 11):
        published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": os.urandom(8)}), nth=nth)
    assert publish(builder=Changed) == 3
    error = capsys.readouterr().err
    assert "another: commit of another" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("failed", [0, ATTEMPTS - 1])
def test_lost_answer(published: Hub, publish: Publish, failed: int, monkeypatch: Any, capsys: Any) -> None:
    """The commit was made, at the first or last attempt, its answer was lost: it is found, and not made again."""
    monkeypatch.setattr(http, "RETRY_FOR_S", math.inf)
    monkeypatch.setattr(http, "sleep", lambda seconds: None)
    published.fail("POST", "/commit/", fault=Fault.DROP_BEFORE, times=failed)
    published.fail("POST", "/commit/", fault=Fault.DROP_AFTER, nth=failed + 1)
    assert publish(builder=Changed) == 0
    assert len(published.commits(R)) == 3
    assert f"published and verified at commit {published.commits(R)[0].oid}" in capsys.readouterr().out


def test_pull_request(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """`main` stays as it is; with a lost answer, and repeated, the same pull request serves."""
    before = files_of(published, R)
    published.fail(method="POST", path="/commit/", fault=Fault.DROP_AFTER)
    for _ in range(2):
        assert publish("--create-pr", builder=Changed) == 0
        assert "/discussions/1" in capsys.readouterr().out
    assert len(published.pulls(R)) == 1
    assert files_of(published, R) == before


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


def test_edited_card_makes_no_branch(published: Hub, publish: Publish) -> None:
    """A refusal comes before anything is created."""
    published.commit(R, files={"README.md": b"# Mine"})
    assert publish("--revision", "next") == 1
    assert "refs/heads/next" not in published.refs(R)


@pytest.mark.parametrize("code", ["RepoNotFound", "RevisionNotFound", "GatedRepo", "EntryNotFound"])
def test_gone_after_the_commit(published: Hub, publish: Publish, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the Hub says then, the command says that it has published."""
    published.before(
        "POST", "/commit/", lambda: published.fail(path="/revision/", fault=Fault.status(404, error_code=code), times=9)
    )
    assert publish(builder=Changed) == 3
    error = capsys.readouterr().err
    assert f"published at commit {published.commits(R)[0].oid}" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--create-pr"]], ids=["to main", "proposed"])
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_parent_is_ignored(
    published: Hub,
    publish: Publish,
    lost: bool,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that does not look at it builds over other users' commits: the command names them."""
    ignore_parents(monkeypatch)
    published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": b"mine"}, message="Notes"))
    if lost:
        published.fail("POST", "/commit/", fault=Fault.DROP_AFTER)
        published.before("GET", "/revision/main", lambda: published.commit(R, files={"later": b""}), nth=2)
    assert publish(*arguments, builder=Changed) == 1
    pulls = published.pulls(R)
    *_, own, theirs = published.commits(R, pulls[0].ref)[:2] if pulls else published.commits(R)[: 3 if lost else 2]
    found = capsys.readouterr().out
    assert f"commit {own.oid} was built over" in found
    assert f"{theirs.oid} by another: Notes" in found


def test_entry_that_breaks_the_card(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry of another program by which no config opens is named, and nothing is committed."""
    entry = "configs:\n- config_name: theirs\n  data_files: 5\n"
    card = files_of(published, R)["README.md"].decode().replace("configs:\n", entry, 1)
    published.commit(R, files={"README.md": card.encode()})
    before = published.commits(R)
    assert publish(builder=Changed) == 1
    said = capsys.readouterr().err
    assert "load_dataset does not open config small" in said
    assert "theirs" in said
    assert published.commits(R) == before
