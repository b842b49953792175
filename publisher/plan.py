"""What is there against what is wanted: which files a commit adds, changes and removes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from publisher.configs import File
from publisher.manifest import CARD, Manifest, PublishedCard
from publisher.repository import Wanted

Action = Literal["add", "change", "compare", "remove", "same"]  # compare: which of two shows when it is drawn


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub."""

    path: str
    size: int
    blob_id: str  # what git calls its content, or its pointer if it is in LFS
    sha256: str | None  # of its content, if it is in LFS

    def has_content_of(self, file: File) -> bool:
        """Whether it is the same as a file on this machine."""
        if self.size != file.size:
            return False
        if self.sha256:
            return self.sha256 == file.sha256
        return file.source is not None and self.blob_id == _git_blob_id(file.source.read_bytes())


@dataclass(frozen=True)
class Change:
    """What happens to one path."""

    path: str
    action: Action
    before: RemoteFile | None
    after: File | None
    by_others: bool = False  # what is replaced is not what an earlier run wrote


@dataclass(frozen=True)
class Plan:
    """What happens to each path of ours, in the order of their names."""

    changes: list[Change]

    @property
    def replaces_edited_card(self) -> bool:
        """Whether the text of somebody else would be lost."""
        return any(change.path == CARD and change.by_others for change in self.changes)

    @property
    def steps(self) -> list[Change]:
        """The changes without those that change nothing."""
        return [change for change in self.changes if change.action != "same"]

    def batches(self, files: int) -> list[list[Change]]:
        """The steps for several commits, the card in the last: it says what is there."""
        steps = sorted(self.steps, key=lambda change: change.path == CARD)
        return [steps[start : start + files] for start in range(0, len(steps), files)]


def stale_files(
    there: Mapping[str, RemoteFile],
    manifest: Manifest | None,
    kept: Collection[str],
    digest: Callable[[RemoteFile], str],
) -> set[str]:
    """The paths that an earlier run wrote, that nobody has changed since, and that are no longer wanted.

    Parameters
    ----------
    there : mapping of str to RemoteFile
        Path -> file.
    manifest : Manifest or None
        What the earlier run recorded.
    kept : collection of str
        The paths that are still wanted.
    digest : callable
        Gives the SHA-256 of a file that is there.
    """
    written = manifest.files if manifest else {}
    return {
        path for path, sha256 in written.items() if path not in kept and path in there and digest(there[path]) == sha256
    }


def make_plan(there: Mapping[str, RemoteFile], card: PublishedCard, wanted: Wanted, stale: Iterable[str]) -> Plan:
    """Compare a repository, and the card that is there, with what is wanted of it."""
    written = card.manifest.files if card.manifest else {}
    changes = [Change(path, "remove", there[path], None) for path in stale]
    for file in wanted.files:
        before = there.get(file.path)
        if before is None:
            changes.append(Change(file.path, "add", None, file))
        elif not file.sha256:
            changes.append(Change(file.path, "compare", before, file, by_others=file.path == CARD and card.is_edited))
        elif before.has_content_of(file) or (file.path == CARD and card.says_the_same(wanted.card)):
            changes.append(Change(file.path, "same", before, file))
        else:
            by_others = card.is_edited if file.path == CARD else before.sha256 not in (None, written.get(file.path))
            changes.append(Change(file.path, "change", before, file, by_others))
    return Plan(sorted(changes, key=lambda change: change.path))


def _git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
