"""A dataset as an earlier commit has it: its files are on the Hub already, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import datasets

from publisher.card import COMPUTED, Card, Dataset, card_yaml, read_infos
from publisher.card.record import CARD, Record, name_of, write_card
from publisher.errors import HubError, UsageError
from publisher.hub.repository import Repository
from publisher.options import Options
from publisher.plan import EMPTY, State
from publisher.prepare import File, TextFile, UploadedFile
from publisher.prepare.configs import BuilderClass, PreparedConfig, default_config


@dataclass(frozen=True)
class PublishedSnapshot(Dataset):
    """Dataset that a run published, with the card that it wrote."""

    state: State = EMPTY
    own: Sequence[File] = ()  # all but the card
    text: bytes = b""  # of the card

    def files(self) -> list[File]:
        """The files that the card's record names."""
        return list(self.own)

    def readme(self, files: Sequence[File], repo_id: str) -> tuple[TextFile, Record]:
        """Return README.md as it was, with the configs, fields and kept prose that other people have there now."""
        existing, then, record = self.existing, self.state.card, self.state.record
        names, ours = {*record.configs, *existing.record.configs}, COMPUTED if self.keep_prose else self.card.fields
        now, before = (
            (found.by_config(names, others=True), found.fields_of_others(ours)) for found in (existing, then)
        )
        if now == before and not self.keep_prose and not then.has_comment:
            return TextFile(CARD, self.text), record
        (entries, fields), own = now, then.by_config(record.configs)
        rest = {name: then.metadata[name] for name in record.fields or then.metadata if name in then.metadata}
        head = card_yaml({**rest, **fields}, own, entries, default_config(self.builder))
        record = replace(record, keeps_prose=self.keep_prose or record.keeps_prose)
        text, record = write_card(head, (existing if self.keep_prose else then).prose, record, fields)
        return TextFile(CARD, text.encode()), record


def load_snapshot(builder: BuilderClass, card: Card, options: Options) -> PublishedSnapshot:
    """The dataset that was published at the commit to roll back to, if it is there and as it was recorded."""
    repository, revision = Repository(options.repo_id), options.rollback or options.revision
    state = repository.get(revision)
    record = state.record
    if not record.configs:
        raise UsageError(f"{options.repo_id} at {revision} was not published by this command. Give a commit that was.")
    own = {path: _own_file(repository, state, path, sha256) for path, sha256 in record.files.items()}
    if lost := repository.missing_uploads([file for file in own.values() if isinstance(file, UploadedFile)]):
        raise HubError(f"{repository.url} has lost {min(lost)} of {revision}. Give another commit, or publish again.")
    try:
        infos = read_infos(state.card, record.configs)
    except (ValueError, TypeError, KeyError, AttributeError):  # edited by hand
        infos = {}
    configs = []
    for name, of_config in record.configs.items():
        files = {
            part["split"]: [own[path] for path in sorted(of_config.files) if fnmatchcase(path, part["path"])]
            for entry in state.card.entries("configs")
            if name_of(entry) == name
            for part in entry["data_files"]
        }
        in_parts = any(len(of) > 1 for of in files.values())
        config, info = datasets.BuilderConfig(name=name), infos.get(name, datasets.DatasetInfo())
        configs.append(
            PreparedConfig(config, info, of_config.digests, "", files, of_config.provenance, in_parts=in_parts)
        )
    text = repository.content(CARD, state.commit)
    return PublishedSnapshot(builder, card, configs, state=state, own=[*own.values()], text=text)


def _own_file(repository: Repository, state: State, path: str, sha256: str) -> File:
    if there := state.files.get(path):
        large = UploadedFile(path, there.size, sha256=there.sha256) if there.sha256 else None
        file = large or TextFile(path, repository.content(path, state.commit))
        if file.sha256 == sha256:
            return file
    raise UsageError(f"{path} of commit {state.commit} is not what was published. Give a commit in which it is.")
