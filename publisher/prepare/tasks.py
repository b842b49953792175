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
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from publisher.prepare.configs import METADATA_KEY, Prepared, PreparedConfig, describe_builder, is_unordered
from publisher.prepare.datasets_compat import forget_undated, generate_tables, split_generators
from publisher.prepare.rows import RowsDigest, row_digests

SPLITS = ("train", "validation", "test")
Keep = Callable[[LocalFile], DataFile]


@dataclass(frozen=True)
class ConfigBuilder:
    """A config of a builder."""

    builder_class: type[datasets.DatasetBuilder]
    name: str  # of the config
    overrides: Mapping[str, Any]  # keywords for the builder
    work_folder: Path  # downloads are kept in a folder of it
    temporary: Path  # for caches of builders, and for archives, which are extracted once for all configs of a run
    fetched: list[str] = field(default_factory=list, init=False)  # addresses and paths, as the builder asked for them
    media: dict[str, str] = field(default_factory=dict, init=False)  # examples of paths of media in text, by column
    notes: list[str] = field(default_factory=list, init=False)  # on rows that were written

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
                    next(generate_tables(self.builder, gen_kwargs, {}), None)
            features = self.builder.info.features
            if features is not None:
                prepare.check_features(features)
                return features
        raise UsageError(f"config {self.name!r} declares no features, and has no rows to infer them from. Declare them")

    def write(
        self, root: Path, path: str, split: str, shards: tuple[int, int] | None = None
    ) -> Iterator[tuple[LocalFile, RowsDigest]]:
        """Write the rows of a split, or of its shards from one to another, see `parquet.write_files`."""
        gen_kwargs = _some_shards(self.splits[split], *shards) if shards else self.splits[split]
        metadata = {METADATA_KEY: json.dumps(describe_builder(self.builder))}
        private = (self.cache, self.temporary, self.work_folder, self.builder.config.data_dir)
        given = [Path(folder) for folder in private if folder]
        folders = {*(folder.absolute() for folder in given), *(folder.resolve() for folder in given)}
        with self.errors(split):
            noted: dict[str, str] = {}
            tables = generate_tables(self.builder, gen_kwargs, noted)
            if not shards:  # else features that are not declared are those of the first split, whoever writes the part
                tables = chain(list(islice(tables, 1)), tables)  # the features are known then
            writing = parquet.Writing(self.features, root, metadata, folders, self.media)
            yield from parquet.write_files(tables, root / path, writing, parquet.LARGEST if shards else 1)
        self.notes.extend(f"config {self.name!r}, split {split!r}, {note}" for note in noted.values())

    def describe(self, files: Mapping[str, Sequence[DataFile]], digests: Any = None) -> Prepared:
        """Describe files with what the builder says of them now; without `digests` they are a part of the config."""
        info, note = self.builder.info.copy(), configs.default_note(self.builder_class)
        info.features, info.config_name = self.features, self.name
        return Prepared(
            files=files,
            info=info,
            digests=digests or {},
            provenance=describe_builder(self.builder),
            folder=self.folder,
            inputs=self.fetched_paths,
            in_parts=digests is None,
            notes=(*filter(None, [note]), *self.notes, *parquet.notes_on_media(self.name, self.media)),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.builder_class, self.name, self.overrides, self.work_folder, self.temporary)
        return ConfigBuilder, fields, {"media": self.media}  # without the rest of what was made of it


@dataclass(frozen=True)
class WholeConfig:
    """A config that is prepared at once, split by split."""

    source: ConfigBuilder
    kind: ClassVar[str] = "configs"
    unit: ClassVar[str] = " configs"
    amount: ClassVar[int] = 1

    @property
    def key(self) -> str:
        """Text by which it is known from run to run."""
        return self.source.name

    def prepare(self, root: Path, keep: Keep | None = None) -> Prepared:
        """Write all splits below the repository's folder `root`, where they stay."""
        source, files, digests = self.source, {}, {}
        for split in source.splits:
            written = list(source.write(root, f"{source.folder}/{split}.parquet", split))
            files[split] = _named(source, split, [file for file, _ in written])
            digests[split] = written[-1][1].numbers()
        shutil.rmtree(source.cache, ignore_errors=True)
        return source.describe(files, digests)


@dataclass(frozen=True)
class FilePart:
    """Some shards of a split in a row, which are one file if they are like the first and the last one."""

    source: ConfigBuilder
    split: str
    shards: tuple[int, int]  # the first one, and the one after the last
    expected: DataFile  # from the first and the last shard of the split
    key: str  # by which it is known from run to run: its path, and a digest of the rows of those two shards
    kind: ClassVar[str] = "files"
    unit: ClassVar[str] = " rows"

    @property
    def amount(self) -> int:
        """Rows of the file, as expected."""
        return self.expected.rows or 0

    def prepare(self, root: Path, keep: Keep | None = None) -> Prepared:
        """Write the files below the repository's folder `root`, under temporary names; `keep` gets each at once."""
        written = self.source.write(root, self.expected.path, self.split, self.shards)
        return self.source.describe({self.split: [keep(file) if keep else file for file, _ in written]})


Task = WholeConfig | FilePart


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
        files = defaultdict[str, list[Any]](list)
        for split, of_split in chain.from_iterable(result.files.items() for result in results):
            files[split] += of_split
        source = of_config[0].source
        named = {split: _named(source, split, of_split) for split, of_split in files.items()}
        configs.add_numbers(results[0].info, named)
        made = {**vars(results[0]), "files": named, "builder_config": source.builder.config}
        assembled.append(PreparedConfig(**made))
    return assembled


def _named(source: ConfigBuilder, split: str, files: Sequence[DataFile]) -> list[DataFile]:
    """Give the files of a split their names, as their number is known."""
    if not any(file.rows for file in files):
        raise UsageError(f"config {source.name!r}, split {split!r}: {prepare.NO_ROWS}")
    named = []
    for file, name in zip(files, parquet.file_names(split, len(files)), strict=True):
        renamed = replace(file, path=f"{source.folder}/{name}")
        if isinstance(renamed, LocalFile):
            renamed = replace(renamed, source=renamed.source.replace(renamed.source.with_name(name)))
        named.append(renamed)
    return named


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
        for table in generate_tables(source.builder, given, {}):
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
    for split, gen_kwargs in source.splits.items():
        shards = _count_shards(gen_kwargs) or 1
        first = _draw_shard(source, split, 0)
        last = _draw_shard(source, split, shards - 1) if shards > 1 else first
        sample = hashlib.sha256(f"{first.sha256} {last.sha256}".encode()).hexdigest()
        count = -(-shards // max(1, parquet.FILE_BYTES // max(first.size, last.size, 1)))
        bounds = [shards * index // count for index in range(count + 1)]
        for name, start, stop in zip(parquet.file_names(split, count), bounds[:-1], bounds[1:], strict=True):
            drawn = [first] * (stop - start - 1) + [first if stop < shards else last]
            expected = DataFile(f"{source.folder}/{name}", *add_up(drawn))
            parts.append(FilePart(source, split, (start, stop), expected, f"{expected.path} {sample}"))
    return parts


def _draw_shard(source: ConfigBuilder, split: str, shard: int) -> DataFile:
    """Describe a shard, all of its files together."""
    with tempfile.TemporaryDirectory() as folder:
        written = source.write(Path(folder), "shard.parquet", split, (shard, shard + 1))
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
