"""`validate`: checks of any repository with Parquet files, in a folder or on the Hub; nothing is changed."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from publisher.card import SIZE_CATEGORIES, size_category
from publisher.card.record import CARD, CARD_BYTES, RECORD, ConfigRecord, PublishedCard, name_of, read_card
from publisher.check import file_finding, layout, parquet
from publisher.errors import HubError, UsageError
from publisher.hub.repository import Repository
from publisher.options import MAIN, check_repo_id
from publisher.prepare import features_from_card, file_digest
from publisher.prepare.rows import RowsDigest, arrow_bytes, row_digests
from publisher.text import one_line

FINDINGS, LENGTH = 1000, 1000  # that are listed at most, and characters of each
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
        raise UsageError("SOURCE is empty: give a folder, or namespace/name on the Hub")
    folder = Path(source)
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{source} is a folder: --revision counts only on the Hub")
        return examine_folder(folder, [folder.resolve().name])
    if folder.exists():
        raise UsageError(f"{source} is a file: give a folder, or namespace/name on the Hub")
    try:
        check_repo_id("SOURCE", str(source))
    except UsageError as error:
        raise UsageError(f"{error} There is no such folder either.") from None
    repository = Repository(str(source))
    state = repository.find(revision or MAIN)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work, "repository")
        copy.mkdir()
        repository.download(state, copy)
        return examine_folder(copy, [str(source).rpartition("/")[2]], repository, state.commit)


@dataclass
class _Split:
    """Sums over the files of a split."""

    digest: RowsDigest | None  # of the rows, if one is recorded
    rows: int = 0
    size: int = 0  # bytes of the files
    low: int = 0  # Arrow bytes, without and with the bitmaps of nulls, which depend on the writer
    high: int = 0
    whole: bool = True  # all of its files could be read

    def add(self, table: pa.Table) -> None:
        """Count the next rows."""
        self.rows += table.num_rows
        for column in table.columns:
            self.low += arrow_bytes(column)
            self.high += arrow_bytes(column, bitmaps=2)  # one has up to a byte more for each batch that was written
        if self.digest:
            self.digest.add(table)


class _Repeats:
    """Finder of the rows of a config that are in more than one split, while its tables come one by one."""

    def __init__(self, features: Mapping[str, Any]) -> None:
        self.features = features
        self.first: dict[bytes, tuple[str, int]] = {}  # split and index of a row in it
        self.found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)

    def add(self, split: str, start: int, table: pa.Table) -> None:
        """Take the next rows of a split, from index `start` on."""
        for index, digest in enumerate(row_digests(table, self.features), start):
            other, first = self.first.setdefault(digest, (split, index))
            if other != split:
                self.found[other, split].append((first, index))

    def findings(self, config: str) -> Iterator[str]:
        """Yield one sentence for each pair of splits that have rows in common."""
        for (one, other), [(first, index), *more] in self.found.items():
            rows = f"{1 + len(more):,} rows are" if more else "1 row is"
            example = f"row {first} of {one}, which is row {index} of {other} (counted from 0)"
            yield f"config {config}: {rows} in split {one} and in split {other}: such as {example}"


@dataclass(frozen=True)
class _Folder:
    path: Path
    files: dict[str, None]
    card: PublishedCard
    damaged: set[str] = field(default_factory=set)  # files that could not be read
    rows_sha256: dict[str, str] = field(default_factory=dict)  # of files for which one is recorded


def examine_folder(
    folder: Path, names: list[str], repository: Repository | None = None, commit: str | None = None
) -> Report:
    """Check a folder, or the copy of a commit; no script in it may have one of the `names`."""
    wrong: list[str] = []
    text, record = _read_text(folder, CARD, wrong), _read_text(folder, RECORD, wrong)
    card = read_card(text, record)
    copy = _Folder(folder, dict.fromkeys(layout.list_files(folder, card.record.files)), card)
    splits, unmatched = layout.find_layout(folder, card)
    read = {path: None for paths in splits.values() for of_split in paths.values() for path in of_split}

    def findings() -> Iterator[str]:
        yield from [*wrong, *card.faults]
        if repository and card.metadata and text is not None:
            yield from repository.faults_of_card(text)
        yield from layout.check_yaml(card)
        yield from layout.check_links(card.prose, copy.files)
        yield from [*unmatched, *layout.check_splits(splits)]
        yield from layout.check_infos(card, splits)
        yield from _check_rows(copy, splits)
        yield from _check_record(copy)
        builders = [str(config.provenance.get("builder")) for config in card.record.configs.values()]
        yield from layout.check_names(splits, copy.files, card.record.files, [*names, *builders])

    lines = (" ".join(finding.split()) for finding in findings())
    found = [line if len(line) <= LENGTH else f"{line[:LENGTH]}..." for line in islice(lines, FINDINGS + 1)]
    if len(found) > FINDINGS:
        found[FINDINGS:] = [f"there are more findings: the first {FINDINGS:,} are listed"]
    return Report(found, list(splits), list(read), commit)


def _read_text(folder: Path, name: str, wrong: list[str]) -> str | None:
    path = folder / name
    if not path.is_file():
        wrong += [f"{CARD} is missing: the repository has no card"] if name == CARD else []
        return None
    if (size := path.stat().st_size) > CARD_BYTES:
        wrong.append(f"{name} has {size:,} bytes, more than the {CARD_BYTES:,} that are read")
        return None
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        wrong.append(f"{name} is not UTF-8: {error}")
        return path.read_text(encoding="utf-8", errors="replace")


def _check_rows(copy: _Folder, splits: layout.Layout) -> Iterator[str]:
    """Read all files of all configs."""
    rows, whole = [], True
    for config, paths in splits.items():
        sums, found = _check_config(copy, config, paths)
        yield from found
        rows.append(sum(split.rows for split in sums.values()))
        whole = whole and all(split.whole for split in sums.values())
    said = copy.card.metadata.get("size_categories")
    fitting = dict.fromkeys(map(size_category, [*rows, sum(rows)]))
    for name in [said] if isinstance(said, str) else said if isinstance(said, list) else []:
        if whole and rows and name in SIZE_CATEGORIES and name not in fitting:  # else the Hub has to judge
            yield f"{CARD}: size_categories is {name!r}, and the files have {sum(rows):,} rows: {' or '.join(fitting)}"


def _check_config(copy: _Folder, config: str, splits: dict[str, list[str]]) -> tuple[dict[str, _Split], list[str]]:
    info = next((entry for entry in copy.card.entries("dataset_info") if name_of(entry) == config), {})
    features, findings = None, []
    try:
        features = features_from_card(info["features"]) if "features" in info else None
        assert features is None or features.arrow_schema  # which fails for an unknown type
    except Exception as error:  # whatever a hand-written list leads to
        features = None
        findings = [f"{CARD}: dataset_info of config {config}: features cannot be read: {one_line(error)}"]
    record = copy.card.record.configs.get(config)
    known = features or datasets.Features()
    repeats = _Repeats(known) if len(splits) > 1 else None
    sums: dict[str, _Split] = {}
    for split, paths in splits.items():
        total = sums[split] = _Split(RowsDigest(known) if record else None, whole=bool(paths))
        for path in paths:
            rows = RowsDigest(known) if record and features and path in record.rows_sha256 else None

            def take(table: pa.Table, split: str = split, rows: RowsDigest | None = rows) -> None:
                if rows:
                    rows.add(table)
                if repeats:
                    repeats.add(split, sums[split].rows, table)
                sums[split].add(table)

            try:
                contents = parquet.read_file(copy.path, path, take)
            except parquet.DamagedError as error:
                findings += error.args if path not in copy.damaged else ()
                copy.damaged.add(path)
                total.whole = False
                continue
            total.size += contents.size
            provenance = record.provenance if record and path in record.files else None
            findings += parquet.check_file(contents, features, provenance)
            if rows:
                copy.rows_sha256[path] = rows.hexdigest()
        if any(path not in copy.files for path in record.files) if record else any(layout.check_shards(paths)):
            total.whole = False
    findings += repeats.findings(config) if repeats else ()
    findings += _check_info(config, info, sums, exact=record is not None)
    if record:
        findings += _check_digests(config, record, sums)
    return sums, findings


def _check_info(config: str, info: Mapping[str, Any], sums: Mapping[str, _Split], exact: bool) -> Iterator[str]:
    """Compare splits, rows and sizes with an entry of `dataset_info`, whose bytes are `exact` or an estimate."""
    where = f"{CARD}: dataset_info of config {config}"
    listed = info.get("splits")
    entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
    splits = {str(entry.get("name")): entry for entry in entries}
    if listed is not None:
        for name in (name for name in splits if name not in sums):
            yield f"{where} has a split {name!r} that configs does not have: {', '.join(sums) or 'there is none'}"
        for name in (name for name in sums if name not in splits):
            yield f"{where} has no split {name!r}, which configs has"

    def fits(said: Any, low: int, high: int) -> bool:
        low, high = (low, high) if exact else (int(low * (1 - ESTIMATE)), int(high * (1 + ESTIMATE)) + 1)
        return isinstance(said, int | float) and low <= said <= high

    for name, split in ((name, split) for name, split in sums.items() if split.whole):
        said = splits.get(name, {})
        if "num_examples" in said and said["num_examples"] != split.rows:
            yield f"{where}, split {name}: num_examples is {said['num_examples']}, and the files have {split.rows} rows"
        if "num_bytes" in said and not fits(said["num_bytes"], split.low, split.high):
            yield f"{where}, split {name}: num_bytes is {said['num_bytes']}, and the rows take {split.low} Arrow bytes"
    if not all(split.whole for split in sums.values()):
        return
    low, high, size = (sum(getattr(split, name) for split in sums.values()) for name in ("low", "high", "size"))
    if "dataset_size" in info and not fits(info["dataset_size"], low, high):
        yield f"{where}: dataset_size is {info['dataset_size']}, and the rows take {low} Arrow bytes"
    if "download_size" in info and info["download_size"] != size:
        yield f"{where}: download_size is {info['download_size']}, and the files have {size} bytes"


def _check_digests(config: str, record: ConfigRecord, sums: Mapping[str, _Split]) -> Iterator[str]:
    """Compare the SHA-256 of the values of each column with the record."""
    for name, columns in record.digests.items():
        split = sums.get(name)
        if split is None:
            yield f"config {config}: split {name!r} is in the record, and no file is read as such"
            continue
        numbers = split.digest.numbers() if split.digest and split.whole else columns
        for column, wanted in columns.items():
            if (found := numbers.get(column, "none")) != wanted:
                where = f"config {config}, split {name}, column {column}"
                yield f"{where}: the values have the SHA-256 {found}, and the record says {wanted}"


def _check_record(copy: _Folder) -> Iterator[str]:
    """Compare the files that the record lists: all there, and unchanged."""
    rows = {path: sha for config in copy.card.record.configs.values() for path, sha in config.rows_sha256.items()}
    for path, wanted in copy.card.record.files.items():
        if path not in copy.files:
            yield f"{path} is missing, and is in the record"
        elif path not in copy.damaged:
            found = file_digest(copy.path / path)
            if finding := file_finding(path, found, wanted, copy.rows_sha256.get(path), rows.get(path)):
                yield finding
