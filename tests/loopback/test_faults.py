"""Each kind of fault as the real client meets it, and what is on the Hub afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import get_session
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import parse_ratelimit_headers

from loopback import WRITE_TOKEN, Fault, Hub
from tests.hubs import empty_hub
from tests.loopback.clients import CARD, SMALL, R, add, client, statuses


def publish(hub: Hub) -> str:
    """Make a commit with a small and a large file, and return its id."""
    return add(hub, {"README.md": CARD, "train.parquet": SMALL})


def test_cut(hub: Hub, tmp_path: Path, way: str) -> None:
    """A download that breaks off in the middle goes on: by git-lfs with a Range, from the last whole 10 MiB it had."""
    data = bytes(24 * 2**20)
    hub.commit(R, files={"train.parquet": data})
    hub.fail(method="GET", path="/data/|/bridge/", fault=Fault.CUT)
    found = client(hub).hf_hub_download(R, "train.parquet", repo_type="dataset", cache_dir=tmp_path)
    assert Path(found).read_bytes() == data
    assert statuses(hub, "GET", "/bridge/") == ([200, 206] if way == "lfs" else [])
    assert len(statuses(hub, "GET", "/data/")) > 1 or way == "lfs"


def test_quota() -> None:
    """Every answer says how much is left, and one too many is a 429; files are counted apart."""
    with empty_hub(quota=3) as hub:
        hub.create(R)
        api = client(hub, False)
        for _ in range(3):
            api.dataset_info(R)
        # It redirects to where the file is, which counts too.
        headers = get_session().get(f"{hub.url}/datasets/{R}/resolve/main/.gitattributes").headers
        assert (found := parse_ratelimit_headers(headers))
        assert (found.resource_type, found.remaining, found.limit, found.window_seconds) == ("resolvers", 13, 15, 300)
        with pytest.raises(HfHubHTTPError, match="quota of 3 api requests") as error:
            api.dataset_info(R)
        assert error.value.response.headers["ratelimit"].startswith('"api";r=0;t=')


def test_records_hold_no_token(hub: Hub) -> None:
    """A record says who called with what and how it went, and never with which token or signature."""
    publish(hub)
    last = hub.requests[-1]
    assert (last.method, last.path, last.status) == ("POST", f"/api/datasets/{R}/commit/main", 200)
    assert "hf_hub/" in last.user_agent
    assert last.received > 0
    assert WRITE_TOKEN not in repr(hub.requests)
    assert "signature" not in repr(hub.requests)
