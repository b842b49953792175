"""`python -m tools.readers`: write the repository, publish it, read it with everything, print the table."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from tools.readers.environments import CHECKS, ENVIRONMENTS, PYTORCH, Environment, unusable
from tools.readers.making import Made, MakingError, make
from tools.readers.reading import read
from tools.readers.subject import ROOT, Subject, SubjectError, published
from tools.readers.table import Row, render

CACHE = ROOT / "build" / "readers"
AT_ONCE = 2  # environments; each reader is one process, mostly busy


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}: see {self.prog} --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        0 if everything opens, 1 if not, 2 for wrong arguments.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # ticks, on any terminal
    parser = _Parser(
        prog="python -m tools.readers",
        description="Read the repository that this project writes with many versions of many readers, each in an "
        "separate environment that is kept in build/readers, and print what opens. Exit code 1 if something "
        "does not.",
        allow_abbrev=False,
    )
    names = [environment.name for environment in ENVIRONMENTS]
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--only", metavar="NAME", action="append", default=[], help=f"this one, may be repeated: {', '.join(names)}"
    )
    choice.add_argument("--quick", action="store_true", help="what CI runs: those that need less than 15 minutes")
    options = parser.parse_args(arguments)
    for name in options.only:
        if name not in names:
            parser.error(f"unknown environment {name!r}: choose from {', '.join(names)}")
    chosen = [
        environment
        for environment in ENVIRONMENTS
        if (environment.name in options.only if options.only else environment.quick or not options.quick)
    ]
    try:
        with tempfile.TemporaryDirectory() as work, published(Path(work)) as subject:
            rows = run(chosen, subject, CACHE)
    except SubjectError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; what was made to the end is kept", file=sys.stderr)
        return 130
    print(render(rows, list(CHECKS)))
    failed = [row.name for row in rows if row.is_failed]
    verdict = f"not everything opens: {', '.join(failed)}" if failed else "everything opens"
    print(f"\nPython {platform.python_version()}, {len(rows)} environments: {verdict}")
    return 1 if failed else 0


def run(chosen: Sequence[Environment], subject: Subject, cache: Path) -> list[Row]:
    """Make the environments and read, some at a time.

    Parameters
    ----------
    chosen : sequence of Environment
    subject : Subject
    cache : Path
        The folder of all environments.

    Returns
    -------
    list of Row
        In the order of `chosen`.
    """
    with (
        tqdm(total=len(chosen), unit="environment", disable=None, leave=False) as bar,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        torch = pool.submit(make, PYTORCH, cache) if PYTORCH in chosen else None
        waiting = []
        for environment in chosen:
            row = pool.submit(_row, environment, subject, cache, torch)
            row.add_done_callback(lambda _: bar.update())
            waiting.append(row)
        try:
            return [row.result() for row in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _row(environment: Environment, subject: Subject, cache: Path, torch: Future[Made] | None) -> Row:
    row = Row(environment.name, known_failure=environment.known_failure)
    if reason := unusable(environment, shutil.which("node"), shutil.which("npm")):
        row.remarks.append(reason)
        return row
    try:
        made = torch.result() if torch and environment is PYTORCH else make(environment, cache)
        row.versions = ", ".join(f"{name} {made.versions[name]}" for name in environment.versions)
        lent = torch.result() if torch and torch.exception() is None else None
    except MakingError as error:
        row.errors = {check: str(error) for reader in environment.readers for check in reader.checks}
        return row
    result = read(environment, made, subject, lent)
    row.errors, row.dtypes, row.remarks = result.errors, result.dtypes, result.remarks
    return row


if __name__ == "__main__":
    sys.exit(main())
