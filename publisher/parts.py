"""A builder's configs, shard by shard -> Parquet files, each drawn by itself: for more than fits on one machine.

The shards are those that `datasets` knows of a builder, the items of the lists in `gen_kwargs`; the builder is an
`ArrowBasedBuilder`. A part is one file: a few shards in a row. Who draws it, when, and beside which others makes no
difference to its bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from publisher import parquet
from publisher.configs import METADATA_KEY, BuiltConfig, File, data_folder, describe_builder, describe_file
from publisher.parquet import file_names, write_file


@dataclass(frozen=True)
class Source:
    """A config of a builder, that any process can make."""

    builder: type[datasets.DatasetBuilder]
    config: str
    overrides: Mapping[str, Any]

    def make(self, cache_dir: str) -> datasets.DatasetBuilder:
        """The builder."""
        return self.builder(config_name=self.config, cache_dir=cache_dir, **self.overrides)


@dataclass(frozen=True)
class Part:
    """One file of a split."""

    source: Source
    split: str
    first: int  # of its shards
    stop: int
    expected: File  # from the first and the last shard of the split
    sample: str  # digest of these two: another if the code, or a library, draws or writes something else

    @property
    def path(self) -> str:
        """Of the file, below the repository's root."""
        return self.expected.path

    @property
    def rows(self) -> int:
        """Of the file, as expected."""
        return self.expected.rows or 0


def is_sharded(source: Source) -> bool:
    """Whether a split of the config comes in more than one shard."""
    with tempfile.TemporaryDirectory() as cache:
        builder = source.make(cache)
        return isinstance(builder, datasets.ArrowBasedBuilder) and any(
            split.shards > 1 for split in _splits(builder).values()
        )


def plan_parts(source: Source, default: str) -> list[Part]:
    """The files of a config, of about `parquet.FILE_BYTES` each, in order.

    Parameters
    ----------
    source : Source
    default : str
        Name of the builder's default config.
    """
    parts = []
    folder = data_folder(source.config, default)
    with tempfile.TemporaryDirectory() as cache:
        builder = source.make(cache)
        for split, read in _splits(builder).items():
            shards = read.shards
            first, last = (_draw_shard(builder, read, shard, Path(cache)) for shard in (0, shards - 1))
            sample = hashlib.sha256(f"{first.sha256} {last.sha256}".encode()).hexdigest()
            count = -(-shards // max(1, parquet.FILE_BYTES // first.size))
            bounds = [shards * index // count for index in range(count + 1)]
            for name, start, stop in zip(file_names(split, count), bounds[:-1], bounds[1:], strict=True):
                drawn = [first] * (stop - start - 1) + [first if stop < shards else last]
                sums = (sum(getattr(file, name) for file in drawn) for name in ("rows", "nbytes"))
                expected = File(f"{folder}/{name}", None, sum(file.size for file in drawn), "", *sums)
                parts.append(Part(source, split, start, stop, expected, sample))
    return parts


def draw_part(part: Part, root: Path) -> File:
    """Write a part below the repository's folder `root`."""
    path = root / part.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        builder = part.source.make(cache)
        tables = _splits(builder)[part.split].tables(part.first, part.stop)
        metadata = {METADATA_KEY: json.dumps(describe_builder(builder))}
        rows, nbytes = write_file(tables, path, builder.info.features, metadata)
    return describe_file(path, root, rows, nbytes)


def expected_file(part: Part) -> File:
    """What the file of a part will be like, as far as it is known without drawing it."""
    return part.expected


def describe_part(part: Part) -> File:
    """What the file of a part is like; it is drawn, and not kept."""
    with tempfile.TemporaryDirectory() as root:
        return replace(draw_part(part, Path(root)), source=None)


def assemble(parts: Sequence[Part], files: Mapping[str, File]) -> list[BuiltConfig]:
    """The configs that parts belong to, from their files by path."""
    configs = []
    for source, of_source in groupby(parts, key=lambda part: part.source):
        with tempfile.TemporaryDirectory() as cache:
            builder = source.make(cache)
        by_split = {
            split: [files[part.path] for part in of_split]
            for split, of_split in groupby(of_source, key=lambda part: part.split)
        }
        info = builder.info.copy()
        info.splits = datasets.SplitDict(dataset_name=builder.dataset_name)
        for split, written in by_split.items():
            rows, nbytes = sum(file.rows or 0 for file in written), sum(file.nbytes or 0 for file in written)
            info.splits.add(datasets.SplitInfo(split, nbytes, rows))
        info.dataset_size = sum(split.num_bytes for split in info.splits.values())
        info.download_size = sum(file.size for written in by_split.values() for file in written)
        folder = str(Path(next(iter(by_split.values()))[0].path).parent)
        configs.append(
            BuiltConfig(builder.config, info, {}, folder, by_split, describe_builder(builder), in_parts=True)
        )
    return configs


@dataclass(frozen=True)
class _Split:
    """The shards of a split."""

    builder: datasets.ArrowBasedBuilder
    gen_kwargs: Mapping[str, Any]

    @property
    def shards(self) -> int:
        """How many there are."""
        return max((len(value) for value in self.gen_kwargs.values() if isinstance(value, list)), default=1)

    def tables(self, first: int, stop: int) -> Iterator[pa.Table]:
        """The rows of some shards in a row."""
        taken = {
            name: value[first:stop] if isinstance(value, list) and len(value) == self.shards else value
            for name, value in self.gen_kwargs.items()
        }
        return (table for _, table in self.builder._generate_tables(**taken))


def _splits(builder: datasets.DatasetBuilder) -> dict[str, _Split]:
    # What every builder of `datasets` overrides. `as_streaming_dataset` calls it, too, but takes long to pick a shard
    generators = builder._split_generators(datasets.StreamingDownloadManager(dataset_name=builder.dataset_name))
    return {str(generator.name): _Split(builder, generator.gen_kwargs) for generator in generators}


def _draw_shard(builder: datasets.DatasetBuilder, split: _Split, shard: int, folder: Path) -> File:
    path = folder / "shard.parquet"
    rows, nbytes = write_file(split.tables(shard, shard + 1), path, builder.info.features, {})
    return describe_file(path, folder, rows, nbytes)
