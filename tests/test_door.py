"""From a script to a repository: work that goes on where it was, cards that people wrote, scripts on the Hub."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from loopback import WRITE_TOKEN, Account, Hub
from publisher.cli.script import main
from tests.hubs import empty_hub

R = "tester/many"
NAMES = ("a", "b", "c", "d")
SCRIPT = """
import datasets
import os
import time

class Many(datasets.GeneratorBasedBuilder):
    BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in ("a", "b", "c", "d")]
    DEFAULT_CONFIG_NAME = "a"

    def _info(self):
        return datasets.DatasetInfo(features=datasets.Features({"n": datasets.Value("int64")}))

    def _split_generators(self, manager):
        file = manager.download(f"data/{self.config.name}.txt")
        return [datasets.SplitGenerator("train", {"file": file})]

    def _generate_examples(self, file):
        with open(os.environ["DRAWN"], "a") as out:
            out.write(self.config.name)
        time.sleep(float(os.environ.get("SLEEP", 0)) if self.config.name == "c" else 0)
        extra = os.path.join(os.path.dirname(file), "offset")
        offset = 0
        if self.config.name == "d" and os.path.exists(extra):
            with open(extra) as file_of_offset:
                offset = int(file_of_offset.read())
        with open(file) as lines:
            for number, line in enumerate(lines):
                yield number, {"n": int(line) + offset}
"""
PROSE = "# Written by hand\n\nBy somebody who cares.\n"
CARD = f"---\nlanguage:\n- en\nlicense: mit\ntags:\n- numbers\npretty_name: Their name\n---\n{PROSE}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script with four configs beside its data, as in a repository; what is remembered is that of one test."""
    monkeypatch.setenv("PUBLISHER_SCRIPT_FOLDER", "")
    monkeypatch.setenv("DRAWN", str(tmp_path / "drawn"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path / "home"))
    (tmp_path / "many" / "data").mkdir(parents=True)
    (tmp_path / "many" / "many.py").write_text(SCRIPT)
    for number, name in enumerate(NAMES):
        (tmp_path / "many" / "data" / f"{name}.txt").write_text(f"{number}\n{number}\n")
    return tmp_path / "many"


def drawn(folder: Path) -> str:
    """The configs that were drawn since this was asked."""
    found = folder.parent / "drawn"
    names = found.read_text() if found.exists() else ""
    found.unlink(missing_ok=True)
    return names


def adoptable(hub: Hub, folder: Path, card: str = CARD) -> str:
    """A repository that holds the script, its data and a card; its commit."""
    hub.create(R)
    HfApi().upload_folder(folder_path=folder, repo_id=R, repo_type="dataset")
    hub.commit(R, {"README.md": card.encode(), "dataset_infos.json": b"{}", "notes.txt": b"mine"})
    return str(HfApi().dataset_info(R).sha)


def test_keep_going(folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """All that fail are named, nothing less is published, and the next run makes only what is missing."""
    (folder / "data" / "b.txt").write_text("1\nnone\n")
    (folder / "data" / "d.txt").unlink()
    assert main([str(folder), R, "--keep-going"]) == 2
    assert drawn(folder) == "abc"
    *_, b, d, summary = capsys.readouterr().err.splitlines()
    assert "config 'b': many.py, line 28: ValueError: invalid literal" in b
    assert "config 'd': many.py, line 14: FileNotFoundError" in d
    assert "2 of 4 configs failed" in summary
    assert not HfApi().repo_exists(R, repo_type="dataset")
    (folder / "data" / "b.txt").write_text("1\n7\n")
    assert main([str(folder), R]) == 2  # stops at the first fault, and keeps what it made
    assert drawn(folder) == "b"
    (folder / "data" / "d.txt").write_text("3\n")
    assert main([str(folder), R]) == 0
    assert drawn(folder) == "d"
    assert [load_dataset(R, name, split="train")["n"][:] for name in NAMES] == [[0, 0], [1, 7], [2, 2], [3]]
    assert main([str(folder), R, "--verify"]) == 0
    assert drawn(folder) == "abcd"  # of what is verified nothing is remembered
    assert not list((folder.parent / "home").rglob("*.parquet"))


@pytest.mark.parametrize("what", ["script", "data", "read", "parameter"])
def test_nothing_stale_is_kept(what: str, folder: Path) -> None:
    """What was made from something else is made anew: for files that only the rows' code opens, too."""
    (folder / "data" / "offset").write_text("10")
    arguments = [str(folder), R, "--output-dir", str(folder.parent / "out")]
    (folder / "data" / "c.txt").write_text("none\n")
    assert main([*arguments, "--keep-going"]) == 2
    assert drawn(folder) == "abcd"
    (folder / "data" / "c.txt").write_text("2\n")
    if what == "script":
        (folder / "many.py").write_text(SCRIPT.replace("+ offset", "+ offset + 100"))
    elif what == "data":
        (folder / "data" / "d.txt").write_text("33\n33\n")
    elif what == "read":
        (folder / "data" / "offset").write_text("20")
    else:
        (folder / "many.py").write_text(SCRIPT.replace("Config(name", "Config(version='2.0.0', name"))
    assert main(arguments) == 0
    assert drawn(folder) == ("abcd" if what in ("script", "parameter") else "cd")
    expected = {"script": 113, "data": 43, "read": 23, "parameter": 13}[what]
    found = pq.read_table(folder.parent / "out" / "d" / "train-00000-of-00001.parquet")
    assert found["n"].to_pylist() == [expected] * 2


@pytest.mark.skipif(datasets.__version__ < "3", reason="datasets 2 fetches a file again whenever it is asked for")
def test_downloads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made of them is kept as long as the server says that they are the same; of other requests, nothing."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):  # aiohttp takes no network in no_proxy
        monkeypatch.delenv(name, raising=False)
    asked: list[str] = []

    class Server(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, directory=str(folder / "data"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        fetched = SCRIPT.replace('f"data/', f'f"{address}/')
        by_itself = f"        if self.config.name == 'b': urllib.request.urlopen('{address}/a.txt').close()\n"
        fetched = fetched.replace("        time.sleep", f"{by_itself}        time.sleep")
        fetched = fetched.replace("import os\n", "import os, urllib.request\n")
        (folder / "many.py").write_text(fetched)
        (folder / "data" / "c.txt").write_text("none\n")
        arguments = [str(folder), R, "--output-dir", str(folder.parent / "out"), "--keep-going"]
        assert main(arguments) == 2
        assert drawn(folder) == "abcd"
        (folder / "data" / "d.txt").write_text("30\n30\n")
        asked.clear()
        assert main(arguments) == 2
        assert drawn(folder) == "bcd"  # b asks for itself, c fails, d is another
        assert asked.count("/d.txt") == 1
        assert "/a.txt" not in asked[1:]
        server.shutdown()


@pytest.mark.slow
def test_workers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other processes keep what they make, too, and name what fails."""
    (folder / "data" / "b.txt").write_text("none\n")
    arguments = [
        str(folder),
        R,
        "--output-dir",
        str(folder.parent / "out"),
        "--workers",
        "2",
        "--keep-going",
        "--traceback",
    ]
    assert main(arguments) == 2
    assert sorted(drawn(folder)) == list("abcd")
    error = capsys.readouterr().err
    assert 'many.py", line 28, in _generate_examples' in error
    (folder / "data" / "b.txt").write_text("1\n1\n")
    assert main(arguments) == 0
    assert drawn(folder) == "b"


@pytest.mark.slow
def test_killed(folder: Path, hub: Hub) -> None:
    """A run that is killed outright leaves what it made to the next one."""
    command = [sys.executable, "-m", "publisher", str(folder), R]
    environment = hub.environment(WRITE_TOKEN, HF_HOME=str(folder.parent / "home"), DRAWN=os.environ["DRAWN"])
    with subprocess.Popen(command, env={**environment, "SLEEP": "600"}) as process:
        found = folder.parent / "drawn"
        while not (found.exists() and found.read_text() == "abc"):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    drawn(folder)
    assert subprocess.run(command, env=environment).returncode == 0
    assert drawn(folder) == "cd"


def test_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the sentence, for whoever writes the script."""
    (folder / "data" / "b.txt").write_text("none\x1b[2J\n")
    assert main([str(folder), R, "--output-dir", str(folder.parent / "out"), "--traceback"]) == 2
    first, second, *_, last = capsys.readouterr().err.splitlines()
    assert "config 'b': many.py, line 28: ValueError" in first
    assert second == "Traceback (most recent call last):"
    assert last.startswith("ValueError: invalid literal")
    (folder / "many.py").write_text("import datasets\nraise KeyError('x')\n")
    assert main([str(folder), R, "--traceback"]) == 2
    assert 'many.py", line 2, in <module>' in capsys.readouterr().err


def test_a_card_of_others(folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """It is asked for with the difference; its fields stay with both answers, its text with one, and for good."""
    hub.create(R)
    hub.commit(R, {"README.md": (CARD + "\x1b[2Jred").encode()})
    before = HfApi().dataset_info(R).sha
    assert main([str(folder), R]) == 1
    told = capsys.readouterr()
    for line in ("-# Written by hand", "+# many", "-pretty_name: Their name", "--- README.md on the Hub"):
        assert f"    {line}" in told.out.splitlines()
    assert "\x1b" not in told.out
    assert "--keep-card keeps its text, --overwrite-card replaces it with that of default.md.jinja" in told.err
    assert HfApi().dataset_info(R).sha == before
    assert main([str(folder), R, "--keep-card"]) == 0
    assert load_dataset(R, "d", split="train")["n"][:] == [3, 3]
    card = hub.files(R)["README.md"].decode()
    assert PROSE in card
    for field in ("language:\n- en\n", "license: mit\n", "tags:\n- numbers\n", "pretty_name: Their name\n"):
        assert field in card
    hub.commit(R, {"README.md": card.replace("who cares", "who cares a lot").encode()})
    (folder / "data" / "d.txt").write_text("8\n")
    assert main([str(folder), R]) == 0  # it is theirs, as was decided
    assert "who cares a lot" in hub.files(R)["README.md"].decode()
    capsys.readouterr()
    assert main([str(folder), R, "--overwrite-card"]) == 0
    assert "    -By somebody who cares a lot." in capsys.readouterr().out.splitlines()
    card = hub.files(R)["README.md"].decode()
    assert "# many\n" in card
    assert "pretty_name: many\n" in card
    assert "who cares" not in card
    assert "license: mit\n" in card
    assert main([str(folder), R]) == 0
    assert main([str(folder), R, "--verify"]) == 0


def test_fields_of_others(folder: Path, hub: Hub) -> None:
    """Fields that somebody adds to our card are no edit of our text, and stay."""
    assert main([str(folder), R]) == 0
    card = hub.files(R)["README.md"].decode()
    hub.commit(R, {"README.md": card.replace("---\n", "---\nlanguage:\n- de\n", 1).encode()})
    commits = hub.commits(R)
    assert main([str(folder), R]) == 0
    assert hub.commits(R) == commits
    (folder / "data" / "d.txt").write_text("8\n")
    for _ in range(2):
        assert main([str(folder), R]) == 0
        assert "language:\n- de\n" in hub.files(R)["README.md"].decode()
    assert main([str(folder), R, "--verify"]) == 0


def test_a_card_that_cannot_be_kept(folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields that cannot be read would be lost."""
    hub.create(R)
    hub.commit(R, {"README.md": b"---\nlicense: [mit\n---\n# Text\n"})
    assert main([str(folder), R, "--keep-card"]) == 1
    assert "README.md there cannot be kept" in capsys.readouterr().err


def test_a_script_on_the_hub(
    folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only with --trust-remote-code; the plan names its commit; it takes over its own repository."""
    commit = adoptable(hub, folder)
    monkeypatch.chdir(folder.parent)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()
    for source in (R, f"hf://datasets/{R}"):
        assert main([source, R]) == 2
        [said] = capsys.readouterr().err.splitlines()
        assert "code of others" in said
        assert "--trust-remote-code" in said
    arguments = [f"hf://datasets/{R}", R, "--trust-remote-code", "--adopt", "--keep-card"]
    assert main([*arguments, "--dry-run"]) == 0
    assert f"made by the script of {R} at commit {commit}" in capsys.readouterr().out
    assert main(arguments) == 0
    assert load_dataset(R, "b", split="train")["n"][:] == [1, 1]
    assert drawn(folder) == "abcd"
    assert main(arguments) == 2
    assert f"{R}@script" in capsys.readouterr().err
    assert main([f"{R}@script", R, "--trust-remote-code", "--verify"]) == 0


@pytest.mark.parametrize("options", [[], ["--create-pr"]])
def test_adopt(options: list[str], folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """What only the script read goes, what else there is stays, and all that was there is on a branch."""
    before = adoptable(
        hub, folder, CARD.replace("---\n# W", "configs:\n- config_name: raw\n  data_files: data/c.*\n---\n# W")
    )
    assert main([str(folder), R, "--adopt", "--keep-card", *options]) == 0
    plan = capsys.readouterr().out
    for path in ("many.py", "dataset_infos.json", "data/a.txt", "data/b.txt", "data/d.txt"):
        assert f"  remove  {path} " in plan
    revision = "refs/pr/1" if options else "main"
    files = set(HfApi().list_repo_files(R, repo_type="dataset", revision=revision))
    assert {"data/c.txt", "notes.txt", "data/train-00000-of-00001.parquet", "b/train-00000-of-00001.parquet"} <= files
    assert not {"many.py", "dataset_infos.json", "data/a.txt"} & files
    assert HfApi().dataset_info(R, revision="script").sha == before


def test_adopt_by_somebody_else(folder: Path) -> None:
    """Who may only open a pull request cannot make a branch, and what was there is in the history."""
    guest = "hf_loopback_guest"
    with empty_hub(tokens={WRITE_TOKEN: Account("tester"), guest: Account("guest")}) as hub:
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("HF_TOKEN", WRITE_TOKEN)
            adoptable(hub, folder)
            patched.setenv("HF_TOKEN", guest)
            assert main([str(folder), R, "--adopt", "--keep-card", "--create-pr"]) == 0
        assert "many.py" not in HfApi().list_repo_files(R, repo_type="dataset", revision="refs/pr/1")


def test_the_branch_is_taken(folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    """A branch of that name with something else is left, and nothing is done."""
    adoptable(hub, folder)
    HfApi().create_branch(R, repo_type="dataset", branch="script")
    hub.commit(R, {"notes.txt": b"other"})
    before = HfApi().dataset_info(R).sha
    assert main([str(folder), R, "--adopt", "--keep-card"]) == 1
    assert "has a branch 'script' at another commit" in capsys.readouterr().err
    assert drawn(folder) == ""
    assert HfApi().dataset_info(R).sha == before
