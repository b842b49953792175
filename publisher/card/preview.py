"""A repository as one HTML page, much as the Hub shows it: tags, first rows, and the card with its pictures."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from collections.abc import Iterator
from functools import partial
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import datasets
import jinja2
import pyarrow.parquet
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from publisher.card import kind_of
from publisher.card.record import CARD, PublishedCard, name_of, read_card
from publisher.errors import UsageError
from publisher.prepare.datasets_compat import flat

PAGE = Path(__file__).with_name("preview.html").read_text(encoding="utf-8")  # for Jinja
MARK = '<meta name="generator" content="publisher.preview">'  # by it a later run knows what it may replace
IMAGE = re.compile(r"""(?P<tag><img\b[^>]*?\bsrc=)(["'])(?P<link>.*?)\2""", re.IGNORECASE | re.DOTALL)
ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d{4}\.\d{4,5})")  # the Hub makes tags of the papers that a card links to
ROWS = 10  # of a split
LONGEST = 75  # characters of a cell
# the Hub's groups of tags, in its order, by the name of the field
TAGS = {"task_categories": "Tasks", "task_ids": "Sub-tasks", "language": "Languages", "size_categories": "Size"}
TAGS |= {"arxiv": "ArXiv", "annotations_creators": "Annotations creators", "source_datasets": "Source datasets"}
TAGS |= {"tags": "Tags", "license": "License"}


def render(folder: Path, title: str) -> str:
    """Return the repository in a folder as HTML that needs no other file; UsageError if a picture is missing."""
    card = read_card((folder / CARD).read_text(encoding="utf-8"))
    # GitHub's additions to CommonMark that the Hub has: https://github.github.com/gfm
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = markdown.parse(card.prose)
    _name_headings(tokens)
    prose = Markup(IMAGE.sub(partial(_embedded, folder=folder), markdown.renderer.render(tokens, markdown.options, {})))
    page = jinja2.Environment(autoescape=True, trim_blocks=True, keep_trailing_newline=True).from_string(PAGE)
    return page.render(mark=Markup(MARK), title=title, tags=_tags(card), splits=_splits(card, folder), prose=prose)


def check_preview(path: Path) -> None:
    """Refuse any path but a new file or an earlier page."""
    if path.is_dir() or path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--preview {path} is not allowed. Give a file that ends in .html, such as card.html.")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{path} was not written by this command. Move it, or give a new file.")


def _name_headings(tokens: list[Token]) -> None:
    """Give each heading the name that links lead to, as GitHub and the Hub do."""
    used: dict[str, int] = {}
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", text.content.lower()).replace(" ", "-")
            used[name] = used.get(name, -1) + 1
            opening.attrSet("id", f"{name}-{used[name]}" if used[name] else name)


def _embedded(image: re.Match[str], folder: Path) -> str:
    """Return an image of the repository with its bytes in place of the link, any other as it is."""
    link = unescape(image["link"])
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return image[0]
    path = folder / unquote(parts.path).lstrip("/")
    if not path.is_file():
        raise UsageError(f"The card shows {link}, which is not in the repository. Correct the link or add the file.")
    return f'{image["tag"]}"{_data_uri(path.read_bytes(), path.name)}"'


def _tags(card: PublishedCard) -> dict[str, list[str]]:
    groups = {label: list(map(str, flat(card.metadata.get(field)))) for field, label in TAGS.items()}
    groups["Tasks"] = [task.replace("-", " ").title() for task in groups["Tasks"]]
    groups["Size"] = [re.sub(r"n([<>])", r"\1 ", size.replace("<n<", " - ")) for size in groups["Size"]]
    groups["ArXiv"] += [f"arxiv:{paper}" for paper in dict.fromkeys(ARXIV.findall(card.prose))]
    return groups


def _splits(card: PublishedCard, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield each split with its first rows, if its files exist; the first split is open."""
    infos = {name_of(info): info for info in card.entries("dataset_info")}
    for config in card.entries("configs"):
        name = config["config_name"]
        counts = {split["name"]: split["num_examples"] for split in infos[name]["splits"]}
        for place, split in enumerate(config["data_files"]):
            yield {
                "is_open": place == 0 and (config.get("default") or len(infos) < 2),
                "summary": Markup("<b>{}</b> · {} · {:,} rows").format(name, split["split"], counts[split["split"]]),
                **_first_rows(sorted(folder.glob(split["path"]))),
            }


def _first_rows(files: list[Path]) -> dict[str, Any]:
    if not files:
        return {}
    with pyarrow.parquet.ParquetFile(files[0]) as file:
        features = datasets.Features.from_arrow_schema(file.schema_arrow)
        rows = next(file.iter_batches(ROWS)).to_pylist()
    kinds = {n: "dict" if isinstance(of, dict) else kind_of(of).split(" of ")[0] for n, of in features.items()}
    cells = [[_value(row[name], feature) for name, feature in features.items()] for row in rows]
    return {"columns": list(kinds.items()), "rows": cells}  # kinds in the words of the Hub's viewer


def _data_uri(content: bytes, name: str) -> str:
    return f"data:{mimetypes.guess_type(name)[0] or 'image/png'};base64,{base64.b64encode(content).decode('ascii')}"


def _value(value: Any, feature: Any) -> str:
    if isinstance(feature, datasets.ClassLabel) and value is not None and value >= 0:
        return f"{value} ({feature.int2str(value)})"
    if isinstance(feature, datasets.Image) and value and value["bytes"]:
        return Markup('<img alt="" src="{}">').format(_data_uri(value["bytes"], value["path"] or ""))
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
