"""What is in a dataset repository on the Hugging Face Hub; all requests are sent with_retries.

What the Hub refuses becomes one sentence.
"""

from __future__ import annotations

import hashlib
import itertools
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import HfApi, HfFileSystem, constants, get_token
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from publisher.card.record import CARD, CARD_BYTES, read_card
from publisher.errors import HubError, UsageError
from publisher.hub.cleaning import clean
from publisher.hub.client_internals import commits, missing_objects
from publisher.hub.endpoint import endpoint
from publisher.hub.failures import explain, is_lost
from publisher.hub.patience import with_retries
from publisher.plan.state import EMPTY, Commit, PullRequest, RemoteFile, State
from publisher.prepare.files import UploadedFile

T = TypeVar("T")

END = 8  # bytes, of a Parquet file its footer's size and mark
MANY = 100  # commits that are looked through
LONGEST_TOKEN = 4000  # letters: those of OpenID Connect have about 1,500
LFS_BATCH = 100  # objects that one request asks about: what git-lfs itself sends at most


class NoRevisionError(UsageError):
    """The repository is there, the revision is not."""


class Reader:
    """A dataset repository, and what is in it.

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
        if token and not (token.isascii() and token.isprintable() and " " not in token and len(token) <= LONGEST_TOKEN):
            raise UsageError("the token has characters, or a length, that no token has: copy it again into HF_TOKEN")
        self.api = HfApi()

    def find(self, revision: str) -> State | None:
        """The repository at a revision, or None if the repository is not there (or hidden from the token).

        Raises
        ------
        NoRevisionError
        UsageError, HubError
        """
        try:
            info = with_retries(
                f"looking at {self.repo_id}",
                self.api.repo_info,
                self.repo_id,
                repo_type="dataset",
                revision=revision,
            )
            commit = of_type(str, info.sha)
        except RevisionNotFoundError:
            raise NoRevisionError(
                f"{self.repo_id} has no revision {revision!r}: give a branch, tag or commit"
            ) from None
        except RepositoryNotFoundError:
            return None
        except Exception as error:
            raise explain(error, self.repo_id) from error
        files = self.files(commit)
        is_read = CARD in files and files[CARD].size <= CARD_BYTES
        card = read_card(self.content(CARD, commit).decode(errors="replace")) if is_read else EMPTY.card
        return State(commit, files, card, bool(info.private))

    def files(self, commit: str) -> dict[str, RemoteFile]:
        """All files of a commit, by path."""
        found = self.call(f"listing the files of {self.repo_id}", self._tree, revision=commit)
        return {file.path: file for file in found}

    def get(self, revision: str) -> State:
        """The repository at a revision; both must be there."""
        try:
            state = self.find(revision)
        except NoRevisionError as error:
            raise HubError(str(error)) from error
        if state is None:
            raise HubError(f"{self.url} is not there, or the token may not see it")
        return state

    def read(self, state: State, files: Iterable[RemoteFile]) -> State:
        """A state with the digests of files that are not in LFS, which have to be read for it."""
        digests = {file.path: hashlib.sha256(self.content(file.path, state.commit)).hexdigest() for file in files}
        known = {path: replace(state.files[path], sha256=digest) for path, digest in digests.items()}
        return replace(state, files={**state.files, **known})

    def content(self, path: str, commit: str, size: int = 0) -> bytes:
        """The bytes of a file as the Hub gives them, not those of a cache."""
        try:
            return self._with_file(path, commit, size, Path.read_bytes)
        except Exception as error:
            raise explain(error, self.repo_id) from error

    def look_into(self, file: RemoteFile, commit: str, use: Callable[[Path], T]) -> T | None:
        """What a function says of a file as the Hub gives it, not that of a cache; None if the Hub has lost it."""
        try:
            return self._with_file(file.path, commit, file.size, use)
        except Exception as error:
            if is_lost(error):
                return None
            raise explain(error, self.repo_id) from error

    def ends(self, files: Iterable[RemoteFile], commit: str) -> dict[str, bytes | None]:
        """The last bytes of large files, by path, which say that they are there; None if the Hub has lost one."""
        system = HfFileSystem(skip_instance_cache=True)
        found: dict[str, bytes | None] = {}
        for folder, group in itertools.groupby(files, lambda file: file.path.rpartition("/")[0]):
            root = f"datasets/{self.repo_id}@{commit}"
            try:
                with_retries(
                    f"listing {folder}", system.ls, f"{root}/{folder}".rstrip("/")
                )  # else it asks for each file
            except Exception as error:
                raise explain(error, self.repo_id) from error
            for file in group:
                try:
                    path = f"{root}/{file.path}"
                    start, stop = max(file.size - END, 0), file.size
                    found[file.path] = with_retries(
                        f"reading {file.path}", system.cat_file, path, start=start, end=stop
                    )
                except Exception as error:
                    if not is_lost(error):
                        raise explain(error, self.repo_id) from error
                    found[file.path] = None
        return found

    def download(self, commit: str, folder: Path) -> None:
        """Copy all files of a commit into a folder."""
        size = sum(file.size for file in self.files(commit).values())
        self.call(f"downloading {self.repo_id}", self.api.snapshot_download, size, revision=commit, local_dir=folder)

    def faults_of_card(self, text: str) -> list[str]:
        """What the Hub's own validator says of a card, a sentence each; nothing if this Hub has none."""

        def ask() -> Any:
            response = get_session().post(
                f"{self.api.endpoint}/api/validate-yaml",
                json={"repoType": "dataset", "content": text},
                headers=build_hf_headers(),
                timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT,
            )
            if response.status_code not in (400, 404):  # 400: there are errors
                hf_raise_for_status(response)
            return response.json() if response.status_code != 404 else {}

        try:
            answer = with_retries("asking the Hub about the card", ask)
            said = [*answer.get("errors", []), *answer.get("warnings", [])]
            return [f"{CARD}: the Hub says: {item['message']}" for item in said]
        except Exception as error:
            raise explain(error, self.repo_id) from error

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Name -> commit of all branches, and of all tags."""

        def read(repo_id: str, repo_type: str) -> tuple[dict[str, str], ...]:
            found = self.api.list_repo_refs(repo_id, repo_type=repo_type)
            return tuple(
                {of_type(str, ref.name): of_type(str, ref.target_commit) for ref in refs}
                for refs in (found.branches, found.tags)
            )

        branches, tags = self.call("looking for branches and tags", read)
        return branches, tags

    def own_pull_requests(self) -> list[PullRequest]:
        """The open pull requests of the token's user, the newest first: anybody may open one, with any title."""
        found = self.call("looking for pull requests", self._pull_requests)
        if not found:
            return []
        try:
            user = with_retries("asking whose the token is", self.api.whoami)["name"]
        except Exception as error:
            raise explain(error, self.repo_id) from error
        return [pull for author, pull in found if author == user]

    def commits_since(self, commit: str, revision: str) -> list[str]:
        """Author and title of what came after a commit, the newest first."""
        return [f"{who}: {title}" for _, who, title in self._history(revision, commit)]

    def find_commit(self, commit: Commit, revision: str) -> Commit:
        """Which commit it is: the newest after its parent whose title begins so; else the newest."""
        assert commit.parent
        assert commit.title
        history = self._history(commit.revision or revision, commit.parent)
        ours = [id_ for id_, _, title in history if title.startswith(commit.title)]
        first, *earlier = ours or [id_ for id_, _, _ in history[:1]] or [commit.id]
        pull_request = commit.pull_request if commit.revision else None  # else it was merged
        return replace(commit, id=first, earlier=tuple(earlier), pull_request=pull_request)

    def commits_between(self, commit: Commit, parent: str) -> list[str]:
        """Id, author and title of what lies between a commit and the one that it was to follow, the newest first.

        The Hub refuses a commit whose parent is not the newest one; other servers may not look at it.
        """
        between = self._history(commit.id, parent)
        return [f"{id_} by {who}: {title}" for id_, who, title in between if id_ not in (commit.id, *commit.earlier)]

    def lost(self, files: Sequence[UploadedFile]) -> set[str]:
        """The paths of those uploaded files that the Hub no longer has."""
        paths: set[str] = set()
        for start in range(0, len(files), LFS_BATCH):
            batch = files[start:][:LFS_BATCH]
            missing = self.call("asking for uploaded files", missing_objects, files=batch, endpoint=self.api.endpoint)
            paths |= {file.path for file in batch if file.sha256 in missing}
        return paths

    def require_token(self) -> None:
        """Refuse to begin without a token."""
        if not get_token():
            raise HubError("there is no token: set HF_TOKEN, or log in with `hf auth login`")

    def call(self, doing: str, request: Callable[..., T], size: int = 0, **arguments: Any) -> T:
        """What a request for this repository gives, sent with_retries; `doing` is for people who wait."""
        try:
            return with_retries(doing, request, repo_id=self.repo_id, repo_type="dataset", size=size, **arguments)
        except Exception as error:
            raise explain(error, self.repo_id) from error

    def _history(self, revision: str, until: str) -> list[tuple[str, str, str]]:
        """Id, authors and title of what came after a commit, the newest first, and not without end."""

        def read(repo_id: str, repo_type: str) -> list[tuple[str, str, str]]:
            found = commits(repo_type, repo_id, self.api.endpoint, revision)
            newer = itertools.takewhile(lambda item: item["id"] != until, itertools.islice(found, MANY))
            return [
                (
                    str(item["id"]),
                    ", ".join(str(author.get("user") or author) for author in item.get("authors") or ()) or "somebody",
                    str(item.get("title", "")),
                )
                for item in newer
            ]

        return self.call("looking at the history", read)

    def _tree(self, repo_id: str, repo_type: str, revision: str) -> list[RemoteFile]:
        try:
            tree: list[Any] = list(
                self.api.list_repo_tree(repo_id, repo_type=repo_type, revision=revision, recursive=True)
            )
        except HfHubHTTPError as error:
            if error.response.headers.get("X-Error-Code") == "EntryNotFound":  # there is no file at all
                return []
            raise
        return [
            RemoteFile(
                of_type(str, item.path),
                of_type(int, item.size),
                of_type(str, item.blob_id),
                of_type(str, item.lfs.sha256) if item.lfs else None,
            )
            for item in tree
            if hasattr(item, "blob_id")  # no folder
        ]

    def _pull_requests(self, repo_id: str, repo_type: str) -> list[tuple[Any, PullRequest]]:
        """Author and pull request."""
        found = self.api.get_repo_discussions(
            repo_id, repo_type=repo_type, discussion_type="pull_request", discussion_status="open"
        )
        return [
            (item.author, PullRequest(f"refs/pr/{of_type(int, item.num)}", item.url, of_type(str, item.title)))
            for item in found
            if item.is_pull_request
        ]

    def _with_file(self, path: str, commit: str, size: int, use: Callable[[Path], T]) -> T:
        """Download a file for a moment, past all caches."""
        download = partial(self.api.hf_hub_download, self.repo_id, path, repo_type="dataset", revision=commit)
        with tempfile.TemporaryDirectory() as folder:
            return use(Path(with_retries(f"reading {path}", download, local_dir=folder, size=size)))


def of_type(kind: type[T], value: Any) -> T:
    """A value of an answer, which is of any type that JSON has."""
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} is expected instead of {clean(repr(value), 40)}")
    return value
