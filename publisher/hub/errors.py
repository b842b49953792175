"""Meaning of a failed request: if the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import errno
import os
import re
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from publisher.errors import HubError, PublishingError, UsageError, causes
from publisher.text import clean, endpoint, one_line

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
WITHOUT_WORDS = {  # of the Hub's own
    403: "The token has no right to do that in {where}. Use one that has.",
    404: "{path} of {where} does not exist, or the token may not see it.",
}
FORGOT = " Its storage may have lost what {cache} remembers. Remove that folder."  # shards are built on it


class Failure:
    """Meaning of an exception from a request, whatever led to it."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.causes = error, list(causes(error))
        found = (getattr(cause, "response", None) for cause in self.causes)
        self.response: Any = next((response for response in found if response is not None), None)
        texts = [str(cause) for cause in self.causes if isinstance(cause, (OSError, RuntimeError))]
        of_xet = next(filter(None, map(XET_STATUS.search, texts)), None)
        self.status = int(self.response.status_code) if self.response is not None else of_xet and int(of_xet[1])
        self.is_of_storage = self.response is None and of_xet is not None  # hf_xet passes on no words
        said = (getattr(cause, "server_message", None) for cause in self.causes)
        self.said = clean(next(filter(None, said), "")).rstrip(".")  # the Hub's own words, if it has any
        # seconds that the server asks to wait, if it does
        self.wait = named_wait(self.response) if self.response is not None and self.status in TRANSIENT else None
        self.network = next(filter(is_network_error, self.causes), None)

    @property
    def is_transient(self) -> bool:
        """True if the same request may succeed later."""
        if self.status is not None:
            return self.status in TRANSIENT or (self.status == 401 and self.is_of_storage)  # its token has expired
        return self.network is not None and not self.local_trouble

    @property
    def is_of_the_hub(self) -> bool:
        """True if it is about the Hub, not about the content of a repository."""
        return self.status is not None or self.is_transient

    @property
    def is_lost(self) -> bool:
        """True if the Hub does not have the content of a file."""
        lost = any(type(cause).__name__ == "XetObjectNotFoundError" for cause in self.causes)
        return lost or self.status in (404, 410, 416)

    @property
    def hides_words(self) -> bool:
        """True if the Hub may have said why it refused hf_xet a token, and hf_xet did not pass it on."""
        refused = self.is_of_storage and (self.status or 0) < 500 and "xet-write-token" in str(self.error)
        return refused or "decoding response body" in str(self.error)

    @property
    def local_trouble(self) -> str:
        """Sentence on this machine if the failure is its own, such as a full disk."""
        for cause in self.causes:
            if cause is self.network:  # its cause may be an OSError: unknown names, certificates
                return ""
            if isinstance(cause, OfflineModeIsEnabled):
                return f"{one_line(cause).rstrip('.')}."
            if isinstance(cause, OSError) and not hasattr(cause, "response"):
                words = one_line(cause)
                folder = "" if cause.filename else f" below HF_HOME, {constants.HF_HOME}, HF_XET_CACHE or TMPDIR"
                of_xet = "I/O error" in words and not any(garbled in words for garbled in XET_GARBLED)
                if of_xet or cause.errno not in (errno.ENOENT, None):  # else a file that the Hub should have
                    return f"A file{folder} cannot be written or read: {words.rstrip('.')}."
        return ""


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for a failed request."""
    if isinstance(error, PublishingError):
        return error
    failure = Failure(error)
    if failure.local_trouble:
        return UsageError(failure.local_trouble)
    status, said, network = failure.status, failure.said, failure.network or error
    if status is None:
        garbled = any(words in str(error) for words in XET_GARBLED)
        sentence = UNREACHABLE if failure.network and not garbled else UNEXPECTED
    elif failure.is_of_storage:
        sentence = SENTENCES[status] if status in TRANSIENT else f"The Xet storage of {REFUSED}"
        sentence += FORGOT if status == 400 and "shard" in str(error) else ""
    elif status == 401 and not os.environ.get("HF_OIDC_RESOURCE") and not get_token():
        sentence = NO_TOKEN
    else:
        sentence = SENTENCES.get(status) or (not said and WITHOUT_WORDS.get(status)) or REFUSED
    words = said or responses.get(status or 0, "")
    return HubError(
        sentence.format(
            where=f"{repo_id} on {endpoint()}",
            said=f": {said}" if said else "",
            words=f"status {status}{f': {words}' if words else ''}",
            when=f"Try again in {_duration(failure.wait)}." if failure.wait else "Try again later.",
            network=one_line(network).rstrip("."),
            error=f"{type(error).__name__}, {one_line(error).rstrip('.')}",
            path=urlsplit(str(failure.response.url)).path if failure.response is not None else "",
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


def is_network_error(error: BaseException) -> bool:
    """Return True for errors of the system, of httpx, or of hf_xet."""
    if isinstance(error, (TimeoutError, ConnectionError)):
        return not isinstance(error, OfflineModeIsEnabled)
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in XET_FAILED)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
