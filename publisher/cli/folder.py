"""A folder that is replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from publisher.card.record import CARD, RECORD, read_card
from publisher.cli.signals import AT_END, UNINTERRUPTED
from publisher.errors import UsageError
from publisher.prepare import File, LocalFile, TextFile, file_digest


def complete_folder(folder: Path, files: Sequence[File]) -> None:
    """Write those files of a repository that are not in its folder already: card, pictures, and whole configs."""
    for file in files:
        path = folder / file.path
        if isinstance(file, TextFile):
            path.write_bytes(file.content)
        elif isinstance(file, LocalFile) and file.source != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, path)


def replace_folder(target: Path, write: Callable[[Path], Sequence[File]]) -> Sequence[File]:
    """Let `write` fill an empty folder on the same disk, and put it in the place of `target` when it is complete.

    `target` has to be missing, empty, or unchanged since an earlier run wrote it; else a UsageError is raised, and
    nothing is touched.
    """
    try:
        target = target.resolve()
    except RuntimeError:  # what Python below 3.13 raises
        raise UsageError(f"{target} is a loop of links. Give a new folder.") from None
    _refuse_if_taken(target)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    new, old = beside / "new", beside / "old"
    missing = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]

    def clean_up() -> None:
        shutil.rmtree(beside, ignore_errors=True)
        if not target.exists():
            for folder in missing:
                with contextlib.suppress(OSError):
                    folder.rmdir()

    AT_END.append(clean_up)
    try:
        try:
            new.mkdir(parents=True)
        except OSError as error:  # it names a folder that the user did not give
            raise UsageError(
                f"{target} cannot be made ({error.strerror}). Give a folder where you may write."
            ) from None
        files = write(new)
        _refuse_if_taken(target)
        with UNINTERRUPTED:
            if target.exists():
                target.rename(old)
            try:
                new.rename(target)
            finally:
                if old.exists() and not target.exists():
                    old.rename(target)
    finally:
        clean_up()
        AT_END.remove(clean_up)
    return files


def _refuse_if_taken(target: Path) -> None:
    if target == Path.cwd() or target in Path.cwd().parents:
        raise UsageError(f"{target} is or holds the current folder. Give a new folder.")
    there = next(place for place in (target, *target.parents) if place.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is a file. Give a new folder.")
    if there != target:
        return
    present = _everything_in(target)
    if not present:
        return
    texts = [
        path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        for path in (target / CARD, target / RECORD)
    ]
    card = read_card(*texts)
    if not card.record.card:
        raise UsageError(f"{target} holds files that this command did not write: give a new or an empty folder")
    written = {target / path: sha256 for path, sha256 in card.record.files.items()}
    folders = {folder for path in written for folder in path.parents}
    for path in sorted(present):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            ours = False
        elif path.is_dir():
            ours = path in folders
        elif path == target / CARD:
            ours = not card.is_edited()
        elif path == target / RECORD:
            ours = True
        else:
            ours = path in written and written[path] == file_digest(path)
        if not ours:
            raise UsageError(f"{path} was added or changed since {target} was written. Move it, or give a new folder.")


def _everything_in(folder: Path) -> list[Path]:
    """Files, folders, links and whatever else there is; an OSError if a folder may not be read."""

    def refuse(error: OSError) -> None:
        raise error

    return [
        Path(place, name) for place, folders, files in os.walk(folder, onerror=refuse) for name in (*folders, *files)
    ]
