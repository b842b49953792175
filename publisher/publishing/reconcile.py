"""Bring a repository to the wanted state in one commit, whatever happens on the way, and check that it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import datasets

from publisher.build.configs import BuiltConfig
from publisher.build.files import TextFile
from publisher.card.compose import Card
from publisher.card.manifest import CARD, CARD_BYTES
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError, last_word
from publisher.hub.apply import carry_out
from publisher.hub.client import MovedError, NoRevisionError, Repository
from publisher.hub.failures import explain, status_of
from publisher.hub.local import check_surroundings
from publisher.hub.patience import Patience
from publisher.plan.notes import Made, another_dataset
from publisher.plan.plan import Plan, is_undecided, make_plan
from publisher.plan.state import EMPTY, Commit, RemoteFile, State
from publisher.plan.target import MAIN, SCRIPT_BRANCH, Target
from publisher.plan.wanted import Dataset
from publisher.publishing.check import BESIDE, check_bytes, check_card, check_config

CONFLICTS = {409, 412}
ATTEMPTS = 5  # to commit, while others are faster
OTHER = (
    "{url} holds another dataset: {difference}. Give another repository, raise the version if the builder's parameters "
    "have changed, or replace what is there with --replace-dataset"
)
EDITED = (
    f"{CARD} was written or edited by somebody else: --keep-card keeps its text, --overwrite-card replaces it with "
    "that of {template}"
)


@dataclass(frozen=True)
class Outcome:
    """What was found and done."""

    plan: Plan  # the one that was carried out, or would be
    before: State | None  # None: there was no repository
    new_branch: bool = False  # the revision starts at `main`
    commit: Commit | None = None  # where the wanted state is, if it is
    differences: list[str] = field(default_factory=list)
    meanwhile: Sequence[str] = ()  # who committed it, if somebody else was faster


Show = Callable[[Outcome], object]


@dataclass(frozen=True)
class Found:
    """Where a publish starts."""

    state: State | None  # None: there is no repository
    new_branch: bool  # the revision is to be made, at `main`
    tagged: str | None  # the commit that has the wanted tag already


def look(target: Target) -> Found:
    """Find what is there, and refuse what cannot be published to, or from here."""
    check_surroundings()
    repository = Repository(target.repo_id)
    new_branch = False
    try:
        state = repository.find(target.revision)
    except NoRevisionError:
        state = None if target.revision == MAIN else repository.find(MAIN)
        new_branch = True
    new_branch = target.revision != MAIN and (new_branch or state is None)
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
    Repository(target.repo_id).require_token()
    state = found.state
    if state:
        _refuse_other(another_dataset(builder, wanted, state.card.manifest), target)
    if state and found.tagged not in (None, state.commit):
        raise _taken(target, found)


def refuse_undecided(card: Card, target: Target, found: Found) -> None:
    """Refuse a card of somebody else of which nobody said what becomes of it."""
    if found.state and is_undecided(card, target, found.state):
        raise DifferenceError(f"{EDITED.format(template=card.template.name)}; --dry-run shows the difference")


def plan_from(dataset: Dataset, target: Target, found: Found) -> Outcome:
    """The plan that starts from what was found; nothing is done."""
    plan = _plan(Repository(target.repo_id), dataset, target, found.state or EMPTY)
    state = found.state
    if state and found.tagged and (plan.steps or found.tagged != state.commit):
        raise _taken(target, found)
    if state is None or plan.steps:
        return Outcome(plan, state, found.new_branch)
    unopened = _check_card(Repository(target.repo_id), plan, state.commit, state.files)
    return Outcome(plan, state, found.new_branch, Commit(state.commit), unopened)


def publish(dataset: Dataset, target: Target, found: Found, show: Show) -> Outcome:
    """Publish a dataset: afterwards the repository is as it was or as wanted.

    Parameters
    ----------
    dataset : Dataset
        Drawn.
    target : Target
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
    repository = Repository(target.repo_id)
    outcome = plan_from(dataset, target, found)
    show(outcome)
    _refuse(outcome.plan, target)
    if found.state is None:
        repository.create(target.private)
    if found.new_branch:
        repository.create_branch(target.revision)
    if found.state and target.script in found.state.files:
        try:
            repository.create_branch(SCRIPT_BRANCH, found.state.commit)
        except HubError:
            if not target.create_pr:  # which anybody may open
                raise
    if found.state is None:
        outcome = _plan_again(repository, dataset, target, outcome, repository.get(target.revision), show)
    outcome, commit = _commit(repository, dataset, target, outcome, show)
    checking = "run the command again" if target.create_pr or target.tag else "run the command again with --verify"
    if commit.title:
        at = f"at commit {commit.id}" if commit.id else f"by merging {commit.pull_request}"
        with _done(target, f"{target.done} {at}", "read back", f"not checked; {checking}"):
            commit = repository.landed(commit, target.revision)
    at = f"at commit {commit.id}"
    with _done(target, f"{target.done} {at}", "read back", f"not checked; {checking}"):
        differences = _check(repository, outcome.plan, commit) if outcome.plan.steps else outcome.differences
    with _done(target, f"published and verified {at}", "tagged", "not tagged; run the command again"):
        if target.tag and not differences:
            repository.create_tag(target.tag, commit.id)
    return replace(outcome, commit=commit, differences=differences)


def verify(dataset: Dataset, target: Target, every_byte: bool = False) -> Outcome:
    """Compare a revision with a dataset, read its files, and open a config there.

    Parameters
    ----------
    dataset : Dataset
    target : Target
    every_byte : bool, optional
        Read all of a config in shards, too; by default the end of each of its files.
    """
    check_surroundings()
    repository = Repository(target.repo_id)
    state = repository.find(target.revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    plan = _plan(repository, dataset, target, state)
    differences = [*plan.differences(state), *check_bytes(repository, plan, state, every_byte)]
    if not differences:  # what differs may have been written to do harm, and is not opened
        differences += _check_card(repository, plan, state.commit, state.files)
    if not differences and (config := _example(plan, [])):
        differences += check_config(repository, config, state.commit)
    return Outcome(plan, state, commit=Commit(state.commit), differences=list(dict.fromkeys(differences)))


@contextmanager
def _done(target: Target, done: str, missing: str, interrupted: str) -> Iterator[None]:
    """Whatever ends it after the commit, the last word names that."""
    try:
        with last_word(f"{done[0].upper()}{done[1:]}, but {interrupted}."):
            yield
    except Exception as error:
        raise HubError(f"{done}, but not {missing}: {explain(error, target.repo_id)}") from error


def _plan(repository: Repository, dataset: Dataset, target: Target, state: State) -> Plan:
    plan = make_plan(dataset, target, state)
    return make_plan(dataset, target, repository.read(state, plan.unread)) if plan.unread else plan


def _plan_again(
    repository: Repository, dataset: Dataset, target: Target, outcome: Outcome, state: State, show: Show
) -> Outcome:
    """The plan from another state; if it does more than the one that was shown, it is shown, and that is all."""
    again = replace(outcome, plan=_plan(repository, dataset, target, state))
    if not again.plan.is_within(outcome.plan):
        show(replace(again, before=state, new_branch=False))
        others = _others(repository, target, outcome.plan.start.commit)
        raise HubError(
            f"{repository.url} changed while this was published: {others}. The plan is no longer what was shown, so "
            "nothing more was committed: look at the new plan, and run the command again"
        )
    return again


def _check(repository: Repository, plan: Plan, commit: Commit) -> list[str]:
    """How a committed plan and what is found at its commit differ.

    Equal digests of all files, a card that opens beside their names, and one config opened from the Hub say as much as
    opening all of them from there, which would spend the Hub's quota of requests.
    """
    differences = []
    if commit.parent and (others := repository.built_over(commit, commit.parent)):
        differences.append(
            f"commit {commit.id} was built over what somebody else had committed meanwhile, {'; '.join(others)}: look "
            "at what that changed, and commit it again"
        )
    files = repository.files(commit.id)
    differences += plan.differences(State(commit.id, files, EMPTY.card, private=False))
    if differences:
        return differences
    differences += _check_card(repository, plan, commit.id, files)
    if not differences and (config := _example(plan, [change.path for change in plan.steps])):
        differences += check_config(repository, config, commit.id)
    return differences


def _check_card(repository: Repository, plan: Plan, commit: str, files: Mapping[str, RemoteFile]) -> list[str]:
    """What is wrong with the configs by the card and the files of a commit, both as the plan leads to."""
    card = next((change.after for change in plan.changes if change.path == CARD), None)
    if isinstance(card, TextFile) and files[CARD].has_content_of(card):
        content = card.content
    else:  # written in another style, which stays
        content = repository.content(CARD, commit)
    small = [path for path in BESIDE if path in files and files[path].size <= CARD_BYTES]
    return check_card(content, files, plan.configs, {path: repository.content(path, commit) for path in small})


def _example(plan: Plan, changed: Sequence[str]) -> BuiltConfig | None:
    """The config that is opened from the Hub: the first with a file that was changed, else the first."""
    for config in plan.configs:
        if any(file.path in changed for files in config.files.values() for file in files):
            return config
    return plan.configs[0] if plan.configs else None


def _refuse(plan: Plan, target: Target) -> None:
    _refuse_other(plan.other, target)
    if plan.replaces_edited_card and not target.overwrite_card:
        raise DifferenceError(EDITED.format(template=plan.template))


def _refuse_other(difference: str, target: Target) -> None:
    if difference and not target.replace_dataset:
        raise DifferenceError(OTHER.format(url=Repository(target.repo_id).url, difference=difference))


def _taken(target: Target, found: Found) -> UsageError:
    return UsageError(f"the tag {target.tag!r} is there, at commit {found.tagged}: give another name")


def _commit(
    repository: Repository, dataset: Dataset, target: Target, outcome: Outcome, show: Show
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
        if len(plan.steps) == len(shown.plan.steps) and not target.create_pr:
            since = ""  # nothing of it was done
        if not plan.steps:
            if failure is None:  # there was nothing to do
                return shown, Commit(plan.start.commit)
            if _is_conflict(failure):
                faster = tuple(repository.commits_since(start, target.revision))
                return replace(shown, meanwhile=faster), Commit(plan.start.commit)
            return shown, Commit(plan.start.commit, parent=since, title=target.message)
        if target.create_pr and (proposed := _proposed(repository, target, plan)):
            return outcome, replace(proposed, parent=since, title=target.message) if since else proposed
        if failure is not None and (attempt > ATTEMPTS or not may_go_on):
            break
        _refuse(plan, target)
        shown = outcome
        try:
            return outcome, carry_out(repository, target, plan, since)
        except PublishingError:
            raise
        except Exception as error:
            failure = error
            since = "" if _is_conflict(error) else plan.start.commit
        wait = 0.0 if _is_conflict(failure) else patience.failed(failure)
        may_go_on = wait is not None
        if wait:
            patience.pause(wait, failure)
        outcome = _plan_again(repository, dataset, target, outcome, _look_again(repository, target), show)
    assert failure is not None
    if isinstance(failure, MovedError) or (_is_conflict(failure) and repository.commits_since(start, target.revision)):
        others = _others(repository, target, start)
        raise HubError(f"{repository.url} changed {ATTEMPTS} times while this was published: {others}: try again")
    raise explain(failure, target.repo_id) from failure


def _others(repository: Repository, target: Target, start: str) -> str:
    """Who committed after a commit."""
    return "; ".join(repository.commits_since(start, target.revision)) or "the history does not show by whom"


def _is_conflict(failure: Exception | None) -> bool:
    return isinstance(failure, MovedError) or status_of(failure) in CONFLICTS


def _look_again(repository: Repository, target: Target) -> State:
    try:
        return repository.get(target.revision)
    except HubError as error:
        raise HubError(f"whether the commit was made is not known, run the same again: {error}") from error


def _proposed(repository: Repository, target: Target, plan: Plan) -> Commit | None:
    """The commit of an open pull request of ours that holds what the plan leads to."""
    for pull in repository.own_pull_requests():
        if pull.title == target.message:
            state = repository.get(pull.revision)
            if not plan.differences(state):
                return Commit(state.commit, pull.url, pull.revision)
    return None
