"""The Hub's address, looked at before the libraries are imported: some do not bear one that is none."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from publisher.errors import UsageError

DEFAULT = "https://huggingface.co"


def endpoint() -> str:
    """The Hub's address without what may be secret in it.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        parts = urlsplit(os.environ.get("HF_ENDPOINT") or DEFAULT)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError(f"HF_ENDPOINT is not the address of a Hub: give one such as {DEFAULT}, or unset it")
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
