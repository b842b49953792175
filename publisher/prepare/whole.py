"""A config that is taken as a whole: prepared by `datasets`, then written split by split."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import datasets

from publisher.builders.opened import noting
from publisher.prepare.builder_errors import NO_ROWS, RowsError, builder_errors
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.configs import METADATA_KEY, PreparedConfig, data_folder, describe_builder, describe_files
from publisher.prepare.counted import ROWS
from publisher.prepare.datasets_compat import lists_for_sequences
from publisher.prepare.digests import column_digests
from publisher.prepare.features import check_features
from publisher.prepare.parquet import describe_written, write_split


@dataclass(frozen=True)
class WholeConfig:
    """A config, to be drawn at once."""

    source: ConfigBuilder
    default: str  # name of the builder's default config
    unit: ClassVar[str] = " configs"
    amount: ClassVar[int] = 1

    @property
    def name(self) -> str:
        """Of the config."""
        return self.source.config_name

    def draw(self, root: Path) -> PreparedConfig:
        """Write all splits below the repository's folder `root`; what `datasets` prepares is dropped again."""
        builder = self.source.builder
        name = self.source.config_name
        with tempfile.TemporaryDirectory(dir=root.parent) as prepared:
            splits = self.source.splits
            with builder_errors(self.source.builder_class, name), lists_for_sequences(), noting(self.source.opened):
                _count_rows(builder)
                builder.download_and_prepare(str(Path(prepared, "rows")))
                check_features(self.source.features)
            folder = data_folder(name, self.default)
            provenance = describe_builder(builder)
            files, digests = {}, {}
            for split in splits:
                with builder_errors(self.source.builder_class, name, split):
                    if not builder.info.splits[split].num_examples:
                        raise RowsError(NO_ROWS)
                    dataset = builder.as_dataset(split=split)
                    metadata = {METADATA_KEY: json.dumps(provenance)}
                    written = list(write_split(dataset, split, root / folder, metadata, self.source.folders))
                files[split] = [describe_written(file, root) for file in written]
                digests[split] = column_digests(dataset)
        info = describe_files(builder, dataset.features, files)  # a script may declare a plain dict
        self.source.close()
        return PreparedConfig(builder.config, info, digests, folder, files, provenance, self.source.fetched_paths)


def _count_rows(builder: datasets.DatasetBuilder) -> None:
    """Let rows be counted while a builder makes them."""
    if isinstance(builder, datasets.GeneratorBasedBuilder):
        examples = builder._generate_examples
        builder._generate_examples = lambda **given: ROWS.count(examples(**given), lambda example: 1)
    elif isinstance(builder, datasets.ArrowBasedBuilder):
        tables = builder._generate_tables
        builder._generate_tables = lambda **given: ROWS.count(tables(**given), lambda table: len(table[1]))
