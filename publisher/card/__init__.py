"""README.md of a repository, its YAML from the libraries' own classes and its prose from a template, and its record."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import jinja2
import yaml
from huggingface_hub import DatasetCardData
from huggingface_hub.utils import yaml_dump

from publisher import prepare
from publisher.card.record import BY_CONFIG, CARD, ConfigRecord, PublishedCard, Record, excess, name_of, write_card
from publisher.errors import DifferenceError, UsageError, choices
from publisher.prepare import File, TextFile, as_read, describe_file, item_of, short, yaml_of_features
from publisher.prepare.configs import BuilderClass, ConfigCard, PreparedConfig, declared_configs, default_config
from publisher.prepare.datasets_compat import DatasetInfosDict, flat

COMPUTED = ("size_categories", *BY_CONFIG)
FEATURES_BYTES = 200_000  # of one config, as JSON: larger features are left to the Parquet files
DIFF_LINES, DIFF_WIDTH, DIFF_SHOWN = 2000, 200, 100  # lines compared, characters of a line, lines shown
# The Hub's own steps: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
SIZES = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
SIZE_CATEGORIES = ["n<1K", *(f"{low}<n<{high}" for low, high in pairwise(SIZES))]  # of less than 10**3 rows, 10**4, ...
HIDDEN = re.compile(r"\..*|.*~|Thumbs\.db|desktop\.ini|__MACOSX|__pycache__", re.DOTALL)
PICTURE = re.compile(r"\]\((assets/[^)\s]+)\)")
TEMPLATE = Path(__file__).with_name("default.md.jinja")
# Identifiers of the Hub: https://huggingface.co/docs/hub/repositories-licenses
LICENSES = Path(__file__).with_name("licenses.txt").read_text(encoding="ascii").split()
# Patterns, in the order in which they are replaced, and the words of the Hub's identifiers that they stand for, if any
SPELLINGS = [line.split("\t") for line in Path(__file__).with_name("spellings.txt").read_text("ascii").splitlines()]


@dataclass(frozen=True)
class Card:
    """Template, metadata and pictures of a dataset's card."""

    # Jinja: sees `repo_id`, `configs` (a list of `ConfigCard`), `default` (one of them), `declared` (the builder's own
    # config of each name) and `context`; includes templates in the same folder
    template: Path
    metadata: Mapping[str, Any]  # fields of the Hub's card specification, except those that are computed here
    context: Mapping[str, Any] = field(default_factory=dict)  # anything else that the template shows
    assets: Path | None = None  # folder of pictures, published as `assets/`
    variant: Card | None = None  # used instead if a config is not as the builder declares it
    derived: Callable[..., Mapping[str, Any]] | None = None  # of builder and configs: more fields

    @property
    def fields(self) -> set[str]:
        """Fields of the YAML that are ours; other fields stay as they are."""
        return {*self.metadata, *(self.variant.fields if self.variant else ()), *COMPUTED}


@dataclass(frozen=True)
class Dataset:
    """Configs of a builder as files, written or expected, and their card, which fits in with an existing one."""

    builder: BuilderClass
    card: Card
    configs: Sequence[PreparedConfig]
    existing: PublishedCard = PublishedCard()
    others: Collection[str] = ()  # existing files that the publisher did not write
    keep_prose: bool = False  # of the existing card, in place of the template's
    left: Mapping[str, ConfigRecord] = field(default_factory=dict)  # configs that are not prepared now, and stay

    def all_configs(self) -> list[ConfigCard]:
        """Return the configs that a repository will have: these, and those of an earlier run that it keeps."""
        configs: list[ConfigCard] = [*self.configs]
        left, origin, declared = self.left, self.configs[0].info, declared_configs(self.builder)
        try:
            for name, info in read_infos(self.existing, left).items():
                info.citation, info.homepage, info.license = origin.citation, origin.homepage, origin.license
                if name in declared:
                    config = prepare.configs.recall_config(declared[name], left[name].provenance)
                    configs.append(ConfigCard(config, info, left[name].digests))
        except Exception as error:  # whatever an edited entry leads to
            reason = f"The card's entries for {', '.join(left)} cannot be read"
            raise DifferenceError(f"{reason}. Publish all configs, without --config.") from error
        return sorted(configs, key=lambda config: list(declared).index(config.name))

    def shown_card(self) -> Card:
        """Return the card, or its variant if a config is not as the builder declares it."""
        declared = declared_configs(self.builder)
        own = (prepare.configs.is_as_declared(one.builder_config, declared[one.name]) for one in self.all_configs())
        return self.card.variant if self.card.variant and not all(own) else self.card

    def files(self) -> list[File]:
        """Return all files except README.md and the record: those of the configs, and the pictures of the card."""
        files: list[File] = [file for config in self.configs for file in config.all_files]
        if (root := self.shown_card().assets) is None:
            return files
        # also behind links, without the hidden files of systems and editors
        found = [Path(place, name) for place, _, names in os.walk(root, followlinks=True) for name in names]
        shown = [path for path in sorted(found) if not any(map(HIDDEN.fullmatch, path.relative_to(root).parts))]
        return files + [describe_file(path, root, within="assets/") for path in shown if path.is_file()]

    def readme(self, files: Sequence[File], repo_id: str) -> tuple[TextFile, Record]:
        """Return README.md and the record; raises UsageError if the card shows a picture that is missing."""
        card, configs, default = self.shown_card(), self.all_configs(), default_config(self.builder)
        theirs = self.existing.fields_of_others(COMPUTED if self.keep_prose else card.fields)
        most = max(sum(split.num_examples for split in config.info.splits.values()) for config in configs)
        fields = {**card.metadata, "size_categories": [size_category(most)]}
        if card.derived:
            taken = {*fields, *theirs, *(("license_name",) if "license" in {*fields, *theirs} else ())}
            fields |= {name: of for name, of in card.derived(self.builder, configs).items() if name not in taken}
        own, records = self.existing.by_config(self.left), dict(self.left)
        for config in self.configs:
            records[config.name] = record_of(config)
            data = DatasetCardData()
            DatasetInfosDict({config.name: config.info}).to_dataset_card_data(data)
            info = {"config_name": config.name, **data["dataset_info"]}
            own["dataset_info"].append({**info, "features": yaml_of_features(config.info.features)})
            listed = [{"split": split, "path": self._data_pattern(config, split)} for split in config.files]
            is_default = {"default": True} if config.name == default else {}
            own["configs"].append({"config_name": config.name, "data_files": listed, **is_default})
        others = self.existing.by_config({*self.existing.record.configs, *records}, others=True)
        head = card_yaml({**fields, **theirs}, own, others, default)
        assets = {file.path: file.sha256 or "" for file in files if file.path.startswith("assets/")}
        prose = self.existing.prose if self.keep_prose else _prose(card, self.builder, configs, repo_id)
        record = Record(records, assets, keeps_prose=self.keep_prose)
        text, record = write_card(head, prose, record, theirs)
        for picture in PICTURE.findall(text):
            if card.assets and picture not in {*assets, *self.others}:
                advice = f"draw it, or take it off {card.template}"
                raise UsageError(f"{CARD} shows {picture}, which is not in {card.assets}: {advice}")
        return TextFile(CARD, text.encode()), record

    def _data_pattern(self, config: PreparedConfig, split: str) -> str:
        """Return the pattern of a split's files: that of `datasets`, or a narrower one if it matches other files."""
        start = f"{glob.escape(config.folder)}/{split}"
        for pattern in (f"{start}-*", f"{start}-*-of-{len(config.files[split]):05d}.parquet"):
            if not (taken := [path for path in self.others if fnmatchcase(path, pattern)]):
                return pattern
        effect = f"was not written by this command, and would be read as part of split {split}"
        raise DifferenceError(f"{taken[0]} {effect}. Rename or remove it.")


@dataclass(frozen=True)
class PublishedSnapshot(Dataset):
    """Dataset that an earlier run published, with the card that it wrote."""

    then: PublishedCard = PublishedCard()
    text: bytes = b""  # of that card
    own: Sequence[File] = ()  # all files that its record names

    def files(self) -> list[File]:
        """Return all files except README.md and the record."""
        return list(self.own)

    def readme(self, files: Sequence[File], repo_id: str) -> tuple[TextFile, Record]:
        """Return README.md as it was, with the configs, fields and kept prose that other people have there now."""
        then, record = self.then, self.then.record
        names = {*record.configs, *self.existing.record.configs}
        ours = COMPUTED if self.keep_prose else self.card.fields
        others, fields = self.existing.by_config(names, others=True), self.existing.fields_of_others(ours)
        is_same = (others, fields) == (then.by_config(names, others=True), then.fields_of_others(ours))
        if is_same and not self.keep_prose and not then.has_comment:
            return TextFile(CARD, self.text), record
        rest = {name: then.metadata[name] for name in record.fields or then.metadata if name in then.metadata}
        head = card_yaml({**rest, **fields}, then.by_config(record.configs), others, default_config(self.builder))
        record = replace(record, keeps_prose=self.keep_prose or record.keeps_prose)
        text, record = write_card(head, (self.existing if self.keep_prose else then).prose, record, fields)
        return TextFile(CARD, text.encode()), record


def record_of(config: PreparedConfig) -> ConfigRecord:
    """Return what the record says of a config."""
    return ConfigRecord(
        provenance=config.provenance,
        digests=config.digests,
        files={file.path: file.sha256 or "" for file in config.all_files},
        rows_sha256={file.path: file.rows_sha256 for file in config.all_files if file.rows_sha256},
        features=features_sha256(config.info.features),
        num_bytes={name: split.num_bytes for name, split in config.info.splits.items()},
    )


def read_infos(card: PublishedCard, names: Collection[str]) -> Mapping[str, datasets.DatasetInfo]:
    """Return what a card says of some configs; raises whatever an edited entry leads to."""
    entries = [entry for entry in card.entries("dataset_info") if name_of(entry) in names]
    return DatasetInfosDict.from_dataset_card_data(DatasetCardData(dataset_info=entries))


def features_sha256(features: datasets.Features) -> str:
    """SHA-256 of features, the same for all spellings of a type."""
    listed = yaml_of_features(as_read(features))
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def card_yaml(fields: Mapping[str, Any], own: Mapping[str, Any], others: Mapping[str, Any], default: str) -> str:
    """Return the YAML of fields and of the entries of configs by kind, of which those of `others` come last.

    Too large features are left to the Parquet files, where `load_dataset` also finds them.
    """
    if default in map(name_of, own["configs"]):  # there can be only one
        theirs = [{key: value for key, value in entry.items() if key != "default"} for entry in others["configs"]]
        if any(name_of(entry) in (None, "default") for entry in theirs):
            which = "a config of another program that is named default or has no name"
            raise DifferenceError(f"The card's YAML has {which}, so there would be two defaults. Give it another name.")
        others = {**others, "configs": theirs}
    for most in (FEATURES_BYTES, 0):
        data = {**vars(DatasetCardData()), **fields}  # its own way to YAML loses fields such as train-eval-index
        for kind in ("dataset_info", "configs"):
            data[kind] = [*sorted(own[kind], key=lambda entry: str(name_of(entry))), *others[kind]]
        for info in own["dataset_info"]:
            if len(json.dumps(info.get("features", []), default=str)) > most:
                info.pop("features", None)
        if len(data["dataset_info"]) == 1:  # as the libraries write a single one
            [info] = data["dataset_info"]
            data["dataset_info"] = {key: info[key] for key in info if (key, info[key]) != ("config_name", "default")}
        text = str(yaml_dump({name: of for name, of in data.items() if of is not None}, sort_keys=False)).strip()
        if not (reason := excess(text)):
            return text
    what = f"The YAML of {CARD} for {len(own['configs'])} configs {reason}"
    raise UsageError(f"{what}. Publish fewer configs, or shorten the fields that other people wrote.")


def size_category(rows: int) -> str:
    """Name that the Hub gives a number of rows."""
    return [*SIZE_CATEGORIES, "n>1T"][min(max(0, len(str(rows)) - 3), len(SIZE_CATEGORIES))]


def card_diff(before: PublishedCard, after: PublishedCard, template: str) -> Sequence[str]:
    """Return the lines of a unified diff of text and fields, without those that are computed from the configs."""
    texts = []
    for card in (before, after):
        fields = {name: value for name, value in card.metadata.items() if name not in BY_CONFIG}
        text = f"{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True) if fields else ''}---\n{card.prose}"
        lines = text.splitlines()[:DIFF_LINES]
        texts.append([f"{line[:DIFF_WIDTH]} ..." if len(line) > DIFF_WIDTH else line for line in lines])
    names = (f"{CARD} on the Hub", f"{CARD} from {template}")
    lines = [*difflib.unified_diff(texts[0], texts[1], *names, lineterm="", n=2)]
    return lines if len(lines) <= DIFF_SHOWN else [*lines[:DIFF_SHOWN], f"... and {len(lines) - DIFF_SHOWN} more lines"]


def _prose(card: Card, builder: BuilderClass, configs: Sequence[ConfigCard], repo_id: str) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False)
    environment.loader = jinja2.FileSystemLoader(card.template.parent, encoding="utf-8-sig")  # some editors write a BOM
    environment.undefined = jinja2.StrictUndefined  # a slip in a template is an error, not a gap in the card
    first = next((config for config in configs if config.name == default_config(builder)), configs[0])
    seen = {"repo_id": repo_id, "configs": configs, "default": first, "declared": declared_configs(builder)}
    try:
        text = environment.get_template(card.template.name).render(seen, context=card.context)
    except Exception as error:  # functions that a template calls may raise anything
        raise UsageError(f"The template {card.template} cannot be filled in: {error}. Correct it.") from error
    if re.match(r"\s*---\n.*?^---$", text, re.DOTALL | re.MULTILINE):
        raise UsageError(f"The template {card.template} begins with YAML, which is written for it. Remove that block.")
    return "\n" + text.encode(errors="replace").decode()  # a description may have half a surrogate pair


# --- the card of a builder without a template, and fields that its texts lead to --------------------------------------


def default_card(builder: BuilderClass, template: Path | None = None) -> Card:
    """Return the card for a builder, with the packaged template or another."""
    # a script's name says more than the name of its class
    title = re.sub(r"[_\W]+", " ", builder.__module__.rpartition(".")[2]).strip() or builder.__name__
    context = {"title": title, "kind_of": kind_of, "on_one_line": on_one_line}
    return Card(template or TEMPLATE, {"pretty_name": title}, context, derived=fields_of)


def fields_of(builder: BuilderClass, configs: Sequence[ConfigCard]) -> dict[str, Any]:
    """Return the fields `license`, `license_name` and `language` as far as a builder says them."""
    told = next(filter(None, (config.info.license for config in configs)), "")
    places = [builder, *(config.builder_config for config in configs)]
    said = [value for place in places for name in ("language", "languages") for value in flat(getattr(place, name, []))]
    codes = sorted({code for code in said if isinstance(code, str) and re.fullmatch(r"[a-z]{2,3}", code)})
    return {**license_fields(told), **({"language": codes} if codes else {})}


def license_fields(text: str) -> dict[str, str]:
    """Return `license`, and `license_name` if the text is none of the Hub's identifiers nor a usual spelling of one."""
    if (found := _words(str(text))) in KNOWN:
        return {"license": KNOWN[found]}
    return {"license": "other", "license_name": short(text, str)} if str(text).strip() else {}


def _words(text: str) -> frozenset[str | float]:
    """Return the words and numbers by which a licence is known, in any order."""
    spelled = re.sub(r"[-_/\s]+", " ", text.lower())
    for pattern, word in SPELLINGS:
        spelled = re.sub(pattern, f" {word} ", spelled)
    words = re.findall(r"\d+(?:\.\d+)?|[a-z+]+", spelled)
    if "odbl" in words or "cc0" in words:
        words = [word for word in words if word not in ("odc", "cc")]
    return frozenset(float(word) if word[0].isdigit() else word for word in words)


KNOWN = {_words(identifier): identifier for identifier in LICENSES}


def kind_of(feature: Any) -> str:
    """Return a feature in a few words.

    Examples
    --------
    >>> kind_of(datasets.Value("string")), kind_of([datasets.Value("int64")])
    ('string', 'list of int64')
    >>> kind_of({"start": datasets.Value("int32"), "tag": datasets.ClassLabel(names=["O", "B-PER"])})
    '{start: int32, tag: class label of 2: O, B-PER}'
    """
    if isinstance(feature, datasets.ClassLabel):
        names = choices(map(on_one_line, feature.names or []))
        return f"class label of {feature.num_classes}" + (f": {names}" if names else "")
    if isinstance(feature, datasets.Value):
        return str(feature.dtype)
    if isinstance(feature, dict):
        return "{" + ", ".join(f"{name}: {kind_of(inner)}" for name, inner in feature.items()) + "}"
    if (inner := item_of(feature)) is not None:
        return f"list of {kind_of(inner)}"
    if (shape := getattr(feature, "shape", None)) is not None:
        return f"array of {feature.dtype}, {' x '.join('any' if size is None else str(size) for size in shape)}"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(feature).__name__).lower()


def on_one_line(text: Any) -> str:
    """Return a text for a cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")
