"""What a failed request means: whether the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import contextlib
import errno
import html
import json
import re
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import constants, get_token

from publisher.errors import HubError, PublishingError, UsageError
from publisher.hub.cleaning import LONGEST_SENTENCE, clean, one_line
from publisher.hub.endpoint import endpoint
from publisher.hub.transport import TRANSIENT, OddAnswerError, UnavailableError, UnreachableError

STORAGE_STATUS = re.compile(r"HTTP status (?:client|server) error \((\d{3})")  # how hf_xet words it
SAID_IN = ("error", "message", "errors", "detail", "msg")
PAGE = re.compile(r"(?i)<(?:title|message)>([^<]+)<")  # HTML, and the XML of S3
SHORT = "failed to fill whole buffer"  # of hf_xet, if an answer is shorter than it should be
STORAGE_WORDS = ("Task error", "Data processing error", "HTTP status", "error sending request")
GARBLED = ("Format error", "decoding response body", "get_file_term_data", "Corrupted")  # of hf_xet: an answer
RATE_LIMIT = re.compile(r"\b([rt])\s*=\s*(\d{1,9})\b")  # left, and seconds: the IETF's draft, as the Hub sends it


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status that an error goes back to, if any."""
    for response in _responses(error):
        return int(response.status_code)
    for cause in _causes(error):
        if isinstance(cause, (OSError, RuntimeError)) and (found := STORAGE_STATUS.search(str(cause))):
            return int(found[1])
    return None


def is_transient(error: BaseException | None) -> bool:
    """Whether the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT
    return any(_is_network_error(cause) for cause in _causes(error))


def is_of_the_hub(error: BaseException) -> bool:
    """Whether an error says something of the Hub, rather than of what it holds."""
    return status_of(error) is not None or is_transient(error)


def is_lost(error: BaseException) -> bool:
    """Whether the Hub says that it has not the content of a file."""
    return status_of(error) in (404, 410, 416) or any(
        type(cause).__name__ == "XetObjectNotFoundError" for cause in _causes(error)
    )


def is_of_storage(error: BaseException | None) -> bool:
    """Whether the storage refused, of which hf_xet says no more than a status."""
    return next(_responses(error), None) is None and status_of(error) is not None


def hides_words(error: BaseException) -> bool:
    """Whether the Hub may have said more than hf_xet passes on, of a refusal or a page in place of a token."""
    return is_of_storage(error) or any("decoding response body" in str(cause) for cause in _causes(error))


def is_expired(error: BaseException | None) -> bool:
    """Whether a token of the storage may have expired: with a new one it may succeed."""
    return is_of_storage(error) and status_of(error) == 401


def asked_wait(error: BaseException | None) -> float | None:
    """The seconds that the Hub asks to wait, if it does."""
    for response in _responses(error):
        if response.status_code not in (429, 503):
            return None
        limits = [dict(RATE_LIMIT.findall(item)) for item in response.headers.get("ratelimit", "").split(",")]
        spent = [float(limit["t"]) for limit in limits if limit.get("r") == "0" and "t" in limit]
        if response.status_code == 429 and spent:
            return max(spent)
        asked = response.headers.get("Retry-After", "").strip()
        if asked.isdecimal():
            return float(asked) if len(asked) < 10 else None
        with contextlib.suppress(ValueError, TypeError, OverflowError):  # RFC 9110: seconds, or a date
            return max(parsedate_to_datetime(asked).timestamp() - time.time(), 0.0)
        return None
    return None


def said_by_hub(error: BaseException | None) -> str:
    """The Hub's own sentence, if it has one, or that of its storage, or of a proxy before it."""
    for response in _responses(error):
        if header := response.headers.get("X-Error-Message"):
            return clean(header)
        try:
            return clean(_sentences(response.json()))
        except ValueError:  # no JSON
            is_text = response.headers.get("Content-Type", "").startswith("text/plain")
            found = PAGE.search(response.text)
            return clean(response.text if is_text else html.unescape(found[1]) if found else "")
        except Exception:  # not read
            return ""
    return ""


def _sentences(said: Any) -> str:
    """What is said in an answer, in whichever of the usual shapes."""
    if isinstance(said, dict):
        said = [said[name] for name in SAID_IN if name in said]
    if isinstance(said, list):
        said = "; ".join(dict.fromkeys(filter(None, map(_sentences, said[:5]))))
    return said if isinstance(said, str) else ""


def summary(error: BaseException) -> str:
    """A few words on a failure."""
    status = status_of(error)
    return f"status {status}" if status else "no answer"


def explain(error: BaseException, repo_id: str) -> PublishingError:
    """One sentence for what the Hub refused, or why it could not be reached."""
    if isinstance(error, PublishingError):
        return error
    if trouble := local_trouble(error):
        return trouble
    status, said = status_of(error), said_by_hub(error)
    where = f"{repo_id} on {endpoint()}"
    if is_of_storage(error):  # whose own words hf_xet drops
        where, said = f"the Xet storage of {where}", "" if status in TRANSIENT else responses.get(status or 0, "")
    if status is None:
        words = _odd(error)
        if is_transient(error) and not any(garbled in words for garbled in GARBLED):
            return HubError(f"{where} could not be reached: {clean(_first_words(error))}: try again later")
        return HubError(f"{where} does not answer as the Hub does: {words}")
    if status == 401 and not is_of_storage(error):
        reason = "the token is not valid" if get_token() else "there is no token"
        words = f"{reason} (status 401: {said})" if said else reason
        return HubError(f"{words}: set HF_TOKEN, or log in with `hf auth login`, with a token that may write")
    if status == 403 and not said:
        return HubError(f"the token has no right to do that in {where}: use one that has")
    if status == 404 and not said:
        what = next((f"{urlsplit(str(response.url)).path} of " for response in _responses(error)), "")
        return HubError(f"{what}{where} is not there, or the token may not see it: use one with the right to read it")
    if status == 429:
        wait = asked_wait(error)
        when = f"in {_duration(wait)}, at {_clock(wait)}" if wait else "later"
        words = f": {said.rstrip('.')}" if said else ""
        return HubError(f"{where} takes no more requests for now{words}: try again {when}")
    if status in TRANSIENT:
        wait = asked_wait(error)
        when = f"in {_duration(wait)}" if wait else "later"
        return HubError(f"{where} fails with status {status}{f': {said}' if said else ''}: try again {when}")
    if status == 400 and is_of_storage(error) and any("shard" in str(cause) for cause in _causes(error)):
        said = (
            f"perhaps its storage has lost what {constants.HF_XET_CACHE} remembers: remove that folder, and try again"
        )
    words = said or responses.get(status, "")
    return HubError(f"{where} refused with status {status}{f': {words}' if words else ''}")


def local_trouble(error: BaseException) -> UsageError | None:
    """What went wrong on this machine, if it was here."""
    for cause in _causes(error):
        if _is_network_error(cause):  # what lies behind it is an OSError, too: names that are not found, certificates
            return None
        if isinstance(cause, OSError) and not hasattr(cause, "response"):
            words = one_line(cause)
            folder = "" if cause.filename else f" below HF_HOME, {constants.HF_HOME}, HF_XET_CACHE or TMPDIR"
            if cause.errno in (errno.ENOENT, None) and ("I/O error" not in words or SHORT in words):
                continue  # a file that the Hub should have, or an answer of the storage
            return UsageError(f"a file{folder} cannot be written or read: {words}")
    return None


def _odd(error: BaseException) -> str:
    """What is odd in an answer."""
    if isinstance(error, json.JSONDecodeError):
        begins = error.doc[: 10 * LONGEST_SENTENCE]
        page = PAGE.search(begins)
        return f"no whole JSON, but {clean(html.unescape(page[1]) if page else begins, 100)!r}"
    return one_line(error) if isinstance(error, OddAnswerError) else f"{type(error).__name__}, {one_line(error)}"


def _first_words(error: BaseException) -> BaseException:
    """Of the causes of a failure, the one that says most."""
    return next((cause for cause in _causes(error) if _is_network_error(cause)), error)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 10_000 else f"{seconds / 3600:.0f} hours"


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M UTC" if seconds < 40_000 else "%Y-%m-%d, %H:%M UTC", time.gmtime(time.time() + seconds))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _responses(error: BaseException | None) -> Iterator[Any]:
    for cause in _causes(error):
        if (response := getattr(cause, "response", None)) is not None:
            yield response


def _is_network_error(error: BaseException) -> bool:
    """Of the system, of the clients' HTTP libraries, or of hf_xet, which has no type of its own."""
    if isinstance(error, (UnreachableError, UnavailableError, TimeoutError)):
        return True
    if isinstance(error, ConnectionError):
        return True
    if isinstance(error, json.JSONDecodeError):  # that of requests is one of its network errors, too
        return False
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    if names & {"requests.RequestException", "httpx.TransportError", "httpx2.TransportError"}:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in STORAGE_WORDS)
