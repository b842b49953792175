"""The arguments of the command: what there is, and what goes together."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import datasets

from publisher.cli.overrides import add_overrides, is_changed
from publisher.cli.shell import Parser
from publisher.errors import UsageError
from publisher.hub.local import check_surroundings
from publisher.hub.names import check_ref, check_repo_id, check_title
from publisher.options import MAIN, Options
from publisher.prepare.configs import declared_configs
from publisher.scale.job import default_root

EXECUTORS = ("slurm", "ray")  # those of datatrove that publisher/scale/cluster.py knows
CLUSTER = ("executor", "executor_option")
DECISIONS = ("overwrite_card", "keep_card", "adopt", "replace_dataset", "rewrite")
COMMIT = re.compile("[0-9a-f]{40}")
CHANGING = ("create_pr", "tag", "rollback", "message", "private", *DECISIONS, *CLUSTER)
OFFLINE = ("revision", "json", *CHANGING)
MEANINGLESS = {
    "--output-dir": OFFLINE,
    "--preview": (*OFFLINE, "workers"),
    "--verify": (*CHANGING, "work_dir"),
    "--rollback": ("config", "workers", "work_dir", "adopt", "replace_dataset", "rewrite", "executor"),
}
EXIT_CODES = """\
exit codes: 0 done, submitted, or nothing to do; 1 the repository differs from what is wanted; 2 wrong arguments, a
builder that fails, or a folder that cannot be written; 3 the Hub refused, could not be reached, or somebody else
published meanwhile; 70 an error of this program; 71 a worker was killed; 128 + n stopped by signal n"""


def make_parser(
    builder: type[datasets.DatasetBuilder], repo_id: str | None, prog: str | None = None
) -> argparse.ArgumentParser:
    """The parser of the command for a builder, and the repository that its dataset belongs in, if that is known."""
    parser = Parser(
        prog=prog,
        description="Publish all configs of the dataset and its card to the Hugging Face Hub, in one commit that is "
        "verified; or write what the Hub repository contains to a folder. Run it as often as you like: what is there "
        "already is left alone, and so are other people's files, unless they have the name of one that is published.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    parser.set_defaults(home=repo_id)
    add = parser.add_argument
    if repo_id is None:
        add("repo_id", metavar="REPO_ID", help="namespace/name")
    else:
        add(
            "repo_id",
            metavar="REPO_ID",
            nargs="?",
            help=f"namespace/name (default: {repo_id}; of a variant it has to be given)",
        )
    names = ", ".join(map(str, declared_configs(builder)))
    add("--config", metavar="NAME", action="append", default=[], help=f"only this config, may be repeated: {names}")
    add_overrides(parser.add_argument_group("another dataset of the same kind"), builder)

    modes = parser.add_argument_group("instead of publishing").add_mutually_exclusive_group()
    modes.add_argument("--dry-run", action="store_true", help="show what a publish would change; needs no token")
    modes.add_argument(
        "--verify",
        action="store_true",
        help="compare the Hub with what is wanted, read the bytes of its files, and open a config with load_dataset; "
        "exit code 1 if it differs",
    )
    modes.add_argument(
        "--output-dir",
        metavar="DIR",
        type=Path,
        help="write to a folder, without token or network; it appears when it is complete. It may exist if it is "
        "empty, or unchanged since an earlier run, whose files are replaced",
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
    hub.add_argument(
        "--rollback",
        metavar="REVISION",
        help="make the dataset again what it was at a commit or tag, in one commit on top; nothing is drawn",
    )
    hub.add_argument("--message", metavar="TEXT", help=f'default: "{Options.message}"')
    hub.add_argument("--private", action="store_true", help="make the repository private if it has to be made")
    card = hub.add_mutually_exclusive_group()
    card.add_argument(
        "--keep-card", action="store_true", help="keep text and fields of a card that somebody else wrote or edited"
    )
    card.add_argument("--overwrite-card", action="store_true", help="replace it with that of the template")
    hub.add_argument(
        "--adopt",
        action="store_true",
        help="take over a repository that holds its loading script: the script, its dataset_infos.json and the files "
        "that it fetched from there are removed, and stay on the branch `script`",
    )
    hub.add_argument(
        "--replace-dataset",
        action="store_true",
        help="replace another dataset: one of other parameters, or of another builder, than the repository holds",
    )
    hub.add_argument(
        "--rewrite",
        action="store_true",
        help="also rewrite files that hold the same rows, as other versions of the libraries wrote them",
    )
    scale = parser.add_argument_group("large datasets")
    scale.add_argument(
        "--workers",
        metavar="N",
        type=_count,
        help="processes that draw, and upload (default: 1; on a cluster as many as there is room for)",
    )
    scale.add_argument(
        "--work-dir",
        metavar="DIR",
        type=_folder,
        help="where finished configs and notes of what is uploaded are kept, so that the same command goes on where it "
        f"was; with a cluster, a folder that all machines see (default: {default_root()})",
    )
    scale.add_argument(
        "--every-byte",
        action="store_true",
        help="with --verify: read datasets in shards as a whole; by default the end of each of their files is read",
    )
    scale.add_argument(
        "--executor",
        choices=EXECUTORS,
        help="draw and upload with datatrove, of the extra `cluster`, on a cluster instead of this machine",
    )
    scale.add_argument(
        "--executor-option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a keyword of datatrove's executor, such as time=01:00:00 of Slurm; may be repeated",
    )
    add("--keep-going", action="store_true", help="if a config fails, still make the others; rerun to go on")
    add("--traceback", action="store_true", help="after the sentence, show where the builder failed, as Python does")
    hub.add_argument("--json", action="store_true", help="print one JSON object for programs")
    return parser


def check_arguments(options: argparse.Namespace, builder: type[datasets.DatasetBuilder]) -> None:
    """Refuse arguments that are wrong by themselves or do not go together."""
    if options.repo_id is None:
        options.repo_id = options.home
        if is_changed(options, builder) and options.output_dir is None and options.preview is None:
            raise UsageError(
                f"--set and --stream make a dataset other than {options.home}: give the repository for it, "
                "namespace/name, as the first argument"
            )
    check_repo_id("REPO_ID", options.repo_id)
    for name in ("revision", "tag", "rollback"):
        check_ref(f"--{name}", getattr(options, name))
    if options.message is not None:
        check_title("--message", options.message)
    if options.tag and (options.tag in (MAIN, "HEAD", options.revision) or options.tag.startswith("refs/")):
        raise UsageError(f"--tag {options.tag!r} is the name of a branch: give another name")
    if options.tag and COMMIT.fullmatch(options.tag):
        raise UsageError(f"--tag {options.tag!r} looks like a commit: give another name")
    if options.create_pr and options.tag:
        raise UsageError("--tag names a commit of a branch: leave it out with --create-pr")
    modes = {
        "--preview": options.preview is not None,
        "--output-dir": options.output_dir is not None,
        "--dry-run": options.dry_run,
        "--verify": options.verify,
        "--rollback": options.rollback,
    }
    given = [mode for mode, chosen in modes.items() if chosen]
    for mode in given:
        for name in MEANINGLESS.get(mode, ()):
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} has no meaning with {mode}: leave one of them out")
    if options.rollback and is_changed(options, builder):
        raise UsageError("--rollback takes the dataset as it was: leave out what makes another one")
    if options.every_byte and not options.verify:
        raise UsageError("--every-byte has no meaning without --verify: leave it out")
    if options.executor_option and not options.executor:
        raise UsageError("--executor-option has no meaning without --executor: leave it out")
    if options.keep_going and options.executor:
        raise UsageError("--keep-going is for work on this machine: leave it out with --executor")
    if not {"--preview", "--output-dir"}.intersection(given):
        check_surroundings()


def _count(number: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", number):
        raise argparse.ArgumentTypeError(f"{number!r} is not allowed: give a number from 1 to 999999")
    return int(number)


def _folder(name: str) -> Path:
    if not name:  # an unset variable of a shell
        raise argparse.ArgumentTypeError("it is empty: give the name of a folder")
    if Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name!r} is a file: give a folder")
    return Path(name)
