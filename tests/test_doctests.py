"""Examples in docstrings are run: `pytest` collects each that a file of the project holds."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_OURS = {"build", "dist", "venv", "tests"}  # folders at the top
NOT_COLLECTED = {("explorer/controls.py", "explorer.controls.describe")}  # needs Gradio, an extra
DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


class Collected:
    """A plugin that keeps which docstrings pytest found examples in."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str]] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep file and name of each doctest, as `generator/stream.py` and `generator.stream.make`."""
        doctests = [item for item in items if isinstance(item, pytest.DoctestItem)]
        self.found |= {(item.path.relative_to(ROOT).as_posix(), item.name) for item in doctests}


def sources() -> Iterator[Path]:
    """Python files of the project."""
    for path in sorted(ROOT.rglob("*.py")):
        folders = path.relative_to(ROOT).parts[:-1]
        if not folders or not (folders[0].startswith(".") or folders[0] in NOT_OURS):
            yield path


def examples(path: Path) -> Iterator[tuple[str, str]]:
    """File and name of each docstring with examples: what `doctest` finds, without an import."""
    file = path.relative_to(ROOT)
    module = ".".join(file.with_suffix("").parts).removesuffix(".__init__")

    def look(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, (ast.Module, *DEFINITIONS)):
            if doctest.DocTestParser().get_examples(ast.get_docstring(node) or ""):
                yield file.as_posix(), name
            for child in ast.iter_child_nodes(node):
                yield from look(child, f"{name}.{child.name}" if isinstance(child, DEFINITIONS) else name)

    return look(ast.parse(path.read_text(encoding="utf-8")), module)


def test_all_are_collected(pytestconfig: pytest.Config) -> None:
    """Also those in folders whose names pytest, ruff or others skip by default, such as `build`."""
    collected = Collected()
    paths = [path for path in pytestconfig.getini("testpaths") if path != "tests"]
    arguments = ["--collect-only", "-n0", "-pno:cacheprovider", f"--rootdir={ROOT}"]
    assert pytest.main([*arguments, *(str(ROOT / path) for path in paths)], plugins=[collected]) == 0
    there = {example for path in sources() for example in examples(path)}
    assert there - collected.found == NOT_COLLECTED
