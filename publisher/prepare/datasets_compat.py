"""What `datasets` does with a builder, and parts of it that it does not export, each with its reason.

tests/test_internals.py and the tests of prepare try all of them with the oldest and the newest supported version.
"""

from __future__ import annotations

import io
import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import datasets
import datasets.features.features as encoding
import pyarrow as pa
from datasets.arrow_writer import ArrowWriter
from datasets.data_files import EmptyDatasetError as EmptyDatasetError  # these four read a card and the files of
from datasets.data_files import get_data_patterns as get_data_patterns  # a folder as `load_dataset` will
from datasets.data_files import resolve_pattern as resolve_pattern
from datasets.data_files import sanitize_patterns as sanitize_patterns
from datasets.info import DatasetInfosDict as DatasetInfosDict  # writes `dataset_info` into a card as `push_to_hub`
from datasets.table import embed_table_storage as embed_table_storage  # puts the bytes of media in, as `push_to_hub`
from datasets.table import table_cast as table_cast  # casts structs, media and lists that pyarrow does not
from datasets.utils.file_utils import hash_url_to_filename, is_relative_path, url_or_path_join
from datasets.utils.py_utils import map_nested

from publisher.builders import sequences_of_dicts
from publisher.prepare import RowsError, plain, short
from publisher.prepare.rows import check_readable

TABLE_BYTES = 1_000_000_000  # of a table at a time: offsets of texts in lists and structs end at 2 GB
ROWS = SimpleNamespace(number=0)  # that builders have made in this process, to show progress
PLAIN = {str, int, float, bool, bytes}  # types of most values that a script yields

# --- downloads --------------------------------------------------------------------------------------------------------


def split_generators(
    builder: datasets.DatasetBuilder, downloads: Path, extracted: Path, fetched: list[str]
) -> list[datasets.SplitGenerator]:
    """Ask a builder for its splits: the protocol between the library and its builders.

    Downloads are kept in one folder, and fetched again if the server has another version; archives are extracted into
    the other one. The addresses and paths that the builder asks for are added to `fetched`.
    """
    config = datasets.DownloadConfig(
        cache_dir=str(downloads), token=builder.token, storage_options=builder.storage_options
    )
    name, folder = builder.dataset_name, builder.config.data_dir
    manager = _Downloads(name, folder, config, base_path=builder.base_path, record_checksums=False)
    manager.extract_dir, manager.fetched = extracted, fetched
    generators = list(builder._split_generators(manager))
    for generator in generators:
        generator.name = generator.split_info.name = str(plain(generator.name))
    return generators


def forget_undated(downloads: Path) -> None:
    """Remove downloads without ETag: `datasets` would take them for current for ever."""
    for file in downloads.glob("*.json"):
        with suppress(OSError, ValueError):
            if json.loads(file.read_text(encoding="utf-8"))["etag"] is None:
                file.with_suffix("").unlink(missing_ok=True)
                file.unlink(missing_ok=True)


class _Downloads(datasets.DownloadManager):
    """Extracts to another folder than it downloads to, and says what was fetched."""

    def download(self, url_or_urls: Any) -> Any:
        for name in map(str, flat(url_or_urls)):
            self.fetched.append(url_or_path_join(self._base_path, name) if is_relative_path(name) else name)
        return super().download(url_or_urls)

    def download_custom(self, url_or_urls: Any, custom_download: Callable[[str, str], object]) -> Any:
        """Let a function of the script download, as in versions 1 and 2; each file once in a run."""

        def download(url: Any) -> str:
            self.fetched.append(str(url))
            path = self.extract_dir / hash_url_to_filename(str(url))
            if not path.exists():
                custom_download(str(url), str(path))
            return str(path)

        return map_nested(download, url_or_urls)

    def extract(self, path_or_paths: Any, *_: Any, **__: Any) -> Any:
        with patch.object(self.download_config, "cache_dir", str(self.extract_dir)):
            return super().extract(path_or_paths)


def flat(values: Any) -> Iterator[Any]:
    """List the items of nested lists and dicts, as a script gives them to its download manager."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from flat(value)
    elif values is not None:
        yield values


# --- rows -------------------------------------------------------------------------------------------------------------


def generate_tables(
    builder: datasets.DatasetBuilder, gen_kwargs: Mapping[str, Any], notes: dict[str, str]
) -> Iterator[pa.Table]:
    """Yield the rows for some `gen_kwargs` of a split, as they will be stored, in tables that fit into memory.

    A builder without features gets those of its first table, as in `datasets`. `notes` takes sentences on
    rows that a maintainer should look at, one of each kind.
    """
    tables = (_cast if isinstance(builder, datasets.ArrowBasedBuilder) else _encode)(builder, gen_kwargs, notes)
    while True:
        with sequences_of_dicts(), encoded_as_before_4():  # only while code of the builder runs
            table = next(tables, None)
        if table is None:
            return
        yield table


class _Place:
    """Place of a builder in its rows and in its script."""

    def __init__(self, items: Iterable[Any]) -> None:
        self.items = iter(items)  # a list, as some scripts return
        self.frame: Any = getattr(items, "gi_frame", None)
        self.first = 0  # row with which the current batch begins
        self.lines: list[int] = []  # of the script, for each row of the batch, or one for a table

    def line(self, row: int) -> str:
        """File and line that yielded a row of the batch, as far as they are known."""
        if not self.lines:
            return ""
        number = self.lines[min(row - self.first, len(self.lines) - 1)]
        return f"{Path(self.frame.f_code.co_filename).name}, line {number}"

    def error(self, row: int, text: str, where: str = "") -> RowsError:
        """Error that begins with the place of a row."""
        return RowsError(f"{', '.join(filter(None, (f'row {row}', where, self.line(row))))}: {text}")

    def explain(self, rows: Any, features: Any, take: Callable[[Any, Any], object], first: int) -> None:
        """Raise an error for the first value that `take` refuses; `first` is the number of the first row."""
        for name, index, reason in first_refused(rows, features, take):
            value = rows[name][index] if isinstance(rows, pa.Table) else rows[index].get(name)
            with suppress(ArithmeticError, ValueError):  # what Python cannot hold; pyarrow says what it is
                value = value.as_py() if isinstance(value, pa.Scalar) else value
            text = f"{short(value)} does not fit {short(features and features[name])}: {short(reason, str)}"
            raise self.error(first + index, text, f"column {name!r}")


def first_refused(rows: Any, features: Any, take: Callable[[Any, Any], object]) -> Iterator[tuple[str, int, Exception]]:
    """Column, index and reason of the first value, in each column, for which `take` raises an error.

    It gets some of the rows, which are a table or a list of examples, with that column alone, and its features.
    """

    def refusal(part: Any, feature: Any) -> Exception | None:
        try:
            take(part, feature)
        except MemoryError:
            return None  # not for a value
        except Exception as reason:  # of the libraries, or of the builder's objects
            return reason
        return None

    is_table = isinstance(rows, pa.Table)
    for name in features or dict.fromkeys(name for row in rows for name in row):
        if is_table and name not in rows.column_names:
            continue
        part = rows.select([name]) if is_table else [{name: row.get(name)} for row in rows]
        feature = features and datasets.Features({name: features[name]})
        if reason := refusal(part, feature):
            index = bisect_left(range(len(part)), True, key=lambda last: bool(refusal(part[: last + 1], feature)))
            yield name, index, refusal(part[index : index + 1], feature) or reason


def _cast(builder: datasets.ArrowBasedBuilder, gen_kwargs: Mapping[str, Any], _: object) -> Iterator[pa.Table]:
    """Tables of a builder, in pieces that pyarrow can put together."""
    place = _Place(builder._generate_tables(**gen_kwargs))

    def cast(table: pa.Table, features: datasets.Features) -> pa.Table:
        return check_readable(table_cast(table, features.arrow_schema), features)

    for item in place.items:
        place.lines = [place.frame.f_lineno] if place.frame else []
        if not isinstance(item, (tuple, list)) or len(item) != 2 or not isinstance(item[1], pa.Table):
            raise place.error(place.first, f"{short(item)} is not a pair of a key and a pyarrow.Table")
        table = item[1]
        if not len(table):  # its types may be those of nothing
            continue
        features = builder.info.features = builder.info.features or datasets.Features.from_arrow_schema(table.schema)
        ROWS.number += len(table)
        rows = len(table) if table.nbytes <= TABLE_BYTES else max(1, len(table) * TABLE_BYTES // table.nbytes)
        for start in range(0, len(table), rows):
            piece = table.slice(start, rows)
            try:
                yield cast(piece, features)
            except Exception:
                place.explain(piece, features, cast, place.first)
                raise
            place.first += len(piece)


def _encode(
    builder: datasets.DatasetBuilder, gen_kwargs: Mapping[str, Any], notes: dict[str, str]
) -> Iterator[pa.Table]:
    """Tables of a builder that makes rows one by one; columns that are not declared, and keys used twice, are noted."""
    features, chosen = builder.info.features, builder._writer_batch_size
    writer = ArrowWriter(features=features, stream=io.BytesIO(), writer_batch_size=chosen)
    place = _Place(builder._generate_examples(**gen_kwargs))
    while True:
        examples: list[Any] = []
        keys: dict[str | int, int] = {}
        place.lines.clear()
        for row, item in enumerate(islice(place.items, max(1, writer.writer_batch_size)), place.first):
            ROWS.number += 1
            if place.frame:
                place.lines.append(place.frame.f_lineno)
            if not isinstance(item, (tuple, list)) or len(item) != 2:
                raise place.error(row, f"{short(item)} is not a pair of a key and a dict of columns")
            key, example = item
            if not isinstance(example, (dict, Mapping)):  # most are the first, which is faster to tell
                raise place.error(row, f"{short(example)} is not a dict of columns")
            if type(key) in (str, int) and (first := keys.setdefault(key, row)) != row and "key" not in notes:
                places = " and ".join(dict.fromkeys([place.line(first), place.line(row)]))
                rows = f"rows {first} and {row}, and perhaps others, have the same key, {short(key)}"
                notes["key"] = f"{rows}{places and f' ({places})'}: all are published"
            if features is not None:
                if type(example) is dict and not example.keys() <= features.keys() and "column" not in notes:
                    names = ", ".join(short(name) for name in example if name not in features)
                    notes["column"] = str(place.error(row, f"not in the features, and left out: {names}"))
                try:
                    example = _encode_row(example, features)
                except Exception:
                    place.explain([example], features, lambda rows, feature: feature.encode_example(rows[0]), row)
                    raise
            examples.append(example)
        if not examples:
            return
        yield from _tables(examples, builder, place, place.first)
        place.first += len(examples)


def _encode_row(example: Mapping[str, Any], features: datasets.Features) -> dict[str, Any]:
    """Encode a row as `features.encode_example` does, which looks for arrays, tensors and pictures in every value."""
    if type(example) is not dict:  # others may give values in their own way
        return features.encode_example(example)
    found = {name: of if _is_plain(of) else encoding.cast_to_python_objects(of) for name, of in example.items()}
    return encoding.encode_nested_example(features, found)


def _is_plain(value: Any) -> bool:
    """Return True for values that `cast_to_python_objects` returns as they are; of a list it sees the first item."""
    kind = type(value)
    return kind in PLAIN or value is None or (kind is list and bool(value) and type(value[0]) in PLAIN)


def _tables(examples: list[Any], builder: Any, place: _Place, first: int) -> Iterator[pa.Table]:
    """Examples as a table, or as several if they are too large for one; `first` is the number of the first row."""
    features = builder.info.features
    try:
        table = _table(examples, features)
    except Exception as error:
        half = len(examples) // 2
        is_size = isinstance(error, (OverflowError, pa.ArrowCapacityError))
        if half and (is_size or "offset overflow" in str(error) or "2147483646" in str(error)):
            yield from _tables(examples[:half], builder, place, first)
            yield from _tables(examples[half:], builder, place, first + half)
            return
        place.explain(examples, features, _table, first)
        raise
    builder.info.features = features or datasets.Features.from_arrow_schema(table.schema)
    yield table


def _table(examples: list[Any], features: datasets.Features | None) -> pa.Table:
    """Examples, encoded already, as `datasets` writes them when it prepares a split."""
    written = io.BytesIO()
    writer = ArrowWriter(features=features, stream=written)
    writer.current_examples = [(example, "") for example in examples]  # as `write` does, which is slower
    writer.finalize(close_stream=False)
    table = pa.ipc.open_stream(written.getbuffer()).read_all().combine_chunks()
    return check_readable(table, features or datasets.Features.from_arrow_schema(table.schema))


@contextmanager
def encoded_as_before_4() -> Iterator[None]:
    """Encode examples as versions before 4 do, where later ones fail.

    A list of dicts may be given for `Sequence({...})`, a dict of lists, as many scripts do. Sounds that are files
    already need no decoder. Labels may be of any subclass of `str`. `encode_nested_example` calls itself by the name
    that is replaced here.
    """
    encode = encoding.encode_nested_example
    value, label, audio, video = datasets.Value, datasets.ClassLabel, datasets.Audio, datasets.Video()

    def encode_nested(schema: Any, obj: Any, level: int = 0) -> Any:
        kind = type(schema)
        if kind is value:  # as most are
            return None if obj is None else schema.encode_example(obj)
        if isinstance(schema, dict):
            is_list = schema and isinstance(obj, (list, tuple))
            if is_list and all(isinstance(of, datasets.List) for of in schema.values()):
                obj = {name: [item.get(name) for item in obj] for name in schema}
        elif kind is label and isinstance(obj, str):
            obj = plain(obj)
        elif kind is audio and _is_sound_file(obj):
            return video.encode_example(str(obj) if isinstance(obj, Path) else obj)  # in the same way, without decoder
        return encode(schema, obj, level)

    with patch.object(encoding, "encode_nested_example", encode_nested):
        yield


def _is_sound_file(value: Any) -> bool:
    if not isinstance(value, dict):
        return isinstance(value, (str, Path, bytes, bytearray))
    given = [value[name] for name in ("bytes", "path") if value.get(name) is not None]
    return bool(given) and "array" not in value and not str(value.get("path")).endswith("pcm")  # bare samples
