"""What is there against what is wanted: which files a commit adds, changes and removes, with all that it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from publisher.card.compose import Card, ExistingCard
from publisher.card.difference import card_difference
from publisher.card.record import CARD, CARD_BYTES, Record, read_card
from publisher.errors import DifferenceError
from publisher.options import Options
from publisher.plan.notes import describe_mismatch, notes, only_read
from publisher.plan.recorded import keep_recorded
from publisher.plan.state import RemoteFile, State
from publisher.plan.wanted import Dataset
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import ExpectedFile, File, TextFile, digest_of

Action = Literal["add", "change", "compare", "remove", "same"]  # compare: which of two shows when it is drawn


@dataclass(frozen=True)
class Change:
    """What happens to one path."""

    path: str
    action: Action
    before: RemoteFile | None
    after: File | None
    by_others: bool = False  # what is replaced is not what an earlier run wrote

    def difference(self, files: Mapping[str, RemoteFile]) -> str | None:
        """How a repository's files differ from what this leads to, or None."""
        there = files.get(self.path)
        if self.after is None:
            return f"{self.path} is no longer wanted" if there else None
        if there is None:
            return f"{self.path} is missing"
        is_done = there == self.before if self.action == "same" else there.has_content_of(self.after)
        whose = "; somebody else wrote or edited it" if self.by_others else ""
        return None if is_done else f"{self.path} differs{whose}"


@dataclass(frozen=True)
class Plan:
    """The way from one state of a repository to the wanted one."""

    start: State
    changes: Sequence[Change]  # of each path of ours, in the order of their names
    configs: Sequence[PreparedConfig]  # that the repository has afterwards
    other: str = ""  # how the dataset that is there is another one
    notes: Sequence[str] = ()  # what a maintainer should know before
    lost: Sequence[str] = ()  # of a card that somebody else wrote or edited: the difference, line by line
    template: str = ""  # that the card is from, or the revision
    unread: Sequence[RemoteFile] = ()  # what is removed, or kept, if its content is what an earlier run wrote

    @property
    def replaces_edited_card(self) -> bool:
        """Whether the text of somebody else would be lost."""
        return any(change.path == CARD and change.by_others for change in self.changes)

    @property
    def steps(self) -> list[Change]:
        """The changes without those that change nothing."""
        return [change for change in self.changes if change.action != "same"]

    def is_within(self, other: Plan) -> bool:
        """Whether nothing is done to a file that the other plan does not do to the same file."""
        return all(step in other.steps for step in self.steps)

    def differences(self, state: State) -> list[str]:
        """How a state differs from what the plan leads to, a sentence for each file."""
        return [words for change in self.changes if (words := change.difference(state.files))]

    def batches(self, state: State, files: int) -> list[list[Change]]:
        """What is left to do at a state, for several commits, the card in the last: it says what is there."""
        steps = [change for change in self.steps if change.difference(state.files)]
        steps.sort(key=lambda change: change.path == CARD)
        return [steps[start : start + files] for start in range(0, len(steps), files)]


def make_plan(dataset: Dataset, options: Options, state: State) -> Plan:
    """Compare a repository, of which the `state` is what is there, with what is wanted of it.

    Raises
    ------
    DifferenceError
        If others added what does not go together with ours.
    """
    manifest = state.card.record
    dataset, doubtful = (dataset, []) if options.rewrite or options.rollback else keep_recorded(dataset, state)
    keep_prose = _keeps_prose(dataset.card, options, state)
    existing = ExistingCard(state.card, keep_prose=keep_prose, leave_other_configs=options.leave_other_configs)
    card = dataset.card_for(existing)
    files = dataset.files(card)
    kept = {file.path for file in files}
    if options.leave_other_configs:
        built = {config.name for config in dataset.configs}
        kept |= {path for name, record in manifest.configs.items() if name not in built for path in record.files}
    outdated = [state.files[path] for path in manifest.files if path not in kept and path in state.files]
    stale = [file for file in outdated if file.sha256 == manifest.files[file.path]]
    if options.adopt and options.script in state.files:
        read = {options.script, "dataset_infos.json", *only_read(dataset.configs, options.repo_id, state.card)}
        stale += [state.files[path] for path in sorted(read - kept - {CARD}) if path in state.files]
    others = set(state.files) - kept - {file.path for file in stale} - {CARD}

    readme = dataset.readme(card, files, options.repo_id, replace(existing, paths=others))
    changes = [Change(file.path, "remove", file, None) for file in stale]
    changes += [_change(file, state.files.get(file.path), manifest) for file in files]
    expected = any(isinstance(file, ExpectedFile) for file in files)  # then the numbers in the card are, too
    changes.append(
        _change_card(ExpectedFile(CARD, readme.size) if expected else readme, state, not keep_prose, card.fields)
    )
    template = options.rollback or card.template.name
    lost = changes[-1].by_others and card_difference(state.card, read_card(readme.content.decode()), template)
    made = [(config.builder_config, config.provenance) for config in dataset.configs]
    names = [options.repo_id.rpartition("/")[2], *(str(provenance["builder"]) for _, provenance in made)]
    other = "" if options.rollback else describe_mismatch(dataset.builder, made, state.card.record)
    return Plan(
        state,
        sorted(changes, key=lambda change: change.path),
        dataset.configs,
        other,
        [] if options.rollback else list(notes([] if other else dataset.configs, state.card.record, others, names)),
        lost or (),
        template,
        [*(file for file in outdated if file.sha256 is None), *doubtful],
    )


def _change(file: File, before: RemoteFile | None, manifest: Record) -> Change:
    if before is None:
        return Change(file.path, "add", None, file)
    if digest_of(file) is None:
        return Change(file.path, "compare", before, file)
    if before.has_content_of(file):
        return Change(file.path, "same", before, file)
    by_others = before.sha256 not in (None, manifest.files.get(file.path))
    return Change(file.path, "change", before, file, by_others)


def is_undecided(card: Card, options: Options, state: State) -> bool:
    """Whether somebody else's prose is there, and nobody said what becomes of it."""
    edited = CARD in state.files and state.card.is_edited_in(card.fields)
    return edited and not (options.overwrite_card or _keeps_prose(card, options, state))


def _keeps_prose(card: Card, options: Options, state: State) -> bool:
    edited = CARD in state.files and state.card.is_edited_in(card.fields)
    keeps = not options.overwrite_card and (state.card.record.keeps_prose or (options.keep_card and edited))
    if keeps and not (state.card.is_read and state.files[CARD].size <= CARD_BYTES):
        raise DifferenceError(
            f"{CARD} there cannot be kept: {(*state.card.faults, 'it is too long to be read')[0]}. Correct it there, "
            "or replace it with --overwrite-card"
        )
    return keeps


def _change_card(file: File, state: State, replaced: bool, fields: Collection[str]) -> Change:
    change = _change(file, state.files.get(CARD), Record())
    if change.action in ("add", "same"):
        return change
    if isinstance(file, TextFile) and state.card.says_the_same(read_card(file.content.decode())):
        return replace(change, action="same", by_others=False)
    return replace(change, by_others=replaced and state.card.is_of_others(fields))
