"""Examples in docstrings are run: `pytest` collects each that a file of the project holds."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator

import pytest

from tests.golden import ROOT

NOT_OURS = {"build", "dist", "venv", "tests"}  # folders at the top
NOT_COLLECTED = {("explorer/controls.py", "explorer.controls.describe")}  # needs Gradio, an extra
DEFINITIONS = (ast.ClassDef, ast.FunctionDef)


class Collected:
    """A plugin that keeps which docstrings pytest found examples in, as `generator/stream.py` and its function."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str]] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        doctests = [item for item in items if isinstance(item, pytest.DoctestItem)]
        names = [item.name.replace(".__test__", "") for item in doctests]
        self.found |= {
            (item.path.relative_to(ROOT).as_posix(), name) for item, name in zip(doctests, names, strict=True)
        }


def examples(file: str) -> Iterator[tuple[str, str]]:
    """File and name of each docstring with examples: what `doctest` finds, without an import."""

    def look(node: ast.AST, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, (ast.Module, *DEFINITIONS)):
            if doctest.DocTestParser().get_examples(ast.get_docstring(node) or ""):
                yield file, name
            for child in ast.iter_child_nodes(node):
                yield from look(child, f"{name}.{child.name}" if isinstance(child, DEFINITIONS) else name)

    module = file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    return look(ast.parse((ROOT / file).read_text(encoding="utf-8")), module)


def test_all_are_collected(pytestconfig: pytest.Config) -> None:
    """Also those in folders whose names pytest, ruff or others skip by default, such as `build`."""
    collected = Collected()
    collect = [path for path in pytestconfig.getini("testpaths") if path != "tests"]
    arguments = ["--collect-only", "-n0", "-pno:cacheprovider", f"--rootdir={ROOT}"]
    assert pytest.main([*arguments, *(str(ROOT / path) for path in collect)], plugins=[collected]) == 0
    paths = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py")}
    ours = [path for path in sorted(paths) if path.partition("/")[0] not in NOT_OURS and not path.startswith(".")]
    there = {example for path in ours for example in examples(path)}
    assert there - collected.found == NOT_COLLECTED
