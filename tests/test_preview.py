"""The card as a page: whole, self-contained, and looked at in a browser."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from mnist1d import Mnist1D, load_arrays
from publisher import main
from publisher.card.preview import MARK, render
from publisher.card.record import MARK as RECORD
from publisher.errors import UsageError
from tests.pictures import Pictures, pictures_card
from tests.test_command import refusal, run

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
SIZE = (1000, 7000)  # pixels of a screenshot
BLUE = (0, 114, 178)  # of the digits in the pictures
PAGES = {"light": (255, 255, 255), "dark": (11, 15, 25)}  # background


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: dict[str, list[dict[str, str | None]]] = {}
        self.text = ""  # outside of code
        self._code = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.setdefault(tag, []).append(dict(attrs))
        self._code += tag in ("code", "pre", "style")

    def handle_endtag(self, tag: str) -> None:
        """Code may end."""
        self._code -= tag in ("code", "pre", "style")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += "" if self._code else data


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page that the command wrote; to read only."""
    path = tmp_path_factory.mktemp("preview") / "new" / "card.html"
    assert run("--preview", path) == 0
    return path


def test_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with a link; nothing else beside the page; an earlier page is replaced by the same."""
    path = tmp_path / "card.html"
    assert run("--preview", path, "--config", "shuffled") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert f"{path.stat().st_size:,} bytes" in printed.out
    assert path.as_uri() in printed.out
    before = path.read_bytes()
    assert run("--preview", path, "--config", "shuffled") == 0
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_whole(preview: Path, built: Path) -> None:
    """Every picture, table, heading and link of the card, and no Markdown left over."""
    card = (built / "README.md").read_text(encoding="utf-8")
    page = Page(preview.read_text(encoding="utf-8"))
    links = re.findall(r"!\[.+?\]\((.+?)\)", card)
    assert len(page.tags["img"]) == len(links)
    for image, link in zip(page.tags["img"], links, strict=True):
        kind = {".png": "image/png", ".gif": "image/gif"}[Path(link).suffix]
        start, _, content = str(image["src"]).partition(",")
        assert start == f"data:{kind};base64"
        assert base64.b64decode(content) == (built / link).read_bytes()
        assert image["alt"]
    splits = [*built.rglob("*.parquet")]
    assert len(page.tags["table"]) == len(splits) + len(re.findall(r"^\|[-:|]+\|$", card, flags=re.MULTILINE))
    headings = re.findall(r"^##? (.+)$", re.sub(r"```.+?```", "", card, flags=re.DOTALL), flags=re.MULTILINE)
    assert [tag["id"] for name in ("h1", "h2") for tag in page.tags[name]] == [
        heading.lower().replace(",", "").replace(" ", "-") for heading in headings
    ]
    assert {str(tag["href"]) for tag in page.tags["a"]} == set(re.findall(r"(?<!!)\[[^\]]+\]\((http.+?)\)", card))
    tags = re.findall(r"<dt>(.+?):</dt>(.+?)</div>", preview.read_text(encoding="utf-8"))
    assert {label: re.findall("<dd>(.+?)</dd>", values) for label, values in tags} == {
        "Tasks": ["Tabular Classification"],
        "Size": ["1K - 10K"],
        "Annotations creators": ["machine-generated"],
        "Source datasets": ["original"],
        "Tags": ["mnist-1d", "synthetic", "sequence-classification", "timeseries", "education"],
        "ArXiv": ["arxiv:2011.14439", "arxiv:1611.03530"],
        "License": ["apache-2.0"],
    }
    assert not re.search(r"\]\(|\*\*|`|^\s*#|\|\s*-", page.text, flags=re.MULTILINE)


def first_rows(text: str) -> dict[str, list[list[str]]]:
    """Summary of each split -> the cells of its rows, the names of the columns first."""
    splits = re.findall(r'<details name="viewer".*?><summary>(.*?)</summary>(.*?)</details>', text, flags=re.DOTALL)
    return {
        re.sub("<.+?>", "", summary): [
            re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", table, flags=re.DOTALL)
        ]
        for summary, table in splits
    }


def test_first_rows(preview: Path, built: Path) -> None:
    """Ten rows of each split, with the types of the columns, and the first split open."""
    text = preview.read_text(encoding="utf-8")
    tables = first_rows(text)
    assert sorted(tables) == sorted(
        f"{name} · {split} · {len(load_arrays(name, split=split)[1]):,} rows"
        for name in Mnist1D.builder_configs
        for split in ("train", "test")
    )
    (head, *rows) = tables["shuffled · test · 1,000 rows"]
    assert head == ["x<small>list</small>", "y<small>int64</small>"]
    x, y = load_arrays("shuffled", split="test", source=built)
    assert [row[1] for row in rows] == [str(label) for label in y[:10]]
    assert all(
        json.dumps(list(values)).startswith(row[0].removesuffix("…")) for row, values in zip(rows, x, strict=False)
    )
    assert re.findall(r'<details name="viewer" open><summary><b>(.+?)</b> · (.+?) ', text) == [("default", "train")]


def test_first_rows_of_another_dataset(tmp_path: Path) -> None:
    """Text, lists, class names and images, of whatever there is."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    written = ["--output-dir", str(folder), "--config", "small"]
    assert main(Pictures, pictures_card(tmp_path), "me/pictures", written) == 0
    (head, *rows) = next(iter(first_rows(render(folder, "me/pictures")).values()))
    kinds = [re.sub(r".*<small>(.+)</small>", r"\1", column) for column in head]
    assert kinds == ["string", "list", "list", "class label", "image"]
    assert len(rows) == 3
    assert rows[1][0] == "row 1 -- ä"
    assert rows[1][3] == "1 (dark)"
    content = re.search(r"base64,([^\"]+)", rows[2][4])
    assert content
    with Image.open(io.BytesIO(base64.b64decode(content[1]))) as image:
        assert image.getpixel((0, 0)) == 2


def test_rows_that_are_not_drawn(tmp_path: Path) -> None:
    """Shards are drawn when they are published: until then the page says so."""
    path = tmp_path / "card.html"
    options = ["--config", "default", "--stream", "sharded", "--set", "num_samples=300_000"]
    assert run("--preview", path, *options) == 0
    text = path.read_text(encoding="utf-8")
    assert text.count("The rows are not drawn yet.") == 2
    assert "default</b> · train · 240,000 rows" in text


def test_needs_no_other_file(preview: Path) -> None:
    """No script, nothing to fetch, and not the record that the card ends with."""
    text = preview.read_text(encoding="utf-8")
    page = Page(text)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert RECORD not in text


@pytest.mark.parametrize(
    ("name", "words"),
    [("card.md", [".html"]), ("folder", ["folder", "card.html"]), ("mine.html", ["not written", "new file"])],
)
def test_wrong_place(tmp_path: Path, name: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is not a page of ours is refused in one sentence and stays."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine.html").write_text("mine")
    assert run("--preview", tmp_path / name) == 2
    line = refusal(capsys)
    assert all(word in line for word in [*words, name])
    assert (tmp_path / "mine.html").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("other", [["--json"], ["--create-pr"], ["--tag", "v1"], ["--dry-run"], ["--output-dir", "x"]])
def test_other_options(tmp_path: Path, other: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What has no meaning for a page is refused."""
    assert run("--preview", tmp_path / "card.html", *other) == 2
    line = refusal(capsys)
    assert other[0] in line
    assert "--preview" in line
    assert list(tmp_path.iterdir()) == []


def test_pictures_in_html(tmp_path: Path) -> None:
    """A card's own HTML is kept, its pictures too; those on other sites stay links; what is missing is an error."""
    (tmp_path / "a b.png").write_bytes(b"a")
    card = tmp_path / "README.md"
    card.write_text(
        '---\nlicense: mit\n---\n# A & B\n\n# A & B\n\n<img width="9" src="a%20b.png">\n\nx <img src="a%20b.png">'
        "\n\n![b](https://example.org/b.png)\n\n~~gone~~\n",
        encoding="utf-8",
    )
    page = Page(render(tmp_path, "me/<data>"))
    here = "data:image/png;base64,YQ=="
    assert [image["src"] for image in page.tags["img"]] == [here, here, "https://example.org/b.png"]
    assert [heading["id"] for heading in page.tags["h1"]] == ["a--b", "a--b-1"]
    assert "s" in page.tags
    assert "me/<data>" in page.text
    card.write_text("![c](c.png)", encoding="utf-8")
    with pytest.raises(UsageError, match=r"c\.png"):
        render(tmp_path, "me/data")
    assert MARK in render_of("text", tmp_path)


def render_of(text: str, folder: Path) -> str:
    """The page of a card."""
    (folder / "README.md").write_text(text, encoding="utf-8")
    return render(folder, "me/data")


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs Chromium, such as apt-get install chromium")
def test_in_a_browser(preview: Path, tmp_path: Path) -> None:
    """Light and dark pages have their backgrounds, and show the same pictures."""
    blue = {}
    for theme, background in PAGES.items():
        shot = tmp_path / f"{theme}.png"
        command = [
            str(BROWSER),
            *SWITCHES,
            *(["--force-dark-mode"] if theme == "dark" else []),
            f"--user-data-dir={tmp_path / theme}",
            f"--window-size={SIZE[0]},{SIZE[1]}",
            f"--screenshot={shot}",
            preview.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(shot) as image:
            pixels = image.convert("RGB")
        assert pixels.size == SIZE
        assert pixels.getpixel((3, 3)) == background
        colours = {colour: count for count, colour in pixels.getcolors(maxcolors=1 << 24) or []}
        assert colours[(255, 255, 255)] > 1_000_000  # the pictures' own background, on a dark page too
        blue[theme] = colours[BLUE]
    assert blue["light"] == blue["dark"] > 20_000
