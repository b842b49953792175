"""A config that comes in shards: one file at a time, for more than fits on one machine.

The shards are those that `datasets` knows of a builder, the items of the lists in `gen_kwargs`; the builder is an
`ArrowBasedBuilder`. A part is one file: a few shards in a row; or several, if these shards are much larger than the
ones that were drawn to plan it. Who draws it, when, and beside which others makes no difference to its bytes.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import datasets

from publisher.builders.opened import note_opened
from publisher.errors import UsageError
from publisher.prepare import parquet
from publisher.prepare.builder_errors import NO_ROWS, builder_errors
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.configs import METADATA_KEY, PreparedConfig, data_folder, describe_builder, describe_files
from publisher.prepare.datasets_compat import generate_tables
from publisher.prepare.features import check_features
from publisher.prepare.files import DataFile, ExpectedFile, KnownFile, LocalFile, add_up
from publisher.prepare.origin import Origin
from publisher.prepare.parquet import Written, describe_written, file_names, write_files
from publisher.prepare.rows import RowsDigest, differing_columns


@dataclass(frozen=True)
class FilePart:
    """Some shards of a split in a row, which are one file if they are like the first and the last."""

    source: ConfigBuilder
    split: str
    first: int  # of its shards
    stop: int
    expected: ExpectedFile  # from the first and the last shard of the split
    fingerprint: str  # digest of all that it depends on: code, parameters, versions, inputs, and those two shards
    unit: ClassVar[str] = " rows"

    @property
    def name(self) -> str:
        """Of the config."""
        return self.source.config_name

    @property
    def path(self) -> str:
        """Of the file, below the repository's root."""
        return self.expected.path

    @property
    def amount(self) -> int:
        """Rows of the file, as expected."""
        return self.expected.rows or 0

    def draw(self, root: Path) -> Iterator[LocalFile]:
        """Write the files below the repository's folder `root`, under names of their own, and yield each."""
        path = root / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {METADATA_KEY: json.dumps(describe_builder(self.source.builder))}
        for file in _write_shards(self.source, self.split, self.first, self.stop, path, metadata):
            yield describe_written(file, root)


def is_sharded(source: ConfigBuilder) -> bool:
    """Whether a split of the config comes in more than one shard, which can be drawn one by one."""
    if not issubclass(source.builder_class, datasets.ArrowBasedBuilder) or not any(
        map(_count_shards, source.splits.values())
    ):
        return False
    return all(_divides(source, gen_kwargs) for gen_kwargs in source.splits.values())


def _divides(source: ConfigBuilder, gen_kwargs: Mapping[str, Any]) -> bool:
    """Whether the first shard alone gives what all of them begin with.

    Not every list is one of shards. A single list is taken for one unseen, unless it holds texts that are no files:
    this draws the first shard twice.
    """
    lists = [value for value in gen_kwargs.values() if isinstance(value, list)]
    words = [item for value in lists for item in value if isinstance(item, str)]
    are_files = all("://" in word or Path(word).exists() for word in words)
    if not _count_shards(gen_kwargs) or (len(lists) == 1 and are_files):
        return True
    alone, together = RowsDigest(source.features), RowsDigest(source.features)
    try:
        rows = 0
        for table in generate_tables(source.builder, _some_shards(gen_kwargs, 0, 1)):
            alone.add(table)
            rows += len(table)
        for table in generate_tables(source.builder, gen_kwargs):
            if rows <= 0:
                break
            together.add(table[:rows])
            rows -= len(table)
    except Exception:  # a builder that needs all of its list fails with a part of it; drawn as a whole, it may not
        return False
    return rows <= 0 and not differing_columns(alone, together)


def plan_parts(source: ConfigBuilder, default: str) -> list[FilePart]:
    """The files of a config, of about `parquet.FILE_BYTES` each, in order; `default` names the builder's default one.

    The first and the last shard of each split are drawn, each once, to know what the files will be like.
    """
    with builder_errors(source.builder_class, source.config_name):
        check_features(source.features)
    parts = []
    folder = data_folder(source.config_name, default)
    origin = Origin(source)
    for split, gen_kwargs in source.splits.items():
        shards = _count_shards(gen_kwargs) or 1
        first = _draw_shard(source, split, 0, origin.opened)
        if shards == 1 and not first.rows:
            raise UsageError(f"config {source.config_name!r}, split {split!r}, {NO_ROWS}")
        last = _draw_shard(source, split, shards - 1, origin.opened) if shards > 1 else first
        sample = hashlib.sha256(f"{first.sha256} {last.sha256}".encode()).hexdigest()
        count = -(-shards // max(1, parquet.FILE_BYTES // max(first.size, last.size, 1)))
        bounds = [shards * index // count for index in range(count + 1)]
        for name, start, stop in zip(file_names(split, count), bounds[:-1], bounds[1:], strict=True):
            drawn = [first] * (stop - start - 1) + [first if stop < shards else last]
            expected = ExpectedFile(f"{folder}/{name}", *add_up(drawn))
            fingerprint = origin.digest(sample, split, _some_shards(gen_kwargs, start, stop))
            parts.append(FilePart(source, split, start, stop, expected, fingerprint))
    if origin.is_unknown:  # which shows when all is drawn and digested: then nothing that is remembered counts
        return [replace(part, fingerprint=uuid.uuid4().hex) for part in parts]
    return parts


def assemble(parts: Sequence[FilePart], drawn: Sequence[Sequence[DataFile]]) -> PreparedConfig:
    """A config from all of its parts and the files of each, which get their names now that their number is known."""
    source = parts[0].source
    folder = str(Path(parts[0].path).parent)
    by_split = {}
    for split, of_split in groupby(zip(parts, drawn, strict=True), key=lambda pair: pair[0].split):
        files = [file for _, of_part in of_split for file in of_part]
        names = file_names(split, len(files))
        by_split[split] = [_rename(file, f"{folder}/{name}") for file, name in zip(files, names, strict=True)]
    info = describe_files(source.builder, source.features, by_split)
    for split in info.splits.values():
        if not split.num_examples:
            raise UsageError(f"config {source.config_name!r}, split {split.name!r}, {NO_ROWS}")
    provenance = describe_builder(source.builder)
    return PreparedConfig(
        source.builder.config, info, {}, folder, by_split, provenance, source.fetched_paths, in_parts=True
    )


def _rename(file: DataFile, path: str) -> DataFile:
    if isinstance(file, LocalFile):
        return replace(file, path=path, source=file.source.rename(file.source.with_name(Path(path).name)))
    return replace(file, path=path)


def _count_shards(gen_kwargs: Mapping[str, Any]) -> int:
    """How many shards a split has, or 0 if it is not made of several: what `datasets` divides among processes."""
    lengths = {len(value) for value in gen_kwargs.values() if isinstance(value, list)}
    return lengths.pop() if len(lengths) == 1 and lengths != {1} else 0  # lists of different lengths are no shards


def _some_shards(gen_kwargs: Mapping[str, Any], first: int, stop: int) -> dict[str, Any]:
    count = _count_shards(gen_kwargs)
    return {
        name: value[first:stop] if count and isinstance(value, list) else value for name, value in gen_kwargs.items()
    }


def _write_shards(
    source: ConfigBuilder,
    split: str,
    first: int,
    stop: int,
    path: Path,
    metadata: Mapping[str, str],
    opened: set[str] | None = None,
) -> Iterator[Written]:
    """Write some shards in a row; the files that are read for them are added to `opened`."""
    with builder_errors(source.builder_class, source.config_name, split):
        tables = generate_tables(source.builder, _some_shards(source.splits[split], first, stop))
        if opened is not None:
            tables = note_opened(tables, opened)
        yield from write_files(tables, path, source.features, metadata, source.folders)


def _draw_shard(source: ConfigBuilder, split: str, shard: int, opened: set[str]) -> KnownFile:
    """What a shard is like, all of its files together."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "shard.parquet")
        written = _write_shards(source, split, shard, shard + 1, path, {}, opened)
        files = [describe_written(file, path.parent) for file in written]
    digest = (
        files[0].sha256 if len(files) == 1 else hashlib.sha256(" ".join(f.sha256 for f in files).encode()).hexdigest()
    )
    return KnownFile("", *add_up(files), digest)
