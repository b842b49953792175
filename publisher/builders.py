"""Find a builder's class from the text that names it: a script's path, `module:Class`, or a repository on the Hub.

Scripts written for `datasets` 1 to 3 are imported unchanged with later versions; the second half says how, and why.
"""

from __future__ import annotations

import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard
from unittest.mock import patch

import datasets

from publisher.errors import UsageError, fault_of_code

INSTALLED = {"site-packages", "dist-packages", Path(os.__file__).parent, Path(__file__).parent}
GIVE = "Give the path of a loading script, or module:Class"
REPOSITORY = re.compile(
    r"(?P<marked>hf://datasets/|https?://[^/]+/datasets/)?(?P<repo_id>[\w.-]+/[\w.-]+?)"
    r"(?:@(?P<revision>[\w./-]+))?(?P<builder>:\w+)?"
)


def find_remote(source: str, is_trusted: bool) -> dict[str, str] | None:
    """Return the groups of `REPOSITORY` if a source names a script on the Hub, or None if one on this machine."""
    found = REPOSITORY.fullmatch(source)
    if not found or (not found["marked"] and (Path(source).exists() or found["repo_id"].endswith(".py"))):
        return None
    if not is_trusted:
        missing = "The" if found["marked"] else f"Folder {found['repo_id']} not found. The"
        raise UsageError(
            f"{missing} script of a repository on the Hub is third-party code, which this command would run with all "
            "your rights. Read it there, then give --trust-remote-code, or the path of a copy"
        )
    return found.groupdict("")


def find_builder(source: str) -> type[datasets.DatasetBuilder]:
    """Return the class that a source names, or raise a UsageError, with the line of its code that fails.

    The source is the path of a script, or of a folder `my_data` that holds `my_data.py`; `:Class` after it chooses one
    of several builders. Or it is `module:Class`, of a module that Python finds.

    Examples
    --------
    >>> find_builder("mnist1d:Mnist1D").__name__
    'Mnist1D'
    """
    before, _, name = source.rpartition(":") if re.search(r":\w*$", source) else (source, "", "")
    path = Path(before).expanduser()
    if path.is_dir():
        folder = path.resolve()
        path = folder / f"{folder.name}.py"
        if not path.is_file():
            there = ", ".join(sorted(script.name for script in folder.glob("*.py"))) or "none"
            raise UsageError(f"{folder} does not hold {path.name}. Give the path of a script (there: {there})")
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
    found = [value for value in vars(module).values() if _is_builder(value)]
    own = [kind for kind in found if kind.__module__ == module.__name__]
    builders = own or [kind for kind in found if not kind.__module__.startswith("datasets.")]  # such as from a helper
    # `load_dataset` also took the first of several, from which none of the others derives
    last = (kind for kind in builders if not any(other is not kind and issubclass(other, kind) for other in builders))
    chosen = getattr(module, name, None) if name else next(last, None)
    if _is_builder(chosen):
        return chosen
    there = ", ".join(kind.__name__ for kind in builders) or "none"
    if name:
        raise UsageError(f"{source}: {name} is not a builder, or is abstract. Give one of the builders there ({there})")
    raise UsageError(f"{path.name} does not define a builder. Add a class derived from datasets.GeneratorBasedBuilder")


def _is_builder(value: Any) -> TypeGuard[type[datasets.DatasetBuilder]]:
    return inspect.isclass(value) and issubclass(value, datasets.DatasetBuilder) and not inspect.isabstract(value)


def _load_script(script: Path) -> ModuleType:
    for number, line in enumerate(script.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if kind := re.match(r"\s*class (\w+)\(.*BeamBasedBuilder", line):  # not imported: it would ask for Beam
            raise UsageError(
                f"{script.name}, line {number}: {kind[1]} is a Beam builder, which `datasets` no longer runs. "
                "Derive it from datasets.GeneratorBasedBuilder, and write `_generate_examples` for `_build_pcollection`"
            )
    while True:
        try:
            return load_module(take_script(script), script.name)
        except UsageError as error:
            missing = error.__cause__
            if not isinstance(missing, ModuleNotFoundError) or not missing.name:
                raise
            name = missing.name.partition(".")[0]
            above = (folder for folder in script.parents if [*folder.glob(f"{name}.py"), *folder.glob(f"{name}/*.py")])
            holder = next(map(str, above), None)
            if holder is None or holder in sys.path:
                raise
            sys.path.append(holder)


def load_module(module: str, known_as: str = "") -> ModuleType:
    """Import a module that declares a builder; whatever its code raises is a UsageError with its line."""
    name = known_as or module
    try:
        with sequences_of_dicts():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if f"{module}.".startswith(f"{missing}."):
            raise UsageError(f"Module {name} not found. {GIVE}") from error
        if missing.startswith("datasets."):
            fault = f"which datasets {datasets.__version__} does not have. Change the import"
        elif missing.startswith(f"{PACKAGE}."):
            missing = f"{missing.rpartition('.')[2]}.py"
            fault = "which is not next to it. Put it there"
        else:
            todo = f"Install the package that has {missing}, or put the folder that holds it on PYTHONPATH"
            fault = f"which is not installed. {todo}"
        raise UsageError(f"{name} imports {missing}, {fault}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit; a panic of a library in Rust
        said = str(error.msg if isinstance(error, SyntaxError) else error)  # without the place, which comes first
        text = f": {' '.join(said.split())}".rstrip(": .")
        sentence = f"{line_of(error, [module]) or name}: {type(error).__name__}{text}. It cannot be imported"
        raise fault_of_code(sentence, error) from error


def line_of(error: BaseException, modules: Collection[str]) -> str:
    """File and line of the modules, or of code that is not installed, where an error passed last; or nothing."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return f"{Path(error.filename).name}, line {error.lineno}"
    raised = error.__cause__ if isinstance(error.__cause__, StopIteration) else error  # Python's words, without a line
    for frame, line in reversed([*traceback.walk_tb(raised.__traceback__)]):
        file = Path(frame.f_code.co_filename)
        is_own = frame.f_globals.get("__name__") in modules or INSTALLED.isdisjoint([*file.parts, *file.parents])
        if is_own and file.is_file():
            return f"{file.name}, line {line}"
    return ""


# --- scripts for earlier versions -------------------------------------------------------------------------------------

PACKAGE = "loading_script"  # the package that holds the folder of a script, so that relative imports work
PLACE = "PUBLISHER_SCRIPT_FOLDER"  # a variable: workers are other processes, and import the script themselves
TASKS = (  # the names of `datasets.tasks` that `datasets` exported
    "AudioClassification AutomaticSpeechRecognition ImageClassification LanguageModeling QuestionAnsweringExtractive "
    "Summarization TaskTemplate TextClassification"
)


def take_script(script: Path) -> str:
    """Make a script part of `PACKAGE`, in this process and in those that it starts, and return its module's name.

    The packages that it is part of, folders with `__init__.py`, are part of the name: `from ..helpers import` works.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    packages = [
        *takewhile(lambda folder: "." not in folder.name and (folder / "__init__.py").is_file(), script.parents)
    ]
    os.environ[PLACE] = str(script.parents[len(packages)])
    importlib.invalidate_caches()
    if str(script.parent) not in sys.path:
        sys.path.append(str(script.parent))  # `import helper`, as in a script that is run; last: hides no library
    return ".".join([PACKAGE, *(folder.name for folder in reversed(packages)), script.stem])


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
    """Finds `PACKAGE`, and modules in it before packages of the same name."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """Return the folder for `PACKAGE`, and files for modules."""
        if fullname == PACKAGE:
            _restore_names()
            sys.dont_write_bytecode = True  # next to the script
            spec = ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [os.environ.get(PLACE, "")]
            return spec
        package, _, name = fullname.rpartition(".")
        if path and package.partition(".")[0] == PACKAGE and (file := Path(path[0], f"{name}.py")).is_file():
            return spec_from_file_location(fullname, file)
        return None


def _restore_names() -> None:
    """Give `datasets` what a script for an earlier version expects of it."""
    if "datasets.tasks" in sys.modules:
        return
    tasks = ModuleType("datasets.tasks")  # gone since version 3; its templates had no influence on the rows
    tasks.__getattr__ = _task  # type: ignore[method-assign]
    sys.modules[tasks.__name__] = datasets.tasks = tasks
    for name in TASKS.split():
        setattr(datasets, name, _task(name))
    init = datasets.DatasetInfo.__init__

    def without_tasks(self: Any, *arguments: Any, task_templates: Any = None, **keywords: Any) -> None:
        init(self, *arguments, **keywords)

    datasets.DatasetInfo.__init__ = without_tasks  # a keyword that went with them
    # README.md and dataset_infos.json next to a script are often of an earlier version of it, and `datasets` before 5
    # takes from them what the script does not declare, and compares the rows with them
    datasets.DatasetBuilder.get_all_exported_dataset_infos = classmethod(lambda cls: {})


def _task(name: str) -> type:
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (), {"__init__": lambda self, *arguments, **keywords: None})


sys.meta_path.insert(0, ScriptFinder())
