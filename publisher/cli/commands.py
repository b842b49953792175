"""The commands and their arguments: for one builder, for a builder that the first argument names, and to check."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import Field, fields
from functools import cache, partial
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import datasets

from publisher.builders import find_builder, find_remote
from publisher.card import Card, default_card
from publisher.cli import output, removed_at_end, run
from publisher.errors import DifferenceError, PublishingError, UsageError, last_word, say
from publisher.hub.http import check_surroundings
from publisher.hub.repository import Repository
from publisher.options import BUILDS, MAIN, MODES, SCRIPT_BRANCH, Options, check_repo_id, read_settings
from publisher.prepare.configs import BuilderClass, Prepared, choose_configs, declared_configs, default_config
from publisher.prepare.tasks import FilePart, Task
from publisher.publish import Outcome, load_snapshot, look, plan_from, publish, verify
from publisher.scale import CONTINUES, Job, Notes, describe, expect, make_job, open_notes, publish_job, workers

# Keywords of every builder that are not parameters of a dataset
LIBRARY_KEYWORDS = {
    *inspect.signature(datasets.DatasetBuilder.__init__).parameters,
    *(field.name for field in fields(datasets.BuilderConfig)),
} - {"data_files", "data_dir"}
FORMER = {"keep_going": "", "every_byte": "", "executor_option": "NAME=VALUE..."}  # commands of others still have them
OPTIONS = {field.name: field for field in fields(Options) if field.metadata}
DESCRIPTION = """\
Publish all configs of the dataset and its card to the Hugging Face Hub, in one verified commit, or write the same files
to a folder. Run it as often as you like: what is published already is left alone, and so are files of other people,
unless they have the name of a published one."""
EXIT_CODES = """\
exit codes: 0 done, submitted, nothing to do, or no findings; 1 findings, or the repository differs from what is wanted;
2 wrong arguments, a builder that fails, or a file that cannot be read or written; 3 the Hub refused, could not be
reached, or another user published meanwhile; 70 an error of this program; 71 a worker was killed; 128 + n stopped by
signal n"""


def main(builder: BuilderClass, card: Card, repo_id: str, arguments: Sequence[str] | None = None) -> int:
    """Run the command for one builder, and return its exit code, see `EXIT_CODES`.

    The dataset belongs in the repository `repo_id`; the arguments are by default those of the process.

    Examples
    --------
    >>> from card import CARD, REPO_ID
    >>> from mnist1d import Mnist1D
    >>> main(Mnist1D, CARD, REPO_ID, ["--dry-run"])  # doctest: +SKIP
    0
    """

    def act(words: list[str]) -> int:
        given = make_parser(builder, repo_id).parse_args(words)
        return _act(builder, card, read_options(vars(given), builder, repo_id, ""))

    return run(act, None, arguments)


def publish_dataset(arguments: Sequence[str] | None = None, prog: str = "publish-dataset") -> int:
    """Run the command for any builder, whose source is the first argument."""

    def act(words: list[str]) -> int:
        first = _source_parser(prog, add_help=len(words) < 2)
        given, others = first.parse_known_args(words)
        if len(words) < 2:
            first.error("the following arguments are required: REPO_ID")
        source, place = given.script, ""
        if remote := find_remote(source, "trust_remote_code" in given):
            source, place = _download(remote, Options("", work_dir=getattr(given, "work_dir", None)).work_folder)
        with redirect_stdout(sys.stderr):  # for what a script prints
            builder = find_builder(source)
        make_parser(builder, None, f"{prog} {given.script}").parse_args(others, given)
        template = getattr(given, "card", None)
        if template is not None and not template.is_file():
            raise UsageError(f"--card {template} does not exist. Give a Jinja template.")
        return _act(builder, default_card(builder, template), read_options(vars(given), builder, None, place))

    return run(act, prog, arguments)


def validate(arguments: Sequence[str] | None = None) -> int:
    """Run the command that checks a repository."""
    parser = Parser(
        description="Check a dataset repository: the card's YAML, links and numbers; schema, footer and pages of each "
        "Parquet file; digests of what the record says the publisher wrote; that no row is in two splits of a config. "
        "One line for each finding; nothing is changed.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("source", metavar="SOURCE", help="a folder, or namespace/name on the Hub; a folder wins")
    text = f"branch, tag or commit on the Hub (default: {MAIN})"
    parser.add_argument("--revision", metavar="REV", default=None, help=text)
    parser.add_argument("--json", action="store_true", default=False, help="print one JSON object for programs")

    def act(words: list[str]) -> int:
        from publisher.check.examine import examine  # loads a Markdown parser

        given = parser.parse_args(words)
        if given.revision is not None and not given.revision.strip():
            raise UsageError("--revision is empty. Give a branch, tag or commit.")
        report = examine(given.source, given.revision)
        if given.json:
            output.say_json(source=given.source, **vars(report))
        else:
            numbers = {"finding": len(report.findings), "file": len(report.files), "config": len(report.configs)}
            findings, files, configs = (f"{number} {name}{'s' * (number != 1)}" for name, number in numbers.items())
            at = f" at commit {report.commit}" if report.commit else ""
            say(*report.findings, f"{given.source}{at}: {findings} in {files} of {configs}")
        return DifferenceError.exit_code if report.findings else 0

    return run(act, None, arguments)


def _source_parser(prog: str, add_help: bool) -> Parser:
    """The parser of what has to be known before the builder is; without help, for which the builder is needed."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s SOURCE REPO_ID [options]",
        description="Publish what a loading script of `datasets` makes to the Hugging Face Hub, as Parquet files with "
        "a card. This runs the script: if another user wrote it, read it first.",
        epilog="%(prog)s SOURCE --help shows all options.",
        add_help=add_help,
    )
    text = "path of a script or its folder; module:Class; or owner/name of a Hub repository that holds its script"
    parser.add_argument("script", metavar="SOURCE", help=text)
    parser.add_option("trust_remote_code", "run the script of a repository on the Hub")
    parser.add_option("work_dir", argparse.SUPPRESS, "DIR")
    return parser


def _download(script: Mapping[str, str], work_folder: Path) -> tuple[str, str]:
    """Fetch a repository with its script as it is now: the script's path and class, and its name and commit."""
    repo_id, revision = script["repo_id"], script["revision"] or MAIN
    check_repo_id("SOURCE", repo_id)
    check_surroundings()
    repository, file = Repository(repo_id), Options(repo_id).script
    state = repository.find(revision)
    if state is None:
        raise UsageError(f"{repository.url} does not exist, or the token cannot see it.")
    if file not in state.files:
        advice = f"Give another one, as in {repo_id}@{SCRIPT_BRANCH}, or the path of a script."
        raise UsageError(f"{repository.url} holds no {file} at its revision {revision}. {advice}")
    folder = work_folder / "downloads" / f"{repo_id.replace('/', '--')}-{state.commit}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    repository.download(state, folder)
    return f"{folder / file}{script['builder']}", f"{repo_id} at commit {state.commit}"


def _act(builder: BuilderClass, card: Card, options: Options) -> int:
    """Do what the options say, with all temporary files in the work folder."""
    try:
        notes = open_notes(builder, options)
        with removed_at_end(notes.close), patch.object(tempfile, "tempdir", str(notes.temporary)):
            return _carry_out(builder, card, options, notes)
    except PublishingError as error:
        output.print_result(options, "failed", error=str(error))
        raise


def _carry_out(builder: BuilderClass, card: Card, options: Options, notes: Notes) -> int:
    show = partial(output.print_plan, options)
    if options.rollback:
        found, earlier = look(options), load_snapshot(builder, card, options)
        if options.dry_run:
            return _report(options, plan_from(earlier, options, found))
        with last_word("Interrupted. Nothing is half done. Run the command again."):
            return _report(options, publish(earlier, options, found, show))
    job = make_job(builder, card, options, notes)
    _check_workers(job)
    if options.output_dir is not None:
        return _write_folder(job, options.output_dir)
    if options.preview is not None:
        return _write_preview(job, options.preview)
    if options.verify:
        return _report(options, *verify(job.prepare(partial(describe, job.notes.temporary)), options))
    if options.dry_run:
        found = look(options)
        return _report(options, plan_from(job.prepare(partial(expect, job.notes.temporary)), options, found))
    if not options.executor:
        return _report(options, publish_job(job, show, output.print_job))
    try:
        import publisher.scale.cluster as cluster
    except ImportError as error:
        raise UsageError(f"--executor needs datatrove ({error}). pip install datatrove.") from error
    if not options.executor.startswith("slurm"):
        return _report(options, cluster.publish_on_ray(job, show))
    output.print_result(options, f"submitted: job {cluster.submit(job)} commits when all files are uploaded")
    return 0


def _check_workers(job: Job) -> None:
    if issubclass(job.builder, datasets.ArrowBasedBuilder):
        why = "a config of this one has a single shard"
    else:
        why = "a builder that yields examples prepares a config in one go, since one shard may depend on another"
    if job.options.executor and len(job.parts) < len(job.tasks):
        raise UsageError(f"--executor is for builders of tables in shards, and {why}. Leave it out.")
    if (job.options.workers or 1) > 1 and len(job.tasks) < 2 and not (job.parts or job.faults):
        workers.notes.info("note: --workers %s has no effect, because %s", job.options.workers, why)


def _write_folder(job: Job, target: Path) -> int:
    with last_word(CONTINUES), output.replaced_folder(target) as folder:
        dataset = job.prepare(partial(_prepare_in, folder, job.notes))
        files = output.complete_folder(dataset, folder, job.options.repo_id)
    job.notes.clear()
    names = choose_configs(job.builder, job.options.config)
    output.print_folder(files, target, names, default_config(job.builder))
    return 0


def _prepare_in(folder: Path, notes: Notes, task: Task) -> Prepared:
    # a part goes below the repository's folder at once, a whole config where it is noted
    return task.prepare(folder) if isinstance(task, FilePart) else notes.prepare(task)


def _write_preview(job: Job, target: Path) -> int:
    from publisher.card.preview import check_preview, render  # loads a Markdown parser

    check_preview(target)
    folder = job.notes.temporary
    output.complete_folder(job.prepare(partial(expect, folder)), folder, job.options.repo_id)
    page = render(folder, job.options.repo_id).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(page)
    say(f"Wrote {target}, {len(page):,} bytes. To look at it, open {target.resolve().as_uri()}")
    return 0


def _report(options: Options, outcome: Outcome, result: str = "") -> int:
    if outcome.differences:
        result = "differs from what is wanted"
    elif options.dry_run:
        output.print_plan(options, outcome)
        result = "nothing to do" if outcome.commit and not outcome.new_branch else "dry run: nothing was changed"
    elif not result:
        made = "created the branch" if outcome.new_branch else "nothing to do"
        result = f"{options.done} and verified" if outcome.plan.steps else made
        if outcome.meanwhile:
            result = f"nothing to do and verified: the same was published meanwhile, {'; '.join(outcome.meanwhile)},"
        result += f", tagged {options.tag}" if options.tag else ""
    output.print_result(options, result, outcome)
    if outcome.differences and options.traceback:
        workers.notes.info("no traceback: no code failed, and the lines above say what differs")
    return DifferenceError.exit_code if outcome.differences else 0


class Parser(argparse.ArgumentParser):
    """Raises an error in one sentence if the arguments are wrong, and leaves defaults to `Options`."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(argument_default=argparse.SUPPRESS, allow_abbrev=False, **keywords)
        self.group = cache(self.add_argument_group)  # by its title

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message.rstrip('.')}. See {self.prog} --help.")

    def add_option(self, name: str, help_: str, value: str = "", group: str = "which dataset") -> None:
        """Add an option; `value` names what a user gives, with `...` if it may be repeated."""
        keywords: dict[str, Any] = {"action": "store_true"}
        if value:
            action = "append" if value.endswith("...") else "store"
            keywords = {"action": action, "metavar": value.removesuffix("..."), "type": TYPES.get(value)}
        self.group(group).add_argument(f"--{name.replace('_', '-')}", help=help_.replace("%", "%%"), **keywords)


def make_parser(builder: BuilderClass, repo_id: str | None, prog: str | None = None) -> Parser:
    """The parser of the command for a builder, and the repository that its dataset belongs in; None for a script."""
    parser = Parser(prog=prog, description=DESCRIPTION, epilog=EXIT_CODES)
    default = f" (default: {repo_id}; required with --set and other parameters)" if repo_id else ""
    parser.add_argument("repo_id", metavar="REPO_ID", nargs="?" if repo_id else None, help=f"namespace/name{default}")
    for name, option in OPTIONS.items():
        names = ": " + ", ".join(map(str, declared_configs(builder))) if name == "config" else ""
        shown = option.metadata
        parser.add_option(name, shown["help"] + names, shown["value"], shown["group"])
    for own in _own_options(builder):
        parser.add_option(own.name, own.metadata["help"], "NAME")
    parser.add_option("set", "set a parameter in all configs, and say so in the card; may be repeated", "NAME=VALUE...")
    text = "folder of the files that this dataset needs and does not download"
    parser.add_option("data_dir", argparse.SUPPRESS if repo_id else text, "DIR")
    for name, value in FORMER.items():
        parser.add_option(name, argparse.SUPPRESS, value)
    if not repo_id:
        text = "Jinja template for the card's text, instead of one that shows what the builder says of itself"
        parser.add_option("card", text, "FILE.md.jinja")
    return parser


def read_options(given: dict[str, Any], builder: BuilderClass, home: str | None, source: str) -> Options:
    """Make `Options` of what the user gave; `home` is the repository of the unchanged dataset, `source` of a script."""
    for mode in filter(given.get, MODES):
        for name in given.keys() - {mode, "repo_id", "script", "trust_remote_code"}:
            if mode not in (OPTIONS[name].metadata["modes"] if name in OPTIONS else BUILDS):
                names = [f"--{word.replace('_', '-')}" for word in (name, mode)]
                raise UsageError(f"{names[0]} has no meaning with {names[1]}. Leave one of them out.")
    overrides = read_settings("--set", given.get("set", ()))
    if taken := LIBRARY_KEYWORDS & overrides.keys():
        raise UsageError(f"--set {min(taken)} is not allowed. Give a parameter of the dataset.")
    own = {field.name: given[field.name] for field in _own_options(builder) if field.name in given}
    if twice := own.keys() & overrides.keys():
        raise UsageError(f"--{min(twice)} and --set {min(twice)} say the same. Leave one of them out.")
    overrides |= own
    uses_no_hub = "output_dir" in given or "preview" in given
    if "repo_id" not in given and overrides and not uses_no_hub:
        raise UsageError(f"These parameters make a dataset other than {home}. Give it a repository, namespace/name.")
    if (folder := given.get("data_dir")) is not None:
        if not folder.is_dir():
            raise UsageError(f"--data-dir {folder} does not exist. Give a folder.")
        overrides["data_dir"] = str(folder.resolve())
    if extra := given.get("executor_option"):
        if "executor" not in given:
            raise UsageError("--executor-option has no meaning without --executor. Leave it out.")
        given["executor"] += ("," if ":" in given["executor"] else ":") + ",".join(extra)
    if given.get("rollback"):
        given.setdefault("message", f"Back to {given['rollback']}")
    chosen = {name: value for name, value in given.items() if name in OPTIONS}
    options = Options(given.get("repo_id") or home or "", overrides, source, **chosen)
    options.check()
    if not uses_no_hub:
        check_surroundings()
    return options


def _own_options(builder: BuilderClass) -> list[Field[Any]]:
    """Fields that the builder's config class adds with a text under "help" in their metadata."""
    return [field for field in fields(builder.BUILDER_CONFIG_CLASS) if "help" in field.metadata]


def _count(number: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,5}", number):
        raise argparse.ArgumentTypeError(f"{number!r} is not allowed. Give a number from 1 to 999999")
    return int(number)


def _folder(name: str) -> Path:
    if not name:  # an unset variable of a shell
        raise argparse.ArgumentTypeError("'' is the current folder. Give the name of a folder")
    if Path(name).is_file():
        raise argparse.ArgumentTypeError(f"{name!r} is a file. Give a folder")
    return Path(name)


TYPES: dict[str, Any] = {"N": _count, "DIR": _folder, "FILE.html": Path, "FILE.md.jinja": Path}
