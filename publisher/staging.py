"""A plan -> one commit; or, if it has more files than one should hold, several that show at once."""

from __future__ import annotations

from collections.abc import Callable

from publisher.hub import Repository
from publisher.plan import Plan
from publisher.state import Commit, PullRequest, State
from publisher.target import MAIN, Target

COMMIT_FILES = 100  # what the Hub advises at most: https://huggingface.co/docs/hub/repositories-recommendations


class MovedError(Exception):
    """Somebody committed to `main`, or to the pull request, while that was filled."""


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
        return _propose(repository, target, state, plan, replan)
    commit = Commit(state.commit)
    for batch in batches:
        commit = repository.commit(batch, commit.id, target.revision, target.message)
    return commit


def _propose(
    repository: Repository, target: Target, state: State, plan: Plan, replan: Callable[[State], Plan]
) -> Commit:
    """Several commits to one pull request, that of an interrupted run if it is open, which is then merged once."""
    title = target.message if target.create_pr else _title_in_parts(target, state.commit)
    pull, commit, batches = None, Commit(state.commit), plan.batches(COMMIT_FILES)
    for found in repository.own_pull_requests():
        if found.title == title and pull is None and _is_part_of(plan, state, head := repository.get(found.revision)):
            pull, commit, batches = found, Commit(head.commit), replan(head).batches(COMMIT_FILES)
        elif found.title.startswith(_title_in_parts(target, "")):  # of an attempt that started from something else
            repository.close(found)
    if pull is None:
        commit = repository.commit(batches.pop(0), state.commit, target.revision, title, create_pr=True)
        assert commit.revision
        assert commit.pull_request
        pull = PullRequest(commit.revision, commit.pull_request, title)
    for batch in batches:
        commit = repository.commit(batch, commit.id, pull.revision, title)
    if target.create_pr:
        return Commit(commit.id, pull.url)
    if repository.get(target.revision).commit != state.commit or repository.get(pull.revision).commit != commit.id:
        repository.close(pull)  # the next attempt starts from what is there now
        raise MovedError
    repository.merge(pull)
    return Commit(repository.get(target.revision).commit)


def _is_part_of(plan: Plan, state: State, head: State) -> bool:
    """Whether all that a pull request changes is what the plan changes: others may have committed to it."""
    steps = {step.path: step for step in plan.steps}
    for path in state.files.keys() | head.files.keys():
        before, after = state.files.get(path), head.files.get(path)
        if before == after:
            continue
        wanted = steps[path].after if path in steps else None
        if path not in steps or (after is None) != (wanted is None):
            return False
        if after and wanted and not after.has_content_of(wanted):
            return False
    return True


def _title_in_parts(target: Target, parent: str) -> str:
    """Of a pull request in several commits; it says what they start from."""
    return f"{target.message}, in parts on {parent[:8]}"
