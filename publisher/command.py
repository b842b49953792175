"""The command line around the publisher: reads arguments, calls, prints."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import datasets
import huggingface_hub
from tqdm import tqdm

from publisher.card import Card, config_order
from publisher.configs import File
from publisher.errors import DifferenceError, PublishingError, UsageError
from publisher.hub import MAIN
from publisher.preview import check_preview, render, write_preview
from publisher.printing import as_json, print_files, print_loading, print_plan
from publisher.publish import Outcome, Target, look, publish, verify
from publisher.repository import Build, build, config_names, replace_folder
from publisher.shell import Parser, check_ref, check_repo_id, run

OFFLINE = ("revision", "create_pr", "tag", "message", "private", "overwrite_card", "json")
MEANINGLESS = {
    "--output-dir": OFFLINE,
    "--preview": OFFLINE,
    "--verify": ("create_pr", "tag", "message", "private", "overwrite_card"),
}
EXIT_CODES = """\
exit codes: 0 done or nothing to do; 1 the repository differs from what is wanted; 2 wrong arguments, or a folder that
cannot be written; 3 the Hub refused or could not be reached; 70 an error of this program; 128 + n stopped by
signal n"""


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
        Exit code, see `EXIT_CODES`.
    """
    datasets.disable_progress_bars()

    def act(options: argparse.Namespace) -> int:
        _check(options)
        return _run(builder, card, options)

    return run(
        _parser(builder, repo_id),
        act,
        arguments,
        file_trouble="a file cannot be read or written",
        stopped="stopped: what was asked for is done as a whole or not at all",
    )


def _parser(builder: type[datasets.DatasetBuilder], repo_id: str) -> argparse.ArgumentParser:
    parser = Parser(
        description="Publish all configs of the dataset and its card to the Hugging Face Hub, in one commit that is "
        "verified; or write what the Hub repository contains to a folder. Run it as often as you like: what is there "
        "already is left alone, and so is everything that others added.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("repo_id", metavar="REPO_ID", nargs="?", default=repo_id, help="namespace/name (default: %(default)s)")
    names = ", ".join(config_order(builder))
    add("--config", metavar="NAME", action="append", default=[], help=f"only this config, may be repeated: {names}")

    modes = parser.add_argument_group("instead of publishing").add_mutually_exclusive_group()
    modes.add_argument("--dry-run", action="store_true", help="show what a publish would change; needs no token")
    modes.add_argument(
        "--verify",
        action="store_true",
        help="compare the Hub with what is wanted, and open each config with load_dataset; exit code 1 if it differs",
    )
    modes.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="write to a folder, without token or network; it appears when it is whole. It may exist if it is empty, "
        "or unchanged since an earlier run, whose files are replaced",
    )

    modes.add_argument(
        "--preview",
        metavar="FILE.html",
        type=Path,
        help="write the card as a page for a browser, much as the Hub will show it, without token or network",
    )

    hub = parser.add_argument_group("publishing")
    hub.add_argument("--revision", metavar="BRANCH", help=f"made if missing (default: {MAIN})")
    hub.add_argument("--create-pr", action="store_true", help="open a pull request instead of committing to the branch")
    hub.add_argument("--tag", metavar="NAME", help="name the commit")
    hub.add_argument("--message", metavar="TEXT", help=f'default: "{Target.message}"')
    hub.add_argument("--private", action="store_true", help="make the repository private if it has to be made")
    hub.add_argument("--overwrite-card", action="store_true", help="replace a card that somebody else wrote or edited")
    hub.add_argument("--json", action="store_true", help="print one JSON object for programs")
    return parser


def _check(options: argparse.Namespace) -> None:
    """Refuse arguments that are wrong by themselves or do not go together."""
    check_repo_id("REPO_ID", options.repo_id)
    for name in ("revision", "tag"):
        check_ref(f"--{name}", getattr(options, name))
    if options.message is not None and not options.message.strip():
        raise UsageError("--message is empty: give a text")
    if options.create_pr and options.tag:
        raise UsageError("--tag names a commit of a branch: leave it out with --create-pr")
    offline = "--preview" if options.preview is not None else "--output-dir" if options.output_dir is not None else None
    mode = offline or ("--verify" if options.verify else None)
    for name in MEANINGLESS.get(mode or "", ()):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} has no meaning with {mode}: leave one of them out")
    if huggingface_hub.constants.HF_HUB_OFFLINE and not offline:
        raise UsageError("HF_HUB_OFFLINE is set: unset it, or use --output-dir or --preview")


def _run(builder: type[datasets.DatasetBuilder], card: Card, options: argparse.Namespace) -> int:
    names = config_names(builder, options.config)
    bar = tqdm(names, unit="config", disable=None if sys.stderr else True, leave=False)
    if options.output_dir is not None:

        def write(folder: Path) -> list[File]:
            return build(builder, card, folder, bar).add_card(options.repo_id).files

        print_files(replace_folder(options.output_dir, write))
        print_loading(str(options.output_dir), names, builder)
        return 0

    if options.preview is not None:
        check_preview(options.preview)
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work, "repository")
            folder.mkdir()
            build(builder, card, folder, bar).add_card(options.repo_id)
            size = write_preview(render(folder, options.repo_id), options.preview)
        print(f"Wrote {options.preview}, {size:,} bytes. To look at it, open {options.preview.resolve().as_uri()}")
        return 0

    target = Target(
        repo_id=options.repo_id,
        revision=options.revision or MAIN,
        private=options.private,
        create_pr=options.create_pr,
        tag=options.tag,
        message=options.message or Target.message,
        overwrite_card=options.overwrite_card,
        leave_other_configs=bool(options.config),
    )
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "repository")
        folder.mkdir()
        built = build(builder, card, folder, bar)
        return _use_hub(built, target, options)


def _use_hub(built: Build, target: Target, options: argparse.Namespace) -> int:
    def show(outcome: Outcome) -> None:
        if not options.json:
            print_plan(outcome, target)

    try:
        if options.dry_run:
            outcome = look(built, target)
            show(outcome)
            result = "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"
        elif options.verify:
            outcome = verify(built, target)
            result = "verified"
        else:
            outcome = publish(built, target, show)
            made = "made the branch" if outcome.new_branch else "nothing to do"
            result = "published and verified" if outcome.plan.steps else made
            result += f", tagged {target.tag}" if target.tag else ""
    except PublishingError as error:
        if options.json:
            failed = {"repo_id": target.repo_id, "revision": target.revision, "result": "failed", "error": str(error)}
            print(json.dumps(failed, indent=2))
        raise
    if outcome.differences:
        result = "differs from what is wanted"
    if options.json:
        print(json.dumps(as_json(outcome, target, result), indent=2))
    else:
        for difference in outcome.differences:
            print(difference)
        print(f"{target.repo_id}: {result}{f' at commit {outcome.commit.id}' if outcome.commit else ''}")
        if outcome.commit and outcome.commit.pull_request:
            print(f"pull request: {outcome.commit.pull_request}")
    return DifferenceError.exit_code if outcome.differences else 0
