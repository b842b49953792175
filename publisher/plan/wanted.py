"""What a repository should contain of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import datasets

from publisher.build.configs import BuiltConfig
from publisher.build.files import File, TextFile, describe_file, digest_of
from publisher.card.compose import NOTHING, Card, Surroundings, all_configs, compose
from publisher.card.manifest import CARD


@dataclass(frozen=True)
class Dataset:
    """Configs of a builder as files, drawn or expected, and what a card says of them."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    configs: Sequence[BuiltConfig]

    def card_for(self, around: Surroundings = NOTHING) -> Card:
        """The card that is meant for these configs and those that stay."""
        return self.card.of(self.builder, all_configs(self.builder, self.configs, around))

    def files(self, card: Card) -> list[File]:
        """All files but README.md: those of the configs, and the pictures of a card."""
        files: list[File] = [file for config in self.configs for split in config.files.values() for file in split]
        if card.assets:
            pictures = sorted(path for path in card.assets.rglob("*") if path.is_file())
            files += [describe_file(path, card.assets, within="assets/") for path in pictures]
        return files

    def readme(self, card: Card, files: Sequence[File], repo_id: str, around: Surroundings = NOTHING) -> TextFile:
        """README.md, that fits in with what is around."""
        assets = {file.path: digest_of(file) or "" for file in files if file.path.startswith("assets/")}
        text = compose(card, self.builder, self.configs, assets, repo_id, around)
        return TextFile(CARD, text.encode())
