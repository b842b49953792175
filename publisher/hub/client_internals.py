"""What `huggingface_hub` does not export and the publisher cannot do without: each name with its reason.

tests/test_internals.py tries all of them with the oldest and the newest version that is supported.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import huggingface_hub
from huggingface_hub import CommitOperationAdd, constants
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status, paginate

from publisher.prepare.files import KnownFile, UploadedFile

_cache_lock = threading.Lock()


def uploaded_addition(file: UploadedFile) -> CommitOperationAdd:
    """What a commit needs to name a file that was uploaded before, in this process or in another one.

    The client remembers that in the operation itself, which holds an open file or a path; as in its own
    `upload_large_folder`, plain numbers are kept instead.
    """
    addition = CommitOperationAdd(file.path, b"")
    addition.upload_info = UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=file.sample)
    addition._upload_mode = "lfs"
    addition._is_uploaded = True
    return addition


def was_committed(addition: CommitOperationAdd) -> bool:
    """Whether a commit was made of it: the client makes none if the Hub has it all, and returns the newest one."""
    return bool(addition._is_committed)


def missing_objects(files: Sequence[KnownFile], repo_type: str, repo_id: str, endpoint: str) -> set[str]:
    """The SHA-256 of those files that the Hub has not: the batch request of git-lfs, which is documented."""
    wanted = [UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=b"") for file in files]
    answers = post_lfs_batch_info(wanted, None, repo_type, repo_id, endpoint=endpoint)[0]
    return {answer["oid"] for answer in answers if answer.get("actions")}


def commits(repo_type: str, repo_id: str, endpoint: str, revision: str) -> Iterator[dict[str, Any]]:
    """The history of a revision, the newest first, a page at a time: `list_repo_commits` asks for all of it."""
    url = f"{endpoint}/api/{repo_type}s/{repo_id}/commits/{quote(revision, safe='')}"
    yield from paginate(url, params={}, headers=build_hf_headers())


def replace_sessions(wrap: Callable[[Any], Any]) -> None:
    """Let `wrap` have each HTTP client that `huggingface_hub` makes from now on.

    There is a function to set what makes clients, but none to get what makes the client's own, with its ids of
    requests and its offline mode.
    """
    if hasattr(huggingface_hub, "set_client_factory"):  # from 1.0
        http = importlib.import_module("huggingface_hub.utils._http")
        make = http._GLOBAL_CLIENT_FACTORY
        huggingface_hub.set_client_factory(lambda: wrap(make()))
    else:
        http = importlib.import_module("huggingface_hub.utils._http")
        make = http._GLOBAL_BACKEND_FACTORY
        huggingface_hub.configure_http_backend(lambda: wrap(make()))


def abort_storage_session() -> None:
    """Let go of what `hf_xet` is doing: the client does so itself only if a signal is raised in its own thread."""
    with contextlib.suppress(ImportError, AttributeError):  # before hf_xet 1.5
        importlib.import_module("huggingface_hub.utils._xet").abort_xet_session()


def forget_storage_tokens() -> None:
    """Let go of the tokens to read from the storage that the client keeps: it has none for when they are refused."""
    with contextlib.suppress(ImportError, AttributeError):  # before 0.30
        importlib.import_module("huggingface_hub.utils._xet").XET_CONNECTION_INFO_CACHE.clear()


def ask_for_write_token(repo_type: str, repo_id: str, endpoint: str, revision: str, create_pr: bool) -> None:
    """Ask as hf_xet does, for the Hub's own words if it refuses: of those hf_xet keeps the status only."""
    url = f"{endpoint}/api/{repo_type}s/{repo_id}/xet-write-token/{quote(revision, safe='')}"
    answer = get_session().get(f"{url}?create_pr=1" if create_pr else url, headers=build_hf_headers())
    hf_raise_for_status(answer)
    answer.json()["accessToken"]


@contextmanager
def cache_of_its_own(folder: Path) -> Iterator[None]:
    """Let downloads, those of `datasets` too, go through another folder than the cache that all programs share.

    `datasets` has no argument for it. Other threads that download meanwhile use the folder as well.
    """
    with _cache_lock:
        before = constants.HF_HUB_CACHE
        constants.HF_HUB_CACHE = str(folder)
        try:
            yield
        finally:
            constants.HF_HUB_CACHE = before
