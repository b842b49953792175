"""The command for any builder: its source is the first argument."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import datasets

from publisher.card.compose import Card
from publisher.card.default import default_card
from publisher.command.arguments import make_parser
from publisher.command.publish import publish_with
from publisher.command.shell import Parser, run
from publisher.errors import UsageError
from publisher.source import find_builder

FIRST = ("--traceback",)  # options that count before the builder is known


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code, see `publisher.command.arguments.EXIT_CODES`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    found: list[type[datasets.DatasetBuilder]] = []

    def find(options: argparse.Namespace) -> int:
        found.append(find_builder(options.source))
        return 0

    first = _parser()
    words = [*given[:1], *(word for word in given[1:] if word in FIRST)]
    code = run(first, find, words, file_trouble="the script cannot be read", stopped="Interrupted.")
    if not found:
        return code
    builder = found[0]
    parser = make_parser(builder, None, f"{first.prog} {given[0]}")
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


def _parser() -> Parser:
    parser = Parser(
        prog="publish-dataset" if Path(sys.argv[0]).stem == "publish-dataset" else "python -m publisher",
        usage="%(prog)s SOURCE REPO_ID [options]",
        description="Publish what a loading script of `datasets` makes to the Hugging Face Hub, as Parquet files with "
        "a card. This runs the script: look at one that others wrote before.",
        epilog="%(prog)s SOURCE --help shows all options.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="path of a script, of a folder my_data that holds my_data.py, or module:Class",
    )
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    return parser
