"""The stand-in Hub as `huggingface_hub` sees it: branches, tags, pull requests, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from loopback import Account, Hub

R = "owner/digits"
OWNER, READER, STRANGER, WRONG = "hf_owner", "hf_reader", "hf_stranger", "hf_nobody"
TOKENS = {OWNER: Account("owner"), READER: Account("owner", role="read"), STRANGER: Account("stranger")}
CARD = b"---\nlicense: apache-2.0\n---\n# Digits\n"
DATA = bytes(range(256)) * 20


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A Hub with one public repository that has nothing but its first commit."""
    with Hub(tmp_path / "state", tokens=TOKENS) as hub:
        hub.create(R)
        yield hub


def client(hub: Hub, token: str | bool = OWNER) -> HfApi:
    """Return the real client; False is an anonymous one."""
    return HfApi(endpoint=hub.url, token=token)


def add(api: HfApi, files: dict[str, bytes], revision: str) -> None:
    """Commit files to a branch or a pull request."""
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    api.create_commit(R, operations, commit_message="add", repo_type="dataset", revision=revision)


def status(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    """Return the status that a client's error came from."""
    return int(error.value.response.status_code)


def test_branches_and_tags(hub: Hub) -> None:
    """They are made once, read under their name and deleted; names may hold slashes."""
    api, first = client(hub), hub.commits(R)[0].oid
    api.create_branch(R, branch="feature/x", repo_type="dataset")
    add(api, {"x.txt": b"x"}, revision="feature/x")
    api.create_tag(R, tag="v1", revision="feature/x", repo_type="dataset")
    assert "x.txt" not in hub.files(R)
    assert "x.txt" in hub.files(R, "v1")
    assert [i.path for i in api.list_repo_tree(R, repo_type="dataset", revision="feature/x")][1:] == ["x.txt"]
    refs = api.list_repo_refs(R, repo_type="dataset")
    assert {ref.name: ref.target_commit for ref in refs.branches}["main"] == first
    assert [(ref.name, ref.ref) for ref in refs.tags] == [("v1", "refs/tags/v1")]
    with pytest.raises(HfHubHTTPError) as error:
        api.create_tag(R, tag="v1", repo_type="dataset")
    assert status(error) == 409
    with pytest.raises(HfHubHTTPError) as error:
        api.create_branch(R, branch="feature/x", repo_type="dataset")
    assert status(error) == 409
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
    info = stranger.create_commit(
        R,
        [CommitOperationAdd("train.parquet", DATA)],
        commit_message="Add data",
        repo_type="dataset",
        create_pr=True,
    )
    assert info.pr_url == f"{hub.url}/datasets/{R}/discussions/1"
    assert info.pr_revision == "refs/pr/1"
    add(stranger, {"more.txt": b"more"}, revision="refs/pr/1")
    hub.commit(R, files={"other.txt": b"other"})
    assert set(hub.files(R)) == {".gitattributes", "other.txt"}
    with pytest.raises(HfHubHTTPError) as error:
        stranger.merge_pull_request(R, 1, repo_type="dataset")
    assert status(error) == 403
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
    add(api, {"README.md": CARD}, revision=f"refs/pr/{number}")
    hub.commit(R, files={"README.md": b"other"})
    with pytest.raises(HfHubHTTPError) as error:
        api.merge_pull_request(R, number, repo_type="dataset")
    assert status(error) == 409
    assert api.get_discussion_details(R, number, repo_type="dataset").conflicting_files == ["README.md"]
    assert hub.files(R)["README.md"] == b"other"
    api.change_discussion_status(R, number, "closed", repo_type="dataset")
    assert [pull.status for pull in hub.pulls(R)] == ["closed"]


@pytest.mark.parametrize(
    ("token", "private", "read", "write"),
    [
        (OWNER, False, None, None),
        (OWNER, True, None, None),
        (READER, False, None, (HfHubHTTPError, 403)),
        (READER, True, None, (HfHubHTTPError, 403)),
        (STRANGER, False, None, (HfHubHTTPError, 403)),
        (STRANGER, True, (RepositoryNotFoundError, 404), (RepositoryNotFoundError, 404)),
        (False, False, None, (RepositoryNotFoundError, 401)),
        (False, True, (RepositoryNotFoundError, 401), (RepositoryNotFoundError, 401)),
        (WRONG, False, (HfHubHTTPError, 401), (HfHubHTTPError, 401)),
    ],
)
def test_rights(
    hub: Hub,
    token: str | bool,
    private: bool,
    read: tuple[type[HfHubHTTPError], int] | None,
    write: tuple[type[HfHubHTTPError], int] | None,
) -> None:
    """What each caller may do, and the error of the real client if not."""
    client(hub).update_repo_settings(R, private=private, repo_type="dataset")
    api, head = client(hub, token), hub.refs(R)
    attempts = (
        (read, lambda: api.dataset_info(R)),
        (write, lambda: add(api, {"x.txt": b"x"}, "main")),
        (write, lambda: api.create_tag(R, tag="v1", repo_type="dataset")),
    )
    for expected, attempt in attempts:
        if expected is None:
            attempt()
            continue
        with pytest.raises(expected[0]) as error:
            attempt()
        assert (type(error.value), status(error)) == expected
    assert (hub.refs(R) == head) == (write is not None)


def test_who_am_i(hub: Hub) -> None:
    """A token gives a name and a role; a namespace that is not one's own is closed."""
    who = client(hub, READER).whoami()
    assert (who["name"], who["auth"]["accessToken"]["role"]) == ("owner", "read")
    with pytest.raises(HfHubHTTPError) as error:
        client(hub, WRONG).whoami()
    assert status(error) == 401
    with pytest.raises(HfHubHTTPError) as error:
        client(hub, STRANGER).create_repo("owner/new", repo_type="dataset")
    assert status(error) == 403
