"""Features that every version of `datasets` reads."""

from __future__ import annotations

import datasets
import pytest
from datasets import Features, Image, Sequence, Value

from publisher.prepare.features import portable_dict, portable_yaml

FEATURES = [
    Features({"x": Sequence(Value("float64"))}),
    Features({"x": Sequence(Value("int8"), length=3)}),
    Features({"x": Sequence(Sequence(Value("float32")))}),
    Features({"x": [{"a": Value("string"), "b": Sequence(Value("int32"))}]}),
    Features({"x": {"a": [Value("string")], "b": {"c": Image()}}}),
    Features({"x": datasets.ClassLabel(names=["list", "_type"]), "list": Value("string")}),
    Features({"x": datasets.Array2D((2, 3), "float32")}),
]


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_features_mean_the_same(features: Features) -> None:
    """What is written reads as the same features, and as the same Arrow types."""
    for read in (
        Features.from_dict(portable_dict(features)),
        Features._from_yaml_list(portable_yaml(features._to_yaml_list())),
    ):
        assert read == features or datasets.__version__ < "4"  # which tells a `Sequence` from a list
        assert read.arrow_schema.types == features.arrow_schema.types


@pytest.mark.parametrize("features", FEATURES, ids=str)
def test_no_list_type_of_version_4_is_left(features: Features) -> None:
    """Versions below 4 know no `List`."""
    assert "'List'" not in str(portable_dict(features))
