"""Finished configs are kept until all are made: after a run that failed or was killed, the next goes on from them.

A config is taken up again only if all that it was made from is known, and is the same: code, parameters, versions, the
files that were read, and those that were fetched, by what their server says of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import datasets

from publisher.builders.opened import ANYWHERE, IMPORTED
from publisher.prepare import parquet
from publisher.prepare.config_builder import DOWNLOADS, ConfigBuilder
from publisher.prepare.configs import PreparedConfig, describe_builder
from publisher.prepare.datasets_compat import version_of
from publisher.prepare.digests import file_digest
from publisher.prepare.files import LocalFile
from publisher.prepare.origin import Inputs, Origin, UnknownError
from publisher.prepare.whole import WholeConfig
from publisher.scale.uploads import DRAWING, HOST, is_left

MEMORY = "memory.json"
FORM = 1  # of what is remembered: raised when it, or what is written of the same rows, becomes another
_at_work: set[str] = set()  # who uses what is kept, in this process


@dataclass(frozen=True)
class Kept:
    """The configs of a job that are kept."""

    folder: Path  # of the user's own
    # what was read while the builder's module was imported
    imported: frozenset[str] = field(default_factory=lambda: frozenset(IMPORTED))
    # who uses the folders that have this in their names
    owner: str = field(default_factory=lambda: f"{HOST}-{os.getpid()}-{uuid.uuid4().hex[:8]}")

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Until the end nobody else takes what is found or drawn."""
        _at_work.add(self.owner)
        try:
            yield
        finally:
            _at_work.discard(self.owner)

    def find(self, task: WholeConfig) -> PreparedConfig | None:
        """A config that an earlier run made from the same, or None."""
        places = list(self._home(task).glob(f"{DRAWING}*")) if self._is_ours() else []
        if not places or (fingerprint := _made_from(task)) is None:
            return None
        for place in places:
            with contextlib.suppress(OSError):
                if not self._is_free(place):
                    continue
                mine = place.rename(self._new(task))  # whoever is first has it
                if found := _recall(task, mine, fingerprint):
                    return found
                shutil.rmtree(mine, ignore_errors=True)
        return None

    def draw(self, task: WholeConfig, root: Path) -> PreparedConfig:
        """Draw a config and keep it; below `root` instead if there is no folder to keep it in."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            place = self._new(task)
            (place / "repository").mkdir(parents=True)
            is_kept = self._is_ours()
        except OSError:
            is_kept = False
        if not is_kept:
            return task.draw(root)
        try:
            begun = time.time_ns()
            fingerprint = _made_from(task)
            built = task.draw(place / "repository")
            own = {self.folder, task.source.cache, DOWNLOADS}
            inputs = _inputs(task.source, self.imported, own, begun) if fingerprint else None
            if inputs is not None:
                built.info.write_to_directory(str(place))
                memory = {
                    "fingerprint": fingerprint,
                    "inputs": inputs,
                    "provenance": built.provenance,
                    "fetched": built.inputs,
                    "folder": built.folder,
                    "digests": built.digests,
                    "files": {
                        split: [{**asdict(one), "source": ""} for one in files] for split, files in built.files.items()
                    },
                }
                (place / MEMORY).write_text(json.dumps(memory), encoding="utf-8")
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        return built

    def clear(self) -> None:
        """Remove what was used, and what was left by processes that ended: all is where it was to go."""
        if self._is_ours():
            for place in self.folder.glob(f"configs/*/{DRAWING}*"):
                with contextlib.suppress(OSError):
                    if self.owner in place.name or self._is_free(place):
                        shutil.rmtree(place, ignore_errors=True)

    def _is_ours(self) -> bool:
        """Whether there is a folder, and nobody else may say what was made."""
        with contextlib.suppress(OSError):
            return os.name != "posix" or self.folder.stat().st_uid == os.getuid()
        return False

    def _is_free(self, place: Path) -> bool:
        host, _, rest = place.name.removeprefix(DRAWING).partition("-")
        process, _, rest = rest.partition("-")
        if (host, process) == (HOST, str(os.getpid())):
            return not any(rest.startswith(owner.rpartition("-")[2]) for owner in _at_work)
        return is_left(place)

    def _home(self, task: WholeConfig) -> Path:
        return self.folder / "configs" / hashlib.sha256(task.source.config_name.encode()).hexdigest()[:16]

    def _new(self, task: WholeConfig) -> Path:
        return self._home(task) / f"{DRAWING}{self.owner}-{uuid.uuid4().hex[:8]}"


def _made_from(task: WholeConfig) -> str | None:
    """Digest of the code, the parameters and the versions; None if they are not known."""
    source = task.source
    kind = source.builder_class
    if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is not kind:
        return None  # made while the program ran: its code does not say of what
    origin = Origin(source)
    options = [FORM, kind.__qualname__, task.default, parquet.FILE_BYTES, parquet.ROW_GROUP_BYTES]
    digest = origin.digest(json.dumps(options), source.config_name, {})
    return None if origin.is_unknown else digest


def _inputs(source: ConfigBuilder, imported: frozenset[str], own: set[Path], begun: int) -> dict[str, Any] | None:
    """What was read and fetched outside of our `own` folders, and which version of it; None if that is not known."""
    named = Inputs(source.cache)
    for given in source.splits.values():
        with contextlib.suppress(UnknownError):
            named.digest(given)
    local = {name for name in source.fetched if "://" not in name}
    remote = [name for name in source.fetched if "://" in name]
    seen = source.opened | imported | named.files | {str(Path(name).absolute()) for name in local}
    if ANYWHERE in seen:
        return None
    states = {path: _state(path) for path in sorted(seen) if not {Path(path), *Path(path).parents} & own}
    if any(state and state[-1] >= begun for state in states.values()):  # changed while it was read
        return None
    try:
        return {**states, **{name: source.fetched[name] or version_of(name) for name in remote}}
    except Exception:  # whatever the libraries raise
        return None


def _state(path: str) -> list[int] | None:
    """Size and time of a file, time of a folder; None if there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return [found.st_mtime_ns] if Path(path).is_dir() else [found.st_size, found.st_mtime_ns]


def _recall(task: WholeConfig, place: Path, fingerprint: str) -> PreparedConfig | None:
    try:
        memory = json.loads((place / MEMORY).read_text(encoding="utf-8"))
        if memory["fingerprint"] != fingerprint or not _are_the_same(memory["inputs"]):
            return None
        root = place / "repository"
        files = {
            split: [LocalFile(**{**one, "source": root / one["path"]}) for one in listed]
            for split, listed in memory["files"].items()
        }
        if any(file_digest(file.source) != file.sha256 for listed in files.values() for file in listed):
            return None
        info = datasets.DatasetInfo.from_directory(str(place))
        builder = task.source.builder
        provenance = describe_builder(builder)
        if memory["provenance"] != json.loads(json.dumps(provenance)):
            return None
        return PreparedConfig(
            builder.config, info, memory["digests"], memory["folder"], files, provenance, memory["fetched"]
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _are_the_same(inputs: Mapping[str, Any]) -> bool:
    try:
        return all((version_of if "://" in name else _state)(name) == state for name, state in inputs.items())
    except Exception:  # whatever the libraries raise
        return False
