"""Is a published repository as it should be? Any with Parquet files, in a folder or on the Hub; nothing is changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa

from publisher.card.record import CARD, CARD_BYTES, PublishedCard, name_of, read_card
from publisher.check import files, layout, links, metadata, totals
from publisher.check.rows import Repeats
from publisher.errors import HubError, UsageError
from publisher.hub.names import check_repo_id
from publisher.hub.reading import Reader
from publisher.options import MAIN
from publisher.prepare.digests import file_digest
from publisher.prepare.rows import RowsDigest

FINDINGS, LENGTH = 1000, 1000  # that are listed at most, and characters of each


@dataclass(frozen=True)
class Report:
    """What was looked at, and what is wrong with it."""

    findings: list[str]  # one sentence each
    configs: list[str]
    files: list[str]  # the Parquet files
    commit: str | None = None  # on the Hub


def validate(source: str | Path, revision: str | None = None) -> list[str]:
    """What is wrong with a repository.

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
    """What `validate` finds, with what was looked at."""
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
        raise UsageError(f"{error}; and there is no such folder") from None
    repository = Reader(str(source))
    state = repository.find(revision or MAIN)
    if state is None:
        raise HubError(f"{repository.url} is not there, or the token may not see it")
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work, "repository")
        copy.mkdir()
        repository.download(state.commit, copy)
        return examine_folder(copy, [str(source).rpartition("/")[2]], repository, state.commit)


@dataclass(frozen=True)
class _Folder:
    """A repository that lies on this machine."""

    path: Path
    files: dict[str, None]  # their paths
    card: PublishedCard
    damaged: set[str] = field(default_factory=set)  # files that could not be read
    has_recorded_rows: dict[str, bool] = field(default_factory=dict)  # of those whose rows have a digest in the record


def examine_folder(
    folder: Path, names: list[str], repository: Reader | None = None, commit: str | None = None
) -> Report:
    """Check a folder.

    Parameters
    ----------
    folder : Path
    names : list of str
        What the repository may be called: a script of that name must not be in it.
    repository : Reader, optional
        Where the folder was copied from: that Hub is asked about the card's fields.
    commit : str, optional
        Of the copy.
    """
    text, wrong = _read_text(folder)
    card = read_card(text) if text is not None else PublishedCard()
    there = _Folder(folder, dict.fromkeys(layout.list_files(folder, card.record.files)), card)
    splits, unmatched = layout.find_layout(folder, card)
    read = {path: None for paths in splits.values() for of_split in paths.values() for path in of_split}

    def findings() -> Iterator[str]:
        yield from [*wrong, *card.faults]
        if repository and card.metadata and text is not None:
            yield from repository.faults_of_card(text)
        yield from metadata.check_values(card.metadata)
        yield from metadata.check_configs(card.metadata)
        yield from links.check_links(card.prose, there.files)
        yield from [*unmatched, *layout.check_splits(splits)]
        yield from metadata.check_info_names(card, splits)
        yield from _check_rows(there, splits)
        yield from _check_record(there)
        yield from layout.check_unread(splits, there.files)
        yield from layout.check_shards(there.files, there.card.record.files)
        builders = [str(record.provenance.get("builder")) for record in there.card.record.configs.values()]
        yield from layout.check_scripts(there.files, [*names, *builders])

    found = [_shorten(finding) for finding in islice(findings(), FINDINGS + 1)]
    if len(found) > FINDINGS:
        found[FINDINGS:] = [f"there are more findings: the first {FINDINGS:,} are listed"]
    return Report(found, list(splits), list(read), commit)


def _shorten(finding: str) -> str:
    line = " ".join(finding.split())
    return line if len(line) <= LENGTH else f"{line[:LENGTH]}..."


def _read_text(folder: Path) -> tuple[str | None, list[str]]:
    path = folder / CARD
    if not path.is_file():
        return None, [f"{CARD} is missing: the repository has no card"]
    if (size := path.stat().st_size) > CARD_BYTES:
        return None, [f"{CARD} has {size:,} bytes, more than the {CARD_BYTES:,} that are read"]
    try:
        return path.read_text(encoding="utf-8"), []
    except UnicodeDecodeError as error:
        return path.read_text(encoding="utf-8", errors="replace"), [f"{CARD} is not UTF-8: {error}"]


def _check_rows(there: _Folder, splits: layout.Layout) -> Iterator[str]:
    """Read all files of all configs."""
    rows: list[int] = []
    whole = True
    for config, paths in splits.items():
        sums, found = _check_config(there, config, paths)
        yield from found
        rows.append(sum(total.rows for total in sums.values()))
        whole = whole and all(total.whole for total in sums.values())
    if whole and rows:
        yield from totals.check_size_category(there.card.metadata, rows)


def _check_config(
    there: _Folder, config: str, splits: dict[str, list[str]]
) -> tuple[dict[str, totals.Totals], list[str]]:
    """Read all files of a config."""
    info = next((entry for entry in there.card.entries("dataset_info") if name_of(entry) == config), {})
    features, findings = totals.read_features(config, info)
    record = there.card.record.configs.get(config)
    known = features or datasets.Features()
    repeats = Repeats(known) if len(splits) > 1 else None
    sums: dict[str, totals.Totals] = {}
    missing = set(there.card.record.files) - set(there.files)
    for split, paths in splits.items():
        total = sums[split] = totals.Totals(whole=bool(paths))
        for path in paths:
            values = RowsDigest(known) if record and path in record.values else None
            try:
                contents = files.read_file(there.path, path, partial(_take, total, repeats, values, split))
            except files.DamagedError as error:
                findings += error.args if path not in there.damaged else ()
                there.damaged.add(path)
                total.whole = False
                continue
            total.size += contents.size
            findings += _check_file(contents, features, record.provenance if record and path in record.files else None)
            if record and values:
                there.has_recorded_rows[path] = values.hexdigest() == record.values[path]
        if _lacks_shard(paths, missing) or any(layout.check_shards(paths)):
            total.whole = False
    findings += repeats.findings(config) if repeats else ()
    findings += totals.check_info(config, info, sums, exact=record is not None)
    if record:
        findings += totals.check_digests(config, record, sums)
    return sums, findings


def _take(
    total: totals.Totals, repeats: Repeats | None, values: RowsDigest | None, split: str, table: pa.Table
) -> None:
    total.add(table)
    if repeats:
        repeats.add(split, table)
    if values:
        values.add(table)


def _lacks_shard(paths: list[str], missing: set[str]) -> bool:
    """Whether a file of the record that is not there belongs to a split, by its name."""
    stems = {found["stem"] for path in paths if (found := layout.SHARD.fullmatch(path))}
    return any((found := layout.SHARD.fullmatch(path)) and found["stem"] in stems for path in missing)


def _check_file(contents: files.Contents, features: Any, provenance: Any) -> Iterator[str]:
    """Check one file that could be read; `provenance` is None if the publisher did not write it."""
    promised, wrong = files.check_features(contents, features)
    expected = features if features is not None else promised
    if expected is not None:
        yield from files.check_columns(contents, expected)
    yield from wrong
    if provenance is not None:
        yield from files.check_made_by(contents, provenance)
        yield from files.check_encodings(contents)


def _check_record(there: _Folder) -> Iterator[str]:
    """Files that the card's record lists: all there, and unchanged."""
    for path, wanted in there.card.record.files.items():
        rows = there.has_recorded_rows.get(path)
        if path not in there.files:
            yield f"{path} is missing, and is in the card's record"
        elif path not in there.damaged and (found := file_digest(there.path / path)) != wanted:
            same = ": the same rows in other bytes" if rows else ""
            yield f"{path} has the SHA-256 {found}, and the card's record says {wanted}{same}"
        elif rows is False:
            yield f"{path} has other rows than those whose digest is in the card's record: publish it with --rewrite"
