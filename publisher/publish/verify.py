"""Whether a revision is what a plan leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from publisher.card.record import CARD, CARD_BYTES
from publisher.check.published import BESIDE, check_bytes, check_card, check_config
from publisher.errors import HubError
from publisher.hub.local import check_surroundings
from publisher.hub.reading import Reader
from publisher.options import Options
from publisher.plan.plan import Plan
from publisher.plan.state import EMPTY, Commit, RemoteFile, State
from publisher.plan.wanted import Dataset
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import TextFile
from publisher.publish.outcome import Outcome
from publisher.publish.start import plan_on


def verify(dataset: Dataset, options: Options, every_byte: bool) -> Outcome:
    """Compare a revision with a dataset, read its files, and open a config there.

    Parameters
    ----------
    dataset : Dataset
    options : Options
    every_byte : bool
        Read all of a config in shards, too, instead of the end of each of its files.
    """
    check_surroundings()
    repository = Reader(options.repo_id)
    state = repository.find(options.revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    plan = plan_on(repository, dataset, options, state)
    differences = [*plan.differences(state), *check_bytes(repository, plan, state, every_byte)]
    if not differences:  # what differs may have been written to do harm, and is not opened
        differences += check_opens(repository, plan, state.commit, state.files)
    if not differences and (config := _example(plan, [])):
        differences += check_config(repository, config, state.commit)
    return Outcome(plan, state, commit=Commit(state.commit), differences=list(dict.fromkeys(differences)))


def check_commit(repository: Reader, plan: Plan, commit: Commit) -> list[str]:
    """How a committed plan and what is found at its commit differ.

    Equal digests of all files, a card that opens beside their names, and one config opened from the Hub say as much as
    opening all of them from there, which would spend the Hub's quota of requests.
    """
    differences = []
    if commit.parent and (others := repository.commits_between(commit, commit.parent)):
        differences.append(
            f"commit {commit.id} was built over what somebody else had committed meanwhile, {'; '.join(others)}: look "
            "at what that changed, and commit it again"
        )
    files = repository.files(commit.id)
    differences += plan.differences(State(commit.id, files, EMPTY.card, private=False))
    if differences:
        return differences
    differences += check_opens(repository, plan, commit.id, files)
    if not differences and (config := _example(plan, [change.path for change in plan.steps])):
        differences += check_config(repository, config, commit.id)
    return differences


def check_opens(repository: Reader, plan: Plan, commit: str, files: Mapping[str, RemoteFile]) -> list[str]:
    """What is wrong with the configs by the card and the files of a commit, both as the plan leads to."""
    card = next((change.after for change in plan.changes if change.path == CARD), None)
    if isinstance(card, TextFile) and files[CARD].has_content_of(card):
        content = card.content
    else:  # written in another style, which stays
        content = repository.content(CARD, commit)
    small = [path for path in BESIDE if path in files and files[path].size <= CARD_BYTES]
    return check_card(content, files, plan.configs, {path: repository.content(path, commit) for path in small})


def _example(plan: Plan, changed: Sequence[str]) -> PreparedConfig | None:
    """The config that is opened from the Hub: the first with a file that was changed, else the first."""
    for config in plan.configs:
        if any(file.path in changed for file in config.all_files):
            return config
    return plan.configs[0] if plan.configs else None
