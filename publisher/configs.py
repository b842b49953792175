"""One config of a builder -> its Parquet files, and all that a card says of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetGenerationError

from publisher.digests import column_digests, file_digest
from publisher.parquet import write_split

METADATA_KEY = "builder_config"  # in the footer of each Parquet file: what made it


@dataclass(frozen=True)
class File:
    """A file of the repository."""

    path: str  # below the repository's root, with forward slashes
    size: int  # bytes
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class BuiltConfig:
    """A config whose files are written."""

    config: datasets.BuilderConfig
    info: datasets.DatasetInfo  # with the exact numbers of rows and bytes
    folder: str
    files: list[File]
    digests: dict[str, dict[str, str]]  # split -> column -> SHA-256 of its values

    @property
    def name(self) -> str:
        """Name of the config."""
        return self.config.name


def data_folder(name: str, default: str) -> str:
    """Folder of a config's files, as `push_to_hub` of `datasets` lays them out.

    Examples
    --------
    >>> data_folder("default", default="default"), data_folder("shuffled", default="default")
    ('data', 'shuffled')
    """
    return "data" if name == default else name


def build_config(builder: datasets.DatasetBuilder, root: Path, default: str) -> BuiltConfig:
    """Prepare one config and write its splits below `root`.

    Parameters
    ----------
    builder : datasets.DatasetBuilder
        One config, with a cache of its own that can be thrown away.
    root : Path
        The repository's folder.
    default : str
        Name of the builder's default config.

    Returns
    -------
    BuiltConfig
    """
    try:
        builder.download_and_prepare()
    except DatasetGenerationError as error:  # says nothing: the reason, such as a full disk, is its cause
        raise (error.__cause__ or error) from None
    folder = data_folder(builder.config.name, default)
    files, digests = [], {}
    for split in builder.info.splits:
        dataset = builder.as_dataset(split=split)
        for path, rows in write_split(dataset, split, root / folder, {METADATA_KEY: describe(builder)}):
            files.append(describe_file(path, root, rows))
        digests[split] = column_digests(dataset)
    info = builder.info.copy()
    info.download_size = sum(file.size for file in files)
    return BuiltConfig(builder.config, info, folder, files, digests)


def describe_file(path: Path, root: Path, rows: int | None = None) -> File:
    """Size and digest of a file that is written."""
    return File(path.relative_to(root).as_posix(), path.stat().st_size, file_digest(path), rows)


def describe(builder: datasets.DatasetBuilder) -> str:
    """What made a file, as JSON: builder, config, version, and the fields that the config adds to `BuilderConfig`."""
    own = {field.name for field in fields(builder.config)} - {field.name for field in fields(datasets.BuilderConfig)}
    values = {name: getattr(builder.config, name) for name in sorted(own)}
    return json.dumps(
        {
            "builder": builder.dataset_name,
            "config": builder.config.name,
            "version": str(builder.config.version),
            **{name: _plain(value) for name, value in values.items()},
        }
    )


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
