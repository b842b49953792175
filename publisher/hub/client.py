"""What changes a dataset repository on the Hugging Face Hub: uploads, and one commit.

All requests are sent with_retries, but never the commit, because an answer may be lost after the work was done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from publisher.errors import HubError, last_word
from publisher.hub.client_internals import ask_for_write_token, uploaded_addition, was_committed
from publisher.hub.failures import explain, hides_words, status_of
from publisher.hub.patience import COMMITTING, Patience, with_retries, within
from publisher.hub.reading import Reader, of_type
from publisher.options import MAIN
from publisher.plan.plan import Change
from publisher.plan.state import Commit, PullRequest
from publisher.prepare.files import LocalFile, TextFile, UploadedFile

UNKNOWN = "Interrupted while {doing}: whether it was done is not known. Run the command again: it looks, and continues."


class MovedError(Exception):
    """Somebody committed to the revision, or to the pull request, while that was filled."""


class Repository(Reader):
    """A dataset repository, and what the token may do with it."""

    def create(self, private: bool) -> None:
        """Make the repository, if it is not there."""
        self._make(f"making {self.repo_id}", self.api.create_repo, private=private)

    def create_branch(self, name: str, start: str | None = None) -> None:
        """Make a branch that starts at `main`, or at a commit, if it is not there."""
        self._make(f"making the branch {name}", self.api.create_branch, branch=name, revision=start)

    def create_tag(self, name: str, commit: str) -> None:
        """Name a commit, if it has not the name already."""
        if name not in self.refs()[1]:  # of one that is there, servers say other things than that
            self._make(f"making the tag {name}", self.api.create_tag, tag=name, revision=commit)
        if (tagged := self.refs()[1].get(name)) != commit:
            where = f"is at commit {tagged}" if tagged else "was refused"
            raise HubError(f"the tag {name!r} {where}: give another name")

    def merge(self, pull_request: PullRequest) -> None:
        """Bring the changes of a pull request to `main`.

        Raises whatever the client raises: whether it was merged has to be looked up.
        """
        number = pull_request.number
        details = self.call("looking at the pull request", self.api.get_discussion_details, discussion_num=number)
        if details.status == "draft":
            self.call(
                "opening the pull request",
                self.api.change_discussion_status,
                discussion_num=number,
                new_status="open",
            )
        limit = time.monotonic() + COMMITTING
        with last_word(UNKNOWN.format(doing=f"merging {pull_request.url}")):
            within("merging", limit, self.api.merge_pull_request, self.repo_id, number, repo_type="dataset")

    def close(self, pull_request: PullRequest) -> None:
        """Close a pull request without merging it."""
        self.call(
            "closing a pull request",
            self.api.change_discussion_status,
            discussion_num=pull_request.number,
            new_status="closed",
        )

    def upload(self, file: LocalFile, create_pr: bool) -> UploadedFile:
        """Upload a file that goes to LFS, and that nobody sees before it is committed.

        Parameters
        ----------
        file : LocalFile
        create_pr : bool
            Whether a pull request will hold it, which takes fewer rights.
        """
        self.require_token()

        addition = CommitOperationAdd(file.path, str(file.source))
        sample = addition.upload_info.sample
        self._upload(f"uploading {file.path}", [addition], file.size, None, create_pr)
        return UploadedFile(file.path, file.size, file.rows, file.nbytes, file.sha256, file.values, sample)

    def commit(
        self, changes: Sequence[Change], parent: str, revision: str, message: str, create_pr: bool = False
    ) -> Commit:
        """Carry changes out in one commit on top of `parent`.

        Raises whatever the client raises: whether the commit was made has to be looked up.
        """
        self.require_token()
        files = [change.after for change in changes]
        size = sum(file.size for file in files if isinstance(file, LocalFile | TextFile))
        operations = [_operation(change) for change in changes]
        additions = [operation for operation in operations if isinstance(operation, CommitOperationAdd)]
        if additions:
            self._upload(f"uploading {len(additions)} files", additions, size, revision, create_pr)
        with last_word(UNKNOWN.format(doing="committing")):
            info = within(
                "committing",
                min(time.monotonic() + COMMITTING, Patience("committing").limit),
                self.api.create_commit,
                self.repo_id,
                operations,
                repo_type="dataset",
                commit_message=message,
                revision=revision,
                parent_commit=parent or None,
                create_pr=create_pr,
            )
        if additions and not any(map(was_committed, additions)):  # the client makes no commit that changes nothing
            raise MovedError
        return Commit(of_type(str, info.oid), info.pr_url, info.pr_revision)

    def _upload(
        self, doing: str, additions: list[CommitOperationAdd], size: int, revision: str | None, create_pr: bool
    ) -> None:
        """Upload what goes to LFS; which of the files that is, the Hub says."""

        def upload(**named: Any) -> None:
            try:
                self.api.preupload_lfs_files(additions=additions, revision=revision, **named)
                return
            except Exception as error:
                failure = error
            if hides_words(failure):
                ask_for_write_token(endpoint=self.api.endpoint, revision=revision or MAIN, **named)
            raise failure

        self.call(doing, upload, max(size, 1), create_pr=create_pr)

    def _make(self, doing: str, request: Callable[..., object], **arguments: Any) -> None:
        """Make what may be there: because somebody was faster, or because the answer to a first attempt was lost."""
        self.require_token()
        try:
            with_retries(doing, request, repo_id=self.repo_id, repo_type="dataset", **arguments)
        except Exception as error:
            if status_of(error) != 409:
                raise explain(error, self.repo_id) from error


def _operation(change: Change) -> CommitOperationAdd | CommitOperationDelete:
    """A new one each time: the client does not take one again."""
    match change.after:
        case None:
            return CommitOperationDelete(change.path)
        case TextFile(content=content):
            return CommitOperationAdd(change.path, content)
        case LocalFile(source=source):
            return CommitOperationAdd(change.path, str(source))
        case UploadedFile() as file:
            return uploaded_addition(file)
        case expected:
            raise TypeError(f"{expected} is not drawn yet")
