"""What the command's arguments change in the configs that a builder declares.

Any keyword of the builder may be set. A field that the builder's config class adds to `datasets.BuilderConfig`, with a
text under "help" in its metadata, is an option of its own.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import tempfile
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import datasets

from publisher.errors import UsageError
from publisher.prepare.builder_errors import builder_errors
from publisher.prepare.configs import declared_configs

LIBRARY_KEYWORDS = {
    *inspect.signature(datasets.DatasetBuilder.__init__).parameters,
    *(field.name for field in fields(datasets.BuilderConfig)),
}

UNKNOWN = re.compile(r"BuilderConfig .* doesn't have a '(\w+)' key\.", re.DOTALL)  # of datasets


def add_overrides(group: argparse._ArgumentGroup, builder: type[datasets.DatasetBuilder]) -> None:
    """Add the options to a parser."""
    for field in _options(builder):
        group.add_argument(f"--{field.name}", metavar="NAME", help=field.metadata["help"])
    group.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="override a parameter in all configs, and say so in the card; may be repeated",
    )
    group.add_argument(
        "--data-dir", metavar="DIR", type=Path, help="folder of the files that this dataset needs and does not download"
    )


def read_overrides(options: argparse.Namespace, builder: type[datasets.DatasetBuilder]) -> dict[str, Any]:
    """The keywords for the builder.

    Raises
    ------
    UsageError
        If the builder refuses them: with what it says.
    """
    overrides = read_settings("--set", options.set)
    for name in overrides:
        if name in LIBRARY_KEYWORDS:
            raise UsageError(f"--set {name} is not allowed: give a parameter of the dataset")
    for field in _options(builder):
        if (value := getattr(options, field.name)) is not None:
            if field.name in overrides:
                raise UsageError(f"--{field.name} and --set {field.name} say the same: leave one of them out")
            overrides[field.name] = value
    if options.data_dir is not None:
        if not options.data_dir.is_dir():
            raise UsageError(f"--data-dir {options.data_dir}: there is no such folder: give one")
        overrides["data_dir"] = str(options.data_dir.resolve())
    if overrides:
        first = next(iter(declared_configs(builder)))  # without a name, a builder of several makes one of its own
        try:
            refused = (ValueError, TypeError)
            with tempfile.TemporaryDirectory() as cache, builder_errors(builder, first, passing=refused):
                builder(config_name=first, cache_dir=cache, **overrides)
        except refused as error:
            raise UsageError(_said(error, builder)) from error
    return overrides


def is_changed(options: argparse.Namespace, builder: type[datasets.DatasetBuilder]) -> bool:
    """Whether any parameter is given."""
    return bool(options.set) or any(getattr(options, field.name) is not None for field in _options(builder))


def read_settings(option: str, settings: list[str]) -> dict[str, Any]:
    """Take NAME=VALUE apart; a value that is no Python literal is text.

    Examples
    --------
    >>> read_settings("--set", ["padding=(84, 132)", "stream=sharded"])
    {'padding': (84, 132), 'stream': 'sharded'}
    """
    values = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name.isidentifier() or not equals:
            raise UsageError(f"{option} {setting!r} is not allowed: give NAME=VALUE")
        if name in values:
            raise UsageError(f"{option} {name} is given twice: leave one of them out")
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            values[name] = value
    return values


def _said(error: Exception, builder: type[datasets.DatasetBuilder]) -> str:
    """What a builder refuses; of a parameter that is none `datasets` shows the config, and not what there is."""
    if not (unknown := UNKNOWN.fullmatch(str(error))):
        return str(error)
    names = [field.name for field in fields(builder.BUILDER_CONFIG_CLASS) if field.name not in LIBRARY_KEYWORDS]
    todo = f"give one of {', '.join(names)}" if names else "this dataset has none, leave it out"
    return f"--set {unknown[1]} is not a parameter: {todo}"


def _options(builder: type[datasets.DatasetBuilder]) -> list[Field[Any]]:
    return [field for field in fields(builder.BUILDER_CONFIG_CLASS) if "help" in field.metadata]
