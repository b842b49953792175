"""Loading scripts written for `datasets` 1 to 3, imported unchanged with later versions; each line says why."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import datasets

from publisher.errors import UsageError

PACKAGE = "loading_script"  # the package that holds the folder of a script, so that relative imports work
PLACE = "PUBLISHER_SCRIPT_FOLDER"  # a variable: workers are other processes, and import the script themselves
TASKS = (  # the names of `datasets.tasks` that `datasets` exported
    *("AudioClassification", "AutomaticSpeechRecognition", "ImageClassification", "LanguageModeling"),
    *("QuestionAnsweringExtractive", "Summarization", "TaskTemplate", "TextClassification"),
)


def take_script(script: Path) -> str:
    """Make a script part of `PACKAGE`, in this process and in those that it starts, and return its module's name.

    The packages that it is part of, folders with `__init__.py`, are part of the name: `from ..helpers import` works.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    folders: list[str] = []
    for folder in script.parents:
        if "." in folder.name or not (folder / "__init__.py").is_file():
            break
        folders.insert(0, folder.name)
    os.environ[PLACE] = str(script.parents[len(folders)])
    importlib.invalidate_caches()
    if str(script.parent) not in sys.path:
        sys.path.append(str(script.parent))  # `import helper`, as in a script that is run; last: hides no library
    return ".".join([PACKAGE, *folders, script.stem])


def refuse_beam(script: Path) -> None:
    """Refuse a builder that needs Apache Beam, before it is imported, as Beam is seldom installed."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return  # the import says where
    for kind in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        if any("BeamBasedBuilder" in ast.unparse(base) for base in kind.bases):
            raise UsageError(
                f"{script.name}, line {kind.lineno}: {kind.name} is a Beam builder, which `datasets` no longer runs. "
                "Derive it from datasets.GeneratorBasedBuilder, and write `_generate_examples` for `_build_pcollection`"
            )


@contextmanager
def sequences_of_dicts() -> Iterator[None]:
    """Let `datasets.Sequence({...})` be a dict of lists, whatever its fields are, as in versions before 4.

    Later versions make a list of dicts of it if all fields are lists themselves.
    """
    make = datasets.Sequence.__new__

    def new(kind: Any, feature: Any = None, length: int = -1, **keywords: Any) -> Any:
        if kind is datasets.Sequence and isinstance(feature, dict):
            return {name: datasets.List(inner, length=length, **keywords) for name, inner in feature.items()}
        return make(kind, feature, length, **keywords)

    with patch.object(datasets.Sequence, "__new__", new):
        yield


class ScriptFinder(MetaPathFinder):
    """Finds `PACKAGE` and the modules in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the folder for `PACKAGE` and packages in it, files for modules."""
        root = os.environ.get(PLACE)
        package, _, name = fullname.partition(".")
        if package != PACKAGE or not root:
            return None
        *folders, last = name.split(".")
        # by its unchanged name first: a script's name may have a hyphen or a dot
        for file in (Path(root, f"{name}.py"), Path(root, *folders, f"{last}.py")):
            if name and file.is_file():
                return spec_from_file_location(fullname, file, loader=_Loader(fullname, str(file)))
        folder = Path(root, *name.split("."))
        if not folder.is_dir():
            return None
        if name and (init := folder / "__init__.py").is_file():
            return spec_from_file_location(
                fullname, init, loader=_Loader(fullname, str(init)), submodule_search_locations=[str(folder)]
            )
        spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        """Run the script with what it expects of `datasets`."""
        _add_tasks()
        super().exec_module(module)
        for kind in list(vars(module).values()):
            if inspect.isclass(kind) and issubclass(kind, datasets.DatasetBuilder) and kind.__module__ == self.name:
                _ignore_recorded(kind)

    def get_data(self, path: str) -> bytes:
        """Read source alone: bytecode may be stale."""
        if path.endswith(".pyc"):
            raise FileNotFoundError(path)
        return super().get_data(path)

    def set_data(self, path: str, data: Any, **keywords: Any) -> None:
        """Write no bytecode next to the script."""


def _add_tasks() -> None:
    """Add `datasets.tasks`, which is gone since version 3; its templates had no influence on the rows."""
    try:
        importlib.import_module("datasets.tasks")
    except ModuleNotFoundError:
        tasks = ModuleType("datasets.tasks")
        tasks.__getattr__ = _task  # type: ignore[method-assign]
        sys.modules["datasets.tasks"] = datasets.tasks = tasks
        for name in TASKS:
            setattr(datasets, name, _task(name))
        init = datasets.DatasetInfo.__init__

        def without_tasks(self: Any, *arguments: Any, task_templates: Any = None, **keywords: Any) -> None:
            init(self, *arguments, **keywords)

        datasets.DatasetInfo.__init__ = without_tasks  # a keyword that went with them


def _task(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__init__": lambda self, *arguments, **keywords: None})


def _ignore_recorded(kind: type[datasets.DatasetBuilder]) -> None:
    """Ignore README.md and dataset_infos.json next to a script, which are often of an earlier version of it.

    `datasets` before 5 compares the rows with them (NonMatchingSplitsSizesError).
    """
    if hasattr(kind, "get_all_exported_dataset_infos"):
        kind.get_all_exported_dataset_infos = classmethod(lambda cls: {})


if not any(isinstance(finder, ScriptFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, ScriptFinder())  # else the path finder loads the scripts without the changes above
