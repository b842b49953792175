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

from publisher.configs import BuiltConfig, Config, is_as_declared, recall_config
from publisher.errors import DifferenceError
from publisher.features import portable_yaml
from publisher.manifest import BY_CONFIG, ConfigRecord, Manifest, PublishedCard, name_of, write_card

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

    template: Path  # Jinja: sees `repo_id`, `configs` (a list of `Config`), `default` (one of them), `declared` (the
    # builder's own config of each name) and `context`; includes templates beside it
    metadata: Mapping[str, Any]  # fields of the Hub's card specification, but for those that are worked out here
    context: Mapping[str, Any] = field(default_factory=dict)  # anything else that the template shows
    assets: Path | None = None  # folder of pictures, published as `assets/`
    variant: Card | None = None  # in its place if a config is not as the builder declares it; else the card serves

    def of(self, builder: type[datasets.DatasetBuilder], configs: Sequence[Config]) -> Card:
        """The card for configs."""
        declared = declared_configs(builder)
        if self.variant is None or all(is_as_declared(config, declared[config.name]) for config in configs):
            return self
        return self.variant


@dataclass(frozen=True)
class Surroundings:
    """What a card has to fit in with: by default, nothing."""

    card: PublishedCard = PublishedCard()
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

    Raises
    ------
    DifferenceError
        If others added what does not go together with ours.
    """
    default = default_config(builder)
    earlier = around.card.manifest.configs if around.card.manifest else {}
    records = {config.name: config.record for config in built}
    left = _left(built, around)
    configs = all_configs(builder, built, around)

    metadata = {**card.metadata, "size_categories": [size_category(max(map(_rows, configs)))]}
    data = DatasetCardData(**metadata)
    _add_configs(data, built, default, around.paths)
    _add_entries(data, around.card, left, {*earlier, *records}, default)
    manifest = Manifest(configs={**left, **records}, assets=assets)
    return write_card(data, _prose(card, builder, configs, repo_id), manifest)


def all_configs(
    builder: type[datasets.DatasetBuilder], built: Sequence[BuiltConfig], around: Surroundings
) -> list[Config]:
    """The configs that a repository will have: those that are built, and those of an earlier run that it keeps."""
    recalled = _recall(builder, _left(built, around), around.card, built[0].info)
    order = config_order(builder)
    return sorted([*built, *recalled], key=lambda config: order.index(config.name))


def default_config(builder: type[datasets.DatasetBuilder]) -> str:
    """Name of the config that is loaded without a name."""
    return builder.DEFAULT_CONFIG_NAME or "default"


def config_order(builder: type[datasets.DatasetBuilder]) -> list[str]:
    """Names of a builder's configs, in the order in which it declares them."""
    return list(builder.builder_configs) or [default_config(builder)]


def declared_configs(builder: type[datasets.DatasetBuilder]) -> dict[str, datasets.BuilderConfig]:
    """A builder's configs as it declares them, by name."""
    name = default_config(builder)
    return dict(builder.builder_configs) or {name: builder.BUILDER_CONFIG_CLASS(name=name)}


def _left(built: Sequence[BuiltConfig], around: Surroundings) -> dict[str, ConfigRecord]:
    """The records of configs that are not built now and stay."""
    if not around.leave_other_configs or around.card.manifest is None:
        return {}
    names = {config.name for config in built}
    return {name: record for name, record in around.card.manifest.configs.items() if name not in names}


def _recall(
    builder: type[datasets.DatasetBuilder],
    records: Mapping[str, ConfigRecord],
    card: PublishedCard,
    origin: datasets.DatasetInfo,
) -> list[Config]:
    """Configs of an earlier run, from its records and its YAML; what the builder no longer declares is left out."""
    entries = [entry for entry in card.entries("dataset_info") if name_of(entry) in records]
    infos = DatasetInfosDict.from_dataset_card_data(DatasetCardData(dataset_info=entries))
    recalled = []
    for name, info in infos.items():
        info.citation, info.homepage, info.license = origin.citation, origin.homepage, origin.license
        if name in builder.builder_configs:
            recalled.append(recall_config(builder.builder_configs[name], records[name], info))
    return recalled


def _add_entries(
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


def _prose(card: Card, builder: type[datasets.DatasetBuilder], configs: Sequence[Config], repo_id: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(card.template.parent),
        undefined=jinja2.StrictUndefined,  # a slip in a template is an error, not a gap in the card
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    first = next((config for config in configs if config.name == default_config(builder)), configs[0])
    text = environment.get_template(card.template.name).render(
        repo_id=repo_id, configs=configs, default=first, declared=declared_configs(builder), context=card.context
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
