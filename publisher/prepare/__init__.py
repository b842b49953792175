"""From a builder to files. This module holds what the others share: files, errors of builders, and features.

The package knows neither cards nor the Hub.
"""

from __future__ import annotations

import errno
import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import datasets
import yaml
from datasets.exceptions import DatasetGenerationError
from huggingface_hub import DatasetCardData

from publisher.errors import PublishingError, causes, fault_of_code

HERE = Path(__file__).parent.parent
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # of a disk: other configs would fail likewise
LONGEST = 100  # characters of a value in a message
NO_ROWS = "The split is empty, and `load_dataset` cannot open empty splits. Remove it"
FOLDER_HINTS = ("data_dir", "manual_dir", "manually download")


@dataclass(frozen=True)
class DataFile:
    """Path, size and rows of any file that is not just text."""

    path: str  # below the repository's root, with forward slashes
    size: int  # bytes
    rows: int | None = None
    nbytes: int | None = None  # of the rows in Arrow


@dataclass(frozen=True)
class ExpectedFile(DataFile):
    """A file that is not drawn yet; its numbers hold if all shards are like the first and the last one."""


@dataclass(frozen=True)
class KnownFile(DataFile):
    """A file whose content is known by its digest, wherever it is; its numbers are exact."""

    sha256: str = ""
    rows_sha256: str = ""  # SHA-256 of its rows, see `publisher.prepare.rows`


@dataclass(frozen=True)
class LocalFile(KnownFile):
    """A file on this machine."""

    source: Path = Path()


@dataclass(frozen=True)
class UploadedFile(KnownFile):
    """A file that the Hub stores, and that is not visible before a commit names it."""

    sample: bytes = b""  # its first bytes, which the client shows the Hub


@dataclass(frozen=True)
class TextFile:
    """A file that is only in memory, such as a card."""

    path: str
    content: bytes
    rows: ClassVar[None] = None

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    @property
    def sha256(self) -> str:
        """SHA-256 of the content."""
        return hashlib.sha256(self.content).hexdigest()


File = DataFile | TextFile


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def describe_file(
    source: Path,
    root: Path,
    rows: int | None = None,
    nbytes: int | None = None,
    rows_sha256: str = "",
    within: str = "",
) -> LocalFile:
    """Size and digest of a file below `root`, whose path in the repository begins with `within`."""
    path = within + source.relative_to(root).as_posix()
    return LocalFile(path, source.stat().st_size, rows, nbytes, file_digest(source), rows_sha256, source)


def add_up(files: Sequence[DataFile]) -> tuple[int, int, int]:
    """Bytes, rows, and bytes in Arrow of several files together."""
    size, rows, nbytes = (sum(getattr(file, number) or 0 for file in files) for number in ("size", "rows", "nbytes"))
    return size, rows, nbytes


def digest_of(file: File) -> str | None:
    """SHA-256 of a file's content, or None if it is only expected."""
    return file.sha256 if isinstance(file, (KnownFile, TextFile)) else None


def rows_sha256_of(file: File) -> str:
    """SHA-256 of the rows of a file, or nothing if it has none, or they are not known."""
    return file.rows_sha256 if isinstance(file, KnownFile) else ""


def content_of(file: File) -> bytes | None:
    """The content of a file that is here or in memory, else None."""
    if isinstance(file, LocalFile):
        return file.source.read_bytes()
    return file.content if isinstance(file, TextFile) else None


class RowsError(Exception):
    """Rows that cannot be written as they are: the message begins with the place, and says why."""


def bad_value(row: int, column: str, value: Any, feature: Any, reason: object, line: str = "") -> RowsError:
    """Error for a value that does not fit its feature; `line` is the script's."""
    where = f"row {row}, column {column!r}" + (f", {line}" if line else "")
    return RowsError(f"{where}: {short(value)} does not fit {short(feature)}: {short(reason, str)}")


def short(value: object, spell: Callable[[object], str] = repr) -> str:
    """Spelling of a value on one line, cut after `LONGEST` characters."""
    try:
        text = " ".join(spell(value).split())
    except Exception:  # code of the builder's author
        text = type(value).__name__
    text = text.encode(errors="backslashreplace").decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


@contextmanager
def builder_errors(
    kind: type[datasets.DatasetBuilder],
    config: str,
    split: Callable[[], str] | str = "",
    passing: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Turn what a builder raises into a UsageError with a sentence.

    `split` may be a function that returns it when it is needed. Exceptions of the classes in `passing`, what the system
    refuses outside of the builder, such as a full disk, and the publisher's own errors pass unchanged.
    """
    try:
        yield
    except (PublishingError, MemoryError):
        raise
    except passing:
        raise
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit; a panic of a library in Rust
        name = split if isinstance(split, str) else split()
        where = f"config {config!r}" + (f", split {name!r}" if name else "")
        reasons = list(causes(error))
        if found := next((reason for reason in reasons if isinstance(reason, RowsError)), None):
            raise fault_of_code(f"{where}, {found}", error) from error
        places = [place for reason in reasons if (place := _place(reason, kind))]
        reason = next((reason for reason in reasons if not isinstance(reason, DatasetGenerationError)), error)
        if isinstance(reason, OSError) and (reason.errno in FULL or not (places or _address(reason))):
            raise reason from None
        line = f"{places[0]}: " if places else ""
        text = " ".join(str(reason).split())
        if (address := _address(reason)) not in text:
            text += f" ({address})"
        if any(hint in text for hint in FOLDER_HINTS):
            text = text.rstrip(".") + ". Give the folder as --data-dir"
        elif "data_files" in text:
            text = text.rstrip(".") + ". Give the files as --set data_files=..."
        sentence = f"{where}: {line}{type(reason).__name__}{f': {text}' if text else ''}"
        raise fault_of_code(sentence, reason) from error


def _address(error: BaseException) -> str:
    """Address that an HTTP client failed to get: each has another name for it."""
    places = (error, *(getattr(error, name, None) for name in ("response", "request", "request_info")))
    found = (getattr(place, name, None) for place in places for name in ("url", "real_url"))
    return next((str(url) for url in found if url), "")


def _place(error: BaseException, kind: type) -> str | None:
    """File and line of the builder's script, or of a module next to it, where an error was raised or passed last."""
    files = [getattr(sys.modules.get(base.__module__), "__file__", None) for base in kind.__mro__]
    library = Path(datasets.__file__).parent
    scripts = [Path(file).resolve() for file in files if file and library not in Path(file).resolve().parents]
    folders = {script.parent for script in scripts}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename).resolve()
        own = file in scripts or (HERE not in file.parents and "site-packages" not in file.parts)
        if own and file.is_file() and any(folder == file.parent or folder in file.parents for folder in folders):
            return f"{file.name}, line {frame.lineno}"
    return None


# --- features ---------------------------------------------------------------------------------------------------------
# In the form that every version of `datasets` from 2.14 on reads. From 4.0 on `datasets` writes a list as `List`, which
# earlier versions do not know; they wrote `Sequence` for a list of values and a Python list for a list of structs, and
# later versions still read both.


def plain(name: Any) -> Any:
    """Text of a name that is of a subclass of `str`, such as a member of an enumeration; other values unchanged."""
    return str.__str__(name) if isinstance(name, str) else name


def plain_features(feature: Any) -> Any:
    """Features whose names of columns and labels are plain text."""
    if isinstance(feature, datasets.ClassLabel):
        names = list(map(plain, feature.names))
        is_plain = all(type(name) is str for name in feature.names)
        return feature if is_plain else datasets.ClassLabel(names=names, id=feature.id)
    if isinstance(feature, dict):
        return {plain(name): plain_features(inner) for name, inner in feature.items()}
    if isinstance(feature, list):
        return [plain_features(inner) for inner in feature]
    return replace(feature, feature=plain_features(feature.feature)) if item_of(feature) is not None else feature


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


def yaml_of_features(features: datasets.Features) -> list[Any]:
    """List that a card's `dataset_info` has for features."""
    return features._to_yaml_list()


def portable_dict(features: datasets.Features) -> dict[str, Any]:
    """Features as the `huggingface` key of a Parquet file holds them."""
    return {name: _portable(feature) for name, feature in features.to_dict().items()}


def _portable(feature: Any) -> Any:
    if isinstance(feature, list):
        return [_portable(item) for item in feature]
    if not isinstance(feature, dict):
        return feature
    converted = {key: _portable(value) for key, value in feature.items()}
    if feature.get("_type") != "List":
        return converted
    inner = converted["feature"]
    is_struct = isinstance(inner, dict) and "_type" not in inner
    return [inner] if is_struct else {**converted, "_type": "Sequence"}


def portable_yaml(features: Any) -> Any:
    """The same for a card: `features` is what `dataset_info` lists under that name.

    Examples
    --------
    >>> portable_yaml([{"name": "x", "list": "float64"}, {"name": "y", "dtype": "int64"}])
    [{'name': 'x', 'sequence': 'float64'}, {'name': 'y', 'dtype': 'int64'}]
    """
    if isinstance(features, list):
        return [portable_yaml(item) for item in features]
    if not isinstance(features, dict):
        return features
    return {
        "sequence" if key == "list" and not isinstance(value, list) else key: portable_yaml(value)
        for key, value in features.items()
    }


def as_read(features: datasets.Features) -> datasets.Features:
    """Features as a card gives them back: of several spellings of the same one is left."""
    return features_from_card(portable_yaml(yaml_of_features(features)))


def check_features(features: datasets.Features) -> None:
    """Refuse features that a card cannot give back, with a RowsError that has the libraries' words."""
    reason = "the YAML gives back others"
    try:
        listed = portable_yaml(yaml_of_features(features))
        features_from_card(listed)
        text = DatasetCardData(dataset_info=listed).to_yaml()
        is_kept = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["dataset_info"] == listed
    except Exception as error:  # whatever a name that the libraries use themselves, or half a character, leads to
        is_kept, reason = False, str(error)
    if not is_kept:
        raise RowsError(f"the features cannot be written into a card ({reason}). Give columns and labels other names")
