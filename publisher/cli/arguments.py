"""The arguments of the command, read into `Options`."""

from __future__ import annotations

import argparse
import inspect
import re
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, NoReturn

import datasets

from publisher.errors import UsageError
from publisher.hub.http import check_surroundings
from publisher.options import BUILDS, MODES, Options, read_settings
from publisher.prepare.configs import BuilderClass, declared_configs

# Keywords of every builder that are not parameters of a dataset
LIBRARY_KEYWORDS = {
    *inspect.signature(datasets.DatasetBuilder.__init__).parameters,
    *(field.name for field in fields(datasets.BuilderConfig)),
} - {"data_files", "data_dir"}
FORMER = {"keep_going": "", "every_byte": "", "executor_option": "NAME=VALUE..."}  # commands of others still have them
OPTIONS = {field.name: field for field in fields(Options) if field.metadata}
DESCRIPTION = """\
Publish all configs of the dataset and its card to the Hugging Face Hub, in one verified commit, or write the same files
to a folder. Run it as often as you like: what is published already is left alone, and so are files of other people,
unless they have the name of a published one."""
EXIT_CODES = """\
exit codes: 0 done, submitted, nothing to do, or no findings; 1 findings, or the repository differs from what is wanted;
2 wrong arguments, a builder that fails, or a file that cannot be read or written; 3 the Hub refused, could not be
reached, or another user published meanwhile; 70 an error of this program; 71 a worker was killed; 128 + n stopped by
signal n"""


class Parser(argparse.ArgumentParser):
    """Raises an error in one sentence if the arguments are wrong, and leaves defaults to `Options`."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(argument_default=argparse.SUPPRESS, allow_abbrev=False, **keywords)
        self.places: dict[str, argparse._ActionsContainer] = {"": self}

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise UsageError(f"{message.rstrip('.')}. See {self.prog} --help.")

    def add_option(self, name: str, help_: str, value: str = "", group: str = "which dataset") -> None:
        """Add an option; `value` names what a user gives, with `...` if it may be repeated."""
        keywords: dict[str, Any] = {"action": "store_true"}
        if value:
            action = "append" if value.endswith("...") else "store"
            keywords = {"action": action, "metavar": value.removesuffix("..."), "type": TYPES.get(value)}
        if group not in self.places:
            self.places[group] = self.add_argument_group(group)
        self.places[group].add_argument(f"--{name.replace('_', '-')}", help=help_.replace("%", "%%"), **keywords)


def make_parser(builder: BuilderClass, repo_id: str | None, prog: str | None = None, is_script: bool = False) -> Parser:
    """The parser of the command for a builder, and the repository that its dataset belongs in, if that is known."""
    parser = Parser(prog=prog, description=DESCRIPTION, epilog=EXIT_CODES)
    default = f" (default: {repo_id}; required with --set and other parameters)" if repo_id else ""
    parser.add_argument("repo_id", metavar="REPO_ID", nargs="?" if repo_id else None, help=f"namespace/name{default}")
    for name, option in OPTIONS.items():
        default = f" (default: {option.default})" if option.default and isinstance(option.default, str) else ""
        names = ": " + ", ".join(map(str, declared_configs(builder))) if name == "config" else ""
        shown = option.metadata
        parser.add_option(name, shown["help"] + default + names, shown["value"], shown["group"])
    for own in _own_options(builder):
        parser.add_option(own.name, own.metadata["help"], "NAME")
    parser.add_option("set", "set a parameter in all configs, and say so in the card; may be repeated", "NAME=VALUE...")
    text = "folder of the files that this dataset needs and does not download"
    parser.add_option("data_dir", text if is_script else argparse.SUPPRESS, "DIR")
    for name, value in FORMER.items():
        parser.add_option(name, argparse.SUPPRESS, value)
    if is_script:
        text = "Jinja template for the card's text, instead of one that shows what the builder says of itself"
        parser.add_option("card", text, "FILE.md.jinja")
    return parser


def read_options(given: dict[str, Any], builder: BuilderClass, home: str | None, source: str) -> Options:
    """Make `Options` of what the user gave; `home` is the repository of the unchanged dataset, `source` of a script."""
    for mode in filter(given.get, MODES):
        for name in given.keys() - {mode, "repo_id", "script", "trust_remote_code"}:
            if mode not in (OPTIONS[name].metadata["modes"] if name in OPTIONS else BUILDS):
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
    uses_no_hub = "output_dir" in given or "preview" in given
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
        given["executor"] += ("," if ":" in given["executor"] else ":") + ",".join(extra)
    if given.get("rollback"):
        given.setdefault("message", f"Back to {given['rollback']}")
    chosen = {name: value for name, value in given.items() if name in OPTIONS}
    options = Options(given.get("repo_id") or home or "", overrides, source, **chosen)
    options.check()
    if not uses_no_hub:
        check_surroundings()
    return options


def _own_options(builder: BuilderClass) -> list[Field[Any]]:
    """Fields that the builder's config class adds with a text under "help" in their metadata."""
    return [field for field in fields(builder.BUILDER_CONFIG_CLASS) if "help" in field.metadata]


def _count(number: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", number):
        raise argparse.ArgumentTypeError(f"{number!r} is not allowed. Give a number from 1 to 999999")
    return int(number)


def _folder(name: str) -> Path:
    if not name:  # an unset variable of a shell
        raise argparse.ArgumentTypeError("'' is the current folder. Give the name of a folder")
    if Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name!r} is a file. Give a folder")
    return Path(name)


TYPES: dict[str, Any] = {"N": _count, "DIR": _folder, "FILE.html": Path, "FILE.md.jinja": Path}
