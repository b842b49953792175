"""A folder that is replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from publisher.card.record import CARD, read_card
from publisher.errors import UsageError
from publisher.prepare.digests import file_digest
from publisher.prepare.files import File, LocalFile, TextFile


def complete_folder(folder: Path, files: Sequence[File]) -> None:
    """Write those files of a repository that are not drawn in its folder already: card and pictures."""
    for file in files:
        path = folder / file.path
        if isinstance(file, TextFile):
            path.write_bytes(file.content)
        elif isinstance(file, LocalFile) and file.source != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, path)


def replace_folder(target: Path, write: Callable[[Path], Sequence[File]]) -> Sequence[File]:
    """Let `write` fill a new folder, and put it in the place of `target` only when it is whole.

    Parameters
    ----------
    target : Path
        Missing, empty, or what an earlier run wrote and nobody changed.
    write : callable
        Gets an empty folder on the same disk.

    Returns
    -------
    sequence of File
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
        try:
            new.mkdir(parents=True)
        except OSError as error:  # it names a folder that nobody asked for
            raise UsageError(f"{target} cannot be made ({error.strerror}): give a folder where you may write") from None
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
    there = next(place for place in (target, *target.parents) if place.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is a file: give a new folder")
    if there != target:
        return
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

    def refuse(error: OSError) -> None:
        raise error

    return [
        Path(place, name) for place, folders, files in os.walk(folder, onerror=refuse) for name in (*folders, *files)
    ]
