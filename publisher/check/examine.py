"""`validate`: checks of any repository with Parquet files, in a folder or on the Hub; nothing is changed."""

from __future__ import annotations

import io
import json
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from publisher.card import SIZE_CATEGORIES, size_category
from publisher.card.record import CARD, CARD_BYTES, RECORD, PublishedCard, Record, read_card
from publisher.check import layout
from publisher.errors import HubError, UsageError, clean, one_line
from publisher.hub.repository import Repository
from publisher.options import MAIN, check_repo_id
from publisher.prepare import as_read, features_from_card, file_digest
from publisher.prepare.datasets_compat import flat
from publisher.prepare.parquet import MAGIC, any_length, digest_of_rows
from publisher.prepare.rows import arrow_bytes, row_digests

LENGTH = 1000  # characters of a finding
ROWS_PER_BYTE, ROWS_FREE, COLUMNS = 100, 100_000_000, 10_000  # files whose footers claim more are not read
BATCH_ROWS, BATCH_BYTES = 65_536, 64_000_000  # that are held at a time
VIEWER_BYTES = 300_000_000  # of a row group, which the Hub's viewer reads as a whole
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
        A sentence for each finding.

    Raises
    ------
    PublishingError
        UsageError if there is no such folder, name or revision; HubError if the Hub refuses or cannot be reached.
    """
    return examine(source, revision).findings


def examine(source: str | Path, revision: str | None = None) -> Report:
    """Return the findings of `validate`, and what was checked."""
    folder = Path(source)
    if not str(source) or folder.is_file():
        given = f"{source} is a file" if str(source) else "SOURCE is empty"
        raise UsageError(f"{given}. Give a folder, or namespace/name on the Hub.")
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{source} is a folder: --revision counts only on the Hub.")
        return _examine_folder(folder, folder.resolve().name)
    check_repo_id("There is no such folder, and the repository name", str(source))
    repository = Repository(str(source))
    state = repository.find(revision or MAIN)
    if state is None:
        raise HubError(f"{repository.url} does not exist, or the token cannot see it.")
    with tempfile.TemporaryDirectory() as work:
        repository.download(state, Path(work))
        return _examine_folder(Path(work), str(source).rpartition("/")[2], repository, state.commit)


def _examine_folder(folder: Path, name: str, repository: Repository | None = None, commit: str | None = None) -> Report:
    """Check a folder, or the copy of a commit; no script in it may have the `name` of the dataset."""
    findings: list[str] = []
    text, record = _read_text(folder, CARD, findings), _read_text(folder, RECORD, findings)
    card = read_card(text, record)
    paths = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    files = dict.fromkeys(path for path in paths if path in card.record.files or "/." not in f"/{path}")
    findings += card.faults
    if repository and card.metadata and text is not None:
        findings += repository.faults_of_card(text)
    configs: layout.Layout = {}
    damaged: set[str] = set()
    findings += [*layout.check_yaml(card), *layout.check_links(card.prose, files)]
    findings += layout.find_layout(folder, card, configs)
    read = dict.fromkeys(path for splits in configs.values() for paths in splits.values() for path in paths)
    findings += _check_rows(folder, card, configs, damaged)
    findings += _check_record(folder, card.record, files, damaged)
    findings += layout.check_names(read, files, card.record, name)
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
    """Read all files of all configs; add the paths of those that cannot be read to `damaged`."""
    counts = []
    infos = {str(entry.get("config_name", "default")): entry for entry in card.entries("dataset_info")}
    for name in {**infos, **configs} if infos else ():
        if name not in configs:
            yield f"{CARD}: dataset_info has {name!r}, which is not a config: there are {', '.join(configs) or 'none'}"
        elif name not in infos:
            yield f"{CARD}: dataset_info has nothing on config {name}"
    for config, splits in configs.items():
        where, info, features = f"{CARD}: dataset_info of config {config}", infos.get(config, {}), None
        try:
            if "features" in info:
                read = features_from_card(info["features"])
                features = read.arrow_schema and read  # the first fails for an unknown type
        except Exception as error:  # whatever a hand-written list leads to
            yield f"{where}: features cannot be read: {one_line(error)}"
        # rows; Arrow bytes, without and with the bitmaps of nulls, which depend on the writer; bytes of files
        sums = {split: Counter(rows=0, low=0, high=0, size=0) for split in splits}
        seen: dict[str, dict[bytes, int]] = {split: {} for split in splits if len(splits) > 1}  # row -> its number
        for split, path in ((split, path) for split, paths in splits.items() for path in paths):
            take = partial(_add_up, sums[split], seen.get(split), features or {})
            if path not in damaged:
                yield from _check_file(folder / path, path, features, take, damaged)
            sums[split]["size"] += (folder / path).stat().st_size
        for (one, rows), (other, more) in combinations(seen.items(), 2):
            if common := [row for row in more if row in rows]:
                both = f"{len(common):,} rows are" if len(common) > 1 else "1 row is"
                example = f"row {rows[common[0]]} of {one}, which is row {more[common[0]]} of {other} (counted from 0)"
                yield f"config {config}: {both} in split {one} and in split {other}: such as {example}"
        partly = {name for name, of in splits.items() if not of or damaged & {*of} or any(layout.check_shards(of))}
        yield from _check_info(where, info, sums, partly, 0 if config in card.record.configs else ESTIMATE)
        counts.append(-1 if partly else sum(split["rows"] for split in sums.values()))
    fitting = dict.fromkeys(map(size_category, [*counts, sum(counts)]))
    for name in flat(card.metadata.get("size_categories")) if counts and min(counts) >= 0 else ():
        if name in SIZE_CATEGORIES and name not in fitting:  # else the Hub has to judge
            has = f"and the files have {sum(counts):,} rows: {' or '.join(fitting)}"
            yield f"{CARD}: size_categories is {name!r}, {has}"


def _add_up(total: Counter[str], seen: dict[bytes, int] | None, features: Mapping[str, Any], table: pa.Table) -> None:
    """Add the next rows of a split to its sums, and to those that were `seen`, if there are other splits."""
    if seen is not None:
        for index, digest in enumerate(row_digests(table, features), total["rows"]):
            seen.setdefault(digest, index)
    low, high = (sum(arrow_bytes(column, bitmaps) for column in table.columns) for bitmaps in (0, 2))
    total.update(rows=len(table), low=low, high=high)


def _check_info(where: str, info: Any, sums: dict[str, Counter[str]], partly: set[str], margin: float) -> Iterator[str]:
    """Compare splits, rows and sizes with an entry of `dataset_info`; splits that are `partly` read have no numbers."""
    splits: dict[str, Any] = {str(entry.get("name")): entry for entry in PublishedCard(info).entries("splits")}
    for name in {**splits, **sums} if info.get("splits") is not None else ():
        if name not in sums:
            yield f"{where} has a split {name!r} that configs does not have: {', '.join(sums) or 'there is none'}"
        elif name not in splits:
            yield f"{where} has no split {name!r}, which configs has"
    places = [(f"{where}, split {name}", splits.get(name, {}), of) for name, of in sums.items() if name not in partly]
    places += [] if partly else [(where, info, sum(sums.values(), Counter()))]
    for place, said, of in places:
        low, high = of["low"] * (1 - margin), of["high"] * (1 + margin)
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


def _check_file(
    source: Path, path: str, features: datasets.Features | None, take: Callable[[pa.Table], object], damaged: set[str]
) -> Iterator[str]:
    """Read every page of a file, give the rows to `take`, some at a time, and yield the findings.

    `path` is the file's name in the repository, which stays in `damaged` if it cannot be read; `features` is what the
    card says of its columns.
    """
    damaged.add(path)
    size = source.stat().st_size
    with pa.OSFile(str(source)) as opened:
        first, last = opened.read_at(len(MAGIC), 0), opened.read_at(len(MAGIC), max(size - len(MAGIC), 0))
    if first != MAGIC or last != MAGIC:
        is_not = f"{'' if size else 'empty: '}not a Parquet file"
        yield f"{path} is {is_not if first != MAGIC else 'truncated: the end of a Parquet file is missing'}"
        return
    # pyarrow raises whatever the damage leads to, from ArrowInvalid to UnicodeDecodeError
    try:
        file = pq.ParquetFile(source, page_checksum_verification=True)
        metadata, schema = file.metadata, file.schema_arrow
        if metadata.num_rows > ROWS_PER_BYTE * size + ROWS_FREE or metadata.num_columns > COLUMNS:
            raise ValueError(f"{size:,} bytes claim {metadata.num_rows:,} rows in {metadata.num_columns:,} columns")
    except Exception as error:
        yield f"{path} cannot be opened: {one_line(error)}"
        return
    with file:
        try:
            for table in _tables(file):
                take(table)
        except Exception as error:
            place = next((f": column {name}" for name in schema.names if not _is_readable(file, name)), "")
            yield f"{path}{place} cannot be read: {one_line(error)}"
            return
    damaged.remove(path)
    promised, wrong = _read_footer(path, metadata)
    if (expected := promised if features is None else features) is not None:
        yield from _check_columns(path, schema, expected.arrow_schema)
    yield from wrong
    if promised is not None and features is not None and (there := as_read(promised)) != (here := as_read(features)):
        differing = [name for name in {**here, **there} if there.get(name) != here.get(name)]
        yield f"{path}: the footer's key 'huggingface' differs from the card in {', '.join(differing)}"
    yield from _check_viewer(path, metadata)


def _is_readable(file: pq.ParquetFile, column: str) -> bool:
    with suppress(Exception):
        deque(_tables(file, [column]), maxlen=0)
        return True
    return False


def _tables(file: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield all rows of a file, some at a time, and validate them."""
    metadata = file.metadata
    content = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    rows = min(BATCH_ROWS, BATCH_BYTES * metadata.num_rows // max(1, content))
    found = 0
    for batch in file.iter_batches(max(1, rows // 8 * 8), columns=columns):
        batch.validate(full=True)
        found += len(batch)
        yield pa.Table.from_batches([batch])
    if found != metadata.num_rows:
        raise ValueError(f"it has {found:,} values in {metadata.num_rows:,} rows")


def _check_columns(path: str, schema: pa.Schema, wanted: pa.Schema) -> Iterator[str]:
    found, expected = Counter(schema.names), set(wanted.names)
    for name in schema.names:
        if name not in expected:
            yield f"{path}: column {name} is not among those expected: {', '.join(wanted.names)}"
    for field in wanted:
        if (times := found[field.name]) != 1:
            yield f"{path}: column {field.name} is {'missing' if times == 0 else f'there {times} times'}"
        elif (kind := schema.field(field.name).type) != field.type and _kept(kind) != _kept(field.type):
            yield f"{path}: column {field.name} has the type {kind}, expected {field.type}"
    if schema.names != wanted.names and sorted(schema.names) == sorted(wanted.names):
        yield f"{path}: the columns are in the order {', '.join(schema.names)}, expected {', '.join(wanted.names)}"


def _kept(kind: pa.DataType) -> Any:
    """Feature that a type is read as once it was in Parquet, or the type itself if one of the libraries lacks it."""
    # Parquet has no seconds, nor dates in milliseconds; `datasets` knows no nullability, and no names of list items
    with suppress(pa.ArrowException, ValueError, TypeError, NotImplementedError):
        pq.write_table(pa.schema([("", any_length(kind))]).empty_table(), written := io.BytesIO())
        return datasets.Features.from_arrow_schema(pq.read_schema(written))[""]
    return kind


def _read_footer(path: str, metadata: pq.FileMetaData) -> tuple[datasets.Features | None, list[str]]:
    """Return the features in the footer, if they can be read, and what is wrong with them."""
    where = f"{path}: the footer's key 'huggingface'"
    text = (metadata.metadata or {}).get(b"huggingface")
    if text is None:
        return None, [f"{where} is missing"]
    findings = []
    try:
        listed = json.loads(text)["info"]["features"]
        if '"_type": "List"' in json.dumps(listed):
            findings.append(f'{where} has "_type": "List", which datasets before 4.0 cannot read: write "Sequence"')
        features = datasets.Features.from_dict(listed)
        features.arrow_schema  # noqa: B018  # fails for an unknown type
    except json.JSONDecodeError:
        return None, [f"{where} is not valid JSON"]
    except Exception as error:
        return None, findings or [f"{where} holds no features: {one_line(error)}"]
    return features, findings


def _check_viewer(path: str, metadata: pq.FileMetaData) -> Iterator[str]:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    if (largest := max((group.total_byte_size for group in groups), default=0)) > VIEWER_BYTES:
        most = f"and the Hub's viewer reads at most {VIEWER_BYTES:,}"
        yield f"{path} has a row group of {largest:,} bytes, {most}. Write smaller row groups"
    chunks = [group.column(index) for group in groups for index in range(group.num_columns)]
    if lacking := [chunk.path_in_schema for chunk in chunks if chunk.num_values and not chunk.has_offset_index]:
        effect = "without a page index, so the Hub's viewer reads whole row groups"
        yield f"{path}: {', '.join(dict.fromkeys(lacking))}: {effect}. Write it with write_page_index=True"
