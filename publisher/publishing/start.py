"""Where a publish starts: what is there, and what is not published to it, or from here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import datasets

from publisher.card.compose import Card
from publisher.card.manifest import CARD
from publisher.errors import DifferenceError, UsageError
from publisher.hub.local import check_surroundings
from publisher.hub.reading import NoRevisionError, Reader
from publisher.plan.notes import Made, another_dataset
from publisher.plan.plan import Plan, is_undecided, make_plan
from publisher.plan.state import State
from publisher.plan.target import MAIN, SCRIPT_BRANCH, Target
from publisher.plan.wanted import Dataset

OTHER = (
    "{url} holds another dataset: {difference}. Give another repository, raise the version if the builder's parameters "
    "have changed, or replace what is there with --replace-dataset"
)
EDITED = (
    f"{CARD} was written or edited by somebody else: --keep-card keeps its text, --overwrite-card replaces it with "
    "that of {template}"
)


@dataclass(frozen=True)
class Found:
    """Where a publish starts."""

    state: State | None  # None: there is no repository
    new_branch: bool  # the revision is to be made, at `main`
    tagged: str | None  # the commit that has the wanted tag already


def look(target: Target) -> Found:
    """Find what is there, and refuse what cannot be published to, or from here."""
    check_surroundings()
    repository = Reader(target.repo_id)
    new_branch = False
    try:
        state = repository.find(target.revision)
    except NoRevisionError:
        state = None if target.revision == MAIN else repository.find(MAIN)
        new_branch = True
    new_branch = target.revision != MAIN and (new_branch or state is None)
    if new_branch and target.revision.startswith("refs/"):  # the Hub makes no branch of such a name
        raise UsageError(f"{repository.url} has no {target.revision}: give a branch, or a pull request that is open")
    if state and target.script in state.files and not target.adopt:
        raise DifferenceError(
            f"{repository.url} holds {target.script}, its loading script, and `load_dataset` refuses a repository that "
            "does: --adopt takes it over, or publish to another repository"
        )
    if target.private and state and not state.private:
        raise UsageError(f"{repository.url} is there and public: --private counts only for a new repository")
    if target.create_pr and (state is None or new_branch):
        raise UsageError(
            f"{repository.url} has no {target.revision} to open a pull request for: publish without --create-pr first"
        )
    adopts = state is not None and target.adopt and target.script in state.files
    branches, tags = repository.refs() if state and (target.tag or target.revision != MAIN or adopts) else ({}, {})
    if state and adopts and branches.get(SCRIPT_BRANCH, state.commit) != state.commit:
        raise DifferenceError(
            f"{repository.url} has a branch {SCRIPT_BRANCH!r} at another commit, {branches[SCRIPT_BRANCH]}, and "
            "--adopt keeps what is there before under that name: rename or delete that branch"
        )
    if target.tag in branches:
        raise UsageError(f"--tag {target.tag!r} is the name of a branch of {target.repo_id}: give another name")
    if target.revision in tags:
        raise UsageError(f"--revision {target.revision!r} is a tag of {target.repo_id}: give a branch")
    tagged = tags.get(target.tag) if target.tag else None
    return Found(state, new_branch, tagged)


def refuse_early(builder: type[datasets.DatasetBuilder], wanted: Iterable[Made], target: Target, found: Found) -> None:
    """Refuse what can be refused before anything is drawn."""
    Reader(target.repo_id).require_token()
    state = found.state
    if state:
        _refuse_other(another_dataset(builder, wanted, state.card.record), target)
    if state and found.tagged not in (None, state.commit):
        raise taken(target, found)


def refuse_undecided(card: Card, target: Target, found: Found) -> None:
    """Refuse a card of somebody else of which nobody said what becomes of it."""
    if found.state and is_undecided(card, target, found.state):
        raise DifferenceError(f"{EDITED.format(template=card.template.name)}; --dry-run shows the difference")


def plan_on(repository: Reader, dataset: Dataset, target: Target, state: State) -> Plan:
    """The plan from a state, of which it may have to read files."""
    plan = make_plan(dataset, target, state)
    return make_plan(dataset, target, repository.read(state, plan.unread)) if plan.unread else plan


def refuse(plan: Plan, target: Target) -> None:
    """Refuse a plan that loses what is of others."""
    _refuse_other(plan.other, target)
    if plan.replaces_edited_card and not target.overwrite_card:
        raise DifferenceError(EDITED.format(template=plan.template))


def _refuse_other(difference: str, target: Target) -> None:
    if difference and not target.replace_dataset:
        raise DifferenceError(OTHER.format(url=Reader(target.repo_id).url, difference=difference))


def taken(target: Target, found: Found) -> UsageError:
    """That the tag names another commit."""
    return UsageError(f"the tag {target.tag!r} is there, at commit {found.tagged}: give another name")
