"""The command for any builder: its source is the first argument."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets

from publisher.builders import RemoteScript, find_builder, find_remote
from publisher.card import Card, default_card
from publisher.cli.arguments import make_parser
from publisher.cli.publish import publish_with
from publisher.cli.shell import Parser, run
from publisher.errors import UsageError
from publisher.hub.http import check_surroundings
from publisher.hub.repository import Repository
from publisher.options import SCRIPT_BRANCH, Options, check_repo_id

FIRST = ("--traceback", "--trust-remote-code")  # options that count before the builder is known


def main(arguments: Sequence[str] | None = None, prog: str = "publish-dataset") -> int:
    """Run the command with arguments, by default those of the process, and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    found: list[tuple[type[datasets.DatasetBuilder], str]] = []

    def find(options: argparse.Namespace) -> int:
        remote = find_remote(options.source, options.trust_remote_code)
        source, place = _download(remote, _work_folder(given)) if remote else (options.source, "")
        found.append((find_builder(source), place))
        return 0

    words = [*given[:1], *(word for word in given[1:] if word in FIRST)]
    trouble = "the script cannot be read"
    code = run(_parser(prog), find, words, file_trouble=trouble, stopped="Interrupted. Nothing was changed.")
    if not found:
        return code
    builder, place = found[0]

    def card(options: argparse.Namespace) -> Card:
        template = getattr(options, "card", None)
        if template is not None and not template.is_file():
            raise UsageError(f"--card {template} does not exist. Give a Jinja template.")
        return default_card(builder, template)

    parser = make_parser(builder, None, f"{prog} {given[0]}", is_script=True)
    return publish_with(parser, builder, card, None, place, given[1:])


def _work_folder(given: Sequence[str]) -> Path:
    """Folder for downloads, before all options can be read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--work-dir", type=Path)
    try:
        return Options("", work_dir=parser.parse_known_args(given)[0].work_dir).work_folder
    except argparse.ArgumentError:  # said when they are
        return Options("").work_folder


def _download(script: RemoteScript, work_folder: Path) -> tuple[str, str]:
    """Fetch a repository with its script as it is now: the script's path and class, and what it is called."""
    check_repo_id("SOURCE", script.repo_id)
    check_surroundings()
    repository = Repository(script.repo_id)
    state = repository.find(script.revision)
    if state is None:
        raise UsageError(f"{repository.url} does not exist, or this token cannot see it.")
    if script.file not in state.files:
        raise UsageError(
            f"{repository.url} holds no {script.file} at its revision {script.revision}. Give another one, as in "
            f"{script.repo_id}@{SCRIPT_BRANCH}, or the path of a script."
        )
    folder = work_folder / "downloads" / f"{script.repo_id.replace('/', '--')}-{state.commit}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    repository.download(state.commit, folder)
    return f"{folder / script.file}{script.builder}", f"{script.repo_id} at commit {state.commit}"


def _parser(prog: str) -> Parser:
    parser = Parser(
        prog=prog,
        usage="%(prog)s SOURCE REPO_ID [options]",
        description="Publish what a loading script of `datasets` makes to the Hugging Face Hub, as Parquet files with "
        "a card. This runs the script: if another user wrote it, read it first.",
        epilog="%(prog)s SOURCE --help shows all options.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="path of a script, of a folder my_data that holds my_data.py, or module:Class; or a repository on the Hub "
        "that holds its script, owner/name",
    )
    parser.add_argument("--trust-remote-code", action="store_true", help="run the script of a repository on the Hub")
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    return parser
