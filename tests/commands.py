"""Commands in this process, which takes milliseconds; another process would import libraries for seconds."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import datasets

from publisher import Card


class Ended(NamedTuple):
    """Exit code and output of a command."""

    exit_code: int
    stdout: str
    stderr: str

    def refusal(self, code: int = 2) -> str:
        """The one line on standard error of a command that ended with this exit code."""
        assert (self.exit_code, self.stderr.count("\n")) == (code, 1), self
        return self.stderr


Run = Callable[..., Ended]  # a command of a fixture


def run_command(
    arguments: Iterable[object],
    dataset: tuple[type[datasets.DatasetBuilder], Card, str] | Callable[[list[str]], int] | None = None,
) -> Ended:
    """Run a command in this process; an exception of the command, which a user would see as a traceback, is raised.

    The dataset is what `publisher.main` takes first, or a function of the arguments that returns the exit code. None:
    the command `publish-dataset`, whose first argument is a script.
    """
    from publisher import main
    from publisher.cli.commands import publish_dataset

    command = partial(main, *dataset) if isinstance(dataset, tuple) else dataset or publish_dataset
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            code = command([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends this way
            code = int(end.code or 0)
    out, err = (stream.buffer.getvalue().decode() for stream in streams)
    return Ended(code, out, re.sub(r".* s so far\n", "", err))  # lines of a busy machine


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
