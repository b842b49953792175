"""Run the readers of an environment, and judge what they found."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.readers.environments import Environment, Reader
from tools.readers.making import Made
from tools.readers.subject import Columns, Subject

READERS = Path(__file__).with_name("scripts")
TIMEOUT = 600  # seconds
BOTH = "train+test"
# Appends a folder behind the environment's own packages, so that only what these lack comes from there.
BORROW = "import runpy, sys; sys.path.append(sys.argv.pop(1)); sys.argv.pop(0); \
sys.path[0] = sys.argv[0].rpartition('/')[0]; runpy.run_path(sys.argv[0], run_name='__main__')"

Expected = dict[str, dict[str, Columns]]  # config -> split -> columns


@dataclass
class Result:
    """What an environment could do."""

    errors: dict[str, str] = field(default_factory=dict)  # check -> what went wrong; empty: it passed
    dtypes: dict[str, str] = field(default_factory=dict)  # way of reading -> dtypes
    remarks: list[str] = field(default_factory=list)


def read(environment: Environment, made: Made, subject: Subject, torch: Made | None) -> Result:
    """Run all readers of an environment.

    Parameters
    ----------
    environment : Environment
    made : Made
    subject : Subject
    torch : Made or None
        Whose PyTorch an environment without one uses.

    Returns
    -------
    Result
    """
    result = Result()
    for reader in environment.readers:
        borrowed = None
        if "torch" in reader.checks and "torch" not in made.versions:
            if torch is None:
                continue
            borrowed = _site_packages(torch)
        _run(reader, made, subject, borrowed, result)
    return result


def judge(check: str, found: list[dict[str, Any]], expected: Expected) -> str:
    """What is wrong with what a reader found, or nothing.

    Parameters
    ----------
    check : str
    found : list of dict
        What `scripts/answer.py` collects.
    expected : dict

    Returns
    -------
    str

    Examples
    --------
    >>> right = {"rows": 1, "x": ["float64", "a1"], "y": ["int64", "b2"]}
    >>> found = {"check": "files", "place": "files", "config": "default", "split": "train", **right}
    >>> judge("files", [found], {"default": {"train": right, "test": right}})
    'default, test was not read (files)'
    """
    mine = [columns for columns in found if columns["check"] == check]
    if not mine:
        return "nothing was read"
    for columns in mine:
        wanted = expected[columns["config"]][columns["split"]]
        for name, value in wanted.items():
            if columns[name] != value:
                where = f"{columns['config']}, {columns['split']} ({columns['place']})"
                return f"{where}: {name} is {_short(columns[name])} instead of {_short(value)}"
    splits = [BOTH] if check == BOTH else ["train", "test"]
    read = {(columns["place"], columns["config"], columns["split"]) for columns in mine}
    for place in sorted({columns["place"] for columns in mine}):
        for config in expected:
            for split in splits:
                if (place, config, split) not in read:
                    return f"{config}, {split} was not read ({place})"
    return ""


def _run(reader: Reader, made: Made, subject: Subject, borrowed: Path | None, result: Result) -> None:
    with tempfile.TemporaryDirectory() as elsewhere:
        command = _command(reader, made, borrowed)
        inherited = subject.hub.environment(PYTHONPATH=str(subject.package) if reader.needs_project else "")
        try:
            done = subprocess.run(
                [*command, json.dumps(subject.plan)],
                cwd=elsewhere,
                env=inherited,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            result.errors |= dict.fromkeys(reader.checks, f"no answer in {TIMEOUT} seconds")
            return
    answers = [line for line in done.stdout.splitlines() if line.startswith('{"read"')]
    if not answers:
        said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        result.errors |= dict.fromkeys(reader.checks, said[-1] if said else f"exit code {done.returncode}")
        return
    answer = json.loads(answers[-1])
    for check in reader.checks:
        result.errors[check] = answer["errors"].get(check) or judge(check, answer["read"], subject.expected)
    result.dtypes |= answer["dtypes"]
    if done.returncode:
        result.remarks.append(f"{reader.script} found all this, then ended with exit code {done.returncode}")


def _command(reader: Reader, made: Made, borrowed: Path | None) -> list[str]:
    script = READERS / reader.script
    if script.suffix == ".mjs":  # Node looks for packages next to the script
        copied = made.folder / script.name
        shutil.copyfile(script, copied)
        return [shutil.which("node") or "node", str(copied)]
    if borrowed:
        return [str(made.python), "-c", BORROW, str(borrowed), str(script)]
    return [str(made.python), str(script)]


def _site_packages(made: Made) -> Path:
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return next(made.folder.glob(pattern))


def _short(value: Any) -> str:
    return f"{value[0]} {value[1][:8]}..." if isinstance(value, list) else str(value)
