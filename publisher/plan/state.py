"""Content of a repository on the Hub, and the dataset that is wanted there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets

from publisher.card.compose import NO_CARD, Card, ExistingCard, all_configs, compose
from publisher.card.record import CARD, PublishedCard, Record, git_blob_id
from publisher.errors import UsageError
from publisher.prepare import File, TextFile, content_of, describe_file, digest_of
from publisher.prepare.configs import PreparedConfig

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
        content = content_of(file)
        return content is not None and self.blob_id == git_blob_id(content)


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
        if card.assets:
            files += [describe_file(path, card.assets, within="assets/") for path in _pictures(card.assets)]
        return files

    def readme(
        self, card: Card, files: Sequence[File], repo_id: str, existing: ExistingCard = NO_CARD
    ) -> tuple[TextFile, Record]:
        """Return README.md and the record; they fit in with the existing card and files.

        Raises
        ------
        UsageError
            If the card shows a picture that is missing.
        """
        assets = {file.path: digest_of(file) or "" for file in files if file.path.startswith("assets/")}
        text, record = compose(card, self.builder, self.configs, assets, repo_id, existing)
        for picture in PICTURE.findall(text):
            if card.assets and picture not in {*assets, *existing.paths}:
                raise UsageError(
                    f"{CARD} shows {picture}, which is not in {card.assets}: draw it, or take it off {card.template}"
                )
        return TextFile(CARD, text.encode()), record

    def all_files(self, repo_id: str) -> list[File]:
        """Return all files of a new repository, the card first."""
        card = self.card_for()
        files = self.files(card)
        readme, record = self.readme(card, files, repo_id)
        return [readme, record.file, *files]


def _pictures(folder: Path) -> list[Path]:
    """Return all files of a folder, also behind links, without the hidden files of systems and editors."""
    found = [Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names]
    return [p for p in sorted(found) if p.is_file() and not any(map(_is_hidden, p.relative_to(folder).parts))]


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or name in ("Thumbs.db", "desktop.ini", "__MACOSX", "__pycache__")
