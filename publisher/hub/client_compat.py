"""Names that `huggingface_hub` does not export and the publisher cannot do without, each with its reason.

tests/test_internals.py tries all of them with the oldest and the newest version that is supported.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from huggingface_hub import CommitOperationAdd, constants, get_session
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, paginate

from publisher.prepare import KnownFile, UploadedFile

_cache_lock = threading.Lock()


def uploaded_addition(file: UploadedFile) -> CommitOperationAdd:
    """Operation for a file that was uploaded before, in this process or in another one, from plain numbers."""
    addition = CommitOperationAdd(file.path, b"")
    addition.upload_info = UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=file.sample)
    addition._upload_mode = "lfs"
    addition._is_uploaded = True
    return addition


def was_committed(addition: CommitOperationAdd) -> bool:
    """Return True if a commit was made: the client makes none if the Hub has it all, and returns the newest one."""
    return bool(addition._is_committed)


def missing_objects(files: Sequence[KnownFile], repo_type: str, repo_id: str, endpoint: str) -> set[str]:
    """SHA-256 of the files that the Hub does not have: the batch request of git-lfs, which is documented."""
    wanted = [UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=b"") for file in files]
    answers = post_lfs_batch_info(wanted, None, repo_type, repo_id, endpoint=endpoint)[0]
    return {answer["oid"] for answer in answers if answer.get("actions")}


def commits(repo_type: str, repo_id: str, endpoint: str, revision: str) -> Iterator[dict[str, Any]]:
    """History of a revision, the newest first, a page at a time: `list_repo_commits` asks for all of it."""
    url = f"{endpoint}/api/{repo_type}s/{repo_id}/commits/{quote(revision, safe='')}"
    yield from paginate(url, params={}, headers=build_hf_headers())


def ask_for_write_token(repo_type: str, repo_id: str, endpoint: str, revision: str, create_pr: bool) -> None:
    """Ask as hf_xet does, for the Hub's own words if it refuses: hf_xet keeps the status only."""
    url = f"{endpoint}/api/{repo_type}s/{repo_id}/xet-write-token/{quote(revision, safe='')}"
    answer = get_session().get(f"{url}?create_pr=1" if create_pr else url, headers=build_hf_headers())
    hf_raise_for_status(answer)
    answer.json()


def end_xet_session() -> None:
    """Let hf_xet begin a new session, with the variables as they are now."""
    with suppress(AttributeError):  # before 1.2
        importlib.import_module("huggingface_hub.utils._xet").abort_xet_session()


@contextmanager
def cache_of_its_own(folder: Path) -> Iterator[None]:
    """Let downloads, those of `datasets` too, go through another folder than the cache that all programs share.

    `datasets` takes no argument for it. Other threads that download meanwhile use the folder as well.
    """
    with _cache_lock:
        before = constants.HF_HUB_CACHE
        constants.HF_HUB_CACHE = str(folder)
        try:
            yield
        finally:
            constants.HF_HUB_CACHE = before
