"""A third dataset, in as many tiny shards as one likes, for what the publisher does with many files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import datasets
import numpy as np
import pyarrow as pa

from publisher import Card

SHARDS_CARD = Card(
    template=Path(__file__).with_name("shards.md.jinja"), metadata={"license": "mit", "pretty_name": "Shards"}
)


@dataclass
class ShardsConfig(datasets.BuilderConfig):
    """Numbers of rows and shards."""

    version: datasets.Version | str | None = "0.1.0"
    rows: int = 100  # of a shard; the last of a split has half of them
    shards: int = 10  # of the training split; the test split has a fifth of them
    largest: int = 100  # of the integers


@dataclass(frozen=True)
class Shard:
    """Split, index and size, on which the rows of a shard depend."""

    split: str
    index: int
    rows: int


class Shards(datasets.ArrowBasedBuilder):
    """An integer and a number a row."""

    BUILDER_CONFIG_CLASS = ShardsConfig
    BUILDER_CONFIGS: ClassVar = [ShardsConfig(name="default"), ShardsConfig(name="wide", largest=10_000)]
    DEFAULT_CONFIG_NAME = "default"

    def _info(self) -> datasets.DatasetInfo:
        features = {"key": datasets.Value("int64"), "value": datasets.Value("float64")}
        return datasets.DatasetInfo(features=datasets.Features(features) if self.config.name == "default" else None)

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        rows, shards = self.config.rows, self.config.shards
        parts = {
            split: [Shard(split, index, rows if index < count - 1 else -(-rows // 2)) for index in range(count)]
            for split, count in (("train", shards), ("test", -(-shards // 5)))
        }
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"parts": of_split}) for split, of_split in parts.items()
        ]

    def _generate_tables(self, parts: list[Shard]) -> Iterator[tuple[int, pa.Table]]:
        for key, part in enumerate(parts):
            draws = np.random.default_rng([self.config.largest, part.split == "train", part.index])
            keys, values = draws.integers(self.config.largest, size=part.rows), draws.normal(size=part.rows)
            kind = pa.int64() if part.split == "train" else pa.int32()  # the first split decides, if none is declared
            yield key, pa.table({"key": pa.array(keys, kind), "value": values})


def small_shards(rows: int = 50, version: str = "1.0.0") -> type[Shards]:
    """A dataset of one small config."""
    config = ShardsConfig(name="default", shards=1, rows=rows, version=version)
    return type("Shards", (Shards,), {"BUILDER_CONFIGS": [config], "__module__": Shards.__module__})
