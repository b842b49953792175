"""The steps of CONTRIBUTING.md for a config, on a copy of the project: one is added, one renamed, one removed."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest

from loopback import Hub

ROOT = Path(__file__).parents[1]
PARTS = ("mnist1d_authors", "generator", "publisher", "card", "explorer", "tools", "scripts", "mnist1d.py")
R = "tester/mnist1d"
QUIET = """    Config(
        name="quiet",
        description="Without noise.",
        parameters=Parameters(iid_noise_scale=0.0, corr_noise_scale=0.0),
    ),
]
DEFAULT_CONFIG_NAME"""
SHUFFLED = re.compile(r'    Config\(\s*name="shuffled",.*?\n    \),\n', re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What a maintainer changes."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    return folder


def declare(project: Path, before: str, after: str) -> None:
    """Change the declarations, which are nowhere else."""
    path = project / "mnist1d.py"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def run(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Python in the copy, whatever is installed."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_steps(hub: Hub, project: Path, tmp_path: Path, network: None) -> None:
    """Declaration, pictures, table, preview, publish: every step follows from the first."""
    pytest.importorskip("matplotlib")
    push = Path("scripts", "push_to_hub.py")
    assert run(project, push, R).returncode == 0
    before = hub.files(R)
    declare(project, "]\nDEFAULT_CONFIG_NAME", QUIET)
    declare(project, 'name="large-padding"', 'name="wide"')
    declare(project, SHUFFLED.findall((project / "mnist1d.py").read_text(encoding="utf-8"))[0], "")

    early = run(project, push, R, "--dry-run")
    assert early.returncode == 2
    assert "shows assets/samples-wide.png, which is not in" in early.stderr
    drawn = run(project, "-m", "tools.figures")
    if "npm" in drawn.stderr:
        pytest.skip(drawn.stderr)
    assert drawn.returncode == 0
    assert re.findall(r"removed .*samples-(.+)\.png", drawn.stdout) == ["large-padding", "shuffled"]

    if importlib.util.find_spec("torch"):
        trained = run(
            project, "tools/benchmarks/models.py", "--steps", "1", "--seeds", "1", "--output", "card/models.json"
        )
        assert trained.returncode == 0
        again = run(
            project, "tools/benchmarks/models.py", "--steps", "1", "--seeds", "1", "--output", "card/models.json"
        )
        assert trained.stdout.splitlines()[:-1] == again.stdout.splitlines()[:-1]
        assert run(project, "-m", "tools.figures").returncode == 0
    assert run(project, push, "--preview", tmp_path / "card.html").returncode == 0
    assert "Without noise." in (tmp_path / "card.html").read_text(encoding="utf-8")

    published = run(project, push, R)
    assert published.returncode == 0, published.stderr
    files = hub.files(R)
    card = files["README.md"].decode()
    pictures = re.findall(r"!\[[^\]]+\]\((.+?)\)", card)
    assert sorted(pictures) == sorted(path for path in files if path.startswith("assets/"))
    assert {path for path in files if "samples-" in path} == {
        f"assets/samples-{name}.png" for name in ("default", "quiet", "wide")
    }
    prose = card.split("<!--")[0]
    assert "shuffled`" not in prose
    assert "large-padding" not in prose
    assert ("| `wide`, measured |" in prose) == bool(importlib.util.find_spec("torch"))
    names = {path.split("/")[0] for path in files if path.endswith(".parquet")}
    assert names == {"data", "quiet", "wide"}
    moved = {path: content for path, content in before.items() if path.startswith("large-padding/")}
    assert {files[path.replace("large-padding", "wide")][:4] for path in moved} == {b"PAR1"}
    for name in ("default", "quiet", "wide"):
        assert datasets.load_dataset(R, name, split="test").num_rows == 1000
    assert "nothing to do" in run(project, push, R).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("final_seq_length=80", "final_seq_lenght=80", "'final_seq_lenght'"),
        ("padding=(84, 132)", "padding=(132, 84)", "padding=(132, 84) is not allowed: give"),
        ('name="large-padding"', 'name="shuffled"', "2 configs are named 'shuffled'"),
        ('DEFAULT_CONFIG_NAME = "default"', 'DEFAULT_CONFIG_NAME = "defualt"', "'defualt', which is no config"),
        ("Parameters(shuffle_seq=True)", 'Parameters(), stream="shraded"', "stream='shraded' is not allowed"),
    ],
)
def test_slips(project: Path, before: str, after: str, words: str) -> None:
    """One sentence of every command that reads the declarations."""
    declare(project, before, after)
    for command in (["scripts/push_to_hub.py", "--output-dir", "new"], ["-m", "tools.figures"]):
        ended = run(project, *command)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert words in ended.stderr
        assert ended.stderr.count("\n") == 1
    assert not (project / "new").exists()
