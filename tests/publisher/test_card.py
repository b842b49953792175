"""README.md, its record, and the page that shows it."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

import datasets
import pytest
from datasets import load_dataset
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from card import CARD, REPO_ID
from loopback import Hub
from mnist1d import Mnist1D, load_arrays
from publisher import Card, UsageError
from publisher.card import default_card, license_fields, size_category
from publisher.card.preview import MARK, render
from publisher.card.record import COMMENT, ConfigRecord, Record, _canonical, read_card, read_record, write_card
from tests.builders import builder
from tests.commands import files_in, run_command
from tests.pictures import PICTURES_CARD, Pictures
from tests.shards import SHARDS_CARD, Shards

R = "tester/cards"
PICTURES = (Pictures, PICTURES_CARD, R)
NOTHING_TO_DO = f"\n{R}: nothing to do"
MNIST = (Mnist1D, CARD, REPO_ID)


def texts_of(folder: Path) -> tuple[str, str]:
    """The card and the record in a folder."""
    card, record = ((folder / name).read_text(encoding="utf-8") for name in ("README.md", ".publish.json"))
    return card, record


def test_another_dataset(tmp_path: Path) -> None:
    """The publisher knows nothing of MNIST-1D, and writes the record next to the card."""
    folder = tmp_path / "pictures"
    assert run_command(["--output-dir", folder], PICTURES).exit_code == 0
    data = {f"{name}/validation-00000-of-00001.parquet" for name in ("data", "large")}
    assert set(files_in(folder)) == {".publish.json", "README.md", *data}
    card, record = texts_of(folder)
    assert f"- large: 1 split, from {R}" in card
    assert "<!--" not in card
    assert list(json.loads(record)) == sorted(json.loads(record))
    assert load_dataset(str(folder), split="validation").num_rows == 3
    rows = load_dataset(str(folder), "large", split="validation")
    assert rows[2]["boxes"] == [{"name": "box 0", "corners": [0, 2]}, {"name": "box 1", "corners": [1, 2]}]
    assert rows[7]["image"].getpixel((0, 0)) == 7
    (folder / "README.md").write_text(card + "more", encoding="utf-8")
    assert "README.md was added or changed" in run_command(["--output-dir", folder], PICTURES).stderr


@pytest.mark.parametrize("slip", ["{{ config.name }}", "{% for config in configs %}", "---\nlicense: mit\n---\n# A"])
def test_slip_in_a_template(tmp_path: Path, slip: str) -> None:
    """An error in the template is a sentence, not a gap in the card, and nothing is written."""
    template = tmp_path / "slip.md.jinja"
    template.write_text(slip, encoding="utf-8")
    ended = run_command(["--output-dir", tmp_path / "new"], (Pictures, Card(template, {"license": "mit"}), R))
    words = "begins with YAML" if slip.startswith("---") else "cannot be filled in"
    assert f"slip.md.jinja {words}" in ended.refusal()
    assert not (tmp_path / "new").exists()


def test_size_categories() -> None:
    """The Hub's steps."""
    steps = {0: "n<1K", 999: "n<1K", 1000: "1K<n<10K", 10**9: "1B<n<10B", 10**12 - 1: "100B<n<1T", 10**12: "n>1T"}
    assert {rows: size_category(rows) for rows in steps} == steps


@settings(max_examples=50)
@given(prose=st.text(), digests=st.dictionaries(st.text(), st.text()))
def test_records_read_back(prose: str, digests: dict[str, str]) -> None:
    """Whatever the texts are, and any change of the card shows."""
    written = Record({"a": ConfigRecord({"b": 1}, {"train": digests}, digests)}, digests)
    text, record = write_card("license: mit", prose, written)
    listed = record.file.content.decode()
    card = read_card(text, listed)
    assert (card.prose, card.metadata) == (prose, {"license": "mit"})
    assert card.record == Record(**{**vars(record), "fields": tuple(record.fields)})
    assert not card.is_edited()
    assert read_card(text.replace("\n---\n", "\n---\nmore", 1), listed).is_edited()


def test_edits(built: Path) -> None:
    """Anything but an addition shows, and a field that was added and is now ours."""
    text, record = texts_of(built)
    for before, after in (
        ("license: apache-2.0", "license: mit"),
        ("num_examples: 4000", "num_examples: 3999"),
        ("path: data/train-*", "path: data/*"),
        ("pretty_name: MNIST-1D\n", ""),
        ("Ten digits", "Eleven digits"),
    ):
        assert before in text
        assert read_card(text.replace(before, after, 1), record).is_edited(CARD.fields)
    assert read_card(text.replace("tags:\n", "language: en\ntags:\n", 1), record).is_edited(["language"])


@pytest.mark.parametrize(
    "text",
    [
        *("", "[1]", "{", '{"configs": 5}', '{"configs": {}, "assets": {"a": 5}}', '{"configs": {}, "more": 5}'),
        '{"configs": {"a": {"provenance": [], "digests": {}, "files": {}}}}',
        '{"configs": {"a": {"provenance": {}, "digests": {"a": 5}, "files": {}}}}',
        '{"configs": {"a": {"provenance": {}, "digests": {}, "files": {"a": null}}}}',
        "[" * 100_000,
    ],
)
def test_not_a_record(text: str) -> None:
    """Such a file counts as missing, so the card counts as another person's."""
    assert read_record(text) is None
    card = read_card("---\nlicense: mit\n---\n# Title\n", text)
    assert (card.record, card.is_edited()) == (Record(), True)
    assert ".publish.json is not a record" in card.faults[0]


def with_comment(card: str, record: str) -> str:
    """The card as versions up to 0.9 wrote it, with the record in a comment."""
    listed = json.loads(record)
    for name in ("readme", "fields"):
        listed.pop(name, None)
    for config in listed["configs"].values():
        config["made_by"], config["values"] = config.pop("provenance"), config.pop("rows_sha256")
        del config["features"], config["num_bytes"]
    listed["record"] = hashlib.sha256(json.dumps([_canonical(listed)]).encode()).hexdigest()
    return f"{card}\n{COMMENT}{json.dumps(listed)} -->\n"


@pytest.mark.parametrize("added", ["", "language:\n- de\n"])
def test_record_of_earlier_versions(hub: Hub, added: str) -> None:
    """A repository with the record in its card gets the new one by an ordinary commit, without questions."""
    assert run_command(["--tag", "new"], PICTURES).exit_code == 0
    files = hub.files(R)
    card, record = files["README.md"].decode(), files[".publish.json"].decode()
    old = with_comment(card, record).replace("---\n", f"---\n{added}", 1)
    hub.commit(R, {"README.md": old.encode()}, delete=[".publish.json"])
    before = hub.commits(R)[0].oid
    assert run_command([], PICTURES).stdout.count("  same ") == 2
    assert added in hub.files(R)["README.md"].decode()
    assert (hub.files(R) == files) == (not added)
    assert NOTHING_TO_DO in run_command([], PICTURES).stdout
    assert run_command(["--verify"], PICTURES).exit_code == 0
    assert run_command(["--rollback", before], PICTURES).exit_code == 0
    assert COMMENT not in hub.files(R)["README.md"].decode()


# Fields that a script leads to


def licensed(labels: Sequence[str] = "ab") -> type[datasets.DatasetBuilder]:
    """A builder with a licence and a language of its own."""
    features = datasets.Features({"label": datasets.ClassLabel(names=[*labels]), "text": datasets.Value("string")})
    kind = builder(lambda config: ({"label": row % 2, "text": f"row {row}"} for row in range(3)), features)
    kind._info = lambda self: datasets.DatasetInfo(license="CC BY-SA 4.0", features=features)
    kind.language = "de"
    return kind


LICENCES = {
    "mit": ["MIT License", "https://opensource.org/licenses/MIT"],
    "apache-2.0": ["Apache License, Version 2.0"],
    "cc-by-nc-nd-4.0": ["Creative Commons Attribution-NonCommercial-NoDerivatives 4.0 International"],
    "cc-by-4.0": ["Creative Commons Attribution 4.0 International (CC BY 4.0)"],
    "cc-by-sa-3.0": ["https://creativecommons.org/licenses/by-sa/3.0/legalcode"],
    "cc0-1.0": ["CC0: Public Domain"],
    "gpl-3.0": ["GNU General Public License v3.0 or later"],
    "lgpl-3.0": ["LGPLv3"],
    "bsd-3-clause": ["3-Clause BSD License"],
    "odc-by": ["Open Data Commons Attribution License (ODC-By) v1.0"],
    "odbl": ["ODbL"],
    "unknown": ["unknown"],
    "other": ["MIT for the code, CC BY 4.0 for the texts", "For research only"],
}


@pytest.mark.parametrize(("identifier", "text"), [(name, text) for name, texts in LICENCES.items() for text in texts])
def test_licences(text: str, identifier: str) -> None:
    """Identifiers of the Hub and their usual spellings; anything else keeps its text."""
    named = {"license_name": text} if identifier == "other" else {}
    assert license_fields(text) == {"license": identifier, **named}


def test_fields_of_a_script(hub: Hub) -> None:
    """Licence and language come from the script."""
    assert run_command([], (licensed(), default_card(licensed()), R)).exit_code == 0
    card = hub.files(R)["README.md"].decode()
    assert "license: cc-by-sa-4.0\n" in card
    assert "language:\n- de\n" in card


def test_large_features(hub: Hub) -> None:
    """Features that do not fit into the YAML are in the Parquet files alone, and nothing else is lost."""
    labels = [f"class {index}: {'é, [x] ' * 10}" for index in range(3_000)]
    dataset = (licensed(labels), default_card(licensed(labels)), R)
    assert run_command([], dataset).exit_code == 0
    assert "features" not in DatasetCard(hub.files(R)["README.md"].decode()).data["dataset_info"]
    found = load_dataset(R, split="train")
    assert found.features["label"].names == labels
    assert found["text"][:] == ["row 0", "row 1", "row 2"]
    assert NOTHING_TO_DO in run_command([], dataset).stdout
    assert run_command(["--verify"], dataset).exit_code == 0


# The page


def first_rows(text: str) -> dict[str, list[list[str]]]:
    """Summary of each split -> the cells of its rows, the names of the columns first."""
    splits = re.findall(r'<details name="viewer".*?><summary>(.*?)</summary>(.*?)</details>', text, flags=re.DOTALL)
    return {
        re.sub("<.+?>", "", summary): [
            re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", table, flags=re.DOTALL)
        ]
        for summary, table in splits
    }


def test_preview(built: Path, tmp_path: Path) -> None:
    """Every picture, table, heading and link of the card, no Markdown left over, and nothing else to fetch."""
    path = tmp_path / "new" / "card.html"
    for _ in range(2):
        ended = run_command(["--preview", path], MNIST)
        assert (ended.exit_code, ended.stderr, list(path.parent.iterdir())) == (0, "", [path])
    assert f"{path.stat().st_size:,} bytes" in ended.stdout
    assert path.as_uri() in ended.stdout

    card, text = texts_of(built)[0], path.read_text(encoding="utf-8")
    images = re.findall(r'<img src="data:image/(?:png|gif);base64,(.+?)" alt=".+?"', text)
    links = re.findall(r"!\[.+?\]\((.+?)\)", card)
    assert [base64.b64decode(image) for image in images] == [(built / link).read_bytes() for link in links]
    tables = len([*built.rglob("*.parquet")]) + len(re.findall(r"^\|[-:|]+\|$", card, flags=re.MULTILINE))
    assert text.count("<table>") == tables
    links = re.findall(r"(?<!!)\[[^\]]+\]\((http.+?)\)", card)
    assert set(map(html.unescape, re.findall(r'<a href="(.+?)"', text))) == set(links)
    assert "<dt>Size:</dt><dd>1K - 10K</dd>" in text
    assert "<dt>Tasks:</dt><dd>Tabular Classification</dd>" in text
    prose = re.sub(r"<(code|pre|style).*?</\1>|<.+?>", "", text, flags=re.DOTALL)
    assert not re.search(r"\]\(|\*\*|`|^\s*#|\|\s*-", prose, flags=re.MULTILINE)
    assert not re.search(r"<script|<link|<iframe|url\(", text)

    tables_of = first_rows(text)
    splits = [(name, split) for name in Mnist1D.builder_configs for split in ("test", "train")]
    lengths = {(name, split): len(load_arrays(name, split=split)[1]) for name, split in splits}
    assert sorted(tables_of) == sorted(f"{name} · {split} · {rows:,} rows" for (name, split), rows in lengths.items())
    (head, *rows) = tables_of["shuffled · test · 1,000 rows"]
    assert head == ["x<small>list</small>", "y<small>int64</small>"]
    x, y = load_arrays("shuffled", split="test", source=built)
    assert [row[1] for row in rows] == [str(label) for label in y[:10]]
    assert all(json.dumps(list(values)).startswith(row[0][:-1]) for row, values in zip(rows, x, strict=False))
    assert re.findall(r'<details name="viewer" open><summary><b>(.+?)</b> · (.+?) ', text) == [("default", "train")]


def test_first_rows_of_another_dataset(tmp_path: Path) -> None:
    """Text, lists, class names and images; of shards, which are generated when they are published, nothing yet."""
    folder = tmp_path / "pictures"
    assert run_command(["--output-dir", folder, "--config", "small"], PICTURES).exit_code == 0
    (head, *rows) = next(iter(first_rows(render(folder, R)).values()))
    kinds = [re.sub(r".*<small>(.+)</small>", r"\1", column) for column in head]
    assert kinds == ["string", "list", "list", "class label", "image"]
    assert (len(rows), rows[1][0], rows[1][3]) == (3, "row 1 -- ä", "1 (dark)")
    content = rows[2][4].partition("base64,")[2].partition('"')[0]
    with Image.open(io.BytesIO(base64.b64decode(content))) as image:
        assert image.getpixel((0, 0)) == 2
    path = tmp_path / "card.html"
    assert run_command(["--preview", path, "--config", "default"], (Shards, SHARDS_CARD, R)).exit_code == 0
    text = path.read_text(encoding="utf-8")
    assert text.count("The rows do not exist yet.") == 2
    assert "default</b> · train · 950 rows" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [("card.md", [".html"]), ("folder", ["folder", "card.html"]), ("mine.html", ["not written", "new file"])],
)
def test_wrong_place(tmp_path: Path, name: str, words: list[str]) -> None:
    """Anything but an earlier page is refused in one sentence and stays."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine.html").write_text("mine")
    sentence = run_command(["--preview", tmp_path / name], MNIST).refusal()
    assert all(word in sentence for word in [*words, name])
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_pictures_in_html(tmp_path: Path) -> None:
    """A card's own HTML is kept with its pictures; those on other sites stay links; a missing one is an error."""
    (tmp_path / "a b.png").write_bytes(b"a")
    card = tmp_path / "README.md"
    card.write_text(
        '---\nlicense: mit\n---\n# A & B\n\n# A & B\n\n<img width="9" src="a%20b.png">\n\n'
        "![b](https://example.org/b.png)\n\n~~gone~~\n",
        encoding="utf-8",
    )
    text = render(tmp_path, "me/<data>")
    assert re.findall('src="(.+?)"', text) == ["data:image/png;base64,YQ==", "https://example.org/b.png"]
    assert re.findall('<h1 id="(.+?)"', text) == ["a--b", "a--b-1"]
    assert all(part in text for part in (MARK, "<s>gone</s>", "me/&lt;data&gt;"))
    card.write_text("![c](c.png)", encoding="utf-8")
    with pytest.raises(UsageError, match=r"c\.png"):
        render(tmp_path, "me/data")
