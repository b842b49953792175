"""Parts that are uploaded already, remembered in a folder that all processes see."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from huggingface_hub.utils import disable_progress_bars

from publisher.errors import UsageError
from publisher.hub.client import Repository
from publisher.prepare.files import UploadedFile
from publisher.prepare.parquet import numbered
from publisher.prepare.shards import FilePart

DRAWING = "drawing-"  # how the folders of unfinished parts begin; machine and process follow
HOST = re.sub(r"\W", "", platform.node())
LONG = 86_400  # seconds: no part takes a day
SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Uploads:
    """Uploaded parts."""

    repo_id: str
    create_pr: bool  # whether a pull request will hold them
    folder: Path  # of the user's own

    def start(self, parts: Sequence[FilePart]) -> list[FilePart]:
        """Make the folder, clear up after processes that ended, and return the parts still to be uploaded."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.name == "posix" and self.folder.stat().st_uid != os.getuid():  # who would say what is uploaded
            raise UsageError(f"{self.folder} belongs to another user: give another --work-dir")
        self.remove_unfinished()
        self.forget_lost(parts)
        return [part for part in parts if self.files(part) is None]

    def add(self, part: FilePart) -> list[UploadedFile]:
        """Draw a part, upload each file and drop it, remember that; if it was done before, only recall it."""
        if (known := self.files(part)) is not None:
            return known
        disable_progress_bars()  # of the client's, a bar for each file
        memory = self._memory(part)
        memory.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{DRAWING}{HOST}-{os.getpid()}-"
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=prefix) as work:
            uploaded = []
            for file in part.draw(Path(work)):
                uploaded.append(Repository(self.repo_id).upload(file, self.create_pr))
                file.source.unlink()
            listed = [{**asdict(file), "sample": base64.b64encode(file.sample).decode()} for file in uploaded]
            new = Path(work, "memory")
            with new.open("w", encoding="utf-8") as out:
                json.dump(listed, out)
                out.flush()
                os.fsync(out.fileno())  # else it may be there and empty after a power failure
            new.replace(memory)
        return uploaded

    def files(self, part: FilePart) -> list[UploadedFile] | None:
        """What was uploaded; what cannot be read, or is no such memory, counts as forgotten."""
        try:
            listed = json.loads(self._memory(part).read_text(encoding="utf-8"))
            return [_recall(file, numbered(PurePosixPath(part.path), index)) for index, file in enumerate(listed)]
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def forget_lost(self, parts: Sequence[FilePart]) -> None:
        """Forget what the Hub no longer has: it need not keep what no commit names."""
        by_path = {file.path: (part, file) for part in parts for file in self.files(part) or ()}
        for path in Repository(self.repo_id).lost([file for _, file in by_path.values()]):
            self._memory(by_path[path][0]).unlink(missing_ok=True)

    def remove_unfinished(self) -> None:
        """Remove what was left by processes that ended in the middle of a part; others may be at work."""
        for folder in self.folder.glob(f"{DRAWING}*"):
            with contextlib.suppress(FileNotFoundError):
                if is_left(folder):
                    shutil.rmtree(folder, ignore_errors=True)

    def _memory(self, part: FilePart) -> Path:
        return self.folder / "uploaded" / f"{part.path}.{part.fingerprint[:12]}.json"


def _recall(listed: dict[str, Any], path: PurePosixPath) -> UploadedFile:
    """A file as it was remembered; raises ValueError or TypeError if it was not."""
    file = UploadedFile(**listed)
    numbers = (file.size, file.rows, file.nbytes)
    if (
        file.path != str(path)
        or not all(type(number) is int and number >= 0 for number in numbers)
        or not all(SHA256.fullmatch(digest) for digest in (file.sha256, file.values))
    ):
        raise ValueError(f"not what was uploaded: {listed}")
    return UploadedFile(file.path, *numbers, file.sha256, file.values, base64.b64decode(file.sample, validate=True))


def is_left(folder: Path) -> bool:
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
