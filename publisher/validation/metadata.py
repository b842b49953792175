"""A card's YAML: that it parses, and that each field is one that the Hub knows, with a value that it allows."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK

from publisher.card.manifest import CARD
from publisher.validation.specification import ALLOWED, FIELDS, has_form

# Two or three letters of ISO 639, perhaps with the region or script of BCP 47, or one of the Hub's own words
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*|code|multilingual|unknown")
SPLIT = re.compile(r"\w+(\.\w+)*")  # what `datasets` allows
SHOWN = 12  # allowed values that a sentence lists


def take_apart(text: str) -> tuple[dict[str, Any], str, list[str]]:
    r"""The YAML and the prose of a card, and what is wrong with the YAML's syntax.

    Examples
    --------
    >>> take_apart("---\nlicense: mit\n---\n# Title")
    ({'license': 'mit'}, '# Title', [])
    """
    found = REGEX_YAML_BLOCK.search(text)
    if found is None:
        return {}, text, [f"{CARD} has no YAML between two lines of --- at its top"]
    prose = text[found.end() :]
    try:
        twice = list(_repeated_keys(yaml.compose(found[2], Loader=yaml.SafeLoader)))
        metadata = yaml.safe_load(found[2])
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: a date such as 2024-13-01
        return {}, prose, [f"{CARD}: the YAML does not parse: {' '.join(str(error).split())}"]
    if not isinstance(metadata, dict):
        return {}, prose, [f"{CARD}: the YAML is not a mapping of fields to values"]
    return metadata, prose, [f"{CARD}: the YAML has the key {key!r} twice in line {line}" for key, line in twice]


def _repeated_keys(node: yaml.Node | None, seen: frozenset[int] = frozenset()) -> Iterator[tuple[str, int]]:
    if node is None or id(node) in seen or not isinstance(node, yaml.CollectionNode):
        return
    seen |= {id(node)}  # an anchor may lead to itself
    keys: set[str] = set()
    for item in node.value:
        if isinstance(node, yaml.MappingNode):
            key, value = item
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    yield key.value, key.start_mark.line + 2  # counted from 1, after the line of ---
                keys.add(key.value)
        else:
            value = item
        yield from _repeated_keys(value, seen)


def check_fields(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names, forms and values of the fields."""
    for name, value in metadata.items():
        if name not in FIELDS:
            close = difflib.get_close_matches(str(name), FIELDS, n=1)
            hint = f": is it {close[0]!r}?" if close else ""
            yield f"{CARD}: the field {name!r} is not in the Hub's card specification{hint}"
        elif value is None:
            yield f"{CARD}: the field {name!r} is empty: give it a value or leave it out"
        elif not has_form(value, FIELDS[name]):
            yield f"{CARD}: the field {name!r} must be {FIELDS[name]}, and is {reprlib.repr(value)}"
        else:
            yield from _check_values(name, value)


def _check_values(name: str, value: Any) -> Iterator[str]:
    allowed = ALLOWED.get(name)
    for item in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
        if allowed and item not in allowed:
            close = difflib.get_close_matches(item, allowed, n=SHOWN) or allowed[:SHOWN]
            listed = ", ".join(close if len(allowed) > SHOWN else allowed)
            yield f"{CARD}: {name} has the value {item!r}, which the Hub does not know: choose from {listed}" + (
                ", ..." if len(allowed) > SHOWN else ""
            )
        if name == "language" and not LANGUAGE.fullmatch(item):
            yield f"{CARD}: language has the value {item!r}: give a code of ISO 639 in two or three small letters"
        if name in ("tags", "pretty_name") and not item.strip():
            yield f"{CARD}: {name} has an empty string"


def check_configs(metadata: Mapping[str, Any]) -> Iterator[str]:
    """Names of configs and of their splits, and that there is one default at most."""
    configs = metadata.get("configs")
    entries = configs if isinstance(configs, list) else []
    names = []
    defaults = []
    for index, entry in enumerate(entries):
        name = entry.get("config_name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            yield f"{CARD}: configs[{index}] has no config_name"
            continue
        default = entry.get("default", False)
        if not isinstance(default, bool):
            yield f"{CARD}: config {name}: default must be true or false, and is {default!r}"
        if default or name == "default":  # `datasets` takes a config of this name as the default one
            defaults.append(name)
        names.append(name)
        for split in _split_names(entry.get("data_files")):
            if not isinstance(split, str) or not SPLIT.fullmatch(split):
                yield f"{CARD}: config {name} has a split {split!r}: its name may have letters, digits, _ and . only"
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{CARD}: configs has {name!r} {names.count(name)} times"
    if len(defaults := list(dict.fromkeys(defaults))) > 1:
        yield f"{CARD}: {' and '.join(defaults)} are all default configs, and there can be only one"


def _split_names(data_files: Any) -> list[Any]:
    if isinstance(data_files, dict):
        return list(data_files)
    entries = data_files if isinstance(data_files, list) else []
    return [entry["split"] for entry in entries if isinstance(entry, dict) and "split" in entry]


def check_info_names(metadata: Mapping[str, Any], configs: Collection[str]) -> Iterator[str]:
    """That `dataset_info`, if there is one, speaks of each config, once, and of nothing else."""
    infos = metadata.get("dataset_info")
    entries = [infos] if isinstance(infos, dict) else infos if isinstance(infos, list) else []
    names = [str(entry.get("config_name", "default")) for entry in entries if isinstance(entry, dict)]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield f"{CARD}: dataset_info has {name!r} {names.count(name)} times"
        if name not in configs:
            yield f"{CARD}: dataset_info has {name!r}, which is not a config: there are {', '.join(configs) or 'none'}"
    for name in configs:
        if names and name not in names:
            yield f"{CARD}: dataset_info has nothing on config {name}"
