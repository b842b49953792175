"""Checks of one Parquet file: its pages, columns and footer, and what the Hub's viewer can show of it."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.errors import one_line
from publisher.prepare import as_read
from publisher.prepare.parquet import MAGIC, any_length

FEATURES_KEY = "huggingface"
# A footer may claim anything. Files that claim more rows than these, or more columns, are not read.
ROWS_PER_BYTE, ROWS_FREE = 100, 100_000_000
COLUMNS = 10_000  # the Hub's viewer shows 1,000 at most
BATCH_ROWS, BATCH_BYTES = 65_536, 64_000_000  # that are held at a time
VIEWER_BYTES = 300_000_000  # of a row group, which the Hub's viewer reads as a whole


class DamagedError(Exception):
    """A file cannot be read; the message is a finding."""


def check_file(
    source: Path, path: str, features: datasets.Features | None, take: Callable[[pa.Table], object]
) -> list[str]:
    """Read every page of a file, give the rows to `take`, some at a time, and return the findings.

    `path` is the file's name in the repository, `features` what the card says of its columns. Raises DamagedError.
    """
    size = source.stat().st_size
    with source.open("rb") as opened:
        first = opened.read(len(MAGIC))
        opened.seek(-len(first), os.SEEK_END)
        last = opened.read()
    if first != MAGIC:
        raise DamagedError(f"{path} is {'' if size else 'empty: '}not a Parquet file")
    if last != MAGIC:
        raise DamagedError(f"{path} is truncated: the end of a Parquet file is missing")
    # pyarrow raises whatever the damage leads to, from ArrowInvalid to UnicodeDecodeError
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        metadata, schema = file.metadata, file.schema_arrow
    except Exception as error:
        raise DamagedError(f"{path} cannot be opened: {one_line(error)}") from error
    with file:
        if metadata.num_rows > ROWS_PER_BYTE * size + ROWS_FREE or metadata.num_columns > COLUMNS:
            claimed = f"{metadata.num_rows:,} rows in {metadata.num_columns:,} columns"
            raise DamagedError(f"{path} has {size:,} bytes, and its footer claims {claimed}: it is not read")
        try:
            for table in tables(file):
                take(table)
        except Exception as error:
            raise DamagedError(f"{path}{_find_unreadable(file)} cannot be read: {one_line(error)}") from error
    promised, wrong = _check_footer(path, metadata, features)
    if (expected := promised if features is None else features) is not None:
        wrong = [*_check_columns(path, schema, expected.arrow_schema), *wrong]
    return [*wrong, *_check_viewer(path, metadata)]


def tables(file: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield all rows of a file, some at a time."""
    metadata = file.metadata
    content = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    rows = min(BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(1, content))
    found = 0
    for batch in file.iter_batches(max(1, rows // 8 * 8), columns=columns):
        batch.validate(full=True)
        found += len(batch)
        yield pa.Table.from_batches([batch])
    if found != metadata.num_rows:
        raise ValueError(f"it has {found:,} values in {metadata.num_rows:,} rows")


def _find_unreadable(file: pq.ParquetFile) -> str:
    """Return the first column of a file that cannot be read alone, after a colon; nothing if all can."""
    for column in file.schema_arrow.names:
        try:
            for _ in tables(file, [column]):
                pass
        except Exception:
            return f": column {column}"
    return ""


def _check_columns(path: str, schema: pa.Schema, wanted: pa.Schema) -> Iterator[str]:
    found, expected = Counter(schema.names), set(wanted.names)
    for name in schema.names:
        if name not in expected:
            yield f"{path}: column {name} is not among those expected: {', '.join(wanted.names)}"
    for field in wanted:
        if (times := found[field.name]) != 1:
            yield f"{path}: column {field.name} is {'missing' if times == 0 else f'there {times} times'}"
        elif (kind := schema.field(field.name).type) != field.type and _kept(kind) != _kept(field.type):
            yield f"{path}: column {field.name} has the type {kind}, expected {field.type}"
    if schema.names != wanted.names and sorted(schema.names) == sorted(wanted.names):
        yield f"{path}: the columns are in the order {', '.join(schema.names)}, expected {', '.join(wanted.names)}"


def _kept(kind: pa.DataType) -> Any:
    """Feature that a type is read as once it was in Parquet, or the type itself if one of the libraries lacks it.

    Parquet has no seconds, nor dates in milliseconds; `datasets` knows no nullability, and no names of list items.
    """
    written = io.BytesIO()
    try:
        pq.write_table(pa.schema([("", any_length(kind))]).empty_table(), written)
        return datasets.Features.from_arrow_schema(pq.read_schema(written))[""]
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError):
        return kind


def _check_footer(
    path: str, metadata: pq.FileMetaData, card: datasets.Features | None
) -> tuple[datasets.Features | None, list[str]]:
    """Return the features in the footer, if they can be read, and what is wrong with them."""
    where = f"{path}: the footer's key {FEATURES_KEY!r}"
    text = (metadata.metadata or {}).get(FEATURES_KEY.encode())
    if text is None:
        return None, [f"{where} is missing"]
    findings = []
    try:
        listed = json.loads(text)["info"]["features"]
        if '"_type": "List"' in json.dumps(listed):
            findings.append(f'{where} has "_type": "List", which datasets before 4.0 cannot read: write "Sequence"')
        features = datasets.Features.from_dict(listed)
        features.arrow_schema  # noqa: B018  # fails for an unknown type
    except json.JSONDecodeError:
        return None, [f"{where} is not valid JSON"]
    except Exception as error:
        return None, findings or [f"{where} holds no features: {one_line(error)}"]
    if card is not None and (found := as_read(features)) != (said := as_read(card)):
        names = [name for name in {**said, **found} if said.get(name) != found.get(name)]
        findings.append(f"{where} differs from the card in {', '.join(names)}")
    return features, findings


def _check_viewer(path: str, metadata: pq.FileMetaData) -> Iterator[str]:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    if (largest := max((group.total_byte_size for group in groups), default=0)) > VIEWER_BYTES:
        most = f"and the Hub's viewer reads at most {VIEWER_BYTES:,}"
        yield f"{path} has a row group of {largest:,} bytes, {most}. Write smaller row groups"
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    if lacking := [chunk.path_in_schema for chunk in chunks if chunk.num_values and not chunk.has_offset_index]:
        effect = "without a page index, so the Hub's viewer reads whole row groups"
        yield f"{path}: {', '.join(dict.fromkeys(lacking))}: {effect}. Write it with write_page_index=True"
