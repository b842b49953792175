"""What is published is what the builder gives: for any builder, or a sentence before anything is done."""

from __future__ import annotations

import datetime
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import requires
from pathlib import Path
from typing import Any, TypeAlias

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import HfApi
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from loopback import Hub
from publisher import Card, main, validate
from publisher.card.default import default_card
from publisher.card.record import read_record
from publisher.prepare import parquet
from publisher.prepare.rows import RowsDigest, differing_columns
from tools.readers.environments import Environment
from tools.readers.making import make

Capture: TypeAlias = pytest.CaptureFixture[str]
Patch: TypeAlias = pytest.MonkeyPatch
ROOT = Path(__file__).parents[1]
R = "tester/any"
VALUE = datasets.Value
INTEGER = datasets.Features({"x": VALUE("int64")})


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A card with one line."""
    template = tmp_path / "card.md.jinja"
    template.write_text("\ufeff# {{ repo_id }}\n", encoding="utf-8")
    return Card(template, {"license": "mit"})


Rows = Callable[..., Iterator[dict[str, Any]]]


def builder(
    rows: Rows,
    features: datasets.Features | None = INTEGER,
    configs: list[datasets.BuilderConfig] | None = None,
    default: str | None = None,
    tables: bool = False,
    **splits: dict[str, Any],
) -> type[datasets.DatasetBuilder]:
    """A builder whose rows a function of the config and the `gen_kwargs` gives."""

    def generate(self: Any, **given: Any) -> Iterator[tuple[int, Any]]:
        yield from enumerate(rows(self.config, **given))

    def split_generators(self: Any, manager: Any) -> list[datasets.SplitGenerator]:
        return [
            datasets.SplitGenerator(name=name, gen_kwargs=given) for name, given in (splits or {"train": {}}).items()
        ]

    base = datasets.ArrowBasedBuilder if tables else datasets.GeneratorBasedBuilder
    return type(
        "Any",
        (base,),
        {
            "BUILDER_CONFIGS": configs or [],
            "DEFAULT_CONFIG_NAME": default,
            "_info": lambda self: datasets.DatasetInfo(features=features),
            "_split_generators": split_generators,
            "_generate_tables" if tables else "_generate_examples": generate,
            "__module__": __name__,
        },
    )


def one(config: Any, **given: Any) -> Iterator[dict[str, Any]]:
    """A single row."""
    yield {"x": 1}


def load(name: str | None = None, split: str = "train") -> datasets.Dataset:
    """A split as anybody loads it."""
    return datasets.load_dataset(R, name, split=split)


def read(path: Path) -> pa.Table:
    """The rows of a file."""
    with pq.ParquetFile(path) as file:
        return file.read()


# --- media ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Paths of three pictures."""
    folder = tmp_path / "somebody" / "private"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (4, 4), (number * 80, 0, 0)).save(folder / f"{number}.png")
    return sorted(map(str, folder.iterdir()))


MEDIA = datasets.Features(
    {
        "image": datasets.Image(),
        "pages": [datasets.Image()],
        "deep": {"found": [{"crop": datasets.Image(), "name": VALUE("string")}]},
    }
)


def media(config: Any, files: list[str]) -> Iterator[dict[str, Any]]:
    """Pictures by path, in a list, and in structs in a list in a struct; and none."""
    for number, file in enumerate(files):
        found = [{"crop": file, "name": "one"}] * number
        yield {"image": file, "pages": [file] * number, "deep": {"found": found} if number else None}
    yield {"image": None, "pages": None, "deep": None}


def media_tables(config: Any, files: list[str]) -> Iterator[pa.Table]:
    """The same pictures as tables."""
    for file in files:
        by_path = {"bytes": None, "path": file}
        row = {"image": by_path, "pages": [by_path], "deep": {"found": [{"crop": by_path, "name": "one"}]}}
        yield pa.Table.from_pylist([row], schema=MEDIA.arrow_schema)


@pytest.mark.parametrize(("rows", "tables"), [(media, False), (media_tables, True)])
def test_media(rows: Rows, tables: bool, pictures: list[str], card: Card, hub: Hub, tmp_path: Path) -> None:
    """Media named by path are published with their bytes, and no path of this machine is in any file."""
    kind = builder(rows, MEDIA, tables=tables, train={"files": pictures})
    prepared = kind(cache_dir=str(tmp_path / "cache"))
    prepared.download_and_prepare()
    expected = list(map(_pixels, prepared.as_dataset(split="train")))
    sizes = {Path(file).name: Path(file).stat().st_size for file in pictures}
    assert main(kind, card, R, ["--work-dir", str(tmp_path / "work")]) == 0
    for file in pictures:
        Path(file).unlink()
    assert list(map(_pixels, load())) == expected
    for path, content in hub.files(R).items():
        assert str(tmp_path).encode() not in content
        if path.endswith(".parquet"):
            stored = pq.read_table(io.BytesIO(content))["image"].drop_null().to_pylist()
            assert {row["path"]: len(row["bytes"]) for row in stored} == sizes


def _pixels(value: Any) -> Any:
    """The same with pictures as lists."""
    if isinstance(value, dict):
        return {name: _pixels(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_pixels(item) for item in value]
    return np.asarray(value).tolist() if isinstance(value, Image.Image) else value


def test_a_missing_medium(pictures: list[str], card: Card, hub: Hub, capsys: Capture) -> None:
    """A medium that cannot be read is a sentence that says where it is; nothing is published."""
    Path(pictures[1]).unlink()
    assert main(builder(media, MEDIA, train={"files": pictures}), card, R, []) == 2
    said = capsys.readouterr().err
    wanted = ("'default'", "'train'", "row 1", "'image'", pictures[1])
    assert [words for words in wanted if words not in said] == [], said


# --- digests of rows --------------------------------------------------------------------------------------------------

NESTED = datasets.Features(
    {
        "number": VALUE("int32"),
        "text": VALUE("string"),
        "flag": VALUE("bool"),
        "list": [VALUE("int8")],
        "struct": {"a": VALUE("float32"), "b": [VALUE("string")]},
    }
)
ROW = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-5, 5),
        "text": st.none() | st.text(max_size=3),
        "flag": st.none() | st.booleans(),
        "list": st.none() | st.lists(st.none() | st.integers(-5, 5), max_size=3),
        "struct": st.none()
        | st.fixed_dictionaries(
            {"a": st.none() | st.floats(width=32, allow_nan=False), "b": st.none() | st.lists(st.text(max_size=2))}
        ),
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


def test_a_file_is_read_back(card: Card, monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    """A file that gives back other values than the builder gave is not published."""
    write = pq.ParquetWriter.write_table

    def spoil(self: Any, table: pa.Table, **options: Any) -> None:
        write(self, table.set_column(0, "x", pa.array([7] * len(table), "int64")), **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", spoil)
    assert main(builder(one), card, R, ["--output-dir", str(tmp_path / "out")]) == 2
    assert "column 'x'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_same_rows_whatever_wrote_them(card: Card, hub: Hub, monkeypatch: Patch) -> None:
    """Other bytes of the same rows are nothing to do; other rows are written, and all of them with --rewrite."""
    features = datasets.Features({**INTEGER, "list": datasets.Sequence(VALUE("int8"), length=1)})
    configs = [datasets.BuilderConfig(name=name) for name in "ab"]
    kind = builder(lambda config: iter([{"x": 1, "list": [2]}]), features, configs)
    assert main(kind, card, R, []) == 0
    before = hub.files(R)
    encodings = parquet._encodings
    monkeypatch.setattr(parquet, "_encodings", lambda schema: {**encodings(schema), "compression": "gzip"})
    for arguments in ([], ["--verify"], ["--config", "b"]):
        assert main(kind, card, R, arguments) == 0
        assert hub.files(R) == before
    other = builder(lambda config: iter([{"x": 1 + (config.name == "b"), "list": [2]}]), features, configs)
    assert main(other, card, R, []) == 0
    changed = {path for path, content in hub.files(R).items() if before[path] != content}
    assert changed == {"README.md", "b/train-00000-of-00001.parquet"}
    assert main(other, card, R, ["--verify"]) == 0
    assert main(other, card, R, ["--rewrite"]) == 0
    assert hub.files(R)["a/train-00000-of-00001.parquet"] != before["a/train-00000-of-00001.parquet"]


TWO = """
import sys
from pathlib import Path
import datasets
from publisher import Card, main

class Two(datasets.GeneratorBasedBuilder):
    BUILDER_CONFIGS = [datasets.BuilderConfig(name=name) for name in ("default", "other")]

    def _info(self):
        fixed = datasets.Sequence(datasets.Value("int8"), length=2)
        return datasets.DatasetInfo(features=datasets.Features({"x": datasets.Value("float64"), "fixed": fixed}))

    def _split_generators(self, manager):
        return [datasets.SplitGenerator(name="train", gen_kwargs={})]

    def _generate_examples(self):
        last = float(Path("last").read_text()) if self.config.name == "other" else 0.0
        yield from enumerate({"x": x, "fixed": [1, 2]} for x in [0.1] * 1000 + [last])

sys.exit(main(Two, Card(Path("card.md.jinja"), {"license": "mit"}), "tester/any"))
"""
OTHER = ("datasets==3.6.0", "huggingface_hub<1", "pyarrow==21.0.0")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("network")
def test_two_maintainers(hub: Hub, tmp_path: Path) -> None:
    """Other versions of the libraries write the same rows as other bytes: neither undoes what the other did."""
    needed = [requirement for requirement in requires("mnist1d") or () if "extra ==" not in requirement]
    theirs = make(Environment("two-maintainers", (*needed, *OTHER), (), ()), ROOT / "build" / "readers").python
    (tmp_path / "card.md.jinja").write_text("# Any\n")
    (tmp_path / "two.py").write_text(TWO)

    def publish(python: str | Path, last: float, *arguments: str) -> str:
        (tmp_path / "last").write_text(str(last))
        command = [python, "two.py", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ours = sys.executable
    publish(ours, 1.5)
    files = hub.files(R)
    assert "nothing to do" in publish(theirs, 1.5)
    assert "verified" in publish(theirs, 1.5, "--verify")
    publish(theirs, 2.5)
    assert {path for path, content in hub.files(R).items() if files[path] != content} == {
        "README.md",
        "other/train-00000-of-00001.parquet",
    }
    assert "nothing to do" in publish(ours, 2.5)
    assert "verified" in publish(ours, 2.5, "--verify")
    for python in (theirs, ours):
        publish(python, 2.5, "--rewrite")
        assert "nothing to do" in publish(python, 2.5, "--rewrite")


def test_the_record_has_a_digest_for_each_file(card: Card, tmp_path: Path) -> None:
    """Anybody can work it out from the file."""
    assert main(builder(one), card, R, ["--output-dir", str(tmp_path / "out")]) == 0
    record = read_record((tmp_path / "out" / ".publish.json").read_text(encoding="utf-8"))
    assert record
    [(path, digest)] = record.configs["default"].rows_sha256.items()
    found = RowsDigest(INTEGER)
    found.add(read(tmp_path / "out" / path))
    assert found.hexdigest() == digest
    assert "\ufeff" not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_a_record_that_is_wrong(card: Card, hub: Hub, tmp_path: Path, capsys: Capture) -> None:
    """A file with the recorded bytes, and other rows than the recorded ones, is found by `validate` and `--verify`."""
    out = tmp_path / "out"
    path = "data/train-00000-of-00001.parquet"
    assert main(builder(lambda config: iter([{"x": 2}])), card, R, ["--output-dir", str(out)]) == 0
    record = read_record((out / ".publish.json").read_text(encoding="utf-8"))
    assert record
    digest = RowsDigest(INTEGER)
    digest.add(pa.table({"x": [1]}))
    wrong = replace(record.configs["default"], rows_sha256={path: digest.hexdigest()})
    (out / ".publish.json").write_bytes(replace(record, configs={"default": wrong}).file.content)
    [finding] = validate(out)
    assert f"{path} has other rows" in finding
    api = HfApi()
    api.create_repo(R, repo_type="dataset")
    api.upload_folder(repo_id=R, repo_type="dataset", folder_path=out)
    assert main(builder(one), card, R, ["--verify"]) == 1
    assert f"{path} has other rows" in capsys.readouterr().out
    assert main(builder(one), card, R, ["--rewrite"]) == 0
    assert validate(R) == []
    assert load()["x"][:] == [1]


# --- configs, names, faults -------------------------------------------------------------------------------------------


class Classic(datasets.BuilderConfig):
    """As most scripts have it: no dataclass, and an argument without a default."""

    def __init__(self, url: str, **given: Any) -> None:
        """Keep the address."""
        super().__init__(version=datasets.Version("1.0.0"), **given)
        self.url = url
        self.features = INTEGER
        self.since, self.known, self.clean = datetime.date(2024, 1, 1), {"b", "a"}, str.strip
        self.size, self.place, self.grid = np.int64(7), Path("/"), np.eye(2)


def test_classic_configs(card: Card, hub: Hub) -> None:
    """They are published, one by one too, and what they hold is in the record, the same in every process."""
    kind = builder(one, configs=[Classic(f"https://example.org/{name}", name=name) for name in "ab"])
    assert main(kind, card, R, []) == 0
    before = hub.files(R)
    assert main(kind, card, R, ["--config", "b"]) == 0
    assert hub.files(R) == before
    record = read_record(before[".publish.json"].decode())
    assert record
    provenance = record.configs["a"].provenance
    assert (provenance["url"], provenance["since"], provenance["known"]) == (
        "https://example.org/a",
        "2024-01-01",
        ["a", "b"],
    )
    assert (provenance["clean"], provenance["size"], provenance["grid"]) == ("str.strip", 7, [[1, 0], [0, 1]])
    assert provenance["features"]["x"]["dtype"] == "int64"


STRANGE = ["x1", "x[1]", "[2m]", "]", "{a,b}", "a b", "é", "it's", ".hidden", "__u", "#1", "%41", "!x"]


def test_strange_names(card: Card, hub: Hub, tmp_path: Path) -> None:
    """Each config serves its own rows, however it is named."""

    def named(config: Any) -> Iterator[dict[str, Any]]:
        yield {"x": config.name}

    features = datasets.Features({"x": VALUE("string")})
    kind = builder(named, features, configs=[datasets.BuilderConfig(name=name) for name in STRANGE])
    assert main(kind, card, R, []) == 0
    for name in STRANGE:
        assert load(name)["x"][:] == [name]
    assert main(kind, card, R, ["--output-dir", str(tmp_path / "out")]) == 0
    assert validate(tmp_path / "out") == validate(R) == []


def test_what_parquet_does_not_hold(card: Card, hub: Hub, capsys: Capture) -> None:
    """A sentence that says so, and no place in the code of a library."""
    features = datasets.Features({"x": VALUE("int8"), "y": VALUE("decimal128(5, -2)")})
    rows = pa.table({"x": [1], "y": pa.array([None], pa.decimal128(5, -2))}, schema=features.arrow_schema)
    assert main(builder(lambda config: iter([rows]), features, tables=True), card, R, []) == 2
    said = capsys.readouterr().err
    assert "config 'default', split 'train', pyarrow" in said
    assert "cannot keep these rows in Parquet (" in said


@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize(
    ("feature", "value"), [({"_type": VALUE("int8")}, {"_type": 1}), (datasets.ClassLabel(names=["\ud800"]), 0)]
)
def test_features_that_no_card_can_have(
    feature: Any, value: Any, tables: bool, card: Card, hub: Hub, capsys: Capture
) -> None:
    """Names that the libraries take for their own, and half characters."""
    features = datasets.Features({"x": feature})

    def rows(config: Any, n: list[int] | None = None) -> Iterator[Any]:
        yield pa.table({"x": [value]}, schema=features.arrow_schema) if tables else {"x": value}

    given = {"n": [1, 2]} if tables else {}
    assert main(builder(rows, features, tables=tables, train=given), card, R, []) == 2
    assert "the features cannot be written into a card (" in capsys.readouterr().err


def test_what_compresses_well(card: Card, tmp_path: Path) -> None:
    """Much from little is no finding."""

    def rows(config: Any) -> Iterator[Any]:
        yield pa.table({"x": pa.array([7] * 3_000_000), "y": pa.array(["y"] * 2_999_999 + ["y" * 5_000_000])})

    features = datasets.Features({"x": VALUE("int64"), "y": VALUE("string")})
    assert main(builder(rows, features, tables=True), card, R, ["--output-dir", str(tmp_path / "out")]) == 0
    assert validate(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("names", "default", "split", "refused"),
    [
        (["."], None, "train", "'.'"),
        ([".."], None, "train", "'..'"),
        (["README.md"], None, "train", "'README.md'"),
        ([".huggingface.yaml"], None, "train", "'.huggingface.yaml'"),  # a file that `load_dataset` reads
        (["NUL.txt"], None, "train", "'NUL.txt'"),
        (["a"], None, "n" * 240, "'nnnnn"),
        (["main", "data"], "main", "train", "'data'"),
        (["main", "default"], "main", "train", "'default'"),
        (["a", "a"], None, "train", "'a'"),
        (["a\n"], None, "train", "'a\\n'"),
        (["$HOME"], None, "train", "'$HOME'"),
        (["a"], None, "train\n", "'train\\n'"),
        (["a"], None, "all", "'all'"),
        (["a"], None, "tr-ain", "tr-ain"),
    ],
)
def test_names_that_cannot_be(
    names: list[str],
    default: str | None,
    split: str,
    refused: str,
    card: Card,
    hub: Hub,
    capsys: Capture,
) -> None:
    """Refused in a sentence that names them, before anything is done."""
    splits: Any = {split: {}}
    kind = builder(one, configs=[datasets.BuilderConfig(name=name) for name in names], default=default, **splits)
    assert main(kind, card, R, []) == 2
    said = capsys.readouterr().err
    assert refused in said
    assert said.count("\n") == 1


def test_faults_of_a_builder(card: Card, hub: Hub, capsys: Capture) -> None:
    """A config that fails is named with the line of its script, and so is a split without rows."""

    def fails(config: Any) -> Iterator[dict[str, Any]]:
        yield {"x": {"a": 1}[config.name]}

    configs = [datasets.BuilderConfig(name=name) for name in "ab"]
    assert main(builder(fails, configs=configs), card, R, []) == 2
    said = capsys.readouterr().err
    line = fails.__code__.co_firstlineno + 1
    assert f"config 'b': test_values.py, line {line}: KeyError: 'b'" in said
    assert main(builder(lambda config, n: iter([{"x": 1}] * n), train={"n": 1}, test={"n": 0}), card, R, []) == 2
    assert "config 'default', split 'test', there are no rows" in capsys.readouterr().err


def leaves(config: Any) -> Iterator[dict[str, Any]]:
    """A script that gives up."""
    yield {"x": 1}
    sys.exit("no more")


def test_scripts_that_exit(card: Card, hub: Hub, capsys: Capture) -> None:
    """They do not end the command without a word."""
    assert main(builder(leaves), card, R, []) == 2
    assert "SystemExit: no more" in capsys.readouterr().err


def test_half_a_surrogate_pair(hub: Hub, capsys: Capture) -> None:
    """What a builder says of itself is published as far as it is text; rows that are none are a sentence."""
    said = datasets.DatasetInfo(description="half \ud800 of it", features=datasets.Features({"x": VALUE("string")}))
    good = builder(lambda config: iter([{"x": "a"}]))
    good._info = lambda self: said
    assert main(good, default_card(good), R, []) == 0
    assert "half ? of it" in hub.files(R)["README.md"].decode()
    assert main(good, default_card(good), R, ["--verify"]) == 0
    bad = builder(lambda config: iter([{"x": "\ud800"}]), said.features)
    assert main(bad, default_card(bad), R, []) == 2
    assert "surrogates not allowed" in capsys.readouterr().err


def test_lists_of_dicts_for_a_sequence(card: Card, hub: Hub) -> None:
    """What scripts for versions before 4 give is transposed, as those versions do."""
    features = datasets.Features({"answers": datasets.Sequence({"text": VALUE("string"), "start": VALUE("int32")})})
    row = {"answers": [{"text": "a", "start": 1}, {"text": "b", "start": 2}]}
    assert main(builder(lambda config: iter([row]), features), card, R, []) == 0
    assert load()[0] == {"answers": {"text": ["a", "b"], "start": [1, 2]}}


# --- shards -----------------------------------------------------------------------------------------------------------


def lines(config: Any, files: list[str]) -> Iterator[pa.Table]:
    """A table for each file of numbers."""
    for file in files:
        yield pa.table({"x": json.loads(Path(file).read_text(encoding="utf-8"))})


@pytest.mark.parametrize("file_bytes", [1, 10**9])
def test_a_correction_is_published(
    file_bytes: int,
    card: Card,
    hub: Hub,
    tmp_path: Path,
    monkeypatch: Patch,
    capsys: Capture,
) -> None:
    """Also of a shard in the middle; and what did not change is not drawn again."""
    monkeypatch.setattr(parquet, "FILE_BYTES", file_bytes)
    files = [tmp_path / f"{number}.json" for number in range(5)]
    for number, file in enumerate(files):
        file.write_text(json.dumps([number] * 3), encoding="utf-8")
    kind = builder(lines, None, tables=True, train={"files": list(map(str, files))})
    arguments = ["--work-dir", str(tmp_path / "work")]
    assert main(kind, card, R, arguments) == 0
    assert main(kind, card, R, arguments) == 0
    assert "0 files to draw" in capsys.readouterr().out
    files[2].write_text("[99]", encoding="utf-8")
    assert main(kind, card, R, arguments) == 0
    assert "1 files to draw" in capsys.readouterr().out
    assert load()["x"][:] == [0, 0, 0, 1, 1, 1, 99, 3, 3, 3, 4, 4, 4]


def test_inputs_that_nobody_names(card: Card, hub: Hub, tmp_path: Path, monkeypatch: Patch, capsys: Capture) -> None:
    """Shards that are made from files which `gen_kwargs` do not name are drawn again."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)
    monkeypatch.setenv("SOURCE", str(tmp_path))

    def hidden(config: Any, numbers: list[int]) -> Iterator[pa.Table]:
        yield from lines(config, [os.path.join(os.environ["SOURCE"], f"{number}.json") for number in numbers])  # noqa: PTH118

    for number in range(3):
        (tmp_path / f"{number}.json").write_text(f"[{number}]", encoding="utf-8")
    kind = builder(hidden, INTEGER, tables=True, train={"numbers": [0, 1, 2]})
    arguments = ["--work-dir", str(tmp_path / "work")]
    assert main(kind, card, R, arguments) == 0
    (tmp_path / "1.json").write_text("[99]", encoding="utf-8")
    assert main(kind, card, R, arguments) == 0
    assert load()["x"][:] == [0, 99, 2]


def test_rows_of_all_sizes(tmp_path: Path, monkeypatch: Patch) -> None:
    """Files and row groups are cut by the bytes of the rows that are in them."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 200_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 50_000)
    random = np.random.default_rng(0)
    blobs = [b"x"] * 2000 + [random.bytes(10_000) for _ in range(50)]
    rows = datasets.Dataset.from_dict({"blob": blobs}, features=datasets.Features({"blob": VALUE("binary")}))
    written = list(parquet.write_split(rows, "train", tmp_path, {}))
    assert [blob for file in written for blob in read(file.path)["blob"].to_pylist()] == blobs
    for file in written:
        assert file.path.stat().st_size < 220_000
        with pq.ParquetFile(file.path) as opened:
            groups = [opened.metadata.row_group(number) for number in range(opened.num_row_groups)]
        assert all(group.total_byte_size < 60_000 for group in groups)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"numbers": [0, 1, 2], "words": ["a", "b"]}, ["0ab", "1ab", "2ab"]),  # lists of different lengths
        ({"numbers": (0, 1), "words": ["a", "b"]}, ["0ab", "1ab"]),  # a list that is no list of shards
    ],
)
def test_lists_that_are_no_shards(
    given: dict[str, Any], expected: list[str], card: Card, hub: Hub, monkeypatch: Patch, tmp_path: Path
) -> None:
    """They reach the builder whole."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 1)

    def joined(config: Any, numbers: Any, words: list[str]) -> Iterator[pa.Table]:
        for number in numbers:
            yield pa.table({"x": [f"{number}{''.join(words)}"]})

    kind = builder(joined, datasets.Features({"x": VALUE("string")}), tables=True, train=given)
    assert main(kind, card, R, ["--work-dir", str(tmp_path / "work")]) == 0
    assert load()["x"][:] == expected


def test_shards_of_all_sizes(card: Card, hub: Hub, monkeypatch: Patch, tmp_path: Path) -> None:
    """Files and row groups are bounded though the first shard and the last are small; one that is empty is no fault."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 200_000)
    monkeypatch.setattr(parquet, "ROW_GROUP_BYTES", 50_000)
    sizes = [10, 50_000, 0, 30_000, 10, 0]

    def sized(config: Any, rows: list[int]) -> Iterator[pa.Table]:
        for number in rows:
            yield pa.table({"x": np.random.default_rng(number).integers(2**62, size=number)})

    kind = builder(sized, INTEGER, tables=True, train={"rows": sizes})
    arguments = ["--work-dir", str(tmp_path / "work")]
    assert main(kind, card, R, [*arguments, "--dry-run"]) == 0
    assert main(kind, card, R, arguments) == 0
    before = hub.files(R)
    stored = [pq.ParquetFile(io.BytesIO(before[path])).metadata for path in sorted(before) if path.endswith(".parquet")]
    groups = [found.row_group(number).total_byte_size for found in stored for number in range(found.num_row_groups)]
    assert max(len(content) for content in before.values()) < 400_000
    assert max(groups) < 65_000
    expected = [number for table in sized(None, sizes) for number in table["x"].to_pylist()]
    assert load()["x"][:] == expected
    assert validate(R) == []
    assert main(kind, card, R, arguments) == 0
    assert main(kind, card, R, ["--verify"]) == 0
    assert main(kind, card, R, ["--output-dir", str(tmp_path / "out")]) == 0
    assert hub.files(R) == before
    parts = {path.name: path.read_bytes() for path in (tmp_path / "out" / "data").iterdir()}
    assert parts == {Path(path).name: content for path, content in before.items() if path.startswith("data/")}
