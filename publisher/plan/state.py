"""Content of a repository on the Hub, and the dataset that is wanted there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets

from publisher.card import NO_CARD, Card, ExistingCard, all_configs, compose
from publisher.card.record import CARD, PublishedCard, Record, git_blob_id
from publisher.errors import UsageError
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import File, TextFile, content_of, describe_file, digest_of

HIDDEN = re.compile(r"\..*|.*~|Thumbs\.db|desktop\.ini|__MACOSX|__pycache__", re.DOTALL)
PICTURE = re.compile(r"\]\((assets/[^)\s]+)\)")


@dataclass(frozen=True)
class RemoteFile:
    """A file on the Hub."""

    path: str
    size: int
    blob_id: str  # git's id of its content, or of its pointer if it is in LFS
    sha256: str | None  # of its content, if it is in LFS or was read

    def has_content_of(self, file: File) -> bool:
        """Return True if its content is that of a local file."""
        if self.size != file.size:
            return False
        if self.sha256:
            return self.sha256 == digest_of(file)
        return (content := content_of(file)) is not None and self.blob_id == git_blob_id(content)


@dataclass(frozen=True)
class State:
    """A repository at one commit."""

    commit: str
    files: Mapping[str, RemoteFile]
    card: PublishedCard
    private: bool

    @property
    def record(self) -> Record:
        """Record of what the publisher wrote; empty if it wrote nothing."""
        return self.card.record


EMPTY = State("", {}, PublishedCard(), private=False)


@dataclass(frozen=True)
class Commit:
    """A commit that has the wanted state."""

    id: str  # "" for a merge, whose answer does not say it
    pull_request: str | None = None  # its address, if it is in one
    revision: str | None = None  # of the pull request
    parent: str | None = None  # the commit that it was to follow, if this run made it
    earlier: tuple[str, ...] = ()  # commits of the same plan, between the two
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


@dataclass(frozen=True)
class Dataset:
    """Configs of a builder as files, written or expected, and their card."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    configs: Sequence[PreparedConfig]

    def card_for(self, existing: ExistingCard = NO_CARD) -> Card:
        """Return the card that is meant for these configs and for those that stay."""
        return self.card.of(self.builder, all_configs(self.builder, self.configs, existing))

    def files(self, card: Card) -> list[File]:
        """Return all files except README.md and the record: those of the configs, and the pictures of a card."""
        files: list[File] = [file for config in self.configs for file in config.all_files]
        if (root := card.assets) is None:
            return files
        # also behind links, without the hidden files of systems and editors
        found = [Path(place, name) for place, _, names in os.walk(root, followlinks=True) for name in names]
        shown = [path for path in sorted(found) if not any(map(HIDDEN.fullmatch, path.relative_to(root).parts))]
        return files + [describe_file(path, root, within="assets/") for path in shown if path.is_file()]

    def readme(
        self, card: Card, files: Sequence[File], repo_id: str, existing: ExistingCard = NO_CARD
    ) -> tuple[TextFile, Record]:
        """Return README.md and the record; raises UsageError if the card shows a picture that is missing."""
        assets = {file.path: digest_of(file) or "" for file in files if file.path.startswith("assets/")}
        text, record = compose(card, self.builder, self.configs, assets, repo_id, existing)
        for picture in PICTURE.findall(text):
            if card.assets and picture not in {*assets, *existing.paths}:
                advice = f"draw it, or take it off {card.template}"
                raise UsageError(f"{CARD} shows {picture}, which is not in {card.assets}: {advice}")
        return TextFile(CARD, text.encode()), record

    def all_files(self, repo_id: str) -> list[File]:
        """Return all files of a new repository, the card first."""
        card = self.card_for()
        files = self.files(card)
        readme, record = self.readme(card, files, repo_id)
        return [readme, record.file, *files]
