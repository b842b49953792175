"""Differences between a repository and what a plan leads to: before a commit, after it, or without one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from publisher.card.record import BY_CONFIG, CARD, CARD_BYTES, name_of, read_card
from publisher.check.published import BESIDE, check_card, check_config
from publisher.hub.repository import Repository
from publisher.plan.plan import Plan
from publisher.plan.state import EMPTY, Commit, RemoteFile, State
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.files import TextFile


def check_commit(repository: Repository, plan: Plan, commit: Commit) -> list[str]:
    """Differences between a committed plan and the content of its commit.

    The card was checked beside the names of all files before the commit. With equal digests of all files, and one
    config opened from the Hub, that says as much as opening all of them, which would spend the quota of requests.
    """
    differences = []
    if commit.parent and (others := repository.commits_between(commit, commit.parent)):
        differences.append(
            f"commit {commit.id} was built over what another user had committed meanwhile, {'; '.join(others)}. Look "
            "at what that changed, and commit it again"
        )
    files = repository.files(commit.id)
    differences += plan.differences(State(commit.id, files, EMPTY.card, private=False))
    if not differences and (config := example(plan, [change.path for change in plan.steps])):
        differences += check_config(repository, config, commit.id)
    return differences


def check_opens(repository: Repository, plan: Plan, commit: str, files: Mapping[str, RemoteFile]) -> list[str]:
    """Configs that `load_dataset` does not open by the planned card beside the names of all files.

    `files` are those of `commit`: the plan's start, or the commit that it led to.
    """
    planned = {change.path: change.after for change in plan.changes}
    paths = {*files, *planned} - {path for path, after in planned.items() if after is None}
    card = planned.get(CARD)
    if isinstance(card, TextFile) and (commit == plan.start.commit or files[CARD].has_content_of(card)):
        content = card.content
    else:  # written in another style, which stays
        content = repository.content(CARD, commit)
    small = [path for path in BESIDE if path in files and files[path].size <= CARD_BYTES]
    unopened = check_card(content, paths, plan.configs, {path: repository.content(path, commit) for path in small})
    published = read_card(content.decode(errors="replace"))
    names = {str(name_of(entry)) for kind in BY_CONFIG for entry in published.entries(kind)}
    if unopened and (foreign := names - {*published.record.configs, *(config.name for config in plan.configs)}):
        unopened.append(f"{CARD} has entries by another program, {', '.join(sorted(foreign))}: correct or remove them")
    return unopened


def example(plan: Plan, changed: Collection[str]) -> PreparedConfig | None:
    """Config that is opened from the Hub: the first with a file that was changed, else the first."""
    for config in plan.configs:
        if any(file.path in changed for file in config.all_files):
            return config
    return plan.configs[0] if plan.configs else None
