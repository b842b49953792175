"""The folder of a command below the work folder: temporary files, finished configs, and what is uploaded.

Only `--resume` takes up what an interrupted run of the same command left there; any other run empties it first, and a
run that succeeds removes it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import datasets
from filelock import BaseFileLock, FileLock, Timeout

from publisher.errors import UsageError, endpoint
from publisher.hub.repository import Repository
from publisher.options import Options
from publisher.prepare import LocalFile, UploadedFile, file_digest
from publisher.prepare.configs import PreparedConfig
from publisher.prepare.tasks import FilePart, Prepared, Task

FINISHED = "finished"  # folder with one for each task, with its files and a note once it is finished
NOTE = "note.json"
CLUSTER = "cluster"  # folder of a job on a cluster, and its logs
# Options that do not matter to what is made; a refusal of an edited card asks for one of the last two
HOW = ("resume", "workers", "work_dir", "executor", "traceback", "json", "keep_card", "overwrite_card")


@dataclass(frozen=True)
class Notes:
    """The folder of a command, and what is finished in it: for all processes."""

    folder: Path
    options: Options
    lock: BaseFileLock | None = None  # None: another run of the same command has it, or it belongs to a worker

    def __reduce__(self) -> tuple[Any, ...]:
        return Notes, (self.folder, self.options)

    @property
    def temporary(self) -> Path:
        """Folder for temporary files of the run."""
        return self.folder / "tmp"

    def close(self) -> None:
        """Remove the folder, except for what a later run may take up."""
        is_kept = self.lock and (any(self.folder.rglob(NOTE)) or (self.folder / CLUSTER).exists())
        unfinished = [folder for folder in self.folder.glob(f"{FINISHED}/*") if not (folder / NOTE).exists()]
        for folder in [self.temporary, *unfinished] if is_kept else [self.folder]:
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            if self.lock:
                Path(self.lock.lock_file).unlink(missing_ok=True)
                self.lock.release()
            self.folder.parent.rmdir()  # if it is empty

    def find(self, task: Task) -> Prepared | None:
        """The result of a task that this run or an earlier one finished; None if nothing is noted, or other files."""
        try:
            noted = json.loads(self._note(task).read_text(encoding="utf-8"))
            if isinstance(task, FilePart):
                return [UploadedFile(**{**file, "sample": bytes.fromhex(file["sample"])}) for file in noted]
            for files in noted["files"].values():
                files[:] = [LocalFile(**{**file, "source": Path(file["source"])}) for file in files]
                if any(file_digest(file.source) != file.sha256 for file in files):
                    return None
            info = datasets.DatasetInfo.from_dict(noted["info"])
            return PreparedConfig(**{**noted, "builder_config": task.source.builder.config, "info": info})
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def prepare(self, task: Task) -> Prepared:
        """Prepare a config, or prepare and upload a part, and note that."""
        note = self._note(task)
        root = note.with_name("repository")
        shutil.rmtree(note.parent, ignore_errors=True)
        root.mkdir(parents=True)
        if isinstance(task, FilePart):
            prepared: Prepared = (uploaded := [self._upload(file) for file in task.prepare(root)])
            noted: Any = list(map(asdict, uploaded))
        else:
            prepared = task.prepare(root)
            noted = asdict(replace(prepared, builder_config=None))
        text = json.dumps(noted, default=lambda value: value.hex() if isinstance(value, bytes) else str(value))
        note.write_text(text, encoding="utf-8")  # `find` takes none that was cut off
        return prepared

    def _upload(self, file: LocalFile) -> UploadedFile:
        uploaded = Repository(self.options.repo_id).upload(file, self.options.create_pr)
        file.source.unlink()
        return uploaded

    def forget_lost(self, parts: Sequence[FilePart]) -> list[FilePart]:
        """Forget uploads that the Hub has lost, as it may before a commit names them; return the parts without any."""
        uploaded = {file: part for part in parts for file in cast(list[UploadedFile], self.find(part) or [])}
        lost = Repository(self.options.repo_id).missing_uploads(list(uploaded))
        for file, part in uploaded.items():
            if file.path in lost:
                self._note(part).unlink(missing_ok=True)
        return [part for part in parts if self.find(part) is None]

    def clear(self) -> None:
        """Forget all: the run has succeeded."""
        shutil.rmtree(self.folder / FINISHED, ignore_errors=True)

    def _note(self, task: Task) -> Path:
        key = f"{task.expected.path} {task.fingerprint}" if isinstance(task, FilePart) else task.source.name
        return self.folder / FINISHED / hashlib.sha256(key.encode()).hexdigest()[:16] / NOTE


def open_notes(builder: type[datasets.DatasetBuilder], options: Options) -> Notes:
    """Make the folder of a command for this run alone; a second run of the same command gets another."""
    chosen = {name: value for name, value in vars(options).items() if name not in HOW}
    what = (endpoint(), builder.__module__, builder.__qualname__, chosen)  # the same for the same command
    name = f"{options.repo_id.replace('/', '--')}-{hashlib.sha256(repr(what).encode()).hexdigest()[:12]}"
    root = options.work_folder
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(root / f"{name}.lock", thread_local=False)
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
        is_first = lock.is_locked
        folder = root / name if is_first else Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-"))
        notes = Notes(folder, options, lock if is_first else None)
        shutil.rmtree(notes.temporary if options.resume else notes.folder, ignore_errors=True)
        changed = max(file.stat().st_mtime for file in Path(__file__).parents[1].rglob("*.py"))
        for note in [note for note in notes.folder.rglob(NOTE) if note.stat().st_mtime < changed]:
            shutil.rmtree(note.parent)  # the publisher itself may write other files now
        notes.temporary.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"{root} cannot be written ({error.strerror}). Make room there, or give another --work-dir."
        ) from None
    return notes
