"""What `huggingface_hub` does not export and the publisher cannot do without: each name with its reason.

tests/test_internals.py tries all of them with the oldest and the newest version that is supported.
"""

from __future__ import annotations

from collections.abc import Sequence

from huggingface_hub import CommitOperationAdd
from huggingface_hub.lfs import UploadInfo, post_lfs_batch_info

from publisher.build.files import KnownFile, UploadedFile


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


def missing_objects(files: Sequence[KnownFile], repo_type: str, repo_id: str, endpoint: str) -> set[str]:
    """The SHA-256 of those files that the Hub has not: the batch request of git-lfs, which is documented."""
    wanted = [UploadInfo(sha256=bytes.fromhex(file.sha256), size=file.size, sample=b"") for file in files]
    answers = post_lfs_batch_info(wanted, None, repo_type, repo_id, endpoint=endpoint)[0]
    return {answer["oid"] for answer in answers if answer.get("actions")}
