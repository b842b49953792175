"""A config that is taken as a whole: prepared by `datasets`, then written split by split."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from datasets.exceptions import DatasetGenerationError

from publisher.build.configs import METADATA_KEY, BuiltConfig, data_folder, describe_builder
from publisher.build.digests import column_digests
from publisher.build.files import describe_file
from publisher.build.parquet import write_split
from publisher.build.source import Source


@dataclass(frozen=True)
class Whole:
    """A config, to be drawn at once.

    Parameters
    ----------
    source : Source
    default : str
        Name of the builder's default config.
    """

    source: Source
    default: str
    unit: ClassVar[str] = " configs"
    amount: ClassVar[int] = 1

    def draw(self, root: Path) -> BuiltConfig:
        """Write all splits below the repository's folder `root`; what `datasets` prepares is dropped again."""
        builder = self.source.builder
        with tempfile.TemporaryDirectory(dir=root.parent) as prepared:
            try:
                builder.download_and_prepare(str(Path(prepared, "rows")))
            except DatasetGenerationError as error:  # says nothing: the reason, such as a full disk, is its cause
                raise (error.__cause__ or error) from None
            folder = data_folder(self.source.config, self.default)
            made_by = describe_builder(builder)
            files, digests = {}, {}
            for split in builder.info.splits:
                dataset = builder.as_dataset(split=split)
                written = write_split(dataset, split, root / folder, {METADATA_KEY: json.dumps(made_by)})
                files[split] = [describe_file(path, root, rows) for path, rows in written]
                digests[split] = column_digests(dataset)
        info = builder.info.copy()
        info.download_size = sum(file.size for split in files.values() for file in split)
        return BuiltConfig(builder.config, info, digests, folder, files, made_by)
