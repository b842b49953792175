"""A repository as one HTML page, much as the Hub shows it: tags, first rows, and the card with its pictures."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
from collections.abc import Iterable
from html import escape
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import unquote, urlsplit

import datasets
import pyarrow.parquet
from markdown_it import MarkdownIt
from markdown_it.token import Token

from publisher.card.record import CARD, PublishedCard, name_of, read_card
from publisher.errors import UsageError

PAGE = Template(Path(__file__).with_name("preview.html").read_text(encoding="utf-8"))
MARK = '<meta name="generator" content="publisher.preview">'  # by it a later run knows what it may replace
IMAGE = re.compile(r"""(<img\b[^>]*?\bsrc=)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)  # in a card's own HTML
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
    markdown.add_render_rule("table_open", lambda *_: '<div class="table"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = markdown.parse(card.prose)
    _name_headings(tokens)
    _embed_images(tokens, folder)
    prose = markdown.renderer.render(tokens, markdown.options, {})
    tags, rows = tag_list(card), first_rows(card, folder)
    return PAGE.substitute(mark=MARK, title=escape(title), tags=tags, rows=rows, prose=prose)


def check_preview(path: Path) -> None:
    """Refuse any path but a new file or an earlier page."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give a file in it, such as {path / 'card.html'}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--preview {path} is not allowed: give a file that ends in .html")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{path} was not written by this command: move it, or give a new file")


def write_preview(page: str, path: Path) -> int:
    """Write a page as a whole or not at all, and return its size in bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(page, encoding="utf-8", newline="\n")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.stat().st_size


def _name_headings(tokens: list[Token]) -> None:
    """Give each heading the name that links lead to, as GitHub and the Hub do."""
    used: dict[str, int] = {}
    for opening, text in pairwise(tokens):
        if opening.type == "heading_open":
            name = re.sub(r"[^\w\- ]", "", text.content.lower()).replace(" ", "-")
            used[name] = used.get(name, -1) + 1
            opening.attrSet("id", f"{name}-{used[name]}" if used[name] else name)


def _embed_images(tokens: Iterable[Token], folder: Path) -> None:
    for token in tokens:
        if token.type == "image":
            token.attrSet("src", _embedded(str(token.attrGet("src")), folder))
        elif token.type in ("html_block", "html_inline"):
            token.content = IMAGE.sub(
                lambda found: f"{found[1]}{found[2]}{_embedded(found[3], folder)}{found[2]}", token.content
            )
        _embed_images(token.children or [], folder)


def _embedded(link: str, folder: Path) -> str:
    """Return a link to a file of the repository as its bytes, any other as it is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return link
    path = folder / unquote(parts.path).lstrip("/")
    if not path.is_file():
        raise UsageError(f"the card shows {link}, which is not in the repository: mend the link or add the file")
    return data_uri(path.read_bytes(), path.name, otherwise="application/octet-stream")


def tag_list(card: PublishedCard) -> str:
    """Return the metadata as the Hub's tags, including the papers that the card links to."""
    groups = {label: list(map(str, _listed(card.metadata.get(field)))) for field, label in TAGS.items()}
    groups["Tasks"] = [task.replace("-", " ").title() for task in groups["Tasks"]]
    groups["Size"] = [re.sub(r"n([<>])", r"\1 ", size.replace("<n<", " - ")) for size in groups["Size"]]
    groups["ArXiv"] += [f"arxiv:{paper}" for paper in dict.fromkeys(ARXIV.findall(card.prose))]
    listed = {label: "".join(f"<dd>{escape(value)}</dd>" for value in values) for label, values in groups.items()}
    shown = "".join(f"<div><dt>{label}:</dt>{values}</div>\n" for label, values in listed.items() if values)
    return f"<dl>\n{shown}</dl>\n"


def first_rows(card: PublishedCard, folder: Path) -> str:
    """Return the first rows of each split whose files exist; the first split is open."""
    shown = ""
    infos = {name_of(info): info for info in card.entries("dataset_info")}
    for config in card.entries("configs"):
        name = config["config_name"]
        counts = {split["name"]: split["num_examples"] for split in infos.get(name, {}).get("splits") or ()}
        for place, split in enumerate(_listed(config.get("data_files"))):
            opened = " open" if place == 0 and (config.get("default") or len(infos) < 2) else ""
            rows = f"{counts[split['split']]:,} rows" if split["split"] in counts else ""
            summary = f"<b>{escape(name)}</b> · {escape(split['split'])} · {rows}"
            files = sorted(path for pattern in _listed(split["path"]) for path in folder.glob(pattern))
            table = _table(files[0]) if files else "<p>The rows do not exist yet.</p>"
            shown += f'<details name="viewer"{opened}><summary>{summary}</summary>{table}</details>\n'
    return shown


def data_uri(content: bytes, name: str, otherwise: str) -> str:
    """Return a file's content as an address of the type that its name says."""
    kind = mimetypes.guess_type(name)[0] or otherwise
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _table(path: Path) -> str:
    with pyarrow.parquet.ParquetFile(path) as file:
        features = datasets.Features.from_arrow_schema(file.schema_arrow)
        batch = next(file.iter_batches(ROWS), None)
    head = "".join(f"<th>{escape(name)}<small>{_kind(feature)}</small></th>" for name, feature in features.items())
    body = "".join(
        "<tr>" + "".join(f"<td>{_value(row[name], feature)}</td>" for name, feature in features.items()) + "</tr>\n"
        for row in (batch.to_pylist() if batch else [])
    )
    return f'<div class="rows"><table>\n<tr>{head}</tr>\n{body}</table></div>'


def _kind(feature: Any) -> str:
    """Return the type of a column in the words of the Hub's viewer."""
    if isinstance(feature, datasets.Value):
        return str(feature.dtype)
    words = {dict: "dict", datasets.ClassLabel: "class label", datasets.Image: "image", datasets.Audio: "audio"}
    return words.get(type(feature), "list")


def _value(value: Any, feature: Any) -> str:
    if isinstance(feature, datasets.ClassLabel) and value is not None and value >= 0:
        return escape(f"{value} ({feature.int2str(value)})")
    if isinstance(feature, datasets.Image) and value and value["bytes"]:
        return f'<img alt="" src="{data_uri(value["bytes"], value["path"] or "", otherwise="image/png")}">'
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return escape(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
