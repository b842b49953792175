"""Everything that a repository should contain, written to a folder: the wanted state."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import datasets

from publisher.card import NOTHING, Card, Surroundings, all_configs, compose, config_order, default_config
from publisher.configs import BuiltConfig, File, build_config, describe_file
from publisher.digests import file_digest
from publisher.errors import UsageError
from publisher.manifest import CARD, PublishedCard, read_card
from publisher.parts import Part, assemble

NONE: Mapping[str, Any] = MappingProxyType({})
TAKEN = ("data", "assets")  # folders of the default config and of the pictures


@dataclass(frozen=True)
class Wanted:
    """All that a repository should contain of ours."""

    files: list[File]  # the card first
    card: PublishedCard


@dataclass(frozen=True)
class Build:
    """A builder's configs as files on this machine; all of a repository but its card."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    folder: Path
    configs: list[BuiltConfig]
    assets: list[File]

    @property
    def paths(self) -> list[str]:
        """The paths of all files but the card."""
        return [file.path for file in self._files()]

    def fit_in(self, around: Surroundings) -> Build:
        """The same with the card, and its pictures, that is meant for these configs and those that stay."""
        card = self.card.of(self.builder, all_configs(self.builder, self.configs, around))
        return self if card is self.card else replace(self, card=card, assets=_describe_assets(card))

    def add_card(self, repo_id: str, around: Surroundings = NOTHING) -> Wanted:
        """Write the card that fits in with what is around."""
        assets = {file.path: file.sha256 for file in self.assets}
        text = compose(self.card, self.builder, self.configs, assets, repo_id, around)
        path = self.folder / CARD
        path.write_text(text, encoding="utf-8", newline="\n")
        file = describe_file(path, self.folder)
        if any(not other.sha256 for other in self._files()):  # then the numbers in the card are expected ones, too
            file = replace(file, sha256="")
        return Wanted([file, *self._files()], read_card(text))

    def _files(self) -> list[File]:
        data = [file for config in self.configs for files in config.files.values() for file in files]
        return [*data, *self.assets]


def config_names(builder: type[datasets.DatasetBuilder], chosen: Sequence[str] = ()) -> list[str]:
    """The names of a builder's configs, or of those chosen.

    Raises
    ------
    UsageError
        If a chosen one is unknown; the message lists the known ones.
    """
    known = config_order(builder)
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no config {name!r}: choose from {', '.join(known)}")
    for name in known:
        if name != default_config(builder) and name in TAKEN:
            raise UsageError(f"a config cannot be named {name!r}, the name of a folder: rename it")
    return [name for name in known if not chosen or name in chosen]


def build(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    folder: Path,
    names: Iterable[str],
    overrides: Mapping[str, Any] = NONE,
) -> Build:
    """Write configs and pictures below a folder.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    folder : Path
        Exists and is empty.
    names : iterable of str
        The configs, from `config_names`; a progress bar around them shows how far it is.
    overrides : mapping of str to object, optional
        What the builder gets beside the name of the config.

    Returns
    -------
    Build
    """
    default = default_config(builder)
    # A cache of its own: `datasets` would take a prepared config from the user's cache even if the code has changed.
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        configs = [
            build_config(builder(config_name=name, cache_dir=cache, **overrides), folder, default) for name in names
        ]
    return _add_assets(builder, card, folder, configs)


def build_from_parts(
    builder: type[datasets.DatasetBuilder], card: Card, folder: Path, parts: Sequence[Part], files: Iterable[File]
) -> Build:
    """The same from parts, whose files are drawn already, or uploaded, or expected.

    Parameters
    ----------
    builder, card, folder
        As for `build`.
    parts : sequence of Part
    files : iterable of File
        Of each part.
    """
    configs = assemble(parts, {file.path: file for file in files})
    return _add_assets(builder, card, folder, configs)


def _add_assets(builder: type[datasets.DatasetBuilder], card: Card, folder: Path, configs: list[BuiltConfig]) -> Build:
    """Complete configs by the card that is meant for them, and its pictures."""
    card = card.of(builder, configs)
    if card.assets:
        shutil.copytree(card.assets, folder / "assets")
    return Build(builder, card, folder, configs, _describe_assets(card))


def _describe_assets(card: Card) -> list[File]:
    if card.assets is None:
        return []
    files = [describe_file(path, card.assets) for path in sorted(card.assets.rglob("*")) if path.is_file()]
    return [replace(file, path=f"assets/{file.path}") for file in files]


def replace_folder(target: Path, write: Callable[[Path], list[File]]) -> list[File]:
    """Let `write` fill a new folder, and put it in the place of `target` only when it is whole.

    Parameters
    ----------
    target : Path
        Missing, empty, or what an earlier run wrote and nobody changed.
    write : callable
        Gets an empty folder on the same disk.

    Returns
    -------
    list of File
        What `write` returned.

    Raises
    ------
    UsageError
        If `target` holds anything else; then nothing is touched.
    """
    try:
        target = target.resolve()
    except RuntimeError:  # what Python below 3.13 raises
        raise UsageError(f"{target} is a loop of links: give a new folder") from None
    _refuse_if_taken(target)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    new, old = beside / "new", beside / "old"
    missing = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    try:
        new.mkdir(parents=True)
        files = write(new)
        _refuse_if_taken(target)
        if target.exists():
            target.rename(old)
        new.rename(target)
    finally:  # also when a signal stops the command
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(beside, ignore_errors=True)
        if not target.exists():
            for folder in missing:
                with contextlib.suppress(OSError):
                    folder.rmdir()
    return files


def _refuse_if_taken(target: Path) -> None:
    if target == Path.cwd() or target in Path.cwd().parents:
        raise UsageError(f"{target} is or holds the current folder: give a new folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is a file: give a new folder")
    present = _everything_in(target)
    if not present:
        return
    card_path = target / CARD
    card = read_card(card_path.read_text(encoding="utf-8", errors="replace")) if card_path.is_file() else None
    if card is None or card.manifest is None:
        raise UsageError(f"{target} holds files that this command did not write: give a new or an empty folder")
    written = {target / path: sha256 for path, sha256 in card.manifest.files.items()}
    folders = {folder for path in written for folder in path.parents}
    for path in sorted(present):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            ours = False
        elif path.is_dir():
            ours = path in folders
        elif path == card_path:
            ours = not card.is_edited
        else:
            ours = path in written and written[path] == file_digest(path)
        if not ours:
            raise UsageError(f"{path} was added or changed since {target} was written: move it, or give a new folder")


def _everything_in(folder: Path) -> list[Path]:
    """Files, folders, links and whatever else there is; an OSError if a folder may not be read."""
    found: list[Path] = []
    for path in folder.iterdir():
        found.append(path)
        if path.is_dir() and not path.is_symlink():
            found += _everything_in(path)
    return found
