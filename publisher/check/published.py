"""Whether what was published can be read: without the Hub where that says as much, else from it, past all caches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import datasets
import pyarrow.parquet as pq
import yaml
from huggingface_hub import HfFileSystem

from publisher.card.record import BY_CONFIG, CARD, PublishedCard, read_card
from publisher.errors import HubError
from publisher.hub.cleaning import clean, one_line
from publisher.hub.client_internals import cache_of_its_own
from publisher.hub.failures import explain, is_of_the_hub
from publisher.hub.patience import with_retries
from publisher.hub.reading import Reader
from publisher.plan.plan import Plan
from publisher.plan.state import RemoteFile, State
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.digests import file_digest
from publisher.prepare.files import File, digest_of, rows_sha256_of
from publisher.prepare.parquet import MAGIC, digest_of_rows

BESIDE = (".huggingface.yaml", "dataset_infos.json")  # what `load_dataset` reads beside the card


def check_card(
    card: bytes, paths: Iterable[str], configs: Sequence[PreparedConfig], others: Mapping[str, bytes]
) -> list[str]:
    """What is wrong with how `load_dataset` finds the files of each config by a card, a sentence each.

    Parameters
    ----------
    card : bytes
        Content of README.md.
    paths : iterable of str
        All files of the repository: others may match the card's patterns.
    configs : sequence of PreparedConfig
    others : mapping of str to bytes
        Path -> content of what `load_dataset` reads beside the card, of `BESIDE`.
    """
    wrong = []
    published = read_card(card.decode(errors="replace"))
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "repository").resolve()
        _make_skeleton(folder, dict.fromkeys(paths, b"") | {**others, CARD: card})
        for place, config in enumerate(configs):
            if place:  # the YAML of hundreds of configs takes a second to read, hundreds of times
                (folder / CARD).write_text(_card_of(published, config.name), encoding="utf-8")
            wanted = {split: [file.path for file in files] for split, files in config.files.items()}
            try:
                builder = datasets.load_dataset_builder(str(folder), config.name, cache_dir=str(Path(work, "cache")))
                found = {
                    str(split): [Path(file).relative_to(folder).as_posix() for file in files]
                    for split, files in (builder.config.data_files or {}).items()
                }
            except Exception as error:
                said = str(error).replace(f"{folder}/", "").partition(" with any supported extension")[0]
                reason = clean(said) or type(error).__name__
                wrong.append(f"load_dataset does not open config {config.name}: {reason}")
            else:
                if found != wanted:
                    wrong.append(
                        f"load_dataset finds {_count(found)} in config {config.name} instead of {_count(wanted)}"
                    )
    return wrong


def check_config(repository: Reader, config: PreparedConfig, commit: str) -> list[str]:
    """What is wrong with a config that `load_dataset` opens from the Hub.

    Raises
    ------
    PublishingError
        If the Hub refused, or could not be reached.
    """
    if config.in_parts:  # too large to download, and the digests are compared: it is enough that it opens
        count, unit, wanted = _files, "files", {split: len(files) for split, files in config.files.items()}
    else:
        count, unit = _rows, "rows"
        wanted = {name: split.num_examples for name, split in config.info.splits.items()}
    size = 0 if config.in_parts else sum(file.size for file in config.all_files)
    try:
        with tempfile.TemporaryDirectory() as cache, cache_of_its_own(Path(cache, "hub")):
            found = with_retries(
                f"opening config {config.name}", count, repository.repo_id, config, commit, Path(cache), size=size
            )
    except Exception as error:
        if is_of_the_hub(error):
            raise explain(error, repository.repo_id) from error
        raise HubError(
            f"load_dataset does not open config {config.name}: {one_line(error.__cause__ or error)}"
        ) from error
    return [] if found == wanted else [f"load_dataset finds {found} {unit} in config {config.name} instead of {wanted}"]


def check_bytes(repository: Reader, plan: Plan, state: State, every: bool) -> list[str]:
    """Read what the Hub gives for each file; of a part only its end, unless `every` byte is asked for.

    Returns
    -------
    list of str
        A sentence for each file whose bytes are lost, or others than the Hub says, or whose rows are not those drawn.
    """
    parts = {file.path for config in plan.configs if config.in_parts and not every for file in config.all_files}
    wanted = {change.path: change.after for change in plan.changes if change.after}
    features = {file.path: config.info.features for config in plan.configs for file in config.all_files}
    here = [state.files[path] for path in wanted if path in state.files]
    ends = repository.ends([file for file in here if file.path in parts], state.commit)
    wrong = [_lost(path) for path, end in ends.items() if end is None]
    wrong += [f"{path} is no Parquet file to its end" for path, end in ends.items() if end and end[-4:] != MAGIC]
    for file in here:
        if file.path not in parts:
            after = wanted[file.path]
            found = repository.look_into(file, state.commit, partial(_digests, after, features.get(file.path)))
            if found is None:
                wrong.append(_lost(file.path))
            elif found[0] != _listed_digest(file, found[0], digest_of(after)):
                wrong.append(f"{file.path} has other bytes than the Hub lists: SHA-256 {found[0]}")
            elif not found[1]:
                wrong.append(f"{file.path} has other rows than the card's record says, and than were drawn")
    return wrong


def _digests(after: File, features: Any, path: Path) -> tuple[str, bool]:
    """SHA-256 of a file, and whether its rows may be those drawn: what has other bytes may do harm, and is not read."""
    digest = file_digest(path)
    if not rows_sha256_of(after) or digest_of(after) != digest:
        return digest, True
    return digest, digest_of_rows(path, features) == rows_sha256_of(after)


def _listed_digest(file: RemoteFile, found: str, wanted: str | None) -> str | None:
    """What the bytes of a file should have: as listed, or if the list does not say, as wanted."""
    return file.sha256 or (wanted if wanted and file.path != CARD else found)


def _lost(path: str) -> str:
    return f"{path} is listed, and the Hub has lost its bytes"


def _make_skeleton(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder with the names of a repository's files, and the content of those that are read."""
    for path, content in files.items():
        parts = PurePosixPath(path).parts
        if path and not path.startswith("/") and ".." not in parts and "\\" not in path and "\0" not in path:
            file = folder.joinpath(*parts)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            except OSError:  # a name that is longer than this system allows: none of ours
                continue


def _card_of(card: PublishedCard, config: str) -> str:
    """What a card says of one config."""
    kinds = {kind: [entry for entry in card.entries(kind) if entry.get("config_name") == config] for kind in BY_CONFIG}
    return f"---\n{yaml.safe_dump(kinds, sort_keys=False)}---\n"  # `datasets` takes the first key for a feature's type


def _count(splits: dict[str, list[str]]) -> str:
    return ", ".join(f"{len(files)} files of {split}" for split, files in splits.items()) or "no files"


def _rows(repo_id: str, config: PreparedConfig, commit: str, cache: Path) -> dict[str, int]:
    found = datasets.load_dataset(repo_id, config.name, revision=commit, cache_dir=str(cache / "rows"))
    return {name: split.num_rows for name, split in found.items()}


def _files(repo_id: str, config: PreparedConfig, commit: str, cache: Path) -> dict[str, int]:
    """Open a config, and the footer of the first file of each split."""
    found = datasets.load_dataset(repo_id, config.name, revision=commit, streaming=True, cache_dir=str(cache / "rows"))
    for files in config.files.values():
        # Rows are not streamed: a process that ends while pyarrow reads ahead may abort
        with HfFileSystem(skip_instance_cache=True).open(f"datasets/{repo_id}@{commit}/{files[0].path}") as file:
            if (rows := pq.ParquetFile(file).metadata.num_rows) != (files[0].rows or rows):
                raise ValueError(f"{files[0].path} has {rows} rows instead of {files[0].rows}")
    return {name: split.n_shards for name, split in found.items()}
