"""The private names of libraries that the publisher uses do what it needs; CI runs this with the oldest and newest."""

from __future__ import annotations

import importlib.util

import pytest

R = "tester/internals"


@pytest.mark.skipif(importlib.util.find_spec("datatrove") is None, reason="datatrove is of the extra `cluster`")
def test_executors() -> None:
    """The executors and the keywords that the cluster module hands them are there."""
    import inspect

    from datatrove.executor.ray import RayPipelineExecutor
    from datatrove.executor.slurm import SlurmPipelineExecutor

    for executor in (RayPipelineExecutor, SlurmPipelineExecutor):
        assert {"tasks", "workers", "logging_dir"} <= inspect.signature(executor.__init__).parameters.keys()
        assert hasattr(executor, "get_incomplete_ranks")
