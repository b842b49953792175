"""The same rows, whatever wrote them: files that are there and hold the rows that are wanted stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import datasets

from publisher.card.metadata import read_infos
from publisher.card.record import ConfigRecord, PublishedCard
from publisher.plan.state import RemoteFile, State
from publisher.plan.wanted import Dataset
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.features import as_read
from publisher.prepare.files import File, KnownFile, rows_sha256_of


def keep_recorded(dataset: Dataset, state: State) -> tuple[Dataset, list[RemoteFile]]:
    """A dataset with the files that an earlier run wrote, in place of those drawn now that hold the same rows.

    Another version of pyarrow writes the same rows in other bytes, and another one of `datasets` counts them in other
    bytes of memory: what a run recorded of them holds.

    Returns
    -------
    dataset : Dataset
    unread : list of RemoteFile
        Files that would be kept if their content is what was recorded, which is not known yet.
    """
    infos = recorded_infos(state.card)
    configs, unread = [], []
    for config in dataset.configs:
        record, info = state.card.record.configs.get(config.name), infos.get(config.name)
        if record and info and record.provenance == config.provenance and _has_features(info, config.info):
            config, doubtful = _keep(config, record, info, state.files)
            unread += doubtful
        configs.append(config)
    return replace(dataset, configs=configs), unread


def _has_features(one: datasets.DatasetInfo, other: datasets.DatasetInfo) -> bool:
    return as_read(one.features) == as_read(other.features)


def _keep(
    config: PreparedConfig, record: ConfigRecord, info: datasets.DatasetInfo, there: Mapping[str, RemoteFile]
) -> tuple[PreparedConfig, list[RemoteFile]]:
    same = {
        file.path: there[file.path]
        for file in config.all_files
        if file.path in record.files and file.path in there
        if rows_sha256_of(file) and rows_sha256_of(file) == record.values.get(file.path)
    }
    unread = [remote for remote in same.values() if remote.sha256 is None]
    kept = {path: remote for path, remote in same.items() if remote.sha256 == record.files[path]}
    files = {split: [_as_recorded(file, kept.get(file.path)) for file in of] for split, of in config.files.items()}
    if len(kept) == len(config.all_files) == len(record.files):
        numbers = config.info.copy()
        for name in ("features", "splits", "download_size", "dataset_size"):
            setattr(numbers, name, getattr(info, name))
        return replace(config, info=numbers, files=files), unread
    return replace(config, files=files), unread


def _as_recorded(file: File, remote: RemoteFile | None) -> File:
    if not isinstance(file, KnownFile) or remote is None or remote.sha256 in (None, file.sha256):
        return file
    return KnownFile(file.path, remote.size, file.rows, file.nbytes, remote.sha256 or "", file.values)


def recorded_infos(card: PublishedCard) -> Mapping[str, datasets.DatasetInfo]:
    """What a card says of the configs that an earlier run wrote; nothing if it cannot be read."""
    try:
        return read_infos(card, card.record.configs)
    except (ValueError, TypeError, KeyError, AttributeError):  # edited by hand
        return {}
