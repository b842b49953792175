"""The command: reads arguments, calls the publisher, prints."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
from tqdm import tqdm

from publisher.arguments import check_arguments, make_parser
from publisher.card import Card, default_config
from publisher.configs import File
from publisher.errors import DifferenceError, PublishingError, UsageError
from publisher.job import Job, Uploads, default_root, job_folder
from publisher.overrides import read_overrides, read_settings
from publisher.parts import Part, Source, describe_part, draw_part, expected_file, is_sharded, plan_parts
from publisher.pool import work_on
from publisher.preview import check_preview, render, write_preview
from publisher.printing import as_json, print_files, print_job, print_loading, print_plan
from publisher.publish import Outcome, look, publish, verify
from publisher.repository import Build, build, build_from_parts, config_names, replace_folder
from publisher.shell import run
from publisher.target import MAIN, Target


@dataclass(frozen=True)
class Request:
    """What to publish."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    names: Iterable[str]  # of the configs; a progress bar shows how far it is
    overrides: dict[str, Any]
    parts: list[Part]  # the files, if the dataset comes in shards; else it is taken as a whole
    workers: int

    def build(self, folder: Path, work: Callable[[Part], File]) -> Build:
        """The repository in a folder; `work` makes the file of a part."""
        if self.parts:
            files = work_on(self.parts, work, self.workers)
            return build_from_parts(self.builder, self.card, folder, self.parts, files)
        return build(self.builder, self.card, folder, self.names, self.overrides)


def main(
    builder: type[datasets.DatasetBuilder], card: Card, repo_id: str, arguments: Sequence[str] | None = None
) -> int:
    """Run the command for one builder.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    repo_id : str
        The repository that the dataset belongs into.
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        Exit code, see `publisher.arguments.EXIT_CODES`.
    """
    datasets.disable_progress_bars()

    def act(options: argparse.Namespace) -> int:
        check_arguments(options)
        return _run(builder, card, options)

    return run(
        make_parser(builder, repo_id),
        act,
        arguments,
        file_trouble="a file cannot be read or written",
        stopped="stopped: what was asked for is done as a whole or not at all: run the same again",
    )


def _run(builder: type[datasets.DatasetBuilder], card: Card, options: argparse.Namespace) -> int:
    names = config_names(builder, options.config)
    overrides = read_overrides(options, builder)
    sources = [Source(builder, name, overrides) for name in names]
    try:
        sharded = any(map(is_sharded, sources))
        parts = [part for source in sources for part in plan_parts(source, default_config(builder))] if sharded else []
    except ValueError as error:  # parameters that are allowed one by one
        if overrides:
            raise UsageError(str(error)) from error
        raise
    if options.executor and not sharded:
        raise UsageError("--executor is for datasets in shards, and this one has a single shard: leave it out")
    # Made before anything else is: a signal while it is made would leave half a bar, which complains when it goes
    bar = tqdm(names, unit="config", disable=None if sys.stderr and not parts else True, leave=False)
    request = Request(builder, card, bar, overrides, parts, options.workers or 1)

    if options.output_dir is not None:

        def write(folder: Path) -> list[File]:
            return request.build(folder, partial(draw_part, root=folder)).add_card(options.repo_id).files

        print_files(replace_folder(options.output_dir, write))
        print_loading(str(options.output_dir), names, builder)
        return 0
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "repository")
        folder.mkdir()
        if options.preview is not None:
            check_preview(options.preview)
            request.build(folder, expected_file).add_card(options.repo_id)
            size = write_preview(render(folder, options.repo_id), options.preview)
            print(f"Wrote {options.preview}, {size:,} bytes. To look at it, open {options.preview.resolve().as_uri()}")
            return 0
        target = Target(
            repo_id=options.repo_id,
            revision=options.revision or MAIN,
            private=options.private,
            create_pr=options.create_pr,
            tag=options.tag,
            message=options.message or Target.message,
            overwrite_card=options.overwrite_card,
            leave_other_configs=bool(options.config),
        )
        return _use_hub(request, folder, target, options)


def _use_hub(request: Request, folder: Path, target: Target, options: argparse.Namespace) -> int:
    def show(outcome: Outcome) -> None:
        if not options.json:
            print_plan(outcome, target)

    try:
        if options.dry_run:
            outcome = look(request.build(folder, expected_file), target)
            show(outcome)
            result = "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"
        elif options.verify:
            outcome = verify(request.build(folder, describe_part), target)
            result = "verified"
        else:
            if request.parts:
                job = _job(request, target, options)
                if options.executor == "slurm":
                    return _submit(job, options)
                outcome = _publish_parts(job, request.workers, options, show)
            else:
                outcome = publish(request.build(folder, expected_file), target, show)
            made = "made the branch" if outcome.new_branch else "nothing to do"
            result = "published and verified" if outcome.plan.steps else made
            result += f", tagged {target.tag}" if target.tag else ""
    except PublishingError as error:
        if options.json:
            failed = {"repo_id": target.repo_id, "revision": target.revision, "result": "failed", "error": str(error)}
            print(json.dumps(failed, indent=2))
        raise
    if outcome.differences:
        result = "differs from what is wanted"
    if options.json:
        print(json.dumps(as_json(outcome, target, result), indent=2))
    else:
        for difference in outcome.differences:
            print(difference)
        print(f"{target.repo_id}: {result}{f' at commit {outcome.commit.id}' if outcome.commit else ''}")
        if outcome.commit and outcome.commit.pull_request:
            print(f"pull request: {outcome.commit.pull_request}")
    return DifferenceError.exit_code if outcome.differences else 0


def _job(request: Request, target: Target, options: argparse.Namespace) -> Job:
    root = options.work_dir or default_root()
    folder = job_folder(root, target.repo_id, request.builder, request.overrides)
    uploads = Uploads(target.repo_id, target.create_pr, folder.absolute())
    return Job(request.builder, request.card, target, request.parts, uploads)


def _publish_parts(job: Job, workers: int, options: argparse.Namespace, show: Callable[[Outcome], None]) -> Outcome:
    """Publish part by part, and wait for the end."""
    if options.executor:
        outcome = _run_on_cluster(job, options)
        assert isinstance(outcome, Outcome)
        show(outcome)
        return outcome
    waiting = job.start()
    before = sum(part.rows for part in job.parts) - sum(part.rows for part in waiting)
    if not options.json:
        print_job(job, waiting)
    try:
        work_on(waiting, job.uploads.add, workers, before)
    finally:
        job.uploads.remove_unfinished()
    return job.finish(show)


def _submit(job: Job, options: argparse.Namespace) -> int:
    """Hand a job over, and do not wait."""
    result = f"submitted: job {_run_on_cluster(job, options)} commits when all files are uploaded"
    if options.json:
        print(json.dumps({"repo_id": job.target.repo_id, "revision": job.target.revision, "result": result}, indent=2))
    else:
        print(f"{job.target.repo_id}: {result}")
    return 0


def _run_on_cluster(job: Job, options: argparse.Namespace) -> Outcome | str:
    try:
        from publisher.cluster import run_on
    except ImportError as error:
        raise UsageError(f"--executor needs datatrove ({error}): pip install datatrove") from error
    return run_on(options.executor, job, options.workers, read_settings("--executor-option", options.executor_option))
