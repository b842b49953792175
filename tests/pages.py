"""Runs the blocks of code of a page, in order: `python -m tests.pages PAGE.md [--slow]` in a copy of the project.

The words after a block's language say more of it: `slow`, `file=NAME` for a file that the reader writes, `matplotlib`
or `datasets<4` for what has to be installed. Blocks of Python share one namespace; after an assignment, a comment such
as `# float64 (10, 40)` is compared with the value.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from packaging.requirements import Requirement

# Lines of a shell that are not run, each with the reason
SKIPPED = {
    r"git clone \w+ mnist1d|cd mnist1d": "the folder is a copy of the project",
    r"python3 -m venv \.venv|\. \.venv/bin/activate": "the tests have an environment",
    r"pip install .+": "the tests have an environment",
    r"pytest|ruff .+|mypy|lint-imports|python -m tools.readers.*|python -m tests\..+": "CI runs it",
    r"python tools/benchmarks/models\.py": "trains for minutes, with PyTorch",
    r"hf auth login": "asks for a token",
    r"python -m loopback": "serves until Ctrl+C; its tests run it",
}
# Lines that are run with a change: CI has neither a cluster nor time for a hundred million rows
CHANGED = {
    r"(.+ --executor (?:slurm|ray)\b.+)": r"\1 --dry-run",
    r"((?!.*--dry-run).+ --set num_samples=)1[0_]+(\D.*)": r"\g<1>300_000\2",
}
# What a block may need that a test has to do without
OPTIONAL = {"datasets", "matplotlib", "pandas", "pillow", "polars", "scikit-learn", "torch"}
DESCRIBED = re.compile(r"^(\w+) = .*# (float64|int64) (\([\d, ]+\))$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    language: str
    words: tuple[str, ...]
    code: str
    line: int  # of the fence, from 1

    @property
    def is_slow(self) -> bool:
        return "slow" in self.words

    @property
    def file(self) -> str | None:
        return next((word.removeprefix("file=") for word in self.words if word.startswith("file=")), None)

    def missing(self) -> list[str]:
        """Needed packages that are not installed."""
        needed = [Requirement(word) for word in self.words if word != "slow" and not word.startswith("file=")]
        assert {requirement.name for requirement in needed} <= OPTIONAL, self.words
        installed = {item.name.lower(): item.version for item in distributions()}
        is_met = {need: need.specifier.contains(installed.get(need.name, "0"), prereleases=True) for need in needed}
        return [str(need) for need in needed if need.name not in installed or not is_met[need]]


def copy_checkout(folder: Path) -> Path:
    """Copy the project, to change it or to write into it; the copy."""
    left_out = shutil.ignore_patterns(".*", "build", "venv*", "dist", "*.egg-info", "__pycache__", "card.html")
    return shutil.copytree(Path(__file__).parents[1], folder, ignore=left_out)


def read_blocks(page: Path) -> list[Block]:
    """All blocks of code of a page, indented ones too."""
    blocks = []
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            language, *words = token.info.split() or [""]
            blocks.append(Block(language, tuple(words), token.content, (token.map or [0])[0] + 1))
    return blocks


def commands(code: str) -> Iterator[str]:
    """The single commands of a block of shell, without comments."""
    for line in code.replace("\\\n", " ").splitlines():
        for command in re.sub(r"(^|\s+)#.*", "", line).split(" && "):
            if command.strip():
                yield re.sub(r"\s+", " ", command.strip())


def run_page(page: Path, slow: bool) -> None:
    """Run the blocks in this folder and process; whatever goes wrong is raised."""
    names: dict[str, Any] = {"__name__": "page"}
    for block in read_blocks(page):
        place = f"{page.name}:{block.line}"
        if block.language == "text":
            continue
        if block.file:
            Path(block.file).write_text(block.code, encoding="utf-8")
        elif block.is_slow and not slow:
            print(f"{place}: skipped, slow", flush=True)
        elif missing := block.missing():
            print(f"{place}: skipped, needs {', '.join(missing)}", flush=True)
        elif block.language == "python":
            exec(compile("\n" * block.line + block.code, page, "exec"), names)  # an error names the page's own line
            for name, dtype, shape in DESCRIBED.findall(block.code):
                found = f"{names[name].dtype} {names[name].shape}"
                assert found == f"{dtype} {shape}", f"{place}: {name} is {found}"
        else:
            assert block.language == "sh", f"{place}: nothing here runs {block.language!r}"
            for command in commands(block.code):
                run_command(command, place)


def run_command(command: str, place: str) -> None:
    """Run a line of shell, unless it is one of those above."""
    if reason := next((reason for pattern, reason in SKIPPED.items() if re.fullmatch(pattern, command)), None):
        print(f"{place}: skipped, {reason}: {command}", flush=True)
        return
    for pattern, replacement in CHANGED.items():
        command = re.sub(f"^{pattern}$", replacement, command)
    print(f"{place}: {command}", flush=True)
    subprocess.run(["bash", "-c", command], check=True)


if __name__ == "__main__":
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    run_page(Path(sys.argv[1]), "--slow" in sys.argv)
