"""Repositories, files, commits and pull requests in the JSON that the clients read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from . import card
from .commits import Commit, Pull, folders
from .objects import Entry
from .repository import Repository

Json = dict[str, Any]


def repository_info(repository: Repository, commit: Commit, blobs: bool) -> Json:
    """GET /api/datasets/R and /api/datasets/R/revision/REV; `blobs` adds sizes and hashes to the siblings."""
    readme = commit.files.get("README.md")
    data = card.metadata(repository.read(readme).decode(errors="replace")) if readme else {}
    return {
        "_id": repository.opaque_id,
        "id": repository.id,
        "author": repository.namespace,
        "sha": commit.oid,
        "createdAt": repository.created,
        "lastModified": commit.date,
        "private": repository.private,
        "gated": False,
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": _tags(data),
        "cardData": data,
        "siblings": [_sibling(path, entry, blobs) for path, entry in commit.files.items()],
        "usedStorage": sum({entry.etag: entry.size for entry in commit.files.values()}.values()),
    }


def _tags(data: Json) -> list[str]:
    """The Hub shows the card's fields as tags, `field:value`, and the card's own tags as they are."""
    tags: list[str] = []
    for field in ("task_categories", "language", "license", "size_categories", "tags"):
        values = data.get(field) or []
        for value in values if isinstance(values, list) else [values]:
            tags.append(value if field == "tags" else f"{field}:{value}")
    return tags


def _sibling(path: str, entry: Entry, blobs: bool) -> Json:
    if not blobs:
        return {"rfilename": path}
    sibling: Json = {"rfilename": path, "size": entry.size, "blobId": entry.oid}
    if entry.lfs:
        sibling["lfs"] = {"sha256": entry.lfs, "size": entry.size, "pointerSize": entry.pointer_size}
    return sibling


def file_info(path: str, entry: Entry) -> Json:
    """Return one file of a tree."""
    info: Json = {"type": "file", "oid": entry.oid, "size": entry.size, "path": path}
    if entry.lfs:
        info["lfs"] = {"oid": entry.lfs, "size": entry.size, "pointerSize": entry.pointer_size}
        info["xetHash"] = entry.xet
    return info


def folder_info(path: str, files: Mapping[str, Entry]) -> Json:
    """Return one folder of a tree; its id changes with what it holds, but is not git's own."""
    content = "\n".join(f"{name} {entry.oid}" for name, entry in files.items() if name.startswith(f"{path}/"))
    return {"type": "directory", "oid": hashlib.sha1(content.encode()).hexdigest(), "size": 0, "path": path}


def last_commits(repository: Repository, commit: Commit) -> dict[str, Json]:
    """Return for each path, folders too, the commit that changed it last: what `expand` asks for."""
    found: dict[str, Json] = {}
    history = list(repository.history(commit.oid))
    for newer, older in zip(history, [*history[1:], None], strict=True):
        before = older.files if older else {}
        changed = {path for path in newer.files.keys() | before.keys() if newer.files.get(path) != before.get(path)}
        for path in changed | folders(changed):
            found.setdefault(path, {"id": newer.oid, "title": newer.title, "date": newer.date})
    return found


def commit_info(commit: Commit) -> Json:
    """Return one commit of GET /api/datasets/R/commits/REV."""
    return {
        "id": commit.oid,
        "title": commit.title,
        "message": commit.message,
        "authors": [{"user": commit.author}],
        "date": commit.date,
    }


def refs_info(repository: Repository, pulls: bool) -> Json:
    """GET /api/datasets/R/refs."""
    kinds = {"branches": "refs/heads/", "tags": "refs/tags/", "converts": "refs/convert/"}
    if pulls:
        kinds["pullRequests"] = "refs/pr/"
    return {
        kind: [
            {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
            for ref, oid in sorted(repository.refs.items())
            if ref.startswith(prefix)
        ]
        for kind, prefix in kinds.items()
    }


def pull_info(repository: Repository, pull: Pull) -> Json:
    """Return one pull request of GET /api/datasets/R/discussions."""
    return {
        "num": pull.number,
        "title": pull.title,
        "author": {"name": pull.author},
        "createdAt": pull.date,
        "status": pull.status,
        "repo": {"name": repository.id, "type": "dataset"},
        "isPullRequest": True,
    }


def status_event(pull: Pull, author: str) -> Json:
    """Return what closing, opening or merging a pull request answers."""
    data = {"status": pull.status}
    event = {"id": f"{pull.number:024x}", "type": "status-change", "createdAt": pull.date, "data": data}
    return event | {"author": {"name": author}}


def pull_details(repository: Repository, pull: Pull, url: str) -> Json:
    """GET /api/datasets/R/discussions/N: the pull request with its commits as events."""
    events = []
    for commit in repository.history(pull.ref):
        if commit.oid == pull.base:
            break
        data = {"subject": commit.title, "oid": commit.oid}
        event = {"id": commit.oid[:24], "type": "commit", "createdAt": commit.date, "data": data}
        events.append(event | {"author": {"name": commit.author}})
    changes: Json = {"base": "refs/heads/main"}
    conflicts = repository.conflicts(pull) if pull.status in ("open", "draft") else []
    if pull.merge_commit:
        changes["mergeCommitId"] = pull.merge_commit
    details = {"changes": changes, "filesWithConflicts": conflicts, "events": events[::-1], "diff": ""}
    details["diffUrl"] = f"{url}/datasets/{repository.id}/discussions/{pull.number}/files.diff"
    return pull_info(repository, pull) | details
