"""All options of a publish in one object: the command's arguments, and the keywords of `publisher.publish`."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from publisher.errors import UsageError

MAIN = "main"
SCRIPT_BRANCH = "script"  # where `datasets-cli convert_to_parquet` left what a repository held before
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of Unicode that end a line, act on a terminal, or are not text
JOINERS = "\u200c\u200d"  # of emoji and of several scripts
MODES = ("dry_run", "verify", "output_dir", "preview", "rollback")  # options that are given instead of publishing
COMMIT = re.compile("[0-9a-f]{40}")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # of a repository, branch or tag: accepted by git and the Hub


@dataclass(frozen=True)
class Options:
    """Options of a user; each field is an option of the command under the same name, unless it says otherwise."""

    repo_id: str  # namespace/name; the command's positional argument REPO_ID

    # Which dataset
    config: Sequence[str] = ()  # names of the configs to publish; empty: all
    overrides: Mapping[str, Any] = field(default_factory=dict)  # keywords for the builder: --set, --data-dir
    source: str = ""  # repository and commit of a loading script that was fetched from the Hub; no option

    # Instead of publishing
    dry_run: bool = False  # plan only
    verify: bool = False  # compare the Hub with the dataset
    output_dir: Path | None = None  # write the repository's files to a folder
    preview: Path | None = None  # write the card as an HTML page
    rollback: str | None = None  # publish again what the dataset was at this revision

    # Publishing
    revision: str = MAIN  # branch to publish to, created if missing
    create_pr: bool = False  # open a pull request
    tag: str | None = None  # name for the commit
    message: str = "Publish the dataset"  # title of the commit
    private: bool = False  # visibility of a repository that has to be created
    keep_card: bool = False  # keep the text of a card that another user wrote or edited
    overwrite_card: bool = False  # replace it
    adopt: bool = False  # take over a repository that holds its loading script, which is removed
    replace_dataset: bool = False  # replace a dataset of another builder or of other parameters
    rewrite: bool = False  # replace files that hold the same rows in other bytes

    # Large datasets, and how the command runs
    workers: int | None = None  # number of worker processes; None: 1, on a cluster as many as fit
    work_dir: Path | None = None  # folder for everything that a run writes outside of its output; None: below HF_HOME
    resume: bool = False  # take up what an interrupted run of the same command finished
    executor: str = ""  # datatrove executor and its keywords, such as `slurm:time=01:00:00`
    traceback: bool = False  # also print the traceback of an error
    json: bool = False  # print one JSON object

    def check(self) -> None:
        """Refuse what cannot be the name of a repository, config, branch or tag, or the title of a commit."""
        check_repo_id("REPO_ID", self.repo_id)
        if isinstance(self.config, str):  # else each letter would be a config
            raise UsageError(f"config={self.config!r} is not allowed. Give a list of names.")
        for name in ("revision", "tag", "rollback"):
            check_ref(f"--{name}", getattr(self, name))
        check_title("--message", self.message)
        if self.tag and (self.tag in (MAIN, "HEAD", self.revision) or self.tag.startswith("refs/")):
            raise UsageError(f"--tag {self.tag!r} is the name of a branch. Give another name.")
        if self.tag and COMMIT.fullmatch(self.tag):
            raise UsageError(f"--tag {self.tag!r} looks like a commit. Give another name.")
        if self.create_pr and self.tag:
            raise UsageError("--tag names a commit of a branch. Leave it out with --create-pr.")

    @property
    def work_folder(self) -> Path:
        """Folder for downloads, temporary files, and what `resume` takes up."""
        return Path(self.work_dir or Path(constants.HF_HOME, "publish")).absolute()

    @property
    def leave_other_configs(self) -> bool:
        """True if only some configs are published, and the others stay as they are."""
        return bool(self.config)

    @property
    def script(self) -> str:
        """Path of the script for which `load_dataset` refuses a repository, whatever else it holds."""
        return f"{self.repo_id.rpartition('/')[2]}.py"

    @property
    def done(self) -> str:
        """Participle for a commit made with these options."""
        return "proposed" if self.create_pr else "rolled back" if self.rollback else "published"


def check_repo_id(argument: str, repo_id: str) -> None:
    """Refuse a text that cannot be the name of a repository."""
    try:
        validate_repo_id(repo_id)
        is_valid = bool(NAME.fullmatch(repo_id)) and "/" in repo_id
    except HFValidationError:
        is_valid = False
    if not is_valid:
        wrong = f"{argument} {repo_id!r} is not allowed."
        raise UsageError(f"{wrong} Give namespace/name of letters, digits and -_. between them.")


def check_ref(argument: str, name: str | None) -> None:
    """Refuse a text that cannot be the name of a branch, tag or commit."""
    if name is not None and (not NAME.fullmatch(name) or ".." in name or name.endswith((".", ".lock", "/"))):
        raise UsageError(f"{argument} {name!r} is not allowed. Give letters, digits and -_./ between them.")


def check_title(argument: str, title: str) -> None:
    """Refuse a text that cannot be the title of a commit."""
    hidden = any(unicodedata.category(letter) in HIDDEN and letter not in JOINERS for letter in title)
    if hidden or not title.strip():
        raise UsageError(f"{argument} {title!r} is not allowed. Give one line of text without control characters.")


def read_settings(option: str, settings: Sequence[str]) -> dict[str, Any]:
    """Split NAME=VALUE; a value that is not a Python literal is text.

    Examples
    --------
    >>> read_settings("--set", ["padding=(84, 132)", "stream=sharded"])
    {'padding': (84, 132), 'stream': 'sharded'}
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name.isidentifier() or not equals:
            raise UsageError(f"{option} {setting!r} is not allowed. Give NAME=VALUE.")
        if name in values:
            raise UsageError(f"{option} {name} is given twice. Leave one of them out.")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            values[name] = value
    return values
