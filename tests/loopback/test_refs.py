"""The stand-in Hub as `huggingface_hub` sees it: branches, tags, pull requests, and who may do what."""

from __future__ import annotations

import contextlib

import pytest
from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from loopback import READ_TOKEN, WRITE_TOKEN, Hub
from tests.loopback.clients import CARD, SMALL, STRANGER, WRONG, R, add, client, refused

Refusal = tuple[int, type[HfHubHTTPError]] | None
HIDDEN = RepositoryNotFoundError  # a repository that the caller may not see looks like none


def test_branches_and_tags(hub: Hub) -> None:
    """They are made once, read under their name and deleted; names may hold slashes."""
    api, first = client(hub), hub.commits(R)[0].oid
    api.create_branch(R, branch="feature/x", repo_type="dataset")
    add(hub, {"x.txt": b"x"}, revision="feature/x")
    api.create_tag(R, tag="v1", revision="feature/x", repo_type="dataset")
    assert "x.txt" not in hub.files(R)
    assert "x.txt" in hub.files(R, "v1")
    assert [i.path for i in api.list_repo_tree(R, repo_type="dataset", revision="feature/x")][1:] == ["x.txt"]
    refs = api.list_repo_refs(R, repo_type="dataset")
    assert {ref.name: ref.target_commit for ref in refs.branches}["main"] == first
    assert [(ref.name, ref.ref) for ref in refs.tags] == [("v1", "refs/tags/v1")]
    with refused(409):
        api.create_tag(R, tag="v1", repo_type="dataset")
    with refused(409):
        api.create_branch(R, branch="feature/x", repo_type="dataset")
    api.create_tag(R, tag="v1", repo_type="dataset", exist_ok=True)
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(R, tag="v2", revision="none", repo_type="dataset")
    api.delete_tag(R, tag="v1", repo_type="dataset")
    api.delete_branch(R, branch="feature/x", repo_type="dataset")
    assert hub.refs(R) == {"refs/heads/main": first}
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(R, revision="v1")


def test_pull_request(hub: Hub) -> None:
    """A stranger proposes and adds to it, the owner merges, and main has what both did."""
    stranger, owner = client(hub, STRANGER), client(hub)
    added = [CommitOperationAdd("train.parquet", SMALL)]
    info = stranger.create_commit(R, added, commit_message="Add data", repo_type="dataset", create_pr=True)
    assert (info.pr_url, info.pr_revision) == (f"{hub.url}/datasets/{R}/discussions/1", "refs/pr/1")
    add(hub, {"more.txt": b"more"}, STRANGER, revision="refs/pr/1")
    hub.commit(R, files={"other.txt": b"other"})
    assert set(hub.files(R)) == {".gitattributes", "other.txt"}
    with refused(403):
        stranger.merge_pull_request(R, 1, repo_type="dataset")
    assert owner.get_discussion_details(R, 1, repo_type="dataset").conflicting_files == []
    owner.merge_pull_request(R, 1, repo_type="dataset")
    assert set(hub.files(R)) == {".gitattributes", "other.txt", "train.parquet", "more.txt"}
    details = owner.get_discussion_details(R, 1, repo_type="dataset")
    assert (details.status, details.merge_commit_oid) == ("merged", hub.commits(R)[0].oid)
    assert [(pull.num, pull.author) for pull in owner.get_repo_discussions(R, repo_type="dataset")] == [(1, "stranger")]


def test_pull_request_in_conflict(hub: Hub) -> None:
    """A file changed on both sides is a 409, and the pull request stays open until it is closed."""
    api = client(hub)
    number = api.create_pull_request(R, "Change the card", repo_type="dataset").num
    add(hub, {"README.md": CARD}, revision=f"refs/pr/{number}")
    hub.commit(R, files={"README.md": b"other"})
    with refused(409):
        api.merge_pull_request(R, number, repo_type="dataset")
    assert api.get_discussion_details(R, number, repo_type="dataset").conflicting_files == ["README.md"]
    assert hub.files(R)["README.md"] == b"other"
    api.change_discussion_status(R, number, "closed", repo_type="dataset")
    assert [pull.status for pull in hub.pulls(R)] == ["closed"]


@pytest.mark.parametrize(
    ("token", "private", "read", "write"),
    [
        *[(WRITE_TOKEN, private, None, None) for private in (False, True)],
        *[(READ_TOKEN, private, None, (403, HfHubHTTPError)) for private in (False, True)],
        (STRANGER, False, None, (403, HfHubHTTPError)),
        (STRANGER, True, (404, HIDDEN), (404, HIDDEN)),
        (False, False, None, (401, HIDDEN)),
        (False, True, (401, HIDDEN), (401, HIDDEN)),
        (WRONG, False, (401, HfHubHTTPError), (401, HfHubHTTPError)),
    ],
)
def test_rights(hub: Hub, token: str | bool, private: bool, read: Refusal, write: Refusal) -> None:
    """Rights of each caller, and the error of the real client if not."""
    client(hub).update_repo_settings(R, private=private, repo_type="dataset")
    api, head = client(hub, token), hub.refs(R)
    for expected, attempt in (
        (read, lambda: api.dataset_info(R)),
        (write, lambda: api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id=R, repo_type="dataset")),
        (write, lambda: api.create_tag(R, tag="v1", repo_type="dataset")),
    ):
        with refused(*expected) if expected else contextlib.nullcontext():
            attempt()
    assert (hub.refs(R) == head) == (write is not None)
