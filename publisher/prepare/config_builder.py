"""A config of a builder that any process can make again; in each it is made, and asked for its splits, once."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import datasets

from publisher.builders.scripts import sequences_of_dicts
from publisher.errors import UsageError
from publisher.options import Options
from publisher.prepare import builder_errors
from publisher.prepare.configs import check_split_names, is_unordered
from publisher.prepare.datasets_compat import generate_tables, split_generators
from publisher.prepare.features import plain_features

SPLITS = ("train", "validation", "test")


class TemporaryFolder:
    """A folder that is removed with the last object that uses it in the process that made it."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or Path(tempfile.mkdtemp())
        if path is None:
            weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return TemporaryFolder, (self.path,)


@dataclass(frozen=True)
class ConfigBuilder:
    """A config of a builder."""

    builder_class: type[datasets.DatasetBuilder]
    config_name: str
    overrides: Mapping[str, Any]  # keywords for the builder
    work_folder: Path = field(default_factory=lambda: Options("").work_folder)  # downloads are kept in a folder of it
    shared: TemporaryFolder | None = None  # for archives that several configs of a run extract

    @cached_property
    def _cache(self) -> TemporaryFolder:
        """The builder's own cache: the user's may hold rows that other code has prepared."""
        return TemporaryFolder()

    @cached_property
    def builder(self) -> datasets.DatasetBuilder:
        """The builder, with names that are plain text."""
        home = getattr(sys.modules.get(self.builder_class.__module__), "__file__", None)
        base = {"base_path": str(Path(home).parent)} if home else {}  # where relative paths of a script begin
        parameters = (ValueError,) if self.overrides else ()  # the builder's words on them are a sentence already
        with builder_errors(self.builder_class, self.config_name, passing=parameters), sequences_of_dicts():
            builder = self.builder_class(
                config_name=self.config_name, cache_dir=str(self._cache.path), **{**base, **self.overrides}
            )
            if builder.info.features is not None:  # a script may declare a plain dict
                builder.info.features = plain_features(builder.info.features)
            return builder

    @cached_property
    def fetched(self) -> list[str]:
        """Addresses and paths that the builder has fetched."""
        return []

    @property
    def fetched_paths(self) -> list[str]:
        """Fetched addresses and paths; files next to the script by their path from there."""
        base = Path(self.builder.base_path or "")
        paths = {name: Path(os.path.normpath(name)) for name in self.fetched}  # as in `data/../a.csv`
        return sorted(
            path.relative_to(base).as_posix() if base in path.parents else name for name, path in paths.items()
        )

    @property
    def folders(self) -> list[Path]:
        """Folders of this machine that the rows may name: the builder's caches, and its data."""
        shared = self.shared.path if self.shared else None
        folders = (self._cache.path, shared, self.work_folder, self.builder.config.data_dir)
        return [Path(folder).absolute() for folder in folders if folder]

    @cached_property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """Split -> `gen_kwargs`. A builder that makes its rows one by one makes none here."""
        needed = getattr(self.builder, "manual_download_instructions", None)  # a property that a script may add
        if needed is not None and self.builder.config.data_dir is None:
            raise UsageError(
                f"config {self.config_name!r} needs files that you have to download yourself: {needed.strip()}: "
                "then give their folder as --data-dir, or declare it as `data_dir` of the config"
            )
        with builder_errors(self.builder_class, self.config_name), sequences_of_dicts():
            extracted = self.shared.path if self.shared else self._cache.path
            generators = split_generators(self.builder, self.work_folder / "downloads", extracted, self.fetched)
        splits = [(str(split.name), split.gen_kwargs) for split in generators]
        check_split_names(self.config_name, [name for name, _ in splits])
        if is_unordered(self.builder_class):  # type: ignore[arg-type]  # mypy takes classes for unhashable
            splits.sort(key=lambda split: (SPLITS.index(split[0]) if split[0] in SPLITS else len(SPLITS), split[0]))
        return dict(splits)

    @cached_property
    def features(self) -> datasets.Features:
        """The features: declared, or inferred from the first table as `datasets` does."""
        if self.builder.info.features is not None:
            return self.builder.info.features
        with builder_errors(self.builder_class, self.config_name):
            for gen_kwargs in self.splits.values():
                for table in generate_tables(self.builder, gen_kwargs):
                    return datasets.Features.from_arrow_schema(table.schema)
        raise UsageError(
            f"config {self.config_name!r} declares no features, and has no rows to infer them from. Declare them"
        )

    def close(self) -> None:
        """Remove the cache; the builder is not asked for rows again."""
        shutil.rmtree(self._cache.path, ignore_errors=True)

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.builder_class, self.config_name, self.overrides, self.work_folder, self.shared)
        return ConfigBuilder, fields  # without what was made of it
