"""The stand-in Hub as `huggingface_hub` sees it: repositories, commits, files, history, state."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, get_session
from huggingface_hub.errors import EntryNotFoundError
from huggingface_hub.hf_api import RepoFile, RepoFolder

from loopback import WRITE_TOKEN, Hub
from tests.loopback.clients import CARD, SMALL, TOKENS, R, add, client, commit_by_hand, refused, statuses


def test_create_repository(hub: Hub) -> None:
    """A repository is made once, private if wished, and deleted; one that exists is a 409."""
    api = client(hub)
    api.create_repo("team/new", repo_type="dataset", private=True)
    assert api.dataset_info("team/new").private
    with refused(409):
        api.create_repo(R, repo_type="dataset")
    assert api.create_repo(R, repo_type="dataset", exist_ok=True) == f"{hub.url}/datasets/{R}"
    assert api.dataset_info("team/new", expand=["private"]).sha is None
    api.delete_repo("team/new", repo_type="dataset")
    assert not api.repo_exists("team/new", repo_type="dataset")


def git_hash(content: bytes) -> str:
    """Return the name that git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def test_commit_and_read_back(hub: Hub, tmp_path: Path) -> None:
    """Sizes and hashes in tree, paths and info are those of git and SHA-256, and downloads give the bytes."""
    api, files = client(hub), {"README.md": CARD, "data/train.parquet": SMALL, "data/a b+é.csv": b"x\n1\n"}
    oid = add(hub, files)
    assert {path: data for path, data in hub.files(R).items() if path in files} == files
    tree = {item.path: item for item in api.list_repo_tree(R, repo_type="dataset", recursive=True)}
    assert set(tree) == {".gitattributes", "data", *files}
    small, large = tree["README.md"], tree["data/train.parquet"]
    assert isinstance(small, RepoFile)
    assert isinstance(large, RepoFile)
    assert isinstance(tree["data"], RepoFolder)
    assert (small.size, small.lfs, small.blob_id) == (len(CARD), None, git_hash(CARD))
    assert large.lfs
    sha256 = hashlib.sha256(SMALL).hexdigest()
    assert (large.size, large.lfs.sha256) == (len(SMALL), sha256)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(SMALL)}\n".encode()
    assert (large.blob_id, large.lfs.pointer_size) == (git_hash(pointer), len(pointer))
    assert api.get_paths_info(R, [*files, "data", "none"], repo_type="dataset") == [
        tree[path] for path in (*files, "data")
    ]
    siblings = {item.rfilename: item for item in api.dataset_info(R, files_metadata=True).siblings or []}
    assert siblings["data/train.parquet"].lfs == large.lfs
    assert siblings["README.md"].blob_id == small.blob_id
    for path, data in files.items():
        found = api.hf_hub_download(R, path, repo_type="dataset", cache_dir=tmp_path)
        assert Path(found).read_bytes() == data
    snapshot = api.snapshot_download(R, repo_type="dataset", revision=oid, cache_dir=tmp_path / "other")
    assert (Path(snapshot) / "data/train.parquet").read_bytes() == SMALL
    assert add(hub, files) == oid  # unchanged files make no commit: the client compares preupload's oid with its own


def test_delete_and_copy(hub: Hub) -> None:
    """Files and folders are deleted and copied; one that is not there is an error and no commit."""
    head = hub.commit(R, files={"a/1.txt": b"1", "a/b/2.txt": b"2", "keep.parquet": SMALL})
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        CommitOperationDelete("a/", is_folder=True),
        CommitOperationCopy("keep.parquet", "copy.parquet"),
    ]
    client(hub).create_commit(R, operations, commit_message="tidy", repo_type="dataset", parent_commit=head)
    assert set(hub.files(R)) == {".gitattributes", "keep.parquet", "copy.parquet"}
    with pytest.raises(EntryNotFoundError):
        client(hub).delete_file("a/1.txt", R, repo_type="dataset")
    assert len(hub.commits(R)) == 3


def test_stale_parent(hub: Hub) -> None:
    """A commit onto a head that has moved, be it at the last moment, is a 412 and changes nothing."""
    first = hub.commits(R)[0].oid
    second = add(hub, {"1.txt": b"1"}, parent_commit=first)
    with refused(412):
        add(hub, {"2.txt": b"2"}, parent_commit=first)
    hub.before("POST", "/commit/", lambda: hub.commit(R, files={"3.txt": b"3"}))
    with refused(412):
        add(hub, {"2.txt": b"2"}, parent_commit=second)
    assert set(hub.files(R)) == {".gitattributes", "1.txt", "3.txt"}


def test_answers_as_recorded(hub: Hub) -> None:
    """Answers that other clients may rely on: fields, sentences and statuses that were seen on the real Hub."""
    headers, api = {"Authorization": f"Bearer {WRITE_TOKEN}"}, f"{hub.url}/api"
    session = partial(get_session().request, headers=headers)
    created = session("POST", f"{api}/repos/create", json={"name": "new", "type": "dataset"}).json()
    assert (set(created), len(created["id"])) == ({"url", "name", "id"}, 24)
    info = session("GET", f"{api}/datasets/tester/new?expand=xetEnabled").json()
    assert info == {"_id": created["id"], "id": "tester/new", "xetEnabled": True}
    asked = session("POST", f"{api}/datasets/tester/new/preupload/main", json={"files": []}).json()
    assert asked == {"files": [], "commitOid": hub.commits("tester/new")[0].oid}
    for header, path, code, said in (
        ({"parentCommit": "f" * 40}, "x", 412, "The branch was updated"),
        ({}, "..\\x", 422, "path"),
    ):
        answered = commit_by_hand(hub, {"key": "file", "value": {"path": path, "content": "x"}}, **header)
        assert (answered.status_code, said in answered.json()["error"]) == (code, True)
    deleted = session("DELETE", f"{api}/repos/delete", json={"name": "new", "type": "dataset"})
    assert deleted.text == "OK"
    moved = session("GET", f"{hub.url}/datasets/{R}/resolve/main/.gitattributes", follow_redirects=False)
    assert (moved.status_code, moved.headers["location"][:19]) == (307, "/api/resolve-cache/")


def test_pages(hub: Hub) -> None:
    """Commits come the newest first, a large folder whole; `expand` names the last commit of each path."""
    for number in range(60):
        oid = hub.commit(R, files={f"{number // 30}/{number}.txt": b"x"}, message=f"commit {number}")
    found = client(hub).list_repo_commits(R, repo_type="dataset")
    assert [commit.title for commit in found[:-1]] == [f"commit {number}" for number in reversed(range(60))]
    assert (found[0].commit_id, found[0].authors, found[-1].title) == (oid, ["another"], "initial commit")
    assert statuses(hub, "GET", "/commits/main") == [200, 200]
    tree = client(hub).list_repo_tree(R, repo_type="dataset", recursive=True, expand=True)
    titles = {item.path: item.last_commit.title for item in tree if item.last_commit}
    assert (titles["0"], titles["0/7.txt"], titles["1"]) == ("commit 29", "commit 7", "commit 59")
    hub.commit(R, files={f"part/{number:04}.txt": b"x" for number in range(1001)})
    assert len(list(client(hub).list_repo_tree(R, "part", repo_type="dataset"))) == 1001
    assert statuses(hub, "GET", "/tree/main/part") == [200, 200]
    with pytest.raises(EntryNotFoundError):
        list(client(hub).list_repo_tree(R, "par", repo_type="dataset"))


def test_which_files_are_large(hub: Hub) -> None:
    """LFS is for what .gitattributes names, for what is not text, and for more than 10 MiB."""
    large = {"a/train.parquet": b"PAR1", "a/picture.png": b"not one", "zeros": b"a\0b", "latin.txt": b"caf\xe9 au lait"}
    large["long.txt"] = b"x" * (10 * 2**20 + 1)
    small = {"text.csv": b"x,y\n", "accents.md": b"x" * 511 + "é".encode(), "parquet": b"no suffix"}
    add(hub, {**large, **small, "empty.parquet": b""})
    assert {path for path, entry in hub.commits(R)[0].files.items() if entry.lfs} == set(large)
    hub.commit(R, files={".gitattributes": b"*.csv filter=lfs diff=lfs merge=lfs -text\n"})
    add(hub, {"other.csv": b"x,y\n", "other.parquet": b"PAR1"})
    files_now = hub.commits(R)[0].files
    assert files_now["other.csv"].lfs
    assert not files_now["other.parquet"].lfs


def test_uploads_are_checked(hub: Hub) -> None:
    """An address without its signature, other content, and a commit of a blob that never came are refused."""
    oid, headers = hashlib.sha256(SMALL).hexdigest(), {"Authorization": f"Bearer {WRITE_TOKEN}"}
    url = f"{hub.url}/datasets/{R}.git/info/lfs/objects/batch"
    batch = {"operation": "upload", "objects": [{"oid": oid, "size": len(SMALL)}]}
    found = get_session().post(url, json=batch, headers=headers).json()
    href = found["objects"][0]["actions"]["upload"]["href"]
    assert get_session().put(href.partition("?")[0], content=SMALL).status_code == 403
    assert get_session().put(href, content=SMALL[1:]).status_code == 400
    assert get_session().put(href, content=SMALL, headers=headers).status_code == 400
    named = {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": oid, "size": len(SMALL)}}
    assert commit_by_hand(hub, named).status_code == 400
    assert len(hub.commits(R)) == 1


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("license: [", "does not parse"),
        ("license: mit\nlicense: mit", "duplicated key 'license'"),
        ("tags: {a: 1}", '"tags" must be'),
        ("size_categories: huge", "got 'huge'"),
        ("configs:\n- config_name: a\n- config_name: a", "'a' twice"),
        ("- a", "must be a mapping"),
    ],
)
def test_cards_are_checked(hub: Hub, yaml: str, message: str) -> None:
    """A card with bad YAML is refused before anything is uploaded, with a sentence that says why."""
    with pytest.raises(ValueError, match=message):
        add(hub, {"README.md": f"---\n{yaml}\n---\n# Digits\n".encode(), "train.parquet": SMALL})
    assert [r.path for r in hub.requests] == ["/api/validate-yaml"]
    card = {"key": "file", "value": {"path": "README.md", "content": f"---\n{yaml}\n---\n"}}
    assert commit_by_hand(hub, card).status_code == 400


def test_a_second_hub_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    """Files, history, refs, pull requests, rights and uploads not yet committed come back."""
    with Hub(tmp_path, tokens=TOKENS) as first:
        first.create(R, private=True)
        api = client(first)
        add(first, {"README.md": CARD, "train.parquet": SMALL})
        api.create_tag(R, tag="v1", repo_type="dataset")
        add(first, {"x.txt": b"x"}, create_pr=True)
        api.preupload_lfs_files(R, [CommitOperationAdd("more.parquet", SMALL[1:])], repo_type="dataset")
        before = (first.files(R), first.commits(R), first.refs(R), first.pulls(R))
    with Hub(tmp_path, tokens=TOKENS) as second:
        assert (second.files(R), second.commits(R), second.refs(R), second.pulls(R)) == before
        add(second, {"more.parquet": SMALL[1:]})
        assert statuses(second, "PUT", "/lfs/") == []
        client(second).merge_pull_request(R, 1, repo_type="dataset")
        assert {"x.txt", "more.parquet"} <= set(second.files(R))
        assert client(second).dataset_info(R).private
