"""Limits of time, retries, and the meaning of failures. The clients repeat most requests; this repeats other calls.

- `huggingface_hub` sends most requests up to six times within 23 s. It waits for an answer without a limit,
  and gets one here, so that a server that falls silent is left within two minutes.
- `hf_xet` sends a request twice.
- `with_retries` repeats calls that fail sooner, for `RETRY_FOR_S`.
- A server that names a time to wait (status 429, or Retry-After) gets that time, once.
"""

from __future__ import annotations

import errno
import importlib
import logging
import math
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import responses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar
from unittest.mock import patch

import tenacity
from huggingface_hub import constants, get_session, get_token
from huggingface_hub.errors import OfflineModeIsEnabled
from huggingface_hub.utils import hf_raise_for_status

from publisher.errors import HubError, PublishingError, UsageError, clean, endpoint, one_line

T = TypeVar("T")

CONNECT_S, READ_S = 10.0, 14.0  # without a connection, and without a byte
COMMIT_S = 60.0  # without a byte while the Hub commits
RETRY_FOR_S = 60.0  # from the beginning of an outage
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 8.0  # between attempts, doubled each time
TRANSFER_S = 110.0  # an attempt that lasts longer has moved data: the outage began at its end
NAMED_WAIT_S = 300.0  # longest wait that a server may ask for: the Hub's windows for requests are as long
SILENT_S, LOG_EVERY_S = 5.0, 10.0  # before the first line about waiting, and between two lines
XET_READ, XET_READ_S = "HF_XET_CLIENT_READ_TIMEOUT", 25  # without an answer of the storage, and the time for sending:
XET_XORB_BYTES, SLOWEST = 64_000_000, 250_000  # bytes that hf_xet sends at once at most, and bytes a second
XET = {  # of hf_xet, which reads them when its session begins
    "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "1",  # after the first: 5, up to 6 minutes
    "HF_XET_CLIENT_RETRY_BASE_DELAY": "1s",  # 3 s
    "HF_XET_CLIENT_CONNECT_TIMEOUT": "10s",  # 60 s
    "HF_XET_CHUNK_CACHE_SIZE_BYTES": "0",  # files that are checked have to come from the Hub
    "HF_XET_LOG_DEST": os.devnull,  # else it logs to standard output if it may not write below HF_HOME
}
OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")  # the libraries also obey the older names
COMMITS = re.compile(r"/(commit/.+|merge)$")  # paths of requests
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
NO_TOKEN = "No Hugging Face token found. Set HF_TOKEN or run `hf auth login`."
RATE_LIMIT = re.compile(r"\b([rt])\s*=\s*(\d{1,9})\b")  # requests left, and seconds, as the Hub sends them
# hf_xet raises built-in types: the status, a failed connection, or an answer of another form is in its texts
XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
XET_FAILED = re.compile("Task error|Data processing error|HTTP status|error sending request")
XET_GARBLED = re.compile("Format error|decoding response body|get_file_term_data|Corrupted|failed to fill whole")

sleep = time.sleep
log = logging.getLogger("publisher.waiting")
_client_log = logging.getLogger("huggingface_hub.utils._http")  # the client's own lines about its retries
_under_way: list[SimpleNamespace] = []  # calls that have not ended, with the reason why they last
_cache_lock = threading.Lock()


def with_retries(doing: str, request: Callable[..., T], *arguments: Any, size: int = 0, **named: Any) -> T:
    """Result of a call that sends requests, repeated while its failure is transient and the outage short.

    `doing` is for people who wait, such as "uploading data.parquet"; `size` are the bytes that hf_xet moves. Raises
    whatever the request raises.
    """
    prepare_clients(size)
    patience = Patience()
    with said_while(doing) as wait:
        try:
            return tenacity.Retrying(
                before=lambda _: patience.begin(),
                retry=tenacity.retry_if_exception(patience.goes_on),
                sleep=lambda _: patience.pause(wait),
                reraise=True,
            )(request, *arguments, **named)
        finally:
            Patience.outage = math.inf  # it is over, or is reported


class Patience:
    """Decision to repeat a call, and the pause before that."""

    outage: ClassVar[float] = math.inf  # when it began: a commit that failed and the look for it share one
    attempt = first = math.inf
    failures, has_waited = 0, False

    def begin(self) -> None:
        self.attempt = time.monotonic()

    def goes_on(self, error: BaseException) -> bool:
        """Return True if a call that failed is repeated after a pause."""
        now, failure = time.monotonic(), Failure(error)
        self.why = f"status {failure.status}" if failure.status else "no answer"
        self.seconds = min(FIRST_WAIT_S * 2**self.failures, LONGEST_WAIT_S)
        self.failures += 1
        if failure.wait is not None:
            self.seconds, first = failure.wait and failure.wait + 1, not self.has_waited
            self.has_waited = True
            return first and failure.wait <= NAMED_WAIT_S
        if not failure.is_transient:
            return False
        began = now if now - self.attempt > TRANSFER_S else min(self.attempt, self.first, Patience.outage)
        self.first = Patience.outage = began
        return now - began < RETRY_FOR_S

    def pause(self, wait: SimpleNamespace) -> None:
        """Wait for the next attempt, and let `wait` say why."""
        wait.reason = f" ({self.why}, trying again in {math.ceil(self.seconds)} s)"
        sleep(self.seconds)


@contextmanager
def said_while(doing: str) -> Iterator[SimpleNamespace]:
    """Log a line every `LOG_EVERY_S` while something lasts, with the `reason` that what is yielded has by then."""
    this = SimpleNamespace(reason="")

    def say(seconds: float) -> None:
        log.warning("%s: waiting for %.0f s%s", doing, seconds, this.reason)

    _under_way.append(this)
    try:
        with repeated(SILENT_S, LOG_EVERY_S, say):
            yield this
    finally:
        _under_way.remove(this)


@contextmanager
def repeated(first: float, further: float, act: Callable[[float], object]) -> Iterator[None]:
    """Act after so many seconds, and then again and again, while something lasts; `act` gets the seconds so far."""
    begun, done = time.monotonic(), threading.Event()

    def watch() -> None:
        wait = first
        while not done.wait(wait):
            act(time.monotonic() - begun)
            wait = further

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def find_token() -> str | None:
    """Token of the user, if there is one."""
    try:
        token = with_retries("getting a token", get_token)
    except Exception as error:  # HF_OIDC_RESOURCE is set: the client asks the Hub for one
        failure = Failure(error)
        kind = HubError if failure.is_of_the_hub else UsageError
        raise kind(f"Keyless publishing failed. {(failure.said or one_line(error)).rstrip('.')}.") from error
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError("The token has characters that no token has. Copy it again into HF_TOKEN.")
    return token


def prepare_clients(size: int = 0) -> None:
    """Give the clients limits of time, before each request; `size` is for hf_xet, whose limit includes the sending."""
    for name, value in XET.items():
        os.environ.setdefault(name, value)
    found = os.environ.get(XET_READ, "0sec")  # users write `s`, or nothing
    seconds = XET_READ_S + min(size, XET_XORB_BYTES) // SLOWEST
    if found.endswith("sec") and found[:-3].isdecimal() and int(found[:-3]) < seconds:
        os.environ[XET_READ] = f"{seconds}sec"
        end_xet_session()  # the next one reads it
    _client_log.addFilter(_show_as_reason)  # once, however often it is added
    _client_log.setLevel(logging.WARNING)
    try:
        client = get_session()
    except Exception as error:
        raise UsageError(
            "The settings for a proxy or certificates (http_proxy, https_proxy, all_proxy, SSL_CERT_FILE, "
            f"SSL_CERT_DIR) cannot be used: {one_line(error).rstrip('.')}. Correct or unset them."
        ) from None
    if _limit not in client.event_hooks["request"]:  # a new one
        client.event_hooks["request"].append(_limit)
        client.event_hooks["response"].append(_refuse_named_wait)
        if client.timeout.read is None:
            client.timeout = (CONNECT_S, READ_S, READ_S, CONNECT_S)


def _show_as_reason(record: logging.LogRecord) -> bool:
    """Keep the client's lines about its retries from standard error while `said_while` has its own."""
    if not _under_way:
        return record.levelno >= logging.getLogger("huggingface_hub").getEffectiveLevel()
    _under_way[-1].reason = f" ({clean(record.getMessage())})"
    prepare_clients()  # the client makes a new session after a connection that was refused
    return False


def _limit(request: Any) -> None:
    """Give a request the limits of its session, as some calls of the client ask for none, and a commit more time."""
    commits = request.method == "POST" and bool(COMMITS.search(request.url.path))
    if commits or (request.extensions.get("timeout") or {}).get("read") is None:
        limits = get_session().timeout.as_dict() | ({"read": COMMIT_S} if commits else {})
        request.extensions = {**request.extensions, "timeout": limits}


def _refuse_named_wait(response: Any) -> None:
    """Fail at once if the server names a time to wait: the client would wait for any time, five times."""
    if _under_way and response.status_code in TRANSIENT and named_wait(response) is not None:
        response.read()
        hf_raise_for_status(response)


def check_surroundings() -> None:
    """Refuse to begin where the clients could not go on, and name the variable or folder."""
    switched_on = (name for name in OFFLINE if os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE"))
    if name := next(switched_on, "HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else None):
        raise UsageError(f"{name} is set. Unset it, or use --output-dir or --preview.")
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        if getattr(constants, name) < 0:
            raise UsageError(f"{name} is negative. Give seconds, or unset it.")
    prepare_clients()
    folders = {"HF_HOME": constants.HF_HOME, "TMPDIR": tempfile.gettempdir()}
    if not constants.HF_HUB_DISABLE_XET:
        folders["HF_XET_CACHE"] = os.environ.get("HF_XET_CACHE") or str(Path(constants.HF_HOME, "xet"))
    for name, place in folders.items():
        folder = Path(place).expanduser()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(100_000))
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"{folder} cannot be written ({reason}). Make room there, or change {name}.") from None


def end_xet_session() -> None:
    """Let hf_xet begin a new session, with the variables as they are now."""
    with suppress(AttributeError):  # before 1.2
        importlib.import_module("huggingface_hub.utils._xet").abort_xet_session()


@contextmanager
def cache_of_its_own(folder: Path) -> Iterator[None]:
    """Let all downloads, also of other threads, go past the shared cache: `datasets` takes no argument for it."""
    with _cache_lock, patch.object(constants, "HF_HUB_CACHE", str(folder)):
        yield


class Failure:
    """Meaning of an exception from a request, whatever led to it."""

    def __init__(self, error: BaseException) -> None:
        found: list[BaseException] = [error]  # and what led to it, the latest first
        while (cause := found[-1].__cause__ or found[-1].__context__) and cause not in found:
            found.append(cause)
        answers = [response for cause in found if (response := getattr(cause, "response", None)) is not None]
        of_xet = next(filter(None, map(XET_STATUS.search, map(str, found))), None)
        self.status = int(answers[0].status_code) if answers else of_xet and int(of_xet[1])
        self.is_of_storage = of_xet is not None and not answers  # hf_xet passes on no words
        said = (getattr(cause, "server_message", None) for cause in found)
        self.said = clean(next(filter(None, said), "")).rstrip(".")  # the Hub's own words, if it has any
        self.wait = named_wait(answers[0]) if answers and self.status in TRANSIENT else None
        self.network = next(filter(_is_of_network, found), None)
        # a sentence if the failure is this machine's own, such as a full disk
        self.local_trouble = _local_trouble(found[: found.index(self.network)] if self.network else found)
        if self.status is None:
            self.is_transient = self.network is not None and not self.local_trouble
        else:
            self.is_transient = self.status in TRANSIENT or (self.status == 401 and self.is_of_storage)  # expired token
        self.is_of_the_hub = self.status is not None or self.is_transient  # not of the content of a repository
        lost = any(type(cause).__name__ == "XetObjectNotFoundError" for cause in found)
        self.is_lost = lost or self.status in (404, 410, 416)  # the Hub does not have the content of a file
        # the Hub may have said why it refused hf_xet a token, and hf_xet did not pass it on
        refused = self.is_of_storage and (self.status or 0) < 500 and "xet-write-token" in str(error)
        self.hides_words = refused or "decoding response body" in str(error)


def _local_trouble(found: Sequence[BaseException]) -> str:
    for cause in found:
        if isinstance(cause, OfflineModeIsEnabled):
            return f"{one_line(cause).rstrip('.')}."
        if isinstance(cause, OSError) and not hasattr(cause, "response"):
            words = one_line(cause)
            folder = "" if cause.filename else f" below HF_HOME, {constants.HF_HOME}, HF_XET_CACHE or TMPDIR"
            of_xet = "I/O error" in words and not XET_GARBLED.search(str(cause))
            if of_xet or cause.errno not in (errno.ENOENT, None):  # else a file that the Hub should have
                return f"A file{folder} cannot be written or read: {words.rstrip('.')}."
    return ""


def _is_of_network(error: BaseException) -> bool:
    of_system = isinstance(error, (TimeoutError, ConnectionError)) and not isinstance(error, OfflineModeIsEnabled)
    of_httpx = any(kind.__name__ == "TransportError" for kind in type(error).__mro__)  # or of httpx2
    of_xet = isinstance(error, RuntimeError) and XET_FAILED.search(str(error))
    return bool(of_system or of_httpx or of_xet)


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for a failed request."""
    if isinstance(error, PublishingError):
        return error
    failure = Failure(error)
    if failure.local_trouble:
        return UsageError(failure.local_trouble)
    status, wait = failure.status, failure.wait or 0
    where, name = f"{repo_id} on {endpoint()}", failure.said or responses.get(status or 0, "")
    words = f"status {status}{f': {name}' if name else ''}"
    asked = f"{wait:.0f} s" if wait < 120 else f"{wait / 60:.0f} minutes"
    when = f"Try again in {asked}." if wait else "Try again later."
    if status is None and failure.network and not XET_GARBLED.search(str(error)):
        sentence = f"{where} could not be reached: {one_line(failure.network).rstrip('.')}. {when}"
    elif status is None:
        sentence = f"Unexpected response from {where}: {type(error).__name__}, {one_line(error).rstrip('.')}."
    elif status == 429:
        sentence = f"Rate limit reached on {where}{f': {failure.said}' if failure.said else ''}. {when}"
    elif status in TRANSIENT:
        sentence = f"{where} fails with {words}. {when}"
    elif failure.is_of_storage:
        sentence = f"The Xet storage of {where} refused with {words}."
        if status == 400 and "shard" in str(error):  # shards are built on what it remembers
            sentence += f" It may have lost what {constants.HF_XET_CACHE} remembers. Remove that folder."
    elif status == 401 and not os.environ.get("HF_OIDC_RESOURCE") and not get_token():
        sentence = NO_TOKEN
    elif status == 401:
        sentence = f"The Hugging Face token is not valid ({words}). Set HF_TOKEN or run `hf auth login`."
    elif status == 403 and not failure.said:
        sentence = f"The token has no right to do that in {where}. Use one that has."
    else:
        sentence = f"{where} refused with {words}."
    return HubError(sentence)


def named_wait(response: Any) -> float | None:
    """Seconds that a server asks to wait, if it does."""
    limits = [dict(RATE_LIMIT.findall(item)) for item in response.headers.get("ratelimit", "").split(",")]
    spent = [float(limit["t"]) for limit in limits if limit.get("r") == "0" and "t" in limit]
    if response.status_code == 429 and spent:
        return max(spent)
    asked = response.headers.get("Retry-After", "").strip()
    return float(asked) if asked.isdecimal() and len(asked) < 10 else None
