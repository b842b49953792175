"""Rows to Parquet files, small and the same from run to run; tools/readers/README.md lists the readers."""

from __future__ import annotations

import io
import json
import math
import mimetypes
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from publisher.prepare import LocalFile, RowsError, describe_file, fields_of, is_medium, portable_dict, short
from publisher.prepare.datasets_compat import embed_table_storage, first_refused, table_cast
from publisher.prepare.rows import RowsDigest, arrow_bytes, differing_columns, leaves, map_arrays

MAGIC = b"PAR1"  # first and last bytes of a file
FILE_BYTES = 500_000_000  # Arrow bytes of a file: what the Hub's guide recommends
LARGEST = 1.5  # times as many, where it only shows on the way how many there are
ROW_GROUP_BYTES = 100_000_000  # well below the 300 MB that the Hub's viewer reads at most
BATCH_ROWS = 16_384  # that are read at a time
CHUNKS = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}  # pyarrow's own, in bytes
# By these keys the Hub's viewer, and `datasets`, know such files
CHUNKED = dict.fromkeys(("use_content_defined_chunking", "content_defined_chunking"), json.dumps(CHUNKS))


def file_names(split: str, count: int) -> list[str]:
    """Names of a split's files, in order: `train-00000-of-00002.parquet` and `train-00001-of-00002.parquet`."""
    return [f"{split}-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


@dataclass(frozen=True)
class Writing:
    """Settings for writing the rows of a config."""

    features: datasets.Features
    root: Path  # folder of the repository
    metadata: Mapping[str, str]  # for the footer of each file, next to the features
    folders: Collection[Path]  # of this machine, with which no text may begin
    media: dict[str, str]  # takes examples of paths of media in text, by column


def write_files(
    tables: Iterable[pa.Table], path: Path, writing: Writing, largest: float = 1
) -> Iterator[tuple[LocalFile, RowsDigest]]:
    """Write tables into files of at most `largest` times `FILE_BYTES`; yield each, and a digest of all rows so far.

    Their number shows at the end: each gets a number before the suffix of `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    most = largest * FILE_BYTES
    most_together = min(most, ROW_GROUP_BYTES)
    pieces = _grouped(_complete(tables, writing, most_together), most_together)
    row_groups = (pa.concat_tables(list(of_group)).combine_chunks() for _, of_group in pieces)
    whole = None
    for index, of_file in _grouped(row_groups, most):
        file, digest = _write(of_file, path.with_suffix(f".{index}{path.suffix}"), writing, whole)
        whole = whole or digest
        yield file, whole


def _write(
    groups: Iterable[pa.Table], path: Path, writing: Writing, whole: RowsDigest | None
) -> tuple[LocalFile, RowsDigest]:
    """Write a file and read it back; `whole` is a digest that takes the same rows."""
    features = writing.features
    footer = {**writing.metadata, "huggingface": json.dumps({"info": {"features": portable_dict(features)}})}
    fields = [field.with_type(any_length(field.type)) for field in features.arrow_schema]
    schema = pa.schema(fields, footer)
    given = RowsDigest(features)
    with _storable():
        writer = pq.ParquetWriter(path, schema, **_encodings(schema))
    with writer:
        writer.add_key_value_metadata(CHUNKED)
        for group in groups:
            with _storable():
                given.add(group)
                if whole:
                    whole.add(group)
                columns = [
                    pa.chunked_array([map_arrays(chunk, _of_any_length) for chunk in column.chunks], kind)
                    for column, kind in zip(group.columns, schema.types, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=len(group))
    with _storable():
        found, nbytes = _read_back(path, features)
    if wrong := differing_columns(given, found):
        fault = "the Parquet file gives back other values than were written. Give the column another type"
        raise RowsError(f"column {wrong[0]!r}: {fault}")
    rows = pq.read_metadata(path).num_rows
    return describe_file(path, writing.root, rows=rows, nbytes=nbytes, rows_sha256=given.hexdigest()), given


@contextmanager
def _storable() -> Iterator[None]:
    """Raise an error of the rows if pyarrow refuses them; a full disk passes unchanged."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise RowsError(
            f"pyarrow {pa.__version__} cannot keep these rows in Parquet ({short(error, str)}). "
            "Give the column another type, or update pyarrow"
        ) from error


def any_length(kind: pa.DataType) -> pa.DataType:
    """A type with lists of any length in place of fixed lengths, as it is stored.

    pyarrow 21 neither writes nor reads those that are null; the length stands in the features.
    """
    if pt.is_struct(kind):
        return pa.struct([field.with_type(any_length(field.type)) for field in kind])
    if pt.is_list(kind) or pt.is_fixed_size_list(kind):
        return pa.list_(any_length(kind.value_type))
    return pa.large_list(any_length(kind.value_type)) if pt.is_large_list(kind) else kind


def _of_any_length(array: pa.Array) -> pa.Array:
    if not pt.is_fixed_size_list(array.type):
        return array
    lengths = pc.list_value_length(array).fill_null(0).to_numpy()
    offsets = np.concatenate([[0], lengths.cumsum()]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), array.flatten(), mask=array.is_null())


def digest_of_rows(path: Path, features: datasets.Features) -> str:
    """SHA-256 of the rows in a file, see `publisher.prepare.rows`."""
    return _read_back(path, features)[0].hexdigest()


def _read_back(path: Path, features: datasets.Features) -> tuple[RowsDigest, int]:
    """The digest of the rows in a file, as `datasets` reads them, and their bytes in Arrow."""
    found, nbytes = RowsDigest(features), 0
    with pq.ParquetFile(path) as file:
        for index in range(file.num_row_groups):
            overhead = 0
            for batch in file.iter_batches(BATCH_ROWS, row_groups=[index], use_threads=False):  # in the same memory
                table = pa.Table.from_batches([batch])
                nbytes += sum(map(arrow_bytes, table.columns)) - overhead
                overhead = sum(map(arrow_bytes, table[:0].columns))  # of each batch, and of the group once
                found.add(table_cast(table, features.arrow_schema))
    return found, nbytes


def _grouped(tables: Iterable[pa.Table], most: float) -> Iterator[tuple[int, Iterator[pa.Table]]]:
    """Tables in groups of at most so many bytes, or of a single table with more; each with its number."""
    size = number = 0

    def place(table: pa.Table) -> int:
        nonlocal size, number
        if size and size + table.nbytes > most:
            size, number = 0, number + 1
        size += table.nbytes
        return number

    return groupby(tables, place)


def _complete(tables: Iterable[pa.Table], writing: Writing, most: float) -> Iterator[pa.Table]:
    """The rows with the bytes of their media, in tables of at most so many bytes, or of a single row with more."""
    first = 0
    for table in tables:
        for piece in _divide(table, most, writing.features):
            whole = hide_folders(embed_media(piece, writing.features, first), writing.folders, writing.media)
            yield from _divide(whole, most, writing.features)
            first += len(piece)


def _divide(table: pa.Table, most: float, features: datasets.Features) -> Iterator[pa.Table]:
    media = filter(Path.is_file, map(Path, _external(table, features)))
    size = table.nbytes + sum(path.stat().st_size for path in media)
    count = min(len(table), max(1, math.ceil(size / most)))
    for index in range(count):
        piece = table[len(table) * index // count : len(table) * (index + 1) // count]
        yield from [piece] if count == 1 else _divide(piece, most, features)


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """Options of `pyarrow.parquet.write_table`: floats are split by byte, everything else gets a dictionary.

    Page index and content-defined chunks let the Hub's viewer read, and its storage keep, only what differs.
    """
    empty = io.BytesIO()
    pq.ParquetWriter(empty, schema).close()
    stored = list(pq.ParquetFile(empty).schema)
    # `a.b` may be a column and a field of `a`: one name to pyarrow
    others = {leaf.path for leaf in stored if leaf.physical_type not in ("FLOAT", "DOUBLE")}
    return {
        "compression": "zstd",
        "use_dictionary": sorted(others),
        "column_encoding": dict.fromkeys({leaf.path for leaf in stored} - others, "BYTE_STREAM_SPLIT"),
        "write_page_index": True,
        "use_content_defined_chunking": CHUNKS,
    }


# --- media ------------------------------------------------------------------------------------------------------------

HASHED = r"(?:downloads/)?(?:extracted/(?:[^/]+/)?)?"  # how `datasets` lays out what it downloads and extracts
# `datasets` 5.2 reads the path of these even if the bytes are there; they are stored as all media are
BIOLOGY = re.compile(rb'"_type": "Bio(Sequence|Structure)"')
KINDS = {"image": "datasets.Image()", "audio": "datasets.Audio()", "video": "datasets.Video()"}


def has_media(feature: Any) -> bool:
    """Return True if a feature is a medium, or holds one."""
    return is_medium(feature) or any(map(has_media, fields_of(feature).values()))


def embed_media(table: pa.Table, features: datasets.Features, first: int) -> pa.Table:
    """Return the same rows with the bytes of their media, and of the paths only the names of the files.

    `first` is the number of the first row in its split, for the message of the RowsError if a medium cannot be read.
    """
    try:
        return _embed(table, features) if any(map(has_media, features.values())) else table
    except Exception as error:
        for name, row, reason in first_refused(table, features, _embed):
            said, advice = str(reason) or type(reason).__name__, "Correct the path or the file"
            raise RowsError(f"row {first + row}, column {name!r}: a file cannot be read ({said}). {advice}") from error
        raise


def _embed(table: pa.Table, features: datasets.Features) -> pa.Table:
    listed = BIOLOGY.sub(b'"_type": "Image"', features.arrow_schema.metadata[b"huggingface"])
    table = embed_table_storage(table.replace_schema_metadata({"huggingface": listed}))
    for path in _external(table, features):
        raise FileNotFoundError(path)
    return table


def _external(table: pa.Table, features: datasets.Features) -> Iterator[str]:
    """Path of each medium that is only named."""
    for name, feature in features.items():
        for array, leaf in leaves(table[name], feature) if has_media(feature) else ():
            if is_medium(leaf) and pt.is_struct(array.type):
                data, paths = (pc.struct_field(array, part) for part in ("bytes", "path"))
                yield from paths.filter(pc.and_(pc.is_null(data), pc.is_valid(paths))).to_pylist()


def hide_folders(table: pa.Table, folders: Collection[Path], media: dict[str, str]) -> pa.Table:
    """Return the same rows, where texts that begin with one of the folders begin after it.

    `media` takes an example of each column of text with paths of pictures, sounds or films on this machine.

    Examples
    --------
    >>> table = pa.table({"file": ["/home/me/cache/downloads/extracted/5f3a/a/b.wav", "/dev/null"]})
    >>> hide_folders(table, [Path("/home/me/cache")], {})["file"].to_pylist()
    ['a/b.wav', '/dev/null']
    """
    prefixes = [f"{re.escape(str(path))}/" for path in folders]
    longest_first = "|".join(sorted(prefixes, key=len, reverse=True))  # as some folders are in others
    pattern = f"^(?:{longest_first}){HASHED}"
    within = {*folders, Path(tempfile.gettempdir())}  # where files may be gone

    def is_medium_here(path: str) -> bool:
        return _kind_of(path) in KINDS and (
            not within.isdisjoint(Path(path).parents) or os.path.isfile(path)  # noqa: PTH113  # which takes any text
        )

    def shorten(name: str, array: pa.Array) -> pa.Array:
        if not (pt.is_string(array.type) or pt.is_large_string(array.type)):
            return array
        are_paths = pc.starts_with(array, "/")
        if not pc.any(are_paths).as_py():
            return array
        if name not in media and (found := next(filter(is_medium_here, array.filter(are_paths)[:100].to_pylist()), "")):
            media[name] = found
        return pc.replace_substring_regex(array, pattern, "", max_replacements=1)

    for index, field in enumerate(table.schema):
        if "string" in str(field.type):
            chunks = [map_arrays(chunk, partial(shorten, field.name)) for chunk in table[index].chunks]
            table = table.set_column(index, field, pa.chunked_array(chunks, field.type))
    return table


def _kind_of(path: str) -> str:
    return (mimetypes.guess_type(path)[0] or "").partition("/")[0]


def notes_on_media(config: str, media: dict[str, str]) -> tuple[str, ...]:
    """Sentences on columns of text with paths of files that will not be published."""
    return tuple(
        f"config {config!r}, column {name!r} holds paths of files that are not published, such as "
        f"{short(Path(path).name)}. To publish the files, declare the column as {KINDS[_kind_of(path)]}"
        for name, path in media.items()
    )
