"""Trouble on this machine, that is found before anything is changed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import get_session

from publisher.errors import UsageError
from publisher.hub import transport
from publisher.hub.cleaning import one_line
from publisher.hub.endpoint import endpoint

OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")  # the libraries obey the older names, too
SWITCHED_ON = {"1", "ON", "YES", "TRUE"}
TIMEOUTS = ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT")
LONGEST = 1_000_000  # seconds: sockets take no more than a few times that
TRIED = 100_000  # bytes that have to fit


def check_surroundings() -> None:
    """Refuse to begin where the clients could not go on.

    Raises
    ------
    UsageError
        With the name of the variable or folder.
    """
    if name := offline_variable():
        raise UsageError(f"{name} is set: unset it, or use --output-dir or --preview")
    endpoint()
    for name in TIMEOUTS:
        if not 0 <= getattr(constants, name) <= LONGEST:
            raise UsageError(f"{name} is not allowed as it is: give seconds, from 0 to {LONGEST}, or unset it")
    transport.install()
    try:
        get_session()  # its client reads them
    except Exception as error:
        raise UsageError(
            "the settings for a proxy or certificates (http_proxy, https_proxy, all_proxy, SSL_CERT_FILE, "
            f"SSL_CERT_DIR) cannot be used: {one_line(error).rstrip('.')}: mend or unset them"
        ) from None
    folders = {"HF_HOME": constants.HF_HOME}
    if not getattr(constants, "HF_HUB_DISABLE_XET", True):  # clients before 0.30 know no Xet
        folders["HF_XET_CACHE"] = os.environ.get("HF_XET_CACHE") or str(Path(constants.HF_HOME, "xet"))
    folders["TMPDIR"] = os.environ.get("TMPDIR") or tempfile.gettempdir()
    for name, folder in folders.items():
        _try(name, Path(folder).expanduser())


def offline_variable() -> str | None:
    """The name of the variable that keeps the clients from the Hub, if one does."""
    named = next((name for name in OFFLINE if os.environ.get(name, "").upper() in SWITCHED_ON), None)
    return named or ("HF_HUB_OFFLINE" if constants.HF_HUB_OFFLINE else None)


def _try(name: str, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(TRIED))
            file.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(
            f"{folder} cannot be written ({reason}): make room there, or set {name} to another folder"
        ) from None
