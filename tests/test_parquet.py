"""Parquet files: what is in them, how it is stored, and that it stays the same."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest

from mnist1d import VERSION
from publisher.prepare import parquet
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.configs import METADATA_KEY, PreparedConfig
from publisher.prepare.tasks import WholeConfig
from tests.pictures import Pictures

MNIST1D_BYTES = 1_450_000  # of the two default files together; those published before have 2,009,200


@pytest.fixture
def pictures(tmp_path: Path) -> PreparedConfig:
    """The second dataset's large config, written to `tmp_path / "new"`."""
    return WholeConfig(ConfigBuilder(Pictures, "large", {}), "small").draw(tmp_path / "new")


def test_rows_and_features_survive(pictures: PreparedConfig, tmp_path: Path) -> None:
    """`load_dataset` gives what the builder gave, without a card."""
    builder = Pictures(config_name="large", cache_dir=str(tmp_path / "again"))
    builder.download_and_prepare()
    expected = builder.as_dataset(split="validation")
    [file] = pictures.files["validation"]
    loaded = datasets.load_dataset("parquet", data_files=str(tmp_path / "new" / file.path), split="train")
    assert loaded.features == expected.features
    assert list(loaded) == list(expected)
    assert file.path == "large/validation-00000-of-00001.parquet"
    assert (file.rows, file.size) == (30, (tmp_path / "new" / file.path).stat().st_size)


def test_encodings(pictures: PreparedConfig, tmp_path: Path) -> None:
    """Zstandard and a page index everywhere; floats split by byte, everything else with a dictionary."""
    metadata = pq.read_metadata(tmp_path / "new" / pictures.files["validation"][0].path)
    columns = [metadata.row_group(0).column(index) for index in range(metadata.num_columns)]
    assert {column.compression for column in columns} == {"ZSTD"}
    assert all(column.has_offset_index and column.has_column_index for column in columns if column.num_values)
    for column in columns:
        split = "BYTE_STREAM_SPLIT" in column.encodings
        assert split == (column.physical_type in ("FLOAT", "DOUBLE"))
        assert column.has_dictionary_page == (not split)


def test_footer_says_what_made_the_file(built: Path) -> None:
    """Builder, config, version and every parameter."""
    metadata = pq.read_metadata(built / "shuffled" / "test-00000-of-00001.parquet").metadata
    provenance = json.loads(metadata[METADATA_KEY.encode()])
    assert (provenance["builder"], provenance["config"], provenance["version"]) == ("mnist1d", "shuffled", VERSION)
    assert provenance["parameters"]["shuffle_seq"] is True
    assert provenance["parameters"]["padding"] == [36, 60]
    assert len(provenance["parameters"]) == 12


def test_published_size(built: Path) -> None:
    """The two files of the default config are small."""
    assert sum(path.stat().st_size for path in (built / "data").iterdir()) <= MNIST1D_BYTES


def test_large_splits_take_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows keep their order over the files, and none is lost or doubled."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 300)
    rows = datasets.Dataset.from_dict({"n": list(range(700))})
    written = list(parquet.write_split(rows, "train", tmp_path, {}))
    assert [file.path.name for file in written] == parquet.file_names("train", 6)
    assert [value for file in written for value in pq.read_table(file.path)["n"].to_pylist()] == list(range(700))
    assert sum(file.rows for file in written) == 700
    assert pq.read_metadata(written[0].path).num_row_groups > 1


def test_no_rows(tmp_path: Path) -> None:
    """A split without rows is one file without rows."""
    empty = datasets.Dataset.from_dict(
        {"x": [], "y": []},
        features=datasets.Features({"x": datasets.Sequence(datasets.Value("float64")), "y": datasets.Value("int64")}),
    )
    [file] = parquet.write_split(empty, "train", tmp_path, {})
    assert (file.rows, pq.read_table(file.path).num_rows) == (0, 0)
