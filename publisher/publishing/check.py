"""Whether `load_dataset` opens each config of a repository."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import datasets
import pyarrow.parquet as pq
from huggingface_hub import HfFileSystem

from publisher.build.configs import BuiltConfig
from publisher.hub.failures import explain, is_transient, one_line, retry


def open_configs(repo_id: str, configs: Sequence[BuiltConfig], commit: str) -> list[str]:
    """What is wrong with each config when it is opened at a commit, a sentence each.

    Parameters
    ----------
    repo_id : str
    configs : sequence of BuiltConfig
    commit : str

    Raises
    ------
    HubError
        If the Hub could not be asked.
    """
    wrong = []
    for config in configs:
        if config.in_parts:  # too large to download, and the digests are compared: it is enough that it opens
            count, unit, wanted = _files, "files", {split: len(files) for split, files in config.files.items()}
        else:
            count, unit = _rows, "rows"
            wanted = {name: split.num_examples for name, split in config.info.splits.items()}
        try:
            found = retry(count, repo_id, config, commit)
        except Exception as error:
            if is_transient(error):
                raise explain(error, repo_id) from error
            wrong.append(f"load_dataset does not open config {config.name}: {one_line(error)}")
        else:
            if found != wanted:
                wrong.append(f"load_dataset finds {found} {unit} in config {config.name} instead of {wanted}")
    return wrong


def _rows(repo_id: str, config: BuiltConfig, commit: str) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset(repo_id, config.name, revision=commit, cache_dir=cache)
        return {name: split.num_rows for name, split in found.items()}


def _files(repo_id: str, config: BuiltConfig, commit: str) -> dict[str, int]:
    """Open a config, and the footer of the first file of each split."""
    with tempfile.TemporaryDirectory() as cache:
        found = datasets.load_dataset(repo_id, config.name, revision=commit, streaming=True, cache_dir=cache)
    for files in config.files.values():
        # Rows are not streamed: a process that ends while pyarrow reads ahead may abort
        with HfFileSystem().open(f"datasets/{repo_id}@{commit}/{files[0].path}") as file:
            if (rows := pq.ParquetFile(file).metadata.num_rows) != files[0].rows:
                raise ValueError(f"{files[0].path} has {rows} rows instead of {files[0].rows}")
    return {name: split.n_shards for name, split in found.items()}
