"""What rows are made from: code, parameters, versions, inputs. If one of them differs, or is not known, the rows may.

An input is a file or folder that `gen_kwargs` or the config name, or that the builder opens; a file counts by its size
and time, one in the builder's own cache by its content.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import datasets
from datasets.fingerprint import Hasher

from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.description import describe
from publisher.prepare.digests import file_digest

LIBRARIES = ("datasets", "huggingface_hub", "numpy", "pyarrow")  # with other versions the bytes may be others
MOST = 100_000  # files of a folder that are still looked at


class Origin:
    """What the rows of a config are made from, as digests."""

    def __init__(self, source: ConfigBuilder) -> None:
        self.opened: set[str] = set()  # files that were read for some of the rows
        self._inputs = Inputs(source.cache)
        self._unknown = False
        config = source.builder.config
        values = [describe(dict(vars(config))), describe(source.overrides)]
        self._base = self._try(
            lambda: [
                digest_of_code(source.builder_class),  # type: ignore[arg-type]  # mypy takes classes for unhashable
                values,
                self._inputs.digest([config.data_dir, config.data_files]),
            ]
        )

    @property
    def is_unknown(self) -> bool:
        """Whether rows were made from more than is known."""
        files = (path for path in self.opened if not Path(path).is_dir())
        return self._unknown or not all(map(self._inputs.knows, files))

    def digest(self, sample: str, split: str, gen_kwargs: Mapping[str, Any]) -> str:
        """SHA-256 of what some rows of a split are made from, with a digest of samples of these rows."""
        given = {name: self._try(partial(self._inputs.digest, value)) for name, value in gen_kwargs.items()}
        return _digest([self._base, sample, split, given])

    def _try(self, find: Callable[[], Any]) -> Any:
        try:
            return find()
        except (UnknownError, OSError, SyntaxError, ValueError):
            self._unknown = True
            return None


class UnknownError(Exception):
    """What something is made from cannot be known."""


@cache  # what runs is what was imported
def digest_of_code(kind: type) -> str:
    """SHA-256 of a class's module, of those that it imports from beside itself, and the versions of other libraries.

    Raises
    ------
    UnknownError
        If there is no source, as in a notebook.
    """
    known: dict[str, str] = {f"{name} {metadata.version(name)}": "" for name in LIBRARIES}
    library = Path(datasets.__file__).parent
    for base in kind.__mro__[:-1]:
        file = getattr(sys.modules.get(base.__module__), "__file__", None)
        if file is None:
            raise UnknownError(base.__module__)
        if library not in Path(file).parents and base.__module__ not in sys.stdlib_module_names:
            root = Path(file).resolve().parents[0 if base.__module__ == "__main__" else base.__module__.count(".")]
            _follow(Path(file).resolve(), root, known)
    return _digest(sorted(known.items()))


class Inputs:
    """The inputs of a builder, each looked at once."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache  # the builder's own folder, which is another in every run
        self._files: dict[str, list[Any]] = {}

    def digest(self, value: Any) -> str:
        """SHA-256 of a value, and of the files that it names.

        Raises
        ------
        UnknownError
            If it names something that is not on this machine, or has no digest of its own.
        """
        return _digest(list(self._describe(value)))

    @property
    def files(self) -> set[str]:
        """The files that were looked at."""
        return set(self._files)

    def knows(self, path: str) -> bool:
        """Whether a file has been looked at."""
        return str(Path(path).absolute()) in self._files

    def _describe(self, value: Any) -> Iterator[Any]:
        if isinstance(value, (str, os.PathLike)):
            yield from self._describe_text(os.fspath(value))
        elif value is None or isinstance(value, (bool, int, float, bytes)):
            yield f"{type(value).__name__} {value!r}"
        elif isinstance(value, Mapping):
            for name, item in value.items():
                yield from ("key", *self._describe(name), *self._describe(item))
        elif isinstance(value, (list, tuple)):
            yield f"{type(value).__name__} of {len(value)}"
            for item in value:
                yield from self._describe(item)
        elif is_dataclass(value) and not isinstance(value, type):
            yield type(value).__qualname__
            for field in fields(value):
                yield from self._describe(getattr(value, field.name))
        else:
            try:
                yield Hasher.hash(value)
            except Exception as error:  # whatever pickling raises
                raise UnknownError(type(value).__name__) from error

    def _describe_text(self, text: str | bytes) -> Iterator[Any]:
        if isinstance(text, bytes):
            text = os.fsdecode(text)
        if "://" in text and not text.startswith("file://"):
            raise UnknownError(text)
        yield text.replace(str(self._cache), "")
        path = Path(text.removeprefix("file://"))
        try:
            if path.is_dir():
                for number, file in enumerate(sorted(path.rglob("*"))):
                    if number == MOST:
                        raise UnknownError(text)
                    yield from self._look_at(file, str(file.relative_to(path)))
            else:
                yield from self._look_at(path, "")
        except (OSError, ValueError):  # a text that cannot be a path
            return

    def _look_at(self, path: Path, name: str) -> Iterator[Any]:
        if not path.is_file():
            return
        key = str(path.absolute())
        if key not in self._files:
            found = path.stat()
            own = self._cache in path.parents
            self._files[key] = [found.st_size, file_digest(path) if own else found.st_mtime_ns]
        yield [name, *self._files[key]]


def _follow(file: Path, root: Path, known: dict[str, str]) -> None:
    """Add a module's file, and what it imports: files below `root`, and versions of what is installed elsewhere."""
    place = file.relative_to(root).as_posix()
    if place in known:
        return
    source = file.read_bytes()
    known[place] = hashlib.sha256(source).hexdigest()
    package = file.parent.relative_to(root).parts
    own = (*package, file.stem)[0]
    for name in _imported(ast.parse(source), package):
        parts = name.split(".")
        if parts[0] in sys.stdlib_module_names:
            continue
        installed = "site-packages" in root.parts and not set(_installed(parts[0])) & set(_installed(own))
        starts = [] if installed else [root, file.parent]  # a script may find what is beside it by its name alone
        folders = [start.joinpath(*parts[:count]) for start in starts for count in range(1, len(parts) + 1)]
        files = [path for start in folders for path in (start.with_suffix(".py"), start / "__init__.py")]
        for found in filter(Path.is_file, files):
            _follow(found, root, known)
        if not any(map(Path.is_file, files)):
            known.update(dict.fromkeys(_installed(parts[0]), ""))


_distributions = cache(metadata.packages_distributions)  # module -> what installed it


@cache
def _installed(module: str) -> list[str]:
    """What installed a module of this name: names and versions."""
    try:
        return [f"{module} {metadata.version(module)}"]  # most have the name of their module
    except metadata.PackageNotFoundError:
        return [f"{name} {metadata.version(name)}" for name in _distributions().get(module, [])]


def _imported(tree: ast.AST, package: tuple[str, ...]) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*above, *([node.module] if node.module else ())))
            yield from (f"{start}.{alias.name}" if start else alias.name for alias in node.names)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode(errors="surrogatepass")).hexdigest()
