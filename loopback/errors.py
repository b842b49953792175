"""The one way a request is turned down: a status, a sentence, and the code that the clients read."""

from __future__ import annotations

from collections.abc import Mapping

BAD_TOKEN = "Invalid credentials in Authorization header"
NO_TOKEN = "Invalid username or password."


class HubError(Exception):
    """An answer that is not a success.

    `code` goes out as X-Error-Code: `huggingface_hub` picks its exception by it, and misreads a bare 404.
    """

    def __init__(
        self, status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


def repository_not_found(repository_id: str) -> HubError:
    """404 for a repository that is not there, or that the caller may not know of."""
    return HubError(404, f"Repository not found: {repository_id}", "RepoNotFound")


def anonymous(code: str | None = "RepoNotFound") -> HubError:
    """401 for a caller without a token.

    The Hub sends no code here; the clients then look whether the address starts with https, which on loopback
    it does not. With the code they raise what they raise on the real Hub.
    """
    return HubError(401, NO_TOKEN, code)


def revision_not_found(revision: str) -> HubError:
    """404 for a branch, tag, pull request or commit that is not there."""
    return HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(path: str) -> HubError:
    """404 for a file or folder that the revision does not hold."""
    return HubError(404, f"Entry not found: {path}", "EntryNotFound")
