"""Comparison of a repository with the wanted dataset: the files that a commit adds, changes and removes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Literal

import datasets

from publisher.card.compose import Card, ExistingCard, card_diff, features_sha256, read_infos
from publisher.card.record import CARD, CARD_BYTES, NO_YAML, RECORD, ConfigRecord, PublishedCard, Record, read_card
from publisher.errors import DifferenceError
from publisher.options import Options
from publisher.plan.notes import describe_mismatch, notes, only_read
from publisher.plan.state import Dataset, RemoteFile, State
from publisher.prepare import ExpectedFile, File, KnownFile, TextFile, digest_of, rows_sha256_of
from publisher.prepare.configs import PreparedConfig

Action = Literal["add", "change", "compare", "remove", "same"]  # compare: which of two shows when the file is written


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

    def is_within(self, other: Plan) -> bool:
        """Return True if nothing is done to a file that the other plan does not do to the same file.

        The record follows from the other files.
        """
        return all(step in other.steps for step in self.steps if step.path != RECORD)

    def differences(self, state: State) -> list[str]:
        """Return how a state differs from the result of the plan, a sentence for each file."""
        return [words for change in self.changes if (words := change.difference(state.files))]

    def batches(self, state: State, files: int) -> list[list[Change]]:
        """Return the remaining changes for several commits; the card and the record come last and together."""
        steps = [change for change in self.steps if change.difference(state.files)]
        last = [step for step in steps if step.path in (CARD, RECORD)]
        steps = [step for step in steps if step not in last]
        batches = [steps[start : start + files] for start in range(0, len(steps), files)]
        if batches and len(batches[-1]) + len(last) <= files:
            batches[-1] += last
        elif last:
            batches.append(last)
        return batches


def make_plan(dataset: Dataset, options: Options, state: State) -> Plan:
    """Compare a repository at a state with the wanted dataset.

    Raises
    ------
    DifferenceError
        If files or configs that other people added do not go together with ours.
    """
    recorded = state.record
    dataset, doubtful = (dataset, []) if options.rewrite or options.rollback else _keep_recorded(dataset, state)
    keep_prose = _keeps_prose(dataset.card, options, state)
    existing = ExistingCard(state.card, keep_prose=keep_prose, leave_other_configs=options.leave_other_configs)
    card = dataset.card_for(existing)
    files = dataset.files(card)
    kept = {CARD, RECORD, *(file.path for file in files)}
    if options.leave_other_configs:
        prepared = {config.name for config in dataset.configs}
        kept |= {path for name, record in recorded.configs.items() if name not in prepared for path in record.files}
    outdated = [state.files[path] for path in recorded.files if path not in kept and path in state.files]
    stale = [file for file in outdated if file.sha256 == recorded.files[file.path]]
    if options.adopt and options.script in state.files:
        read = {options.script, "dataset_infos.json", *only_read(dataset.configs, options.repo_id, state.card)}
        stale += [state.files[path] for path in sorted(read - kept) if path in state.files]
    others = set(state.files) - kept - {file.path for file in stale}

    readme, record = dataset.readme(card, files, options.repo_id, replace(existing, paths=others))
    changes = [Change(file.path, "remove", file, None) for file in stale]
    changes += [_change(file, state.files.get(file.path), recorded) for file in files]
    composed = read_card(readme.content.decode(), record.file.content.decode())
    edited = recorded.keeps_prose or state.card.is_edited(card.fields)
    of_card = _change_card(readme, composed, state, by_others=edited and not keep_prose)
    if of_card.action == "same":
        # its style may be another; and additions of other people alone are not a reason to commit
        as_before = replace(record, readme=recorded.readme)
        is_same = as_before.file == recorded.file
        record = as_before if is_same else replace(record, readme=record.readme and state.files[CARD].blob_id)
    texts = [of_card, replace(_change(record.file, state.files.get(RECORD), recorded), by_others=False)]
    if any(isinstance(file, ExpectedFile) for file in files):  # then the numbers in card and record are expected, too
        texts = [
            replace(text, action="compare" if text.before else "add", after=ExpectedFile(text.path, text.after.size))
            for text in texts
            if text.after
        ]
    unread = [*(file for file in outdated if file.sha256 is None), *doubtful]
    if state.card.is_unread and of_card.action != "same":
        unread.append(state.files[CARD])
    template = options.rollback or card.template.name
    made = [(config.builder_config, config.provenance) for config in dataset.configs]
    names = [options.repo_id.rpartition("/")[2], *(str(provenance["builder"]) for _, provenance in made)]
    mismatch = "" if options.rollback else describe_mismatch(dataset.builder, made, recorded)
    return Plan(
        state,
        sorted([*changes, *texts], key=attrgetter("path")),
        dataset.configs,
        mismatch,
        [] if options.rollback else list(notes([] if mismatch else dataset.configs, recorded, others, names)),
        card_diff(state.card, composed, template) if of_card.by_others else (),
        template,
        unread,
    )


def _change(file: File, before: RemoteFile | None, recorded: Record) -> Change:
    if before is None:
        return Change(file.path, "add", None, file)
    if digest_of(file) is None:
        return Change(file.path, "compare", before, file)
    if before.has_content_of(file):
        return Change(file.path, "same", before, file)
    by_others = before.sha256 not in (None, recorded.files.get(file.path))
    return Change(file.path, "change", before, file, by_others)


def is_undecided(card: Card, options: Options, state: State) -> bool:
    """Return True if other people wrote or edited the card, and no option says what becomes of it."""
    edited = CARD in state.files and state.card.is_edited(card.fields)
    return edited and not (options.overwrite_card or _keeps_prose(card, options, state))


def _keeps_prose(card: Card, options: Options, state: State) -> bool:
    edited = CARD in state.files and state.card.is_edited(card.fields)
    keeps = not options.overwrite_card and (state.record.keeps_prose or (options.keep_card and edited))
    is_read = bool(state.card.metadata) or set(state.card.faults) <= {NO_YAML}  # else the YAML may say anything
    if keeps and not (is_read and CARD in state.files and state.files[CARD].size <= CARD_BYTES):
        reason = (*state.card.faults, "it is missing or too long to be read")[0]
        raise DifferenceError(
            f"The existing {CARD} cannot be kept: {reason}. Correct it there, or replace it with --overwrite-card"
        )
    return keeps


def _change_card(file: TextFile, composed: PublishedCard, state: State, by_others: bool) -> Change:
    change = _change(file, state.files.get(CARD), Record())
    if change.action in ("add", "same"):
        return change
    if state.card.says_the_same(composed):
        return replace(change, action="same", by_others=False)
    return replace(change, by_others=by_others)


def _keep_recorded(dataset: Dataset, state: State) -> tuple[Dataset, list[RemoteFile]]:
    """Return a dataset with existing files in place of those that hold the same rows in other bytes.

    Another version of pyarrow writes the same rows in other bytes, and another one of `datasets` counts them in other
    bytes of memory: what a run recorded of them holds. Also return the files that would be kept if their content is
    what was recorded, which is not known yet.
    """
    configs, unread = [], []
    for config in dataset.configs:
        record = state.record.configs.get(config.name)
        if record and not record.features:
            record = _complete(record, state.card, config.name)
        sha256 = features_sha256(config.info.features)
        if record and (record.provenance, record.features) == (config.provenance, sha256):
            config, doubtful = _keep(config, record, state.files)
            unread += doubtful
        configs.append(config)
    return replace(dataset, configs=configs), unread


def _complete(record: ConfigRecord, card: PublishedCard, name: str) -> ConfigRecord:
    """Return a record of an earlier version with what the card says of the config."""
    info = recorded_infos(card).get(name)
    if info is None or info.features is None:
        return record
    num_bytes = {split: told.num_bytes for split, told in (info.splits or {}).items()}
    return replace(record, features=features_sha256(info.features), num_bytes=num_bytes)


def _keep(
    config: PreparedConfig, record: ConfigRecord, existing: Mapping[str, RemoteFile]
) -> tuple[PreparedConfig, list[RemoteFile]]:
    same = {
        file.path: existing[file.path]
        for file in config.all_files
        if file.path in record.files and file.path in existing
        if rows_sha256_of(file) and rows_sha256_of(file) == record.rows_sha256.get(file.path)
    }
    unread = [remote for remote in same.values() if remote.sha256 is None]
    kept = {path: remote for path, remote in same.items() if remote.sha256 == record.files[path]}
    files = {split: [_as_recorded(file, kept.get(file.path)) for file in of] for split, of in config.files.items()}
    info = config.info
    if len(kept) == len(config.all_files) == len(record.files) and record.num_bytes.keys() == info.splits.keys():
        info = info.copy()
        for name, size in record.num_bytes.items():
            info.splits[name].num_bytes = size
        info.dataset_size = sum(record.num_bytes.values())
        info.download_size = sum(remote.size for remote in kept.values())
    return replace(config, info=info, files=files), unread


def _as_recorded(file: File, remote: RemoteFile | None) -> File:
    if not isinstance(file, KnownFile) or remote is None or remote.sha256 in (None, file.sha256):
        return file
    return KnownFile(file.path, remote.size, file.rows, file.nbytes, remote.sha256 or "", rows_sha256_of(file))


def recorded_infos(card: PublishedCard) -> Mapping[str, datasets.DatasetInfo]:
    """Return what a card says of the recorded configs; nothing if its entries cannot be read."""
    try:
        return read_infos(card, card.record.configs)
    except (ValueError, TypeError, KeyError, AttributeError):  # edited by hand
        return {}
