"""The files of the Space: the explorer and what of the project it stands on, laid out as they lie here."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("explorer", "generator")
FILES = {"mnist1d.py": "mnist1d.py", "explorer/README.md": "README.md", "explorer/requirements.txt": "requirements.txt"}


def write_space(folder: Path) -> list[Path]:
    """Gather the files in a new folder.

    Raises
    ------
    FileExistsError
        If there is such a folder.
    """
    folder.mkdir(parents=True)
    for package in PACKAGES:
        for path in sorted((ROOT / package).iterdir()):
            if path.suffix in (".py", ".css"):
                copied = folder / package / path.name
                copied.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copied)
    for source, target in FILES.items():
        shutil.copyfile(ROOT / source, folder / target)
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
