"""Commits and pull requests as they are kept, and how changes make one set of files into the next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import HubError
from .objects import Entry

Change = tuple[str, Entry | None]
"""A path and its new entry, None to delete it; to delete a folder its path ends with a slash."""


@dataclass(frozen=True)
class Commit:
    """All files of the repository at one moment, and who put them there."""

    oid: str
    parent: str | None
    author: str
    title: str
    message: str
    date: str
    files: Mapping[str, Entry]


@dataclass(frozen=True)
class Pull:
    """A pull request to main; its commits are under refs/pr/`number`."""

    number: int
    title: str
    description: str
    author: str
    date: str
    base: str
    status: Literal["draft", "open", "closed", "merged"] = "open"
    merge_commit: str | None = None

    @property
    def ref(self) -> str:
        """The ref of its commits."""
        return f"refs/pr/{self.number}"


def load(path: Path) -> Commit:
    """Read a commit from its file."""
    saved: dict[str, Any] = json.loads(path.read_bytes())
    files = {name: Entry(**entry) for name, entry in saved.pop("files").items()}
    return Commit(files=files, **saved)


def apply(files: Mapping[str, Entry], changes: Sequence[Change]) -> dict[str, Entry]:
    """Return `files` after the changes, in their order; a path to delete that is not there is a 404."""
    after = dict(files)
    for path, entry in changes:
        if not all(part not in ("", ".", "..") for part in re.split(r"[/\\]", path.removesuffix("/"))):
            raise HubError(422, f"Invalid path: {path!r}")
        if entry is not None:
            after[path] = entry
            continue
        gone = [name for name in after if name == path or (path.endswith("/") and name.startswith(path))]
        if not gone:
            raise HubError(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
        for name in gone:
            del after[name]
    if both := folders(after) & after.keys():
        raise HubError(400, f"A path cannot be a file and a folder: {', '.join(sorted(both))}")
    return after


def folders(files: Iterable[str]) -> set[str]:
    """Return every folder that some file lies in."""
    return {path[:i] for path in files for i, letter in enumerate(path) if letter == "/"}
