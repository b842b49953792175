"""The record at the end of a card of what the publisher wrote, so that later it touches nothing that others wrote.

A card is YAML, prose and record. Others may add configs of their own to the YAML; anything else that they change shows,
because the record holds the SHA-256 of the rest.
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
RECORD = re.compile(rf"\n{re.escape(MARK)}(?P<record>\{{.*\}}) -->\n\Z")
YAML = re.compile(r"\A---\r?\n(?P<yaml>.*?)\r?\n---\r?\n", re.DOTALL)
BY_CONFIG = ("configs", "dataset_info")  # the lists of a card's YAML that have an entry for each config


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

    metadata: dict[str, Any]
    prose: str
    manifest: Manifest | None  # None: not ours

    @property
    def is_edited(self) -> bool:
        """Whether somebody else wrote the card, or changed it beyond adding configs."""
        if self.manifest is None:
            return True
        return self.manifest.card != _digest(self.metadata, self.prose, self.manifest.configs)

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        """The entries of `configs` or `dataset_info` by name of the config."""
        return _entries(self.metadata, kind)


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
    metadata = yaml.safe_load(data.to_yaml()) or {}
    record = {**asdict(manifest), "card": _digest(metadata, prose, manifest.configs)}
    listed = json.dumps(record).replace("--", "-\\u002d")  # two hyphens may not stand in a comment
    return f"---\n{data.to_yaml()}\n---\n{prose}\n{MARK}{listed} -->\n"


def read_card(text: str) -> PublishedCard:
    """Take a card apart; what cannot be read counts as somebody else's.

    Examples
    --------
    >>> text = write_card(DatasetCardData(license="mit"), "# Title", Manifest())
    >>> read_card(text).is_edited, read_card(text.replace("Title", "title")).is_edited
    (False, True)
    """
    found = RECORD.search(text)
    manifest = _manifest(found["record"]) if found else None
    body = text[: found.start()] if found else text
    head = YAML.search(body)
    try:
        metadata = yaml.safe_load(head["yaml"]) if head else {}
    except yaml.YAMLError:
        return PublishedCard({}, body, None)
    if not isinstance(metadata, dict):
        return PublishedCard({}, body, None)
    return PublishedCard(metadata, body[head.end() :] if head else body, manifest)


def _manifest(record: str) -> Manifest | None:
    try:
        fields = json.loads(record)
        configs = {name: ConfigRecord(**config) for name, config in fields.pop("configs").items()}
        return Manifest(configs=configs, **fields)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _entries(metadata: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    entries = metadata.get(kind) or []
    if isinstance(entries, dict):  # `dataset_info` of a single config
        entries = [entries]
    return {entry.get("config_name", "default"): entry for entry in entries if isinstance(entry, dict)}


def _digest(metadata: Mapping[str, Any], prose: str, own: Iterable[str]) -> str:
    """SHA-256 of a card without the configs of others, whatever the order and the style of its YAML."""
    kept = {
        **metadata,
        **{kind: {name: _entries(metadata, kind).get(name) for name in own} for kind in BY_CONFIG},
    }
    plain = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.sha256(f"{plain}\n{prose}".encode()).hexdigest()
