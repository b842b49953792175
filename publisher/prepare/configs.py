"""What a builder declares: the names of its configs and their order, the default, and the fields of a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import datasets

from publisher.errors import UsageError
from publisher.prepare.description import describe
from publisher.prepare.files import DataFile, File, add_up
from publisher.prepare.names import check_config_names

METADATA_KEY = "builder_config"  # in the footer of each Parquet file: what made it


@dataclass(frozen=True)
class ConfigCard:
    """What a card says of a config."""

    builder_config: datasets.BuilderConfig
    info: datasets.DatasetInfo  # with the exact numbers of rows and bytes
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values

    @property
    def name(self) -> str:
        """Name of the config."""
        return self.builder_config.name

    def __getattr__(self, field: str) -> Any:
        """A field of the builder's config: templates write `config.parameters`."""
        if field.startswith("_") or field == "builder_config":  # asked for while a copy is made
            raise AttributeError(field)
        return getattr(self.builder_config, field)


@dataclass(frozen=True)
class PreparedConfig(ConfigCard):
    """A config whose files are there, or expected."""

    folder: str
    files: Mapping[str, Sequence[File]]  # by split
    provenance: Mapping[str, Any]
    inputs: Sequence[str] = ()  # files that the builder fetched, those beside it by their path from there
    in_parts: bool = False  # too large to be taken as a whole

    @property
    def all_files(self) -> list[File]:
        """The files of all splits."""
        return [file for split in self.files.values() for file in split]


def default_config(builder: type[datasets.DatasetBuilder]) -> str:
    """Name of the config that is loaded without a name."""
    return builder.DEFAULT_CONFIG_NAME or "default"


def declared_configs(builder: type[datasets.DatasetBuilder]) -> dict[str, datasets.BuilderConfig]:
    """A builder's configs as it declares them, by name, in its order."""
    name = default_config(builder)
    declared = {config.name: config for config in builder.BUILDER_CONFIGS}
    return declared or {name: builder.BUILDER_CONFIG_CLASS(name=name)}


def choose_configs(builder: type[datasets.DatasetBuilder], chosen: Sequence[str] = ()) -> list[str]:
    """The names of a builder's configs, or of those chosen, in the builder's order.

    Raises
    ------
    UsageError
        If a chosen one or the default is unknown, or if one has a name that cannot be published, see
        `check_config_names`.
    """
    known = list(declared_configs(builder))
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no config {name!r}: choose from {', '.join(known)}")
    if builder.DEFAULT_CONFIG_NAME and builder.DEFAULT_CONFIG_NAME not in known:
        raise UsageError(
            f"DEFAULT_CONFIG_NAME of {builder.__name__} is {builder.DEFAULT_CONFIG_NAME!r}, which is no config: "
            f"choose from {', '.join(known)}"
        )
    check_config_names([config.name for config in builder.BUILDER_CONFIGS] or known, default_config(builder))
    return [name for name in known if not chosen or name in chosen]


def data_folder(name: str, default: str) -> str:
    """Folder of a config's files, as `push_to_hub` of `datasets` lays them out.

    Examples
    --------
    >>> data_folder("default", default="default"), data_folder("shuffled", default="default")
    ('data', 'shuffled')
    """
    return "data" if name == default else name


def describe_builder(builder: datasets.DatasetBuilder) -> dict[str, Any]:
    """Builder, config, version, and what the config has beside the fields of `BuilderConfig`, as JSON reads it back."""
    return {
        "builder": builder.dataset_name,
        "config": builder.config.name,
        "version": str(builder.config.version),
        **{name: describe(value) for name, value in _own_values(builder.config).items()},
    }


def describe_files(
    builder: datasets.DatasetBuilder, features: datasets.Features, files: Mapping[str, Sequence[DataFile]]
) -> datasets.DatasetInfo:
    """What `datasets` knows of a builder whose files are there, by split."""
    info = builder.info.copy()
    info.features = features
    info.splits = datasets.SplitDict(dataset_name=builder.dataset_name)
    info.download_size = 0
    for split, of_split in files.items():
        size, rows, nbytes = add_up(of_split)
        info.splits.add(datasets.SplitInfo(split, nbytes, rows))
        info.download_size += size
    info.dataset_size = sum(split.num_bytes for split in info.splits.values())
    return info


def is_as_declared(config: datasets.BuilderConfig, declared: datasets.BuilderConfig) -> bool:
    """Whether a config has the values that its builder declares."""
    return describe(_own_values(config)) == describe(_own_values(declared))


def recall_config(declared: datasets.BuilderConfig, provenance: Mapping[str, Any]) -> datasets.BuilderConfig:
    """A config with the values that `describe_builder` gave in an earlier run, whatever is declared now."""
    config = copy.copy(declared)
    for name, now in _own_values(declared).items():
        if name in provenance and provenance[name] != describe(now):
            value = provenance[name]
            setattr(config, name, type(now)(**value) if _is_record(now) and isinstance(value, dict) else value)
    return config


def _own_values(config: datasets.BuilderConfig) -> dict[str, Any]:
    """Fields of a dataclass, and what the `__init__` of a plain class sets."""
    common = {field.name for field in fields(datasets.BuilderConfig)}
    names = dict.fromkeys([*(field.name for field in fields(config)), *vars(config)])
    return {name: getattr(config, name) for name in names if name not in common and not name.startswith("_")}


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
