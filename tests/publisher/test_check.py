"""Checks of repositories: a published one has no findings, and each damage gives its own and no other."""

from __future__ import annotations

import json
import re
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
from publisher import validate
from publisher.check import examine as checks
from publisher.check.examine import examine
from publisher.check.layout import check_links
from publisher.cli.commands import validate as main
from publisher.prepare import parquet
from tests.commands import Ended, run_command
from tests.pictures import PICTURES_CARD, Pictures
from tests.shards import SHARDS_CARD, small_shards

R = "tester/pictures"
TRAIN, TEST = "data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"
SHA = f"{TRAIN} has the SHA-256"
DOWNLOAD = "config default: download_size is"
CONFIGS = list(Mnist1D.builder_configs)
ROWS = sum(config.parameters.num_samples for config in Mnist1D.BUILDER_CONFIGS)
PICTURES, SHARDS = (Pictures, PICTURES_CARD, R), (small_shards(), SHARDS_CARD, R)
Damage = Callable[[Path], object]


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The built repository, to be damaged."""
    return Path(shutil.copytree(built, tmp_path / "copy"))


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The repository of the second dataset."""
    assert run_command(["--output-dir", tmp_path / "pictures"], PICTURES).exit_code == 0
    return tmp_path / "pictures"


def test_published_repositories(built: Path, pictures: Path) -> None:
    """There are no findings, and all files were read."""
    assert validate(built) == validate(str(pictures)) == []
    report = examine(built)
    assert (sorted(report.configs), len(report.files)) == (sorted(CONFIGS), 2 * len(CONFIGS))


# Damages: functions of a folder


def rewrite(change: Callable[[pa.Table], pa.Table], path: str = TRAIN, **options: Any) -> Damage:
    """Write a file again, as the publisher would, with something changed."""

    def damage(folder: Path) -> None:
        table = change(pq.read_table(folder / path))
        pq.write_table(table, folder / path, **parquet._encodings(table.schema) | options)

    return damage


def footer(change: Callable[[dict[bytes, bytes]], Mapping[bytes, bytes]]) -> Damage:
    """Write a file again with another footer."""
    return rewrite(lambda table: table.replace_schema_metadata(change(dict(table.schema.metadata))))


def column(name: str, change: Callable[[pa.ChunkedArray], Any]) -> Damage:
    """Write a file again with another column."""
    return rewrite(lambda table: table.set_column(table.schema.get_field_index(name), name, change(table[name])))


def content(change: Callable[[bytes], bytes], path: str = TRAIN) -> Damage:
    """Change the bytes of a file."""

    def damage(folder: Path) -> None:
        found = (folder / path).read_bytes() if (folder / path).exists() else b""
        (folder / path).write_bytes(change(found))

    return damage


def edit(before: str, after: str, path: str = "README.md") -> Damage:
    """Replace a text, the first time it is there, or in what a card says of the config default."""

    def change(found: bytes) -> bytes:
        assert before.encode() in found
        entries = re.findall(rb"^- config_name: default\n(?:[ -] .*\n)+?(?=- |\S)", found, flags=re.MULTILINE)
        entry = next((entry for entry in entries if before.encode() in entry), found)
        return found.replace(entry, entry.replace(before.encode(), after.encode(), 1), 1)

    return content(change, path)


def repeat_rows(folder: Path) -> None:
    """The last three rows of train take the place of the first three of test."""
    last = pq.read_table(folder / TRAIN).slice(3997)
    rewrite(lambda t: pa.concat_tables([last, t.slice(3)]).replace_schema_metadata(t.schema.metadata), TEST)(folder)


cut = content(lambda found: found[:-1000])
HF, BUILDER = b"huggingface", b"builder_config"
INFO = "README.md: dataset_info of config default"
# fmt: off
DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "truncated": (cut, [f"{TRAIN} is truncated"]),
    "empty": (content(lambda found: b""), [f"{TRAIN} is empty"]),
    "not Parquet": (content(lambda found: b"x,y\n1,2\n" * 100), [f"{TRAIN} is not a Parquet file"]),
    "broken footer": (content(lambda found: b"PAR1" + bytes(100) + b"PAR1"), [f"{TRAIN} cannot be opened"]),
    "zeros in a page": (content(lambda found: found[:4] + bytes(1000) + found[1004:]),
     [f"{TRAIN}: column x cannot be read"]),
    "a letter of the footer": (content(lambda found: found.replace(b"parquet-cpp-arrow", b"parquet-cpp-arrox")), [SHA]),
    "rows swapped": (rewrite(lambda t: t.take(pa.array([1, 0, *range(2, len(t))]))), [DOWNLOAD, SHA]),
    "y changed": (column("y", lambda y: pc.multiply(0, y)), [DOWNLOAD, SHA]),
    "float32": (column("x", lambda x: x.cast(pa.list_(pa.float32()))),
     [f"{TRAIN}: column x has the type list<element: float>, expected list<item: double>",
      "split train: num_bytes is 1328000, and the rows take 688000", f"{INFO}: dataset_size is 1660000", DOWNLOAD,
      SHA]),
    "column gone": (rewrite(lambda t: t.drop_columns(["y"])),
     [f"{TRAIN}: column y is missing", "num_bytes", "dataset_size", DOWNLOAD, SHA]),
    "columns swapped": (rewrite(lambda t: t.select(["y", "x"])),
     [f"{TRAIN}: the columns are in the order y, x, expected x, y", DOWNLOAD, SHA]),
    "a column more": (rewrite(lambda t: t.append_column("z", t["y"])),
     [f"{TRAIN}: column z is not among those expected", "num_bytes", "dataset_size", DOWNLOAD, SHA]),
    "List in the footer": (footer(lambda pairs: {**pairs, HF: pairs[HF].replace(b'"Sequence"', b'"List"')}),
     [f'{TRAIN}: the footer\'s key \'huggingface\' has "_type": "List"', DOWNLOAD, SHA]),
    "no footer": (footer(lambda pairs: {}),
     ["key 'huggingface' is missing", DOWNLOAD, SHA]),
    "no JSON": (footer(lambda pairs: {**pairs, HF: b"{"}), ["key 'huggingface' is not valid JSON", DOWNLOAD, SHA]),
    "other features": (footer(lambda pairs: {**pairs, HF: pairs[HF].replace(b"int64", b"int32")}),
     ["key 'huggingface' differs from the card in y", SHA]),
    "other provenance": (footer(lambda pairs: {**pairs, BUILDER: pairs[BUILDER].replace(b"42", b"43")}),
     [SHA]),
    "snappy": (rewrite(lambda t: t, compression="snappy"), [DOWNLOAD, "the same rows in other bytes"]),
    "no page index": (rewrite(lambda t: t, write_page_index=False),
     ["x.list.element, y: without a page index", DOWNLOAD, SHA]),
    "rows in both splits": (repeat_rows,
     ["3 rows are in split train and in split test: such as row 3997 of train, which is row 0", DOWNLOAD,
      f"{TEST} has the SHA-256"]),
    "file missing": (lambda folder: (folder / TEST).unlink(),
     ["config default, split test: 'data/test-*' matches no file", f"{TEST} is missing, and is in the record"]),
    "shard missing": (lambda folder: (folder / TRAIN).rename(folder / "data/train-00000-of-00002.parquet"),
     [f"{TRAIN} is missing, and is in the record", "data/train-00001-of-00002.parquet is missing"]),
    "unread file": (content(lambda found: b"", "data/more.parquet"), ["data/more.parquet lies in the folder of"]),
    "script": (content(lambda found: b"", "mnist1d.py"), ["mnist1d.py is a script of the dataset's own name"]),
    "script of the folder's name": (content(lambda found: b"", "copy.py"), ["copy.py is a script"]),
    "other script": (content(lambda found: b"", "read.py"), []),
    # The card and the record
    "not UTF-8": (content(lambda found: found.replace(b"# MNIST-1D", b"# MNIST-1D \xe4", 1), "README.md"),
     ["README.md is not UTF-8"]),
    "no YAML": (content(lambda found: b"# Title\n", "README.md"), ["README.md has no YAML"]),
    "broken YAML": (edit("license: apache-2.0", "license: [a"), ["README.md: the YAML does not parse"]),
    "long YAML": (content(lambda found: b"---\nx: [" + b"1," * 30_000 + b"]\n---\n", "README.md"), ["30,000 items"]),
    "YAML of a list": (content(lambda found: b"---\n- 1\n---\n", "README.md"), ["the YAML is not a mapping"]),
    "no licence": (edit("license: apache-2.0\n", ""), ["the field 'license' is missing"]),
    "edited prose": (edit("Ten digits", "Eleven digits"), []),
    "edited record": (edit(f'"{TRAIN}": "', f'"{TRAIN}": "0', ".publish.json"), [SHA]),
    "not a record": (content(lambda found: b"[]", ".publish.json"), [".publish.json is not a record"]),
    "num_examples": (edit("num_examples: 4000", "num_examples: 3999"),
     [f"{INFO}, split train: num_examples is 3999, and the files have 4000 rows"]),
    "num_bytes": (edit("num_bytes: 332000", "num_bytes: 332001"),
     [f"{INFO}, split test: num_bytes is 332001, and the rows take 332000"]),
    "download_size": (edit("download_size: ", "download_size: 1"), [f"{INFO}: download_size is 1"]),
    "dataset_size": (edit("dataset_size: 1660000", "dataset_size: 1"), [f"{INFO}: dataset_size is 1"]),
    "features": (edit("dtype: int64", "dtype: int32"),
     [f"{split}: {what}" for split in (TRAIN, TEST)
      for what in ("column y has the type int64, expected int32", "the footer's key 'huggingface' differs")]),
    "no features": (edit("dtype: int64", "dtype: int65"), [f"{INFO}: features cannot be read"]),
    "split without files": (edit("  - name: train\n", "  - name: extra\n    num_examples: 1\n  - name: train\n"),
     [f"{INFO} has a split 'extra' that configs does not have"]),
    "split without numbers": (edit("  - split: train\n", "  - split: extra\n    path: data/test-*\n  - split: train\n"),
     ["config default: 1,000 rows are in split extra and in split test", f"{INFO} has no split 'extra'",
      f"{INFO}: dataset_size", DOWNLOAD]),
    "pattern without file": (edit("path: data/train-*", "path: data/tain-*"),
     ["split train: 'data/tain-*' matches no file", f"{TRAIN} lies in the folder"]),
    "pattern that leads out": (edit("path: data/train-*", "path: ../copy/data/train-*"),
     ["config default: '../copy/data/train-*' leads out", f"{TRAIN} lies in the folder"]),
    "config without numbers": (edit("- config_name: shuffled\n  features", "- config_name: other\n  features"),
     ["dataset_info has 'other', which is not", "dataset_info has nothing on config shuffled"]),
    "other size": (edit("1K<n<10K", "1M<n<10M"),
     [f"size_categories is '1M<n<10M', and the files have {ROWS:,} rows"]),
    "missing link": (edit("# MNIST-1D\n", "# MNIST-1D\n\n[a](a.md#b)\n"), ["the link 'a.md#b' leads to no file"]),
}
# fmt: on


@pytest.mark.parametrize("name", DAMAGES)
def test_damage(copy: Path, name: str) -> None:
    """Each gives the findings that belong to it, in their order, and no other."""
    damage, expected = DAMAGES[name]
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


def test_files_of_others(tmp_path: Path) -> None:
    """Without a card's record the publisher's ways of storing are not asked for; without a card `datasets` is."""
    names = [f"data/{split}-00000-of-00001.parquet" for split in ("train", "test")]
    (tmp_path / "data").mkdir()
    for name in names:
        rows = datasets.Dataset.from_dict({"text": [f"{name} {index}" for index in range(5)], "n": [None, 1, 2, 3, 4]})
        rows.to_parquet(tmp_path / name, write_page_index=True)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# Title\n", encoding="utf-8")
    assert (validate(tmp_path), examine(tmp_path).files) == ([], names)
    (tmp_path / "README.md").unlink()
    assert validate(tmp_path) == ["README.md is missing: the repository has no card"]


@pytest.mark.parametrize(
    ("prose", "words"),
    [
        ("![A](assets/a.png) [b](data/b.parquet) [c](data) [d](./data/) [e](#f) [g](https://h/i) <a@b.cd> [j](/k)", []),
        ("![A](resolve/main/assets/a.png?download=true) [b](blob/main/data/b.parquet#c) [d](tree/main/data)", []),
        ("```md\n![A](b.png)\n```\n`![A](b.png)`\n\n<!-- ![A](b.png) <img src='b.png'> -->\n", []),
        ("![](Assets/a.png)", ["'Assets/a.png' has no alternative text", "'Assets/a.png' leads to no file"]),
        ('text <img src="../b.png" alt="A"> text', ["the picture '../b.png' leads to no file"]),
        ("| a |\n|---|\n| [![A](b.png)](c.md) |\n", ["the link 'c.md'", "the picture 'b.png'"]),
        ('<a href="c.md">c</a> <picture><source srcset="d.png 2x"></picture>', ["'c.md'", "'d.png'"]),
        ("[a]() <img alt='A'>", ["a link leads nowhere", "a picture leads nowhere"]),
        ("[" * 50_000, []),
        ("[a](b) " * 100_000, ["are not checked"]),
    ],
)
def test_links(prose: str, words: list[str]) -> None:
    """Links into the repository, in Markdown and HTML, but not in code and comments."""
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
        (f"field: {'[' * 900}{']' * 900}", ["200 levels"]),
    ],
)
def test_fields(tmp_path: Path, yaml: str, words: list[str]) -> None:
    """Rules that do not age: licences, tasks and names of fields are for the Hub to judge."""
    licence = "" if "license" in yaml else "\nlicense: mit"
    (tmp_path / "README.md").write_text(f"---\n{yaml}{licence}\n---\n", encoding="utf-8")
    found = [finding for finding in validate(tmp_path) if not finding.endswith(("no data files", "no file"))]
    assert len(found) == bool(words), found
    assert all(word in found[0] for word in words)


ANCHORS = "\n".join(["a0: &a0 [x]", *(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))])


@pytest.mark.parametrize(
    "yaml",
    [
        "configs: 5\ndataset_info: 5\nsize_categories: 5",
        "configs: [{config_name: [a], data_files: {a: 5}}, 5]\ndataset_info: [{config_name: [a]}, 5]",
        "configs: [{config_name: a, data_files: [{split: b}]}]\ndataset_info: {config_name: a, splits: 5, features: 5}",
        "configs: [{config_name: a, data_files: [5, [6]]}]\ndataset_info: {splits: [5, {name: [a], num_bytes: a}]}",
        "configs: [{config_name: a, data_dir: /}, {config_name: b, data_dir: 5}, {config_name: c, data_files: '**x['}]",
        f"configs: [{{config_name: a, data_files: '{'**/*' * 30}x'}}]",
        *("a: &a\n  b: *a\n", "? [a]\n: b\n1: 2", "date: 2024-13-41", f"a: 1{':1' * 400_000}", f"a: {'[' * 10_000}"),
        *(f"{ANCHORS}\nconfigs: *a11", f"a: [{'[],' * 300_000}]", '"\\e]0;title\\a\\e[2J": '),
    ],
)
def test_cards_that_are_nonsense(copy: Path, yaml: str) -> None:
    """There is always a sentence, and never an error."""
    (copy / "README.md").write_text(f"---\n{yaml}\n---\n", encoding="utf-8")
    findings = validate(copy)
    assert findings
    assert all("\n" not in finding for finding in findings)


def test_row_groups_that_the_viewer_does_not_read(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub reads 300 MB at most for a page of rows; less here, so that the test is fast."""
    assert checks.VIEWER_BYTES == 300_000_000
    monkeypatch.setattr(checks, "VIEWER_BYTES", 1_000_000)
    assert f"{TRAIN} has a row group of 1," in validate(built)[0]


# The command, and the Hub


def run(*arguments: object) -> Ended:
    """The command that validates."""
    return run_command(arguments, main)


def test_validate_on_the_hub(published: Hub, first: dict[str, bytes]) -> None:
    """Nothing but reading; damage shows at its revision and no other; the Hub's own validator is asked."""
    good = published.commits(R)[0].oid
    assert run(R) == (0, f"{R} at commit {good}: 0 findings in 2 files of 2 configs\n", "")
    assert {request.method for request in published.requests if request.path != "/api/validate-yaml"} <= {"GET", "HEAD"}
    path = "large/validation-00000-of-00001.parquet"
    published.commit(R, files={path: first[path][:-10], "checks.py": b"", "pictures.py": b""})
    ended = run(R)
    truncated, script, _ = ended.stdout.splitlines()
    assert (ended.exit_code, truncated) == (1, f"{path} is truncated: the end of a Parquet file is missing")
    assert script.startswith("pictures.py is a script of the dataset's own name: load_dataset from 4.0 on refuses it")
    assert validate(R, good) == []
    card = first["README.md"].replace(b"size_cat", b"annotations_creators: 5\nsize_cat", 1)
    published.commit(R, {"README.md": card, path: first[path]}, delete=["pictures.py"])
    assert validate(R) == ['README.md: the Hub says: "annotations_creators" must be a string or a list of strings']
    published.fail(path="/api/validate-yaml", fault=Fault.status(404), times=1)
    published.fail(path="/resolve/.*parquet", fault=Fault.status(503), times=1)
    assert validate(R) == []


def test_json(copy: Path) -> None:
    """One object on standard output, and a last line that counts otherwise."""
    assert run(copy, "--json").exit_code == 0
    cut(copy)
    ended = run(copy, "--json")
    said = json.loads(ended.stdout)
    assert (ended.exit_code, said["source"], said["commit"]) == (1, str(copy), None)
    assert said["findings"] == [f"{TRAIN} is truncated: the end of a Parquet file is missing"]
    counted = f"1 finding in {2 * len(CONFIGS)} files of {len(CONFIGS)} configs"
    assert run(copy).stdout.splitlines()[1:] == [f"{copy}: {counted}"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("", 2, "SOURCE is empty"),
        ("nowhere", 2, "no such folder"),
        ("file", 2, "file is a file"),
        ("folder --revision v1", 2, "folder is a folder: --revision"),
        ("tester/nothing", 3, "tester/nothing does not exist"),
        (f"{R} --revision nowhere", 2, "has no revision 'nowhere'"),
    ],
)
def test_wrong_arguments(
    hub: Hub, arguments: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence; also if the Hub refuses."""
    hub.create(R)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    ended = run(*arguments.split(" "))
    assert (words in ended.refusal(code), ended.stdout) == (True, "")
    hub.fail(path="/", fault=Fault.status(403), times=1000)
    run(R).refusal(3)


# Does this repository hold this dataset?


def pushed(tmp_path: Path, changed: int | None = None) -> None:
    """Publish with `push_to_hub`, with one value changed."""
    generator = small_shards()(config_name="default", cache_dir=str(tmp_path))
    generator.download_and_prepare()
    found = generator.as_dataset()
    if changed is not None:
        values = found["test"]["value"][:]
        values[changed] += 1
        found["test"] = found["test"].remove_columns("value").add_column("value", values).cast(found["train"].features)
    datasets.DatasetDict(test=found["test"], train=found["train"]).push_to_hub(R, num_shards={"train": 2, "test": 1})


def test_verify_files_of_another_program(hub: Hub, tmp_path: Path) -> None:
    """Rows and features are compared by value: names and number of files, and the order of splits, do not matter."""
    pushed(tmp_path)
    before = hub.commits(R)
    ended = run_command(["--verify"], SHARDS)
    assert (ended.exit_code, "equal rows and features" in ended.stdout) == (0, True)
    other = run_command(["--verify"], PICTURES)
    assert (other.exit_code, "does not open config small" in other.stdout) == (1, True)
    assert hub.commits(R) == before


def test_verify_names_the_first_difference(hub: Hub, tmp_path: Path) -> None:
    """Config, split, row, column and both values."""
    pushed(tmp_path, changed=7)
    ended = run_command(["--verify"], SHARDS)
    place = "config default, split test, row 7 (counted from 0), column value: "
    assert (ended.exit_code, ended.stdout.startswith(place)) == (1, True)
    more = run_command(["--verify"], (small_shards(60), SHARDS_CARD, R)).stdout
    assert "config default, split train has 25 rows, and the dataset has 30" in more


# Cards and files that other people and programs wrote


@pytest.mark.parametrize(
    ("path", "place", "content", "words"),
    [
        ("README.md", "configs:\n", "- 3\n", "entry 3 in the card's configs"),
        ("README.md", "dataset_info:\n", "- config_name: b\n  splits: 5\n", "of config b in the card's dataset_info"),
        ("dataset_infos.json", "", "{", "dataset_infos.json"),
        (".huggingface.yaml", "", "configs:\n- config_name: 3\n", ".huggingface.yaml"),
    ],
)
def test_broken_by_other_programs(hub: Hub, path: str, place: str, content: str, words: str) -> None:
    """Though nothing of ours has changed, "nothing to do" is not said, and one line names the cause."""
    assert run_command([], PICTURES).exit_code == 0
    before = hub.files(R)[path].decode() if place else ""
    hub.commit(R, {path: before.replace(place, place + content).encode()})
    for mode in ([], ["--dry-run"], ["--verify"]):
        ended = run_command(mode, PICTURES)
        assert (ended.exit_code, ended.stderr, "nothing to do" in ended.stdout) == (1, "", False)
        [line] = [line for line in ended.stdout.splitlines() if f"{words}, which another program wrote" in line]
        assert "does not open config" in line


def test_a_config_of_another_format(hub: Hub) -> None:
    """`load_dataset` reads all configs in the format of the first one, so ours are put first again."""
    assert run_command([], SHARDS).exit_code == 0
    card = hub.files(R)["README.md"].replace(b"configs:\n", b"configs:\n- config_name: theirs\n  data_files: a.csv\n")
    hub.commit(R, {"README.md": card, "a.csv": b"x,y\n1,2\n"})
    assert "README.md differs" in run_command(["--verify"], SHARDS).stdout
    assert run_command([], SHARDS).exit_code == 0
    assert datasets.load_dataset(R, "default", split="train").num_rows == 25
