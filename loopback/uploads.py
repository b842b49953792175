"""The routes that bring files: what to upload and how, the uploads, and the commit that shows them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from werkzeug import Response

from . import card
from .call import Call, answer
from .commits import Change
from .errors import HubError
from .objects import Entry
from .repository import Repository

_SHA256 = re.compile("[0-9a-f]{64}")


def preupload(call: Call) -> Response:
    """POST /api/datasets/R/preupload/REV?create_pr= {files: [{path, sample, size}]}."""
    repository = call.repository("propose" if _is_pull(call) else "write")
    commit, files = repository.at(call.revision), []
    for file in call.json().get("files", []):
        path, sample = str(file["path"]), _decode(file.get("sample", ""))
        mode = repository.upload_mode(call.revision, path, int(file["size"]), sample)
        found = commit.files.get(path)
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False} | ({"oid": found.etag} if found else {}))
    return answer({"files": files, "commitOid": commit.oid})


def lfs_batch(call: Call) -> Response:
    """POST /datasets/R.git/info/lfs/objects/batch; a blob that is there gets no actions."""
    repository, body = call.repository("propose"), call.json()
    if body.get("operation") != "upload":
        raise HubError(400, "Only the LFS operation upload is served")
    base, objects = f"/lfs/{repository.id}", []
    for wanted in body.get("objects", []):
        oid, size = str(wanted["oid"]), int(wanted["size"])
        item: dict[str, Any] = {"oid": oid, "size": size}
        if not _SHA256.fullmatch(oid):
            item["error"] = {"code": 422, "message": "The oid must be a SHA-256"}
        elif not repository.objects.has(oid):
            verify = {"href": f"{call.hub.url}{base}/verify"}
            item["actions"] = {"upload": {"href": call.sign(f"{base}/{oid}")}, "verify": verify}
        objects.append(item)
    return answer({"transfer": "basic", "objects": objects})


def lfs_upload(call: Call) -> Response:
    """PUT of a blob to the address that the batch gave."""
    call.check_signature()
    repository = call.hub.state.get(f"{call.args['namespace']}/{call.args['name']}")
    repository.objects.receive(call.args["oid"], call.request.stream)
    return Response()


def lfs_verify(call: Call) -> Response:
    """POST of {oid, size} after an upload."""
    body = call.json()
    if call.repository("propose").objects.large(str(body.get("oid"))).size != body.get("size"):
        raise HubError(400, "The blob has another size")
    return answer({})


def commit(call: Call) -> Response:
    """POST /api/datasets/R/commit/REV?create_pr=, a JSON object a line: the header, then the operations."""
    repository = call.repository("propose" if _is_pull(call) else "write")
    repository.at(call.revision)
    author = call.writer().name
    lines = [_line(line) for line in call.request.get_data().splitlines() if line.strip()]
    if not lines or lines[0][0] != "header" or not lines[0][1].get("summary"):
        raise HubError(400, "A commit must start with a header that has a summary")
    header, changes = lines[0][1], list(_changes(repository, lines[1:]))
    title, message, parent = header["summary"], header.get("description") or "", header.get("parentCommit")
    answered: dict[str, Any] = {"success": True, "hookOutput": ""}
    if call.flag("create_pr"):
        pull = repository.propose(changes, author, title, message, parent)
        oid = repository.refs[pull.ref]
        answered["pullRequestUrl"] = f"{call.hub.url}/datasets/{repository.id}/discussions/{pull.number}"
    else:
        oid = repository.commit(call.revision, changes, author, title, message, parent).oid
    return answer(answered | {"commitOid": oid, "commitUrl": f"{call.hub.url}/datasets/{repository.id}/commit/{oid}"})


def _is_pull(call: Call) -> bool:
    """Return True for a write to a pull request, which needs no membership."""
    return call.flag("create_pr") or call.revision.startswith("refs/pr/")


def _line(line: bytes) -> tuple[str, dict[str, Any]]:
    try:
        item = json.loads(line)
        return str(item["key"]), dict(item["value"])
    except (ValueError, KeyError, TypeError):
        raise HubError(400, f"Not a line of a commit: {line[:80]!r}") from None


def _changes(repository: Repository, lines: list[tuple[str, dict[str, Any]]]) -> Iterator[Change]:
    for key, value in lines:
        path = str(value.get("path", ""))
        if key == "file":
            yield path, _regular(repository, path, value)
        elif key == "lfsFile":
            yield path, _large(repository, value)
        elif key == "deletedFile":
            yield path, None
        elif key == "deletedFolder":
            yield path.rstrip("/") + "/", None
        else:
            raise HubError(400, f"Unknown operation in a commit: {key!r}")


def _large(repository: Repository, value: dict[str, Any]) -> Entry:
    """Return the entry of an upload that a commit names by SHA-256 and size."""
    entry = repository.objects.large(str(value.get("oid")))
    if value.get("size", entry.size) != entry.size:
        raise HubError(400, f"{entry.lfs} has {entry.size} bytes, and the commit says {value['size']}")
    return entry


def _regular(repository: Repository, path: str, value: dict[str, Any]) -> Entry:
    """Keep a file whose content came with the commit; a README.md must have valid YAML."""
    content = str(value.get("content", ""))
    data = _decode(content) if value.get("encoding") == "base64" else content.encode()
    if path == "README.md" and (errors := card.validate(data.decode(errors="replace"))[0]):
        raise HubError(400, f"Invalid metadata in README.md: {'; '.join(errors)}")
    return repository.objects.add(data, "regular")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise HubError(400, "The content is not base64") from None
