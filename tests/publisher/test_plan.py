"""Plans of a maintainer's year: other datasets, other people, other versions, and what becomes of existing files."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loopback import Hub
from publisher import publish
from tests.commands import Ended, Run, run_command
from tests.pictures import PICTURES_CARD, Changed, Pictures, Renamed
from tests.shards import SHARDS_CARD
from tests.shards import small_shards as shards

R = "tester/year"
CARDS = {"Shards": SHARDS_CARD, "Pictures": PICTURES_CARD}


@pytest.fixture
def run(hub: Hub) -> Run:
    """The command for a small dataset."""

    def command(*arguments: str, builder: type[Any] = shards(50), card: Any = None) -> Ended:  # noqa: B008
        return run_command(arguments, (builder, card or CARDS[builder.__name__], R))

    return command


def test_another_dataset_is_refused(hub: Hub, run: Run) -> None:
    """Whichever of the two comes second; both are named, and an option replaces."""
    assert run().exit_code == 0
    before = hub.files(R)
    for arguments in ([R, "--set", "rows=60"], [R, "--set", "rows=60", "--overwrite-card"]):
        ended = run(*arguments)
        assert (ended.exit_code, hub.files(R)) == (1, before)
        assert "rows=50 there, 60 here" in ended.stderr
        assert "--replace-dataset" in ended.stderr
    other = run(builder=Pictures)
    assert (other.exit_code, "'shards' there, 'pictures' here" in other.stderr) == (1, True)
    assert "replaced only with --replace-dataset" in run(R, "--set", "rows=60", "--dry-run").stdout
    assert run(R, "--set", "rows=60", "--replace-dataset").exit_code == 0
    assert "rows=60 there, 50 here" in run().stderr


def test_versions(run: Run) -> None:
    """Declared parameters may change with a higher version only, and going back to an old copy is noted."""
    assert run().exit_code == 0
    assert "only with --replace-dataset, or by a higher version\n" in run("--dry-run", builder=shards(60)).stdout
    assert "it is replaced only with --replace-dataset\n" in run("--dry-run", builder=Pictures).stdout
    assert run(builder=shards(60)).exit_code == run(builder=shards(60, "0.9.0")).exit_code == 1
    ended = run(builder=shards(60, "1.1.0"))
    assert (ended.exit_code, "same version" in ended.stdout) == (0, False)
    assert run(R, "--set", "rows=70", builder=shards(60, "1.2.0")).exit_code == 1
    assert run("--replace-dataset", builder=shards(60, "1.3.0")).exit_code == 0
    went_back = run("--dry-run", builder=shards(60, "1.1.0")).stdout
    assert "config 'default' goes back from version 1.3.0 to 1.1.0" in went_back


def test_rows_change_at_the_same_version(run: Run) -> None:
    """The plan says so, in words and as JSON."""
    assert run(builder=Pictures).exit_code == 0
    assert "rows of config 'large' change at the same version" in run("--dry-run", builder=Changed).stdout
    [note] = json.loads(run("--dry-run", "--json", builder=Changed).stdout)["notes"]
    assert "'large'" in note
    assert "version" not in run("--dry-run", builder=Pictures).stdout


def test_edited_by_hand(hub: Hub, run: Run) -> None:
    """A text and a field are asked about; both are kept for good, rolled back or not, until they are given up."""
    assert run("--tag", "v1").exit_code == 0
    card = hub.files(R)["README.md"].decode()
    edited = card.replace("license: mit", "license: bsd").replace("# Shards\n", "# Shards\n\nMore\n")
    hub.commit(R, {"README.md": edited.encode()})
    asked = run()
    assert (asked.exit_code, "    -More" in asked.stdout) == (1, True)
    for arguments in (["--keep-card"], [], ["--rollback", "v1"], []):
        assert run(*arguments, builder=shards(60, "1.1.0")).exit_code == 0
        card = hub.files(R)["README.md"].decode()
        assert "\nMore\n" in card
        assert "license: bsd\n" in card
    assert run("--verify", builder=shards(60, "1.1.0")).exit_code == 0
    replaced = run("--overwrite-card", builder=shards(60, "1.1.0"))
    assert {"    -More", "    -license: bsd"} <= {*replaced.stdout.splitlines()}
    assert "More" not in hub.files(R)["README.md"].decode()


def test_fields_and_configs_of_others(hub: Hub, run: Run) -> None:
    """Whatever people add to the YAML is not an edit of the text, and stays, also when the dataset is rolled back."""
    assert run("--tag", "v1").exit_code == 0
    theirs = b"language:\n- de\n", b"train-eval-index:\n- task: numbers\n", b"to_yaml: a field\n"
    card = hub.files(R)["README.md"].replace(b"---\n", b"---\n" + b"".join(theirs), 1)
    card = card.replace(b"  default: true\n", b"  default: true\n- config_name: theirs\n  data_files: a.csv\n")
    hub.commit(R, {"README.md": card, "a.csv": b"x,y\n1,2\n"})
    commits = hub.commits(R)
    assert run().exit_code == 0
    assert hub.commits(R) == commits
    for arguments in ([], ["--config", "default"], ["--rollback", "v1"], []):
        assert run(*arguments, builder=shards(60, "1.1.0")).exit_code == 0
        card = hub.files(R)["README.md"]
        assert all(text in card for text in (*theirs, b"config_name: theirs"))
    assert run("--verify", builder=shards(60, "1.1.0")).exit_code == 0


def test_the_record_survives_a_new_card(hub: Hub, run: Run) -> None:
    """The publisher's files are still known as its own after other people replaced the card as a whole."""
    assert run().exit_code == 0
    prose = b"# Written by hand\n"
    hub.commit(R, {"README.md": b"---\nlicense: bsd\ntags:\n- numbers\n---\n" + prose})
    ended = run("--keep-card", builder=shards(60, "1.1.0"))
    assert (ended.exit_code, "another user" in ended.stdout) == (0, False)
    assert prose in hub.files(R)["README.md"]
    hub.commit(R, {}, delete=["README.md"])
    assert run("--overwrite-card", builder=shards(60, "1.1.0")).exit_code == 0
    assert b"# Shards" in hub.files(R)["README.md"]


def test_foreign_script(hub: Hub, run: Run) -> None:
    """It keeps `load_dataset` from opening the repository, so nothing is published; another script does no harm."""
    hub.create(R)
    hub.commit(R, {"other.py": b""})
    assert run("--dry-run").exit_code == 0
    hub.commit(R, {"year.py": b""})
    commits = hub.commits(R)
    for arguments in ([], ["--dry-run"], ["--create-pr"]):
        assert "holds year.py, its loading script" in run(*arguments).refusal(1)
    assert (hub.commits(R), hub.pulls(R)) == (commits, [])


@pytest.mark.parametrize("request_", ["/preupload/", "/commit/"])
def test_the_same_published_meanwhile(request_: str, hub: Hub, run: Run) -> None:
    """The one who comes second says so, and makes no commit."""
    assert run().exit_code == 0
    newest = shards(60, "1.1.0")
    hub.before("POST", request_, lambda: publish(newest, SHARDS_CARD, R, message="Mine"))
    ended = run(builder=newest)
    assert (ended.exit_code, hub.commits(R)[0].title) == (0, "Mine")
    assert "the same was published meanwhile, tester: Mine" in ended.stdout


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize(("theirs", "again"), [("1.1.0", 0), ("1.3.0", 1)])
def test_another_version_published_meanwhile(hub: Hub, run: Run, exists: bool, theirs: str, again: int) -> None:
    """It stays, and the second is told whose it is; run again, it sees the new state, which may be newer."""
    if exists:
        assert run().exit_code == 0
    request = "/commit/" if exists else "/repos/create"
    hub.before("POST", request, lambda: publish(shards(60, theirs), SHARDS_CARD, R, message="Mine"))
    assert "tester: Mine" in run(builder=shards(70, "1.2.0")).refusal(3)
    assert hub.commits(R)[0].title == "Mine"
    assert run(builder=shards(70, "1.2.0")).exit_code == again


def test_roll_back(hub: Hub, run: Run, tmp_path: Path) -> None:
    """The command's own files are as at the tag, in one verified commit; added files stay."""
    assert run("--tag", "v1", builder=Pictures).exit_code == 0
    first = hub.files(R)
    (tmp_path / "other.md.jinja").write_text("# More pictures", encoding="utf-8")
    later = partial(run, builder=Renamed, card=replace(PICTURES_CARD, template=tmp_path / "other.md.jinja"))
    assert later("--tag", "v2").exit_code == 0
    hub.commit(R, {"notes.txt": b"theirs"})
    second, commits = hub.files(R), len(hub.commits(R))
    assert later("--rollback", "v1", "--dry-run").exit_code == 0
    assert hub.files(R) == second
    assert "rolled back and verified" in later("--rollback", "v1", "--tag", "v3").stdout
    assert hub.files(R) == {**first, "notes.txt": b"theirs"}
    assert (len(hub.commits(R)), hub.commits(R)[0].title) == (commits + 1, "Back to v1")
    assert run("--verify", builder=Pictures).exit_code == 0
    assert "nothing to do" in later("--rollback", "v1").stdout
    edited = hub.commit(R, {"README.md": hub.files(R)["README.md"] + b"\nMore, which is not UTF-8: \xff"})
    assert "load_dataset does not open" in later("--rollback", edited, "--dry-run").stdout
    refused = later("--rollback", "v2")
    assert (refused.exit_code, "replaces it with the text of v2" in refused.stderr) == (1, True)
    assert later("--rollback", "v2", "--overwrite-card").exit_code == 0
    assert hub.files(R) == second


def test_roll_back_to_what_cannot_be(hub: Hub, run: Run) -> None:
    """One sentence, and nothing is committed."""
    hub.create(R)
    before = hub.commit(R, {"notes.txt": b"theirs"})
    assert run().exit_code == 0
    path = next(path for path in hub.files(R) if path.endswith(".parquet"))
    damaged = hub.commit(R, {path: b"damaged"})
    assert run().exit_code == 0
    edited = hub.commit(R, {"README.md": hub.files(R)["README.md"].replace(b"dataset_info:", b"other:")})
    commits = hub.commits(R)
    for revision, words in (
        (edited, f"README.md of commit {edited} is not what was published"),
        (before, "was not published by this command"),
        (damaged, f"{path} of commit {damaged} is not what was published"),
        ("0" * 40, "has no revision"),
    ):
        assert words in run(R, "--rollback", revision).refusal()
    assert hub.commits(R) == commits


def test_titles_tags_and_branches(hub: Hub, run: Run) -> None:
    """A title is one line of text; a tag and a branch do not have one name; nothing is published by a proposal."""
    for title in ("Two\nlines", "Two\u2028lines", "\x1b[31mred", "\udcff", " "):
        run("--message", title).refusal()
    assert hub.requests == []
    assert run("--tag", "v1").exit_code == run("--revision", "next").exit_code == 0
    before = hub.refs(R)
    names = ("main", "next", "HEAD", "refs/heads/next", "0" * 40)
    for arguments in (*(["--tag", name] for name in names), ["--tag", "x", "--revision", "x"], ["--revision", "v1"]):
        assert arguments[1] in run(*arguments).refusal()
    assert hub.refs(R) == before
    proposed = run("--create-pr", builder=shards(60, "1.1.0")).stdout
    assert ("proposed and verified" in proposed, "published" in proposed) == (True, False)
