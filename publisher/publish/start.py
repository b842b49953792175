"""Where a publish starts: what is there, and what is not published to it, or from here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import datasets

from publisher.card.compose import Card
from publisher.card.record import CARD
from publisher.errors import DifferenceError, UsageError
from publisher.hub.local import check_surroundings
from publisher.hub.reading import NoRevisionError, Reader
from publisher.options import MAIN, SCRIPT_BRANCH, Options
from publisher.plan.notes import Made, describe_mismatch
from publisher.plan.plan import Plan, is_undecided, make_plan
from publisher.plan.state import State
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


def look(options: Options) -> Found:
    """Find what is there, and refuse what cannot be published to, or from here."""
    check_surroundings()
    repository = Reader(options.repo_id)
    new_branch = False
    try:
        state = repository.find(options.revision)
    except NoRevisionError:
        state = None if options.revision == MAIN else repository.find(MAIN)
        new_branch = True
    new_branch = options.revision != MAIN and (new_branch or state is None)
    if new_branch and options.revision.startswith("refs/"):  # the Hub makes no branch of such a name
        raise UsageError(f"{repository.url} has no {options.revision}: give a branch, or a pull request that is open")
    if state and options.script in state.files and not options.adopt:
        raise DifferenceError(
            f"{repository.url} holds {options.script}, its loading script, and `load_dataset` refuses a repository "
            "that does: --adopt takes it over, or publish to another repository"
        )
    if options.private and state and not state.private:
        raise UsageError(f"{repository.url} is there and public: --private counts only for a new repository")
    if options.create_pr and (state is None or new_branch):
        raise UsageError(
            f"{repository.url} has no {options.revision} to open a pull request for: publish without --create-pr first"
        )
    adopts = state is not None and options.adopt and options.script in state.files
    branches, tags = repository.refs() if state and (options.tag or options.revision != MAIN or adopts) else ({}, {})
    if state and adopts and branches.get(SCRIPT_BRANCH, state.commit) != state.commit:
        raise DifferenceError(
            f"{repository.url} has a branch {SCRIPT_BRANCH!r} at another commit, {branches[SCRIPT_BRANCH]}, and "
            "--adopt keeps what is there before under that name: rename or delete that branch"
        )
    if options.tag in branches:
        raise UsageError(f"--tag {options.tag!r} is the name of a branch of {options.repo_id}: give another name")
    if options.revision in tags:
        raise UsageError(f"--revision {options.revision!r} is a tag of {options.repo_id}: give a branch")
    tagged = tags.get(options.tag) if options.tag else None
    return Found(state, new_branch, tagged)


def refuse_early(
    builder: type[datasets.DatasetBuilder], wanted: Iterable[Made], options: Options, found: Found
) -> None:
    """Refuse what can be refused before anything is drawn."""
    Reader(options.repo_id).require_token()
    state = found.state
    if state:
        _refuse_other(describe_mismatch(builder, wanted, state.card.record), options)
    if state and found.tagged not in (None, state.commit):
        raise taken(options, found)


def refuse_undecided(card: Card, options: Options, found: Found) -> None:
    """Refuse a card of somebody else of which nobody said what becomes of it."""
    if found.state and is_undecided(card, options, found.state):
        raise DifferenceError(f"{EDITED.format(template=card.template.name)}; --dry-run shows the difference")


def plan_on(repository: Reader, dataset: Dataset, options: Options, state: State) -> Plan:
    """The plan from a state, of which it may have to read files."""
    plan = make_plan(dataset, options, state)
    return make_plan(dataset, options, repository.read(state, plan.unread)) if plan.unread else plan


def refuse(plan: Plan, options: Options) -> None:
    """Refuse a plan that loses what is of others."""
    _refuse_other(plan.other, options)
    if plan.replaces_edited_card and not options.overwrite_card:
        raise DifferenceError(EDITED.format(template=plan.template))


def _refuse_other(difference: str, options: Options) -> None:
    if difference and not options.replace_dataset:
        raise DifferenceError(OTHER.format(url=Reader(options.repo_id).url, difference=difference))


def taken(options: Options, found: Found) -> UsageError:
    """That the tag names another commit."""
    return UsageError(f"the tag {options.tag!r} is there, at commit {found.tagged}: give another name")
