"""A config of a builder, that any process can make again; in each it is made and asked for its splits once."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub import constants

from publisher.builders.opened import noting
from publisher.errors import UsageError
from publisher.prepare.builder_errors import builder_errors
from publisher.prepare.datasets_compat import generate_tables, split_generators
from publisher.prepare.names import check_split_names

DOWNLOADS = Path(constants.HF_HOME, "publish", "downloads")  # sources, each fetched once; may be removed at any time


@dataclass(frozen=True)
class ConfigBuilder:
    """A config of a builder."""

    builder_class: type[datasets.DatasetBuilder]
    config_name: str
    overrides: Mapping[str, Any]  # what the builder gets beside the name of the config

    @cached_property
    def cache(self) -> Path:
        """The builder's own cache: that of the user may hold what other code has prepared."""
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    @cached_property
    def builder(self) -> datasets.DatasetBuilder:
        home = getattr(sys.modules.get(self.builder_class.__module__), "__file__", None)
        beside = {"base_path": str(Path(home).parent)} if home else {}  # where paths that a script gives begin
        parameters = (ValueError,) if self.overrides else ()  # what the builder says of them is a sentence already
        with builder_errors(self.builder_class, self.config_name, passing=parameters), noting(self.opened):
            return self.builder_class(
                config_name=self.config_name, cache_dir=str(self.cache), **{**beside, **self.overrides}
            )

    @cached_property
    def opened(self) -> set[str]:
        """What the builder has read by itself so far."""
        return set()

    @cached_property
    def fetched(self) -> dict[str, str]:
        """What it has fetched: address or path -> version, empty if it is not known."""
        return {}

    @property
    def fetched_paths(self) -> list[str]:
        """What it has fetched, files beside its script by their path from there."""
        base = Path(self.builder.base_path or "")
        paths = {name: Path(os.path.normpath(name)) for name in self.fetched}  # as in `data/../a.csv`
        return sorted(
            path.relative_to(base).as_posix() if base in path.parents else name for name, path in paths.items()
        )

    @property
    def folders(self) -> list[Path]:
        """Folders of this machine that the rows may name: the builder's cache, and its data."""
        folders = (self.cache, DOWNLOADS.parent, self.builder.config.data_dir)
        return [Path(folder).absolute() for folder in folders if folder]

    @cached_property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """Split -> `gen_kwargs`. A builder that draws no row before it is asked for one draws nothing here."""
        needed = getattr(self.builder, "manual_download_instructions", None)  # a property that a script may add
        if needed is not None and self.builder.config.data_dir is None:
            raise UsageError(
                f"config {self.config_name!r} needs files that you have to download yourself: {needed.strip()}: "
                "then give their folder as --data-dir, or declare it as `data_dir` of the config"
            )
        with builder_errors(self.builder_class, self.config_name), noting(self.opened):
            generators, fetched = split_generators(self.builder, DOWNLOADS)
            splits = [(str(split.name), split.gen_kwargs) for split in generators]
        self.fetched.update(fetched)
        check_split_names(self.config_name, [name for name, _ in splits])
        return dict(splits)

    @cached_property
    def features(self) -> datasets.Features:
        """The features: declared, or those of the first table as `datasets` takes them."""
        if self.builder.info.features is not None:
            return datasets.Features(self.builder.info.features)  # a script may declare a plain dict
        with builder_errors(self.builder_class, self.config_name):
            for gen_kwargs in self.splits.values():
                for table in generate_tables(self.builder, gen_kwargs):
                    return datasets.Features.from_arrow_schema(table.schema)
        raise UsageError(
            f"config {self.config_name!r} has no features, and no rows to infer them from: declare its features"
        )

    def close(self) -> None:
        """Remove the cache; the builder is not asked for rows again."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return ConfigBuilder, (self.builder_class, self.config_name, self.overrides)  # without what was made of it
