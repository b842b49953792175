"""The private names of libraries that the publisher uses do what it needs; CI runs this with the oldest and newest."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from loopback import Hub
from publisher.hub.client_compat import missing_objects, uploaded_addition, was_committed
from publisher.hub.repository import Repository
from publisher.prepare.files import UploadedFile

R = "tester/internals"


def test_uploaded_addition(hub: Hub, tmp_path: Path) -> None:
    """A commit takes a file that was uploaded before, from nothing but numbers, and the Hub says what it lacks."""
    hub.create(R)
    source = tmp_path / "data.parquet"
    source.write_bytes(b"PAR1" * 1000)
    from publisher.prepare.files import describe_file

    uploaded = Repository(R).upload(describe_file(source, tmp_path), create_pr=False)
    assert uploaded == UploadedFile("data.parquet", 4000, sha256=uploaded.sha256, sample=(b"PAR1" * 128))
    lost = UploadedFile("lost.parquet", 3, sha256="0" * 64)
    assert missing_objects([uploaded, lost], "dataset", R, hub.url) == {lost.sha256}
    for is_new in (True, False):
        addition = uploaded_addition(uploaded) if is_new else CommitOperationAdd("data.parquet", str(source))
        HfApi().create_commit(R, [addition], repo_type="dataset", commit_message="Add")
        assert was_committed(addition) == is_new
    assert hub.files(R)["data.parquet"] == source.read_bytes()


@pytest.mark.skipif(importlib.util.find_spec("datatrove") is None, reason="datatrove is of the extra `cluster`")
def test_executors() -> None:
    """The executors and the keywords that the cluster module hands them are there."""
    import inspect

    from datatrove.executor.ray import RayPipelineExecutor
    from datatrove.executor.slurm import SlurmPipelineExecutor

    for executor in (RayPipelineExecutor, SlurmPipelineExecutor):
        assert {"tasks", "workers", "logging_dir"} <= inspect.signature(executor.__init__).parameters.keys()
        assert hasattr(executor, "get_incomplete_ranks")
