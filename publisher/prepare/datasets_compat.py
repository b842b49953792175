"""What `datasets` does not export and the publisher cannot do without: each name with its reason.

tests/test_internals.py tries all of them with the oldest and the newest version that is supported.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import datasets.features.features as encoding
import datasets.utils.file_utils as file_utils
import pyarrow as pa
from datasets.data_files import EmptyDatasetError, get_data_patterns, resolve_pattern, sanitize_patterns
from datasets.info import DatasetInfosDict  # writes `dataset_info` into a card as `push_to_hub` does
from datasets.table import (
    embed_table_storage,  # puts the bytes of media in, as `push_to_hub` does
    table_cast,  # casts structs, media and lists that pyarrow does not
)
from datasets.utils.metadata import MetadataConfigs  # writes `configs` into a card as `push_to_hub` does

from publisher.builders.opened import noting

# The last four read a card and the files of a folder as `load_dataset` will
__all__ = [
    "DatasetInfosDict",
    "EmptyDatasetError",
    "MetadataConfigs",
    "embed_table_storage",
    "features_from_card",
    "flat",
    "generate_tables",
    "get_data_patterns",
    "is_medium",
    "item_of",
    "lists_for_sequences",
    "resolve_pattern",
    "sanitize_patterns",
    "split_generators",
    "table_cast",
    "version_of",
    "yaml_of_features",
]


def split_generators(
    builder: datasets.DatasetBuilder, downloads: Path
) -> tuple[list[datasets.SplitGenerator], dict[str, str]]:
    """Ask a builder for its splits; `download_and_prepare` is then given the same instead of asking again.

    The protocol between the library and its builders: every one of them overrides `_split_generators`. What it
    downloads is kept, and fetched again if the server has another; what it extracts goes to the builder's own cache.
    Beside the splits it returns what was fetched: address, or path of a local file -> what tells its versions apart.
    """
    keeps = not hasattr(file_utils, "http_head")  # versions with it do not say when a file without ETag was changed
    manager = _Downloads(
        dataset_name=builder.dataset_name,
        data_dir=builder.config.data_dir,
        download_config=datasets.DownloadConfig(
            cache_dir=str(downloads) if keeps else builder._cache_downloaded_dir,
            use_etag=keeps,
            token=builder.token,
            storage_options=builder.storage_options,
        ),
        base_path=builder.base_path,
        record_checksums=False,
    )
    manager.extract_dir = builder._cache_downloaded_dir
    with _etags(manager.fetched):
        generators = list(builder._split_generators(manager))
    builder._split_generators = lambda *_: generators
    return generators, manager.fetched


def version_of(address: str) -> str:
    """What tells the versions of a file on a server apart; something new each time if the server does not say.

    Raises whatever the libraries do if it cannot be asked.
    """
    place, options = file_utils._prepare_path_and_storage_options(address, download_config=datasets.DownloadConfig())
    info = file_utils.fsspec_head(place, storage_options=options)
    return str(info["blob_id"]) if info.get("blob_id") else _version(info)  # of the Hub, for LFS that of its pointer


def _version(info: Mapping[str, Any]) -> str:
    if tag := info.get("ETag") or info.get("etag"):
        return str(tag)
    changed = info.get("Last-Modified") or info.get("mtime") or info.get("LastModified") or uuid.uuid4().hex
    return f"{changed} {info.get('size')}"


class _Downloads(datasets.DownloadManager):
    """Extracts to another folder than it downloads to, and says what was fetched."""

    download_config: datasets.DownloadConfig
    extract_dir: str

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.fetched: dict[str, str] = {}

    def download(self, url_or_urls: Any) -> Any:
        """As the library does; its own requests are not those of the script."""
        with noting(None):
            done = super().download(url_or_urls)
        for name in map(str, flat(url_or_urls)):
            address = file_utils.url_or_path_join(self._base_path, name) if file_utils.is_relative_path(name) else name
            self.fetched.setdefault(address, "")
        return done

    def extract(self, path_or_paths: Any) -> Any:
        """As the library does, in a folder of our own."""
        kept = self.download_config
        self.download_config = kept.copy()
        self.download_config.cache_dir = self.extract_dir
        try:
            with noting(None):
                return super().extract(path_or_paths)
        finally:
            self.download_config = kept


def flat(values: Any) -> Iterator[Any]:
    """The items of nested lists and dicts, as a script gives them to its download manager."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from flat(value)
    elif values is not None:
        yield values


@contextmanager
def _etags(versions: dict[str, str]) -> Iterator[None]:
    """Let the library's cache tell versions of a file apart where a server gives no ETag, by time and size."""
    head = file_utils.fsspec_head

    def answer(url: str, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        info = dict(head(url, *arguments, **keywords))
        versions[url] = info["ETag"] = _version(info)
        return info

    file_utils.fsspec_head = answer
    try:
        yield
    finally:
        file_utils.fsspec_head = head


@contextmanager
def lists_for_sequences() -> Iterator[None]:
    """Let a builder give a list of dicts for `Sequence({...})`, a dict of lists, as it may in versions before 4.

    Many scripts do; later versions fail in `encode_nested_example`, which calls itself by the name replaced here.
    Sounds that are files already are taken as they are, too: later versions ask for torchcodec before they look.
    """
    encode = encoding.encode_nested_example

    def transposing(schema: Any, obj: Any, level: int = 0) -> Any:
        if isinstance(schema, dict) and isinstance(obj, (list, tuple)):
            obj = {name: [item.get(name) for item in obj] for name in schema}
        if isinstance(schema, datasets.Audio) and (file := _sound_file(obj)):
            return file
        return encode(schema, obj, level)

    encoding.encode_nested_example = transposing
    try:
        yield
    finally:
        encoding.encode_nested_example = encode


def _sound_file(value: Any) -> dict[str, Any] | None:
    """What `Audio.encode_example` makes of a path, or of bytes that are a file; None of anything else."""
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


def generate_tables(builder: datasets.ArrowBasedBuilder, gen_kwargs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows that some `gen_kwargs` of a split lead to: the protocol again."""
    return (table for _, table in builder._generate_tables(**gen_kwargs))


def is_medium(feature: Any) -> bool:
    """Whether a feature is stored as bytes and path, of a picture, a sound, a film, a document."""
    return hasattr(feature, "embed_storage")


def item_of(feature: Any) -> Any:
    """The feature of a list's items, of which there are several kinds; None of what is no list."""
    return feature[0] if isinstance(feature, (list, tuple)) else getattr(feature, "feature", None)


def features_from_card(listed: Any) -> datasets.Features:
    """Features from the list in a card's `dataset_info`, as `load_dataset` reads it."""
    return datasets.Features._from_yaml_list(listed)


def yaml_of_features(features: datasets.Features) -> list[Any]:
    """The list that a card's `dataset_info` has for features."""
    return features._to_yaml_list()
