"""README.md as it was found, and `.publish.json`, the record of what the publisher wrote in a repository.

The record names the publisher's own files, configs and fields of the YAML. Everything else belongs to other people and
stays. The card counts as edited if the digest of its own fields and prose differs from the recorded one.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import yaml

from publisher.prepare import TextFile

CARD, RECORD = "README.md", ".publish.json"
CARD_BYTES = 30_000_000  # larger cards and records are not read
YAML_BYTES, YAML_ITEMS = 1_000_000, 30_000  # longer ones are not read: `datasets` would take a minute, in Python
ITEM_SIGNS = ("\n", ",", "[", "{", "- ", "? ")  # each item of YAML comes with one of these
YAML_LEVELS, NUMBER_DIGITS = 200, 1000  # more would exceed what Python nests, and what it spells
YAML = re.compile(r"\A\s*---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one of libyaml is ten times as fast
COMMENT, END = "<!-- Written by a program, which looks here for what is its own before it writes again: ", " -->"
NO_YAML = f"{CARD} has no YAML between two lines of --- at its top"
BY_CONFIG = ("configs", "dataset_info")  # the parts of a card's YAML that have an entry for each config


@dataclass(frozen=True)
class ConfigRecord:
    """The published files of one config, and what they were made from."""

    provenance: Mapping[str, Any]  # builder, config, version, parameters
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values
    files: Mapping[str, str]  # path -> SHA-256
    rows_sha256: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256 of the rows
    features: str = ""  # SHA-256 of the features, see `features_sha256`
    num_bytes: Mapping[str, int] = field(default_factory=dict)  # split -> bytes of its rows in Arrow


@dataclass(frozen=True)
class Record:
    """Everything that the publisher wrote in a repository."""

    configs: Mapping[str, ConfigRecord] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256
    card: str = ""  # SHA-256 of the card's own fields and prose; empty if nothing was published
    fields: Sequence[str] = ()  # names of the card's own fields; empty in records of earlier versions
    keeps_prose: bool = False  # the prose was written by other people and kept
    readme: str = ""  # git's id of README.md, if everything in it was written by the publisher

    @property
    def files(self) -> dict[str, str]:
        """Path -> SHA-256 of every file but the card and the record."""
        return {**self.assets, **{path: sha for config in self.configs.values() for path, sha in config.files.items()}}

    @property
    def file(self) -> TextFile:
        """The record as a file of the repository."""
        listed = {name: value for name, value in asdict(self).items() if value or name in ("configs", "card")}
        return TextFile(RECORD, (json.dumps(listed, indent=1, sort_keys=True) + "\n").encode())


@dataclass(frozen=True)
class PublishedCard:
    """A card as it was found, and the record next to it."""

    metadata: dict[str, Any] = field(default_factory=dict)
    prose: str = ""
    record: Record = Record()
    faults: tuple[str, ...] = ()  # what is wrong with how card and record are written, a sentence each
    is_unread: bool = False  # README.md is the one that was published: its content need not be read
    has_comment: bool = False  # the record is a comment in README.md, where earlier versions wrote it

    def is_edited(self, ours: Collection[str] = ()) -> bool:
        """Return True if other people changed the card's own prose or fields, or fields that are now `ours`."""
        return not self.is_unread and self.record.card != _own_sha256(self.metadata, self.prose, self.record, ours)

    def fields_of_others(self, ours: Collection[str]) -> dict[str, Any]:
        """Fields of the YAML that other people wrote and that are not `ours`, such as language, licence, tags."""
        own = {*ours, *(() if self.is_edited() else self.record.fields)}
        return {name: value for name, value in self.metadata.items() if isinstance(name, str) and name not in own}

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """Entries of `configs` or `dataset_info`."""
        entries = self.metadata.get(kind)
        if kind == "dataset_info" and isinstance(entries, dict):  # the entry of a single config may lack its name
            entries = [{"config_name": "default", **entries}]
        return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []

    def by_config(self, names: Collection[str], others: bool = False) -> dict[str, list[dict[str, Any]]]:
        """Entries of the configs with some names, or of all `others`, by kind."""
        return {kind: [e for e in self.entries(kind) if (name_of(e) in names) is not others] for kind in BY_CONFIG}

    @property
    def content(self) -> tuple[object, ...]:
        """The card without the style of its YAML, and without the order of configs after the first.

        `load_dataset` reads all configs in the format of the first.
        """
        metadata = _in_order(self.metadata, self.by_config((), others=True))
        return self.prose, self.has_comment, metadata, self.entries("configs")[:1]


def write_card(head: str, prose: str, record: Record, others: Collection[str] = ()) -> tuple[str, Record]:
    """Return the text of README.md, and the completed record; `others` are the fields that other people wrote."""
    text = f"---\n{head}\n---\n{prose}"
    card = PublishedCard(yaml.load(head, LOADER) or {}, prose, record)
    record = replace(record, fields=sorted(set(card.metadata) - set(others)))
    mixed = others or record.keeps_prose or any(card.by_config(record.configs, others=True).values())
    digest = _own_sha256(card.metadata, prose, record)
    return text, replace(record, card=digest, readme="" if mixed else git_blob_id(text.encode()))


def read_card(text: str | None, record_text: str | None = None) -> PublishedCard:
    """Take a card apart, given its text and the record's, or None for a missing file."""
    known = read_record(record_text) if record_text is not None else Record()
    faults = [] if known else [f"{RECORD} is not a record of the publisher: publish again to write a new one"]
    record = known or Record()
    if text is None:
        return PublishedCard({}, "", record, tuple(faults))
    body, comment = text.removeprefix("\ufeff"), None
    if record_text is None and COMMENT in body:
        before, _, rest = body.rpartition(COMMENT)
        comment, _, after = rest.partition(END)
        body = before.removesuffix("\n") + after.removeprefix("\n")
    head = YAML.match(body)
    prose = body[head.end() :] if head else body
    metadata, wrong = read_yaml(head["yaml"]) if head else ({}, [])
    faults += [f"{CARD}: the YAML {words}" for words in wrong] if head else [NO_YAML]
    if comment is not None:
        record = read_record(comment, metadata) or Record()
        if record.card != _own_sha256(metadata, prose, record):  # edited: the fields that are written now have to do
            record = replace(record, fields=())
    return PublishedCard(metadata, prose, record, tuple(faults), has_comment=comment is not None)


def read_record(text: str, fields: Collection[str] | None = None) -> Record | None:
    """Return what a record says, or None if it is not one.

    Versions up to 0.9 wrote it as a comment at the end of README.md, and named others' among the card's `fields`.
    """
    try:
        listed = json.loads(text)
        if fields is not None:
            listed.pop("record", None)
            others = listed.pop("theirs", ())
            listed["fields"] = [name for name in fields if name not in others]
            for config in listed["configs"].values():
                config["provenance"] = config.pop("made_by", config.get("provenance"))
                config["rows_sha256"] = config.pop("values", {})
        configs = {name: ConfigRecord(**config) for name, config in listed.pop("configs").items()}
        record = Record(configs=configs, **{**listed, "fields": tuple(listed.get("fields", ()))})
        values: dict[type, list[Any]] = {bool: [record.keeps_prose], int: [], dict: []}
        values[str] = [*record.files.values(), record.card, record.readme, *record.fields]
        for config in configs.values():
            values[dict].append(config.provenance)
            values[int] += config.num_bytes.values()
            values[str] += [config.features, *config.rows_sha256.values()]
            values[str] += [digest for columns in config.digests.values() for digest in columns.values()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return record if all(type(value) is kind for kind, of in values.items() for value in of) else None


def read_yaml(text: str) -> tuple[dict[str, Any], list[str]]:
    """Return a card's fields, and what is wrong with how they are written, in words that follow "the YAML"."""
    try:
        if reason := excess(text):
            raise ValueError(reason)
        loader = LOADER(text)
        root = loader.get_single_node()
        twice = list(_repeated_keys(root)) if root else []
        metadata = loader.construct_document(root) if root else {}
        if not isinstance(metadata, dict):
            raise TypeError("is not a mapping of fields to values")
    except Exception as error:  # PyYAML also raises ValueError, KeyError and others, by the tag at which it fails
        what = "does not parse: " if isinstance(error, yaml.YAMLError) else ""
        return {}, [what + " ".join(str(error).split())]
    return metadata, twice


def excess(text: str) -> str:
    """Return why a YAML is too long to be read, or nothing."""
    is_short = len(text) <= YAML_BYTES and sum(map(text.count, ITEM_SIGNS)) <= YAML_ITEMS
    return "" if is_short else f"is longer than the {YAML_BYTES:,} characters or {YAML_ITEMS:,} items that are read"


def _repeated_keys(root: yaml.Node) -> Iterator[str]:
    """Yield a sentence for each key that comes twice; ValueError if the nodes are more than can be read."""
    nodes, size = [(root, 0)], 0
    for node, level in nodes:  # which grow by what is inside, again for each alias: one that leads to itself has no end
        size += 1 + len(node.value)
        if size > 2 * YAML_BYTES or level > YAML_LEVELS:
            raise ValueError(f"expands to more than can be read, or to more than {YAML_LEVELS} levels: flatten it")
        if isinstance(node, yaml.MappingNode):
            nodes += ((part, level + 1) for pair in node.value for part in pair)
            keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            first = {key.value: key for key in reversed(keys)}
            for key in keys:
                if key is not first[key.value]:  # lines are counted from 1, after the one of ---
                    yield f"has the key {reprlib.repr(key.value)} twice in line {key.start_mark.line + 2}"
        elif isinstance(node, yaml.SequenceNode):
            nodes += ((item, level + 1) for item in node.value)
        elif node.tag.endswith(":int") and len(node.value) > NUMBER_DIGITS:  # 1:1:1 would be read for minutes
            raise ValueError(f"has a number of {len(node.value):,} characters in line {node.start_mark.line + 2}")


def name_of(entry: Mapping[str, Any]) -> str | None:
    """Name of the config that an entry of `configs` or `dataset_info` describes; None if it has no name."""
    name = entry.get("config_name")
    return name if isinstance(name, str) else None


def git_blob_id(content: bytes) -> str:
    """Id that git gives a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _own_sha256(metadata: Mapping[str, Any], prose: str, record: Record, ours: Collection[str] = ()) -> str:
    """SHA-256 of the fields and the prose that the publisher wrote."""
    fields = {name: value for name, value in metadata.items() if name in record.fields or name in ours}
    entries = PublishedCard(fields).by_config(record.configs)
    parts = (_in_order(fields, entries), "" if record.keeps_prose else prose)
    return hashlib.sha256(json.dumps([_canonical(part) for part in parts]).encode()).hexdigest()


def _in_order(metadata: Mapping[str, Any], entries: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """A card's YAML with `entries` of configs in place of all, sorted by name."""
    kinds = [kind for kind in entries if isinstance(metadata.get(kind), (list, dict))]
    return {**metadata, **{kind: sorted(entries[kind], key=lambda entry: str(name_of(entry))) for kind in kinds}}


def _canonical(value: Any) -> Any:
    """The same for equal values, whatever the order and the type of their keys."""
    if isinstance(value, Mapping):
        return sorted(([str(key), _canonical(item)] for key, item in value.items()), key=lambda pair: pair[0])
    if isinstance(value, (list, tuple)):
        return list(map(_canonical, value))
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
