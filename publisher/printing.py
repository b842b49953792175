"""What the command prints."""

from __future__ import annotations

import json
from typing import Any

import datasets

from publisher.configs import File
from publisher.publish import Outcome, Target


def print_files(files: list[File]) -> None:
    """What a folder holds."""
    width = max(len(file.path) for file in files)
    for file in files:
        of = "" if file.rows is None else f"{file.rows:,} rows"
        print(f"{file.path:{width}}  {of:>14}  {file.size:>13,} bytes")
    rows = sum(file.rows or 0 for file in files)
    print(f"\nWrote {len(files)} files, {rows:,} rows, {sum(file.size for file in files):,} bytes. To load:\n")


def print_loading(source: str, names: list[str], builder: type[datasets.DatasetBuilder]) -> None:
    """Lines that load each config."""
    print("    from datasets import load_dataset\n")
    for name in names:
        config = "" if name == builder.DEFAULT_CONFIG_NAME else f', "{name}"'
        print(f"    load_dataset({json.dumps(source, ensure_ascii=False)}{config})")


def print_plan(outcome: Outcome, target: Target) -> None:
    """What happens to each path."""
    state = f"commit {outcome.before.commit}" if outcome.before else "a new repository"
    print(f"{target.repo_id} at {target.revision}, {'a new branch at ' if outcome.new_branch else ''}{state}")
    width = max(len(change.path) for change in outcome.plan.changes)
    for change in outcome.plan.changes:
        before = f"{change.before.size:,}" if change.before else ""
        after = f"{change.after.size:,}" if change.after else ""
        sizes = f"{before:>13} -> {after:>13}" if change.action == "change" else f"{before or after:>13}"
        whose = ", written by somebody else" if change.by_others else ""
        print(f"  {change.action:6}  {change.path:{width}}  {sizes} bytes{whose}")
    if outcome.plan.replaces_edited_card:
        print("  README.md", "is replaced" if target.overwrite_card else "is replaced only with --overwrite-card")


def as_json(outcome: Outcome, target: Target, result: str) -> dict[str, Any]:
    """What came of a run, for programs."""
    return {
        "repo_id": target.repo_id,
        "revision": target.revision,
        "result": result,
        "before": outcome.before.commit if outcome.before else None,
        "commit": outcome.commit.id if outcome.commit else None,
        "pull_request": outcome.commit.pull_request if outcome.commit else None,
        "card_is_edited": outcome.plan.replaces_edited_card,
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
