"""Bring a repository to the wanted state in one commit, whatever happens on the way, and check that it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from publisher.card import Surroundings
from publisher.checking import check
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError
from publisher.failures import ATTEMPTS, explain, is_transient, status_of, wait_after
from publisher.hub import Repository
from publisher.manifest import CARD
from publisher.plan import Plan, make_plan, stale_files
from publisher.repository import Build
from publisher.staging import MovedError, carry_out
from publisher.state import EMPTY, Commit, State
from publisher.target import MAIN, Target

CONFLICTS = {409, 412}
EDITED = f"{CARD} was written or edited by somebody else: --overwrite-card replaces it"


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


def prepare(target: Target) -> None:
    """Refuse what can be refused before there is a build, and make the repository if it is missing."""
    repository = Repository(target.repo_id)
    repository.require_token()
    state, _ = _find(repository, target)
    if state is None:
        repository.create(target.private)
    elif CARD in state.files and state.card.is_edited and not target.overwrite_card:
        raise DifferenceError(EDITED)
    elif target.tag and (tagged := repository.tags().get(target.tag, state.commit)) != state.commit:
        raise UsageError(f"the tag {target.tag!r} is there, at commit {tagged}: give another name")


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
            outcome = replace(outcome, differences=check(target.repo_id, build.configs, after, rest))
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
    return Outcome(
        plan, state, commit=Commit(state.commit), differences=check(target.repo_id, build.configs, state, plan)
    )


def _find(repository: Repository, target: Target) -> tuple[State | None, bool]:
    """The state to start from, and whether the revision is a branch to be made there."""
    new_branch = False
    try:
        state = repository.find(target.revision)
    except UsageError:
        state = None if target.revision == MAIN else repository.find(MAIN)
        new_branch = True
    new_branch = target.revision != MAIN and (new_branch or state is None)
    where = repository.url
    if target.private and state and not state.private:
        raise UsageError(f"{where} is there and public: --private counts only for a new repository")
    if target.create_pr and (state is None or new_branch):
        raise UsageError(
            f"{where} has no {target.revision} to open a pull request for: publish without --create-pr first"
        )
    return state, new_branch


def _look(repository: Repository, build: Build, target: Target) -> Outcome:
    state, new_branch = _find(repository, target)
    plan = _plan(repository, build, target, state or EMPTY)
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
        raise DifferenceError(EDITED)


def _plan(repository: Repository, build: Build, target: Target, state: State) -> Plan:
    manifest = state.card.manifest
    around = Surroundings(state.card, leave_other_configs=target.leave_other_configs)
    build = build.fit_in(around)
    kept = set(build.paths)
    if target.leave_other_configs and manifest:
        chosen = {config.name for config in build.configs}
        kept |= {path for name, record in manifest.configs.items() if name not in chosen for path in record.files}
    stale = stale_files(state.files, manifest, kept, lambda file: repository.digest(file, state.commit))
    others = set(state.files) - kept - stale - {CARD}
    wanted = build.add_card(target.repo_id, replace(around, paths=others))
    return make_plan(state.files, state.card, wanted, stale)


def _commit(repository: Repository, build: Build, target: Target, state: State) -> tuple[Commit, Plan]:
    """Look, plan and commit until the repository is as wanted; the commit, and the plan that led there."""

    def replan(state: State) -> Plan:
        return _plan(repository, build, target, state)

    start = state.commit
    first: Plan | None = None
    failure: Exception | None = None
    for attempt in range(1, ATTEMPTS + 2):  # the last time only to see what the last attempt did
        plan = replan(state)
        first = first or plan
        if not plan.steps:  # there was nothing to do; or it was done, and only the answer was lost
            return Commit(state.commit), first
        if target.create_pr and (proposed := _proposed(repository, build, target)):
            return proposed, first
        if failure is not None and (attempt > ATTEMPTS or not _may_succeed(failure)):
            break
        _refuse_edited_card(plan, target)
        try:
            return carry_out(repository, target, state, plan, replan), plan
        except PublishingError:
            raise
        except Exception as error:
            failure = error
        if _may_succeed(failure):
            time.sleep(wait_after(failure, attempt))
        state = _look_again(repository, target)
    assert failure is not None
    if _is_conflict(failure):
        others = "; ".join(repository.commits_since(start, target.revision)) or "the history does not show by whom"
        raise HubError(f"{repository.url} changed {ATTEMPTS} times while this was published: {others}: try again")
    raise explain(failure, target.repo_id) from failure


def _is_conflict(failure: Exception) -> bool:
    return isinstance(failure, MovedError) or status_of(failure) in CONFLICTS


def _may_succeed(failure: Exception) -> bool:
    return is_transient(failure) or _is_conflict(failure)


def _look_again(repository: Repository, target: Target) -> State:
    try:
        return repository.get(target.revision)
    except HubError as error:
        raise HubError(f"whether the commit was made is not known, run the same again: {error}") from error


def _proposed(repository: Repository, build: Build, target: Target) -> Commit | None:
    """The commit of an open pull request of ours that has the wanted state already."""
    for pull in repository.own_pull_requests():
        if pull.title == target.message:
            state = repository.get(pull.revision)
            if not _plan(repository, build, target, state).steps:
                return Commit(state.commit, pull.url)
    return None
