"""Rows -> Parquet files that every reader opens, small and the same from run to run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.build.datasets_internals import table_cast
from publisher.build.features import portable_dict

FILE_BYTES = 500_000_000  # Arrow bytes of a file: what the Hub's guide recommends
ROW_GROUP_BYTES = 100_000_000  # well below the 300 MB that the Hub's viewer reads at most


def file_names(split: str, count: int) -> list[str]:
    """Names of a split's files, in order.

    Examples
    --------
    >>> file_names("train", 2)
    ['train-00000-of-00002.parquet', 'train-00001-of-00002.parquet']
    """
    return [f"{split}-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


def write_split(
    dataset: datasets.Dataset, split: str, folder: Path, metadata: Mapping[str, str]
) -> Iterator[tuple[Path, int]]:
    """Write the rows of a split in files of about `FILE_BYTES`, and yield each when it is there with its rows.

    Parameters
    ----------
    dataset : datasets.Dataset
    split : str
    folder : Path
        Created if missing.
    metadata : mapping of str to str
        Key-value pairs for the footer of each file; the features are added under `huggingface`.

    Yields
    ------
    path : Path
        A file, named by `file_names`.
    rows : int
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = dataset.with_format("arrow")[:]
    count = max(1, -(-table.nbytes // FILE_BYTES))
    bounds = [len(table) * index // count for index in range(count + 1)]
    for name, start, stop in zip(file_names(split, count), bounds[:-1], bounds[1:], strict=True):
        rows = table.slice(start, stop - start)
        row_group = max(1, len(rows) * ROW_GROUP_BYTES // max(1, rows.nbytes))
        groups = (rows.slice(start, row_group) for start in range(0, len(rows), row_group))
        write_file(groups, folder / name, dataset.features, metadata)
        yield folder / name, len(rows)


def write_file(
    tables: Iterable[pa.Table], path: Path, features: datasets.Features, metadata: Mapping[str, str]
) -> tuple[int, int]:
    """Write tables into one file, holding no more of them than a row group of `ROW_GROUP_BYTES`.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
    path : Path
    features : datasets.Features
    metadata : mapping of str to str
        As in `write_split`.

    Returns
    -------
    rows : int
    nbytes : int
        Of the rows in Arrow.
    """
    footer = {**metadata, "huggingface": json.dumps({"info": {"features": portable_dict(features)}})}
    schema = features.arrow_schema.with_metadata(footer)
    rows = nbytes = 0
    with pq.ParquetWriter(path, schema, **_encodings(schema)) as writer:
        for group in _row_groups(tables):
            writer.write_table(table_cast(group, schema), row_group_size=len(group))
            rows += len(group)
            nbytes += group.nbytes
    return rows, nbytes


def _row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        if held and size + table.nbytes > ROW_GROUP_BYTES:
            yield pa.concat_tables(held)
            held, size = [], 0
        held.append(table)
        size += table.nbytes
    if held:
        yield pa.concat_tables(held)


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """Options of `pyarrow.parquet.write_table`.

    Floating-point values hardly ever repeat, and their bytes compress better when split by significance; everything
    else gets a dictionary. Page index and content-defined chunks let the Hub's viewer read, and its storage keep, only
    what differs (https://huggingface.co/docs/hub/datasets-libraries).
    """
    empty = io.BytesIO()
    pq.write_table(schema.empty_table(), empty)
    columns = pq.ParquetFile(empty).schema
    leaves = [columns.column(index) for index in range(len(columns))]
    floats = [leaf.path for leaf in leaves if leaf.physical_type in ("FLOAT", "DOUBLE")]
    return {
        "compression": "zstd",
        "use_dictionary": [leaf.path for leaf in leaves if leaf.path not in floats],
        "column_encoding": dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }
