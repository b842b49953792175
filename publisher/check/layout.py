"""Checks of a card and of the repository's files by their names: YAML, links, and which files `load_dataset` reads."""

from __future__ import annotations

import glob
import posixpath
import re
import reprlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from markdown_it import MarkdownIt

from publisher.card.record import CARD, PublishedCard, Record, name_of
from publisher.prepare.configs import SPLIT
from publisher.prepare.datasets_compat import EmptyDatasetError, get_data_patterns, resolve_pattern, sanitize_patterns
from publisher.prepare.parquet import file_names

STARS = 8  # of a pattern that is looked up
PROSE = 200_000  # characters of Markdown that are read
ELSEWHERE = re.compile(r"[a-zA-Z][\w+.-]*:|[/?#]")  # a link to another place, or in the card itself
PAGES = re.compile(r"\A(?:blob|raw|resolve|tree)/main(?:/|\Z)")  # as links lead to the Hub's own pages
SHARD = re.compile(r"(?P<stem>.*)-(?P<index>\d{5})-of-(?P<count>\d{5})\.parquet")
Layout = dict[str, dict[str, list[str]]]  # config -> split -> paths


def find_layout(folder: Path, card: PublishedCard, layout: Layout) -> Iterator[str]:
    """Add the files of each config, by the card or as `datasets` finds them; yield what is wrong with `configs`."""
    root = folder.resolve().as_posix()
    entries = card.entries("configs") or [{"config_name": "default"}]
    for name, entry in {name: entry for entry in entries if (name := name_of(entry))}.items():
        where, given, within = f"{CARD}: config {name}", entry.get("data_files"), str(entry.get("data_dir") or "")
        layout[name] = {}
        if _leads_out(within):
            yield f"{where}: data_dir {reprlib.repr(within)} leads out of the repository"
            continue
        base = posixpath.join(glob.escape(root), within)
        try:
            patterns = sanitize_patterns(given) if given else get_data_patterns(base)
        except (ValueError, TypeError, KeyError) as error:
            yield f"{where}: data_files is not as it should be: {error}"
            continue
        except EmptyDatasetError:
            yield f"config {name}: there are no data files"
            continue
        for split, of_split in patterns.items():
            if not SPLIT.fullmatch(str(split)):
                yield f"{where} has a split {reprlib.repr(split)}: its name may have letters, digits, _ and . only"
            paths: dict[str, None] = {}
            for pattern in map(str, of_split):
                matched: list[str] = []
                if _leads_out(pattern):
                    yield f"{where}: {reprlib.repr(pattern)} leads out of the repository"
                elif pattern.count("*") > STARS:
                    yield f"{where}: {reprlib.repr(pattern)} is not checked: it has more than {STARS} stars"
                else:
                    with suppress(FileNotFoundError, ValueError):  # nothing matches, or it is not a pattern
                        matched = sorted(posixpath.relpath(path, root) for path in resolve_pattern(pattern, base))
                    if given and not matched:  # the patterns of `datasets` itself try many names
                        yield f"{where}, split {split}: {pattern!r} matches no file"
                paths |= dict.fromkeys(path for path in matched if given or path.endswith(".parquet"))
            layout[name][str(split)] = list(paths)


def _leads_out(path: str) -> bool:
    return "://" in path or path.startswith("/") or ".." in path.split("/")


def check_names(read: Collection[str], files: Collection[str], record: Record, name: str) -> Iterator[str]:
    """Find files that no config reads, shards that are missing or left over, and scripts with the dataset's `name`."""
    folders = {posixpath.dirname(path) for path in read}
    for path in files:
        folder = posixpath.dirname(path)
        if path not in read and folder in folders and (folder or path.endswith(".parquet")):
            yield f"{path} lies in the folder of a config, and no pattern of the card matches it"
    yield from check_shards(files, record.files)
    builders = [config.provenance.get("builder") for config in record.configs.values()]
    for script in dict.fromkeys(f"{of}.py" for of in (name, *builders)):
        if script in files:
            yield f"{script} is a script of the dataset's own name: load_dataset from 4.0 on refuses it, so remove it"


def check_shards(files: Collection[str], recorded: Collection[str] = ()) -> Iterator[str]:
    """Find splits in several files of which some are missing, unless that is known from the record, or left over."""
    counts = defaultdict(set)
    for path in files:
        if found := SHARD.fullmatch(path):
            counts[found["stem"]].add(int(found["count"]))
    known = {*files, *recorded}
    for stem, of_stem in counts.items():
        if len(of_stem) > 1:
            numbers = " and as ".join(map(str, sorted(of_stem)))
            yield f"{stem}-*.parquet exists as {numbers} files: remove the older ones"
            continue
        folder, split = posixpath.split(stem)
        for name in file_names(split, *of_stem):
            if (path := posixpath.join(folder, name)) not in known:
                yield f"{path} is missing, and other files of its split exist"


def check_yaml(card: PublishedCard) -> Iterator[str]:
    """Check the card's YAML as far as rules for it do not age: fields and their values are for the Hub to judge."""
    metadata = card.metadata
    for key, value in metadata.items():
        if value is None:
            yield f"{CARD}: the field {reprlib.repr(key)} is empty: give it a value or leave it out"
    if metadata and "license" not in metadata:
        yield f"{CARD}: the field 'license' is missing, so the Hub shows no licence"
    for field, words in {"configs": "a list of mappings", "dataset_info": "a mapping or a list of mappings"}.items():
        value, entries = metadata.get(field), card.entries(field)
        if value is not None and len(entries) != (len(value) if isinstance(value, list) else 1):
            yield f"{CARD}: the field {field!r} must be {words}, and is {reprlib.repr(value)}"
        for config, times in Counter(map(name_of, entries)).items():
            if config and times > 1:
                yield f"{CARD}: {field} has {config!r} {times} times"
    for index, entry in enumerate(card.entries("configs")):
        if not name_of(entry):
            yield f"{CARD}: configs[{index}] has no config_name"
    defaults = {name: entry.get("default", False) for entry in card.entries("configs") if (name := name_of(entry))}
    for name, default in defaults.items():
        if not isinstance(default, bool):
            yield f"{CARD}: config {name}: default must be true or false, and is {reprlib.repr(default)}"
    # `datasets` takes a config of this name as the default one
    if len(chosen := [name for name, default in defaults.items() if default or name == "default"]) > 1:
        yield f"{CARD}: {' and '.join(chosen)} are all default configs, and there can be only one"


class _References(HTMLParser):
    """Targets and alternative texts, None for links, of a text's links and pictures, not in code or comments."""

    def __init__(self, prose: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str | None]] = []
        self.feed(MarkdownIt("commonmark").enable("table").render(prose))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {"src": ""} if tag == "img" else {}
        given |= {name: value or "" for name, value in attrs}
        if tag in ("img", "a", "source", "video", "audio"):
            targets = [item.split()[0] for item in given.get("srcset", "").split(",") if item.strip()]
            targets += [given[name] for name in ("href", "src") if name in given]
            self.found += [(target, given.get("alt", "") if tag == "img" else None) for target in targets]


def check_links(prose: str, files: Collection[str]) -> Iterator[str]:
    """Find pictures that are missing or have no alternative text, and links to files that are missing."""
    if len(prose) > PROSE:
        yield f"{CARD}: the prose has {len(prose):,} characters, more than {PROSE:,}: its links are not checked"
        return
    known = {".", *files, *(path[:end] for path in files for end, letter in enumerate(path) if letter == "/")}
    for target, alt in dict.fromkeys(_References(prose).found):
        kind = "link" if alt is None else "picture"
        if alt is not None and not alt.strip():
            yield f"{CARD}: the picture {target!r} has no alternative text"
        path = posixpath.normpath(PAGES.sub("", unquote(re.split(r"[?#]", target)[0])) or ".")
        if not target:
            yield f"{CARD}: a {kind} leads nowhere"
        elif not ELSEWHERE.match(target) and path not in known:
            yield f"{CARD}: the {kind} {target!r} leads to no file of the repository"
