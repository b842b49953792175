"""Settings of all tests: no network, no caches of the user, fast tests first."""

import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings

from loopback import WRITE_TOKEN, Hub
from tests.hubs import URL, empty_hub, stop_hub

# The Hugging Face libraries read these once, when they are imported, so they are set before any test module is.
HOME = tempfile.mkdtemp(prefix="mnist1d-tests-")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
# As the user has them: a worker of pytest-xdist is started with what is set below.
_AS_FOUND = json.dumps({name: os.environ[name] for name in (*PROXIES, "no_proxy", "NO_PROXY") if name in os.environ})
FOUND = json.loads(os.environ.setdefault("MNIST1D_TESTS_PROXIES", _AS_FOUND))
for name in [name for name in os.environ if name.startswith(("HF_", "HUGGING_FACE_"))]:
    del os.environ[name]  # tokens, endpoints, caches
os.environ |= {
    "HF_HOME": HOME,
    "HF_DATASETS_CACHE": os.path.join(HOME, "datasets"),  # noqa: PTH118
    "HF_ENDPOINT": URL,
    "HF_XET_CLIENT_RETRY_BASE_DELAY": "50ms",  # the default is 3 s, times 3 for each further try
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    # What is meant for any other host goes there as to a proxy, and gets no answer.
    **dict.fromkeys(PROXIES, URL),
    **dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1/32"),
}

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):  # else each process compiles all libraries, 2 s long
    sys.dont_write_bytecode, sys.pycache_prefix = False, os.path.join(HOME, "bytecode")  # noqa: PTH118
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix

settings.register_profile("mnist1d", deadline=None)  # the first example pays for tables and imports
settings.load_profile("mnist1d")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def pytest_unconfigure() -> None:
    """Stop the Hub, and remove the caches of this run."""
    stop_hub()
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's folder with all configs; to read only."""
    from card import CARD, REPO_ID
    from mnist1d import Mnist1D
    from publisher import main

    folder = tmp_path_factory.mktemp("built")
    assert main(Mnist1D, CARD, REPO_ID, ["--output-dir", str(folder)]) == 0
    return folder


@pytest.fixture(autouse=True)
def _short_outages() -> Iterator[None]:
    """Nobody waits long between attempts, which are real, and no outage is left from another test."""
    from huggingface_hub.utils import _http

    from publisher.hub import http

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(http, "FIRST_WAIT_S", 0.01)
        patched.setattr(http, "LONGEST_WAIT_S", 0.5)
        patched.setattr(http, "RETRY_FOR_S", 2.0)
        patched.setattr(http, "SILENT_S", 600.0)  # what is printed does not depend on how busy the machine is
        patched.setattr(http.Patience, "outage", math.inf)
        patched.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 100)))
        yield


@pytest.fixture(autouse=True)
def _own_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test goes on with what another has made and not published."""
    home = tempfile.mkdtemp(dir=HOME)
    monkeypatch.setenv("HF_HOME", home)
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", home)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other hosts can be reached as outside of the tests: packages are installed."""
    for name in (*PROXIES, "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, FOUND[name]) if name in FOUND else monkeypatch.delenv(name, raising=False)


@pytest.fixture
def git_lfs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients, in any process, read and write large files by git-lfs instead of Xet."""
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True, raising=False)


@pytest.fixture(params=["xet", "lfs"])
def way(request: pytest.FixtureRequest) -> str:
    """Both ways in which the clients read and write large files."""
    if request.param == "lfs":
        request.getfixturevalue("git_lfs")
    return str(request.param)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub without repositories, that the clients in this process talk to, with a token that may write."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    with empty_hub() as hub:
        yield hub
