"""Published values are the builder's: any feature, or a sentence that says which value is at fault."""

from __future__ import annotations

import datetime
import decimal
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback import Hub
from publisher import validate
from publisher.card import default_card
from publisher.prepare import as_read, parquet
from publisher.prepare.datasets_compat import encoded_as_before_4
from publisher.prepare.rows import RowsDigest, differing_columns
from tests.builders import INTEGER, VALUE, R, builder, load, one
from tests.commands import Run, run_command

NESTED = datasets.Features(
    {
        "number": VALUE("int32"),
        "text": VALUE("string"),
        "flag": VALUE("bool"),
        "list": [VALUE("int8")],
        "struct": {"a": VALUE("float32"), "b": [VALUE("string")]},
    }
)
FLOAT, TEXTS = st.floats(width=32, allow_nan=False), st.lists(st.text(max_size=2))
ROW = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-5, 5),
        "text": st.none() | st.text(max_size=3),
        "flag": st.none() | st.booleans(),
        "list": st.none() | st.lists(st.none() | st.integers(-5, 5), max_size=3),
        "struct": st.none() | st.fixed_dictionaries({"a": st.none() | FLOAT, "b": st.none() | TEXTS}),
    }
)


def _digest(*tables: pa.Table) -> RowsDigest:
    digest = RowsDigest(NESTED)
    for table in tables:
        digest.add(table)
    return digest


@given(rows=st.lists(ROW, min_size=1, max_size=8), other=st.lists(ROW, min_size=1, max_size=8), cut=st.integers(0, 8))
def test_digests_are_of_values(rows: list[dict[str, Any]], other: list[dict[str, Any]], cut: int) -> None:
    """Equal for equal rows, however they are divided and laid out; different for others."""
    table = pa.Table.from_pylist(rows, schema=NESTED.arrow_schema)
    large = table.set_column(1, "text", table["text"].cast(pa.large_string()).dictionary_encode())
    large = large.set_column(3, "list", table["list"].cast(pa.large_list(pa.int8())))
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=2)
    same = [_digest(table[:cut], table[cut:]), _digest(large), _digest(pq.read_table(buffer))]
    assert {digest.hexdigest() for digest in same} == {_digest(table).hexdigest()}
    second = pa.Table.from_pylist(other, schema=NESTED.arrow_schema)
    equal = repr(table.to_pylist()) == repr(second.to_pylist())
    assert (_digest(second).hexdigest() == _digest(table).hexdigest()) == equal
    assert bool(differing_columns(_digest(second), _digest(table))) != equal


def test_a_file_is_read_back(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that gives back other values than the builder gave is not published."""
    write = pq.ParquetWriter.write_table

    def spoil(self: Any, table: pa.Table, **options: Any) -> None:
        write(self, table.set_column(0, "x", pa.array([7] * len(table), "int64")), **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", spoil)
    assert "column 'x'" in run(builder(one), "--output-dir", tmp_path / "out").refusal()
    assert not (tmp_path / "out").exists()


def test_the_same_rows_whatever_wrote_them(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other bytes of the same rows are nothing to do; other rows are written, and all of them with --rewrite."""
    features = datasets.Features({**INTEGER, "list": datasets.Sequence(VALUE("int8"), length=1)})
    kind = builder(lambda config: iter([{"x": 1, "list": [2]}]), features, "ab")
    assert run(kind).exit_code == 0
    card = hub.files(R)["README.md"].replace(b"---\n", b"---\nlanguage:\n- en\n", 1)
    hub.commit(R, {"README.md": card})
    before = hub.files(R)
    encodings = parquet._encodings
    monkeypatch.setattr(parquet, "_encodings", lambda schema: {**encodings(schema), "compression": "none"})
    for arguments in ([], ["--verify"], ["--config", "b"]):
        assert run(kind, *arguments).exit_code == 0
        assert hub.files(R) == before
    other = builder(lambda config: iter([{"x": 1 + (config.name == "b"), "list": [2]}]), features, "ab")
    assert run(other).exit_code == 0
    changed = {path for path, content in hub.files(R).items() if before[path] != content}
    assert changed == {".publish.json", "README.md", "b/train-00000-of-00001.parquet"}
    assert run(other, "--verify").exit_code == run(other, "--rewrite").exit_code == 0
    assert hub.files(R)["a/train-00000-of-00001.parquet"] != before["a/train-00000-of-00001.parquet"]


def test_what_parquet_does_not_hold(run: Run, hub: Hub) -> None:
    """A sentence that says so, and no place in the code of a library."""
    features = datasets.Features({"x": VALUE("decimal128(5, -2)")})
    rows = pa.table({"x": pa.array([None], pa.decimal128(5, -2))})
    said = "config 'default', split 'train', pyarrow .* cannot keep these rows in Parquet \\("
    assert re.search(said, run(builder(lambda config: iter([rows]), features, tables=True)).refusal())


NO_FEATURES = [({"_type": VALUE("int8")}, {"_type": 1}), (datasets.ClassLabel(names=["\ud800"]), 0)]


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize(("feature", "value"), NO_FEATURES)
def test_features_no_card_can_have(feature: Any, value: Any, tables: bool, run: Run, hub: Hub) -> None:
    """Names that the libraries take for their own, and half characters."""
    features = datasets.Features({"x": feature})

    def rows(config: Any, n: list[int]) -> Iterator[Any]:
        yield pa.table({"x": [value]}, schema=features.arrow_schema) if tables else {"x": value}

    said = run(builder(rows, features, tables=tables, train={"n": [1, 2]})).refusal()
    assert "the features cannot be written into a card (" in said


def test_half_a_surrogate_pair(hub: Hub) -> None:
    """A builder's description is published as far as it is text; rows that are not text are refused."""
    said = datasets.DatasetInfo(description="half \ud800 of it", features=datasets.Features({"x": VALUE("string")}))
    good, bad = (builder(lambda config, text: iter([{"x": text}]), train={"text": text}) for text in ("a", "\ud800"))
    good._info = bad._info = lambda self: said
    assert run_command([], (good, default_card(good), R)).exit_code == 0
    assert "half ? of it" in hub.files(R)["README.md"].decode()
    assert run_command(["--verify"], (good, default_card(good), R)).exit_code == 0
    assert "surrogates not allowed" in run_command([], (bad, default_card(bad), R)).refusal()


DAY = datetime.datetime(2024, 3, 10, 2, 30)
UTC = DAY.replace(tzinfo=datetime.timezone.utc)
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
    **dict.fromkeys((f"duration[{unit}]" for unit in ("s", "ms", "us", "ns")), datetime.timedelta(days=3, hours=1)),
    "decimal128(20, 3)": decimal.Decimal("1.250"),
    "decimal256(50, 3)": decimal.Decimal("-12345678901234567890123456789.125"),
    **dict.fromkeys(("binary", "large_binary"), b"\0\xff"),
    **dict.fromkeys(("string", "large_string"), "ü\0"),
}
ANY_LENGTH = "array of any length"
SEVERAL = datasets.TranslationVariableLanguages(languages=["de", "en"])
# Content is not looked at: what is published is what is given
MEDIA = ("Image", "Audio", "Video", "Pdf", "Nifti", "Mesh", "BioSequence", "BioStructure")


def kinds() -> dict[str, tuple[Any, Any]]:
    """Name -> feature and a value."""
    found: dict[str, tuple[Any, Any]] = {dtype: (VALUE(dtype), value) for dtype, value in VALUES.items()}
    found |= {
        "label": (datasets.ClassLabel(names=["no", "1", "a: b"]), 2),
        "translation": (datasets.Translation(["de", "en"]), {"de": "a", "en": "b"}),
        "translations": (SEVERAL, {"language": ["de", "en"], "translation": ["a", "b"]}),
        "LargeList": (datasets.LargeList(VALUE("string")), ["a", "b"]),
        "List": (datasets.List(VALUE("string"), length=1), ["a"]),
        "sequence": (datasets.Sequence(VALUE("int8")), [1, 2]),
        "sequence of structs": (datasets.Sequence({"a": VALUE("int8")}), {"a": [1, 2]}),
        "fixed length": (datasets.Sequence(VALUE("float32"), length=2), [1.0, 2.0]),
        "empty lists": (datasets.Sequence(datasets.Sequence(VALUE("string"))), [["a"], [], ["b"]]),
    }
    for dimensions in (2, 3, 4, 5):
        shape = (2,) * dimensions
        feature = getattr(datasets, f"Array{dimensions}D")(shape, "float32")
        found[f"array {dimensions}"] = feature, np.arange(2**dimensions).reshape(shape).tolist()
    found[ANY_LENGTH] = datasets.Array2D((None, 2), "int8"), [[1, 2]] * 3
    for name in MEDIA:
        if kind := getattr(datasets, name, None):
            found[name] = kind(decode=False), {"bytes": name.encode(), "path": "a.file"}
    if kind := getattr(datasets, "Json", None):
        found["Json"] = kind(), {"a": [1, {"b": None}], "c": "ü"}
    return found


def nested(kinds: dict[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Each kind alone, in a list, in a struct, and in lists in structs in a list; and names that look like paths."""
    found = dict(kinds)
    for name, (feature, value) in kinds.items():
        found[f"{name} in a list"] = [feature], [value, value]
        found[f"{name} in a struct"] = {"a": feature, "b": VALUE("int8")}, {"a": value, "b": 1}
        found[f"{name} deep"] = [{"a": [feature]}], [{"a": [value]}, {"a": []}]
    return found | {"a.b": (VALUE("float32"), 1.0), "a": ({"b": VALUE("float64")}, {"b": 0.5})}


@pytest.mark.slow  # hundreds of columns
@pytest.mark.parametrize("tables", [False, True])
def test_kinds(tables: bool, run: Run, hub: Hub, tmp_path: Path) -> None:
    """They come back from the Hub with their features and values, and `validate` finds nothing."""
    columns = nested(kinds())
    features = datasets.Features({name: feature for name, (feature, _) in columns.items()})
    row = {name: value for name, (_, value) in columns.items()}
    nothing = dict.fromkeys(row) | {ANY_LENGTH: row[ANY_LENGTH]}  # which `datasets` does not read if it is null
    kind = builder(lambda config: iter([row, nothing, row]), features)
    prepared = kind(cache_dir=str(tmp_path / "cache"))
    with encoded_as_before_4():
        prepared.download_and_prepare()
    given = prepared.as_dataset(split="train").with_format("arrow")[:]
    if tables:
        kind = builder(lambda config, n: (given[i : i + 1] for i in n), features, tables=True, train={"n": [0, 1, 2]})
    assert run(kind, "--work-dir", tmp_path / "work").exit_code == 0
    assert validate(R) == []
    found = load()
    assert as_read(found.features) == as_read(features)  # some can be spelled in several ways
    rows = found.with_format("arrow")[:]
    assert [name for name in row if str(rows[name].to_pylist()) != str(given[name].to_pylist())] == []
    assert run(kind, "--verify").exit_code == 0


LABEL = datasets.ClassLabel(names=["no", "yes"])
BAD: list[tuple[Any, Any, Any, str]] = [  # feature, values that fit and do not, why
    (LABEL, "no", "maybe", "Invalid string class label maybe"),
    (LABEL, 1, 2, "greater than configured num_classes 2"),
    (VALUE("int8"), 1, 300, "Integer value 300 not in range"),
    (VALUE("int32"), 1, "n/a", "invalid literal for int()"),
    (VALUE("string"), "ok", "\ud800", "surrogates not allowed"),
    (datasets.Sequence(VALUE("int8"), length=2), [1, 2], [1, 2, 3], "Couldn't cast"),
    (datasets.Array2D((2, 2), "int8"), [[1, 2], [3, 4]], [[1, 2, 3], [4, 5, 6]], "its shape is not (2, 2)"),
    (datasets.Array2D((2, 2), "int8"), None, [[1], [2, 3]], "its shape is not (2, 2)"),
    ([datasets.Array2D((1, 1), "int8")], [], [[[1]], [[1, 2]]], "its shape is not (1, 1)"),
    (datasets.Array2D((None, 2), "int8"), [[1, 2]], None, "cannot read None"),
    (VALUE("decimal128(4, 2)"), decimal.Decimal("1.25"), decimal.Decimal("1.255"), "data loss"),
    ({"a": VALUE("int8")}, {"a": 1}, (1,), "has no attribute 'get'"),
    ({"a": {"b": [VALUE("int8")]}}, {"a": {"b": [1]}}, {"a": {"b": [1, 1000]}}, "not in range"),
    (SEVERAL, {"de": "a"}, {"xx": "c"}, "not in valid set"),
]


@pytest.mark.parametrize(("feature", "good", "bad", "why"), BAD)
def test_the_place_of_a_bad_value(feature: Any, good: Any, bad: Any, why: str, run: Run, tmp_path: Path) -> None:
    """Config, split, row, column, the line of the script, and the value; nothing is written."""

    def rows(config: Any) -> Iterator[dict[str, Any]]:
        for row in range(1300):
            yield {"id": row, "suspect": bad if row == 1234 else good}

    kind = builder(rows, datasets.Features({"id": VALUE("int64"), "suspect": feature}))
    said = run(kind, "--output-dir", tmp_path / "out").refusal()
    for words in ("config 'default', split 'train', row 1234, column 'suspect', builders.py, line ", why):
        assert words in said
    assert not (tmp_path / "out").exists()


TABLES: list[tuple[Any, Any, int, str]] = [  # feature, array, row at fault, why
    (LABEL, pa.array([1, None, 5]), 2, "labels go from 0 to 1"),
    (LABEL, pa.array([0, 2], "int8"), 1, "greater than"),
    ([LABEL], pa.array([[0], [], None, [1, -7]]), 3, "labels go from 0 to 1"),
    (VALUE("int8"), pa.array([1, 2, 3000]), 2, "not in range"),
    (VALUE("date32"), pa.array([0, 4 * 10**6], "int32").view("date32"), 1, "no such date"),
    (VALUE("timestamp[s]"), pa.array([0, 10**12]).view(pa.timestamp("s")), 1, "no such date"),
    (VALUE("string"), pa.array([b"a", b"\xff"]).view("string"), 1, "not UTF-8"),
]


@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize(("feature", "array", "row", "why"), TABLES)
def test_the_place_of_a_bad_value_in_a_table(
    feature: Any, array: pa.Array, row: int, why: str, shards: int, run: Run, tmp_path: Path
) -> None:
    """Also of values that fit into the file, and that `load_dataset` could not read."""

    def tables(config: Any, n: list[int]) -> Iterator[pa.Table]:
        for _ in n:
            yield pa.table({"x": array})

    kind = builder(tables, datasets.Features({"x": feature}), tables=True, train={"n": [0] * shards})
    said = run(kind, "--output-dir", tmp_path / "out").refusal()
    assert f"row {row}, column 'x', builders.py, line " in said
    assert why in said


@pytest.mark.parametrize("tables", [True, False])
def test_a_row_that_is_not_a_dict(tables: bool, run: Run, tmp_path: Path) -> None:
    """It is shown, with its number and the line of the script."""
    rows, words = ([pa.table({"x": [1]}), 5], "a pyarrow.Table") if tables else ([{"x": 1}, 5], "a dict of columns")
    said = run(builder(lambda config: iter(rows), tables=tables), "--output-dir", tmp_path / "out").refusal()
    assert re.search(f"row 1, builders.py, line [0-9]+: .*5.? is not .*{words}", said)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([0, 1, 0, 0], "note: config 'default', split 'train', rows 0 and 2, and perhaps others, have the"),
        ([*range(1000), *range(1000)], ""),
        (["a", "A", "\\"], ""),
    ],
)
def test_notes_on_rows(keys: list[Any], said: str, run: Run, tmp_path: Path) -> None:
    """Same keys, where versions 1 to 3, which compare a thousand rows at a time, end; columns that are not declared."""
    kind = builder(one)
    kind._generate_examples = lambda self: ((key, {"x": 1, "y": 2}) for key in keys)
    ended = run(kind, "--output-dir", tmp_path / "out")
    counts = [ended.stderr.count(words) for words in ("same key", "not in the features, and left out: 'y'")]
    assert (ended.exit_code, counts, said in ended.stderr) == (0, [bool(said), 1], True)


SPANS = [{"word": ["a", "b"], "at": [1, 2]}, {"word": ["c"], "at": [3]}]


@pytest.mark.parametrize("inner", [VALUE, lambda dtype: datasets.Sequence(VALUE(dtype)), lambda dtype: [VALUE(dtype)]])
@pytest.mark.parametrize("given_as", ["list of dicts", "dict of lists"])
def test_sequences_of_dicts(given_as: str, inner: Any, run: Run, tmp_path: Path) -> None:
    """`Sequence({...})` is a dict of lists whatever its fields are, as in versions 1 to 3."""
    rows = SPANS if inner is not VALUE else [{"word": "a", "at": 1}, {"word": "b", "at": 2}]
    columns = {name: [row[name] for row in rows] for name in ("word", "at")}
    kind = builder(lambda config: iter([{"spans": rows if given_as == "list of dicts" else columns}, {"spans": None}]))
    fields = {"word": inner("string"), "at": inner("int32")}
    kind._info = lambda self: datasets.DatasetInfo(features=datasets.Features({"spans": datasets.Sequence(fields)}))
    assert run(kind, "--output-dir", tmp_path / "out").exit_code == 0
    assert datasets.load_dataset(str(tmp_path / "out"), split="train")[0] == {"spans": columns}
    assert type(datasets.Sequence({"a": datasets.List(VALUE("int8"))})) is datasets.List  # as before, for everyone else
