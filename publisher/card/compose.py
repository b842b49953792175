"""README.md and the record of a repository: YAML made by the libraries' own classes, prose from a template."""

from __future__ import annotations

import difflib
import glob
import hashlib
import json
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

from publisher.card.record import (
    BY_CONFIG,
    CARD,
    YAML_BYTES,
    YAML_ITEMS,
    ConfigRecord,
    PublishedCard,
    Record,
    fits,
    name_of,
    write_card,
)
from publisher.errors import DifferenceError, UsageError
from publisher.prepare import as_read, digest_of, portable_yaml, rows_sha256_of, yaml_of_features
from publisher.prepare.configs import (
    ConfigCard,
    PreparedConfig,
    declared_configs,
    default_config,
    is_as_declared,
    recall_config,
)
from publisher.prepare.datasets_compat import DatasetInfosDict, MetadataConfigs

COMPUTED = ("size_categories", *BY_CONFIG)
FEATURES_BYTES = 200_000  # of one config, as JSON: larger features are left to the Parquet files
DIFF_LINES, DIFF_WIDTH, DIFF_SHOWN = 2000, 200, 100  # lines compared, characters of a line, lines shown
# The Hub's own steps: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
SIZES = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
SIZE_CATEGORIES = ["n<1K", *(f"{low}<n<{high}" for low, high in pairwise(SIZES))]  # of less than 10**3 rows, 10**4, ...


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

    def of(self, builder: type[datasets.DatasetBuilder], configs: Sequence[ConfigCard]) -> Card:
        """Return the card for configs: itself or its variant."""
        declared = declared_configs(builder)
        if self.variant is None or all(
            is_as_declared(config.builder_config, declared[config.name]) for config in configs
        ):
            return self
        return self.variant


@dataclass(frozen=True)
class ExistingCard:
    """The card and the files that a new card has to fit in with; by default, nothing."""

    card: PublishedCard = PublishedCard()
    paths: Collection[str] = ()  # files that the publisher did not write
    keep_prose: bool = False  # in place of the template's
    leave_other_configs: bool = False  # keep what the card says of configs that are not prepared now


NO_CARD = ExistingCard()


def compose(
    card: Card,
    builder: type[datasets.DatasetBuilder],
    prepared: Sequence[PreparedConfig],
    assets: Mapping[str, str],
    repo_id: str,
    existing: ExistingCard,
) -> tuple[str, Record]:
    """Return the text of README.md, and the record; `assets` maps pictures to their SHA-256.

    Raises
    ------
    DifferenceError
        If files or configs that other people added do not go together with ours.
    UsageError
        If the template cannot be filled in, or the card would be larger than the Hub accepts.
    """
    default = default_config(builder)
    records = {config.name: _record(config) for config in prepared}
    left = _left(prepared, existing)
    configs = all_configs(builder, prepared, existing)
    rows = [sum(split.num_examples for split in config.info.splits.values()) for config in configs]
    theirs = existing.card.fields_of_others(ours_of(card, existing))
    metadata = {**card.metadata, "size_categories": [size_category(max(rows))]}
    if card.derived:
        taken = {*metadata, *theirs, *(("license_name",) if "license" in {*metadata, *theirs} else ())}
        metadata |= {name: value for name, value in card.derived(builder, configs).items() if name not in taken}
    data = DatasetCardData(**metadata)
    for name, value in theirs.items():
        data[name] = value
    _add_configs(data, prepared, default, existing.paths)
    add_others(data, existing.card, left, {*existing.card.record.configs, *records}, default)
    head = _fitting_yaml(data, {*left, *records})
    record = Record({**left, **records}, assets, keeps_prose=existing.keep_prose)
    prose = existing.card.prose if existing.keep_prose else _prose(card, builder, configs, repo_id)
    return write_card(head, prose, record, theirs)


def ours_of(card: Card, existing: ExistingCard) -> Collection[str]:
    """Fields of the YAML that are written anew: to keep a prose is to keep the fields above it."""
    return COMPUTED if existing.keep_prose else card.fields


def all_configs(
    builder: type[datasets.DatasetBuilder], prepared: Sequence[PreparedConfig], existing: ExistingCard
) -> list[ConfigCard]:
    """Return the configs that a repository will have: the prepared ones, and those of an earlier run that it keeps."""
    recalled: list[ConfigCard] = []
    left, origin = _left(prepared, existing), prepared[0].info
    try:
        for name, info in read_infos(existing.card, left).items():
            info.citation, info.homepage, info.license = origin.citation, origin.homepage, origin.license
            if name in builder.builder_configs:
                config = recall_config(builder.builder_configs[name], left[name].provenance)
                recalled.append(ConfigCard(config, info, left[name].digests))
    except Exception as error:  # whatever an edited entry leads to
        raise DifferenceError(
            f"The card's entries for {', '.join(left)} cannot be read. Publish all configs, without --config"
        ) from error
    order = list(declared_configs(builder))
    return sorted([*prepared, *recalled], key=lambda config: order.index(config.name))


def read_infos(card: PublishedCard, names: Collection[str]) -> Mapping[str, datasets.DatasetInfo]:
    """Return what a card says of some configs; raises whatever an edited entry leads to."""
    entries = [entry for entry in card.entries("dataset_info") if name_of(entry) in names]
    return DatasetInfosDict.from_dataset_card_data(DatasetCardData(dataset_info=entries))


def _record(config: PreparedConfig) -> ConfigRecord:
    """Return what a later run has to know of a config."""
    return ConfigRecord(
        provenance=config.provenance,
        digests=config.digests,
        files={file.path: digest_of(file) or "" for file in config.all_files},
        rows_sha256={file.path: digest for file in config.all_files if (digest := rows_sha256_of(file))},
        features=features_sha256(config.info.features),
        num_bytes={name: split.num_bytes for name, split in config.info.splits.items()},
    )


def features_sha256(features: datasets.Features) -> str:
    """SHA-256 of features, the same for all spellings of a type."""
    listed = portable_yaml(yaml_of_features(as_read(features)))
    return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()


def add_others(
    data: DatasetCardData, card: PublishedCard, left: Collection[str], ours: Collection[str], default: str
) -> None:
    """Add an existing card's entries for configs that are left, and for those of other people, to a card's YAML."""
    for kind in BY_CONFIG:
        own = data[kind] if isinstance(data[kind], list) else [{"config_name": "default", **data[kind]}]
        own += [entry for entry in card.entries(kind) if name_of(entry) in left]
        theirs = [entry for entry in card.entries(kind) if name_of(entry) not in ours]
        if kind == "configs" and default in {entry["config_name"] for entry in own}:  # there can be only one
            theirs = [{key: value for key, value in entry.items() if key != "default"} for entry in theirs]
            if any(name_of(entry) in (None, "default") for entry in theirs):
                raise DifferenceError(
                    "The card's YAML has a config of another program that is named default or has no name, so there "
                    "would be two defaults. Give it another name"
                )
        if len(own) + len(theirs) > 1:  # else it stays as the libraries write a single one
            data[kind] = [*sorted(own, key=lambda entry: str(entry["config_name"])), *theirs]


def data_pattern(folder: str, split: str, count: int, others: Collection[str]) -> str:
    """Return the pattern of a split's files, narrower than that of `datasets` if it would match files of other people.

    Examples
    --------
    >>> data_pattern("data", "train", 1, others=["notes.txt"])
    'data/train-*'
    >>> data_pattern("data", "train", 1, others=["data/train-extra.parquet"])
    'data/train-*-of-00001.parquet'
    """
    start = f"{glob.escape(folder)}/{split}"
    for pattern in (f"{start}-*", f"{start}-*-of-{count:05d}.parquet"):
        if not (taken := [path for path in others if fnmatchcase(path, pattern)]):
            return pattern
    raise DifferenceError(
        f"{taken[0]} was not written by this command, and would be read as part of split {split}. Rename or remove it"
    )


def size_category(rows: int) -> str:
    """Name that the Hub gives a number of rows.

    Examples
    --------
    >>> size_category(5000)
    '1K<n<10K'
    """
    digits = max(0, len(str(rows)) - 3)
    return SIZE_CATEGORIES[digits] if digits < len(SIZE_CATEGORIES) else "n>1T"


def card_diff(before: PublishedCard, after: PublishedCard, template: str) -> Sequence[str]:
    """Return the lines of a unified diff of text and fields, without those that are computed from the configs.

    Examples
    --------
    >>> before, after = PublishedCard({"license": "mit"}, "# A"), PublishedCard({"license": "mit"}, "# B")
    >>> print(*card_diff(before, after, "card.md.jinja"), sep=" / ")
    --- README.md on the Hub / +++ README.md from card.md.jinja / @@ -1,3 +1,3 @@ /  license: mit /  --- / -# A / +# B
    """
    one, two = _lines(before), _lines(after)
    lines = [*difflib.unified_diff(one, two, f"{CARD} on the Hub", f"{CARD} from {template}", lineterm="", n=2)]
    return lines if len(lines) <= DIFF_SHOWN else [*lines[:DIFF_SHOWN], f"... and {len(lines) - DIFF_SHOWN} more lines"]


def _lines(card: PublishedCard) -> list[str]:
    fields = {name: value for name, value in card.metadata.items() if name not in BY_CONFIG}
    text = f"{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True) if fields else ''}---\n{card.prose}"
    lines = text.splitlines()[:DIFF_LINES]
    return [line if len(line) <= DIFF_WIDTH else f"{line[:DIFF_WIDTH]} ..." for line in lines]


def _add_configs(
    data: DatasetCardData, prepared: Sequence[PreparedConfig], default: str, others: Collection[str]
) -> None:
    """Add `dataset_info` and `configs` of prepared configs to a card's YAML."""
    DatasetInfosDict({config.name: config.info for config in prepared}).to_dataset_card_data(data)
    for info in data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]:
        info["features"] = portable_yaml(info["features"])
    MetadataConfigs(
        {
            config.name: {
                "data_files": [
                    {"split": split, "path": data_pattern(config.folder, split, len(files), others)}
                    for split, files in config.files.items()
                ],
                **({"default": True} if config.name == default else {}),
            }
            for config in prepared
        }
    ).to_dataset_card_data(data)


def _fitting_yaml(data: DatasetCardData, ours: Collection[str]) -> str:
    """Return the YAML; too large features are left to the Parquet files, where `load_dataset` also finds them."""
    infos = data["dataset_info"] if isinstance(data["dataset_info"], list) else [data["dataset_info"]]
    own = [info for info in infos if info.get("config_name", "default") in ours]
    for most in (FEATURES_BYTES, 0):
        for info in own:
            if len(json.dumps(info.get("features", []), default=str)) > most:
                info.pop("features", None)
        if fits(text := data.to_yaml()):
            return str(text)
    raise UsageError(
        f"{CARD} would have {len(text):,} characters of YAML for {len(infos)} configs, and at most {YAML_BYTES:,} "
        f"characters or {YAML_ITEMS:,} items are read. Publish fewer configs"
    )


def _left(prepared: Sequence[PreparedConfig], existing: ExistingCard) -> dict[str, ConfigRecord]:
    """Records of configs that are not prepared now and stay."""
    if not existing.leave_other_configs:
        return {}
    names = {config.name for config in prepared}
    return {name: record for name, record in existing.card.record.configs.items() if name not in names}


def _prose(card: Card, builder: type[datasets.DatasetBuilder], configs: Sequence[ConfigCard], repo_id: str) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(card.template.parent, encoding="utf-8-sig"),  # some editors write a BOM
        undefined=jinja2.StrictUndefined,  # a slip in a template is an error, not a gap in the card
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown
    )
    first = next((config for config in configs if config.name == default_config(builder)), configs[0])
    try:
        text = environment.get_template(card.template.name).render(
            repo_id=repo_id, configs=configs, default=first, declared=declared_configs(builder), context=card.context
        )
    except Exception as error:  # functions that a template calls may raise anything
        raise UsageError(f"The template {card.template} cannot be filled in: {error}. Correct it") from error
    return "\n" + text.encode(errors="replace").decode()  # a description may have half a surrogate pair
