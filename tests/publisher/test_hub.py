"""Outages, refusals, waits and tokens: the command ends soon, says what it waits for, and what the Hub said."""

from __future__ import annotations

import base64
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import huggingface_hub
import pytest

import publisher
from loopback import WRITE_TOKEN, Fault, Hub
from loopback.accounts import Account
from loopback.application import Application
from publisher.errors import mask
from publisher.hub import http
from publisher.hub.http import end_xet_session
from tests.commands import Ended, Run
from tests.hubs import close_connections, empty_hub, files_of
from tests.pictures import PICTURES_CARD, Changed, Pictures

pytest.importorskip("hf_xet", reason="the faults are of requests of a client with Xet")

ROOT = Path(__file__).parents[2]
R = "tester/pictures"
IDENTITY = "eyJ.secret.identity"  # of a job


def refusal_if_sent(hub: Hub, ended: Ended) -> str:
    """The sentence of a command that the Hub refused; skip if an old client, which uploads by git-lfs, sent nothing."""
    if huggingface_hub.__version__ < "2" and not any(request.faults for request in hub.requests):
        pytest.skip("this client does not upload by Xet")
    return ended.refusal(3)


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits of seconds for clients that are made from now on."""
    for name in ("CONNECT_S", "READ_S", "COMMIT_S"):
        monkeypatch.setattr(http, name, 6.0)
    monkeypatch.setenv(http.XET_READ, "6s")
    end_xet_session()
    close_connections()
    yield
    end_xet_session()
    close_connections()


ENDED = {
    Fault.REFUSE: ["xet /shards", "xet /xet-read-token/", "lfs /bridge/"],
    Fault.status(500): [
        "xet /xet-write-token/",
        "xet /(xorbs|xorb-grants)/",
        "xet /reconstructions/",
        "lfs /lfs/tester/",
    ],
    Fault.status(503): ["xet /revision/main", "xet /preupload/", "xet /commit/", "lfs /objects/batch"],
}
HANGING = ["/revision/", "/tree/", "/xet-write-token/", "/commit/", "/commits/", "/xet/"]
HANGING_LFS = ["/objects/batch", "/lfs/tester/", "/resolve/"]


@pytest.mark.parametrize(
    ("way", "path", "fault"),
    [
        *((*place.split(), fault) for fault, places in ENDED.items() for place in places),
        *(pytest.param("xet", path, Fault.delay(1000), marks=pytest.mark.slow) for path in HANGING),
        *(pytest.param("lfs", path, Fault.delay(1000), marks=pytest.mark.slow) for path in HANGING_LFS),
    ],
    indirect=["way"],
)
@pytest.mark.usefixtures("way", "short_limits")
def test_outages(published: Hub, publish: Run, path: str, fault: Fault) -> None:
    """One sentence and exit code 3, wherever it is; and the repository is as the sentence says."""
    before = published.commits(R)
    published.fail(path=path, fault=fault, times=10_000)
    sentence = refusal_if_sent(published, publish(builder=Changed))
    assert len(published.requests) < 100
    if path in ("/commits/", "/reconstructions/", "/xet-read-token/", "/bridge/"):
        assert f"published at commit {published.commits(R)[0].oid}, but not read back" in sentence
        assert len(published.commits(R)) == len(before) + 1
    else:
        assert "published" not in sentence
        assert published.commits(R) == before


def test_waiting_is_said(hub: Hub, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that calls `publish` can log it."""
    monkeypatch.setattr(http, "SILENT_S", 0.0)
    monkeypatch.setattr(http, "LOG_EVERY_S", 0.01)
    hub.fail(path="/revision/", fault=Fault.status(503), times=1000)
    with caplog.at_level(logging.WARNING, "publisher.waiting"), pytest.raises(publisher.HubError, match="status 503"):
        publisher.publish(Pictures, PICTURES_CARD, R)
    assert f"looking at {R}: waiting for 0 s" in caplog.text
    assert "(status 503, trying again in 1 s)" in caplog.text


def test_no_connection(publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the Hub is not found: a file of this machine is not missing."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    close_connections()
    assert "could not be reached: [Errno -2] Name not known" in publish("--dry-run").refusal(3)


@pytest.mark.parametrize("path", ["/shards", "/xet-write-token/", "/commit/"])
@pytest.mark.parametrize("code", [400, 403, 404, 413])
def test_refusals(published: Hub, publish: Run, path: str, code: int) -> None:
    """No further attempt, nothing is looked at again, and the Hub's own words if it has any."""
    before = published.commits(R)
    published.fail(path=path, fault=Fault.status(code, message=f"No room for {WRITE_TOKEN}"), times=1000)
    sentence = refusal_if_sent(published, publish(builder=Changed))
    wanted = f"The Xet storage of {R}" if path == "/shards" else "No room for ***"  # hf_xet passes on no words
    assert wanted in sentence
    assert f"refused with status {code}" in sentence
    assert published.commits(R) == before
    assert published.requests[-1].faults
    assert len([request for request in published.requests if request.faults]) <= 2


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (403, '{"error": "Bad", "errors": [{"message": "No room"}]}', "application/json", "status 403: Bad No room"),
        (403, "No room", "text/plain", "refused with status 403: No room"),
        (403, "", "text/html", "The token has no right to do that"),
        (413, "", "text/html", "refused with status 413: Request Entity Too Large"),
        (409, '{"error": "Busy"}', "application/json", "refused with status 409: Busy"),
        (200, "<title>Sign in</title>", "text/html", "Unexpected response from"),
    ],
)
def test_words(hub: Hub, publish: Run, code: int, body: str, kind: str, words: str) -> None:
    """The Hub's own words, or a proxy's."""
    hub.fail(path="/revision/" if code == 200 else "/commit/", fault=Fault.other(code, body, kind), times=99)
    assert words in publish().refusal(3)


def test_quota(hub: Hub, publish: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Hub gets the time that it asks for, once, also where the client would wait by itself."""
    waits: list[float] = []
    monkeypatch.setattr(http, "sleep", waits.append)
    hub.fail(path="/preupload/", fault=Fault.status(429, ratelimit=200))
    hub.fail(path="/commit/", fault=Fault.status(429, ratelimit=100))
    assert publish().exit_code == 0
    assert [wait for wait in waits if wait > 1] == [201, 101]
    hub.fail(path="/commit/", fault=Fault.status(429, ratelimit=1), times=2)
    ended = publish(builder=Changed)
    assert (ended.exit_code, f"Rate limit reached on {R}" in ended.stderr) == (3, True)
    assert "Try again in 1 s." in ended.stderr


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (3000, "You have made 256 commits. Try again in 50 minutes."),
        ('"pages";r=9;t=5, "resolvers|api";t=7200;r=0', "Try again in 120 minutes."),
        ("limit=1; \x7f;r=;t=x", "Try again later."),
    ],
)
@pytest.mark.parametrize("path", ["/revision/", "/preupload/", "/xet-write-token/"])
def test_long_quota(hub: Hub, publish: Run, path: str, header: Any, words: str) -> None:
    """A wait that is too long is not waited for, but said."""
    hub.fail(path=path, fault=Fault.status(429, ratelimit=header, message="You have made 256 commits"), times=99)
    assert words in refusal_if_sent(hub, publish())


@pytest.mark.parametrize("path", ["/shards", "/reconstructions/"])
def test_expired_token(hub: Hub, publish: Run, path: str) -> None:
    """The storage refuses a token: with a new one it goes on."""
    hub.fail(path=path, fault=Fault.status(401))
    assert publish().exit_code == 0


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline(hub: Hub, publish: Run, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, and nothing was sent."""
    monkeypatch.setenv(name, "1")
    for arguments in ([], ["--verify"], ["--dry-run"]):
        assert f"{name} is set" in publish(*arguments).refusal()
    assert hub.requests == []


@pytest.mark.parametrize("name", ["HF_HOME", "HF_XET_CACHE"])
def test_folders(hub: Hub, publish: Run, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that cannot be written is named before anything is sent."""
    folder = tmp_path / "file" / "below"
    folder.parent.touch()
    monkeypatch.setenv(name, str(folder))
    if name == "HF_HOME":
        monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(folder))
    sentence = publish("--work-dir", tmp_path / "work").refusal()
    assert f"{folder} cannot be written" in sentence
    assert name in sentence
    assert hub.requests == []


@pytest.mark.skipif(not hasattr(huggingface_hub.errors, "OIDCError"), reason="this client knows no keyless publishing")
@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ("", 2, "Keyless publishing failed. HF_OIDC_RESOURCE is set but no OIDC id token is available"),
        ("eyJ.other.identity", 3, "Keyless publishing failed. No trusted publisher of this resource"),
        (IDENTITY, 0, "published and verified"),
    ],
)
def test_keyless(
    first: dict[str, bytes], publish: Run, given: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that the Hub knows by its identity publishes without a token; else one sentence says why not."""
    for name in ("GITHUB_ACTIONS", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_OIDC_RESOURCE", f"datasets/{R}")
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", given)
    with empty_hub({R: first}, publishers={IDENTITY: f"datasets/{R}"}) as hub:
        before = hub.commits(R)
        ended = publish(builder=Changed)
        assert (ended.exit_code, ended.stderr.count("\n")) == (code, bool(code))
        assert words in ended.stdout + ended.stderr
        assert "eyJ" not in ended.stderr
        assert (hub.commits(R) == before) == bool(code)


# A token is planted, and looked for everywhere else

PLANTED = "hf_planted+/here"  # neither long enough nor of the letters that tell any token
ELSEWHERE = "elsewhere.invalid"
BASIC = base64.b64encode(f"me:{PLANTED}".encode()).decode()


def test_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token, all that look like one, passwords in addresses, and the identity of a job."""
    monkeypatch.setenv("HF_TOKEN", PLANTED)
    monkeypatch.setenv("HF_OIDC_ID_TOKEN", IDENTITY)
    monkeypatch.setenv("HF_ENDPOINT", f"http://me:{quote('pass word', safe='')}@hub")
    given = [PLANTED, f"hf_{'a' * 30}", "hf_jwt_eyJ.abc-def.ghi", IDENTITY, "pass word", "pass%20word"]
    assert mask("; ".join(given)) == "; ".join(["***"] * len(given))
    assert mask("see http://me:pw@host/x") == "see http://host/x"


def echo(code: int, path: str, colour: str = "\x1b[31m") -> Callable[[Hub], object]:
    """The Hub shows the header that it got; to hf_xet a header with a colour is no answer, and an outage."""
    said = f"{colour}bad header Authorization: Bearer {PLANTED}"
    return lambda hub: hub.fail(path=path, fault=Fault.status(code, retry_after=0, message=said), times=99)


def lead_away(hub: Hub) -> None:
    """Addresses of the storage lead to another host."""
    elsewhere = f"http://{ELSEWHERE}".encode()

    def change(body: bytes) -> bytes:
        return body.replace(hub.storage_url.encode(), elsewhere).replace(hub.url.encode(), elsewhere)

    hub.fail(path="/objects/batch|/xet-(write|read)-token/", fault=Fault.garble(change), times=99)


CASES: dict[str, tuple[str, Callable[[Hub], object], list[str], set[int]]] = {  # what is redirected, ..., exit codes
    "success": ("", lambda _: None, ["--json"], {0}),
    "commit 403": ("", echo(403, "/commit/"), ["--json"], {3}),
    "all 401": ("", echo(401, "/"), [], {3}),
    "all 429": ("", echo(429, "/"), ["--traceback"], {3}),
    "storage 403": ("", echo(403, "/xet/|/lfs/", colour=""), [], {3}),
    "resolve elsewhere": ("/resolve/", lambda _: None, [], {3}),
    "commit elsewhere": ("/commit/", lambda _: None, [], {3}),
    "storage elsewhere": ("", lead_away, [], {3}),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["file", "variable", "address"])
@pytest.mark.parametrize("case", CASES)
def test_token_stays(case: str, place: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the Hub answers: not printed, not kept, not published, not sent to another host."""
    redirected, prepare, more, codes = CASES[case]
    folders = {name: str(tmp_path / name.lower()) for name in ("HF_HOME", "TMPDIR")}
    leaks, answer = [], Application.__call__
    with Hub(tokens=dict.fromkeys((PLANTED, f"Basic {BASIC}"), Account("tester"))) as hub:
        here = urlsplit(hub.url).netloc

        def watched(self: Application, environ: dict[str, Any], start_response: Any) -> Any:
            if environ.get("HTTP_HOST") != here and _finds(str(environ).encode()):
                leaks.append(environ["PATH_INFO"])
            if redirected and environ.get("HTTP_HOST") == here and redirected in environ["PATH_INFO"]:
                start_response("307 Temporary Redirect", [("Location", f"http://{ELSEWHERE}{environ['PATH_INFO']}")])
                return []
            return answer(self, environ, start_response)

        monkeypatch.setattr(Application, "__call__", watched)
        proxies = dict.fromkeys(("http_proxy", "all_proxy"), hub.url)
        environment = {**hub.environment(), **proxies, **folders, "PYTHONPATH": os.fspath(ROOT)}
        for name in folders.values():
            Path(name).mkdir()
        if place == "file":
            Path(folders["HF_HOME"], "token").write_text(PLANTED)
        else:
            environment["HF_TOKEN"] = PLANTED
        if place == "address":
            environment["HF_ENDPOINT"] = hub.url.replace("//", f"//me:{quote(PLANTED, safe='')}@")
        prepare(hub)
        command = [sys.executable, "-m", "publisher", "tests.pictures:Pictures", R, *more]
        ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
        assert ended.returncode in codes, ended.stderr
        assert not _finds(ended.stdout + ended.stderr)
        assert not leaks
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != tmp_path / "hf_home" / "token"]
        assert [path for path in kept if _finds(path.read_bytes())] == []
        assert not any(_finds(data) for data in files_of(hub, R).values())
        if "--json" in more:
            assert json.loads(ended.stdout)["repo_id"] == R


def _finds(data: bytes) -> bool:
    return any(form.encode() in data for form in (PLANTED, quote(PLANTED, safe=""), BASIC[4:-4]))
