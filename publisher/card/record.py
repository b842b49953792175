"""The record at the end of a card of what the publisher wrote, so that later it touches nothing that others wrote.

A card is YAML, prose and record. Others may add configs of their own to the YAML; anything else that they change shows,
because the record holds the SHA-256 of the rest, and of itself.
"""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import yaml
from huggingface_hub import DatasetCardData

from publisher.errors import UsageError

CARD = "README.md"
MARK, END = "<!-- Written by a program, which looks here for what is its own before it writes again: ", " -->"
YAML = re.compile(r"\A\s*---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # of libyaml, ten times as fast

# Cards may be written to do harm. What is larger is not read: it costs seconds, or gigabytes.
CARD_BYTES = 30_000_000
YAML_BYTES = 1_000_000
YAML_ITEMS = 30_000  # more than 10,000 columns
ITEM_SIGNS = ("\n", ",", "[", "{", "- ", "? ")  # no item of YAML without one
EXPANDED_BYTES = 4_000_000  # of the YAML with all that its anchors stand for
RECORD_ITEMS = 250_000  # files of a repository: the Hub advises 100,000 at most
NUMBER_DIGITS = 1000

NO_YAML = f"{CARD} has no YAML between two lines of --- at its top"
BY_CONFIG = ("configs", "dataset_info")  # the parts of a card's YAML that have an entry for each config


@dataclass(frozen=True)
class ConfigRecord:
    """What was written of one config."""

    provenance: Mapping[str, Any]  # builder, config, version, parameters
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values
    files: Mapping[str, str]  # path -> SHA-256
    values: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256 of the rows; older records have none


@dataclass(frozen=True)
class Record:
    """What was written in all."""

    configs: Mapping[str, ConfigRecord] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)  # path -> SHA-256
    card: str = ""  # SHA-256 of the card's own YAML and prose
    theirs: Sequence[str] = ()  # fields of the YAML that others wrote, and that stayed
    keeps_prose: bool = False  # the prose is that of others

    @property
    def files(self) -> dict[str, str]:
        """Path -> SHA-256 of every file but the card."""
        return {**self.assets, **{path: sha for config in self.configs.values() for path, sha in config.files.items()}}


@dataclass(frozen=True)
class PublishedCard:
    """A card as it was found."""

    metadata: dict[str, Any] = field(default_factory=dict)
    prose: str = ""
    manifest: Record | None = None  # None: not ours
    faults: tuple[str, ...] = ()  # what is wrong with how it is written, a sentence each

    @property
    def record(self) -> Record:
        """What was written of it by this program: nothing, if it is not ours."""
        return self.manifest or Record()

    @property
    def is_edited(self) -> bool:
        """Whether somebody else wrote the card, or changed it beyond adding configs."""
        return self.manifest is None or self.manifest.card != _digest_of_own(self.metadata, self.prose, self.manifest)

    def is_edited_in(self, ours: Collection[str]) -> bool:
        """Whether somebody else wrote the prose, or changed it or one of those fields of the YAML that are `ours`."""
        if self.manifest is None or not self.is_edited:
            return self.is_edited
        fields = {name: value for name, value in self.metadata.items() if name in ours}
        return self.manifest.card != _digest_of_own(fields, self.prose, self.manifest)

    def is_of_others(self, ours: Collection[str]) -> bool:
        """Whether it is edited so, or holds a text of somebody else that was kept."""
        return self.record.keeps_prose or self.is_edited_in(ours)

    def fields_of_others(self, ours: Collection[str]) -> dict[str, Any]:
        """The fields of the YAML that others wrote and we do not: such as language, licence, tags."""
        names = set(self.metadata if self.is_edited else self.record.theirs) - set(ours)
        return {name: value for name, value in self.metadata.items() if name in names and isinstance(name, str)}

    @property
    def is_read(self) -> bool:
        """Whether all that it says is known: a YAML that does not parse may say anything."""
        return bool(self.metadata) or not self.faults or self.faults == (NO_YAML,)

    def entries(self, kind: str) -> list[dict[str, Any]]:
        """The entries of `configs` or `dataset_info`."""
        return _entries(self.metadata, kind)

    def says_the_same(self, other: PublishedCard) -> bool:
        """Whether the cards differ in the style of their YAML at most."""
        records = [manifest and replace(manifest, theirs=()) for manifest in (self.manifest, other.manifest)]
        fields = [_canonical(_in_order(card.metadata)) for card in (self, other)]
        return (self.prose, records[0], fields[0]) == (other.prose, records[1], fields[1])


def write_card(data: DatasetCardData, prose: str, manifest: Record) -> str:
    """The text of README.md; the manifest says what else was written, and its `card` is worked out here."""
    head = data.to_yaml()
    record = {**asdict(manifest), "card": _digest_of_own(yaml.load(head, LOADER) or {}, prose, manifest)}
    record = {name: value for name, value in record.items() if value or name not in ("theirs", "keeps_prose")}
    listed = json.dumps({**record, "record": _digest(record)})
    escaped = listed.replace("--", "-\\u002d")  # two hyphens may not stand in a comment
    text = f"---\n{head}\n---\n{prose}\n{MARK}{escaped}{END}\n"
    if read_card(text).manifest is None:
        raise UsageError(
            f"{CARD} would have {len(text):,} characters on {len(manifest.files):,} files, which is more than is read "
            "again: publish fewer configs, or larger files"
        )
    return text


def read_card(text: str) -> PublishedCard:
    r"""Take a card apart; what cannot be read counts as somebody else's.

    Examples
    --------
    >>> text = write_card(DatasetCardData(license="mit"), "# Title", Record())
    >>> read_card(text).is_edited, read_card(text.replace("Title", "title")).is_edited
    (False, True)
    >>> read_card("---\nlicense: [mit\n---\n# Title").faults
    ('README.md: the YAML does not parse: ...',)
    """
    if len(text) > CARD_BYTES:
        return PublishedCard(
            faults=(f"{CARD} has {len(text):,} characters, more than the {CARD_BYTES:,} that are read",)
        )
    text = text.removeprefix("\ufeff")
    before, mark, rest = text.rpartition(MARK)
    record, end, after = rest.partition(END)
    manifest = _read_record(record) if mark and end else None
    body = before.removesuffix("\n") + after.removeprefix("\n") if manifest else text
    head = YAML.match(body)
    if head is None:
        return PublishedCard({}, body, manifest, (NO_YAML,))
    prose = body[head.end() :]
    try:
        metadata, twice = _read_yaml(head["yaml"])
    except Exception as error:  # PyYAML also raises ValueError, KeyError and others, by the tag that it fails at
        return PublishedCard({}, prose, None, (f"{CARD}: the YAML does not parse: {' '.join(str(error).split())}",))
    if not isinstance(metadata, dict):
        return PublishedCard({}, prose, None, (f"{CARD}: the YAML is not a mapping of fields to values",))
    faults = [f"{CARD}: the YAML has the key {reprlib.repr(key)} twice in line {line}" for key, line in twice]
    if mark and manifest is None:
        faults.append(f"{CARD}: the record at its end was edited or is cut: publish again to write a new one")
    return PublishedCard(metadata, prose, manifest, tuple(faults))


def _read_record(text: str) -> Record | None:
    if sum(map(text.count, "{[,")) > RECORD_ITEMS:
        return None
    try:
        record = json.loads(text)
        if record.pop("record") != _digest(record):
            return None
        configs = {name: ConfigRecord(**config) for name, config in record.pop("configs").items()}
        manifest = Record(configs=configs, **{**record, "theirs": tuple(record.get("theirs", ()))})
        texts = [manifest.assets, {"card": manifest.card}, *(config.files for config in configs.values())]
        texts += [columns for config in configs.values() for columns in config.digests.values()]
        typed = all(isinstance(value, str) for mapping in texts for value in mapping.values())
        typed = typed and all(isinstance(name, str) for name in manifest.theirs)
        return manifest if typed and all(isinstance(config.provenance, dict) for config in configs.values()) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _read_yaml(text: str) -> tuple[Any, list[tuple[str, int]]]:
    """The values, and the keys that come twice with their lines."""
    if len(text) > YAML_BYTES or sum(map(text.count, ITEM_SIGNS)) > YAML_ITEMS:
        raise ValueError(f"it is longer than the {YAML_BYTES:,} characters or {YAML_ITEMS:,} items that are read")
    loader = LOADER(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return {}, []
        twice = _check_nodes(root)
        return loader.construct_document(root), twice
    finally:
        loader.dispose()


def _check_nodes(root: yaml.Node) -> list[tuple[str, int]]:
    """The keys that come twice; refuse what would grow without bounds when it is read."""
    twice: list[tuple[str, int]] = []
    sizes: dict[int, int] = {}  # of what is below each node, anchors expanded
    waiting = [(root, False)]
    while waiting:
        node, is_left = waiting.pop()
        if not isinstance(node, yaml.CollectionNode):
            if node.tag.endswith((":int", ":float")) and len(node.value) > NUMBER_DIGITS:
                raise ValueError(f"line {node.start_mark.line + 2} has a number of {len(node.value):,} characters")
            sizes[id(node)] = 1 + len(node.value)
            continue
        below = [item for pair in node.value for item in pair] if isinstance(node, yaml.MappingNode) else node.value
        if is_left:
            sizes[id(node)] = 1 + sum(sizes[id(item)] for item in below)
            if sizes[id(node)] > EXPANDED_BYTES:
                raise ValueError(f"its anchors expand to more than {EXPANDED_BYTES:,} characters")
        elif id(node) not in sizes:
            sizes[id(node)] = EXPANDED_BYTES  # until it is left: an anchor that leads to itself has no end
            waiting += [(node, True), *((item, False) for item in below)]
            twice += _repeated_keys(node) if isinstance(node, yaml.MappingNode) else []
    return sorted(twice, key=lambda pair: pair[1])


def _repeated_keys(node: yaml.MappingNode) -> list[tuple[str, int]]:
    keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    first = {key.value: key for key in reversed(keys)}
    # + 2: lines are counted from 1, and the YAML comes after the line of ---
    return [(key.value, key.start_mark.line + 2) for key in keys if first[key.value] is not key]


def name_of(entry: Mapping[str, Any]) -> str | None:
    """The config that an entry of `configs` or `dataset_info` is about; None if it names none."""
    name = entry.get("config_name")
    return name if isinstance(name, str) else None


def _entries(metadata: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    entries = metadata.get(kind)
    if kind == "dataset_info" and isinstance(entries, dict):  # of a single config, which need not be named
        entries = [{"config_name": "default", **entries}]
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _digest_of_own(metadata: Mapping[str, Any], prose: str, manifest: Record) -> str:
    """SHA-256 of what of a card is ours."""
    fields = {name: value for name, value in metadata.items() if name not in manifest.theirs}
    return _digest(_in_order(fields, manifest.configs), "" if manifest.keeps_prose else prose)


def _in_order(metadata: Mapping[str, Any], names: Collection[str] | None = None) -> dict[str, Any]:
    """A card's YAML with the entries of `configs` and `dataset_info` by their names, of some or of all configs."""
    ordered = {
        kind: sorted(
            (entry for entry in _entries(metadata, kind) if names is None or name_of(entry) in names),
            key=lambda entry: str(name_of(entry)),
        )
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
