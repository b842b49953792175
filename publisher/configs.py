"""One config of a builder -> its Parquet files, and all that a card says of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetGenerationError

from publisher.digests import column_digests, file_digest
from publisher.manifest import ConfigRecord
from publisher.parquet import write_split

METADATA_KEY = "builder_config"  # in the footer of each Parquet file: what made it


@dataclass(frozen=True)
class File:
    """A file that the repository should contain."""

    path: str  # below the repository's root, with forward slashes
    source: Path | None  # None: it is uploaded, and no longer on this machine
    size: int  # bytes
    sha256: str  # empty, and the numbers what is expected, if it is not drawn yet
    rows: int | None = None
    nbytes: int | None = None  # of the rows in Arrow
    operation: bytes = b""  # what a commit needs to name an uploaded file


@dataclass(frozen=True)
class Config:
    """What a card says of a config."""

    config: datasets.BuilderConfig
    info: datasets.DatasetInfo  # with the exact numbers of rows and bytes
    digests: dict[str, dict[str, str]]  # split -> column -> SHA-256 of its values

    @property
    def name(self) -> str:
        """Name of the config."""
        return self.config.name


@dataclass(frozen=True)
class BuiltConfig(Config):
    """A config whose files are written."""

    folder: str
    files: dict[str, list[File]]  # by split
    made_by: dict[str, Any]
    in_parts: bool = False  # too large to be taken as a whole

    @property
    def record(self) -> ConfigRecord:
        """What a later run has to know of it."""
        files = {file.path: file.sha256 for split in self.files.values() for file in split}
        return ConfigRecord(made_by=self.made_by, digests=self.digests, files=files)


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


def is_as_declared(config: Config, declared: datasets.BuilderConfig) -> bool:
    """Whether a config has the fields that its builder declares."""
    return all(getattr(config.config, name) == getattr(declared, name) for name in _own_fields(declared))


def recall_config(declared: datasets.BuilderConfig, record: ConfigRecord, info: datasets.DatasetInfo) -> Config:
    """A config as an earlier run wrote it: with the fields of then, whatever is declared now."""
    config = replace(declared)
    for name in _own_fields(declared):
        if name in record.made_by:
            value, now = record.made_by[name], getattr(declared, name)
            setattr(config, name, type(now)(**value) if _is_record(now) else value)
    return Config(config, info, {split: dict(columns) for split, columns in record.digests.items()})


def describe_file(source: Path, root: Path, rows: int | None = None, nbytes: int | None = None) -> File:
    """Size and digest of a file that is written."""
    path = source.relative_to(root).as_posix()
    return File(path, source, source.stat().st_size, file_digest(source), rows, nbytes)


def describe_builder(builder: datasets.DatasetBuilder) -> dict[str, Any]:
    """Builder, config, version, and the fields that the config adds to those of `BuilderConfig`."""
    values = {name: getattr(builder.config, name) for name in _own_fields(builder.config)}
    made_by = {
        "builder": builder.dataset_name,
        "config": builder.config.name,
        "version": str(builder.config.version),
        **{name: asdict(value) if _is_record(value) else value for name, value in values.items()},
    }
    return json.loads(json.dumps(made_by))  # as it reads back: lists for tuples


def _own_fields(config: datasets.BuilderConfig) -> list[str]:
    common = {field.name for field in fields(datasets.BuilderConfig)}
    return [field.name for field in fields(config) if field.name not in common]


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
