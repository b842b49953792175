"""Validation: a published repository has no findings, and each damage gives its own and no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from loopback import Fault, Hub
from mnist1d import Mnist1D
from publisher import main as publish
from publisher.card.record import read_card
from publisher.check.examine import examine, validate
from publisher.check.layout import list_files
from publisher.check.links import check_links
from publisher.check.metadata import check_configs, check_values
from publisher.check.rows import Repeats
from publisher.check.totals import Totals
from publisher.cli.validate import main
from publisher.prepare import parquet
from publisher.prepare.rows import row_digests
from tests.pictures import Pictures, pictures_card

TRAIN, TEST = "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"
SHA = f"{TRAIN} has the SHA-256"
DOWNLOAD = "config default: download_size is"
X, Y = "split train, column x: the values", "split train, column y: the values"
CONFIGS = list(Mnist1D.builder_configs)
Damage = Callable[[Path], object]


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The built repository, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "copy"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The repository of the second dataset."""
    folder = tmp_path / "pictures"
    assert publish(Pictures, pictures_card(tmp_path), "me/pictures", ["--output-dir", str(folder)]) == 0
    return folder


def test_published_repositories(built: Path, pictures: Path) -> None:
    """There is nothing to find, and all files were looked at."""
    assert validate(built) == []
    assert validate(str(pictures)) == []
    report = examine(built)
    assert sorted(report.configs) == sorted(Mnist1D.builder_configs)
    assert len(report.files) == 2 * len(report.configs)


# What can be done to the files


def rewrite(change: Callable[[pa.Table], pa.Table], path: str = TRAIN, **options: Any) -> Damage:
    """Write a file again, as the publisher would, with something changed."""

    def damage(folder: Path) -> None:
        table = change(pq.read_table(folder / path))
        pq.write_table(table, folder / path, **parquet._encodings(table.schema) | options)

    return damage


def footer(change: Callable[[dict[bytes, bytes]], Mapping[bytes, bytes]]) -> Damage:
    """Write a file again with another footer."""
    return rewrite(lambda table: table.replace_schema_metadata(change(dict(table.schema.metadata))))


def put(table: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    """Replace a column."""
    return table.set_column(table.schema.get_field_index(name), name, values)


def swap(table: pa.Table) -> pa.Table:
    """The first two rows in the other order."""
    return table.take(pa.array([1, 0, *range(2, len(table))]))


def flip(folder: Path) -> None:
    """One bit of a value in the middle of the file."""
    data = bytearray((folder / TRAIN).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / TRAIN).write_bytes(data)


def cut(folder: Path) -> None:
    """The last thousand bytes are gone."""
    (folder / TRAIN).write_bytes((folder / TRAIN).read_bytes()[:-1000])


def zero_pages(folder: Path) -> None:
    """The first pages are zeros."""
    data = (folder / TRAIN).read_bytes()
    (folder / TRAIN).write_bytes(data[:4] + bytes(1000) + data[1004:])


def repeat_rows(folder: Path) -> None:
    """The last three rows of train take the place of the first three of test."""
    train = pq.read_table(folder / TRAIN).slice(3997)
    rewrite(lambda test: pa.concat_tables([train, test.slice(3)]).replace_schema_metadata(test.schema.metadata), TEST)(
        folder
    )


def write(path: str, data: bytes = b"") -> Damage:
    """Write a file."""
    return lambda folder: (folder / path).write_bytes(data)


def remove(path: str) -> Damage:
    """Remove a file."""
    return lambda folder: (folder / path).unlink()


def edit(before: str, after: str) -> Damage:
    """Replace a text in the card, the first time it is there."""

    def damage(folder: Path) -> None:
        text = (folder / "README.md").read_text(encoding="utf-8")
        assert before in text
        (folder / "README.md").write_text(text.replace(before, after, 1), encoding="utf-8")

    return damage


def not_utf8(folder: Path) -> None:
    """A letter of Latin-1 in the card."""
    card = folder / "README.md"
    card.write_bytes(card.read_bytes().replace(b"# MNIST-1D", b"# MNIST-1D \xe4", 1))


def new_lists(pairs: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """The footer as `datasets` from 4.0 on writes it."""
    return {**pairs, b"huggingface": pairs[b"huggingface"].replace(b'"Sequence"', b'"List"')}


def int32(table: pa.Table) -> pa.Table:
    """With a smaller y."""
    return put(table, "y", table["y"].cast(pa.int32()))


def float32(table: pa.Table) -> pa.Table:
    """With a smaller x."""
    return put(table, "x", table["x"].cast(pa.list_(pa.float32())))


FILES: dict[str, tuple[Damage, list[str]]] = {
    "truncated": (cut, [f"{TRAIN} is truncated"]),
    "empty": (write(TRAIN), [f"{TRAIN} is empty"]),
    "not Parquet": (write(TRAIN, b"x,y\n1,2\n" * 100), [f"{TRAIN} is not a Parquet file"]),
    "broken footer": (write(TRAIN, b"PAR1" + bytes(100) + b"PAR1"), [f"{TRAIN} cannot be opened"]),
    "zeros in a page": (zero_pages, [f"{TRAIN}: column x cannot be read"]),
    "flipped bit": (flip, [X, SHA]),
    "rows swapped": (rewrite(swap), [DOWNLOAD, X, Y, SHA]),
    "y changed": (rewrite(lambda t: put(t, "y", pc.multiply(0, t["y"]))), [DOWNLOAD, Y, SHA]),
    "float32": (
        rewrite(float32),
        [
            f"{TRAIN}: column x has the type list<element: float>, expected list<item: double>",
            "split train: num_bytes is 1328000, and the rows take 688000",
            "config default: dataset_size is 1660000",
            DOWNLOAD,
            X,
            SHA,
        ],
    ),
    "int32": (
        rewrite(int32),
        [f"{TRAIN}: column y has the type int32", "num_bytes", "dataset_size", DOWNLOAD, Y, SHA],
    ),
    "column gone": (
        rewrite(lambda t: t.drop_columns(["y"])),
        [f"{TRAIN}: column y is missing", "num_bytes", "dataset_size", DOWNLOAD, f"{Y} have the SHA-256 none", SHA],
    ),
    "columns swapped": (
        rewrite(lambda t: t.select(["y", "x"])),
        [f"{TRAIN}: the columns are in the order y, x, expected x, y", DOWNLOAD, SHA],
    ),
    "a column more": (
        rewrite(lambda t: t.append_column("z", t["y"])),
        [f"{TRAIN}: column z is not among those expected", "num_bytes", "dataset_size", DOWNLOAD, SHA],
    ),
    "List in the footer": (
        footer(new_lists),
        [f'{TRAIN}: the footer\'s key \'huggingface\' has "_type": "List"', DOWNLOAD, SHA],
    ),
    "no footer": (
        footer(lambda pairs: {}),
        ["key 'huggingface' is missing", "key 'builder_config' is missing", DOWNLOAD, SHA],
    ),
    "no key": (
        footer(lambda pairs: {b"builder_config": pairs[b"builder_config"]}),
        ["key 'huggingface' is missing", DOWNLOAD, SHA],
    ),
    "no JSON": (
        footer(lambda pairs: {**pairs, b"huggingface": b"{"}),
        ["key 'huggingface' is not valid JSON", DOWNLOAD, SHA],
    ),
    "other features": (
        footer(lambda pairs: {**pairs, b"huggingface": pairs[b"huggingface"].replace(b"int64", b"int32")}),
        ["key 'huggingface' differs from the card in y", SHA],
    ),
    "made by something else": (
        footer(lambda pairs: {**pairs, b"builder_config": pairs[b"builder_config"].replace(b"42", b"43")}),
        ["key 'builder_config' differs from the card's record in parameters", SHA],
    ),
    "snappy": (rewrite(lambda t: t, compression="snappy"), ["x.list.element, y: not compressed", DOWNLOAD, SHA]),
    "no byte split": (
        rewrite(lambda t: t, column_encoding=None),
        ["x.list.element: floats without BYTE_STREAM_SPLIT", DOWNLOAD, SHA],
    ),
    "dictionary of floats": (
        rewrite(lambda t: t, column_encoding=None, use_dictionary=True),
        ["floats without BYTE_STREAM_SPLIT", "floats with a dictionary", DOWNLOAD, SHA],
    ),
    "no dictionary": (rewrite(lambda t: t, use_dictionary=False), ["y: stored without a dictionary", DOWNLOAD, SHA]),
    "no page index": (
        rewrite(lambda t: t, write_page_index=False),
        ["x.list.element, y: without a page index", DOWNLOAD, SHA],
    ),
    "rows in both splits": (
        repeat_rows,
        [
            "3 rows are in split train and in split test: such as row 3997 of train, which is row 0 of test",
            DOWNLOAD,
            "split test, column x",
            "split test, column y",
            f"{TEST} has the SHA-256",
        ],
    ),
    "file missing": (
        remove(TEST),
        [
            "config default, split test: 'data/test-*' matches no file",
            f"{TEST} is missing, and is in the card's record",
        ],
    ),
    "shard missing": (
        lambda folder: (folder / TRAIN).rename(folder / "data/train-00000-of-00002.parquet"),
        [f"{TRAIN} is missing, and is in the card's record", "data/train-00001-of-00002.parquet is missing"],
    ),
    "file that nothing reads": (write("data/more.parquet"), ["data/more.parquet lies beside the files of a config"]),
    "script": (write("mnist1d.py"), ["mnist1d.py is a script of the dataset's own name"]),
    "script of the folder's name": (write("copy.py"), ["copy.py is a script"]),
    "other script": (write("read.py"), []),
}

INFO = "README.md: dataset_info of config"
CARDS: dict[str, tuple[Damage, list[str]]] = {
    "no card": (remove("README.md"), ["README.md is missing"]),
    "not UTF-8": (not_utf8, ["README.md is not UTF-8"]),
    "no YAML": (write("README.md", b"# Title\n"), ["README.md has no YAML"]),
    "broken YAML": (edit("license: apache-2.0", "license: [apache-2.0"), ["README.md: the YAML does not parse"]),
    "YAML that is a list": (write("README.md", b"---\n- 1\n---\n"), ["README.md: the YAML is not a mapping"]),
    "key twice": (
        edit("license: apache-2.0", "license: apache-2.0\nlicense: apache-2.0"),
        ["the YAML has the key 'license' twice in line"],
    ),
    "edited prose": (edit("Ten digits", "Eleven digits"), []),
    "edited record": (edit('"y": "', '"y": "0'), ["the record at its end was edited"]),
    "num_examples": (
        edit("num_examples: 4000", "num_examples: 3999"),
        [f"{INFO} default, split train: num_examples is 3999, and the files have 4000 rows"],
    ),
    "num_bytes": (
        edit("num_bytes: 332000", "num_bytes: 332001"),
        [f"{INFO} default, split test: num_bytes is 332001, and the rows take 332000"],
    ),
    "download_size": (
        edit("download_size: ", "download_size: 1"),
        [f"{INFO} default: download_size is 1"],
    ),
    "dataset_size": (
        edit("dataset_size: 1660000", "dataset_size: 1660001"),
        [f"{INFO} default: dataset_size is 1660001"],
    ),
    "features": (
        edit("dtype: int64", "dtype: int32"),
        [
            f"{split}: {what}"
            for split in (TRAIN, TEST)
            for what in ("column y has the type int64, expected int32", "the footer's key 'huggingface' differs")
        ],
    ),
    "no features": (edit("dtype: int64", "dtype: int65"), [f"{INFO} default: features cannot be read"]),
    "split without files": (
        edit("  - name: train\n", "  - name: extra\n    num_examples: 1\n  - name: train\n"),
        [f"{INFO} default has a split 'extra' that configs does not have"],
    ),
    "split without numbers": (
        edit("  - split: train\n", "  - split: extra\n    path: data/test-*\n  - split: train\n"),
        [
            f"config default: {TEST} is read in the splits extra and test",
            "config default: 1,000 rows are in split extra and in split test",
            f"{INFO} default has no split 'extra'",
            f"{INFO} default: dataset_size",
            f"{INFO} default: {DOWNLOAD.removeprefix('config default: ')}",
        ],
    ),
    "pattern without file": (
        edit("path: data/train-*", "path: data/tain-*"),
        ["config default, split train: 'data/tain-*' matches no file", f"{TRAIN} lies beside the files of a config"],
    ),
    "pattern out of the repository": (
        edit("path: data/train-*", "path: ../copy/data/train-*"),
        ["config default: '../copy/data/train-*' leads out of the repository", f"{TRAIN} lies beside"],
    ),
    "two defaults": (
        edit("- config_name: shuffled\n  data_files", "- config_name: shuffled\n  default: true\n  data_files"),
        ["default and shuffled are all default configs"],
    ),
    "config without numbers": (
        edit("- config_name: shuffled\n  features", "- config_name: other\n  features"),
        ["dataset_info has 'other', which is not a config", "dataset_info has nothing on config shuffled"],
    ),
    "empty field": (edit("license: apache-2.0", "license:"), ["the field 'license' is empty"]),
    "other size": (
        edit("1K<n<10K", "1M<n<10M"),
        [f"size_categories is '1M<n<10M', and the files have {5000 * len(CONFIGS):,} rows"],
    ),
    "missing picture": (
        edit("# MNIST-1D\n", "# MNIST-1D\n\n![Digits](assets/digits.png)\n"),
        ["the picture 'assets/digits.png' leads to no file"],
    ),
    "missing link": (edit("# MNIST-1D\n", "# MNIST-1D\n\n[a](a.md#b)\n"), ["the link 'a.md#b' leads to no file"]),
}


@pytest.mark.parametrize("name", [*FILES, *CARDS])
def test_damage(copy: Path, name: str) -> None:
    """Each gives the findings that belong to it, in their order, and no other."""
    damage, expected = {**FILES, **CARDS}[name]
    damage(copy)
    # a file that is written again may have the same size or not
    sized = any("download_size" in words for words in expected)
    findings = [finding for finding in validate(copy) if sized or "download_size" not in finding]
    assert len(findings) == len(expected), findings
    for finding, words in zip(findings, expected, strict=True):
        assert words in finding
        assert "\n" not in finding
        assert str(copy) not in finding


# What any repository may hold


def test_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Splits in several files are one split: totals and digests run over all of them; one that is missing is said."""
    monkeypatch.setattr(parquet, "FILE_BYTES", 2000)
    folder = tmp_path / "pictures"
    assert publish(Pictures, pictures_card(tmp_path), "me/pictures", ["--output-dir", str(folder)]) == 0
    assert len(list((folder / "large").iterdir())) == 3
    assert validate(folder) == []
    (folder / "large" / "validation-00001-of-00003.parquet").unlink()
    assert validate(folder) == ["large/validation-00001-of-00003.parquet is missing, and is in the card's record"]


def test_files_of_others(tmp_path: Path) -> None:
    """Without a card's record the publisher's ways of storing are not asked for; without a card `datasets` is."""
    for split in ("train", "test"):
        rows = datasets.Dataset.from_dict({"text": [f"{split} {index}" for index in range(5)], "n": [None, 1, 2, 3, 4]})
        (tmp_path / "data").mkdir(exist_ok=True)
        rows.to_parquet(tmp_path / "data" / f"{split}-00000-of-00001.parquet")
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# Title\n", encoding="utf-8")
    assert validate(tmp_path) == []
    assert examine(tmp_path).files == ["data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"]
    (tmp_path / "README.md").unlink()
    assert validate(tmp_path) == ["README.md is missing: the repository has no card"]


def test_repository_of_plain_files(tmp_path: Path) -> None:
    """Files that `datasets` did not write, with the names that it looks for, and a row that is there twice."""
    for split in ("train", "test"):
        pq.write_table(
            pa.table({"x": pa.array([[0.0, 1.0]], pa.list_(pa.float64(), 2)), "y": [1]}), tmp_path / f"{split}.parquet"
        )
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# Title\n", encoding="utf-8")
    found = validate(tmp_path)
    assert found == [
        "train.parquet: the footer's key 'huggingface' is missing",
        "test.parquet: the footer's key 'huggingface' is missing",
        "config default: 1 row is in split train and in split test: such as row 0 of train, which is row 0 of test "
        "(counted from 0)",
    ]


def test_empty_folder(tmp_path: Path) -> None:
    """Neither card nor data."""
    assert len(validate(tmp_path)) == 2


@pytest.mark.parametrize("name", ["a b", "a[b]c", "ä*"])
def test_names_of_folders(built: Path, tmp_path: Path, name: str) -> None:
    """That would be patterns."""
    assert validate(shutil.copytree(built, tmp_path / name)) == []


def test_rows_of_any_type() -> None:
    """Rows are the same if all their columns are, bit for bit, wherever in a table they are."""
    rows = [
        {"a": [[1.0, 2.0], []], "b": {"c": b"", "d": None}, "e": "x", "f": True},
        {"a": [[1.0], [2.0]], "b": {"c": b"", "d": None}, "e": "x", "f": True},
        {"a": [[1.0, 2.0], []], "b": {"c": b"", "d": "y"}, "e": "x", "f": True},
        {"a": [[1.0, 2.0], []], "b": None, "e": "x", "f": True},
        {"a": None, "b": {"c": b"", "d": None}, "e": "x", "f": True},
        {"a": [[1.0, 2.0], None], "b": {"c": b"", "d": None}, "e": "x", "f": True},
        {"a": [[1.0, 2.0], []], "b": {"c": b"", "d": None}, "e": "x", "f": False},
        {"a": [[1.0, 2.0], []], "b": {"c": b"x", "d": None}, "e": "", "f": True},
    ]
    table = pa.Table.from_pylist(rows)
    digests = list(row_digests(table, {}))
    assert len(set(digests)) == len(rows)
    assert list(row_digests(table.slice(2, 4), {})) == digests[2:6]
    assert list(row_digests(pa.Table.from_pylist(rows[:1] * 2, schema=table.schema), {})) == digests[:1] * 2
    repeats = Repeats({})
    repeats.add("one", table)
    repeats.add("one", table)  # twice in one split is nobody's business here
    repeats.add("two", table.slice(7))
    assert list(repeats.findings("c")) == [
        "config c: 1 row is in split one and in split two: such as row 7 of one, which is row 0 of two (counted from 0)"
    ]


def test_arrow_bytes_are_those_of_datasets() -> None:
    """With nulls the bitmaps may be there or not."""
    table = datasets.Dataset.from_dict({"a": [None, [1, None], []], "b": ["x", None, "yz"]}).data.table
    total = Totals()
    total.add(table)
    assert total.low <= table.nbytes <= total.high


@pytest.mark.parametrize(
    ("prose", "words"),
    [
        ("![A](assets/a.png) [b](data/b.parquet) [c](data) [d](./data/) [e](#f) [g](https://h/i) <a@b.cd> [j](/k)", []),
        ("![A](resolve/main/assets/a.png?download=true) [b](blob/main/data/b.parquet#c) [d](tree/main/data)", []),
        ('<img src="assets/a.png" alt="A">\n\n<p>\n<img\n  alt="A" src="assets/a.png"></p>', []),
        ("```md\n![A](b.png)\n```\n`![A](b.png)`\n\n<!-- ![A](b.png) <img src='b.png'> -->\n", []),
        ("![A](Assets/a.png)", ["'Assets/a.png' leads to no file"]),
        ("![A](../assets/a.png)", ["'../assets/a.png' leads to no file"]),
        ("![](assets/a.png)", ["'assets/a.png' has no alternative text"]),
        ('<img src="assets/a.png">', ["'assets/a.png' has no alternative text"]),
        ('text <img src="b.png" alt="A"> text', ["the picture 'b.png' leads to no file"]),
        ("[![A](b.png)](c.md)", ["the link 'c.md'", "the picture 'b.png'"]),
        ("![A][ref]\n\n[ref]: b.png", ["the picture 'b.png'"]),
        ("| a |\n|---|\n| ![A](b.png) |\n", ["the picture 'b.png'"]),
        ('<a href="c.md">c</a> <picture><source srcset="d.png 2x"></picture>', ["'c.md'", "'d.png'"]),
        ("[a]()", ["a link leads nowhere"]),
    ],
)
def test_links(prose: str, words: list[str]) -> None:
    """Those into the repository, in Markdown and HTML, but not in code and comments."""
    found = list(check_links(prose, ["README.md", "assets/a.png", "data/b.parquet"]))
    assert len(found) == len(words), found
    assert all(word in finding for word, finding in zip(words, found, strict=True))


@pytest.mark.parametrize(
    ("yaml", "words"),
    [
        ("language: [xx, of-tomorrow]\nlicense: of-tomorrow\ntask_categories: [of-tomorrow]\nfield: of-tomorrow", []),
        ("license:", ["'license' is empty"]),
        ("configs: 5", ["'configs' must be a list of mappings"]),
        ("configs: [a]", ["'configs' must be a list of mappings"]),
        ("dataset_info: 5", ["'dataset_info' must be a mapping or"]),
        ("configs: [{data_files: a}]", ["configs[0] has no config_name"]),
        ("configs: [{config_name: a}, {config_name: a}]", ["configs has 'a' 2 times"]),
        ("configs: [{config_name: a, default: yes please}]", ["config a: default must be true or false"]),
        ("configs: [{config_name: default}, {config_name: a, default: true}]", ["default and a are all default"]),
        ("configs: [{config_name: a, data_files: [{split: a-b, path: c}]}]", ["config a has a split 'a-b'"]),
        ("viewer: false\nviewer: true", ["the key 'viewer' twice in line 3"]),
    ],
)
def test_fields(yaml: str, words: list[str]) -> None:
    """What cannot age: which licences, tasks and fields there are is for the Hub to say."""
    card = read_card(f"---\n{yaml}\n---\n")
    found = [*card.faults, *check_values(card.metadata), *check_configs(card.metadata)]
    assert len(found) == bool(words), found
    assert all(word in found[0] for word in words)


@pytest.mark.parametrize(
    "yaml",
    [
        "configs: 5\ndataset_info: 5\nsize_categories: 5",
        "configs: [{config_name: [a], data_files: {a: 5}}, 5]\ndataset_info: [{config_name: [a]}, 5]",
        "configs: [{config_name: a, data_files: [{split: b}]}]\ndataset_info: {config_name: a, splits: 5, features: 5}",
        "configs: [{config_name: a, data_files: [5, [6]]}]\ndataset_info: {splits: [5, {name: [a], num_bytes: a}]}",
        "configs: [{config_name: a, data_dir: /}, {config_name: b, data_dir: 5}, {config_name: c, data_files: '**x['}]",
        "a: &a\n  b: *a\n",
        "? [a]\n: b\n1: 2",
        "date: 2024-13-41",
    ],
)
def test_cards_that_are_nonsense(copy: Path, yaml: str) -> None:
    """There is always a sentence, and never an error."""
    record = (copy / "README.md").read_text(encoding="utf-8").rpartition("\n<!--")
    (copy / "README.md").write_text(f"---\n{yaml}\n---\n{record[1]}{record[2]}", encoding="utf-8")
    findings = validate(copy)
    assert findings
    assert all("\n" not in finding for finding in findings)


# The command, and the Hub

R = "tester/pictures"


@pytest.fixture
def published(hub: Hub, pictures: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with the second dataset, on which no client waits long."""
    hub.create(R)
    hub.commit(R, {path: (pictures / path).read_bytes() for path in list_files(pictures)})
    return hub


def run(*arguments: object) -> int:
    """The command in this process; arguments that argparse refuses end it the usual way."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as end:
        return int(end.code or 0)


def test_published_repository(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to find after a publish, and nothing but reading; then damage, at its revision and no other."""
    assert publish(Pictures, pictures_card(tmp_path), R, [R, "--tag", "good"]) == 0
    hub.forget()
    capsys.readouterr()
    assert run(R) == 0
    commit = hub.commits(R)[0].oid
    assert capsys.readouterr().out == f"{R} at commit {commit}: 0 findings in 2 files of 2 configs\n"
    assert {request.method for request in hub.requests if request.path != "/api/validate-yaml"} <= {"GET", "HEAD"}
    path = "large/validation-00000-of-00001.parquet"
    hub.commit(R, files={path: hub.files(R)[path][:-10], "pictures.py": b""})
    assert run(R) == 1
    assert capsys.readouterr().out.splitlines()[:-1] == [
        f"{path} is truncated: the end of a Parquet file is missing",
        "pictures.py is a script of the dataset's own name: load_dataset from 4.0 on refuses it, so remove it",
    ]
    assert run(R, "--revision", "good") == 0
    assert validate(R, commit) == []


def test_what_the_hub_says(published: Hub) -> None:
    """Its own validator is asked about the card, when the source is on a Hub; one without a validator says nothing."""
    card = published.files(R)["README.md"]
    wrong = card.replace(b"size_categories:", b"annotations_creators: 5\nsize_categories:", 1)
    published.commit(R, {"README.md": wrong})
    assert validate(R) == ['README.md: the Hub says: "annotations_creators" must be a string or a list of strings']
    published.fail(path="/api/validate-yaml", fault=Fault.status(404), times=1)
    assert validate(R) == []
    published.fail(path="/api/validate-yaml", fault=Fault.status(503), times=1)
    assert len(validate(R)) == 1


def test_transient_failures(published: Hub) -> None:
    """Are tried again."""
    published.fail(path="/resolve/.*parquet", fault=Fault.status(503), times=1)
    published.fail(path="/api/datasets", fault=Fault.DROP_BEFORE, times=1)
    assert validate(R) == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/", Fault.status(500)),
        ("/", Fault.REFUSE),
        ("/", Fault.status(403)),
        ("/resolve/.*parquet", Fault.status(500)),
    ],
)
@pytest.mark.usefixtures("git_lfs")  # over Xet the client takes what it has of other repositories, and asks for nothing
def test_hub_refuses(published: Hub, path: str, fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 3."""
    published.fail(path=path, fault=fault, times=1000)
    capsys.readouterr()
    assert run(R) == 3
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert R in printed.err


def test_json(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One object on standard output."""
    assert run(copy, "--json") == 0
    cut(copy)
    capsys.readouterr()
    assert run(copy, "--json") == 1
    said = json.loads(capsys.readouterr().out)
    assert said["findings"] == [f"{TRAIN} is truncated: the end of a Parquet file is missing"]
    assert (said["source"], said["commit"], len(said["files"]), len(said["configs"])) == (
        str(copy),
        None,
        2 * len(CONFIGS),
        len(CONFIGS),
    )


def test_last_line(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts."""
    cut(copy)
    assert run(copy) == 1
    counted = f"{2 * len(CONFIGS)} files of {len(CONFIGS)} configs"
    assert capsys.readouterr().out.splitlines()[1:] == [f"{copy}: 1 finding in {counted}"]


def test_a_folder_wins(hub: Hub, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a repository of the same name."""
    shutil.copytree(built, tmp_path / R)
    monkeypatch.chdir(tmp_path)
    assert run(R) == 0
    assert hub.requests == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, ["SOURCE"]),
        ([""], 2, ["SOURCE is empty"]),
        (["nowhere"], 2, ["'nowhere'", "namespace/name", "no such folder"]),
        (["no/where/at/all"], 2, ["'no/where/at/all'", "no such folder"]),
        (["file"], 2, ["file is a file"]),
        (["folder", "--revision", "v1"], 2, ["folder is a folder", "--revision"]),
        (["tester/nothing", "--revision", " "], 2, ["--revision is empty"]),
        (["folder", "--colour"], 2, ["--colour"]),
        (["tester/nothing"], 3, ["tester/nothing", "not there"]),
        ([R, "--revision", "nowhere"], 2, [R, "'nowhere'"]),
    ],
)
def test_wrong_arguments(
    hub: Hub,
    arguments: list[str],
    code: int,
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One sentence."""
    hub.create(R)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    assert run(*arguments) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert all(word in printed.err for word in words)


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders only."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert run(R) == 2
    assert "HF_HUB_OFFLINE" in capsys.readouterr().err
    assert run(tmp_path) == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is checked, and the exit codes."""
    assert run("--help") == 0
    printed = capsys.readouterr().out
    assert "exit codes" in printed
    assert "Parquet" in printed
