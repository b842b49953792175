"""All of a publish: what is there is looked at, the pieces are drawn, one plan is shown, carried out and checked."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import datasets
import huggingface_hub

from publisher.build.configs import choose_configs, default_config, describe_builder
from publisher.build.files import KnownFile, LocalFile
from publisher.build.pieces import Drawn, Piece, plan_pieces, put_together
from publisher.build.shards import Part
from publisher.build.source import Source
from publisher.card.compose import Card
from publisher.hub.client import Repository
from publisher.hub.endpoint import endpoint
from publisher.plan.target import Target
from publisher.plan.wanted import Dataset
from publisher.publishing import reconcile
from publisher.publishing.reconcile import Found, Outcome, Show, look, refuse_early
from publisher.scale.pool import work_on
from publisher.scale.uploads import Uploads

NONE: Mapping[str, Any] = MappingProxyType({})

Work = Callable[[Piece], Drawn]


@dataclass(frozen=True)
class Job:
    """A dataset that is to be published, or written, and where its uploads are remembered."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    target: Target
    pieces: Sequence[Piece]
    uploads: Uploads

    @property
    def parts(self) -> list[Part]:
        """The pieces that are files of their own."""
        return [piece for piece in self.pieces if isinstance(piece, Part)]

    def draw(self, work: Work, workers: int = 1) -> Dataset:
        """The dataset after work on each piece; what it writes has to be kept as long as the dataset is used."""
        return self.complete(work_on(self.pieces, work, workers))

    def complete(self, drawn: Sequence[Drawn]) -> Dataset:
        """The dataset from what became of each piece."""
        return Dataset(self.builder, self.card, put_together(self.pieces, drawn))

    def begin(self) -> tuple[Found, list[Part]]:
        """Look, refuse early, make ready for uploads; what was found, and the parts that are still to be uploaded."""
        found = look(self.target)
        builders = {id(piece.source): piece.source.builder for piece in self.pieces}.values()
        made = [(builder.config, describe_builder(builder)) for builder in builders]
        refuse_early(self.builder, made, self.target, found)
        if not self.parts:
            return found, []
        if found.state is None:
            Repository(self.target.repo_id).create(self.target.private)
            found = look(self.target)
        return found, self.uploads.start(self.parts)

    def publish(self, workers: int, show: Show, say: Callable[[Job, Sequence[Part]], object]) -> Outcome:
        """Do all of it; `say` is called with the parts that are still to be uploaded, `show` with each plan."""
        found, waiting = self.begin()
        if self.parts:
            say(self, waiting)
        missing = {part.path for part in waiting}
        to_do = [piece for piece in self.pieces if not isinstance(piece, Part) or piece.path in missing]
        done = sum(part.amount for part in self.parts) - sum(part.amount for part in waiting)
        with tempfile.TemporaryDirectory() as folder:
            try:
                drawn = work_on(to_do, partial(_upload, self.uploads, root_in(folder)), workers, done)
            finally:
                if self.parts:
                    self.uploads.remove_unfinished()
            return self.finish(found, show, dict(zip(map(id, to_do), drawn, strict=True)))

    def finish(self, found: Found, show: Show, drawn: Mapping[int, Drawn] = MappingProxyType({})) -> Outcome:
        """Make all of it visible; parts that are missing, or were lost, are uploaded before."""
        if self.parts:
            self.uploads.forget_lost(self.parts)
        complete = [self.uploads.add(piece) if isinstance(piece, Part) else drawn[id(piece)] for piece in self.pieces]
        return reconcile.publish(self.complete(complete), self.target, found, show)


def make_job(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    target: Target,
    configs: Sequence[str] = (),
    overrides: Mapping[str, Any] = NONE,
    work_dir: Path | None = None,
) -> Job:
    """The job for a builder; of a config in shards, two shards of each split are drawn to know its files.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    target : Target
    configs : sequence of str, optional
        Their names; by default all.
    overrides : mapping of str to object, optional
        What the builder gets beside the name of the config.
    work_dir : Path, optional
        Where uploads are remembered.
    """
    sources = [Source(builder, name, overrides) for name in choose_configs(builder, configs)]
    folder = _folder(work_dir or default_root(), target.repo_id, builder, overrides)
    uploads = Uploads(target.repo_id, target.create_pr, folder.absolute())
    return Job(builder, card, target, plan_pieces(sources, default_config(builder)), uploads)


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
    **target: Any,
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
    **target
        More fields of `Target`: revision, private, create_pr, tag, message, overwrite_card, replace_dataset,
        rewrite.

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
    aim = Target(repo_id, leave_other_configs=bool(configs), **target)
    return make_job(builder, card, aim, configs, overrides, work_dir).publish(workers, show, lambda *_: None)


def draw_piece(root: Path, piece: Piece) -> Drawn:
    """Draw a piece below the repository's folder."""
    return list(piece.draw(root)) if isinstance(piece, Part) else piece.draw(root)


def expect_piece(root: Path, piece: Piece) -> Drawn:
    """What is known of a piece without drawing it; a whole has to be drawn."""
    return [piece.expected] if isinstance(piece, Part) else piece.draw(root)


def describe_piece(root: Path, piece: Piece) -> Drawn:
    """What a piece is like; a part is drawn, and not kept."""
    return list(map(_drop, piece.draw(root))) if isinstance(piece, Part) else piece.draw(root)


def _drop(file: LocalFile) -> KnownFile:
    file.source.unlink()
    return KnownFile(file.path, file.size, file.rows, file.nbytes, file.sha256, file.values)


def root_in(folder: str | Path) -> Path:
    """An empty folder for a repository, with room beside it for what is prepared on the way."""
    root = Path(folder, "repository")
    root.mkdir()
    return root


def _upload(uploads: Uploads, root: Path, piece: Piece) -> Drawn:
    return uploads.add(piece) if isinstance(piece, Part) else piece.draw(root)


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
