"""A builder's class, from the words that name it."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

import datasets

from publisher.builders.opened import IMPORTED, noting
from publisher.builders.scripts import PACKAGE, refuse_beam, take_folder
from publisher.errors import UsageError


def find_builder(source: str) -> type[datasets.DatasetBuilder]:
    """The builder's class.

    Parameters
    ----------
    source : str
        Path of a script, or of a folder `my_data` that holds `my_data.py`; behind it `:Class` may choose one of several
        builders. Or `module:Class`, of a module that Python finds.

    Raises
    ------
    UsageError
        If there is none, or its code cannot be imported: with the line that fails.

    Examples
    --------
    >>> find_builder("mnist1d:Mnist1D").__name__
    'Mnist1D'
    >>> find_builder("nowhere.py")
    Traceback (most recent call last):
    ...
    publisher.errors.UsageError: there is no file nowhere.py: give the path of a loading script, or module:Class
    """
    before, _, name = source.rpartition(":") if re.search(r":\w*$", source) else (source, "", "")
    path = Path(before).expanduser()
    if path.is_dir():
        path = _script_in(path)
    if path.is_file():
        if path.suffix != ".py":
            raise UsageError(f"{path} is no Python script: give the path of a loading script, or module:Class")
        module = _load_script(path.resolve())
    elif name and "/" not in before and not before.endswith(".py"):
        module = _load_module(before)
    else:
        raise UsageError(f"there is no file {before}: give the path of a loading script, or module:Class")
    return _named(module, name, source) if name else _only_one(module, path)


def _script_in(folder: Path) -> Path:
    folder = folder.resolve()
    script = folder / f"{folder.name}.py"
    if not script.is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.py"))) or "none"
        raise UsageError(f"{folder} holds no {script.name}: give the path of a script (there: {there})")
    return script


def _load_script(script: Path) -> ModuleType:
    refuse_beam(script)
    take_folder(script.parent)
    return _import(f"{PACKAGE}.{script.stem}", script.name, script.parent)


def _load_module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # an installed command does not look there, `python -m` does
        sys.path.insert(0, here)
    return load_module(name)


def _import(module: str, name: str, folder: Path | None) -> ModuleType:
    """Import a module, and turn whatever the code raises into a sentence on what the user knows by this name."""
    try:
        with noting(IMPORTED):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if missing == name and folder is None:
            raise UsageError(f"there is no module {name}: give the path of a script, or module:Class") from error
        if missing.startswith("datasets."):
            raise UsageError(
                f"{name} imports {missing}, which datasets {datasets.__version__} does not have: change the import"
            ) from error
        own = missing.startswith(f"{PACKAGE}.") and folder
        what = f"{missing.removeprefix(f'{PACKAGE}.')}.py, which is not beside it" if own else missing
        todo = "put it there" if own else f"which is not installed: pip install what has {missing}, and run it again"
        raise UsageError(f"{name} imports {what}{':' if own else ','} {todo}") from error
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        raise UsageError(
            f"{_place(error, name)}: {type(error).__name__}{f': {text}' if text else ''}: it cannot be imported"
        ) from error


def load_module(name: str) -> ModuleType:
    """A module that declares a builder.

    Raises
    ------
    UsageError
        Whatever its code raises, with its line.
    """
    return _import(name, name, None)


def _place(error: BaseException, name: str) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{os.path.basename(error.filename)}, line {error.lineno}"  # noqa: PTH119
    file = name if name.endswith(".py") else f"{name.rpartition('.')[2]}.py"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).name == file]
    return f"{file}, line {frames[-1].lineno}" if frames else name


def _named(module: ModuleType, name: str, source: str) -> type[datasets.DatasetBuilder]:
    found = getattr(module, name, None)
    if not (inspect.isclass(found) and issubclass(found, datasets.DatasetBuilder)):
        there = ", ".join(kind.__name__ for kind in _builders(module)) or "none"
        raise UsageError(f"{source}: {name} is no builder there: give one of its builders ({there})")
    if inspect.isabstract(found):
        raise UsageError(f"{source}: {name} is abstract: give a class that can be used")
    return found


def _only_one(module: ModuleType, path: Path) -> type[datasets.DatasetBuilder]:
    """The first that no other one there derives from; of several, `load_dataset` took the first, too."""
    kinds = _builders(module)
    last = [kind for kind in kinds if not any(other is not kind and issubclass(other, kind) for other in kinds)]
    if not last:
        raise UsageError(f"{path.name} has no builder, a class derived from datasets.GeneratorBasedBuilder: add one")
    return last[0]


def _builders(module: ModuleType) -> list[type[datasets.DatasetBuilder]]:
    """Those that a module defines; else those that it imports from beside itself."""
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    builders = [kind for kind in classes if issubclass(kind, datasets.DatasetBuilder) and not inspect.isabstract(kind)]
    own = [kind for kind in builders if kind.__module__ == module.__name__]
    return own or [kind for kind in builders if not kind.__module__.startswith("datasets.")]
