"""Features in the form that every version of `datasets` from 2.14 on reads.

From 4.0 on `datasets` writes a list as `List`, which earlier versions do not know; they wrote `Sequence` for a list
of values and a Python list for a list of structs, and later versions still read both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import datasets
import yaml
from huggingface_hub import DatasetCardData

from publisher.prepare import RowsError


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
