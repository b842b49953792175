"""The command line around the publisher: reads arguments, calls, prints."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import datasets
from tqdm import tqdm

from publisher.card import Card
from publisher.configs import File
from publisher.errors import PublishingError, UsageError
from publisher.repository import config_names, replace_folder, write_repository

INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h


def main(
    builder: type[datasets.DatasetBuilder], card: Card, repo_id: str, arguments: Sequence[str] | None = None
) -> int:
    """Run the command for one builder.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    repo_id : str
        The repository that the dataset belongs into.
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 2 wrong arguments or a folder that cannot be written, 70 an error of ours, 128 + n stopped
        by signal n.
    """
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names need not be text
    datasets.disable_progress_bars()
    signal.signal(signal.SIGTERM, _stop)
    parser = _parser(builder)
    options = parser.parse_args(arguments)
    try:
        names = config_names(builder, options.config)
        write = partial(_write, builder, card, repo_id, names)
        _report(options.output_dir, replace_folder(options.output_dir, write), names, builder)
    except PublishingError as error:
        return _fail(parser, error, error.exit_code)
    except OSError as error:
        return _fail(parser, f"{options.output_dir} cannot be written: {error}", UsageError.exit_code)
    except Exception as error:
        return _fail(parser, f"internal error, {type(error).__name__}: {error}: please report it", INTERNAL_ERROR)
    except KeyboardInterrupt as stop:
        number = stop.args[0] if stop.args else signal.SIGINT
        return _fail(parser, f"stopped, {options.output_dir} is as it was", 128 + number)
    return 0


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(number)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(UsageError.exit_code, f"{self.prog}: {message}: see {self.prog} --help\n")


def _parser(builder: type[datasets.DatasetBuilder]) -> argparse.ArgumentParser:
    parser = _Parser(
        description="Write the dataset's repository: Parquet files of every config, and the card.", allow_abbrev=False
    )
    parser.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        required=True,
        help="folder that will hold exactly what the Hub repository holds; it appears when it is whole. It may exist "
        "if it is empty or unchanged since an earlier run",
    )
    parser.add_argument(
        "--config",
        metavar="NAME",
        action="append",
        default=[],
        help=f"write only this config; may be repeated (known: {', '.join(config_names(builder))})",
    )
    return parser


def _write(
    builder: type[datasets.DatasetBuilder], card: Card, repo_id: str, names: list[str], folder: Path
) -> list[File]:
    bar = tqdm(names, unit="config", disable=None, leave=False)
    return write_repository(builder, card, folder, repo_id, bar)


def _report(folder: Path, files: list[File], names: list[str], builder: type[datasets.DatasetBuilder]) -> None:
    width = max(len(file.path) for file in files)
    for file in files:
        of = "" if file.rows is None else f"{file.rows:,} rows"
        print(f"{file.path:{width}}  {of:>14}  {file.size:>13,} bytes")
    rows = sum(file.rows or 0 for file in files)
    print(f"\nWrote {len(files)} files, {rows:,} rows, {sum(file.size for file in files):,} bytes. To load:\n")
    print("    from datasets import load_dataset\n")
    for name in names:
        config = "" if name == builder.DEFAULT_CONFIG_NAME else f', "{name}"'
        print(f'    load_dataset("{folder}"{config})')


def _fail(parser: argparse.ArgumentParser, message: object, exit_code: int) -> int:
    print(f"{parser.prog}: {message}", file=sys.stderr)
    return exit_code
