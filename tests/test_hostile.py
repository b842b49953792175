"""What somebody wrote to do harm: cards and files end in a sentence, within the memory and the time of any other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loopback import Hub
from publisher import main as publish
from publisher.card.record import MARK, Record, _digest, read_card
from publisher.check.layout import list_files
from publisher.cli.validate import main
from tests.pictures import Pictures, pictures_card

R = "tester/pictures"
FILE = "large/validation-00000-of-00001.parquet"
MEMORY = 1_000_000  # kilobytes
PROGRAM = """\
import json, sys, threading
from pathlib import Path
from publisher import main as publish
from publisher.cli.validate import main
from tests.pictures import Pictures, pictures_card
folder, *commands = sys.argv[1:]
for command in map(json.loads, commands):
    if command[0] == "validate":
        code = main(command[1:])
    else:
        code = publish(Pictures, pictures_card(Path(folder)), command[1], command[1:])
    print(f"exit code {code}", flush=True)
for line in open("/proc/self/status") if sys.platform == "linux" else ():
    if line.startswith("VmHWM:"):
        print("peak memory", line.split()[1])
"""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """The repository of the second dataset."""
    folder = tmp_path / "pictures"
    assert publish(Pictures, pictures_card(tmp_path), R, ["--output-dir", str(folder)]) == 0
    return folder


def run(folder: Path, *commands: list[str]) -> list[tuple[int, list[str]]]:
    """Exit code and lines of commands, one after the other in a process whose memory is looked at."""
    command = [sys.executable, "-c", PROGRAM, str(folder), *map(json.dumps, commands)]
    printed = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False).stdout
    printed, _, peak = printed.partition("peak memory ")  # its own: what `wait4` tells counts this process, too
    assert int(peak or 0) < MEMORY, printed
    assert "Traceback" not in printed
    answers: list[tuple[int, list[str]]] = []
    lines: list[str] = []
    for line in printed.splitlines():
        if line.startswith("exit code "):
            answers.append((int(line.removeprefix("exit code ")), lines))
            lines = []
        else:
            lines.append(line)
    assert len(answers) == len(commands), printed
    return answers


def with_record(yaml: str, record: object) -> str:
    """A card with a record, whether it is one or not."""
    return f"---\n{yaml}\n---\n# Title\n{MARK}{json.dumps(record)} -->\n"


def signed(**record: object) -> str:
    """A card whose record has the digest that belongs to it."""
    return with_record("license: mit", {**record, "record": _digest(record)})


def nested(first: str, line: str) -> str:
    """YAML in which each line stands for ten times the one before."""
    return "\n".join([first, *(line.format(here=i, many=",".join([f"*a{i - 1}"] * 10)) for i in range(1, 12))])


CARDS: dict[str, Callable[[], str]] = {
    "anchors": lambda: f"---\n{nested('a0: &a0 [x]', 'a{here}: &a{here} [{many}]')}\n---\n",
    "anchors in configs": lambda: (
        f"---\n{nested('a0: &a0 [x]', 'a{here}: &a{here} [{many}]')}\n"
        "configs: [{config_name: *a11, data_files: *a11}]\ndataset_info: {features: *a11, splits: *a11}\n---\n"
    ),
    "merged anchors": lambda: f"---\n{nested('a0: &a0 {x: 1}', 'a{here}: &a{here} {{<<: [{many}]}}')}\n---\n",
    "long anchor": lambda: f"---\na: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 10_000)}]\n---\n",
    "anchor to itself": lambda: "---\nconfigs: &a [{config_name: b, data_files: *a}]\n---\n",
    "deep": lambda: f"---\na: {'[' * 100_000}\n---\n",
    "many items": lambda: f"---\na: [{'[],' * 300_000}]\n---\n",
    "many fields": lambda: "---\n" + "".join(f"k{index}: v\n" for index in range(100_000)) + "---\n",
    "long number": lambda: f"---\na: 1{':1' * 400_000}\nb: 0x{'f' * 100_000}\n---\n",
    "many configs": lambda: "---\nconfigs:\n" + "- {config_name: a, data_files: '**'}\n" * 9000 + "---\n",
    "many stars": lambda: f"---\nconfigs: [{{config_name: a, data_files: '{'**/*' * 30}x'}}]\n---\n",
    "long prose": lambda: "---\nlicense: mit\n---\n" + "[a](b) ![" * 1_000_000,
    "prose of brackets": lambda: "---\nlicense: mit\n---\n" + "[" * 190_000,
    "prose of tags": lambda: "---\nlicense: mit\n---\n" + "<a " * 60_000,
    "repeated mark": lambda: "---\nlicense: mit\n---\n" + MARK * 100_000,
    "repeated mark with records": lambda: "---\nlicense: mit\n---\n" + f"{MARK}{{}} -->\n" * 100_000,
    "million files": lambda: signed(
        configs={}, assets={f"data/{index}": "0" * 64 for index in range(1_000_000)}, card=""
    ),
    "many files": lambda: signed(configs={}, assets={f"{index}": "" for index in range(200_000)}, card=""),
    "deep record": lambda: f'---\nlicense: mit\n---\n{MARK}{{"record": {"[" * 100_000} -->\n',
    "record of numbers": lambda: signed(configs={}, assets=5, card=5),
    "record of lists": lambda: signed(configs={"default": {"provenance": [], "digests": [], "files": []}}, assets={}),
    "record of nothing": lambda: signed(configs=None, assets=None, card=None),
    "record that is a list": lambda: with_record("license: mit", [1]),
    "files that are no texts": lambda: signed(
        configs={"default": {"provenance": {"builder": 5}, "digests": {"a": 5}, "files": {"a": None}}},
        assets={},
        card="",
    ),
    "no mapping": lambda: "---\n- 1\n---\n",
    "escape sequences": lambda: (
        '---\n"\\e]0;title\\a\\e[2J": \nconfigs: [{config_name: "\\e[31m", data_files: "\\e[2J\\n\\r"}]\n---\n'
        "[a](<\x1b[31m.md>) <img src='\x1b[2J'>\n"
    ),
}


@pytest.mark.timeout(240)
def test_cards_in_folders(pictures: Path, tmp_path: Path) -> None:
    """Validate always has a sentence for them."""
    folders = {}
    for name, card in CARDS.items():
        folders[name] = Path(shutil.copytree(pictures, tmp_path / f"copy of {name}"))
        (folders[name] / "README.md").write_text(card(), encoding="utf-8")
    answers = run(tmp_path, *(["validate", str(folder)] for folder in folders.values()))
    for name, (code, lines) in zip(folders, answers, strict=True):
        assert code == (0 if name.startswith("prose of") else 1), (name, lines)
        assert len(lines) <= 1002, name
        assert all(len(line) <= 1003 and line.isprintable() for line in lines), (name, lines)


STAYING = ("many stars", "escape sequences")  # a config and a field of others, which are not ours to remove


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CARDS)
def test_cards_on_the_hub(hub: Hub, pictures: Path, tmp_path: Path, name: str) -> None:
    """They count as somebody else's, and what is wrong is said, whatever is asked for; fields of theirs may stay."""
    hub.create(R)
    hub.commit(R, {path: (pictures / path).read_bytes() for path in list_files(pictures)})
    hub.commit(R, {"README.md": CARDS[name]().encode()})
    answers = run(tmp_path, ["validate", R], ["publish", R], ["publish", R, "--verify"])
    assert [code for code, _ in answers] == [0 if name.startswith("prose of") else 1, 1, 1], answers
    assert all(line.isprintable() for _, lines in answers for line in lines), answers
    [(replaced, _), (found, findings)] = run(tmp_path, ["publish", R, "--overwrite-card"], ["validate", R])
    assert replaced == 0
    assert found == (name in STAYING), findings
    assert all(line.isprintable() for line in findings)


def wide(path: Path) -> None:
    """A file with many columns."""
    pq.write_table(pa.table({f"column {index}": [1] for index in range(50_000)}), path)


def claims(rows: int) -> Callable[[Path], None]:
    """A file whose footer says that it has more rows than it has."""

    def write(path: Path) -> None:
        pq.write_table(pa.table({"x": pa.array(range(100), pa.int64())}), path, use_dictionary=False)
        data = path.read_bytes()
        end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        footer = data[end:-8].replace(b"\x16\xc8\x01", b"\x16" + _varint(2 * rows), -1)
        assert footer != data[end:-8]
        path.write_bytes(data[:end] + footer + len(footer).to_bytes(4, "little") + b"PAR1")

    return write


def _varint(number: int) -> bytes:
    """A whole number as Thrift writes it."""
    encoded = b""
    while number >= 0x80:
        encoded, number = encoded + bytes([number & 0x7F | 0x80]), number >> 7
    return encoded + bytes([number])


def constant(path: Path) -> None:
    """A small file with more rows than can be looked at."""
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array([7], pa.int64()))
    with pq.ParquetWriter(path, pa.schema({"x": values.type})) as writer:
        for _ in range(200):
            writer.write_table(pa.table({"x": values}))


def bomb(path: Path) -> None:
    """A file with a page that unpacks to gigabytes, of which the footer says nothing."""
    with pq.ParquetWriter(path, pa.schema({"x": pa.binary()}), compression="zstd", use_dictionary=False) as writer:
        writer.write_table(pa.table({"x": pa.array([bytes(120_000_000)], pa.binary())}))
    data = path.read_bytes()
    chunk = pq.read_metadata(path).row_group(0).column(0)
    claimed = b"\x16" + _varint(2 * chunk.total_uncompressed_size)
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    assert claimed in data[end:-8]
    footer = data[end:-8].replace(claimed, b"\x16" + _varint(2 * chunk.total_compressed_size))
    path.write_bytes(data[:end] + footer + len(footer).to_bytes(4, "little") + b"PAR1")


FILES: dict[str, Callable[[Path], None]] = {
    "50,000 columns": wide,
    "petabytes": claims(10**15),
    "gigabytes": claims(10**9),
    "one row more": claims(101),
    "pages that unpack to much more": bomb,
    "rows that are all alike": constant,
}


@pytest.mark.timeout(240)
def test_files_in_folders(pictures: Path, tmp_path: Path) -> None:
    """Validate has one sentence for each, beside the one on its digest."""
    folders = {}
    for name, write in FILES.items():
        folders[name] = Path(shutil.copytree(pictures, tmp_path / f"copy of {name}"))
        write(folders[name] / FILE)
    answers = run(tmp_path, *(["validate", str(folder)] for folder in folders.values()))
    for name, (code, lines) in zip(folders, answers, strict=True):
        assert (code, len(lines)) == (1, 2), (name, lines)
        assert lines[0].startswith(FILE), (name, lines)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FILES)
def test_files_on_the_hub(hub: Hub, pictures: Path, tmp_path: Path, name: str) -> None:
    """What differs is not opened, only replaced."""
    hub.create(R)
    hub.commit(R, {path: (pictures / path).read_bytes() for path in list_files(pictures)})
    FILES[name](pictures / FILE)
    hub.commit(R, {FILE: (pictures / FILE).read_bytes()})
    answers = run(tmp_path, ["validate", R], ["publish", R, "--verify"], ["publish", R])
    assert [code for code, _ in answers] == [1, 1, 0], answers


def test_names_do_not_move_the_terminal(pictures: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Names of files, in what validate finds."""
    name = "large/\x1b[2J\nREADME.md: nothing\r\u202e.parquet"
    (pictures / name).write_bytes(b"")
    assert main([str(pictures)]) == 1
    shown = capfd.readouterr().out.splitlines()
    assert shown[-1].endswith("1 finding in 2 files of 2 configs")
    assert len(shown[-2:]) == 2
    assert "\\x1b[2J" in shown[-2]
    assert all(line.isprintable() for line in shown)


def test_a_record_is_of_texts() -> None:
    """A record that is signed and wrong counts as none."""
    assert read_card(signed(configs={}, assets={"a": "b"}, card="")).manifest == Record(assets={"a": "b"})
    for record in ({"configs": {}, "assets": {"a": 5}, "card": ""}, {"configs": [], "assets": {}, "card": ""}):
        assert read_card(signed(**record)).manifest is None
