"""The Hub's address, checked before the libraries are imported: some crash on one that is not valid."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote, urlsplit

from publisher.errors import UsageError

DEFAULT = "https://huggingface.co"
HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?|[0-9a-f]*:[0-9a-f:.]*(%\w+)?")  # a name, or an address of IPv6
HIDDEN = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")  # Python's parser passes over some of them, the clients do not


def endpoint() -> str:
    """The Hub's address without what may be secret in it.

    Raises
    ------
    UsageError
        If it is none.
    """
    given = os.environ.get("HF_ENDPOINT") or DEFAULT
    try:
        parts = urlsplit(given)
        named = parts.port != 0 and HOST.fullmatch(parts.hostname or "") and not (parts.query or parts.fragment)
    except ValueError:
        named = None
    if not named or parts.scheme not in ("http", "https") or HIDDEN.search(given):
        raise UsageError(f"HF_ENDPOINT is not the address of a Hub: give one such as {DEFAULT}, or unset it")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


def password() -> str:
    """What is secret in the Hub's address, if anything is."""
    try:
        return unquote(urlsplit(os.environ.get("HF_ENDPOINT", "")).password or "")
    except ValueError:  # it is no address
        return ""
