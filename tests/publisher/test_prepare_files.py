"""Files: how rows are divided and stored, media and their paths, and configs in shards."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from loopback import Hub
from mnist1d import VERSION
from publisher import validate
from publisher.prepare import parquet
from publisher.prepare.configs import METADATA_KEY
from publisher.prepare.tasks import ConfigBuilder, WholeConfig
from tests.builders import VALUE, R, Rows, builder, load
from tests.commands import Run
from tests.pictures import Pictures

MNIST1D_BYTES = 1_450_000  # of the two default files together; those published before have 2,009,200


def test_a_file(tmp_path: Path) -> None:
    """`load_dataset` gives what the builder gave, without a card.

    Zstandard and a page index everywhere; floats split by byte, everything else with a dictionary; chunks by content.
    """
    prepared = WholeConfig(ConfigBuilder(Pictures, "large", {}, tmp_path, tmp_path)).prepare(tmp_path / "new")
    [file] = prepared.files["validation"]
    stored = tmp_path / "new" / "large" / "validation-00000-of-00001.parquet"
    assert (file.rows, file.size) == (30, stored.stat().st_size)
    builder = Pictures(config_name="large", cache_dir=str(tmp_path / "again"))
    builder.download_and_prepare()
    expected = builder.as_dataset(split="validation")
    loaded = datasets.load_dataset("parquet", data_files=str(stored), split="train")
    assert loaded.features == expected.features
    assert list(loaded) == list(expected)
    metadata = pq.read_metadata(stored)
    assert {b"use_content_defined_chunking", b"content_defined_chunking"} < metadata.metadata.keys()
    for column in (metadata.row_group(0).column(index) for index in range(metadata.num_columns)):
        assert (column.compression, column.has_dictionary_page) == ("ZSTD", "BYTE_STREAM_SPLIT" not in column.encodings)
        assert column.has_dictionary_page == (column.physical_type not in ("FLOAT", "DOUBLE"))
        assert (column.has_offset_index and column.has_column_index) or not column.num_values


def test_footer_says_what_made_the_file(built: Path) -> None:
    """Builder, config, version and every parameter; and the two files of the default config are small."""
    assert sum(path.stat().st_size for path in (built / "data").iterdir()) <= MNIST1D_BYTES
    metadata = pq.read_metadata(built / "shuffled" / "test-00000-of-00001.parquet").metadata
    provenance = json.loads(metadata[METADATA_KEY.encode()])
    assert (provenance["builder"], provenance["config"], provenance["version"]) == ("mnist1d", "shuffled", VERSION)
    parameters = provenance["parameters"]
    assert (parameters["shuffle_seq"], parameters["padding"], len(parameters)) == (True, [36, 60], 12)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Paths of three pictures."""
    folder = tmp_path / "me" / "private"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (4, 4), (number * 80, 0, 0)).save(folder / f"{number}.png")
    return sorted(map(str, folder.iterdir()))


DEEP = {"found": [{"crop": datasets.Image(), "name": VALUE("string")}]}
MEDIA = datasets.Features({"image": datasets.Image(), "pages": [datasets.Image()], "deep": DEEP})


def media(config: Any, files: list[str]) -> Iterator[dict[str, Any]]:
    """Pictures by path, in a list, and in structs in a list in a struct; and none."""
    for number, file in enumerate(files):
        found = [{"crop": file, "name": "one"}] * number
        yield {"image": file, "pages": [file] * number, "deep": {"found": found} if number else None}
    yield {"image": None, "pages": None, "deep": None}


def media_tables(config: Any, files: list[str]) -> Iterator[pa.Table]:
    """The same pictures as tables."""
    for file in files:
        by_path = {"bytes": None, "path": file}
        row = {"image": by_path, "pages": [by_path], "deep": {"found": [{"crop": by_path, "name": "one"}]}}
        yield pa.Table.from_pylist([row], schema=MEDIA.arrow_schema)


@pytest.mark.parametrize(("rows", "tables"), [(media, False), (media_tables, True)])
def test_media(rows: Rows, tables: bool, files: list[str], run: Run, hub: Hub, tmp_path: Path) -> None:
    """Media named by path are published with their bytes, and no path of this machine is in any file."""
    kind = builder(rows, MEDIA, tables=tables, train={"files": files})
    prepared = kind(cache_dir=str(tmp_path / "cache"))
    prepared.download_and_prepare()
    expected = list(map(_pixels, prepared.as_dataset(split="train")))
    sizes = {Path(file).name: Path(file).stat().st_size for file in files}
    assert run(kind, "--work-dir", tmp_path / "work").exit_code == 0
    for file in files:
        Path(file).unlink()
    assert list(map(_pixels, load())) == expected
    for path, content in hub.files(R).items():
        assert str(tmp_path).encode() not in content
        if path.endswith(".parquet"):
            stored = pq.read_table(io.BytesIO(content))["image"].drop_null().to_pylist()
            assert {row["path"]: len(row["bytes"]) for row in stored} == sizes


def _pixels(value: Any) -> Any:
    """The same with pictures as lists."""
    if isinstance(value, dict):
        return {name: _pixels(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_pixels(item) for item in value]
    return np.asarray(value).tolist() if isinstance(value, Image.Image) else value


def test_a_missing_medium(files: list[str], run: Run, hub: Hub) -> None:
    """A medium that cannot be read is a sentence that says where it is; nothing is published."""
    Path(files[1]).unlink()
    said = run(builder(media, MEDIA, train={"files": files})).refusal()
    wanted = ("'default'", "'train'", "row 1", "'image'", files[1])
    assert [words for words in wanted if words not in said] == [], said


@pytest.mark.parametrize("tables", [False, True])
def test_rows_of_all_sizes(tables: bool, run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files and row groups are bounded, though the first shard and the last are small; an empty one is allowed."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 200_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 50_000)
    monkeypatch.setattr(parquet, "BATCH_ROWS", 16)
    random = np.random.default_rng(0)
    shards = [[b"x"] * 10, [b"x"] * 2000 + [random.bytes(10_000) for _ in range(50)], [], [b"x"], []]

    def rows(config: Any, shards: list[list[bytes]]) -> Iterator[Any]:
        for shard in shards:
            if tables:
                yield pa.table({"blob": pa.array(shard, "binary")})
            else:
                yield from ({"blob": blob} for blob in shard)

    features = datasets.Features({"blob": VALUE("binary")})
    kind = partial(
        run, builder(rows, features, tables=tables, train={"shards": shards}), "--work-dir", tmp_path / "work"
    )
    assert kind("--dry-run").exit_code == kind().exit_code == 0
    before = hub.files(R)
    files = [pq.ParquetFile(io.BytesIO(before[path])).metadata for path in sorted(before) if path.endswith(".parquet")]
    assert len(files) > 1
    assert max(len(content) for content in before.values()) < (400_000 if tables else 220_000)
    assert max(file.row_group(at).total_byte_size for file in files for at in range(file.num_row_groups)) < 65_000
    assert load()["blob"][:] == [blob for shard in shards for blob in shard]
    assert validate(R) == []
    assert kind().exit_code == kind("--verify").exit_code == 0
    assert hub.files(R) == before


@pytest.mark.parametrize("numbers", [[0, 1, 2], (0, 1)])  # lists of different lengths; a list, not of shards
def test_lists_that_are_no_shards(numbers: Any, run: Run, hub: Hub, monkeypatch: Any, tmp_path: Path) -> None:
    """They reach the builder whole."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)

    def joined(config: Any, numbers: Any, words: list[str]) -> Iterator[pa.Table]:
        for number in numbers:
            yield pa.table({"x": [f"{number}{''.join(words)}"]})

    given = {"numbers": numbers, "words": ["a", "b"]}
    kind = builder(joined, datasets.Features({"x": VALUE("string")}), tables=True, train=given)
    assert run(kind, "--work-dir", tmp_path / "work").exit_code == 0
    assert load()["x"][:] == [f"{number}ab" for number in numbers]


def test_media_in_text(files: list[str], run: Run, hub: Hub, tmp_path: Path) -> None:
    """Texts that are paths of pictures here are noted in the plan, and when a folder is written."""
    features = datasets.Features({"scan": VALUE("string"), "pages": [VALUE("string")], "note": VALUE("string")})
    row = {"scan": files[0], "pages": ["/nowhere.png", files[1]], "note": "/see files"}

    def tables(config: Any, n: list[int]) -> Iterator[pa.Table]:
        return (pa.table({name: [value] for name, value in row.items()}) for _ in n)

    in_parts = builder(tables, features, tables=True, train={"n": [1, 2]})
    for kind, arguments in product(
        (builder(lambda config: iter([row]), features), in_parts), (["--dry-run"], ["--output-dir", tmp_path / "out"])
    ):
        code, *said = run(kind, *arguments)
        assert (code, "datasets.Image()" in "".join(said), "'note'" in "".join(said)) == (0, True, False)
        for column, name in (("scan", "0.png"), ("pages", "1.png")):
            words = f"column {column!r} holds paths of files that are not published, such as '{name}'"
            assert words in "".join(said)
