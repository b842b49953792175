"""The routes that change a repository, except for its files: settings, branches, tags, pull requests."""

from __future__ import annotations

import secrets
from typing import Any

from werkzeug import Response

from . import answers, card
from .accounts import Account
from .call import Call, answer, is_on
from .errors import HubError, anonymous, repository_not_found


def exchange_token(call: Call) -> Response:
    """POST /oauth/token {subject_token, resource}: an identity token of a CI for one of the Hub (RFC 8693)."""
    body = call.json()
    resource = str(body.get("resource"))
    if call.hub.publishers.get(str(body.get("subject_token"))) != resource:
        raise HubError(400, "No trusted publisher of this resource has this identity token")
    repository_id, token = resource.removeprefix("datasets/"), f"hf_jwt_{secrets.token_hex(16)}"
    call.hub.tokens[token] = Account(repository_id.partition("/")[0], only=repository_id)
    return answer({"access_token": token, "token_type": "bearer", "expires_in": int(call.hub.lifetime)})


def create_repository(call: Call) -> Response:
    """POST /api/repos/create {name, organization, type, private or visibility}."""
    account, body = _owner(call)
    repository_id = f"{body.get('organization') or account}/{body.get('name')}"
    if body.get("type", "model") != "dataset":
        raise HubError(400, "This Hub keeps datasets only: the type must be dataset")
    url = f"{call.hub.url}/datasets/{repository_id}"
    private = is_on(body.get("private")) or body.get("visibility") == "private"
    try:
        repository = call.hub.state.create(repository_id, account, private)
    except HubError as error:
        if error.status == 409:  # create_repo(exist_ok=True) reads the address from this answer
            return answer({"error": error.message, "url": url}, 409)
        raise
    return answer({"url": url, "name": repository.id, "id": repository.opaque_id})


def delete_repository(call: Call) -> Response:
    """DELETE /api/repos/delete {name, organization, type}."""
    account, body = _owner(call)
    repository_id = f"{body.get('organization') or account}/{body.get('name')}"
    if body.get("type", "model") != "dataset":
        raise repository_not_found(repository_id)
    call.hub.state.delete(repository_id)
    return Response("OK", mimetype="text/plain")


def _owner(call: Call) -> tuple[str, dict[str, Any]]:
    """Return the caller's name and the body, if they may make and delete repositories in that namespace."""
    if call.account is None:
        raise anonymous(code=None)
    account, body = call.account, call.json()
    namespace = body.get("organization") or account.name
    if account.role != "write" or not account.owns(f"{namespace}/{body.get('name')}"):
        raise HubError(403, f'You don\'t have the rights to create a dataset under the namespace "{namespace}"')
    return account.name, body


def settings(call: Call) -> Response:
    """PUT /api/datasets/R/settings {private or visibility}."""
    repository, body = call.repository("write"), call.json()
    if "private" in body or "visibility" in body:
        repository.set_private(is_on(body.get("private")) or body.get("visibility") == "private")
    return answer({"private": repository.private})


def validate_yaml(call: Call) -> Response:
    """POST /api/validate-yaml {content, repoType}; 400 if there are errors."""
    errors, warnings = card.validate(str(call.json().get("content", "")))
    data = {
        "errors": [{"message": text} for text in errors],
        "warnings": [{"message": text} for text in warnings],
    }
    return answer(data, 400 if errors else 200)


def create_branch(call: Call) -> Response:
    """POST /api/datasets/R/branch/NAME {startingPoint}; 400 for names such as `refs/pr/5`, as the client documents."""
    if call.revision.startswith("refs/"):
        raise HubError(400, f"Invalid reference for a branch: {call.revision}")
    call.repository("write").create_ref(f"refs/heads/{call.revision}", call.json().get("startingPoint") or "main")
    return answer({}, 201)


def create_tag(call: Call) -> Response:
    """POST /api/datasets/R/tag/REV {tag, message}."""
    repository, tag = call.repository("write"), call.json().get("tag")
    if not tag:
        raise HubError(400, "A tag needs a name")
    repository.create_ref(f"refs/tags/{tag}", call.revision)
    return answer({}, 201)


def delete_branch(call: Call) -> Response:
    """DELETE /api/datasets/R/branch/NAME."""
    call.repository("write").delete_ref(f"refs/heads/{call.revision}")
    return answer({})


def delete_tag(call: Call) -> Response:
    """DELETE /api/datasets/R/tag/NAME."""
    call.repository("write").delete_ref(f"refs/tags/{call.revision}")
    return answer({})


def create_pull(call: Call) -> Response:
    """POST /api/datasets/R/discussions {title, description, pullRequest: true}: an empty draft."""
    repository, body = call.repository("propose"), call.json()
    if not body.get("pullRequest"):
        raise HubError(400, "This Hub keeps pull requests only, no discussions")
    pull = repository.propose(None, call.writer().name, str(body.get("title")), str(body.get("description", "")))
    return answer(answers.pull_info(repository, pull))


def merge_pull(call: Call) -> Response:
    """POST /api/datasets/R/discussions/N/merge."""
    repository, author, number = call.repository("write"), call.writer().name, int(call.args["number"])
    oid = repository.merge(number, author).oid
    return answer({"mergeCommitId": oid, "newStatus": answers.status_event(repository.pull(number), author)})


def set_pull_status(call: Call) -> Response:
    """POST /api/datasets/R/discussions/N/status {status: open or closed}."""
    repository, number, status = call.repository("write"), int(call.args["number"]), call.json().get("status")
    if status != "open" and status != "closed":
        raise HubError(400, f"The status must be open or closed, got {status!r}")
    repository.set_status(number, status)
    return answer({"newStatus": answers.status_event(repository.pull(number), call.writer().name)})
