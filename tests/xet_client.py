"""Clients of the storage: the real one in a process of its own, and one by hand, which can be wrong."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi, get_session

from loopback import WRITE_TOKEN, Hub
from loopback.xet import hashes, xorbs

R = "tester/digits"
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


@dataclass(frozen=True)
class Upload:
    """One file in one xorb of its own; each field can be replaced by something that does not fit."""

    xorb: str
    packed: bytes
    chunks: tuple[hashes.Node, ...]
    file: bytes
    size: int
    verification: bytes
    sha256: bytes
    stop: int

    def shard(self) -> bytes:
        """Return the shard that registers the file."""
        raw = hashes.from_text(self.xorb)
        records = [
            struct.pack("<32sQQ", _TAG, 2, 0),
            struct.pack("<32sIIQ", self.file, 3 << 30, 1, 0),
            struct.pack("<32sIIII", raw, 0, self.size, 0, self.stop),
            self.verification + bytes(16 if self.verification else 0),
            hashes.from_text(self.sha256.hex()) + bytes(16),
            _END,
            struct.pack("<32sIIII", raw, 0, len(self.chunks), self.size, len(self.packed)),
            *(struct.pack("<32sIIII", chunk, 0, size, 0, 0) for chunk, size in self.chunks),
            _END,
        ]
        return b"".join(records)

    def but(self, **changed: Any) -> Upload:
        """Return it with something changed."""
        return replace(self, **changed)


def upload(contents: list[bytes]) -> Upload:
    """Return the upload of a file with these chunks."""
    packed, data = xorbs.pack(contents), b"".join(contents)
    nodes = tuple((hashes.chunk_hash(content), len(content)) for content in contents)
    return Upload(
        hashes.to_text(hashes.xorb_hash(nodes)),
        packed,
        nodes,
        hashes.file_hash(nodes),
        len(data),
        hashes.range_hash(raw for raw, _ in nodes),
        hashlib.sha256(data).digest(),
        len(contents),
    )


def client(hub: Hub) -> HfApi:
    """Return the real client."""
    return HfApi(endpoint=hub.url, token=WRITE_TOKEN)


def add(hub: Hub, **files: bytes) -> None:
    """Commit large files in one commit."""
    operations = [CommitOperationAdd(f"{name}.parquet", data) for name, data in files.items()]
    client(hub).create_commit(R, operations, commit_message="add", repo_type="dataset")


def publish_elsewhere(hub: Hub, tmp_path: Path, data: bytes, python: str | Path = sys.executable, **more: str) -> str:
    """Upload and download in a process of its own, and return what it said if it failed."""
    (tmp_path / "data").write_bytes(data)
    command = [str(python), "-c", PUBLISH, str(tmp_path / "data")]
    environment = hub.environment(WRITE_TOKEN, HF_XET_CLIENT_RETRY_MAX_ATTEMPTS="1", **more)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
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
        return response.status_code, response.json()

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        """Ask for JSON."""
        response = get_session().get(f"{self.url}{path}", headers={**self.headers, **headers})
        return response.status_code, response.json()

    def register(self, given: Upload) -> tuple[int, Any]:
        """Upload a xorb as it is announced, and then its shard."""
        status, said = self.post(f"/v1/xorbs/default/{given.xorb}", given.packed)
        return self.post("/v1/shards", given.shard()) if status == 200 else (status, said)
