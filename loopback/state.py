"""The folder that a Hub keeps its repositories in, and finds them in at the next start."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

from .errors import HubError, repository_not_found
from .folders import PART
from .repository import Repository
from .xet.store import Store

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}")


class State:
    """The repositories by their id, `namespace/name`, and the storage that they share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "repositories"
        self._lock = threading.Lock()
        self._folder.mkdir(parents=True, exist_ok=True)
        for part in folder.rglob(f"*{PART}"):  # of a server that was killed while it wrote
            part.unlink()
        if any(self._folder.iterdir()) and not (folder / "xet").exists():
            raise ValueError(f"{folder} was written by a Hub without Xet, which kept large files in another way")
        self.xet = Store(folder / "xet")
        found = [Repository(path.parent, self.xet) for path in sorted(self._folder.glob("*/*/repository.json"))]
        self._repositories = {repository.id: repository for repository in found if repository.refs}

    def find(self, repository_id: str) -> Repository | None:
        """Return a repository, None if there is none of that id."""
        return self._repositories.get(repository_id)

    def get(self, repository_id: str) -> Repository:
        """Return a repository; else a 404."""
        if repository := self.find(repository_id):
            return repository
        raise repository_not_found(repository_id)

    def create(self, repository_id: str, author: str, private: bool) -> Repository:
        """Make a repository; one of that id is a 409, a name the Hub would not take a 400."""
        parts = repository_id.split("/")
        if len(parts) != 2 or not all(_NAME.fullmatch(part) and not part.endswith(".git") for part in parts):
            raise HubError(400, f"Invalid repository name: {repository_id!r}")
        with self._lock:
            if repository_id in self._repositories:
                raise HubError(409, "You already created this dataset repo")
            repository = Repository.create(self._folder / repository_id, self.xet, repository_id, author, private)
            self._repositories[repository_id] = repository
            return repository

    def delete(self, repository_id: str) -> None:
        """Delete a repository; the file of its refs goes first, so a killed server leaves all or nothing."""
        with self._lock:
            repository = self.get(repository_id)
            del self._repositories[repository.id]
            (self._folder / repository_id / "repository.json").unlink()
            shutil.rmtree(self._folder / repository_id)
