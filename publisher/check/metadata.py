"""A card's YAML, as far as that cannot age: which fields there are, and their values, is for the Hub to say."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from publisher.card.record import CARD, PublishedCard
from publisher.prepare.names import SPLIT


def check_values(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Fields without a value, and the two that `datasets` reads if they are of another type."""
    for name, value in metadata.items():
        if value is None:
            yield f"{CARD}: the field {reprlib.repr(name)} is empty: give it a value or leave it out"
    for name, words in {"configs": "a list of mappings", "dataset_info": "a mapping or a list of mappings"}.items():
        value = metadata.get(name, [])
        listed = [value] if isinstance(value, dict) and name == "dataset_info" else value
        if value is not None and not (isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed)):
            yield f"{CARD}: the field {name!r} must be {words}, and is {reprlib.repr(value)}"


def check_configs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of configs and of their splits, and that there is one default at most."""
    configs = metadata.get("configs")
    names = []
    defaults = []
    for index, entry in enumerate(configs if isinstance(configs, list) else []):
        if not isinstance(entry, dict):
            continue  # said by `check_values`
        name = entry.get("config_name")
        if not isinstance(name, str) or not name:
            yield f"{CARD}: configs[{index}] has no config_name"
            continue
        default = entry.get("default", False)
        if not isinstance(default, bool):
            yield f"{CARD}: config {name}: default must be true or false, and is {reprlib.repr(default)}"
        if default or name == "default":  # `datasets` takes a config of this name as the default one
            defaults.append(name)
        names.append(name)
        for split in _split_names(entry.get("data_files")):
            if not isinstance(split, str) or not SPLIT.fullmatch(split):
                allowed = "its name may have letters, digits, _ and . only"
                yield f"{CARD}: config {name} has a split {reprlib.repr(split)}: {allowed}"
    yield from _repeated("configs", names)
    if len(defaults := list(dict.fromkeys(defaults))) > 1:
        yield f"{CARD}: {' and '.join(defaults)} are all default configs, and there can be only one"


def _split_names(data_files: Any) -> list[Any]:
    if isinstance(data_files, dict):
        return list(data_files)
    entries = data_files if isinstance(data_files, list) else []
    return [entry["split"] for entry in entries if isinstance(entry, dict) and "split" in entry]


def _repeated(field: str, names: list[str]) -> Iterator[str]:
    for name, times in Counter(names).items():
        if times > 1:
            yield f"{CARD}: {field} has {name!r} {times} times"


def check_info_names(card: PublishedCard, configs: Collection[str]) -> Iterator[str]:
    """That `dataset_info`, if there is one, speaks of each config, once, and of nothing else."""
    names = [str(entry.get("config_name", "default")) for entry in card.entries("dataset_info")]
    yield from _repeated("dataset_info", names)
    for name in dict.fromkeys(names):
        if name not in configs:
            yield f"{CARD}: dataset_info has {name!r}, which is not a config: there are {', '.join(configs) or 'none'}"
    known = set(names)
    for name in configs:
        if known and name not in known:
            yield f"{CARD}: dataset_info has nothing on config {name}"
