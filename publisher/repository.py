"""Everything that a repository should contain, written to a folder: the wanted state."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import datasets

from publisher.card import Card, render
from publisher.configs import File, build_config, describe_file
from publisher.digests import file_digest
from publisher.errors import UsageError
from publisher.manifest import CARD, read_manifest, sign


def config_names(builder: type[datasets.DatasetBuilder], chosen: Sequence[str] = ()) -> list[str]:
    """The names of a builder's configs, or of those chosen.

    Raises
    ------
    UsageError
        If a chosen one is unknown; the message lists the known ones.
    """
    known = list(builder.builder_configs) or ["default"]
    for name in chosen:
        if name not in known:
            raise UsageError(f"there is no config {name!r}: choose from {', '.join(known)}")
    return [name for name in known if not chosen or name in chosen]


def write_repository(
    builder: type[datasets.DatasetBuilder],
    card: Card,
    folder: Path,
    repo_id: str,
    names: Iterable[str],
) -> list[File]:
    """Build configs and card below a folder that exists and is empty.

    Parameters
    ----------
    builder : subclass of datasets.DatasetBuilder
    card : Card
    folder : Path
    repo_id : str
        The repository that the card's examples load.
    names : iterable of str
        The configs, from `config_names`; a progress bar around them shows how far it is.

    Returns
    -------
    list of File
        What was written, the card first.
    """
    default = builder.DEFAULT_CONFIG_NAME or "default"
    # A cache of its own: `datasets` would take a prepared config from the user's cache even if the code has changed.
    with tempfile.TemporaryDirectory(dir=folder.parent) as cache:
        configs = [build_config(builder(config_name=name, cache_dir=cache), folder, default) for name in names]
    files = [file for config in configs for file in config.files]
    text = render(card, configs, default, repo_id)
    (folder / CARD).write_text(sign(text, {file.path: file.sha256 for file in files}), encoding="utf-8", newline="\n")
    return [describe_file(folder / CARD, folder), *files]


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
    target = target.resolve()
    _refuse_if_taken(target)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    new, old = beside / "new", beside / "old"
    try:
        new.mkdir(parents=True)
        files = write(new)
        _refuse_if_taken(target)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:  # also when a signal stops the command
        shutil.rmtree(beside, ignore_errors=True)
    return files


def _refuse_if_taken(target: Path) -> None:
    if target == Path.cwd() or target in Path.cwd().parents:
        raise UsageError(f"{target} is or holds the current folder: give a new folder")
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is a file: give a new folder")
    present = sorted(path for path in target.rglob("*") if not path.is_dir() or path.is_symlink())
    card = target / CARD
    if not present:
        return
    manifest = read_manifest(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else None
    if manifest is None:
        raise UsageError(f"{target} holds files that this command did not write: give a new or an empty folder")
    for path in present:
        name = path.relative_to(target).as_posix()
        changed = manifest.card_is_edited if path == card else manifest.digests.get(name) != file_digest(path)
        if changed:
            raise UsageError(f"{path} was added or changed since {target} was written: move it, or give a new folder")
