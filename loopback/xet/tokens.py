"""Access to the storage: short-lived tokens that the Hub gives out for one repository."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from typing import Any, Literal

from werkzeug import Response

from ..call import Call, answer
from ..errors import HubError

Right = Literal["read", "write"]
_PREFIX = "xet_"


def write_token(call: Call) -> Response:
    """GET /api/datasets/R/xet-write-token/REV?create_pr=; to open a pull request the client names no revision."""
    create = call.flag("create_pr")
    repository = call.repository("propose" if create or call.revision.startswith("refs/pr/") else "write")
    if not create:
        repository.at(call.revision)
    return _issued(call, repository.id, "write")


def read_token(call: Call) -> Response:
    """GET /api/datasets/R/xet-read-token/REV."""
    repository = call.repository()
    repository.at(call.revision)
    return _issued(call, repository.id, "read")


def check(call: Call, right: Right) -> str:
    """Return the repository that a request to the storage is for; 401 without a valid token, 403 without the right."""
    claims = _read(call, call.request.headers.get("Authorization", ""))
    if claims is None or claims["exp"] <= time.time():
        raise HubError(401, "Invalid or expired access token")
    if right == "write" and claims["right"] != "write":
        raise HubError(403, "This access token allows to read, not to write")
    return str(claims["repository"])


def _issued(call: Call, repository: str, right: Right) -> Response:
    """Answer as the Hub does: hf_xet reads the body, the Python client the headers."""
    expires, cas = int(time.time() + call.hub.lifetime), f"{call.hub.storage_url}/xet/{call.hub.state.xet.id}"
    claims = json.dumps({"repository": repository, "right": right, "exp": expires}).encode()
    body = base64.urlsafe_b64encode(claims).decode()
    token = f"{_PREFIX}{body}.{_signature(call, body)}"
    response = answer({"casUrl": cas, "exp": expires, "accessToken": token})
    response.headers["X-Xet-Cas-Url"] = cas
    response.headers["X-Xet-Access-Token"] = token
    response.headers["X-Xet-Token-Expiration"] = str(expires)
    return response


def _read(call: Call, authorization: str) -> dict[str, Any] | None:
    token = authorization.removeprefix("Bearer ").strip().removeprefix(_PREFIX)
    body, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(call, body).encode()):
        return None
    try:
        return dict(json.loads(base64.urlsafe_b64decode(body)))
    except (ValueError, binascii.Error):
        return None


def _signature(call: Call, body: str) -> str:
    return hmac.new(call.hub.secret, body.encode(), hashlib.sha256).hexdigest()
