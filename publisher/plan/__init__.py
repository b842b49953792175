"""A repository as found, the dataset that is wanted there, and the plan: files to add, change, remove, and notes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from operator import attrgetter
from reprlib import repr as short
from typing import Any, Literal

import datasets

from publisher.card import Dataset, card_diff, features_sha256
from publisher.card.record import CARD, NO_YAML, RECORD, PublishedCard, Record, git_blob_id, read_card
from publisher.errors import DifferenceError
from publisher.options import Options
from publisher.prepare import DataFile, File
from publisher.prepare.configs import BuilderClass, PreparedConfig, declared_configs, is_as_declared
from publisher.prepare.datasets_compat import flat

Action = Literal["add", "change", "compare", "remove", "same"]  # compare: which of two shows when the file is written
Made = tuple[datasets.BuilderConfig, Mapping[str, Any]]  # a config, and its provenance by `describe_builder`
COMMIT_FILES = 100  # what the Hub advises at most: https://huggingface.co/docs/hub/repositories-recommendations
NOT_PARAMETERS = ("builder", "config", "version")  # keys of a provenance


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
            return self.sha256 == file.sha256
        return self.blob_id == git_blob_id(file.content)


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
    """A commit that has the wanted state, or an open pull request."""

    id: str  # "" for a merge, whose answer does not say it, and for a pull request that is only listed
    pull_request: str | None = None  # its address, if it is in one
    revision: str = ""  # of the pull request
    parent: str | None = None  # the commit that it was to follow, if this run made it
    earlier: tuple[str, ...] = ()  # commits of the same plan, between the two
    title: str = ""  # by which both are to be found, if no answer says which they are


@dataclass(frozen=True)
class Change:
    """Action on one path."""

    path: str
    action: Action
    before: RemoteFile | None
    after: File | None
    by_others: bool = False  # the content that is replaced is not what an earlier run wrote

    def difference(self, files: Mapping[str, RemoteFile]) -> str | None:
        """Return how a repository's files differ from the result, or None."""
        found = files.get(self.path)
        if self.after is None:
            return f"{self.path} is no longer wanted" if found else None
        if found is None:
            return f"{self.path} is missing"
        is_done = found == self.before if self.action == "same" else found.has_content_of(self.after)
        whose = "; another user or program wrote or edited it" if self.by_others else ""
        return None if is_done else f"{self.path} differs{whose}"


@dataclass(frozen=True)
class Plan:
    """Changes from one state of a repository to the wanted one."""

    start: State
    changes: Sequence[Change]  # of the publisher's paths, in the order of their names
    configs: Sequence[PreparedConfig]  # of the repository afterwards
    mismatch: str = ""  # how the published dataset is another one
    notes: Sequence[str] = ()  # what a maintainer should know before
    card_diff: Sequence[str] = ()  # of a card that other people wrote or edited, line by line
    template: str = ""  # of the card, or the revision that it comes from
    unread: Sequence[RemoteFile] = ()  # files whose content decides whether they are removed, kept or replaced

    @property
    def replaces_edited_card(self) -> bool:
        """Return True if a text of other people would be lost."""
        return any(change.path == CARD and change.by_others for change in self.changes)

    @property
    def steps(self) -> list[Change]:
        """Changes without those that change nothing."""
        return [change for change in self.changes if change.action != "same"]

    def differences(self, state: State) -> list[str]:
        """Return how a state differs from the result of the plan, a sentence for each file."""
        return [words for change in self.changes if (words := change.difference(state.files))]

    def batches(self, state: State) -> list[list[Change]]:
        """Return the remaining changes for several commits; the card and the record come last and together."""
        steps = [change for change in self.steps if change.difference(state.files)]
        steps.sort(key=lambda step: step.path in (CARD, RECORD))
        ends = range(len(steps), 0, -COMMIT_FILES)  # full ones at the end, so that the two are in the same
        return [steps[max(end - COMMIT_FILES, 0) : end] for end in reversed(ends)]


def make_plan(dataset: Dataset, options: Options, state: State) -> Plan:
    """Compare a repository with the wanted dataset; raises DifferenceError if files of other people do not fit in."""
    recorded, written = state.record, state.record.files
    if not (options.rewrite or options.rollback):
        dataset = replace(dataset, configs=[_as_recorded(config, state) for config in dataset.configs])
    is_edited = CARD in state.files and state.card.is_edited(dataset.card.fields)
    keep_prose = _keeps_prose(state.card, options, is_edited)
    prepared = {config.name for config in dataset.configs} if options.config else recorded.configs
    left = {name: record for name, record in recorded.configs.items() if name not in prepared}
    dataset = replace(dataset, existing=state.card, keep_prose=keep_prose, left=left)
    files = dataset.files()
    kept = {CARD, RECORD, *(file.path for file in files), *(path for record in left.values() for path in record.files)}
    outdated = [state.files[path] for path in written if path not in kept and path in state.files]
    stale = [file for file in outdated if file.sha256 == written[file.path]]
    if options.adopt and options.script in state.files:
        read = {options.script, "dataset_infos.json", *only_read(dataset.configs, options.repo_id, state.card)}
        stale += [state.files[path] for path in sorted(read - kept) if path in state.files]

    dataset = replace(dataset, others=set(state.files) - kept - {file.path for file in stale})
    readme, record = dataset.readme(files, options.repo_id)
    changes = [Change(file.path, "remove", file, None) for file in stale]
    changes += [_change(file, state.files.get(file.path), written) for file in files]
    composed = read_card(readme.content.decode(errors="replace"), record.file.content.decode())
    of_card = _change(readme, state.files.get(CARD), written)
    if of_card.action == "change" and state.card.content == composed.content:
        of_card = replace(of_card, action="same")
    elif of_card.action == "change":
        of_card = replace(of_card, by_others=(is_edited or recorded.keeps_prose) and not keep_prose)
    if of_card.action == "same":
        # its style may be another; and additions of other people alone are not a reason to commit
        as_before = replace(record, readme=recorded.readme)
        is_same = as_before.file == recorded.file
        record = as_before if is_same else replace(record, readme=record.readme and state.files[CARD].blob_id)
    texts = [of_card, _change(record.file, state.files.get(RECORD), written)]
    if any(file.sha256 is None for file in files):  # then the numbers in card and record are expected, too
        texts = [
            replace(text, action="compare" if text.before else "add", after=DataFile(text.path, text.after.size))
            for text in texts
            if text.after
        ]
    unread = [file for file in outdated if file.sha256 is None]
    unread += [state.files[CARD]] if state.card.is_unread and of_card.action != "same" else []
    made = [(config.builder_config, config.provenance) for config in dataset.configs if not options.rollback]
    mismatch = describe_mismatch(dataset.builder, made, recorded)
    noted = [] if mismatch or options.rollback else list(notes(dataset.configs, recorded))
    template = options.rollback or dataset.shown_card().template.name
    diff = card_diff(state.card, composed, template) if of_card.by_others else ()
    changes = sorted([*changes, *texts], key=attrgetter("path"))
    return Plan(state, changes, dataset.configs, mismatch, noted, diff, template, unread)


def _change(file: File, before: RemoteFile | None, written: Mapping[str, str]) -> Change:
    if before is None:
        return Change(file.path, "add", None, file)
    if file.sha256 is None:
        return Change(file.path, "compare", before, file)
    if before.has_content_of(file):
        return Change(file.path, "same", before, file)
    by_others = file.path not in (CARD, RECORD) and before.sha256 not in (None, written.get(file.path))
    return Change(file.path, "change", before, file, by_others)


def _keeps_prose(card: PublishedCard, options: Options, is_edited: bool) -> bool:
    """Return True if the existing card's text stays; raises DifferenceError if it cannot be read."""
    keeps = not options.overwrite_card and (card.record.keeps_prose or (options.keep_card and is_edited))
    # of a card that was not read the text is empty, and a YAML with faults may say anything
    if keeps and not (card.metadata or (card.prose and set(card.faults) <= {NO_YAML})):
        reason = (*card.faults, "it is missing, empty or too long to be read")[0]
        advice = "Correct it there, or replace it with --overwrite-card"
        raise DifferenceError(f"The existing {CARD} cannot be kept: {reason}. {advice}")
    return keeps


def _as_recorded(config: PreparedConfig, state: State) -> PreparedConfig:
    """Return a config with existing files, and their numbers, in place of those that hold the same rows.

    Another version of pyarrow writes them as other bytes, and another one of `datasets` counts other bytes of memory.
    """
    record, info = state.record.configs.get(config.name), config.info
    if not record or (record.provenance, record.features) != (config.provenance, features_sha256(info.features)):
        return config
    kept: dict[str, File] = {}
    for file in config.all_files:
        remote, sha256 = state.files.get(file.path), record.files.get(file.path)
        has_rows = file.rows_sha256 and file.rows_sha256 == record.rows_sha256.get(file.path)
        if has_rows and remote and sha256 and remote.sha256 == sha256:
            kept[file.path] = DataFile(file.path, remote.size, file.rows, file.nbytes, sha256, file.rows_sha256)
    files = {split: [kept.get(file.path, file) for file in of_split] for split, of_split in config.files.items()}
    if len(kept) == len(config.all_files) == len(record.files) and record.num_bytes.keys() == info.splits.keys():
        info = info.copy()
        for name, size in record.num_bytes.items():
            info.splits[name].num_bytes = size
        info.dataset_size = sum(record.num_bytes.values())
        info.download_size = sum(file.size for file in kept.values())
    return replace(config, info=info, files=files)


def describe_mismatch(builder: BuilderClass, wanted: Iterable[Made], record: Record) -> str:
    """Return how the published dataset differs from the wanted one, or nothing."""
    declared = declared_configs(builder)
    for config, here in wanted:
        for published in record.configs.values():
            if (other := published.provenance.get("builder", here["builder"])) != here["builder"]:
                return f"builder {short(other)} there, {short(here['builder'])} here"
        if config.name not in record.configs:
            continue
        there = record.configs[config.name].provenance
        if is_as_declared(config, declared[config.name]) and _is_newer(here["version"], there.get("version")):
            continue  # the next version of the same dataset, whatever its parameters
        before, after = _parameters(there), _parameters(here)
        names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
        if names:
            words = [f"{name}={short(before.get(name))} there, {short(after.get(name))} here" for name in names]
            return f"config {config.name!r} has {'; '.join(words)}"
    return ""


def _parameters(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by name, including the fields of nested ones."""
    flattened: dict[str, Any] = {}
    for name, value in provenance.items():
        if name not in NOT_PARAMETERS:
            flattened |= value if isinstance(value, dict) else {name: value}
    return flattened


def notes(configs: Sequence[PreparedConfig], record: Record) -> Iterator[str]:
    """Yield sentences on rows whose version stays, versions that go back, and what preparing the configs noted."""
    yield from dict.fromkeys(note for config in configs for note in config.notes)
    for config in configs:
        if not (published := record.configs.get(config.name)):
            continue
        there, version = published.provenance.get("version"), config.provenance["version"]
        if published.digests and config.digests:
            differs = published.digests != config.digests
        else:
            rows = {file.path: file.rows_sha256 for file in config.all_files}
            differs = any(digest and digest != published.rows_sha256.get(path, digest) for path, digest in rows.items())
        if there == version and differs:
            yield f"rows of config {config.name!r} change at the same version, {version}, which caches go by: raise it"
        elif _is_newer(there, version):
            yield f"config {config.name!r} goes back from version {there} to {version}: is the code an old copy?"


def _is_newer(here: Any, there: Any) -> bool:
    try:
        return bool(datasets.Version(str(here)) > datasets.Version(str(there)))
    except ValueError:  # not a version
        return False


def only_read(configs: Iterable[PreparedConfig], repo_id: str, card: PublishedCard) -> Iterator[str]:
    """Yield the paths in a repository that its script fetched from it, and that no config of its card names."""
    address = re.compile(rf"(?:hf:/|https?://[^/]+)/datasets/{re.escape(repo_id)}(?:@[^/]+|/(?:resolve|raw)/[^/]+)/")
    given = (text for entry in card.entries("configs") for text in flat(entry.get("data_files")))
    named = [text for text in given if isinstance(text, str)]
    for path in {address.sub("", text.split("::")[-1].split("?")[0]) for config in configs for text in config.inputs}:
        if "://" not in path and not any(fnmatchcase(path, pattern) for pattern in named):
            yield path
