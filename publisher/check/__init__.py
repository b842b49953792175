"""Comparison of a repository with the wanted dataset: after a commit, and for --verify; one sentence per finding."""

from __future__ import annotations

import contextlib
import os
import reprlib
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import yaml

from publisher.card.record import BY_CONFIG, CARD, CARD_BYTES, RECORD, PublishedCard, name_of, read_card
from publisher.check.parquet import tables
from publisher.errors import HubError, PublishingError
from publisher.hub.errors import Failure, explain
from publisher.hub.http import cache_of_its_own, with_retries
from publisher.hub.repository import Repository
from publisher.plan import EMPTY, Commit, Plan, State
from publisher.prepare import File, LocalFile, as_read, file_digest
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.datasets_compat import table_cast
from publisher.prepare.parquet import MAGIC, digest_of_rows
from publisher.prepare.rows import RowsDigest, row_digests
from publisher.text import clean, one_line

READ_WITH_CARD = (".huggingface.yaml", "dataset_infos.json")  # that `load_dataset` reads in addition to the card
BATCH_ROWS = 10_000  # that are compared at a time


def check_commit(repository: Repository, plan: Plan, commit: Commit) -> list[str]:
    """Compare a commit with the plan that it was made from.

    Equal digests of all files, a card that opened with their names before, and one config opened from the Hub say as
    much as opening all of them from there, which would spend the Hub's quota of requests.
    """
    differences = []
    since = repository.commits_since(commit.parent, commit.id) if commit.parent else {}
    # the Hub refuses a commit whose parent is not the newest one; other servers may not look at it
    if others := [f"{id_} by {words}" for id_, words in since.items() if id_ not in (commit.id, *commit.earlier)]:
        said = f"commit {commit.id} was built over what another user had committed meanwhile, {'; '.join(others)}"
        differences.append(f"{said}: look at what that changed, and commit it again")
    files = repository.files(commit.id)
    differences += plan.differences(State(commit.id, files, EMPTY.card, private=False))
    changed = {change.path for change in plan.steps}
    opened = [config for config in plan.configs if any(file.path in changed for file in config.all_files)]
    return differences or check_config(repository, [*opened, *plan.configs][0], commit.id)


def check_published(repository: Repository, plan: Plan, state: State) -> list[str]:
    """Compare a repository with a plan: names, sizes and digests, every byte, the card, and a config opened there."""
    differences = [*plan.differences(state), *_check_bytes(repository, plan, state)]
    # files that differ may have been written to do harm, and are not opened
    differences = differences or check_opens(repository, plan)
    return differences or check_config(repository, plan.configs[0], state.commit)


def check_opens(repository: Repository, plan: Plan) -> list[str]:
    """Check that `load_dataset` finds the files of each config by the planned card."""
    commit, files, planned = plan.start.commit, plan.start.files, {change.path: change for change in plan.changes}
    paths = {*files, *planned} - {change.path for change in plan.changes if change.after is None}
    card = planned[CARD].after if CARD in planned else None
    if card and card.source and (planned[CARD].action != "same" or files[CARD].has_content_of(card)):
        texts = {CARD: card.content}
    elif CARD in files:  # written in another style, which stays
        texts = {CARD: repository.content(CARD, commit)}
    else:  # its numbers are not known yet
        return []
    small = [path for path in READ_WITH_CARD if path in paths and path in files and files[path].size <= CARD_BYTES]
    texts |= {path: repository.content(path, commit) for path in small}
    wrong = []
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "repository").resolve()
        for path, content in {**dict.fromkeys(paths, b""), **texts}.items():
            file = folder / path
            if folder in Path(os.path.normpath(file)).parents:
                with contextlib.suppress(OSError, ValueError):  # names that this system does not allow
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content)
        found = read_card(texts[CARD].decode(errors="replace"))
        for place, config in enumerate(plan.configs):
            if place:  # the YAML of hundreds of configs takes a second to read, hundreds of times
                (folder / CARD).write_text(_as_card(found.by_config([config.name])), encoding="utf-8")
            if reason := _open(folder, config):
                ours = {config.name for config in plan.configs} | plan.start.record.configs.keys()
                wrong.append(reason + ("" if place else _culprit(folder, found, small, config, ours)))
    return wrong


def _open(folder: Path, config: PreparedConfig) -> str:
    """Return why `load_dataset` does not find the files of a config in a folder, or nothing."""
    wanted = {split: [file.path for file in files] for split, files in config.files.items()}
    try:
        with tempfile.TemporaryDirectory() as cache:
            builder = datasets.load_dataset_builder(str(folder), config.name, cache_dir=cache)
        listed = {str(split): map(Path, files) for split, files in (builder.config.data_files or {}).items()}
        found = {split: [path.relative_to(folder).as_posix() for path in paths] for split, paths in listed.items()}
    except Exception as error:
        said = str(error).replace(f"{folder}/", "").partition(" with any supported extension")[0]
        return f"load_dataset does not open config {config.name}: {clean(said) or type(error).__name__}"
    if not any(kind.__name__ == "Parquet" for kind in type(builder).__mro__):
        return f"load_dataset does not read config {config.name} as Parquet but with {type(builder).__name__}"
    if found == wanted:
        return ""
    there, here = (", ".join(f"{len(of)} files of {split}" for split, of in files.items()) for files in (found, wanted))
    return f"load_dataset finds {there or 'no files'} in config {config.name} instead of {here}"


def _culprit(
    folder: Path, card: PublishedCard, small: Sequence[str], config: PreparedConfig, ours: Collection[str]
) -> str:
    """Name the entry or file of another program without which a config opens."""
    without = {path: (path, "{}") for path in small}
    for kind in BY_CONFIG:
        listed = card.metadata[kind] if isinstance(card.metadata.get(kind), list) else []
        for index, entry in enumerate(listed):
            name = name_of(entry) if isinstance(entry, dict) else None
            if name not in ours:
                what = f"The entry {f'of config {name}' if name else reprlib.repr(entry)} in the card's {kind}"
                without[what] = (CARD, _as_card({**card.metadata, kind: listed[:index] + listed[index + 1 :]}))
    for what, (path, text) in without.items():
        before = (folder / path).read_bytes()
        (folder / path).write_text(text, encoding="utf-8")
        if not _open(folder, config):
            return f". {what}, which another program wrote, is the cause: correct or remove it"
        (folder / path).write_bytes(before)
    return ""


def _as_card(metadata: Mapping[str, Any]) -> str:
    # `datasets` takes the first key for a feature's type
    return f"---\n{yaml.safe_dump(dict(metadata), sort_keys=False)}---\n"


def check_config(repository: Repository, config: PreparedConfig, commit: str, by_value: bool = False) -> list[str]:
    """Open a config from the Hub with `load_dataset`, past all caches, and compare its splits.

    Rows are counted, or compared if another program wrote the files. Of a config in parts, which is too large to
    download and whose digests are compared, files are counted.
    """
    streaming = config.in_parts and not by_value
    size = 0 if streaming else sum(file.size for file in config.all_files)
    wrong: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as cache, cache_of_its_own(Path(cache, "hub")):
            options = {"revision": commit, "cache_dir": str(Path(cache, "rows")), "streaming": streaming}
            doing = f"opening config {config.name}"
            found = with_retries(doing, datasets.load_dataset, repository.repo_id, config.name, size=size, **options)
            for split in dict.fromkeys([*config.files, *found]):
                place = f"config {config.name}, split {split}"
                if split not in found or split not in config.files:
                    wrong.append(f"{place} is {'missing' if split in config.files else 'not one of the dataset'}")
                    continue
                if streaming:
                    there, here, unit = found[split].n_shards, len(config.files[split]), "files"
                else:
                    there, here, unit = len(found[split]), config.info.splits[split].num_examples, "rows"
                if by_value:
                    wrong += _compare_split(place, found[split], config.files[split], config.info.features)
                if there != here:
                    wrong.append(f"{place} has {there:,} {unit}, and the dataset has {here:,}")
    except Exception as error:
        failure = Failure(error)
        if isinstance(error, PublishingError) or failure.is_of_the_hub or failure.local_trouble:
            raise explain(error, repository.repo_id) from error
        wrong.append(f"load_dataset does not open config {config.name}: {one_line(error.__cause__ or error)}")
        if not by_value:  # its card and files are as planned: the Hub does not give them
            raise HubError(f"{wrong[-1]}.") from error
    return wrong


def _check_bytes(repository: Repository, plan: Plan, state: State) -> Iterator[str]:
    """Read what the Hub gives for each file: its rows, or only the ends of the files of a config in parts."""
    features = {file.path: config.info.features for config in plan.configs for file in config.all_files}
    parts = {file.path for config in plan.configs if config.in_parts for file in config.all_files}
    pairs = [(change.after, state.files[change.path]) for change in plan.changes if change.path in state.files]
    for after, file in ((after, file) for after, file in pairs if after):
        rows = after.rows_sha256

        def digests(path: Path, after: File = after, rows: str = rows) -> tuple[str, str]:
            # a file that is not the wanted one may do harm: its rows are not read
            digest = file_digest(path)
            is_wanted = rows and digest == after.sha256
            return digest, digest_of_rows(path, features[after.path]) if is_wanted else rows

        found: bytes | tuple[str, str]
        try:
            if file.path in parts:
                found = repository.content(file.path, state.commit, start=max(file.size - len(MAGIC), 0))
            else:
                found = repository.look_into(file, state.commit, digests)
        except HubError as error:
            if not Failure(error).is_lost:
                raise
            yield f"{file.path} is listed, and the Hub has lost its bytes"
            continue
        if isinstance(found, bytes):
            if not found.endswith(MAGIC):
                yield f"{file.path} is not a Parquet file to its end"
        elif found[0] != (file.sha256 or (after.sha256 if file.path not in (CARD, RECORD) else None) or found[0]):
            yield f"{file.path} has other bytes than the Hub lists: SHA-256 {found[0]}"
        elif found[1] != rows:
            yield f"{file.path} has other rows than those whose digest is in the record: publish it with --rewrite"


def _compare_split(
    place: str, found: datasets.Dataset, files: Sequence[File], features: datasets.Features
) -> Iterator[str]:
    one, other = as_read(found.features), as_read(features)
    for name in {**other, **one}:
        if one.get(name) != other.get(name):
            there, here = (repr(kinds[name]) if name in kinds else "missing" for kinds in (one, other))
            yield f"{place}, column {name}: {there} there, {here} here"
    if one != other:
        return
    rows = found.with_format("arrow").select_columns(list(features))
    start = 0
    for file in files:
        stop, digest = start + (file.rows or 0), RowsDigest(features)
        for first in range(start, min(stop, len(found)), BATCH_ROWS):
            digest.add(table_cast(rows[first : min(first + BATCH_ROWS, stop)], features.arrow_schema))
        if digest.hexdigest() != file.rows_sha256:
            yield f"{place}, {_first_difference(rows, start, file, features)}"
            break
        start = stop


def _first_difference(rows: datasets.Dataset, start: int, file: File, features: datasets.Features) -> str:
    """Name the first row of a file that differs from those from `start` on, and its column."""
    if not isinstance(file, LocalFile) or not file.source.exists():  # it was written, digested and removed
        return f"rows {start:,} to {start + (file.rows or 0) - 1:,} (counted from 0) differ"
    with pq.ParquetFile(file.source) as local:
        for table in tables(local):
            pair = [table_cast(each, features.arrow_schema) for each in (rows[start : start + len(table)], table)]
            for row, digests in enumerate(zip(*(row_digests(each, features) for each in pair), strict=False)):
                if digests[0] != digests[1]:
                    cells = ((name, [each[row : row + 1].select([name]) for each in pair]) for name in features)
                    name = next(name for name, of in cells if len({next(row_digests(one, features)) for one in of}) > 1)
                    there, here = (reprlib.repr(each[name][row].as_py()) for each in pair)
                    return f"row {start + row:,} (counted from 0), column {name}: {there} there, {here} here"
            start += len(pair[0])
    return f"rows are missing from row {start:,} on (counted from 0)"
