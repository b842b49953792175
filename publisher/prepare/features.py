"""Features in the form that every version of `datasets` from 2.14 on reads.

From 4.0 on `datasets` writes a list as `List`, which earlier versions do not know; they wrote `Sequence` for a list
of values and a Python list for a list of structs, and later versions still read both.
"""

from __future__ import annotations

from typing import Any

import datasets
import huggingface_hub
import yaml
from huggingface_hub import DatasetCardData

from publisher.prepare.builder_errors import RowsError
from publisher.prepare.datasets_compat import features_from_card, yaml_of_features


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
    """Features as a card gives them back: what can be spelled in several ways is then in one.

    Examples
    --------
    >>> lists = [datasets.Sequence(datasets.Value("int8")), [datasets.Value("int8")]]
    >>> len({str(as_read(datasets.Features({"x": spelling}))) for spelling in lists})
    1
    >>> structs = [datasets.Sequence({"a": datasets.Value("int8")}), {"a": datasets.Sequence(datasets.Value("int8"))}]
    >>> len({str(as_read(datasets.Features({"x": spelling}))) for spelling in structs})
    1
    """
    return features_from_card(portable_yaml(yaml_of_features(datasets.Features(_transposed(features)))))


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
    publisher.prepare.builder_errors.RowsError: the features cannot be written into a card (...): ...
    """
    try:
        listed = portable_yaml(yaml_of_features(features))
        features_from_card(listed)
        text = DatasetCardData(dataset_info=listed).to_yaml()
        is_kept = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))["dataset_info"] == listed
    except Exception as error:  # whatever a name of the libraries' own, or half a character, leads to
        raise RowsError(
            f"the features cannot be written into a card ({error}): give columns and labels other names"
        ) from error
    if not is_kept:  # some versions drop the None of a shape
        version = huggingface_hub.__version__
        raise RowsError(f"huggingface_hub {version} cannot write the features into a card: update it")


def _transposed(feature: Any) -> Any:
    """The same with dicts of lists for `Sequence({...})`, as versions from 4.0 on read it."""
    if isinstance(feature, dict):
        return {name: _transposed(inner) for name, inner in feature.items()}
    if isinstance(feature, list):
        return [_transposed(feature[0])]
    if not isinstance(feature, datasets.Sequence):  # from 4.0 on nothing is
        return feature
    if isinstance(feature.feature, dict):
        return {name: datasets.Sequence(_transposed(inner), feature.length) for name, inner in feature.feature.items()}
    inner = _transposed(feature.feature)
    return [inner] if isinstance(inner, dict) else datasets.Sequence(inner, feature.length)
