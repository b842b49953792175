"""Configs: what a builder declares, which names can be published, and how configs are described."""

from __future__ import annotations

import ast
import copy
import math
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import datasets
import numpy as np

from publisher.builders import PACKAGE
from publisher.errors import UsageError, choices
from publisher.prepare import File, add_up, plain, short

BuilderClass = type[datasets.DatasetBuilder]
METADATA_KEY = "builder_config"  # in the footer of each Parquet file: builder, version and parameters
DEFAULT = "default"  # a config of this name is the default one, whatever else a card says
TAKEN = {"assets", "readme.md", ".gitattributes", ".git", ".cache"}  # next to the configs' folders
TAKEN |= {".huggingface", ".huggingface.yaml", "dataset_infos.json", ".publish.json"}
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows
SPLIT = re.compile(r"\w+(\.\w+)*")  # what `datasets` takes, to the very end of the name
LONGEST = 200  # bytes of a name, of the 255 that file systems allow
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
UNORDERED = {"set", "frozenset", "glob", "iglob", "rglob", "iterdir", "listdir", "scandir", "walk"}
ORDERED = ("sorted", "len", "min", "max", "sum")
FOR_ROWS = ("_info", "_generate_examples", "_generate_tables")  # methods that are called when the order is known


@dataclass(frozen=True)
class ConfigCard:
    """A config in a card."""

    builder_config: datasets.BuilderConfig
    info: datasets.DatasetInfo  # with the exact numbers of rows and bytes
    digests: Mapping[str, Mapping[str, str]]  # split -> column -> SHA-256 of its values

    @property
    def name(self) -> str:
        """Name of the config."""
        return plain(self.builder_config.name)

    def __getattr__(self, field: str) -> Any:
        """Return a field of the builder's config: templates write `config.parameters`."""
        if field.startswith("_") or field == "builder_config":  # asked for while a copy is made
            raise AttributeError(field)
        return getattr(self.builder_config, field)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Files of a config, or some of them, written or expected; any process can give it to any other."""

    files: Mapping[str, Sequence[File]]  # by split
    info: datasets.DatasetInfo
    digests: Mapping[str, Mapping[str, str]]  # see `ConfigCard`
    provenance: Mapping[str, Any]
    folder: str = ""
    inputs: Sequence[str] = ()  # files that the builder fetched, those next to it by their path from there
    in_parts: bool = False  # too large to be taken as a whole
    notes: tuple[str, ...] = ()  # sentences that a maintainer should read before the plan is carried out

    @property
    def all_files(self) -> list[File]:
        """The files of all splits."""
        return [file for split in self.files.values() for file in split]


@dataclass(frozen=True, kw_only=True)
class PreparedConfig(Prepared, ConfigCard):
    """All files of a config."""


def default_config(builder: type[datasets.DatasetBuilder]) -> str:
    """Name of the config that is loaded without a name.

    A DEFAULT_CONFIG_NAME that is not declared makes the first declared config the default.
    """
    name, names = plain(builder.DEFAULT_CONFIG_NAME), list(declared_configs(builder))
    return name if name in names else names[0] if name else DEFAULT


def default_note(builder: type[datasets.DatasetBuilder]) -> str:
    """Sentence on a DEFAULT_CONFIG_NAME that is not a config, or nothing."""
    name, default = plain(builder.DEFAULT_CONFIG_NAME), default_config(builder)
    said = f"DEFAULT_CONFIG_NAME is {name!r}, which is not a config. The default is {default!r}, the first one"
    return said if name and name != default else ""


def declared_configs(builder: type[datasets.DatasetBuilder]) -> dict[str, datasets.BuilderConfig]:
    """A builder's configs by name, in the order in which it declares them.

    If its code may declare them in another order next time, as it looks at sets or lists folders, they are sorted by
    name, after the default one.
    """
    default = plain(builder.DEFAULT_CONFIG_NAME or DEFAULT)
    configs = builder.BUILDER_CONFIGS or [builder.BUILDER_CONFIG_CLASS(name=default)]
    declared = {plain(config.name): config for config in configs}
    if len(declared) < 2 or not is_unordered(builder):  # type: ignore[arg-type]  # mypy takes classes for unhashable
        return declared
    return {name: declared[name] for name in sorted(declared, key=lambda name: (name != default, str(name)))}


@cache
def is_unordered(builder: type) -> bool:
    """Return True if code of a builder has sets or listings of folders, which may come in another order next time.

    This reads its own modules, and those next to its script, without the methods that make rows.
    """
    libraries = {"datasets", *sys.stdlib_module_names}
    own = {base.__module__ for base in builder.__mro__ if base.__module__.partition(".")[0] not in libraries}
    files = {name: Path(getattr(module, "__file__", None) or "") for name, module in sys.modules.items()}
    folders = {files[name].parent for name in own if name.startswith(PACKAGE)}
    read = {file for name, file in files.items() if name in own or file.parent in folders}
    return any(_has_unordered(ast.parse(file.read_bytes())) for file in read if file.suffix == ".py" and file.is_file())


def _has_unordered(module: ast.AST) -> bool:
    """Return True if code has a set or a listing of a folder in it, other than to sort or to compare."""
    nodes = [module]
    for node in nodes:  # which grow by what is inside; a recursion would end at a long chain of `elif`
        if isinstance(node, (ast.Set, ast.SetComp)) or getattr(node, "id", getattr(node, "attr", "")) in UNORDERED:
            return True
        is_call_of_ordered = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ORDERED
        if not (isinstance(node, ast.Compare) or is_call_of_ordered or getattr(node, "name", "") in FOR_ROWS):
            nodes += ast.iter_child_nodes(node)
    return False


def choose_configs(builder: type[datasets.DatasetBuilder], chosen: Sequence[str] = ()) -> list[str]:
    """Names of a builder's configs, or of the chosen ones, in the builder's order."""
    known = list(declared_configs(builder))
    for name in chosen:
        if name not in known:
            raise UsageError(f"Config {name!r} does not exist. Choose from {choices(known)}")
    check_config_names([plain(config.name) for config in builder.BUILDER_CONFIGS] or known, default_config(builder))
    return [name for name in known if not chosen or name in chosen]


def check_config_names(names: Collection[str], default: str) -> None:
    """Refuse names of configs that cannot be loaded."""
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"{count} configs are named {name!r}. Give each config another name")
        text = str(name)
        has_bad = not text.isprintable() or not set(text).isdisjoint('<>:/\\|?*"$')  # `datasets` replaces $HOME
        is_other = default in names and text != default
        refusals = {
            "it is not text": not isinstance(name, str),
            "a folder cannot have that name": not text.strip() or text in (".", ".."),
            "a file or folder next to the configs has that name": text.lower() in TAKEN,
            "it has characters that the name of a folder cannot have": has_bad,
            "some systems drop a space or a dot at either end": text != text.strip() or text.endswith("."),
            "Windows reserves it": RESERVED.fullmatch(text),
            f"the default config {default!r} uses that folder": is_other and text == "data",
            f"{default!r} is the default, and `load_dataset` would find two": is_other and text == DEFAULT,
        }
        _refuse("config", name, refusals)


def check_split_names(config: str, names: Collection[str]) -> None:
    """Refuse names of splits that `datasets` does not take, and a config without splits."""
    if not names:
        raise UsageError(f"config {config!r} returns no splits. Let `_split_generators` return at least one")
    for name, count in Counter(names).items():
        refusals = {
            f"{count} splits have it": count > 1,
            "`load_dataset` takes that for all splits": name.lower() == "all",
            "it may have letters, digits, _, and . between them": not SPLIT.fullmatch(name),
        }
        _refuse("split", name, refusals, f"config {config!r}: ")


def _refuse(what: str, name: str, refusals: Mapping[str, object], where: str = "") -> None:
    is_long = len(str(name).encode(errors="replace")) > LONGEST
    for reason, applies in {**refusals, f"it has more than {LONGEST} bytes": is_long}.items():
        if applies:
            raise UsageError(f"{where}{short(name)} is not a valid {what} name: {reason}. Rename the {what}")


def data_folder(name: str, default: str) -> str:
    """Folder of a config's files, as `push_to_hub` of `datasets` lays them out."""
    return "data" if name == default else name


def describe_builder(builder: datasets.DatasetBuilder) -> dict[str, Any]:
    """Builder, config, version, and what the config has beyond the fields of `BuilderConfig`, as JSON."""
    return {
        "builder": builder.dataset_name,
        "config": plain(builder.config.name),
        "version": str(builder.config.version),
        **{name: describe(value) for name, value in _own_values(builder.config).items()},
    }


def add_numbers(info: datasets.DatasetInfo, files: Mapping[str, Sequence[File]]) -> None:
    """Give the information that `datasets` has on a builder the numbers of its files, by split."""
    info.splits = datasets.SplitDict(dataset_name=info.dataset_name)
    for split, of_split in files.items():
        _, rows, nbytes = add_up(of_split)
        info.splits.add(datasets.SplitInfo(split, nbytes, rows))
    info.download_size, _, info.dataset_size = add_up([file for of_split in files.values() for file in of_split])


def is_as_declared(config: datasets.BuilderConfig, declared: datasets.BuilderConfig) -> bool:
    """Return True if a config has the values that its builder declares."""
    return describe(_own_values(config)) == describe(_own_values(declared))


def recall_config(declared: datasets.BuilderConfig, provenance: Mapping[str, Any]) -> datasets.BuilderConfig:
    """Return a config with the values that `describe_builder` gave in an earlier run, whatever is declared now."""
    config = copy.copy(declared)
    for name, now in _own_values(declared).items():
        value = provenance.get(name, describe(now))
        if value != describe(now):
            setattr(config, name, type(now)(**value) if is_dataclass(type(now)) and isinstance(value, dict) else value)
    return config


def _own_values(config: datasets.BuilderConfig) -> dict[str, Any]:
    """Fields of a dataclass, and attributes that the `__init__` of a plain class sets."""
    common = {field.name for field in fields(datasets.BuilderConfig)}
    return {name: of for name, of in vars(config).items() if name not in common and not name.startswith("_")}


def describe(value: Any) -> Any:
    """A value as JSON reads it back, the same in every process and on every machine.

    Numbers, texts, lists and dicts stay what they are; sets become sorted lists; features are written as `datasets`
    writes them; functions and classes are named; an existing path keeps only its name; the rest is text.

    Examples
    --------
    >>> describe({"languages": {"en", "de"}, "size": np.int64(7), "clean": str.strip, "padding": (36, 60)})
    {'languages': ['de', 'en'], 'size': 7, 'clean': 'str.strip', 'padding': [36, 60]}
    """
    if isinstance(value, Enum):
        return describe(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (str, PurePath)):
        text = str(plain(value))
        is_here = Path(text).is_absolute() and os.path.exists(text)  # noqa: PTH110  # which takes any text
        return (is_here and Path(text).name) or text  # no other machine has the folder
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, datasets.Features):
        return describe(value.to_dict())
    if isinstance(value, Mapping):
        return {str(describe(name)): describe(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    if isinstance(value, AbstractSet):
        return sorted(map(describe, value), key=repr)
    if isinstance(value, (np.generic, np.ndarray)):
        return describe(value.tolist())
    if callable(value) and hasattr(value, "__qualname__"):
        module = getattr(value, "__module__", None)
        return value.__qualname__ if module in (None, "builtins", "__main__") else f"{module}.{value.__qualname__}"
    if is_dataclass(type(value)):
        return describe(asdict(value))
    return value.decode("latin-1") if isinstance(value, bytes) else ADDRESS.sub("", str(value))
