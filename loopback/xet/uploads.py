"""The requests that bring files to the storage: xorbs, straight or by a grant, and the shard that names them."""

from __future__ import annotations

import json
import secrets

import anycrc
from werkzeug import Response

from ..call import Call, answer
from ..errors import HubError
from ..site import Grant
from . import hashes, shards, tokens

_CRC = anycrc.Model("CRC64-NVME")


def chunk(call: Call) -> Response:
    """GET v1/chunks/default/HASH: does the storage know a chunk of another client? Here it never does."""
    tokens.check(call, "read")
    raise HubError(404, f"The chunk {call.args['hash']} is not known")


def xorb(call: Call) -> Response:
    """POST v1/xorbs/default/HASH: a xorb as it is."""
    tokens.check(call, "write")
    return answer({"was_inserted": call.hub.state.xet.receive(_hash(call), call.request.get_data())})


def grant(call: Call) -> Response:
    """POST v1/xorb-grants/default/HASH {length, checksum: {algo, value}}; 200 if the xorb is there already."""
    tokens.check(call, "write")
    body, wanted = call.json(), _hash(call)
    if call.hub.state.xet.has(wanted):
        return answer({})
    checksum = body.get("checksum") or {}
    if checksum.get("algo") != "crc64nvme":
        raise HubError(400, f"The checksum must be crc64nvme, not {checksum.get('algo')}")
    number = secrets.token_hex(16)
    call.hub.grants[number] = Grant(wanted, int(body["length"]), int(checksum["value"]))
    url = call.sign(f"/xet/{call.hub.state.xet.id}/grants/{number}")
    return answer({"id": number, "method": "PUT", "url": url, "headers": {}}, 201)


def granted(call: Call) -> Response:
    """PUT to the address of a grant, as to a bucket: signed, without a token; 412 if it was done before."""
    call.check_signature()
    found = _grant(call, 403)
    data = call.request.get_data()
    if found.data is not None:
        raise HubError(412, "The object is there already")
    if len(data) != found.length or _CRC.calc(data) != found.checksum:
        raise HubError(400, "The content has another length or checksum than the grant")
    found.data = data
    return Response()


def commit_grant(call: Call) -> Response:
    """POST v1/xorb-commits/default/HASH/grant/ID; 404 if nothing was uploaded."""
    tokens.check(call, "write")
    found = _grant(call, 404)
    if found.data is None or found.xorb != _hash(call):
        raise HubError(404, "Nothing was uploaded for this grant")
    inserted = call.hub.state.xet.receive(found.xorb, found.data) if found.data else False
    found.data = b""  # its answer may be lost, and the client asks again
    return answer({"was_inserted": inserted})


def shard(call: Call) -> Response:
    """POST v2/shards: files and their terms, to be checked, kept, and named by a commit of their repository.

    The real storage answers in lines of JSON while it works, the result last.
    """
    repository = call.hub.state.get(tokens.check(call, "write"))
    given = shards.parse(call.request.get_data())
    call.hub.state.xet.register(given)
    for file in given.files:
        assert file.sha256 is not None  # else it was not registered
        size = sum(term.size for term in file.terms)
        repository.objects.link(file.sha256, file.hash, size)
    return Response(json.dumps({"type": "result"}) + "\n", mimetype="application/x-ndjson")


def _hash(call: Call) -> str:
    if not hashes.is_text(call.args["hash"]):
        raise HubError(400, f"Not a hash: {call.args['hash']}")
    return call.args["hash"]


def _grant(call: Call, status: int) -> Grant:
    found = call.hub.grants.get(call.args["grant"])
    if found is None:
        raise HubError(status, "There is no such grant")
    return found
