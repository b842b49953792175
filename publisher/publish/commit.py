"""A plan -> one commit; or, if it has more files than one should hold, several that become visible at once."""

from __future__ import annotations

from dataclasses import replace

from publisher.errors import last_word
from publisher.hub.repository import MovedError, Repository
from publisher.options import MAIN, Options
from publisher.plan import Commit, Plan, PullRequest, State

COMMIT_FILES = 100  # what the Hub advises at most: https://huggingface.co/docs/hub/repositories-recommendations


def carry_out(repository: Repository, options: Options, plan: Plan, since: str) -> Commit:
    """Commit a plan; `since` is the commit from which this run made a part of it, if that answer was lost.

    Raises MovedError if another user committed to the revision in between, of which nothing is visible then; and
    whatever the client raises: the caller has to look up what was done.
    """
    batches = plan.batches(plan.start, COMMIT_FILES)
    if len(batches) > 1 and (options.revision == MAIN or options.create_pr):
        return _propose(repository, options, plan, since)
    made = [plan.start.commit]
    for batch in batches:
        so_far = f"{len(made) - 1} of {len(batches)} commits are on {options.revision}, and the card is in the last"
        with last_word(f"Interrupted. {so_far}; run the command again to continue." if made[1:] else ""):
            commit = repository.commit(batch, made[-1], options.revision, options.message, options.create_pr)
        made.append(commit.id)
    if since and not options.create_pr:
        return replace(commit, parent=since, title=options.message)
    return replace(commit, parent=made[0], earlier=tuple(made[1:-1]))


def _propose(repository: Repository, options: Options, plan: Plan, since: str) -> Commit:
    """Make several commits to one pull request, perhaps of an interrupted run, and merge it once."""
    start = plan.start
    title = options.message if options.create_pr else _title_in_parts(options, start.commit)
    pull, made, batches = None, [start.commit], plan.batches(start, COMMIT_FILES)
    for found in repository.own_pull_requests():
        if found.title == title and pull is None and _is_part_of(plan, head := repository.get(found.revision)):
            pull, made, batches = found, [head.commit], plan.batches(head, COMMIT_FILES)
        elif found.title.startswith(_title_in_parts(options, "")):  # of an attempt that started from something else
            repository.close(found)
    is_new = pull is None
    if pull is None:
        commit = repository.commit(batches.pop(0), start.commit, options.revision, title, create_pr=True)
        assert commit.revision
        assert commit.pull_request
        made.append(commit.id)
        pull = PullRequest(commit.revision, commit.pull_request, title)
    for batch in batches:
        made.append(repository.commit(batch, made[-1], pull.revision, title).id)
    if options.create_pr:
        proposed = Commit(made[-1], pull.url, pull.revision)
        if is_new:
            return replace(proposed, parent=start.commit, earlier=tuple(made[1:-1]))
        return replace(proposed, parent=since, title=title) if since else proposed
    now, head = repository.get(options.revision), repository.get(pull.revision)
    if now.commit != start.commit or head.commit != made[-1] or not _is_part_of(plan, head):
        repository.close(pull)  # the next attempt starts from the present content
        raise MovedError
    repository.merge(pull)
    return Commit("", pull.url, parent=start.commit, title=title)


def _is_part_of(plan: Plan, head: State) -> bool:
    """Return True if a pull request changes nothing but what the plan changes: other users may commit to it."""
    before = plan.start.files
    changed = {path for path in before.keys() | head.files.keys() if before.get(path) != head.files.get(path)}
    done = {change.path for change in plan.steps if not change.difference(head.files)}
    return changed <= done


def _title_in_parts(options: Options, parent: str) -> str:
    """Title of a pull request with several commits, which names their start."""
    return f"{options.message}, in parts on {parent[:8]}"
