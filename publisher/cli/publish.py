"""The command that publishes: reads arguments, calls, prints."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets

from publisher.card import Card
from publisher.cli.arguments import OptionsParser, make_parser, read_options
from publisher.cli.folder import complete_folder, replace_folder
from publisher.cli.printing import as_json, print_files, print_job, print_loading, print_plan
from publisher.cli.shell import run
from publisher.cli.signals import AT_END
from publisher.errors import DifferenceError, PublishingError, UsageError, last_word
from publisher.hub.repository import Repository
from publisher.options import Options
from publisher.plan import Dataset
from publisher.prepare import File
from publisher.prepare.configs import choose_configs
from publisher.prepare.tasks import FilePart, Prepared, Task
from publisher.publish import Outcome, Show, look, plan_from, publish, verify
from publisher.publish.rollback import load_snapshot
from publisher.scale.notes import Notes, open_notes
from publisher.scale.run import CONTINUES, Job, describe, expect, make_job, publish_job
from publisher.scale.workers import notes as log
from publisher.text import without_control


def main(
    builder: type[datasets.DatasetBuilder], card: Card, repo_id: str, arguments: Sequence[str] | None = None
) -> int:
    """Run the command for one builder.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    repo_id : str
        The repository that the dataset belongs in.
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code, see `publisher.cli.arguments.EXIT_CODES`.

    Examples
    --------
    >>> from card import CARD, REPO_ID
    >>> from mnist1d import Mnist1D
    >>> main(Mnist1D, CARD, REPO_ID, ["--dry-run"])  # doctest: +SKIP
    0
    """
    return publish_with(make_parser(builder, repo_id), builder, lambda given: card, repo_id, "", arguments)


def publish_with(
    parser: OptionsParser,
    builder: type[datasets.DatasetBuilder],
    card_for: Callable[[argparse.Namespace], Card],
    home: str | None,
    source: str,
    arguments: Sequence[str] | None,
) -> int:
    """Run the command with a parser that `make_parser` made, and a card that may depend on what the parser reads."""

    def act(given: argparse.Namespace) -> int:
        options = read_options(vars(given), parser, builder, home, source)
        card = card_for(given)
        with _json_of_failures(options), _notes(builder, options) as notes:
            if options.rollback:
                return _report(options, *_roll_back(builder, card, options))
            job = make_job(builder, card, options, notes)
            _check_workers(job)
            if options.output_dir is not None:
                return _write_folder(job)
            if options.preview is not None:
                return _write_preview(job)
            if options.executor.startswith("slurm") and not options.dry_run:
                return _submit(job)
            return _report(options, *_use_hub(job))

    file_trouble = "a file cannot be read or written"
    return run(parser, act, arguments, file_trouble=file_trouble, stopped="Interrupted. Nothing was changed.")


@contextmanager
def _notes(builder: type[datasets.DatasetBuilder], options: Options) -> Iterator[Notes]:
    """The notes of this run, whose folder takes all temporary files and is cleaned up however the command ends."""
    notes = open_notes(builder, options)
    before, tempfile.tempdir = tempfile.tempdir, str(notes.temporary)
    AT_END.append(notes.close)
    try:
        yield notes
    finally:
        tempfile.tempdir = before
        notes.close()
        AT_END.remove(notes.close)


def _check_workers(job: Job) -> None:
    """Say if a job cannot be divided as it was asked for."""
    is_divided = len(job.tasks) > 1 or bool(job.parts)
    if issubclass(job.builder, datasets.ArrowBasedBuilder):
        why = "a config of this one has a single shard"
    else:
        why = "a builder that yields examples prepares a config in one go, since one shard may depend on another"
    if job.options.executor and len(job.parts) < len(job.tasks):
        raise UsageError(f"--executor is for builders of tables in shards, and {why}. Leave it out.")
    if (job.options.workers or 1) > 1 and not is_divided and not job.faults:
        log.info("note: --workers %s has no effect, because %s", job.options.workers, why)


def _write_folder(job: Job) -> int:
    assert job.options.output_dir is not None

    def write(folder: Path) -> list[File]:
        return _complete(job.prepare(partial(_draw, job.notes, folder)), folder, job.options.repo_id)

    with last_word(CONTINUES):
        files = replace_folder(job.options.output_dir, write)
    job.notes.clear()
    print_files(files)
    print_loading(str(job.options.output_dir), choose_configs(job.builder, job.options.config), job.builder)
    return 0


def _draw(notes: Notes, root: Path, task: Task) -> Prepared:
    """A part goes below the repository's folder at once, a whole config where it is noted."""
    return list(task.prepare(root)) if isinstance(task, FilePart) else notes.prepare(task)


def _write_preview(job: Job) -> int:
    from publisher.card.preview import check_preview, render, write_preview  # loads a Markdown parser

    assert job.options.preview is not None
    check_preview(job.options.preview)
    folder = job.workplace
    _complete(job.prepare(partial(expect, folder)), folder, job.options.repo_id)
    size = write_preview(render(folder, job.options.repo_id), job.options.preview)
    address = job.options.preview.resolve().as_uri()
    print(f"Wrote {job.options.preview}, {size:,} bytes. To look at it, open {address}")
    return 0


def _complete(dataset: Dataset, folder: Path, repo_id: str) -> list[File]:
    """Put card and pictures next to the prepared configs; all files, the card first."""
    for note in dict.fromkeys(note for config in dataset.configs for note in config.notes):
        log.info("note: %s", note)
    files = dataset.all_files(repo_id)
    complete_folder(folder, files)
    return files


def _use_hub(job: Job) -> tuple[Outcome, str]:
    """Plan, compare or publish: the outcome, and the words for it."""
    options = job.options
    show = _show(options)
    if options.dry_run:
        found = look(options)
        outcome = plan_from(job.prepare(partial(expect, job.workplace)), options, found)
        return outcome, _dry_run(outcome, show)
    if options.verify:
        return verify(job.prepare(partial(describe, job.workplace)), options)
    if options.executor:
        outcome = _cluster().publish_on_ray(job, show)
    else:
        outcome = publish_job(job, show, (lambda *_: None) if options.json else print_job)
    return outcome, _published(outcome, options)


def _roll_back(builder: type[datasets.DatasetBuilder], card: Card, options: Options) -> tuple[Outcome, str]:
    if not options.dry_run:
        Repository(options.repo_id).require_token()
    found, earlier = look(options), load_snapshot(builder, card, options)
    show = _show(options)
    if options.dry_run:
        outcome = plan_from(earlier, options, found)
        return outcome, _dry_run(outcome, show)
    with last_word("Interrupted. Nothing is half done. Run the command again."):
        outcome = publish(earlier, options, found, show)
    return outcome, _published(outcome, options)


def _show(options: Options) -> Show:
    return lambda outcome: None if options.json else print_plan(outcome, options)


def _dry_run(outcome: Outcome, show: Show) -> str:
    show(outcome)
    return "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"


def _published(outcome: Outcome, options: Options) -> str:
    made = "created the branch" if outcome.new_branch else "nothing to do"
    result = f"{options.done} and verified" if outcome.plan.steps else made
    if outcome.meanwhile:
        result = f"nothing to do and verified: the same was published meanwhile, {'; '.join(outcome.meanwhile)},"
    return result + (f", tagged {options.tag}" if options.tag else "")


def _report(options: Options, outcome: Outcome, result: str) -> int:
    """Print what came of it, and return the exit code."""
    if outcome.differences:
        result = "differs from what is wanted"
    if options.json:
        print(json.dumps(as_json(outcome, options, result), indent=2))
    else:
        for difference in outcome.differences:
            print(without_control(difference))
        print(f"{options.repo_id}: {result}{f' at commit {outcome.commit.id}' if outcome.commit else ''}")
        if outcome.commit and outcome.commit.pull_request:
            print(f"pull request: {outcome.commit.pull_request}")
    if outcome.differences and options.traceback:
        log.info("no traceback: no code failed, and the lines above say what differs")
    return DifferenceError.exit_code if outcome.differences else 0


@contextmanager
def _json_of_failures(options: Options) -> Iterator[None]:
    try:
        yield
    except PublishingError as error:
        if options.json:
            print(json.dumps({**_named(options, "failed"), "error": str(error)}, indent=2))
        raise


def _submit(job: Job) -> int:
    """Hand a job over, and do not wait."""
    number = _cluster().submit(job)
    result = f"submitted: job {number} commits when all files are uploaded"
    print(json.dumps(_named(job.options, result), indent=2) if job.options.json else f"{job.options.repo_id}: {result}")
    return 0


def _named(options: Options, result: str) -> dict[str, str]:
    return {"repo_id": options.repo_id, "revision": options.revision, "result": result}


def _cluster() -> Any:
    try:
        return import_module("publisher.scale.cluster")
    except ImportError as error:
        raise UsageError(f"--executor needs datatrove ({error}). pip install datatrove.") from error
