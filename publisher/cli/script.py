"""The command for any builder: its source is the first argument."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets

from publisher.builders import RemoteScript, find_builder, find_remote
from publisher.card.compose import Card
from publisher.card.default import default_card
from publisher.cli.arguments import make_parser
from publisher.cli.publish import publish_with
from publisher.cli.shell import Parser, run
from publisher.errors import UsageError
from publisher.hub.local import check_surroundings
from publisher.hub.names import check_repo_id
from publisher.hub.reading import Reader
from publisher.options import SCRIPT_BRANCH
from publisher.scale.job import default_root

FIRST = ("--traceback", "--trust-remote-code")  # options that count before the builder is known


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with arguments, by default those of the process, and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    found: list[tuple[type[datasets.DatasetBuilder], str]] = []

    def find(options: argparse.Namespace) -> int:
        remote = find_remote(options.source, options.trust_remote_code)
        source, place = _download(remote) if remote else (options.source, "")
        found.append((find_builder(source), place))
        return 0

    first = _parser()
    words = [*given[:1], *(word for word in given[1:] if word in FIRST)]
    code = run(first, find, words, file_trouble="the script cannot be read", stopped="Interrupted.")
    if not found:
        return code
    builder, place = found[0]
    parser = make_parser(builder, None, f"{first.prog} {given[0]}")
    parser.set_defaults(from_hub=place)
    _add_trust(parser)
    parser.add_argument(
        "--card",
        metavar="FILE.md.jinja",
        type=Path,
        help="a template of your own for the card's text, in place of one that shows what the builder says of itself",
    )

    def card(options: argparse.Namespace) -> Card:
        if options.card is not None and not options.card.is_file():
            raise UsageError(f"--card {options.card}: there is no such file: give a Jinja template")
        return default_card(builder, options.card)

    return publish_with(parser, builder, card, given[1:])


def _download(script: RemoteScript) -> tuple[str, str]:
    """Fetch a repository with its script as it is now: the script's path and class, and what it is called."""
    check_repo_id("SOURCE", script.repo_id)
    check_surroundings()
    repository = Reader(script.repo_id)
    state = repository.find(script.revision)
    if state is None:
        raise UsageError(f"{repository.url} is not there, or the token may not see it")
    if script.file not in state.files:
        raise UsageError(
            f"{repository.url} holds no {script.file} at its revision {script.revision}: give another one, as in "
            f"{script.repo_id}@{SCRIPT_BRANCH}, or the path of a script"
        )
    folder = default_root() / "scripts" / f"{script.repo_id.replace('/', '--')}-{state.commit}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    repository.download(state.commit, folder)
    return f"{folder / script.file}{script.builder}", f"{script.repo_id} at commit {state.commit}"


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust-remote-code", action="store_true", help="run the script of a repository on the Hub: code of others"
    )


def _parser() -> Parser:
    parser = Parser(
        prog="publish-dataset" if Path(sys.argv[0]).stem == "publish-dataset" else "python -m publisher",
        usage="%(prog)s SOURCE REPO_ID [options]",
        description="Publish what a loading script of `datasets` makes to the Hugging Face Hub, as Parquet files with "
        "a card. This runs the script: read one by somebody else first.",
        epilog="%(prog)s SOURCE --help shows all options.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="path of a script, of a folder my_data that holds my_data.py, or module:Class; or a repository on the Hub "
        "that holds its script, owner/name",
    )
    _add_trust(parser)
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    return parser
