"""Which function answers which request."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from . import reading, uploads, writing
from .call import Call, raw_path
from .errors import HubError
from .xet import downloads as fetching
from .xet import tokens
from .xet import uploads as storing

Handler = Callable[[Call], Response]

_DATASET = "/api/datasets/<namespace>/<name>"
_STORE = "/xet/<store>"
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/whoami-v2", reading.whoami),
    ("POST", "/oauth/token", writing.exchange_token),
    ("POST", "/api/validate-yaml", writing.validate_yaml),
    ("POST", "/api/repos/create", writing.create_repository),
    ("DELETE", "/api/repos/delete", writing.delete_repository),
    ("GET", _DATASET, reading.info),
    ("GET", f"{_DATASET}/revision/<revision>", reading.info),
    ("PUT", f"{_DATASET}/settings", writing.settings),
    ("GET", f"{_DATASET}/tree/<revision>", reading.tree),
    ("GET", f"{_DATASET}/tree/<revision>/<path:path>", reading.tree),
    ("POST", f"{_DATASET}/paths-info/<revision>", reading.paths_info),
    ("GET", f"{_DATASET}/commits/<revision>", reading.commits),
    ("GET", f"{_DATASET}/refs", reading.refs),
    ("POST", f"{_DATASET}/preupload/<revision>", uploads.preupload),
    ("POST", f"{_DATASET}/commit/<revision>", uploads.commit),
    ("POST", f"{_DATASET}/branch/<revision>", writing.create_branch),
    ("DELETE", f"{_DATASET}/branch/<revision>", writing.delete_branch),
    ("POST", f"{_DATASET}/tag/<revision>", writing.create_tag),
    ("DELETE", f"{_DATASET}/tag/<revision>", writing.delete_tag),
    ("GET", f"{_DATASET}/discussions", reading.pulls),
    ("POST", f"{_DATASET}/discussions", writing.create_pull),
    ("GET", f"{_DATASET}/discussions/<int:number>", reading.pull),
    ("POST", f"{_DATASET}/discussions/<int:number>/merge", writing.merge_pull),
    ("POST", f"{_DATASET}/discussions/<int:number>/status", writing.set_pull_status),
    ("POST", "/datasets/<namespace>/<name>.git/info/lfs/objects/batch", uploads.lfs_batch),
    ("PUT", "/lfs/<namespace>/<name>/<oid>", uploads.lfs_upload),
    ("POST", "/lfs/<namespace>/<name>/verify", uploads.lfs_verify),
    ("GET", "/datasets/<namespace>/<name>/resolve/<revision>/<path:path>", reading.resolve),
    ("GET", "/api/resolve-cache/datasets/<namespace>/<name>/<revision>/<path:path>", reading.small),
    ("GET", f"{_DATASET}/xet-write-token/<revision>", tokens.write_token),
    ("GET", f"{_DATASET}/xet-read-token/<revision>", tokens.read_token),
    ("PUT", f"{_STORE}/grants/<grant>", storing.granted),
    ("POST", f"{_STORE}/v1/xorb-grants/<space>/<hash>", storing.grant),
    ("POST", f"{_STORE}/v1/xorb-commits/<space>/<hash>/grant/<grant>", storing.commit_grant),
    ("POST", f"{_STORE}/v2/shards", storing.shard),
    ("GET", f"{_STORE}/v1/chunks/<space>/<hash>", storing.chunk),
    ("POST", f"{_STORE}/v1/xorbs/<space>/<hash>", storing.xorb),
    ("GET", f"{_STORE}/v2/reconstructions/<hash>", fetching.reconstruction_by_xorb),
    # Older clients read: hf_xet 1.2 names no version.
    *(("GET", f"{_STORE}{version}/reconstructions/<hash>", fetching.reconstruction) for version in ("/v1", "")),
    ("GET", f"{_STORE}/data/<hash>", fetching.data),
    ("GET", f"{_STORE}/bridge/<hash>", fetching.bridge),
)
_MAP = Map(
    [Rule(rule, methods=[method], endpoint=handler) for method, rule, handler in _ROUTES],
    strict_slashes=False,
    merge_slashes=False,
)


def find(request: Request) -> tuple[Handler, dict[str, str]]:
    """Return the function for a request and the decoded parts of its path; else a 404, or a 405."""
    try:
        handler: Handler
        handler, args = _MAP.bind("").match(raw_path(request), request.method)
    except HTTPException as error:
        raise HubError(error.code or 404, f"{request.method} {request.path} is not served here") from None
    return handler, {name: unquote(str(value)) for name, value in args.items()}
