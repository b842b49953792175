"""Meaning of a failed request: if the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from http.client import responses
from typing import Any

from huggingface_hub import constants, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from publisher.errors import HubError, PublishingError, UsageError, causes, clean, endpoint, one_line

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
NO_TOKEN = "No Hugging Face token found. Set HF_TOKEN or run `hf auth login`."
RATE_LIMIT = re.compile(r"\b([rt])\s*=\s*(\d{1,9})\b")  # requests left, and seconds, as the Hub sends them
# hf_xet raises built-in types: the status, a failed connection, or an answer of another form is in its texts
XET_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")
XET_FAILED = ("Task error", "Data processing error", "HTTP status", "error sending request")
XET_GARBLED = ("Format error", "decoding response body", "get_file_term_data", "Corrupted", "failed to fill whole")

REFUSED = "{where} refused with {words}."
UNREACHABLE = "{where} could not be reached: {network}. {when}"
UNEXPECTED = "Unexpected response from {where}: {error}."
SENTENCES = {  # by status; any other one: REFUSED
    **dict.fromkeys(TRANSIENT, "{where} fails with {words}. {when}"),
    401: "The Hugging Face token is not valid ({words}). Set HF_TOKEN or run `hf auth login`.",
    429: "Rate limit reached on {where}{said}. {when}",
}
NO_RIGHT = "The token has no right to do that in {where}. Use one that has."  # if the Hub has no words of its own
FORGOT = " Its storage may have lost what {cache} remembers. Remove that folder."  # shards are built on it


class Failure:
    """Meaning of an exception from a request, whatever led to it."""

    def __init__(self, error: BaseException) -> None:
        found = list(causes(error))
        answers = [response for cause in found if (response := getattr(cause, "response", None)) is not None]
        texts = [str(cause) for cause in found if isinstance(cause, (OSError, RuntimeError))]
        of_xet = next(filter(None, map(XET_STATUS.search, texts)), None)
        self.status = int(answers[0].status_code) if answers else of_xet and int(of_xet[1])
        self.is_of_storage = of_xet is not None and not answers  # hf_xet passes on no words
        said = (getattr(cause, "server_message", None) for cause in found)
        self.said = clean(next(filter(None, said), "")).rstrip(".")  # the Hub's own words, if it has any
        # seconds that the server asks to wait, if it does
        self.wait = named_wait(answers[0]) if answers and self.status in TRANSIENT else None
        self.network = next(filter(_is_of_network, found), None)
        # a sentence if the failure is this machine's own, such as a full disk
        self.local_trouble = _local_trouble(found[: found.index(self.network)] if self.network else found)
        if self.status is None:
            self.is_transient = self.network is not None and not self.local_trouble
        else:
            self.is_transient = self.status in TRANSIENT or (self.status == 401 and self.is_of_storage)  # expired token
        self.is_of_the_hub = self.status is not None or self.is_transient  # not of the content of a repository
        # the Hub does not have the content of a file
        lost = any(type(cause).__name__ == "XetObjectNotFoundError" for cause in found)
        self.is_lost = lost or self.status in (404, 410, 416)
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
            of_xet = "I/O error" in words and not _is_garbled(cause)
            if of_xet or cause.errno not in (errno.ENOENT, None):  # else a file that the Hub should have
                return f"A file{folder} cannot be written or read: {words.rstrip('.')}."
    return ""


def _is_of_network(error: BaseException) -> bool:
    if isinstance(error, (TimeoutError, ConnectionError)):
        return not isinstance(error, OfflineModeIsEnabled)
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):  # of httpx
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in XET_FAILED)


def _is_garbled(error: BaseException) -> bool:
    return any(words in str(error) for words in XET_GARBLED)


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for a failed request."""
    if isinstance(error, PublishingError):
        return error
    failure = Failure(error)
    if failure.local_trouble:
        return UsageError(failure.local_trouble)
    status, said, wait = failure.status, failure.said, failure.wait or 0
    if status is None:
        sentence = UNREACHABLE if failure.network and not _is_garbled(error) else UNEXPECTED
    elif failure.is_of_storage:
        sentence = SENTENCES[status] if status in TRANSIENT else f"The Xet storage of {REFUSED}"
        sentence += FORGOT if status == 400 and "shard" in str(error) else ""
    elif status == 401 and not os.environ.get("HF_OIDC_RESOURCE") and not get_token():
        sentence = NO_TOKEN
    else:
        sentence = NO_RIGHT if status == 403 and not said else SENTENCES.get(status, REFUSED)
    words = said or responses.get(status or 0, "")
    asked = f"{wait:.0f} s" if wait < 120 else f"{wait / 60:.0f} minutes"
    return HubError(
        sentence.format(
            where=f"{repo_id} on {endpoint()}",
            said=f": {said}" if said else "",
            words=f"status {status}{f': {words}' if words else ''}",
            when=f"Try again in {asked}." if wait else "Try again later.",
            network=one_line(failure.network or error).rstrip("."),
            error=f"{type(error).__name__}, {one_line(error).rstrip('.')}",
            cache=constants.HF_XET_CACHE,
        )
    )


def named_wait(response: Any) -> float | None:
    """Seconds that a server asks to wait, if it does."""
    limits = [dict(RATE_LIMIT.findall(item)) for item in response.headers.get("ratelimit", "").split(",")]
    spent = [float(limit["t"]) for limit in limits if limit.get("r") == "0" and "t" in limit]
    if response.status_code == 429 and spent:
        return max(spent)
    asked = response.headers.get("Retry-After", "").strip()
    return float(asked) if asked.isdecimal() and len(asked) < 10 else None
