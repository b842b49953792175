"""The storage of the stand-in Hub by hand: formats, ranges, tokens, and every mistake that a client can make."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anycrc
import pytest
from huggingface_hub import get_session

from loopback import READ_TOKEN, WRITE_TOKEN, Fault, Hub
from loopback.errors import HubError
from loopback.xet import xorbs
from tests.hubs import empty_hub
from tests.loopback import clients
from tests.loopback.clients import DATA, FLOATS, ROWS, R, Storage, add, client, publish_elsewhere, upload

CHUNKS = (b"abc", b"defg")


def test_ranges(hub: Hub) -> None:
    """The answer for any range of a file names the whole chunks that hold it, and where its first byte lies."""
    add(hub, {"data.parquet": DATA})
    storage, file = Storage(hub, "read"), hub.commits(R)[0].files["data.parquet"].xet
    for start, stop in ((0, 1), (0, len(DATA)), (299_990, 800_123), (len(DATA) - 1, len(DATA) + 99)):
        status, found = storage.get(f"/v2/reconstructions/{file}", Range=f"bytes={start}-{stop - 1}")
        assert status == 200
        read = b""
        for term in found["terms"]:
            chunks = fetched(found["xorbs"][term["hash"]])
            part = b"".join(chunks[number] for number in range(term["range"]["start"], term["range"]["end"]))
            assert len(part) == term["unpacked_length"]
            read += part
        offset = found["offset_into_first_range"]
        assert read[offset : offset + stop - start] == DATA[start:stop]
        assert len(read) - (stop - start) < 2 * xorbs.MAX_CHUNK
    assert storage.get(f"/v2/reconstructions/{file}", Range=f"bytes={len(DATA)}-")[0] == 416
    assert storage.get(f"/v2/reconstructions/{'0' * 64}")[0] == 404


def fetched(parts: list[dict[str, Any]]) -> dict[int, bytes]:
    """Return the chunks that the addresses of a reconstruction give, by their number in the xorb."""
    chunks: dict[int, bytes] = {}
    for url, part in [(item["url"], part) for item in parts for part in item["ranges"]]:
        assert get_session().get(url, headers={"Authorization": f"Bearer {WRITE_TOKEN}"}).status_code == 400
        response = get_session().get(url, headers={"Range": f"bytes={part['bytes']['start']}-{part['bytes']['end']}"})
        assert response.status_code == 206
        numbers = range(part["chunks"]["start"], part["chunks"]["end"])
        assert not chunks.keys() & set(numbers)
        chunks |= dict(zip(numbers, xorbs.unpack(response.content), strict=True))
    return chunks


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"xorb": "0" * 64}, "not 0000"),
        ({"packed": b""}, "1 to 8192 chunks"),
        ({"packed": b"XETBLOB"}, "1 to 8192 chunks"),
        ({"packed": struct.pack("<Q", 3 << 8 | 3 << 40) + b"ab"}, "header of the chunk at byte 0"),
        ({"packed": struct.pack("<Q", 2 << 8 | 3 << 40) + b"ab"}, "has 2 bytes, its header says 3"),
        ({"packed": struct.pack("<Q", 16 << 8 | 1 << 32 | 3 << 40) + b"ab" * 8}, "not a frame of LZ4"),
        ({"packed": struct.pack("<Q", 2 << 8 | 7 << 32 | 3 << 40) + b"ab"}, "Unknown compression scheme 7"),
        ({"packed": b"\x01"}, "ends within the header"),
        ({"chunks": ((bytes(32), 3),)}, "holds other chunks"),
        ({"file": bytes(32)}, "do not give the hash of the file"),
        ({"size": 5}, "chunks or sizes"),
        ({"stop": 3}, "chunks or sizes"),
        ({"verification": bytes(32)}, "A range hash"),
        ({"verification": b""}, "ends too early"),
        ({"sha256": "0" * 64}, "The SHA-256 of the file"),
    ],
)
def test_mistakes_of_a_client(hub: Hub, changed: dict[str, Any], said: str) -> None:
    """An upload with a wrong hash, size or header is refused with a sentence, and nothing is kept."""
    given = upload(*CHUNKS, **changed)
    status, answered = Storage(hub).register(given)
    assert (status, said in str(answered)) == (400, True)
    assert name_it(hub, upload(*CHUNKS)) == 400


def name_it(hub: Hub, given: SimpleNamespace, size: int | None = None) -> int:
    """Return the status of a commit that names an upload."""
    value = {"path": "x.bin", "algo": "sha256", "oid": given.sha256, "size": size or given.size}
    return int(clients.commit_by_hand(hub, {"key": "lfsFile", "value": value}).status_code)


def test_what_is_named(hub: Hub) -> None:
    """A xorb that never came, a shard that breaks off, and a commit that says another size are refused."""
    given, storage = upload(*CHUNKS), Storage(hub)
    assert "was not uploaded" in storage.post("/v2/shards", given.shard)[1]["error"]
    for shard in (b"", b"x" * 48, given.shard[:-48], given.shard[:100]):
        assert storage.post("/v2/shards", shard)[0] == 400
    assert storage.register(given) == (200, {"type": "result"})
    assert name_it(hub, given, size=8) == 400
    assert name_it(hub, given) == 200


def test_grants(hub: Hub) -> None:
    """A grant takes one upload, with the announced content; a stored xorb needs none."""
    given, storage = upload(b"abc"), Storage(hub)
    checksum = {"algo": "crc64nvme", "value": str(anycrc.Model("CRC64-NVME").calc(given.packed))}
    route, wanted = f"/v1/xorb-grants/default/{given.xorb}", {"length": len(given.packed), "checksum": checksum}
    status, grant = storage.post(route, json.dumps(wanted).encode())
    assert (status, grant["method"]) == (201, "PUT")
    commit = f"/v1/xorb-commits/default/{given.xorb}/grant/{grant['id']}"
    assert storage.post(commit, b"")[0] == 404
    put = get_session().put
    assert put(grant["url"], content=given.packed + b"x").status_code == 400
    assert put(grant["url"], content=given.packed, headers=storage.headers).status_code == 400
    assert put(grant["url"].partition("?")[0], content=given.packed).status_code == 403
    assert [put(grant["url"], content=given.packed).status_code for _ in range(2)] == [200, 412]
    assert storage.post(commit, b"") == (200, {"was_inserted": True})
    assert storage.post(route, json.dumps(wanted).encode())[0] == 200


def test_tokens(hub: Hub) -> None:
    """The storage takes its own tokens, for what they allow, as long as they are good; the Hub's is not one."""
    given = upload(b"abc")
    writer, reader = Storage(hub), Storage(hub, "read", READ_TOKEN)
    assert reader.register(given)[0] == 403
    assert writer.register(given)[0] == 200
    for wrong in ({}, {"Authorization": f"Bearer {WRITE_TOKEN}"}, {"Authorization": "Bearer xet_e30=.00"}):
        writer.headers = wrong
        assert writer.get("/v1/reconstructions/" + "0" * 64)[0] == 401
    hub.expire_tokens()
    assert reader.get("/v1/reconstructions/" + "0" * 64)[0] == 401
    for token, revision, status in (
        (READ_TOKEN, "main", 403),
        ("hf_nobody", "main", 401),
        (WRITE_TOKEN, "None", 404),
        (WRITE_TOKEN, "None?create_pr=1", 200),  # for a commit that opens a pull request
    ):
        url, headers = f"{hub.url}/api/datasets/{R}/xet-write-token/{revision}", {"Authorization": f"Bearer {token}"}
        assert get_session().get(url, headers=headers).status_code == status


def download(hub: Hub, name: str, folder: Path) -> bytes:
    """Return a file as the real client reads it."""
    found = client(hub).hf_hub_download(R, f"{name}.parquet", repo_type="dataset", cache_dir=folder)
    return Path(found).read_bytes()


def paths(hub: Hub, part: str) -> list[tuple[str, int | None]]:
    """Return the paths below the storage's own one, and the statuses, of the requests with this part."""
    return [(r.path.split("/", 3)[3], r.status) for r in hub.requests if r.path.startswith("/xet/") and part in r.path]


def test_upload_and_download(hub: Hub, tmp_path: Path) -> None:
    """The newest client takes the newest routes, the hashes agree, and the same content is not sent twice."""
    add(hub, {"data.parquet": DATA, "floats.parquet": FLOATS})
    assert [status for _, status in paths(hub, "/grants/")] == [200]
    assert [path for path, _ in paths(hub, "shards")] == ["v2/shards"]
    assert not [r for r in hub.requests if "/lfs/" in r.path]
    for name, data in (("data", DATA), ("floats", FLOATS)):
        (found,) = client(hub).get_paths_info(R, f"{name}.parquet", repo_type="dataset")
        assert found.xet_hash == hub.commits(R)[0].files[f"{name}.parquet"].xet  # type: ignore[union-attr]
        assert download(hub, name, tmp_path) == hub.files(R)[f"{name}.parquet"] == data
    assert {path.partition("/reconstructions/")[0] for path, _ in paths(hub, "reconstructions")} == {"v2"}
    assert {status for _, status in paths(hub, "/data/")} == {206}
    hub.forget()
    add(hub, {"again.parquet": DATA})
    assert paths(hub, "xorb") == []
    assert hub.files(R)["again.parquet"] == DATA


@pytest.mark.parametrize("policy", ["none", "lz4", "bg4-lz4"])
def test_compression(hub: Hub, tmp_path: Path, policy: str) -> None:
    """Whatever way hf_xet packs chunks, they are read here, and unpacked there again."""
    assert publish_elsewhere(hub, tmp_path, ROWS, HF_XET_XORB_COMPRESSION_POLICY=policy) == ""
    assert hub.files(R)["train.parquet"] == ROWS
    (sent,) = (r.received for r in hub.requests if r.method == "PUT")
    assert (sent > len(ROWS)) == (policy == "none")


def test_routes_of_an_older_storage(hub: Hub, tmp_path: Path) -> None:
    """Without the newest routes the client goes back to those before."""
    hub.fail(path="/v1/xorb-grants/|/v2/reconstructions/", fault=Fault.status(404), times=10**6)
    assert publish_elsewhere(hub, tmp_path, DATA) == ""
    for route in ("v1/xorbs/", "v1/reconstructions/"):
        assert any(path.startswith(route) and status == 200 for path, status in paths(hub, route))


def test_tokens_expire(tmp_path: Path) -> None:
    """The client asks for a new token when one is about to expire."""
    with empty_hub(lifetime=20) as hub:
        hub.create(R)
        assert publish_elsewhere(hub, tmp_path, DATA) == ""
        assert len([r for r in hub.requests if "xet-write-token" in r.path]) > 1


def test_lost_storage(hub: Hub, tmp_path: Path) -> None:
    """A lost file can be seen, but not read, neither as Xet nor without; uploaded again it is back."""
    add(hub, {"data.parquet": DATA})
    hub.lose(R, "data.parquet")
    with pytest.raises(Exception, match="404"):
        download(hub, "data", tmp_path)
    with pytest.raises(HubError, match="does not know the xorb"):
        hub.files(R)
    url = f"{hub.url}/datasets/{R}/resolve/main/data.parquet"
    assert get_session().get(url, follow_redirects=True).status_code == 404
    assert client(hub).get_paths_info(R, "data.parquet", repo_type="dataset")
    assert publish_elsewhere(hub, tmp_path, DATA) == ""
    assert download(hub, "data", tmp_path) == DATA


def test_cut(hub: Hub, tmp_path: Path, way: str) -> None:
    """A download that breaks off in the middle goes on: by git-lfs with a Range, from the last whole 10 MiB it had."""
    data = bytes(24 * 2**20)
    hub.commit(R, files={"train.parquet": data})
    hub.fail(method="GET", path="/data/|/bridge/", fault=Fault.CUT)
    found = client(hub).hf_hub_download(R, "train.parquet", repo_type="dataset", cache_dir=tmp_path)
    assert Path(found).read_bytes() == data
    assert clients.statuses(hub, "GET", "/bridge/") == ([200, 206] if way == "lfs" else [])
    assert len(clients.statuses(hub, "GET", "/data/")) > 1 or way == "lfs"
