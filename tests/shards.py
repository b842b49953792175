"""A third dataset, in as many tiny shards as one likes, for what the publisher does with many files."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import datasets
import numpy as np
import pyarrow as pa

from publisher.card import Card

TEMPLATE = """# Shards

{% for config in configs %}
- {{ config.name }}: {{ config.info.splits.train.num_examples }} rows in {{ repo_id }}
{% endfor %}
"""


DEADLY = "DEADLY_SHARD"  # a variable with the path of a file: who draws the shard below and removes it, dies
DEADLY_INDEX = 5  # neither the first nor the last, which are drawn to plan the files


@dataclass
class ShardsConfig(datasets.BuilderConfig):
    """How many there are."""

    version: datasets.Version | str | None = "0.1.0"
    rows: int = 100  # of a shard; the last of a split has half of them
    shards: int = 10  # of the training split; the test split has a fifth of them
    largest: int = 100  # of the integers


@dataclass(frozen=True)
class Shard:
    """What the rows of a shard depend on."""

    split: str
    index: int
    rows: int


class Shards(datasets.ArrowBasedBuilder):
    """An integer and a number a row."""

    BUILDER_CONFIG_CLASS = ShardsConfig
    BUILDER_CONFIGS: ClassVar = [ShardsConfig(name="default"), ShardsConfig(name="wide", largest=10_000)]
    DEFAULT_CONFIG_NAME = "default"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            features=datasets.Features({"key": datasets.Value("int64"), "value": datasets.Value("float64")})
        )

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        rows, shards = self.config.rows, self.config.shards
        counts = {"train": shards, "test": -(-shards // 5)}
        return [
            datasets.SplitGenerator(
                name=split,
                gen_kwargs={
                    "parts": [
                        Shard(split, index, rows if index < count - 1 else -(-rows // 2)) for index in range(count)
                    ]
                },
            )
            for split, count in counts.items()
        ]

    def _generate_tables(self, parts: list[Shard]) -> Iterator[tuple[int, pa.Table]]:
        for key, part in enumerate(parts):
            if part.index == DEADLY_INDEX and DEADLY in os.environ:
                _die_once(Path(os.environ[DEADLY]))
            draws = np.random.default_rng([self.config.largest, part.split == "train", part.index])
            keys, values = draws.integers(self.config.largest, size=part.rows), draws.normal(size=part.rows)
            yield key, pa.table({"key": keys, "value": values})


def _die_once(file: Path) -> None:
    try:
        file.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def shards_card(folder: Path) -> Card:
    """The card of the builder, its template written to `folder`."""
    template = folder / "shards.md.jinja"
    template.write_text(TEMPLATE, encoding="utf-8")
    return Card(template=template, metadata={"license": "mit", "pretty_name": "Shards"})
