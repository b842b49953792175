"""One dataset repository on disk: immutable files and commits, and one small file of refs that moves.

A commit is there once `repository.json` names it. Files and commits are written before, so a server that is
killed in between leaves only objects that nothing points to.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from . import commits
from .commits import Change, Commit, Pull
from .errors import HubError, revision_not_found
from .folders import replacing
from .objects import GIT_ATTRIBUTES, Entry, Objects, upload_mode
from .xet.store import Store

MAIN = "refs/heads/main"


class Repository:
    """Refs, commits and pull requests. Every method that writes checks and writes under one lock."""

    def __init__(self, folder: Path, storage: Store) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self.objects = Objects(folder, storage)
        saved = json.loads((folder / "repository.json").read_bytes())
        self.id: str = saved["id"]
        self.created: str = saved["created"]
        self.private: bool = saved["private"]
        self.refs: dict[str, str] = saved["refs"]
        self.pulls = {pull["number"]: Pull(**pull) for pull in saved["pulls"]}
        self._commits = {path.stem: commits.load(path) for path in (folder / "commits").glob("*.json")}

    @classmethod
    def create(cls, folder: Path, storage: Store, repository_id: str, author: str, private: bool) -> Repository:
        """Make a repository with a first commit as the Hub does: a .gitattributes that sends data to LFS."""
        saved = {"id": repository_id, "created": _now(), "private": private, "refs": {}, "pulls": []}
        with replacing(folder / "repository.json") as file:
            file.write(json.dumps(saved).encode())
        repository = cls(folder, storage)
        attributes = repository.objects.add(GIT_ATTRIBUTES.encode(), "regular")
        repository.refs[MAIN] = repository._write({".gitattributes": attributes}, None, author, "initial commit").oid
        repository._save()
        return repository

    @property
    def namespace(self) -> str:
        """The user or organization it belongs to."""
        return self.id.partition("/")[0]

    @property
    def opaque_id(self) -> str:
        """The id that does not change with the name, as the Hub has one."""
        return hashlib.sha1(f"{self.id} {self.created}".encode()).hexdigest()[:24]

    def find_ref(self, revision: str) -> str | None:
        """Return the full name of a branch, tag or pull request, None if there is none of that name."""
        names = (revision, f"refs/heads/{revision}", f"refs/tags/{revision}")
        return next((name for name in names if name in self.refs), None)

    def at(self, revision: str) -> Commit:
        """Return the commit of a branch, tag, pull request or commit id (7 digits or more); else a 404."""
        if ref := self.find_ref(revision):
            return self._commits[self.refs[ref]]
        found = [oid for oid in list(self._commits) if oid.startswith(revision)]
        if not re.fullmatch("[0-9a-f]{7,40}", revision) or len(found) != 1:
            raise revision_not_found(revision)
        return self._commits[found[0]]

    def history(self, revision: str) -> Iterator[Commit]:
        """Yield the commits of a revision, the newest first."""
        commit: Commit | None = self.at(revision)
        while commit is not None:
            yield commit
            commit = self._commits[commit.parent] if commit.parent else None

    def read(self, entry: Entry) -> bytes:
        """Return the content of a file."""
        return self.objects.read(entry)

    def upload_mode(self, revision: str, path: str, size: int, sample: bytes) -> Literal["lfs", "regular"]:
        """Return how `revision` wants a new file, by its .gitattributes."""
        attributes = self.at(revision).files.get(".gitattributes")
        return upload_mode(path, size, sample, self.read(attributes).decode() if attributes else "")

    def commit(
        self,
        revision: str,
        changes: Sequence[Change],
        author: str,
        title: str,
        message: str = "",
        parent: str | None = None,
    ) -> Commit:
        """Add one commit to a branch or pull request; if its head is not `parent` any more, a 412."""
        with self._lock:
            head, ref = self.at(revision), self.find_ref(revision)
            if ref is None or ref.startswith("refs/tags/"):
                raise HubError(400, f"Commits go to a branch or a pull request, and {revision} is neither")
            if parent is not None and not _is_prefix(parent, head.oid):
                raise HubError(412, "The branch was updated since you opened this page. Please refresh and try again.")
            commit = self._write(commits.apply(head.files, changes), head.oid, author, title, message)
            self.refs[ref] = commit.oid
            self._save()
            return commit

    def propose(
        self,
        changes: Sequence[Change] | None,
        author: str,
        title: str,
        message: str = "",
        parent: str | None = None,
    ) -> Pull:
        """Open a pull request from `parent` or main, with one commit; an empty draft if `changes` is None."""
        with self._lock:
            base = self.at(parent or MAIN)
            number = max(self.pulls, default=0) + 1
            pull = Pull(number, title, message, author, _now(), base.oid, "draft" if changes is None else "open")
            head = base
            if changes is not None:
                head = self._write(commits.apply(base.files, changes), base.oid, author, title, message)
            self.pulls[number] = pull
            self.refs[pull.ref] = head.oid
            self._save()
            return pull

    def pull(self, number: int) -> Pull:
        """Return a pull request; else a 404."""
        if number not in self.pulls:
            raise HubError(404, f"Discussion {number} not found")
        return self.pulls[number]

    def conflicts(self, pull: Pull) -> list[str]:
        """Return the files that a pull request and main both changed, and not in the same way."""
        base, ours, theirs = (self.at(revision).files for revision in (pull.base, MAIN, pull.ref))
        changed = [path for path in sorted(base.keys() | theirs.keys()) if base.get(path) != theirs.get(path)]
        return [path for path in changed if ours.get(path) not in (base.get(path), theirs.get(path))]

    def merge(self, number: int, author: str) -> Commit:
        """Bring a pull request's changes to main as one commit; a file changed on both sides is a 409."""
        with self._lock:
            pull = self.pull(number)
            if pull.status not in ("open", "draft"):
                raise HubError(400, f"Pull request {number} is {pull.status}")
            base, ours, theirs = self.at(pull.base).files, self.at(MAIN), self.at(pull.ref).files
            changed = [path for path in sorted(base.keys() | theirs.keys()) if base.get(path) != theirs.get(path)]
            if conflicts := self.conflicts(pull):
                raise HubError(409, f"This pull request conflicts with main in: {', '.join(conflicts)}")
            changes = [(p, theirs.get(p)) for p in changed if ours.files.get(p) != theirs.get(p)]
            commit = self._write(commits.apply(ours.files, changes), ours.oid, author, f"{pull.title} (#{number})")
            self.refs[MAIN] = commit.oid
            self.pulls[number] = replace(pull, status="merged", merge_commit=commit.oid)
            self._save()
            return commit

    def set_status(self, number: int, status: Literal["open", "closed"]) -> None:
        """Close a pull request, or open it again."""
        with self._lock:
            self.pulls[number] = replace(self.pull(number), status=status)
            self._save()

    def named(self) -> set[str]:
        """Return the SHA-256 of every large file that some commit names."""
        return {entry.lfs for commit in list(self._commits.values()) for entry in commit.files.values() if entry.lfs}

    def drop_uploads(self, count: int) -> None:
        """Lose that many of the uploads that no commit names."""
        with self._lock:
            self.objects.drop(self.named(), count)

    def create_ref(self, ref: str, revision: str) -> None:
        """Make a branch or tag; one of that name is a 409."""
        with self._lock:
            oid = self.at(revision).oid
            if ref in self.refs:
                raise HubError(409, f"Reference already exists: {ref}")
            self.refs[ref] = oid
            self._save()

    def delete_ref(self, ref: str) -> None:
        """Delete a branch or tag; none of that name is a 404, and main stays."""
        with self._lock:
            if ref == MAIN:
                raise HubError(403, "The branch main cannot be deleted")
            if self.refs.pop(ref, None) is None:
                raise revision_not_found(ref.split("/", 2)[2])
            self._save()

    def set_private(self, private: bool) -> None:
        """Hide the repository, or show it."""
        with self._lock:
            self.private = private
            self._save()

    def _write(
        self, files: Mapping[str, Entry], parent: str | None, author: str, title: str, message: str = ""
    ) -> Commit:
        """Keep a commit under the hash of what it says; no ref knows it yet."""
        commit = Commit("", parent, author, title, message, _now(), dict(sorted(files.items())))
        oid = hashlib.sha1(json.dumps(asdict(commit), sort_keys=True).encode()).hexdigest()
        commit = replace(commit, oid=oid)
        with replacing(self._folder / "commits" / f"{oid}.json") as file:
            file.write(json.dumps(asdict(commit)).encode())
        self._commits[oid] = commit
        return commit

    def _save(self) -> None:
        pulls = [asdict(pull) for pull in self.pulls.values()]
        saved = {
            "id": self.id,
            "created": self.created,
            "private": self.private,
            "refs": self.refs,
            "pulls": pulls,
        }
        with replacing(self._folder / "repository.json") as file:
            file.write(json.dumps(saved, indent=1).encode())


def _is_prefix(parent: str, oid: str) -> bool:
    """The Hub takes a parent by its first seven digits or more."""
    return len(parent) >= 7 and oid.startswith(parent)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
