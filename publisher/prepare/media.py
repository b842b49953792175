"""Files of this machine that rows name: media are published with their bytes, and no text keeps a private folder."""

from __future__ import annotations

import mimetypes
import re
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from publisher.prepare import RowsError, short
from publisher.prepare.datasets_compat import embed_table_storage
from publisher.prepare.features import fields_of, is_medium
from publisher.prepare.rows import map_arrays

HASHED = r"(?:downloads/)?(?:extracted/(?:[^/]+/)?)?"  # how `datasets` lays out what it downloads and extracts
# `datasets` 5.2 reads the path of these even if the bytes are there; they are stored as all media are
BIOLOGY = re.compile(rb'"_type": "Bio(Sequence|Structure)"')
KINDS = {"image": "datasets.Image()", "audio": "datasets.Audio()", "video": "datasets.Video()"}


def has_media(feature: Any) -> bool:
    """Return True if a feature is a medium, or holds one.

    Examples
    --------
    >>> has_media(datasets.Features({"pages": [{"scan": datasets.Image()}]}))
    True
    """
    return is_medium(feature) or any(map(has_media, fields_of(feature).values()))


def embed_media(table: pa.Table, features: datasets.Features, first: int) -> pa.Table:
    """Return the same rows with the bytes of their media, and of the paths only the names of the files.

    `first` is the number of the first row in its split, for the message of the RowsError if a medium cannot be read.
    """
    try:
        return _embed(table, features)
    except Exception as error:
        for row, name in product(range(len(table)), filter(lambda name: has_media(features[name]), features)):
            try:  # slow, but only once
                _embed(table.select([name]).take([row]), datasets.Features({name: features[name]}))
            except Exception as reason:
                text = str(reason) or type(reason).__name__
                where = f"row {first + row}, column {name!r}"
                raise RowsError(f"{where}: a file cannot be read ({text}). Correct the path or the file") from error
        raise


def external_bytes(table: pa.Table, features: datasets.Features) -> np.ndarray[Any, Any]:
    """Count the bytes that each row has in files on this machine that are not in the table yet: (rows,) int64."""
    total = np.zeros(len(table), np.int64)
    for name, feature in features.items():
        if has_media(feature):
            start = 0
            for chunk in table[name].chunks:
                for row, path in _external(chunk, feature):
                    file = Path(path)
                    total[start + row] += file.stat().st_size if file.is_file() else 0
                start += len(chunk)
    return total


def _embed(table: pa.Table, features: datasets.Features) -> pa.Table:
    listed = features.arrow_schema.metadata[b"huggingface"]
    listed = BIOLOGY.sub(b'"_type": "Image"', listed)
    table = embed_table_storage(table.replace_schema_metadata({"huggingface": listed}))
    for name, feature in features.items():
        for chunk in table[name].chunks:
            for _, path in _external(chunk, feature):
                raise FileNotFoundError(path)
    return table


def _external(array: pa.Array, feature: Any) -> Iterator[tuple[int, str]]:
    """Row and path of each medium that is only named."""
    if not has_media(feature):
        return
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if is_medium(feature):
        if pa.types.is_struct(array.type):
            data, paths = (pc.struct_field(array, name) for name in ("bytes", "path"))
            named = pc.and_(pc.is_null(data), pc.is_valid(paths))
            for row in np.flatnonzero(named.to_numpy(zero_copy_only=False)):
                yield int(row), paths[int(row)].as_py()
    elif pa.types.is_struct(array.type):
        for name, inner in fields_of(feature).items():
            yield from _external(pc.struct_field(array, name), inner)
    else:
        lengths = pc.list_value_length(array).fill_null(0).to_numpy()
        rows = np.repeat(np.arange(len(array)), lengths)
        for item, path in _external(array.flatten(), fields_of(feature)[""]):
            yield int(rows[item]), path


def hide_folders(table: pa.Table, folders: Sequence[Path], media: dict[str, str]) -> pa.Table:
    """Return the same rows, where texts that begin with one of the folders begin after it.

    `media` takes an example of each column of text with paths of pictures, sounds or films on this machine.

    Examples
    --------
    >>> table = pa.table({"file": ["/home/me/cache/downloads/extracted/5f3a/a/b.wav", "/dev/null"]})
    >>> hide_folders(table, [Path("/home/me/cache")], {})["file"].to_pylist()
    ['a/b.wav', '/dev/null']
    """
    prefixes = sorted({f"{re.escape(str(path))}/" for path in (*folders, *(path.resolve() for path in folders))})
    pattern = f"^(?:{'|'.join(prefixes)}){HASHED}"
    columns = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if "string" not in str(column.type):
            columns.append(column)
            continue
        paths: list[str] = []
        chunks = [map_arrays(chunk, partial(_shorten, pattern=pattern, paths=paths)) for chunk in column.chunks]
        columns.append(pa.chunked_array(chunks, column.type) if chunks else column)
        if name not in media and (path := next((path for path in paths if _is_medium_of(path, folders)), None)):
            media[name] = path
    return pa.table(columns, schema=table.schema)


def notes_on_media(config: str, media: dict[str, str]) -> tuple[str, ...]:
    """Sentences on columns of text with paths of files that will not be published."""
    return tuple(
        f"config {config!r}, column {name!r} holds paths of files that are not published, such as "
        f"{short(Path(path).name)}. To publish the files, declare the column as {KINDS[_kind_of(path)]}"
        for name, path in media.items()
    )


def _shorten(array: pa.Array, pattern: str, paths: list[str]) -> pa.Array:
    """Return texts without what matches, and the same array if nothing does; a few absolute paths go to `paths`."""
    if not (pt.is_string(array.type) or pt.is_large_string(array.type)):
        return array
    begun = pc.starts_with(array, "/")
    if not pc.any(begun).as_py():
        return array
    paths += array.filter(begun)[:100].to_pylist()
    return pc.replace_substring_regex(array, pattern, "", max_replacements=1)


def _kind_of(path: str) -> str:
    return (mimetypes.guess_type(path)[0] or "").partition("/")[0]


def _is_medium_of(path: str, folders: Sequence[Path]) -> bool:
    """Return True if a path leads to a medium on this machine, or did while a temporary folder existed."""
    if _kind_of(path) not in KINDS or len(path) > 4096:
        return False
    return Path(path).is_file() or any(
        folder in Path(path).parents for folder in (*folders, Path(tempfile.gettempdir()))
    )
