"""The stand-in Hub under hf_xet: uploads, downloads, older clients, what can fail and what can be lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import get_session

from loopback import Fault, Hub
from loopback.errors import HubError
from tests.xet_client import R, Storage, add, client, publish_elsewhere, upload
from tools.readers.environments import Environment
from tools.readers.making import make

ROOT = Path(__file__).parent.parent
RANDOM = np.random.default_rng(0)
FLOATS = np.cumsum(RANDOM.standard_normal(100_000)).astype(np.float32).tobytes()
DATA = RANDOM.bytes(300_000) + bytes(range(256)) * 4000  # its second part is many times the same chunk
ROWS = b"".join(b"row %d\n" % number for number in range(30_000))
ALWAYS = 10**6


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with one repository that has nothing but its first commit."""
    with Hub() as hub:
        hub.create(R)
        yield hub


def download(hub: Hub, name: str, folder: Path) -> bytes:
    """Return a file as the real client reads it."""
    found = client(hub).hf_hub_download(R, f"{name}.parquet", repo_type="dataset", cache_dir=folder)
    return Path(found).read_bytes()


def paths(hub: Hub, part: str) -> list[tuple[str, int | None]]:
    """Return the paths below the storage's own one, and the statuses, of the requests with this part."""
    return [(r.path.split("/", 3)[3], r.status) for r in hub.requests if r.path.startswith("/xet/") and part in r.path]


def test_upload_and_download(hub: Hub, tmp_path: Path) -> None:
    """The newest client takes the newest routes, the hashes agree, and the same content is not sent twice."""
    add(hub, data=DATA, floats=FLOATS)
    assert {name: hub.files(R)[f"{name}.parquet"] for name in ("data", "floats")} == {"data": DATA, "floats": FLOATS}
    assert [status for _, status in paths(hub, "/grants/")] == [200]
    assert [path for path, _ in paths(hub, "shards")] == ["v2/shards"]
    assert not [r for r in hub.requests if "/lfs/" in r.path]
    for name, data in (("data", DATA), ("floats", FLOATS)):
        (found,) = client(hub).get_paths_info(R, f"{name}.parquet", repo_type="dataset")
        assert found.xet_hash == hub.commits(R)[0].files[f"{name}.parquet"].xet  # type: ignore[union-attr]
        assert download(hub, name, tmp_path) == data
    assert {path.partition("/reconstructions/")[0] for path, _ in paths(hub, "reconstructions")} == {"v2"}
    assert {status for _, status in paths(hub, "/data/")} == {206}
    hub.forget()
    add(hub, again=DATA)
    assert paths(hub, "xorb") == []
    assert hub.files(R)["again.parquet"] == DATA


@pytest.mark.parametrize("policy", ["none", "lz4", "bg4-lz4"])
def test_compression(hub: Hub, tmp_path: Path, policy: str) -> None:
    """Whatever way hf_xet packs chunks, they are read here, and unpacked there again."""
    assert publish_elsewhere(hub, tmp_path, ROWS, HF_XET_XORB_COMPRESSION_POLICY=policy) == ""
    assert hub.files(R)["train.parquet"] == ROWS
    (sent,) = (r.received for r in hub.requests if r.method == "PUT")
    assert (sent > len(ROWS)) == (policy == "none")


@pytest.mark.parametrize(
    ("route", "instead"),
    [("/v1/xorb-grants/", "v1/xorbs/"), ("/v2/shards", "v1/shards"), ("/v2/reconstructions/", "v1/reconstructions/")],
)
def test_routes_of_an_older_storage(hub: Hub, tmp_path: Path, route: str, instead: str) -> None:
    """Where the newest route is not there, the client goes back to the one before."""
    hub.fail(path=route, fault=Fault.status(404), times=ALWAYS)
    assert publish_elsewhere(hub, tmp_path, DATA) == ""
    assert any(path.startswith(instead) and status == 200 for path, status in paths(hub, instead))


@pytest.mark.slow
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("hub_version", "xet_version", "route"), [("0.36.2", "1.2.0", "shards"), ("1.4.1", "1.4.3", "v1/xorbs/")]
)
def test_older_clients(hub: Hub, tmp_path: Path, hub_version: str, xet_version: str, route: str) -> None:
    """Those before huggingface_hub 2 ask the LFS batch whether they may speak Xet, and take routes of their own."""
    requirements = (f"huggingface_hub=={hub_version}", f"hf_xet=={xet_version}")
    made = make(Environment(f"hub-{hub_version}", requirements, (), ()), ROOT / "build" / "readers")
    assert publish_elsewhere(hub, tmp_path, DATA, made.python) == ""
    assert hub.files(R)["train.parquet"] == DATA
    assert any(path.startswith(route) and status == 200 for path, status in paths(hub, route))
    assert [r.status for r in hub.requests if "/lfs/" in r.path] == [200]
    assert [r for r in hub.requests if "/bridge/" in r.path] == []


def test_tokens_expire(tmp_path: Path) -> None:
    """The client asks for a new token when one is about to expire."""
    with Hub(lifetime=20) as hub:
        hub.create(R)
        assert publish_elsewhere(hub, tmp_path, DATA) == ""
        assert len([r for r in hub.requests if "xet-write-token" in r.path]) > 1
    with Hub(lifetime=0) as hub:
        hub.create(R)
        assert Storage(hub).register(upload([b"abc"]))[0] == 401


def test_lost_storage(hub: Hub, tmp_path: Path) -> None:
    """What the storage lost can be seen, but not read, neither as Xet nor without; uploaded again it is back."""
    add(hub, data=DATA)
    hub.lose(R, "data.parquet")
    with pytest.raises(Exception, match="404"):
        download(hub, "data", tmp_path)
    with pytest.raises(HubError, match="has no xorb"):
        hub.files(R)
    url = f"{hub.url}/datasets/{R}/resolve/main/data.parquet"
    assert get_session().get(url, follow_redirects=True).status_code == 404
    assert client(hub).get_paths_info(R, "data.parquet", repo_type="dataset")
    assert publish_elsewhere(hub, tmp_path, DATA) == ""
    assert download(hub, "data", tmp_path) == DATA
    hub.lose(R, "data.parquet", recipe=True)
    with pytest.raises(HubError, match="has no file"):
        hub.files(R)


@pytest.mark.slow
def test_xorbs_that_only_the_client_remembers(hub: Hub, tmp_path: Path) -> None:
    """A client that uploaded a xorb before does not send it again: the shard is refused."""
    home = {"HF_HOME": str(tmp_path / "home")}
    assert publish_elsewhere(hub, tmp_path, DATA, **home) == ""
    hub.lose_xorbs()
    said = publish_elsewhere(hub, tmp_path, DATA + b"more", **home)
    assert "400" in said
    assert ("v2/shards", 400) in paths(hub, "shards")
    assert publish_elsewhere(hub, tmp_path, DATA + b"more") == ""


@pytest.mark.slow
def test_a_second_hub_has_a_storage_of_its_own(tmp_path: Path) -> None:
    """A new Hub gets all that an earlier one at its port was sent; one on the folder of an earlier one does not."""
    home = {"HF_HOME": str(tmp_path / "home")}
    for state, sent in (("one", 1), ("two", 1), ("two", 0)):
        with Hub(tmp_path / state) as hub:
            if sent:
                hub.create(R)
            assert publish_elsewhere(hub, tmp_path, DATA, **home) == ""
            assert len(paths(hub, "/grants/")) == sent


@pytest.mark.parametrize("route", ["/chunks/", "/xorb-grants/", "/grants/", "/xorb-commits/", "/shards", "-token/"])
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.DROP_AFTER, Fault.CUT, Fault.status(503)], ids=lambda f: f.kind)
def test_faults_of_an_upload(hub: Hub, route: str, fault: Fault) -> None:
    """Every request of an upload can fail; hf_xet tries again, and the file is right."""
    hub.fail(path=route, fault=fault)
    add(hub, data=DATA)
    assert any(record.faults for record in hub.requests)
    assert hub.files(R)["data.parquet"] == DATA


@pytest.mark.parametrize("route", ["/reconstructions/", "/data/", "-token/"])
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.CUT, Fault.status(503)], ids=lambda f: f.kind)
def test_faults_of_a_download(hub: Hub, tmp_path: Path, route: str, fault: Fault) -> None:
    """As of an upload."""
    hub.commit(R, files={"data.parquet": DATA})
    hub.fail(path=route, fault=fault)
    assert download(hub, "data", tmp_path) == DATA
    assert any(record.faults for record in hub.requests)
