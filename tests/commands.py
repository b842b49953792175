"""Commands in this process, which takes milliseconds; another process would import libraries for seconds."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import datasets
import pytest

from publisher import Card


class Ended(NamedTuple):
    """Exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str


def run_command(
    arguments: Sequence[object],
    dataset: tuple[type[datasets.DatasetBuilder], Card, str] | Callable[[list[str]], int] | None = None,
    env: Mapping[str, str | None] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Ended:
    """Run a command in this process; an exception of the command, which a user would see as a traceback, is raised.

    Parameters
    ----------
    arguments : sequence
        Each is turned into text.
    dataset : (builder, card, repo_id), or a function that takes the arguments and returns the exit code
        None: the command `publish-dataset`, whose first argument is a script.
    env : mapping of str to str or None
        Variables for the time of the command; None unsets one. Variables that libraries read while they are imported,
        such as HF_ENDPOINT, need another process.
    cwd : path
        The current folder for the time of the command.
    """
    words = [str(argument) for argument in arguments]
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(streams[0]),
        contextlib.redirect_stderr(streams[1]),
    ):
        for name, value in (env or {}).items():
            patched.delenv(name, raising=False) if value is None else patched.setenv(name, value)
        if cwd is not None:
            patched.chdir(Path(cwd))
        code = _run(words, dataset)
    out, err = (stream.buffer.getvalue().decode() for stream in streams)
    return Ended(code, out, err)


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _run(
    words: list[str], dataset: tuple[type[datasets.DatasetBuilder], Card, str] | Callable[[list[str]], int] | None
) -> int:
    from publisher import main
    from publisher.cli.commands import publish_dataset

    try:
        if dataset is None:
            return publish_dataset(words)
        return dataset(words) if callable(dataset) else main(*dataset, words)
    except SystemExit as end:  # argparse ends this way
        return int(end.code or 0)
