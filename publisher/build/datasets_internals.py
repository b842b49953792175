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

# The last four read a card and the files of a folder as `load_dataset` will
__all__ = [
    "DatasetInfosDict",
    "EmptyDatasetError",
    "MetadataConfigs",
    "embed_table_storage",
    "features_from_card",
    "generate_tables",
    "get_data_patterns",
    "is_medium",
    "lists_for_sequences",
    "resolve_pattern",
    "sanitize_patterns",
    "split_generators",
    "table_cast",
    "yaml_of_features",
]


def split_generators(builder: datasets.DatasetBuilder, downloads: Path) -> list[datasets.SplitGenerator]:
    """Ask a builder for its splits; `download_and_prepare` is then given the same instead of asking again.

    The protocol between the library and its builders: every one of them overrides `_split_generators`. What it
    downloads is kept, and fetched again if the server has another; what it extracts goes to the builder's own cache.
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
    with _etags():
        generators = list(builder._split_generators(manager))
    builder._split_generators = lambda *_: generators
    return generators


class _Downloads(datasets.DownloadManager):
    """Extracts to another folder than it downloads to."""

    download_config: datasets.DownloadConfig
    extract_dir: str

    def extract(self, path_or_paths: Any) -> Any:
        """As the library does, in a folder of our own."""
        kept = self.download_config
        self.download_config = kept.copy()
        self.download_config.cache_dir = self.extract_dir
        try:
            return super().extract(path_or_paths)
        finally:
            self.download_config = kept


@contextmanager
def _etags() -> Iterator[None]:
    """Let the library's cache tell versions of a file apart where a server gives no ETag, by time and size."""
    head = file_utils.fsspec_head

    def answer(*arguments: Any, **keywords: Any) -> dict[str, Any]:
        info = dict(head(*arguments, **keywords))
        if not (info.get("ETag") or info.get("etag")):
            changed = info.get("Last-Modified") or info.get("mtime") or info.get("LastModified") or uuid.uuid4().hex
            info["ETag"] = f"{changed} {info.get('size')}"
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
    """
    encode = encoding.encode_nested_example

    def transposing(schema: Any, obj: Any, level: int = 0) -> Any:
        if isinstance(schema, dict) and isinstance(obj, (list, tuple)):
            obj = {name: [item.get(name) for item in obj] for name in schema}
        return encode(schema, obj, level)

    encoding.encode_nested_example = transposing
    try:
        yield
    finally:
        encoding.encode_nested_example = encode


def generate_tables(builder: datasets.ArrowBasedBuilder, gen_kwargs: Mapping[str, Any]) -> Iterator[pa.Table]:
    """The rows that some `gen_kwargs` of a split lead to: the protocol again."""
    return (table for _, table in builder._generate_tables(**gen_kwargs))


def is_medium(feature: Any) -> bool:
    """Whether a feature is stored as bytes and path, of a picture, a sound, a film, a document."""
    return hasattr(feature, "embed_storage")


def features_from_card(listed: Any) -> datasets.Features:
    """Features from the list in a card's `dataset_info`, as `load_dataset` reads it."""
    return datasets.Features._from_yaml_list(listed)


def yaml_of_features(features: datasets.Features) -> list[Any]:
    """The list that a card's `dataset_info` has for features."""
    return features._to_yaml_list()
