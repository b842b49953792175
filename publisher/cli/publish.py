"""The command that publishes: reads arguments, calls, prints."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets

from publisher.card.compose import Card
from publisher.cli.arguments import check_arguments, make_parser
from publisher.cli.folder import complete_folder, replace_folder
from publisher.cli.overrides import read_overrides, read_settings
from publisher.cli.printing import as_json, print_files, print_job, print_loading, print_plan
from publisher.cli.shell import run
from publisher.errors import DifferenceError, PublishingError, UsageError
from publisher.hub.cleaning import without_control
from publisher.hub.client import Repository
from publisher.options import MAIN, Options
from publisher.plan.wanted import Dataset
from publisher.prepare.configs import choose_configs
from publisher.prepare.files import File
from publisher.publish.outcome import Outcome
from publisher.publish.reconcile import plan_from, publish
from publisher.publish.rollback import recall
from publisher.publish.start import look
from publisher.publish.verify import verify
from publisher.scale.job import Job, describe_task, draw_task, expect_task, make_job


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
    return publish_with(make_parser(builder, repo_id), builder, lambda options: card, arguments)


def publish_with(
    parser: argparse.ArgumentParser,
    builder: type[datasets.DatasetBuilder],
    card_for: Callable[[argparse.Namespace], Card],
    arguments: Sequence[str] | None,
) -> int:
    """Run the command with a parser that `make_parser` made, and a card that may depend on what it reads."""

    def act(options: argparse.Namespace) -> int:
        check_arguments(options, builder)
        if options.rollback:
            target = _target(options)
            return _use_hub(target, options, partial(_roll_back, builder, card_for(options), target, options))
        job = _make_job(builder, card_for(options), options)
        if options.output_dir is not None:
            return _write_folder(job, options)
        if options.preview is not None:
            return _write_preview(job, options)
        if options.executor == "slurm" and not options.dry_run:
            with _json_of_failures(job.options, options):
                return _submit(job, options)
        return _use_hub(job.options, options, partial(_act, job, options))

    return run(
        parser,
        act,
        arguments,
        file_trouble="a file cannot be read or written",
        stopped="Interrupted. Nothing is half done; run the command again to continue.",
    )


def _target(options: argparse.Namespace) -> Options:
    message = f"Back to {options.rollback}" if options.rollback else Options.message
    return Options(
        repo_id=options.repo_id,
        revision=options.revision or MAIN,
        private=options.private,
        create_pr=options.create_pr,
        tag=options.tag,
        message=options.message or message,
        overwrite_card=options.overwrite_card,
        keep_card=options.keep_card,
        source=getattr(options, "from_hub", ""),
        adopt=options.adopt,
        replace_dataset=options.replace_dataset,
        rewrite=options.rewrite,
        rollback=options.rollback,
        config=tuple(options.config),
    )


def _make_job(builder: type[datasets.DatasetBuilder], card: Card, options: argparse.Namespace) -> Job:
    overrides = read_overrides(options, builder)
    try:
        job = make_job(builder, card, _target(options), options.config, overrides, options.work_dir, options.keep_going)
    except ValueError as error:  # parameters that are allowed one by one
        if overrides:
            raise UsageError(str(error)) from error
        raise
    if options.executor and len(job.parts) < len(job.tasks):
        raise UsageError(f"--executor is for builders of tables in shards, and {_whole(job)}: leave it out")
    if (options.workers or 1) > 1 and len(job.tasks) == 1 and not job.parts:
        raise UsageError(f"--workers {options.workers} has no effect, as {_whole(job)}: leave it out")
    return job


def _whole(job: Job) -> str:
    """Why a config is not drawn by several processes."""
    if issubclass(job.builder, datasets.ArrowBasedBuilder):
        return "a config of this one has a single shard"
    return "a builder that yields examples draws a config in one go, since one shard may depend on another"


def _write_folder(job: Job, options: argparse.Namespace) -> int:
    def write(folder: Path) -> list[File]:
        drawn = job.draw(partial(draw_task, job.kept, folder), options.workers or 1)
        return _complete(drawn, folder, options.repo_id)

    with job.kept.in_use():
        print_files(replace_folder(options.output_dir, write))
        job.kept.clear()
    print_loading(str(options.output_dir), choose_configs(job.builder, options.config), job.builder)
    return 0


def _write_preview(job: Job, options: argparse.Namespace) -> int:
    from publisher.card.preview import check_preview, render, write_preview  # loads a Markdown parser

    check_preview(options.preview)
    with job.workplace() as folder:
        _complete(job.draw(partial(expect_task, job.kept, folder)), folder, options.repo_id)
        size = write_preview(render(folder, options.repo_id), options.preview)
    print(f"Wrote {options.preview}, {size:,} bytes. To look at it, open {options.preview.resolve().as_uri()}")
    return 0


def _complete(dataset: Dataset, folder: Path, repo_id: str) -> list[File]:
    """Put card and pictures beside what is drawn; all files, the card first."""
    card = dataset.card_for()
    files = dataset.files(card)
    files.insert(0, dataset.readme(card, files, repo_id))
    complete_folder(folder, files)
    return files


def _use_hub(
    target: Options, options: argparse.Namespace, act: Callable[[Callable[[Outcome], None]], tuple[Outcome, str]]
) -> int:
    def show(outcome: Outcome) -> None:
        if not options.json:
            print_plan(outcome, target)

    with _json_of_failures(target, options):
        outcome, result = act(show)
    if outcome.differences:
        result = "differs from what is wanted"
    if options.json:
        print(json.dumps(as_json(outcome, target, result), indent=2))
    else:
        for difference in outcome.differences:
            print(without_control(difference))
        print(f"{target.repo_id}: {result}{f' at commit {outcome.commit.id}' if outcome.commit else ''}")
        if outcome.commit and outcome.commit.pull_request:
            print(f"pull request: {outcome.commit.pull_request}")
    return DifferenceError.exit_code if outcome.differences else 0


@contextmanager
def _json_of_failures(target: Options, options: argparse.Namespace) -> Iterator[None]:
    try:
        yield
    except PublishingError as error:
        if options.json:
            failed = {"repo_id": target.repo_id, "revision": target.revision, "result": "failed", "error": str(error)}
            print(json.dumps(failed, indent=2))
        raise


def _act(job: Job, options: argparse.Namespace, show: Callable[[Outcome], None]) -> tuple[Outcome, str]:
    """What came of it, and the words for that."""
    workers = options.workers or 1
    if options.dry_run:
        workers = min(workers, len(job.tasks) - len(job.parts))  # what a part will be like is known
        found = look(job.options)
        with job.workplace() as root:
            dataset = job.draw(partial(expect_task, job.kept, root), workers)
            outcome = plan_from(dataset, job.options, found)
        return outcome, _dry_run(outcome, show)
    if options.verify:
        with job.workplace() as root:
            dataset = job.draw(partial(describe_task, root), workers, afresh=True)
            return verify(dataset, job.options, options.every_byte), "verified"
    if options.executor:
        _cluster().upload_on_ray(job, options.workers, _executor_options(options))
        outcome = job.finish(look(job.options), show)
    else:
        outcome = job.publish(workers, show, (lambda *_: None) if options.json else print_job)
    return outcome, _published(outcome, job.options)


def _roll_back(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    target: Options,
    options: argparse.Namespace,
    show: Callable[[Outcome], None],
) -> tuple[Outcome, str]:
    if not options.dry_run:
        Repository(target.repo_id).require_token()
    found, earlier = look(target), recall(builder, card, target)
    if options.dry_run:
        outcome = plan_from(earlier, target, found)
        return outcome, _dry_run(outcome, show)
    outcome = publish(earlier, target, found, show)
    return outcome, _published(outcome, target)


def _dry_run(outcome: Outcome, show: Callable[[Outcome], None]) -> str:
    show(outcome)
    return "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"


def _published(outcome: Outcome, target: Options) -> str:
    made = "made the branch" if outcome.new_branch else "nothing to do"
    result = f"{target.done} and verified" if outcome.plan.steps else made
    if outcome.meanwhile:
        result = f"nothing to do and verified: the same was published meanwhile, {'; '.join(outcome.meanwhile)},"
    return result + (f", tagged {target.tag}" if target.tag else "")


def _submit(job: Job, options: argparse.Namespace) -> int:
    """Hand a job over, and do not wait."""
    number = _cluster().submit(job, options.workers, _executor_options(options))
    result = f"submitted: job {number} commits when all files are uploaded"
    if options.json:
        print(
            json.dumps({"repo_id": job.options.repo_id, "revision": job.options.revision, "result": result}, indent=2)
        )
    else:
        print(f"{job.options.repo_id}: {result}")
    return 0


def _cluster() -> Any:
    try:
        return import_module("publisher.scale.cluster")
    except ImportError as error:
        raise UsageError(f"--executor needs datatrove ({error}): pip install datatrove") from error


def _executor_options(options: argparse.Namespace) -> dict[str, Any]:
    return read_settings("--executor-option", options.executor_option)
