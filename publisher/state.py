"""What is found on the Hub, and what was made there."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.manifest import PublishedCard
from publisher.plan import RemoteFile


@dataclass(frozen=True)
class State:
    """A repository at one commit."""

    commit: str
    files: dict[str, RemoteFile]
    card: PublishedCard
    private: bool


EMPTY = State("", {}, PublishedCard(), private=False)


@dataclass(frozen=True)
class Commit:
    """A commit that has the wanted state."""

    id: str
    pull_request: str | None = None  # its address, if it is in one
    revision: str | None = None  # of the pull request


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
