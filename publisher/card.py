"""README.md of a repository: YAML made by the libraries' own classes, prose from a template."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import datasets
import jinja2
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from publisher.configs import BuiltConfig, Config, recall_config
from publisher.errors import DifferenceError
from publisher.features import portable_yaml
from publisher.manifest import BY_CONFIG, Manifest, PublishedCard, write_card

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


@dataclass(frozen=True)
class Card:
    """What a dataset says of itself."""

    template: Path  # Jinja: sees `repo_id`, `configs` (a list of `Config`), `default` (one of them) and `context`
    metadata: Mapping[str, Any]  # fields of the Hub's card specification, but for those that are worked out here
    context: Mapping[str, Any] = field(default_factory=dict)  # anything else that the template shows
    assets: Path | None = None  # folder of pictures, published as `assets/`


@dataclass(frozen=True)
class Surroundings:
    """What a card has to fit in with: by default, nothing."""

    card: PublishedCard = PublishedCard({}, "", None)
    paths: Collection[str] = ()  # files of others
    leave_other_configs: bool = False  # keep what an earlier run wrote of configs that are not built now


NOTHING = Surroundings()


def compose(
    card: Card,
    builder: type[datasets.DatasetBuilder],
    built: Sequence[BuiltConfig],
    assets: Mapping[str, str],
    repo_id: str,
    around: Surroundings = NOTHING,
) -> str:
    """The text of README.md.

    Parameters
    ----------
    card : Card
    builder : subclass of datasets.DatasetBuilder
    built : sequence of BuiltConfig
        At least one.
    assets : mapping of str to str
        Path -> SHA-256 of the pictures.
    repo_id : str
        The repository that the examples load.
    around : Surroundings, optional

    Returns
    -------
    str
    """
    default = builder.DEFAULT_CONFIG_NAME or "default"
    earlier = around.card.manifest.configs if around.card.manifest else {}
    records = {config.name: config.record for config in built}
    left = (
        {name: record for name, record in earlier.items() if name not in records} if around.leave_other_configs else {}
    )
    others = {name for kind in BY_CONFIG for name in around.card.entries(kind)} - set(earlier) - set(records)
    keep = {*left, *others}
    carried: dict[str, Any] = {
        kind: [{"config_name": name, **entry} for name, entry in around.card.entries(kind).items() if name in keep]
        for kind in BY_CONFIG
    }
    if default in {*left, *records}:  # there can be only one
        for entry in carried["configs"]:
            if entry["config_name"] in others:
                entry.pop("default", None)

    infos = DatasetInfosDict.from_dataset_card_data(
        DatasetCardData(dataset_info=[entry for entry in carried["dataset_info"] if entry["config_name"] in left])
    )
    recalled = [
        recall_config(builder.builder_configs[name], record, _with_origin(infos[name], built[0].info))
        for name, record in left.items()
        if name in builder.builder_configs and name in infos
    ]
    order = list(builder.builder_configs) or [default]
    configs: list[Config] = sorted([*built, *recalled], key=lambda config: order.index(config.name))

    metadata = {**card.metadata, "size_categories": [size_category(max(map(_rows, configs)))]}
    data = DatasetCardData(**metadata, **{kind: entries for kind, entries in carried.items() if entries})
    _add_configs(data, built, default, around.paths)
    return write_card(
        data, _prose(card, configs, default, repo_id), Manifest(configs={**left, **records}, assets=assets)
    )


def _prose(card: Card, configs: Sequence[Config], default: str, repo_id: str) -> str:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,  # a slip in a template is an error, not a gap in the card
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    first = next((config for config in configs if config.name == default), configs[0])
    text = environment.from_string(card.template.read_text(encoding="utf-8")).render(
        repo_id=repo_id, configs=configs, default=first, context=card.context
    )
    return f"\n{text}"


def _add_configs(data: DatasetCardData, built: Sequence[BuiltConfig], default: str, others: Collection[str]) -> None:
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
    patterns = (f"{folder}/{split}-*", f"{folder}/{split}-*-of-{count:05d}.parquet")
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


def _rows(config: Config) -> int:
    return sum(split.num_examples for split in config.info.splits.values())


def _with_origin(info: datasets.DatasetInfo, other: datasets.DatasetInfo) -> datasets.DatasetInfo:
    """The info from a card with what a card's YAML does not hold, which all configs have in common."""
    info.citation, info.homepage, info.license = other.citation, other.homepage, other.license
    return info
