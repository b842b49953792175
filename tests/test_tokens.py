"""A token is planted, and looked for where it has no business: in what is said, kept, published, and sent to others."""

from __future__ import annotations

import base64
import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from loopback import Fault, Hub
from loopback.accounts import Account
from loopback.application import Application
from loopback.errors import HubError
from tests.hubs import empty_hub
from tests.test_faults import ROOT, STRIDE, R

TOKEN = "hf_planted+/here"  # neither long enough nor of the letters that tell any token
ELSEWHERE = "elsewhere.invalid"
SPLIT = "\n".join(re.findall("..?", TOKEN))
BASIC = base64.b64encode(f"me:{TOKEN}".encode()).decode()
ACCOUNT = Account("tester")
PLACES = {"file": "whole", "variable": "parts", "address": "whole"}  # of the token, and what is published then
SOURCES = {"whole": "tests.pictures:Pictures", "parts": "tests.shards:Shards"}
FAILING = f"""
import os
from tests.pictures import Pictures
class Failing(Pictures):
    def _generate_examples(self, rows):
        raise ValueError(f"no right for {{os.environ.get('HF_TOKEN')}} {TOKEN}")
"""
Prepare = Callable[[Hub], object]


class Wire:
    """What goes to which host, and requests of the Hub that are redirected to another."""

    def __init__(self) -> None:
        self.hub = ""
        self.leaks: list[str] = []
        self.redirected = ""  # what is in the paths of these
        self.hosts: set[str] = set()

    def see(self, environ: dict[str, Any]) -> bool:
        """Note a request; whether it is to be redirected."""
        host, path = environ.get("HTTP_HOST", ""), environ.get("REQUEST_URI", environ["PATH_INFO"])
        self.hosts.add(urlsplit(f"//{host}").hostname or "")
        if host != self.hub and finds(str(environ).encode()):
            self.leaks.append(f"{environ['REQUEST_METHOD']} {host} {path}")
        return bool(self.redirected) and host == self.hub and self.redirected in environ["PATH_INFO"]


def finds(data: bytes) -> bool:
    """Whether the token is there, as it is, or as an address or a header of a password holds it."""
    shown = b"".join(re.sub(rb"\x1b\[\d*m|\\n|\\u001b\[\d*m", b"", data).lower().split())
    return any(form.lower().encode() in shown for form in (TOKEN, quote(TOKEN, safe=""), BASIC[4:-4]))


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Looks at each request before the Hub does: also at those that are meant for others, of which it is the proxy."""
    wire, answer = Wire(), Application.__call__

    def watched(self: Application, environ: dict[str, Any], start_response: Any) -> Any:
        if wire.see(environ):
            start_response("307 Temporary Redirect", [("Location", f"http://{ELSEWHERE}{environ['PATH_INFO']}")])
            return []
        return answer(self, environ, start_response)

    monkeypatch.setattr(Application, "__call__", watched)
    return wire


@contextmanager
def planted(wire: Wire, place: str, folder: Path) -> Iterator[tuple[Hub, dict[str, str]]]:
    """A Hub that knows the token, and an environment that holds it in one of the places there are."""
    with empty_hub(tokens={TOKEN: ACCOUNT, f"Basic {BASIC}": ACCOUNT}) as hub:
        wire.hub = urlsplit(hub.url).netloc
        folders = {name: str(folder / name.lower()) for name in ("HF_HOME", "TMPDIR")}
        for name in folders.values():
            Path(name).mkdir(parents=True)
        environment = {**hub.environment(), **folders, "PYTHONPATH": os.fspath(ROOT)}
        if place == "file":
            Path(folders["HF_HOME"], "token").write_text(TOKEN)
        else:
            environment["HF_TOKEN"] = TOKEN
        if place == "address":
            environment["HF_ENDPOINT"] = hub.url.replace("//", f"//me:{quote(TOKEN, safe='')}@")
        yield hub, environment


def start(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The command, in a folder below which everything that it leaves lies."""
    return subprocess.Popen(
        [sys.executable, "-m", "publisher", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def look(wire: Wire, hub: Hub, folder: Path, printed: bytes) -> None:
    """The token is nowhere."""
    assert not finds(printed), printed.decode()
    assert not wire.leaks
    kept = [path for path in folder.rglob("*") if path.is_file() and path != folder / "hf_home" / "token"]
    assert [path for path in kept if finds(path.read_bytes()) or finds(os.fsencode(path.name))] == []
    with suppress(HubError):  # there is no repository
        for commit in hub.commits(R):
            assert not finds(repr(commit).encode())
            assert not any(finds(data) for data in hub.files(R, commit.oid).values())


def lead_away(hub: Hub) -> None:
    """Addresses of the storage, for git-lfs and Xet, lead to another host."""
    elsewhere = f"http://{ELSEWHERE}".encode()

    def change(body: bytes) -> bytes:
        return body.replace(hub.storage_url.encode(), elsewhere).replace(hub.url.encode(), elsewhere)

    hub.fail(path="/objects/batch|/xet-(write|read)-token/", fault=Fault.garble(change), times=99)


def echo(code: int, path: str) -> Prepare:
    """The Hub shows the header that it got."""
    spelled = (TOKEN, TOKEN.upper(), SPLIT, f"hf_\x1b[1m{TOKEN[3:]}", quote(TOKEN, safe=""), BASIC)
    said = f"\x1b[31mbad header Authorization: {'; '.join(spelled)}; Bearer {TOKEN}"
    return lambda hub: hub.fail(path=path, fault=Fault.status(code, retry_after=0, message=said), times=99)


CASES: dict[str, tuple[str, Prepare, list[str], set[int]]] = {  # what is redirected, what the Hub does, how it ends
    "success": ("", lambda _: None, [], {0}),
    "json": ("", lambda _: None, ["--json"], {0}),
    "dry run": ("", lambda _: None, ["--dry-run"], {0}),
    "verify": ("", lambda _: None, ["--verify"], {1, 3}),
    "folder": ("", lambda _: None, ["--output-dir", "out"], {0}),
    "preview": ("", lambda _: None, ["--preview", "page.html"], {0}),
    **{f"commit {code}": ("", echo(code, "/commit/"), ["--json"], {3}) for code in (400, 401, 403, 429, 500)},
    **{f"all {code}": ("", echo(code, "/"), [], {3}) for code in (401, 403, 429, 503)},
    "storage": ("", echo(403, "/xet/|/lfs/"), [], {3}),
    "resolve elsewhere": ("/resolve/", lambda _: None, [], {3}),
    "api elsewhere": ("/api/", lambda _: None, [], {3}),
    "commit elsewhere": ("/commit/", lambda _: None, [], {3}),
    "storage elsewhere": ("", lead_away, [], {3}),
}
CELLS = list(itertools.product(CASES, PLACES, ("xet", "lfs")))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("case", "place", "way"), CELLS[:: 1 if STRIDE == 1 else 9], indirect=["way"])
def test_token_stays(case: str, place: str, way: str, wire: Wire, tmp_path: Path) -> None:
    """Whatever the Hub answers."""
    redirected, prepare, more, codes = CASES[case]
    with planted(wire, place, tmp_path) as (hub, environment):
        wire.redirected, source = redirected, PLACES[place]
        prepare(hub)
        workers = ["--workers", "2"] if source == "parts" and "preview" not in case else []
        process = start(environment, tmp_path, SOURCES[source], R, *more, *workers)
        out, err = process.communicate(timeout=300)
        assert process.returncode in codes, err
        assert b"Traceback" not in err
        look(wire, hub, tmp_path, out + err)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("at", ["/preupload/", "/xorb|/objects/batch", "/commit/", "/resolve/"])
def test_token_of_what_is_stopped(number: int, at: str, way: str, wire: Wire, tmp_path: Path) -> None:
    """Nothing that is left behind holds it."""
    with planted(wire, "variable", tmp_path) as (hub, environment):
        ended = threading.Event()
        processes: list[subprocess.Popen[bytes]] = []

        def stop() -> None:
            processes[0].send_signal(number)
            ended.wait(10)

        hub.before(None, at, stop)
        processes.append(start(environment, tmp_path, SOURCES["parts"], R, "--workers", "2"))
        out, err = processes[0].communicate(timeout=300)
        ended.set()
        assert processes[0].returncode in (-signal.SIGKILL, 128 + signal.SIGTERM), err
        look(wire, hub, tmp_path, out + err)


@pytest.mark.slow
@pytest.mark.parametrize("more", [[], ["--traceback"], ["--json"], ["--keep-going"]], ids=str)
def test_token_in_what_a_script_says(more: list[str], wire: Wire, tmp_path: Path) -> None:
    """It may name the token when it fails."""
    (tmp_path / "failing.py").write_text(FAILING)
    with planted(wire, "variable", tmp_path) as (hub, environment):
        out, err = start(environment, tmp_path, "failing.py", R, *more).communicate(timeout=300)
        assert b"no right for" in err
        (tmp_path / "failing.py").unlink()
        look(wire, hub, tmp_path, out + err)
