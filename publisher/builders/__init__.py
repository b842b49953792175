"""Find a builder's class from the text that names it: a script's path, `module:Class`, or a repository on the Hub."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import datasets

from publisher.builders.scripts import PACKAGE, refuse_beam, sequences_of_dicts, take_script
from publisher.errors import UsageError, fault_of_code

__all__ = ["RemoteScript", "find_builder", "find_remote", "load_module"]

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
    except (Exception, SystemExit) as error:
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
