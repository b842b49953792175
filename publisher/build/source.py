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

from publisher.build.datasets_internals import generate_tables, split_generators
from publisher.build.fault import names_fault
from publisher.build.names import check_split_names
from publisher.errors import UsageError
from publisher.source.opened import noting

DOWNLOADS = Path(constants.HF_HOME, "publish", "downloads")  # sources, each fetched once; may be removed at any time


@dataclass(frozen=True)
class Source:
    """A config of a builder."""

    kind: type[datasets.DatasetBuilder]
    config: str
    overrides: Mapping[str, Any]  # what the builder gets beside the name of the config

    @cached_property
    def cache(self) -> Path:
        """The builder's own cache: that of the user may hold what other code has prepared."""
        folder = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    @cached_property
    def builder(self) -> datasets.DatasetBuilder:
        home = getattr(sys.modules.get(self.kind.__module__), "__file__", None)
        beside = {"base_path": str(Path(home).parent)} if home else {}  # where paths that a script gives begin
        parameters = (ValueError,) if self.overrides else ()  # what the builder says of them is a sentence already
        with names_fault(self.kind, self.config, passing=parameters), noting(self.opened):
            return self.kind(config_name=self.config, cache_dir=str(self.cache), **{**beside, **self.overrides})

    @cached_property
    def opened(self) -> set[str]:
        """What the builder has read by itself so far."""
        return set()

    @cached_property
    def fetched(self) -> dict[str, str]:
        """What it has fetched: address or path -> version, empty if it is not known."""
        return {}

    @property
    def beside(self) -> list[str]:
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
                f"config {self.config!r} needs files that you have to download yourself: {needed.strip()}: "
                "then give their folder as --data-dir, or declare it as `data_dir` of the config"
            )
        with names_fault(self.kind, self.config), noting(self.opened):
            generators, fetched = split_generators(self.builder, DOWNLOADS)
            splits = [(str(split.name), split.gen_kwargs) for split in generators]
        self.fetched.update(fetched)
        check_split_names(self.config, [name for name, _ in splits])
        return dict(splits)

    @cached_property
    def features(self) -> datasets.Features:
        """The features: declared, or those of the first table as `datasets` takes them."""
        if self.builder.info.features is not None:
            return datasets.Features(self.builder.info.features)  # a script may declare a plain dict
        with names_fault(self.kind, self.config):
            for gen_kwargs in self.splits.values():
                for table in generate_tables(self.builder, gen_kwargs):
                    return datasets.Features.from_arrow_schema(table.schema)
        raise UsageError(
            f"config {self.config!r} has no features, and no rows to infer them from: declare its features"
        )

    def close(self) -> None:
        """Remove the cache; the builder is not asked for rows again."""
        shutil.rmtree(self.cache, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return Source, (self.kind, self.config, self.overrides)  # without what was made of it
