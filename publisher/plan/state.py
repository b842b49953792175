"""What is found on the Hub, and what was made there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from publisher.card.record import PublishedCard
from publisher.prepare.files import File, content_of, digest_of


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub."""

    path: str
    size: int
    blob_id: str  # what git calls its content, or its pointer if it is in LFS
    sha256: str | None  # of its content, if it is in LFS or was read

    def has_content_of(self, file: File) -> bool:
        """Whether its content is that of a file that is drawn."""
        if self.size != file.size:
            return False
        if self.sha256:
            return self.sha256 == digest_of(file)
        content = content_of(file)
        return content is not None and self.blob_id == _git_blob_id(content)


@dataclass(frozen=True)
class State:
    """A repository at one commit."""

    commit: str
    files: Mapping[str, RemoteFile]
    card: PublishedCard
    private: bool


EMPTY = State("", {}, PublishedCard(), private=False)


@dataclass(frozen=True)
class Commit:
    """A commit that has the wanted state."""

    id: str  # "" of a merge, whose answer does not say it
    pull_request: str | None = None  # its address, if it is in one
    revision: str | None = None  # of the pull request
    parent: str | None = None  # the commit that it was to follow, if this run made it
    earlier: tuple[str, ...] = ()  # those of the same plan, between the two
    title: str | None = None  # by which both are to be found, if no answer says which they are


@dataclass(frozen=True)
class PullRequest:
    """An open pull request."""

    revision: str
    url: str
    title: str

    @property
    def number(self) -> int:
        """Its number in the repository."""
        return int(self.revision.rpartition("/")[2])


def _git_blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
