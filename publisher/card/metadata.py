"""The part of a card's YAML that is worked out: `configs`, `dataset_info` and the size."""

from __future__ import annotations

import glob
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

import datasets
from huggingface_hub import DatasetCardData

from publisher.card.record import BY_CONFIG, PublishedCard, name_of
from publisher.errors import DifferenceError
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.datasets_compat import DatasetInfosDict, MetadataConfigs
from publisher.prepare.features import portable_yaml

# The Hub's own steps: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
SIZE_CATEGORIES = {
    1e3: "n<1K",
    1e4: "1K<n<10K",
    1e5: "10K<n<100K",
    1e6: "100K<n<1M",
    1e7: "1M<n<10M",
    1e8: "10M<n<100M",
    1e9: "100M<n<1B",
    1e10: "1B<n<10B",
    1e11: "10B<n<100B",
    1e12: "100B<n<1T",
}


def add_configs(data: DatasetCardData, built: Sequence[PreparedConfig], default: str, others: Collection[str]) -> None:
    """Put `dataset_info` and `configs` of what was built into a card's YAML, beside what is there."""
    DatasetInfosDict({config.name: config.info for config in built}).to_dataset_card_data(data)
    infos = data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]
    for info in infos:
        info["features"] = portable_yaml(info["features"])
    MetadataConfigs(
        {
            config.name: {
                "data_files": [
                    {"split": split, "path": data_pattern(config.folder, split, len(files), others)}
                    for split, files in config.files.items()
                ],
                **({"default": True} if config.name == default else {}),
            }
            for config in built
        }
    ).to_dataset_card_data(data)


def add_others(
    data: DatasetCardData, card: PublishedCard, left: Collection[str], ours: Collection[str], default: str
) -> None:
    """Put what the card there says of configs that are left, and of those of others, beside what was built."""
    for kind in BY_CONFIG:
        own = data[kind] if isinstance(data[kind], list) else [{"config_name": "default", **data[kind]}]
        own += [entry for entry in card.entries(kind) if name_of(entry) in left]
        theirs = [entry for entry in card.entries(kind) if name_of(entry) not in ours]
        if kind == "configs" and default in {entry["config_name"] for entry in own}:  # there can be only one
            theirs = [{key: value for key, value in entry.items() if key != "default"} for entry in theirs]
            if any(name_of(entry) in (None, "default") for entry in theirs):
                raise DifferenceError(
                    "the card's YAML has a config of somebody else that is named default or has no name, so that there "
                    "would be two defaults: give it another name"
                )
        if len(own) + len(theirs) > 1:  # else it stays as the libraries write a single one
            data[kind] = [*sorted(own, key=lambda entry: str(entry["config_name"])), *theirs]


def read_infos(card: PublishedCard, names: Collection[str]) -> Mapping[str, datasets.DatasetInfo]:
    """What a card says of some configs; raises whatever an entry leads to that others have edited."""
    entries = [entry for entry in card.entries("dataset_info") if name_of(entry) in names]
    return DatasetInfosDict.from_dataset_card_data(DatasetCardData(dataset_info=entries))


def data_pattern(folder: str, split: str, count: int, others: Collection[str]) -> str:
    """The pattern of a split's files: that of `datasets`, or a narrower one if it would take in files of others.

    Raises
    ------
    DifferenceError
        If there is none.

    Examples
    --------
    >>> data_pattern("data", "train", 1, others=["notes.txt"])
    'data/train-*'
    >>> data_pattern("data", "train", 1, others=["data/train-extra.parquet"])
    'data/train-*-of-00001.parquet'
    """
    start = f"{glob.escape(folder)}/{split}"
    patterns = (f"{start}-*", f"{start}-*-of-{count:05d}.parquet")
    for pattern in patterns:
        if not (taken := [path for path in others if fnmatchcase(path, pattern)]):
            return pattern
    raise DifferenceError(f"{taken[0]} is not ours but would be read as part of split {split}: rename or remove it")


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    Examples
    --------
    >>> size_category(5000)
    '1K<n<10K'
    """
    return next((name for bound, name in SIZE_CATEGORIES.items() if rows < bound), "n>1T")
