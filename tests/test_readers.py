"""The matrix of readers: what is kept between runs, what is judged, what is printed. CI runs the matrix itself."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tools.readers.__main__ import main
from tools.readers.environments import CHECKS, ENVIRONMENTS, Environment, unusable
from tools.readers.making import MARKER, WEEK, MakingError, folder_of, is_made, make
from tools.readers.reading import READERS, judge
from tools.readers.subject import ROOT, describe
from tools.readers.table import Row, render

EMPTY = Environment("empty", ("pip",), (), ())  # made without a network: pip is there already
CONFIGS = ("default", "shuffled")
x, y = np.zeros((3, 4)), np.arange(3)
EXPECTED = {config: {split: describe(x, y) for split in ("train", "test", "train+test")} for config in CONFIGS}


def found(check: str = "folder", splits: tuple[str, ...] = ("train", "test"), **changed: Any) -> list[dict[str, Any]]:
    """Output of a reader that found everything."""
    return [
        {"check": check, "place": "folder", "config": config, "split": split, **EXPECTED[config][split], **changed}
        for config in CONFIGS
        for split in splits
    ]


def test_declarations() -> None:
    """Names are unique, scripts exist, every check is a column and every column is checked."""
    assert len({environment.name for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)
    readers = {reader for environment in ENVIRONMENTS for reader in environment.readers}
    assert {reader.script for reader in readers} == {path.name for path in READERS.glob("with_*")}
    assert {check for reader in readers for check in reader.checks} == set(CHECKS)


def test_readers_are_independent() -> None:
    """Readers import nothing of the project, but for the builder where that is what is tried."""
    ours = {"generator", "publisher", "card", "tests", "tools", "mnist1d"}
    for script in READERS.glob("*.py"):
        imports: set[str] = set()
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imports |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                imports.add(str(node.module).partition(".")[0])
        assert imports & ours == ({"mnist1d"} if script.name == "with_class.py" else set())


def test_documented() -> None:
    """The README's table has a row for each environment and a column for each check."""
    text = (ROOT / "tools" / "readers" / "README.md").read_text(encoding="utf-8")
    for environment in ENVIRONMENTS:
        assert f"| {environment.name} " in text
    assert " | ".join(CHECKS) in " ".join(text.split())


def test_folder_follows_declaration(tmp_path: Path) -> None:
    """Another requirement is another folder; what only reads or is shown is not."""
    folder = folder_of(EMPTY, tmp_path)
    assert folder.name.startswith("empty-")
    assert folder == folder_of(replace(EMPTY, quick=False, versions=("numpy",)), tmp_path)
    assert folder != folder_of(replace(EMPTY, requirements=("numpy",)), tmp_path)
    assert folder != folder_of(replace(EMPTY, node=True), tmp_path)


def test_newest_lasts_a_week(tmp_path: Path) -> None:
    """Environments without pins are made again after a week, pinned ones are kept."""
    marker = tmp_path / MARKER
    marker.write_text("{}", encoding="utf-8")
    pinned, newest = (replace(EMPTY, requirements=(text,)) for text in ("numpy==2.0.0", "numpy"))
    assert is_made(pinned, marker)
    assert is_made(newest, marker)
    old = time.time() - WEEK - 60
    os.utime(marker, (old, old))
    assert is_made(pinned, marker)
    assert not is_made(newest, marker)


@pytest.mark.slow
def test_made_once_and_after_an_interruption(tmp_path: Path) -> None:
    """A whole environment is kept; one without its marker is made anew; one of an earlier declaration goes."""
    earlier = tmp_path / "empty-0123abcd"
    (earlier / "lib").mkdir(parents=True)
    other = tmp_path / "empty-too-0123abcd"
    other.mkdir()
    made = make(EMPTY, tmp_path)
    assert subprocess.run([made.python, "-c", ""], check=False).returncode == 0
    assert "pip" in made.versions
    assert not earlier.exists()
    assert other.exists()

    trace = made.folder / "trace"
    trace.touch()
    assert make(EMPTY, tmp_path) == made
    assert trace.exists()

    (made.folder / MARKER).unlink()
    assert make(EMPTY, tmp_path) == made
    assert not trace.exists()


@pytest.mark.slow
def test_impossible_requirement(tmp_path: Path) -> None:
    """Failed installations are reported in one line, and tried again the next time."""
    impossible = replace(EMPTY, requirements=(str(tmp_path / "nothing.whl"),))
    with pytest.raises(MakingError, match=r"could not be made: ERROR: .*nothing\.whl"):
        make(impossible, tmp_path)
    assert not is_made(impossible, folder_of(impossible, tmp_path) / MARKER)


def test_unusable() -> None:
    """Without Node, or with a Python that is too new, an environment is skipped with a reason."""
    assert unusable(EMPTY, None, None) == ""
    assert "node and npm" in unusable(replace(EMPTY, node=True), "node", None)
    assert unusable(replace(EMPTY, node=True), "node", "npm") == ""
    assert "no wheels for Python 3." in unusable(replace(EMPTY, python_below=sys.version_info[:2]), None, None)


def test_judge() -> None:
    """Everything as expected is right; anything else is named."""
    assert judge("folder", found(), EXPECTED) == ""
    assert judge("train+test", found("train+test", ("train+test",)), EXPECTED) == ""
    assert judge("Hub", found(), EXPECTED) == "nothing was read"
    assert judge("folder", found()[:-1], EXPECTED) == "shuffled, test was not read (folder)"
    assert judge("folder", found(rows=2), EXPECTED) == "default, train (folder): rows is 2 instead of 3"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (describe(x.astype("float32"), y), "x is float32 "),
        (describe(x, y.astype("int32")), "y is int32 "),
        (describe(-x, y), "x is float64 "),  # -0.0 is not 0.0, bit for bit
        (describe(x, y[::-1].copy()), "y is int64 "),
    ],
)
def test_judge_columns(columns: dict[str, Any], message: str) -> None:
    """Another dtype, or one other bit, is wrong."""
    assert message in judge("folder", found(**columns), EXPECTED)


def test_answer() -> None:
    """Output of readers has the form that is judged; errors are kept next to the results."""
    program = """
import numpy as np
from answer import Answer
answer = Answer()
with answer.checking("files"):
    answer.found("files", "files", "default", "train", np.zeros((3, 4)), np.arange(3))
    raise ValueError("first\\n\\nlast")
answer.told("way", x=np.zeros(1, "float32"))
answer.print()
"""
    command = [sys.executable, "-c", program, "{}"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(READERS)}, capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert {**answer["read"][0]}.items() >= describe(x, y).items()
    assert answer["read"][0]["x"][1] == hashlib.sha256(bytes(96)).hexdigest()
    assert answer["errors"] == {"files": "ValueError: last"}
    assert answer["dtypes"] == {"way": "x float32"}


def test_table() -> None:
    """Ticks, crosses, dashes; errors, remarks and dtypes below, each once."""
    dtypes = {'set_format("numpy")': "x float32, y int64"}
    rows = [
        Row("good", "numpy 2", {"files": "", "Hub": ""}, dtypes),
        Row("bad", "numpy 1", {"files": "too old", "Hub": "too old"}, dtypes, ["ended with exit code 1"]),
        Row("known", "", {"files": "no codec"}, known_failure="it never could"),
        Row("away", remarks=["skipped: needs node"]),
    ]
    assert [row.is_failed for row in rows] == [False, True, False, False]
    assert render(rows, ["files", "Hub"]) == (
        "| environment | files | Hub | versions |\n"
        "|-------------|-------|-----|----------|\n"
        "| good        | ✓     | ✓   | numpy 2  |\n"
        "| bad         | ✗     | ✗   | numpy 1  |\n"
        "| known       | (✗)   | –   |          |\n"
        "| away        | –     | –   |          |\n"
        "\n"
        "- bad: ended with exit code 1\n"
        "- bad, files, Hub: too old\n"
        "- known, known: it never could\n"
        "- known, files: no codec\n"
        "- away: skipped: needs node\n"
        '- `set_format("numpy")` gives x float32, y int64: good, bad'
    )


@pytest.mark.parametrize("arguments", [["--only", "numpy"], ["--fast"], ["--quick", "--only", "polars"], ["polars"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 2, before anything is done."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("python -m tools.readers: ")
    assert printed.err.count("\n") == 1
