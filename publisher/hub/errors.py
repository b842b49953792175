"""Meaning of a failed request: if the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants
from huggingface_hub.errors import LocalTokenNotFoundError, OfflineModeIsEnabled

from publisher.errors import HubError, PublishingError, UsageError
from publisher.text import clean, endpoint, one_line

TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
STORAGE_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")  # in the texts of hf_xet
STORAGE_WORDS = ("Task error", "Data processing error", "HTTP status", "error sending request")
GARBLED = ("Format error", "decoding response body", "get_file_term_data", "Corrupted")  # an answer, by hf_xet
SHORT = "failed to fill whole buffer"  # of hf_xet, if an answer is shorter than it should be
RATE_LIMIT = re.compile(r"\b([rt])\s*=\s*(\d{1,9})\b")  # requests left, and seconds, as the Hub sends them
NO_TOKEN = "No Hugging Face token found. Set HF_TOKEN or run `hf auth login`."


@dataclass(frozen=True)
class Failure:
    """A failed request, as `SENTENCES` need it."""

    error: BaseException
    status: int | None
    said: str  # the Hub's own words
    where: str

    @property
    def is_of_storage(self) -> bool:
        """True if the storage refused: hf_xet passes on the status, but not the words."""
        return is_of_storage(self.error)

    @property
    def words(self) -> str:
        """Status and the Hub's own words."""
        words = self.said or responses.get(self.status or 0, "")
        return f"status {self.status}{f': {words}' if words else ''}"

    @property
    def when(self) -> str:
        """Sentence with the time to wait."""
        wait = wait_of(self.error)
        return f"Try again in {_duration(wait)}." if wait else "Try again later."


def _unauthorized(failure: Failure) -> str:
    if not has_token():
        return NO_TOKEN
    return f"The Hugging Face token is not valid ({failure.words}). Set HF_TOKEN or run `hf auth login`."


def _forbidden(failure: Failure) -> str:
    if failure.said or failure.is_of_storage:
        return _refused(failure)
    return f"The token has no right to do that in {failure.where}. Use one that has."


def _not_found(failure: Failure) -> str:
    if failure.said or failure.is_of_storage:
        return _refused(failure)
    path = next((f"{urlsplit(str(response.url)).path} of " for response in _responses(failure.error)), "")
    return f"{path}{failure.where} does not exist, or the token may not see it."


def _refused(failure: Failure) -> str:
    hint = ""
    if failure.status == 400 and failure.is_of_storage and "shard" in str(failure.error):
        hint = f". If its storage has lost what {constants.HF_XET_CACHE} remembers, remove that folder and try again"
    return f"{failure.where} refused with {failure.words}{hint}"


def _rate_limit(failure: Failure) -> str:
    return f"Rate limit reached on {failure.where}{f': {failure.said}' if failure.said else ''}. {failure.when}"


def _unavailable(failure: Failure) -> str:
    return f"{failure.where} fails with {failure.words}. {failure.when}"


def _unreachable(failure: Failure) -> str:
    return f"{failure.where} could not be reached: {one_line(_cause(failure.error, is_network_error))}. {failure.when}"


def _unexpected(failure: Failure) -> str:
    error = failure.error
    words = f"not JSON, but {clean(error.doc, 100)!r}" if isinstance(error, json.JSONDecodeError) else one_line(error)
    return f"Unexpected response from {failure.where}: {type(error).__name__}, {words}"


Sentence = Callable[[Failure], str]
BY_STATUS: dict[int, Sentence] = {
    **dict.fromkeys(TRANSIENT, _unavailable),
    401: _unauthorized,
    403: _forbidden,
    404: _not_found,
    429: _rate_limit,
}
BY_CLASS: dict[str, tuple[type[PublishingError], Sentence]] = {  # by name: the oldest client has not all of them
    "OIDCError": (UsageError, lambda failure: f"Keyless publishing failed. {one_line(failure.error)}"),
    OfflineModeIsEnabled.__name__: (UsageError, lambda failure: one_line(failure.error)),
    LocalTokenNotFoundError.__name__: (HubError, lambda failure: NO_TOKEN),
}


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for a failed request."""
    if isinstance(error, PublishingError):
        return error
    status = status_of(error)
    where = f"{'the Xet storage of ' if is_of_storage(error) else ''}{repo_id} on {endpoint()}"
    failure = Failure(error, status, said_by_hub(error), where)
    for cause in _causes(error):
        for name in (kind.__name__ for kind in type(cause).__mro__):
            if name in BY_CLASS:
                kind, sentence = BY_CLASS[name]
                return kind(sentence(Failure(cause, status, failure.said, where)))
    if trouble := local_trouble(error):
        return trouble
    if status is not None:
        return HubError(_refused(failure) if is_expired(error) else BY_STATUS.get(status, _refused)(failure))
    garbled = any(words in str(error) for words in GARBLED)
    return HubError((_unreachable if is_transient(error) and not garbled else _unexpected)(failure))


def token() -> str | None:
    """Token of the user.

    Raises
    ------
    UsageError
        If it cannot be a token, or if keyless publishing was asked for and fails.
    """
    from huggingface_hub import get_token

    try:
        found = get_token()
    except Exception as error:  # the client asks the Hub for one, if HF_OIDC_RESOURCE is set
        raise explain(error, "A token for HF_OIDC_RESOURCE") from error
    if found and not (found.isascii() and found.isprintable() and " " not in found):
        raise UsageError("The token has characters that no token has. Copy it again into HF_TOKEN")
    return found


def has_token() -> bool:
    """Return True if there is a token, valid or not."""
    try:
        return bool(token())
    except PublishingError:
        return True


def status_of(error: BaseException | None) -> int | None:
    """HTTP status that an error goes back to, if any."""
    for response in _responses(error):
        return int(response.status_code)
    for cause in _causes(error):
        if isinstance(cause, (OSError, RuntimeError)) and (found := STORAGE_STATUS.search(str(cause))):
            return int(found[1])
    return None


def is_transient(error: BaseException | None) -> bool:
    """Return True if the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT or is_expired(error)
    return local_trouble(error) is None and any(is_network_error(cause) for cause in _causes(error))


def is_of_the_hub(error: BaseException) -> bool:
    """Return True if an error is about the Hub, rather than about the content of a repository."""
    return status_of(error) is not None or is_transient(error)


def is_lost(error: BaseException) -> bool:
    """Return True if the Hub does not have the content of a file."""
    return status_of(error) in (404, 410, 416) or any(
        type(cause).__name__ == "XetObjectNotFoundError" for cause in _causes(error)
    )


def is_of_storage(error: BaseException | None) -> bool:
    """Return True if the storage refused, of which hf_xet says no more than a status."""
    return next(_responses(error), None) is None and status_of(error) is not None


def is_expired(error: BaseException | None) -> bool:
    """Return True if a token of the storage may have expired: with a new one the request may succeed."""
    return is_of_storage(error) and status_of(error) == 401


def hides_words(error: BaseException) -> bool:
    """Return True if the Hub may have said why, and hf_xet did not pass it on."""
    status = status_of(error)
    refused = status is not None and (status < 500 or status not in TRANSIENT)
    return (is_of_storage(error) and refused) or any("decoding response body" in str(cause) for cause in _causes(error))


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


def summary(error: BaseException | None) -> str:
    """A few words on a failure."""
    status = status_of(error)
    return f"status {status}" if status else "no answer"


def local_trouble(error: BaseException | None) -> UsageError | None:
    """Failure of this machine, if it was one, such as a full disk."""
    for cause in _causes(error):
        if is_network_error(cause):  # what lies behind it is an OSError, too: unknown names, certificates
            return None
        if isinstance(cause, OSError) and not hasattr(cause, "response"):
            words = one_line(cause)
            folder = "" if cause.filename else f" below HF_HOME, {constants.HF_HOME}, HF_XET_CACHE or TMPDIR"
            if cause.errno in (errno.ENOENT, None) and ("I/O error" not in words or SHORT in words):
                continue  # a file that the Hub should have, or an answer of the storage
            return UsageError(f"A file{folder} cannot be written or read: {words}")
    return None


def is_network_error(error: BaseException) -> bool:
    """Return True for errors of the system, of httpx, or of hf_xet, which has no type of its own."""
    if isinstance(error, (TimeoutError, ConnectionError)):
        return not isinstance(error, OfflineModeIsEnabled)
    if any(kind.__name__ == "TransportError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in STORAGE_WORDS)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 10_000 else f"{seconds / 3600:.0f} hours"


def _cause(error: BaseException, is_wanted: Callable[[BaseException], bool]) -> BaseException:
    return next(filter(is_wanted, _causes(error)), error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _responses(error: BaseException | None) -> Iterator[Any]:
    found = (getattr(cause, "response", None) for cause in _causes(error))
    return (response for response in found if response is not None)
