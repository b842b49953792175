"""A plan -> one commit; or, if it has more files than one should hold, several that become visible at once."""

from __future__ import annotations

from dataclasses import replace

from publisher.errors import last_word
from publisher.hub.repository import MovedError, Repository
from publisher.options import MAIN, Options
from publisher.plan import Commit, Plan, State

COMMIT_FILES = 100  # what the Hub advises at most: https://huggingface.co/docs/hub/repositories-recommendations


def carry_out(repository: Repository, options: Options, plan: Plan) -> Commit:
    """Commit a plan.

    Raises MovedError if another user committed in between, and whatever the client raises: the caller has to look up
    what was done.
    """
    batches = plan.batches(plan.start, COMMIT_FILES)
    if len(batches) > 1 and (options.revision == MAIN or options.create_pr):
        return _propose(repository, options, plan)
    made = [plan.start.commit]
    for batch in batches:
        so_far = f"{len(made) - 1} of {len(batches)} commits are on {options.revision}, and the card is in the last"
        with last_word(f"Interrupted. {so_far}; run the command again to continue." if made[1:] else ""):
            commit = repository.commit(batch, made[-1], options.revision, options.message, options.create_pr)
        made.append(commit.id)
    return replace(commit, parent=made[0], earlier=tuple(made[1:-1]))


def _propose(repository: Repository, options: Options, plan: Plan) -> Commit:
    """Make several commits to one pull request, perhaps of an interrupted run, and merge it once."""
    in_parts = f"{options.message}, in parts on "
    title = options.message if options.create_pr else in_parts + plan.start.commit[:8]
    pull: Commit | None = None
    head = plan.start
    for found in repository.own_pull_requests():
        if found.title == title and pull is None and _is_part_of(plan, there := repository.get(found.revision)):
            pull, head = found, there
        elif found.title.startswith(in_parts):  # of an attempt that started from something else
            repository.set_status(found, "closed")
    made = [head.commit]
    for batch in plan.batches(head, COMMIT_FILES):
        revision = pull.revision if pull else options.revision
        commit = repository.commit(batch, made[-1], revision, title, create_pr=pull is None)
        pull = pull or commit
        made.append(commit.id)
    assert pull
    if options.create_pr:
        parent = plan.start.commit if head is plan.start else None
        return Commit(made[-1], pull.pull_request, pull.revision, parent, tuple(made[1:-1]))
    now, head = repository.get(options.revision), repository.get(pull.revision)
    if now.commit != plan.start.commit or head.commit != made[-1] or not _is_part_of(plan, head):
        repository.set_status(pull, "closed")  # the next attempt starts from the present content
        raise MovedError
    repository.merge(pull)
    return Commit("", pull.pull_request, parent=plan.start.commit, title=title)


def _is_part_of(plan: Plan, head: State) -> bool:
    """Return True if a pull request changes nothing but what the plan changes: other users may commit to it."""
    before = plan.start.files
    changed = {path for path in before.keys() | head.files.keys() if before.get(path) != head.files.get(path)}
    return changed <= {change.path for change in plan.steps if not change.difference(head.files)}
