"""A plan -> one commit; or, if it has more files than one should hold, several that show at once."""

from __future__ import annotations

from collections.abc import Callable

from publisher.hub import Repository
from publisher.plan import Change, Plan
from publisher.state import Commit, PullRequest, State
from publisher.target import MAIN, Target

COMMIT_FILES = 100  # what the Hub advises at most: https://huggingface.co/docs/hub/repositories-recommendations


class MovedError(Exception):
    """Somebody committed to `main` while a pull request was filled."""


def carry_out(
    repository: Repository, target: Target, state: State, plan: Plan, replan: Callable[[State], Plan]
) -> Commit:
    """Commit a plan.

    Parameters
    ----------
    repository : Repository
    target : Target
    state : State
        That the plan starts from.
    plan : Plan
    replan : callable
        The plan from another state to the same end.

    Returns
    -------
    Commit
        That the plan leads to.

    Raises
    ------
    MovedError
        If somebody committed to the target's revision in between; then nothing of it shows.

    Notes
    -----
    Raises whatever the client raises, too: what was done has to be looked up.
    """
    batches = plan.batches(COMMIT_FILES)
    if len(batches) == 1:
        return repository.commit(plan.steps, state.commit, target.revision, target.message, target.create_pr)
    if target.revision == MAIN or target.create_pr:
        return _propose(repository, target, state, batches, replan)
    commit = Commit(state.commit)
    for batch in batches:
        commit = repository.commit(batch, commit.id, target.revision, target.message)
    return commit


def _propose(
    repository: Repository,
    target: Target,
    state: State,
    batches: list[list[Change]],
    replan: Callable[[State], Plan],
) -> Commit:
    """Several commits to one pull request, that of an interrupted run if it is open, which is then merged once."""
    title = title_in_parts(target, state.commit)
    found = [pull for pull in repository.open_pull_requests() if pull.title == title]
    if found:
        pull = found[0]
        head = repository.get(pull.revision)
        commit, batches = Commit(head.commit), replan(head).batches(COMMIT_FILES)
    else:
        commit = repository.commit(batches.pop(0), state.commit, target.revision, title, create_pr=True)
        assert commit.revision
        assert commit.pull_request
        pull = PullRequest(commit.revision, commit.pull_request, title)
    for batch in batches:
        commit = repository.commit(batch, commit.id, pull.revision, title)
    if target.create_pr:
        return Commit(commit.id, pull.url)
    if repository.get(target.revision).commit != state.commit:
        repository.close(pull)  # the next attempt starts from what is there now
        raise MovedError
    repository.merge(pull)
    return Commit(repository.get(target.revision).commit)


def title_in_parts(target: Target, parent: str) -> str:
    """Of a pull request in several commits; it says what they start from."""
    return f"{target.message}, in parts on {parent[:8]}"
