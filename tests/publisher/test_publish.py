"""Publishing to a Hub on loopback through the real clients: changes, unchanged files, and output."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import load_dataset

from card import CARD
from loopback import READ_TOKEN, WRITE_TOKEN, Fault, Hub
from loopback.errors import HubError
from mnist1d import Mnist1D
from publisher import main, validate
from publisher.card.record import read_card
from publisher.hub import http
from publisher.publish import ATTEMPTS
from tests.hubs import ignore_parents
from tests.pictures import Changed, Grown, Pictures, Renamed, pictures_card

R = "tester/pictures"
NEW = {
    ".publish.json",
    "README.md",
    "data/validation-00000-of-00001.parquet",
    "large/validation-00000-of-00001.parquet",
}
Publish = Callable[..., int]


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """The command for the second dataset."""
    card = pictures_card(tmp_path)

    def run(*arguments: str, builder: type[Pictures] = Pictures, repo_id: str = R) -> int:
        try:
            return main(builder, card, "tester/default", [repo_id, *arguments])
        except SystemExit as end:
            return int(end.code or 0)

    return run


def ours(hub: Hub, revision: str = "main", repo_id: str = R) -> dict[str, bytes]:
    """The files of a revision without the one that every repository is made with."""
    return {path: data for path, data in hub.files(repo_id, revision).items() if path != ".gitattributes"}


def test_first_publish(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """One commit with everything, on top of the one that makes the repository."""
    assert publish() == 0
    assert set(ours(hub)) == NEW
    assert len(hub.commits(R)) == 2
    assert hub.commits(R)[0].title == "Publish the dataset"
    printed = capsys.readouterr()
    assert f"published and verified at commit {hub.commits(R)[0].oid}" in printed.out
    assert printed.err == ""
    assert load_dataset(R, "large", split="validation").num_rows == 30


def test_nothing_to_do(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time makes no commit and no upload."""
    assert publish() == 0
    before = hub.commits(R)
    hub.forget()
    assert publish() == 0
    assert hub.commits(R) == before
    assert len(hub.requests) <= 6
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
    assert "nothing to do" in capsys.readouterr().out


def test_change(hub: Hub, publish: Publish) -> None:
    """Only what differs is sent, in one more commit."""
    assert publish() == 0
    small = ours(hub)["data/validation-00000-of-00001.parquet"]
    hub.forget()
    assert publish(builder=Changed) == 0
    assert len(hub.commits(R)) == 3
    assert ours(hub)["data/validation-00000-of-00001.parquet"] == small
    assert len([request for request in hub.requests if request.method == "PUT"]) == 1
    assert load_dataset(R, "large", split="validation", revision=hub.commits(R)[0].oid).num_rows == 31


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
    assert "change  large/validation-00000-of-00001.parquet" in printed
    assert "same    data/validation-00000-of-00001.parquet" in printed
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


def test_files_of_others_stay(hub: Hub, publish: Publish) -> None:
    """Whatever they are called; and the configs still load."""
    assert publish() == 0
    theirs = {
        "notes.txt": b"mine",
        "large/validation-00000-of-00002.parquet": b"mine",
        "data/extra.parquet": b"mine",
        "data/validation-more.parquet": b"mine",
        "assets/picture.png": b"mine",
    }
    hub.commit(R, files=theirs)
    assert publish(builder=Changed) == 0
    assert {path: data for path, data in ours(hub).items() if path in theirs} == theirs
    assert load_dataset(R, "large", split="validation").num_rows == 31
    assert publish("--verify", builder=Changed) == 0


def test_stale_files_go(hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards that an earlier publish wrote and this one does not, unless another user changed them since."""
    monkeypatch.setattr("publisher.prepare.parquet.FILE_BYTES", 2000)
    assert publish() == 0
    shards = sorted(path for path in ours(hub) if path.startswith("large/"))
    assert len(shards) > 2
    hub.commit(R, files={shards[1]: b"mine"})
    monkeypatch.undo()
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    assert publish() == 0
    assert set(ours(hub)) == NEW | {shards[1]}
    assert load_dataset(R, "large", split="validation").num_rows == 30


def test_configs_that_are_gone(hub: Hub, publish: Publish) -> None:
    """A config that the builder no longer has goes from the files and from the card."""
    assert publish() == 0
    assert publish(builder=Renamed) == 0
    assert set(ours(hub)) == NEW - {"large/validation-00000-of-00001.parquet"}
    assert b"large" not in ours(hub)["README.md"]


def test_some_configs(hub: Hub, publish: Publish) -> None:
    """--config leaves the others as they are, in the files and in the card."""
    assert publish("--config", "small") == 0
    assert "large" not in ours(hub)["README.md"].decode()
    assert publish("--config", "large") == 0
    both = ours(hub)
    assert publish() == 0
    assert ours(hub) == both
    assert publish("--config", "small", builder=Changed) == 0
    assert ours(hub) == both
    assert publish("--config", "large", builder=Changed) == 0
    assert ours(hub)["data/validation-00000-of-00001.parquet"] == both["data/validation-00000-of-00001.parquet"]
    card = read_card(ours(hub)["README.md"].decode())
    assert {entry["config_name"] for entry in card.entries("configs")} == {"small", "large"}
    assert "- small: 1 split" in card.prose


def test_branch_tag_message(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """A branch is made if missing; a tag names the commit; both are safe to repeat."""
    assert publish() == 0
    main_before = ours(hub)
    assert publish("--revision", "same") == 0
    assert "created the branch" in capsys.readouterr().out
    for _ in range(2):
        assert publish("--revision", "next", "--tag", "v2", "--message", "Second", builder=Changed) == 0
    assert ours(hub) == main_before
    assert hub.commits(R, "next")[0].title == "Second"
    assert hub.refs(R)["refs/tags/v2"] == hub.refs(R)["refs/heads/next"] == hub.commits(R, "next")[0].oid
    assert len(hub.commits(R, "next")) == 3


def test_tag_that_is_taken(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Another commit has the name: nothing is published."""
    assert publish("--tag", "v1") == 0
    hub.commit(R, files={"notes.txt": b"mine"})
    before = hub.commits(R)
    assert publish("--tag", "v1", builder=Changed) == 2
    assert "'v1'" in capsys.readouterr().err
    assert hub.commits(R) == before


def test_pull_request(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """`main` stays as it is; repeated, the same pull request serves."""
    assert publish() == 0
    before = ours(hub)
    for _ in range(2):
        assert publish("--create-pr", builder=Changed) == 0
        assert "/discussions/1" in capsys.readouterr().out
    [pull] = hub.pulls(R)
    assert ours(hub) == before
    assert len(ours(hub, pull.ref)["large/validation-00000-of-00001.parquet"]) != len(
        before["large/validation-00000-of-00001.parquet"]
    )


@pytest.mark.parametrize("conflict", [False, True])
def test_two_pull_requests(hub: Hub, publish: Publish, conflict: bool) -> None:
    """They have the same message, and each holds the card of its own files, also if another user commits in between."""
    assert publish() == 0
    for builder in (Changed, Grown):
        if conflict:
            hub.forget()
            hub.before("POST", "/commit/", lambda: hub.commit(R, files={"notes.txt": os.urandom(8)}))
        assert publish("--create-pr", builder=builder) == 0
    assert [pull.status for pull in hub.pulls(R)] == ["open", "open"]
    for pull, rows in zip(hub.pulls(R), (31, 32), strict=True):
        assert validate(R, pull.ref) == []
        assert load_dataset(R, "large", split="validation", revision=pull.ref).num_rows == rows


def test_new_plan_is_shown(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Another user commits in between: the same plan goes on, another one is shown and not carried out."""
    assert publish() == 0
    large = "large/validation-00000-of-00001.parquet"
    for files, code in (({"notes.txt": b"mine"}, 0), ({large: b"mine"}, 3)):
        hub.forget()
        hub.before("POST", "/commit/", lambda files=files: hub.commit(R, files=files))  # type: ignore[misc]
        capsys.readouterr()
        assert publish(builder=Changed) == code
        printed = capsys.readouterr()
        assert printed.out.count(f"  change  {large}") == (2 if code else 1)
        assert ("written by another user" in printed.out) == bool(code)
        assert ("another: commit of another" in printed.err) == bool(code)
        assert (ours(hub)[large] == b"mine") == bool(code)
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
    [
        (None, ["No Hugging Face token found", "HF_TOKEN"]),
        ("hf_wrong", ["token is not valid"]),
        (READ_TOKEN, ["status 403", "you must use a write token"]),
    ],
)
def test_rights(
    hub: Hub,
    publish: Publish,
    token: str | None,
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence that says what right is missing; exit code 3; nothing changed."""
    assert publish() == 0
    before = hub.commits(R)
    capsys.readouterr()
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    else:
        monkeypatch.setenv("HF_TOKEN", token)
    assert publish(builder=Changed) == 3
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert all(word in printed.err for word in words)
    assert hub.commits(R) == before


def test_foreign_namespace(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """A repository cannot be made in the name of another user."""
    assert publish(repo_id="somebody/pictures") == 3
    assert "You don't have the rights" in capsys.readouterr().err


def test_conflict_once(hub: Hub, publish: Publish) -> None:
    """Somebody commits in between: both intents survive."""
    assert publish() == 0
    hub.before("POST", "/commit/", lambda: hub.commit(R, files={"notes.txt": b"mine"}))
    assert publish(builder=Changed) == 0
    assert set(ours(hub)) == NEW | {"notes.txt"}
    assert len(hub.commits(R)) == 4


def test_conflict_for_ever(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """After a bounded number of attempts the command says who was faster."""
    assert publish() == 0
    for attempt in range(10):
        hub.before(
            "POST", "/commit/", lambda: hub.commit(R, files={"notes.txt": b"%d" % len(hub.commits(R))}), nth=attempt + 1
        )
    assert publish(builder=Changed) == 3
    error = capsys.readouterr().err
    assert "another: commit of another" in error
    assert error.count("\n") == 1


def test_lost_answer(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """The commit was made, its answer was lost: it is found, verified, and not made again."""
    assert publish() == 0
    hub.fail(method="POST", path="/commit/", fault=Fault.DROP_AFTER)
    assert publish(builder=Changed) == 0
    assert len(hub.commits(R)) == 3
    assert f"published and verified at commit {hub.commits(R)[0].oid}" in capsys.readouterr().out


def test_lost_pull_request(hub: Hub, publish: Publish) -> None:
    """The same for a pull request: there is one, not two."""
    assert publish() == 0
    hub.fail(method="POST", path="/commit/", fault=Fault.DROP_AFTER)
    assert publish("--create-pr", builder=Changed) == 0
    assert len(hub.pulls(R)) == 1


def test_script_is_never_published(hub: Hub) -> None:
    """`load_dataset` of 4.0 and later refuses a repository that holds it."""
    assert main(Mnist1D, CARD, "tester/mnist1d", ["--config", "default"]) == 0
    assert set(ours(hub, repo_id="tester/mnist1d")) == {
        ".publish.json",
        "README.md",
        "data/train-00000-of-00001.parquet",
        "data/test-00000-of-00001.parquet",
        *(f"assets/{path.name}" for path in (CARD.assets.iterdir() if CARD.assets else ())),
    }


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


def test_edited_card_makes_no_branch(hub: Hub, publish: Publish) -> None:
    """A refusal comes before anything is created."""
    assert publish() == 0
    hub.commit(R, files={"README.md": b"# Mine"})
    assert publish("--revision", "next") == 1
    assert "refs/heads/next" not in hub.refs(R)


def test_answer_lost_at_the_last_attempt(hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command looks once more before it gives up."""
    monkeypatch.setattr(http, "RETRY_FOR_S", math.inf)
    monkeypatch.setattr(http, "sleep", lambda seconds: None)
    assert publish() == 0
    hub.fail(method="POST", path="/commit/", fault=Fault.DROP_BEFORE, times=ATTEMPTS - 1)
    hub.fail(method="POST", path="/commit/", fault=Fault.DROP_AFTER, nth=ATTEMPTS)
    assert publish(builder=Changed) == 0
    assert len(hub.commits(R)) == 3


@pytest.mark.parametrize("code", ["RepoNotFound", "RevisionNotFound", "GatedRepo", "EntryNotFound"])
def test_gone_after_the_commit(hub: Hub, publish: Publish, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the Hub says then, the command says that it has published."""
    assert publish() == 0
    hub.before(
        "POST", "/commit/", lambda: hub.fail(path="/revision/", fault=Fault.status(404, error_code=code), times=9)
    )
    capsys.readouterr()
    assert publish(builder=Changed) == 3
    error = capsys.readouterr().err
    assert f"published at commit {hub.commits(R)[0].oid}" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["--create-pr"]], ids=["to main", "proposed"])
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_parent_is_ignored(
    hub: Hub,
    publish: Publish,
    lost: bool,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that does not look at it builds over other users' commits: the command names them."""
    assert publish() == 0
    ignore_parents(monkeypatch)
    hub.forget()
    hub.before("POST", "/commit/", lambda: hub.commit(R, files={"notes.txt": b"mine"}, message="Notes"))
    if lost:
        hub.fail("POST", "/commit/", fault=Fault.DROP_AFTER)
        hub.before("GET", "/revision/main", lambda: hub.commit(R, files={"later": b""}), nth=2)
    capsys.readouterr()
    assert publish(*arguments, builder=Changed) == 1
    pulls = hub.pulls(R)
    *_, own, theirs = hub.commits(R, pulls[0].ref)[:2] if pulls else hub.commits(R)[: 3 if lost else 2]
    found = capsys.readouterr().out
    assert f"commit {own.oid} was built over" in found
    assert f"{theirs.oid} by another: Notes" in found


def test_entry_that_breaks_the_card(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry of another program by which no config opens is named, and nothing is committed."""
    assert publish() == 0
    entry = "configs:\n- config_name: theirs\n  data_files: 5\n"
    card = ours(hub)["README.md"].decode().replace("configs:\n", entry, 1)
    hub.commit(R, files={"README.md": card.encode()})
    before = hub.commits(R)
    capsys.readouterr()
    assert publish(builder=Changed) == 1
    said = capsys.readouterr().err
    assert "load_dataset does not open config small" in said
    assert "theirs" in said
    assert hub.commits(R) == before


def test_private_repository_of_another_user(
    hub: Hub, publish: Publish, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan without a token does not say that a repository is new which it may not see."""
    assert publish("--private") == 0
    monkeypatch.delenv("HF_TOKEN")
    assert publish("--dry-run") == 0
    assert "a new repository, or one that this token cannot see" in capsys.readouterr().out
