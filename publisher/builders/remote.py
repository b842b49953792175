"""The script of a repository on the Hub: what names one, and how it is refused unless it is trusted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from publisher.errors import UsageError

REPOSITORY = re.compile(
    r"(?P<marked>hf://datasets/|https?://[^/]+/datasets/)?(?P<repo_id>[\w.-]+/[\w.-]+?)"
    r"(?:@(?P<revision>[\w./-]+))?(?P<builder>:\w+)?"
)


@dataclass(frozen=True)
class RemoteScript:
    """A script in a dataset repository."""

    repo_id: str
    revision: str
    builder: str  # `:Class`, or nothing

    @property
    def file(self) -> str:
        """Where `load_dataset` looked for it."""
        return f"{self.repo_id.rpartition('/')[2]}.py"


def find_remote(source: str, is_trusted: bool) -> RemoteScript | None:
    """The script that a source names on the Hub; None if it names what is on this machine.

    Raises
    ------
    UsageError
        If it is not trusted.

    Examples
    --------
    >>> find_remote("hf://datasets/me/texts@script", is_trusted=True)
    RemoteScript(repo_id='me/texts', revision='script', builder='')
    >>> find_remote("me/texts", is_trusted=False)
    Traceback (most recent call last):
    ...
    publisher.errors.UsageError: there is no folder me/texts, and the script of a repository on the Hub is code of ...
    """
    found = REPOSITORY.fullmatch(source)
    if not found or (not found["marked"] and (Path(source).exists() or found["repo_id"].endswith(".py"))):
        return None
    if not is_trusted:
        missing = "" if found["marked"] else f"there is no folder {found['repo_id']}, and "
        raise UsageError(
            f"{missing}the script of a repository on the Hub is code of others, which this command would run with all "
            "your rights: read it there, then give --trust-remote-code, or the path of a copy"
        )
    return RemoteScript(found["repo_id"], found["revision"] or "main", found["builder"] or "")
