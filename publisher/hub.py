"""A dataset repository on the Hugging Face Hub: what is there, and one commit to change it.

Requests that `huggingface_hub` does not retry itself are retried here, a bounded number of times; but never the commit,
because an answer may be lost after the work was done. What the Hub refuses becomes one sentence.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from publisher.errors import HubError, UsageError
from publisher.failures import endpoint, explain, retry, status_of
from publisher.manifest import CARD, PublishedCard, read_card
from publisher.plan import Plan, RemoteFile

T = TypeVar("T")

MAIN = "main"


@dataclass(frozen=True)
class State:
    """A repository at one commit."""

    commit: str
    files: dict[str, RemoteFile]
    card: PublishedCard
    private: bool


EMPTY = State("", {}, PublishedCard(), private=False)


@dataclass(frozen=True)
class Commit:
    """A commit that has the wanted state."""

    id: str
    pull_request: str | None = None  # its address, if it is in one


class Repository:
    """A dataset repository, and what the token may do with it.

    Parameters
    ----------
    repo_id : str
        `namespace/name`.

    Raises
    ------
    UsageError
        If the address of the Hub or the token cannot be one.
    """

    def __init__(self, repo_id: str) -> None:
        self.repo_id = repo_id
        self.url = f"{endpoint()}/datasets/{repo_id}"
        token = get_token()
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise UsageError("the token has characters that no token has: copy it again into HF_TOKEN")
        self.api = HfApi()

    def find(self, revision: str) -> State | None:
        """The repository at a revision, or None if the repository is not there (or hidden from the token).

        Raises
        ------
        UsageError
            If the revision is not there.
        HubError
        """
        try:
            info = retry(self.api.repo_info, self.repo_id, repo_type="dataset", revision=revision)
        except RevisionNotFoundError:
            raise UsageError(f"{self.repo_id} has no revision {revision!r}: give a branch, tag or commit") from None
        except RepositoryNotFoundError:
            return None
        except Exception as error:
            raise explain(error, self.repo_id) from error
        commit = str(info.sha)
        files = {
            item.path: RemoteFile(item.path, item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
            for item in self._call(self._tree, revision=commit)
        }
        card = read_card(self._read(CARD, commit).decode(errors="replace")) if CARD in files else EMPTY.card
        return State(commit, files, card, bool(info.private))

    def get(self, revision: str) -> State:
        """The same for what must be there."""
        try:
            state = self.find(revision)
        except UsageError as error:
            raise HubError(str(error)) from error
        if state is None:
            raise HubError(f"{self.url} is not there, or the token may not see it")
        return state

    def digest(self, file: RemoteFile, commit: str) -> str:
        """SHA-256 of a file's content; only one that is not in LFS has to be read for it."""
        return file.sha256 or hashlib.sha256(self._read(file.path, commit)).hexdigest()

    def download(self, commit: str, folder: Path) -> None:
        """Copy all files of a commit into a folder."""
        self._call(self.api.snapshot_download, revision=commit, local_dir=folder)

    def create(self, private: bool) -> None:
        """Make the repository, if it is not there."""
        self._make(self.api.create_repo, private=private)

    def create_branch(self, name: str) -> None:
        """Make a branch that starts at `main`, if it is not there."""
        self._make(self.api.create_branch, branch=name)

    def tags(self) -> dict[str, str]:
        """Name -> commit of each tag."""
        return {tag.name: tag.target_commit for tag in self._call(self.api.list_repo_refs).tags}

    def create_tag(self, name: str, commit: str) -> None:
        """Name a commit, if it has not the name already."""
        self._make(self.api.create_tag, tag=name, revision=commit)
        if (tagged := self.tags().get(name)) != commit:
            raise HubError(f"the tag {name!r} is at commit {tagged}: give another name")

    def open_pull_requests(self, title: str) -> list[tuple[str, str]]:
        """Revision and address of the open pull requests with this title, the newest first."""
        found = self._call(self._discussions)
        return [(item.git_reference, item.url) for item in found if item.is_pull_request and item.title == title]

    def commits_since(self, commit: str, revision: str) -> list[str]:
        """Author and title of what came after a commit, the newest first."""
        names = []
        for item in self._call(self.api.list_repo_commits, revision=revision):
            if item.commit_id == commit:
                break
            names.append(f"{', '.join(item.authors)}: {item.title}")
        return names

    def commit(self, plan: Plan, parent: str, revision: str, message: str, create_pr: bool) -> Commit:
        """Carry a plan out in one commit on top of `parent`.

        Raises whatever the client raises: whether the commit was made has to be looked up.
        """
        self._require_token()
        additions = [CommitOperationAdd(step.path, str(step.after.source)) for step in plan.steps if step.after]
        deletions = [CommitOperationDelete(step.path) for step in plan.steps if not step.after]
        info = self.api.create_commit(
            self.repo_id,
            [*additions, *deletions],
            repo_type="dataset",
            commit_message=message,
            revision=revision,
            parent_commit=parent or None,
            create_pr=create_pr,
        )
        return Commit(str(info.oid), info.pr_url)

    def _require_token(self) -> None:
        if not get_token():
            raise HubError("there is no token: set HF_TOKEN, or log in with `hf auth login`")

    def _call(self, request: Callable[..., T], **arguments: Any) -> T:
        try:
            return retry(request, self.repo_id, repo_type="dataset", **arguments)
        except Exception as error:
            raise explain(error, self.repo_id) from error

    def _make(self, request: Callable[..., object], **arguments: Any) -> None:
        """Make what may be there: because somebody was faster, or because the answer to a first attempt was lost."""
        self._require_token()
        try:
            retry(request, self.repo_id, repo_type="dataset", **arguments)
        except Exception as error:
            if status_of(error) != 409:
                raise explain(error, self.repo_id) from error

    def _tree(self, repo_id: str, repo_type: str, revision: str) -> list[Any]:
        try:
            tree = list(self.api.list_repo_tree(repo_id, repo_type=repo_type, revision=revision, recursive=True))
        except HfHubHTTPError as error:
            if error.response.headers.get("X-Error-Code") == "EntryNotFound":  # there is no file at all
                return []
            raise
        return [item for item in tree if hasattr(item, "blob_id")]  # without folders

    def _discussions(self, repo_id: str, repo_type: str) -> list[Any]:
        return list(
            self.api.get_repo_discussions(
                repo_id, repo_type=repo_type, discussion_type="pull_request", discussion_status="open"
            )
        )

    def _read(self, path: str, commit: str) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            found = self._call(self.api.hf_hub_download, filename=path, revision=commit, local_dir=folder)
            return Path(found).read_bytes()
