"""The card of a builder that comes without a template: what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets

from publisher.card.compose import Card
from publisher.prepare.configs import ConfigCard
from publisher.prepare.datasets_compat import item_of

TEMPLATE = Path(__file__).with_name("default.md.jinja")
SHOWN = 10  # names of a class label, at most


def default_card(builder: type[datasets.DatasetBuilder], template: Path | None = None) -> Card:
    """The card for a builder, with the packaged template or another."""
    title = _title(builder)
    context = {"title": title, "kind_of": kind_of, "by_features": by_features, "on_one_line": on_one_line}
    return Card(template or TEMPLATE, {"pretty_name": title}, context)


def kind_of(feature: Any) -> str:
    """A feature in a few words.

    Examples
    --------
    >>> kind_of(datasets.Value("string")), kind_of([datasets.Value("int64")])
    ('string', 'list of int64')
    >>> kind_of({"start": datasets.Value("int32"), "tag": datasets.ClassLabel(names=["O", "B-PER"])})
    '{start: int32, tag: class label of 2: O, B-PER}'
    """
    if isinstance(feature, datasets.ClassLabel):
        names = [on_one_line(name) for name in (feature.names or [])]
        more = ", …" if len(names) > SHOWN else ""
        return f"class label of {feature.num_classes}" + (f": {', '.join(names[:SHOWN])}{more}" if names else "")
    if isinstance(feature, datasets.Value):
        return str(feature.dtype)
    if isinstance(feature, dict):
        return "{" + ", ".join(f"{name}: {kind_of(inner)}" for name, inner in feature.items()) + "}"
    if (inner := item_of(feature)) is not None:
        return f"list of {kind_of(inner)}"
    if (shape := getattr(feature, "shape", None)) is not None:
        return f"array of {feature.dtype}, {' x '.join('any' if size is None else str(size) for size in shape)}"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(feature).__name__).lower()


def by_features(configs: Sequence[ConfigCard]) -> list[tuple[list[ConfigCard], datasets.Features]]:
    """The configs, those of equal features together."""
    groups: list[tuple[list[ConfigCard], datasets.Features]] = []
    for config in configs:
        same = next((group for group, features in groups if features == config.info.features), None)
        if same is None:
            groups.append(([config], config.info.features))
        else:
            same.append(config)
    return groups


def on_one_line(text: Any) -> str:
    r"""A text for a cell of a table.

    Examples
    --------
    >>> on_one_line("yes |\n no")
    'yes \\| no'
    """
    return " ".join(str(text).split()).replace("|", "\\|")


def _title(builder: type[datasets.DatasetBuilder]) -> str:
    """The script's name in words: that of the class is often none."""
    return re.sub(r"[_\W]+", " ", builder.__module__.rpartition(".")[2]).strip() or builder.__name__
