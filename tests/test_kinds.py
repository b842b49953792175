"""Every kind of feature that the installed `datasets` has is published as it is, alone and nested."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import numpy as np
import pytest

from loopback import Hub
from publisher import Card, main, validate
from publisher.prepare.datasets_compat import lists_for_sequences
from publisher.prepare.features import as_read
from tests.test_values import R, builder, card, load

__all__ = ["card"]  # a fixture

VALUE = datasets.Value
DAY = datetime.datetime(2024, 3, 10, 2, 30)
UTC = DAY.replace(tzinfo=datetime.timezone.utc)
FROM_4 = int(datasets.__version__.partition(".")[0]) >= 4  # before, some kinds cannot be nested

VALUES: dict[str, Any] = {
    "null": None,
    "bool": True,
    **dict.fromkeys(("int8", "int16", "int32", "int64"), -7),
    **dict.fromkeys(("uint8", "uint16", "uint32", "uint64"), 7),
    "float16": np.float16(1.5),
    **dict.fromkeys(("float32", "float64"), -0.0),
    **dict.fromkeys(("time32[s]", "time32[ms]", "time64[us]", "time64[ns]"), datetime.time(23, 59, 58)),
    **dict.fromkeys(("timestamp[s]", "timestamp[ms]", "timestamp[us]", "timestamp[ns]"), DAY),
    **dict.fromkeys(("timestamp[s, tz=UTC]", "timestamp[ns, tz=America/New_York]", "timestamp[us, tz=+05:30]"), UTC),
    **dict.fromkeys(("date32", "date64"), datetime.date(1901, 1, 1)),
    **dict.fromkeys(
        ("duration[s]", "duration[ms]", "duration[us]", "duration[ns]"), datetime.timedelta(days=3, hours=1)
    ),
    "decimal128(20, 3)": decimal.Decimal("1.250"),
    "decimal256(50, 3)": decimal.Decimal("-12345678901234567890123456789.125"),
    **dict.fromkeys(("binary", "large_binary"), b"\0\xff"),
    **dict.fromkeys(("string", "large_string"), "ü\0"),
}
ANY_LENGTH = "array of any length"
MEDIA = {  # content is not looked at: what is published is what is given
    "Image": "a.png",
    "Audio": "a.wav",
    "Video": "a.mp4",
    "Pdf": "a.pdf",
    "Nifti": "a.nii",
    "Mesh": "a.obj",
    "BioSequence": "a.fasta",
    "BioStructure": "a.pdb",
}


def kinds() -> dict[str, tuple[Any, Any]]:
    """Name -> feature and a value."""
    found: dict[str, tuple[Any, Any]] = {dtype: (VALUE(dtype), value) for dtype, value in VALUES.items()}
    found |= {
        "label": (datasets.ClassLabel(names=["no", "1", "a: b"]), 2),
        "translation": (datasets.Translation(["de", "en"]), {"de": "a", "en": "b"}),
        "translations": (
            datasets.TranslationVariableLanguages(languages=["de", "en"]),
            {"language": ["de", "en"], "translation": ["a", "b"]},
        ),
        "sequence": (datasets.Sequence(VALUE("int8")), [1, 2]),
        "sequence of structs": (datasets.Sequence({"a": VALUE("int8")}), {"a": [1, 2]}),
        "fixed length": (datasets.Sequence(VALUE("float32"), length=2), [1.0, 2.0]),
        "empty lists": (datasets.Sequence(datasets.Sequence(VALUE("string"))), [["a"], [], ["b"]]),
    }
    for dimensions in (2, 3, 4, 5):
        shape = (2,) * dimensions
        feature = getattr(datasets, f"Array{dimensions}D")(shape, "float32")
        found[f"array {dimensions}"] = feature, np.arange(2**dimensions).reshape(shape).tolist()
    if not huggingface_hub.__version__.startswith("0.25."):  # refused: it drops the None
        found[ANY_LENGTH] = datasets.Array2D((None, 2), "int8"), [[1, 2]] * 3
    for name, path in MEDIA.items():
        if kind := getattr(datasets, name, None):
            found[name] = kind(decode=False), {"bytes": name.encode(), "path": path}
    if kind := getattr(datasets, "LargeList", None):
        found["LargeList"] = kind(VALUE("string")), ["a", "b"]
    if kind := getattr(datasets, "List", None):
        found["List"] = kind(VALUE("string"), length=1), ["a"]
    if kind := getattr(datasets, "Json", None):
        found["Json"] = kind(), {"a": [1, {"b": None}], "c": "ü"}
    return found


def nested(kinds: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Each kind alone, in a list, in a struct, and in lists in structs in a list; and names that look like paths."""
    found = dict(kinds)
    for name, (feature, value) in kinds.items():
        if FROM_4 or not name.startswith(("array", "fixed")):
            found[f"{name} in a list"] = [feature], [value, value]
            found[f"{name} in a struct"] = {"a": feature, "b": VALUE("int8")}, {"a": value, "b": 1}
            found[f"{name} deep"] = [{"a": [feature]}], [{"a": [value]}, {"a": []}]
    return found | {"a.b": (VALUE("float32"), 1.0), "a": ({"b": VALUE("float64")}, {"b": 0.5})}


@pytest.mark.slow  # hundreds of columns
@pytest.mark.parametrize("tables", [False, True])
def test_kinds(tables: bool, card: Card, hub: Hub, tmp_path: Path) -> None:
    """They come back from the Hub with their features and values, and `validate` finds nothing."""
    columns = nested(kinds())
    features = datasets.Features({name: feature for name, (feature, _) in columns.items()})
    row = {name: value for name, (_, value) in columns.items()}
    never_null = [name for name in (ANY_LENGTH,) if name in row]  # which `datasets` does not read if it is null
    nothing = dict.fromkeys(row) | {name: row[name] for name in never_null}
    kind = builder(lambda config: iter([row, nothing, row]), features)
    prepared = kind(cache_dir=str(tmp_path / "cache"))
    with lists_for_sequences():
        prepared.download_and_prepare()
    given = prepared.as_dataset(split="train").with_format("arrow")[:]
    if tables:
        kind = builder(lambda config, n: (given[i : i + 1] for i in n), features, tables=True, train={"n": [0, 1, 2]})
    assert main(kind, card, R, ["--work-dir", str(tmp_path / "work")]) == 0
    assert validate(R) == []
    found = load()
    assert as_read(found.features) == as_read(features)  # some can be spelled in several ways
    rows = found.with_format("arrow")[:]
    assert [name for name in row if str(rows[name].to_pylist()) != str(given[name].to_pylist())] == []
    assert main(kind, card, R, ["--verify"]) == 0
