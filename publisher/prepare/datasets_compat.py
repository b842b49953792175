"""Parts of `datasets` that it does not export and the publisher cannot do without, each with its reason.

tests/test_internals.py and the tests of prepare try all of them with the oldest and the newest supported version.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
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
from datasets.utils.metadata import MetadataConfigs as MetadataConfigs  # writes `configs` as `push_to_hub` does
from datasets.utils.py_utils import map_nested

from publisher.prepare import plain

# --- downloads --------------------------------------------------------------------------------------------------------


def split_generators(
    builder: datasets.DatasetBuilder, downloads: Path, extracted: Path, fetched: list[str]
) -> list[datasets.SplitGenerator]:
    """Ask a builder for its splits: the protocol between the library and its builders.

    Downloads are
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


class TableMaker(ArrowWriter):
    """Makes tables of examples as `datasets` does when it prepares a split, and writes them nowhere."""

    def __init__(self, builder: datasets.DatasetBuilder) -> None:
        super().__init__(
            features=builder.info.features, stream=io.BytesIO(), writer_batch_size=builder._writer_batch_size
        )

    @property
    def features(self) -> datasets.Features | None:
        """Features of the builder, or of the first table."""
        return self._features

    def table(self, examples: list[Any]) -> pa.Table:
        """Return examples, encoded already, as a table."""
        self.current_examples = [(example, "") for example in examples]
        self.write_examples_on_file()
        return self.made

    def write_table(self, table: pa.Table, writer_batch_size: int | None = None) -> None:
        """Keep a table; the library writes it here."""
        if self.pa_writer is None:
            self._build_writer(table.schema)
        self.made = table_cast(table.combine_chunks(), self._schema)


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
