"""Errors and warnings of the Hub for a card's YAML, at POST /api/validate-yaml and at a commit of README.md."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from typing import Any

import yaml

_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_TEXTS = (
    "language",
    "license",
    "tags",
    "task_categories",
    "task_ids",
    "size_categories",
    "annotations_creators",
)
_STEPS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")
_SIZES = ("n<1K", *(f"{low}<n<{high}" for low, high in pairwise(_STEPS)), "n>1T")


_MOST_ALIASES = 50  # more are written to do harm


class _UniqueKeys(yaml.SafeLoader):
    """The Hub's parser refuses a key that comes twice; PyYAML's would keep the last."""

    aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.aliases += self.check_event(yaml.AliasEvent)
        if self.aliases > _MOST_ALIASES:
            raise yaml.YAMLError("too many aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key, times in Counter(map(repr, keys)).items():
            if times > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicated key {key}", node.start_mark)
        return super().construct_mapping(node, deep)


def front_matter(card: str) -> str | None:
    """Return the text between the first two `---` lines, None if the card does not start with them."""
    found = _FRONT_MATTER.match(card.removeprefix("\ufeff"))
    return found[1] if found else None


def metadata(card: str) -> dict[str, Any]:
    """Return the card's YAML as the revision info shows it; a card that does not parse has none."""
    try:
        data = yaml.load(front_matter(card) or "", _UniqueKeys)
        json.dumps(data, default=str)  # fails for an anchor that leads to itself
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def validate(card: str) -> tuple[list[str], list[str]]:
    """Return the errors and the warnings of a card, one sentence each.

    Fields are checked for their type and `size_categories` for its values; the Hub's lists of licenses,
    languages and tasks are not here.
    """
    text = front_matter(card)
    if text is None or not text.strip():
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = yaml.load(text, _UniqueKeys)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [f"YAML does not parse: {' '.join(str(error).split())}"], []
    if not isinstance(data, dict):
        return ["YAML metadata must be a mapping"], []
    errors = [f'"{name}" must be a string or a list of strings' for name in _TEXTS if not _is_text(data.get(name, ""))]
    if not isinstance(data.get("pretty_name", ""), str):
        errors.append('"pretty_name" must be a string')
    sizes = data.get("size_categories", [])
    for size in [sizes] if isinstance(sizes, str) else sizes if isinstance(sizes, list) else []:
        if size not in _SIZES:
            errors.append(f'"size_categories" must be among {", ".join(_SIZES)}; got {size!r}')
    return errors + _config_errors(data.get("configs", [])), []


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _config_errors(configs: object) -> list[str]:
    """Return the errors of the `configs` field; each needs a different name."""
    if not isinstance(configs, list) or not all(isinstance(config, dict) for config in configs):
        return ['"configs" must be a list of mappings']
    names = [config.get("config_name") for config in configs]
    errors = [
        f'"configs[{i}].config_name" must be a string' for i, name in enumerate(names) if not isinstance(name, str)
    ]
    return errors + [f'"configs" has {name!r} twice' for name in dict.fromkeys(names) if names.count(name) > 1]
