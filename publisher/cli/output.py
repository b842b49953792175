"""Files, plans and results: as text, as JSON, or in a folder that is replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import datasets
from tqdm import tqdm

from publisher.card.record import CARD, RECORD, read_card
from publisher.cli import AT_END, UNINTERRUPTED
from publisher.errors import UsageError
from publisher.options import Options
from publisher.plan import Change, Dataset
from publisher.prepare import File, LocalFile, TextFile, file_digest
from publisher.prepare.configs import default_config
from publisher.prepare.tasks import FilePart
from publisher.publish import Outcome
from publisher.scale import Job
from publisher.scale.workers import notes as log
from publisher.text import without_control

NUMBER = re.compile(r"-\d{5}-(?=of-\d{5}\.)")
MANY = 5  # files of a split that are still listed one by one
T = TypeVar("T", bound=File | Change)


def print_files(files: Sequence[File]) -> None:
    """Print the files of a folder."""
    lines = [
        (_name(group), sum(file.rows or 0 for file in group) if group[0].rows is not None else None, group)
        for group in _groups(files, lambda file: ())
    ]
    width = max(len(name) for name, _, _ in lines)
    for name, rows, group in lines:
        of = "" if rows is None else f"{rows:,} rows"
        print(f"{name:{width}}  {of:>16}  {sum(file.size for file in group):>15,} bytes")
    rows = sum(file.rows or 0 for file in files)
    print(f"\nWrote {len(files)} files, {rows:,} rows, {sum(file.size for file in files):,} bytes. To load:\n")


def print_loading(source: str, names: Sequence[str], builder: type[datasets.DatasetBuilder]) -> None:
    """Print lines that load each config."""
    print("    from datasets import load_dataset\n")
    for name in names:
        config = "" if name == default_config(builder) else f", {json.dumps(name, ensure_ascii=False)}"
        print(f"    load_dataset({json.dumps(source, ensure_ascii=False)}{config})")


def print_job(job: Job, waiting: Sequence[FilePart]) -> None:
    """Print how much is to be prepared and uploaded."""
    there = len(job.parts) - len(waiting)
    rows, size = sum(part.amount for part in waiting), sum(part.expected.size for part in waiting)
    print(f"{len(waiting)} files to prepare and upload, about {rows:,} rows, {tqdm.format_sizeof(size)}B", end="")
    print(f"; {there} files were uploaded before" if there else "", flush=True)


def print_plan(outcome: Outcome, target: Options) -> None:
    """Print the change of each path, and the notes of a plan."""
    new = "a new repository, or one that this token cannot see" if target.dry_run else "a new repository"
    state = f"commit {outcome.before.commit}" if outcome.before else new
    print(f"{target.repo_id} at {target.revision}, {'a new branch at ' if outcome.new_branch else ''}{state}")
    groups = _groups(outcome.plan.changes, lambda change: (change.action, change.by_others))
    width = max(len(_name(group)) for group in groups)
    for group in groups:
        change = group[0]
        before = f"{sum(each.before.size for each in group if each.before):,}" if change.before else ""
        after = f"{sum(each.after.size for each in group if each.after):,}" if change.after else ""
        sizes = f"{before:>13} -> {after:>13}" if change.action == "change" else f"{before or after:>13}"
        whose = ", written by another user" if change.by_others else ""
        print(f"  {change.action:7} {_name(group):{width}}  {sizes} bytes{whose}")
    if any(change.action == "compare" for change in outcome.plan.changes):
        print("  compare: prepared first, then compared")
    if any(change.after and change.after.sha256 is None for change in outcome.plan.changes):
        print("  sizes and number of files hold if all shards are like the first and the last")
    if target.source:
        print(f"  prepared by the script of {target.source}")
    for note in outcome.plan.notes:
        print(f"  {without_control(note)}")
    if outcome.plan.mismatch:
        other = f"  the repository holds another dataset: {without_control(outcome.plan.mismatch)}:"
        asked = "it is replaced only with --replace-dataset, or by a higher version"
        print(other, "it is replaced" if target.replace_dataset else asked)
    if outcome.plan.replaces_edited_card:
        asked = "is replaced only with --overwrite-card, and kept with --keep-card"
        print("  README.md", "is replaced" if target.overwrite_card else asked)
        for line in outcome.plan.card_diff:
            print(f"    {without_control(line)}")


def as_json(outcome: Outcome, target: Options, result: str) -> dict[str, Any]:
    """The result of a run for programs."""
    return {
        "repo_id": target.repo_id,
        "revision": target.revision,
        "result": result,
        "before": outcome.before.commit if outcome.before else None,
        "commit": outcome.commit.id if outcome.commit else None,
        "pull_request": outcome.commit.pull_request if outcome.commit else None,
        "script": target.source or None,
        "card_is_edited": outcome.plan.replaces_edited_card,
        "card_difference": list(outcome.plan.card_diff),
        "other_dataset": outcome.plan.mismatch or None,
        "notes": list(outcome.plan.notes),
        "changes": [
            {
                "path": change.path,
                "action": change.action,
                "by_others": change.by_others,
                "size_before": change.before.size if change.before else None,
                "size": change.after.size if change.after else None,
                "sha256": change.after.sha256 if change.after else None,
            }
            for change in outcome.plan.changes
        ],
        "differences": outcome.differences,
    }


def _groups(items: Sequence[T], alike: Callable[[T], object]) -> list[list[T]]:
    """Put together what differs only in the number of a split's file, if that are many."""
    found: dict[object, list[T]] = {}
    for item in items:
        found.setdefault((NUMBER.sub("-*-", item.path), alike(item)), []).append(item)
    groups = [[group] if len(group) > MANY else [[item] for item in group] for group in found.values()]
    return sorted(itertools.chain(*groups), key=lambda group: items.index(group[0]))


def _name(group: Sequence[File | Change]) -> str:
    path = without_control(group[0].path)
    return path if len(group) == 1 else f"{NUMBER.sub('-*-', path)}, {len(group)} files"


def complete_folder(dataset: Dataset, folder: Path, repo_id: str) -> list[File]:
    """Put card, pictures and whole configs next to files that were prepared in a folder; all files, the card first."""
    for note in dict.fromkeys(note for config in dataset.configs for note in config.notes):
        log.info("note: %s", note)
    files = dataset.all_files(repo_id)
    for file in files:
        path = folder / file.path
        if isinstance(file, TextFile):
            path.write_bytes(file.content)
        elif isinstance(file, LocalFile) and file.source != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, path)
    return files


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
    ours = [target / CARD, target / RECORD]
    card = read_card(*(path.read_text("utf-8", "replace") if path.is_file() else None for path in ours))
    if not card.record.card:
        raise UsageError(f"{target} holds files that this command did not write: give a new or an empty folder")
    written = {target / path: sha256 for path, sha256 in card.record.files.items()}
    folders = {folder for path in written for folder in path.parents}
    for path in sorted(present):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            is_ours = False
        elif path.is_dir():
            is_ours = path in folders
        elif path in ours:
            is_ours = path.name == RECORD or not card.is_edited()
        else:
            is_ours = path in written and written[path] == file_digest(path)
        if not is_ours:
            raise UsageError(f"{path} was added or changed since {target} was written. Move it, or give a new folder.")


def _everything_in(folder: Path) -> list[Path]:
    """Files, folders, links and whatever else there is; an OSError if a folder may not be read."""

    def refuse(error: OSError) -> None:
        raise error

    found = os.walk(folder, onerror=refuse)
    return [Path(place, name) for place, folders, files in found for name in (*folders, *files)]
