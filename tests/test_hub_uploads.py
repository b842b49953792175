"""What the stand-in Hub takes: how a file is to be uploaded, blobs, and the YAML of cards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import pytest
from huggingface_hub import CommitOperationAdd, HfApi, RepoCard, constants, get_session

from loopback import WRITE_TOKEN, Hub

R = "tester/digits"
CARD = b"---\nlicense: apache-2.0\n---\n# Digits\n"
DATA = bytes(range(256)) * 20


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with one repository that has nothing but its first commit."""
    with Hub() as hub:
        hub.create(R)
        yield hub


def client(hub: Hub) -> HfApi:
    """Return the real client."""
    return HfApi(endpoint=hub.url, token=WRITE_TOKEN)


def add(hub: Hub, files: dict[str, bytes]) -> None:
    """Commit files in one commit."""
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    client(hub).create_commit(R, operations, commit_message="add", repo_type="dataset")


def test_which_files_are_large(hub: Hub) -> None:
    """LFS is for what .gitattributes names, for what is not text, and for more than 10 MiB."""
    files = {
        "a/train.parquet": b"PAR1",
        "a/picture.png": b"not one",
        "zeros": b"a\0b",
        "latin.txt": b"caf\xe9 au lait",
        "long.txt": b"x" * (10 * 2**20 + 1),
        "text.csv": b"x,y\n",
        "accents.md": b"x" * 511 + "é".encode(),
        "parquet": b"no suffix",
        "empty.parquet": b"",
    }
    add(hub, files)
    large = {path for path, entry in hub.commits(R)[0].files.items() if entry.lfs}
    assert large == {"a/train.parquet", "a/picture.png", "zeros", "latin.txt", "long.txt"}
    hub.commit(R, files={".gitattributes": b"*.csv filter=lfs diff=lfs merge=lfs -text\n"})
    add(hub, {"other.csv": b"x,y\n", "other.parquet": b"PAR1"})
    files_now = hub.commits(R)[0].files
    assert files_now["other.csv"].lfs
    assert not files_now["other.parquet"].lfs


def test_a_file_is_uploaded_once(hub: Hub, way: str) -> None:
    """Nothing asks for an upload of what is there, and what is only uploaded is not yet seen."""
    api = client(hub)
    api.preupload_lfs_files(R, [CommitOperationAdd("train.parquet", DATA)], repo_type="dataset")
    assert set(hub.files(R)) == {".gitattributes"}
    add(hub, {"train.parquet": DATA, "again.parquet": DATA})
    assert [r.status for r in hub.requests if r.method == "PUT"] == [200]
    assert ("/grants/" if way == "xet" else "/lfs/") in next(r.path for r in hub.requests if r.method == "PUT")
    assert hub.files(R)["train.parquet"] == hub.files(R)["again.parquet"] == DATA


def test_uploads_are_checked(hub: Hub) -> None:
    """An address without its signature, other content, and a commit of a blob that never came are refused."""
    oid, headers = hashlib.sha256(DATA).hexdigest(), {"Authorization": f"Bearer {WRITE_TOKEN}"}
    url = f"{hub.url}/datasets/{R}.git/info/lfs/objects/batch"
    batch = {"operation": "upload", "objects": [{"oid": oid, "size": len(DATA)}]}
    found = get_session().post(url, json=batch, headers=headers).json()
    href = found["objects"][0]["actions"]["upload"]["href"]
    assert get_session().put(href.partition("?")[0], content=DATA).status_code == 403
    assert get_session().put(href, content=DATA[1:]).status_code == 400
    assert get_session().put(href, content=DATA, headers=headers).status_code == 400
    lines = [
        {"key": "header", "value": {"summary": "add"}},
        {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": oid, "size": len(DATA)}},
    ]
    body = "\n".join(json.dumps(line) for line in lines)
    url = f"{hub.url}/api/datasets/{R}/commit/main"
    assert get_session().post(url, content=body, headers=headers).status_code == 400
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
        add(hub, {"README.md": f"---\n{yaml}\n---\n# Digits\n".encode(), "train.parquet": DATA})
    assert [r.path for r in hub.requests] == ["/api/validate-yaml"]
    body = {"key": "file", "value": {"path": "README.md", "content": f"---\n{yaml}\n---\n"}}
    lines = [json.dumps(line) for line in ({"key": "header", "value": {"summary": "add"}}, body)]
    url, headers = f"{hub.url}/api/datasets/{R}/commit/main", {"Authorization": f"Bearer {WRITE_TOKEN}"}
    assert get_session().post(url, content="\n".join(lines), headers=headers).status_code == 400


def test_card_validate(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RepoCard.validate` asks the endpoint the client was imported with, and takes the answer."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    RepoCard(CARD.decode()).validate(repo_type="dataset")
    with pytest.raises(ValueError, match="got 'huge'"):
        RepoCard("---\nsize_categories: huge\n---\n").validate(repo_type="dataset")
