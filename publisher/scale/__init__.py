"""The flow of every command: plan the tasks, look at the Hub, prepare and upload, then one commit that is checked."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, redirect_stdout, suppress
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import datasets
from filelock import BaseFileLock, FileLock, Timeout

from publisher.card import Card, Dataset
from publisher.errors import ConfigsError, UsageError, endpoint, last_word
from publisher.hub.http import repeated
from publisher.hub.repository import Repository
from publisher.options import MODES, Options
from publisher.plan import describe_mismatch
from publisher.prepare import DataFile, LocalFile, UploadedFile
from publisher.prepare.configs import Prepared, describe_builder
from publisher.prepare.tasks import FilePart, Task, assemble_configs, plan_tasks
from publisher.publish import Found, Outcome, Show, look, plan_from, refuse_edited, refuse_other
from publisher.publish import publish as publish_prepared
from publisher.scale.workers import FIRST_LINE_AFTER_S, LINE_EVERY_S, calls_for, progress
from publisher.scale.workers import notes as log

CONTINUES = "Interrupted. Nothing is half done. Run the command again; --resume takes up what is finished."
FINISHED = "finished"  # folder with one for each task, with its files and a note once it is finished
NOTE = "note.json"
CLUSTER = "cluster"  # folder of a job on a cluster, and its logs
# Options that do not matter to what is made; a refusal of an edited card asks for one of the last two
HOW = ("resume", "workers", "work_dir", "executor", "traceback", "json", "keep_card", "overwrite_card")
UNKNOWN_PARAMETER = re.compile(r"BuilderConfig .* doesn't have a '(\w+)' key\.", re.DOTALL)  # of datasets


@dataclass(frozen=True)
class Job:
    """A dataset that is published, written or compared, as tasks."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    options: Options
    tasks: Sequence[Task]
    notes: Notes
    faults: dict[str, UsageError] = field(default_factory=dict)  # by config

    @property
    def parts(self) -> list[FilePart]:
        """The tasks that are single files."""
        return [task for task in self.tasks if isinstance(task, FilePart)]

    def prepare(self, work: Callable[[Task], Prepared]) -> Dataset:
        """Work on each task that is not finished, in `options.workers` processes.

        If any config is at fault, a UsageError is raised after all others were prepared.
        """
        results = {index: found for index, task in enumerate(self.tasks) if (found := self.notes.find(task))}
        left = {index: task for index, task in enumerate(self.tasks) if index not in results}
        done, workers = sum(self.tasks[index].amount for index in results), self.options.workers or 1
        with (
            redirect_stdout(sys.stderr),  # for what a script prints
            progress(self.tasks, done, workers) as bar,
            closing(calls_for(left, work, workers)) as calls,
        ):
            for index, call in calls:
                bar.set_description(left[index].source.name, refresh=False)
                try:
                    results[index] = call()
                except UsageError as error:
                    self.faults.setdefault(left[index].source.name, error)
                bar.update(left[index].amount)
        self.check()
        configs = assemble_configs(self.tasks, [results[index] for index in range(len(self.tasks))])
        return Dataset(self.builder, self.card, configs)

    def check(self) -> None:
        """Raise what is wrong with configs: all of it, or the one sentence if there is only one config."""
        names = self.faults.keys() | {task.source.name for task in self.tasks}
        if self.faults:
            raise ConfigsError(self.faults, len(names)) if len(names) > 1 else next(iter(self.faults.values()))


def make_job(builder: type[datasets.DatasetBuilder], card: Card, options: Options, notes: Notes) -> Job:
    """Plan the tasks of a dataset; of a config in shards, this prepares two shards of each split to know its files."""
    faults: dict[str, UsageError] = {}
    temporary = Path(tempfile.mkdtemp(dir=notes.temporary))
    say = partial(log.warning, "looking at the splits, for %.0f s so far")
    try:
        with repeated(FIRST_LINE_AFTER_S, LINE_EVERY_S, say), redirect_stdout(sys.stderr):  # for what a script prints
            tasks = plan_tasks(builder, options, temporary, faults)
    except (TypeError, ValueError) as error:
        if not options.overrides:
            raise
        sentence = str(error)  # what the builder says of them
        if unknown := UNKNOWN_PARAMETER.fullmatch(sentence):  # it shows the whole config
            common = {field.name for field in fields(datasets.BuilderConfig)}
            names = [field.name for field in fields(builder.BUILDER_CONFIG_CLASS) if field.name not in common]
            todo = f"Give one of {', '.join(names)}." if names else "This dataset has none. Leave it out."
            sentence = f"--set: {unknown[1]} is not a parameter. {todo}"
        raise UsageError(sentence) from error
    if options.resume:
        wanted = Counter(task.kind for task in tasks)
        finished = Counter(task.kind for task in tasks if notes.find(task))
        log.info("resumed: %s", ", ".join(f"{finished[kind]} of {wanted[kind]} {kind}" for kind in sorted(wanted)))
    return Job(builder, card, options, tasks, notes, faults)


def publish(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    repo_id: str,
    *,
    show: Show = lambda outcome: None,
    **options: Any,
) -> Outcome:
    """Publish a builder's configs and their card in one commit that is checked: the command as a function.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    repo_id : str
        `namespace/name`.
    show : callable, optional
        Called with each plan, as an `Outcome`, before it is carried out.
    **options
        Fields of `publisher.options.Options`, named as the options of the command: `config`, `overrides`, `revision`,
        `create_pr`, `tag`, `workers` and so on; not those that say what to do instead of publishing.

    Returns
    -------
    Outcome
        Its `commit`, its `plan`, and in `differences` a sentence for each difference that was found afterwards.

    Raises
    ------
    PublishingError
        DifferenceError, UsageError, HubError or WorkerError, each with one sentence.

    Examples
    --------
    >>> from card import CARD
    >>> from mnist1d import Mnist1D
    >>> outcome = publish(Mnist1D, CARD, "me/mnist1d", create_pr=True)  # doctest: +SKIP
    """
    if other := [name for name in (*MODES, "executor") if options.get(name)]:
        raise UsageError(f"{other[0]} is for the command: this function publishes. Leave it out, or call `main`.")
    given = Options(repo_id, **options)
    given.check()
    with closing(open_notes(builder, given)) as notes:
        return publish_job(make_job(builder, card, given, notes), show)


def publish_job(job: Job, show: Show, before: Callable[[Job, Sequence[FilePart]], object] = lambda *_: None) -> Outcome:
    """Look, refuse early, prepare and upload, commit, and look again.

    `before` gets the parts that are to be uploaded: to say how many there are, or to upload them elsewhere.
    """
    found, missing = begin(job, show)
    with last_word(CONTINUES):
        if job.parts:
            before(job, missing)
        dataset = job.prepare(job.notes.prepare)
        if job.parts and job.notes.forget_lost(job.parts):
            dataset = job.prepare(job.notes.prepare)
        outcome = publish_prepared(dataset, job.options, found, show)
    job.notes.clear()
    return outcome


def begin(job: Job, show: Show = lambda outcome: None) -> tuple[Found, list[FilePart]]:
    """Refuse what can be refused before anything is prepared, and make a repository for uploads.

    Returns what was found, and the parts to upload. `show` gets the plan before an edited card is refused.
    """
    found = look(job.options)
    builders = {id(task.source): task.source.builder for task in job.tasks}.values()
    made = [(builder.config, describe_builder(builder)) for builder in builders]
    if found.state:
        refuse_other(describe_mismatch(job.builder, made, found.state.record), job.options)
    if not job.parts:
        return found, []
    job.check()
    if found.state is None:
        Repository(job.options.repo_id).create(job.options.private)
        found = look(job.options)
    elif found.state.card.is_edited(job.card.fields) and not job.options.overwrite_card:
        outcome = plan_from(job.prepare(partial(expect, job.notes.temporary)), job.options, found)
        if outcome.plan.replaces_edited_card:
            show(outcome)
            refuse_edited(outcome.plan, job.options)
    return found, job.notes.forget_lost(job.parts)


def expect(root: Path, task: Task) -> Prepared:
    """Prepare a task for a plan: of a part, the expected file is enough."""
    if isinstance(task, FilePart):
        return task.source.describe({task.split: [task.expected]})
    return task.prepare(root)


def describe(root: Path, task: Task) -> Prepared:
    """Prepare a task for a comparison: the files of a part are not kept."""

    def forget(file: LocalFile) -> DataFile:
        file.source.unlink()
        return DataFile(file.path, file.size, file.rows, file.nbytes, file.sha256, file.rows_sha256)

    return task.prepare(root, forget)


# --- what a run keeps ------------------------------------------------------------------------------------------------
# Only `--resume` takes up what an interrupted run of the same command left in its folder; any other run empties it
# first, and a run that succeeds removes it.


@dataclass(frozen=True)
class Notes:
    """The folder of a command, and what is finished in it: for all processes."""

    folder: Path
    options: Options
    lock: BaseFileLock | None = None  # None: another run of the same command has it, or it belongs to a worker

    def __reduce__(self) -> tuple[Any, ...]:
        return Notes, (self.folder, self.options)

    @property
    def temporary(self) -> Path:
        """Folder for temporary files of the run."""
        return self.folder / "tmp"

    def close(self) -> None:
        """Remove the folder, except for what a later run may take up."""
        is_kept = self.lock and (any(self.folder.rglob(NOTE)) or (self.folder / CLUSTER).exists())
        unfinished = [folder for folder in self.folder.glob(f"{FINISHED}/*") if not (folder / NOTE).exists()]
        for folder in [self.temporary, *unfinished] if is_kept else [self.folder]:
            shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            if self.lock:
                Path(self.lock.lock_file).unlink(missing_ok=True)
                self.lock.release()
            self.folder.parent.rmdir()  # if it is empty

    def find(self, task: Task) -> Prepared | None:
        """The result of a task that this run or an earlier one finished; None if nothing is noted, or other files."""
        try:
            noted = json.loads(self._note(task).read_text(encoding="utf-8"))
            for files in noted["files"].values():
                files[:] = map(_noted_file, files)
                if not all(file.is_as_written for file in files if isinstance(file, LocalFile)):
                    return None
            return Prepared(**{**noted, "info": datasets.DatasetInfo.from_dict(noted["info"])})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def prepare(self, task: Task) -> Prepared:
        """Prepare a config, or prepare and upload a part, and note that."""
        note = self._note(task)
        root = note.with_name("repository")
        shutil.rmtree(note.parent, ignore_errors=True)
        root.mkdir(parents=True)
        prepared = task.prepare(root, self._upload)
        noted = asdict(prepared)
        noted["info"]["features"] = prepared.info.features.to_dict()  # `asdict` takes lists of labels for features
        text = json.dumps(noted, default=lambda value: value.hex() if isinstance(value, bytes) else str(value))
        note.write_text(text, encoding="utf-8")  # `find` takes none that was cut off
        return prepared

    def _upload(self, file: LocalFile) -> UploadedFile:
        uploaded = Repository(self.options.repo_id).upload(file, self.options.create_pr)
        file.source.unlink()
        return uploaded

    def forget_lost(self, parts: Sequence[FilePart]) -> list[FilePart]:
        """Forget uploads that the Hub has lost, as it may before a commit names them; return the parts without any."""
        files = [found.all_files if (found := self.find(part)) else [] for part in parts]
        uploaded = [file for of_part in files for file in of_part if isinstance(file, UploadedFile)]
        lost = Repository(self.options.repo_id).missing_uploads(uploaded)
        for part, of_part in zip(parts, files, strict=True):
            if any(file.path in lost for file in of_part):
                self._note(part).unlink(missing_ok=True)
        return [part for part in parts if self.find(part) is None]

    def clear(self) -> None:
        """Forget all: the run has succeeded."""
        shutil.rmtree(self.folder / FINISHED, ignore_errors=True)

    def _note(self, task: Task) -> Path:
        return self.folder / FINISHED / hashlib.sha256(task.key.encode()).hexdigest()[:16] / NOTE


def _noted_file(noted: dict[str, Any]) -> DataFile:
    if noted["source"]:
        return LocalFile(**{**noted, "source": Path(noted["source"])})
    return UploadedFile(**{**noted, "sample": bytes.fromhex(noted["sample"])})


def open_notes(builder: type[datasets.DatasetBuilder], options: Options) -> Notes:
    """Make the folder of a command for this run alone; a second run of the same command gets another."""
    chosen = {name: value for name, value in vars(options).items() if name not in HOW}
    what = (endpoint(), builder.__module__, builder.__qualname__, chosen)  # the same for the same command
    name = f"{options.repo_id.replace('/', '--')}-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}"
    root = options.work_folder
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(root / f"{name}.lock", thread_local=False)
        with suppress(Timeout):
            lock.acquire(timeout=0)
        is_first = lock.is_locked
        folder = root / name if is_first else Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-"))
        notes = Notes(folder, options, lock if is_first else None)
        shutil.rmtree(notes.temporary if options.resume else notes.folder, ignore_errors=True)
        changed = max(file.stat().st_mtime for file in Path(__file__).parents[1].rglob("*.py"))
        for note in [note for note in notes.folder.rglob(NOTE) if note.stat().st_mtime < changed]:
            shutil.rmtree(note.parent)  # the publisher itself may write other files now
        notes.temporary.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{root} cannot be written ({error.strerror}). Make room there, or give another --work-dir."
        ) from None
    return notes
