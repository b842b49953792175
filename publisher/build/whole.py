"""A config that is taken as a whole: prepared by `datasets`, then written split by split."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import datasets

from publisher.build.configs import METADATA_KEY, BuiltConfig, data_folder, describe_builder, describe_files
from publisher.build.counted import ROWS
from publisher.build.datasets_internals import lists_for_sequences
from publisher.build.digests import column_digests
from publisher.build.fault import NO_ROWS, RowsError, names_fault
from publisher.build.features import check_features
from publisher.build.parquet import describe_written, write_split
from publisher.build.source import Source
from publisher.source.opened import noting


@dataclass(frozen=True)
class Whole:
    """A config, to be drawn at once."""

    source: Source
    default: str  # name of the builder's default config
    unit: ClassVar[str] = " configs"
    amount: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """Of the config."""
        return self.source.config

    def draw(self, root: Path) -> BuiltConfig:
        """Write all splits below the repository's folder `root`; what `datasets` prepares is dropped again."""
        builder = self.source.builder
        name = self.source.config
        with tempfile.TemporaryDirectory(dir=root.parent) as prepared:
            splits = self.source.splits
            with names_fault(self.source.kind, name), lists_for_sequences(), noting(self.source.opened):
                _count_rows(builder)
                builder.download_and_prepare(str(Path(prepared, "rows")))
                check_features(self.source.features)
            folder = data_folder(name, self.default)
            made_by = describe_builder(builder)
            files, digests = {}, {}
            for split in splits:
                with names_fault(self.source.kind, name, split):
                    if not builder.info.splits[split].num_examples:
                        raise RowsError(NO_ROWS)
                    dataset = builder.as_dataset(split=split)
                    metadata = {METADATA_KEY: json.dumps(made_by)}
                    written = list(write_split(dataset, split, root / folder, metadata, self.source.folders))
                files[split] = [describe_written(file, root) for file in written]
                digests[split] = column_digests(dataset)
        info = describe_files(builder, dataset.features, files)  # a script may declare a plain dict
        self.source.close()
        return BuiltConfig(builder.config, info, digests, folder, files, made_by, self.source.beside)


def _count_rows(builder: datasets.DatasetBuilder) -> None:
    """Let rows be counted while a builder makes them."""
    if isinstance(builder, datasets.GeneratorBasedBuilder):
        examples = builder._generate_examples
        builder._generate_examples = lambda **given: ROWS.count(examples(**given), lambda example: 1)
    elif isinstance(builder, datasets.ArrowBasedBuilder):
        tables = builder._generate_tables
        builder._generate_tables = lambda **given: ROWS.count(tables(**given), lambda table: len(table[1]))
