"""The private names of `datasets` that the publisher uses do what it needs; CI tries the oldest and newest version."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import datasets
import pyarrow as pa
from huggingface_hub import DatasetCardData

from publisher.prepare import datasets_compat
from publisher.prepare.features import features_from_card
from tests.pictures import Pictures
from tests.shards import Shards


def test_split_generators(tmp_path: Path) -> None:
    """Ask a builder for its splits once, and prepare those."""
    builder = Pictures(config_name="small", cache_dir=str(tmp_path))
    first = datasets_compat.split_generators(builder, tmp_path, tmp_path, [])
    assert [(str(split.name), split.gen_kwargs) for split in first] == [("validation", {"rows": 3})]
    first[0].gen_kwargs["rows"] = 2
    builder.download_and_prepare(str(tmp_path / "rows"))
    assert builder.as_dataset(split="validation").num_rows == 2


def test_patched_for_streaming() -> None:
    """A builder whose module says that it is patched is made without SciPy."""
    program = "import sys; from mnist1d import Mnist1D; Mnist1D(); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_generate_tables(tmp_path: Path) -> None:
    """Tables come as the builder yields them."""
    builder = Shards(config_name="default", cache_dir=str(tmp_path))
    train, _ = datasets_compat.split_generators(builder, tmp_path, tmp_path, [])
    tables = list(datasets_compat.generate_tables(builder, train.gen_kwargs))
    assert sum(table.num_rows for table in tables) == 950


def test_card_features() -> None:
    """Features that are written into a card are read back, and empty structs and lists survive a cast."""
    features = datasets.Features({"x": datasets.Sequence(datasets.Value("int8")), "y": datasets.Value("string")})
    data = DatasetCardData()
    datasets_compat.DatasetInfosDict({"default": datasets.DatasetInfo(features=features)}).to_dataset_card_data(data)
    assert features_from_card(data["dataset_info"]["features"]) == features
    table = pa.table({"x": [[1], []], "y": ["a", None]})
    assert datasets_compat.table_cast(table, features.arrow_schema).schema.equals(features.arrow_schema)
