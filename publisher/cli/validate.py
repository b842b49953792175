"""The command that checks a repository: reads arguments, calls, prints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from publisher.check.examine import examine
from publisher.cli.shell import Parser, run
from publisher.errors import DifferenceError, UsageError
from publisher.hub.http import offline_variable
from publisher.options import MAIN

EXIT_CODES = """\
exit codes: 0 nothing found; 1 findings; 2 wrong arguments, or a file that cannot be read; 3 the Hub refused or could
not be reached; 70 an error of this program; 128 + n stopped by signal n"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with arguments, by default those of the process, and return its exit code, see `EXIT_CODES`."""
    return run(
        _parser(), _act, arguments, file_trouble="a file cannot be read", stopped="Interrupted. Nothing was changed."
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        description="Check a dataset repository: the card's YAML, links and numbers; schema, footer and pages of each "
        "Parquet file; digests and encodings of what the card's record says the publisher wrote; that no row is in two "
        "splits of a config. One line for each finding; nothing is changed.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="SOURCE", help="a folder, or namespace/name on the Hub; a folder wins")
    parser.add_argument("--revision", metavar="REV", help=f"branch, tag or commit on the Hub (default: {MAIN})")
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")
    return parser


def _act(options: argparse.Namespace) -> int:
    if options.revision is not None and not options.revision.strip():
        raise UsageError("--revision is empty. Give a branch, tag or commit.")
    if (name := offline_variable()) and not Path(options.source).exists():
        raise UsageError(f"{options.source!r} is not a folder, and {name} is set. Unset it, or give a folder.")
    report = examine(options.source, options.revision)
    if options.json:
        found = {name: getattr(report, name) for name in ("commit", "configs", "files", "findings")}
        print(json.dumps({"source": options.source, **found}, indent=2))
    else:
        for finding in report.findings:
            print(finding)
        at = f" at commit {report.commit}" if report.commit else ""
        counted = [
            _count(len(report.findings), "finding"),
            _count(len(report.files), "file"),
            _count(len(report.configs), "config"),
        ]
        print(f"{options.source}{at}: {counted[0]} in {counted[1]} of {counted[2]}")
    return DifferenceError.exit_code if report.findings else 0


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
