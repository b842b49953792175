"""A second dataset, unlike MNIST-1D in every way, that goes through the publisher's same doors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import datasets
import numpy as np
from PIL import Image

from publisher import Card
from tests.builders import VALUE

PICTURES_CARD = Card(Path(__file__).with_name("pictures.md.jinja"), {"license": "mit", "pretty_name": "Pictures"})


class Pictures(datasets.GeneratorBasedBuilder):
    """Text, a nested feature, a class label and an image."""

    VERSION = datasets.Version("0.1.0")
    ROWS: ClassVar = {"small": 3, "large": 30}
    BUILDER_CONFIGS: ClassVar = [datasets.BuilderConfig(name="small"), datasets.BuilderConfig(name="large")]
    DEFAULT_CONFIG_NAME = "small"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            features=datasets.Features(
                {
                    "text": VALUE("string"),
                    "boxes": [{"name": VALUE("string"), "corners": datasets.Sequence(VALUE("int32"))}],
                    "scores": datasets.Sequence(datasets.Sequence(VALUE("float32"))),
                    "kind": datasets.ClassLabel(names=["light", "dark"]),
                    "image": datasets.Image(),
                }
            )
        )

    def _split_generators(self, dl_manager: object) -> list[datasets.SplitGenerator]:
        rows = self.ROWS[self.config.name]
        return [datasets.SplitGenerator(name=datasets.Split.VALIDATION, gen_kwargs={"rows": rows})]

    def _generate_examples(self, rows: int) -> Iterator[tuple[int, dict[str, Any]]]:
        for row in range(rows):
            columns = {
                "text": f"row {row} -- ä",
                "boxes": [{"name": f"box {box}", "corners": [box, row]} for box in range(row % 3)],
                "scores": [[row / 2, row / 4], []],
                "kind": row % 2,
                "image": Image.fromarray(np.full((4, 4), row, dtype=np.uint8)),
            }
            yield row, columns


# Later versions of the dataset, of the same name: with more rows in one config, and without it
_SAME = {"__module__": Pictures.__module__}  # where `datasets` takes a builder's name from
Changed = type("Pictures", (Pictures,), {"ROWS": {"small": 3, "large": 31}, **_SAME})
Grown = type("Pictures", (Pictures,), {"ROWS": {"small": 3, "large": 32}, **_SAME})
Renamed = type("Pictures", (Pictures,), {"BUILDER_CONFIGS": Pictures.BUILDER_CONFIGS[:1], **_SAME})
