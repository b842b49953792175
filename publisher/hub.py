"""A dataset repository on the Hugging Face Hub: what is there, and one commit to change it.

Requests that `huggingface_hub` does not retry itself are retried here, a bounded number of times; but never the commit,
because an answer may be lost after the work was done. What the Hub refuses becomes one sentence.
"""

from __future__ import annotations

import hashlib
import importlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tenacity
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from publisher.errors import HubError, UsageError
from publisher.manifest import CARD, PublishedCard, read_card
from publisher.plan import Plan, RemoteFile

T = TypeVar("T")

MAIN = "main"
ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds between attempts, doubled each time
TRANSIENT = {408, 429, 500, 502, 503, 504}
CONFLICTS = {409, 412}


@dataclass(frozen=True)
class State:
    """A repository at one commit."""

    commit: str
    files: dict[str, RemoteFile]
    card: PublishedCard
    private: bool


EMPTY = State("", {}, PublishedCard({}, "", None), private=False)


class Repository:
    """A dataset repository, and what the token may do with it.

    Parameters
    ----------
    repo_id : str
        `namespace/name`.
    """

    def __init__(self, repo_id: str) -> None:
        self.repo_id = repo_id
        self.api = HfApi()
        self.url = f"{self.api.endpoint}/datasets/{repo_id}"

    def find(self, revision: str) -> State | None:
        """The repository at a revision, or None if the repository is not there (or hidden from the token).

        Raises
        ------
        UsageError
            If the revision is not there.
        HubError
        """
        try:
            info = self._call(self.api.repo_info, revision=revision)
        except RevisionNotFoundError:
            raise UsageError(f"{self.repo_id} has no revision {revision!r}: give a branch, tag or commit") from None
        except RepositoryNotFoundError:
            return None
        files = {
            item.path: RemoteFile(item.path, item.size, item.blob_id, item.lfs.sha256 if item.lfs else None)
            for item in self._call(self._tree, revision=info.sha)
        }
        card = read_card(self._read(CARD, str(info.sha)).decode(errors="replace")) if CARD in files else EMPTY.card
        return State(str(info.sha), files, card, bool(info.private))

    def get(self, revision: str) -> State:
        """The same for a repository that must be there."""
        state = self.find(revision)
        if state is None:
            raise HubError(f"{self.url} is not there, or the token may not see it")
        return state

    def digest(self, file: RemoteFile, commit: str) -> str:
        """SHA-256 of a file's content; only one that is not in LFS has to be read for it."""
        return file.sha256 or hashlib.sha256(self._read(file.path, commit)).hexdigest()

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

    def open_pull_requests(self, title: str) -> list[str]:
        """Revisions of the open pull requests with this title, the newest first."""
        found = self._call(self._discussions)
        return [item.git_reference for item in found if item.is_pull_request and item.title == title]

    def commits_since(self, commit: str, revision: str) -> list[str]:
        """Author and title of what came after a commit, the newest first."""
        names = []
        for item in self._call(self.api.list_repo_commits, revision=revision):
            if item.commit_id == commit:
                break
            names.append(f"{', '.join(item.authors)}: {item.title}")
        return names

    def commit(self, plan: Plan, parent: str, revision: str, message: str, create_pr: bool) -> str:
        """Carry a plan out in one commit on top of `parent`, and return its id.

        Raises whatever the client raises: whether the commit was made has to be looked up.
        """
        self._require_token()
        steps = plan.steps
        additions = [CommitOperationAdd(step.path, str(step.after.source)) for step in steps if step.after]
        deletions = [CommitOperationDelete(step.path) for step in steps if step.action == "remove"]
        info = self.api.create_commit(
            self.repo_id,
            [*additions, *deletions],
            repo_type="dataset",
            commit_message=message,
            revision=revision,
            parent_commit=parent or None,
            create_pr=create_pr,
        )
        return str(info.oid)

    def explain(self, error: BaseException) -> HubError:
        """One sentence for what the Hub refused, or why it could not be reached."""
        status = status_of(error)
        where = f"{self.repo_id} on {self.api.endpoint}"
        if status == 401:
            reason = "the token is not valid" if get_token() else "there is no token"
            return HubError(f"{reason}: set HF_TOKEN, or log in with `hf auth login`, with a token that may write")
        if status == 403:
            return HubError(f"the token may not write to {where}: use one with the right to write there")
        if status == 404:
            return HubError(f"{where} is not there, or the token may not see it: use one with the right to read it")
        if status == 429:
            return HubError(f"{where} takes no more requests for now: try again later")
        if status in TRANSIENT:
            return HubError(f"{where} fails with status {status}: try again later")
        if status:
            return HubError(f"{where} refused with status {status}: {first_line(error)}")
        return HubError(f"{where} could not be reached: {first_line(error)}")

    def _require_token(self) -> None:
        if not get_token():
            raise HubError("there is no token: set HF_TOKEN, or log in with `hf auth login`")

    def retry(self, request: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call what sends requests, again while its failure is transient.

        Raises
        ------
        HubError
            If it stays so; any other error as it comes.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=wait,
            reraise=True,
        )
        try:
            return retrying(request, *arguments, **named)
        except Exception as error:
            if is_transient(error):
                raise self.explain(error) from error
            raise

    def _call(self, request: Callable[..., T], **arguments: Any) -> T:
        """Send a request of the client; what is not there is for the caller, all else that is refused is explained."""
        try:
            return self.retry(request, self.repo_id, repo_type="dataset", **arguments)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise
        except Exception as error:
            if status_of(error):
                raise self.explain(error) from error
            raise

    def _make(self, request: Callable[..., object], **arguments: Any) -> None:
        """Make what may be there: because somebody was faster, or because the answer to a first attempt was lost."""
        self._require_token()
        try:
            self.retry(request, self.repo_id, repo_type="dataset", **arguments)
        except Exception as error:
            status = status_of(error)
            if status and status != 409:
                raise self.explain(error) from error
            if status is None:
                raise

    def _tree(self, repo_id: str, repo_type: str, revision: str) -> list[Any]:
        try:
            tree = list(self.api.list_repo_tree(repo_id, repo_type=repo_type, revision=revision, recursive=True))
        except HfHubHTTPError as error:
            if "EntryNotFound" in str(error.response.headers.get("X-Error-Code")):  # there is no file at all
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


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error goes back to, if any."""
    for cause in _causes(error):
        response = getattr(cause, "response", None)
        if response is not None:
            return int(response.status_code)
    return None


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT
    return any(isinstance(cause, _network_errors()) for cause in _causes(error))


def wait(retry: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: what the Hub asks for, or twice as many each time."""
    error = retry.outcome.exception() if retry.outcome else None
    for cause in _causes(error) if error else ():
        asked = getattr(getattr(cause, "response", None), "headers", {}).get("Retry-After", "")
        if asked.isdigit():
            return min(float(asked), LONGEST_WAIT)
    return backoff(retry.attempt_number)


def backoff(attempt: int) -> float:
    """Seconds to wait after an attempt, counted from 1."""
    return min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _network_errors() -> tuple[type[BaseException], ...]:
    """What the HTTP library of the client raises: requests up to 0.36, then httpx, then httpx2."""
    errors: list[type[BaseException]] = [ConnectionError, TimeoutError]
    for module, name in (("requests", "RequestException"), ("httpx", "TransportError"), ("httpx2", "TransportError")):
        try:
            errors.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(errors)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
