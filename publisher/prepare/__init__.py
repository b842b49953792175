"""From a builder to files. This module holds what the others share: files, errors of builders, and features.

The package knows neither cards nor the Hub.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import yaml
from huggingface_hub import DatasetCardData
from huggingface_hub.utils.sha import sha_fileobj

from publisher.builders import line_of
from publisher.errors import PublishingError, fault_of_code

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a disk: other configs would fail likewise
LONGEST = 100  # characters of a value in a message
NO_ROWS = "The split is empty, and `load_dataset` cannot open empty splits. Remove it"
FOLDER_HINTS = ("data_dir", "manual_dir", "manually download")


@dataclass(frozen=True)
class DataFile:
    """A file of rows, or another one: on this machine, in memory, on the Hub, or not written yet."""

    path: str  # below the repository's root, with forward slashes
    size: int  # bytes
    rows: int | None = None
    nbytes: int | None = None  # of the rows in Arrow
    sha256: str | None = None  # None if the file is not written yet; the numbers are those expected
    rows_sha256: str = ""  # SHA-256 of the rows, see `publisher.prepare.rows`, or nothing
    source: Path | bytes | None = None  # the file, or its content, if it is here

    @property
    def content(self) -> bytes:
        """The content, or nothing if it is not here."""
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source or b""


@dataclass(frozen=True)
class LocalFile(DataFile):
    """A file on this machine."""

    sha256: str = ""
    source: Path = Path()

    @property
    def is_as_written(self) -> bool:
        """Return True if the file is still the one that was described."""
        return file_digest(self.source) == self.sha256


@dataclass(frozen=True)
class UploadedFile(DataFile):
    """A file that the Hub stores, and that is not visible before a commit names it."""

    sha256: str = ""
    sample: bytes = b""  # its first bytes, which the client shows the Hub


class TextFile(DataFile):
    """A file that is only in memory, such as a card."""

    def __init__(self, path: str, content: bytes) -> None:
        super().__init__(path, len(content), sha256=hashlib.sha256(content).hexdigest(), source=content)


File = DataFile  # any file of a repository


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return sha_fileobj(file).hex()


def describe_file(source: Path, root: Path, within: str = "", **numbers: Any) -> LocalFile:
    """Size and digest of a file below `root`, whose path in the repository begins with `within`."""
    path = within + source.relative_to(root).as_posix()
    return LocalFile(path, source.stat().st_size, sha256=file_digest(source), source=source, **numbers)


def add_up(files: Sequence[File]) -> tuple[int, int, int]:
    """Bytes, rows, and bytes in Arrow of several files together."""
    size, rows, nbytes = (sum(getattr(file, number) or 0 for file in files) for number in ("size", "rows", "nbytes"))
    return size, rows, nbytes


class RowsError(Exception):
    """Rows that cannot be written as they are: the message begins with the place, and says why."""


def short(value: object, spell: Callable[[object], str] = repr, longest: int = LONGEST) -> str:
    """Spelling of a value on one line, cut after `longest` characters; the name of its class if it has none."""
    try:
        text = " ".join(spell(value).split())
    except Exception:  # code of the builder's author
        text = type(value).__name__
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= longest else f"{text[:longest]}..."


@contextmanager
def builder_errors(
    kind: type[datasets.DatasetBuilder],
    config: str,
    split: str = "",
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Turn what a builder raises into a UsageError with a sentence.

    Exceptions of the classes in `passing`, what the system refuses outside of the builder, such as a full disk, and the
    publisher's own errors pass unchanged.
    """
    try:
        yield
    except (PublishingError, KeyboardInterrupt, GeneratorExit):
        raise
    except passing:
        raise
    except BaseException as error:  # SystemExit; a panic of a library in Rust
        where = f"config {config!r}" + (f", split {split!r}" if split else "")
        if isinstance(error, RowsError):
            raise fault_of_code(f"{where}, {error}", error) from error
        modules = {base.__module__ for base in kind.__mro__ if not base.__module__.startswith("datasets.")}
        place = line_of(error, modules)
        # each HTTP client has another name for the address that it failed to get
        holders = [error, *(getattr(error, name, None) for name in ("response", "request", "request_info"))]
        found = (getattr(holder, name, None) for holder in holders for name in ("url", "real_url"))
        address = next((str(url) for url in found if url), "")
        if isinstance(error, OSError) and (error.errno in FULL or not (place or address)):
            raise
        text = short(error, str, longest=10_000)
        if address not in text:
            text += f" ({address})"
        files = "the files as --set data_files=..." if "data_files" in text else ""
        if option := "the folder as --data-dir" if any(hint in text for hint in FOLDER_HINTS) else files:
            text = f"{text.rstrip('.')}. Give {option}"
        parts = filter(None, (where, place, type(error).__name__, text))
        raise fault_of_code(": ".join(parts), error) from error


# --- features ---------------------------------------------------------------------------------------------------------
# In the form that every version of `datasets` from 2.14 on reads. From 4.0 on `datasets` writes a list as `List`, which
# earlier versions do not know; they wrote `Sequence` for a list of values and a Python list for a list of structs, and
# later versions still read both.


def plain(name: Any) -> Any:
    """Text of a name that is of a subclass of `str`, such as a member of an enumeration; other values unchanged."""
    return str.__str__(name) if isinstance(name, str) else name


def plain_features(features: Mapping[str, Any]) -> datasets.Features:
    """Features whose names of columns and labels are plain text."""
    return datasets.Features.from_dict(json.loads(json.dumps(datasets.Features(features).to_dict(), default=int)))


def item_of(feature: Any) -> Any:
    """Feature of a list's items, or None if a feature is not one of the several kinds of lists."""
    return feature[0] if isinstance(feature, (list, tuple)) else getattr(feature, "feature", None)


def is_medium(feature: Any) -> bool:
    """Return True if a feature is stored as bytes and path: of a picture, a sound, a film, a document."""
    return hasattr(feature, "embed_storage")


def fields_of(feature: Any) -> dict[str, Any]:
    """Return the features inside of one; the feature of a list's items has an empty name."""
    if isinstance(feature, dict):
        return dict(feature)
    inner = item_of(feature)
    return {} if inner is None else {"": inner}


def features_from_card(listed: Any) -> datasets.Features:
    """Features from the list in a card's `dataset_info`, as `load_dataset` reads it."""
    return datasets.Features._from_yaml_list(listed)


def portable_dict(features: datasets.Features) -> dict[str, Any]:
    """Features as the `huggingface` key of a Parquet file holds them."""

    def change(node: dict[str, Any]) -> Any:
        if node.get("_type") != "List":
            return node
        is_struct = isinstance(node["feature"], dict) and "_type" not in node["feature"]
        return [node["feature"]] if is_struct else {**node, "_type": "Sequence"}

    return json.loads(json.dumps(features.to_dict()), object_hook=change)


def yaml_of_features(features: datasets.Features) -> list[Any]:
    """List that a card's `dataset_info` has for features.

    Examples
    --------
    >>> yaml_of_features(datasets.Features({"x": datasets.List(datasets.Value("int8"))}))
    [{'name': 'x', 'sequence': 'int8'}]
    """

    def change(node: dict[str, Any]) -> dict[str, Any]:
        return {
            "sequence" if key == "list" and not isinstance(value, list) else key: value for key, value in node.items()
        }

    return json.loads(json.dumps(features._to_yaml_list()), object_hook=change)


def as_read(features: datasets.Features) -> datasets.Features:
    """Features as a card gives them back: of several spellings of the same one is left."""
    return features_from_card(yaml_of_features(features))


def check_features(features: datasets.Features) -> None:
    """Refuse features that a card cannot give back, with a RowsError that has the libraries' words."""
    try:
        listed = yaml_of_features(features)
        features_from_card(listed)
        text = DatasetCardData(dataset_info=listed).to_yaml()
        if yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["dataset_info"] != listed:
            raise ValueError("the YAML gives back others")
    except Exception as error:  # whatever a name that the libraries use themselves, or half a character, leads to
        advice = "Give columns and labels other names"
        raise RowsError(f"the features cannot be written into a card ({error}). {advice}") from error
