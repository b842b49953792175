"""Notes on a plan for its maintainer: it replaces another dataset, or a version stays although rows change."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from reprlib import repr as short
from typing import Any

import datasets

from publisher.card.record import ConfigRecord, PublishedCard, Record
from publisher.prepare import rows_sha256_of
from publisher.prepare.configs import PreparedConfig, declared_configs, is_as_declared
from publisher.prepare.datasets_compat import flat

Made = tuple[datasets.BuilderConfig, Mapping[str, Any]]  # a config, and its provenance by `describe_builder`
MOST_NAMED = 5  # differing parameters
NOT_PARAMETERS = ("builder", "config", "version")  # keys of a provenance


def describe_mismatch(builder: type[datasets.DatasetBuilder], wanted: Iterable[Made], record: Record) -> str:
    """Return how the published dataset differs from the wanted one, or nothing.

    A declared config of a higher version than the published one is the next version of the same dataset, whatever its
    parameters.
    """
    declared = declared_configs(builder)
    for config, here in wanted:
        for there in (published.provenance for published in record.configs.values()):
            if "builder" in there and there["builder"] != here["builder"]:
                return f"builder {short(there['builder'])} there, {short(here['builder'])} here"
        if config.name not in record.configs:
            continue
        there = record.configs[config.name].provenance
        if is_as_declared(config, declared[config.name]) and _is_newer(here["version"], there.get("version")):
            continue
        if words := _differing(there, here):
            return f"config {config.name!r} has {words}"
    return ""


def notes(
    configs: Iterable[PreparedConfig], record: Record, paths: Collection[str], names: Iterable[str]
) -> Iterator[str]:
    """Yield sentences on rows whose version stays, versions that go back, and scripts that `load_dataset` refuses.

    `paths` are the files that stay in addition to the plan's, `names` what a script of the dataset may be called.
    """
    configs = list(configs)
    yield from dict.fromkeys(note for config in configs for note in config.notes)
    for config in configs:
        version = config.provenance["version"]
        published = record.configs.get(config.name)
        there = published.provenance.get("version") if published else None
        if published and there == version and _rows_differ(published, config):
            yield f"rows of config {config.name!r} change at the same version {version}: raise it, as caches go by it"
        elif _is_newer(there, version):
            yield f"config {config.name!r} goes back from version {there} to {version}: is the code an old copy?"
    for name in dict.fromkeys(names):
        if f"{name}.py" in paths:
            yield f"{name}.py, an existing script, stays: load_dataset no longer runs scripts, so it may be removed"


def only_read(configs: Iterable[PreparedConfig], repo_id: str, card: PublishedCard) -> Iterator[str]:
    """Yield the paths in a repository that its script fetched from it, and that no config of its card names."""
    address = re.compile(rf"(?:hf:/|https?://[^/]+)/datasets/{re.escape(repo_id)}(?:@[^/]+|/(?:resolve|raw)/[^/]+)/")
    given = (text for entry in card.entries("configs") for text in flat(entry.get("data_files")))
    named = [text for text in given if isinstance(text, str)]
    for path in {address.sub("", text.split("::")[-1].split("?")[0]) for config in configs for text in config.inputs}:
        if "://" not in path and not any(fnmatchcase(path, pattern) for pattern in named):
            yield path


def _rows_differ(record: ConfigRecord, config: PreparedConfig) -> bool:
    if record.digests and config.digests:
        return record.digests != config.digests
    found = {file.path: rows_sha256_of(file) for file in config.all_files}
    return any(rows and rows != record.rows_sha256.get(path, rows) for path, rows in found.items())


def _differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Return the parameters that differ, as published and as wanted."""
    before, after = _flat(there), _flat(here)
    names = [name for name in after.keys() | before.keys() if before.get(name) != after.get(name)]
    names = sorted(names, key=[*after, *before].index)
    words = [f"{name}={short(before.get(name))} there, {short(after.get(name))} here" for name in names[:MOST_NAMED]]
    return "; ".join([*words, *([f"and {len(names) - MOST_NAMED} more differ"] if len(names) > MOST_NAMED else [])])


def _flat(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by name, including the fields of nested ones."""
    flat: dict[str, Any] = {}
    for name, value in provenance.items():
        if name not in NOT_PARAMETERS:
            flat.update(value if isinstance(value, dict) else {name: value})
    return flat


def _is_newer(here: Any, there: Any) -> bool:
    try:
        return bool(datasets.Version(str(here)) > datasets.Version(str(there)))
    except ValueError:  # not a version
        return False
