"""What a failed request means: whether the same may succeed later, when, and one sentence for a person."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import tenacity
from huggingface_hub import constants, get_token

from publisher.errors import HubError, UsageError

T = TypeVar("T")

ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0  # seconds between attempts, doubled each time
TRANSIENT = {408, 429, 500, 502, 503, 504}


def retry(request: Callable[..., T], *arguments: Any, **named: Any) -> T:
    """Call what sends requests, again while its failure is transient, a bounded number of times."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_transient),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=lambda state: wait_after(state.outcome.exception() if state.outcome else None, state.attempt_number),
        reraise=True,
    )
    return retrying(request, *arguments, **named)


def status_of(error: BaseException) -> int | None:
    """The HTTP status that an error goes back to, if any."""
    return next((int(response.status_code) for response in _responses(error)), None)


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status in TRANSIENT
    return any(isinstance(cause, _network_errors()) for cause in _causes(error))


def wait_after(error: BaseException | None, attempt: int) -> float:
    """Seconds until the next attempt: what the Hub asks for, or twice as many each time."""
    for response in _responses(error):
        asked = response.headers.get("Retry-After", "")
        if asked.isdigit():
            return min(float(asked), LONGEST_WAIT)
    return min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT)


def explain(error: BaseException, repo_id: str) -> HubError:
    """One sentence for what the Hub refused, or why it could not be reached."""
    status = status_of(error)
    where = f"{repo_id} on {endpoint()}"
    if status == 401:
        reason = "the token is not valid" if get_token() else "there is no token"
        return HubError(f"{reason}: set HF_TOKEN, or log in with `hf auth login`, with a token that may write")
    if status == 403:
        return HubError(f"the token may not write to {where}: use one with the right to write there")
    if status == 404:
        return HubError(f"{where} is not there, or the token may not see it: use one with the right to read it")
    if status == 429:
        return HubError(f"{where} takes no more requests for now: try again later")
    if status in TRANSIENT:
        return HubError(f"{where} fails with status {status}: try again later")
    if status:
        said = getattr(error, "server_message", None) or one_line(error)
        return HubError(f"{where} refused with status {status}: {said}")
    if is_transient(error):
        return HubError(f"{where} could not be reached: {one_line(error)}")
    return HubError(f"{where} does not answer as the Hub does: {type(error).__name__}, {one_line(error)}")


def endpoint() -> str:
    """The Hub's address without what may be secret in it.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        parts = urlsplit(constants.ENDPOINT)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError(
            "HF_ENDPOINT is not the address of a Hub: give one such as https://huggingface.co, or unset it"
        )
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def one_line(error: BaseException) -> str:
    """The message of an error on one line, or its name."""
    return " ".join(str(error).split()) or type(error).__name__


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _responses(error: BaseException | None) -> Iterator[Any]:
    for cause in _causes(error):
        if (response := getattr(cause, "response", None)) is not None:
            yield response


def _network_errors() -> tuple[type[BaseException], ...]:
    """What the HTTP library of the client raises: requests up to 0.36, then httpx, then httpx2."""
    errors: list[type[BaseException]] = [ConnectionError, TimeoutError]
    for module, name in (("requests", "RequestException"), ("httpx", "TransportError"), ("httpx2", "TransportError")):
        try:
            errors.append(getattr(importlib.import_module(module), name))
        except ImportError:
            continue
    return tuple(errors)
