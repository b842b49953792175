"""Bring a repository to the wanted state in one commit, whatever happens on the way, and check that it is there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import datasets

from publisher.card import Surroundings
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError
from publisher.failures import ATTEMPTS, explain, is_transient, one_line, retry, status_of, wait_after
from publisher.hub import EMPTY, MAIN, Commit, Repository, State
from publisher.manifest import CARD
from publisher.plan import Plan, make_plan, stale_files
from publisher.repository import Build

CONFLICTS = {409, 412}


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
    new_branch: bool = False  # the revision starts at `main`
    commit: Commit | None = None  # where the wanted state is, if it is
    differences: list[str] = field(default_factory=list)


def look(build: Build, target: Target) -> Outcome:
    """Plan and refuse as `publish` would, and do nothing."""
    return _look(Repository(target.repo_id), build, target)


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
    outcome = _look(repository, build, target)
    show(outcome)
    _refuse_edited_card(outcome.plan, target)
    state = outcome.before
    if state is None:
        repository.create(target.private)
    if outcome.new_branch:
        repository.create_branch(target.revision)
    commit, plan = _commit(repository, build, target, state or repository.get(target.revision))
    outcome = replace(outcome, commit=commit, plan=plan)
    try:
        if plan.steps:
            after = repository.get(commit.id)
            rest = _plan(repository, build, target, after)
            outcome = replace(outcome, differences=_check(build, target, after, rest))
        if target.tag and not outcome.differences:
            repository.create_tag(target.tag, commit.id)
    except Exception as error:
        reason = error if isinstance(error, PublishingError) else explain(error, target.repo_id)
        raise HubError(f"published at commit {commit.id}, but not all was done after that: {reason}") from error
    return outcome


def verify(build: Build, target: Target) -> Outcome:
    """Compare a revision with a build, and open each config there."""
    repository = Repository(target.repo_id)
    state = repository.find(target.revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    plan = _plan(repository, build, target, state)
    return Outcome(plan, state, commit=Commit(state.commit), differences=_check(build, target, state, plan))


def _look(repository: Repository, build: Build, target: Target) -> Outcome:
    new_branch = False
    try:
        state = repository.find(target.revision)
    except UsageError:
        state = None if target.revision == MAIN else repository.find(MAIN)
        new_branch = True
    new_branch = target.revision != MAIN and (new_branch or state is None)
    plan = _plan(repository, build, target, state or EMPTY)
    where = repository.url
    if target.private and state and not state.private:
        raise UsageError(f"{where} is there and public: --private counts only for a new repository")
    if target.create_pr and (state is None or new_branch):
        raise UsageError(
            f"{where} has no {target.revision} to open a pull request for: publish without --create-pr first"
        )
    if (
        target.tag
        and state
        and (tagged := repository.tags().get(target.tag))
        and (plan.steps or tagged != state.commit)
    ):
        raise UsageError(f"the tag {target.tag!r} is there, at commit {tagged}: give another name")
    return Outcome(plan, state, new_branch, Commit(state.commit) if state and not plan.steps else None)


def _refuse_edited_card(plan: Plan, target: Target) -> None:
    if plan.replaces_edited_card and not target.overwrite_card:
        raise DifferenceError(f"{CARD} was written or edited by somebody else: --overwrite-card replaces it")


def _plan(repository: Repository, build: Build, target: Target, state: State) -> Plan:
    manifest = state.card.manifest
    kept = set(build.paths)
    if target.leave_other_configs and manifest:
        chosen = {config.name for config in build.configs}
        kept |= {path for name, record in manifest.configs.items() if name not in chosen for path in record.files}
    stale = stale_files(state.files, manifest, kept, lambda file: repository.digest(file, state.commit))
    others = set(state.files) - kept - stale - {CARD}
    wanted = build.add_card(target.repo_id, Surroundings(state.card, others, target.leave_other_configs))
    return make_plan(state.files, state.card, wanted, stale)


def _commit(repository: Repository, build: Build, target: Target, state: State) -> tuple[Commit, Plan]:
    """Look, plan and commit until the repository is as wanted; the commit, and the plan that led there."""
    start = state.commit
    first: Plan | None = None
    failure: Exception | None = None
    for attempt in range(1, ATTEMPTS + 2):  # the last time only to see what the last attempt did
        plan = _plan(repository, build, target, state)
        first = first or plan
        if not plan.steps:  # there was nothing to do; or it was done, and only the answer was lost
            return Commit(state.commit), first
        if target.create_pr and (proposed := _proposed(repository, build, target)):
            return proposed, first
        if failure is not None and (attempt > ATTEMPTS or not _may_succeed(failure)):
            break
        _refuse_edited_card(plan, target)
        try:
            return repository.commit(plan, state.commit, target.revision, target.message, target.create_pr), plan
        except PublishingError:
            raise
        except Exception as error:
            failure = error
        if _may_succeed(failure):
            time.sleep(wait_after(failure, attempt))
        state = _look_again(repository, target)
    assert failure is not None
    if status_of(failure) in CONFLICTS:
        others = "; ".join(repository.commits_since(start, target.revision)) or "the history does not show by whom"
        raise HubError(f"{repository.url} changed {ATTEMPTS} times while this was published: {others}: try again")
    raise explain(failure, target.repo_id) from failure


def _may_succeed(failure: Exception) -> bool:
    return is_transient(failure) or status_of(failure) in CONFLICTS


def _look_again(repository: Repository, target: Target) -> State:
    try:
        return repository.get(target.revision)
    except HubError as error:
        raise HubError(f"whether the commit was made is not known, run the same again: {error}") from error


def _proposed(repository: Repository, build: Build, target: Target) -> Commit | None:
    """The commit of an open pull request that has the wanted state already."""
    for revision, url in repository.open_pull_requests(target.message):
        state = repository.get(revision)
        if not _plan(repository, build, target, state).steps:
            return Commit(state.commit, url)
    return None


def _check(build: Build, target: Target, state: State, rest: Plan) -> list[str]:
    """What is left to do at a state, and what is wrong with each config when it is opened there."""
    words = {"add": "is missing", "change": "differs", "remove": "is no longer wanted"}
    wrong = [f"{step.path} {words[step.action]}" for step in rest.steps]
    for config in build.configs:
        wanted = {name: split.num_examples for name, split in config.info.splits.items()}
        try:
            rows = retry(_rows, target.repo_id, config.name, state.commit)
        except Exception as error:
            if is_transient(error):
                raise explain(error, target.repo_id) from error
            wrong.append(f"load_dataset does not open config {config.name}: {one_line(error)}")
        else:
            if rows != wanted:
                wrong.append(f"load_dataset finds {rows} rows in config {config.name} instead of {wanted}")
    return wrong


def _rows(repo_id: str, config: str, commit: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset(repo_id, config, revision=commit, cache_dir=cache)
        return {name: split.num_rows for name, split in found.items()}
