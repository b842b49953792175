"""What a builder declares: the names of its configs and their order, the default, and the fields of a config."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

import datasets

from publisher.build.files import File
from publisher.errors import UsageError

METADATA_KEY = "builder_config"  # in the footer of each Parquet file: what made it
TAKEN = ("data", "assets")  # folders of the default config and of the pictures


@dataclass(frozen=True)
class Config:
    """What a card says of a config."""

    config: datasets.BuilderConfig
    info: datasets.DatasetInfo  # with the exact numbers of rows and bytes
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values

    @property
    def name(self) -> str:
        """Name of the config."""
        return self.config.name


@dataclass(frozen=True)
class BuiltConfig(Config):
    """A config whose files are there, or expected."""

    folder: str
    files: Mapping[str, Sequence[File]]  # by split
    made_by: Mapping[str, Any]
    in_parts: bool = False  # too large to be taken as a whole


def default_config(builder: type[datasets.DatasetBuilder]) -> str:
    """Name of the config that is loaded without a name."""
    return builder.DEFAULT_CONFIG_NAME or "default"


def declared_configs(builder: type[datasets.DatasetBuilder]) -> dict[str, datasets.BuilderConfig]:
    """A builder's configs as it declares them, by name, in its order."""
    name = default_config(builder)
    return dict(builder.builder_configs) or {name: builder.BUILDER_CONFIG_CLASS(name=name)}


def choose_configs(builder: type[datasets.DatasetBuilder], chosen: Sequence[str] = ()) -> list[str]:
    """The names of a builder's configs, or of those chosen, in the builder's order.

    Raises
    ------
    UsageError
        If a chosen one is unknown, or one has the name of a folder; the message lists the known ones.
    """
    known = list(declared_configs(builder))
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no config {name!r}: choose from {', '.join(known)}")
    for name in known:
        if name != default_config(builder) and name in TAKEN:
            raise UsageError(f"a config cannot be named {name!r}, the name of a folder: rename it")
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
    """Builder, config, version, and the fields that the config adds to those of `BuilderConfig`."""
    values = {name: getattr(builder.config, name) for name in _own_fields(builder.config)}
    made_by = {
        "builder": builder.dataset_name,
        "config": builder.config.name,
        "version": str(builder.config.version),
        **{name: asdict(value) if _is_record(value) else value for name, value in values.items()},
    }
    return json.loads(json.dumps(made_by))  # as it reads back: lists for tuples


def is_as_declared(config: datasets.BuilderConfig, declared: datasets.BuilderConfig) -> bool:
    """Whether a config has the fields that its builder declares."""
    return all(getattr(config, name) == getattr(declared, name) for name in _own_fields(declared))


def recall_config(declared: datasets.BuilderConfig, made_by: Mapping[str, Any]) -> datasets.BuilderConfig:
    """A config with the fields that `describe_builder` gave in an earlier run, whatever is declared now."""
    config = copy.copy(declared)
    for name in _own_fields(declared):
        if name in made_by:
            value, now = made_by[name], getattr(declared, name)
            setattr(config, name, type(now)(**value) if _is_record(now) else value)
    return config


def _own_fields(config: datasets.BuilderConfig) -> list[str]:
    common = {field.name for field in fields(datasets.BuilderConfig)}
    return [field.name for field in fields(config) if field.name not in common]


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)
