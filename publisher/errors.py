"""Errors and texts for the user: one sentence each, without secrets, and without characters that act on a terminal.

PublishingError
├── DifferenceError  1  the repository is not as wanted
├── UsageError       2  the request cannot be carried out as given
│   └── ConfigsError    some configs failed
├── HubError         3  the Hub refused, or could not be reached
└── WorkerError     71  a worker process was killed
"""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from urllib.parse import unquote, urlsplit

HUB = "https://huggingface.co"
HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f]*:[0-9a-f:.]*(%\w+)?")  # a name, or an address of IPv6
TOKENS = re.compile(r"(?i)\bhf_(?:jwt_[\w.~+/=-]{6,}|[a-z0-9]{20,})")
PASSWORDS = re.compile(r"(https?://)[^\s/@'\"]+@")
HEADERS = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}")
SIGNATURES = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\")]+")  # of the storage's addresses
SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")  # of a terminal
# Characters that end a line, act on a terminal, or cannot be seen; not the joiners of emoji and of several scripts
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
LAST_WORDS: list[str] = []  # for the command, if a signal ends it: the last one that is not empty counts


class PublishingError(Exception):
    """Base of the errors that the command prints as one sentence instead of a traceback."""

    exit_code: int
    trace = ""  # of the user's own code that failed: for its author


class DifferenceError(PublishingError):
    """The repository is not as wanted, and is left as it is."""

    exit_code = 1


class UsageError(PublishingError):
    """The request cannot be carried out: the message says what was given, what is allowed, what to do."""

    exit_code = 2


def fault_of_code(sentence: str, raised: BaseException) -> UsageError:
    """UsageError for what the user's own code raised."""
    fault = UsageError(sentence)
    fault.trace = "".join(traceback.format_exception(raised))
    return fault


class ConfigsError(UsageError):
    """Some configs failed while the others were prepared; `faults` are by config."""

    def __init__(self, faults: Mapping[str, UsageError], wanted: int) -> None:
        rest = "" if len(faults) == wanted else "; --resume takes the configs that are finished"
        super().__init__(
            f"{len(faults)} of {wanted} configs failed, so nothing was published or written. Correct what the lines "
            f"above name, and run the command again{rest}."
        )
        self.faults = dict(faults)


class HubError(PublishingError):
    """The Hub refused, or could not be reached."""

    exit_code = 3


class WorkerError(PublishingError):
    """A worker process was killed."""

    exit_code = 71  # EX_OSERR of sysexits.h


@contextmanager
def last_word(words: str) -> Iterator[None]:
    """Sentence that the command prints if a signal ends what runs within."""
    LAST_WORDS.append(words)
    try:
        yield
    finally:
        LAST_WORDS.remove(words)  # which need not be the last: a thread may run another command


def choices(names: Iterable[str], most: int = 10) -> str:
    """List what there is to choose from, cut after `most`."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def mask(text: str) -> str:
    """Text without tokens and without passwords in addresses."""
    secrets = [os.environ.get("HF_OIDC_ID_TOKEN")]  # those that cannot be told by their form
    with suppress(ValueError, ImportError):  # of a variable that cannot be used
        password = urlsplit(os.environ.get("HF_ENDPOINT", "")).password or ""
        secrets += [password, unquote(password)]
        if not os.environ.get("HF_OIDC_RESOURCE"):  # else the client may ask the Hub for a token
            from huggingface_hub import get_token

            secrets.append(get_token())
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***") if len(secret) > 3 else text
    return PASSWORDS.sub(r"\1", TOKENS.sub("***", text))


def clean(text: object, longest: int = 300) -> str:
    r"""One line of a text from elsewhere, at most `longest` characters, without secrets and control characters.

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
    with suppress(ValueError):
        parts = urlsplit(given)
        is_clean = given.isprintable() and not set(given) & set(" ?#")
        if is_clean and parts.scheme in ("http", "https") and HOST.fullmatch(parts.hostname or "") and parts.port != 0:
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    raise UsageError(f"HF_ENDPOINT is not the address of a Hub. Give one such as {HUB}, or unset it.")
