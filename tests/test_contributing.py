"""The steps of CONTRIBUTING.md, followed in a copy of the project without PyTorch and npm."""

from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from loopback import Hub
from tests.golden import ROOT
from tests.pages import commands, copy_checkout, read_blocks

PAGE = ROOT / "CONTRIBUTING.md"
CONFIG = "Add, rename or remove a config"
R = "tester/mnist1d"
LAST = "]\nDEFAULT_CONFIG_NAME"
SHORT = """\
    Config(
        name="short",
        description="Fewer and shorter samples.",
        parameters=Parameters(num_samples=500, template_len=10, final_seq_length=24),
    ),
"""
TESTS = "tests/card tests/test_mnist1d.py tests/publisher/test_[bcp]*.py"  # those that the configs are in
WRITING = "tests/publisher/test_check.py tests/publisher/test_prepare*.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, to change."""
    return copy_checkout(tmp_path / "project")


def change(file: Path, before: str, after: str) -> None:
    """Replace a text that the file has."""
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def run(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in the copy, whatever is installed."""
    missing = project / "missing"  # commands that are found first, and fail
    missing.mkdir(exist_ok=True)
    (missing / "npm").write_text("#!/bin/sh\nexit 1\n")
    (missing / "npm").chmod(0o755)
    path = [str(missing), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(project), "PATH": os.pathsep.join(path)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def steps(heading: str) -> Iterator[str]:
    """Lines of shell below a heading of the page, up to those that need PyTorch."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(f"## {heading}") + 1
    last = next(number for number, line in enumerate(lines[first:], first + 1) if line.startswith("## "))
    found = [block for block in read_blocks(PAGE) if first < block.line < last]
    return itertools.chain.from_iterable(
        commands(block.code) for block in itertools.takewhile(lambda block: "models.py" not in block.code, found)
    )


def follow(project: Path, heading: str, tests: str) -> None:
    """Take the steps below a heading of the page, and run tests."""
    lines = [line for line in steps(heading) if "tools.readers" not in line]  # they build environments; CI runs them
    for line in [*lines, f"{sys.executable} -m pytest -q -n0 -p no:cacheprovider {tests}"]:
        ended = run(project, "bash", "-c", line)
        assert ended.returncode == 0, (line, ended.stdout[-3000:], ended.stderr[-3000:])


def publish(project: Path, hub: Hub, *options: str) -> dict[str, bytes]:
    """Publish; the files of the repository."""
    ended = run(project, sys.executable, "scripts/push_to_hub.py", R, *options)
    assert ended.returncode == 0, ended.stderr
    files = hub.files(R)
    card = files["README.md"].decode()
    pictures = {f"assets/{name}" for name in re.findall(r"\]\(assets/(.+?)\)", card)}
    assert pictures == {path for path in files if path.startswith("assets/")}
    return files


@pytest.mark.slow
def test_config(hub: Hub, project: Path) -> None:
    """A config of another size is added, renamed and removed; in the end all is as it was."""
    pytest.importorskip("matplotlib")
    builder = project / "mnist1d.py"
    before = publish(project, hub)

    change(builder, LAST, SHORT + LAST)
    early = run(project, sys.executable, "scripts/push_to_hub.py", R, "--dry-run")
    assert early.returncode == 2
    assert "shows assets/samples-short.png, which is not in" in early.stderr
    follow(project, CONFIG, TESTS)
    files = publish(project, hub)
    assert {path: files[path] for path in before if path.endswith(".parquet")}.items() <= before.items()
    assert datasets.load_dataset(R, "short", split="test").num_rows == 100
    assert "Fewer and shorter samples." in (project / "build" / "card.html").read_text(encoding="utf-8")

    change(builder, '"short"', '"brief"')
    follow(project, CONFIG, TESTS)
    files = publish(project, hub)
    assert not [path for path in files if "short" in path]
    assert "assets/samples-brief.png" in files
    assert datasets.load_dataset(R, "brief", split="train").num_rows == 400

    change(builder, SHORT.replace("short", "brief", 1), "")
    follow(project, CONFIG, "tests/card")
    assert publish(project, hub) == before
    assert "nothing to do" in run(project, sys.executable, "scripts/push_to_hub.py", R).stdout


@pytest.mark.slow
def test_compression(hub: Hub, project: Path) -> None:
    """Another compression changes nothing by itself; --rewrite replaces all files, also after a dry run."""
    before = publish(project, hub)
    change(project / "publisher" / "prepare" / "parquet.py", '"zstd"', '"gzip"')
    change(project / "tests" / "publisher" / "test_prepare_files.py", '"ZSTD"', '"GZIP"')
    follow(project, "Change compression or encodings", WRITING)
    assert publish(project, hub) == before
    files = publish(project, hub, "--rewrite")
    assert set(before) == set(files)
    for path in [path for path in files if path.endswith(".parquet")]:
        metadata = pq.read_metadata(io.BytesIO(files[path]))
        assert metadata.row_group(0).column(0).compression == "GZIP"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("final_seq_length=80", "final_seq_lenght=80", "'final_seq_lenght'"),
        ("padding=(84, 132)", "padding=(132, 84)", "padding=(132, 84) is not allowed: give"),
        ('name="large-padding"', 'name="shuffled"', "2 configs are named 'shuffled'"),
        ("Parameters(shuffle_seq=True)", 'Parameters(), stream="shraded"', "stream='shraded' is not allowed"),
    ],
)
def test_slips(project: Path, before: str, after: str, words: str) -> None:
    """One sentence of every command that reads the declarations."""
    change(project / "mnist1d.py", before, after)
    for command in (["scripts/push_to_hub.py", "--output-dir", "new"], ["-m", "tools.figures"]):
        ended = run(project, sys.executable, *command)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert not (project / "new").exists()
