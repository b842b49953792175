"""Parts of `datasets` that it does not export and the publisher cannot do without, each with its reason.

tests/test_internals.py and the tests of prepare try all of them with the oldest and the newest supported version.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
import datasets.builder
import datasets.features.features as encoding
import pyarrow as pa
from datasets.arrow_writer import ArrowWriter, TypedSequence
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
from publisher.prepare import RowsError, bad_value, plain, short
from publisher.prepare.rows import find_bad_value

TABLE_BYTES = 1_000_000_000  # of a table at a time: offsets of texts in lists and structs end at 2 GB


class Counter:
    """Rows that builders have made in this process, to show progress."""

    number = 0


ROWS = Counter()

# --- downloads --------------------------------------------------------------------------------------------------------


def split_generators(
    builder: datasets.DatasetBuilder, downloads: Path, extracted: Path, fetched: list[str]
) -> list[datasets.SplitGenerator]:
    """Ask a builder for its splits; `download_and_prepare` is then given the same instead of asking again.

    The protocol between the library and its builders: every one of them overrides `_split_generators`. Downloads are
    kept in one folder, and fetched again if the server has another version; archives are extracted into the other one.
    The addresses and paths that the builder asks for are added to `fetched`.
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
    builder._split_generators = lambda *_: generators
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

    download_config: datasets.DownloadConfig
    extract_dir: Path
    fetched: list[str]

    def download(self, url_or_urls: Any) -> Any:
        """Download as the library does."""
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
        """Extract as the library does, into a folder of our own."""
        config = self.download_config.copy()
        config.cache_dir = str(self.extract_dir)
        with patch.object(self, "download_config", config):
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


def generate_tables(builder: datasets.ArrowBasedBuilder, gen_kwargs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """Return the tables for some `gen_kwargs` of a split: the protocol again."""
    return (table for _, table in builder._generate_tables(**gen_kwargs))


class Place:
    """Split, row and line at which a builder is while it makes rows."""

    def __init__(self, is_table: bool) -> None:
        self.is_table = is_table
        self.batch = 1000  # rows that are written at a time
        self.begin("")

    def begin(self, split: str) -> None:
        """Start with the next split."""
        self.split = split
        self.row = -1  # of the example that was made last
        self.written = 0  # rows before the batch that is written next
        self.example: Any = None  # made and not encoded yet
        self.file = ""
        self.lines: deque[int] = deque(maxlen=1 if self.is_table else 1000)  # of the script, for the last items
        self.is_followed = False

    def line(self, row: int) -> str:
        """Line of the script that made a row, as far as it is known."""
        index = -1 if self.is_table else row - self.row - 1
        return f"{self.file}, line {self.lines[index]}" if self.file and -len(self.lines) <= index < 0 else ""

    def follow(self, items: Iterator[Any]) -> Iterator[Any]:
        """Return the same items, with the place of each noted, and their keys compared as in `datasets` 1 to 3."""
        frame = getattr(items, "gi_frame", None)
        self.file = Path(frame.f_code.co_filename).name if frame else ""
        keys: dict[str, int] = {}
        lines, is_table = self.lines, self.is_table
        for item in items:
            size = len(item[1]) if is_table else 1
            ROWS.number += size
            self.row += size
            if frame:
                lines.append(frame.f_lineno)
            if not is_table:
                self.example = item
                if self.row % self.batch == 0:
                    keys.clear()
                if type(item) is tuple and type(item[0]) in (str, int):
                    first = keys.setdefault(str(item[0]), self.row)
                    if first != self.row:
                        raise RowsError(
                            f"rows {first} and {self.row} have the same key, {short(item[0])}: {self.line(first)} and "
                            f"{self.line(self.row)}. Yield another key for each row"
                        )
            yield item
            self.example = None

    def check(self, table: pa.Table, features: datasets.Features) -> None:
        """Refuse values of the next rows that can be written, and that `load_dataset` cannot read."""
        if found := find_bad_value(table, features):
            row, column, reason = found
            array = table[column].slice(row, 1).combine_chunks()
            try:
                value = (array.storage if isinstance(array, pa.ExtensionArray) else array).to_pylist()[0]
            except (ArithmeticError, ValueError):  # what Python cannot hold; pyarrow says what it is
                value = array
            row += self.written
            raise bad_value(row, column, value, features[column], reason, self.line(row))
        self.written += len(table)

    def cast(self, table: pa.Table, features: datasets.Features) -> pa.Table:
        """Cast the next rows to the types of their features, and check them."""
        try:
            table = table_cast(table, features.arrow_schema)
        except Exception as error:
            for name in filter(features.__contains__, table.column_names):
                self._find_uncastable(table.select([name]), datasets.Features({name: features[name]}), 0, error)
            raise
        self.check(table, features)
        return table

    def _find_uncastable(self, table: pa.Table, features: datasets.Features, first: int, error: Exception) -> None:
        """Raise an error for the first value of a column that cannot be cast; return if all of them can."""
        try:
            table_cast(table, features.arrow_schema)
        except Exception as reason:
            [(name, feature)] = features.items()
            row = self.written + first
            if len(table) == 1:
                raise bad_value(row, name, table[name][0].as_py(), feature, reason, self.line(row)) from error
            half = len(table) // 2
            self._find_uncastable(table[:half], features, first, error)
            self._find_uncastable(table[half:], features, first + half, error)
            raise RowsError(f"rows {row} to {row + len(table) - 1}, column {name!r}: {short(reason, str)}") from error


def followed_tables(items: Iterator[Any], features: datasets.Features | None, place: Place) -> Iterator[Any]:
    """Return the same keys and tables, cast and checked, in pieces that pyarrow can put together."""
    for key, table in place.follow(items):
        rows = len(table) if table.nbytes <= TABLE_BYTES else max(1, len(table) * TABLE_BYTES // table.nbytes)
        for start in range(0, len(table), rows or 1):
            piece = table.slice(start, rows)
            yield key, piece if features is None else place.cast(piece, features)


@contextmanager
def prepare_rows(builder: datasets.DatasetBuilder, place: Place) -> Iterator[None]:
    """Let `download_and_prepare` raise a RowsError with the place of a value that cannot be written, and count rows."""
    method = "_generate_tables" if place.is_table else "_generate_examples"
    generate, prepare = getattr(builder, method), builder._prepare_split

    def followed(*arguments: Any, **keywords: Any) -> Iterator[Any]:
        items = generate(*arguments, **keywords)
        if place.is_followed:  # a builder that calls itself
            return items
        place.is_followed = True
        return followed_tables(items, builder.info.features, place) if place.is_table else place.follow(items)

    def begun(generator: datasets.SplitGenerator, *arguments: Any, **keywords: Any) -> Any:
        place.begin(str(generator.name))
        return prepare(generator, *arguments, **keywords)

    writer = ArrowWriter if place.is_table else type("Writer", (_Writer,), {"at": place})
    with (
        sequences_of_dicts(),
        encoded_as_before_4(),
        patch.object(builder, method, followed),
        patch.object(builder, "_prepare_split", begun),
        patch.object(datasets.builder, "ArrowWriter", writer),
    ):
        try:
            yield
        except Exception as error:
            if place.example is not None and builder.info.features is not None:
                _find_unencodable(builder.info.features, place, error)
            raise


class _Writer(ArrowWriter):
    """Checks rows before it writes them, says which value is at fault, and divides batches that are too large."""

    at: Place

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.at.batch = self.writer_batch_size

    def write_examples_on_file(self) -> None:
        """Write the examples that are held."""
        examples = list(self.current_examples)  # type: ignore[has-type]
        try:
            super().write_examples_on_file()
        except RowsError:
            raise
        except Exception as error:
            if len(examples) > 1 and _is_overflow(error):
                for half in (examples[: len(examples) // 2], examples[len(examples) // 2 :]):
                    self.current_examples = half
                    self.write_examples_on_file()
                return
            _find_unwritable(self._features, [example for example, _ in examples], self.at, error)
            raise

    def _build_writer(self, inferred_schema: pa.Schema) -> None:
        super()._build_writer(inferred_schema)
        self.pa_writer: Any = _Checked(self.pa_writer, self.at, self._features)


class _Checked:
    """A writer of pyarrow, which takes no other methods."""

    def __init__(self, writer: Any, at: Place, features: datasets.Features) -> None:
        self.writer, self.at, self.features = writer, at, features
        self.close = writer.close

    def write_table(self, table: pa.Table, size: int | None = None) -> None:
        self.at.check(table, self.features)
        self.writer.write_table(table, size)


def _is_overflow(error: Exception) -> bool:
    """Return True if pyarrow refuses a batch for its size alone."""
    if isinstance(error, (OverflowError, pa.ArrowCapacityError)):
        return True
    return "offset overflow" in str(error) or "2147483646" in str(error)


def _find_unencodable(features: datasets.Features, place: Place, error: Exception) -> None:
    """Raise an error for the column that cannot be encoded; return if all of them can."""
    line, example = place.line(place.row), place.example
    wanted = "a pair of a key and a dict of columns"
    if isinstance(example, tuple) and len(example) == 2:
        example, wanted = example[1], "a dict of columns"
    if not isinstance(example, Mapping):
        where = f"row {place.row}" + (f", {line}" if line else "")
        raise RowsError(f"{where}: {short(example)} is not {wanted}") from error
    for name, feature in features.items():
        try:
            datasets.Features({name: feature}).encode_example({name: example.get(name)})
        except Exception as reason:
            raise bad_value(place.row, name, example.get(name), feature, reason, line) from error


def _find_unwritable(features: Any, examples: list[Any], place: Place, error: Exception) -> None:
    """Raise an error for the first column that cannot be written, and its first value at fault."""
    for name in features or dict.fromkeys(name for example in examples for name in example):
        values = [example.get(name) for example in examples]
        feature = features[name] if features else None
        try:
            pa.array(TypedSequence(values, type=feature))
        except Exception as reason:
            for row, value in enumerate(values, place.written):
                try:
                    pa.array(TypedSequence([value], type=feature))
                except Exception as of_value:
                    raise bad_value(row, name, value, feature, of_value, place.line(row)) from error
            rows = f"rows {place.written} to {place.written + len(values) - 1}"
            raise RowsError(f"{rows}, column {name!r}: {short(reason, str)}") from error


@contextmanager
def encoded_as_before_4() -> Iterator[None]:
    """Encode examples as versions before 4 do, where later ones fail.

    A list of dicts may be given for `Sequence({...})`, a dict of lists, as many scripts do. Sounds that are files
    already need no decoder. Labels may be of any subclass of `str`. `encode_nested_example` calls itself by the name
    that is replaced here.
    """
    encode = encoding.encode_nested_example
    value, label, audio = datasets.Value, datasets.ClassLabel, datasets.Audio

    def encode_nested(schema: Any, obj: Any, level: int = 0) -> Any:
        kind = type(schema)
        if kind is value:  # as most are
            return None if obj is None else schema.encode_example(obj)
        if isinstance(schema, dict):
            is_of_lists = schema and all(isinstance(of, datasets.List) for of in schema.values())
            if is_of_lists and isinstance(obj, (list, tuple)):
                obj = {name: [item.get(name) for item in obj] for name in schema}
        elif kind is label:
            obj = plain(obj)
        elif kind is audio and (file := _sound_file(obj)):
            return file
        return encode(schema, obj, level)

    with patch.object(encoding, "encode_nested_example", encode_nested):
        yield


def _sound_file(value: Any) -> dict[str, Any] | None:
    """Return what `Audio.encode_example` makes of a path, or of bytes that are a file; None of anything else."""
    if isinstance(value, (str, Path)):
        return {"bytes": None, "path": str(value)}
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": bytes(value), "path": None}
    if not isinstance(value, dict) or "array" in value:
        return None
    path, content = value.get("path"), value.get("bytes")
    if (path is None and content is None) or (path is not None and str(path).endswith("pcm")):
        return None  # bare samples have to be encoded
    return {"bytes": None if path is not None and Path(path).is_file() else content, "path": path}
