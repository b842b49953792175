"""The matrix of readers: declarations and judgements. CI makes the environments and runs the matrix."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tools.readers.__main__ import main
from tools.readers.environments import CHECKS, ENVIRONMENTS
from tools.readers.reading import READERS, judge
from tools.readers.subject import ROOT, describe

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
    """Names are unique, scripts exist, every check is a column and every column is checked; all are documented."""
    assert len({environment.name for environment in ENVIRONMENTS}) == len(ENVIRONMENTS)
    readers = {reader for environment in ENVIRONMENTS for reader in environment.readers}
    assert {reader.script for reader in readers} == {path.name for path in READERS.glob("with_*")}
    assert {check for reader in readers for check in reader.checks} == set(CHECKS)
    text = (ROOT / "tools" / "readers" / "README.md").read_text(encoding="utf-8")
    assert all(f"| {environment.name} " in text for environment in ENVIRONMENTS)
    assert " | ".join(CHECKS) in " ".join(text.split())


def test_readers_are_independent() -> None:
    """Readers import nothing of the project, except the builder where the reader is the builder."""
    ours = {"generator", "publisher", "card", "tests", "tools", "mnist1d"}
    for script in READERS.glob("*.py"):
        imports = set(re.findall(r"^\s*(?:from|import) (\w+)", script.read_text(encoding="utf-8"), re.MULTILINE))
        assert imports & ours == ({"mnist1d"} if script.name == "with_class.py" else set())


def test_judge() -> None:
    """Everything as expected is right; anything else, another dtype or one other bit, is named."""
    assert judge("folder", found(), EXPECTED) == ""
    assert judge("train+test", found("train+test", ("train+test",)), EXPECTED) == ""
    assert judge("Hub", found(), EXPECTED) == "nothing was read"
    assert judge("folder", found()[:-1], EXPECTED) == "shuffled, test was not read (folder)"
    assert judge("folder", found(rows=2), EXPECTED) == "default, train (folder): rows is 2 instead of 3"
    for columns, message in [
        (describe(x.astype("float32"), y), "x is float32 "),
        (describe(-x, y), "x is float64 "),  # -0.0 is not 0.0, bit for bit
        (describe(x, y[::-1].copy()), "y is int64 "),
    ]:
        assert message in judge("folder", found(**columns), EXPECTED)


@pytest.mark.parametrize("arguments", [["--only", "numpy"], ["--fast"], ["--quick", "--only", "polars"], ["polars"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 2, before anything is done."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("python -m tools.readers: ")
