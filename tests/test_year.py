"""A maintainer's year: other datasets, other people, other versions, and what the command says of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from card import CARD, REPO_ID
from loopback import Hub
from mnist1d import Mnist1D
from publisher import main
from tests.pictures import Changed, Pictures, Renamed, pictures_card
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


@pytest.mark.parametrize("mode", [[], ["--dry-run"], ["--verify"], ["--json"]])
@pytest.mark.parametrize("variant", [["--set", "num_samples=1000"], ["--stream", "sharded"]])
def test_variant_needs_a_name(
    hub: Hub, mode: list[str], variant: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It never goes to the flagship because no repository was given."""
    assert main(Mnist1D, CARD, REPO_ID, [*variant, *mode]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert REPO_ID in said
    assert hub.requests == []


def test_another_dataset_is_refused(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever of the two comes second; both are named, and an option replaces."""
    assert run() == 0
    before = hub.files(R)
    for arguments in ([R, "--set", "rows=60"], [R, "--set", "rows=60", "--overwrite-card"]):
        capsys.readouterr()
        assert run(*arguments) == 1
        said = capsys.readouterr().err
        assert "rows=50 there, 60 here" in said
        assert "--replace-dataset" in said
        assert hub.files(R) == before
    assert run(R, "--set", "rows=60", "--dry-run") == 0
    assert "replaced only with --replace-dataset" in capsys.readouterr().out
    assert run(R, "--set", "rows=60", "--replace-dataset") == 0
    capsys.readouterr()
    assert run() == 1
    assert "rows=60 there, 50 here" in capsys.readouterr().err


def test_another_builder_is_refused(hub: Hub, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Though none of its configs has the name of one that is there."""
    assert run() == 0
    assert run(builder=Pictures, card=pictures_card(tmp_path)) == 1
    said = capsys.readouterr().err
    assert "'shards' there" in said
    assert "'pictures' here" in said


def test_next_version(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Declared parameters may change with a higher version, and only then."""
    assert run() == 0
    assert run(builder=shards(60)) == 1
    assert run(builder=shards(60, "0.9.0")) == 1
    capsys.readouterr()
    assert run(builder=shards(60, "1.1.0")) == 0
    assert "same version" not in capsys.readouterr().out
    assert run(R, "--set", "rows=70", builder=shards(60, "1.2.0")) == 1


def test_rows_change_at_the_same_version(
    hub: Hub, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The plan says so, in words and as JSON."""
    card = pictures_card(tmp_path)
    assert run(builder=Pictures, card=card) == 0
    capsys.readouterr()
    assert run("--dry-run", builder=Changed, card=card) == 0
    assert "rows of config 'large' change at the same version" in capsys.readouterr().out
    assert run("--dry-run", "--json", builder=Changed, card=card) == 0
    [note] = json.loads(capsys.readouterr().out)["notes"]
    assert "'large'" in note
    assert run("--dry-run", builder=Pictures, card=card) == 0
    assert "version" not in capsys.readouterr().out


def test_an_old_copy(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan says that it would go back to an earlier version."""
    assert run(builder=shards(50, "1.1.0")) == 0
    capsys.readouterr()
    assert run("--dry-run") == 0
    assert "config 'default' goes back from version 1.1.0 to 1.0.0" in capsys.readouterr().out


def test_edited_by_hand(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A text and a field are asked for; both are kept for good, rolled back or not, until both are seen to be lost."""
    assert run("--tag", "v1") == 0
    card = hub.files(R)["README.md"].decode()
    edited = card.replace("license: mit", "license: bsd").replace("# Shards\n", "# Shards\n\nMore\n")
    hub.commit(R, {"README.md": edited.encode()})
    lost = {"    -More", "    -license: bsd"}
    capsys.readouterr()
    assert run() == 1
    assert lost <= {*capsys.readouterr().out.splitlines()}
    for arguments in (["--keep-card"], [], ["--rollback", "v1"], []):
        assert run(*arguments, builder=shards(60, "1.1.0")) == 0
        card = hub.files(R)["README.md"].decode()
        assert "\nMore\n" in card
        assert "license: bsd\n" in card
    assert run("--verify", builder=shards(60, "1.1.0")) == 0
    capsys.readouterr()
    assert run("--overwrite-card", builder=shards(60, "1.1.0")) == 0
    assert lost <= {*capsys.readouterr().out.splitlines()}
    assert "More" not in hub.files(R)["README.md"].decode()


def test_field_added_before_a_rollback(hub: Hub, run: Run) -> None:
    """It stays, and is no edit of the text."""
    assert run("--tag", "v1") == 0
    assert run(builder=shards(60, "1.1.0")) == 0
    hub.commit(R, {"README.md": hub.files(R)["README.md"].replace(b"---\n", b"---\nlanguage:\n- en\n", 1)})
    assert run("--rollback", "v1") == 0
    assert b"language:\n- en\n" in hub.files(R)["README.md"]
    assert run("--verify") == 0


def test_foreign_script(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps `load_dataset` from opening what is published, so nothing is; another script does no harm."""
    hub.create(R)
    hub.commit(R, {"other.py": b""})
    assert run("--dry-run") == 0
    hub.commit(R, {"year.py": b""})
    assert run("--dry-run") == 1
    assert "year.py, its loading script" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("README.md", b"- config_name: theirs\n  data_files: lost.csv\n", "Unable to find 'lost.csv'"),
        ("README.md", b"- 3\n", "config default"),
        ("dataset_infos.json", b"{", "config default"),
        (".huggingface.yaml", b"configs:\n- config_name: 3\n", "config default"),
    ],
)
def test_broken_by_others(
    hub: Hub, run: Run, path: str, content: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though nothing of ours has changed, "nothing to do" is not said, and one line says why."""
    assert run() == 0
    if path == "README.md":
        content = hub.files(R)[path].replace(b"configs:\n", b"configs:\n" + content)
    hub.commit(R, {path: content})
    for mode in ([], ["--dry-run"], ["--verify"]):
        capsys.readouterr()
        assert run(*mode) == 1
        said = capsys.readouterr()
        assert "nothing to do" not in said.out
        assert said.err == ""
        [line] = [line for line in said.out.splitlines() if "does not open" in line]
        assert words in line


def test_files_beside_the_card(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """What other tools leave there, and `load_dataset` reads, does no harm as long as it can be read."""
    assert run() == 0
    hub.commit(R, {"dataset_infos.json": b"{}", "data/notes.csv": b"x,y"})
    capsys.readouterr()
    assert run() == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run("--verify") == 0


@pytest.mark.parametrize("request_", ["/preupload/", "/commit/"])
def test_the_same_published_meanwhile(request_: str, hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """By somebody else: the one who comes second says so, and makes no commit."""
    assert run() == 0
    newest = shards(60, "1.1.0")
    hub.before("POST", request_, lambda: run("--message", "Mine", builder=newest))
    capsys.readouterr()
    assert run(builder=newest) == 0
    assert "the same was published meanwhile, tester: Mine" in capsys.readouterr().out
    assert hub.commits(R)[0].title == "Mine"


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(("theirs", "again"), [("1.1.0", 0), ("1.3.0", 1)])
def test_another_version_published_meanwhile(
    hub: Hub, run: Run, there: bool, theirs: str, again: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It stays, and the second is told whose it is; run again, it sees what is there, which may be newer."""
    if there:
        assert run() == 0
    hub.before(
        "POST", "/commit/" if there else "/repos/create", lambda: run("--message", "Mine", builder=shards(60, theirs))
    )
    capsys.readouterr()
    assert run(builder=shards(70, "1.2.0")) == 3
    said = capsys.readouterr()
    assert "tester: Mine" in said.err
    assert said.err.count("\n") == 1
    assert hub.commits(R)[0].title == "Mine"
    assert run(builder=shards(70, "1.2.0")) == again


def test_card_edited_meanwhile(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The new plan shows what would be lost, and the last sentence who wrote it."""
    assert run() == 0
    edited = hub.files(R)["README.md"].replace(b"<!--", b"More\n<!--")
    hub.before("POST", "/commit/", lambda: hub.commit(R, {"README.md": edited}))
    capsys.readouterr()
    assert run(builder=shards(60, "1.1.0")) == 3
    said = capsys.readouterr()
    assert "    -More" in said.out.splitlines()
    assert f"another: {hub.commits(R)[0].title}" in said.err
    assert hub.files(R)["README.md"] == edited


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
    said = {line.partition(" gives")[0] for line in ended.stderr.splitlines() if not line.endswith("so far")}
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


def test_roll_back(hub: Hub, run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All that was the command's own is as at the tag, in one verified commit; what others added stays."""
    card = pictures_card(tmp_path)
    assert run("--tag", "v1", builder=Pictures, card=card) == 0
    first = hub.files(R)
    card.template.write_text("# More pictures", encoding="utf-8")
    assert run("--tag", "v2", builder=Renamed, card=card) == 0
    hub.commit(R, {"notes.txt": b"theirs"})
    second = hub.files(R)
    commits = len(hub.commits(R))
    assert run("--rollback", "v1", "--dry-run", builder=Renamed, card=card) == 0
    assert hub.files(R) == second
    capsys.readouterr()
    assert run("--rollback", "v1", "--tag", "v3", builder=Renamed, card=card) == 0
    assert "rolled back and verified" in capsys.readouterr().out
    assert hub.files(R) == {**first, "notes.txt": b"theirs"}
    assert (len(hub.commits(R)), hub.commits(R)[0].title) == (commits + 1, "Back to v1")
    assert run("--verify", builder=Pictures, card=pictures_card(tmp_path)) == 0
    assert run("--rollback", "v1", builder=Renamed, card=card) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run("--rollback", "v2", "--create-pr", builder=Renamed, card=card) == 0
    assert "proposed and verified" in capsys.readouterr().out
    assert run("--rollback", "v2", builder=Renamed, card=card) == 0
    assert hub.files(R) == second


def test_roll_back_beside_others(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A config that somebody added to the card since then stays, and an edited card is not overwritten unasked."""
    assert run("--tag", "v1") == 0
    assert run(builder=shards(60, "1.1.0")) == 0
    added = hub.files(R)["README.md"].replace(b"configs:\n", b"configs:\n- config_name: theirs\n  data_files: a.csv\n")
    hub.commit(R, {"README.md": added, "a.csv": b"x,y\n1,2\n"})
    assert run("--rollback", "v1") == 0
    assert run("--verify") == 0
    assert b"config_name: theirs" in hub.files(R)["README.md"]
    assert run(builder=shards(60, "1.1.0")) == 0
    hub.commit(R, {"README.md": hub.files(R)["README.md"] + b"\nMore"})
    capsys.readouterr()
    assert run("--rollback", "v1") == 1
    assert "replaces it with that of v1" in capsys.readouterr().err
    assert run("--rollback", "v1", "--overwrite-card") == 0
    assert run("--verify") == 0


def test_roll_back_to_what_cannot_be(hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, and nothing is committed."""
    hub.create(R)
    hub.commit(R, {"notes.txt": b"theirs"})
    before = hub.commits(R)[0].oid
    assert run() == 0
    path = next(path for path in hub.files(R) if path.endswith(".parquet"))
    hub.commit(R, {path: b"damaged"})
    damaged = hub.commits(R)[0].oid
    assert run() == 0
    commits = hub.commits(R)
    for arguments, words in (
        ([before], "was not published by this command"),
        ([damaged], f"{path} of commit {damaged} is not what was published"),
        (["0" * 40], "has no revision"),
        (["v1.."], "--rollback"),
        ([""], "--rollback"),
        ([damaged, "--config", "default"], "--config has no meaning with --rollback"),
        ([damaged, "--verify"], "--rollback has no meaning with --verify"),
        ([damaged, "--set", "rows=3"], "--set has no meaning with --rollback"),
    ):
        capsys.readouterr()
        assert run(R, "--rollback", *arguments) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    assert hub.commits(R) == commits
