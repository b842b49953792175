"""README, CONTRIBUTING and docs/: every block of code runs, every link leads somewhere."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from card import REPO_ID
from loopback import WRITE_TOKEN, Account, Hub
from tests.golden import ROOT
from tests.pages import CHANGED, SKIPPED, commands, copy_checkout, read_blocks

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
LINES = 130  # of the README, so that it is read
COMMANDS = [
    "pip install -e . && python scripts/push_to_hub.py --output-dir build/mnist1d",
    'pip install -e ".[test]" && pytest',
]
OWNER = Account("me", orgs=("tester", REPO_ID.partition("/")[0]))  # the names that the pages publish to
MARKDOWN = MarkdownIt().enable("table")
is_slow, name_of = attrgetter("is_slow"), attrgetter("name")


def run(page: Path, folder: Path, *arguments: str) -> None:
    """Run a page's blocks in a copy of the project, with a Hub that has MNIST-1D."""
    uses_hf = re.search("^hf upload", page.read_text(encoding="utf-8"), re.MULTILINE)
    if uses_hf and subprocess.run(["hf", "--help"], capture_output=True).returncode:
        pytest.skip("the command `hf` of huggingface_hub 1.0 does not start without click")
    clone = copy_checkout(folder / "mnist1d")
    with Hub(tokens={WRITE_TOKEN: OWNER}) as hub:
        more = {"PYTHONPATH": str(clone), "MPLBACKEND": "agg", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
        environment = hub.environment(WRITE_TOKEN, **more)
        lines = [[sys.executable, "-m", "tests.pages", str(page), *arguments]]
        if REPO_ID in page.read_text(encoding="utf-8"):
            lines.insert(0, [sys.executable, "scripts/push_to_hub.py"])
        for line in lines:
            done = subprocess.run(line, cwd=clone, env=environment, text=True, capture_output=True)
            assert done.returncode == 0, (done.stdout[-1000:], done.stderr[-2000:])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks(page: Path, tmp_path: Path) -> None:
    """One after the other, as a reader would."""
    run(page, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if any(map(is_slow, read_blocks(page)))], ids=name_of)
def test_slow_blocks(page: Path, tmp_path: Path) -> None:
    """The same with those that take longer."""
    run(page, tmp_path, "--slow")


@pytest.mark.slow
def test_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs from top to bottom, and its stored results are those that it gives, and small."""
    for needed in ("ipykernel", "matplotlib", "nbclient", "sklearn", "torch"):
        pytest.importorskip(needed, reason=f'needs {needed}: pip install -e ".[notebook]"')
    import nbclient
    import nbformat

    path = ROOT / "docs" / "first-steps.ipynb"
    assert path.stat().st_size < 100_000
    stored, notebook = (nbformat.read(path, as_version=4) for _ in range(2))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # more threads than free processors are slower, by far
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}).execute()
    for found, known in zip(notebook.cells, stored.cells, strict=True):
        assert ("image/png" in str(found)) == ("image/png" in str(known)), found.source
    accuracies = [[int(percent) for percent in re.findall(r" (\d+)%", str(each.cells))] for each in (stored, notebook)]
    assert len(accuracies[0]) == 6
    assert all(abs(known - found) <= 5 for known, found in zip(*accuracies, strict=True)), accuracies


def test_the_exceptions_are_needed() -> None:
    """Each is for a line that some page has."""
    blocks = [block for page in PAGES for block in read_blocks(page) if block.language == "sh"]
    lines = [line for block in blocks for line in commands(block.code)]
    for pattern in (*SKIPPED, *CHANGED):
        for alternative in [pattern] if "(" in pattern else pattern.split("|"):
            assert any(re.fullmatch(alternative, line) for line in lines), alternative


def test_readme() -> None:
    """It is short, shows a picture, and has the two commands as they are."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LINES
    assert set(COMMANDS) < set(lines)
    assert any(re.match(r"!\[.+\]\(card/assets/.+\)", line) for line in lines)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links(page: Path) -> None:
    """Every relative link leads to a file, and to a heading of it if it names one."""
    blocks = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    tokens = itertools.chain.from_iterable(block.children or [] for block in blocks)
    targets = [str(token.attrs.get("href") or token.attrs.get("src") or "") for token in tokens]
    for link in [target for target in targets if target and "://" not in target]:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub names them in addresses."""
    tokens = MARKDOWN.parse(page.read_text(encoding="utf-8"))
    headings = [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
