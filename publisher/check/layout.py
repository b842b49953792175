"""Which files of a repository `load_dataset` reads in which config and split, and which it should not find."""

from __future__ import annotations

import glob
import posixpath
import re
import reprlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from publisher.card.record import CARD, PublishedCard
from publisher.prepare.datasets_compat import (
    EmptyDatasetError,
    get_data_patterns,
    resolve_pattern,
    sanitize_patterns,
)
from publisher.prepare.parquet import file_names

PATTERNS, STARS = 1000, 8  # that are looked for: of a card, and in one pattern
Layout = dict[str, dict[str, list[str]]]  # config -> split -> paths
SHARD = re.compile(r"(?P<stem>.*)-(?P<index>\d{5})-of-(?P<count>\d{5})\.parquet")


def list_files(folder: Path, recorded: Collection[str] = ()) -> list[str]:
    """Paths of all files that are not hidden, or are recorded nevertheless, with forward slashes."""
    paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in paths if path in recorded or not f"/{path}".count("/."))


def find_layout(folder: Path, card: PublishedCard) -> tuple[Layout, list[str]]:
    """What the card's `configs` point at, or what `datasets` finds without them; and patterns that point at nothing."""
    layout: Layout = {}
    findings: list[str] = []
    looked_for = 0
    for entry in card.entries("configs") or [{"config_name": "default"}]:
        name = entry.get("config_name")
        if not isinstance(name, str) or name in layout:
            continue  # said elsewhere
        layout[name] = {}
        within = str(entry.get("data_dir") or "")
        if _leads_out(within):
            findings.append(
                f"{CARD}: config {name}: data_dir {reprlib.repr(within)} leads out of the repository: not checked"
            )
            continue
        base = posixpath.join(glob.escape(folder.resolve().as_posix()), within)
        given = entry.get("data_files")
        try:
            # without `data_files`, those that `datasets` looks for itself
            patterns = sanitize_patterns(given) if given else get_data_patterns(base)
        except (ValueError, TypeError, KeyError) as error:
            findings.append(f"{CARD}: config {name}: data_files is not as it should be: {' '.join(str(error).split())}")
            continue
        except EmptyDatasetError:
            findings.append(f"config {name}: there are no data files")
            continue
        for split, of_split in patterns.items():
            paths: list[str] = []
            for pattern in map(str, of_split):
                looked_for += 1
                if why := _not_looked_for(pattern, looked_for):
                    findings.append(f"{CARD}: config {name}: {reprlib.repr(pattern)} {why}: not checked")
                    continue
                matched = _match(pattern, base, folder)
                taken = set(paths)
                paths += [path for path in matched if path not in taken and (given or path.endswith(".parquet"))]
                if given and not matched:  # those of `datasets` try many names
                    findings.append(f"{CARD}: config {name}, split {split}: {pattern!r} matches no file")
            layout[name][split] = paths
    return layout, findings


def _leads_out(path: str) -> bool:
    return "://" in path or path.startswith("/") or ".." in path.split("/")


def _not_looked_for(pattern: str, place: int) -> str | None:
    if _leads_out(pattern):
        return "leads out of the repository"
    if pattern.count("*") > STARS:
        return f"has more than {STARS} stars"
    return f"comes after {PATTERNS:,} other patterns" if place > PATTERNS else None


def _match(pattern: str, base: str, folder: Path) -> list[str]:
    """Paths in the repository."""
    try:
        found = resolve_pattern(pattern, base_path=base)
    except (FileNotFoundError, ValueError):  # no file, no pattern
        return []
    return sorted(posixpath.relpath(path, folder.resolve().as_posix()) for path in found)


def check_splits(layout: Layout) -> Iterator[str]:
    """Files that are read in more than one split of a config."""
    for config, splits in layout.items():
        read_in = defaultdict(list)
        for split, paths in splits.items():
            for path in paths:
                read_in[path].append(split)
        for path, names in read_in.items():
            if len(names) > 1:
                yield f"config {config}: {path} is read in the splits {' and '.join(names)}"


def check_unread(layout: Layout, files: Collection[str]) -> Iterator[str]:
    """Files beside those of a config that no config reads; at the top, where the card lies, only Parquet files."""
    read = {path for splits in layout.values() for paths in splits.values() for path in paths}
    folders = {posixpath.dirname(path) for path in read}
    for path in files:
        if path in read or posixpath.dirname(path) not in folders:
            continue
        if posixpath.dirname(path) or path.endswith(".parquet"):
            yield f"{path} lies beside the files of a config, and no pattern of the card matches it"


def check_shards(files: Collection[str], known_as_missing: Collection[str] = ()) -> Iterator[str]:
    """Files of a split that is stored in several, of which some are missing or were left from another time."""
    counts = defaultdict(set)
    known = {*files, *known_as_missing}
    for path in files:
        if found := SHARD.fullmatch(path):
            counts[found["stem"]].add(int(found["count"]))
    for stem, of_stem in counts.items():
        if len(of_stem) > 1:
            numbers = " and as ".join(map(str, sorted(of_stem)))
            yield f"{stem}-*.parquet is there as {numbers} files: remove those that are left from another time"
            continue
        folder, split = posixpath.split(stem)
        for name in file_names(split, *of_stem):
            path = posixpath.join(folder, name)
            if path not in known:
                yield f"{path} is missing, and other files of its split are there"


def check_scripts(files: Collection[str], names: Collection[str]) -> Iterator[str]:
    """A script of the repository's own name, which `load_dataset` from 4.0 on refuses."""
    for name in dict.fromkeys(names):
        if f"{name}.py" in files:
            yield f"{name}.py is a script of the dataset's own name: load_dataset from 4.0 on refuses it, so remove it"
