"""A dataset as an earlier commit has it: its files are on the Hub already, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import datasets
from huggingface_hub import DatasetCardData

from publisher.card.compose import NO_CARD, Card, ExistingCard, ours_of
from publisher.card.metadata import add_others
from publisher.card.record import BY_CONFIG, CARD, PublishedCard, name_of, write_card
from publisher.errors import HubError, UsageError
from publisher.hub.reading import Reader
from publisher.options import Options
from publisher.plan.recorded import recorded_infos
from publisher.plan.state import EMPTY, State
from publisher.plan.wanted import Dataset
from publisher.prepare.configs import PreparedConfig, default_config
from publisher.prepare.files import File, TextFile, UploadedFile


@dataclass(frozen=True)
class PublishedSnapshot(Dataset):
    """What a run published, with the card that it wrote."""

    state: State = EMPTY
    own: Sequence[File] = ()  # all but the card
    text: bytes = b""  # of the card

    def card_for(self, existing: ExistingCard = NO_CARD) -> Card:
        """Any: none is filled in."""
        return self.card

    def files(self, card: Card) -> list[File]:
        """The files that the card's record names."""
        return list(self.own)

    def readme(self, card: Card, files: Sequence[File], repo_id: str, existing: ExistingCard = NO_CARD) -> TextFile:
        """README.md as it was, but for what others wrote, which is as it is now: configs, fields, a text to keep."""
        then, manifest = self.state.card, self.state.card.record
        ours = {*manifest.configs, *existing.card.record.configs}
        now, before = (
            [entry for kind in BY_CONFIG for entry in card.entries(kind) if name_of(entry) not in ours]
            for card in (existing.card, then)
        )
        fields = existing.card.fields_of_others(ours_of(card, existing))
        same = (now, fields) == (before, {name: then.metadata.get(name) for name in manifest.theirs})
        if existing.card == PublishedCard() or (same and not existing.keep_prose):
            return TextFile(CARD, self.text)
        own = {
            kind: [entry for entry in then.entries(kind) if name_of(entry) in manifest.configs] for kind in BY_CONFIG
        }
        rest = {name: value for name, value in then.metadata.items() if name not in manifest.theirs}
        data = DatasetCardData(**{**rest, **fields, **own})
        add_others(data, existing.card, (), ours, default_config(self.builder))
        keeps = existing.keep_prose or manifest.keeps_prose
        record = replace(manifest, theirs=tuple(fields), keeps_prose=keeps)
        return TextFile(CARD, write_card(data, (existing.card if existing.keep_prose else then).prose, record).encode())


def recall(builder: type[datasets.DatasetBuilder], card: Card, options: Options) -> PublishedSnapshot:
    """The dataset that was published at the commit to roll back to.

    Raises
    ------
    UsageError
        If the revision is not there, was not published by this program, or holds other files than that recorded.
    HubError
    """
    repository, revision = Reader(options.repo_id), options.rollback or options.revision
    state = repository.find(revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    manifest = state.card.record
    if not manifest.configs:
        raise UsageError(f"{options.repo_id} at {revision} was not published by this command: give a commit that was")
    own = {path: _own_file(repository, state, path, sha256) for path, sha256 in manifest.files.items()}
    if lost := repository.lost([file for file in own.values() if isinstance(file, UploadedFile)]):
        raise HubError(f"{repository.url} has lost {min(lost)} of {revision}: give another commit, or publish again")
    infos = recorded_infos(state.card)
    configs = []
    for name, record in manifest.configs.items():
        files = {
            part["split"]: [own[path] for path in sorted(record.files) if fnmatchcase(path, part["path"])]
            for entry in state.card.entries("configs")
            if name_of(entry) == name
            for part in entry["data_files"]
        }
        in_parts = any(len(of) > 1 for of in files.values())
        config, info = datasets.BuilderConfig(name=name), infos.get(name, datasets.DatasetInfo())
        configs.append(PreparedConfig(config, info, record.digests, "", files, record.provenance, in_parts=in_parts))
    return PublishedSnapshot(builder, card, configs, state, list(own.values()), repository.content(CARD, state.commit))


def _own_file(repository: Reader, state: State, path: str, sha256: str) -> File:
    there = state.files.get(path)
    file: UploadedFile | TextFile | None = None
    if there and there.sha256:
        file = UploadedFile(path, there.size, sha256=there.sha256)
    elif there:
        file = TextFile(path, repository.content(path, state.commit, there.size))
    if file is None or file.sha256 != sha256:
        raise UsageError(f"{path} of commit {state.commit} is not what was published: give a commit in which it is")
    return file
