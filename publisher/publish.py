"""Bring a repository to the wanted state in one commit, whatever happens on the way, and check that it is there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import datasets

from publisher.card import Surroundings
from publisher.errors import DifferenceError, HubError, UsageError
from publisher.hub import (
    ATTEMPTS,
    CONFLICTS,
    EMPTY,
    MAIN,
    Repository,
    State,
    backoff,
    first_line,
    is_transient,
    status_of,
)
from publisher.manifest import CARD
from publisher.plan import Plan, make_plan, stale_files
from publisher.repository import Build


@dataclass(frozen=True)
class Target:
    """Where a build goes, and how."""

    repo_id: str
    revision: str = MAIN
    private: bool = False
    create_pr: bool = False
    tag: str | None = None
    message: str = "Publish the dataset"
    overwrite_card: bool = False
    leave_other_configs: bool = False  # only some configs were built


@dataclass(frozen=True)
class Outcome:
    """What was found and done."""

    plan: Plan
    before: State | None  # None: there was no repository
    commit: str | None = None  # where the wanted state is, if it is
    differences: list[str] = field(default_factory=list)


def look(build: Build, target: Target) -> Outcome:
    """Plan, and do nothing."""
    repository = Repository(target.repo_id)
    before, _ = _find(repository, target)
    plan = _plan(build, target, repository, before or EMPTY)
    return Outcome(plan, before, None if plan.steps or before is None else before.commit)


def publish(build: Build, target: Target, show: Callable[[Outcome], object] = lambda outcome: None) -> Outcome:
    """Publish a build: afterwards the repository is as it was or as wanted.

    Parameters
    ----------
    build : Build
    target : Target
    show : callable, optional
        Called with the plan before it is carried out.

    Returns
    -------
    Outcome
        With a sentence for each difference that was found after the commit.

    Raises
    ------
    DifferenceError
        If somebody has edited the card, and `overwrite_card` is not set.
    UsageError, HubError
    """
    repository = Repository(target.repo_id)
    before, has_revision = _find(repository, target)
    _check_before(repository, target, before)
    state = before
    if before is None:
        show(Outcome(_plan(build, target, repository, EMPTY), None))
        repository.create(target.private)
        has_revision = target.revision == MAIN
    if not has_revision:
        repository.create_branch(target.revision)
    if before is None:
        state = repository.get(target.revision)
    assert state is not None

    outcome = _commit(build, target, repository, state, show if before else lambda outcome: None)
    assert outcome.commit is not None
    try:
        if outcome.plan.steps:
            outcome = replace(outcome, before=before, differences=_check(build, target, repository, outcome.commit))
        if target.tag and outcome.commit and not outcome.differences:
            repository.create_tag(target.tag, outcome.commit)
    except HubError as error:
        raise HubError(f"published at commit {outcome.commit}, but not verified to the end: {error}") from error
    return outcome


def verify(build: Build, target: Target) -> Outcome:
    """Compare a revision with a build, and open each config there."""
    repository = Repository(target.repo_id)
    state = repository.get(target.revision)
    plan = _plan(build, target, repository, state)
    return Outcome(plan, state, state.commit, _check(build, target, repository, state.commit))


def _find(repository: Repository, target: Target) -> tuple[State | None, bool]:
    """The state that the commit goes on top of, and whether the revision is there: one that is not starts at `main`."""
    try:
        return repository.find(target.revision), True
    except UsageError:
        return (None if target.revision == MAIN else repository.find(MAIN)), False


def _check_before(repository: Repository, target: Target, state: State | None) -> None:
    if target.private and state and not state.private:
        raise UsageError(f"{repository.url} is there and public: --private counts only for a new repository")
    if target.tag and state and (tagged := repository.tags().get(target.tag)) and tagged != state.commit:
        raise UsageError(f"the tag {target.tag!r} is there, at commit {tagged}: give another name")


def _plan(build: Build, target: Target, repository: Repository, state: State) -> Plan:
    manifest = state.card.manifest
    kept = set(build.paths)
    if target.leave_other_configs and manifest:
        chosen = {config.name for config in build.configs}
        kept |= {path for name, record in manifest.configs.items() if name not in chosen for path in record.files}
    stale = stale_files(state.files, manifest, kept, lambda file: repository.digest(file, state.commit))
    others = set(state.files) - kept - stale - {CARD}
    wanted = build.add_card(target.repo_id, Surroundings(state.card, others, target.leave_other_configs))
    return make_plan(state.files, state.card, wanted, stale)


def _commit(
    build: Build, target: Target, repository: Repository, state: State, show: Callable[[Outcome], object]
) -> Outcome:
    """Plan and commit until the repository is as wanted."""
    start = state.commit
    planned: Outcome | None = None
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(backoff(attempt))
            state = _look_again(repository, target)
        plan = _plan(build, target, repository, state)
        if planned is None:
            planned = Outcome(plan, state, state.commit)
            show(planned)
        if not plan.steps:  # of an earlier attempt, whose answer was lost, or there was nothing to do
            return replace(planned, commit=state.commit)
        if plan.replaces_edited_card and not target.overwrite_card:
            raise DifferenceError(f"{CARD} was written or edited by somebody else: --overwrite-card replaces it")
        if target.create_pr and (proposed := _proposed(build, target, repository)):
            return replace(planned, commit=proposed)
        try:
            commit = repository.commit(plan, state.commit, target.revision, target.message, target.create_pr)
            return Outcome(plan, state, commit)
        except Exception as error:
            status = status_of(error)
            if status is None and not is_transient(error):
                raise
            if status not in CONFLICTS and not is_transient(error):
                raise repository.explain(error) from error
            failure = error  # but the commit may have been made: look again
    if status_of(failure) in CONFLICTS:
        others = (
            "; ".join(repository.commits_since(start, target.revision)) or "somebody that the history does not show"
        )
        raise HubError(f"{repository.url} changed {ATTEMPTS} times while this was published: {others}: try again")
    raise repository.explain(failure) from failure


def _look_again(repository: Repository, target: Target) -> State:
    try:
        return repository.get(target.revision)
    except HubError as error:
        raise HubError(f"whether the commit was made is not known, run the same again: {error}") from error


def _proposed(build: Build, target: Target, repository: Repository) -> str | None:
    """The commit of an open pull request that has the wanted state already."""
    for revision in repository.open_pull_requests(target.message):
        state = repository.get(revision)
        if not _plan(build, target, repository, state).steps:
            return state.commit
    return None


def _check(build: Build, target: Target, repository: Repository, commit: str) -> list[str]:
    """Read every hash back at a commit, open each config there, and say what is not as it should be."""
    state = repository.get(commit)
    wrong = [f"{step.path} is not as wanted: {step.action}" for step in _plan(build, target, repository, state).steps]
    for config in build.configs:
        wanted = {name: split.num_examples for name, split in config.info.splits.items()}
        try:
            rows = repository.retry(_rows, target.repo_id, config.name, commit)
        except HubError:
            raise
        except Exception as error:
            wrong.append(f"load_dataset does not open config {config.name}: {first_line(error)}")
        else:
            if rows != wanted:
                wrong.append(f"load_dataset finds {rows} rows in config {config.name} instead of {wanted}")
    return wrong


def _rows(repo_id: str, config: str, commit: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset(repo_id, config, revision=commit, cache_dir=cache)
        return {name: split.num_rows for name, split in found.items()}
