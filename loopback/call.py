"""One request on its way through: who calls, for what, and the answers they can get."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlencode

from werkzeug import Request, Response

from .accounts import Account, identify
from .errors import HubError, anonymous, repository_not_found
from .repository import Repository
from .site import Site


@dataclass(frozen=True)
class Call:
    """A request that was matched to a route; `args` are the decoded parts of its path."""

    request: Request
    args: dict[str, str]
    hub: Site

    @cached_property
    def account(self) -> Account | None:
        """Account of the caller, None without a token; an unknown token is a 401. The storage has different tokens."""
        return identify(self.request.headers.get("Authorization"), self.hub.tokens)

    @property
    def revision(self) -> str:
        """The revision in the path, main if there is none."""
        return self.args.get("revision", "main")

    def repository(self, need: Literal["read", "propose", "write"] = "read") -> Repository:
        """Return the repository in the path, if the caller may see it and do what is needed.

        As on the Hub: a private repository looks like none to others; a pull request to a public one needs a
        token with the role write, but not membership.
        """
        repository_id = f"{self.args['namespace']}/{self.args['name']}"
        repository, account = self.hub.state.find(repository_id), self.account
        if account is None:
            if repository is None or repository.private or need != "read":
                raise anonymous()
            return repository
        member = account.owns(repository_id)
        if repository is None or (repository.private and not member):
            raise repository_not_found(repository_id)
        if need != "read" and account.role != "write":
            raise HubError(403, "Forbidden: you must use a write token to upload to a repository.")
        if need == "write" and not member:
            raise HubError(403, f"Forbidden: {account.name} may not write to {repository_id}")
        return repository

    def writer(self) -> Account:
        """Return the account of a call that passed `repository` with a need to write."""
        if self.account is None:
            raise anonymous(code=None)
        return self.account

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; no body is an empty one, anything else a 400."""
        try:
            body = json.loads(self.request.get_data() or b"{}")
        except ValueError as error:
            raise HubError(400, f"The body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise HubError(400, "The body must be a JSON object")
        return body

    def flag(self, name: str) -> bool:
        """Return True if a parameter of the query is switched on."""
        return is_on(self.request.args.get(name))

    def page(self, items: Sequence[Any], size: int) -> Response:
        """Answer with one page of a list and a Link header to the next, which the clients follow."""
        start, size = self._number("cursor", 0), min(size, self._number("limit", size))
        response = answer(list(items[start : start + size]))
        if start + size < len(items):
            query = {**self.request.args.to_dict(), "cursor": str(start + size)}
            url = f"{self.hub.url}{raw_path(self.request)}?{urlencode(query)}"
            response.headers["Link"] = f'<{url}>; rel="next"'
        return response

    def _number(self, name: str, default: int) -> int:
        value = self.request.args.get(name, str(default))
        if not value.isdecimal():
            raise HubError(400, f"{name} must be a number, got {value!r}")
        return int(value)

    def sign(self, path: str, **more: str) -> str:
        """Return an address in the storage that works for a while without a token, as in a bucket."""
        expires = str(int(time.time() + self.hub.lifetime))
        query = {**more, "expires": expires, "signature": self._signature(path, expires)}
        return f"{self.hub.storage_url}{path}?{urlencode(query)}"

    def check_signature(self) -> None:
        """Turn down an address that this server did not give out, or too long ago, and a token sent along with it."""
        if "Authorization" in self.request.headers:
            raise HubError(400, "A signed address takes no Authorization: no token is for the storage")
        expires, given = (self.request.args.get(name, "") for name in ("expires", "signature"))
        if not hmac.compare_digest(given.encode(), self._signature(self.request.path, expires).encode()):
            raise HubError(403, "The signature of this address is not valid")
        if int(expires) <= time.time():
            raise HubError(403, "This address has expired")

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self.hub.secret, f"{path} {expires}".encode(), hashlib.sha256).hexdigest()


def answer(data: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(data, default=str), status, mimetype="application/json")


def is_on(value: object) -> bool:
    """Return True for a flag that is set: clients send true, True or 1."""
    return str(value).lower() in ("true", "1")


def raw_path(request: Request) -> str:
    """Return the path as it was sent, a slash within a revision as %2F: WSGI's own path has lost that.

    Of a request to another host, which comes here as to a proxy (`Hub.environment`), it is the whole address.
    """
    uri: str = request.environ["RAW_URI"]
    return uri.partition("?")[0]
