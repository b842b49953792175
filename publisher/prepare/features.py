"""Features: a form that every version of `datasets` from 2.14 on reads, and the values that fit them.

From 4.0 on `datasets` writes a list as `List`, which earlier versions do not know; they wrote `Sequence` for a list
of values and a Python list for a list of structs, and later versions still read both.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
import yaml
from huggingface_hub import DatasetCardData

from publisher.prepare import RowsError

ARRAYS = (datasets.Array2D, datasets.Array3D, datasets.Array4D, datasets.Array5D)
DAY = 86_400  # seconds
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def plain(name: Any) -> Any:
    """Text of a name that is of a subclass of `str`, such as a member of an enumeration; other values unchanged."""
    return str.__str__(name) if isinstance(name, str) else name


def plain_features(features: Mapping[str, Any]) -> datasets.Features:
    """Features whose names of columns and labels are plain text."""
    return datasets.Features(_plain(dict(features)))


def _plain(feature: Any) -> Any:
    if isinstance(feature, datasets.ClassLabel):
        names = list(map(plain, feature.names))
        is_plain = all(type(name) is str for name in feature.names)
        return feature if is_plain else datasets.ClassLabel(names=names, id=feature.id)
    if isinstance(feature, dict):
        return {plain(name): _plain(inner) for name, inner in feature.items()}
    if isinstance(feature, list):
        return [_plain(inner) for inner in feature]
    return replace(feature, feature=_plain(feature.feature)) if item_of(feature) is not None else feature


def item_of(feature: Any) -> Any:
    """Feature of a list's items, or None if a feature is not one of the several kinds of lists."""
    return feature[0] if isinstance(feature, (list, tuple)) else getattr(feature, "feature", None)


def is_medium(feature: Any) -> bool:
    """Return True if a feature is stored as bytes and path: of a picture, a sound, a film, a document."""
    return hasattr(feature, "embed_storage")


def fields_of(feature: Any) -> dict[str, Any]:
    """Return the features that one is made of; that of a list's items has an empty name."""
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
    """Features as the `huggingface` key of a Parquet file holds them.

    Examples
    --------
    >>> portable_dict(datasets.Features({"x": datasets.Sequence(datasets.Value("int8"))}))
    {'x': {'feature': {'dtype': 'int8', '_type': 'Value'}, '_type': 'Sequence'}}
    """
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
    """Features as a card gives them back: of several spellings of the same one is left.

    Examples
    --------
    >>> lists = [datasets.Sequence(datasets.Value("int8")), [datasets.Value("int8")]]
    >>> len({str(as_read(datasets.Features({"x": spelling}))) for spelling in lists})
    1
    """
    return features_from_card(portable_yaml(yaml_of_features(features)))


def check_features(features: datasets.Features) -> None:
    """Refuse features that a card cannot give back.

    Raises
    ------
    RowsError
        With what the libraries say of it.

    Examples
    --------
    >>> check_features(datasets.Features({"_type": datasets.Value("int8")}))
    Traceback (most recent call last):
    ...
    publisher.prepare.RowsError: the features cannot be written into a card (...). Give columns and labels other names
    """
    try:
        listed = portable_yaml(yaml_of_features(features))
        features_from_card(listed)
        text = DatasetCardData(dataset_info=listed).to_yaml()
        is_kept = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["dataset_info"] == listed
    except Exception as error:  # whatever a name that the libraries use themselves, or half a character, leads to
        is_kept, reason = False, str(error)
    else:
        reason = "the YAML gives back others"
    if not is_kept:
        raise RowsError(f"the features cannot be written into a card ({reason}). Give columns and labels other names")


def find_bad_value(table: pa.Table, features: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """Find the first value that `datasets` cannot read as its feature: row, column, and the reason; or None.

    Examples
    --------
    >>> features = datasets.Features({"label": datasets.ClassLabel(names=["no", "yes"])})
    >>> find_bad_value(pa.table({"label": [0, 1, 2]}), features)
    (2, 'label', 'labels go from 0 to 1')
    """
    for name, feature in features.items():
        if _has_limits(feature):
            start = 0
            for chunk in table[name].chunks:
                if found := _find_bad(chunk, feature):
                    return start + found[0], name, found[1]
                start += len(chunk)
    return None


def _has_limits(feature: Any) -> bool:
    if isinstance(feature, datasets.Value):
        return not (pt.is_primitive(feature.pa_type) and not pt.is_temporal(feature.pa_type))
    is_limited = isinstance(feature, (datasets.ClassLabel, *ARRAYS)) or type(feature).__name__ == "Json"
    return is_limited or any(map(_has_limits, fields_of(feature).values()))


def _find_bad(array: pa.Array, feature: Any) -> tuple[int, str] | None:
    """Find the first row that cannot be read, and why."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if not len(array) or not _has_limits(feature) or is_medium(feature):
        return None
    if isinstance(feature, ARRAYS):
        return _find_other_shape(array, feature.shape)
    if isinstance(feature, datasets.ClassLabel):
        last = feature.num_classes - 1
        return _find_outside(array, -1, last, f"labels go from 0 to {last}")
    if isinstance(feature, datasets.Value):
        return _find_outside_of_python(array, feature.pa_type)
    if type(feature).__name__ == "Json":
        texts = enumerate(array.to_pylist())
        return next(((row, "it is not JSON") for row, text in texts if _fails(json.loads, text)), None)
    if isinstance(feature, dict):
        of_fields = [
            _find_bad(inner, feature[field.name]) for field, inner in zip(array.type, array.flatten(), strict=True)
        ]
        return min(filter(None, of_fields), default=None)
    if (found := _find_bad(array.flatten(), item_of(feature))) is None:
        return None
    lengths = pc.list_value_length(array).fill_null(0).to_numpy()
    return int(np.searchsorted(lengths.cumsum(), found[0], side="right")), found[1]


def _find_outside(array: pa.Array, least: int, most: int, reason: str) -> tuple[int, str] | None:
    bounds = pc.min_max(array)
    if bounds["min"].as_py() is None or (bounds["min"].as_py() >= least and bounds["max"].as_py() <= most):
        return None
    return pc.index(pc.or_(pc.less(array, least), pc.greater(array, most)), True).as_py(), reason


def _find_outside_of_python(array: pa.Array, kind: pa.DataType) -> tuple[int, str] | None:
    """Find text that is not UTF-8, and dates and times that the types of Python cannot hold."""
    if pt.is_string(kind) or pt.is_large_string(kind):
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            texts = enumerate(array.cast(pa.large_binary()).to_pylist())
            return next((row, "it is not UTF-8") for row, text in texts if _fails(bytes.decode, text))
    if not pt.is_temporal(kind):
        return None
    scale = UNITS.get(getattr(kind, "unit", "ms"), 1)
    if pt.is_date32(kind):
        least, most = -719_162, 2_932_896
    elif pt.is_date64(kind) or pt.is_timestamp(kind):  # years 1 to 9999; a time zone may shift them
        least, most = -62_135_510_400 * scale, 253_402_214_400 * scale - 1
    elif pt.is_duration(kind):
        least, most = -999_999_999 * DAY * scale, 999_999_999 * DAY * scale
    else:
        least, most = 0, DAY * scale - 1
    if abs(least) >= 2**63:  # more than there can be
        return None
    whole = array.view(pa.int32() if array.type.bit_width == 32 else pa.int64())
    return _find_outside(whole, least, min(most, 2**63 - 1), "Python has no such date or time")


def _find_other_shape(array: pa.Array, shape: tuple[int | None, ...]) -> tuple[int, str] | None:
    rows = np.arange(len(array))
    reason = f"its shape is not {shape}"
    if shape[0] is None and array.null_count:
        return pc.index(array.is_null(), True).as_py(), "`datasets` cannot read None as an array of any length"
    for axis, size in enumerate(shape):
        lengths = pc.list_value_length(array)
        is_wrong = np.zeros(len(array), bool)
        if size is not None:
            is_wrong = pc.fill_null(pc.not_equal(lengths, size), axis > 0).to_numpy(zero_copy_only=False)
        if is_wrong.any():
            return int(rows[is_wrong][0]), reason
        rows = np.repeat(rows, lengths.fill_null(0).to_numpy())
        array = array.flatten()
    if array.null_count and not pt.is_floating(array.type):
        return int(rows[array.is_null().to_numpy(zero_copy_only=False)][0]), "it has None in it"
    return None


def _fails(read: Callable[[Any], object], value: Any) -> bool:
    try:
        return value is not None and read(value) is Ellipsis
    except ValueError:
        return True
