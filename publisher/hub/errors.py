"""Meaning of a failed request: if the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token
from huggingface_hub.errors import OfflineModeIsEnabled

from publisher.errors import HubError, PublishingError, UsageError
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


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for a failed request."""
    if isinstance(error, PublishingError):
        return error
    if trouble := local_trouble(error):
        return trouble
    status, said, wait = status_of(error), said_by_hub(error), wait_of(error)
    if status is None:
        garbled = any(words in str(error) for words in XET_GARBLED)
        sentence = UNREACHABLE if is_transient(error) and not garbled else UNEXPECTED
    elif is_of_storage(error):
        sentence = SENTENCES[status] if status in TRANSIENT else f"The Xet storage of {REFUSED}"
        sentence += FORGOT if status == 400 and "shard" in str(error) else ""
    elif status == 401 and not os.environ.get("HF_OIDC_RESOURCE") and not get_token():
        sentence = NO_TOKEN
    else:
        sentence = SENTENCES.get(status) or (not said and WITHOUT_WORDS.get(status)) or REFUSED
    words = said or responses.get(status or 0, "")
    network = next(filter(is_network_error, _causes(error)), error)
    return HubError(
        sentence.format(
            where=f"{repo_id} on {endpoint()}",
            said=f": {said}" if said else "",
            words=f"status {status}{f': {words}' if words else ''}",
            when=f"Try again in {_duration(wait)}." if wait else "Try again later.",
            network=one_line(network).rstrip("."),
            error=f"{type(error).__name__}, {one_line(error).rstrip('.')}",
            path=next((urlsplit(str(response.url)).path for response in _responses(error)), ""),
            cache=constants.HF_XET_CACHE,
        )
    )


def status_of(error: BaseException | None) -> int | None:
    """HTTP status that an error goes back to, if any."""
    for response in _responses(error):
        return int(response.status_code)
    for cause in _causes(error):
        if isinstance(cause, (OSError, RuntimeError)) and (found := XET_STATUS.search(str(cause))):
            return int(found[1])
    return None


def is_transient(error: BaseException | None) -> bool:
    """Return True if the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT or (status == 401 and is_of_storage(error))  # its token has expired
    return local_trouble(error) is None and any(map(is_network_error, _causes(error)))


def is_of_the_hub(error: BaseException) -> bool:
    """Return True if an error is about the Hub, not about the content of a repository."""
    return status_of(error) is not None or is_transient(error)


def is_lost(error: BaseException) -> bool:
    """Return True if the Hub does not have the content of a file."""
    lost = any(type(cause).__name__ == "XetObjectNotFoundError" for cause in _causes(error))
    return lost or status_of(error) in (404, 410, 416)


def is_of_storage(error: BaseException | None) -> bool:
    """Return True if the storage refused, of which hf_xet passes on the status, but not the words."""
    return next(_responses(error), None) is None and status_of(error) is not None


def hides_words(error: BaseException) -> bool:
    """Return True if the Hub may have said why it refused hf_xet a token, and hf_xet did not pass it on."""
    refused = is_of_storage(error) and (status_of(error) or 0) < 500 and "xet-write-token" in str(error)
    return refused or "decoding response body" in str(error)


def named_wait(response: Any) -> float | None:
    """Seconds that a server asks to wait, if it does."""
    limits = [dict(RATE_LIMIT.findall(item)) for item in response.headers.get("ratelimit", "").split(",")]
    spent = [float(limit["t"]) for limit in limits if limit.get("r") == "0" and "t" in limit]
    if response.status_code == 429 and spent:
        return max(spent)
    asked = response.headers.get("Retry-After", "").strip()
    return float(asked) if asked.isdecimal() and len(asked) < 10 else None


def wait_of(error: BaseException | None) -> float | None:
    """Seconds that the server asks to wait in a failure, if it does."""
    return next((named_wait(response) for response in _responses(error) if response.status_code in TRANSIENT), None)


def said_by_hub(error: BaseException | None) -> str:
    """The Hub's own words, if it has any."""
    found = (getattr(cause, "server_message", None) for cause in _causes(error))
    return clean(next(filter(None, found), "")).rstrip(".")


def local_trouble(error: BaseException | None) -> UsageError | None:
    """Failure of this machine, if it was one, such as a full disk."""
    for cause in _causes(error):
        if is_network_error(cause):  # its cause may be an OSError: unknown names, certificates
            return None
        if isinstance(cause, OfflineModeIsEnabled):
            return UsageError(f"{one_line(cause).rstrip('.')}.")
        if isinstance(cause, OSError) and not hasattr(cause, "response"):
            words = one_line(cause)
            folder = "" if cause.filename else f" below HF_HOME, {constants.HF_HOME}, HF_XET_CACHE or TMPDIR"
            of_xet = "I/O error" in words and not any(garbled in words for garbled in XET_GARBLED)
            if of_xet or cause.errno not in (errno.ENOENT, None):  # else a file that the Hub should have
                return UsageError(f"A file{folder} cannot be written or read: {words.rstrip('.')}.")
    return None


def is_network_error(error: BaseException) -> bool:
    """Return True for errors of the system, of httpx, or of hf_xet."""
    if isinstance(error, (TimeoutError, ConnectionError)):
        return not isinstance(error, OfflineModeIsEnabled)
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in XET_FAILED)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 10_000 else f"{seconds / 3600:.0f} hours"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _responses(error: BaseException | None) -> Iterator[Any]:
    found = (getattr(cause, "response", None) for cause in _causes(error))
    return (response for response in found if response is not None)
