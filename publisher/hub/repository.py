"""A dataset repository on the Hugging Face Hub: every request about its content, and every change of it.

All requests are repeated with_retries, but never the commit and the merge, because an answer may be lost after the
work was done. A refusal becomes one sentence.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_session, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff, paginate

from publisher.card.record import CARD, CARD_BYTES, RECORD, read_card
from publisher.errors import HubError, UsageError, endpoint, last_word
from publisher.hub.http import TRANSIENT, Failure, explain, find_token, prepare_clients, said_while, with_retries
from publisher.options import MAIN
from publisher.plan import Change, Commit, RemoteFile, State
from publisher.prepare import LocalFile, UploadedFile

T = TypeVar("T")

CONFLICTS = {409, 412}  # another user was faster
MOST_COMMITS = 100  # that are looked through
LFS_BATCH = 100  # objects that one request asks about: git-lfs itself sends at most so many
UNKNOWN = "Interrupted while {doing}: whether it was done is not known. Run the command again: it looks, and continues."


class NoRevisionError(UsageError):
    """The repository exists, the revision does not."""


class MovedError(Exception):
    """Another user committed to the revision, or to the pull request, while it was filled."""


class Repository:
    """A dataset repository, `namespace/name`, and what the token may do with it."""

    def __init__(self, repo_id: str) -> None:
        self.repo_id = repo_id
        self.url = f"{endpoint()}/datasets/{repo_id}"
        self.has_token = bool(find_token())
        self.api = HfApi()
        self.api_url = f"{self.api.endpoint}/api/datasets/{repo_id}"

    def find(self, revision: str, whole: bool = True) -> State | None:
        """The repository, or None if the token sees none; unless `whole`, a card that is as published is not read."""
        try:
            info = self.call(f"looking at {self.repo_id}", self.api.repo_info, revision=revision)
        except HubError as error:
            if isinstance(error.__cause__, RevisionNotFoundError):
                wrong = f"{self.repo_id} has no revision {revision!r}. Give a branch, tag or commit."
                raise NoRevisionError(wrong) from None
            if isinstance(error.__cause__, RepositoryNotFoundError):
                return None
            raise
        commit = str(info.sha)
        files = self.files(commit)

        def read(path: str) -> str | None:
            is_read = path in files and files[path].size <= CARD_BYTES
            return self.content(path, commit).decode(errors="replace") if is_read else None

        listed = read(RECORD)
        card = replace(read_card(None, listed), is_unread=True)
        if whole or CARD not in files or files[CARD].blob_id != card.record.readme:
            card = read_card(read(CARD), listed)
        return State(commit, files, card, bool(info.private))

    def get(self, revision: str) -> State:
        """The repository at a revision; it must exist."""
        if state := self.find(revision):
            return state
        raise HubError(f"{self.url} does not exist, or the token cannot see it.")

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """All files of a commit, by path."""
        read = partial(self.api.list_repo_tree, revision=commit, recursive=True)
        try:
            tree = self.call(f"listing the files of {self.repo_id}", lambda **of: list(read(**of)))
        except HubError as error:
            if isinstance(error.__cause__, EntryNotFoundError):  # the repository is empty
                return {}
            raise
        return {
            item.path: RemoteFile(item.path, item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
            for item in tree
            if hasattr(item, "blob_id")  # not a folder
        }

    def read(self, state: State, files: Iterable[RemoteFile]) -> State:
        """A state with its card, if that is among the files, and the digests of files that are not in LFS."""
        known, card = dict(state.files), state.card
        for file in files:
            content = self.content(file.path, state.commit)
            if file.path == CARD:
                card = read_card(content.decode(errors="replace"), card.record.file.content.decode())
            else:
                known[file.path] = replace(file, sha256=hashlib.sha256(content).hexdigest())
        return replace(state, card=card, files=known)

    def content(self, path: str, commit: str, start: int = 0) -> bytes:
        """Bytes of a small file, or of the end of a large one, as the Hub gives them, not from a cache."""

        def read(**of: str) -> bytes:
            url = hf_hub_url(filename=path, revision=commit, endpoint=self.api.endpoint, **of)
            headers = build_hf_headers() | ({"Range": f"bytes={start}-"} if start else {})
            answer = http_backoff("GET", url, headers=headers, follow_redirects=True)
            hf_raise_for_status(answer)
            return bytes(answer.content)

        return self.call(f"reading {path}", read)

    def look_into(self, file: RemoteFile, commit: str, use: Callable[[Path], T]) -> T:
        """Result of a function for a file as the Hub gives it, not from a cache."""
        with tempfile.TemporaryDirectory() as folder:
            place = {"filename": file.path, "revision": commit, "local_dir": folder}
            return use(Path(self.call(f"reading {file.path}", self.api.hf_hub_download, file.size, **place)))

    def download(self, state: State, folder: Path) -> None:
        size, place = sum(file.size for file in state.files.values()), {"revision": state.commit, "local_dir": folder}
        self.call(f"downloading {self.repo_id}", self.api.snapshot_download, size, **place)

    def faults_of_card(self, text: str) -> list[str]:
        """Findings of the Hub's own validator on a card, a sentence each; none if this Hub does not have one."""

        def ask(**_: object) -> Any:
            url, asked = f"{self.api.endpoint}/api/validate-yaml", {"repoType": "dataset", "content": text}
            response = get_session().post(url, json=asked, headers=build_hf_headers())
            if response.status_code not in (400, 404):  # 400: there are errors
                hf_raise_for_status(response)
            return response.json() if response.status_code != 404 else {}

        answer = self.call("asking the Hub about the card", ask)
        found = [*answer.get("errors", []), *answer.get("warnings", [])]
        return [f"{CARD}: the Hub says: {item['message']}" for item in found]

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Name -> commit of all branches, and of all tags."""
        found = self.call("looking for branches and tags", self.api.list_repo_refs)
        branches, tags = ({ref.name: ref.target_commit for ref in refs} for refs in (found.branches, found.tags))
        return branches, tags

    def own_pull_requests(self) -> list[Commit]:
        """Open pull requests of the token's user, the newest first: others may have the same title."""
        read = partial(self.api.get_repo_discussions, discussion_type="pull_request", discussion_status="open")
        found = self.call("looking for pull requests", lambda **of: list(read(**of)))
        user = found and self.call("asking for the token's user", lambda **_: self.api.whoami())["name"]
        own = [item for item in found if item.author == user]
        return [Commit("", item.url, f"refs/pr/{item.num}", title=item.title) for item in own]

    def commits_since(self, commit: str, revision: str) -> dict[str, str]:
        """Id -> "author: title" of the commits after another one, the newest first, and not all of a long history."""

        def read(**_: object) -> list[dict[str, Any]]:  # a page at a time: `list_repo_commits` asks for all of it
            pages = paginate(f"{self.api_url}/commits/{quote(revision, safe='')}", {}, build_hf_headers())
            newest = itertools.islice(pages, MOST_COMMITS)
            return list(itertools.takewhile(lambda item: item["id"] != commit, newest))

        def words(item: dict[str, Any]) -> str:
            authors = ", ".join(author.get("user") or "" for author in item.get("authors") or ())
            return f"{authors or 'unknown'}: {item.get('title', '')}"

        return {item["id"]: words(item) for item in self.call("looking at the history", read)}

    def find_commit(self, commit: Commit, revision: str) -> Commit:
        """The newest commit after its parent whose title begins as wanted; else the newest."""
        history = self.commits_since(commit.parent or "", commit.revision or revision)
        ours = [id_ for id_, words in history.items() if words.partition(": ")[2].startswith(commit.title)]
        first, *earlier = ours or [*history, commit.id][:1]
        pull_request = commit.pull_request if commit.revision else None  # else it was merged
        return replace(commit, id=first, earlier=tuple(earlier), pull_request=pull_request)

    def missing_uploads(self, files: Sequence[UploadedFile]) -> set[str]:
        """Paths of the uploaded files that the Hub no longer has."""
        lost: set[str] = set()
        for start in range(0, len(files), LFS_BATCH):
            batch = files[start:][:LFS_BATCH]
            wanted = [UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=b"") for file in batch]
            ask = partial(post_lfs_batch_info, wanted, None, endpoint=self.api.endpoint)  # documented by git-lfs
            answers = self.call("asking for uploaded files", ask)[0]
            lost |= {answer["oid"] for answer in answers if answer.get("actions")}
        return {file.path for file in files if file.sha256 in lost}

    def create(self, private: bool) -> None:
        """Create the repository, if it does not exist."""
        self.call(f"creating {self.repo_id}", self.api.create_repo, private=private, exist_ok=True)

    def create_branch(self, name: str, start: str | None = None) -> None:
        """Create a branch that starts at `main`, or at a commit, if it does not exist."""
        self.call(f"creating the branch {name}", self.api.create_branch, branch=name, revision=start, exist_ok=True)

    def create_tag(self, name: str, commit: str) -> None:
        """Name a commit that does not have the name."""
        self.call(f"creating the tag {name}", self.api.create_tag, tag=name, revision=commit, exist_ok=True)
        if (tagged := self.refs()[1].get(name)) != commit:
            where = f"is at commit {tagged}" if tagged else "was refused"
            raise HubError(f"The tag {name!r} {where}. Give another name.")

    def merge(self, pull: Commit) -> None:
        """Merge a pull request; after a failure other than a refusal, the caller has to look up if it was merged."""
        number = _number(pull)
        details = self.call("looking at the pull request", self.api.get_discussion_details, discussion_num=number)
        if details.status == "draft":
            self.set_status(pull, "open")
        with self._once(f"merging {pull.pull_request}"):
            self.api.merge_pull_request(self.repo_id, number, repo_type="dataset")

    def set_status(self, pull: Commit, status: str) -> None:
        """Open or close a pull request, without merging it."""
        change, number = self.api.change_discussion_status, _number(pull)
        self.call(f"setting the pull request to {status}", change, discussion_num=number, new_status=status)

    def upload(self, file: LocalFile, create_pr: bool) -> UploadedFile:
        """Upload a file to LFS, invisible until a commit; for a pull request it takes fewer rights."""
        addition = CommitOperationAdd(file.path, file.source)
        sample = addition.upload_info.sample
        self._upload([addition], None, create_pr)
        return UploadedFile(file.path, file.size, file.rows, file.nbytes, file.sha256, file.rows_sha256, sample=sample)

    def commit(self, changes: Sequence[Change], parent: str, revision: str, message: str, create_pr: bool) -> Commit:
        """Commit changes on top of `parent`; after a failure other than a refusal, the caller has to look it up."""
        operations = [_operation(change) for change in changes]
        additions = [operation for operation in operations if isinstance(operation, CommitOperationAdd)]
        if additions:
            self._upload(additions, revision, create_pr)
        how: Any = {"commit_message": message, "parent_commit": parent or None, "create_pr": create_pr}
        with self._once("committing"):
            info = self.api.create_commit(self.repo_id, operations, repo_type="dataset", revision=revision, **how)
        # the client makes no commit that changes nothing, and returns the newest one
        if additions and not any(addition._is_committed for addition in additions):
            raise MovedError
        return Commit(info.oid, info.pr_url, info.pr_revision or "")

    @contextmanager
    def _once(self, doing: str) -> Iterator[None]:
        """Prepare for a request that is not repeated, since its answer may be lost after the work was done.

        A refusal, after which nothing was done, becomes a sentence; any other failure passes unchanged.
        """
        prepare_clients()
        try:
            with last_word(UNKNOWN.format(doing=doing)), said_while(doing):
                yield
        except Exception as error:
            if Failure(error).status in (None, *TRANSIENT, *CONFLICTS):
                raise
            raise explain(error, self.repo_id) from error

    def call(self, doing: str, request: Callable[..., T], size: int = 0, **arguments: Any) -> T:
        """Result of a request for this repository, sent with_retries; `doing` is for people who wait."""
        try:
            return with_retries(doing, request, repo_id=self.repo_id, repo_type="dataset", size=size, **arguments)
        except Exception as error:
            raise explain(error, self.repo_id) from error

    def _upload(self, additions: list[CommitOperationAdd], revision: str | None, create_pr: bool) -> None:
        """Upload the files that go to LFS; the Hub says which."""
        size = sum(addition.upload_info.size for addition in additions)
        what = additions[0].path_in_repo if len(additions) == 1 else f"{len(additions)} files"

        def upload(**of: Any) -> None:
            try:
                self.api.preupload_lfs_files(additions=additions, revision=revision, **of)
            except Exception as error:
                if Failure(error).hides_words:  # hf_xet keeps the status only: ask as it does, for the Hub's own words
                    url = f"{self.api_url}/xet-write-token/{quote(revision or MAIN, safe='')}"
                    url += "?create_pr=1" if create_pr else ""
                    answer = get_session().get(url, headers=build_hf_headers())
                    hf_raise_for_status(answer)
                    answer.json()
                raise

        self.call(f"uploading {what}", upload, size, create_pr=create_pr)


def _number(pull: Commit) -> int:
    return int(pull.revision.rpartition("/")[2])


def _operation(change: Change) -> CommitOperationAdd | CommitOperationDelete:
    """A new one each time: the client does not take one again."""
    file = change.after
    if file is None:
        return CommitOperationDelete(change.path)
    if isinstance(file, UploadedFile):
        # the client has no public way to say that it was uploaded: CI tries this with its oldest and newest version
        addition = CommitOperationAdd(file.path, b"")
        addition.upload_info = UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=file.sample)
        addition._upload_mode = "lfs"
        addition._is_uploaded = True
        return addition
    assert file.source is not None  # others are only planned
    return CommitOperationAdd(change.path, file.source)
