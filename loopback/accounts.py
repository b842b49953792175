"""Accounts: the user behind a token, and the rights of that token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .errors import BAD_TOKEN, HubError

WRITE_TOKEN = "hf_loopback_write"
READ_TOKEN = "hf_loopback_read"


@dataclass(frozen=True)
class Account:
    """The user behind a token, and the role of that token; `orgs` are further namespaces they belong to.

    `only` is the repository that a token of a keyless publisher is for.
    """

    name: str
    role: Literal["read", "write"] = "write"
    orgs: tuple[str, ...] = ()
    only: str | None = None

    def owns(self, repository_id: str) -> bool:
        """Return True for a repository that belongs to this user, if the token may be used for it."""
        namespace = repository_id.partition("/")[0]
        return self.only in (None, repository_id) and namespace in (self.name, *self.orgs)


TOKENS: Mapping[str, Account] = {WRITE_TOKEN: Account("tester"), READ_TOKEN: Account("tester", "read")}


def identify(authorization: str | None, tokens: Mapping[str, Account]) -> Account | None:
    """Return the account of an Authorization header, None without one; an unknown token is a 401."""
    if not authorization:
        return None
    account = tokens.get(authorization.removeprefix("Bearer ").strip())
    if account is None:
        raise HubError(401, BAD_TOKEN)
    return account
