"""Texts from elsewhere, made fit to be shown: without secrets, and without characters that act on a terminal."""

from __future__ import annotations

import contextlib
import os
import re
from urllib.parse import unquote, urlsplit

from publisher.errors import UsageError

HUB = "https://huggingface.co"
HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f]*:[0-9a-f:.]*(%\w+)?")  # a name, or an address of IPv6
LONGEST_SENTENCE = 300  # characters
TOKENS = re.compile(r"(?i)\bhf_(?:jwt_[\w.~+/=-]{6,}|[a-z0-9]{20,})")
PASSWORDS = re.compile(r"(https?://)[^\s/@'\"]+@")
HEADERS = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
SIGNATURES = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]+")  # of the storage's addresses
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")  # of a terminal
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def mask(text: str) -> str:
    """Text without tokens and without passwords in addresses."""
    for secret in _secrets():
        text = text.replace(secret, "***")
    return PASSWORDS.sub(r"\1", TOKENS.sub("***", text))


def clean(text: object, longest: int = LONGEST_SENTENCE) -> str:
    r"""One line of a text from elsewhere, at most `longest` characters, without secrets and control characters.

    Examples
    --------
    >>> clean("no\x1b[31m room\nfor hf_abcdefghijklmnopqrstuvwxyz, see http://me:pw@host/x?signature=1")
    'no room for ***, see http://host/x'
    """
    line = mask(" ".join(CONTROL.sub(" ", SEQUENCE.sub("", str(text)[: 10 * longest])).split()))
    line = SIGNATURES.sub(r"\1", HEADERS.sub(r"\1 ***", line))
    return line if len(line) <= longest else f"{line[:longest]}…"


def one_line(error: BaseException) -> str:
    """Message of an error on one line, or its name."""
    return clean(error) or type(error).__name__


def without_control(text: str) -> str:
    """Line with its control characters spelled out."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode() if found[0] != "\t" else "\t", text)


def say(*lines: str) -> None:
    """Print lines on standard output, without tokens and control characters."""
    try:
        print(mask("\n".join(map(without_control, lines))), flush=True)
    except BrokenPipeError:  # the reader has seen enough
        raise
    except OSError as error:
        raise UsageError(f"standard output cannot be written ({error.strerror}). Send it elsewhere.") from None


def endpoint() -> str:
    """Address of the Hub, without a password; refuses one on which some libraries crash while they are imported."""
    given = os.environ.get("HF_ENDPOINT") or HUB
    with contextlib.suppress(ValueError):
        parts = urlsplit(given)
        is_clean = given.isprintable() and not set(given) & set(" ?#")
        if is_clean and parts.scheme in ("http", "https") and HOST.fullmatch(parts.hostname or "") and parts.port != 0:
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    raise UsageError(f"HF_ENDPOINT is not the address of a Hub. Give one such as {HUB}, or unset it.")


def _secrets() -> list[str]:
    """Secrets that cannot be told by their form, the longest first."""
    secrets = [os.environ.get("HF_OIDC_ID_TOKEN")]
    with contextlib.suppress(ValueError, ImportError):  # of a variable that cannot be used
        password = urlsplit(os.environ.get("HF_ENDPOINT", "")).password or ""
        secrets += [password, unquote(password)]
        if not os.environ.get("HF_OIDC_RESOURCE"):  # else the client may ask the Hub for a token
            from huggingface_hub import get_token

            secrets.append(get_token())
    return sorted({secret for secret in secrets if secret and len(secret) > 3}, key=len, reverse=True)
