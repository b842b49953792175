"""The workflows of GitHub: their commands are run as GitHub runs them, with a Hub on this machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from loopback import Hub
from tests.golden import ROOT

WORKFLOWS = ROOT / ".github" / "workflows"
R = "christopher/mnist1d"
IDENTITY = "eyJ.of.the-job"  # that GitHub would give
FILE = "data/test-00000-of-00001.parquet"
GH = """#!/usr/bin/env bash
# Instead of GitHub's own command, which needs an account: notes its arguments
echo "$*" >> "$NOTED"
[[ $* == "issue list"* ]] && cat "$OPEN" 2> /dev/null
exit 0
"""


def steps(workflow: str, job: str) -> list[Mapping[str, Any]]:
    """The steps of a job that run something, without the installation."""
    read = yaml.safe_load((WORKFLOWS / f"{workflow}.yml").read_text(encoding="utf-8"))
    return [step for step in read["jobs"][job]["steps"] if "run" in step and step["name"] != "Install"]


def act(hub: Hub, folder: Path, workflow: str, job: str, **inputs: str) -> tuple[int, str]:
    """Run the steps of a job in the project's folder; the first exit code that is not 0, and the summary."""
    programs, summary = folder / "bin", folder / "summary.md"
    programs.mkdir(exist_ok=True)
    for name, text in (("gh", GH), ("python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    if not (folder / "scripts").exists():
        (folder / "scripts").symlink_to(ROOT / "scripts")
    failed = 0
    for step in steps(workflow, job):
        if ("if" in step) != bool(failed):  # the last ones have `failure()`
            continue
        given = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs.get(found[1], ""), str(value))
            for name, value in step.get("env", {}).items()
        }
        environment = hub.environment(
            **given
            | {
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "GITHUB_STEP_SUMMARY": str(summary),
                "NOTED": str(folder / "noted"),
                "OPEN": str(folder / "open"),
                **({"HF_OIDC_ID_TOKEN": IDENTITY} if "HF_OIDC_RESOURCE" in given else {}),
            }
        )
        bash = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]
        done = subprocess.run([*bash, step["run"]], cwd=folder, env=environment)
        failed = failed or done.returncode
    return failed, summary.read_text(encoding="utf-8")


@pytest.mark.slow
def test_publish_and_verify(tmp_path: Path) -> None:
    """Planned, published with a tag, verified; then damaged, which opens an issue once, and adds to it later."""
    with Hub(publishers={IDENTITY: f"datasets/{R}"}) as hub:
        code, summary = act(hub, tmp_path, "publish", "plan", repository=R)
        assert (code, "a new repository" in summary) == (0, True)
        assert R not in [request.path for request in hub.requests if request.method == "POST"]
        code, summary = act(hub, tmp_path, "publish", "publish", repository=R, tag="v1", create_pr="false")
        assert (code, "published and verified" in summary, "refs/tags/v1" in hub.refs(R)) == (0, True, True)
        code, summary = act(hub, tmp_path, "verify", "verify")
        assert (code, "verified at commit" in summary) == (0, True)
        assert not (tmp_path / "noted").exists()

        hub.commit(R, {FILE: b"damaged"})
        assert act(hub, tmp_path, "verify", "verify")[0] == 1
        assert "issue create" in (tmp_path / "noted").read_text(encoding="utf-8")
        assert f"{FILE} differs" in (tmp_path / "body.md").read_text(encoding="utf-8")
        (tmp_path / "open").write_text("7\n", encoding="utf-8")
        assert act(hub, tmp_path, "verify", "verify")[0] == 1
        assert "issue comment 7" in (tmp_path / "noted").read_text(encoding="utf-8")


def test_constraints() -> None:
    """Each library that the project needs has a version there, and one that the project allows."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    needed = [item for item in requires("mnist1d") or [] if "extra ==" not in item]
    assert needed
    for requirement in map(Requirement, needed):
        assert requirement.specifier.contains(pins[requirement.name.lower().replace("_", "-")]), requirement
