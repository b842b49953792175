"""A job as a JSON file, for tasks that other machines run: builder and card are named, by module and name."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from publisher.errors import UsageError
from publisher.options import Options
from publisher.prepare.config_builder import ConfigBuilder
from publisher.prepare.files import ExpectedFile
from publisher.prepare.shards import FilePart
from publisher.scale.job import Job
from publisher.scale.kept import Kept
from publisher.scale.uploads import Uploads


def write_job(job: Job, path: Path) -> None:
    """Write a job of parts.

    Raises
    ------
    UsageError
        If the builder or the card has no name in a module that a task can import.
    """
    sources = list({id(part.source): part.source for part in job.parts}.values())
    places = {id(source): place for place, source in enumerate(sources)}
    written = {
        "builder": _name(job.builder),
        "card": _name(job.card),
        "options": asdict(job.options),
        "uploads": {**asdict(job.uploads), "folder": str(job.uploads.folder)},
        "sources": [
            {"config": source.config_name, "overrides": {name: repr(value) for name, value in source.overrides.items()}}
            for source in sources
        ],
        "parts": [
            {
                "source": places[id(part.source)],
                "split": part.split,
                "first": part.first,
                "stop": part.stop,
                "expected": asdict(part.expected),
                "fingerprint": part.fingerprint,
            }
            for part in job.parts
        ],
    }
    path.write_text(json.dumps(written), encoding="utf-8")


def read_job(path: Path) -> Job:
    """Read what `write_job` wrote."""
    written = json.loads(path.read_text(encoding="utf-8"))
    builder = _find(written["builder"])
    sources = [
        ConfigBuilder(
            builder,
            source["config"],
            {name: ast.literal_eval(value) for name, value in source["overrides"].items()},
        )
        for source in written["sources"]
    ]
    parts = [
        FilePart(**{**part, "source": sources[part["source"]], "expected": ExpectedFile(**part["expected"])})
        for part in written["parts"]
    ]
    uploads = Uploads(**{**written["uploads"], "folder": Path(written["uploads"]["folder"])})
    return Job(builder, _find(written["card"]), Options(**written["options"]), parts, uploads, Kept(uploads.folder))


def _name(value: Any) -> str:
    """`module:NAME`, under which another process finds a value; that of a class is where it was defined."""
    home = sys.modules.get(value.__module__)
    for module in [home, *sys.modules.values()]:
        if module is None or getattr(module, "__name__", "__main__") == "__main__":
            continue
        for name, found in list(vars(module).items()):
            if found is value:
                return f"{module.__name__}:{name}"
    raise UsageError(
        f"the {type(value).__name__} is in no module that the tasks of a cluster can import: "
        "define builder and card at the top of a module of their own, not in the script that calls main"
    )


def _find(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
