"""The private names of libraries that the publisher uses do what it needs; CI runs this with the oldest and newest."""

from __future__ import annotations

import subprocess
import sys

import datasets
import pyarrow as pa
from huggingface_hub import DatasetCardData

from publisher.prepare import datasets_compat, features_from_card


def test_patched_for_streaming() -> None:
    """A builder whose module says that it is patched is made without SciPy."""
    program = "import sys; from mnist1d import Mnist1D; Mnist1D(); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_card_features() -> None:
    """Features that are written into a card are read back, and empty structs and lists survive a cast."""
    features = datasets.Features({"x": datasets.Sequence(datasets.Value("int8")), "y": datasets.Value("string")})
    data = DatasetCardData()
    datasets_compat.DatasetInfosDict({"default": datasets.DatasetInfo(features=features)}).to_dataset_card_data(data)
    assert features_from_card(data["dataset_info"]["features"]) == features
    table = pa.table({"x": [[1], []], "y": ["a", None]})
    assert datasets_compat.table_cast(table, features.arrow_schema).schema.equals(features.arrow_schema)
