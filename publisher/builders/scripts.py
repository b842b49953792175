"""Loading scripts as they are: written for `datasets` 1 to 3, imported with any version, each line with its why."""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import inspect
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets

from publisher.errors import UsageError

PACKAGE = "loading_script"  # the folder of a script as a package, so that relative imports lead to what is beside it
PLACE = "PUBLISHER_SCRIPT_FOLDER"  # a variable: workers are other processes, and import the script themselves
TASKS = (  # what `datasets` had of them under its own name
    "AudioClassification",
    "AutomaticSpeechRecognition",
    "ImageClassification",
    "LanguageModeling",
    "QuestionAnsweringExtractive",
    "Summarization",
    "TaskTemplate",
    "TextClassification",
)


def take_folder(folder: Path) -> None:
    """Make a folder's modules those of `PACKAGE`, in this process and in those that it starts."""
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    os.environ[PLACE] = str(folder)
    importlib.invalidate_caches()
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # `import helper`, as a script that is run; last, so that it hides no library


def refuse_beam(script: Path) -> None:
    """Refuse a builder that needs Apache Beam: before it is imported, as Beam is seldom installed."""
    try:
        tree = ast.parse(script.read_bytes())
    except (SyntaxError, ValueError):
        return  # the import says where
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for kind in classes:
        if any("BeamBasedBuilder" in ast.unparse(base) for base in kind.bases):
            raise UsageError(
                f"{script.name}, line {kind.lineno}: {kind.name} is a Beam builder, which `datasets` no longer runs: "
                "derive it from datasets.GeneratorBasedBuilder, and write `_generate_examples` for `_build_pcollection`"
            )


class ScriptFinder(MetaPathFinder):
    """Finds `PACKAGE` and the modules in it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The folder for `PACKAGE`, files in it for what is below."""
        folder = os.environ.get(PLACE)
        package, _, name = fullname.partition(".")
        if package != PACKAGE or not folder:
            return None
        if not name:
            spec = importlib.machinery.ModuleSpec(PACKAGE, None, is_package=True)
            spec.submodule_search_locations = [folder]
            return spec
        file = Path(folder, f"{name}.py")  # by its name as it is: that of a script may have a hyphen or a dot
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, str(file))) if file.is_file() else None


class _Loader(importlib.machinery.SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        """Run the script with what it expects of `datasets`."""
        _add_tasks()
        super().exec_module(module)
        for kind in list(vars(module).values()):
            if inspect.isclass(kind) and issubclass(kind, datasets.DatasetBuilder) and kind.__module__ == self.name:
                _ignore_recorded(kind)

    def get_data(self, path: str) -> bytes:
        """Never stale bytecode, nor any left beside somebody's script."""
        if path.endswith(".pyc"):
            raise FileNotFoundError(path)
        return super().get_data(path)

    def set_data(self, path: str, data: Any, **keywords: Any) -> None:
        """Write none."""


def _add_tasks() -> None:
    """`from datasets.tasks import TextClassification`: gone since `datasets` 3, and nothing is made of it here."""
    try:
        importlib.import_module("datasets.tasks")
    except ModuleNotFoundError:
        tasks = ModuleType("datasets.tasks")
        tasks.__getattr__ = _task  # type: ignore[method-assign]
        sys.modules["datasets.tasks"] = datasets.tasks = tasks
        for name in TASKS:
            setattr(datasets, name, _task(name))
        init = datasets.DatasetInfo.__init__

        def without_tasks(
            self: datasets.DatasetInfo, *arguments: Any, task_templates: Any = None, **keywords: Any
        ) -> None:
            init(self, *arguments, **keywords)

        datasets.DatasetInfo.__init__ = without_tasks  # a keyword that went with them


def _task(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__init__": lambda self, *arguments, **keywords: None})


def _ignore_recorded(kind: type[datasets.DatasetBuilder]) -> None:
    """What stands in README.md and dataset_infos.json beside a script is often of an earlier version of it.

    `datasets` before 5 holds it against the rows (NonMatchingSplitsSizesError).
    """
    if hasattr(kind, "get_all_exported_dataset_infos"):
        kind.get_all_exported_dataset_infos = classmethod(lambda cls: {})


if not any(isinstance(finder, ScriptFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, ScriptFinder())  # else the path finder loads the scripts, and knows no why
