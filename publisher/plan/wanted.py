"""What a repository should contain of ours."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets

from publisher.card.compose import NO_CARD, Card, ExistingCard, all_configs, compose
from publisher.card.record import CARD
from publisher.errors import UsageError
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import File, TextFile, describe_file, digest_of

PICTURE = re.compile(r"\]\((assets/[^)\s]+)\)")
DEEPEST = 20  # folders: a link to a folder that holds it leads ever deeper


@dataclass(frozen=True)
class Dataset:
    """Configs of a builder as files, drawn or expected, and what a card says of them."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    configs: Sequence[PreparedConfig]

    def card_for(self, existing: ExistingCard = NO_CARD) -> Card:
        """The card that is meant for these configs and those that stay."""
        return self.card.of(self.builder, all_configs(self.builder, self.configs, existing))

    def files(self, card: Card) -> list[File]:
        """All files but README.md: those of the configs, and the pictures of a card."""
        files: list[File] = [file for config in self.configs for file in config.all_files]
        if card.assets:
            files += [describe_file(path, card.assets, within="assets/") for path in _pictures(card.assets)]
        return files

    def readme(self, card: Card, files: Sequence[File], repo_id: str, existing: ExistingCard = NO_CARD) -> TextFile:
        """README.md, that fits in with what is existing.

        Raises
        ------
        UsageError
            If it shows a picture that is not there.
        """
        assets = {file.path: digest_of(file) or "" for file in files if file.path.startswith("assets/")}
        text = compose(card, self.builder, self.configs, assets, repo_id, existing)
        for picture in PICTURE.findall(text):
            if card.assets and picture not in {*assets, *existing.paths}:
                raise UsageError(
                    f"{CARD} shows {picture}, which is not in {card.assets}: draw it, or take it off {card.template}"
                )
        return TextFile(CARD, text.encode())


def _pictures(folder: Path) -> list[Path]:
    """All files of a folder, behind links too, but for what systems and editors hide there."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not _is_litter(name)]
        found += [Path(place, name) for name in names if not _is_litter(name) and Path(place, name).is_file()]
        if len(Path(place).relative_to(folder).parts) > DEEPEST:
            raise UsageError(
                f"{place} lies more than {DEEPEST} folders deep, perhaps by a link to itself: remove the link"
            )
    return sorted(found)


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.endswith("~") or name in ("Thumbs.db", "desktop.ini", "__MACOSX", "__pycache__")
