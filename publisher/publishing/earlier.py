"""A dataset as an earlier commit has it: its files are on the Hub already, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import datasets
from huggingface_hub import DatasetCardData

from publisher.build.configs import BuiltConfig, default_config
from publisher.build.files import File, TextFile, UploadedFile
from publisher.card.compose import NOTHING, Card, Surroundings, ours_of
from publisher.card.manifest import BY_CONFIG, CARD, PublishedCard, name_of, write_card
from publisher.card.metadata import add_others
from publisher.errors import HubError, UsageError
from publisher.hub.reading import Reader
from publisher.plan.recorded import recorded_infos
from publisher.plan.state import EMPTY, State
from publisher.plan.target import Target
from publisher.plan.wanted import Dataset


@dataclass(frozen=True)
class Earlier(Dataset):
    """What a run published, with the card that it wrote."""

    state: State = EMPTY
    own: Sequence[File] = ()  # all but the card
    text: bytes = b""  # of the card

    def card_for(self, around: Surroundings = NOTHING) -> Card:
        """Any: none is filled in."""
        return self.card

    def files(self, card: Card) -> list[File]:
        """The files that the card's record names."""
        return list(self.own)

    def readme(self, card: Card, files: Sequence[File], repo_id: str, around: Surroundings = NOTHING) -> TextFile:
        """README.md as it was, but for what others wrote, which is as it is now: configs, fields, a text to keep."""
        then, manifest = self.state.card, self.state.card.record
        ours = {*manifest.configs, *around.card.record.configs}
        now, before = (
            [entry for kind in BY_CONFIG for entry in card.entries(kind) if name_of(entry) not in ours]
            for card in (around.card, then)
        )
        fields = around.card.fields_of_others(ours_of(card, around))
        same = (now, fields) == (before, {name: then.metadata.get(name) for name in manifest.theirs})
        if around.card == PublishedCard() or (same and not around.keep_prose):
            return TextFile(CARD, self.text)
        own = {
            kind: [entry for entry in then.entries(kind) if name_of(entry) in manifest.configs] for kind in BY_CONFIG
        }
        rest = {name: value for name, value in then.metadata.items() if name not in manifest.theirs}
        data = DatasetCardData(**{**rest, **fields, **own})
        add_others(data, around.card, (), ours, default_config(self.builder))
        keeps = around.keep_prose or manifest.keeps_prose
        record = replace(manifest, theirs=tuple(fields), keeps_prose=keeps)
        return TextFile(CARD, write_card(data, (around.card if around.keep_prose else then).prose, record).encode())


def recall(builder: type[datasets.DatasetBuilder], card: Card, target: Target) -> Earlier:
    """The dataset that was published at the commit to roll back to.

    Raises
    ------
    UsageError
        If the revision is not there, was not published by this program, or holds other files than that recorded.
    HubError
    """
    repository, revision = Reader(target.repo_id), target.rollback or target.revision
    state = repository.find(revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    manifest = state.card.record
    if not manifest.configs:
        raise UsageError(f"{target.repo_id} at {revision} was not published by this command: give a commit that was")
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
        configs.append(BuiltConfig(config, info, record.digests, "", files, record.made_by, in_parts=in_parts))
    return Earlier(builder, card, configs, state, list(own.values()), repository.content(CARD, state.commit))


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
