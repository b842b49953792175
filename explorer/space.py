"""The files of the Space: the explorer and the files of the project that it needs, in the same folders as here."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("explorer", "generator")
FILES = {
    "mnist1d.py": "mnist1d.py",
    "mnist1d_authors/__init__.py": "mnist1d_authors/__init__.py",
    "mnist1d_authors/builder.py": "mnist1d_authors/builder.py",
    "card/models.json": "card/models.json",
    "explorer/README.md": "README.md",
    "explorer/requirements.txt": "requirements.txt",
}
APP = "from explorer.app import launch\n\nlaunch()\n"


def write_space(folder: Path) -> list[Path]:
    """Gather the files in a new folder.

    Raises
    ------
    FileExistsError
        If the folder exists.
    """
    folder.mkdir(parents=True)
    for package in PACKAGES:
        for path in sorted((ROOT / package).iterdir()):
            if path.suffix in (".py", ".css"):
                copied = folder / package / path.name
                copied.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, copied)
    for source, target in FILES.items():
        (folder / target).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / source, folder / target)
    (folder / "app.py").write_text(APP, encoding="utf-8")
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
