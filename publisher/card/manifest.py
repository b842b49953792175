"""The record at the end of a card of what the publisher wrote, so that later it touches nothing that others wrote.

A card is YAML, prose and record. Others may add configs of their own to the YAML; anything else that they change shows,
because the record holds the SHA-256 of the rest, and of itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml
from huggingface_hub import DatasetCardData

CARD = "README.md"
MARK = "<!-- Written by a program, which looks here for what is its own before it writes again: "
RECORD = re.compile(rf"{re.escape(MARK)}(?P<record>\{{.*\}}) -->")
YAML = re.compile(r"\A---\r?\n(?P<yaml>.*?)\r?\n---\r?\n", re.DOTALL)
BY_CONFIG = ("configs", "dataset_info")  # the parts of a card's YAML that have an entry for each config


@dataclass(frozen=True)
class ConfigRecord:
    """What was written of one config."""

    made_by: Mapping[str, Any]  # builder, config, version, parameters
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values
    files: Mapping[str, str]  # path -> SHA-256


@dataclass(frozen=True)
class Manifest:
    """What was written in all."""

    configs: Mapping[str, ConfigRecord] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256
    card: str = ""  # SHA-256 of the card's own YAML and prose

    @property
    def files(self) -> dict[str, str]:
        """Path -> SHA-256 of every file but the card."""
        return {**self.assets, **{path: sha for config in self.configs.values() for path, sha in config.files.items()}}


@dataclass(frozen=True)
class PublishedCard:
    """A card as it was found."""

    metadata: dict[str, Any] = field(default_factory=dict)
    prose: str = ""
    manifest: Manifest | None = None  # None: not ours

    @property
    def is_edited(self) -> bool:
        """Whether somebody else wrote the card, or changed it beyond adding configs."""
        if self.manifest is None:
            return True
        return self.manifest.card != _digest(_own(self.metadata, self.manifest.configs), self.prose)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The entries of `configs` or `dataset_info`."""
        return _entries(self.metadata, kind)

    def says_the_same(self, other: PublishedCard) -> bool:
        """Whether the cards differ in the style of their YAML at most."""
        return (self.prose, self.manifest) == (other.prose, other.manifest) and _canonical(
            _by_name(self.metadata)
        ) == _canonical(_by_name(other.metadata))


def write_card(data: DatasetCardData, prose: str, manifest: Manifest) -> str:
    """The text of README.md.

    Parameters
    ----------
    data : DatasetCardData
    prose : str
    manifest : Manifest
        What else was written; its `card` is worked out here.

    Returns
    -------
    str
    """
    head = data.to_yaml()
    metadata = yaml.safe_load(head) or {}
    record = {**asdict(manifest), "card": _digest(_own(metadata, manifest.configs), prose)}
    listed = json.dumps({**record, "record": _digest(record)})
    escaped = listed.replace("--", "-\\u002d")  # two hyphens may not stand in a comment
    return f"---\n{head}\n---\n{prose}\n{MARK}{escaped} -->\n"


def read_card(text: str) -> PublishedCard:
    """Take a card apart; what cannot be read counts as somebody else's.

    Examples
    --------
    >>> text = write_card(DatasetCardData(license="mit"), "# Title", Manifest())
    >>> read_card(text).is_edited, read_card(text.replace("Title", "title")).is_edited
    (False, True)
    """
    text = text.removeprefix("\ufeff")
    manifest, found = None, None
    for found in RECORD.finditer(text):
        manifest = _manifest(found["record"])
    body = text[: found.start()].removesuffix("\n") + text[found.end() :].removeprefix("\n") if found else text
    head = YAML.search(body)
    try:
        metadata = yaml.safe_load(head["yaml"]) if head else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        return PublishedCard({}, body, None)
    return PublishedCard(metadata, body[head.end() :] if head else body, manifest)


def _manifest(text: str) -> Manifest | None:
    try:
        record = json.loads(text)
        if record.pop("record") != _digest(record):
            return None
        configs = {name: ConfigRecord(**config) for name, config in record.pop("configs").items()}
        return Manifest(configs=configs, **record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def name_of(entry: Mapping[str, Any]) -> str | None:
    """The config that an entry of `configs` or `dataset_info` is about; None if it names none."""
    name = entry.get("config_name")
    return name if isinstance(name, str) else None


def _entries(metadata: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    entries = metadata.get(kind)
    if kind == "dataset_info" and isinstance(entries, dict):  # of a single config, which need not be named
        entries = [{"config_name": "default", **entries}]
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _own(metadata: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A card's YAML without the configs of others."""
    kept = set(names)
    entries = {
        kind: [entry for entry in _entries(metadata, kind) if name_of(entry) in kept]
        for kind in BY_CONFIG
        if isinstance(metadata.get(kind), (list, dict))
    }
    return _by_name({**metadata, **entries})


def _by_name(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A card's YAML with the entries of `configs` and `dataset_info` in the order of their names."""
    ordered = {
        kind: sorted(_entries(metadata, kind), key=lambda entry: str(name_of(entry)))
        for kind in BY_CONFIG
        if isinstance(metadata.get(kind), (list, dict))
    }
    return {**metadata, **ordered}


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps([_canonical(part) for part in parts]).encode()).hexdigest()


def _canonical(value: Any) -> Any:
    """The same for equal values, whatever the order and the type of their keys."""
    if isinstance(value, Mapping):
        return sorted(([str(key), _canonical(item)] for key, item in value.items()), key=lambda pair: pair[0])
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in value]
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
