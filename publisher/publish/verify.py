"""Comparison of a published revision with the dataset, for --verify."""

from __future__ import annotations

from publisher.check.compare import check_published, check_rows
from publisher.errors import HubError
from publisher.hub.local import check_surroundings
from publisher.hub.reading import Reader
from publisher.options import Options
from publisher.plan.plan import Plan
from publisher.plan.state import Commit, Dataset
from publisher.publish.outcome import Outcome
from publisher.publish.start import plan_on


def verify(dataset: Dataset, options: Options) -> tuple[Outcome, str]:
    """Compare a revision with a dataset: every file, or the rows and features if another program wrote it.

    Returns the outcome, and the words for it if there are no differences.
    """
    check_surroundings()
    repository = Reader(options.repo_id)
    state = repository.find(options.revision)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    if state.record.card:
        plan = plan_on(repository, dataset, options, state)
        words, differences = "verified", check_published(repository, plan, state)
    else:
        plan = Plan(state, [], dataset.configs)
        words = "verified, written by another program with equal rows and features,"
        differences = check_rows(repository, dataset.configs, state.commit)
    return Outcome(plan, state, commit=Commit(state.commit), differences=differences), words
