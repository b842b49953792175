"""README.md of a repository: YAML made by the libraries' own classes, prose from a template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from datasets.info import DatasetInfosDict
from datasets.utils.metadata import MetadataConfigs
from huggingface_hub import DatasetCardData

from publisher.configs import BuiltConfig
from publisher.features import portable_yaml

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

    template: Path  # Jinja: sees `repo_id`, `configs` (a list of `BuiltConfig`), `default` (one of them) and `context`
    metadata: Mapping[str, Any]  # fields of the Hub's card specification, but for those that are worked out here
    context: Mapping[str, Any] = field(default_factory=dict)  # anything else that the template shows


def render(card: Card, configs: Sequence[BuiltConfig], default: str, repo_id: str) -> str:
    """The text of README.md.

    Parameters
    ----------
    card : Card
    configs : sequence of BuiltConfig
    default : str
        Name of the builder's default config.
    repo_id : str
        The repository that the examples load.

    Returns
    -------
    str
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,  # a slip in a template is an error, not a gap in the card
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    prose = environment.from_string(card.template.read_text(encoding="utf-8")).render(
        repo_id=repo_id, configs=configs, default=_first(configs, default), context=card.context
    )
    return f"---\n{card_data(card, configs, default).to_yaml()}\n---\n\n{prose}"


def card_data(card: Card, configs: Sequence[BuiltConfig], default: str) -> DatasetCardData:
    """The YAML of README.md: the card's own fields, `size_categories`, `dataset_info` and `configs`."""
    data = DatasetCardData(**card.metadata, size_categories=[size_category(max(map(_rows, configs)))])
    DatasetInfosDict({config.name: config.info for config in configs}).to_dataset_card_data(data)
    infos = data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]
    for info in infos:
        info["features"] = portable_yaml(info["features"])
    MetadataConfigs(
        {
            config.name: {
                "data_files": [{"split": split, "path": f"{config.folder}/{split}-*"} for split in config.info.splits],
                **({"default": True} if config.name == default else {}),
            }
            for config in configs
        }
    ).to_dataset_card_data(data)
    return data


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    Examples
    --------
    >>> size_category(5000)
    '1K<n<10K'
    """
    return next((name for bound, name in SIZE_CATEGORIES.items() if rows < bound), "n>1T")


def _rows(config: BuiltConfig) -> int:
    return sum(split.num_examples for split in config.info.splits.values())


def _first(configs: Sequence[BuiltConfig], default: str) -> BuiltConfig:
    return next((config for config in configs if config.name == default), configs[0])
