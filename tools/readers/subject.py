"""What is read: the repository as a folder and on a Hub on loopback, both written by the real command."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generator import make_dataset
from loopback import WRITE_TOKEN, Hub
from mnist1d import Mnist1D
from publisher.card.record import RECORD, read_record
from publisher.prepare.configs import data_folder

ROOT = Path(__file__).parents[2]
REPO_ID = "tester/mnist1d"
SCRIPT = ROOT / "scripts" / "push_to_hub.py"
Columns = dict[str, Any]  # rows, and digest and dtype of x and y


@dataclass(frozen=True)
class Subject:
    """What the readers get, and what they have to find."""

    hub: Hub
    package: Path  # the project as pip installs it
    plan: dict[str, Any]  # what a reader is told
    expected: dict[str, dict[str, Columns]]  # config -> split, or both as one -> columns


class SubjectError(Exception):
    """The repository could not be written or published; says why in one line."""


@contextmanager
def published(work: Path) -> Iterator[Subject]:
    """Write the repository below a folder, publish it to a separate Hub, and keep both while it is read.

    Parameters
    ----------
    work : Path
        A folder that is empty.

    Yields
    ------
    Subject

    Raises
    ------
    SubjectError
    """
    folder, package = work / "repository", work / "package"
    with Hub() as hub:
        environment = hub.environment(WRITE_TOKEN, PYTHONPATH=str(ROOT))
        _run(environment, str(SCRIPT), "--output-dir", str(folder))
        _run(environment, str(SCRIPT), REPO_ID)
        pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps")
        _run(None, *pip, "--target", str(package), str(ROOT))
        default = Mnist1D.DEFAULT_CONFIG_NAME
        plan = {
            "folder": str(folder),
            "repo_id": REPO_ID,
            "hub": hub.url,
            "script": str(ROOT / "mnist1d.py"),
            "configs": {name: data_folder(name, default) for name in Mnist1D.builder_configs},
        }
        yield Subject(hub, package, plan, _expected(folder))


def describe(x: np.ndarray, y: np.ndarray) -> Columns:
    """Rows, digests and dtypes, in the form in which readers give them.

    Examples
    --------
    >>> describe(np.zeros((2, 40)), np.zeros(2, np.int64))["x"]
    ['float64', '9e132485d5107211...']
    """
    named = {"x": x, "y": y}
    digests = {name: [str(array.dtype), hashlib.sha256(array.tobytes()).hexdigest()] for name, array in named.items()}
    return {"rows": len(x), **digests}


def _expected(folder: Path) -> dict[str, dict[str, Columns]]:
    """The digests of the record, and of both splits as one, which the card does not have."""
    record = read_record((folder / RECORD).read_text(encoding="utf-8"))
    assert record is not None
    expected = {}
    for name, config in Mnist1D.builder_configs.items():
        data = make_dataset(config.parameters)
        both = describe(np.concatenate([data.x, data.x_test]), np.concatenate([data.y, data.y_test]))
        columns = {"train": describe(data.x, data.y), "test": describe(data.x_test, data.y_test)}
        for split, digests in record.configs[name].digests.items():
            if digests != {column: columns[split][column][1] for column in digests}:
                raise SubjectError(f"the record's digests of {name}, {split} differ from the generator's")
        expected[name] = {**columns, "train+test": both}
    return expected


def _run(environment: dict[str, str] | None, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise SubjectError(f"{json.dumps(list(arguments[:2]))} ended with exit code {done.returncode}: {said[-1]}")
