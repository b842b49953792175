"""Links and pictures of a card's prose: those that lead into the repository lead to a file that is there."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

from publisher.card.record import CARD

PROSE = 200_000  # characters that Markdown is read in at most
PAGES = re.compile(r"\A(?:blob|raw|resolve|tree)/main(?:/|\Z)")  # how the Hub's pages show what is in a repository


class Reference(NamedTuple):
    """A link or a picture."""

    options: str
    alt: str | None  # of a picture; None for a link


def references(prose: str) -> list[Reference]:
    """Links and pictures of a text in Markdown and HTML, without those in code and comments.

    Examples
    --------
    >>> references('[a](b.md) ![c](d.png) `![e](f.png)` <img src="g.png">')
    [Reference(options='b.md', alt=None), Reference(options='d.png', alt='c'), Reference(options='g.png', alt='')]
    """
    found: list[Reference] = []
    for block in MarkdownIt("commonmark").enable("table").parse(prose):
        for token in block.children or [block]:
            if token.type == "link_open":
                found.append(Reference(str(token.attrGet("href")), None))
            elif token.type == "image":
                found.append(Reference(str(token.attrGet("src")), token.content))
            elif token.type in ("html_inline", "html_block"):
                page = _Page()
                page.feed(token.content)
                found.extend(page.found)
    return found


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Reference] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag refers to."""
        given = dict(attrs)
        if tag == "img":
            self.found.append(Reference(given.get("src") or "", given.get("alt") or ""))
        elif tag == "a" and given.get("href"):
            self.found.append(Reference(given["href"] or "", None))
        elif tag in ("source", "video", "audio"):
            listed = [item.split()[0] for item in (given.get("srcset") or "").split(",") if item.strip()]
            self.found.extend(Reference(options, None) for options in [given.get("src"), *listed] if options)


def check_links(prose: str, files: Collection[str]) -> Iterator[str]:
    """Pictures that are missing or say nothing to those who do not see them, and links to files that are missing."""
    if len(prose) > PROSE:
        yield f"{CARD}: the prose has {len(prose):,} characters, more than {PROSE:,}: its links are not checked"
        return
    folders = {path[:end] for path in files for end, letter in enumerate(path) if letter == "/"}
    for options, alt in dict.fromkeys(references(prose)):
        kind = "link" if alt is None else "picture"
        if alt is not None and not alt.strip():
            yield f"{CARD}: the picture {options!r} has no alternative text"
        path = _path(options)
        if not options:
            yield f"{CARD}: a {kind} leads nowhere"
        elif path is not None and path not in files and path not in folders and path != ".":
            yield f"{CARD}: the {kind} {options!r} leads to no file of the repository"


def _path(options: str) -> str | None:
    """Path in the repository, or None for what lies elsewhere."""
    try:
        url = urlsplit(options)
    except ValueError:  # such as http://[
        return None
    if url.scheme or url.netloc or url.path.startswith("/") or not url.path:
        return None
    return posixpath.normpath(PAGES.sub("", unquote(url.path)) or ".")
