"""The arguments of the command, read into `Options`."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Collection, Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import datasets

from publisher.cli.shell import Parser
from publisher.errors import UsageError
from publisher.hub.http import check_surroundings
from publisher.options import MAIN, MODES, Options, read_settings
from publisher.prepare.configs import declared_configs

Row = tuple[str, str, Collection[str], str, str]
# What the command does instead of publishing. Each option names the modes that it goes with; all go with publishing.
DRY_RUN, VERIFY, OUTPUT, PREVIEW, ROLLBACK = MODES
BUILDS = {DRY_RUN, VERIFY, OUTPUT, PREVIEW}
CHANGES = {DRY_RUN, ROLLBACK}
MODE = "instead of publishing"
ROWS = (
    (MODE, "--dry-run", {ROLLBACK}, "", "show what a publish would change; needs no token"),
    (MODE, "--verify", (), "", "compare the repository with the dataset, read its files, and open a config with "
     "load_dataset; exit code 1 if it differs"),
    (MODE, "--output-dir", (), "DIR", "write to a folder, without token or network; it appears when it is complete. It "
     "may exist if it is empty, or unchanged since an earlier run, whose files are replaced"),
    (MODE, "--preview", (), "FILE.html", "write the card as a page for a browser, much as the Hub will show it, "
     "without token or network"),
    ("publishing", "--revision", {VERIFY, *CHANGES}, "BRANCH", f"created if missing (default: {MAIN})"),
    ("publishing", "--create-pr", CHANGES, "", "open a pull request instead of committing to the branch"),
    ("publishing", "--tag", CHANGES, "NAME", "name of a tag for the commit"),
    ("publishing", "--rollback", {DRY_RUN}, "REVISION", "publish again what the dataset was at a commit or tag, in one "
     "new commit; nothing is prepared"),
    ("publishing", "--message", CHANGES, "TEXT", f'title of the commit (default: "{Options.message}")'),
    ("publishing", "--private", CHANGES, "", "make the repository private if it has to be created"),
    ("publishing", "--keep-card", CHANGES, "", "keep text and fields of a card that another user wrote or edited"),
    ("publishing", "--overwrite-card", CHANGES, "", "replace it with the card of the template"),
    ("publishing", "--adopt", {DRY_RUN}, "", "take over a repository that holds its loading script: the script, its "
     "dataset_infos.json and the files that it fetched from there are removed, and stay on the branch `script`"),
    ("publishing", "--replace-dataset", {DRY_RUN}, "", "replace a dataset of another builder or other parameters"),
    ("publishing", "--rewrite", {DRY_RUN}, "", "also rewrite files that hold the same rows, written by other versions "
     "of the libraries"),
    ("publishing", "--json", {VERIFY, *CHANGES}, "", "print one JSON object for programs"),
    ("how it runs", "--workers", BUILDS - {PREVIEW}, "N", "number of worker processes (default: 1; on a cluster as "
     "many as fit)"),
    ("how it runs", "--resume", {OUTPUT}, "", "take up what an interrupted run of the same command finished"),
    ("how it runs", "--executor", {DRY_RUN}, "NAME[:KEY=VALUE,...]", "prepare and upload with datatrove on a cluster, "
     "as in slurm:time=01:00:00,partition=cpu; slurm or ray"),
)  # fmt: skip
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


def make_parser(
    builder: type[datasets.DatasetBuilder], repo_id: str | None, prog: str | None = None, is_script: bool = False
) -> Parser:
    """The parser of the command for a builder, and the repository that its dataset belongs in, if that is known."""
    without_defaults: Any = {"argument_default": argparse.SUPPRESS, "allow_abbrev": False}  # `Options` has them
    parser = Parser(prog=prog, description=DESCRIPTION, epilog=EXIT_CODES, **without_defaults)
    parser.modes = {}
    default = f" (default: {repo_id}; required with --set and other parameters)" if repo_id else ""
    nargs = "?" if repo_id else None
    parser.add_argument("repo_id", metavar="REPO_ID", nargs=nargs, help=f"namespace/name{default}")
    groups: dict[str, Any] = {"": parser}
    for title, name, modes, value, help_ in _rows(builder, is_script):
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
            if title == MODE:
                groups[title] = groups[title].add_mutually_exclusive_group()
        group = groups[title]
        if name in ("--keep-card", "--overwrite-card"):
            groups["card"] = group = groups.get("card") or group.add_mutually_exclusive_group()
        keywords: dict[str, Any] = {"action": "store_true"}
        if value:
            action = "append" if value.endswith("...") else "store"
            keywords = {"action": action, "metavar": value.removesuffix("..."), "type": TYPES.get(name)}
        parser.modes[group.add_argument(name, help=help_, **keywords).dest] = modes
    return parser


def _rows(builder: type[datasets.DatasetBuilder], is_script: bool) -> Iterator[Row]:
    """Group, option, modes that it goes with, name of its value, and help; one with `...` may be repeated."""
    names = ", ".join(map(str, declared_configs(builder)))
    which, how, hidden = "which dataset", "how it runs", argparse.SUPPRESS
    yield which, "--config", BUILDS, "NAME...", f"only this config; may be repeated: {names}"
    for own in _own_options(builder):
        yield which, f"--{own.name}", BUILDS, "NAME", own.metadata["help"]
    text = "set a parameter in all configs, and say so in the card; may be repeated"
    yield which, "--set", BUILDS, "NAME=VALUE...", text
    instructions = "manual_download_instructions"  # of a script; a property of the base class in early versions
    needs_data = getattr(builder, instructions, None) is not getattr(datasets.DatasetBuilder, instructions, None)
    if is_script or needs_data:
        text = "folder of the files that this dataset needs and does not download"
        yield which, "--data-dir", BUILDS, "DIR", text if needs_data or "data_dir" in _source(builder) else hidden
    if is_script:
        text = "Jinja template for the card's text, instead of one that shows what the builder says of itself"
        yield which, "--card", BUILDS, "FILE.md.jinja", text
        yield which, "--trust-remote-code", MODES, "", hidden  # read before the builder is known
    yield from ROWS
    text = "folder for downloads, temporary files, and what --resume takes up; on a cluster, one that all machines see"
    yield how, "--work-dir", MODES, "DIR", f"{text} (default: {Options('').work_folder})"
    yield how, "--traceback", MODES, "", "after the sentence, show where it failed, as Python does"
    yield "", "--keep-going", MODES, "", hidden  # of earlier versions: without effect now
    yield "", "--every-byte", MODES, "", hidden
    yield "", "--executor-option", MODES, "NAME=VALUE...", hidden


def read_options(
    given: dict[str, Any], parser: Parser, builder: type[datasets.DatasetBuilder], home: str | None, source: str
) -> Options:
    """Make `Options` of what the user gave, or raise a UsageError; `home` is the repository of the unchanged dataset,
    `source` the repository and commit of a script that was fetched.
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
    uses_no_hub = bool({OUTPUT, PREVIEW} & given.keys())
    if "repo_id" not in given and overrides and not uses_no_hub:
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
    options.check()
    if not uses_no_hub:
        check_surroundings()
    return options


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


TYPES: dict[str, Any] = {
    **dict.fromkeys(("--output-dir", "--preview", "--card"), Path),
    **dict.fromkeys(("--work-dir", "--data-dir"), _folder),
    "--workers": _count,
}
