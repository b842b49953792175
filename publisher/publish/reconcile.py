"""Bring a repository to the wanted state in one commit, whatever happens on the way, and see that it is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from publisher.errors import HubError, PublishingError, last_word
from publisher.hub.client import MovedError, Repository
from publisher.hub.failures import explain, status_of
from publisher.hub.patience import Patience
from publisher.options import SCRIPT_BRANCH, Options
from publisher.plan.plan import Plan
from publisher.plan.state import EMPTY, Commit, State
from publisher.plan.wanted import Dataset
from publisher.publish.commit import carry_out
from publisher.publish.outcome import Outcome, Show
from publisher.publish.start import Found, plan_on, refuse, taken
from publisher.publish.verify import check_commit, check_opens

CONFLICTS = {409, 412}
ATTEMPTS = 5  # to commit, while others are faster


def plan_from(dataset: Dataset, options: Options, found: Found) -> Outcome:
    """The plan that starts from what was found; nothing is done."""
    plan = plan_on(Repository(options.repo_id), dataset, options, found.state or EMPTY)
    state = found.state
    if state and found.tagged and (plan.steps or found.tagged != state.commit):
        raise taken(options, found)
    if state is None or plan.steps:
        return Outcome(plan, state, found.new_branch)
    unopened = check_opens(Repository(options.repo_id), plan, state.commit, state.files)
    return Outcome(plan, state, found.new_branch, Commit(state.commit), unopened)


def publish(dataset: Dataset, options: Options, found: Found, show: Show) -> Outcome:
    """Publish a dataset: afterwards the repository is as it was or as wanted.

    Parameters
    ----------
    dataset : Dataset
        Prepared.
    options : Options
    found : Found
    show : callable
        Called with each plan before it is carried out.

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
    repository = Repository(options.repo_id)
    outcome = plan_from(dataset, options, found)
    show(outcome)
    refuse(outcome.plan, options)
    if found.state is None:
        repository.create(options.private)
    if found.new_branch:
        repository.create_branch(options.revision)
    if found.state and options.script in found.state.files:
        try:
            repository.create_branch(SCRIPT_BRANCH, found.state.commit)
        except HubError:
            if not options.create_pr:  # which anybody may open
                raise
    if found.state is None:
        outcome = _plan_again(repository, dataset, options, outcome, repository.get(options.revision), show)
    outcome, commit = _commit(repository, dataset, options, outcome, show)
    checking = "run the command again" if options.create_pr or options.tag else "run the command again with --verify"
    if commit.title:
        at = f"at commit {commit.id}" if commit.id else f"by merging {commit.pull_request}"
        with _done(options, f"{options.done} {at}", "read back", f"not checked; {checking}"):
            commit = repository.find_commit(commit, options.revision)
    at = f"at commit {commit.id}"
    with _done(options, f"{options.done} {at}", "read back", f"not checked; {checking}"):
        differences = check_commit(repository, outcome.plan, commit) if outcome.plan.steps else outcome.differences
    with _done(options, f"published and verified {at}", "tagged", "not tagged; run the command again"):
        if options.tag and not differences:
            repository.create_tag(options.tag, commit.id)
    return replace(outcome, commit=commit, differences=differences)


@contextmanager
def _done(options: Options, done: str, missing: str, interrupted: str) -> Iterator[None]:
    """Whatever ends it after the commit, the last word names that."""
    try:
        with last_word(f"{done[0].upper()}{done[1:]}, but {interrupted}."):
            yield
    except Exception as error:
        raise HubError(f"{done}, but not {missing}: {explain(error, options.repo_id)}") from error


def _plan_again(
    repository: Repository, dataset: Dataset, options: Options, outcome: Outcome, state: State, show: Show
) -> Outcome:
    """The plan from another state; if it does more than the one that was shown, it is shown, and that is all."""
    again = replace(outcome, plan=plan_on(repository, dataset, options, state))
    if not again.plan.is_within(outcome.plan):
        show(replace(again, before=state, new_branch=False))
        others = _others(repository, options, outcome.plan.start.commit)
        raise HubError(
            f"{repository.url} changed while this was published: {others}. The plan is no longer what was shown, so "
            "nothing more was committed: look at the new plan, and run the command again"
        )
    return again


def _commit(
    repository: Repository, dataset: Dataset, options: Options, outcome: Outcome, show: Show
) -> tuple[Outcome, Commit]:
    """Commit the plan; if somebody was faster, or an answer is lost, look again, and plan again, a few times.

    It goes on only with what was shown before.
    """
    start = outcome.plan.start.commit
    shown = outcome
    failure: Exception | None = None
    since = ""  # where the plan started whose answer was lost
    patience = Patience("committing")
    may_go_on = True
    for attempt in range(1, ATTEMPTS + 2):  # the last time only to see what the last attempt did
        plan = outcome.plan
        if len(plan.steps) == len(shown.plan.steps) and not options.create_pr:
            since = ""  # nothing of it was done
        if not plan.steps:
            if failure is None:  # there was nothing to do
                return shown, Commit(plan.start.commit)
            if _is_conflict(failure):
                faster = tuple(repository.commits_since(start, options.revision))
                return replace(shown, meanwhile=faster), Commit(plan.start.commit)
            return shown, Commit(plan.start.commit, parent=since, title=options.message)
        if options.create_pr and (proposed := _proposed(repository, options, plan)):
            return outcome, replace(proposed, parent=since, title=options.message) if since else proposed
        if failure is not None and (attempt > ATTEMPTS or not may_go_on):
            break
        refuse(plan, options)
        shown = outcome
        try:
            return outcome, carry_out(repository, options, plan, since)
        except PublishingError:
            raise
        except Exception as error:
            failure = error
            since = "" if _is_conflict(error) else plan.start.commit
        wait = 0.0 if _is_conflict(failure) else patience.failed(failure)
        may_go_on = wait is not None
        if wait:
            patience.pause(wait, failure)
        outcome = _plan_again(repository, dataset, options, outcome, _look_again(repository, options), show)
    assert failure is not None
    if isinstance(failure, MovedError) or (_is_conflict(failure) and repository.commits_since(start, options.revision)):
        others = _others(repository, options, start)
        raise HubError(f"{repository.url} changed {ATTEMPTS} times while this was published: {others}: try again")
    raise explain(failure, options.repo_id) from failure


def _others(repository: Repository, options: Options, start: str) -> str:
    """Who committed after a commit."""
    return "; ".join(repository.commits_since(start, options.revision)) or "the history does not show by whom"


def _is_conflict(failure: Exception | None) -> bool:
    return isinstance(failure, MovedError) or status_of(failure) in CONFLICTS


def _look_again(repository: Repository, options: Options) -> State:
    try:
        return repository.get(options.revision)
    except HubError as error:
        raise HubError(f"whether the commit was made is not known: {error}") from error


def _proposed(repository: Repository, options: Options, plan: Plan) -> Commit | None:
    """The commit of an open pull request of ours that holds what the plan leads to."""
    for pull in repository.own_pull_requests():
        if pull.title == options.message:
            state = repository.get(pull.revision)
            if not plan.differences(state):
                return Commit(state.commit, pull.url, pull.revision)
    return None
