"""README.md of a repository: YAML made by the libraries' own classes, prose from a template."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
import jinja2
from huggingface_hub import DatasetCardData

from publisher.card.metadata import add_configs, add_others, read_infos, size_category
from publisher.card.record import BY_CONFIG, ConfigRecord, PublishedCard, Record, write_card
from publisher.errors import DifferenceError, UsageError
from publisher.prepare.configs import (
    ConfigCard,
    PreparedConfig,
    declared_configs,
    default_config,
    is_as_declared,
    recall_config,
)
from publisher.prepare.files import digest_of, rows_sha256_of

WORKED_OUT = ("size_categories", *BY_CONFIG)


@dataclass(frozen=True)
class Card:
    """What a dataset says of itself."""

    template: (
        Path  # Jinja: sees `repo_id`, `configs` (a list of `ConfigCard`), `default` (one of them), `declared` (the
    )
    # builder's own config of each name) and `context`; includes templates beside it
    metadata: Mapping[str, Any]  # fields of the Hub's card specification, but for those that are worked out here
    context: Mapping[str, Any] = field(default_factory=dict)  # anything else that the template shows
    assets: Path | None = None  # folder of pictures, published as `assets/`
    variant: Card | None = None  # in its place if a config is not as the builder declares it; else the card serves

    @property
    def fields(self) -> set[str]:
        """The fields of the YAML that are ours; others' stay."""
        return {*self.metadata, *(self.variant.fields if self.variant else ()), *WORKED_OUT}

    def of(self, builder: type[datasets.DatasetBuilder], configs: Sequence[ConfigCard]) -> Card:
        """The card for configs."""
        declared = declared_configs(builder)
        if self.variant is None or all(
            is_as_declared(config.builder_config, declared[config.name]) for config in configs
        ):
            return self
        return self.variant


@dataclass(frozen=True)
class ExistingCard:
    """What a card has to fit in with: by default, nothing."""

    card: PublishedCard = PublishedCard()
    paths: Collection[str] = ()  # files of others
    keep_prose: bool = False  # in place of that of the template
    leave_other_configs: bool = False  # keep what an earlier run wrote of configs that are not built now


NO_CARD = ExistingCard()


def compose(
    card: Card,
    builder: type[datasets.DatasetBuilder],
    built: Sequence[PreparedConfig],
    assets: Mapping[str, str],
    repo_id: str,
    existing: ExistingCard,
) -> str:
    """The text of README.md.

    Parameters
    ----------
    card : Card
    builder : subclass of datasets.DatasetBuilder
    built : sequence of PreparedConfig
        At least one.
    assets : mapping of str to str
        Path -> SHA-256 of the pictures.
    repo_id : str
        The repository that the examples load.
    existing : ExistingCard

    Returns
    -------
    str

    Raises
    ------
    DifferenceError
        If others added what does not go together with ours.
    """
    default = default_config(builder)
    records = {config.name: record_of(config) for config in built}
    left = _left(built, existing)
    configs = all_configs(builder, built, existing)

    theirs = existing.card.fields_of_others(ours_of(card, existing))
    metadata = {**card.metadata, "size_categories": [size_category(max(map(_rows, configs)))]}
    data = DatasetCardData(**metadata)
    for name, value in theirs.items():
        data[name] = value
    add_configs(data, built, default, existing.paths)
    add_others(data, existing.card, left, {*existing.card.record.configs, *records}, default)
    manifest = Record({**left, **records}, assets, theirs=tuple(theirs), keeps_prose=existing.keep_prose)
    prose = existing.card.prose if existing.keep_prose else _prose(card, builder, configs, repo_id)
    return write_card(data, prose, manifest)


def ours_of(card: Card, existing: ExistingCard) -> Collection[str]:
    """The fields of the YAML that are written anew: who keeps a text keeps the fields above it."""
    return WORKED_OUT if existing.keep_prose else card.fields


def all_configs(
    builder: type[datasets.DatasetBuilder], built: Sequence[PreparedConfig], existing: ExistingCard
) -> list[ConfigCard]:
    """The configs that a repository will have: those that are built, and those of an earlier run that it keeps."""
    recalled = _recall(builder, _left(built, existing), existing.card, built[0].info)
    order = list(declared_configs(builder))
    return sorted([*built, *recalled], key=lambda config: order.index(config.name))


def record_of(config: PreparedConfig) -> ConfigRecord:
    """What a later run has to know of a config."""
    files = {file.path: digest_of(file) or "" for file in config.all_files}
    values = {file.path: values for file in config.all_files if (values := rows_sha256_of(file))}
    return ConfigRecord(provenance=config.provenance, digests=config.digests, files=files, values=values)


def _left(built: Sequence[PreparedConfig], existing: ExistingCard) -> dict[str, ConfigRecord]:
    """The records of configs that are not built now and stay."""
    if not existing.leave_other_configs:
        return {}
    names = {config.name for config in built}
    return {name: record for name, record in existing.card.record.configs.items() if name not in names}


def _recall(
    builder: type[datasets.DatasetBuilder],
    records: Mapping[str, ConfigRecord],
    card: PublishedCard,
    origin: datasets.DatasetInfo,
) -> list[ConfigCard]:
    """Configs of an earlier run, from its records and its YAML; what the builder no longer declares is left out."""
    recalled = []
    try:
        for name, info in read_infos(card, records).items():
            info.citation, info.homepage, info.license = origin.citation, origin.homepage, origin.license
            if name in builder.builder_configs:
                config = recall_config(builder.builder_configs[name], records[name].provenance)
                recalled.append(ConfigCard(config, info, records[name].digests))
    except Exception as error:  # whatever a record or YAML of the right form and the wrong content leads to
        raise DifferenceError(
            f"what the card there says of {', '.join(records)} cannot be read: publish all configs, without --config"
        ) from error
    return recalled


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
    except Exception as error:  # what a template calls may raise anything
        raise UsageError(f"the template {card.template} cannot be filled in: {error}: correct it") from error
    return "\n" + text.encode(errors="replace").decode()  # a description may have half a surrogate pair


def _rows(config: ConfigCard) -> int:
    return sum(split.num_examples for split in config.info.splits.values())
