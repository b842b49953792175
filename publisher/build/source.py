"""A config of a builder, that any process can make again; in each it is made and asked for its splits once."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import datasets

from publisher.build.datasets_internals import split_generators


@dataclass(frozen=True)
class Source:
    """A config of a builder.

    Parameters
    ----------
    kind : subclass of datasets.DatasetBuilder
    config : str
    overrides : mapping of str to object
        What the builder gets beside the name of the config.
    """

    kind: type[datasets.DatasetBuilder]
    config: str
    overrides: Mapping[str, Any]

    @cached_property
    def builder(self) -> datasets.DatasetBuilder:
        """The builder, with a cache of its own: that of the user may hold what other code has prepared."""
        cache = tempfile.mkdtemp()
        weakref.finalize(self, shutil.rmtree, cache, ignore_errors=True)
        return self.kind(config_name=self.config, cache_dir=cache, **self.overrides)

    @cached_property
    def splits(self) -> dict[str, Mapping[str, Any]]:
        """Split -> `gen_kwargs`. A builder that draws no row before it is asked for one draws nothing here."""
        return {str(split.name): split.gen_kwargs for split in split_generators(self.builder)}

    def __reduce__(self) -> tuple[Any, ...]:
        return Source, (self.kind, self.config, self.overrides)  # without what was made of it
