"""All of a publish: what is there is looked at, the tasks are drawn, one plan is shown, carried out and checked."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import datasets
import huggingface_hub

from publisher.card.compose import Card
from publisher.errors import ConfigsError, UsageError
from publisher.hub.client import Repository
from publisher.hub.endpoint import endpoint
from publisher.options import Options
from publisher.plan.plan import is_undecided
from publisher.plan.wanted import Dataset
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.configs import choose_configs, default_config, describe_builder
from publisher.prepare.files import KnownFile, LocalFile
from publisher.prepare.shards import FilePart
from publisher.prepare.tasks import Prepared, Task, assemble_configs, plan_tasks
from publisher.prepare.whole import WholeConfig
from publisher.publish import reconcile
from publisher.publish.outcome import Outcome, Show
from publisher.publish.start import Found, look, refuse_early, refuse_undecided
from publisher.scale.kept import Kept
from publisher.scale.pool import work_on
from publisher.scale.progress import said_if_long, waiting
from publisher.scale.uploads import Uploads

NONE: Mapping[str, Any] = MappingProxyType({})

Work = Callable[[Task], Prepared]


@dataclass(frozen=True)
class Job:
    """A dataset that is to be published, or written, and where what is done of it is remembered."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    options: Options
    tasks: Sequence[Task]
    uploads: Uploads
    kept: Kept
    faults: dict[str, UsageError] | None = None  # by config, while the others go on; None: the first stops all

    @property
    def parts(self) -> list[FilePart]:
        """The tasks that are files of their own."""
        return [task for task in self.tasks if isinstance(task, FilePart)]

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder for a repository, with room beside it for what is prepared; what is kept is in use."""
        with tempfile.TemporaryDirectory() as folder, self.kept.in_use():
            root = Path(folder, "repository")
            root.mkdir()
            yield root

    def draw(self, work: Work, workers: int = 1, afresh: bool = False) -> Dataset:
        """The dataset after work on each task; what it writes has to be kept as long as the dataset is used.

        Configs that an earlier run made are taken as they are, unless all is to be drawn `afresh`.
        """
        drawn = {} if afresh else self.recall()
        rest = [task for task in self.tasks if id(task) not in drawn]
        return self.complete(drawn | self.work(rest, work, workers, len(drawn)))

    def recall(self) -> dict[int, Prepared]:
        """The configs that an earlier run made and kept, by the id of their task."""
        found = {id(task): self.kept.find(task) for task in self.tasks if isinstance(task, WholeConfig)}
        drawn: dict[int, Prepared] = {task: built for task, built in found.items() if built}
        if drawn:
            waiting.warning("taken from an earlier run: %d of %d configs", len(drawn), len(found))
        return drawn

    def work(self, tasks: Sequence[Task], work: Work, workers: int, done: int) -> dict[int, Prepared]:
        """What becomes of tasks, by their id.

        Raises
        ------
        UsageError
            If any config is at fault: at once, or when all others are made.
        """
        results = work_on(tasks, work, workers, done, self.faults)
        if self.faults:
            raise ConfigsError(self.faults, len(self.faults.keys() | {task.name for task in self.tasks}))
        return dict(zip(map(id, tasks), results, strict=True))

    def complete(self, drawn: Mapping[int, Prepared]) -> Dataset:
        """The dataset from what became of each task."""
        return Dataset(self.builder, self.card, assemble_configs(self.tasks, [drawn[id(task)] for task in self.tasks]))

    def begin(self, show: Show | None = None) -> tuple[Found, list[FilePart]]:
        """Look, refuse early, make ready for uploads; what was found, and the parts that are still to be uploaded.

        If a card of somebody else is neither to be kept nor overwritten, that is refused; `show` gets the plan before.
        """
        found = look(self.options)
        builders = {id(task.source): task.source.builder for task in self.tasks}.values()
        made = [(builder.config, describe_builder(builder)) for builder in builders]
        refuse_early(self.builder, made, self.options, found)
        if show and found.state and is_undecided(self.card, self.options, found.state):
            with self.workplace() as root:
                dataset = self.draw(partial(expect_task, self.kept, root))
                reconcile.publish(dataset, self.options, found, show)
        refuse_undecided(self.card, self.options, found)
        if not self.parts:
            return found, []
        if found.state is None:
            Repository(self.options.repo_id).create(self.options.private)
            found = look(self.options)
        return found, self.uploads.start(self.parts)

    def publish(self, workers: int, show: Show, say: Callable[[Job, Sequence[FilePart]], object]) -> Outcome:
        """Do all of it; `say` is called with the parts that are still to be uploaded, `show` with each plan."""
        found, missing = self.begin(show)
        if self.parts:
            say(self, missing)
        with self.workplace() as root:
            drawn = self.recall()
            paths = {part.path for part in missing}
            to_do = [
                task
                for task in self.tasks
                if (task.path in paths if isinstance(task, FilePart) else id(task) not in drawn)
            ]
            done = sum(task.amount for task in self.tasks) - sum(task.amount for task in to_do)
            try:
                drawn |= self.work(to_do, partial(_upload, self.uploads, self.kept, root), workers, done)
            finally:
                if self.parts:
                    self.uploads.remove_unfinished()
            outcome = self.finish(found, show, drawn)
            self.kept.clear()
            return outcome

    def finish(self, found: Found, show: Show, drawn: Mapping[int, Prepared] = MappingProxyType({})) -> Outcome:
        """Make all of it visible; parts that are missing, or were lost, are uploaded before."""
        if self.parts:
            self.uploads.forget_lost(self.parts)
        complete = {**drawn, **{id(part): self.uploads.add(part) for part in self.parts}}
        return reconcile.publish(self.complete(complete), self.options, found, show)


def make_job(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    options: Options,
    configs: Sequence[str],
    overrides: Mapping[str, Any],
    work_dir: Path | None,
    keep_going: bool = False,
) -> Job:
    """The job for a builder; of a config in shards, two shards of each split are drawn to know its files.

    The parameters are those of `publish`; to `keep_going` is to make all other configs before those that cannot be made
    are complained of.
    """
    sources = [ConfigBuilder(builder, name, overrides) for name in choose_configs(builder, configs)]
    folder = _folder(work_dir or default_root(), options.repo_id, builder, overrides).absolute()
    uploads = Uploads(options.repo_id, options.create_pr, folder)
    faults: dict[str, UsageError] | None = {} if keep_going else None
    with said_if_long(lambda: "looking at the splits"):
        tasks = plan_tasks(sources, default_config(builder), faults)
    return Job(builder, card, options, tasks, uploads, Kept(folder), faults)


def publish(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    repo_id: str,
    *,
    configs: Sequence[str] = (),
    overrides: Mapping[str, Any] = NONE,
    workers: int = 1,
    work_dir: Path | None = None,
    show: Show = lambda outcome: None,
    **options: Any,
) -> Outcome:
    """Publish a builder's configs and their card in one commit, that is checked; the command as a function.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    repo_id : str
        `namespace/name`.
    configs : sequence of str, optional
        Their names; by default all. The others are left as they are.
    overrides : mapping of str to object, optional
        What the builder gets beside the name of the config.
    workers : int, optional
        Processes that draw, and upload.
    work_dir : Path, optional
        Where uploads are remembered; by default `publish` below HF_HOME.
    show : callable, optional
        Called with each plan, as an `Outcome`, before it is carried out.
    **options
        More fields of `Options`: revision, private, create_pr, tag, message, overwrite_card, keep_card,
        replace_dataset, rewrite, adopt.

    Returns
    -------
    Outcome
        Its `commit`, its `plan`, and in `differences` a sentence for whatever was found to differ afterwards.

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
    aim = Options(repo_id, config=tuple(configs), **options)
    return make_job(builder, card, aim, configs, overrides, work_dir).publish(workers, show, lambda *_: None)


def draw_task(kept: Kept, root: Path, task: Task) -> Prepared:
    """Draw a task: a part below the repository's folder, a whole where it is kept."""
    return list(task.draw(root)) if isinstance(task, FilePart) else kept.draw(task, root)


def expect_task(kept: Kept, root: Path, task: Task) -> Prepared:
    """What is known of a task without drawing it; a whole has to be drawn."""
    return [task.expected] if isinstance(task, FilePart) else kept.draw(task, root)


def describe_task(root: Path, task: Task) -> Prepared:
    """What a task is like; a part is drawn, and not kept."""
    return list(map(_drop, task.draw(root))) if isinstance(task, FilePart) else task.draw(root)


def _drop(file: LocalFile) -> KnownFile:
    file.source.unlink()
    return KnownFile(file.path, file.size, file.rows, file.nbytes, file.sha256, file.values)


def _upload(uploads: Uploads, kept: Kept, root: Path, task: Task) -> Prepared:
    return uploads.add(task) if isinstance(task, FilePart) else kept.draw(task, root)


def _folder(root: Path, repo_id: str, builder: type[datasets.DatasetBuilder], overrides: Mapping[str, Any]) -> Path:
    """The folder, below `root`, of all jobs for the same repository; what is remembered there says what it is of."""
    key = {
        "hub": endpoint(),
        "builder": f"{builder.__module__}.{builder.__qualname__}",
        "overrides": {name: repr(value) for name, value in overrides.items()},
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return root / f"{repo_id.replace('/', '--')}-{digest[:12]}"


def default_root() -> Path:
    """Where jobs are remembered if nobody says so: beside the other caches."""
    return Path(huggingface_hub.constants.HF_HOME, "publish")
