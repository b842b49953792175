"""Comparison of a repository with the wanted dataset: after a commit, and for --verify; one sentence per finding."""

from __future__ import annotations

import contextlib
import reprlib
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import datasets
import pyarrow.parquet as pq

from publisher.card.record import BY_CONFIG, CARD, CARD_BYTES, RECORD, name_of, read_card
from publisher.errors import HubError, PublishingError, clean, one_line
from publisher.hub.http import Failure, cache_of_its_own, explain, with_retries
from publisher.hub.repository import Repository
from publisher.plan import EMPTY, Commit, Plan, RemoteFile, State
from publisher.prepare import File, LocalFile, as_read, file_digest
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.datasets_compat import table_cast
from publisher.prepare.parquet import BATCH_ROWS, MAGIC, digest_of_rows
from publisher.prepare.rows import RowsDigest, row_digests

READ_WITH_CARD = (".huggingface.yaml", "dataset_infos.json")  # that `load_dataset` reads in addition to the card


def check_commit(repository: Repository, plan: Plan, commit: Commit) -> list[str]:
    """Compare a commit with the plan that it was made from.

    Equal digests of all files, a card that opened with their names before, and one config opened from the Hub say as
    much as opening all of them from there, which would spend the Hub's quota of requests.
    """
    since = repository.commits_since(commit.parent, commit.id) if commit.parent else {}
    # the Hub refuses a commit whose parent is not the newest one; other servers may not look at it
    others = [f"{id_} by {words}" for id_, words in since.items() if id_ not in (commit.id, *commit.earlier)]
    said = f"commit {commit.id} was built over what another user had committed meanwhile, {'; '.join(others)}"
    differences = [f"{said}: look at what that changed, and commit it again"] if others else []
    differences += plan.differences(State(commit.id, repository.files(commit.id), EMPTY.card, private=False))
    changed = {change.path for change in plan.steps}
    opened = [config for config in plan.configs if any(file.path in changed for file in config.all_files)]
    return differences or check_config(repository, [*opened, *plan.configs][0], commit.id)


def check_published(repository: Repository, plan: Plan, state: State) -> list[str]:
    """Compare a repository with a plan: names, sizes and digests, every byte, the card, and a config opened there."""
    differences = [*plan.differences(state), *_check_bytes(repository, plan, state)]
    # files that differ may have been written to do harm, and are not opened
    return differences or check_opens(repository, plan) or check_config(repository, plan.configs[0], state.commit)


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
    others = [path for path in READ_WITH_CARD if path in paths and path in files and files[path].size <= CARD_BYTES]
    texts |= {path: repository.content(path, commit) for path in others}
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "repository").resolve()
        for path, content in {**dict.fromkeys(paths, b""), **texts}.items():
            with contextlib.suppress(OSError, ValueError):  # names that lead out, or that this system does not allow
                file = folder / (folder / path).resolve().relative_to(folder)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
        wrong = list(_open(folder, Path(work, "cache"), plan.configs))
    metadata = read_card(texts[CARD].decode(errors="replace")).metadata
    ours = {config.name for config in plan.configs} | plan.start.record.configs.keys()
    for kind in BY_CONFIG:
        for entry in metadata[kind] if isinstance(metadata.get(kind), list) else ():
            name = name_of(entry) if isinstance(entry, dict) else None
            if name not in ours:
                others.append(f"the entry {f'of config {name}' if name else reprlib.repr(entry)} in the card's {kind}")
    if wrong and others:
        wrong[0] += f". The cause may be {' or '.join(others)}, which another program wrote: correct or remove it"
    return wrong


def _open(folder: Path, cache: Path, configs: Sequence[PreparedConfig]) -> Iterator[str]:
    """Compare the files that `load_dataset` finds in a folder with those of the configs, up to one that fails."""
    kind = None  # of builder, which knows all configs: the YAML of hundreds takes a second to read
    for config in configs:
        try:
            kind = kind or type(datasets.load_dataset_builder(str(folder), config.name, cache_dir=str(cache)))
            listed = kind(str(cache), config_name=config.name, base_path=str(folder)).config.data_files or {}
            paths = {str(of): [Path(file).relative_to(folder).as_posix() for file in listed[of]] for of in listed}
        except Exception as error:
            said = str(error).replace(f"{folder}/", "").partition(" with any supported extension")[0]
            yield f"load_dataset does not open config {config.name}: {clean(said) or type(error).__name__}"
            return
        if not any(base.__name__ == "Parquet" for base in kind.__mro__):
            yield f"load_dataset does not read config {config.name} as Parquet but with {kind.__name__}"
            return
        wanted = {split: [file.path for file in files] for split, files in config.files.items()}
        if paths != wanted:
            found, planned = (", ".join(f"{len(of[split])} of {split}" for split in of) for of in (paths, wanted))
            yield f"load_dataset finds other files in config {config.name}: {found or 'none'} instead of {planned}"


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
                rows, files, here = found[split], config.files[split], config.info.splits[split].num_examples
                unit, there, here = ("files", rows.n_shards, len(files)) if streaming else ("rows", len(rows), here)
                if by_value:
                    wrong += [f"{place}, {words}" for words in _compare_split(rows, files, config.info.features)]
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
    owners = {file.path: config for config in plan.configs for file in config.all_files}

    def check(wanted: File, listed: RemoteFile, copy: Path) -> str:
        digest = file_digest(copy)
        if digest != (listed.sha256 or (wanted.sha256 if wanted.path not in (CARD, RECORD) else None) or digest):
            return f"has other bytes than the Hub lists: SHA-256 {digest}"
        # a file that is not the wanted one may do harm: its rows are not read
        is_read = wanted.rows_sha256 and digest == wanted.sha256
        if is_read and digest_of_rows(copy, owners[wanted.path].info.features) != wanted.rows_sha256:
            return "has other rows than those whose digest is in the record: publish it with --rewrite"
        return ""

    for change in plan.changes:
        if change.after and (file := state.files.get(change.path)):
            try:
                if file.path in owners and owners[file.path].in_parts:
                    end = repository.content(file.path, state.commit, start=max(file.size - len(MAGIC), 0))
                    wrong = "" if end.endswith(MAGIC) else "is not a Parquet file to its end"
                else:
                    wrong = repository.look_into(file, state.commit, partial(check, change.after, file))
            except HubError as error:
                if not Failure(error).is_lost:
                    raise
                wrong = "is listed, and the Hub has lost its bytes"
            if wrong:
                yield f"{file.path} {wrong}"


def _compare_split(found: datasets.Dataset, files: Sequence[File], features: datasets.Features) -> Iterator[str]:
    one, other = as_read(found.features), as_read(features)
    for name in {**other, **one}:
        if one.get(name) != other.get(name):
            yield f"column {name}: {one.get(name, 'missing')} there, {other.get(name, 'missing')} here"
    if one != other:
        return
    rows = found.with_format("arrow").select_columns(list(features))
    start = 0
    for file in files:
        stop, digest = start + (file.rows or 0), RowsDigest(features)
        for first in range(start, min(stop, len(found)), BATCH_ROWS):
            digest.add(table_cast(rows[first : min(first + BATCH_ROWS, stop)], features.arrow_schema))
        if digest.hexdigest() != file.rows_sha256:
            yield _first_difference(rows, start, file, features)
            break
        start = stop


def _first_difference(rows: datasets.Dataset, start: int, file: File, features: datasets.Features) -> str:
    """Name the first row of a file that differs from those from `start` on, and its column."""
    if not isinstance(file, LocalFile) or not file.source.exists():  # it was written, digested and removed
        return f"rows {start:,} to {start + (file.rows or 0) - 1:,} (counted from 0) differ"
    with pq.ParquetFile(file.source) as local:
        for table in map(local.read_row_group, range(local.num_row_groups)):
            pair = [table_cast(each, features.arrow_schema) for each in (rows[start : start + len(table)], table)]
            for row, digests in enumerate(zip(*(row_digests(each, features) for each in pair), strict=False)):
                if digests[0] != digests[1]:
                    cells = ((name, [each[row : row + 1].select([name]) for each in pair]) for name in features)
                    name = next(name for name, of in cells if len({next(row_digests(one, features)) for one in of}) > 1)
                    there, here = (reprlib.repr(each[name][row].as_py()) for each in pair)
                    return f"row {start + row:,} (counted from 0), column {name}: {there} there, {here} here"
            start += len(pair[0])
    return f"rows are missing from row {start:,} on (counted from 0)"
