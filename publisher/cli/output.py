"""Files, plans and results: as text, as JSON, or in a folder that is replaced as a whole, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from publisher.card import Dataset
from publisher.card.record import CARD, RECORD, read_card
from publisher.cli import UNINTERRUPTED, removed_at_end
from publisher.errors import UsageError, say, without_control
from publisher.options import Options
from publisher.plan import Change
from publisher.prepare import File, add_up, file_digest
from publisher.prepare.tasks import FilePart
from publisher.publish import Outcome
from publisher.scale import Job
from publisher.scale.workers import notes as log

NUMBER = re.compile(r"-\d{5}-(?=of-\d{5}\.)")
MANY = 5  # files of a split that are still listed one by one
T = TypeVar("T", bound=File | Change)


def print_folder(files: Sequence[File], folder: Path, names: Sequence[str], default: str | None) -> None:
    """Print the files of a folder, and lines that load each config."""
    groups = _groups(files, lambda file: ())
    width = max(len(name) for name, _ in groups)
    for name, group in groups:
        size, rows, _ = add_up(group)
        shown = f"{rows:,} rows" if group[0].rows is not None else ""
        say(f"{name:{width}}  {shown:>16}  {size:>15,} bytes")
    size, rows, _ = add_up(files)
    numbers = f"{len(files)} files, {rows:,} rows, {size:,} bytes"
    say("", f"Wrote {numbers}. To load:", "", "    from datasets import load_dataset", "")
    for name in names:
        words = [str(folder)] if name == default else [str(folder), name]
        say(f"    load_dataset({', '.join(json.dumps(word, ensure_ascii=False) for word in words)})")


def print_job(job: Job, waiting: Sequence[FilePart]) -> None:
    """Print how much is to be prepared and uploaded."""
    if not job.options.json:
        rows, size = sum(part.amount for part in waiting), sum(part.expected.size for part in waiting)
        say(f"{len(waiting)} files to prepare and upload, about {rows:,} rows, {tqdm.format_sizeof(size)}B")


def print_plan(options: Options, outcome: Outcome) -> None:
    """Print the change of each path, and the notes of a plan; with --json, nothing."""
    if options.json:
        return
    plan = outcome.plan
    new = "a new repository, or one that this token cannot see" if options.dry_run else "a new repository"
    state = f"commit {outcome.before.commit}" if outcome.before else new
    lines = [f"{options.repo_id} at {options.revision}, {'a new branch at ' if outcome.new_branch else ''}{state}"]
    groups = _groups(plan.changes, lambda change: (change.action, change.by_others))
    width = max(len(name) for name, _ in groups)
    for name, group in groups:
        change = group[0]
        before = f"{sum(each.before.size for each in group if each.before):,}" if change.before else ""
        after = f"{sum(each.after.size for each in group if each.after):,}" if change.after else ""
        sizes = f"{before:>13} -> {after:>13}" if change.action == "change" else f"{before or after:>13}"
        whose = ", written by another user" if change.by_others else ""
        lines.append(f"  {change.action:7} {name:{width}}  {sizes} bytes{whose}")
    if any(change.action == "compare" for change in plan.changes):
        lines.append("  compare: prepared first, then compared")
    if any(change.after and change.after.sha256 is None for change in plan.changes):
        lines.append("  sizes and number of files hold if all shards are like the first and the last")
    if options.source:
        lines.append(f"  prepared by the script of {options.source}")
    lines += [f"  {note}" for note in plan.notes]
    if plan.mismatch:
        version = "" if plan.mismatch.startswith("builder") else ", or by a higher version"  # of the same builder
        unless = "" if options.replace_dataset else f" only with --replace-dataset{version}"
        lines.append(f"  the repository holds another dataset: {plan.mismatch}: it is replaced{unless}")
    if plan.replaces_edited_card:
        unless = "" if options.overwrite_card else " only with --overwrite-card, and kept with --keep-card"
        lines += [f"  README.md is replaced{unless}", *(f"    {line}" for line in plan.card_diff)]
    say(*lines)


def print_result(options: Options, result: str, outcome: Outcome | None = None, error: str = "") -> None:
    """Print what came of a run; an error only for programs, since it is printed on standard error also."""
    commit = outcome.commit if outcome else None
    if options.json:
        found = {"error": error} if error else _described(outcome, options) if outcome else {}
        say_json(repo_id=options.repo_id, revision=options.revision, result=result, **found)
    elif not error:
        lines = list(outcome.differences) if outcome else []
        lines.append(f"{options.repo_id}: {result}{f' at commit {commit.id}' if commit else ''}")
        say(*lines, *([f"pull request: {commit.pull_request}"] if commit and commit.pull_request else []))


def say_json(**found: object) -> None:
    say(*json.dumps(found, indent=2).splitlines())


def _described(outcome: Outcome, options: Options) -> dict[str, Any]:
    plan, commit = outcome.plan, outcome.commit
    return {
        "before": outcome.before.commit if outcome.before else None,
        "commit": commit.id if commit else None,
        "pull_request": commit.pull_request if commit else None,
        "script": options.source or None,
        "card_is_edited": plan.replaces_edited_card,
        "card_difference": list(plan.card_diff),
        "other_dataset": plan.mismatch or None,
        "notes": list(plan.notes),
        "changes": [
            {
                "path": change.path,
                "action": change.action,
                "by_others": change.by_others,
                "size_before": change.before.size if change.before else None,
                "size": change.after.size if change.after else None,
                "sha256": change.after.sha256 if change.after else None,
            }
            for change in plan.changes
        ],
        "differences": outcome.differences,
    }


def _groups(items: Sequence[T], alike: Callable[[T], object]) -> list[tuple[str, list[T]]]:
    """Name each item, or together what differs only in the number of a split's file, if that are many."""
    keys = [(NUMBER.sub("-*-", item.path), alike(item)) for item in items]
    counts = Counter(keys)
    groups: dict[tuple[str, object], list[T]] = {}
    for item, key in zip(items, keys, strict=True):
        name = f"{key[0]}, {counts[key]} files" if counts[key] > MANY else item.path
        groups.setdefault((without_control(name), key[1]), []).append(item)
    return [(name, group) for (name, _), group in groups.items()]


def complete_folder(dataset: Dataset, folder: Path, repo_id: str) -> list[File]:
    """Put card, pictures and whole configs next to files that were prepared in a folder; all files, the card first."""
    for note in dict.fromkeys(note for config in dataset.configs for note in config.notes):
        log.info("note: %s", note)
    files = dataset.files()
    readme, record = dataset.readme(files, repo_id)
    files = [readme, record.file, *files]
    for file in files:
        path = folder / file.path
        if isinstance(file.source, bytes):
            path.write_bytes(file.source)
        elif file.source and file.source != path:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, path)
    return files


@contextlib.contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder on the same disk, which takes the place of `target` at the end, if it is complete.

    `target` has to be missing, empty, or unchanged since an earlier run wrote it; else a UsageError is raised, and
    nothing is touched.
    """
    target = Path(os.path.realpath(target))
    _refuse_if_taken(target)
    present = next(folder for folder in target.parents if folder.exists())
    try:
        temporary = tempfile.TemporaryDirectory(dir=present, prefix=f".{target.name}.", ignore_cleanup_errors=True)
    except OSError as error:  # it names a folder that the user did not give
        raise UsageError(f"{target} cannot be made ({error.strerror}). Give a folder where you may write.") from None
    with removed_at_end(temporary.cleanup):
        new, old = Path(temporary.name, "new"), Path(temporary.name, "old")
        new.mkdir()
        yield new
        _refuse_if_taken(target)
        with UNINTERRUPTED:
            target.mkdir(parents=True, exist_ok=True)
            target.rename(old)
            try:
                new.rename(target)
            except BaseException:
                old.rename(target)
                raise


def _refuse_if_taken(target: Path) -> None:
    if target in (Path.cwd(), *Path.cwd().parents):
        raise UsageError(f"{target} is or holds the current folder. Give a new folder.")
    there = next(place for place in (target, *target.parents) if place.exists() or place.is_symlink())
    if not there.is_dir():
        raise UsageError(f"{there} is a {'loop of links' if there.is_symlink() else 'file'}. Give a new folder.")
    if there != target or not any(target.iterdir()):
        return
    found = [target / name for name in (CARD, RECORD)]
    card = read_card(*(path.read_text("utf-8", "replace") if path.is_file() else None for path in found))
    if not card.record.card:
        raise UsageError(f"{target} holds files that this command did not write: give a new or an empty folder.")
    written = {target / path: sha256 for path, sha256 in card.record.files.items()}
    unchanged = [RECORD] if card.is_edited() else [RECORD, CARD]
    written |= {target / path: file_digest(target / path) for path in unchanged if (target / path).is_file()}
    for path in sorted(target.rglob("*")):
        is_part = path.is_dir() and not path.is_symlink() and any(path.iterdir())
        if not is_part and (path.is_symlink() or not path.is_file() or written.get(path) != file_digest(path)):
            raise UsageError(f"{path} was added or changed since {target} was written. Move it, or give a new folder.")
