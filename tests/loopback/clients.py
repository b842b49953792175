"""Clients of the Hub: the real one, in this process or another, and a client of the storage that can be wrong."""

from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from huggingface_hub import CommitOperationAdd, HfApi, get_session
from huggingface_hub.errors import HfHubHTTPError

from loopback import READ_TOKEN, WRITE_TOKEN, Account, Hub
from loopback.xet import hashes, xorbs

R = "tester/digits"
STRANGER, WRONG = "hf_stranger", "hf_nobody"
TOKENS = {
    WRITE_TOKEN: Account("tester", orgs=("team",)),
    READ_TOKEN: Account("tester", role="read"),
    STRANGER: Account("stranger"),
}
CARD = b"---\nlicense: apache-2.0\n---\n# Digits\n"
SMALL = bytes(range(256)) * 20
RANDOM = np.random.default_rng(0)
FLOATS = np.cumsum(RANDOM.standard_normal(100_000)).astype(np.float32).tobytes()
DATA = RANDOM.bytes(300_000) + bytes(range(256)) * 4000  # its second part is many times the same chunk
ROWS = b"".join(b"row %d\n" % number for number in range(30_000))
PUBLISH = """
import sys
from huggingface_hub import CommitOperationAdd, HfApi
api, data = HfApi(), open(sys.argv[1], "rb").read()
add = [CommitOperationAdd("train.parquet", data), CommitOperationAdd("README.md", b"# Digits")]
api.create_commit("tester/digits", add, commit_message="add", repo_type="dataset")
assert open(api.hf_hub_download("tester/digits", "train.parquet", repo_type="dataset"), "rb").read() == data
"""

_TAG = b"HFRepoMetaData\0" + bytes.fromhex("556967456a7b815783a5bdd95ccdd14aa9")
_END = b"\xff" * 32 + bytes(16)


def upload(*contents: bytes, **wrong: Any) -> SimpleNamespace:
    """Return a file of these chunks in one xorb, as a client sends it, with its shard; any part can be wrong."""
    data, chunks = b"".join(contents), [(hashes.chunk_hash(content), len(content)) for content in contents]
    given = SimpleNamespace(
        xorb=hashes.to_text(hashes.xorb_hash(chunks)),
        packed=xorbs.pack(list(contents)),
        chunks=chunks,
        file=hashes.file_hash(chunks),
        size=len(data),
        verification=hashes.range_hash(raw for raw, _ in chunks),
        sha256=hashlib.sha256(data).hexdigest(),
        stop=len(contents),
    )
    vars(given).update(wrong)
    raw = hashes.from_text(given.xorb)
    records = [
        struct.pack("<32sQQ", _TAG, 2, 0),
        struct.pack("<32sIIQ", given.file, 3 << 30, 1, 0),
        struct.pack("<32sIIII", raw, 0, given.size, 0, given.stop),
        given.verification + bytes(16 if given.verification else 0),
        hashes.from_text(given.sha256) + bytes(16),
        _END,
        struct.pack("<32sIIII", raw, 0, len(given.chunks), given.size, len(given.packed)),
        *(struct.pack("<32sIIII", chunk, 0, size, 0, 0) for chunk, size in given.chunks),
        _END,
    ]
    given.shard = b"".join(records)
    return given


def client(hub: Hub, token: str | bool = WRITE_TOKEN) -> HfApi:
    """Return the real client; False is an anonymous one."""
    return HfApi(endpoint=hub.url, token=token)


def add(hub: Hub, files: dict[str, bytes], token: str = WRITE_TOKEN, **options: Any) -> str:
    """Commit files in one commit and return its id."""
    operations = [CommitOperationAdd(path, data) for path, data in files.items()]
    info = client(hub, token).create_commit(R, operations, commit_message="add", repo_type="dataset", **options)
    return str(info.oid)


def statuses(hub: Hub, method: str, part: str) -> list[int | None]:
    """Return the statuses of the requests with this method and this part in their path."""
    return [r.status for r in hub.requests if r.method == method and part in r.path]


@contextmanager
def refused(code: int, kind: type[HfHubHTTPError] = HfHubHTTPError, match: str | None = None) -> Iterator[None]:
    """The client raises an error of this kind, which came from an answer with this status."""
    with pytest.raises(kind, match=match) as error:
        yield
    assert error.value.response.status_code == code
    assert kind is HfHubHTTPError or type(error.value) is kind


def commit_by_hand(hub: Hub, *operations: dict[str, Any], **header: Any) -> Any:
    """Send a commit without the client, and return the answer."""
    lines = [{"key": "header", "value": {"summary": "add", **header}}, *operations]
    headers, url = {"Authorization": f"Bearer {WRITE_TOKEN}"}, f"{hub.url}/api/datasets/{R}/commit/main"
    return get_session().post(url, content="\n".join(map(json.dumps, lines)), headers=headers)


def publish_elsewhere(hub: Hub, tmp_path: Path, data: bytes, python: str | Path = sys.executable, **more: str) -> str:
    """Upload and download in another process, and return its standard error if it failed."""
    (tmp_path / "data").write_bytes(data)
    command = [str(python), "-c", PUBLISH, str(tmp_path / "data")]
    environment = hub.environment(WRITE_TOKEN, HF_XET_CLIENT_RETRY_MAX_ATTEMPTS="1", **more)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return done.stderr if done.returncode else ""


class Storage:
    """The storage without hf_xet between: status and body of each answer."""

    def __init__(self, hub: Hub, right: str = "write", token: str = WRITE_TOKEN) -> None:
        url = f"{hub.url}/api/datasets/{R}/xet-{right}-token/main"
        given = get_session().get(url, headers={"Authorization": f"Bearer {token}"}).json()
        self.url, self.headers = given["casUrl"], {"Authorization": f"Bearer {given['accessToken']}"}

    def post(self, path: str, data: bytes) -> tuple[int, Any]:
        """Send bytes."""
        response = get_session().post(f"{self.url}{path}", content=data, headers=self.headers)
        return response.status_code, json.loads(response.content)

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Ask for JSON."""
        response = get_session().get(f"{self.url}{path}", headers={**self.headers, **headers})
        return response.status_code, response.json()

    def register(self, given: SimpleNamespace) -> tuple[int, Any]:
        """Upload a xorb as it is announced, and then its shard."""
        status, said = self.post(f"/v1/xorbs/default/{given.xorb}", given.packed)
        return self.post("/v2/shards", given.shard) if status == 200 else (status, said)
