"""The project as a whole: the wheel, hidden packages, examples in docstrings, and GitHub's workflows run here."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Mapping
from email.parser import Parser
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from loopback import Hub
from tests.golden import ROOT

VERSION = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.usefixtures("network")
def test_wheel(tmp_path: Path) -> None:
    """It has the listed top-level names and the two commands, types, one version, and addresses."""
    options = ["--quiet", "--no-deps", "--wheel-dir", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(ROOT)], check=True, timeout=300)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        paths = archive.namelist()
        [metadata] = [path for path in paths if path.endswith(".dist-info/METADATA")]
        said = Parser().parsestr(archive.read(metadata).decode())
    page = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    names = {path.split("/")[0].removesuffix(".py") for path in paths if not path.startswith("mnist1d-")}
    assert names == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert {Path(path).name for path in paths if ".data/scripts/" in path} == {"push_to_hub.py", "validate.py"}
    assert {path.split("/")[0] for path in paths if path.endswith("/py.typed")} == names - {"mnist1d"}
    assert [said["Version"]] == VERSION
    assert said["Project-URL"]
    assert said["Author"]
    assert f"\n## {VERSION[0]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("hidden", "code"),
    [
        ("numpy", "import mnist1d"),
        *[("generator", "import mnist1d"), ("generator", "import card")],
        *[("explorer", "import card"), ("publisher", "import card")],
        ("datasets", "import mnist1d; mnist1d.make_dataset(); mnist1d.Mnist1D"),
        ("datasets", "import sys, publisher.__main__ as command; sys.exit(command.main())"),
        ("generator", "import sys, explorer.__main__ as explorer; sys.exit(explorer.main([]))"),
    ],
)
def test_hidden_package(hidden: str, code: str, tmp_path: Path) -> None:
    """A user's file with the name of a package: the last line of the error names it."""
    file = tmp_path / f"{hidden}.py"
    file.write_text("")
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode
    package = f"`{hidden}`" if hidden in ("datasets", "numpy") else f"`{hidden}` of MNIST-1D"
    assert f"{file} hides the package {package}: rename that file" in ended.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("missing", "program", "words"),
    [
        ("matplotlib", "from tools.figures.__main__ import main; sys.exit(main())", "[figures]"),
        ("gradio", "from explorer.__main__ import main; sys.exit(main([]))", "pip install gradio"),
    ],
)
def test_missing_extra(missing: str, program: str, words: str) -> None:
    """One sentence that says what to install."""
    command = [sys.executable, "-c", f"import sys; sys.modules['{missing}'] = None; {program}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert words in ended.stderr


NOT_OURS = {"build", "dist", "venv", "tests"}  # folders at the top
NOT_COLLECTED = {"explorer/controls.py"}  # needs Gradio, an extra


class Collected:
    """A plugin that keeps how many docstrings with examples pytest found in each file."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.found.update(
            item.path.relative_to(ROOT).as_posix() for item in items if isinstance(item, pytest.DoctestItem)
        )


def test_all_are_collected(pytestconfig: pytest.Config) -> None:
    """Also examples in folders whose names pytest, ruff or others skip by default, such as `build`."""
    collected = Collected()
    collect = [str(ROOT / path) for path in pytestconfig.getini("testpaths") if path != "tests"]
    arguments = ["--collect-only", "-n0", "-pno:cacheprovider", f"--rootdir={ROOT}", *collect]
    assert pytest.main(arguments, plugins=[collected]) == 0
    paths = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}
    ours = [path for path in paths if path.partition("/")[0] not in NOT_OURS and not path.startswith(".")]
    docstrings = {path: (ROOT / path).read_text(encoding="utf-8").split('"""')[1::2] for path in ours}
    written = {path: sum(">>> " in text for text in texts) for path, texts in docstrings.items()}
    assert {path for path in ours if collected.found[path] != written[path]} == NOT_COLLECTED


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
    gh, summary = folder / "bin" / "gh", folder / "summary.md"
    gh.parent.mkdir(exist_ok=True)
    gh.write_text(GH, encoding="utf-8")
    gh.chmod(0o755)
    path = [str(gh.parent), str(Path(sys.executable).parent), os.environ["PATH"]]
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
        given |= {"HF_OIDC_ID_TOKEN": IDENTITY} if "HF_OIDC_RESOURCE" in given else {}
        given |= {"PATH": os.pathsep.join(path), "PYTHONPATH": str(ROOT)}
        given |= {"GITHUB_STEP_SUMMARY": str(summary), "NOTED": str(folder / "noted"), "OPEN": str(folder / "open")}
        bash = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
        done = subprocess.run(bash, cwd=folder, env=hub.environment(**given))
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
