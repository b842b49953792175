"""A publish in parts: each drawn, uploaded and dropped by any process, remembered in a folder, committed at the end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import datasets
import huggingface_hub
from huggingface_hub.utils import disable_progress_bars

from publisher.card import Card
from publisher.configs import File
from publisher.errors import UsageError
from publisher.failures import endpoint
from publisher.hub import Repository
from publisher.parts import Part, draw_part
from publisher.publish import Outcome, prepare, publish
from publisher.repository import build_from_parts
from publisher.target import Target

LIBRARIES = ("datasets", "huggingface_hub", "numpy", "pyarrow")  # with other versions the bytes may be others
DRAWING = "drawing-"  # how the folders of unfinished parts begin; machine and process follow
HOST = re.sub(r"\W", "", platform.node())
LONG = 86_400  # seconds: no part takes a day


@dataclass(frozen=True)
class Uploads:
    """Parts that are uploaded already, remembered in a folder that all processes see.

    Parameters
    ----------
    repo_id : str
    create_pr : bool
        Whether a pull request will hold them.
    folder : Path
    """

    repo_id: str
    create_pr: bool
    folder: Path

    def add(self, part: Part) -> None:
        """Draw a part, upload it, remember that, and drop the file; nothing if it was done before."""
        if self.has(part):
            return
        disable_progress_bars()  # of the client's, a bar for each file
        memory = self._memory(part)
        memory.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{DRAWING}{HOST}-{os.getpid()}-"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=prefix) as work:
            file = draw_part(part, Path(work))
            assert file.source
            operation = Repository(self.repo_id).upload(file.path, file.source, self.create_pr)
            new = Path(work, "memory")
            with new.open("wb") as out:
                out.write(pickle.dumps(replace(file, source=None, operation=operation)))
                out.flush()
                os.fsync(out.fileno())  # else it may be there and empty after a power failure
            new.replace(memory)

    def has(self, part: Part) -> bool:
        """Whether a part is uploaded."""
        return self.file(part) is not None

    def file(self, part: Part) -> File | None:
        """What was uploaded; what cannot be read counts as forgotten."""
        try:
            return cast(File, pickle.loads(self._memory(part).read_bytes()))
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def forget_lost(self, parts: Sequence[Part]) -> None:
        """Forget what the Hub no longer has: it need not keep what no commit names."""
        by_path = {part.path: part for part in parts}
        for path in Repository(self.repo_id).lost([file for part in parts if (file := self.file(part))]):
            self._memory(by_path[path]).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what was left by processes that ended in the middle of a part; others may be at work."""
        for folder in self.folder.glob(f"{DRAWING}*"):
            with contextlib.suppress(FileNotFoundError):
                if _is_left(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def _memory(self, part: Part) -> Path:
        return self.folder / "uploaded" / f"{part.path}.{part.sample[:12]}.pickle"


@dataclass(frozen=True)
class Job:
    """All of a publish in parts. Run again with the same uploads, it goes on where it was."""

    builder: type[datasets.DatasetBuilder]
    card: Card
    target: Target
    parts: Sequence[Part]
    uploads: Uploads

    def start(self) -> list[Part]:
        """Make ready, and return what is still to be uploaded."""
        folder = self.uploads.folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix" and folder.stat().st_uid != os.getuid():  # it holds pickles
            raise UsageError(f"{folder} belongs to another user: give another --work-dir")
        prepare(self.target)
        self.uploads.remove_unfinished()
        self.uploads.forget_lost(self.parts)
        return [part for part in self.parts if not self.uploads.has(part)]

    def finish(self, show: Callable[[Outcome], object] = lambda outcome: None) -> Outcome:
        """Make all of it visible; what is missing, or was lost, is uploaded before."""
        self.uploads.forget_lost(self.parts)
        for part in self.parts:
            self.uploads.add(part)
        files = [file for part in self.parts if (file := self.uploads.file(part))]
        with tempfile.TemporaryDirectory() as folder:
            built = build_from_parts(self.builder, self.card, Path(folder), self.parts, files)
            return publish(built, self.target, show)


def _is_left(folder: Path) -> bool:
    """Whether nobody works in a folder any more."""
    process = folder.name.removeprefix(f"{DRAWING}{HOST}-").partition("-")[0]
    if os.name == "posix" and process.isdecimal():  # of this machine
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
    return folder.stat().st_mtime < time.time() - LONG


def job_folder(root: Path, repo_id: str, builder: type[datasets.DatasetBuilder], overrides: Mapping[str, Any]) -> Path:
    """The folder, below `root`, of all jobs that upload the same files to the same repository."""
    key = {
        "hub": endpoint(),
        "builder": f"{builder.__module__}.{builder.__qualname__}",
        "configs": sorted(repr(config) for config in builder.builder_configs.values()),
        "overrides": {name: repr(value) for name, value in overrides.items()},
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return root / f"{repo_id.replace('/', '--')}-{digest[:12]}"


def default_root() -> Path:
    """Where jobs are remembered if nobody says so: beside the other caches."""
    return Path(huggingface_hub.constants.HF_HOME, "publish")
