"""All options of a publish in one object: the command's arguments, and the keywords of `publisher.publish`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from publisher.errors import CONTROL, UsageError

MAIN = "main"
SCRIPT_BRANCH = "script"  # where `datasets-cli convert_to_parquet` left what a repository held before
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")  # of a repository, branch or tag: accepted by git and the Hub
# What the command does instead of publishing. Each option names those that it goes with; all go with publishing.
MODES = ("dry_run", "verify", "output_dir", "preview", "rollback")
BUILDS = ("dry_run", "verify", "output_dir", "preview")
CHANGES = ("dry_run", "rollback")


def _option(group: str, help_: str, value: str = "", modes: Sequence[str] = CHANGES, default: Any = None) -> Any:
    """Field that is an option of the command; `value` names what a user gives, with `...` if it may be repeated."""
    given = default if value else False
    return field(default=given, metadata={"group": group, "help": help_, "value": value, "modes": modes})


_which, _mode, _publishing, _running = (
    partial(_option, group) for group in ("which dataset", "instead of publishing", "publishing", "how it runs")
)


@dataclass(frozen=True)
class Options:
    """Options of a user; each field is an option of the command under the same name, unless it says otherwise."""

    repo_id: str  # namespace/name; the command's positional argument REPO_ID
    overrides: Mapping[str, Any] = field(default_factory=dict)  # keywords for the builder: --set, --data-dir
    source: str = ""  # repository and commit of a loading script that was fetched from the Hub; no option

    config: Sequence[str] = _which("only this config; may be repeated", "NAME...", BUILDS, ())

    dry_run: bool = _mode("show what a publish would change; needs no token", modes=["rollback"])
    verify: bool = _mode("compare the repository with the dataset; exit code 1 if it differs", modes=())
    output_dir: Path | None = _mode(
        "write to a folder, without token or network; it may hold what an earlier run wrote, and is replaced", "DIR", ()
    )
    preview: Path | None = _mode(
        "write the card much as the Hub will show it, without token or network", "FILE.html", ()
    )

    revision: str = _publishing("branch, created if missing (default: main)", "BRANCH", ("verify", *CHANGES), MAIN)
    create_pr: bool = _publishing("open a pull request instead of committing to the branch")
    tag: str | None = _publishing("name of a tag for the commit", "NAME")
    rollback: str | None = _publishing("publish again the state of a commit or tag", "REVISION", ["dry_run"])
    message: str = _publishing(
        "title of the commit (default: Publish the dataset)", "TEXT", default="Publish the dataset"
    )
    private: bool = _publishing("make the repository private if it has to be created")
    keep_card: bool = _publishing("keep text and fields of a card that another user wrote or edited")
    overwrite_card: bool = _publishing("replace it with the card of the template")
    adopt: bool = _publishing(
        "take over a repository that holds its loading script, which stays on the branch `script`", modes=["dry_run"]
    )
    replace_dataset: bool = _publishing("replace a dataset of another builder or other parameters", modes=["dry_run"])
    rewrite: bool = _publishing(
        "also rewrite files whose rows are the same, written in other bytes by other versions of the libraries",
        modes=["dry_run"],
    )
    json: bool = _publishing("print one JSON object for programs", modes=("verify", *CHANGES))

    workers: int | None = _running(
        "number of worker processes (default: 1; on a cluster as many as fit)", "N", ("dry_run", "verify", "output_dir")
    )
    resume: bool = _running("take up what an interrupted run of the same command finished", modes=["output_dir"])
    executor: str = _running(
        "prepare and upload on a cluster: ray, or slurm:time=01:00:00,partition=cpu", "NAME", ["dry_run"], ""
    )
    work_dir: Path | None = _running(
        "folder for downloads, temporary files, and what --resume takes up (default: in HF_HOME)", "DIR", MODES
    )
    traceback: bool = _running("after the sentence, show where it failed, as Python does", modes=MODES)

    def check(self) -> None:
        """Refuse what cannot be the name of a repository, config, branch or tag, or the title of a commit."""
        check_repo_id("REPO_ID", self.repo_id)
        if isinstance(self.config, str):  # else each letter would be a config
            raise UsageError(f"config={self.config!r} is not allowed. Give a list of names.")
        for name in ("revision", "tag", "rollback"):
            ref = getattr(self, name)
            if ref is not None and (not NAME.fullmatch(ref) or ".." in ref or ref.endswith((".", ".lock", "/"))):
                raise UsageError(f"--{name} {ref!r} is not allowed. Give letters, digits and -_./ between them.")
        if re.search(rf"{CONTROL.pattern}|[\ud800-\udfff]|^\s*$", self.message):  # surrogates are not text
            advice = "Give one line of text without control characters."
            raise UsageError(f"--message {self.message!r} is not allowed. {advice}")
        if self.tag and (self.tag in (MAIN, "HEAD", self.revision) or re.fullmatch(r"refs/.*|[0-9a-f]{40}", self.tag)):
            raise UsageError(f"--tag {self.tag!r} is the name of a branch or of a commit. Give another name.")
        if self.keep_card and self.overwrite_card:
            raise UsageError("--keep-card and --overwrite-card exclude each other. Leave one of them out.")
        if self.create_pr and self.tag:
            raise UsageError("--tag names a commit of a branch. Leave it out with --create-pr.")

    @property
    def work_folder(self) -> Path:
        """Folder for downloads, temporary files, and what `resume` takes up."""
        return Path(self.work_dir or Path(constants.HF_HOME, "publish")).absolute()

    @property
    def script(self) -> str:
        """Path of the script for which `load_dataset` refuses a repository, whatever else it holds."""
        return f"{self.repo_id.rpartition('/')[2]}.py"

    @property
    def done(self) -> str:
        """Participle for a commit made with these options."""
        return "proposed" if self.create_pr else "rolled back" if self.rollback else "published"


def check_repo_id(name: str, repo_id: str) -> None:
    """Refuse a text that cannot be the name of a repository."""
    with suppress(HFValidationError):
        validate_repo_id(repo_id)
        if NAME.fullmatch(repo_id) and "/" in repo_id:
            return
    raise UsageError(f"{name} {repo_id!r} is not allowed. Give namespace/name of letters, digits and -_. between them.")


def read_settings(option: str, settings: Sequence[str]) -> dict[str, Any]:
    """Split NAME=VALUE; a value that is not a Python literal is text.

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
