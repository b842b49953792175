"""The arguments of the command, read into `Options`."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Collection
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import datasets

from publisher.cli.shell import Parser
from publisher.errors import UsageError
from publisher.hub.http import check_surroundings
from publisher.options import MAIN, Options, check_ref, check_repo_id, check_title, read_settings
from publisher.prepare.configs import declared_configs

COMMIT = re.compile("[0-9a-f]{40}")
# What the command does instead of publishing. Each option names the modes that it goes with; all go with publishing.
DRY_RUN, VERIFY, OUTPUT, PREVIEW, ROLLBACK = MODES = ("dry_run", "verify", "output_dir", "preview", "rollback")
BUILDS = {DRY_RUN, VERIFY, OUTPUT, PREVIEW}
CHANGES = {DRY_RUN, ROLLBACK}
# Keywords of every builder that are not parameters of a dataset
LIBRARY_KEYWORDS = {
    *inspect.signature(datasets.DatasetBuilder.__init__).parameters,
    *(field.name for field in fields(datasets.BuilderConfig)),
} - {"data_files", "data_dir"}
DESCRIPTION = (
    "Publish all configs of the dataset and its card to the Hugging Face Hub, in one verified commit, or write the "
    "same files to a folder. Run it as often as you like: what is published already is left alone, and so are files "
    "of other people, unless they have the name of a published one."
)
EXIT_CODES = """\
exit codes: 0 done, submitted, or nothing to do; 1 the repository differs from what is wanted; 2 wrong arguments, a
builder that fails, or a folder that cannot be written; 3 the Hub refused, could not be reached, or another user
published meanwhile; 70 an error of this program; 71 a worker was killed; 128 + n stopped by signal n"""


class OptionsParser(Parser):
    """A parser that knows which options go with which modes."""

    def __init__(self, prog: str | None) -> None:
        super().__init__(
            prog=prog,
            description=DESCRIPTION,
            epilog=EXIT_CODES,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,  # `Options` has the defaults
        )
        self.modes: dict[str, Collection[str]] = {}

    def add(self, group: Any, name: str, modes: Collection[str], **keywords: Any) -> None:
        """Add an argument to a group; a flag has no metavar."""
        if not keywords.get("metavar"):
            keywords["action"] = "store_true"
        self.modes[group.add_argument(name, **keywords).dest] = modes


def make_parser(
    builder: type[datasets.DatasetBuilder], repo_id: str | None, prog: str | None = None, is_script: bool = False
) -> OptionsParser:
    """The parser of the command for a builder, and the repository that its dataset belongs in, if that is known."""
    parser = OptionsParser(prog)
    add = parser.add
    if repo_id is None:
        parser.add_argument("repo_id", metavar="REPO_ID", help="namespace/name")
    else:
        variant = "required with --set and other parameters"
        parser.add_argument(
            "repo_id", metavar="REPO_ID", nargs="?", help=f"namespace/name (default: {repo_id}; {variant})"
        )
    group: Any = parser.add_argument_group("which dataset")
    names = ", ".join(map(str, declared_configs(builder)))
    add(group, "--config", BUILDS, metavar="NAME", action="append", help=f"only this config; may be repeated: {names}")
    for own in _own_options(builder):
        add(group, f"--{own.name}", BUILDS, metavar="NAME", help=own.metadata["help"])
    add(
        group,
        "--set",
        BUILDS,
        metavar="NAME=VALUE",
        action="append",
        help="set a parameter in all configs, and say so in the card; may be repeated",
    )
    if is_script or hasattr(builder, "manual_download_instructions"):
        reads = hasattr(builder, "manual_download_instructions") or "data_dir" in _source(builder)
        text = "folder of the files that this dataset needs and does not download"
        add(group, "--data-dir", BUILDS, metavar="DIR", type=_folder, help=text if reads else argparse.SUPPRESS)
    if is_script:
        text = "Jinja template for the card's text, instead of one that shows what the builder says of itself"
        add(group, "--card", BUILDS, metavar="FILE.md.jinja", type=Path, help=text)
        add(group, "--trust-remote-code", MODES, help=argparse.SUPPRESS)  # read before the builder is known

    group = parser.add_argument_group("instead of publishing").add_mutually_exclusive_group()
    add(group, "--dry-run", {ROLLBACK}, help="show what a publish would change; needs no token")
    add(
        group,
        "--verify",
        (),
        help="compare the repository with the dataset, read its files, and open a config with load_dataset; exit code "
        "1 if it differs",
    )
    add(
        group,
        "--output-dir",
        (),
        metavar="DIR",
        type=Path,
        help="write to a folder, without token or network; it appears when it is complete. It may exist if it is "
        "empty, or unchanged since an earlier run, whose files are replaced",
    )
    text = "write the card as a page for a browser, much as the Hub will show it, without token or network"
    add(group, "--preview", (), metavar="FILE.html", type=Path, help=text)

    group = parser.add_argument_group("publishing")
    add(group, "--revision", {VERIFY, *CHANGES}, metavar="BRANCH", help=f"created if missing (default: {MAIN})")
    add(group, "--create-pr", CHANGES, help="open a pull request instead of committing to the branch")
    add(group, "--tag", CHANGES, metavar="NAME", help="name of a tag for the commit")
    text = "publish again what the dataset was at a commit or tag, in one new commit; nothing is prepared"
    add(group, "--rollback", {DRY_RUN}, metavar="REVISION", help=text)
    add(group, "--message", CHANGES, metavar="TEXT", help=f'title of the commit (default: "{Options.message}")')
    add(group, "--private", CHANGES, help="make the repository private if it has to be created")
    card = group.add_mutually_exclusive_group()
    add(card, "--keep-card", CHANGES, help="keep text and fields of a card that another user wrote or edited")
    add(card, "--overwrite-card", CHANGES, help="replace it with the card of the template")
    add(
        group,
        "--adopt",
        {DRY_RUN},
        help="take over a repository that holds its loading script: the script, its dataset_infos.json and the files "
        "that it fetched from there are removed, and stay on the branch `script`",
    )
    text = "replace the dataset of another builder, or of other parameters"
    add(group, "--replace-dataset", {DRY_RUN}, help=text)
    text = "also rewrite files that hold the same rows, written by other versions of the libraries"
    add(group, "--rewrite", {DRY_RUN}, help=text)
    add(group, "--json", {VERIFY, *CHANGES}, help="print one JSON object for programs")

    group = parser.add_argument_group("how it runs")
    text = "number of worker processes (default: 1; on a cluster as many as fit)"
    add(group, "--workers", BUILDS - {PREVIEW}, metavar="N", type=_count, help=text)
    text = "take up what an interrupted run of the same command finished"
    add(group, "--resume", {OUTPUT}, help=text)
    text = "folder for downloads, temporary files, and what --resume takes up; on a cluster, one that all machines see"
    default = Options("").work_folder
    add(group, "--work-dir", MODES, metavar="DIR", type=_folder, help=f"{text} (default: {default})")
    text = "prepare and upload with datatrove on a cluster, as in slurm:time=01:00:00,partition=cpu"
    add(group, "--executor", {DRY_RUN}, metavar="NAME[:KEY=VALUE,...]", help=f"{text}; slurm or ray")
    add(group, "--traceback", MODES, help="after the sentence, show where it failed, as Python does")
    for name in ("--keep-going", "--every-byte"):  # of earlier versions: without effect now
        parser.add_argument(name, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--executor-option", action="append", help=argparse.SUPPRESS)
    return parser


def read_options(
    given: dict[str, Any], parser: OptionsParser, builder: type[datasets.DatasetBuilder], home: str | None, source: str
) -> Options:
    """Check what the user gave, and make `Options` of it.

    Parameters
    ----------
    given : dict of str to object
        What the parser read.
    parser : OptionsParser
    builder : subclass of datasets.DatasetBuilder
    home : str or None
        Repository that the dataset belongs in, if nothing was changed.
    source : str
        Repository and commit of a script that was fetched.

    Raises
    ------
    UsageError
        If something is wrong by itself, or options do not go together.
    """
    for mode in filter(given.get, MODES):
        for name in given.keys() - {mode, "repo_id"}:
            if mode not in parser.modes.get(name, MODES):
                names = [f"--{word.replace('_', '-')}" for word in (name, mode)]
                raise UsageError(f"{names[0]} has no meaning with {names[1]}. Leave one of them out.")
    overrides = read_settings("--set", given.get("set", ()))
    if taken := LIBRARY_KEYWORDS & overrides.keys():
        raise UsageError(f"--set {min(taken)} is not allowed. Give a parameter of the dataset.")
    for own in _own_options(builder):
        if own.name in given:
            if own.name in overrides:
                raise UsageError(f"--{own.name} and --set {own.name} say the same. Leave one of them out.")
            overrides[own.name] = given[own.name]
    if "repo_id" not in given and overrides and not {OUTPUT, PREVIEW} & given.keys():
        raise UsageError(
            f"These parameters make a dataset other than {home}. Give the repository for it, namespace/name, as the "
            "first argument."
        )
    if (folder := given.get("data_dir")) is not None:
        if not folder.is_dir():
            raise UsageError(f"--data-dir {folder} does not exist. Give a folder.")
        overrides["data_dir"] = str(folder.resolve())
    if extra := given.get("executor_option"):
        if "executor" not in given:
            raise UsageError("--executor-option has no meaning without --executor. Leave it out.")
        given["executor"] += (",", ":")[":" not in given["executor"]] + ",".join(extra)
    if given.get("rollback"):
        given.setdefault("message", f"Back to {given['rollback']}")
    known = {field.name for field in fields(Options)}
    chosen = {name: value for name, value in given.items() if name in known}
    options = Options(**{"repo_id": home, **chosen, "overrides": overrides, "source": source})
    _check(options)
    if not {OUTPUT, PREVIEW} & given.keys():
        check_surroundings()
    return options


def _check(options: Options) -> None:
    """Refuse values that cannot be right."""
    check_repo_id("REPO_ID", options.repo_id)
    for name in ("revision", "tag", "rollback"):
        check_ref(f"--{name}", getattr(options, name))
    check_title("--message", options.message)
    if options.tag and (options.tag in (MAIN, "HEAD", options.revision) or options.tag.startswith("refs/")):
        raise UsageError(f"--tag {options.tag!r} is the name of a branch. Give another name.")
    if options.tag and COMMIT.fullmatch(options.tag):
        raise UsageError(f"--tag {options.tag!r} looks like a commit. Give another name.")
    if options.create_pr and options.tag:
        raise UsageError("--tag names a commit of a branch. Leave it out with --create-pr.")


def _own_options(builder: type[datasets.DatasetBuilder]) -> list[Field[Any]]:
    """Fields that the builder's config class adds with a text under "help" in their metadata."""
    return [field for field in fields(builder.BUILDER_CONFIG_CLASS) if "help" in field.metadata]


def _source(builder: type[datasets.DatasetBuilder]) -> str:
    try:
        return inspect.getsource(inspect.getmodule(builder) or builder)
    except (OSError, TypeError):
        return ""


def _count(number: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", number):
        raise argparse.ArgumentTypeError(f"{number!r} is not allowed. Give a number from 1 to 999999")
    return int(number)


def _folder(name: str) -> Path:
    if not name:  # an unset variable of a shell
        raise argparse.ArgumentTypeError("it is empty. Give the name of a folder")
    if Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name!r} is a file. Give a folder")
    return Path(name)
