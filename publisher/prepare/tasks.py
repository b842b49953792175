"""Tasks: a config as a whole, or one file of a config in shards; and configs put together from what they prepared.

A ConfigBuilder is a config of a builder that any process can make again; in each it is made, and asked for its splits,
once.

The shards are those that `datasets` knows of a builder, the items of the lists in `gen_kwargs`; the builder is an
`ArrowBasedBuilder`. A part is one file: a few shards in a row; or several, if these shards are much larger than the
ones that were drawn to plan it. Its bytes are the same whichever process draws it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, ClassVar

import datasets

from publisher import prepare
from publisher.builders import sequences_of_dicts
from publisher.errors import UsageError
from publisher.options import Options
from publisher.prepare import DataFile, LocalFile, add_up, configs, parquet
from publisher.prepare.configs import METADATA_KEY, PreparedConfig, describe_builder, is_unordered
from publisher.prepare.datasets_compat import forget_undated, generate_tables, split_generators
from publisher.prepare.rows import RowsDigest, row_digests

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ConfigBuilder:
    """A config of a builder."""

    builder_class: type[datasets.DatasetBuilder]
    name: str  # of the config
    overrides: Mapping[str, Any]  # keywords for the builder
    work_folder: Path  # downloads are kept in a folder of it
    temporary: Path  # for caches of builders, and for archives, which are extracted once for all configs of a run
    fetched: list[str] = field(default_factory=list, init=False)  # addresses and paths, as the builder asked for them

    def errors(self, split: str = "", **passing: Any) -> AbstractContextManager[None]:
        """Turn what the builder raises into a sentence with the config, see `builder_errors`."""
        return prepare.builder_errors(self.builder_class, self.name, split, **passing)

    @cached_property
    def cache(self) -> Path:
        """The builder's own cache: the user's may hold rows that other code has prepared."""
        self.temporary.mkdir(parents=True, exist_ok=True)  # gone, where a task of a cluster runs
        return Path(tempfile.mkdtemp(dir=self.temporary))

    @cached_property
    def builder(self) -> datasets.DatasetBuilder:
        """The builder, with names that are plain text."""
        home = getattr(sys.modules.get(self.builder_class.__module__), "__file__", None)
        base = {"base_path": str(Path(home).parent)} if home else {}  # where relative paths of a script begin
        parameters = (ValueError,) if self.overrides else ()  # the builder's words on them are a sentence already
        with self.errors(passing=parameters), sequences_of_dicts():
            builder = self.builder_class(config_name=self.name, cache_dir=str(self.cache), **{**base, **self.overrides})
            if builder.info.features is not None:  # a script may declare a plain dict
                builder.info.features = prepare.plain_features(builder.info.features)
            return builder

    @property
    def folder(self) -> str:
        """Folder of the config's files in the repository."""
        return configs.data_folder(self.name, configs.default_config(self.builder_class))

    @property
    def fetched_paths(self) -> list[str]:
        """Addresses and paths that the builder has fetched; files next to the script by their path from there."""
        base = Path(self.builder.base_path or "")
        paths = {name: Path(os.path.normpath(name)) for name in self.fetched}  # as in `data/../a.csv`
        return sorted(
            path.relative_to(base).as_posix() if base in path.parents else name for name, path in paths.items()
        )

    @cached_property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """Split -> `gen_kwargs`. A builder that makes its rows one by one makes none here."""
        needed = getattr(self.builder, "manual_download_instructions", None)  # a property that a script may add
        if needed is not None and self.builder.config.data_dir is None:
            raise UsageError(
                f"config {self.name!r} needs files that you have to download yourself: {needed.strip()}: "
                "then give their folder as --data-dir, or declare it as `data_dir` of the config"
            )
        with self.errors(), sequences_of_dicts():
            generators = split_generators(self.builder, self.work_folder / "downloads", self.temporary, self.fetched)
        splits = [(str(split.name), split.gen_kwargs) for split in generators]
        configs.check_split_names(self.name, [name for name, _ in splits])
        if is_unordered(self.builder_class):  # type: ignore[arg-type]  # mypy takes classes for unhashable
            splits.sort(key=lambda split: (SPLITS.index(split[0]) if split[0] in SPLITS else len(SPLITS), split[0]))
        return dict(splits)

    @cached_property
    def features(self) -> datasets.Features:
        """The features: declared, or inferred from the first table as `datasets` does."""
        with self.errors():
            for gen_kwargs in self.splits.values():
                if self.builder.info.features is None:
                    next(generate_tables(self.builder, gen_kwargs), None)
            features = self.builder.info.features
            if features is not None:
                prepare.check_features(features)
                return features
        raise UsageError(f"config {self.name!r} declares no features, and has no rows to infer them from. Declare them")

    def write(
        self, root: Path, path: str, media: dict[str, str], split: str, shards: tuple[int, int] | None = None
    ) -> Iterator[tuple[LocalFile, RowsDigest]]:
        """Write the rows of a split, or of its shards from one to another, see `parquet.write_files`.

        `media` takes examples of paths of media in text, by column.
        """
        gen_kwargs = _some_shards(self.splits[split], *shards) if shards else self.splits[split]
        metadata = {METADATA_KEY: json.dumps(describe_builder(self.builder))}
        private = (self.cache, self.temporary, self.work_folder, self.builder.config.data_dir)
        folders = [Path(folder).absolute() for folder in private if folder]
        with self.errors(split):
            tables = generate_tables(self.builder, gen_kwargs)
            if not shards:  # else features that are not declared are those of the first split, whoever writes the part
                tables = chain(list(islice(tables, 1)), tables)  # the features are known then
            writing = parquet.Writing(self.features, root, metadata, folders, media)
            yield from parquet.write_files(tables, root / path, writing, parquet.LARGEST if shards else 1)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.builder_class, self.name, self.overrides, self.work_folder, self.temporary)
        return ConfigBuilder, fields  # without what was made of it


@dataclass(frozen=True)
class WholeConfig:
    """A config that is prepared at once, split by split."""

    source: ConfigBuilder
    unit: ClassVar[str] = " configs"
    amount: ClassVar[int] = 1

    def prepare(self, root: Path) -> PreparedConfig:
        """Write all splits below the repository's folder `root`."""
        source, media = self.source, dict[str, str]()
        files, digests = {}, {}
        for split in source.splits:
            written = list(source.write(root, f"{source.folder}/{split}.parquet", media, split))
            files[split] = [file for file, _ in written]
            digests[split] = written[-1][1].numbers() if written else {}
        prepared = _describe(source, files, media, digests)
        shutil.rmtree(source.cache, ignore_errors=True)
        return prepared


@dataclass(frozen=True)
class FilePart:
    """Some shards of a split in a row, which are one file if they are like the first and the last one."""

    source: ConfigBuilder
    split: str
    first: int  # of its shards
    stop: int
    expected: DataFile  # from the first and the last shard of the split
    fingerprint: str  # digest of the rows of those two shards
    media: dict[str, str]  # examples of paths of media in text, by column: of the whole config
    unit: ClassVar[str] = " rows"

    @property
    def amount(self) -> int:
        """Rows of the file, as expected."""
        return self.expected.rows or 0

    def prepare(self, root: Path) -> Iterator[LocalFile]:
        """Write the files below the repository's folder `root`, under temporary names, and yield each."""
        shards = (self.first, self.stop)
        return (file for file, _ in self.source.write(root, self.expected.path, self.media, self.split, shards))


Task = WholeConfig | FilePart
Prepared = PreparedConfig | Sequence[DataFile]  # what a task prepares: a whole, or a part


def plan_tasks(
    builder: type[datasets.DatasetBuilder], options: Options, temporary: Path, faults: dict[str, UsageError]
) -> list[Task]:
    """List the tasks of the configs that are wanted, in order; caches and archives go below the `temporary` folder.

    `faults` takes the errors of configs, while the other configs go on.
    """
    tasks: list[Task] = []
    forget_undated(options.work_folder / "downloads")
    names = configs.choose_configs(builder, options.config)
    sources = [ConfigBuilder(builder, name, options.overrides, options.work_folder, temporary) for name in names]
    if options.overrides:
        assert sources[0].builder  # an error in them is raised once, not for each config
    for source in sources:
        try:
            assert source.builder  # an error in it is of the plan
            tasks += _plan_parts(source) if _is_sharded(source) else [WholeConfig(source)]
        except UsageError as error:
            faults[source.name] = error
    return tasks


def assemble_configs(tasks: Sequence[Task], prepared: Sequence[Prepared]) -> list[PreparedConfig]:
    """Put together the configs that tasks belong to, from what each prepared."""
    assembled = []
    for _, group in groupby(zip(tasks, prepared, strict=True), key=lambda pair: id(pair[0].source)):
        of_config, results = zip(*group, strict=True)
        if isinstance(results[0], PreparedConfig):
            assembled.append(results[0])
            continue
        files: dict[str, list[DataFile]] = {}
        for part, of_part in zip(of_config, results, strict=True):
            files.setdefault(part.split, []).extend(of_part)
        assembled.append(_describe(of_config[0].source, files, of_config[0].media))
    return assembled


def _describe(
    source: ConfigBuilder,
    files: Mapping[str, Sequence[DataFile]],
    media: dict[str, str],
    digests: Mapping[str, Mapping[str, str]] | None = None,
) -> PreparedConfig:
    """Describe a config, and give its files their names, as their number is known; without `digests` it is in parts."""
    named: dict[str, list[DataFile]] = {}
    for split, of_split in files.items():
        if not any(file.rows for file in of_split):
            raise UsageError(f"config {source.name!r}, split {split!r}: {prepare.NO_ROWS}")
        named[split] = []
        for file, name in zip(of_split, parquet.file_names(split, len(of_split)), strict=True):
            renamed = replace(file, path=f"{source.folder}/{name}")
            if isinstance(renamed, LocalFile):
                renamed = replace(renamed, source=renamed.source.replace(renamed.source.with_name(name)))
            named[split].append(renamed)
    note = configs.default_note(source.builder_class)
    return PreparedConfig(
        source.builder.config,
        configs.describe_files(source.builder, source.features, named),
        digests or {},
        source.folder,
        named,
        describe_builder(source.builder),
        source.fetched_paths,
        in_parts=digests is None,
        notes=(*filter(None, [note]), *parquet.notes_on_media(source.name, media)),
    )


def _is_sharded(source: ConfigBuilder) -> bool:
    """Return True if a split of the config comes in more than one shard, which can be drawn one by one."""
    if not issubclass(source.builder_class, datasets.ArrowBasedBuilder):
        return False
    splits = source.splits.values()
    return any(map(_count_shards, splits)) and all(_divides(source, gen_kwargs) for gen_kwargs in splits)


def _divides(source: ConfigBuilder, gen_kwargs: Mapping[str, Any]) -> bool:
    """Return True if the first shard alone gives the rows that all of them begin with.

    Not every list is one of shards. A single list is taken for one unchecked, unless it holds texts that are not
    files: this prepares the first shard twice.
    """
    lists = [value for value in gen_kwargs.values() if isinstance(value, list)]
    words = [item for value in lists for item in value if isinstance(item, str)]
    are_files = all("://" in word or Path(word).exists() for word in words)
    if not _count_shards(gen_kwargs) or (len(lists) == 1 and are_files):
        return True

    def rows(given: Mapping[str, Any]) -> Iterator[bytes]:
        for table in generate_tables(source.builder, given):
            yield from row_digests(table, source.features)

    try:
        together = rows(gen_kwargs)
        return all(row == next(together, None) for row in rows(_some_shards(gen_kwargs, 0, 1)))
    except Exception:  # a builder that needs all of its list fails with a part of it; drawn as a whole, it may not
        return False


def _plan_parts(source: ConfigBuilder) -> list[FilePart]:
    """List the files of a config, of about `parquet.FILE_BYTES` each, in order.

    The first and the last shard of each split are drawn, each once, to know what the files will be like.
    """
    parts = []
    media: dict[str, str] = {}
    for split, gen_kwargs in source.splits.items():
        shards = _count_shards(gen_kwargs) or 1
        first = _draw_shard(source, split, 0, media)
        last = _draw_shard(source, split, shards - 1, media) if shards > 1 else first
        sample = hashlib.sha256(f"{first.sha256} {last.sha256}".encode()).hexdigest()
        count = -(-shards // max(1, parquet.FILE_BYTES // max(first.size, last.size, 1)))
        bounds = [shards * index // count for index in range(count + 1)]
        for name, start, stop in zip(parquet.file_names(split, count), bounds[:-1], bounds[1:], strict=True):
            drawn = [first] * (stop - start - 1) + [first if stop < shards else last]
            expected = DataFile(f"{source.folder}/{name}", *add_up(drawn))
            parts.append(FilePart(source, split, start, stop, expected, sample, media))
    return parts


def _draw_shard(source: ConfigBuilder, split: str, shard: int, media: dict[str, str]) -> DataFile:
    """Describe a shard, all of its files together."""
    with tempfile.TemporaryDirectory() as folder:
        written = source.write(Path(folder), "shard.parquet", media, split, (shard, shard + 1))
        files = [file for file, _ in written]
    digest = hashlib.sha256(" ".join(file.rows_sha256 for file in files).encode()).hexdigest()
    return DataFile("", *add_up(files), digest)


def _count_shards(gen_kwargs: Mapping[str, Any]) -> int:
    """Count the shards of a split as `datasets` divides them among processes; 0 if it is not made of several."""
    lengths = {len(value) for value in gen_kwargs.values() if isinstance(value, list)}
    return lengths.pop() if len(lengths) == 1 and lengths != {1} else 0  # lists of different lengths are not shards


def _some_shards(gen_kwargs: Mapping[str, Any], first: int, stop: int) -> dict[str, Any]:
    count = _count_shards(gen_kwargs)
    return {
        name: value[first:stop] if count and isinstance(value, list) else value for name, value in gen_kwargs.items()
    }
