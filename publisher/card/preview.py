"""A repository as one HTML page, much as the Hub shows it: tags, first rows, and the card with its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

from publisher.card.record import CARD, read_card
from publisher.card.viewer import data_uri, first_rows, tag_list
from publisher.errors import UsageError

MARK = '<meta name="generator" content="publisher.preview">'  # by it a later run knows what it may replace
IMAGE = re.compile(r"""(<img\b[^>]*?\bsrc=)(["'])(.*?)\2""", re.IGNORECASE | re.DOTALL)  # in a card's own HTML
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{mark}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data: https:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p>Datasets: <b>{title}</b> <span>preview</span></p>
{tags}</header>
<main>
{rows}{prose}</main>
</body>
</html>
"""
STYLE = """\
:root { --page: #fff; --text: #374151; --strong: #111827; --line: #e5e7eb; --code: #f3f4f6; --link: #2563eb; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0b0f19; --text: #d1d5db; --strong: #f9fafb; --line: #2b3140; --code: #141a26; --link: #93b4fd; }
}
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.6 "Source Sans 3", "Source Sans Pro",
  "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
header, main { max-width: 800px; margin: 0 auto; padding: 16px; }
header { padding-bottom: 0; }
header p { margin: 0 0 8px; }
header b { font-size: 18px; color: var(--strong); }
header span { font-size: 14px; opacity: 0.75; }
dl { display: flex; flex-wrap: wrap; gap: 8px 16px; margin: 0; font-size: 14px; }
dl div { display: flex; flex-wrap: wrap; gap: 6px; align-items: baseline; }
dt { opacity: 0.75; }
dd { margin: 0; padding: 0 10px; border: 1px solid var(--line); border-radius: 999px; }
details { border: 1px solid var(--line); border-radius: 8px; padding: 6px 12px; margin: 6px 0; }
summary { cursor: pointer; font-size: 14px; }
.rows { overflow: auto; max-height: 330px; margin: 6px 0; }
.rows table { font-size: 13px; margin: 0; min-width: 100%; }
.rows th { position: sticky; top: 0; background: var(--page); }
.rows small { display: block; font-weight: normal; opacity: 0.75; }
.rows td { font-family: "IBM Plex Mono", Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
.rows img { max-height: 80px; image-rendering: pixelated; }
h1, h2, h3, h4 { color: var(--strong); line-height: 1.25; margin: 1.6em 0 0.6em; }
h1 { font-size: 30px; margin-top: 0.8em; }
h2 { font-size: 24px; padding-bottom: 6px; border-bottom: 1px solid var(--line); }
a { color: var(--link); }
img { max-width: 100%; height: auto; display: block; border-radius: 6px; }
code, pre { font: 0.875em/1.5 "IBM Plex Mono", "SFMono-Regular", Consolas, "DejaVu Sans Mono", monospace; }
code { background: var(--code); border-radius: 4px; padding: 1px 5px; overflow-wrap: break-word; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; }
pre { overflow-x: auto; }
pre code { background: none; padding: 0; font-size: 1em; overflow-wrap: normal; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; margin: 0.5em 0; }
th, td { border: 1px solid var(--line); padding: 6px 12px; text-align: left; vertical-align: top; }
th { color: var(--strong); }
blockquote { margin: 1em 0; padding-left: 16px; border-left: 4px solid var(--line); }
"""


def render(folder: Path, title: str) -> str:
    """The page of the repository in a folder.

    Parameters
    ----------
    folder : Path
        Holds README.md, what it links to and, if they are drawn, the Parquet files.
    title : str

    Returns
    -------
    str
        HTML that needs no other file.

    Raises
    ------
    UsageError
        If a picture of the card is not in the folder.

    Notes
    -----
    The Markdown is CommonMark with GitHub's tables and strikethrough: https://github.github.com/gfm. The Hub's viewer
    shows a hundred rows to a page, and statistics of each column; here are the first ten.
    """
    card = read_card((folder / CARD).read_text(encoding="utf-8"))
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.add_render_rule("table_open", lambda *_: '<div class="table"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = markdown.parse(card.prose)
    _name_headings(tokens)
    _embed_images(tokens, folder)
    prose = markdown.renderer.render(tokens, markdown.options, {})
    tags, rows = tag_list(card), first_rows(card, folder)
    return PAGE.format(mark=MARK, title=escape(title), style=STYLE, tags=tags, rows=rows, prose=prose)


def check_preview(path: Path) -> None:
    """Refuse a place that a page cannot or may not be written to.

    Raises
    ------
    UsageError
        If it is anything but a new file or an earlier page.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give a file in it, such as {path / 'card.html'}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"--preview {path} is not allowed: give a file that ends in .html")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{path} was not written by this command: move it, or give a new file")


def write_preview(page: str, path: Path) -> int:
    """Write a page as a whole or not at all, and give its size in bytes."""
    check_preview(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(page, encoding="utf-8", newline="\n")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
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
    """A link to a file of the repository as its bytes; any other as it is."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return link
    path = folder / unquote(parts.path).lstrip("/")
    if not path.is_file():
        raise UsageError(f"the card shows {link}, which is not in the repository: mend the link or add the file")
    return data_uri(path.read_bytes(), path.name, otherwise="application/octet-stream")
