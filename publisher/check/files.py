"""One Parquet file: that all of it can be read, what its columns and its footer are, and how it is stored."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.check.pages import page_sizes
from publisher.hub.cleaning import one_line
from publisher.prepare.configs import METADATA_KEY
from publisher.prepare.features import as_read
from publisher.prepare.parquet import FILE_BYTES, LARGEST, MAGIC, any_length

FEATURES_KEY = "huggingface"

# A footer may claim anything. What claims more than this, or has more columns, is not read.
BYTES_CLAIMED, ROWS_CLAIMED = 1000, 100  # for each byte of the file ...
BYTES_FREE, ROWS_FREE = LARGEST * FILE_BYTES, 100_000_000  # ... beside so many, as in the largest that are published
COLUMNS = 10_000  # the Hub's viewer shows 1,000 at most
BLAMED = 100  # columns that are tried one by one if a file cannot be read
PAGE_BYTES, PAGE_UNPACKS = 100_000_000, 100  # of a larger page, so many bytes for each stored one at most
BATCH_ROWS, BATCH_BYTES = 65_536, 64_000_000  # that are held at a time


@dataclass(frozen=True)
class Contents:
    """A file that could be read."""

    path: str
    size: int  # bytes
    metadata: pq.FileMetaData
    schema: pa.Schema

    @property
    def footer(self) -> dict[str, str]:
        """Key-value pairs."""
        pairs = self.metadata.metadata or {}
        return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in pairs.items()}


class DamagedError(Exception):
    """A file cannot be read; its arguments are the sentences that say why."""


def read_file(folder: Path, path: str, take: Callable[[pa.Table], object]) -> Contents:
    """Read every page of a file.

    Parameters
    ----------
    folder : Path
    path : str
    take : callable
        Gets the rows, some at a time.

    Raises
    ------
    DamagedError
        If that fails, with a sentence for each column that it fails for.
    """
    source = folder / path
    size = source.stat().st_size
    if size == 0:
        raise DamagedError(f"{path} is empty: not a Parquet file")
    with source.open("rb") as file:
        first = file.read(len(MAGIC))
        file.seek(max(0, size - len(MAGIC)))
        last = file.read()
    if first != MAGIC:
        raise DamagedError(f"{path} is not a Parquet file")
    if last != MAGIC or size <= 2 * len(MAGIC):
        raise DamagedError(f"{path} is truncated: the end of a Parquet file is missing")
    # pyarrow raises whatever the damage leads to, from ArrowInvalid to UnicodeDecodeError
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        _check_claims(path, size, file.metadata)
        _check_pages(source, path, size, file.metadata)
        schema = file.schema_arrow
        names = schema.names
    except DamagedError:
        raise
    except Exception as error:
        raise DamagedError(f"{path} cannot be opened: {one_line(error)}") from error
    with file:
        try:
            for table in _tables(file):
                take(table)
        except Exception as error:
            raise DamagedError(*_blame(file, path, names) or [f"{path} cannot be read: {one_line(error)}"]) from error
        return Contents(path, size, file.metadata, schema)


def _check_claims(path: str, size: int, metadata: pq.FileMetaData) -> None:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    content = sum(group.total_byte_size for group in groups)
    if content > BYTES_CLAIMED * size + BYTES_FREE or metadata.num_rows > ROWS_CLAIMED * size + ROWS_FREE:
        raise DamagedError(
            f"{path} has {size:,} bytes, and its footer claims {metadata.num_rows:,} rows in {content:,} bytes: "
            "that cannot be"
        )
    if metadata.num_columns > COLUMNS:
        raise DamagedError(f"{path} has {metadata.num_columns:,} columns, more than the {COLUMNS:,} that are checked")


def _check_pages(source: Path, path: str, size: int, metadata: pq.FileMetaData) -> None:
    """Refuse what would fill the memory: a page is unpacked as a whole, to the size that its own header says."""
    content, large = 0, False
    with source.open("rb") as file:
        for group, column in itertools.product(range(metadata.num_row_groups), range(metadata.num_columns)):
            chunk = metadata.row_group(group).column(column)
            start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)), default=0)
            with contextlib.suppress(ValueError):  # no pages: reading it says more
                for stored, unpacked in page_sizes(file, start, chunk.total_compressed_size):
                    content += unpacked
                    large = large or unpacked > max(PAGE_BYTES, PAGE_UNPACKS * stored)
    if large or content > BYTES_CLAIMED * size + BYTES_FREE:
        raise DamagedError(f"{path} has {size:,} bytes, and its pages unpack to {content:,} bytes: it is not read")


def _tables(file: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """All rows, some at a time."""
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


def _blame(file: pq.ParquetFile, path: str, names: list[str]) -> list[str]:
    """A sentence for each column that cannot be read alone."""
    wrong = []
    for name in names[:BLAMED]:
        try:
            for _ in _tables(file, [name]):
                pass
        except Exception as error:
            wrong.append(f"{path}: column {name} cannot be read: {one_line(error)}")
    return wrong


def check_columns(contents: Contents, features: datasets.Features) -> Iterator[str]:
    """Names and Arrow types of the columns against the features that the card, or else the footer, promises."""
    path, schema, wanted = contents.path, contents.schema, features.arrow_schema
    there, expected = Counter(schema.names), set(wanted.names)
    for name in schema.names:
        if name not in expected:
            yield f"{path}: column {name} is not among those expected: {', '.join(wanted.names)}"
    for field in wanted:
        if (times := there[field.name]) != 1:
            yield f"{path}: column {field.name} is {'missing' if times == 0 else f'there {times} times'}"
        elif not _same_type(found := schema.field(field.name).type, field.type):
            yield f"{path}: column {field.name} has the type {found}, expected {field.type}"
    if schema.names != wanted.names and sorted(schema.names) == sorted(wanted.names):
        yield f"{path}: the columns are in the order {', '.join(schema.names)}, expected {', '.join(wanted.names)}"


def _same_type(left: pa.DataType, right: pa.DataType) -> bool:
    """Whether a type that was read is the other one, as Parquet keeps it.

    Parquet has no seconds, nor dates in milliseconds; `datasets` knows no nullability, and no names of list items.
    """
    if left in (right, _kept(right), _kept(any_length(right))):
        return True
    try:
        one, other = (
            datasets.Features.from_arrow_schema(pa.schema([("", any_length(kind))])) for kind in (left, right)
        )
    except (ValueError, TypeError, NotImplementedError):  # types that `datasets` does not know
        return False
    return bool(one == other)


def _kept(kind: pa.DataType) -> pa.DataType:
    """The type that Parquet gives back for another one."""
    written = io.BytesIO()
    try:
        pq.write_table(pa.schema([("", kind)]).empty_table(), written)
    except (pa.ArrowException, NotImplementedError):  # types that Parquet does not know
        return kind
    return pq.read_schema(written).field(0).type


def check_features(contents: Contents, card: datasets.Features | None) -> tuple[datasets.Features | None, list[str]]:
    """The features in the footer, if they can be read, and what is wrong with them."""
    where = f"{contents.path}: the footer's key {FEATURES_KEY!r}"
    if FEATURES_KEY not in contents.footer:
        return None, [f"{where} is missing"]
    try:
        listed = json.loads(contents.footer[FEATURES_KEY])["info"]["features"]
    except ValueError:
        return None, [f"{where} is not valid JSON"]
    except (KeyError, TypeError):
        return None, [f"{where} has no info.features"]
    findings = []
    if _has_new_lists(listed):
        findings.append(f'{where} has "_type": "List", which datasets before 4.0 cannot read: write "Sequence"')
    try:
        features = datasets.Features.from_dict(listed)
        features.arrow_schema  # noqa: B018  # fails for what is no type
    except Exception as error:
        return None, findings or [f"{where} holds no features: {one_line(error)}"]
    if card is not None and (found := as_read(features)) != (said := as_read(card)):
        names = [name for name in {**said, **found} if said.get(name) != found.get(name)]
        findings.append(f"{where} differs from the card in {', '.join(names)}")
    return features, findings


def _has_new_lists(features: Any) -> bool:
    if isinstance(features, list):
        return any(map(_has_new_lists, features))
    if not isinstance(features, dict):
        return False
    return features.get("_type") == "List" or any(map(_has_new_lists, features.values()))


def check_made_by(contents: Contents, provenance: Mapping[str, Any]) -> Iterator[str]:
    """What made the file, against the card's record."""
    where = f"{contents.path}: the footer's key {METADATA_KEY!r}"
    try:
        found = json.loads(contents.footer[METADATA_KEY])
    except KeyError:
        yield f"{where} is missing"
        return
    except ValueError:
        found = None
    if not isinstance(found, dict):
        yield f"{where} is not a JSON object"
    elif names := [name for name in {**provenance, **found} if provenance.get(name) != found.get(name)]:
        yield f"{where} differs from the card's record in {', '.join(names)}"


def check_encodings(contents: Contents) -> Iterator[str]:
    """That a file is stored as `publisher.prepare.parquet` does it: one sentence per way in which it is not."""
    groups = [contents.metadata.row_group(index) for index in range(contents.metadata.num_row_groups)]
    stored = [group.column(index) for group in groups for index in range(group.num_columns)]
    leaves = Counter(chunk.path_in_schema for chunk in stored)  # two of one name are written as pyarrow likes
    chunks = [chunk for chunk in stored if chunk.num_values and leaves[chunk.path_in_schema] == len(groups)]
    floats = [chunk for chunk in chunks if chunk.physical_type in ("FLOAT", "DOUBLE")]
    others = [chunk for chunk in chunks if chunk.physical_type not in ("FLOAT", "DOUBLE", "BOOLEAN")]
    wrong = {
        "not compressed with zstd": [chunk for chunk in chunks if chunk.compression != "ZSTD"],
        "floats without BYTE_STREAM_SPLIT": [chunk for chunk in floats if "BYTE_STREAM_SPLIT" not in chunk.encodings],
        "floats with a dictionary": [chunk for chunk in floats if chunk.has_dictionary_page],
        "stored without a dictionary": [chunk for chunk in others if not chunk.has_dictionary_page],
        "without a page index": [
            # nulls and NaN alone have no least and no greatest value, of which the column's index is made
            chunk
            for chunk in chunks
            if not chunk.has_offset_index
            or not (chunk.has_column_index or chunk.statistics is None or not chunk.statistics.has_min_max)
        ],
    }
    for what, found in wrong.items():
        if found:
            paths = ", ".join(dict.fromkeys(chunk.path_in_schema for chunk in found))
            yield f"{contents.path}: {paths}: {what}, unlike what the publisher writes"
