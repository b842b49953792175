"""From a dataset to a commit: look at what exists, plan, commit the plan, and look again if it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain

import datasets

from publisher.card import Card, Dataset, PublishedSnapshot, read_infos
from publisher.card.record import CARD, RECORD, name_of
from publisher.check import check_commit, check_config, check_opens, check_published
from publisher.errors import DifferenceError, HubError, PublishingError, UsageError, last_word
from publisher.hub.http import NO_TOKEN, Failure, Patience, check_surroundings, explain, said_while
from publisher.hub.repository import CONFLICTS, MovedError, NoRevisionError, Repository
from publisher.options import MAIN, SCRIPT_BRANCH, Options
from publisher.plan import EMPTY, Commit, Plan, State, make_plan
from publisher.prepare import File, TextFile, UploadedFile
from publisher.prepare.configs import BuilderClass, PreparedConfig

ATTEMPTS = 5  # to commit, while other users are faster
CHANGED = "{path} of commit {commit} is not what was published. Give a commit in which it is."
TAKEN = "The tag {tag!r} already exists, at commit {commit}. Give another name."


@dataclass(frozen=True)
class Found:
    """State in which a publish starts."""

    state: State | None  # None: the repository does not exist
    new_branch: bool  # the revision has to be created, at `main`
    tagged: str | None  # commit that has the wanted tag already


@dataclass(frozen=True)
class Outcome:
    """Findings and result of a publish or a check."""

    plan: Plan  # that was carried out, or would be
    before: State | None  # None: the repository did not exist
    new_branch: bool = False  # the revision starts at `main`
    commit: Commit | None = None  # that has the wanted state, if one does
    differences: list[str] = field(default_factory=list)
    meanwhile: Sequence[str] = ()  # who committed it, if another user was faster


Show = Callable[[Outcome], object]


def look(options: Options) -> Found:
    """Find what exists, and refuse what cannot be published to, or from this machine."""
    check_surroundings()
    repository = Repository(options.repo_id)
    url = repository.url
    if not (repository.has_token or options.dry_run):
        raise HubError(NO_TOKEN)
    try:
        state, new_branch = repository.find(options.revision, whole=bool(options.config)), False
    except NoRevisionError:
        state, new_branch = None if options.revision == MAIN else repository.find(MAIN), True
    new_branch = options.revision != MAIN and (new_branch or state is None)
    if new_branch and options.revision.startswith("refs/"):  # the Hub makes no branch of such a name
        raise UsageError(f"{url} has no {options.revision}. Give a branch, or a pull request that is open.")
    has_script = state is not None and options.script in state.files
    if has_script and not options.adopt:
        raise DifferenceError(
            f"{url} holds {options.script}, its loading script, and `load_dataset` refuses a repository that does. "
            "--adopt takes it over. Or publish to another repository."
        )
    if options.private and state and not state.private:
        raise UsageError(f"{url} already exists and is public. --private only applies when the repository is created.")
    if options.create_pr and (state is None or new_branch):
        todo = "Publish without --create-pr first."
        raise UsageError(f"{url} has no {options.revision}, which a pull request needs. {todo}")
    is_asked = state and (options.tag or options.revision != MAIN or has_script)
    branches, tags = repository.refs() if is_asked else ({}, {})
    if state and has_script and branches.get(SCRIPT_BRANCH, state.commit) != state.commit:
        raise DifferenceError(
            f"{url} has a branch {SCRIPT_BRANCH!r} at another commit, {branches[SCRIPT_BRANCH]}, and --adopt keeps the "
            "present content under that name. Rename or delete that branch."
        )
    if options.tag in branches:
        raise UsageError(f"--tag {options.tag!r} is the name of a branch of {options.repo_id}. Give another name.")
    if options.revision in tags:
        raise UsageError(f"--revision {options.revision!r} is a tag of {options.repo_id}. Give a branch.")
    tagged = tags.get(options.tag or "")
    if state and tagged not in (None, state.commit):
        raise UsageError(TAKEN.format(tag=options.tag, commit=tagged))
    return Found(state, new_branch, tagged)


def plan_on(repository: Repository, dataset: Dataset, options: Options, state: State) -> Plan:
    """Plan that starts from a state, of which it may have to read files."""
    plan = make_plan(dataset, options, state)
    return make_plan(dataset, options, repository.read(state, plan.unread)) if plan.unread else plan


def plan_from(dataset: Dataset, options: Options, found: Found) -> Outcome:
    """Plan that starts from what was found; nothing is done."""
    repository, state = Repository(options.repo_id), found.state
    plan = plan_on(repository, dataset, options, state or EMPTY)
    if found.tagged and plan.steps:
        raise UsageError(TAKEN.format(tag=options.tag, commit=found.tagged))
    if state is None or plan.steps:
        return Outcome(plan, state, found.new_branch)
    return Outcome(plan, state, found.new_branch, Commit(state.commit), check_opens(repository, plan))


def publish(dataset: Dataset, options: Options, found: Found, show: Show) -> Outcome:
    """Publish a prepared dataset: afterwards the repository is as it was or as wanted; `show` gets each plan before."""
    repository = Repository(options.repo_id)
    outcome = plan_from(dataset, options, found)
    show(outcome)
    _refuse(repository, outcome.plan, options)
    if found.state is None:
        repository.create(options.private)
    if found.new_branch:
        repository.create_branch(options.revision)
    if found.state is None:
        outcome = _plan_again(repository, dataset, options, outcome, repository.get(options.revision), show)
    elif options.script in found.state.files:
        try:
            repository.create_branch(SCRIPT_BRANCH, found.state.commit)
        except HubError:
            if not options.create_pr:  # which every user may open
                raise
    outcome, commit = _commit(repository, dataset, options, outcome, show)
    checking = "run the command again" if options.create_pr or options.tag else "run the command again with --verify"
    if commit.title:
        at = f"at commit {commit.id}" if commit.id else f"by merging {commit.pull_request}"
        with _done(options, f"{options.done} {at}", "read back", f"not checked; {checking}"):
            commit = repository.find_commit(commit, options.revision)
    at = f"at commit {commit.id}"
    with _done(options, f"{options.done} {at}", "read back", f"not checked; {checking}"):
        differences = check_commit(repository, outcome.plan, commit) if outcome.plan.steps else outcome.differences
    if options.tag and not differences and found.tagged != commit.id:
        with _done(options, f"published and verified {at}", "tagged", "not tagged; run the command again"):
            repository.create_tag(options.tag, commit.id)
    return replace(outcome, commit=commit, differences=differences)


def verify(dataset: Dataset, options: Options) -> tuple[Outcome, str]:
    """Compare a revision with a dataset, by value if another program wrote it; also the words if nothing differs."""
    repository = Repository(options.repo_id)
    state = repository.get(options.revision)
    if state.record.card:
        plan = plan_on(repository, dataset, options, state)
        words, differences = "verified", check_published(repository, plan, state)
    else:
        plan = Plan(state, [], dataset.configs)
        words = "verified, written by another program with equal rows and features,"
        checked = (check_config(repository, config, state.commit, by_value=True) for config in dataset.configs)
        differences = [*chain.from_iterable(checked)]
    return Outcome(plan, state, commit=Commit(state.commit), differences=differences), words


def _refuse(repository: Repository, plan: Plan, options: Options) -> None:
    """Refuse a plan that loses other users' work, or that leads to a card by which a config does not open."""
    refuse_other(plan.mismatch, options)
    refuse_edited(plan, options)
    if plan.steps and (unopened := check_opens(repository, plan)):
        raise DifferenceError(f"Nothing was published: {'; '.join(unopened)}.")


def refuse_edited(plan: Plan, options: Options) -> None:
    """Refuse to replace an edited card if the user did not say what becomes of it."""
    if plan.replaces_edited_card and not options.overwrite_card:
        raise DifferenceError(
            f"Another user wrote or edited {CARD}. --keep-card keeps its text, --overwrite-card replaces it with the "
            f"text of {plan.template}. --dry-run shows the difference."
        )


def refuse_other(difference: str, options: Options) -> None:
    """Refuse to replace another dataset."""
    if difference and not options.replace_dataset:
        raise DifferenceError(
            f"{Repository(options.repo_id).url} holds another dataset: {difference}. Give another repository, raise "
            "the version if the builder's parameters have changed, or replace it with --replace-dataset."
        )


@contextmanager
def _done(options: Options, done: str, missing: str, interrupted: str) -> Iterator[None]:
    """After the commit, whatever ends the command names the commit."""
    try:
        with last_word(f"{done[0].upper()}{done[1:]}, but {interrupted}."):
            yield
    except Exception as error:
        raise HubError(f"{done}, but not {missing}: {explain(error, options.repo_id)}") from error


def _plan_again(
    repository: Repository, dataset: Dataset, options: Options, outcome: Outcome, state: State, show: Show
) -> Outcome:
    """Plan from another state; if it does more than the plan that was shown, it is shown, and that is all."""
    again = replace(outcome, plan=plan_on(repository, dataset, options, state))
    shown = outcome.plan.steps
    if any(step not in shown for step in again.plan.steps if step.path != RECORD):  # which follows from the others
        show(replace(again, before=state, new_branch=False))
        then = "The new plan is not the one that was shown, so nothing more was committed. Check it and run again."
        raise _changed(repository, options, outcome.plan.start.commit, then)
    return again


def _commit(
    repository: Repository, dataset: Dataset, options: Options, outcome: Outcome, show: Show
) -> tuple[Outcome, Commit]:
    """Commit the plan that was shown; if another user was faster, or an answer is lost, look and plan again."""
    start, shown = outcome.plan.start.commit, outcome
    failure: Exception | None = None
    is_conflict, since = False, ""  # start of the plan whose answer was lost
    patience, attempts = Patience(), ATTEMPTS
    while True:
        plan = outcome.plan
        if not plan.steps:
            meanwhile = [*repository.commits_since(start, options.revision).values()] if is_conflict else ()
            outcome, commit = replace(shown, meanwhile=meanwhile), Commit(plan.start.commit)
            break
        if options.create_pr and (proposed := _proposed(repository, options, plan)):
            commit = proposed
            break
        if len(plan.steps) == len(shown.plan.steps) and not options.create_pr:
            since = ""  # nothing of it was done
        if failure is not None:
            if not attempts:
                if isinstance(failure, MovedError) or (is_conflict and plan.start.commit != start):
                    raise _changed(repository, options, start, "Try again.")
                raise explain(failure, options.repo_id) from failure
            _refuse(repository, plan, options)
        shown, attempts = outcome, attempts - 1
        patience.begin()
        try:
            commit = _carry_out(repository, options, plan)
            break
        except PublishingError:  # such as a refusal
            raise
        except Exception as error:
            failure, since = error, ""
        is_conflict = isinstance(failure, MovedError) or Failure(failure).status in CONFLICTS
        if not is_conflict:
            since = plan.start.commit
            if patience.goes_on(failure):
                with said_while("committing") as wait:
                    patience.pause(wait)
            else:
                attempts = 0
        try:
            state = repository.get(options.revision)
        except PublishingError as error:
            raise HubError(f"Whether the commit was made is not known. {error}") from error
        outcome = _plan_again(repository, dataset, options, outcome, state, show)
    if since and not (options.create_pr and commit.parent):  # a new pull request has nothing of an earlier attempt
        commit = replace(commit, parent=since, title=options.message)
    return outcome, commit


def _changed(repository: Repository, options: Options, start: str, then: str) -> HubError:
    """Refusal, because other users committed after a commit."""
    others = "; ".join(repository.commits_since(start, options.revision).values()) or "the history does not say by whom"
    return HubError(f"{repository.url} changed while this was published: {others}. {then}")


def _proposed(repository: Repository, options: Options, plan: Plan) -> Commit | None:
    """Commit of an open pull request of the same user that holds what the plan leads to."""
    for pull in repository.own_pull_requests():
        if pull.title == options.message:
            state = repository.get(pull.revision)
            if not plan.differences(state):
                return Commit(state.commit, pull.pull_request, pull.revision)
    return None


# --- from a plan to one commit, or to several that become visible at once ---------------------------------------------


def _carry_out(repository: Repository, options: Options, plan: Plan) -> Commit:
    """Commit a plan.

    Raises MovedError if another user committed in between, and whatever the client raises: the caller has to look up
    what was done.
    """
    batches = plan.batches(plan.start)
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
    for batch in plan.batches(head):
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


# --- back to an earlier commit: its files are on the Hub already, and nothing is drawn --------------------------------


def load_snapshot(builder: BuilderClass, card: Card, options: Options) -> PublishedSnapshot:
    """The dataset that was published at the commit to roll back to, if it is there and as it was recorded."""
    repository, revision = Repository(options.repo_id), options.rollback or options.revision
    state = repository.get(revision)
    record = state.record
    if not record.configs:
        raise UsageError(f"{options.repo_id} at {revision} was not published by this command. Give a commit that was.")
    own = {path: _own_file(repository, state, path, sha256) for path, sha256 in record.files.items()}
    if lost := repository.missing_uploads([file for file in own.values() if isinstance(file, UploadedFile)]):
        raise HubError(f"{repository.url} has lost {min(lost)} of {revision}. Give another commit, or publish again.")
    configs = []
    try:
        infos = read_infos(state.card, record.configs)
        for name, of in record.configs.items():
            files = {
                part["split"]: [own[path] for path in sorted(of.files) if fnmatchcase(path, part["path"])]
                for entry in state.card.entries("configs")
                if name_of(entry) == name
                for part in entry["data_files"]
            }
            config, in_parts = datasets.BuilderConfig(name=name), any(len(of_split) > 1 for of_split in files.values())
            made = {"files": files, "info": infos[name], "digests": of.digests, "provenance": of.provenance}
            configs.append(PreparedConfig(builder_config=config, in_parts=in_parts, **made))
    except Exception as error:  # whatever an edited entry leads to
        raise UsageError(CHANGED.format(path=CARD, commit=state.commit)) from error
    text = repository.content(CARD, state.commit)
    return PublishedSnapshot(builder, card, configs, then=state.card, text=text, own=[*own.values()])


def _own_file(repository: Repository, state: State, path: str, sha256: str) -> File:
    if there := state.files.get(path):
        large = UploadedFile(path, there.size, sha256=there.sha256) if there.sha256 else None
        file = large or TextFile(path, repository.content(path, state.commit))
        if file.sha256 == sha256:
            return file
    raise UsageError(CHANGED.format(path=path, commit=state.commit))
