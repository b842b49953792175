"""The commands: for one builder, for a builder that the first argument names, and to check a repository."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import datasets

from publisher.builders import RemoteScript, find_builder, find_remote
from publisher.card import Card, default_card
from publisher.cli import AT_END, output
from publisher.cli.arguments import make_parser, read_options
from publisher.cli.shell import Parser, run
from publisher.errors import DifferenceError, PublishingError, UsageError, last_word
from publisher.hub.http import check_surroundings, offline_variable
from publisher.hub.repository import Repository
from publisher.options import MAIN, SCRIPT_BRANCH, Options, check_repo_id
from publisher.prepare import File
from publisher.prepare.configs import choose_configs
from publisher.prepare.tasks import FilePart, Prepared, Task
from publisher.publish import Outcome, Show, look, plan_from, publish, verify
from publisher.publish.rollback import load_snapshot
from publisher.scale import CONTINUES, Job, describe, expect, make_job, publish_job
from publisher.scale.notes import Notes, open_notes
from publisher.scale.workers import notes as log
from publisher.scale.workers import prints_elsewhere
from publisher.text import without_control

FIRST = ("--traceback", "--trust-remote-code")  # options that count before the builder is known
EXIT_CODES_OF_VALIDATE = """\
exit codes: 0 nothing found; 1 findings; 2 wrong arguments, or a file that cannot be read; 3 the Hub refused or could
not be reached; 70 an error of this program; 128 + n stopped by signal n"""


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
    return _publish_with(make_parser(builder, repo_id), builder, lambda given: card, repo_id, "", arguments)


def publish_dataset(arguments: Sequence[str] | None = None, prog: str = "publish-dataset") -> int:
    """Run the command for any builder, whose source is the first argument."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    found: list[tuple[type[datasets.DatasetBuilder], str]] = []

    def find(given: argparse.Namespace) -> int:
        remote = find_remote(given.source, given.trust_remote_code)
        source, place = _download(remote, _work_folder(words)) if remote else (given.source, "")
        with prints_elsewhere("--json" in words):
            found.append((find_builder(source), place))
        return 0

    def card(given: argparse.Namespace) -> Card:
        template = getattr(given, "card", None)
        if template is not None and not template.is_file():
            raise UsageError(f"--card {template} does not exist. Give a Jinja template.")
        return default_card(builder, template)

    first = [*words[:1], *(word for word in words[1:] if word in FIRST)]
    code = run(_source_parser(prog), find, first, "the script cannot be read")
    if not found:
        return code
    builder, place = found[0]
    parser = make_parser(builder, None, f"{prog} {words[0]}", is_script=True)
    return _publish_with(parser, builder, card, None, place, words[1:])


def validate(arguments: Sequence[str] | None = None) -> int:
    """Run the command that checks a repository."""
    parser = Parser(
        description="Check a dataset repository: the card's YAML, links and numbers; schema, footer and pages of each "
        "Parquet file; digests and encodings of what the card's record says the publisher wrote; that no row is in two "
        "splits of a config. One line for each finding; nothing is changed.",
        epilog=EXIT_CODES_OF_VALIDATE,
        allow_abbrev=False,
    )
    parser.add_argument("source", metavar="SOURCE", help="a folder, or namespace/name on the Hub; a folder wins")
    parser.add_argument("--revision", metavar="REV", help=f"branch, tag or commit on the Hub (default: {MAIN})")
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")
    return run(parser, _examine, arguments, "a file cannot be read")


def _examine(given: argparse.Namespace) -> int:
    from publisher.check.examine import examine  # loads a Markdown parser

    if given.revision is not None and not given.revision.strip():
        raise UsageError("--revision is empty. Give a branch, tag or commit.")
    if (name := offline_variable()) and not Path(given.source).exists():
        raise UsageError(f"{given.source!r} is not a folder, and {name} is set. Unset it, or give a folder.")
    report = examine(given.source, given.revision)
    if given.json:
        found = {name: getattr(report, name) for name in ("commit", "configs", "files", "findings")}
        print(json.dumps({"source": given.source, **found}, indent=2))
    else:
        for finding in report.findings:
            print(finding)
        numbers = {"finding": len(report.findings), "file": len(report.files), "config": len(report.configs)}
        findings, files, configs = (f"{number} {name}{'s' * (number != 1)}" for name, number in numbers.items())
        at = f" at commit {report.commit}" if report.commit else ""
        print(f"{given.source}{at}: {findings} in {files} of {configs}")
    return DifferenceError.exit_code if report.findings else 0


def _source_parser(prog: str) -> Parser:
    parser = Parser(
        prog=prog,
        usage="%(prog)s SOURCE REPO_ID [options]",
        description="Publish what a loading script of `datasets` makes to the Hugging Face Hub, as Parquet files with "
        "a card. This runs the script: if another user wrote it, read it first.",
        epilog="%(prog)s SOURCE --help shows all options.",
        allow_abbrev=False,
    )
    text = (
        "path of a script, of a folder my_data that holds my_data.py, or module:Class; or a repository on the Hub that "
        "holds its script, owner/name"
    )
    parser.add_argument("source", metavar="SOURCE", help=text)
    parser.add_argument("--trust-remote-code", action="store_true", help="run the script of a repository on the Hub")
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    return parser


def _work_folder(words: Sequence[str]) -> Path:
    """Folder for downloads, before all options can be read."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--work-dir", type=Path)
    try:
        return Options("", work_dir=parser.parse_known_args(words)[0].work_dir).work_folder
    except argparse.ArgumentError:  # said when they are
        return Options("").work_folder


def _download(script: RemoteScript, work_folder: Path) -> tuple[str, str]:
    """Fetch a repository with its script as it is now: the script's path and class, and its name and commit."""
    check_repo_id("SOURCE", script.repo_id)
    check_surroundings()
    repository, file = Repository(script.repo_id), Options(script.repo_id).script
    state = repository.find(script.revision)
    if state is None:
        raise UsageError(f"{repository.url} does not exist, or this token cannot see it.")
    if file not in state.files:
        raise UsageError(
            f"{repository.url} holds no {file} at its revision {script.revision}. Give another one, as in "
            f"{script.repo_id}@{SCRIPT_BRANCH}, or the path of a script."
        )
    folder = work_folder / "downloads" / f"{script.repo_id.replace('/', '--')}-{state.commit}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    repository.download(state, folder)
    return f"{folder / file}{script.builder}", f"{script.repo_id} at commit {state.commit}"


def _publish_with(
    parser: Parser,
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
        before = tempfile.tempdir
        try:
            notes = open_notes(builder, options)
            tempfile.tempdir = str(notes.temporary)
            AT_END.append(notes.close)
            try:
                return _carry_out(builder, card, options, notes)
            finally:  # however the command ends
                tempfile.tempdir = before
                notes.close()
                AT_END.remove(notes.close)
        except PublishingError as error:
            if options.json:
                _print_json(options, "failed", error=str(error))
            raise

    return run(parser, act, arguments, "a file cannot be read or written")


def _carry_out(builder: type[datasets.DatasetBuilder], card: Card, options: Options, notes: Notes) -> int:
    if options.rollback:
        return _report(options, _roll_back(builder, card, options))
    job = make_job(builder, card, options, notes)
    _check_workers(job)
    if options.output_dir is not None:
        return _write_folder(job, options.output_dir)
    if options.preview is not None:
        return _write_preview(job, options.preview)
    if options.verify:
        return _report(options, *verify(job.prepare(partial(describe, job.workplace)), options))
    if options.dry_run:
        found = look(options)
        return _report(options, plan_from(job.prepare(partial(expect, job.workplace)), options, found))
    if options.executor.startswith("slurm"):
        return _submit(job)
    if options.executor:
        return _report(options, _cluster().publish_on_ray(job, _show(options)))
    return _report(options, publish_job(job, _show(options), _silent if options.json else output.print_job))


def _check_workers(job: Job) -> None:
    """Say if a job cannot be divided as it was asked for."""
    if issubclass(job.builder, datasets.ArrowBasedBuilder):
        why = "a config of this one has a single shard"
    else:
        why = "a builder that yields examples prepares a config in one go, since one shard may depend on another"
    if job.options.executor and len(job.parts) < len(job.tasks):
        raise UsageError(f"--executor is for builders of tables in shards, and {why}. Leave it out.")
    if (job.options.workers or 1) > 1 and len(job.tasks) < 2 and not (job.parts or job.faults):
        log.info("note: --workers %s has no effect, because %s", job.options.workers, why)


def _write_folder(job: Job, target: Path) -> int:
    def write(folder: Path) -> list[File]:
        dataset = job.prepare(partial(_prepare_in, folder, job.notes))
        return output.complete_folder(dataset, folder, job.options.repo_id)

    with last_word(CONTINUES):
        files = output.replace_folder(target, write)
    job.notes.clear()
    output.print_files(files)
    output.print_loading(str(target), choose_configs(job.builder, job.options.config), job.builder)
    return 0


def _prepare_in(folder: Path, notes: Notes, task: Task) -> Prepared:
    """A part goes below the repository's folder at once, a whole config where it is noted."""
    return list(task.prepare(folder)) if isinstance(task, FilePart) else notes.prepare(task)


def _write_preview(job: Job, target: Path) -> int:
    from publisher.card.preview import check_preview, render, write_preview  # loads a Markdown parser

    check_preview(target)
    folder = job.workplace
    output.complete_folder(job.prepare(partial(expect, folder)), folder, job.options.repo_id)
    size = write_preview(render(folder, job.options.repo_id), target)
    print(f"Wrote {target}, {size:,} bytes. To look at it, open {target.resolve().as_uri()}")
    return 0


def _roll_back(builder: type[datasets.DatasetBuilder], card: Card, options: Options) -> Outcome:
    found, earlier = look(options), load_snapshot(builder, card, options)
    if options.dry_run:
        return plan_from(earlier, options, found)
    with last_word("Interrupted. Nothing is half done. Run the command again."):
        return publish(earlier, options, found, _show(options))


def _show(options: Options) -> Show:
    return _silent if options.json else partial(output.print_plan, target=options)


def _silent(*_: object) -> None:
    """Print nothing: --json prints one object at the end."""


def _report(options: Options, outcome: Outcome, result: str = "") -> int:
    """Print what came of it, and return the exit code."""
    if outcome.differences:
        result = "differs from what is wanted"
    elif options.dry_run:
        _show(options)(outcome)
        result = "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"
    elif not result:
        made = "created the branch" if outcome.new_branch else "nothing to do"
        result = f"{options.done} and verified" if outcome.plan.steps else made
        if outcome.meanwhile:
            result = f"nothing to do and verified: the same was published meanwhile, {'; '.join(outcome.meanwhile)},"
        result += f", tagged {options.tag}" if options.tag else ""
    if options.json:
        print(json.dumps(output.as_json(outcome, options, result), indent=2))
    else:
        for difference in outcome.differences:
            print(without_control(difference))
        print(f"{options.repo_id}: {result}{f' at commit {outcome.commit.id}' if outcome.commit else ''}")
        if outcome.commit and outcome.commit.pull_request:
            print(f"pull request: {outcome.commit.pull_request}")
    if outcome.differences and options.traceback:
        log.info("no traceback: no code failed, and the lines above say what differs")
    return DifferenceError.exit_code if outcome.differences else 0


def _submit(job: Job) -> int:
    """Hand a job over, and do not wait."""
    result = f"submitted: job {_cluster().submit(job)} commits when all files are uploaded"
    if job.options.json:
        _print_json(job.options, result)
    else:
        print(f"{job.options.repo_id}: {result}")
    return 0


def _print_json(options: Options, result: str, **more: str) -> None:
    print(json.dumps({"repo_id": options.repo_id, "revision": options.revision, "result": result, **more}, indent=2))


def _cluster() -> Any:
    try:
        return import_module("publisher.scale.cluster")
    except ImportError as error:
        raise UsageError(f"--executor needs datatrove ({error}). pip install datatrove.") from error
