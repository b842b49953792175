"""What the project is as a package: what a wheel installs, and what it says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = re.findall(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.slow
@pytest.mark.usefixtures("network")
def test_wheel(tmp_path: Path) -> None:
    """It has the listed top-level names and the two commands, types, one version, and addresses."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        paths = archive.namelist()
        [metadata] = [path for path in paths if path.endswith(".dist-info/METADATA")]
        said = Parser().parsestr(archive.read(metadata).decode())
    page = (ROOT / "docs" / "releasing.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    names = {path.split("/")[0].removesuffix(".py") for path in paths if not path.startswith("mnist1d-")}
    assert names == listed
    assert {Path(path).name for path in paths if ".data/scripts/" in path} == {"push_to_hub.py", "validate.py"}
    assert {path.split("/")[0] for path in paths if path.endswith("/py.typed")} == names - {"mnist1d"}
    assert [said["Version"]] == VERSION
    assert said.get_all("Project-URL")
    assert said["Author"]


def test_changelog() -> None:
    """It has a heading for the version."""
    assert f"\n## {VERSION[0]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("hidden", "code"),
    [
        ("generator", "import mnist1d"),
        ("generator", "import card"),
        ("explorer", "import card"),
        ("publisher", "import card"),
        ("datasets", "import mnist1d; mnist1d.make_dataset(); mnist1d.Mnist1D"),
        ("generator", "import sys, explorer.__main__ as explorer; sys.exit(explorer.main([]))"),
    ],
)
def test_hidden_package(hidden: str, code: str, tmp_path: Path) -> None:
    """A file of the user's own that has the name of one of our packages: the last line names it."""
    file = tmp_path / f"{hidden}.py"
    file.write_text("")
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode
    package = f"`{hidden}`" if hidden == "datasets" else f"`{hidden}` of MNIST-1D"
    assert f"{file} hides the package {package}: rename that file" in ended.stderr.splitlines()[-1]
