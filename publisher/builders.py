"""Find a builder's class from the text that names it: a script's path, `module:Class`, or a repository on the Hub.

Scripts written for `datasets` 1 to 3 are imported unchanged with later versions; the second half says how, and why.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import datasets

from publisher.errors import UsageError, fault_of_code

GIVE = "Give the path of a loading script, or module:Class"
REPOSITORY = re.compile(
    r"(?P<marked>hf://datasets/|https?://[^/]+/datasets/)?(?P<repo_id>[\w.-]+/[\w.-]+?)"
    r"(?:@(?P<revision>[\w./-]+))?(?P<builder>:\w+)?"
)


@dataclass(frozen=True)
class RemoteScript:
    """A script in a dataset repository."""

    repo_id: str
    revision: str
    builder: str  # `:Class`, or nothing

    @property
    def file(self) -> str:
        """Path in the repository where `load_dataset` looked for it."""
        return f"{self.repo_id.rpartition('/')[2]}.py"


def find_remote(source: str, is_trusted: bool) -> RemoteScript | None:
    """Return the script that a source names on the Hub, or None if it names a script on this machine.

    Examples
    --------
    >>> find_remote("hf://datasets/me/texts@script", is_trusted=True)
    RemoteScript(repo_id='me/texts', revision='script', builder='')
    """
    found = REPOSITORY.fullmatch(source)
    if not found or (not found["marked"] and (Path(source).exists() or found["repo_id"].endswith(".py"))):
        return None
    if not is_trusted:
        missing = "The" if found["marked"] else f"Folder {found['repo_id']} not found. The"
        raise UsageError(
            f"{missing} script of a repository on the Hub is third-party code, which this command would run with all "
            "your rights. Read it there, then give --trust-remote-code, or the path of a copy"
        )
    return RemoteScript(found["repo_id"], found["revision"] or "main", found["builder"] or "")


def find_builder(source: str) -> type[datasets.DatasetBuilder]:
    """Return a builder's class.

    Parameters
    ----------
    source : str
        Path of a script, or of a folder `my_data` that holds `my_data.py`; `:Class` after it chooses one of several
        builders. Or `module:Class`, of a module that Python finds.

    Raises
    ------
    UsageError
        If there is none, or if its code cannot be imported: with the line that fails.

    Examples
    --------
    >>> find_builder("mnist1d:Mnist1D").__name__
    'Mnist1D'
    >>> find_builder("nowhere.py")
    Traceback (most recent call last):
    ...
    publisher.errors.UsageError: File nowhere.py not found. Give the path of a loading script, or module:Class
    """
    before, _, name = source.rpartition(":") if re.search(r":\w*$", source) else (source, "", "")
    path = Path(before).expanduser()
    if path.is_dir():
        path = _script_in(path)
    if path.is_file():
        if path.suffix != ".py":
            raise UsageError(f"{path} is not a Python script. {GIVE}")
        module = _load_script(path.resolve())
    elif name and "/" not in before and not before.endswith(".py"):
        here = str(Path.cwd())
        if here not in sys.path and "" not in sys.path:  # an installed command does not look there, `python -m` does
            sys.path.insert(0, here)
        module = load_module(before)
    else:
        raise UsageError(f"File {before} not found. {GIVE}")
    if not name:
        return _only_one(module, path)
    found = getattr(module, name, None)
    if not (inspect.isclass(found) and issubclass(found, datasets.DatasetBuilder)):
        there = ", ".join(kind.__name__ for kind in _builders(module)) or "none"
        raise UsageError(f"{source}: {name} is not a builder. Give one of the builders there ({there})")
    if inspect.isabstract(found):
        raise UsageError(f"{source}: {name} is abstract. Give a class that can be used")
    return found


def load_module(name: str) -> ModuleType:
    """Import a module that declares a builder; whatever its code raises is a UsageError with its line."""
    return _import(name, name, None)


def _script_in(folder: Path) -> Path:
    folder = folder.resolve()
    script = folder / f"{folder.name}.py"
    if not script.is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.py"))) or "none"
        raise UsageError(f"{folder} does not hold {script.name}. Give the path of a script (there: {there})")
    return script


def _load_script(script: Path) -> ModuleType:
    refuse_beam(script)
    while True:
        try:
            return _import(take_script(script), script.name, script)
        except UsageError as error:
            if not isinstance(error.__cause__, ModuleNotFoundError) or not _add_parent(script, error.__cause__):
                raise


def _add_parent(script: Path, error: ModuleNotFoundError) -> bool:
    """Let Python find a missing package in one of the folders above a script; False if none of them holds it."""
    name = (error.name or "").partition(".")[0]
    for folder in script.parents:
        if name and str(folder) not in sys.path and any([*folder.glob(f"{name}.py"), *folder.glob(f"{name}/*.py")]):
            sys.path.append(str(folder))
            return True
    return False


def _import(module: str, name: str, script: Path | None) -> ModuleType:
    """Import a module, and turn whatever the code raises into a sentence that calls it by the name the user knows."""
    try:
        with sequences_of_dicts():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if missing == name and script is None:
            raise UsageError(f"Module {name} not found. {GIVE}") from error
        if missing.startswith("datasets."):
            raise UsageError(
                f"{name} imports {missing}, which datasets {datasets.__version__} does not have. Change the import"
            ) from error
        if script and missing.startswith(f"{PACKAGE}."):
            own = missing.rpartition(".")[2]
            raise UsageError(f"{name} imports {own}.py, which is not next to it. Put it there") from error
        raise UsageError(
            f"{name} imports {missing}, which is not installed. Install the package that has {missing}, or put the "
            "folder that holds it on PYTHONPATH"
        ) from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit; a panic of a library in Rust
        text = " ".join(str(error).split())
        sentence = f"{_place(error, name)}: {type(error).__name__}{f': {text}' if text else ''}. It cannot be imported"
        raise fault_of_code(sentence, error) from error


def _place(error: BaseException, name: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.basename(error.filename)}, line {error.lineno}"  # noqa: PTH119
    file = name if name.endswith(".py") else f"{name.rpartition('.')[2]}.py"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == file]
    return f"{file}, line {frames[-1].lineno}" if frames else name


def _only_one(module: ModuleType, path: Path) -> type[datasets.DatasetBuilder]:
    """Return the first builder from which none of the others derives; `load_dataset` also took the first of several."""
    kinds = _builders(module)
    last = [kind for kind in kinds if not any(other is not kind and issubclass(other, kind) for other in kinds)]
    if last:
        return last[0]
    raise UsageError(f"{path.name} does not define a builder. Add a class derived from datasets.GeneratorBasedBuilder")


def _builders(module: ModuleType) -> list[type[datasets.DatasetBuilder]]:
    """List the builders that a module defines, or else those that it imports from next to itself."""
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    builders = [kind for kind in classes if issubclass(kind, datasets.DatasetBuilder) and not inspect.isabstract(kind)]
    own = [kind for kind in builders if kind.__module__ == module.__name__]
    return own or [kind for kind in builders if not kind.__module__.startswith("datasets.")]


# --- scripts for earlier versions -------------------------------------------------------------------------------------

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

    `datasets` before 5 takes from them what the script does not declare, such as features.
    """
    if hasattr(kind, "get_all_exported_dataset_infos"):
        kind.get_all_exported_dataset_infos = classmethod(lambda cls: {})


if not any(isinstance(finder, ScriptFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, ScriptFinder())  # else the path finder loads the scripts without the changes above
