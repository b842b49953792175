"""Outages, refusals and hostile answers: the command ends soon, says what it waits for, and what the Hub said."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub.utils import build_hf_headers, get_session, paginate

import publisher
from card import CARD
from loopback import WRITE_TOKEN, Fault, Hub
from mnist1d import Mnist1D
from publisher import main
from publisher.hub import patience, transport
from tests.hubs import PORT, URL, close_connections, ignore_parents, stop_hub
from tests.pictures import Changed, Pictures, pictures_card

pytest.importorskip("hf_xet", reason="the faults are those of the requests of a client with Xet")

R = "tester/pictures"
LARGE = "large/validation-00000-of-00001.parquet"
HANGS = Fault.delay(1000)
OURS = f"{WRITE_TOKEN} in \x1b[31mred\x1b[0m"
Publish = Callable[..., int]


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Patience for seconds instead of minutes, and none that is left from another test."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    for name, seconds in {
        "TRYING": 1.0,
        "OUTAGE": 12.0,
        "ATTEMPT": 10.0,
        "LAST_LOOK": 10.0,
        "COMMITTING": 10.0,
        "FIRST_WAIT": 0.1,
    }.items():
        monkeypatch.setattr(patience, name, seconds)
    for name in ("CONNECT", "READ", "COMMIT"):
        monkeypatch.setattr(transport, name, 8.0)
    monkeypatch.setattr(patience, "_outage", patience._Outage())
    yield
    close_connections()


@pytest.fixture
def publish(tmp_path: Path) -> Publish:
    """The command."""
    card = pictures_card(tmp_path)
    return lambda *arguments, builder=Pictures: main(builder, card, R, list(arguments))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a first publish."""
    folder = tmp_path_factory.mktemp("first")
    assert main(Pictures, pictures_card(tmp_path_factory.mktemp("card")), R, ["--output-dir", str(folder)]) == 0
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def published(hub: Hub, first: dict[str, bytes]) -> Hub:
    """A Hub that holds them."""
    hub.create(R)
    hub.commit(R, files=first)
    return hub


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        pytest.param("/revision/main", HANGS, marks=pytest.mark.slow),
        ("/preupload/", Fault.status(503)),
        pytest.param("/xet-write-token/", HANGS, marks=pytest.mark.slow),
        ("/xet-write-token/", Fault.status(500)),
        ("/(xorbs|grants)/", Fault.status(500)),
        pytest.param("/shards", HANGS, marks=pytest.mark.slow),
        ("/shards", Fault.REFUSE),
        pytest.param("/commit/", HANGS, marks=pytest.mark.slow),
        ("/commit/", Fault.status(503)),
        ("/reconstructions/", Fault.status(500)),
        pytest.param("/reconstructions/", HANGS, marks=pytest.mark.slow),
        ("/xet-read-token/", Fault.REFUSE),
    ],
)
def test_outages(published: Hub, publish: Publish, path: str, fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence and exit code 3, wherever it is; and the repository is as it says."""
    before = published.commits(R)
    published.fail(path=path, fault=fault, times=10_000)
    assert publish(builder=Changed) == 3
    *waits, sentence = capsys.readouterr().err.splitlines()
    assert all("waiting for" in line or "trying again" in line for line in waits)
    if path in ("/reconstructions/", "/xet-read-token/"):
        assert f"published at commit {published.commits(R)[0].oid}, but not read back" in sentence
        assert len(published.commits(R)) == len(before) + 1
    else:
        assert "published" not in sentence
        assert published.commits(R) == before


PAGE = "<html><head><title>Sign in &amp; go</title></head><body><h1>Hello</h1></body></html>"
S3 = "<Error><Code>AccessDenied</Code><Message>No room</Message></Error>"


def test_page_instead_of_a_token(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """As a proxy gives that wants a login: hf_xet does not say what it got."""
    hub.fail(path="/xet-write-token/", fault=Fault.other(200, PAGE), times=99)
    assert publish() == 3
    assert "no whole JSON, but 'Sign in & go'" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("path", ["/reconstructions/", "/xet-write-token/"])
def test_other_answers_of_the_storage(
    hub: Hub, publish: Publish, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was reached, and answers with something else."""
    hub.fail(path=path, fault=Fault.other(200, "{}", "application/json"), times=99)
    assert publish() == 3
    assert "does not answer as the Hub does" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name not known"), ssl.SSLEOFError(8, "EOF in violation")])
def test_no_connection(
    publish: Publish, error: OSError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a name that is not found, or without TLS: it is not a file of this machine that is missing."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert publish() == 3
    assert f"could not be reached: {error}" in capsys.readouterr().err.splitlines()[-1]


def test_waiting_is_said(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that calls `publish` hears of it, too."""
    monkeypatch.setattr(patience, "UNSAID", 0.0)
    monkeypatch.setattr(patience, "EVERY", 0.0)
    hub.fail(path="/revision/", fault=Fault.status(503), times=1000)
    with caplog.at_level(logging.WARNING, "publisher.waiting"), pytest.raises(publisher.HubError, match="status 503"):
        publisher.publish(Pictures, pictures_card(tmp_path), R)
    assert f"looking at {R}: status 503, trying again in" in caplog.text


@pytest.mark.parametrize(
    ("path", "code"),
    [(path, code) for path in ("/shards", "/xet-write-token/", "/commit/") for code in (400, 403, 404, 413)],
)
def test_refusals(published: Hub, publish: Publish, path: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """They are refusals, whoever refuses: no further attempt, and the Hub's own words where it has some."""
    before = published.commits(R)
    published.fail(path=path, fault=Fault.status(code, message=f"No room for {WRITE_TOKEN}"), times=1000)
    assert publish(builder=Changed) == 3
    sentence = capsys.readouterr().err.splitlines()[-1]
    assert "could not be reached" not in sentence
    assert WRITE_TOKEN not in sentence
    wanted = "refused with status" if path == "/shards" else "No room for ***"  # hf_xet passes on no words
    assert wanted in sentence
    assert published.commits(R) == before
    assert len([request for request in published.requests if request.faults]) <= 3


@pytest.mark.parametrize(
    ("code", "body", "kind", "words"),
    [
        (403, '{"error": {"message": "No room"}}', "application/json", "refused with status 403: No room"),
        (403, '{"error": "Bad", "errors": [{"message": "No room"}]}', "application/json", "status 403: Bad; No room"),
        (403, '{"detail": [{"loc": ["a"], "msg": "No room"}]}', "application/json", "refused with status 403: No room"),
        (403, "No room", "text/plain", "refused with status 403: No room"),
        (403, S3, "application/xml", "refused with status 403: No room"),
        (403, PAGE, "text/html", "refused with status 403: Sign in & go"),
        (403, "", "text/html", "the token has no right"),
        (413, "", "text/html", "refused with status 413: Request Entity Too Large"),
        (409, '{"error": "Busy"}', "application/json", "refused with status 409: Busy"),
        (200, PAGE, "text/html", "the Hub does: no whole JSON, but 'Sign in & go'"),
        (403, '{"error": "No room"}' + " " * 200_000, "application/json", "status 403: No room"),
        (200, "[" + " " * 2_000_000, "application/json", "the Hub does: an answer of more than 1,000,000 bytes"),
        (200, "", "text/html", "does not answer as the Hub does: no whole JSON, but ''"),
    ],
)
def test_words(
    hub: Hub,
    publish: Publish,
    code: int,
    body: str,
    kind: str,
    words: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the Hub, of a storage or a proxy, in whichever shape they come."""
    monkeypatch.setattr(transport, "ANSWER_BYTES", 1_000_000)
    path = "/revision/" if code == 200 else "/commit/"
    hub.fail(path=path, fault=Fault.other(code, body, kind), times=99)
    assert publish() == 3
    [sentence] = capsys.readouterr().err.splitlines()
    assert words in sentence


@pytest.mark.parametrize("path", ["/tree/", "/commits/"])
def test_no_list(published: Hub, publish: Publish, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The client would take it for an empty one: no files, or no commits of others."""
    published.fail(path=path, fault=Fault.other(200, "{}", "application/json"), times=99)
    assert publish(builder=Changed) == 3
    assert "does not answer as the Hub does: no list, but {}" in capsys.readouterr().err.splitlines()[-1]


def test_json_holds_no_token(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor does standard output without it."""
    hub.fail(path="/commit/", fault=Fault.status(403, message=OURS), times=9)
    assert publish("--json") == 3
    printed = capsys.readouterr()
    assert "*** in red" in json.loads(printed.out)["error"]
    assert WRITE_TOKEN not in printed.out + printed.err


def test_names_do_not_act(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """Titles of others come without what acts on a terminal."""

    def interfere() -> None:
        published.commit(R, files={"a": b"%d" % len(published.commits(R))}, message=OURS)

    for attempt in range(9):
        published.before("POST", "/commit/", interfere, nth=attempt + 1)
    assert publish(builder=Changed) == 3
    printed = capsys.readouterr()
    assert "*** in red" in printed.err
    assert WRITE_TOKEN not in printed.err
    assert "\x1b" not in printed.err


def test_quota(hub: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """The Hub is given the time that it asks for, once, and if that is not long."""
    hub.fail(path="/commit/", fault=Fault.status(429, ratelimit=1))
    assert publish() == 0
    assert "status 429, trying again in" in capsys.readouterr().err
    hub.fail(path="/commit/", fault=Fault.status(429, ratelimit=1), times=2)
    assert publish(builder=Changed) == 3
    assert "try again in 1 s, at " in capsys.readouterr().err


@pytest.mark.parametrize(("path", "requests"), [("/revision/", 1), ("/xet-write-token/", 3)])
def test_long_quota(hub: Hub, publish: Publish, path: str, requests: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What it asks for is too long, and is said, also if it was hf_xet that was refused, twice."""
    hub.fail(path=path, fault=Fault.status(429, ratelimit=3000, message="You have made 256 commits"), times=9)
    assert publish() == 3
    [sentence] = capsys.readouterr().err.splitlines()
    assert "You have made 256 commits: try again in 50 minutes, at " in sentence
    assert len([request for request in hub.requests if request.faults]) == requests


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ('"pages";r=9;t=5, "resolvers|api";t=7200;r=0', "try again in 120 minutes, at "),
        ('"api"; r = 0; t = 900000000', "try again in 250000 hours, at 20"),
        ('"api";r=0;t=99999999999999999999999', "try again later"),
        ("limit=1; \x7f;r=;t=x", "try again later"),
    ],
)
def test_odd_quota(hub: Hub, publish: Publish, header: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Several limits, in any order, and numbers that no clock has."""
    hub.fail(path="/revision/", fault=Fault.status(429, ratelimit=header), times=99)
    assert publish() == 3
    assert words in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("path", ["/shards", "/reconstructions/"])
def test_expired_token(hub: Hub, publish: Publish, path: str) -> None:
    """The storage refuses a token: with a new one it goes on."""
    hub.fail(path=path, fault=Fault.status(401))
    assert publish() == 0


def test_verified_means_read(published: Hub, publish: Publish, capsys: pytest.CaptureFixture[str]) -> None:
    """What the storage has lost is not verified, though it is listed, and was read by this process before."""
    assert publish("--verify") == 0
    published.lose(R, LARGE)
    capsys.readouterr()
    assert publish("--verify") == 1
    assert f"{LARGE} is listed, and the Hub has lost its bytes" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["--create-pr"]], ids=["to main", "proposed"])
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_parent_is_ignored(
    published: Hub,
    publish: Publish,
    lost: bool,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that does not look at it builds over what others committed: the command says whose that was."""
    ignore_parents(monkeypatch)
    published.before("POST", "/commit/", lambda: published.commit(R, files={"notes.txt": b"mine"}, message="Notes"))
    if lost:
        published.fail("POST", "/commit/", fault=Fault.DROP_AFTER)
        published.before("GET", "/revision/main", lambda: published.commit(R, files={"later": b""}), nth=2)
    capsys.readouterr()
    assert publish(*arguments, builder=Changed) == 1
    pulls = published.pulls(R)
    *_, ours, theirs = published.commits(R, pulls[0].ref)[:2] if pulls else published.commits(R)[: 3 if lost else 2]
    over = f"commit {ours.oid} was built over what somebody else had committed meanwhile, {theirs.oid} by another"
    assert f"{over}: Notes: look at" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline(
    hub: Hub, publish: Publish, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable is named, and nothing was sent."""
    monkeypatch.setenv(name, "1")
    for arguments in ([], ["--verify"], ["--dry-run"]):
        assert publish(*arguments) == 2
        assert f"{name} is set" in capsys.readouterr().err
    assert hub.requests == []


@pytest.mark.parametrize("name", ["HF_HOME", "HF_XET_CACHE", "TMPDIR"])
def test_folders(
    hub: Hub,
    publish: Publish,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder that cannot be written is named before anything is sent."""
    folder = tmp_path / "file" / "below"
    folder.parent.touch()
    monkeypatch.setenv(name, str(folder))
    if name == "HF_HOME":
        monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(folder))
    assert publish() == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert f"{folder} cannot be written" in sentence
    assert name in sentence
    assert hub.requests == []


class _Recorder(BaseHTTPRequestHandler):
    """Answers with what its server is told, and keeps the headers that came."""

    server: _Server

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append(dict(self.headers))
        self.send_response(200)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    do_PUT = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    """A server of whoever."""

    def __init__(self, port: int, headers: dict[str, str], handler: type[_Recorder] = _Recorder) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.seen: list[dict[str, str]] = []
        self.sent = 0
        self.headers = headers
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def test_token_goes_to_the_hub_only() -> None:
    """Whatever links lead elsewhere; and hf_xet, which would show it there, gets no address of another host."""
    transport.install()
    stop_hub()
    with _Server(0, {}) as other:
        elsewhere = f"http://127.0.0.1:{other.server_port}"
        links = {"Link": f'<{elsewhere}/next>; rel="next", <{elsewhere}/token>; rel="xet-auth"'}
        with _Server(PORT, links | {"X-Xet-Refresh-Route": f"{elsewhere}/token"}) as hub, transport.Operation():
            headers = build_hf_headers(token=WRITE_TOKEN)
            answer = get_session().get(f"{URL}/file", headers=headers)
            assert not {"link", "x-xet-refresh-route"} & {name.lower() for name in answer.headers}
            hub.headers = {"Link": links["Link"].partition(",")[0]}
            assert list(paginate(f"{URL}/list", {}, headers)) == []
            get_session().get(f"{elsewhere}/action", headers=headers)
        assert [WRITE_TOKEN in str(seen) for seen in hub.seen] == [True, True]
        assert len(other.seen) == 2
        assert WRITE_TOKEN not in str(other.seen)


def test_uploads_take_no_token_along(hub: Hub, publish: Publish, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses to upload to, and to verify, that lead to another host: it gets files, and no token of the Hub."""
    with _Server(0, {}) as other:
        elsewhere = f"http://127.0.0.1:{other.server_port}".encode()

        def lead_away(body: bytes) -> bytes:
            return body.replace(hub.storage_url.encode(), elsewhere).replace(hub.url.encode(), elsewhere)

        hub.fail(path="/objects/batch|/xet-write-token/", fault=Fault.garble(lead_away), times=99)
        assert publish() == 3
        printed = capsys.readouterr()
        assert len(other.seen) > 1
        assert WRITE_TOKEN not in f"{other.seen} {printed}"


@pytest.mark.slow
def test_requests_are_few(hub: Hub) -> None:
    """Of a first publish of three configs with pictures: the Hub counts them."""
    assert main(Mnist1D, CARD, "tester/mnist1d", []) == 0
    assert len(hub.requests) <= 45


class _Leading(_Recorder):
    """Closes the connection at the first request, leads on in an answer without end, and answers late there."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        turn = len(self.server.seen)
        if turn == 2:
            time.sleep(transport.REFUSAL + 1)
            super().do_GET()
            return
        self.server.seen.append(dict(self.headers))
        if turn == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(302)
        self.send_header("Location", "/there")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
                self.server.sent += 100_000


def test_redirect_without_end() -> None:
    """Little of it is read, a closed connection is no outage, and what is there may take its time."""
    stop_hub()
    with _Server(PORT, {}, _Leading) as server:
        assert patience.with_retries("asking", lambda: get_session().get(f"{URL}/here").json()) == []
    assert len(server.seen) == 3
    assert server.sent < transport.ANSWER_BYTES
