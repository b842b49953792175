"""`validate`: checks of any repository with Parquet files, in a folder or on the Hub; nothing is changed."""

from __future__ import annotations

import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.card import SIZE_CATEGORIES, size_category
from publisher.card.record import CARD, CARD_BYTES, RECORD, PublishedCard, Record, name_of, read_card
from publisher.check import layout, parquet
from publisher.errors import HubError, UsageError, clean, one_line
from publisher.hub.repository import Repository
from publisher.options import MAIN, check_repo_id
from publisher.prepare import features_from_card, file_digest
from publisher.prepare.datasets_compat import flat
from publisher.prepare.parquet import digest_of_rows
from publisher.prepare.rows import arrow_bytes, row_digests

LENGTH = 1000  # characters of a finding
ESTIMATE = 0.1  # `push_to_hub` of `datasets` estimates num_bytes of a selection of rows by their share


@dataclass(frozen=True)
class Report:
    """Findings, and what was checked."""

    findings: list[str]  # one sentence each
    configs: list[str]
    files: list[str]  # the Parquet files
    commit: str | None = None  # on the Hub


def validate(source: str | Path, revision: str | None = None) -> list[str]:
    """Check a repository.

    Parameters
    ----------
    source : str or Path
        A folder, or `namespace/name` on the Hub; a folder that exists wins.
    revision : str, optional
        Branch, tag or commit on the Hub; by default `main`.

    Returns
    -------
    list of str
        One sentence for each finding; empty if there is none.

    Raises
    ------
    UsageError
        If there is no such folder, repository name or revision.
    HubError
        If the Hub refuses or cannot be reached.
    """
    return examine(source, revision).findings


def examine(source: str | Path, revision: str | None = None) -> Report:
    """Return the findings of `validate`, and what was checked."""
    if not str(source):
        raise UsageError("SOURCE is empty. Give a folder, or namespace/name on the Hub.")
    folder = Path(source)
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{source} is a folder: --revision counts only on the Hub.")
        return _examine_folder(folder, folder.resolve().name)
    if folder.exists():
        raise UsageError(f"{source} is a file. Give a folder, or namespace/name on the Hub.")
    try:
        check_repo_id("SOURCE", str(source))
    except UsageError as error:
        raise UsageError(f"{error} There is no such folder either.") from None
    repository = Repository(str(source))
    state = repository.find(revision or MAIN)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it.")
    with tempfile.TemporaryDirectory() as work:
        repository.download(state, Path(work))
        return _examine_folder(Path(work), str(source).rpartition("/")[2], repository, state.commit)


class _Rows:
    """The rows of a config while its tables come one by one: their sums, and those that are in more than one split."""

    def __init__(self, splits: Collection[str], features: Mapping[str, Any]) -> None:
        # split -> rows; Arrow bytes, without and with the bitmaps of nulls, which depend on the writer; bytes of files
        self.sums = {split: Counter(rows=0, low=0, high=0, size=0) for split in splits}
        self.features = features
        self.first: dict[bytes, tuple[str, int]] = {}  # split and index of a row in it
        self.repeated: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def add(self, split: str, table: pa.Table) -> None:
        """Take the next rows of a split."""
        total = self.sums[split]
        if len(self.sums) > 1:
            for index, digest in enumerate(row_digests(table, self.features), total["rows"]):
                other, first = self.first.setdefault(digest, (split, index))
                if other != split:
                    self.repeated[other, split].append((first, index))
        low, high = (sum(arrow_bytes(column, bitmaps) for column in table.columns) for bitmaps in (0, 2))
        total.update(rows=len(table), low=low, high=high)

    def check_repeats(self, config: str) -> Iterator[str]:
        """Yield one sentence for each pair of splits that have rows in common."""
        for (one, other), [(first, index), *more] in self.repeated.items():
            rows = f"{1 + len(more):,} rows are" if more else "1 row is"
            example = f"row {first} of {one}, which is row {index} of {other} (counted from 0)"
            yield f"config {config}: {rows} in split {one} and in split {other}: such as {example}"


def _examine_folder(folder: Path, name: str, repository: Repository | None = None, commit: str | None = None) -> Report:
    """Check a folder, or the copy of a commit; no script in it may have the `name` of the dataset."""
    findings: list[str] = []
    text, record = _read_text(folder, CARD, findings), _read_text(folder, RECORD, findings)
    card = read_card(text, record)
    paths = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    files = dict.fromkeys(path for path in paths if path in card.record.files or "/." not in f"/{path}")
    configs: layout.Layout = {}
    of_patterns = list(layout.find_layout(folder, card, configs))
    read = dict.fromkeys(path for splits in configs.values() for paths in splits.values() for path in paths)
    damaged: set[str] = set()
    findings += card.faults
    if repository and card.metadata and text is not None:
        findings += repository.faults_of_card(text)
    findings += [*layout.check_yaml(card, configs), *layout.check_links(card.prose, files), *of_patterns]
    findings += _check_rows(folder, card, configs, damaged)
    findings += _check_record(folder, card.record, files, damaged)
    builders = [str(config.provenance.get("builder")) for config in card.record.configs.values()]
    findings += layout.check_names(read, files, card.record.files, [name, *builders])
    return Report([clean(finding, LENGTH) for finding in findings], list(configs), list(read), commit)


def _read_text(folder: Path, name: str, findings: list[str]) -> str | None:
    path = folder / name
    if not path.is_file():
        findings += [f"{CARD} is missing: the repository has no card"] if name == CARD else []
        return None
    if (size := path.stat().st_size) > CARD_BYTES:
        findings.append(f"{name} has {size:,} bytes, more than the {CARD_BYTES:,} that are read")
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        findings.append(f"{name} is not UTF-8: {error}")
        return path.read_text(encoding="utf-8", errors="replace")


def _check_rows(folder: Path, card: PublishedCard, configs: layout.Layout, damaged: set[str]) -> Iterator[str]:
    """Read all files of all configs; those that cannot be read are added to `damaged`."""
    counts = []
    for config, splits in configs.items():
        where = f"{CARD}: dataset_info of config {config}"
        info = next((entry for entry in card.entries("dataset_info") if name_of(entry) == config), {})
        features = None
        try:
            if "features" in info:
                read = features_from_card(info["features"])
                features = read.arrow_schema and read  # the first fails for an unknown type
        except Exception as error:  # whatever a hand-written list leads to
            yield f"{where}: features cannot be read: {one_line(error)}"
        rows = _Rows(splits, features or {})
        for split, path in ((split, path) for split, paths in splits.items() for path in paths):
            try:
                yield from parquet.check_file(folder / path, path, features, partial(rows.add, split))
                rows.sums[split]["size"] += (folder / path).stat().st_size
            except parquet.DamagedError as error:
                if path not in damaged:
                    yield str(error)
                damaged.add(path)
        yield from rows.check_repeats(config)
        partly = {name for name, of in splits.items() if not of or damaged & {*of} or any(layout.check_shards(of))}
        yield from _check_info(where, info, rows.sums, partly, 0 if config in card.record.configs else ESTIMATE)
        counts.append(-1 if partly else sum(split["rows"] for split in rows.sums.values()))
    fitting = dict.fromkeys(map(size_category, [*counts, sum(counts)]))
    for name in flat(card.metadata.get("size_categories")) if counts and min(counts) >= 0 else ():
        if name in SIZE_CATEGORIES and name not in fitting:  # else the Hub has to judge
            has = f"and the files have {sum(counts):,} rows: {' or '.join(fitting)}"
            yield f"{CARD}: size_categories is {name!r}, {has}"


def _check_info(
    where: str, info: Mapping[str, Any], sums: Mapping[str, Counter[str]], partly: Collection[str], estimate: float
) -> Iterator[str]:
    """Compare splits, rows and sizes with an entry of `dataset_info`; splits that are `partly` read have no numbers."""
    listed = info.get("splits")
    entries = listed if isinstance(listed, list) else []
    splits: dict[str, Any] = {str(entry.get("name")): entry for entry in entries if isinstance(entry, dict)}
    for name in {**splits, **sums} if listed is not None else ():
        if name not in sums:
            yield f"{where} has a split {name!r} that configs does not have: {', '.join(sums) or 'there is none'}"
        elif name not in splits:
            yield f"{where} has no split {name!r}, which configs has"
    places = [(f"{where}, split {name}", splits.get(name, {}), of) for name, of in sums.items() if name not in partly]
    places += [] if partly else [(where, info, sum(sums.values(), Counter()))]
    for place, said, of in places:
        low, high = math.floor(of["low"] * (1 - estimate)), math.ceil(of["high"] * (1 + estimate))
        for name, least, most, words in (
            ("num_examples", of["rows"], of["rows"], f"the files have {of['rows']} rows"),
            ("num_bytes", low, high, f"the rows take {of['low']} Arrow bytes"),
            ("dataset_size", low, high, f"the rows take {of['low']} Arrow bytes"),
            ("download_size", of["size"], of["size"], f"the files have {of['size']} bytes"),
        ):
            number = said.get(name, least)
            if not (isinstance(number, int | float) and least <= number <= most):
                yield f"{place}: {name} is {number}, and {words}"


def _check_record(folder: Path, record: Record, files: Collection[str], damaged: Collection[str]) -> Iterator[str]:
    """Compare the files that the record lists: all there, and unchanged."""
    rows = {path: sha256 for config in record.configs.values() for path, sha256 in config.rows_sha256.items()}
    for path, wanted in record.files.items():
        if path not in files:
            yield f"{path} is missing, and is in the record"
        elif path not in damaged and (found := file_digest(folder / path)) != wanted:
            with suppress(Exception):  # whatever a foreign footer leads to
                features = datasets.Features.from_arrow_schema(pq.read_schema(folder / path))
                if path in rows and digest_of_rows(folder / path, features) == rows[path]:
                    wanted += ": the same rows in other bytes"
            yield f"{path} has the SHA-256 {found}, and the record says {wanted}"
