"""The command as people run it: what it writes, what it prints, what it refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import resource
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import datasets
import pytest

import generator
from card import CARD, REPO_ID
from generator import Dataset, Parameters
from mnist1d import Mnist1D
from publisher import main

ROOT = Path(__file__).parent.parent
SCRIPT = [sys.executable, str(ROOT / "scripts" / "push_to_hub.py")]
CONFIGS = list(Mnist1D.builder_configs)


def run(*arguments: object) -> int:
    """The command in this process; arguments that argparse refuses end it the usual way."""
    try:
        return main(Mnist1D, CARD, REPO_ID, [str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that was printed."""
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_writes_and_says_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files, rows, bytes, and lines that load them; nothing beside the folder."""
    target = tmp_path / "a" / "mnist1d"
    assert run("--output-dir", target) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    files = tree(target)
    for path, content in files.items():
        assert f"{path}  " in printed.out
        assert f"{len(content):,} bytes" in printed.out
    assert (
        f"Wrote {len(files)} files, {5000 * len(CONFIGS):,} rows, {sum(map(len, files.values())):,} bytes"
        in printed.out
    )
    assert f'load_dataset("{target}", "shuffled")' in printed.out
    assert list(target.parent.iterdir()) == [target]


def test_same_bytes_again(built: Path, tmp_path: Path) -> None:
    """A second run, in a process of its own, gives the same files."""
    subprocess.run([*SCRIPT, "--output-dir", tmp_path / "again"], check=True, capture_output=True)
    assert tree(tmp_path / "again") == tree(built)


def test_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each config is asked for its splits once, and its samples are drawn once."""
    asked, drawn = [], []
    splits, make = Mnist1D._split_generators, generator.make_dataset

    def ask(self: Mnist1D, dl_manager: object) -> list[datasets.SplitGenerator]:
        asked.append(self.config.name)
        return splits(self, dl_manager)

    def draw(parameters: Parameters) -> Dataset:
        drawn.append(parameters)
        return make(parameters)

    monkeypatch.setattr(Mnist1D, "_split_generators", ask)
    monkeypatch.setattr(generator, "make_dataset", draw)
    assert run("--output-dir", tmp_path / "new") == 0
    assert asked == CONFIGS
    assert drawn == [Mnist1D.builder_configs[name].parameters for name in CONFIGS]


def test_some_configs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--config restricts, in whatever order and however often."""
    assert run("--output-dir", tmp_path / "x", "--config", "shuffled", "--config", "shuffled") == 0
    assert {path.split("/")[0] for path in tree(tmp_path / "x")} == {"README.md", "assets", "shuffled"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--output-dir", "x", "--config", "shufled"], ["'shufled'", *CONFIGS]),
        (["--output-dir", "x", "--config", ""], ["''", *CONFIGS]),
        (["--output-dir"], ["--output-dir"]),
        (["--output-dir", "x", "--colour"], ["--colour"]),
        (["--output-dir", ""], ["current folder"]),
        (["--output-dir", f"{SCRIPT[-1]}/x/y"], [f"{SCRIPT[-1]} is a file"]),
        (["--output-dir", "/dev/fd/none/x"], ["/none/x cannot be made"]),
        (["--output-dir", "x", "--workers", "two"], ["'two'", "a number from 1"]),
        (["--output-dir", "x" * 5000], ["cannot be read or written", os.strerror(errno.ENAMETOOLONG)]),
    ],
)
def test_wrong_arguments(
    arguments: list[str],
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence that names what is allowed, exit code 2, nothing written."""
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    line = refusal(capsys)
    assert all(word in line for word in words)
    assert list(tmp_path.iterdir()) == []


def test_earlier_run_is_replaced(tmp_path: Path) -> None:
    """What the command wrote, it may write again."""
    target = tmp_path / "mnist1d"
    target.mkdir()
    assert run("--output-dir", target, "--config", "shuffled") == 0
    assert run("--output-dir", target, "--config", "default") == 0
    assert {path.split("/")[0] for path in tree(target)} == {"README.md", "assets", "data"}
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "change", ["add", "edit card", "edit data", "foreign card", "link", "file", "other card", "empty folder", "pipe"]
)
def test_what_others_wrote_is_kept(tmp_path: Path, change: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that holds anything else is refused, and stays as it was."""
    target = tmp_path / "mnist1d"
    if change == "file":
        target.write_text("mine")
    elif change == "foreign card":
        target.mkdir()
        (target / "README.md").write_text("mine")
    else:
        assert run("--output-dir", target, "--config", "shuffled") == 0
        capsys.readouterr()
        data = target / "shuffled" / "test-00000-of-00001.parquet"
        if change == "add":
            (target / "notes.txt").write_text("mine")
        elif change == "empty folder":
            (target / "mine").mkdir()
        elif change == "pipe":
            os.mkfifo(target / "mine")
        elif change == "link":
            (target / "notes.txt").symlink_to(tmp_path / "nowhere")
        elif change == "edit data":
            data.write_bytes(data.read_bytes() + b"mine")
        elif change == "edit card":
            card = target / "README.md"
            card.write_text(card.read_text(encoding="utf-8").replace("Ten digits", "Eleven digits"), encoding="utf-8")
        else:
            (target / "README.md").unlink()
    before = target.read_bytes() if target.is_file() else tree(target)
    assert run("--output-dir", target) == 2
    assert str(target) in refusal(capsys)
    assert before == (target.read_bytes() if target.is_file() else tree(target))
    assert list(tmp_path.iterdir()) == [target]


def test_folders_of_others_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Even empty ones."""
    (tmp_path / "mnist1d" / "keep" / "me").mkdir(parents=True)
    assert run("--output-dir", tmp_path / "mnist1d") == 2
    assert (tmp_path / "mnist1d" / "keep" / "me").is_dir()


@pytest.mark.parametrize("step", [1, 2])
def test_stopped_between_renames(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal at the worst moment: the earlier folder is back, and nothing beside it."""
    target = tmp_path / "mnist1d"
    assert run("--output-dir", target, "--config", "shuffled") == 0
    before = tree(target)
    rename, calls = Path.rename, []

    def stopped(path: Path, other: Path) -> Path:
        calls.append(path)
        if len(calls) == step:
            raise KeyboardInterrupt(signal.SIGTERM)
        return rename(path, other)

    monkeypatch.setattr(Path, "rename", stopped)
    assert run("--output-dir", target) == 128 + signal.SIGTERM
    assert tree(target) == before
    assert list(tmp_path.iterdir()) == [target]


def test_closed_streams(tmp_path: Path) -> None:
    """Without standard output or error the work is done all the same."""
    for closing in (">&-", "2>&-", "| head -1"):
        command = f"{' '.join(SCRIPT)} --output-dir {tmp_path / 'x'} --config shuffled {closing}"
        ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert (tmp_path / "x" / "README.md").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_full_streams(tmp_path: Path) -> None:
    """Of a disk: output that is lost is said, and an error that nobody can read still has its exit code."""
    for arguments, full, words in (
        ([f"--output-dir={tmp_path / 'x'}", "--config=shuffled"], ">", "standard output cannot be written"),
        ([f"--output-dir={tmp_path / 'y'}", "--config=none"], "2>", ""),
    ):
        command = f"{' '.join([*SCRIPT, *arguments])} {full}/dev/full"
        ended = subprocess.run(
            ["bash", "-c", command],
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 2
        assert words in ended.stderr
        assert ended.stderr.count("\n") == len(words[:1])


def test_current_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell in a folder that is replaced would be left in a folder that is gone."""
    monkeypatch.chdir(tmp_path)
    for target in (".", "..", tmp_path):
        assert run("--output-dir", target) == 2
        assert "current folder" in refusal(capsys)


def test_disk_full(tmp_path: Path) -> None:
    """The system refuses a file of this size: one sentence, and the earlier folder is untouched."""
    target = tmp_path / "mnist1d"
    assert run("--output-dir", target, "--config", "shuffled") == 0
    before = tree(target)

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    ended = subprocess.run(
        [*SCRIPT, "--output-dir", target], preexec_fn=small_disk, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1
    assert os.strerror(errno.EFBIG) in ended.stderr
    assert tree(target) == before
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(tmp_path: Path, number: signal.Signals) -> None:
    """Stopped in the middle, the command says so in one line and leaves nothing."""
    for attempt in range(10):
        target = tmp_path / str(attempt) / "x"
        process = subprocess.Popen(
            [*SCRIPT, "--output-dir", target], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while process.poll() is None and not target.parent.exists():
            time.sleep(0.001)
        process.send_signal(number)
        out, err = process.communicate()
        if not target.exists():  # else the command was faster than the signal
            break
    assert (process.returncode, out) == (128 + number, "")
    assert err.count("\n") == 1
    assert "Interrupted" in err
    assert not target.parent.exists()


def test_progress_bar_on_a_terminal(tmp_path: Path) -> None:
    """There is one on a terminal (and none in a pipe: see above)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [*SCRIPT, "--output-dir", tmp_path / "x"],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            block = os.read(ours, 1024)
        except OSError:  # the terminal is gone with the process
            break
        if not block:
            break
        shown += block
    os.close(ours)
    assert process.wait() == 0
    assert f"0/{len(CONFIGS)}".encode() in shown
    assert b"config" in shown


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """It names the configs."""
    assert run("--help") == 0
    printed = capsys.readouterr()
    assert all(name in printed.out for name in CONFIGS)
