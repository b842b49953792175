"""The command as people run it: what it writes, prints and refuses; cards and scripts that other people wrote."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import pty
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from card import CARD, REPO_ID
from loopback import WRITE_TOKEN, Account, Hub
from mnist1d import Mnist1D
from publisher import UsageError, publish
from tests.builders import script
from tests.commands import Ended, files_in, run_command
from tests.hubs import empty_hub
from tests.shards import SHARDS_CARD, Shards

ROOT = Path(__file__).parents[2]
SCRIPT: list[Any] = [sys.executable, str(ROOT / "scripts" / "push_to_hub.py")]
CONFIGS = list(Mnist1D.builder_configs)
R = "tester/many"
NAMES = ("a", "b", "c", "d")
MANY = {  # of a script; see `script`
    "head": "import os\nfrom pathlib import Path\nfrom .letters import LETTERS",
    "body": "BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in LETTERS]; DEFAULT_CONFIG_NAME = 'a'",
    "info": "features=datasets.Features({'n': datasets.ClassLabel(num_classes=10)})",
    "given": "{'given': manager.download(f'data/{self.config.name}.txt')}",
    "rows": """with open(os.environ["DRAWN"], "a") as out:
            out.write(self.config.name)
        for number, line in enumerate(Path(given).read_text().splitlines()):
            yield number, {"n": int(line)}""",
}
PROSE = "# Written by hand\n\nBy somebody who cares.\n"
THEIR_CARD = f"---\nlanguage:\n- en\nlicense: mit\ntags:\n- numbers\npretty_name: Their name\n---\n{PROSE}"


def run(*arguments: object) -> Ended:
    """The command for MNIST-1D, in this process."""
    return run_command(arguments, (Mnist1D, CARD, REPO_ID))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script with four configs and its data, as in a repository."""
    monkeypatch.setenv("DRAWN", str(tmp_path / "drawn"))
    (tmp_path / "many" / "data").mkdir(parents=True)
    script(tmp_path / "many" / "many.py", **MANY)
    (tmp_path / "many" / "letters.py").write_text(f"LETTERS = {NAMES}")
    for number, name in enumerate(NAMES):
        (tmp_path / "many" / "data" / f"{name}.txt").write_text(f"{number}\n{number}\n")
    return tmp_path / "many"


def drawn(folder: Path) -> str:
    """The configs that were drawn since this was asked."""
    found = folder.parent / "drawn"
    names = found.read_text() if found.exists() else ""
    found.unlink(missing_ok=True)
    return names


def test_writes_and_prints(tmp_path: Path) -> None:
    """Files and bytes; what the command wrote, it may write again; nothing is left next to the folder."""
    target, work = tmp_path / "a" / "mnist1d", tmp_path / "work"
    target.mkdir(parents=True)
    for name in ("shuffled", "default"):
        twice = ["--config", name, "--config", name]
        ended = run("--output-dir", target, *twice, "--work-dir", work, "--keep-going", "--every-byte")
        assert (ended.exit_code, ended.stderr) == (0, "")
        sizes = {path: len(content) for path, content in files_in(target).items()}
        assert all(re.search(rf"{path} .*{size:,} bytes", ended.stdout) for path, size in sizes.items())
        assert f"Wrote {len(sizes)} files, 5,000 rows, {sum(sizes.values()):,} bytes" in ended.stdout
    assert {path.split("/")[0] for path in sizes} == {".publish.json", "README.md", "assets", "data"}
    assert [*target.parent.iterdir(), *work.glob("*")] == [target]


def test_same_bytes_again(built: Path, tmp_path: Path) -> None:
    """A second run, in a process of its own, gives the same files."""
    subprocess.run([*SCRIPT, "--output-dir", tmp_path / "again"], check=True, capture_output=True)
    assert files_in(tmp_path / "again") == files_in(built)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output-dir", "x", "--config", ""], ["''", *CONFIGS]),
        (["--output-dir", ""], ["current folder"]),
        (["--output-dir", ".."], ["current folder"]),
        (["--output-dir", f"{SCRIPT[-1]}/x/y"], [f"{SCRIPT[-1]} is a file"]),
        (["--output-dir", SCRIPT[-1]], [SCRIPT[-1]]),
        (["--output-dir", "/dev/fd/none/x"], ["/none/x cannot be made"]),
        (["--output-dir", "x", "--workers", "two"], ["'two'", "a number from 1"]),
        (["--output-dir", "x" * 5000], ["cannot be read or written", os.strerror(errno.ENAMETOOLONG)]),
        (["--output-dir", "x", "--work-dir", "/dev/null/x"], ["/dev/null/x cannot be written", "--work-dir"]),
        (["--preview", "x.html", "--resume"], ["--resume has no meaning with --preview"]),
        (["--dry-run", "--rollback", "v1", "--set", "num_samples=5"], ["--set has no meaning with --rollback"]),
        (["--output-dir", "x", "--set", "cache_dir=/"], ["--set cache_dir"]),
        (["--output-dir", "x", "--set", "stream=sharded", "--stream", "authors"], ["say the same"]),
        (["--dry-run", "--set", "num_samples=5"], ["other than", REPO_ID]),
        (["a/b", "--keep-card", "--overwrite-card"], ["--keep-card", "--overwrite-card", "Leave one of them out"]),
        (["--dry-run", "--verify"], ["--verify has no meaning with --dry-run"]),
        (["a/b", "--tag", "main"], ["--tag 'main' is the name of a branch"]),
    ],
)
def test_wrong_arguments(
    arguments: list[str], words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence that names what is allowed, exit code 2, nothing written; with --traceback, more than that."""
    monkeypatch.chdir(tmp_path)
    ended = run(*arguments)
    assert all(word in ended.refusal() for word in words), ended
    assert (ended.stdout, list(tmp_path.iterdir())) == ("", [])
    ended = run(*arguments, "--traceback")
    assert (ended.exit_code, "Traceback (most recent call last)" in ended.stderr) == (2, True)


def test_help() -> None:
    """It names the configs, and at most 25 options."""
    shown = run("--help").stdout
    assert all(name in shown for name in CONFIGS)
    assert len(set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE))) <= 25
    assert "--data-dir" not in shown


def test_function_takes_the_options(hub: Hub, tmp_path: Path) -> None:
    """`publish` has the names of the command."""
    to_publish = partial(publish, Shards, SHARDS_CARD, "tester/shards")
    options: dict[str, Any] = {"config": ["wide"], "overrides": {"rows": 20}, "work_dir": tmp_path / "work"}
    hub.create("tester/shards")
    outcome = to_publish(create_pr=True, **options)
    assert outcome.commit is not None
    assert outcome.commit.pull_request
    assert "wide/test-00000-of-00001.parquet" in hub.files("tester/shards", "refs/pr/1")
    assert not (tmp_path / "work").exists()
    commits = hub.commits("tester/shards")
    with pytest.raises(TypeError):
        to_publish(colour="red")
    wrong: dict[str, Any] = {"dry_run": True, "rollback": "main", "config": "wide", "revision": "a..b"}
    for name, value in wrong.items():
        with pytest.raises(UsageError, match=name):
            to_publish(**{name: value})
    assert hub.commits("tester/shards") == commits


def leave_a_card(target: Path) -> None:
    """A folder with a card alone, which another program wrote."""
    shutil.rmtree(target)
    target.mkdir()
    (target / "README.md").write_text("mine")


CHANGES: dict[str, Callable[[Path], object]] = {
    "foreign card": leave_a_card,
    "added file": lambda target: (target / "notes.txt").write_text("mine"),
    "empty folder": lambda target: (target / "mine").mkdir(),
    "pipe": lambda target: os.mkfifo(target / "mine"),
    "link": lambda target: (target / "notes.txt").symlink_to(target / "nowhere"),
    "edited data": lambda target: (target / "shuffled" / "test-00000-of-00001.parquet").write_bytes(b"mine"),
    "edited card": lambda target: (target / "README.md").open("a").write("mine"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_files_of_others_are_kept(tmp_path: Path, change: str) -> None:
    """A folder that holds anything else is refused, and stays as it was."""
    target = tmp_path / "mnist1d"
    assert run("--output-dir", target, "--config", "shuffled").exit_code == 0
    CHANGES[change](target)
    before = files_in(tmp_path)
    assert str(target) in run("--output-dir", target).refusal()
    assert files_in(tmp_path) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_streams(tmp_path: Path) -> None:
    """Without standard output or error the work is done all the same; on a full disk the exit code is true."""
    folder, unbuffered = tmp_path / "x", {**os.environ, "PYTHONUNBUFFERED": ""}
    for arguments, ending, code, words in (
        ("--config shuffled", ">&-", 0, ""),
        ("--config shuffled", "2>&-", 0, ""),
        ("--config shuffled", "| head -1", 0, ""),
        ("--config shuffled", ">/dev/full", 2, "standard output cannot be written"),
        ("--config none", "2>/dev/full", 2, ""),
    ):
        command = f"{' '.join(SCRIPT)} --output-dir {folder} {arguments} {ending}"
        ended = subprocess.run(["bash", "-c", command], env=unbuffered, capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr.count("\n")) == (code, len(words[:1])), command
        assert words in ended.stderr
    assert (folder / "README.md").is_file()


@pytest.mark.parametrize("to_hub", [False, True])
def test_disk_full(to_hub: bool, hub: Hub, tmp_path: Path) -> None:
    """The system refuses a file of this size: one sentence, the earlier folder stays, and the Hub is only read."""
    target = tmp_path / "mnist1d"
    assert run("--output-dir", target, "--config", "shuffled").exit_code == 0
    before = files_in(tmp_path)

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    command = [*SCRIPT, *(["tester/x"] if to_hub else ["--output-dir", target]), "--work-dir", tmp_path / "work"]
    streams: dict[str, Any] = {"capture_output": True, "text": True, "env": hub.environment(WRITE_TOKEN)}
    ended = subprocess.run(command, preexec_fn=small_disk, check=False, **streams)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert os.strerror(errno.EFBIG) in ended.stderr
    assert (files_in(tmp_path), list(tmp_path.iterdir())) == (before, [target])
    assert {request.method for request in hub.requests} <= {"GET"}


def test_progress_bar_on_a_terminal(tmp_path: Path) -> None:
    """There is one on a terminal (and none in a pipe: see above)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [*SCRIPT, "--output-dir", tmp_path / "x"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError), os.fdopen(ours, "rb", buffering=0) as terminal:  # which is gone with the process
        while block := terminal.read(1024):
            shown += block
    assert process.wait() == 0
    assert f"0/{len(CONFIGS)}".encode() in shown
    assert b"config" in shown


def test_configs_that_fail(folder: Path, hub: Hub) -> None:
    """All that fail are named, nothing less is published, and only --resume takes what is finished."""
    arguments = [folder, R, "--work-dir", folder.parent / "work"]
    (folder / "data" / "b.txt").write_text("1\nnone\x1b[2J\n")
    (folder / "data" / "d.txt").unlink()
    ended = run_command([*arguments, "--traceback"])
    assert (ended.exit_code, drawn(folder)) == (2, "abc")
    lines = ended.stderr.splitlines()
    b, d = (next(at for at, line in enumerate(lines) if f"config '{name}'" in line) for name in "bd")
    assert "config 'b', split 'train': many.py, line 16: ValueError: invalid literal" in lines[b]
    assert lines[b + 1] == "Traceback (most recent call last):"
    assert re.search(r"config 'd': many.py, line \d+: FileNotFoundError", lines[d])
    assert "2 of 4 configs failed" in lines[-1]
    assert "--resume" in lines[-1]
    assert "\x1b" not in ended.stderr  # it would act on a terminal
    assert not HfApi().repo_exists(R, repo_type="dataset")
    (folder / "data" / "b.txt").write_text("1\n7\n")
    (folder / "data" / "d.txt").write_text("3\n")
    ended = run_command([*arguments, "--resume"])
    assert (ended.exit_code, drawn(folder)) == (0, "bd")
    assert "resumed: 2 of 4 configs" in ended.stderr
    assert load_dataset(R, "a", split="train").features["n"].names == list("0123456789")
    (folder / "data" / "a.txt").write_text("5\n")
    assert (run_command(arguments).exit_code, drawn(folder)) == (0, "abcd")
    assert [load_dataset(R, name, split="train")["n"][:] for name in NAMES] == [[5], [1, 7], [2, 2], [3]]
    assert (run_command([*arguments, "--verify"]).exit_code, drawn(folder)) == (0, "abcd")
    assert not list((folder.parent / "work").rglob("*.parquet"))


def test_other_files_are_not_resumed(folder: Path) -> None:
    """Files that are not as noted, unreadable notes, and notes older than the publisher's code are made again."""
    (folder / "data" / "d.txt").write_text("none\n")
    arguments = [folder, R, "--output-dir", folder.parent / "out", "--work-dir", folder.parent / "work"]
    assert run_command(arguments).exit_code == 2
    kept = sorted((folder.parent / "work").rglob("*.parquet"))
    kept[0].write_bytes(kept[0].read_bytes()[:-1])
    (kept[1].parents[2] / "note.json").write_text('{"files": ')
    os.utime(kept[2].parents[2] / "note.json", (0, 0))
    assert drawn(folder) == "abcd"
    (folder / "data" / "d.txt").write_text("3\n")
    ended = run_command([*arguments, "--resume"])
    assert (ended.exit_code, drawn(folder)) == (0, "abcd")
    assert "resumed: 0 of 4 configs" in ended.stderr


@pytest.mark.slow
def test_workers(folder: Path) -> None:
    """Other processes import the script, note what they finish also, and name what fails."""
    (folder / "data" / "b.txt").write_text("none\n")
    arguments = [folder, R, "--output-dir", folder.parent / "out", "--workers", "2", "--traceback"]
    ended = run_command(arguments)
    assert (ended.exit_code, sorted(drawn(folder))) == (2, list("abcd"))
    assert 'many.py", line 16, in _generate_examples' in ended.stderr
    (folder / "data" / "b.txt").write_text("1\n1\n")
    assert (run_command([*arguments, "--resume"]).exit_code, drawn(folder)) == (0, "b")
    ended = run_command([*arguments, "--config", "a"])
    assert (ended.exit_code, "--workers 2 has no effect" in ended.stderr) == (0, True)


def test_a_card_of_others(folder: Path, hub: Hub) -> None:
    """It is asked for with the difference; its fields stay with both answers, its text with one."""
    hub.create(R)
    before = hub.commit(R, {"README.md": (THEIR_CARD + "\x1b[2Jred").encode()})
    ended = run_command([folder, R])
    assert (ended.exit_code, "\x1b" in ended.stdout, hub.commits(R)[0].oid) == (1, False, before)
    shown = {f"    {line}" for line in ("-# Written by hand", "+# many", "-pretty_name: Their name")}
    assert shown | {"    --- README.md on the Hub"} <= set(ended.stdout.splitlines())
    assert all(word in ended.stderr for word in ("--keep-card", "--overwrite-card", "default.md.jinja"))
    assert run_command([folder, R, "--keep-card"]).exit_code == 0
    assert load_dataset(R, "d", split="train")["n"][:] == [3, 3]
    card = hub.files(R)["README.md"].decode()
    fields = ("language:\n- en\n", "license: mit\n", "tags:\n- numbers\n", "pretty_name: Their name\n")
    assert [part for part in (PROSE, *fields) if part not in card] == []
    assert run_command([folder, R, "--overwrite-card"]).exit_code == 0
    card = hub.files(R)["README.md"].decode()
    assert all(text in card for text in ("# many\n", "pretty_name: many\n", "license: mit\n"))
    assert "who cares" not in card
    hub.commit(R, {"README.md": b"---\nlicense: [mit\n---\n# Text\n"})  # fields that cannot be read would be lost
    ended = run_command([folder, R, "--keep-card"])
    assert (ended.exit_code, "cannot be kept" in ended.stderr) == (1, True)


def adoptable(hub: Hub, folder: Path, card: str = THEIR_CARD) -> str:
    """A repository that holds the script, its data and a card; its commit."""
    hub.create(R)
    theirs = {"README.md": card.encode(), "dataset_infos.json": b"{}", "notes.txt": b"mine"}
    return hub.commit(R, files_in(folder) | theirs)


def test_a_script_on_the_hub(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only with --trust-remote-code; the plan names its commit; downloads go to --work-dir; it stays on a branch."""
    commit = adoptable(hub, folder)
    shutil.rmtree(folder)
    monkeypatch.chdir(tmp_path)
    assert "required: REPO_ID" in run_command([R]).refusal()
    for source in (R, f"hf://datasets/{R}"):
        said = run_command([source, R]).refusal()
        assert "third-party code" in said
        assert "--trust-remote-code" in said
    arguments = [f"hf://datasets/{R}", R, "--trust-remote-code", "--adopt", "--keep-card", "--work-dir", "work"]
    assert f"prepared by the script of {R} at commit {commit}" in run_command([*arguments, "--dry-run"]).stdout
    assert [path.name for path in Path("work/downloads").iterdir()] == [f"tester--many-{commit}"]
    assert hub.commits(R)[0].oid == commit
    assert run_command(arguments).exit_code == 0
    assert load_dataset(R, "b", split="train")["n"][:] == [1, 1]
    assert (hub.commits(R)[1].oid, hub.refs(R)["refs/heads/script"]) == (commit, commit)
    ended = run_command(arguments)
    assert (ended.exit_code, f"{R}@script" in ended.stderr) == (2, True)
    again = run_command([f"{R}@script", R, "--trust-remote-code", "--adopt", "--keep-card"])
    assert "nothing to do" in again.stdout
    assert run_command([f"{R}@script", R, "--trust-remote-code", "--verify"]).exit_code == 0


def test_adopt_in_a_pull_request(folder: Path, hub: Hub) -> None:
    """What only the script read goes, what else there is stays, and all that was there is on a branch."""
    configs = "configs:\n- config_name: raw\n  data_files: data/c.*\n---\n# W"
    before = adoptable(hub, folder, THEIR_CARD.replace("---\n# W", configs))
    ended = run_command([folder, R, "--adopt", "--keep-card", "--create-pr"])
    assert ended.exit_code == 0
    gone = {"many.py", "dataset_infos.json", "data/a.txt", "data/b.txt", "data/d.txt"}
    assert [path for path in gone if f"  remove  {path} " not in ended.stdout] == []
    files = set(hub.files(R, "refs/pr/1"))
    assert {"data/c.txt", "notes.txt", "data/train-00000-of-00001.parquet", "b/train-00000-of-00001.parquet"} <= files
    assert not gone & files
    assert hub.refs(R)["refs/heads/script"] == before


def test_adopt_is_refused(folder: Path, hub: Hub) -> None:
    """A branch `script` with something else is left alone."""
    adoptable(hub, folder)
    HfApi().create_branch(R, repo_type="dataset", branch="script")
    hub.commit(R, {"notes.txt": b"other"})
    ended = run_command([folder, R, "--adopt", "--keep-card"])
    assert (ended.exit_code, "has a branch 'script' at another commit" in ended.stderr) == (1, True)
    assert drawn(folder) == ""


def test_adopt_by_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may only open a pull request cannot make a branch; the earlier files are in the history."""
    guest = "hf_loopback_guest"
    with empty_hub(tokens={WRITE_TOKEN: Account("tester"), guest: Account("guest")}) as hub:
        monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
        adoptable(hub, folder)
        monkeypatch.setenv("HF_TOKEN", guest)
        assert run_command([folder, R, "--adopt", "--keep-card", "--create-pr"]).exit_code == 0
        assert "many.py" not in hub.files(R, "refs/pr/1")


PROGRAMS = {
    "mnist1d": [os.fspath(ROOT / "scripts" / "push_to_hub.py")],
    "shards": ["-m", "publisher", "tests.shards:Shards"],
    "validate": [os.fspath(ROOT / "scripts" / "validate.py")],
}
REPOSITORIES = [
    *["tester/shards"] * 8,
    *["shards", "a/b/c", "tester/..", "tester/é", "-x/y", ".", "tester/shards\n", "\x1b[31m/x"],
    "",
]
FLAGS = "dry-run verify create-pr private overwrite-card keep-card adopt replace-dataset rewrite json help resume"
VALUED = "config set set output-dir output-dir preview revision tag message workers work-dir executor rollback nothing"
VALUES = [
    *("", "-1", "2", "9" * 20, "main", "refs/pr/1", "../x", "/proc/x", "\u202e", "a\nb", "x" * 5000, "\udcff", "slurm"),
    *("ray:a=1", "%s", "\x1b[31m", "/dev/null", "~nobody/x", ".", "pipe", "file/x", "link", "new.html", "rows=x"),
    *("shards=10**9", "rows=" + "(" * 500, "name=x", "self=1", "rows={'a': 1}", "num_samples=7"),
]  # fmt: skip
FOLDERS = ("", "/proc/none", "/dev/null", "~nobody/x", "../file", "x" * 300, "é\n")
VARIABLES: dict[str, Sequence[str]] = {
    "HF_ENDPOINT": ["", "x", "http://127.0.0.1:1", "http://[::1", "http://127.0.0.1:x", "http://me:pw@127.0.0.1:1"],
    **dict.fromkeys(("HF_HOME", "HF_XET_CACHE", "HF_TOKEN_PATH", "HOME", "TMPDIR"), FOLDERS),
    "HF_TOKEN": ["", "hf_x\nHost: y", "hf_wrong", "é", "x" * 100_000, "\udcff"],
    **dict.fromkeys(("HF_HUB_VERBOSITY", "HF_DATASETS_IN_MEMORY_MAX_SIZE", "HF_HUB_OFFLINE"), ("x", "debug", "1")),
    **dict.fromkeys(("HF_HUB_DOWNLOAD_TIMEOUT", "http_proxy", "SSL_CERT_FILE", "COLUMNS"), ("x", "-1", "/none")),
    "PYTHONWARNINGS": ["error", "always"],
}  # fmt: skip
CLOSED = ["", *[""] * 12, "<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("turn", range(int(os.environ.get("FUZZ_TURNS", "25"))))
def test_fuzz(turn: int, hub: Hub, tmp_path: Path) -> None:
    """Command lines and environments at random: one sentence and an exit code, whatever they are."""
    chance = random.Random(f"{os.environ.get('FUZZ_SEED', '1')} {turn}")
    here, temporary = tmp_path / "here", tmp_path / "tmp"
    here.mkdir()
    temporary.mkdir()
    for place in (here, tmp_path):
        os.mkfifo(place / "pipe")
        (place / "file").write_text("mine")
    (here / "link").symlink_to("link")
    given = [chance.choice(REPOSITORIES)] if chance.random() < 0.8 else []
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        flag, valued = f"--{chance.choice(FLAGS.split())}", f"--{chance.choice(VALUED.split())}"
        given += [flag] if chance.random() < 0.4 else [valued, chance.choice(VALUES)]
    variable = chance.choice(list(VARIABLES))
    changed = {variable: chance.choice(VARIABLES[variable])} if chance.random() < 0.5 else {}
    closed = chance.choice(CLOSED)
    environment = {**hub.environment(WRITE_TOKEN), "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), **changed}
    command: list[Any] = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable]
    command += [*PROGRAMS[chance.choice(list(PROGRAMS))], *given]
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "errors": "replace"}
    ended = subprocess.run(command, cwd=here, env=environment, timeout=300, check=False, **streams)
    out, err, code = ended.stdout, ended.stderr, ended.returncode
    *notes, last = err.splitlines() or [""]
    what = f"{command} {changed}: {code}\n{err}\n{out}"
    assert code in (0, 1, 2, 3), what
    assert bool(last) or code in (0, 1) or "2>" in closed, what
    known = ("waiting for", "trying again", "resumed: ", "note: ", "config '")
    assert all(any(word in line for word in known) for line in notes) or "--help" in given, what
    assert not any(text in out + err for text in ("Traceback", "\x1b", WRITE_TOKEN)), what
    assert not list(temporary.iterdir()), what
    assert (tmp_path / "file").read_text() == (here / "file").read_text() == "mine", what
    if "--json" in given and out and "--help" not in given:
        json.loads(out)
