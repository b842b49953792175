"""README.md of a repository, its YAML from the libraries' own classes and its prose from a template, and its record."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import Path
from typing import Any

import datasets
import jinja2
import yaml
from huggingface_hub import DatasetCardData

from publisher import prepare
from publisher.card.record import BY_CONFIG, CARD, ConfigRecord, PublishedCard, Record, excess, name_of, write_card
from publisher.errors import DifferenceError, UsageError, choices
from publisher.prepare import as_read, item_of, short, yaml_of_features
from publisher.prepare.configs import BuilderClass, ConfigCard, PreparedConfig, declared_configs, default_config
from publisher.prepare.datasets_compat import DatasetInfosDict, flat

COMPUTED = ("size_categories", *BY_CONFIG)
FEATURES_BYTES = 200_000  # of one config, as JSON: larger features are left to the Parquet files
DIFF_LINES, DIFF_WIDTH, DIFF_SHOWN = 2000, 200, 100  # lines compared, characters of a line, lines shown
# The Hub's own steps: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
SIZES = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
SIZE_CATEGORIES = ["n<1K", *(f"{low}<n<{high}" for low, high in pairwise(SIZES))]  # of less than 10**3 rows, 10**4, ...
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

    def of(self, builder: BuilderClass, configs: Sequence[ConfigCard]) -> Card:
        """Return the card for configs: itself or its variant."""
        declared = declared_configs(builder)
        own = all(prepare.configs.is_as_declared(config.builder_config, declared[config.name]) for config in configs)
        return self if own or self.variant is None else self.variant


@dataclass(frozen=True)
class ExistingCard:
    """The card and the files that a new card has to fit in with; by default, nothing."""

    card: PublishedCard = PublishedCard()
    paths: Collection[str] = ()  # files that the publisher did not write
    keep_prose: bool = False  # in place of the template's
    left: Mapping[str, ConfigRecord] = field(default_factory=dict)  # configs that are not prepared now, and stay


NO_CARD = ExistingCard()


def compose(
    card: Card,
    builder: BuilderClass,
    prepared: Sequence[PreparedConfig],
    assets: Mapping[str, str],
    repo_id: str,
    existing: ExistingCard,
) -> tuple[str, Record]:
    """Return the text of README.md, and the record; `assets` maps pictures to their SHA-256."""
    default = default_config(builder)
    records = {
        config.name: ConfigRecord(
            provenance=config.provenance,
            digests=config.digests,
            files={file.path: file.sha256 or "" for file in config.all_files},
            rows_sha256={file.path: digest for file in config.all_files if (digest := file.rows_sha256)},
            features=features_sha256(config.info.features),
            num_bytes={name: split.num_bytes for name, split in config.info.splits.items()},
        )
        for config in prepared
    }
    configs = all_configs(builder, prepared, existing)
    rows = [sum(split.num_examples for split in config.info.splits.values()) for config in configs]
    theirs = existing.card.fields_of_others(ours_of(card, existing))
    fields = {**card.metadata, "size_categories": [size_category(max(rows))]}
    if card.derived:
        taken = {*fields, *theirs, *(("license_name",) if "license" in {*fields, *theirs} else ())}
        fields |= {name: value for name, value in card.derived(builder, configs).items() if name not in taken}
    own = existing.card.by_config(existing.left)
    for config in prepared:
        data = DatasetCardData()
        DatasetInfosDict({config.name: config.info}).to_dataset_card_data(data)
        info = {"config_name": config.name, **data["dataset_info"]}
        own["dataset_info"].append({**info, "features": yaml_of_features(config.info.features)})
        counts = {split: len(files) for split, files in config.files.items()}
        paths = {split: data_pattern(config.folder, split, count, existing.paths) for split, count in counts.items()}
        listed = [{"split": split, "path": path} for split, path in paths.items()]
        is_default = {"default": True} if config.name == default else {}
        own["configs"].append({"config_name": config.name, "data_files": listed, **is_default})
    others = existing.card.by_config({*existing.card.record.configs, *records}, others=True)
    head = card_yaml({**fields, **theirs}, own, others, default)
    record = Record({**existing.left, **records}, assets, keeps_prose=existing.keep_prose)
    prose = existing.card.prose if existing.keep_prose else _prose(card, builder, configs, repo_id)
    return write_card(head, prose, record, theirs)


def ours_of(card: Card, existing: ExistingCard) -> Collection[str]:
    """Fields of the YAML that are written anew: to keep a prose is to keep the fields above it."""
    return COMPUTED if existing.keep_prose else card.fields


def all_configs(builder: BuilderClass, prepared: Sequence[PreparedConfig], existing: ExistingCard) -> list[ConfigCard]:
    """Return the configs that a repository will have: the prepared ones, and those of an earlier run that it keeps."""
    configs: list[ConfigCard] = [*prepared]
    left, origin = existing.left, prepared[0].info
    try:
        for name, info in read_infos(existing.card, left).items():
            info.citation, info.homepage, info.license = origin.citation, origin.homepage, origin.license
            if name in builder.builder_configs:
                config = prepare.configs.recall_config(builder.builder_configs[name], left[name].provenance)
                configs.append(ConfigCard(config, info, left[name].digests))
    except Exception as error:  # whatever an edited entry leads to
        reason = f"The card's entries for {', '.join(left)} cannot be read"
        raise DifferenceError(f"{reason}. Publish all configs, without --config.") from error
    return sorted(configs, key=lambda config: list(declared_configs(builder)).index(config.name))


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
        data = DatasetCardData()
        for name, value in fields.items():
            data[name] = value
        for kind in ("dataset_info", "configs"):
            data[kind] = [*sorted(own[kind], key=lambda entry: str(name_of(entry))), *others[kind]]
        for info in own["dataset_info"]:
            if len(json.dumps(info.get("features", []), default=str)) > most:
                info.pop("features", None)
        if len(data["dataset_info"]) == 1:  # as the libraries write a single one
            [info] = data["dataset_info"]
            data["dataset_info"] = {key: info[key] for key in info if (key, info[key]) != ("config_name", "default")}
        text = str(data.to_yaml())
        if not (reason := excess(text)):
            return text
    raise UsageError(f"The YAML of {CARD} for {len(own['configs'])} configs {reason}. Publish fewer configs.")


def data_pattern(folder: str, split: str, count: int, others: Collection[str]) -> str:
    """Return the pattern of a split's files: that of `datasets`, or a narrower one if that matches files of others."""
    start = f"{glob.escape(folder)}/{split}"
    for pattern in (f"{start}-*", f"{start}-*-of-{count:05d}.parquet"):
        if not (taken := [path for path in others if fnmatchcase(path, pattern)]):
            return pattern
    effect = f"was not written by this command, and would be read as part of split {split}"
    raise DifferenceError(f"{taken[0]} {effect}. Rename or remove it.")


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
