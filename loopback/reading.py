"""The routes that only read."""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from werkzeug import Response
from werkzeug.utils import redirect

from . import answers
from .call import Call, answer, is_on
from .commits import Commit, folders
from .errors import anonymous, entry_not_found
from .objects import Entry

TREE_PAGE, EXPANDED_PAGE, COMMITS_PAGE = 1000, 50, 50  # what the client says of the Hub in `list_repo_tree`


def whoami(call: Call) -> Response:
    """GET /api/whoami-v2."""
    if call.account is None:
        raise anonymous(code=None)
    token = {"displayName": "loopback", "role": call.account.role, "createdAt": "2024-01-01T00:00:00.000Z"}
    return answer(
        {
            "type": "user",
            "id": call.account.name,
            "name": call.account.name,
            "fullname": call.account.name,
            "orgs": [{"type": "org", "name": org, "roleInOrg": "write"} for org in call.account.orgs],
            "auth": {"type": "access_token", "accessToken": token},
        }
    )


def info(call: Call) -> Response:
    """GET /api/datasets/R[/revision/REV]?blobs=&expand=; with `expand` only the fields named there, and the ids."""
    repository = call.repository()
    found = answers.repository_info(repository, repository.at(call.revision), call.flag("blobs"))
    if expand := call.request.args.getlist("expand"):
        found |= {"xetEnabled": True}
        found = {name: found[name] for name in ("_id", "id", *expand) if name in found}
    return answer(found)


def tree(call: Call) -> Response:
    """GET /api/datasets/R/tree/REV[/PATH]?recursive=&expand=, a page at a time."""
    repository, expand = call.repository(), call.flag("expand")
    commit, folder = repository.at(call.revision), call.args.get("path", "").strip("/")
    inside = {path for path in commit.files if not folder or path.startswith(f"{folder}/")}
    if folder and not inside:
        raise entry_not_found(folder)
    paths = {path for path in inside | folders(inside) if not folder or path.startswith(f"{folder}/")}
    if not call.flag("recursive"):
        paths = {path for path in paths if "/" not in path[len(folder) + 1 if folder else 0 :]}
    last = answers.last_commits(repository, commit) if expand else {}
    items = []
    for path in sorted(paths):
        entry = commit.files.get(path)
        item = answers.file_info(path, entry) if entry else answers.folder_info(path, commit.files)
        items.append(item | ({"lastCommit": last[path]} if expand else {}))
    return call.page(items, EXPANDED_PAGE if expand else TREE_PAGE)


def paths_info(call: Call) -> Response:
    """POST /api/datasets/R/paths-info/REV, a form or JSON; a path that is not there is left out."""
    repository, body = call.repository(), call.json() if call.request.is_json else None
    commit = repository.at(call.revision)
    paths = call.request.form.getlist("paths") if body is None else body.get("paths", [])
    expand = is_on(call.request.form.get("expand") if body is None else body.get("expand"))
    last = answers.last_commits(repository, commit) if expand else {}
    known, items = folders(commit.files), []
    for path in dict.fromkeys(str(path).strip("/") for path in paths):
        if entry := commit.files.get(path):
            item = answers.file_info(path, entry)
        elif path in known:
            item = answers.folder_info(path, commit.files)
        else:
            continue
        items.append(item | ({"lastCommit": last[path]} if expand else {}))
    return answer(items)


def resolve(call: Call) -> Response:
    """HEAD and GET /datasets/R/resolve/REV/PATH: where to read a file, and how to read it as Xet.

    A small file is elsewhere on the Hub, and clients follow there for its headers. A large one is in the storage.
    """
    commit, path, entry = _file(call)
    api = f"/api/datasets/{call.args['namespace']}/{call.args['name']}"
    if entry.xet is None:
        response = redirect(f"/api/resolve-cache{api.removeprefix('/api')}/{commit.oid}/{quote(path)}", 307)
    else:
        store = f"/xet/{call.hub.state.xet.id}"
        response = redirect(call.sign(f"{store}/bridge/{entry.xet}", name=path.rpartition("/")[2]), 302)
        token, file = f"{call.hub.url}{api}/xet-read-token/{commit.oid}", f"{store}/v1/reconstructions/{entry.xet}"
        response.headers["Link"] = (
            f'<{token}>; rel="xet-auth", <{call.hub.storage_url}{file}>; rel="xet-reconstruction-info"'
        )
        response.headers["X-Xet-Hash"] = entry.xet
        response.headers["X-Linked-ETag"] = f'"{entry.lfs}"'
    response.headers["X-Linked-Size"] = str(entry.size)
    response.headers["X-Repo-Commit"] = commit.oid
    response.headers["Accept-Ranges"] = "bytes"
    return response


def small(call: Call) -> Response:
    """HEAD and GET /api/resolve-cache/datasets/R/COMMIT/PATH, whole or a Range of it."""
    commit, path, entry = _file(call)
    response = Response(call.repository().read(entry), mimetype=mimetypes.guess_type(path)[0] or "text/plain")
    response.set_etag(entry.etag)
    response.headers["X-Repo-Commit"] = commit.oid
    response.make_conditional(call.request.environ, accept_ranges=True, complete_length=entry.size)
    return response


def _file(call: Call) -> tuple[Commit, str, Entry]:
    """Return the commit, path and entry of the file in the path; else a 404."""
    commit, path = call.repository().at(call.revision), call.args["path"]
    entry = commit.files.get(path)
    if entry is None:
        raise entry_not_found(path)
    return commit, path, entry


def commits(call: Call) -> Response:
    """GET /api/datasets/R/commits/REV, the newest first, a page at a time."""
    history = call.repository().history(call.revision)
    return call.page([answers.commit_info(commit) for commit in history], COMMITS_PAGE)


def refs(call: Call) -> Response:
    """GET /api/datasets/R/refs?include_prs=."""
    return answer(answers.refs_info(call.repository(), call.flag("include_prs")))


def pulls(call: Call) -> Response:
    """GET /api/datasets/R/discussions?status=&author=, all on one page."""
    repository, wanted = call.repository(), call.request.args
    found = [
        answers.pull_info(repository, pull)
        for pull in sorted(repository.pulls.values(), key=lambda pull: -pull.number)
        if wanted.get("type", "all") in ("all", "pull_request")
        and wanted.get("author", pull.author) == pull.author
        and (wanted.get("status", "all") == "all" or (wanted["status"] == "open") == (pull.status in ("open", "draft")))
    ]
    start = len(found) if wanted.get("p", "0") != "0" else 0
    closed = sum(pull["status"] in ("closed", "merged") for pull in found)
    return answer({"discussions": found[start:], "count": len(found), "start": start, "numClosedDiscussions": closed})


def pull(call: Call) -> Response:
    """GET /api/datasets/R/discussions/N."""
    repository = call.repository()
    return answer(answers.pull_details(repository, repository.pull(int(call.args["number"])), call.hub.url))
