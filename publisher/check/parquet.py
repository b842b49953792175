"""Checks of one Parquet file: its pages, columns and footer, how it is stored, and what the Hub can show of it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.prepare import as_read
from publisher.prepare.configs import METADATA_KEY
from publisher.prepare.parquet import MAGIC, any_length
from publisher.text import one_line

FEATURES_KEY = "huggingface"
# A footer may claim anything. Files that claim more rows than these, or more columns, are not read.
ROWS_PER_BYTE, ROWS_FREE = 100, 100_000_000
COLUMNS = 10_000  # the Hub's viewer shows 1,000 at most
COLUMNS_TRIED = 100  # one by one, if a file cannot be read
BATCH_ROWS, BATCH_BYTES = 65_536, 64_000_000  # that are held at a time
VIEWER_BYTES = 300_000_000  # of a row group, which the Hub's viewer reads as a whole


@dataclass(frozen=True)
class Contents:
    """A file that could be read."""

    path: str
    size: int  # bytes
    metadata: pq.FileMetaData
    schema: pa.Schema

    @property
    def chunks(self) -> list[pq.ColumnChunkMetaData]:
        """Column chunks of all row groups."""
        groups = map(self.metadata.row_group, range(self.metadata.num_row_groups))
        return [group.column(index) for group in groups for index in range(group.num_columns)]


class DamagedError(Exception):
    """A file cannot be read; its arguments are the sentences that say why."""


def read_file(folder: Path, path: str, take: Callable[[pa.Table], object]) -> Contents:
    """Read every page of a file, and give the rows to `take`, some at a time; raises DamagedError."""
    source = folder / path
    size = source.stat().st_size
    with source.open("rb") as opened:
        first = opened.read(len(MAGIC))
        opened.seek(max(0, size - len(MAGIC)))
        last = opened.read()
    if size == 0:
        raise DamagedError(f"{path} is empty: not a Parquet file")
    if first != MAGIC:
        raise DamagedError(f"{path} is not a Parquet file")
    if last != MAGIC or size <= 2 * len(MAGIC):
        raise DamagedError(f"{path} is truncated: the end of a Parquet file is missing")
    # pyarrow raises whatever the damage leads to, from ArrowInvalid to UnicodeDecodeError
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        metadata, schema = file.metadata, file.schema_arrow
        names = schema.names
    except Exception as error:
        raise DamagedError(f"{path} cannot be opened: {one_line(error)}") from error
    with file:
        if metadata.num_rows > ROWS_PER_BYTE * size + ROWS_FREE:
            raise DamagedError(f"{path} has {size:,} bytes, and its footer claims {metadata.num_rows:,} rows")
        if metadata.num_columns > COLUMNS:
            raise DamagedError(f"{path} has {metadata.num_columns:,} columns, and at most {COLUMNS:,} are checked")
        try:
            for table in tables(file):
                take(table)
        except Exception as error:
            blamed = [words for name in names[:COLUMNS_TRIED] if (words := _blame(file, path, name))]
            raise DamagedError(*blamed or [f"{path} cannot be read: {one_line(error)}"]) from error
        return Contents(path, size, metadata, schema)


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


def _blame(file: pq.ParquetFile, path: str, column: str) -> str | None:
    """Return a sentence if a column cannot be read alone."""
    try:
        for _ in tables(file, [column]):
            pass
    except Exception as error:
        return f"{path}: column {column} cannot be read: {one_line(error)}"
    return None


def check_file(
    contents: Contents, features: datasets.Features | None, provenance: Mapping[str, Any] | None
) -> Iterator[str]:
    """Check a file against the card's features and, if the publisher wrote it, the recorded provenance."""
    promised, wrong = _check_features(contents, features)
    if (expected := features if features is not None else promised) is not None:
        yield from _check_columns(contents, expected)
    yield from wrong
    yield from _check_viewer(contents)
    if provenance is not None:
        found, wrong = _read_pair(contents, METADATA_KEY)
        yield from wrong
        names = [name for name in {**provenance, **found} if provenance.get(name) != found.get(name)]
        if names and not wrong:
            yield f"{contents.path}: the footer's key {METADATA_KEY!r} differs from the record in {', '.join(names)}"
        yield from _check_encodings(contents)


def _check_columns(contents: Contents, features: datasets.Features) -> Iterator[str]:
    path, schema, wanted = contents.path, contents.schema, features.arrow_schema
    found, expected = Counter(schema.names), set(wanted.names)
    for name in schema.names:
        if name not in expected:
            yield f"{path}: column {name} is not among those expected: {', '.join(wanted.names)}"
    for field in wanted:
        if (times := found[field.name]) != 1:
            yield f"{path}: column {field.name} is {'missing' if times == 0 else f'there {times} times'}"
        elif not _same_type(kind := schema.field(field.name).type, field.type):
            yield f"{path}: column {field.name} has the type {kind}, expected {field.type}"
    if schema.names != wanted.names and sorted(schema.names) == sorted(wanted.names):
        yield f"{path}: the columns are in the order {', '.join(schema.names)}, expected {', '.join(wanted.names)}"


def _same_type(left: pa.DataType, right: pa.DataType) -> bool:
    """Return True if a type that was read is the other one, as Parquet keeps it.

    Parquet has no seconds, nor dates in milliseconds; `datasets` knows no nullability, and no names of list items.
    """
    if left in (right, _kept(right), _kept(any_length(right))):
        return True
    schemas = [pa.schema([("", any_length(kind))]) for kind in (left, right)]
    try:
        one, other = map(datasets.Features.from_arrow_schema, schemas)
    except (ValueError, TypeError, NotImplementedError):  # types that `datasets` does not know
        return False
    return bool(one == other)


def _kept(kind: pa.DataType) -> pa.DataType:
    """Type that Parquet gives back for another one."""
    written = io.BytesIO()
    try:
        pq.write_table(pa.schema([("", kind)]).empty_table(), written)
    except (pa.ArrowException, NotImplementedError):  # types that Parquet does not know
        return kind
    return pq.read_schema(written).field(0).type


def _check_features(contents: Contents, card: datasets.Features | None) -> tuple[datasets.Features | None, list[str]]:
    """Return the features in the footer, if they can be read, and what is wrong with them."""
    where = f"{contents.path}: the footer's key {FEATURES_KEY!r}"
    pair, wrong = _read_pair(contents, FEATURES_KEY)
    if wrong:
        return None, wrong
    findings = []
    try:
        listed = pair["info"]["features"]
        if '"_type": "List"' in json.dumps(listed):
            findings.append(f'{where} has "_type": "List", which datasets before 4.0 cannot read: write "Sequence"')
        features = datasets.Features.from_dict(listed)
        features.arrow_schema  # noqa: B018  # fails for an unknown type
    except Exception as error:
        return None, findings or [f"{where} holds no features: {one_line(error)}"]
    if card is not None and (found := as_read(features)) != (said := as_read(card)):
        names = [name for name in {**said, **found} if said.get(name) != found.get(name)]
        findings.append(f"{where} differs from the card in {', '.join(names)}")
    return features, findings


def _read_pair(contents: Contents, key: str) -> tuple[dict[str, Any], list[str]]:
    """Return the JSON object that the footer holds under a key, or what is wrong with it."""
    where = f"{contents.path}: the footer's key {key!r}"
    try:
        found = json.loads((contents.metadata.metadata or {})[key.encode()])
    except KeyError:
        return {}, [f"{where} is missing"]
    except ValueError:
        return {}, [f"{where} is not valid JSON"]
    return (found, []) if isinstance(found, dict) else ({}, [f"{where} is not a JSON object"])


def _check_viewer(contents: Contents) -> Iterator[str]:
    metadata = contents.metadata
    largest = max((metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)), default=0)
    if largest > VIEWER_BYTES:
        most = f"and the Hub's viewer reads at most {VIEWER_BYTES:,}"
        yield f"{contents.path} has a row group of {largest:,} bytes, {most}. Write smaller row groups"
    if lacking := [chunk for chunk in contents.chunks if chunk.num_values and not chunk.has_offset_index]:
        effect = "without a page index, so the Hub's viewer reads whole row groups"
        yield f"{contents.path}: {_paths(lacking)}: {effect}. Write it with write_page_index=True"


def _check_encodings(contents: Contents) -> Iterator[str]:
    """Check that a file is stored as `publisher.prepare.parquet` does it."""
    leaves = Counter(chunk.path_in_schema for chunk in contents.chunks)  # two of one name are written as pyarrow likes
    groups = contents.metadata.num_row_groups
    chunks = [chunk for chunk in contents.chunks if chunk.num_values and leaves[chunk.path_in_schema] == groups]
    floats = [chunk for chunk in chunks if chunk.physical_type in ("FLOAT", "DOUBLE")]
    others = [chunk for chunk in chunks if chunk.physical_type not in ("FLOAT", "DOUBLE", "BOOLEAN")]
    wrong = {
        "not compressed with zstd": [chunk for chunk in chunks if chunk.compression != "ZSTD"],
        "floats without BYTE_STREAM_SPLIT": [chunk for chunk in floats if "BYTE_STREAM_SPLIT" not in chunk.encodings],
        "floats with a dictionary": [chunk for chunk in floats if chunk.has_dictionary_page],
        "stored without a dictionary": [chunk for chunk in others if not chunk.has_dictionary_page],
    }
    for what, found in wrong.items():
        if found:
            yield f"{contents.path}: {_paths(found)}: {what}, unlike what the publisher writes"


def _paths(chunks: list[pq.ColumnChunkMetaData]) -> str:
    return ", ".join(dict.fromkeys(chunk.path_in_schema for chunk in chunks))
